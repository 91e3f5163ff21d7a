"""LangChain's messages, tool results and model answers in, ours out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langgraph.types import Command

from agenteval._util.plain import plain
from agenteval.core.json import Json
from agenteval.core.message import (
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolRequest,
    ToolResponse,
    text_message,
)
from agenteval.core.model import Completion
from agenteval.core.trajectory import OfferedTool, Usage

_ROLES: dict[str, Role] = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}


def message_of(message: BaseMessage) -> Message:
    """A LangChain message as ours."""
    if isinstance(message, ToolMessage):
        return Message(role="tool", parts=(ToolResponse(response=result_of(message), id=message.tool_call_id),))
    parts = [part for block in _blocks(message.content) if (part := _part(block)) is not None]
    if isinstance(message, AIMessage):
        parts += [ToolRequest(name=c["name"], arguments=plain(c["args"]), id=c["id"]) for c in message.tool_calls]
        parts += [
            ToolRequest(name=c["name"] or "", arguments=c["args"], id=c["id"]) for c in message.invalid_tool_calls
        ]
    return Message(role=_ROLES.get(message.type, "user"), parts=tuple(parts))


def _blocks(content: Any) -> Sequence[Any]:
    return [content] if isinstance(content, str) else cast("Sequence[Any]", content)


def _part(block: Any) -> Part | None:
    if isinstance(block, str):
        return TextPart(text=block) if block else None
    kind = block.get("type")
    if kind == "text":
        return TextPart(text=str(block.get("text", "")))
    if kind in {"reasoning", "thinking"}:
        return ReasoningPart(text=str(block.get("reasoning") or block.get("thinking") or ""))
    if kind in {"image", "image_url", "audio", "file"}:
        name = "image" if str(kind).startswith("image") else kind
        address = block.get("url") or cast("Mapping[str, Any]", block.get("image_url") or {}).get("url")
        return MediaPart(type=name, uri=str(address or "inline"), mime_type=block.get("mime_type"))
    return None


def result_of(output: Any, call_id: str | None = None) -> Json:
    """What a tool answered, as it did: text that is JSON is read by those who read the span.

    A Command answers with the message that it has for the call, else with where it goes and what it updates.
    """
    if isinstance(output, Command):
        command = cast("Command[Any]", output)
        told = _told(command, call_id)
        return {"goto": plain(command.goto), "update": plain(command.update)} if told is None else result_of(told)
    return plain(output.content if isinstance(output, ToolMessage) else output)


def handed_to(output: Any) -> list[str]:
    """Names of the agents that a tool handed over to, by a Command that goes there."""
    if not isinstance(output, Command):
        return []
    targets: object = cast("Command[Any]", output).goto
    several = cast("Sequence[object]", targets if isinstance(targets, (list, tuple)) else [targets])
    names = [target if isinstance(target, str) else getattr(target, "node", None) for target in several]
    return [name for name in names if isinstance(name, str) and name]


def _told(command: Command[Any], call_id: str | None) -> ToolMessage | None:
    """What the model is told of a call that answered with a Command: the message for it, in what it updates."""
    update: Any = command.update
    messages = cast("Mapping[str, Any]", update).get("messages") if isinstance(update, Mapping) else None
    several = cast("Sequence[object]", messages if isinstance(messages, (list, tuple)) else ())
    found = [message for message in several if isinstance(message, ToolMessage)]
    return next((message for message in found if message.tool_call_id == call_id), None)


def offered_tools(tools: Any) -> tuple[OfferedTool, ...]:
    """Tools as they were bound to the model, in the OpenAI or the Anthropic shape."""
    offered: list[OfferedTool] = []
    for tool in cast("Sequence[Any]", tools or ()):
        if not isinstance(tool, Mapping):
            continue
        members = cast("Mapping[str, Any]", tool)
        described = cast("Mapping[str, Any]", members.get("function") or members)
        offered.append(
            OfferedTool(
                name=str(described.get("name", "")),
                description=str(described.get("description") or ""),
                parameters=plain(described.get("parameters") or described.get("input_schema")),
            )
        )
    return tuple(offered)


def completion_of(response: LLMResult) -> Completion:
    """A model's answer as ours; usage that was not reported is counted as such."""
    generation = response.generations[0][0] if response.generations and response.generations[0] else None
    if not isinstance(generation, ChatGeneration):
        text = generation.text if generation is not None else ""
        return Completion(message=text_message("assistant", text), model=_model_name(response.llm_output))
    message = generation.message
    described = cast("Mapping[str, Any]", message.response_metadata)
    finish = described.get("finish_reason") or described.get("stop_reason")
    return Completion(
        message=message_of(message),
        model=str(described.get("model_name") or described.get("model") or _model_name(response.llm_output)),
        usage=_usage(message),
        finish=None if finish is None else str(finish),
        response_id=cast("str | None", described.get("id")),
    )


def _model_name(output: Mapping[str, Any] | None) -> str:
    return str((output or {}).get("model_name") or "unknown")


def _usage(message: BaseMessage) -> Usage:
    counted = message.usage_metadata if isinstance(message, AIMessage) else None
    if counted is None:
        return Usage(unmeasured_calls=1)
    read = counted.get("input_token_details") or {}
    written = counted.get("output_token_details") or {}
    return Usage(
        input_tokens=counted["input_tokens"],
        output_tokens=counted["output_tokens"],
        cached_tokens=read.get("cache_read"),
        cache_write_tokens=read.get("cache_creation"),
        reasoning_tokens=written.get("reasoning"),
    )
