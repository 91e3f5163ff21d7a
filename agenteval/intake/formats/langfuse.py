"""Langfuse exports: traces with their observations, as its page and its API give them, or observations one by one.

An observation becomes the span that it was. What its metadata holds of the attributes that came is put back, and so
are resource and scope; what Langfuse moved out of them (input, output, model, usage, prices, level) stands beside them
under `langfuse.observation.*`. Observations of Langfuse's own SDK, and those that came without attributes, are read
as Langfuse's; of the others input and output are put back under the names that their convention has for them, so that
the producer's own dialect reads them.

References:
    Langfuse documentation, "OpenTelemetry: property mapping", and public API, `GET /api/public/traces/{traceId}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agenteval.core.span import Span, SpanStatus
from agenteval.core.trajectory import Usage
from agenteval.intake.formats._json import Decoded, Unreadable
from agenteval.intake.formats._reading import list_of, maybe_object, maybe_text, object_of
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._spans import (
    SPAN_ERROR,
    attribute,
    converted,
    moment,
    parent_id_of,
    put,
    records,
    scope_of,
    span_id_of,
    trace_id_of,
)
from agenteval.telemetry.dialects.tokens import usage_of

NAME: Final = "langfuse"
TITLE: Final = "Langfuse exports (traces with observations, or observations)"

_PREFIX: Final = "langfuse.observation."
_LANGFUSE: Final = {"name": "langfuse-export", "version": ""}
_PUT_BACK: Final = frozenset({"attributes", "resourceAttributes", "scope"})
_PLAIN: Final = frozenset({"", "span", "chain", "event"})
_MEMBERS: Final[Mapping[str, str]] = {
    "model.name": "model",
    "model.parameters": "modelParameters",
    "usage_details": "usageDetails",
    "cost_details": "costDetails",
    "level": "level",
    "status_message": "statusMessage",
    "prompt.name": "promptName",
    "prompt.version": "promptVersion",
    "completion_start_time": "completionStartTime",
    "version": "version",
}
_COUNTS: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "llm.token_count.prompt")
_OBSERVATION: Final = frozenset({"type", "startTime"})


def detect(look: Look) -> bool:
    """Traces with observations, or observations with the id of their trace."""
    if look.shape == "object" and "observations" in look.keys:
        return True
    first = look.first
    return isinstance(first, dict) and ("observations" in first or _is_observation(first))


def _is_observation(value: Mapping[str, Any]) -> bool:
    return value.keys() >= _OBSERVATION and ("traceId" in value or "parentObservationId" in value)


def read(source: Source) -> Iterator[Record]:
    """The spans of every trace, or of every observation."""
    yield from converted(source, records(source, member="data"), _spans)


def _spans(record: Decoded) -> list[Span]:
    data = object_of(record.clean, "a trace")
    if "observations" not in data:
        return [_span(data, {}, "the observation")]
    trace = maybe_object(data.get("trace")) or data
    observations = list_of(data.get("observations"), "observations")
    if observations and not any(isinstance(item, dict) for item in observations):
        raise Unreadable("the trace names its observations and does not hold them: export them with it")
    spans = [
        _span(object_of(item, f"observations[{at}]"), trace, f"observations[{at}]")
        for at, item in enumerate(observations)
    ]
    return sorted(spans, key=lambda span: (span.parent_id is not None, span.start_ns, span.span_id))


def _span(observation: Mapping[str, Any], trace: Mapping[str, Any], what: str) -> Span:
    trace_id = trace_id_of(observation.get("traceId") or trace.get("id"))
    start = moment(observation.get("startTime"))
    if start is None:
        raise Unreadable(f"{what} has no startTime that is a time")
    metadata = _object(observation.get("metadata"))
    sent = {name: attribute(value) for name, value in _object(metadata.get("attributes")).items()}
    scope = scope_of(metadata.get("scope"))
    attributes = _attributes(observation, metadata, sent, scope)
    put(attributes, {"session.id": trace.get("sessionId"), "user.id": trace.get("userId")})
    failed = str(observation.get("level") or "").upper() == "ERROR"
    return Span(
        trace_id=trace_id,
        span_id=span_id_of(trace_id, observation.get("id")),
        parent_id=parent_id_of(trace_id, observation.get("parentObservationId")),
        name=maybe_text(observation.get("name")) or "",
        start_ns=start,
        end_ns=moment(observation.get("endTime")) or 0,
        status=SpanStatus(code=SPAN_ERROR, message=str(observation.get("statusMessage") or ""))
        if failed
        else SpanStatus(),
        resource=_object(metadata.get("resourceAttributes")),
        scope=scope if scope["name"] else _LANGFUSE,
        attributes=attributes,
    )


def _object(value: object) -> dict[str, Any]:
    """An object, or what JSON text says that is one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return maybe_object(value)


def _attributes(
    observation: Mapping[str, Any], metadata: Mapping[str, Any], sent: Mapping[str, Any], scope: Mapping[str, Any]
) -> dict[str, Any]:
    attributes = dict(sent)
    put(attributes, {_PREFIX + name: observation.get(member) for name, member in _MEMBERS.items()})
    rest = {f"{_PREFIX}metadata.{name}": value for name, value in metadata.items() if name not in _PUT_BACK}
    put(attributes, rest)
    names = None if str(scope["name"]).startswith("langfuse") else _named(observation, sent)
    if names is None:
        attributes[_PREFIX + "type"] = _kind(observation, sent)
        names = (_PREFIX + "input", _PREFIX + "output")
    elif not any(name in sent for name in _COUNTS):
        usage = usage_of(maybe_object(observation.get("usageDetails"))) or Usage()
        put(
            attributes,
            {"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens},
        )
    for name, member in zip(names, ("input", "output"), strict=True):
        if name and name not in attributes:
            put(attributes, {name: observation.get(member)})
    return attributes


def _named(observation: Mapping[str, Any], sent: Mapping[str, Any]) -> tuple[str, str] | None:
    """How the producer's convention calls input and output; None where it is not known."""
    if "openinference.span.kind" in sent:
        return "input.value", "output.value"
    if any(name.startswith("langsmith.") for name in sent):
        return "gen_ai.prompt", "gen_ai.completion"
    operation = sent.get("gen_ai.operation.name")
    if operation == "execute_tool" or "gen_ai.tool.name" in sent:
        return "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
    if isinstance(operation, str) and "events" not in sent and observation.get("type") != "SPAN":
        return "gen_ai.input.messages", "gen_ai.output.messages"
    return ("", "") if _speaks_for_itself(sent) else None


def _speaks_for_itself(sent: Mapping[str, Any]) -> bool:
    """Whether the attributes that Langfuse left hold what was said, as those of pydantic-ai do."""
    return not sent.keys().isdisjoint({"events", "all_messages_events", "pydantic_ai.all_messages", "tool_response"})


def _kind(observation: Mapping[str, Any], sent: Mapping[str, Any]) -> str:
    """The type of an observation; where Langfuse knew none but `SPAN`, the one that its attributes tell."""
    kind = str(observation.get("type") or "").lower()
    if kind not in _PLAIN:
        return kind
    told = str(sent.get("ag2.span.type") or sent.get("traceloop.span.kind") or "").lower()
    if told in {"tool", "agent"}:
        return told
    return "tool" if "gen_ai.tool.name" in sent else "agent" if "gen_ai.agent.name" in sent else kind
