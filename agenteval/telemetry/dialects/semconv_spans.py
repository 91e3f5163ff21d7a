"""A span with attributes of the GenAI convention in, any of its four generations, its reading out.

Generations are told apart attribute by attribute, not by version: producers mix them, and several write one value under
two or three names. The dialects of single producers are built from the functions here.

    A  to 1.36     `gen_ai.system`, messages as events
    B  1.37-1.41   `gen_ai.provider.name`, messages as attributes, or in one event with the details
    C  mid 2026    more operations, `gen_ai.usage.reasoning.output_tokens`, workflows
    D  autumn 2026 `cache_write` for `cache_creation`, `gen_ai.transfer.*`, more kinds of message parts

References:
    OpenTelemetry semantic conventions 1.26 to 1.41; repository semantic-conventions-genai.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from agenteval.core import semconv
from agenteval.core.message import Message, RefusalPart, TextPart, ToolRequest, ToolResponse
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff, Usage
from agenteval.telemetry.dialects import build
from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.build import Found
from agenteval.telemetry.dialects.chat import offered_of
from agenteval.telemetry.dialects.errors import error_of
from agenteval.telemetry.dialects.googles import GOOGLE, googles
from agenteval.telemetry.dialects.held import REDACTED, Held, beginning, first_text, object_of, text_of
from agenteval.telemetry.dialects.reading import Reading
from agenteval.telemetry.dialects.semconv_events import details_of, told
from agenteval.telemetry.dialects.semconv_messages import Talk, talk_of, together
from agenteval.telemetry.dialects.semconv_parts import is_left_out
from agenteval.telemetry.dialects.semconv_usage import finish, usage

NO_CONTENT = (
    "content_off: neither the span nor its events carry it: turn content capture on in the agent's instrumentation, "
    "and send logs where it writes contents to them"
)
CUT = "cut: the sender cut the text, and what is left cannot be read"

_CONTENT = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
    semconv.TOOL_ARGUMENTS,
    semconv.TOOL_RESULT,
)
_MODEL = frozenset(
    {
        semconv.CHAT,
        "generate_content",
        "text_completion",
        "completion",
        "chat.completions",
        "text.completions",
        "responses",
    }
)
_WORKFLOW = "invoke_workflow"
_ABOUT = (
    "gen_ai.request.",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.operation.name",
    "gen_ai.agent.",
    "gen_ai.workflow.",
    "gen_ai.output.type",
    "gen_ai.tool.type",
    "gen_ai.tool.description",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.openai.",
    "openai.",
    "aws.bedrock.",
    "azure.",
    "server.",
    "error.type",
    "gen_ai.token.type",
    "gen_ai.usage.total_tokens",
)

Kind = Literal["model", "tool", "agent", "workflow", "plumbing"]


def kind_of(span: Span) -> Kind | None:
    """What a span is by the convention; None where it is nothing of it."""
    attributes = span.attributes
    operation = attributes.get(semconv.OPERATION)
    if isinstance(operation, str) and operation:
        return _kind_of_operation(operation)
    if semconv.TOOL_NAME in attributes or semconv.TOOL_ARGUMENTS in attributes:
        return "tool"
    if span.name.startswith(f"{semconv.INVOKE_AGENT} ") and semconv.AGENT_NAME in attributes:
        return "agent"
    named = semconv.REQUEST_MODEL in attributes or semconv.RESPONSE_MODEL in attributes
    if not named:
        return None
    answered = "gen_ai.system" in attributes or beginning(tuple(attributes), _ANSWERED)
    return "model" if answered else None


_ANSWERED = ("gen_ai.usage.", "gen_ai.response.", semconv.OUTPUT_MESSAGES, semconv.INPUT_MESSAGES)


def _kind_of_operation(operation: str) -> Kind:
    if operation in _MODEL:
        return "model"
    if operation == semconv.EXECUTE_TOOL:
        return "tool"
    if operation == semconv.INVOKE_AGENT:
        return "agent"
    return "workflow" if operation.startswith("invoke_") else "plumbing"  # Strands has `invoke_swarm`, `invoke_graph`


def opened(dialect: str, span: Span, logs: Sequence[LogRecord] = ()) -> Found:
    """A span with what the events of its details say besides, and what all kinds of spans have in common."""
    details = details_of(span, logs)
    if details:
        content = {name: details[name] for name in _CONTENT if details.get(name)}
        span = replace(span, attributes={**details, **span.attributes, **content})
    held = Held(span)
    held.uses_all(*_ABOUT)
    found = Found(dialect, span, held)
    found.session = known(held.text(semconv.CONVERSATION_ID, "session.id"))
    found.user = known(held.text("user.id", "enduser.id"))
    found.agent = known(held.text(semconv.AGENT_NAME))
    return found


def known(text: str | None) -> str | None:
    """A text, unless it is a placeholder that a sender wrote in its place."""
    return None if is_left_out(text) else text


def read(found: Found, logs: Sequence[LogRecord], kind: Kind, *, encoded: bool = False) -> Reading:
    """The reading of a span that follows the convention and nothing else.

    Args:
        found: What was found so far.
        logs: The log records of the span.
        kind: What the span is.
        encoded: Results of tools are JSON always, plain text too.
    """
    if kind == "model":
        return model(found, heard_by(found, logs), said_by(found, logs))
    if kind == "tool":
        return tool(found, encoded=encoded)
    if kind == "agent" or (kind == "workflow" and _carries_talk(found)):
        return agent(found, heard_by(found, logs), said_by(found, logs))
    return found.plumbing()


def _carries_talk(found: Found) -> bool:
    attributes = found.span.attributes
    written = any(attributes.get(name) for name in (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES))
    return written or bool(told(found.span, ()).heard.messages)


# --- messages


def heard_by(found: Found, logs: Sequence[LogRecord]) -> Talk:
    """What a model or agent was told: attributes before events, since what stands in both is one thing."""
    held = found.held
    system = talk_of(held.raw(semconv.SYSTEM_INSTRUCTIONS), "system")
    heard = first_whole(
        lambda: talk_of(held.raw(semconv.INPUT_MESSAGES), "user"),
        lambda: told(found.span, logs).heard,
        lambda: talk_of(held.raw("gen_ai.prompt"), "user"),
    )
    if not system.messages:
        return heard
    repeated = heard.messages[: len(system.messages)] == system.messages
    return heard if repeated else system + heard


def said_by(found: Found, logs: Sequence[LogRecord]) -> Talk:
    """What a model or agent answered."""
    return first_whole(
        lambda: talk_of(found.held.raw(semconv.OUTPUT_MESSAGES), "assistant"),
        lambda: told(found.span, logs).said,
        lambda: talk_of(found.held.raw("gen_ai.completion"), "assistant"),
    )


def first_whole(*sources: Callable[[], Talk]) -> Talk:
    """The first of several records of one talk that is whole; else the first with messages, else what they note."""
    talks: list[Talk] = []
    for source in sources:
        talk = source()
        if talk.messages and not (talk.cut or talk.elided):
            return talk
        talks.append(talk)
    return next((talk for talk in talks if talk.messages), None) or together(talks)


def _note(found: Found, field: str, talk: Talk) -> None:
    """Note what of a field is cut or was left out."""
    if talk.cut:
        found.truncated.append(field)
    if talk.elided:
        found.missing[field] = REDACTED if talk.redacted else NO_CONTENT
    elif talk.unreadable and not talk.messages:
        found.missing[field] = CUT


# --- model calls


def model(found: Found, heard: Talk, said: Talk) -> Reading:
    """The reading of a request to a model."""
    held = found.held
    error = error_in(found)
    if any(str(held.raw(name) or "").startswith(GOOGLE) for name in _PROVIDERS):
        heard, said = googles(heard), googles(said)
    _note(found, "messages", heard)
    _note(found, "output", said)
    if not heard.messages:
        found.missing.setdefault("messages", _absent(found))
    if not said.messages and error is None:
        found.missing.setdefault("output", _absent(found))
    reading = build.model(
        found,
        name=held.text(semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL),
        heard=heard.messages,
        said=said.messages,
        usage=usage(held),
        offered=offered_of(held.value(semconv.TOOL_DEFINITIONS)),
        finish=finish(held) or said.finish,
        response_id=held.text(semconv.RESPONSE_ID),
        delta=goes_on(found.span, () if heard.cut else heard.messages),
        error=error,
    )
    if heard.messages and reading.missing.get("messages", "").startswith("evicted"):
        del found.missing["messages"]  # one attribute holds them all: others were dropped
    return reading


_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system")


def _absent(found: Found) -> str:
    """Why messages are not there."""
    lost = found.span.dropped_events
    return f"evicted: the sender dropped {lost} events of this span" if lost > 0 else found.held.absent(NO_CONTENT)


def goes_on(span: Span, heard: Sequence[Message]) -> bool:
    """Whether a model was told only what is new: answers before any question, more than there are requests for them."""
    attributes = span.attributes
    if any(attributes[name] for name in attributes if name.endswith("previous_response_id")):
        return True
    if next((message.role for message in heard if message.role != "system"), None) == "user":
        return False
    asked = [part.id for message in heard for part in message.parts if isinstance(part, ToolRequest)]
    answered = [part.id for message in heard for part in message.parts if isinstance(part, ToolResponse)]
    known, done = set(asked), set(answered)
    strange = [call_id for call_id in answered if call_id and call_id not in known]
    return len(strange) > sum(1 for call_id in asked if call_id not in done)


def error_in(found: Found) -> str | None:
    """The error of a span: its status and exception, or the type of an error without either."""
    error = error_of(found.span) or found.held.text(semconv.ERROR_TYPE)
    if error is None:
        return None
    inner = object_of(literal(error))  # the OpenAI Agents SDK writes what it knows as an object
    return first_text(object_of(inner.get("data")), "error") or first_text(inner, "error", "message") or error


# --- tools


def tool(
    found: Found, *, arguments: object = None, result: object = None, error: str | None = None, encoded: bool = False
) -> Reading:
    """The reading of a tool's call, or of the hand-off that it is.

    Args:
        found: What was found so far.
        arguments: As the dialect found them; the convention's attribute otherwise.
        result: As the dialect found it; the convention's attribute otherwise.
        error: As the dialect found it; the span's otherwise.
        encoded: Results are JSON always, plain text too.
    """
    held = found.held
    if not any(held.raw(name) is not None for name in _OF_TOOLS) and _named(found.span.name) is None:
        return found.plumbing()  # it says that a tool ran, and nothing of which or how
    target = held.text("gen_ai.transfer.target.name")
    if target is not None and held.raw("gen_ai.transfer.mode") != "return_to_caller":
        return found.reading("tool", content=Handoff(target=target))
    arguments = held.raw(semconv.TOOL_ARGUMENTS) if arguments is None else arguments
    result = held.raw(semconv.TOOL_RESULT) if result is None else result
    reading = build.tool(
        found,
        name=held.text(semconv.TOOL_NAME) or _named(found.span.name),
        arguments=_sent(arguments),
        result=_sent(result),
        call_id=held.text(semconv.TOOL_CALL_ID),
        error=error if error is not None else _error_of_tool(found, result),
        encoded=encoded,
    )
    for field in ("arguments", "result"):
        if found.missing.get(field, "").startswith("content_off"):
            found.missing[field] = NO_CONTENT
    return reading


def _error_of_tool(found: Found, result: object) -> str | None:
    """The error of a call; where the span has no words for it but its type, what the model was told in its place."""
    error = error_in(found)
    thrown = [event.attributes.get("exception.type") for event in found.span.events]
    types = map(text_of, (found.held.raw(semconv.ERROR_TYPE), *thrown))
    wordless = error is not None and error in {*types, "error"}
    return result.strip() if wordless and isinstance(result, str) and result.strip() else error


_OF_TOOLS = (semconv.TOOL_NAME, semconv.TOOL_CALL_ID, semconv.TOOL_ARGUMENTS, semconv.TOOL_RESULT)


def _sent(written: object) -> object:
    """A value, with every placeholder for one that was taken out as the one that is known as such."""
    return "[REDACTED]" if is_left_out(written) else written


def _named(name: str) -> str | None:
    before, _, rest = name.partition(" ")
    return rest.strip() or None if before == semconv.EXECUTE_TOOL else None


def handed_over(reading: Reading, name: str) -> Reading:
    """The reading of a tool's call as the hand-off that it is, to the agent that its arguments name."""
    arguments = object_of(getattr(reading.content, "arguments", None))
    target = text_of(arguments.get(name))
    missing = {} if target else {"target": reading.missing.get("arguments", REDACTED)}
    return replace(reading, content=Handoff(target=target or ""), missing=missing)


# --- agents


def agent(found: Found, heard: Talk, said: Talk, *, used: Usage | None = None) -> Reading:
    """The reading of an agent at work."""
    _note(found, "heard", heard)
    _note(found, "said", said)
    name = found.agent or known(found.held.text("gen_ai.workflow.name")) or _agent_named(found.span.name)
    found.held.raw(semconv.FINISH_REASONS)
    usage_known = used if used is not None else usage(found.held)
    offered = offered_of(found.held.value(semconv.TOOL_DEFINITIONS))
    reading = build.agent(found, name=name, heard=heard.messages, said=map(words, said.messages), usage=usage_known)
    return replace(reading, offered=offered)


def words(message: Message) -> Message:
    """A message without the calls that it asks for."""
    parts = tuple(part for part in message.parts if isinstance(part, (TextPart, RefusalPart)))
    return replace(message, parts=parts)


def _agent_named(name: str) -> str | None:
    before, _, rest = name.partition(" ")
    return rest.strip() or None if before in {semconv.INVOKE_AGENT, _WORKFLOW} else None
