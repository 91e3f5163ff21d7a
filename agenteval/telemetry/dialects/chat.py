"""Chat messages as JSON in, messages out: the OpenAI chat and Responses, Anthropic, Gemini, AI SDK and LangChain forms.

Unknown content is kept as text that names its type; a message of which nothing can be read is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from agenteval.core.codec import message_from_json
from agenteval.core.json import Json, json_of
from agenteval.core.message import (
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolRequest,
    ToolResponse,
    text_message,
)
from agenteval.core.trajectory import OfferedTool
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.held import first_text, is_list, is_object, list_of, object_of, text_of, value_of
from agenteval.telemetry.dialects.langchain import chat_of
from agenteval.telemetry.dialects.media import media_of
from agenteval.telemetry.remembering import remembered

_DEEPEST = 4  # lists of lists of messages; LangChain's batches are two deep

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "tool": "tool",
    "function": "tool",
    "tool-response": "tool",
    "tool-call": "assistant",
}


def role_of(written: object) -> Role | None:
    """The role that a word stands for; None for an unknown one."""
    if not isinstance(written, str):
        return None
    return _ROLES.get(written) or _ROLES.get(written.lower().rsplit(".", 1)[-1])


def messages_of(value: object, depth: int = 0) -> tuple[Message, ...]:
    """The messages of a list, of an object that holds one, or of a single message."""
    if isinstance(value, str):
        inner = value_of(value)
        return messages_of(inner, depth + 1) if not isinstance(inner, str) and depth < _DEEPEST else ()
    if is_list(value):
        items = cast("Sequence[object]", value)
        return tuple(one for item in items for one in messages_of(item, depth + 1)) if depth < _DEEPEST else ()
    members = object_of(value)
    for name in ("messages", "input", "contents"):
        if is_list(members.get(name)) and "role" not in members and depth < _DEEPEST:
            before = [text_message("system", text) for text in _instructions(members)]
            return (*before, *messages_of(members[name], depth + 1))
    message = message_of(members)
    return () if message is None else (message,)


def _instructions(members: Mapping[str, Any]) -> Iterator[str]:
    """What a request says beside its messages: Anthropic's `system`, the Responses API's `instructions`."""
    for name in ("system", "instructions"):
        held = members.get(name)
        text = held if isinstance(held, str) else "\n".join(_texts(list_of(held)))
        if text:
            yield text


def _texts(blocks: Sequence[Any]) -> Iterator[str]:
    for block in blocks:
        text = block if isinstance(block, str) else first_text(object_of(block), "text", "content")
        if text:
            yield text


@remembered
def message_of(members: Mapping[str, Any]) -> Message | None:
    """One message; None where it says nothing that can be read."""
    known = chat_of(members)
    if known is not None:
        members = known
    role = role_of(members.get("role"))
    if role is None:
        return _item(members)
    if is_list(members.get("parts")) and _is_genai(members["parts"]):
        message = message_from_json({**members, "role": role})
        return Message(role=role, parts=tuple(map(_read, message.parts))) if message.parts else None
    parts = tuple(_parts_of(members, role))
    if not parts:
        return None
    answers = all(isinstance(part, ToolResponse) for part in parts)
    return Message(role="tool" if answers else role, parts=parts)


def _read(part: Part) -> Part:
    """A part of the GenAI convention, with what is JSON text in it as what it says."""
    if isinstance(part, ToolRequest):
        return ToolRequest(name=part.name, arguments=asked_arguments(part.arguments), id=part.id)
    return ToolResponse(response=result_of(part.response), id=part.id) if isinstance(part, ToolResponse) else part


def _is_genai(parts: Sequence[Any]) -> bool:
    return any("type" in object_of(part) for part in parts)


def _parts_of(members: Mapping[str, Any], role: Role) -> Iterator[Part]:
    reasoning = first_text(members, "reasoning_content", "reasoning")
    if reasoning:
        yield ReasoningPart(text=reasoning)
    content = members.get("content", members.get("parts"))
    call_id = first_text(members, "tool_call_id", "toolCallId", "tool_use_id")
    asked = [*_requests(members)]
    if role == "tool" and not any(object_of(block).get("type") in _ANSWERS for block in list_of(content)):
        if "content" in members or "parts" in members:
            yield ToolResponse(response=answer(content, failed=members.get("is_error")), id=call_id)
        return
    known = {part.id for part in asked if part.id}
    for part in content_parts(content):
        if not (isinstance(part, ToolRequest) and (part in asked or part.id in known)):
            yield part
    refusal = text_of(members.get("refusal"))
    if refusal:
        yield RefusalPart(text=refusal)
    yield from asked


_TEXTS = ("text", "output_text", "input_text")  # tuples: a type may be anything, and a set asks for its hash
_ASKS = ("function_call", "reasoning", "tool_use", "tool-call")
_ANSWERS = ("tool_result", "tool-result", "function_call_output", "tool_call_response")


def answer(content: object, *, failed: object = None) -> Json:
    """What a tool answered: text, and blocks of text as their text; that it is an error, where its message says so."""
    blocks = list_of(content)
    if blocks and all(object_of(block).get("type") in _TEXTS for block in blocks):
        content = "\n".join(_texts(blocks))
    result = out_of_blocks(result_of(content))
    return {"is_error": True, "content": result} if failed is True else result


def out_of_blocks(result: Json) -> Json:
    """An answer, out of the blocks without a type that Bedrock has it in: one that is JSON, or texts."""
    blocks = [object_of(block) for block in list_of(result)]
    if len(blocks) == 1 and blocks[0].keys() == {"json"}:
        return cast("Json", blocks[0]["json"])
    texts = [block["text"] for block in blocks if block.keys() == {"text"} and isinstance(block["text"], str)]
    return result_of("\n".join(texts)) if texts and len(texts) == len(blocks) else result


def result_of(written: object) -> Json:
    """A tool's answer; text that is an object or a list, as JSON or as Python writes it, as what it says."""
    read = parsed(plain_text(written))
    return cast("Json", json_of(written)) if read.cut else read.value


def plain_text(written: object) -> object:
    """The text that a JSON string is; any other value as it is."""
    if not isinstance(written, str) or not written.startswith('"'):
        return written
    try:
        value: object = json.loads(written)
    except (ValueError, RecursionError):
        return written
    return value if isinstance(value, str) else written


def content_parts(content: object) -> Iterator[Part]:
    """The parts of a message's content: text, or a list of blocks."""
    if isinstance(content, str):
        if content:
            yield TextPart(text=content)
    elif is_object(content):
        yield from _block(object_of(content))
    else:
        for block in list_of(content):
            if isinstance(block, str):
                yield TextPart(text=block)
            else:
                yield from _block(object_of(block))


def _block(block: Mapping[str, Any]) -> Iterator[Part]:
    kind = block.get("type")
    make = _BLOCKS.get(kind) if isinstance(kind, str) else _untyped(block)
    if make is not None:
        yield from make(block)
        return
    found = media_of(block)
    if kind is None and "arguments" in block:  # AutoGen's requests say what they are by what they hold
        yield from _request_block(block)
    elif found is not None:
        yield found
    elif kind is not None:
        yield TextPart(text=f"[{kind} part]")


def _text_block(block: Mapping[str, Any]) -> Iterator[Part]:
    text = first_text(block, "text", "content")
    if text:
        yield TextPart(text=text)


def _refusal_block(block: Mapping[str, Any]) -> Iterator[Part]:
    text = first_text(block, "refusal", "text", "content")
    if text:
        yield RefusalPart(text=text)


def _reasoning_block(block: Mapping[str, Any]) -> Iterator[Part]:
    summary = "\n".join(_texts(list_of(block.get("summary")) or list_of(block.get("content"))))
    text = first_text(block, "thinking", "text", "reasoning", "content") or summary
    if text:
        yield ReasoningPart(text=text)


def _request_block(block: Mapping[str, Any]) -> Iterator[Part]:
    request = request_of(block)
    if request is not None:
        yield request


def _answer_block(block: Mapping[str, Any]) -> Iterator[Part]:
    held = next((block[name] for name in ("output", "result", "response", "content") if name in block), None)
    call_id = first_text(block, "tool_use_id", "toolUseId", "toolCallId", "tool_call_id", "call_id", "id")
    typed = object_of(held)
    if typed.keys() == {"type", "value"}:  # the AI SDK says what kind of value it is
        held = typed["value"]
    failed = block.get("is_error", block.get("status") == "error")
    yield ToolResponse(response=answer(held, failed=failed), id=call_id)


def _untyped(block: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Iterator[Part]] | None:
    """How to read a part of Gemini's or Bedrock's: it is the one member that is filled; others may be there empty."""
    for name, read in _MEMBERS.items():
        if block.get(name) is not None:
            return lambda held: read(object_of(held.get(name)))
    if "text" in block:
        return _reasoning_block if block.get("thought") is True else _text_block
    return None


def _function_answer(block: Mapping[str, Any]) -> Iterator[Part]:
    yield from (bare_answer(part) for part in _answer_block(block))


def bare_answer(part: Part) -> Part:
    """A part; of a tool's answer what the tool gave, out of the object that Gemini's API wants around a bare value."""
    if not isinstance(part, ToolResponse):
        return part
    members = object_of(part.response)
    wrapped = len(members) == 1 and members.keys() <= {"result", "output"}
    return replace(part, response=next(iter(members.values()))) if wrapped else part


_MEMBERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Part]]] = {
    "function_call": _request_block,
    "functionCall": _request_block,
    "function_response": _function_answer,
    "functionResponse": _function_answer,
    "toolUse": _request_block,
    "toolResult": _answer_block,
}

_BLOCKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Part]]] = {
    "text": _text_block,
    "input_text": _text_block,
    "output_text": _text_block,
    "refusal": _refusal_block,
    "reasoning": _reasoning_block,
    "thinking": _reasoning_block,
    "redacted_thinking": lambda _: iter(()),
    "tool_use": _request_block,
    "tool-call": _request_block,
    "tool_call": _request_block,
    "function_call": _request_block,
    "server_tool_use": _request_block,
    "tool_result": _answer_block,
    "tool-result": _answer_block,
    "tool_call_response": _answer_block,
    "function_call_output": _answer_block,
}


def _requests(members: Mapping[str, Any]) -> Iterator[ToolRequest]:
    extra = object_of(members.get("additional_kwargs"))
    for call in list_of(members.get("tool_calls")) or list_of(extra.get("tool_calls")):
        request = request_of(object_of(call))
        if request is not None:
            yield request
    request = request_of(object_of(members.get("function_call")))
    if request is not None:
        yield request


def request_of(call: Mapping[str, Any]) -> ToolRequest | None:
    """One wish to call a tool, in any of the forms; None where it names no tool."""
    function = object_of(call.get("function"))
    name = first_text(function, "name") or first_text(call, "name", "toolName", "tool_name")
    if name is None:
        return None
    holders = (function, call)
    names = ("arguments", "args", "input", "arguments_json")
    written = next((held[key] for held in holders for key in names if key in held), None)
    return ToolRequest(
        name=name,
        arguments=asked_arguments(written),
        id=first_text(call, "call_id", "id", "toolCallId", "tool_call_id", "tool_use_id", "toolUseId"),
    )


def asked_arguments(written: object) -> Json:
    """Arguments as a model wrote them: an object, or text that is none."""
    if written is None or written == "":
        return {}
    value = parsed(written)
    if value.cut or not is_object(value.value):
        return cast("Json", json_of(written))
    if value.value.keys() == {"_raw"}:  # OpenLLMetry's word for what did not parse
        return cast("Json", value.value["_raw"])
    return value.value


def _item(members: Mapping[str, Any]) -> Message | None:
    """An item of the Responses API, or a message of AutoGen: both say what they are in `type`."""
    kind = members.get("type")
    if kind == "TextMessage" and isinstance(members.get("content"), str):
        return text_message("user" if members.get("source") == "user" else "assistant", members["content"])
    if kind in _ASKS:
        parts = tuple(_block(members))
        return Message(role="assistant", parts=parts) if parts else None
    if kind in _ANSWERS:
        return Message(role="tool", parts=tuple(_answer_block(members)))
    return None


# --- offered tools


def offered_of(value: object) -> tuple[OfferedTool, ...]:
    """The tools that a request offers, in the OpenAI, Anthropic, Gemini, Bedrock and MCP forms."""
    return _offered_by(value) if value else ()


@remembered
def _offered_by(value: object) -> tuple[OfferedTool, ...]:
    """The same; every model call of an agent offers the same ones."""
    items = value_of(value) if isinstance(value, str) else value
    if is_object(items):
        items = [{"name": name, **object_of(tool)} for name, tool in object_of(items).items()]
    return tuple(tool for item in list_of(items) for tool in _offered(value_of(item)))


def _offered(item: object) -> Iterator[OfferedTool]:
    members = object_of(item)
    declared = members.get("function_declarations", members.get("functionDeclarations"))
    if is_list(declared):
        yield from offered_of(declared)
        return
    members = object_of(members.get("function")) or object_of(members.get("toolSpec")) or members
    name = first_text(members, "name")
    if name is not None:
        yield OfferedTool(
            name=name, description=first_text(members, "description") or "", parameters=_parameters(members)
        )


def _parameters(members: Mapping[str, Any]) -> Json:
    for name in ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "args_schema"):
        if name in members:
            held = value_of(members[name])
            inner = object_of(held)
            return cast("Json", inner["json"]) if inner.keys() == {"json"} else held
    return None
