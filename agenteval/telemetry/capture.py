"""Records what an agent does as OpenTelemetry spans, loses none of them, and counts every one.

One private tracer provider serves our own records. The same processor is added to the process's global provider, so
that spans of an agent's own instrumentation land in the trial's trace. A span belongs to a trial when its trace id
does: outside a trial the processor does nothing, and no span of the user's reaches us. What our records say is kept
beside their spans, because OpenTelemetry attributes hold flat values only, and messages and arguments are not flat.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from agenteval._util.ids import derived
from agenteval._util.plain import plain
from agenteval.core import semconv
from agenteval.core.codec import message_to_json, tool_to_json
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import OpenRecord
from agenteval.core.span import Attribute, Span, SpanEvent, SpanLink, SpanStatus
from agenteval.core.trajectory import Usage
from agenteval.errors import RequestError

SCOPE = "agenteval"

_UNLIMITED = SpanLimits(
    max_attributes=SpanLimits.UNSET,
    max_events=SpanLimits.UNSET,
    max_links=SpanLimits.UNSET,
    max_event_attributes=SpanLimits.UNSET,
    max_link_attributes=SpanLimits.UNSET,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)


class Capture:
    """Everything that belongs to the process: the provider, the processor, the trials at work.

    Raises:
        RequestError: The environment switches the OpenTelemetry SDK off, or names a tracer provider that is not there:
            nothing could be recorded.
    """

    def __init__(self) -> None:
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            raise RequestError("OTEL_SDK_DISABLED=true switches recording off; unset it to run trials")
        self._trials: dict[int, TrialRecorder] = {}
        processor = _Processor(self._trials)
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": SCOPE}),
            span_limits=_UNLIMITED,
            id_generator=_Ids(self._trials),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self.tracer = self._provider.get_tracer(SCOPE)
        self._attach_globally(processor)

    def _attach_globally(self, processor: _Processor) -> None:
        try:
            current = otel.get_tracer_provider()
        except StopIteration as error:
            provider = os.environ.get(OTEL_PYTHON_TRACER_PROVIDER)
            raise RequestError(
                f'{OTEL_PYTHON_TRACER_PROVIDER} names "{provider}", which is not installed; unset it to run trials'
            ) from error
        if isinstance(current, TracerProvider):
            current.add_span_processor(processor)
        elif isinstance(current, otel.ProxyTracerProvider):
            otel.set_tracer_provider(self._provider)

    def open(
        self, trace_id: str, name: str, attributes: Mapping[str, Attribute], *, on_use: Callable[[], None] | None = None
    ) -> TrialRecorder:
        """Start recording one trial under its trace id.

        Args:
            trace_id: 32 hexadecimal digits.
            name: Name of the root span.
            attributes: Attributes of the root span.
            on_use: Called before each record opens and after each model call; may raise to refuse it.
        """
        recorder = TrialRecorder(self, trace_id, name, attributes, on_use or (lambda: None))
        self._trials[int(trace_id, 16)] = recorder
        return recorder

    def forget(self, trace_id: str) -> None:
        """Stop taking spans of that trial."""
        self._trials.pop(int(trace_id, 16), None)


_CAPTURE: list[Capture] = []
_CAPTURE_LOCK = threading.Lock()


def capture() -> Capture:
    """The process's one capture: a processor cannot be taken off a provider again, so there is never a second."""
    with _CAPTURE_LOCK:
        if not _CAPTURE:
            _CAPTURE.append(Capture())
        return _CAPTURE[0]


class _Processor(SpanProcessor):
    """Counts starts and ends, and keeps every span that belongs to a trial. Drops nothing, waits for nothing."""

    def __init__(self, trials: Mapping[int, TrialRecorder]) -> None:
        self._trials = trials

    def on_start(self, span: SdkSpan, parent_context: otel_context.Context | None = None) -> None:
        """Count a span of a trial."""
        del parent_context
        trial = self._trials.get(span.get_span_context().trace_id)
        if trial is not None:
            trial.started()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span of a trial."""
        context = span.get_span_context()
        trial = None if context is None else self._trials.get(context.trace_id)
        if trial is not None:
            trial.ended(span)

    def shutdown(self) -> None:
        """Nothing to stop."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is ever held back."""
        del timeout_millis
        return True


class _Ids(IdGenerator):
    """Span ids that follow from the trace and a counter; random outside trials."""

    def __init__(self, trials: Mapping[int, TrialRecorder]) -> None:
        self._trials = trials
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        current = otel.get_current_span().get_span_context()
        trial = self._trials.get(current.trace_id) if current.is_valid else None
        return self._random.generate_span_id() if trial is None else trial.next_span_id()


class Record:
    """An open record: a span, and the attributes that go with it."""

    __slots__ = ("_closed", "attributes", "id", "span")

    def __init__(self, span: otel.Span) -> None:
        self.span = span
        self.attributes: dict[str, Any] = {}
        self.id = format(span.get_span_context().span_id, "016x")
        self._closed = False

    @property
    def is_open_tool(self) -> bool:
        """Whether it is a tool call that has not ended."""
        return not self._closed and self.attributes.get(semconv.OPERATION) == semconv.EXECUTE_TOOL

    def set(self, key: str, value: Any) -> None:
        """Set an attribute of any shape."""
        self.attributes[key] = value

    def end(self) -> None:
        """Close it as it stands; closing twice is closing once."""
        if not self._closed:
            self._closed = True
            self.span.end()

    def fail(self, kind: str, message: str) -> None:
        """Close it with an error."""
        if not self._closed:
            self.attributes[semconv.ERROR_TYPE] = kind
            self.span.set_status(StatusCode.ERROR, message)
            self.end()


class TrialRecorder:
    """Records one trial. Implements `core.ports.Recorder`; safe to use from several threads."""

    def __init__(
        self, owner: Capture, trace_id: str, name: str, attributes: Mapping[str, Attribute], on_use: Callable[[], None]
    ) -> None:
        self.trace_id = trace_id
        self.usage = Usage()
        self.tool_calls = 0
        self.changes: list[dict[str, Json]] = []
        self._owner = owner
        self._name = name
        self._attributes = dict(attributes)
        self._on_use = on_use
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._started = 0
        self._spans: list[ReadableSpan] = []
        self._records: dict[str, Record] = {}
        self._start_ns = time.time_ns()
        self._root_id = derived(trace_id, "root", digits=16)
        parent = SpanContext(int(trace_id, 16), int(self._root_id, 16), is_remote=False, trace_flags=TraceFlags(1))
        self._root_context = otel.set_span_in_context(NonRecordingSpan(parent), otel_context.Context())

    # --- called by the processor

    def started(self) -> None:
        """Count a started span."""
        with self._lock:
            self._started += 1

    def ended(self, span: ReadableSpan) -> None:
        """Keep an ended span."""
        with self._lock:
            self._spans.append(span)

    def next_span_id(self) -> int:
        """The next deterministic span id of this trace."""
        return int(derived(self.trace_id, next(self._numbers), digits=16), 16)

    # --- records

    @property
    def unfinished(self) -> int:
        """Spans that were started and have not ended."""
        with self._lock:
            return self._started - len(self._spans)

    @contextmanager
    def active(self) -> Generator[None]:
        """Make the root the current span: what opens inside, by us or by other instrumentations, lands beneath it."""
        token = otel_context.attach(self._root_context)
        try:
            yield
        finally:
            otel_context.detach(token)

    def enter(self, record: OpenRecord | None) -> None:
        """Make a record, or the root, the current span of this task from here on."""
        if record is None:
            otel_context.attach(self._root_context)
        else:
            otel_context.attach(otel.set_span_in_context(cast("Record", record).span))

    @contextmanager
    def current(self, record: OpenRecord) -> Generator[None]:
        """Make a record the current span."""
        span = cast("Record", record).span
        token = otel_context.attach(otel.set_span_in_context(span))
        try:
            yield
        finally:
            otel_context.detach(token)

    def open_agent(self, name: str, *, messages: Sequence[Message], parent: OpenRecord | None = None) -> Record:
        """Open an `invoke_agent` record."""
        record = self._open_record(semconv.INVOKE_AGENT, name, SpanKind.INTERNAL, parent)
        record.set(semconv.AGENT_NAME, name)
        record.set(semconv.CONVERSATION_ID, self.trace_id)
        record.set(semconv.INPUT_MESSAGES, [message_to_json(message) for message in messages])
        return record

    def open_chat(
        self, request: ModelRequest, *, model: str, provider: str = "", parent: OpenRecord | None = None
    ) -> Record:
        """Open a `chat` record. Raises what `on_use` raises, before anything is recorded."""
        self._on_use()
        record = self._open_record(semconv.CHAT, model, SpanKind.CLIENT, parent)
        record.set(semconv.REQUEST_MODEL, model)
        if provider:
            record.set(semconv.PROVIDER, provider)
        record.set(semconv.INPUT_MESSAGES, [message_to_json(message) for message in request.messages])
        if request.tools:
            record.set(semconv.TOOL_DEFINITIONS, [tool_to_json(tool) for tool in request.tools])
        return record

    def close_chat(self, record: OpenRecord, completion: Completion) -> None:
        """Close a `chat` record with its answer and add its usage. Then raises what `on_use` raises."""
        usage = completion.usage
        optional = {
            semconv.RESPONSE_ID: completion.response_id,
            semconv.FINISH_REASONS: None if completion.finish is None else [completion.finish],
            semconv.INPUT_TOKENS: usage.input_tokens,
            semconv.OUTPUT_TOKENS: usage.output_tokens,
            semconv.CACHED_TOKENS: usage.cached_tokens,
            semconv.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
            semconv.REASONING_TOKENS: usage.reasoning_tokens,
            semconv.COST_USD: usage.cost_usd,
        }
        record.set(semconv.OUTPUT_MESSAGES, [message_to_json(completion.message)])
        record.set(semconv.RESPONSE_MODEL, completion.model)
        for key, value in optional.items():
            if value is not None:
                record.set(key, value)
        record.end()
        with self._lock:
            self.usage += usage
        self._on_use()

    def open_tool(
        self, name: str, arguments: Json, *, call_id: str | None = None, parent: OpenRecord | None = None
    ) -> Record:
        """Open an `execute_tool` record. Raises what `on_use` raises, before anything is recorded."""
        with self._lock:
            self.tool_calls += 1
        self._on_use()
        record = self._open_record(semconv.EXECUTE_TOOL, name, SpanKind.INTERNAL, parent)
        record.set(semconv.TOOL_NAME, name)
        record.set(semconv.TOOL_ARGUMENTS, plain(arguments))
        if call_id is not None:
            record.set(semconv.TOOL_CALL_ID, call_id)
        return record

    def close_tool(self, record: OpenRecord, result: Json, changes: Sequence[Mapping[str, Json]] = ()) -> None:
        """Close an `execute_tool` record."""
        record.set(semconv.TOOL_RESULT, plain(result))
        self.note_changes(record, changes)
        record.end()

    def fail_tool(
        self, record: OpenRecord, kind: str, message: str, changes: Sequence[Mapping[str, Json]] = ()
    ) -> None:
        """Close an `execute_tool` record with its error."""
        self.note_changes(record, changes)
        record.fail(kind, message)

    def note_changes(self, record: OpenRecord, changes: Sequence[Mapping[str, Json]]) -> None:
        """Note what an open `execute_tool` record changed in the world, after what was noted before."""
        if changes:
            recorded = plain(changes)
            before = cast("Record", record).attributes.get(semconv.STATE_CHANGES, [])
            record.set(semconv.STATE_CHANGES, [*before, *recorded])
            self.changes.extend(recorded)

    def tool_at_work(self) -> Record | None:
        """The open `execute_tool` record that is current, else the one that was opened last, if any."""
        current = format(otel.get_current_span().get_span_context().span_id, "016x")
        with self._lock:
            tools = [record for record in self._records.values() if record.is_open_tool]
        return next((record for record in tools if record.id == current), tools[-1] if tools else None)

    def last_tool(self) -> Record | None:
        """The `execute_tool` record at work, else the last one that there was."""
        with self._lock:
            tools = [r for r in self._records.values() if r.attributes.get(semconv.OPERATION) == semconv.EXECUTE_TOOL]
        return self.tool_at_work() or (tools[-1] if tools else None)

    def retract_tool(self, record: OpenRecord, why: str) -> None:
        """Close an `execute_tool` record that makes no step, and take it out of the count, once."""
        with self._lock:
            if semconv.NO_STEP in cast("Record", record).attributes:
                return
            self.tool_calls -= 1
            record.set(semconv.NO_STEP, why)
        record.end()

    def open_plumbing(self, name: str, attributes: Mapping[str, Any]) -> Record:
        """Open a record that makes no step: something around the agent, right under the root."""
        record = self._open(name, self._root_context, SpanKind.INTERNAL)
        record.attributes.update(attributes)
        return record

    def open_inner(self, name: str, attributes: Mapping[str, Any], *, parent: OpenRecord | None) -> Record:
        """Open a record that makes no step, beneath another one or beneath what is current."""
        record = self._open(name, self._context_under(parent), SpanKind.INTERNAL)
        record.attributes.update(attributes)
        return record

    def _open_record(self, operation: str, name: str, kind: SpanKind, parent: OpenRecord | None) -> Record:
        record = self._open(f"{operation} {name}", self._context_under(parent), kind)
        record.set(semconv.OPERATION, operation)
        return record

    def _open(self, name: str, context: otel_context.Context, kind: SpanKind) -> Record:
        record = Record(self._owner.tracer.start_span(name, context=context, kind=kind))
        with self._lock:
            self._records[record.id] = record
        return record

    def _context_under(self, parent: OpenRecord | None) -> otel_context.Context:
        """Under the given record; else under the current span, where it is of this trial; else under the root."""
        if parent is not None:
            return otel.set_span_in_context(cast("Record", parent).span)
        if otel.get_current_span().get_span_context().trace_id == int(self.trace_id, 16):
            return otel_context.get_current()
        return self._root_context

    # --- the end

    def close(self, attributes: Mapping[str, Attribute]) -> list[Span]:
        """Close what is still open, and give every span of the trial, the root first.

        Args:
            attributes: What the root span learned during the trial.
        """
        for record in list(self._records.values()):
            record.fail("cancelled", "the trial ended before this did")
        with self._lock:
            ended = list(self._spans)
            started = self._started
        root = Span(
            trace_id=self.trace_id,
            span_id=self._root_id,
            name=self._name,
            start_ns=self._start_ns,
            end_ns=time.time_ns(),
            scope={"name": SCOPE},
            attributes={
                **self._attributes,
                **attributes,
                semconv.CONVERSATION_ID: self.trace_id,
                semconv.SPANS_STARTED: started + 1,
                semconv.SPANS_ENDED: len(ended) + 1,
            },
        )
        self._owner.forget(self.trace_id)
        return [root, *(self._value_of(span) for span in ended)]

    def _value_of(self, span: ReadableSpan) -> Span:
        span_id = format(cast("SpanContext", span.get_span_context()).span_id, "016x")
        record = self._records.get(span_id)
        return span_value(span, {} if record is None else record.attributes)


def span_value(span: ReadableSpan, recorded: Mapping[str, Attribute]) -> Span:
    """A span of the SDK as our value, nothing lost, with the attributes that were recorded beside it."""
    context = cast("SpanContext", span.get_span_context())
    scope = span.instrumentation_scope
    return Span(
        trace_id=format(context.trace_id, "032x"),
        span_id=format(context.span_id, "016x"),
        parent_id=None if span.parent is None else format(span.parent.span_id, "016x"),
        trace_state=context.trace_state.to_header(),
        flags=int(context.trace_flags),
        name=span.name,
        kind=span.kind.value + 1,  # the SDK counts kinds from 0, OTLP from 1
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        status=SpanStatus(code=span.status.status_code.value, message=span.status.description or ""),
        attributes={**_attributes(span.attributes), **recorded},
        events=tuple(
            SpanEvent(name=event.name, at_ns=event.timestamp, attributes=_attributes(event.attributes))
            for event in span.events
        ),
        links=tuple(
            SpanLink(
                trace_id=format(link.context.trace_id, "032x"),
                span_id=format(link.context.span_id, "016x"),
                trace_state=link.context.trace_state.to_header(),
                attributes=_attributes(link.attributes),
            )
            for link in span.links
        ),
        dropped_attributes=span.dropped_attributes,
        dropped_events=span.dropped_events,
        dropped_links=span.dropped_links,
        resource=_attributes(span.resource.attributes),
        scope={} if scope is None else {"name": scope.name, "version": scope.version or ""},
        schema_url="" if scope is None else scope.schema_url or "",
    )


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Attribute]:
    if not attributes:
        return {}
    return {
        key: list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value
        for key, value in attributes.items()
    }
