"""What there is to know of each check, for `agenteval checks` and the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agenteval.checkers.kinds import KINDS
from agenteval.checkers.options import ALWAYS, OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDoc:
    """A check, explained.

    Attributes:
        name: As it is written.
        summary: What it asks, in one line.
        arguments: What stands behind its name.
        options: The options that it takes.
        example: An item as it would stand in YAML.
        without_telemetry: What it answers where nothing, or not everything, was recorded.
    """

    name: str
    summary: str
    arguments: str
    options: tuple[str, ...]
    example: str
    without_telemetry: str


_NEGATIVE: Final = "unknown: what was not seen may have happened; with a gap, what was seen is still a fail"
_POSITIVE: Final = "unknown; with a gap, what was seen is still a pass"
_EITHER: Final = "unknown, whichever way it looks: a lost call could turn it"
_CALL: Final = "CALL = TOOL | {TOOL: {PATH: V}} | {tool: V, args: {PATH: V}, result: V, error: V}"
_COUNT: Final = "{TOOL: N}, or {of: CALL, n: N, per: PATH} to count for each value of an argument on its own"

_DOCS: Final[dict[str, tuple[str, str, str, str]]] = {
    "calls": (
        "these calls succeeded, in this order; others may come between",
        f"[STEP…], STEP = CALL | any_of: [STEP…] | all_of: [STEP…] (in any order) | maybe: STEP; {_CALL}",
        'calls: [lookup_order, {issue_refund: {order: "1187", amount: {$near: [42.5, 0.005]}}}]',
        _POSITIVE,
    ),
    "matches": (
        "the calls expected against those made, one to one",
        "{mode: strict | ordered | unordered | subset | superset, calls: [CALL…]}",
        "matches: {mode: unordered, calls: [lookup_order, issue_refund]}",
        "unknown; with a gap, superset and ordered pass on what was seen, and the others fail on a call too many",
    ),
    "never": (
        "no such call was made, not even attempted",
        _CALL,
        "{never: issue_refund, before: verify_identity, as: safety}",
        _NEGATIVE,
    ),
    "at_most": (
        "no more attempts than this",
        f"{_COUNT}; N is a whole number",
        "at_most: {of: issue_refund, n: 1, per: order}",
        _NEGATIVE,
    ),
    "at_least": (
        "at least so many successes",
        f"{_COUNT}; N is a whole number from 1",
        "at_least: {lookup_order: 1}",
        _POSITIVE,
    ),
    "exactly": (
        "so many successes, and no more attempts",
        f'{_COUNT}; N = 2 | "2..4" | ">=2"',
        'exactly: {issue_refund: "1..2"}',
        "unknown; with a gap, too many is still a fail",
    ),
    "precedes": (
        "every B has a successful A before it",
        "[A, B], both CALL",
        "precedes: [{verify_identity: {user: {$as: u}}}, {issue_refund: {customer: {$same: u}}}]",
        _EITHER,
    ),
    "responds": (
        "every successful A has a successful B after it",
        "[A, B], both CALL",
        '{responds: [{tool: pay, error: {$re: "(?i)timeout"}}, get_payment], within: {steps: 2}}',
        _EITHER,
    ),
    "state": (
        "the world has these values at the end, or at the start",
        "{PATH: V}",
        "state: {orders.1187.status: refunded, 'users[\"a@x.com\"].credit': 0}",
        "unknown: without the stored start there is no state, and with a gap a change may be lost",
    ),
    "only_changes": (
        "the world changed nowhere but there",
        "[PATH…]; an empty list allows no change",
        'only_changes: [orders.1187, "customers[*].last_seen"]',
        "unknown: without the stored start there is no state, and with a gap a change may be lost",
    ),
    "says": (
        "the agent said it, in its last message",
        "V; text is looked for without its case and spacing. in: {message: last | any | all}",
        'says: "42.50"',
        "unknown; with a gap, in: {message: any} passes on what was seen",
    ),
    "budget": (
        "no more was used than allowed",
        "{turns | calls | tokens | seconds | usd: N}; as a metric min(1, allowed / used)",
        "{budget: {calls: 12}, as: metric, weight: 0.2}",
        "unknown, also where tokens, times or prices were not measured; with a gap, over is still a fail",
    ),
    "no_errors": (
        "no tool call failed",
        "none",
        "no_errors",
        _NEGATIVE,
    ),
    "no_loops": (
        "nothing was done over and over without anything new coming of it",
        "none, or {repeats: 3, length: 4}: how many rounds, of up to how many calls",
        "no_loops: {repeats: 3}",
        "unknown: a lost call may have stood between the rounds",
    ),
    "rubric": (
        "what a judge is to go by; not asked until a judge is configured",
        "text",
        "rubric: The last message names the refunded amount.",
        "unknown (not asked), outside the score",
    ),
    "all": (
        "all of these checks hold",
        "[item…]",
        "all: [{calls: [escalate]}, {never: issue_refund, after: escalate}]",
        "as the checks inside: fail where one fails, else unknown where one is",
    ),
    "any": (
        "one of these checks holds",
        "[item…]",
        "any: [{calls: [cancel]}, {calls: [escalate]}]",
        "as the checks inside: pass where one passes, else unknown where one is",
    ),
    "not": (
        "this check does not hold",
        "item",
        'not: {says: "as an AI"}',
        "as the check inside, turned round; unknown stays",
    ),
}


def catalogue() -> list[CheckDoc]:
    """Every check of this version, in the order in which the language lists them."""
    return [
        CheckDoc(
            name=name,
            summary=summary,
            arguments=arguments,
            options=tuple(option for option in OPTIONS if option in ALWAYS or option in KINDS[name].options),
            example=example,
            without_telemetry=without,
        )
        for name, (summary, arguments, example, without) in _DOCS.items()
    ]
