"""Spans in, trajectories out: a pure function of the set of spans, whatever their order, split or repetition.

Knows nothing of stores, agents or checks. Traces that our recorder or importers wrote are read here; those of other
producers in `foreign`. Spans of an agent's own instrumentation in a trace of ours are counted and make no steps, so
that nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import cast

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
from agenteval.telemetry import foreign
from agenteval.telemetry.conversations import Naming
from agenteval.telemetry.dialects import genai
from agenteval.telemetry.structure import distinct, integrity_of, parents_of

VERSION = "4"
"""Version of the assembler: a kept trajectory of another version is assembled again."""

SCOPE = "agenteval"
"""Instrumentation scope of the spans that our recorder and importers write."""

_BY_DIALECT = Naming()
_KEPT_ELSEWHERE = frozenset({semconv.OFFERED_TOOLS, semconv.IMPORT_RECORD})


def assemble(
    spans: Iterable[Span], logs: Iterable[LogRecord] = (), *, naming: Naming = _BY_DIALECT
) -> list[Trajectory]:
    """Trajectories of any spans: one for each trace of ours, by id, then one for each conversation of others'.

    Args:
        spans: Every span in hand.
        logs: Log records; those of others' spans are joined to them by trace and span id.
        naming: Which attributes name session, user, version and tenant; what the dialects take for them otherwise.
    """
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    ours = {name for name, some in traces.items() if any(is_ours(span) for span in some)}
    others = [span for name, some in traces.items() if name not in ours for span in some]
    return [
        *(_ours(traces[name], 0) for name in sorted(ours)),
        *foreign.trajectories_of(others, [log for log in logs if log.trace_id not in ours], naming=naming),
    ]


def is_ours(span: Span) -> bool:
    """Whether our recorder or one of our importers wrote a span."""
    return span.scope.get("name") == SCOPE or semconv.SOURCE in span.attributes


def trajectory_of(
    spans: Sequence[Span], logs: Iterable[LogRecord] = (), *, naming: Naming = _BY_DIALECT, conflicts: int = 0
) -> Trajectory:
    """The trajectory of one trial, one imported record, or one conversation.

    Args:
        spans: Every span of it; at least one.
        logs: Log records of it.
        naming: As in `assemble`.
        conflicts: Spans that a store refused because their id was taken by different content.
    """
    if any(is_ours(span) for span in spans):
        return _ours(spans, conflicts)
    return foreign.trajectories_of(spans, logs, naming=naming, conflicts=conflicts)[0]


def _ours(spans: Sequence[Span], conflicts: int) -> Trajectory:
    unique, repeated = distinct(spans)
    parents = parents_of(unique)
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
    if not imported:
        placed += _seen_by_others(spans, parents, {step.content.kind for *_, step in placed})
    placed.sort(key=lambda item: item[:3])
    merged = _once_said([step for *_, step in placed])
    asked = _asked_for(merged)
    return tuple(replace(step, index=index, content=content) for index, (step, content) in enumerate(asked))


def _seen_by_others(
    spans: Sequence[Span], parents: Mapping[str, Span], seen: AbstractSet[str]
) -> Iterator[tuple[int, int, int, Step]]:
    """Model calls and tool calls that an agent's own instrumentation saw, where our recorder saw none of their kind.

    What our recorder saw of a kind stands, so that nothing is counted twice: two views of one call share no id.
    """
    others = [span for span in spans if not is_ours(span)]
    if not others or {ModelCall.kind, ToolCall.kind} <= seen:
        return
    for order, draft in enumerate(foreign.calls_of(others, parents)):
        if draft.content.kind in {ModelCall.kind, ToolCall.kind} - seen:
            run = _nearest(draft.node.span, parents, genai.is_agent)
            step = replace(draft.step(0), run=None if run is None else run.span_id)
            yield draft.start_ns, draft.rank, order, step


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
    return replace(
        integrity_of(spans, parents, repeated),
        started=_count_of(root, semconv.SPANS_STARTED),
        ended=_count_of(root, semconv.SPANS_ENDED),
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
