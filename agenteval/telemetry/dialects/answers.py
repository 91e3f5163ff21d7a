"""What a model answered, as the provider's or LangChain's own JSON in, messages, usage, finish and ids out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agenteval.core.message import Message, text_message
from agenteval.core.trajectory import Usage
from agenteval.telemetry.dialects.arguments import literal
from agenteval.telemetry.dialects.chat import messages_of
from agenteval.telemetry.dialects.held import first_text, is_list, list_of, object_of
from agenteval.telemetry.dialects.langchain import fields_of
from agenteval.telemetry.dialects.tokens import usage_of

_ID = re.compile(r'"id"\s*:\s*"((?:chatcmpl-|resp_|gen-)[^"\\]{1,200})"')
_FIRST_ID = re.compile(r'\s*\{\s*"id"\s*:\s*"([^"\\]{1,200})"\s*,')


def id_in(text: str) -> str | None:
    """The id that a provider gave its answer, out of the answer's JSON text, without reading the whole of it."""
    first = _FIRST_ID.match(text)
    if first is not None and '"model"' in text:
        return first[1]
    found = _ID.search(text)
    return None if found is None else found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a model; what it does not say is None or empty."""

    messages: tuple[Message, ...] = ()
    usage: Usage | None = None
    finish: str | None = None
    response_id: str | None = None
    model: str | None = None


def answer_of(value: object) -> Answer:
    """The answer in a value: a completion, a response, a LangChain result, a message, or text."""
    if isinstance(value, str):
        return Answer(messages=(text_message("assistant", value),) if value.strip() else ())
    if is_list(value) and any(isinstance(item, str) or "tool_calls" in object_of(item) for item in list_of(value)):
        return _outputs(list_of(value))
    members = object_of(value)
    if is_list(members.get("generations")):
        return _generated(members)
    for name, read in (("choices", _chosen), ("candidates", _candidate)):
        if is_list(members.get(name)):
            return read(members)
    if members.get("object") == "response" or ("output" in members and is_list(members["output"])):
        return _responded(members)
    fields = fields_of(value)
    if fields is not None:
        return _said(value, fields)
    if "role" not in members and "content" in members and "finish_reason" in members:  # AutoGen's `CreateResult`
        return _plain({"role": "assistant", **members}, members)
    return _plain(value, members)


def _outputs(items: Sequence[Any]) -> Answer:
    """The outputs of a language model of DSPy's: texts, or a text with its calls, these as Python writes them."""
    said: list[Message] = []
    for item in items:
        members = {"content": item} if isinstance(item, str) else object_of(item)
        calls = [_written_call(call) if isinstance(call, str) else call for call in list_of(members.get("tool_calls"))]
        content = members.get("content", members.get("text"))
        said += messages_of({"role": "assistant", **members, "content": content, "tool_calls": calls})
    return Answer(messages=_assistants(said))


_FIELD = re.compile(r"""\b(arguments|name|id)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)


def _written_call(text: str) -> Mapping[str, Any]:
    """A call as Python writes the objects of OpenAI's SDK, such as `ToolCall(function=Function(name='x'), id='y')`."""
    fields = _FIELD.findall(text) if len(text) <= _LONGEST_WRITTEN else ()
    return {name: value[0] for name, written in fields if is_list(value := literal(f"[{written}]"))}


_LONGEST_WRITTEN = 64 * 1024


def _plain(value: object, members: Mapping[str, Any]) -> Answer:
    """A message of the chat or Anthropic form, or a list of messages."""
    return Answer(
        messages=_assistants(messages_of(value)),
        usage=_counted(members),
        finish=first_text(members, "stop_reason", "finish_reason"),
        response_id=first_text(members, "id") if "model" in members else None,  # else it may be anybody's id
        model=first_text(members, "model"),
    )


def _assistants(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(message for message in messages if message.role == "assistant")


def _counted(members: Mapping[str, Any]) -> Usage | None:
    for name in ("usage", "usage_metadata", "usageMetadata", "token_usage"):
        usage = usage_of(object_of(members.get(name)))
        if usage is not None:
            return usage
    return None


def _chosen(members: Mapping[str, Any]) -> Answer:
    choices = [object_of(choice) for choice in list_of(members["choices"])]
    said = [message for choice in choices for message in messages_of(_completed(choice))]
    return Answer(
        messages=_assistants(said),
        usage=_counted(members),
        finish=next((reason for choice in choices if (reason := first_text(choice, "finish_reason"))), None),
        response_id=first_text(members, "id"),
        model=first_text(members, "model"),
    )


def _completed(choice: Mapping[str, Any]) -> object:
    """The message of a choice; the old completions API gives bare text."""
    if "message" in choice:
        return {"role": "assistant", **object_of(choice["message"])}
    return {"role": "assistant", "content": choice.get("text")}


def _candidate(members: Mapping[str, Any]) -> Answer:
    candidates = [object_of(candidate) for candidate in list_of(members["candidates"])]
    said = [one for item in candidates for one in messages_of({"role": "model", **object_of(item.get("content"))})]
    return Answer(
        messages=_assistants(said),
        usage=_counted(members),
        finish=next((why for item in candidates if (why := first_text(item, "finishReason", "finish_reason"))), None),
        response_id=first_text(members, "responseId", "response_id"),
        model=first_text(members, "modelVersion", "model_version"),
    )


def _responded(members: Mapping[str, Any]) -> Answer:
    said = [message for item in list_of(members.get("output")) for message in messages_of(item)]
    return Answer(
        messages=_assistants(said),
        usage=_counted(members),
        finish=first_text(members, "status"),
        response_id=first_text(members, "id"),
        model=first_text(members, "model"),
    )


def _generated(members: Mapping[str, Any]) -> Answer:
    """LangChain's result: lists of lists of generations, each with its message."""
    flat = [object_of(item) for some in list_of(members["generations"]) for item in _listed(some)]
    answers = [_generation(item) for item in flat]
    said = tuple(message for answer in answers for message in answer.messages)
    outer = object_of(members.get("llm_output"))
    return Answer(
        messages=said,
        usage=_any_usage(answers) or _counted(outer),
        finish=next((answer.finish for answer in answers if answer.finish), None),
        response_id=next((answer.response_id for answer in answers if answer.response_id), None)
        or first_text(outer, "id"),
        model=next((answer.model for answer in answers if answer.model), None)
        or first_text(outer, "model_name", "model"),
    )


def _listed(value: object) -> Sequence[Any]:
    return list_of(value) if is_list(value) else [value]


def _any_usage(answers: Sequence[Answer]) -> Usage | None:
    """Together, where one request was answered more than once."""
    known = [answer.usage for answer in answers if answer.usage is not None]
    return known[0] if known else None


def _generation(item: Mapping[str, Any]) -> Answer:
    fields = fields_of(item.get("message"))
    reason = first_text(object_of(item.get("generation_info")), "finish_reason", "stop_reason", "done_reason")
    if fields is None:
        text = first_text(item, "text")
        return Answer(messages=(text_message("assistant", text),) if text else (), finish=reason)
    said = _said(item["message"], fields)
    return Answer(
        messages=said.messages,
        usage=said.usage,
        finish=said.finish or reason,
        response_id=said.response_id,
        model=said.model,
    )


def _said(value: object, fields: Mapping[str, Any]) -> Answer:
    """A serialised LangChain message of an assistant."""
    about = object_of(fields.get("response_metadata"))
    own_id = first_text(fields, "id")
    return Answer(
        messages=_assistants(messages_of(value)),
        usage=usage_of(object_of(fields.get("usage_metadata"))) or _counted(about),
        finish=first_text(about, "finish_reason", "stop_reason", "stopReason", "done_reason"),
        response_id=first_text(about, "id") or (own_id if own_id and own_id.startswith(_PROVIDER_IDS) else None),
        model=first_text(about, "model_name", "model", "model_id"),
    )


_PROVIDER_IDS = ("chatcmpl-", "resp_", "msg_", "gen-")
