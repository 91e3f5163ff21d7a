"""What was written in, safe JSON and a place to blame out. Shared by every part of the parser.

Whatever comes in is held to JSON of bounded depth and size before anything else looks at it, so that no part of the
parser can be made to recurse, hash or print without end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agenteval._util.names import did_you_mean
from agenteval.checkers.shape import is_list, is_object
from agenteval.checkers.show import flow
from agenteval.errors import RequestError, ScenarioError

LoadCode = Callable[[str], object]

DEEPEST = 40
LARGEST = 100_000
LONGEST_TEXT = 100_000
MOST_NAMES = 50
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Place:
    """Where in the document the parser is; errors raised here carry the keys that lead to it."""

    __slots__ = ("load_code", "path")

    def __init__(self, path: tuple[str | int, ...] = (), load_code: LoadCode | None = None) -> None:
        """Start at a path, with what loads `module:object` (None: code is refused)."""
        self.path = path
        self.load_code = load_code

    def at(self, *keys: str | int) -> Place:
        """The place further in."""
        return Place((*self.path, *keys), self.load_code)

    def error(self, message: str, *key: str | int) -> ScenarioError:
        """An error that says where and what, to be raised. `key` is the one at fault, which the message names."""
        where = str(self)
        return ScenarioError(f"{where}: {message}" if where else message, path=(*self.path, *key))

    def code(self, ref: str) -> object:
        """What `module:object` names. Raises ScenarioError where code is refused or does not load."""
        if self.load_code is None:
            raise self.error(
                f"{flow(ref)} would run code, which is not allowed here. "
                f"Use a suite or checks file of the project, or pass --allow-code"
            )
        try:
            return self.load_code(ref)
        except RequestError as error:  # it says itself what is wrong, and what to do
            raise self.error(str(error)) from error
        except Exception as error:
            raise self.error(f"{flow(ref)} cannot be loaded: {type(error).__name__}: {error}") from error

    def __str__(self) -> str:
        """Such as `checks[2].at_most.n`."""
        text = ""
        for key in self.path:
            if isinstance(key, int):
                text += f"[{key}]"
            elif not _PLAIN_KEY.fullmatch(key):
                text += f"[{flow(key, quote=True, limit=60)}]"
            else:
                text += f".{key}" if text else key
        return text


class Names:
    """The names that `$as` binds, in reading order, so that a `$same` of none of them is found when it is parsed."""

    __slots__ = ("bound", "mentions", "reason")

    def __init__(self, *, refused: str = "") -> None:
        """Begin with no names. `refused` says why there are none here, where there can be none."""
        self.bound: list[str] = []
        self.mentions = 0
        self.reason = refused

    def bind(self, name: object, place: Place) -> str:
        """Take the name of a `$as`."""
        if self.reason:
            raise place.error(f"$as has no meaning here: {self.reason}")
        text = self._name(name, place, "$as")
        if text not in self.bound:
            self.bound.append(text)
        return text

    def use(self, name: object, place: Place) -> str:
        """Take the name of a `$same`; it must have been bound."""
        if self.reason:
            raise place.error(f"$same has no meaning here: {self.reason}")
        text = self._name(name, place, "$same")
        if text not in self.bound:
            raise place.error(f"$same: nothing before it binds {flow(text)} with $as. {did_you_mean(text, self.bound)}")
        return text

    def _name(self, name: object, place: Place, matcher: str) -> str:
        self.mentions += 1
        if self.mentions > MOST_NAMES:
            raise place.error(f"more than {MOST_NAMES} uses of $as and $same in one check")
        if not isinstance(name, str) or not _PLAIN_KEY.fullmatch(name) or len(name) > 40:
            raise place.error(
                f"{matcher} takes a name of letters, digits and _, up to 40 of them, not {flow(name, limit=60)}"
            )
        return name


def safe(value: Any, place: Place) -> Any:
    """The value as plain JSON of its own (dicts and lists), or an error that says where it is not.

    Raises:
        ScenarioError: Too deep, too large, or not JSON: a key that is not text, a date, NaN, a lone surrogate.
    """
    left = [LARGEST]
    return _safe(value, place, DEEPEST, left)


def _safe(value: Any, place: Place, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise place.error(f"more than {LARGEST:,} values: write fewer checks, or several files")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _safe_text(value, place)
    if isinstance(value, int):
        # the plain number, not a subclass that a YAML reader made to keep its notation
        return _safe_whole(int(value), place)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise place.error(f"{value} is not a JSON number")
        return float(value)
    if depth == 0:
        raise place.error(f"nested more than {DEEPEST} levels deep")
    if is_object(value):
        return {
            _safe_key(key, place): _safe(
                item, place.at(key if isinstance(key, str) else str(key)[:60]), depth - 1, left
            )
            for key, item in value.items()
        }
    if is_list(value):
        return [_safe(item, place.at(number), depth - 1, left) for number, item in enumerate(value)]
    raise place.error(f"{type(value).__name__} is not JSON: write dates and the like in quotes, as text")


def _safe_text(value: str, place: Place) -> str:
    if len(value) > LONGEST_TEXT:
        raise place.error(f"text of {len(value):,} characters; at most {LONGEST_TEXT:,}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise place.error("text with a lone surrogate, which is not Unicode") from None
    return str(value)


def _safe_whole(value: int, place: Place) -> int:
    if value.bit_length() > 1000:
        raise place.error("a number of more than 300 digits")
    return value


def _safe_key(key: object, place: Place) -> str:
    if not isinstance(key, str):
        raise place.error(f"{flow(key, limit=60)} is a key and must be text: write it in quotes")
    return _safe_text(key, place)


def words(value: Any, allowed: Iterable[str], place: Place, what: str) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in allowed:
        names = ", ".join(allowed)
        hint = f" {did_you_mean(value, allowed)}" if isinstance(value, str) else ""
        raise place.error(f"{what} is one of {names}, not {flow(value, limit=60)}.{_unless_repeated(hint)}")
    return value


def _unless_repeated(hint: str) -> str:
    return "" if hint.startswith(" Known:") else hint


def fields(value: Any, allowed: Sequence[str], place: Place, what: str) -> Mapping[str, Any]:
    """A map with no other keys than those allowed."""
    if not is_object(value):
        raise place.error(f"{what} is a map of {', '.join(allowed)}, not {flow(value, limit=60)}")
    for key in value:
        if key not in allowed:
            raise place.error(
                f"unknown key {flow(key, quote=True, limit=60)} in {what}. {did_you_mean(str(key), allowed)}", str(key)
            )
    return value


def whole(value: Any, place: Place, what: str, least: int = 0) -> int:
    """A whole number of at least `least`; 2.0 is 2."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise place.error(f"{what} takes a whole number of {least} or more, not {flow(value, limit=60)}")
    return number


def number(value: Any, place: Place, what: str, low: float = 0.0, high: float | None = None) -> float:
    """A number within bounds."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= low
    if not good or (high is not None and value > high):
        bounds = f" from {low:g} to {high:g}" if high is not None else f" of {low:g} or more" if low > -math.inf else ""
        raise place.error(f"{what} takes a number{bounds}, not {flow(value, limit=60)}")
    return value


def some(value: Any, place: Place, what: str, *, empty: bool = False) -> Sequence[Any]:
    """A list, which may be empty only where it is said."""
    if not is_list(value):
        raise place.error(f"{what} takes a list, not {flow(value, limit=60)}")
    if not value and not empty:
        raise place.error(f"{what} takes a list of at least 1; an empty one would hold whatever happens")
    return value


_RANGE = re.compile(r"\s*(\d{1,9})\s*\.\.\s*(\d{1,9})\s*", re.ASCII)
_LEAST = re.compile(r"\s*>=\s*(\d{1,9})\s*", re.ASCII)


def count(value: Any, place: Place, what: str) -> tuple[int, int | None]:
    """N as its lowest and highest value; None is no highest. `2`, `"2..4"` or `">=2"`."""
    if isinstance(value, str):
        if found := _RANGE.fullmatch(value):
            low, high = int(found[1]), int(found[2])
            if low > high:
                raise place.error(f"{what}: {flow(value)} is empty: {low} is more than {high}")
            return low, high
        if found := _LEAST.fullmatch(value):
            return int(found[1]), None
        raise place.error(f'{what} takes a number, "2..4" or ">=2", not {flow(value, limit=60)}')
    exact = whole(value, place, what)
    return exact, exact
