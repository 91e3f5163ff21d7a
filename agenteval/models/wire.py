"""Messages and requests in, OpenAI chat-completions JSON out, and its answers back. Pure; knows nothing of HTTP.

What an endpoint leaves out stays out: missing usage is None, never 0. What a model wrote is kept: arguments that do
not parse stay text.

References:
    OpenAI API reference, "Chat completions". Fields of other servers that speak it: `reasoning_content` (DeepSeek,
    llama.cpp, vLLM), `reasoning` and `usage.cost` (OpenRouter), `thinking` parts (Mistral).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from agenteval.core.json import Json
from agenteval.core.message import (
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolRequest,
    ToolResponse,
)
from agenteval.core.model import Completion, ModelRequest, TokenLogprob
from agenteval.core.trajectory import OfferedTool, Usage
from agenteval.errors import BadAnswer, ContextExceeded, ModelError
from agenteval.models.jsontext import as_list, as_object, as_text, dumped, parsed_strictly
from agenteval.models.refusals import error_text, says_too_long

MaxTokensField: TypeAlias = Literal["max_tokens", "max_completion_tokens"]

UNLIKELY = -9999.0
"""The log probability that the API itself gives where the true one is below what it can say."""

_MODES = frozenset({"auto", "none", "required"})
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


# --- out


def request_body(
    request: ModelRequest,
    model: str,
    *,
    max_tokens_field: MaxTokensField = "max_tokens",
    reasoning: bool = False,
) -> dict[str, Any]:
    """The JSON body of one chat-completions request. What the request leaves to the endpoint is left out.

    Args:
        request: What to ask.
        model: The model's name at the endpoint.
        max_tokens_field: Under which name the endpoint takes the limit; newer OpenAI models refuse `max_tokens`.
        reasoning: Whether reasoning of earlier turns is sent back, as `reasoning_content`.

    Raises:
        ModelError: `extra` sets a field that the request sets itself, or asks for a stream; or a part cannot be sent.
    """
    body: dict[str, Any] = {"model": model, "messages": messages_to_openai(request.messages, reasoning=reasoning)}
    body.update(_tool_fields(request))
    body.update(_answer_fields(request, max_tokens_field))
    twice = sorted(body.keys() & request.extra.keys())
    if twice:
        raise ModelError(f"extra sets {', '.join(twice)}, which the request sets itself: leave it out of extra")
    if request.extra.get("stream"):
        raise ModelError("extra asks for a stream, but answers are read whole: leave `stream` out of extra")
    return {**body, **request.extra}


def messages_to_openai(messages: Iterable[Message], *, reasoning: bool = False) -> list[dict[str, Any]]:
    """Messages as chat-completions JSON. A message with several tool answers becomes one for each.

    A tool call without an id gets one, and so does its answer: the API pairs them by id alone.

    Raises:
        ModelError: A part has no form in this API, such as an image that is only a content hash.
    """
    ids = _CallIds()
    return [out for message in messages for out in _message_out(message, ids, reasoning=reasoning)]


class _CallIds:
    """Pairs calls and answers that came without ids, in order, within one turn."""

    def __init__(self) -> None:
        self._minted = 0
        self._waiting: deque[str] = deque()

    def new_turn(self) -> None:
        self._waiting.clear()

    def of_request(self, given: str | None) -> str:
        if given is not None:
            return given
        self._minted += 1
        self._waiting.append(f"call_unnamed_{self._minted}")
        return self._waiting[-1]

    def of_response(self, given: str | None) -> str | None:
        if given is not None or not self._waiting:
            return given
        return self._waiting.popleft()


def _message_out(message: Message, ids: _CallIds, *, reasoning: bool) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    # answers go first: the API wants them right behind the calls that asked for them
    for part in message.parts:
        if isinstance(part, ToolResponse):
            call_id = ids.of_response(part.id)
            named = {} if call_id is None else {"tool_call_id": call_id}
            out.append({"role": "tool", **named, "content": _response_text(part.response)})
    rest = [part for part in message.parts if not isinstance(part, ToolResponse)]
    if rest or not out:
        said: dict[str, Any] = {"role": message.role, "content": _content_out(rest, message.role)}
        if message.role == "assistant":
            said.update(_assistant_fields(rest, ids, reasoning=reasoning))
        if said["content"] == "" and "tool_calls" in said:
            said["content"] = None
        out.append(said)
    return out


def _assistant_fields(parts: Sequence[Part], ids: _CallIds, *, reasoning: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    refusals = [part.text for part in parts if isinstance(part, RefusalPart)]
    thoughts = [part.text for part in parts if isinstance(part, ReasoningPart)]
    calls = [part for part in parts if isinstance(part, ToolRequest)]
    if refusals:
        fields["refusal"] = "\n".join(refusals)
    if thoughts and reasoning:
        fields["reasoning_content"] = "\n".join(thoughts)
    if calls:
        ids.new_turn()
        fields["tool_calls"] = [_call_out(call, ids) for call in calls]
    return fields


def _call_out(call: ToolRequest, ids: _CallIds) -> dict[str, Any]:
    # arguments that were not recorded have no text; the API wants some
    given: Json = {} if call.arguments is None else call.arguments
    arguments = given if isinstance(given, str) else _text_of(given)
    return {
        "id": ids.of_request(call.id),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _content_out(parts: Sequence[Part], role: Role) -> Any:
    """One text alone is sent as text, which every server takes; anything else as a list of parts."""
    pieces = [piece for part in parts if (piece := _piece_out(part, role)) is not None]
    if not pieces:
        return ""
    if len(pieces) == 1 and pieces[0]["type"] == "text":
        return pieces[0]["text"]
    return pieces


def _piece_out(part: Part, role: Role) -> dict[str, Any] | None:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, RefusalPart) and role != "assistant":
        return {"type": "text", "text": part.text}
    if isinstance(part, MediaPart):
        return _media_out(part)
    return None


def _media_out(part: MediaPart) -> dict[str, Any]:
    if part.uri.startswith("sha256:"):
        raise ModelError(
            f"the {part.type} {part.uri[:24]}… is known by its content hash alone and cannot be sent to a model: "
            "give it as a data: or https: address"
        )
    inline = part.uri.startswith("data:")
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": part.uri}}
    if part.type == "file":
        file = {"filename": "file", "file_data": part.uri} if inline else {"file_id": part.uri}
        return {"type": "file", "file": file}
    head, _, data = part.uri.partition(",")
    if not inline or not head.endswith(";base64"):
        raise ModelError(f"audio is sent as a data: address in base64 only, not as {part.uri[:60]!r}")
    return {"type": "input_audio", "input_audio": {"data": data, "format": _audio_format(head)}}


def _audio_format(head: str) -> str:
    """`wav` from `data:audio/wav;base64`."""
    return head.removeprefix("data:").removesuffix(";base64").rpartition("/")[2]


def _response_text(response: Json) -> str:
    return response if isinstance(response, str) else _text_of(response)


def _text_of(value: Json) -> str:
    try:
        return dumped(value, ascii_only=False)
    except ValueError as error:
        raise ModelError(f"a message holds a value that cannot be sent as JSON: {error}") from error


def _tool_fields(request: ModelRequest) -> dict[str, Any]:
    """The fields about tools; without tools there are none, as endpoints refuse them then."""
    if not request.tools:
        return {}
    fields: dict[str, Any] = {"tools": [_tool_out(tool) for tool in request.tools]}
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    if request.tool_choice is not None:
        named = {"type": "function", "function": {"name": request.tool_choice}}
        fields["tool_choice"] = request.tool_choice if request.tool_choice in _MODES else named
    return fields


def _tool_out(tool: OfferedTool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    return {"type": "function", "function": function}


def _answer_fields(request: ModelRequest, max_tokens_field: MaxTokensField) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if request.schema is not None:
        wanted = {"name": "answer", "schema": request.schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if request.temperature is not None:
        fields["temperature"] = request.temperature
    if request.max_tokens is not None:
        fields[max_tokens_field] = request.max_tokens
    if request.seed is not None:
        fields["seed"] = request.seed
    if request.logprobs is not None:
        fields.update(logprobs=True, top_logprobs=request.logprobs)
    return fields


# --- in


def completion_from_openai(data: Mapping[str, Any], *, model: str = "") -> Completion:
    """A chat-completions answer as a Completion. Of several choices, the first is the answer.

    Args:
        data: The answer's JSON.
        model: The name that was asked for, where the answer does not say who gave it.

    Raises:
        BadAnswer: It is not a completion: an error in place of an answer, no choices, or a malformed message.
    """
    choices = as_list(data.get("choices"))
    first = as_object(choices[0]) if choices else None
    failed = data.get("error") or (first or {}).get("error")
    if failed:
        kind = ContextExceeded if says_too_long(failed) else BadAnswer
        raise kind(f"the endpoint answered with an error in place of a completion: {error_text(failed)}")
    if first is None:
        raise BadAnswer(f"the answer has no choices; its fields are {', '.join(sorted(data)[:12]) or 'none'}")
    message = as_object(first.get("message"))
    if message is None:
        raise BadAnswer(f"choices[0] has no message; its fields are {', '.join(sorted(first)[:12]) or 'none'}")
    return Completion(
        message=message_from_openai({"role": "assistant", **message}),
        model=as_text(data.get("model")) or model,
        usage=_usage_in(as_object(data.get("usage")) or {}),
        finish=as_text(first.get("finish_reason")),
        logprobs=_logprobs_in(as_object(first.get("logprobs")) or {}),
        response_id=as_text(data.get("id")),
    )


def message_from_openai(data: Mapping[str, Any]) -> Message:
    """A chat-completions message as a Message: reasoning, then content, then refusal, then tool calls.

    Content may be text or a list of parts; a kind of part that is not known becomes text that says so. Roles are
    ours: `developer` is system, `function` is tool.

    Raises:
        BadAnswer: An unknown role, content of a wrong type, or a tool call without a name.
    """
    role = _ROLES.get(str(data.get("role")))
    if role is None:
        raise BadAnswer(f"a message has the role {data.get('role')!r}; known: {', '.join(_ROLES)}")
    if role == "tool":
        answer = ToolResponse(response=_joined(data.get("content")), id=as_text(data.get("tool_call_id")))
        return Message(role=role, parts=(answer,))
    parts: list[Part] = []
    thought = as_text(data.get("reasoning_content")) or as_text(data.get("reasoning"))
    if thought is not None:
        parts.append(ReasoningPart(text=thought))
    parts.extend(_content_in(data.get("content")))
    refusal = as_text(data.get("refusal"))
    if refusal is not None:
        parts.append(RefusalPart(text=refusal))
    parts.extend(_calls_in(data))
    return Message(role=role, parts=tuple(parts))


def _content_in(content: object) -> Iterable[Part]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (TextPart(text=content),) if content else ()
    if isinstance(content, (list, tuple)):
        return [part for piece in as_list(content) for part in _piece_in(piece)]  # pyright: ignore[reportUnknownArgumentType]
    raise BadAnswer(f"message content is {type(content).__name__}; allowed: text, a list of parts, null")


def _piece_in(piece: object) -> Iterable[Part]:
    if isinstance(piece, str):
        return (TextPart(text=piece),)
    found = as_object(piece)
    if found is None:
        raise BadAnswer(f"a part of a message's content is {type(piece).__name__}; allowed: text, an object")
    kind = found.get("type")
    if kind == "text":
        return (TextPart(text=str(found.get("text", ""))),)
    if kind == "refusal":
        return (RefusalPart(text=str(found.get("refusal", ""))),)
    if kind == "thinking":
        return (ReasoningPart(text=_joined(found.get("thinking"))),)
    return (_media_in(kind, found) or TextPart(text=f"[{kind} part]"),)


def _media_in(kind: object, found: Mapping[str, Any]) -> MediaPart | None:
    value = found.get(str(kind))
    inner = as_object(value) or {}
    if kind == "image_url":
        uri = as_text(value) or as_text(inner.get("url"))
        return None if uri is None else MediaPart(type="image", uri=uri)
    if kind == "file":
        uri = as_text(inner.get("file_data")) or as_text(inner.get("file_id"))
        return None if uri is None else MediaPart(type="file", uri=uri)
    data = as_text(inner.get("data"))
    if kind == "input_audio" and data is not None:
        mime = f"audio/{inner.get('format', 'wav')}"
        return MediaPart(type="audio", uri=f"data:{mime};base64,{data}", mime_type=mime)
    return None


def _joined(content: object) -> str:
    """The text of content that may be text or a list of parts."""
    return "\n".join(
        part.text if isinstance(part, TextPart) else f"[{part.type} part]" for part in _content_in(content)
    )


def _calls_in(data: Mapping[str, Any]) -> Iterable[ToolRequest]:
    for call in as_list(data.get("tool_calls")):
        found = as_object(call) or {}
        called = as_object(found.get("function"))
        if called is not None:
            yield _request_in(called, "arguments", as_text(found.get("id")))
        else:  # a custom tool takes free text
            yield _request_in(as_object(found.get("custom")) or {}, "input", as_text(found.get("id")))
    legacy = as_object(data.get("function_call"))
    if legacy is not None:
        yield _request_in(legacy, "arguments", None)


def _request_in(called: Mapping[str, Any], key: str, call_id: str | None) -> ToolRequest:
    name = as_text(called.get("name"))
    if name is None:
        raise BadAnswer(f"a tool call has no name: {str(dict(called))[:200]}")
    written = called.get(key)
    return ToolRequest(name=name, arguments=_arguments_in(written) if key == "arguments" else written, id=call_id)


def _arguments_in(written: object) -> Json:
    """What the model wrote: an object as a rule, the text itself where that is not a JSON object.

    Nothing written is an empty object: servers send it for tools that take no arguments.
    """
    if written is None:
        return {}
    if not isinstance(written, str):
        return written  # pyright: ignore[reportReturnType] (it came from JSON)
    if not written.strip():
        return {}
    try:
        value = as_object(parsed_strictly(written))
    except ValueError:
        return written
    # any other JSON stays the text that it was, so that text is always what the model wrote
    return written if value is None else value


def _usage_in(usage: Mapping[str, Any]) -> Usage:
    read = as_object(usage.get("prompt_tokens_details")) or {}
    wrote = as_object(usage.get("completion_tokens_details")) or {}
    input_tokens, output_tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    reasoning, total = _count(wrote.get("reasoning_tokens")), _count(usage.get("total_tokens"))
    if None not in (input_tokens, output_tokens, reasoning, total) and total:
        # some endpoints (xAI, proxies of Gemini) count reasoning beside the output; only the total tells
        apart = total == (input_tokens or 0) + (output_tokens or 0) + (reasoning or 0)
        output_tokens = (output_tokens or 0) + (reasoning or 0) if apart else output_tokens
    cached = _count(read.get("cached_tokens"))
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=_count(usage.get("prompt_cache_hit_tokens")) if cached is None else cached,
        cache_write_tokens=_count(read.get("cache_write_tokens")),
        reasoning_tokens=reasoning,
        cost_usd=_number(usage.get("cost"), least=0.0),
        unmeasured_calls=int(input_tokens is None and output_tokens is None),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: object, *, least: float = -math.inf) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and value >= least else None


def _logprobs_in(logprobs: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    tokens: list[TokenLogprob] = []
    for entry in as_list(logprobs.get("content")):
        found = as_object(entry) or {}
        top = tuple(_token(other) for other in as_list(found.get("top_logprobs")))
        token, logprob = _token(found)
        tokens.append(TokenLogprob(token=token, logprob=logprob, top=top))
    return tuple(tokens)


def _token(entry: object) -> tuple[str, float]:
    """A token with its log probability; null is how servers write minus infinity."""
    found = as_object(entry) or {}
    logprob = _number(found.get("logprob"))
    return str(found.get("token", "")), UNLIKELY if logprob is None else logprob
