"""What the GenAI convention's attributes say of a model call's tokens, price and end, under any of their names."""

from __future__ import annotations

import functools
import itertools

from agenteval.core import semconv
from agenteval.core.trajectory import Usage
from agenteval.telemetry.dialects.arguments import parsed
from agenteval.telemetry.dialects.googles import with_thoughts
from agenteval.telemetry.dialects.held import Held, list_of, text_of, usage_or_none


def finish(held: Held) -> str | None:
    """Why the model stopped: the last of its reasons, a list, its JSON text or one word."""
    value = parsed(held.raw(semconv.FINISH_REASONS)).value
    if value is None:
        value = held.raw("gen_ai.response.finish_reason")
    reasons = [reason for item in list_of(value) if (reason := text_of(item))]
    return _word(reasons[-1] if reasons else text_of(value))


def _word(reason: str | None) -> str | None:
    """A reason, out of the name of a Python enumeration's member."""
    enumeration, _, member = (reason or "").rpartition("FinishReason.")
    return member.lower() if member and not enumeration and member != reason else reason


def usage(held: Held, prefix: str = "gen_ai.usage.") -> Usage | None:
    """What a call used, under any of the names; cached tokens are a part of the input."""
    names = _names(prefix)
    read_tokens, written, cached, cache_written, reasoning = (held.count(*some) for some in names)
    held.uses(*itertools.chain(*names[:4]))  # the other names of a count that was made use of
    if read_tokens is not None and _apart(held, prefix, read_tokens, written, (cached or 0) + (cache_written or 0)):
        read_tokens += (cached or 0) + (cache_written or 0)
    provider, total = held.text("gen_ai.provider.name", "gen_ai.system"), held.count(prefix + "total_tokens")
    written = with_thoughts(provider, read=read_tokens, written=written, total=total)
    return usage_or_none(
        read=read_tokens,
        written=written,
        cached=cached,
        cache_written=cache_written,
        reasoning=reasoning,
        cost_usd=held.amount("operation.cost", prefix + "cost"),
    )


def is_bedrock(held: Held) -> bool:
    """Whether a call went to Amazon Bedrock."""
    return "bedrock" in (held.text("gen_ai.provider.name", "gen_ai.system") or "").lower()


@functools.cache
def _names(prefix: str) -> tuple[tuple[str, ...], ...]:
    kinds = (_READ, _WRITTEN, _CACHED, _CACHE_WRITTEN, _REASONING)
    return tuple(tuple(prefix + name for name in names) for names in kinds)


_READ = ("input_tokens", "prompt_tokens")
_WRITTEN = ("output_tokens", "completion_tokens")
_CACHED = (
    "cache_read.input_tokens",
    "cache_read_input_tokens",
    "cached_input_tokens",
    "details.cache_read_tokens",
    "details.cache_read_input_tokens",
)
_CACHE_WRITTEN = (
    "cache_write.input_tokens",
    "cache_creation.input_tokens",
    "cache_write_input_tokens",
    "cache_creation_input_tokens",
    "details.cache_write_tokens",
    "details.cache_creation_input_tokens",
)
_REASONING = ("reasoning.output_tokens", "reasoning_tokens", "reasoning_output_tokens", "details.reasoning_tokens")


def _apart(held: Held, prefix: str, read_tokens: int, written: int | None, parts: int) -> bool:
    """Whether cached tokens were counted beside the input: a part is not more than the whole, and the total tells.

    Bedrock's API counts them beside the input always, and leaves them out of its total.
    """
    if is_bedrock(held):
        return True
    total = held.count(prefix + "total_tokens")
    return parts > read_tokens or (parts > 0 and total == read_tokens + (written or 0) + parts)
