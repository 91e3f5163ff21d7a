"""V as it was written in, its matcher out. What each matcher means is said in `values`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import regex

from agenteval._util.names import did_you_mean
from agenteval.checkers.grammar import Names, Place, number, some
from agenteval.checkers.shape import is_list, is_number, is_object
from agenteval.checkers.show import flow
from agenteval.checkers.values import (
    Amount,
    AnyOf,
    Equal,
    Fn,
    Glob,
    Has,
    ListOf,
    Matcher,
    Name,
    Near,
    Not,
    Num,
    ObjectOf,
    Re,
    Text,
    Word,
)

LONGEST_PATTERN: Final = 1000


def matcher(spec: Any, place: Place, names: Names) -> Matcher:
    """The matcher of a V. Raises ScenarioError, with the place and the nearest name, where it is wrong.

    Args:
        spec: JSON that has passed `grammar.safe`.
        place: Where it stands.
        names: What `$as` has bound so far, in reading order.
    """
    if is_object(spec):
        return _object(spec, place, names)
    if is_list(spec):
        parts = [matcher(item, place.at(index), names) for index, item in enumerate(spec)]
        return Equal(spec) if _all_literal(parts) else ListOf(spec, parts)
    return _scalar(spec)


def _scalar(spec: Any) -> Matcher:
    if isinstance(spec, str):
        return Word(spec)
    return Amount(spec) if is_number(spec) else Equal(spec)


def _all_literal(parts: list[Matcher]) -> bool:
    return all(type(part) in (Amount, Equal, Word) for part in parts)


def _object(spec: Mapping[str, Any], place: Place, names: Names) -> Matcher:
    marked = [key for key in spec if key.startswith("$")]
    if not marked:
        parts = {key: matcher(item, place.at(key), names) for key, item in spec.items()}
        return Equal(spec) if _all_literal(list(parts.values())) else ObjectOf(spec, parts)
    key = marked[0]
    inside = place.at(key)
    if len(spec) > 1 and key in _LEAVES.keys() | _NESTED.keys():
        others = ", ".join(flow(other) for other in spec if other != key)
        raise place.error(f"a matcher has one key; beside {key} there is {others}")
    if key in _LEAVES:
        return _LEAVES[key](spec[key], inside)
    if key in _NESTED:
        return _NESTED[key](spec[key], inside, names)
    if key == "$only":
        raise place.error("$only stands around the arguments of a call, as {tool: {$only: {…}}}, not inside one", key)
    raise place.error(
        f"unknown matcher {flow(key, quote=True, limit=60)}. {did_you_mean(key, [*_LEAVES, *_NESTED], limit=20)} "
        f"A literal object with this key is written {{$is: {{…}}}}",
        key,
    )


def _near(argument: Any, place: Place) -> Matcher:
    pair: Any = argument if is_list(argument) and len(argument) == 2 else (None, None)
    if not is_number(pair[0]) or not is_number(pair[1]) or pair[1] < 0:
        raise place.error(f"$near takes [number, tolerance of 0 or more], not {flow(argument, limit=60)}")
    return Near({"$near": argument}, pair[0], pair[1])


def _num(argument: Any, place: Place) -> Matcher:
    return Num({"$num": argument}, number(argument, place, "$num", low=float("-inf")))


def _re(argument: Any, place: Place) -> Matcher:
    pattern = _pattern(argument, place, "$re")
    try:
        return Re({"$re": argument}, regex.compile(pattern))
    except (regex.error, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise place.error(f"{flow(pattern, quote=True, limit=80)} is no regular expression: {error}") from None


def _glob(argument: Any, place: Place) -> Matcher:
    return Glob({"$glob": argument}, _pattern(argument, place, "$glob"))


def _folded(argument: Any, place: Place) -> Matcher:
    text = _text(argument, place, "$text")
    if not text.strip():
        raise place.error("$text takes text that is not blank; every text holds an empty one")
    return Text({"$text": argument}, text)


def _fn(argument: Any, place: Place) -> Matcher:
    function = place.code(_text(argument, place, "$fn"))
    if not callable(function):
        raise place.error(f"{flow(argument)} is {type(function).__name__}, which cannot be called with a value")
    return Fn({"$fn": argument}, function)


def _is(argument: Any, place: Place) -> Matcher:  # noqa: ARG001 (one signature for all; any JSON is right here)
    return Equal(argument) if is_list(argument) or is_object(argument) else _scalar(argument)


def _any(argument: Any, place: Place, names: Names) -> Matcher:
    options = some(argument, place, "$any")
    return AnyOf({"$any": argument}, [matcher(item, place.at(index), names) for index, item in enumerate(options)])


def _has(argument: Any, place: Place, names: Names) -> Matcher:
    return Has({"$has": argument}, matcher(argument, place, names))


def _not(argument: Any, place: Place, names: Names) -> Matcher:
    part = matcher(argument, place, names)
    if part.binds:
        raise place.error("$as and $same cannot stand inside $not: what is not accepted binds nothing")
    return Not({"$not": argument}, part)


def _as(argument: Any, place: Place, names: Names) -> Matcher:
    return Name({"$as": argument}, names.bind(argument, place))


def _same(argument: Any, place: Place, names: Names) -> Matcher:
    return Name({"$same": argument}, names.use(argument, place))


def _text(argument: Any, place: Place, what: str) -> str:
    if not isinstance(argument, str):
        raise place.error(f"{what} takes text, not {flow(argument, limit=60)}")
    return argument


def _pattern(argument: Any, place: Place, what: str) -> str:
    text = _text(argument, place, what)
    if len(text) > LONGEST_PATTERN:
        raise place.error(f"{what}: a pattern of {len(text):,} characters; at most {LONGEST_PATTERN:,}")
    return text


_LEAVES: Final[dict[str, Callable[[Any, Place], Matcher]]] = {
    "$near": _near,
    "$num": _num,
    "$re": _re,
    "$glob": _glob,
    "$text": _folded,
    "$fn": _fn,
    "$is": _is,
}
_NESTED: Final[dict[str, Callable[[Any, Place, Names], Matcher]]] = {
    "$any": _any,
    "$has": _has,
    "$not": _not,
    "$as": _as,
    "$same": _same,
}
