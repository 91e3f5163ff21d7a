"""LangChain callbacks in, `chat` and `execute_tool` records out.

The handler is sync and runs inline, in the task or thread whose callbacks fire: records nest under the turn that is at
work, and what a limit raises goes through to the graph. (LangChain swallows what async handlers raise in sync tools.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult

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
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import OpenRecord, Session
from agenteval.core.trajectory import OfferedTool, Usage
from agenteval.models.refusals import outgrew_context

_ROLES: dict[str, Role] = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
_TRANSIENT_STATUS = frozenset({408, 409, 429})
_TRANSIENT_NAMES = (
    "ConnectionError",
    "ConnectError",
    "TimeoutError",
    "Timeout",
    "RateLimitError",
    "InternalServerError",
)


class CallbackRecorder(BaseCallbackHandler):
    """Records the model and tool calls of one trial's graph.

    Args:
        session: The trial's session.
        skip: Names of tools that the session records itself.
    """

    run_inline = True
    raise_error = True

    def __init__(self, session: Session, *, skip: frozenset[str]) -> None:
        super().__init__()
        self._session = session
        self._skip = skip
        self._open: dict[UUID, OpenRecord] = {}

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """A chat model is asked."""
        del serialized
        conversation = tuple(message_of(message) for batch in messages for message in batch)
        self._open_chat(run_id, conversation, kwargs)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **kwargs: Any) -> None:
        """A text-completion model is asked."""
        del serialized
        self._open_chat(run_id, tuple(text_message("user", prompt) for prompt in prompts), kwargs)

    def _open_chat(self, run_id: UUID, messages: tuple[Message, ...], kwargs: Mapping[str, Any]) -> None:
        parameters = cast("Mapping[str, Any]", kwargs.get("invocation_params") or {})
        metadata = cast("Mapping[str, Any]", kwargs.get("metadata") or {})
        name = parameters.get("model") or parameters.get("model_name") or metadata.get("ls_model_name") or "unknown"
        request = ModelRequest(messages=messages, tools=_offered(parameters.get("tools")))
        provider = str(metadata.get("ls_provider") or "")
        self._open[run_id] = self._session.recorder.open_chat(request, model=str(name), provider=provider)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """A model answered."""
        del kwargs
        record = self._open.pop(run_id, None)
        if record is not None:
            self._session.recorder.close_chat(record, _completion(response))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A model call failed: the trial is invalid where the endpoint was at fault, not the request."""
        del kwargs
        record = self._open.pop(run_id, None)
        if record is not None:
            record.fail(type(error).__name__, str(error))
        if _is_outage(error) and not outgrew_context(error):
            self._session.blame("model", error)

    def on_tool_start(self, serialized: dict[str, Any], input_str: str, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool of the graph's own is called."""
        name = str(kwargs.get("name") or serialized.get("name") or "tool")
        if name in self._skip:
            return
        inputs = kwargs.get("inputs")
        arguments = plain(cast("object", inputs)) if isinstance(inputs, Mapping) else {"input": input_str}
        call_id = kwargs.get("tool_call_id")
        self._open[run_id] = self._session.recorder.open_tool(name, arguments, call_id=cast("str | None", call_id))

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool answered, or says that it failed."""
        del kwargs
        record = self._open.pop(run_id, None)
        if record is None:
            return
        if isinstance(output, ToolMessage) and output.status == "error":
            record.fail("tool_error", str(output.text))
        else:
            self._session.recorder.close_tool(record, _result(output))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool raised."""
        del kwargs
        record = self._open.pop(run_id, None)
        if record is not None:
            record.fail(type(error).__name__, str(error))


def message_of(message: BaseMessage) -> Message:
    """A LangChain message as ours."""
    if isinstance(message, ToolMessage):
        return Message(role="tool", parts=(ToolResponse(response=_result(message), id=message.tool_call_id),))
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


def _result(output: Any) -> Json:
    """What a tool answered, as it did: text that is JSON is read by those who read the span."""
    return plain(output.content if isinstance(output, ToolMessage) else output)


def _offered(tools: Any) -> tuple[OfferedTool, ...]:
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


def _completion(response: LLMResult) -> Completion:
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


def _is_outage(error: BaseException) -> bool:
    """Whether an error of a model call is the endpoint's or the network's, as far as its shape tells."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in _TRANSIENT_STATUS or status >= 500
    return isinstance(error, (ConnectionError, TimeoutError)) or type(error).__name__.endswith(_TRANSIENT_NAMES)
