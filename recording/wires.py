"""An answer of the script in, the body in which each provider's API gives it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from recording import script

_CREATED = 1_795_000_000


def completion(number: int, answer: script.Answer) -> dict[str, Any]:
    """As OpenAI's chat completions."""
    text, requests = answer
    used = script.usage(number)
    calls = [
        {"id": script.call_id(number, place), "type": "function",
         "function": {"name": name, "arguments": json.dumps(args, ensure_ascii=False)}}
        for place, (name, args) in enumerate(requests)
    ]  # fmt: skip
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    return {
        "id": f"chatcmpl-library-{number:04d}",
        "object": "chat.completion",
        "created": _CREATED + number,
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


def chunks(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A completion piece by piece, each call of a tool in pieces of its own, the usage last."""
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
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}]}
    yield {**head, "choices": [], "usage": whole["usage"]}


def message(number: int, answer: script.Answer) -> dict[str, Any]:
    """As Anthropic's messages: what came from the cache is counted apart."""
    text, requests = answer
    used = script.usage(number)
    blocks: list[dict[str, Any]] = [] if text is None else [{"type": "text", "text": text}]
    blocks += [
        {"type": "tool_use", "id": script.call_id(number, place), "name": name, "input": args}
        for place, (name, args) in enumerate(requests)
    ]
    return {
        "id": f"msg_library_{number:04d}",
        "type": "message",
        "role": "assistant",
        "model": script.MODEL,
        "content": blocks,
        "stop_reason": "tool_use" if requests else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": used["in"] - used["cached"],
            "cache_read_input_tokens": used["cached"],
            "cache_creation_input_tokens": 0,
            "output_tokens": used["out"],
        },
    }


def content(number: int, answer: script.Answer) -> dict[str, Any]:
    """As Gemini's generateContent: thoughts are counted apart."""
    text, requests = answer
    used = script.usage(number)
    parts: list[dict[str, Any]] = [] if text is None else [{"text": text}]
    parts += [
        {"functionCall": {"id": script.call_id(number, place), "name": name, "args": args}}
        for place, (name, args) in enumerate(requests)
    ]
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": used["in"],
            "cachedContentTokenCount": used["cached"],
            "candidatesTokenCount": used["out"] - used["reasoning"],
            "thoughtsTokenCount": used["reasoning"],
            "totalTokenCount": used["in"] + used["out"],
        },
        "modelVersion": script.MODEL,
        "responseId": f"gemini-library-{number:04d}",
    }


def converse(number: int, answer: script.Answer) -> dict[str, Any]:
    """As Bedrock's Converse: what came from the cache is counted apart."""
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


def response(number: int, answer: script.Answer) -> dict[str, Any]:
    """As OpenAI's Responses."""
    text, requests = answer
    used = script.usage(number)
    items: list[dict[str, Any]] = []
    if text is not None:
        words = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        items.append(
            {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": "completed", "content": [words]}
        )
    items += [
        {"id": f"fc_{number}_{place}", "type": "function_call", "status": "completed", "name": name,
         "call_id": script.call_id(number, place), "arguments": json.dumps(args, ensure_ascii=False)}
        for place, (name, args) in enumerate(requests)
    ]  # fmt: skip
    return {
        "id": f"resp_library_{number:04d}",
        "object": "response",
        "created_at": _CREATED + number,
        "status": "completed",
        "model": script.MODEL,
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "usage": {
            "input_tokens": used["in"],
            "input_tokens_details": {"cached_tokens": used["cached"]},
            "output_tokens": used["out"],
            "output_tokens_details": {"reasoning_tokens": used["reasoning"]},
            "total_tokens": used["in"] + used["out"],
        },
    }


WIRES: dict[str, Callable[[int, script.Answer], dict[str, Any]]] = {
    "/chat/completions": completion,
    "/responses": response,
    "/messages": message,
    ":generateContent": content,
    "/converse": converse,
}
"""How the path of a request ends, and what answers it."""
