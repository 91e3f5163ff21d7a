"""One answer of the script in, the body that each provider's interface gives it, whole or in pieces, out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from recording import script

Event = tuple[str | None, Any]
"""A piece of a stream: the name of its event, where the interface names them, and its data."""


def asked_by(path: str) -> str | None:
    """The interface that a path belongs to; None where it is none of these."""
    bare = path.partition("?")[0].rstrip("/")
    for ending, name in (
        ("/chat/completions", "chat"),
        ("/responses", "responses"),
        ("/messages", "messages"),
        (":generateContent", "gemini"),
        (":streamGenerateContent", "gemini"),
        ("/converse", "converse"),
    ):
        if bare.endswith(ending):
            return name
    return None


def answered(api: str, number: int, answer: script.Answer) -> dict[str, Any]:
    """The whole body of an answer."""
    make = {
        "chat": _completion,
        "responses": _response,
        "messages": _message,
        "gemini": _content,
        "converse": _converse,
    }
    return make[api](number, answer)


def streamed(api: str, number: int, answer: script.Answer) -> Iterator[Event]:
    """The pieces of an answer that is streamed."""
    make = {"chat": _chunks, "responses": _response_events, "messages": _message_events, "gemini": _content_chunks}
    return make[api](answered(api, number, answer))


def _written(args: dict[str, Any]) -> str:
    return json.dumps(args, ensure_ascii=False)


# --- OpenAI, chat completions


def _completion(number: int, answer: script.Answer) -> dict[str, Any]:
    text, requests = answer
    used = script.usage(number)
    calls = [
        {"id": script.call_id(number, place), "type": "function",
         "function": {"name": name, "arguments": _written(args)}}
        for place, (name, args) in enumerate(requests)
    ]  # fmt: skip
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    return {
        "id": f"chatcmpl-library-{number:04d}",
        "object": "chat.completion",
        "created": 1_795_000_000 + number,
        "model": script.MODEL,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
        ],
        "usage": {
            "prompt_tokens": used["in"],
            "completion_tokens": used["out"],
            "total_tokens": used["in"] + used["out"],
            "prompt_tokens_details": {"cached_tokens": used["cached"], "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": used["reasoning"], "audio_tokens": 0},
        },
    }


def _chunks(whole: dict[str, Any]) -> Iterator[Event]:
    """Each call of a tool in pieces of its own, the usage last."""
    head = {key: whole[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    said = whole["choices"][0]["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": said["content"]}]
    for place, call in enumerate(said.get("tool_calls", ())):
        name, written = call["function"]["name"], call["function"]["arguments"]
        half = len(written) // 2
        first = {**call, "index": place, "function": {"name": name, "arguments": written[:half]}}
        deltas += [
            {"tool_calls": [first]},
            {"tool_calls": [{"index": place, "function": {"arguments": written[half:]}}]},
        ]
    for delta in deltas:
        yield None, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    ended = [{"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}]
    yield None, {**head, "choices": ended}
    yield None, {**head, "choices": [], "usage": whole["usage"]}
    yield None, "[DONE]"


# --- OpenAI, responses


def _response(number: int, answer: script.Answer) -> dict[str, Any]:
    text, requests = answer
    used = script.usage(number)
    said = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    output: list[dict[str, Any]] = [
        {"type": "message", "id": f"msg_library_{number:04d}", "role": "assistant", "status": "completed",
         "content": [said]}
    ] if text else []  # fmt: skip
    output.extend(
        {"type": "function_call", "id": f"fc_library_{number}_{place}", "call_id": script.call_id(number, place),
         "name": name, "arguments": _written(args), "status": "completed"}
        for place, (name, args) in enumerate(requests)
    )  # fmt: skip
    return {
        "id": f"resp_library_{number:04d}", "object": "response", "created_at": 1_795_000_000 + number,
        "status": "completed", "model": script.MODEL, "output": output, "error": None, "incomplete_details": None,
        "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto",
        "tools": [], "top_p": 1.0,
        "usage": {
            "input_tokens": used["in"], "output_tokens": used["out"], "total_tokens": used["in"] + used["out"],
            "input_tokens_details": {"cached_tokens": used["cached"], "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": used["reasoning"]},
        },
    }  # fmt: skip


def _response_events(whole: dict[str, Any]) -> Iterator[Event]:
    pieces: list[dict[str, Any]] = [{"type": "response.created", "response": {**whole, "output": [], "usage": None}}]
    for place, item in enumerate(whole["output"]):
        begun = {"content": []} if item["type"] == "message" else {"arguments": ""}
        at = {"output_index": place, "item_id": item["id"]}
        pieces.append({"type": "response.output_item.added", "output_index": place, "item": {**item, **begun}})
        if item["type"] == "message":
            part, at = item["content"][0], {**at, "content_index": 0}
            pieces += [
                {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
                {"type": "response.output_text.delta", **at, "delta": part["text"], "logprobs": []},
                {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
                {"type": "response.content_part.done", **at, "part": part},
            ]
        else:
            pieces += [
                {"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]},
                {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]},
            ]
        pieces.append({"type": "response.output_item.done", "output_index": place, "item": item})
    pieces.append({"type": "response.completed", "response": whole})
    return ((piece["type"], {**piece, "sequence_number": number}) for number, piece in enumerate(pieces))


# --- Anthropic, messages: cached tokens are counted beside the input


def _message(number: int, answer: script.Answer) -> dict[str, Any]:
    text, requests = answer
    used = script.usage(number)
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content.extend(
        {"type": "tool_use", "id": script.call_id(number, place), "name": name, "input": args}
        for place, (name, args) in enumerate(requests)
    )
    return {
        "id": f"msg_library_{number:04d}", "type": "message", "role": "assistant", "model": script.MODEL,
        "content": content, "stop_reason": "tool_use" if requests else "end_turn", "stop_sequence": None,
        "usage": {
            "input_tokens": used["in"] - used["cached"], "cache_read_input_tokens": used["cached"],
            "cache_creation_input_tokens": 0, "output_tokens": used["out"],
        },
    }  # fmt: skip


def _message_events(whole: dict[str, Any]) -> Iterator[Event]:
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": begun}
    for place, block in enumerate(whole["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty, delta = (
                {**block, "input": {}},
                {"type": "input_json_delta", "partial_json": _written(block["input"])},
            )
        yield "content_block_start", {"type": "content_block_start", "index": place, "content_block": empty}
        yield "content_block_delta", {"type": "content_block_delta", "index": place, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": place}
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    used = {"output_tokens": whole["usage"]["output_tokens"]}
    yield "message_delta", {"type": "message_delta", "delta": ended, "usage": used}
    yield "message_stop", {"type": "message_stop"}


# --- Gemini, generateContent: it names no calls, and counts thoughts beside the answer


def _content(number: int, answer: script.Answer) -> dict[str, Any]:
    text, requests = answer
    used = script.usage(number)
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    parts.extend({"functionCall": {"name": name, "args": args}} for name, args in requests)
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": used["in"], "candidatesTokenCount": used["out"] - used["reasoning"],
            "totalTokenCount": used["in"] + used["out"], "cachedContentTokenCount": used["cached"],
            "thoughtsTokenCount": used["reasoning"],
        },
        "modelVersion": script.MODEL, "responseId": f"library-{number:04d}",
    }  # fmt: skip


def _content_chunks(whole: dict[str, Any]) -> Iterator[Event]:
    yield None, whole


# --- Bedrock, Converse


def _converse(number: int, answer: script.Answer) -> dict[str, Any]:
    text, requests = answer
    used = script.usage(number)
    blocks: list[dict[str, Any]] = [] if text is None else [{"text": text}]
    blocks += [
        {"toolUse": {"toolUseId": script.call_id(number, place), "name": name, "input": args}}
        for place, (name, args) in enumerate(requests)
    ]
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": "tool_use" if requests else "end_turn",
        "usage": {
            "inputTokens": used["in"] - used["cached"],
            "cacheReadInputTokens": used["cached"],
            "cacheWriteInputTokens": 0,
            "outputTokens": used["out"],
            "totalTokens": used["in"] + used["out"],
        },
        "metrics": {"latencyMs": 7},
    }
