"""Real captures of this family of dialects, compared with what really happened, reading by reading.

Nothing is assembled here: a span must say by itself what it carries. Where an instrumentation carries less, the test says
what; everything else must be there, and nothing besides.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agenteval.core.span import Span
from agenteval.core.trajectory import ModelCall, ToolCall
from agenteval.telemetry.dialects import DIALECTS
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.otlp import decode_traces

DELEGATIONS = frozenset({"shipping_specialist"})
"""Agents that are called as tools are: whether they have a tool's span is up to the instrumentation."""


@dataclass(frozen=True, kw_only=True)
class Carries:
    """What the spans of a capture carry beside the rest."""

    tools: bool = True
    bare: bool = False  # a tool with one argument is recorded with its value alone
    errors_as_text: bool = False
    cached: bool = True
    reasoning: bool = True
    ids: bool = False
    doubled: bool = False
    session: str | None = "sess-refund-001"
    dialects: frozenset[str] = field(default_factory=frozenset[str])


def of(dialect: str, **about: Any) -> Carries:
    return Carries(dialects=frozenset({dialect}), **about)


LANGCHAIN = of("openinference", bare=True)
AGENTS = of("openinference", session=None)
SMOLAGENTS = of("openinference", cached=False, reasoning=False)
SHARED = {
    "crewai-openinference": of("openinference"),
    "langchain-openinference": LANGCHAIN,
    "langchain-openinference-dup503": LANGCHAIN,
    "langchain-openinference.crash": LANGCHAIN,
    "langchain-openinference.killed": LANGCHAIN,
    "langchain-openinference.long": LANGCHAIN,
    "langchain-openinference.stream": LANGCHAIN,
    "langchain-traceloop": of("openllmetry", ids=True, reasoning=False),
    "langchain-traceloop.crash": of("openllmetry", ids=True, reasoning=False),
    "langfuse-observe": of("langfuse"),
    "langfuse-observe.crash": of("langfuse"),
    "mlflow-langchain-plain": of("mlflow", ids=True, reasoning=False),
    "openai-agents-openinference": AGENTS,
    "openai-agents-openinference.crash": AGENTS,
    "openai-openinference-image": of("openinference", tools=False, session=None),
    "openai-traceloop-sdk": of("openllmetry"),
    "openai-traceloop-sdk-legacy": of("openllmetry", reasoning=False),
    "openai-traceloop-sdk.long": of("openllmetry"),
    "smolagents-openinference": SMOLAGENTS,
    "smolagents-openinference-plus-openai": of("openinference", doubled=True),
}
READING_ROOM = "reading-room-7"
OWN = {
    "langchain_openinference": of("openinference", bare=True, session=READING_ROOM),
    "langfuse_observe": of("langfuse", errors_as_text=True, session=READING_ROOM),
    "openai_agents_openinference": of("openinference", cached=False, reasoning=False, session=READING_ROOM),
    "openai_openinference": of("openinference", tools=False, session=READING_ROOM),
    "openai_openllmetry": of("openllmetry", tools=False, session=None),
    "smolagents_openinference": of("openinference", cached=False, reasoning=False, session=READING_ROOM),
}


def readings(folder: Path) -> list[tuple[Span, Reading]]:
    spans: dict[tuple[str, str], Span] = {}
    for body in sorted((folder / "wire").glob("*.traces.pb.gz")):
        spans.update(
            ((span.trace_id, span.span_id), span) for span in decode_traces(gzip.decompress(body.read_bytes()))
        )
    found: list[tuple[Span, Reading]] = []
    for span in spans.values():
        beneath = sorted(
            (one for one in spans.values() if (one.trace_id, one.parent_id) == (span.trace_id, span.span_id)),
            key=lambda one: one.start_ns,
        )
        reading = next((reading for one in DIALECTS if (reading := one.read(span, beneath, ())) is not None), None)
        if reading is not None:
            found.append((span, reading))
    return found


def counted(values: Iterable[Any]) -> Counter[str]:
    return Counter(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)


def compare(folder: Path, carries: Carries) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    turns = [turn for conversation in truth["conversations"] for turn in conversation["turns"]]
    read = [reading for _, reading in readings(folder) if reading.dialect in carries.dialects]
    models = [reading.content for reading in read if isinstance(reading.content, ModelCall)]
    tools = [reading.content for reading in read if isinstance(reading.content, ToolCall)]
    asked = [call for turn in turns for call in turn["llm_calls"] if call["usage"]]
    times = 2 if carries.doubled else 1
    assert {reading.session for reading in read if reading.kind != "plumbing"} == {carries.session}
    check_models(models, asked, carries, times)
    refused = [call for turn in turns for call in turn["llm_calls"] if not call["usage"]]
    assert len([call for call in models if call.error is not None]) == len(refused)
    if not carries.tools:
        assert tools == []
        return
    check_tools(tools, [call for turn in turns for call in turn["tool_calls"]], carries)


def check_models(models: Sequence[ModelCall], asked: Sequence[Mapping[str, Any]], carries: Carries, times: int) -> None:
    answered = [call for call in models if call.error is None]
    wanted = [(call["usage"]["in"], call["usage"]["out"]) for call in asked] * times
    used = [call.usage for call in answered if call.usage is not None]
    assert Counter((one.input_tokens, one.output_tokens) for one in used) == Counter(wanted)
    for name, attribute, there in (
        ("cached", "cached_tokens", carries.cached),
        ("reasoning", "reasoning_tokens", carries.reasoning),
    ):
        known = Counter(getattr(one, attribute) for one in used) - Counter({None: len(used)})
        assert known == (Counter(call["usage"][name] for call in asked) if there else Counter())
    requests = [(one["name"], one["args"], one["id"]) for call in asked for one in call["tool_calls"]] * times
    assert counted((one.name, one.arguments, one.id) for call in answered for one in call.requests) == counted(requests)
    spoken = [call["content"] for call in asked if call["content"]] * times
    assert counted(text for call in answered if (text := "".join(one.text for one in call.output))) == counted(spoken)


def check_tools(tools: Sequence[ToolCall], ran: Sequence[Mapping[str, Any]], carries: Carries) -> None:
    wanted = [call for call in ran if call["tool"] not in DELEGATIONS and call["finished"]]
    mine = [call for call in tools if call.name not in DELEGATIONS]
    assert counted((one.name, arguments(one.arguments)) for one in mine) == counted(
        (one["tool"], arguments(one["args"], bare=carries.bare)) for one in wanted
    )
    assert counted(one.result for one in mine if one.error is None and not told_error(one)) == counted(
        one["result"] for one in wanted if not one["error"]
    )
    failed = [one for one in mine if one.error is not None or (carries.errors_as_text and told_error(one))]
    assert Counter(one.name for one in failed) == Counter(one["tool"] for one in wanted if one["error"])
    assert {one.status for one in mine} <= {"ok", "error"}
    if carries.ids:
        assert counted(one.call_id for one in mine) == counted(one["call_id"] for one in wanted)


def told_error(call: ToolCall) -> bool:
    return isinstance(call.result, str) and call.result.startswith("ERROR: ")


def arguments(value: Any, *, bare: bool = False) -> Any:
    return next(iter(value.values())) if bare and len(value) == 1 else value


@pytest.mark.parametrize("name", OWN)
def test_captures_of_our_own_recording(name: str, repo: Path) -> None:
    compare(repo / "traces" / "captures" / name, OWN[name])


@pytest.mark.parametrize("name", SHARED)
def test_captures_of_others(name: str, shared: Path) -> None:
    folder = shared / "captures" / name
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    compare(folder, SHARED[name])


def test_what_attribute_limits_took_is_said(shared: Path) -> None:
    folder = shared / "captures" / "langchain-openinference.long"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    lost = [(span.dropped_attributes, reading) for span, reading in readings(folder) if span.dropped_attributes]
    assert len(lost) == 4
    for count, reading in lost:
        assert reading.missing == {"messages": f"evicted: the sender dropped {count} attributes of this span"}
        assert isinstance(reading.content, ModelCall)
        assert reading.content.messages
