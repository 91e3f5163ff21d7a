"""What the store kit compares with, and the spans, trials and trajectories that it makes up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias, cast

from agenteval.core import semconv
from agenteval.core.json import Json
from agenteval.core.message import Message, TextPart, ToolRequest, ToolResponse, text_message
from agenteval.core.outcome import Finding, Label, Measure, Run, Score, Trial
from agenteval.core.ports import Query, TraceStore
from agenteval.core.span import Attribute, LogRecord, Span
from agenteval.core.trajectory import (
    AgentRun,
    Handoff,
    Integrity,
    Interrupt,
    ModelCall,
    OfferedTool,
    Other,
    StateChange,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)
from agenteval.core.used import Amount, Used

MakeStore: TypeAlias = Callable[[], TraceStore]
"""Gives a store that is new and empty each time."""

T1, T2 = "1" * 32, "2" * 32
RUN = "20261124-020435-1a2b3c"


# --- comparing


def to_the_letter(value: object) -> object:
    """A value that is equal only to what says the same: with the type of each number, and lists for tuples."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {item.name: to_the_letter(getattr(value, item.name)) for item in fields(value) if item.compare}
        return (type(value).__name__, kept)
    if isinstance(value, Mapping):
        return {key: to_the_letter(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [to_the_letter(item) for item in cast("Sequence[Any]", value)]
    return (type(value).__name__, repr(value))


def same(actual: object, wanted: object, what: str) -> None:
    """Raise AssertionError where two values differ to the letter."""
    if to_the_letter(actual) != to_the_letter(wanted):
        raise AssertionError(f"{what}:\n  wanted {wanted!r}\n  got    {actual!r}")


def that(truth: bool, what: str) -> None:  # noqa: FBT001 (the truth is what it is about)
    """Raise AssertionError where something is not so."""
    if not truth:
        raise AssertionError(f"not so: {what}")


def raises(kind: type[Exception], act: Callable[[], object], what: str) -> str:
    """The message of the error that an act raises; AssertionError where it raises none."""
    try:
        act()
    except kind as error:
        return str(error)
    raise AssertionError(f"{what}: wanted {kind.__name__}, and nothing was raised")


def names(message: str, *names: str) -> None:
    """Raise AssertionError where a message leaves out a name."""
    missing = [name for name in names if name not in message]
    if missing:
        raise AssertionError(f"the message should name {', '.join(missing)}: {message}")


def matches(trial: Trial, query: Query) -> bool:
    """Whether a trial is one that a query asks for."""
    asked = {name: getattr(query, name) for name in ("run", "scenario", "agent", "status", "trajectory")}
    return all(getattr(trial, name) == wanted for name, wanted in asked.items() if wanted)


# --- made up


def by_start(spans: Iterable[Span]) -> list[Span]:
    """Spans in the order in which a store reads them."""
    return sorted(spans, key=lambda span: (span.trace_id, span.start_ns, span.span_id))


def span(trace_id: str, number: int, **values: Any) -> Span:
    """A span."""
    given: dict[str, Any] = {"name": f"span {number}", "start_ns": number, "end_ns": number + 1, **values}
    return Span(trace_id=trace_id, span_id=f"{number:016x}", **given)


def log(trace_id: str, at_ns: int) -> LogRecord:
    """A log record."""
    return LogRecord(trace_id=trace_id, span_id="a" * 16 if trace_id else "", at_ns=at_ns, body={"text": "said " * 80})


def trace(trace_id: str) -> list[Span]:
    """A root, two children that share their resource, and a tool call."""
    common: dict[str, Any] = {"resource": {"service.name": "agent"}, "scope": {"name": "lib"}, "parent_id": f"{9:016x}"}
    return [
        span(trace_id, 9, attributes={"root": True}, start_ns=1, end_ns=50),
        span(trace_id, 8, attributes={"a": 1, "b": ["x"]}, **common),
        span(trace_id, 7, attributes={"a": 2, "b": ["y" * 400]}, **common),
        span(trace_id, 6, name="execute_tool look", attributes={semconv.TOOL_RESULT: {"rows": ["z" * 300]}}, **common),
    ]


def message(role: str, text: str) -> dict[str, Any]:
    """A message, as a span holds it."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def conversation(trace_id: str) -> list[Span]:
    """A conversation that model calls repeat as it grows, once as lists and once as JSON text of several styles."""
    said = [message("system", "Be careful. " * 30), message("user", "Hello.")]
    styles: list[Callable[[Any], Any]] = [
        lambda messages: messages,
        json.dumps,
        lambda messages: json.dumps(messages, ensure_ascii=False, separators=(",", ":")),
        lambda messages: json.dumps(messages, indent=1),
        lambda messages: json.dumps(messages) + " ",
    ]
    spans: list[Span] = []
    for turn in range(6):
        answer = {
            "role": "assistant",
            "parts": [{"type": "tool_call", "name": "look", "id": None, "arguments": {"n": turn}}],
        }
        for number, style in enumerate(styles):
            attributes = {
                semconv.OPERATION: semconv.CHAT,
                semconv.INPUT_MESSAGES: style([*said]),
                semconv.OUTPUT_MESSAGES: style([answer]),
            }
            spans.append(span(trace_id, 10 * turn + number, attributes=attributes))
        result: dict[str, Any] = {"rows": [f"row {n} of {turn} ünïcode" for n in range(30)]}
        response = {"type": "tool_call_response", "id": None, "response": result}
        said += [answer, {"role": "tool", "parts": [response]}]
        spans.append(span(trace_id, 10 * turn + 9, attributes={semconv.TOOL_RESULT: result}))
    # the same to Python, and not the same: a store must not take one for the other
    lookalike = [*said[:2], {**said[2], "parts": [{**said[2]["parts"][0], "arguments": {"n": False}}]}]
    spans.append(span(trace_id, 100, attributes={semconv.INPUT_MESSAGES: lookalike}))
    spans.append(
        span(trace_id, 101, attributes={semconv.INPUT_MESSAGES: [*said[:2], {**lookalike[2], "id": float("nan")}]})
    )
    spans.append(span(trace_id, 102, attributes={semconv.INPUT_MESSAGES: []}))
    spans.append(span(trace_id, 103, attributes={semconv.INPUT_MESSAGES: ["not a message", *said]}))
    return spans


def run(run_id: str, at: str = "2026-11-24T02:04:35+00:00") -> Run:
    """A run."""
    return Run(id=run_id, kind="execution", created_at=at, suite="retail", suite_hash="f" * 64, agents=("careful",))


def trial(**values: Any) -> Trial:
    """A trial."""
    given: dict[str, Any] = {
        "run": RUN,
        "scenario": "retail/refund-late",
        "scenario_hash": "e" * 64,
        "agent": "careful",
        "repeat": 0,
        "seed": 7,
        "status": "completed",
        "trajectory": T1,
        "seconds": 1.5,
        "used": Used(
            model_calls=2, tool_calls=1, amounts={"input_tokens": Amount(10, 1), "cost_usd": Amount(0.001, 1)}
        ),
        **values,
    }
    return Trial(trace_ids=() if given["trajectory"] is None else (given["trajectory"],), **given)


def trajectory(trajectory_id: str) -> Trajectory:
    """A trajectory with a step of every kind."""
    request = ToolRequest(name="look", arguments={"n": 1}, id="c1")
    tools = (OfferedTool(name="look", description="Looks.", parameters={"type": "object"}),)
    system, user = text_message("system", "Be careful."), text_message("user", "Hello, \ud800 and \0.")
    asked = Message(role="assistant", parts=(TextPart(text="Let me look."), request))
    told = Message(role="tool", parts=(ToolResponse(response={"rows": [1, 2.5, None]}, id="c1"),))
    calls = [
        ModelCall(model="m", messages=(system, user), offered_tools=tools, output=(asked,), requests=(request,)),
        ModelCall(
            model="m",
            messages=(system, user, asked, told),
            offered_tools=tools,
            output=(text_message("assistant", "Done."),),
            usage=Usage(input_tokens=10, output_tokens=0, cost_usd=0.001),
            finish="stop",
        ),
    ]
    contents = (
        user,
        calls[0],
        ToolCall(name="look", arguments={"n": 1}, result={"rows": [1, 2.5, None]}, call_id="c1", requested_by="s1"),
        StateChange(patch=({"op": "replace", "path": "/n", "value": 2**70},), caused_by="s2"),
        calls[1],
        Handoff(target="other"),
        Interrupt(value={"ask": "May I?", "rows": [1]}, answer=False),
        Other(kind="later", data={"anything": [True]}),
    )
    steps = tuple(
        Step(id=f"s{n}", index=n, content=content, span_ids=(f"{n:016x}",), start_ns=n, end_ns=n + 1, run="a")
        for n, content in enumerate(contents)
    )
    return Trajectory(
        id=trajectory_id,
        conversation_id=trajectory_id,
        trace_ids=(trajectory_id,),
        runs=(AgentRun(id="a", name="careful", start_ns=0, end_ns=9),),
        steps=(replace(steps[0], missing={"x": "why"}, truncated=("y",), sources=("genai",)), *steps[1:]),
        integrity=Integrity(started=7, ended=7, stored=7, repeated=1),
        usage=Usage(input_tokens=10, output_tokens=0, cost_usd=0.001, unmeasured_calls=1),
        offered_tools=("look",),
        agent="careful",
        attributes={"agenteval.repeat": 0, "odd": [None, "\udfff"]},
    )


def label(trajectory: str, *, value: Json) -> Label:
    """A label."""
    return Label(
        trajectory=trajectory,
        criterion="reward@1",
        value=value,
        rater="file.json",
        scale=[0, 1],
        blinded=False,
        batch="b",
    )


def finding(verdict: str = "pass") -> Finding:
    """A finding."""
    return Finding(
        check="at_most:1a2b",
        verdict=cast("Any", verdict),
        reason_code="held",
        reason="it held",
        title="at most 1 issue_refund",
        role="safety",
        weight=0,
        steps=("s1", "s2.1"),
        activations=0,
        measure=Measure(name="calls", value=None, unit="calls", scale=(0.0, 1.0), better="lower"),
        evidence={"expected": {"order": "1187"}, "actual": None},
    )


def score(*, passed: bool) -> Score:
    """A score."""
    return Score(status="scored", passed=passed, metrics={"calls": None, "turns": 0.5}, metric=0.5, coverage=1.0)


def hard_attributes() -> dict[str, Attribute]:
    """Attributes of every kind that a store may stumble over."""
    return {
        "bytes": b"\x00\xff",
        "int64": -(2**63),
        "uint64": 2**64 - 1,
        "beyond": 10**30,
        "nan": float("nan"),
        "infinity": float("-inf"),
        "float": 1.0,
        "minus zero": -0.0,
        "none": None,
        "text": "NUL \0, lone \ud800, pair \U0001f600, line\nbreak",
        "": "",
        "key \udfff": [],
        "nested": {"a": [1, [True, {"b": None, "c": b"", "nan": [float("nan"), None]}]], "": {}},
        "mark": {"$agenteval": ["b", "AA=="], "$ref": 1},
        "$agenteval": "$agenteval",
        "empty": [[], {}, "", b"", None, [[]], {"": []}],
        "around 64 bits": [2**63 - 1, 2**63, -(2**63) - 1, 2**64, 0, -1],
        "large": "x" * 5_000,
        # so large that a store may compress them
        "very large": "z " * 20_000,
        "very large and odd": "\0 \ud800 \U0001f600 " * 5_000,
        "very large bytes": bytes(range(256)) * 100,
        "very large list": [{"n": 2**63 + number, "nan": float("nan"), "b": b"\0", "": {}} for number in range(900)],
        "very large mark": ['{"$agenteval":["c",', {"$agenteval": ["c", "0" * 32]}, "m" * 20_000],
        "large list": [{"n": number, "text": "y" * 50} for number in range(40)],
        semconv.INPUT_MESSAGES: [
            {"role": "user", "parts": [{"type": "text", "content": "\ud800"}]},
            {"odd": float("nan")},
        ],
        semconv.OUTPUT_MESSAGES: "no messages at all" * 40,
    }
