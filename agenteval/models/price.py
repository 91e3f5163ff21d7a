"""Tokens and prices in, US dollars out; None where either is unknown. Ships no price list: prices rot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from agenteval._util.names import did_you_mean
from agenteval.core.trajectory import Usage
from agenteval.errors import RequestError

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: Tokens read, those from a cache and those written to one apart.
        output: Tokens written, reasoning included.
        cached_input: Tokens read from a cache; None where the price is unknown.
        cache_write: Tokens read and written to a cache; None where the price is unknown.

    Raises:
        RequestError: A price is negative or not a finite number.
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None

    def __post_init__(self) -> None:
        for name in _NAMES:
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not (math.isfinite(value) and value >= 0)
            ):
                raise RequestError(f"price {name} is {value!r}; allowed: 0 or more US dollars per million tokens")

    @classmethod
    def free(cls) -> Self:
        """Prices of a model that costs nothing, such as a local or a scripted one."""
        return cls(input=0.0, output=0.0, cached_input=0.0, cache_write=0.0)

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Self:
        """Prices from names and figures, as a user gives them; figures may be text such as `"2.50"`.

        Raises:
            RequestError: An unknown name, `input` or `output` missing, or a figure that is not a price.
        """
        for name in given:
            if name not in _NAMES:
                raise RequestError(f'unknown price "{name}". {did_you_mean(name, _NAMES)}')
        missing = [name for name in _NAMES if name not in _OPTIONAL and name not in given]
        if missing:
            raise RequestError(
                f"price {' and '.join(missing)} missing: give input and output, in US dollars per million tokens"
            )
        return cls(**{name: _figure(name, value) for name, value in given.items()})


_NAMES = tuple(field.name for field in fields(Prices))
_OPTIONAL = frozenset({"cached_input", "cache_write"})


def cost_of(usage: Usage, prices: Prices | None) -> float | None:
    """What the tokens cost, in US dollars; None where tokens or a price that they need are unknown.

    Cached and cache-written tokens are part of the input and have their own prices. What costs nothing costs 0 however
    many tokens there were. A cost that the endpoint reported (`usage.cost_usd`) is not looked at.

    Args:
        usage: Tokens of one call or a sum of calls. With calls that reported no tokens the sum is unknown.
        prices: None where they are unknown.

    Example:
        >>> cost_of(Usage(input_tokens=1_000_000, output_tokens=200_000), Prices(input=2.5, output=10.0))
        4.5
    """
    if prices is None:
        return None
    if prices == Prices.free():
        return 0.0
    if usage.unmeasured_calls:
        return None
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    plain = None if usage.input_tokens is None else usage.input_tokens - cached - written
    if plain is not None and plain < 0:
        return None  # the parts exceed the whole: the endpoint counts in a way that is not known
    parts = (
        _part(plain, prices.input),
        _part(usage.output_tokens, prices.output),
        _part(cached, prices.cached_input),
        _part(written, prices.cache_write),
    )
    known = [part for part in parts if part is not None]
    return math.fsum(known) / _MILLION if len(known) == len(parts) else None


def _part(tokens: int | None, price: float | None) -> float | None:
    if tokens == 0 or price == 0:
        return 0.0
    return None if tokens is None or price is None else tokens * price


def _figure(name: str, value: object) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise RequestError(f'price {name} is "{value}", which is not a number') from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"price {name} is {value!r}, which is not a number")
    return float(value)
