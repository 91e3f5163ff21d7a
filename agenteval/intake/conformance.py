"""A capture in, what was recovered of what really happened out, measure by measure, and each miss by name.

Definitions. Model calls are the truth's `llm_calls` with usage; a refused HTTP attempt is no call. Hand-offs are what
models asked for by `transfer_to_*` or `handoff*`. Delegations (`shipping_specialist`, `Task`) are neither required nor
invented as tool calls, and `final_answer` is the answer. Tokens are per model call, cached ones included. A call is
requested by the model call whose `tool_calls` hold its id, compared after the provider's prefix. Calls are in order
where one that came after another does so in the trajectory, too; calls of one request have no order. A value is not on
the wire only where neither it nor its JSON-escaped form occurs in any body; a count, where no numeric attribute equals
it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal, TypeAlias

from agenteval._util.structured import structured
from agenteval.core.message import MediaPart, Message
from agenteval.core.trajectory import Handoff, ModelCall, Step, ToolCall, Trajectory
from agenteval.intake.captures import Capture
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.likeness import bare_id, same_tool, transfer_target

MEASURES = (
    "turns", "model_calls", "tool_calls", "tool_arguments", "tool_results", "tool_errors", "requested_by",
    "input_tokens", "output_tokens", "order", "handoffs", "sessions",
)  # fmt: skip
DELEGATIONS = frozenset({"shipping_specialist", "Task"})
_FINAL_ANSWER = "final_answer"

Outcome: TypeAlias = Literal["recovered", "wrong", "invented", "not_on_wire", "missed"]


@dataclass(slots=True)
class Counts:
    """How much of one measure the truth holds, and what became of it; invented is what the truth does not hold."""

    truth: int = 0
    recovered: int = 0
    wrong: int = 0
    invented: int = 0
    not_on_wire: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """Something that was not recovered.

    Attributes:
        what: What was expected, or what was made up, in words.
        found: What stands in its place; None for nothing.
    """

    measure: str
    outcome: Outcome
    what: str
    found: str | None = None

    @property
    def whose(self) -> str:
        """Whose fault it is."""
        return "not on the wire" if self.outcome == "not_on_wire" else "ours"


@dataclass(slots=True)
class Conformance:
    """What was recovered of one capture."""

    name: str
    counts: dict[str, Counts] = field(default_factory=lambda: {measure: Counts() for measure in MEASURES})
    misses: list[Miss] = field(default_factory=list[Miss])

    def note(self, measure: str, outcome: Outcome, what: str = "", found: str | None = None) -> None:
        """Count one thing; what is not recovered is named."""
        counts = self.counts[measure]
        setattr(counts, outcome, getattr(counts, outcome) + 1)
        if outcome != "invented":
            counts.truth += 1
        if outcome != "recovered":
            self.misses.append(Miss(measure=measure, outcome=outcome, what=what, found=found))


def conformance_of(capture: Capture) -> Conformance:
    """Assemble a capture and compare it with its truth."""
    return compare(capture, assemble(capture.spans, capture.logs))


def compare(capture: Capture, trajectories: Sequence[Trajectory]) -> Conformance:
    """Compare trajectories with a capture's truth.

    Args:
        capture: The capture.
        trajectories: What was made of its spans and log records.
    """
    result = Conformance(capture.name)
    turns = [turn for conversation in capture.truth["conversations"] for turn in conversation.get("turns", ())]
    found = _Found.of(trajectories)
    models = _models(capture, turns, found, result)
    _tools(capture, turns, found, models, result)
    _handoffs(capture, turns, found, result)
    _turns(capture, turns, found, result)
    _sessions(capture, trajectories, result)
    return result


@dataclass(slots=True)
class _Found:
    """What was recovered, in the order in which it happened."""

    models: list[tuple[Step, ModelCall]]
    tools: list[tuple[Step, ToolCall]]
    handoffs: list[Handoff]
    messages: list[tuple[bool, Message]]  # with whether it belongs to the outermost conversation

    @classmethod
    def of(cls, trajectories: Sequence[Trajectory]) -> _Found:
        inner = {run.id for trajectory in trajectories for run in trajectory.runs if run.started_by is not None}
        inner |= _beneath(trajectories, inner)
        timed: list[tuple[int, Step]] = []
        for trajectory in trajectories:  # by the clock, but never against the order that a trajectory has its steps in
            latest = accumulate((step.start_ns for step in trajectory.steps), max)
            timed.extend(zip(latest, trajectory.steps, strict=True))
        steps = [step for _, step in sorted(timed, key=lambda one: one[0])]
        pairs = [(step, step.content) for step in steps]
        return cls(
            models=[(step, content) for step, content in pairs if isinstance(content, ModelCall)],
            tools=[(step, content) for step, content in pairs if isinstance(content, ToolCall)],
            handoffs=[content for _, content in pairs if isinstance(content, Handoff)],
            messages=[(step.run not in inner, content) for step, content in pairs if isinstance(content, Message)],
        )


def _beneath(trajectories: Sequence[Trajectory], inner: set[str]) -> set[str]:
    """Runs that lie within other runs that a tool started."""
    parents = {run.id: run.parent for trajectory in trajectories for run in trajectory.runs}
    found: set[str] = set()
    for run in parents:
        here: str | None = run
        seen: set[str] = set()
        while here is not None and here not in seen:
            seen.add(here)
            if here in inner:
                found.add(run)
                break
            here = parents.get(here)
    return found


# --- pairing what is true with what was recovered


def _assigned(size: int, others: int, likeness: Callable[[int, int], float]) -> dict[int, int]:
    """One to one: the most alike pairs first, and of pairs that are as alike, those that stand nearest."""
    pairs = [(-score, abs(a - b), a, b) for a in range(size) for b in range(others) if (score := likeness(a, b)) > 0]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for *_, a, b in sorted(pairs):
        if a not in found and b not in taken:
            found[a] = b
            taken.add(b)
    return found


def _models(
    capture: Capture, turns: Sequence[Mapping[str, Any]], found: _Found, result: Conformance
) -> dict[str, str | None]:
    """Compare model calls; gives the step of each call id's requester, None where that is not on the wire."""
    truth = [call for turn in turns for call in turn.get("llm_calls", ()) if call.get("usage")]
    pairs = _assigned(len(truth), len(found.models), lambda a, b: _alike_models(truth[a], found.models[b][1]))
    requester: dict[str, str | None] = {}
    for number, call in enumerate(truth):
        what = f"model call {number} ({call.get('model')})"
        at = pairs.get(number)
        if at is None:
            there = capture.counts(call["usage"]["in"]) or _words_there(capture, call)
            result.note("model_calls", "missed" if there else "not_on_wire", what)
            if not there:
                requester.update((bare_id(one["id"]), None) for one in call.get("tool_calls") or ())
        else:
            result.note("model_calls", "recovered")
            requester.update((bare_id(one["id"]), found.models[at][0].id) for one in call.get("tool_calls") or ())
        usage = None if at is None else found.models[at][1].usage
        for measure, name, have in (
            ("input_tokens", "in", None if usage is None else usage.input_tokens),
            ("output_tokens", "out", None if usage is None else usage.output_tokens),
        ):
            expected = call["usage"][name]
            if have == expected:
                result.note(measure, "recovered")
            elif have is not None:
                result.note(measure, "wrong", f"{what}: {expected}", str(have))
            else:
                result.note(measure, "missed" if capture.counts(expected) else "not_on_wire", f"{what}: {expected}")
    _order([(number, f"model call {number}", pairs.get(number)) for number in range(len(truth))], result)
    refused = sum(1 for turn in turns for call in turn.get("llm_calls", ()) if not call.get("usage"))
    for at, (step, call) in enumerate(found.models):
        if at in pairs.values():
            continue
        if call.error is not None or (call.usage is None and not call.output and refused > 0):
            refused -= 1  # an attempt that was refused, or never came to an answer
            continue
        result.note("model_calls", "invented", f"model call {step.id} ({call.model})")
    return requester


def _words_there(capture: Capture, call: Mapping[str, Any]) -> bool:
    """Whether what a model call answered is on the wire: its words, or all of what it asked for.

    That an id is there is not enough: the tool's own span has it, too.
    """
    told = [call["content"]] if call.get("content") else list(call.get("tool_calls") or ())
    return bool(told) and capture.carries(told)


def _alike_models(truth: Mapping[str, Any], call: ModelCall) -> float:
    if call.error is not None and not call.output:
        return 0
    usage = truth["usage"]
    asked = [bare_id(one["id"]) for one in truth.get("tool_calls") or ()]
    score = 1.0 + (call.model == truth.get("model"))
    score += 4 * (bool(asked) and asked == [bare_id(one.id) for one in call.requests if one.id])
    score += 2 * ([one["name"] for one in truth.get("tool_calls") or ()] == [one.name for one in call.requests])
    text = " ".join(message.text for message in call.output).strip()
    score += 4 * (bool(truth.get("content")) and text == (truth.get("content") or "").strip())
    if call.usage is not None:
        score += 2 * (call.usage.input_tokens == usage["in"]) + 2 * (call.usage.output_tokens == usage["out"])
    return score


def _tools(
    capture: Capture,
    turns: Sequence[Mapping[str, Any]],
    found: _Found,
    requester: Mapping[str, str | None],
    result: Conformance,
) -> None:
    truth = [
        call
        for turn in turns
        for call in turn.get("tool_calls", ())
        if call["tool"] not in DELEGATIONS and transfer_target(call["tool"]) is None and call["tool"] != _FINAL_ANSWER
    ]
    have = [pair for pair in found.tools if _counts_as_tool(pair[1].name)]
    pairs = _assigned(len(truth), len(have), lambda a, b: _alike_tools(truth[a], have[b][1]))
    for number, call in enumerate(truth):
        at = pairs.get(number)
        what = f"{call['tool']}({_shown(call['args'])})"
        if at is None:
            there = capture.carries([call["tool"]]) and capture.carries(call["args"])
            result.note("tool_calls", "missed" if there else "not_on_wire", what)
        else:
            result.note("tool_calls", "recovered")
        _tool_values(capture, call, None if at is None else have[at], requester, result)
    asked = _asked_by(turns)
    _order(
        [
            (asked.get(call.get("call_id"), ~number), call["tool"], pairs.get(number))
            for number, call in enumerate(truth)
        ],
        result,
    )
    for at, (step, call) in enumerate(have):
        if at not in pairs.values():
            result.note("tool_calls", "invented", f"{call.name}({_shown(call.arguments)}) at {step.id}")


def _asked_by(turns: Sequence[Mapping[str, Any]]) -> dict[str | None, int]:
    """The number of the model call that asked for each call id."""
    calls = (call for turn in turns for call in turn.get("llm_calls", ()))
    return {request["id"]: number for number, call in enumerate(calls) for request in call.get("tool_calls") or ()}


def _order(calls: Sequence[tuple[int, str, int | None]], result: Conformance) -> None:
    """Compare the order of neighbours that were both recovered; each is (who asked for it, name, place where found)."""
    found = [(asked, name, at) for asked, name, at in calls if at is not None]
    for (asked, name, at), (asked_next, next_name, next_at) in itertools.pairwise(found):
        if asked != asked_next:
            what = f"{name}, then {next_name}"
            result.note("order", "recovered" if at < next_at else "wrong", what, f"{next_name}, then {name}")


def _counts_as_tool(name: str) -> bool:
    return name not in DELEGATIONS and transfer_target(name) is None and name != _FINAL_ANSWER


def _alike_tools(truth: Mapping[str, Any], call: ToolCall) -> float:
    if not same_tool(truth["tool"], call.name):
        return 0
    score = 1.0
    score += 8 * (bool(call.call_id) and bare_id(call.call_id or "") == bare_id(truth.get("call_id") or ""))
    score += 4 * _equal(truth["args"], call.arguments)
    score += 2 * ((truth.get("error") is not None) == (call.error is not None))
    return score + _equal(truth.get("result"), call.result)


def _tool_values(
    capture: Capture,
    truth: Mapping[str, Any],
    found: tuple[Step, ToolCall] | None,
    requester: Mapping[str, str | None],
    result: Conformance,
) -> None:
    """Compare arguments, result or error, and requester of one call."""
    what = f"{truth['tool']}({_shown(truth['args'])})"
    call = None if found is None else found[1]
    gone = frozenset[str]() if found is None else found[0].missing.keys()
    have = None if call is None or "arguments" in gone else call.arguments
    _value(capture, "tool_arguments", truth["args"], have, what=what, result=result)
    if truth.get("error") is not None:
        _error_value(capture, truth, call, what, result)
    else:
        if call is not None and call.error is not None:
            result.note("tool_errors", "invented", f"{what}: {call.error}")
        if truth.get("finished", True) and truth.get("result") is not None:
            have = None if call is None or "result" in gone else call.result
            _value(
                capture, "tool_results", truth["result"], have, what=f"{what}: {_shown(truth['result'])}", result=result
            )
    _requester(capture, truth, call, requester, what=what, result=result)


def _value(capture: Capture, measure: str, truth: Any, have: Any, *, what: str, result: Conformance) -> None:
    if have is not None and _equal(truth, have):
        result.note(measure, "recovered")
    elif have is not None:
        result.note(measure, "wrong", what, _shown(have))
    else:
        result.note(measure, "missed" if capture.carries(truth) else "not_on_wire", what)


def _requester(
    capture: Capture,
    truth: Mapping[str, Any],
    call: ToolCall | None,
    requester: Mapping[str, str | None],
    *,
    what: str,
    result: Conformance,
) -> None:
    name = truth.get("call_id")
    if not name:
        return
    expected = requester.get(bare_id(name))
    if call is None or call.requested_by is None:
        told = capture.carries(name) or (len(bare_id(name)) >= _TELLING and capture.carries(bare_id(name)))
        there = told and requester.get(bare_id(name), "") is not None
        result.note("requested_by", "missed" if there else "not_on_wire", f"{what}: {name}")
    elif call.requested_by == expected:
        result.note("requested_by", "recovered")
    else:
        result.note("requested_by", "wrong", f"{what}: {expected}", call.requested_by)


def _error_value(
    capture: Capture, truth: Mapping[str, Any], call: ToolCall | None, what: str, result: Conformance
) -> None:
    text = str(truth["error"])
    _, _, core = text.partition(": ")
    core = core or text
    if call is not None and call.error is not None:
        if core in call.error or not capture.carries(core):
            result.note("tool_errors", "recovered")
        else:
            result.note("tool_errors", "wrong", f"{what}: {text}", call.error)
        return
    result.note("tool_errors", "missed" if capture.carries(core) else "not_on_wire", f"{what}: {text}")


def _equal(a: Any, b: Any) -> bool:
    a, b = (structured(value) if isinstance(value, str) else value for value in (a, b))
    return _key(a) == _key(b)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=repr)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


_LONGEST_SHOWN = 120
_TELLING = 6  # letters from which on an id cannot stand somewhere by chance


# --- hand-offs, turns, sessions


def _handoffs(capture: Capture, turns: Sequence[Mapping[str, Any]], found: _Found, result: Conformance) -> None:
    truth = [
        request
        for turn in turns
        for call in turn.get("llm_calls", ())
        for request in call.get("tool_calls") or ()
        if transfer_target(request["name"]) is not None
    ]
    pairs = _assigned(len(truth), len(found.handoffs), lambda a, b: _leads_to(truth[a], found.handoffs[b].target))
    for number, request in enumerate(truth):
        what = f"{request['name']}({_shown(request['args'])})"
        if number in pairs:
            result.note("handoffs", "recovered")
        else:
            result.note("handoffs", "missed" if capture.carries(request["name"]) else "not_on_wire", what)
    for at, extra in enumerate(found.handoffs):
        if at not in pairs.values():
            result.note("handoffs", "invented", f"to {extra.target}")


def _leads_to(request: Mapping[str, Any], target: str) -> bool:
    """Whether a request's name or one of its arguments names the agent that took over."""
    named = {transfer_target(request["name"]), *(value for value in request["args"].values() if isinstance(value, str))}
    return _slug(target) in {_slug(name) for name in named if name}


def _slug(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _turns(capture: Capture, turns: Sequence[Mapping[str, Any]], found: _Found, result: Conformance) -> None:
    users = [(number, message) for number, (_, message) in enumerate(found.messages) if message.role == "user"]
    taken: list[int] = []
    for turn in turns:
        asked, answered = turn["user_input"], turn.get("final_output")
        what = f"{_shown(asked)} → {_shown(answered)}"
        after = taken[-1] if taken else -1
        at = next((number for number, message in users if number > after and _says(message, asked)), None)
        if at is None:
            result.note("turns", "missed" if capture.carries(asked) else "not_on_wire", what)
            continue
        taken.append(at)
        if answered is None or _answered(found.messages[at + 1 :], answered, turns):
            result.note("turns", "recovered")
        else:
            result.note("turns", "missed" if capture.carries(answered) else "not_on_wire", what)
    delegated = _delegated(turns)
    for number, message in users:
        outermost = found.messages[number][0]
        if number not in taken and outermost and not any(_says(message, one) for one in delegated):
            result.note("turns", "invented", _shown(message.text))


def _answered(messages: Sequence[tuple[bool, Message]], wanted: str, turns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an assistant says these words before a user says those of another turn."""
    for _, message in messages:
        if message.role == "assistant" and _says(message, wanted):
            return True
        if message.role == "user" and any(_says(message, turn["user_input"]) for turn in turns):
            return False
    return False


def _says(message: Message, wanted: str) -> bool:
    """Whether a message is these words, but for the space around and between them.

    A truth tells of an image or a file in words after the text that it came with.
    """
    text, words = " ".join(message.text.split()), " ".join(wanted.split())
    with_media = any(isinstance(part, MediaPart) for part in message.parts)
    return text == words or (with_media and bool(text) and words.startswith(text))


def _delegated(turns: Iterable[Mapping[str, Any]]) -> set[str]:
    """What agents told their sub-agents."""
    return {
        value
        for turn in turns
        for call in turn.get("llm_calls", ())
        for request in call.get("tool_calls") or ()
        if request["name"] in DELEGATIONS
        for value in request["args"].values()
        if isinstance(value, str)
    }


def _sessions(capture: Capture, trajectories: Sequence[Trajectory], result: Conformance) -> None:
    named = {name for trajectory in trajectories if (name := trajectory.conversation_id) is not None}
    truth = [one["session_id"] for one in capture.truth["conversations"] if one.get("session_id")]
    for session in truth:
        if session in named:
            result.note("sessions", "recovered")
        elif capture.carries(session):
            result.note("sessions", "missed", session, ", ".join(sorted(named)) or None)
        else:
            result.note("sessions", "not_on_wire", session)
    for name in sorted(name for name in named if name not in truth and not capture.carries(name)):
        result.note("sessions", "invented", name)
