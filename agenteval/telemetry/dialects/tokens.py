"""Token counts under the names of any provider or SDK in, usage out: cached tokens are part of the input.

Whether a sender counts cached tokens within its input is told by the names that it uses, by the total that it gives,
and by sense: what is a part cannot be more than the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenteval.core.trajectory import Usage
from agenteval.telemetry.dialects.held import amount_of, count_of, first_count, object_of, usage_or_none

_READ = ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "promptTokenCount", "prompt_token_count")
_WRITTEN = (
    "output_tokens",
    "completion_tokens",
    "outputTokens",
    "completionTokens",
    "candidatesTokenCount",
    "candidates_token_count",
)
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count", "total")
_READ_DETAILS = ("input_tokens_details", "prompt_tokens_details", "input_token_details", "prompt_token_details")
_WRITTEN_DETAILS = (
    "output_tokens_details",
    "completion_tokens_details",
    "output_token_details",
    "completion_token_details",
)
_CACHED = (
    "cached_tokens",
    "cache_read",
    "cached",
    "cache_read_tokens",
    "cachedContentTokenCount",
    "cachedInputTokens",
    "cached_content_token_count",
)
_CACHE_WRITTEN = ("cache_creation", "cache_write", "cache_write_tokens", "cache_creation_tokens")
_REASONING = ("reasoning_tokens", "reasoning", "reasoningTokens")
_CACHED_APART = ("cache_read_input_tokens", "cacheReadInputTokens")
_CACHE_WRITTEN_APART = ("cache_creation_input_tokens", "cacheWriteInputTokens")
_THOUGHTS = ("thoughtsTokenCount", "thoughts_token_count")


def usage_of(counts: Mapping[str, Any], *, cost_usd: float | None = None) -> Usage | None:
    """What a mapping of token counts says; None where it says nothing."""
    cost = cost_usd if cost_usd is not None else amount_of(counts.get("cost"))
    if "input" in counts or "output" in counts:
        return _in_parts(counts, cost)
    read, written = first_count(counts, *_READ), first_count(counts, *_WRITTEN)
    inner, outer = _details(counts, _READ_DETAILS), _details(counts, _WRITTEN_DETAILS)
    apart = first_count(counts, *_CACHED_APART), first_count(counts, *_CACHE_WRITTEN_APART)
    thoughts = first_count(counts, *_THOUGHTS)
    if read is not None and not _holds(counts, read, written or 0, sum(part or 0 for part in apart)):
        read += sum(part or 0 for part in apart)
    return usage_or_none(
        read=read,
        written=written if thoughts is None else (written or 0) + thoughts,
        cached=_first(first_count(inner, *_CACHED), first_count(counts, *_CACHED), apart[0]),
        cache_written=_first(first_count(inner, *_CACHE_WRITTEN), first_count(counts, *_CACHE_WRITTEN), apart[1]),
        reasoning=_first(first_count(outer, *_REASONING), first_count(counts, *_REASONING), thoughts),
        cost_usd=cost,
    )


def _details(counts: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    return next((held for name in names if (held := object_of(counts.get(name)))), object_of(None))


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _holds(counts: Mapping[str, Any], read: int, written: int, apart: int) -> bool:
    """Whether the input already holds what the names of Anthropic's API count apart from it."""
    return apart <= read and first_count(counts, *_TOTAL) == read + written


def _in_parts(counts: Mapping[str, Any], cost_usd: float | None) -> Usage | None:
    """Langfuse's own names: each part, such as `input_cache_read`, is taken out of `input`, unless the total tells."""
    read, written = count_of(counts.get("input")), count_of(counts.get("output"))
    read_parts, written_parts = _parts(counts, "input_"), _parts(counts, "output_")
    of_cache = _parts(counts, "cached_modality_")
    if of_cache:
        read_parts["cached"] = sum(of_cache.values())
    if first_count(counts, *_TOTAL) != (read or 0) + (written or 0):
        read = None if read is None else read + sum(read_parts.values())
        written = None if written is None else written + sum(written_parts.values())
    return usage_or_none(
        read=read,
        written=written,
        cached=first_count(read_parts, *_CACHED),
        cache_written=first_count(read_parts, *_CACHE_WRITTEN),
        reasoning=first_count(written_parts, *_REASONING),
        cost_usd=cost_usd,
    )


def _parts(counts: Mapping[str, Any], prefix: str) -> dict[str, int]:
    """The parts of a whole, by the rest of their names."""
    return {
        name.removeprefix(prefix): count
        for name, value in counts.items()
        if name.startswith(prefix) and (count := count_of(value)) is not None
    }
