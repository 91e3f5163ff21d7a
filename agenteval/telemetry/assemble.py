"""Spans in, trajectories out: a pure function of the set of spans, whatever their order, split or repetition.

Knows nothing of stores, agents or checks. Spans of other instrumentations are counted, and make no steps in this
version, so that nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from agenteval.core import semconv
from agenteval.core.json import Json, json_of
from agenteval.core.message import Message, ToolRequest
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import (
    AgentRun,
    Content,
    End,
    Integrity,
    ModelCall,
    Step,
    ToolCall,
    Trajectory,
    Usage,
)
from agenteval.telemetry.dialects import genai

VERSION = "2"
"""Version of the assembler: a kept trajectory of another version is assembled again."""

SCOPE = "agenteval"
"""Instrumentation scope of the spans that our recorder and importers write."""

_KEPT_ELSEWHERE = frozenset({semconv.OFFERED_TOOLS, semconv.IMPORT_RECORD})


def assemble(spans: Iterable[Span], logs: Iterable[LogRecord] = ()) -> list[Trajectory]:
    """One trajectory a trace, in the order of their ids. Log records are kept by the store and make no steps yet."""
    del logs
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return [trajectory_of(traces[trace_id]) for trace_id in sorted(traces)]


def trajectory_of(spans: Sequence[Span], *, conflicts: int = 0) -> Trajectory:
    """The trajectory of one trace.

    Args:
        spans: Every span of the trace; at least one.
        conflicts: Spans that a store refused because their id was taken by different content.
    """
    unique, repeated = _distinct(spans)
    parents = _parents(unique)
    root = next((span for span in unique if semconv.SOURCE in span.attributes), None)
    steps = _steps(unique, parents, imported=_is_import(root))
    calls = [step.content for step in steps if isinstance(step.content, ModelCall)]
    return Trajectory(
        id=unique[0].trace_id,
        conversation_id=_text_of(root, semconv.CONVERSATION_ID),
        trace_ids=(unique[0].trace_id,),
        agent=_text_of(root, semconv.AGENT),
        runs=_runs(unique, parents),
        steps=steps,
        integrity=_integrity(unique, parents, root, repeated + conflicts),
        usage=sum((call.usage or Usage(unmeasured_calls=1) for call in calls), start=Usage()),
        end=_end(root),
        offered_tools=_offered(root, calls),
        attributes=_attributes(root),
    )


def _distinct(spans: Sequence[Span]) -> tuple[list[Span], int]:
    """Each span id once, ordered by time, and how many other contents came for ids that were taken.

    Which of two contents stays, and what is counted, depends neither on their order nor on how often each came.
    """
    came: dict[str, list[Span]] = {}
    for span in spans:
        came.setdefault(span.span_id, []).append(span)
    kept: list[Span] = []
    repeated = 0
    for same_id in came.values():
        contents = {_content(span): span for span in same_id} if len(same_id) > 1 else {"": same_id[0]}
        repeated += len(contents) - 1
        kept.append(contents[min(contents)])
    return sorted(kept, key=lambda span: (span.start_ns, span.span_id)), repeated


def _content(span: Span) -> str:
    """All that a span says, as one text; equal for equal spans, whatever the order of their attributes."""
    return repr([_in_order(getattr(span, item.name)) for item in fields(span)])


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((repr(key), _in_order(item)) for key, item in cast("Mapping[Any, Any]", value).items())
    if isinstance(value, (list, tuple)):
        return [_in_order(item) for item in cast("Sequence[Any]", value)]
    if is_dataclass(value):
        return [_in_order(getattr(value, item.name)) for item in fields(value)]
    return value


def _is_import(root: Span | None) -> bool:
    source = _text_of(root, semconv.SOURCE)
    return source is not None and source.startswith("import:")


# --- steps


def _steps(spans: Sequence[Span], parents: Mapping[str, Span], *, imported: bool) -> tuple[Step, ...]:
    placed: list[tuple[int, int, int, Step]] = []
    for order, span in enumerate(spans):
        if not imported and span.scope.get("name") != SCOPE:
            continue
        run = _nearest(span, parents, genai.is_agent)
        for piece in genai.read(span) or ():
            step = Step(
                id=span.span_id + piece.suffix,
                index=0,
                content=piece.content,
                span_ids=(span.span_id,),
                start_ns=piece.at_ns,
                end_ns=span.end_ns if piece.suffix == "" else piece.at_ns,
                run=run.span_id if run is not None else None,
                missing=piece.missing,
                sources=(genai.NAME,),
            )
            placed.append((piece.at_ns, piece.rank, order, step))
    placed.sort(key=lambda item: item[:3])
    merged = _once_said([step for *_, step in placed])
    asked = _asked_for(merged)
    return tuple(replace(step, index=index, content=content) for index, (step, content) in enumerate(asked))


def _once_said(steps: Sequence[Step]) -> list[Step]:
    """Steps where an answer that a model call gave, and its agent's span repeats, is one message."""
    result: list[Step] = []
    last_said: dict[str | None, int] = {}
    for step in steps:
        content = step.content
        if not isinstance(content, Message):
            result.append(step)
            continue
        before = last_said.get(step.run) if content.role == "assistant" else None
        if before is not None and _same_words(result[before].content, content):
            earlier = result[before]
            result[before] = replace(earlier, span_ids=earlier.span_ids + step.span_ids)
            continue
        if content.role == "assistant":
            last_said[step.run] = len(result)
        else:
            last_said.pop(step.run, None)
        result.append(step)
    return result


def _same_words(a: Content, b: Message) -> bool:
    return isinstance(a, Message) and a.text == b.text


def _asked_for(steps: Sequence[Step]) -> list[tuple[Step, Content]]:
    """Each step with its content, tool calls naming the model call that asked for them.

    A call is paired with an open request of its call id, else with the earliest open request of the same name and
    arguments in the same run. A request is used once. Where branches of an agent made up one call id twice, the request
    of the same name and arguments is meant, then that of the same run, then the latest.
    """
    open_requests: list[tuple[Step, ToolRequest]] = []
    result: list[tuple[Step, Content]] = []
    for step in steps:
        content = step.content
        if isinstance(content, ModelCall):
            open_requests.extend((step, request) for request in content.requests)
        if isinstance(content, ToolCall):
            found = _pair(open_requests, step, content)
            if found is not None:
                content = replace(content, requested_by=open_requests[found][0].id)
                del open_requests[found]
        result.append((step, content))
    return result


def _pair(open_requests: Sequence[tuple[Step, ToolRequest]], step: Step, call: ToolCall) -> int | None:
    if call.call_id is not None:
        same_id = [index for index, (_, request) in enumerate(open_requests) if request.id == call.call_id]
        if same_id:
            return max(same_id, key=lambda index: (*_fits(open_requests[index], step, call), index))
    for index, (asker, request) in enumerate(open_requests):
        same_run = asker.run == step.run
        if same_run and request.name == call.name and request.arguments == call.arguments:
            return index
    return None


def _fits(asked: tuple[Step, ToolRequest], step: Step, call: ToolCall) -> tuple[bool, bool]:
    asker, request = asked
    return request.name == call.name and request.arguments == call.arguments, asker.run == step.run


# --- around the steps


def _parents(spans: Sequence[Span]) -> dict[str, Span]:
    """Span id to its parent, where that is in hand. Spans that are above themselves have none."""
    by_id = {span.span_id: span for span in spans}
    above = {span.span_id: by_id[span.parent_id] for span in spans if span.parent_id in by_id}
    clear: set[str] = set()
    for start in list(above):
        path: dict[str, None] = {}
        here = start
        while here in above and here not in clear and here not in path:
            path[here] = None
            here = above[here].span_id
        if here in path:
            for name in list(path)[list(path).index(here) :]:
                del above[name]
        clear.update(path)
    return above


def _nearest(span: Span | None, parents: Mapping[str, Span], wanted: Callable[[Span], bool]) -> Span | None:
    """The nearest span at or above this one that is wanted."""
    while span is not None and not wanted(span):
        span = parents.get(span.span_id)
    return span


def _runs(spans: Sequence[Span], parents: Mapping[str, Span]) -> tuple[AgentRun, ...]:
    runs: list[AgentRun] = []
    for span in spans:
        if not genai.is_agent(span):
            continue
        above = parents.get(span.span_id)
        outer = _nearest(above, parents, genai.is_agent)
        caller = _nearest(above, parents, _is_tool)
        runs.append(
            AgentRun(
                id=span.span_id,
                name=genai.agent_name(span),
                parent=None if outer is None else outer.span_id,
                started_by=None if caller is None else caller.span_id,
                start_ns=span.start_ns,
                end_ns=span.end_ns,
            )
        )
    return tuple(runs)


def _is_tool(span: Span) -> bool:
    return span.attributes.get(semconv.OPERATION) == semconv.EXECUTE_TOOL


def _integrity(spans: Sequence[Span], parents: Mapping[str, Span], root: Span | None, repeated: int) -> Integrity:
    skews = [parents[span.span_id].start_ns - span.start_ns for span in spans if span.span_id in parents]
    return Integrity(
        started=_count_of(root, semconv.SPANS_STARTED),
        ended=_count_of(root, semconv.SPANS_ENDED),
        stored=len(spans),
        dropped=sum(span.dropped_attributes + span.dropped_events + span.dropped_links for span in spans),
        orphans=sum(1 for span in spans if span.parent_id is not None and span.span_id not in parents),
        repeated=repeated,
        clock_skew_ns=max(0, max(skews, default=0)),
    )


def _end(root: Span | None) -> End:
    return End(
        reason=_text_of(root, semconv.END_REASON),
        detail=_text_of(root, semconv.END_DETAIL),
        start_state=_text_of(root, semconv.START_STATE),
        end_state=_text_of(root, semconv.END_STATE),
    )


def _offered(root: Span | None, calls: Sequence[ModelCall]) -> tuple[str, ...] | None:
    """Names of the tools that the agent could call: as the root says, else as its model calls were offered them."""
    named = None if root is None else root.attributes.get(semconv.OFFERED_TOOLS)
    if isinstance(named, Sequence) and not isinstance(named, (str, bytes)):
        return tuple(name for name in named if isinstance(name, str))
    names = {tool.name for call in calls for tool in call.offered_tools}
    return tuple(sorted(names)) if names else None


def _attributes(root: Span | None) -> dict[str, Json]:
    if root is None:
        return {}
    return {
        key: cast("Json", json_of(value))
        for key, value in sorted(root.attributes.items())
        if key.startswith("agenteval.") and key not in _KEPT_ELSEWHERE
    }


def _text_of(span: Span | None, key: str) -> str | None:
    value = None if span is None else span.attributes.get(key)
    return value if isinstance(value, str) else None


def _count_of(span: Span | None, key: str) -> int | None:
    value = None if span is None else span.attributes.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
