"""The checks of this version: for each name, how its argument becomes a rule and which options it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agenteval._util.canonical import canonical
from agenteval.checkers import options
from agenteval.checkers.budget import KINDS as RESOURCES
from agenteval.checkers.budget import Budget
from agenteval.checkers.check import Rule
from agenteval.checkers.custom import NotAsked
from agenteval.checkers.embed import Stage
from agenteval.checkers.grammar import Names, Place, count, fields, number, some, whole, words
from agenteval.checkers.loops import NoLoops
from agenteval.checkers.matchers import matcher
from agenteval.checkers.matching import MODES, Matches, Mode
from agenteval.checkers.order import Calls, Pair
from agenteval.checkers.paths import Path, parse_path
from agenteval.checkers.patterns import RESERVED, STEP_WORDS, Pattern, pattern
from agenteval.checkers.shape import is_object
from agenteval.checkers.show import flow
from agenteval.checkers.state import OnlyChanges, State
from agenteval.checkers.text import Says
from agenteval.checkers.tools import Count, Never, NoErrors

MOST_WAYS: Final = 256
MOST_IN_A_STEP: Final = 64
MOST_CALLS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A check as it was written.

    Attributes:
        argument: What stands behind its name.
        place: Where that stands.
        names: What `$as` binds in it.
        spec: The whole item, options included.
        outside: Where that stands.
    """

    argument: Any
    place: Place
    names: Names
    spec: Mapping[str, Any]
    outside: Place


Built = tuple[Rule, frozenset[str]]
"""A rule, and the literal tool names that it mentions."""

_SCOPES: Final = frozenset({"before", "after", "between"})
_PARTS: Final = frozenset({"when", "in", "each"})
_SPANS: Final = ("turn", "agent", "session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What there is to know of a check's name.

    Attributes:
        build: Makes the rule; None where the parser does, from the checks inside.
        options: The options that it takes beside those that every check has.
        each: What `each` may be.
        bare: It needs no argument.
        messages: `in` may choose messages.
    """

    build: Callable[[Written], Built] | None = None
    options: frozenset[str] = _PARTS
    each: tuple[str, ...] = _SPANS
    bare: bool = False
    messages: bool = False


# --- sequences


def _calls(written: Written) -> Built:
    steps = some(written.argument, written.place, "calls")
    if len(steps) > MOST_CALLS:
        raise written.place.error(f"{len(steps):,} steps; at most {MOST_CALLS:,}")
    seen: dict[bytes, Pattern] = {}
    stages = tuple(_stage(step, written.place.at(index), written.names, seen) for index, step in enumerate(steps))
    if all(() in stage.ways for stage in stages):
        raise written.place.error("every step may be left out, so that this would hold whatever happens")
    patterns = [one for stage in stages for way in stage.ways for one in way]
    rule = Calls(
        stages=stages,
        want=options.status(written.spec, written.outside) or "ok",
        binds=any(one.binds for one in patterns),
    )
    return rule, _tools(patterns)


def _stage(spec: Any, place: Place, names: Names, seen: dict[bytes, Pattern]) -> Stage:
    return Stage(label=flow(spec, limit=100), ways=tuple(_ways(spec, place, names, seen)))


def _shared(spec: Any, place: Place, names: Names, seen: dict[bytes, Pattern]) -> Pattern:
    """The pattern of a call; one for all that are written alike, so that each is looked for once."""
    key = canonical(spec)
    if key not in seen or seen[key].binds:
        seen[key] = pattern(spec, place, names)
    return seen[key]


def _ways(spec: Any, place: Place, names: Names, seen: dict[bytes, Pattern]) -> list[tuple[Pattern, ...]]:
    """The sets of calls of which a step needs one."""
    word = next((key for key in STEP_WORDS if is_object(spec) and key in spec), None)
    if word is None:
        return [(_shared(spec, place, names, seen),)]
    if len(spec) > 1:
        raise place.error(
            f"{word} stands alone in its step; beside it there is {', '.join(k for k in spec if k != word)}"
        )
    inside = place.at(word)
    if word == "maybe":
        inner = _ways(spec[word], inside, names, seen)
        return [*inner, ()] if () not in inner else inner
    parts = [_ways(step, inside.at(index), names, seen) for index, step in enumerate(some(spec[word], inside, word))]
    return _bounded([way for part in parts for way in part] if word == "any_of" else _product(parts, inside), inside)


def _product(parts: Sequence[list[tuple[Pattern, ...]]], place: Place) -> list[tuple[Pattern, ...]]:
    ways: list[tuple[Pattern, ...]] = [()]
    for part in parts:
        ways = _bounded([(*way, *more) for way in ways for more in part], place)
    return ways


def _bounded(ways: list[tuple[Pattern, ...]], place: Place) -> list[tuple[Pattern, ...]]:
    if len(ways) > MOST_WAYS or any(len(way) > MOST_IN_A_STEP for way in ways):
        raise place.error(
            f"a step of more than {MOST_WAYS} ways or {MOST_IN_A_STEP} calls; write it as several steps or checks"
        )
    return ways


def _matches(written: Written) -> Built:
    given = fields(written.argument, ("mode", "calls"), written.place, "matches")
    if "mode" not in given:
        raise written.place.error(f"matches needs a mode: {', '.join(MODES)}")
    chosen = words(given["mode"], MODES, written.place.at("mode"), "mode")
    mode: Mode = next(mode for mode in MODES if mode == chosen)
    place = written.place.at("calls")
    entries = some(given.get("calls"), place, f"matches {mode}", empty=mode not in {"ordered", "superset"})
    if len(entries) > MOST_CALLS:
        raise place.error(f"{len(entries):,} calls; at most {MOST_CALLS:,}")
    # a name is bound within one call: which call it is bound in would depend on how calls are paired
    seen: dict[bytes, Pattern] = {}
    patterns = tuple(_shared(entry, place.at(index), Names(), seen) for index, entry in enumerate(entries))
    return Matches(mode=mode, calls=patterns, want=options.status(written.spec, written.outside)), _tools(patterns)


def _pair(written: Written) -> Built:
    kind = "precedes" if written.place.path[-1] == "precedes" else "responds"
    both = some(written.argument, written.place, kind, empty=True)
    if len(both) != 2:
        raise written.place.error(f"{kind} takes two calls, [A, B], not {len(both)}")
    first, second = (pattern(call, written.place.at(index), written.names) for index, call in enumerate(both))
    want = options.status(written.spec, written.outside)
    rule = Pair(
        kind=kind,
        first=first,
        second=second,
        want_first=want or "ok",
        want_second=want or ("any" if kind == "precedes" else "ok"),
        within=options.within(written.spec, written.outside),
    )
    return rule, first.tools | second.tools


# --- numbers


def _never(written: Written) -> Built:
    call = pattern(written.argument, written.place, written.names)
    return Never(call=call, want=options.status(written.spec, written.outside) or "any"), call.tools


def _count(written: Written) -> Built:
    name = str(written.place.path[-1])
    call, given, place, per = _counted(name, written)
    low, high = _bounds(name, given, place)
    rule = Count(call=call, low=low, high=high, per=per, want=options.status(written.spec, written.outside))
    return rule, call.tools


def _bounds(name: str, given: Any, place: Place) -> tuple[int, int | None]:
    if name == "exactly":
        low, high = count(given, place, name)
        if low == 0 and high is None:
            raise place.error("exactly >=0 would hold whatever happens")
        return low, high
    if isinstance(given, str):
        raise place.error(
            f"{name} takes one whole number, not {flow(given, quote=True, limit=60)}; a range is for exactly"
        )
    if name == "at_most":
        return 0, whole(given, place, name)
    return whole(given, place, name, 1), None


def _counted(name: str, written: Written) -> tuple[Pattern, Any, Place, Path | None]:
    """The call that is counted, the number as written with its place, and what it is counted per."""
    spec, place = written.argument, written.place
    example = f"{{TOOL: {2}}} or {{of: CALL, n: {2}, per: PATH}}"
    if not is_object(spec) or not spec:
        raise place.error(f"{name} takes {example}, not {flow(spec, limit=60)}")
    if "of" in spec or "n" in spec or "per" in spec:
        given = fields(spec, ("of", "n", "per"), place, name)
        if "of" not in given or "n" not in given:
            raise place.error(f"{name} needs both of and n: {{of: CALL, n: {2}}}")
        per = parse_path(given["per"], place.at("per")) if "per" in given else None
        return pattern(given["of"], place.at("of"), written.names), given["n"], place.at("n"), per
    if len(spec) > 1:
        raise place.error(f"{name} counts one tool; {', '.join(map(str, spec))} are several. Write a check for each")
    ((tool, number_given),) = spec.items()
    if tool in RESERVED:
        raise place.at(tool).error(f"{tool} is a word of the language; write {{of: CALL, n: {2}}}")
    return pattern(tool, place.at(tool), written.names), number_given, place.at(tool), None


def _no_errors(written: Written) -> Built:
    if written.argument != {}:
        raise written.place.error(f"no_errors takes no argument, not {flow(written.argument, limit=60)}")
    return NoErrors(), frozenset()


def _no_loops(written: Written) -> Built:
    given = fields(written.argument, ("repeats", "length"), written.place, "no_loops")
    repeats = whole(given.get("repeats", 3), written.place.at("repeats"), "repeats", 2)
    length = whole(given.get("length", 4), written.place.at("length"), "length", 1)
    if length > 16:
        raise written.place.at("length").error(f"length is the longest cycle looked for, at most 16, not {length}")
    return NoLoops(repeats=repeats, length=length), frozenset()


def _budget(written: Written) -> Built:
    given = fields(written.argument, RESOURCES, written.place, "budget")
    if not given:
        raise written.place.error(f"budget takes {', '.join(RESOURCES)}; such as {{calls: 12}}")
    allowed = tuple((name, number(value, written.place.at(name), name)) for name, value in given.items())
    return Budget(allowed=allowed), frozenset()


# --- state and words


def _state(written: Written) -> Built:
    values = options.state_values(written.argument, written.place, written.names)
    return State(values=values, at=options.moment(written.spec, written.outside)), frozenset()


def _only_changes(written: Written) -> Built:
    entries = some(written.argument, written.place, "only_changes", empty=True)
    paths = tuple(parse_path(entry, written.place.at(index)) for index, entry in enumerate(entries))
    return OnlyChanges(paths=paths), frozenset()


def _says(written: Written) -> Built:
    argument = {"$text": written.argument} if isinstance(written.argument, str) else written.argument
    value = matcher(argument, written.place, Names(refused="a message is one text; names are for calls"))
    return Says(value=value, which=options.which_message(written.spec, written.outside)), frozenset()


def _rubric(written: Written) -> Built:
    if not isinstance(written.argument, str) or not written.argument.strip():
        raise written.place.error(
            f"rubric takes the text that a judge is to go by, not {flow(written.argument, limit=60)}"
        )
    return NotAsked(written.argument), frozenset()


def _tools(patterns: Iterable[Pattern]) -> frozenset[str]:
    return frozenset[str]().union(*(one.tools for one in patterns))


_CALL_OPTIONS: Final = _PARTS | _SCOPES | {"status"}

KINDS: Final[dict[str, Kind]] = {
    "calls": Kind(build=_calls, options=_CALL_OPTIONS),
    "matches": Kind(build=_matches, options=_CALL_OPTIONS),
    "never": Kind(build=_never, options=_CALL_OPTIONS, each=(*_SPANS, "call")),
    "at_most": Kind(build=_count, options=_CALL_OPTIONS),
    "at_least": Kind(build=_count, options=_CALL_OPTIONS),
    "exactly": Kind(build=_count, options=_CALL_OPTIONS),
    "precedes": Kind(build=_pair, options=_CALL_OPTIONS | {"within"}),
    "responds": Kind(build=_pair, options=_CALL_OPTIONS | {"within"}),
    "state": Kind(build=_state, options=frozenset({"when", "at"})),
    "only_changes": Kind(build=_only_changes, options=frozenset({"when"})),
    "says": Kind(build=_says, messages=True),
    "budget": Kind(build=_budget, options=_PARTS | {"pass_at"}, each=(*_SPANS, "call")),
    "no_errors": Kind(build=_no_errors, options=_PARTS | _SCOPES, each=(*_SPANS, "call"), bare=True),
    "no_loops": Kind(build=_no_loops, options=_PARTS | _SCOPES, bare=True),
    "rubric": Kind(build=_rubric, options=_PARTS | {"pass_at"}, messages=True),
    "all": Kind(each=(*_SPANS, "call")),
    "any": Kind(each=(*_SPANS, "call")),
    "not": Kind(each=(*_SPANS, "call")),
}
CUSTOM: Final = Kind(options=frozenset({"when", "pass_at"}))
