"""A call that was wanted and the calls that were made in, the closest of them out, with what differs and why.

Each difference is `{path, expected, actual, found, hint}`: `found` is `value`, `absent`, `unexpected`, `not_recorded`
or `cut`, and tells a value from the words that stand in for none (`not there`, `not recorded`); `hint` says which
matcher would take both, or what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agenteval._util.names import nearest
from agenteval.checkers.logic import NO, YES, Want
from agenteval.checkers.paths import Path
from agenteval.checkers.patterns import NO_BINDINGS, REMEDY, Pattern
from agenteval.checkers.shape import is_object
from agenteval.checkers.show import clipped, flow, joined, listed, literal, printable, times
from agenteval.checkers.values import UNSEEN, Env, Equal, Matcher, Name, Slow
from agenteval.checkers.view import Called, Part
from agenteval.core.json import Json

_LOOK_AT = 200
NOT_RECORDED = "not recorded"
NOT_THERE = "not there"

Difference = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """The closest call to one that was wanted.

    Attributes:
        called: The call.
        differs: What differs, in the order in which the check names it.
    """

    called: Called
    differs: list[Difference]


def seen(called: Called) -> dict[str, Json]:
    """A call as evidence: bounded, and honest about what was not recorded."""
    call = called.call
    shown: dict[str, Json] = {"step": called.step.id, "index": called.step.index, "tool": clipped(call.name)}
    for field, value in (("arguments", call.arguments), ("result", call.result), ("error", call.error)):
        if field in called.step.missing:
            shown[field] = NOT_RECORDED
        elif value is not None or field == "arguments":
            shown[field] = clipped(value)
    shown["status"] = call.status
    if called.unclear:
        shown["not_recorded"] = {**called.unclear, "remedy": REMEDY}
    return shown


def written(called: Called, limit: int = 120) -> str:
    """A call in one line: `pay({"order": "1187"})`; `pay(not recorded)` where its arguments were not."""
    if "arguments" in called.step.missing:
        return f"{called.name}(not recorded)"
    arguments = called.call.arguments
    inside = "" if arguments is None or arguments == {} else literal(arguments, limit)
    return f"{called.name}({inside})"


def witness(calls: Sequence[Called]) -> dict[str, Json]:
    """The first few calls as evidence."""
    return {"witness": [seen(called) for called in calls[:5]]}


def closest(pattern: Pattern, calls: Iterable[Called], want: Want, slow: Slow, env: Env = NO_BINDINGS) -> Miss | None:
    """The call of that tool with the fewest differences; None where the tool was not called."""
    found: Miss | None = None
    for called in list(_of_tool(pattern, calls, slow))[-_LOOK_AT:]:
        differs = list(_differences(pattern, called, want, slow, env))
        if differs and (found is None or len(differs) < len(found.differs)):
            found = Miss(called=called, differs=differs)
    return found


def _of_tool(pattern: Pattern, calls: Iterable[Called], slow: Slow) -> Iterator[Called]:
    for called in calls:
        if pattern.tool is None or pattern.tool.test(called.name, slow):
            yield called


def _differences(pattern: Pattern, called: Called, want: Want, slow: Slow, env: Env) -> Iterator[Difference]:
    if pattern.error is None and called.ended(want) != YES:
        yield _status(called, want)
    unclear = called.unclear.get("arguments")
    if unclear is not None and (pattern.args or pattern.only is not None):
        yield _unseen("arguments", {path.text: value.spec for path, value in pattern.args}, unclear, called)
    else:
        yield from _arguments(pattern, called, slow, env)
    result, error = pattern.result, pattern.error
    if result is not None and "result" in called.unclear:
        yield _unseen("result", result.spec, called.unclear["result"], called)
    elif result is not None and not _accepts(result, called.call.result, slow, env):
        yield _value("result", result, called.call.result, env)
    if error is not None and "error" in called.unclear:
        yield _unseen("error", error.spec, called.unclear["error"], called)
    elif error is not None and pattern.match_error(called, slow) != YES:
        yield _value("error", error, called.call.error, env)


def _arguments(pattern: Pattern, called: Called, slow: Slow, env: Env) -> Iterator[Difference]:
    arguments = called.call.arguments
    for path, value in pattern.args:
        values = path.values(arguments)
        ways = (after for item in values for found, after in value.solve(item, env, slow) if found == YES)
        bound = next(ways, None)
        if not values:
            yield _absent(path, value, arguments)
        elif bound is None:
            yield _value(f"args.{path.text}", value, values[0], env)
        else:
            env = bound  # what one argument binds, the next must agree with
    if pattern.only is not None and is_object(arguments):
        for key in [key for key in arguments if key not in pattern.only][:5]:
            yield {
                "path": f"args.{printable(key)}",
                "expected": NOT_THERE,
                "actual": clipped(arguments[key]),
                "found": "unexpected",
                "hint": "$only allows no other arguments",
            }


def _accepts(value: Matcher, actual: Any, slow: Slow, env: Env) -> bool:
    return any(found == YES for found, _ in value.solve(actual, env, slow))


def _status(called: Called, want: Want) -> Difference:
    if called.ok not in (NO, YES):
        return _unseen("status", want, called.unclear.get("status", ""), called)
    error = f"it failed: {literal(called.call.error, 100)}" if called.call.error else "it failed"
    hint = (
        f"{error}; what is required must have succeeded (status: any counts attempts)"
        if want == "ok"
        else "it succeeded"
    )
    return {"path": "status", "expected": want, "actual": called.call.status, "found": "value", "hint": hint}


def _unseen(path: str, expected: Any, reason: str, called: Called) -> Difference:
    cut = reason == "cut" and path not in called.step.missing
    hint = "it was cut when it was recorded; record it whole" if cut else REMEDY
    said = "" if cut or not reason else f"{reason}; "
    found, actual = ("cut", "cut") if cut else ("not_recorded", NOT_RECORDED)
    return {"path": path, "expected": clipped(expected), "actual": actual, "found": found, "hint": said + hint}


def _absent(path: Path, value: Matcher, arguments: Any) -> Difference:
    known = [str(key) for key in arguments] if is_object(arguments) else []
    if not is_object(arguments) and arguments is not None:
        hint = f"the arguments are no object but {literal(arguments, 60)}"
    elif (near := nearest(str(path.keys[0]), known)) and near != path.keys[0]:
        hint = f"there is {literal(near, 60)}"
    else:
        hint = f"there is {joined([literal(key, 60) for key in known])}" if known else "it was called without arguments"
    expected = clipped(value.spec)
    return {"path": f"args.{path.text}", "expected": expected, "actual": NOT_THERE, "found": "absent", "hint": hint}


def _value(path: str, value: Matcher, actual: Any, env: Env) -> Difference:
    if isinstance(value, Name):
        bound = env.get(value.name, UNSEEN)
        wanted = Equal(None if bound is UNSEEN else bound)
        return {
            "path": path,
            "expected": clipped(wanted.spec),
            "actual": clipped(actual),
            "found": "value",
            "hint": wanted.hint(actual) or f"{value.name} was bound to it before",
        }
    return {
        "path": path,
        "expected": clipped(value.spec),
        "actual": clipped(actual),
        "found": "value",
        "hint": value.hint(actual),
    }


# --- sentences


def sentence(difference: Difference) -> str:
    """A difference in words: `args.order is "1188", not "1187"`."""
    path, expected, found = difference["path"], difference["expected"], difference["found"]
    hint = difference.get("hint")
    tail = f": {hint}" if hint else ""
    if found in {"not_recorded", "cut"}:
        return f"{path}: {'not recorded' if found == 'not_recorded' else 'cut'} ({hint})"
    if found == "absent":
        return f"{path} is not there ({hint})"
    if found == "unexpected":
        return f"{path} is {literal(difference['actual'], 60)} ({hint})"
    if path == "status":
        return str(hint)
    return f"{path} is {literal(difference['actual'], 80)}, not {flow(expected, quote=True, limit=80)}{tail}"


def sentences(miss: Miss) -> str:
    """All that differs, in words."""
    return listed([sentence(difference) for difference in miss.differs])


def evidence(pattern: Pattern, miss: Miss | None) -> dict[str, Json]:
    """What was expected, what happened, and what differs."""
    found: dict[str, Json] = {"expected": clipped(pattern.spec)}
    if miss is not None:
        found.update(actual=seen(miss.called), differs=miss.differs)
    return found


def made(part: Part) -> str:
    """Which tools were called instead, in a few words."""
    if not part.calls:
        return "no tool was called"
    counts: dict[str, int] = {}
    for called in part.calls:
        counts[called.name] = counts.get(called.name, 0) + 1
    shown = [name if number == 1 else f"{name} {times(number)}" for name, number in counts.items()]
    return f"only {joined(shown)} {'was' if len(counts) == 1 else 'were'} called"
