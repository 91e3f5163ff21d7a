"""Matchers: a JSON value in, one of three answers out.

A literal is equal by JSON value: 1 equals 1.0; 1, true and "1" differ; objects and lists are compared whole, and may
hold matchers inside. A matcher is an object with one key that begins with `$`:

    $near: [x, tolerance]   a number no further from x than the tolerance, in decimal: 42.505 is within 0.005 of 42.5
    $num: x                 the number x, or text that is that number
    $re: s                  text in which the regular expression is found; time-bounded, undecided where it takes longer
    $glob: s                text that is matched whole, case-sensitive: * any characters, ? one, [abc] one of these
    $text: s                text that holds s, whatever the case and spacing of either
    $any: [V…]              what one of them accepts
    $has: V                 a list with an element that V accepts; text that holds the text V, exactly as written
    $not: V                 what V does not accept; what is not there is accepted by nothing, $not included
    $as: x, $same: x        any value, and binds it to x where x is free; else a value equal to the one bound
    $fn: "module:object"    a value for which the function is true; undecided where it raises
    $is: JSON               the literal itself, where it has keys that begin with `$`

An answer is undecided only where a regular expression ran out of time, a function raised, what was bound to a name
was not recorded, or what was redacted could decide it (see `masked`). A function is not asked of what was redacted.
"""

from __future__ import annotations

import fnmatch
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Final, TypeAlias

import regex

from agenteval._util.patch import equal
from agenteval.checkers import masked
from agenteval.checkers.hints import difference, fold, number_in, same_number
from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.shape import is_list, is_number, is_object
from agenteval.checkers.show import flow, kind, literal
from agenteval.core.json import Json
from agenteval.core.outcome import ReasonCode

Env: TypeAlias = Mapping[str, Any]
"""What the names are bound to."""

Slow: TypeAlias = "set[object]"
"""Matchers that ran out of time once; they are not tried again on the same trajectory."""

Doubt: TypeAlias = tuple[ReasonCode, str]
"""Why something could not be decided."""

UNSEEN: Final = object()
"""Bound to a value that was not recorded."""

SECONDS: Final = 0.1
MOST_WAYS: Final = 10_000


class Matcher(ABC):
    """What accepts a value.

    Attributes:
        spec: How it was written.
        binds: It has `$as` or `$same` inside, so that `solve` must be asked.
        grows: What it accepts in a part of a text, it accepts in the whole.
        parts: The matchers inside it.
    """

    def __init__(self, spec: Json, parts: Sequence[Matcher] = (), *, grows: bool = False) -> None:
        """Keep how it was written, and what is inside."""
        self.spec = spec
        self.parts = parts
        self.binds = any(part.binds for part in parts)
        self.grows = grows

    @abstractmethod
    def test(self, value: Any, slow: Slow, /) -> Tri:
        """Whether it accepts the value; bindings are not asked for."""

    def solve(self, value: Any, env: Env, slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Every way to accept the value under the bindings so far, with the bindings after."""
        found = self.test(value, slow)
        if found:
            yield found, env

    def doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """Why the value could not be decided; None where it could."""
        return self._doubt(value, slow) or redacted(value)

    def _doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """As `doubt`, but for what was redacted."""
        return next(filter(None, (part.doubt(value, slow) for part in self.parts)), None)

    def hint(self, _value: Any, /) -> str:
        """What a reader should know of a value that it does not accept, and which matcher would accept it."""
        return ""


def redacted(value: Any) -> Doubt | None:
    """Why a value could not be decided in which something was redacted; None where nothing was."""
    mark = masked.shown(value)
    if mark is None:
        return None
    return "redacted", f"{literal(mark, 60)} stands for what was redacted, and could be it; pseudonyms can be compared"


class Equal(Matcher):
    """A literal, by JSON value."""

    def __init__(self, spec: Json) -> None:
        """Keep the literal, and whether marks stand in it."""
        super().__init__(spec)
        self._marked = masked.marked(spec)
        self._masked = masked.incomparable(spec)

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """Equal, whatever the order of keys."""
        if equal(self.spec, value):
            return MAYBE if self._masked else YES
        return masked.same(self.spec, value)

    def hint(self, value: Any, /) -> str:
        """Another type, another spelling, nearly the number, or inside a list."""
        return difference(self.spec, value)


class Word(Equal):
    """A literal text: the commonest literal, and the quickest."""

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """Equal."""
        if value == self.spec:
            return MAYBE if self._masked else YES
        # hardly any text has a bracket, and this is what is asked most often
        return masked.same(self.spec, value) if self._marked or (isinstance(value, str) and "[" in value) else NO


class Amount(Equal):
    """A literal number."""

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """Equal, and not true or false."""
        if value == self.spec:
            return NO if isinstance(value, bool) else YES
        return MAYBE if masked.is_hidden(value) else NO


class Near(Matcher):
    """`$near`: exact in decimal, so that the binary rounding of either side does not count."""

    def __init__(self, spec: Json, x: float, tolerance: float) -> None:
        """Keep both as exact decimals."""
        super().__init__(spec)
        self.x, self.tolerance = _exact(x), _exact(tolerance)

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """A number within the tolerance."""
        if not is_number(value):
            return MAYBE if masked.is_hidden(value) else NO
        return YES if abs(_exact(value) - self.x) <= self.tolerance else NO

    def hint(self, value: Any, /) -> str:
        """How far off a number is, or that it is none."""
        if not is_number(value):
            said = f"{literal(value, 40)} is {kind(value)}, and $near takes numbers alone"
            found = number_in(value) if isinstance(value, str) else None
            return said if found is None else f"{said}; $num: {found} takes it as text too"
        return f"off by {literal(_rounded(abs(_exact(value) - self.x)))}, {literal(_rounded(self.tolerance))} allowed"


def _exact(value: float) -> Fraction:
    # the digits that were written, not the nearest binary fraction
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _rounded(value: Fraction) -> float:
    return float(f"{float(min(value, Fraction(10**300))):.6g}")


class Num(Matcher):
    """`$num`: a number, or text that is one."""

    def __init__(self, spec: Json, x: float) -> None:
        """Keep the number."""
        super().__init__(spec)
        self.x = x

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """That number."""
        same = same_number(value, self.x) if isinstance(value, str) else equal(self.x, value)
        return YES if same else masked.could_be_number(value)


class Re(Matcher):
    """`$re`: found anywhere in the text, within the time."""

    def __init__(self, spec: Json, compiled: regex.Pattern[str]) -> None:
        """Keep the compiled expression."""
        super().__init__(spec)
        self.compiled = compiled

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """Found."""
        if not isinstance(value, str):
            return NO
        if self in slow:
            return MAYBE
        try:
            return masked.found(self.compiled.pattern, value, partial(self.compiled.search, timeout=SECONDS))
        except TimeoutError:
            slow.add(self)
            return MAYBE

    def _doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """It ran out of time."""
        if not isinstance(value, str) or self not in slow:
            return None
        return "timeout", f"{flow(self.spec, limit=60)} took longer than {SECONDS} s on a text; it was not tried again"

    def hint(self, value: Any, /) -> str:
        """Only text can be searched."""
        return "" if isinstance(value, str) else f"{literal(value, 40)} is {kind(value)}; $re takes text alone"


class Glob(Matcher):
    """`$glob`: the whole text, case-sensitive."""

    def __init__(self, spec: Json, pattern: str) -> None:
        """Compile it once; the translation never goes back over a star."""
        super().__init__(spec)
        self.fits = re.compile(fnmatch.translate(pattern)).match

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """Matched whole."""
        return masked.matched(value, self.fits) if isinstance(value, str) else NO


class Text(Matcher):
    """`$text`: held by the text, both without case and spacing."""

    def __init__(self, spec: Json, text: str) -> None:
        """Keep the text folded."""
        super().__init__(spec, grows=True)
        self.folded = fold(text)

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """Held."""
        return masked.holds(fold(value), self.folded) if isinstance(value, str) else NO

    def hint(self, value: Any, /) -> str:
        """Only text can hold text."""
        return "" if isinstance(value, str) else f"{literal(value, 40)} is {kind(value)}; $text takes text alone"


class AnyOf(Matcher):
    """`$any`."""

    def __init__(self, spec: Json, parts: Sequence[Matcher]) -> None:
        """Keep the options in order."""
        super().__init__(spec, parts, grows=all(part.grows for part in parts))

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """The best answer of them."""
        best = NO
        for part in self.parts:
            found = part.test(value, slow)
            if found == YES:
                return YES
            best = max(best, found)
        return best

    def solve(self, value: Any, env: Env, slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Every way of each."""
        for part in self.parts:
            yield from part.solve(value, env, slow)


class Has(Matcher):
    """`$has`."""

    def __init__(self, spec: Json, part: Matcher) -> None:
        """Keep what is looked for; a literal text is looked for in text too."""
        super().__init__(spec, (part,), grows=isinstance(part, Word))
        self.part = part

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """The best answer over the elements."""
        if is_list(value):
            return max((self.part.test(item, slow) for item in value), default=NO)
        if isinstance(value, str) and isinstance(self.part, Word):
            return masked.holds(value, str(self.part.spec))
        return MAYBE if masked.is_hidden(value) else NO

    def solve(self, value: Any, env: Env, slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Every way of each element."""
        if is_list(value):
            for item in value:
                yield from self.part.solve(item, env, slow)
        elif found := self.test(value, slow):
            yield found, env

    def _doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """The doubt of an element."""
        items = value if is_list(value) else ()
        return next(filter(None, (self.part.doubt(item, slow) for item in items)), None)

    def hint(self, value: Any, /) -> str:
        """What it can be asked of."""
        if isinstance(value, (list, tuple, str)):
            return ""
        return f"{literal(value, 40)} is {kind(value)}; $has takes lists, and text within text"


class Not(Matcher):
    """`$not`."""

    def __init__(self, spec: Json, part: Matcher) -> None:
        """Keep what is not accepted."""
        super().__init__(spec, (part,))
        self.part = part

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """The other answer."""
        return 2 - self.part.test(value, slow)


class Name(Matcher):
    """`$as` and `$same`: one value under one name."""

    def __init__(self, spec: Json, name: str) -> None:
        """Keep the name."""
        super().__init__(spec)
        self.name = name
        self.binds = True

    def test(self, _value: Any, _slow: Slow, /) -> Tri:
        """Any value, where bindings are not asked for."""
        return YES

    def solve(self, value: Any, env: Env, _slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Bind a free name; else be equal to what is bound."""
        if self.name not in env:
            yield YES, {**env, self.name: value}
        elif env[self.name] is UNSEEN or value is UNSEEN:
            yield MAYBE, env
        elif same := masked.same(env[self.name], value):
            yield same, env


class Fn(Matcher):
    """`$fn`: a function of the user's, asked whether it is true of a value in which nothing was redacted."""

    def __init__(self, spec: Json, function: Callable[[Any], object]) -> None:
        """Keep the function."""
        super().__init__(spec)
        self.function = function

    def test(self, value: Any, _slow: Slow, /) -> Tri:
        """True, false, or undecided where it raises."""
        if masked.marked(value):
            return MAYBE
        try:
            return YES if self.function(value) else NO
        except Exception:  # noqa: BLE001 (the user's code may raise anything; none of it is the agent's fault)
            return MAYBE

    def _doubt(self, value: Any, _slow: Slow, /) -> Doubt | None:
        """What it raised."""
        if masked.marked(value):
            return None
        try:
            self.function(value)
        except Exception as error:  # noqa: BLE001 (as above)
            return "check_error", f"{flow(self.spec, limit=60)} raised {type(error).__name__}: {str(error)[:200]}"
        return None


class ListOf(Matcher):
    """A literal list with matchers inside: as many elements, each accepted in its place."""

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """The worst answer over the places."""
        if not is_list(value) or len(value) != len(self.parts):
            return MAYBE if self.parts and masked.is_hidden(value) else NO
        return min((part.test(item, slow) for part, item in zip(self.parts, value, strict=True)), default=YES)

    def solve(self, value: Any, env: Env, slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Every way for all places together."""
        if is_list(value) and len(value) == len(self.parts):
            yield from together(list(zip(self.parts, [[item] for item in value], strict=True)), env, slow)
        elif self.test(value, slow):
            yield MAYBE, env

    def _doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """The doubt of a place."""
        if not is_list(value):
            return None
        return next(filter(None, (p.doubt(item, slow) for p, item in zip(self.parts, value, strict=False))), None)


class ObjectOf(Matcher):
    """A literal object with matchers inside: the same keys, each with a value that is accepted."""

    def __init__(self, spec: Json, parts: Mapping[str, Matcher]) -> None:
        """Keep the matcher of each key."""
        super().__init__(spec, tuple(parts.values()))
        self.members = parts

    def test(self, value: Any, slow: Slow, /) -> Tri:
        """The worst answer over the keys."""
        if not is_object(value) or value.keys() != self.members.keys():
            return masked.could_be_object(value, self.members)
        return min((part.test(value[key], slow) for key, part in self.members.items()), default=YES)

    def solve(self, value: Any, env: Env, slow: Slow, /) -> Iterator[tuple[Tri, Env]]:
        """Every way for all keys together."""
        if is_object(value) and value.keys() == self.members.keys():
            yield from together([(part, [value[key]]) for key, part in self.members.items()], env, slow)
        elif self.test(value, slow):
            yield MAYBE, env

    def _doubt(self, value: Any, slow: Slow, /) -> Doubt | None:
        """The doubt of a key."""
        if not is_object(value):
            return None
        found = (part.doubt(value[key], slow) for key, part in self.members.items() if key in value)
        return next(filter(None, found), None)


def together(pairs: Sequence[tuple[Matcher, Sequence[Any]]], env: Env, slow: Slow) -> Iterator[tuple[Tri, Env]]:
    """Every way to accept one of its values by each matcher, under one set of bindings.

    Args:
        pairs: Each matcher with the values that it may choose from.
        env: The bindings before.
        slow: Matchers that ran out of time.
    """
    waiting: list[tuple[int, Tri, Env]] = [(0, YES, env)]
    for _ in range(MOST_WAYS):
        if not waiting:
            return
        index, found, bound = waiting.pop()
        if index == len(pairs):
            yield found, bound
            continue
        matcher, values = pairs[index]
        ways = [
            (index + 1, min(found, answer), after)
            for value in values
            for answer, after in matcher.solve(value, bound, slow)
        ]
        waiting.extend(reversed(ways))
    if waiting:
        yield MAYBE, env  # more ways than can be tried: what is left may match
