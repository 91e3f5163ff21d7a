"""The events of one Inspect sample in, the spans of its agents out.

Each agent at work has turns of its own: the one that the sample began with, one for every agent span, and one for the
events that older logs write down inside a tool's event. A nested agent lies beneath the tool call that started it.

What a scorer asks of a model is not the agent's doing: it stays in the record, and makes no span. So do the events of
sandboxes, stores, approvals and logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agenteval.core import semconv
from agenteval.intake.formats._inspect_messages import Messages
from agenteval.intake.formats._json import Unreadable
from agenteval.intake.formats._parts import has_text, message
from agenteval.intake.formats._reading import (
    maybe_count,
    maybe_number,
    maybe_object,
    maybe_objects,
    maybe_text,
    shown,
    time_of,
)
from agenteval.intake.formats._trace import Draft, Trace, offered, present

_SCORING = frozenset({"scorer", "scorers"})
_MOST_MESSAGES = 5_000_000  # that all model calls of a sample may repeat, when a log names them by reference
_DEEPEST = 200  # spans within each other
_SECOND = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class _Run:
    """One agent at work: its turn of now, and what its model has read or said."""

    name: str
    parent: str | None
    turn: Draft | None = None
    chat: Draft | None = None
    asked: bool = False
    known: set[str] = field(default_factory=set[str])
    last_said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last_end_ns: int = 0


class EventWriter:
    """Writes the events of a sample into a trace.

    Args:
        trace: Where to.
        messages: Reads the sample's messages.
        data: The sample.
        events: Its events, in order.
    """

    def __init__(
        self, trace: Trace, messages: Messages, data: Mapping[str, Any], events: Sequence[dict[str, Any]]
    ) -> None:
        self._trace = trace
        self._messages = messages
        self._data = data
        self._events = events
        pool: object = maybe_object(data.get("events_data")).get("messages")
        self._pool = [maybe_object(item) for item in cast("list[object]", pool if isinstance(pool, list) else [])]
        self._spans = {
            event["id"]: event
            for event in events
            if event.get("event") == "span_begin" and isinstance(event.get("id"), str)
        }
        self._steps: list[str | None] = []  # kinds of the steps that are open, in logs that know no spans
        self._runs: dict[str, _Run] = {}
        self._tools: dict[str, str] = {}  # agent span, or name of a tool, to the call that started it
        self._executed: set[str] = set()
        self._repeated = 0
        self._offered: set[str] | None = None
        self._now = 0
        for event in events:
            self._note_calls(event)

    @property
    def has_model_calls(self) -> bool:
        """Whether there is anything to write that the sample's messages do not say better."""
        return any(event.get("event") == "model" and not self._scoring(event) for event in self._events)

    def write(self) -> None:
        """Write all events, then what the sample's messages say beyond them."""
        for event in self._events:
            self._event(event, "")
        self._rest()
        for run in self._runs.values():
            self._end_turn(run)
        if self._offered is not None:
            self._trace.attributes[semconv.OFFERED_TOOLS] = offered(self._offered)

    def _note_calls(self, event: Mapping[str, Any]) -> None:
        if event.get("event") == "tool" and isinstance(event.get("id"), str):
            self._executed.add(event["id"])
        for inner in maybe_objects(event.get("events")):
            self._note_calls(inner)

    def _event(self, event: Mapping[str, Any], nested_in: str) -> None:
        kind = event.get("event")
        if kind == "step":
            self._step(event)
        elif kind == "model" and not self._scoring(event):
            self._model(event, self._run_of(event, nested_in))
        elif kind == "tool" and not self._scoring(event):
            self._tool(event, self._run_of(event, nested_in))
        elif kind == "subtask":
            for inner in maybe_objects(event.get("events")):
                self._event(inner, nested_in)

    def _step(self, event: Mapping[str, Any]) -> None:
        if event.get("action") == "begin":
            self._steps.append(maybe_text(event.get("type")))
        elif self._steps:
            self._steps.pop()

    # --- whose event it is

    def _above(self, span_id: object) -> list[dict[str, Any]]:
        """The spans around one, the nearest first; a cycle ends the search, and so do very many."""
        found: list[dict[str, Any]] = []
        seen: set[object] = set()
        while isinstance(span_id, str) and span_id in self._spans and span_id not in seen and len(seen) < _DEEPEST:
            seen.add(span_id)
            found.append(self._spans[span_id])
            span_id = self._spans[span_id].get("parent_id")
        return found

    def _scoring(self, event: Mapping[str, Any]) -> bool:
        around = (span.get("type") for span in self._above(event.get("span_id")))
        return any(kind in _SCORING for kind in (*around, *self._steps) if isinstance(kind, str))

    def _run_of(self, event: Mapping[str, Any], nested_in: str) -> _Run:
        above = self._above(event.get("span_id"))
        at = next((at for at, span in enumerate(above) if span.get("type") == "agent"), None)
        key = nested_in if at is None else str(above[at]["id"])
        if key not in self._runs:
            if at is None:
                self._runs[key] = _Run(name=self._trace.agent, parent=nested_in or None)
            else:
                self._runs[key] = self._nested(above[at], above[at + 1 :])
        return self._runs[key]

    def _nested(self, span: Mapping[str, Any], above: Sequence[Mapping[str, Any]]) -> _Run:
        """The run of an agent span, beneath the call that names it, else the tool, else the agent around it."""
        parent = self._tools.get(str(span["id"]))
        for outer in above:
            if parent is None and outer.get("type") == "tool":
                parent = self._tools.get(f"name:{outer.get('name')}")
            run = self._runs.get(str(outer["id"]))
            if parent is None and run is not None and run.turn is not None:
                parent = run.turn.id
        return _Run(name=maybe_text(span.get("name")) or self._trace.agent, parent=parent)

    # --- model calls

    def _model(self, event: Mapping[str, Any], run: _Run) -> None:
        at_ns = self._begins(event, run)
        read = self._read_by(event)
        self._hear(read, run, at_ns)
        turn = run.turn or self._begin_turn(run, [], at_ns)
        draft = self._trace.open(
            semconv.CHAT, maybe_text(event.get("model")) or "", parent=turn.id, start_ns=self._tick(at_ns)
        )
        output = maybe_object(event.get("output"))
        choice = (maybe_objects(output.get("choices")) or [{}])[0]
        said = maybe_object(choice.get("message"))
        answer = self._messages.read(said) if said else None
        draft.attributes |= _chat_attributes(event, output, choice)
        draft.attributes |= self._tools_of(event)
        draft.attributes[semconv.INPUT_MESSAGES] = [self._messages.read(item) for item in read]
        error = maybe_text(self._messages.resolved(event.get("error")))
        if error is not None:
            draft.fail("model_error", error)
        elif answer is not None:
            draft.attributes[semconv.OUTPUT_MESSAGES] = [answer]
            run.known.add(self._messages.identity(said))
            run.last_said = answer["parts"] if has_text(answer["parts"]) else []
        self._close(draft, event, run, maybe_number(output.get("time")))
        run.chat = draft

    def _read_by(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a model call read: written out, or as ranges of the sample's pool of messages."""
        read = maybe_objects(event.get("input"))
        refs: object = event.get("input_refs")
        for ref in cast("list[object]", refs if isinstance(refs, list) else []):
            ends = [maybe_count(end) for end in cast("list[object]", ref if isinstance(ref, list) else [])]
            low, high = (*ends, None, None)[:2]
            if low is None or high is None or high > len(self._pool):
                named = shown(cast("object", ref))
                raise Unreadable(f"a model call refers to messages {named} of {len(self._pool)}")
            read.extend(self._pool[low:high])
            self._repeated += max(high - low, 0)
            if self._repeated > _MOST_MESSAGES:
                raise Unreadable(f"its model calls repeat more than {_MOST_MESSAGES:,} messages")
        return read

    def _hear(self, read: Sequence[dict[str, Any]], run: _Run, at_ns: int) -> None:
        """Begin a turn where a model call reads what a user said since the last one."""
        first = not run.asked
        run.asked = True
        heard: list[dict[str, Any]] = []
        for item in read:
            name = self._messages.identity(item)
            if name in run.known:
                continue
            run.known.add(name)
            if item.get("role") == "tool" and not first:
                self._answered_elsewhere(item, run, at_ns)
            elif first or maybe_text(item.get("role")) in {"user", "system"}:
                heard.append(item)
        if run.turn is None or any(item.get("role") == "user" for item in heard):
            self._end_turn(run)
            self._begin_turn(run, heard, at_ns, first=first)

    def _answered_elsewhere(self, item: dict[str, Any], run: _Run, at_ns: int) -> None:
        """A tool's answer that no event tells of: the tool ran outside Inspect."""
        answer = self._messages.answer(item)
        if answer.call_id is not None and answer.call_id in self._executed:
            return
        turn = run.turn or self._begin_turn(run, [], at_ns)
        request = self._request(run, answer.call_id)
        name = answer.name or (request or {}).get("name") or "unknown"
        draft = self._trace.open(semconv.EXECUTE_TOOL, name, parent=turn.id, start_ns=self._tick(at_ns))
        draft.end_ns = draft.start_ns + 1
        missing = None if request else {"arguments": "no request with this call id comes before the result"}
        draft.attributes |= present(
            {semconv.TOOL_NAME: name, semconv.TOOL_CALL_ID: answer.call_id, semconv.NOT_RECORDED: missing}
        )
        if request is not None:
            draft.attributes[semconv.TOOL_ARGUMENTS] = request["arguments"]
        if answer.error is not None:
            draft.fail("tool_error", answer.error)
        else:
            draft.attributes[semconv.TOOL_RESULT] = answer.result
        run.last_said = []

    def _request(self, run: _Run, call_id: str | None) -> dict[str, Any] | None:
        """The request of the last model call that has that id."""
        for output in [] if run.chat is None else _outputs(run.chat):
            for part in cast("list[dict[str, Any]]", output["parts"]):
                if part["type"] == "tool_call" and call_id is not None and part["id"] == call_id:
                    return part
        return None

    def _tools_of(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(event.get("tools"), list):
            return {}
        tools = [
            {"name": tool["name"], **{key: tool[key] for key in ("description", "parameters") if key in tool}}
            for tool in maybe_objects(self._messages.resolved(event["tools"]))
            if isinstance(tool.get("name"), str)
        ]
        self._offered = (self._offered or set()) | {tool["name"] for tool in tools}
        return {semconv.TOOL_DEFINITIONS: tools} if tools else {}

    # --- tool calls

    def _tool(self, event: Mapping[str, Any], run: _Run) -> None:
        at_ns = self._begins(event, run)
        turn = run.turn or self._begin_turn(run, [], at_ns)
        name = maybe_text(event.get("function")) or "unknown"
        draft = self._trace.open(semconv.EXECUTE_TOOL, name, parent=turn.id, start_ns=self._tick(at_ns))
        missing = {"result": "the log was written before the call ended"} if event.get("pending") is True else {}
        if missing:
            missing["status"] = missing["result"]
        draft.attributes |= present(
            {
                semconv.TOOL_NAME: name,
                semconv.TOOL_CALL_ID: maybe_text(event.get("id")),
                semconv.NOT_RECORDED: missing or None,
            }
        )
        draft.attributes[semconv.TOOL_ARGUMENTS] = self._messages.resolved(event.get("arguments"))
        result = self._messages.resolved(event.get("result"))
        error = self._messages.failure(event, result)
        if error is not None:
            draft.fail(maybe_text(maybe_object(event.get("error")).get("type")) or "tool_error", error)
        elif not missing:
            draft.attributes[semconv.TOOL_RESULT] = result
        self._tools[f"name:{name}"] = draft.id
        if isinstance(event.get("agent_span_id"), str):
            self._tools[event["agent_span_id"]] = draft.id
        run.last_said = []
        for inner in maybe_objects(event.get("events")):
            self._event(inner, draft.id)
        self._close(draft, event, run, maybe_number(event.get("working_time")))

    # --- turns and times

    def _begin_turn(self, run: _Run, heard: Sequence[dict[str, Any]], at_ns: int, *, first: bool = False) -> Draft:
        turn = self._trace.open_agent(self._tick(at_ns), name=run.name, parent=run.parent)
        spoken = [self._messages.read(item) for item in heard]
        if first and spoken and spoken[0]["role"] == "system":
            texts = [part["content"] for part in spoken[0]["parts"] if part["type"] == "text"]
            if len(texts) == len(spoken[0]["parts"]) == 1:
                turn.attributes[semconv.SYSTEM_INSTRUCTIONS] = texts[0]
                spoken = spoken[1:]
        if spoken:
            turn.attributes[semconv.INPUT_MESSAGES] = spoken
        run.turn = turn
        run.last_said = []
        return turn

    def _end_turn(self, run: _Run) -> None:
        if run.turn is None:
            return
        run.turn.end_ns = max(run.turn.end_ns, run.last_end_ns, run.turn.start_ns + 1)
        if run.last_said:
            run.turn.attributes[semconv.OUTPUT_MESSAGES] = [message("assistant", run.last_said)]
        run.turn = None

    def _begins(self, event: Mapping[str, Any], run: _Run) -> int:
        """When an event began; a model call that is said to have ended later ended just before."""
        at_ns = max(time_of(event.get("timestamp")) or 0, self._now + 1)
        if run.chat is not None and run.chat.end_ns >= at_ns:
            run.chat.end_ns = max(run.chat.start_ns, at_ns - 1)
        return at_ns

    def _tick(self, at_ns: int) -> int:
        """A moment of its own for each span, so that their order is that of the log."""
        self._now = max(at_ns, self._now + 1)
        return self._now

    def _close(self, draft: Draft, event: Mapping[str, Any], run: _Run, seconds: float | None) -> None:
        ended = time_of(event.get("completed"))
        if ended is None and seconds is not None:
            ended = draft.start_ns + int(seconds * _SECOND)
        draft.end_ns = max(ended or 0, draft.start_ns + 1)
        run.last_end_ns = max(run.last_end_ns, draft.end_ns)

    # --- what the events do not tell

    def _rest(self) -> None:
        """What the sample's messages say beyond the events: a last word of the user, an answer that was put in."""
        known = set[str]().union(*(run.known for run in self._runs.values()))
        rest = [
            item for item in maybe_objects(self._data.get("messages")) if self._messages.identity(item) not in known
        ]
        run = next(iter(self._runs.values()))
        heard = [item for item in rest if item.get("role") == "user"]
        self._now = max(self._now, *(other.last_end_ns for other in self._runs.values()))
        for item in rest:
            if item.get("role") == "tool":
                self._answered_elsewhere(item, run, self._now + 1)
        said = [item for item in rest if item.get("role") == "assistant"]
        if not heard and not said:
            self._last_word(run)
            return
        self._end_turn(run)
        self._begin_turn(run, heard, self._now + 1)
        run.last_said = self._messages.read(said[-1])["parts"] if said else []

    def _last_word(self, run: _Run) -> None:
        """The last message as the sample keeps it, where a submitted answer was added to what the model said."""
        kept = [item for item in maybe_objects(self._data.get("messages")) if item.get("role") == "assistant"]
        if not kept or run.turn is None or run.chat is None:
            return
        words = [part for part in self._messages.read(kept[-1])["parts"] if part["type"] == "text"]
        model_said = [part for output in _outputs(run.chat) for part in output["parts"]]
        if words and any(part not in model_said for part in words):
            run.last_said = words


def _outputs(chat: Draft) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", chat.attributes.get(semconv.OUTPUT_MESSAGES, []))


def _chat_attributes(event: Mapping[str, Any], output: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    usage = maybe_object(output.get("usage"))
    read, written, both = (maybe_count(usage.get(f"{name}_tokens")) for name in ("input", "output", "total"))
    if read is not None and both is not None and written is not None:
        read = max(read, both - written)  # some providers leave what came from a cache out of the input
    stop = maybe_text(choice.get("stop_reason"))
    missing = None if usage or event.get("error") else {"usage": "the log has no token counts of this call"}
    return present(
        {
            semconv.REQUEST_MODEL: maybe_text(event.get("model")),
            semconv.RESPONSE_MODEL: maybe_text(output.get("model")) or None,
            semconv.FINISH_REASONS: None if stop is None else [stop],
            semconv.INPUT_TOKENS: read,
            semconv.OUTPUT_TOKENS: written,
            semconv.CACHED_TOKENS: maybe_count(usage.get("input_tokens_cache_read")),
            semconv.CACHE_WRITE_TOKENS: maybe_count(usage.get("input_tokens_cache_write")),
            semconv.REASONING_TOKENS: maybe_count(usage.get("reasoning_tokens")),
            semconv.COST_USD: maybe_number(usage.get("total_cost")),
            semconv.NOT_RECORDED: missing,
        }
    )
