"""`checks:` as it was written in, checks out. The whole grammar is taken; what is not built yet is refused by name.

    item   = {CHECK: ARG, option…}     exactly one key that is not an option; a check of one's own contains ":"
    option = id why as weight pass_at when in each before after between within from at status

A check without a needed argument may be written by its name alone: `no_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from agenteval._util.canonical import content_hash
from agenteval._util.names import did_you_mean, nearest
from agenteval.checkers.check import Check, Rule
from agenteval.checkers.combine import All, AnyCheck, NotCheck
from agenteval.checkers.custom import Custom
from agenteval.checkers.grammar import LoadCode, Names, Place, number, safe, some, words
from agenteval.checkers.kinds import CUSTOM, KINDS, Built, Kind, Written
from agenteval.checkers.options import OPTIONS, condition, refuse, scope, selection
from agenteval.checkers.scope import Selection
from agenteval.checkers.shape import is_list, is_object
from agenteval.checkers.show import flow, line
from agenteval.checkers.tools import Never
from agenteval.core.json import Json
from agenteval.core.outcome import CheckRole

GRAPH: Final = "the graph checks"
JUDGES: Final = "the judges"

LATER: Final[dict[str, str]] = {
    **dict.fromkeys(("ltl", "grounded", "never_flows", "plan", "milestones"), GRAPH),
    **dict.fromkeys(
        (
            "absence",
            "alternate_precedence",
            "alternate_precedes",
            "alternate_responds",
            "alternate_response",
            "alternate_succession",
            "chain_precedence",
            "chain_precedes",
            "chain_responds",
            "chain_response",
            "chain_succession",
            "choice",
            "co_existence",
            "coexistence",
            "exclusive_choice",
            "existence",
            "init",
            "last",
            "not_chain_succession",
            "not_co_existence",
            "not_coexistence",
            "not_succession",
            "responded_existence",
            "succession",
        ),
        GRAPH,
    ),
    **dict.fromkeys(("answer", "cascade", "pairwise", "panel"), JUDGES),
}
"""Checks of the language that this version does not have, and what they arrive with."""

OTHER_NAMES: Final = {"precedence": "precedes", "response": "responds"}
_HIDDEN: Final = frozenset({"id", "why", "as", "weight"})
_ROLES: Final = ("gate", "safety", "metric")
_GROUPS: Final[dict[str, Callable[[tuple[Check, ...]], Rule]]] = {
    "all": All,
    "any": AnyCheck,
    "not": lambda checks: NotCheck((checks[0],)),
}


def parse(
    items: Sequence[Json], *, path: tuple[str | int, ...] = ("checks",), load_code: LoadCode | None = None
) -> tuple[Check, ...]:
    """The checks of a list of items.

    Args:
        items: What stands under `checks:`, as JSON.
        path: Keys from the root of the document to the list; errors continue it to the wrong place.
        load_code: Loads `module:object`; None refuses checks and functions of users' own.

    Raises:
        ScenarioError: Something is wrong; it says what, what is allowed, and carries the path to it.
    """
    place = Place(path, load_code)
    found = safe(items, place)
    if not is_list(found):
        raise place.error(f"checks are a list, not {flow(found, limit=60)}. Write each check behind a dash")
    checks = tuple(item(entry, place.at(index)) for index, entry in enumerate(found))
    _refuse_repeated(checks, place)
    return checks


def one(spec: Json, load_code: LoadCode | None = None) -> Check:
    """The check of one item, as the Python forms build it. Raises ScenarioError."""
    place = Place((), load_code)
    return item(safe(spec, place), place)


def _refuse_repeated(checks: Sequence[Check], place: Place) -> None:
    first: dict[str, int] = {}
    for index, check in enumerate(checks):
        if check.id in first:
            raise place.at(index).error(
                f"its id {flow(check.id, quote=True)} is that of {place.at(first[check.id])} already; "
                f"leave one of them out, or give it an id of its own"
            )
        first[check.id] = index


def item(spec: Any, place: Place, *, outermost: bool = True) -> Check:
    """One check. Raises ScenarioError.

    Args:
        spec: JSON that has passed `grammar.safe`.
        place: Where it stands.
        outermost: It is not inside another check.
    """
    spec = {spec: None} if isinstance(spec, str) and spec else spec
    if not is_object(spec):
        raise place.error(f"a check is {{NAME: ARGUMENT, option: value, …}}, not {flow(spec, limit=60)}")
    name = _name(spec, place)
    kind = KINDS.get(name, CUSTOM)
    argument = spec[name]
    if kind.bare and argument in (None, True):
        spec = {**spec, name: {}}
        argument = {}
    refuse(name, kind.options, spec, place, outermost=outermost)
    return _build(kind, name, argument, spec, place)


def _name(spec: Mapping[str, Any], place: Place) -> str:
    """The one key that names the check."""
    names = [key for key in spec if key not in OPTIONS]
    if not names:
        has = f"only options: {', '.join(spec)}" if spec else "empty"
        raise place.error(f"an item names one check, and this one is {has}. See agenteval checks")
    known = [name for name in names if name in KINDS or name in LATER or ":" in name]
    if len(known) > 1:
        raise place.error(f"{' and '.join(known)} are two checks in one item; write them as two")
    if len(names) > 1 and known:
        odd = next(name for name in names if name not in known)
        raise place.error(
            f"unknown option {flow(odd, quote=True, limit=60)}. {did_you_mean(odd, OPTIONS, limit=20)}", odd
        )
    name = names[0]
    if not known:
        raise place.error(_unknown(name), name)
    if name in LATER:
        raise place.error(f"{name} arrives with {LATER[name]}; this version does not have it", name)
    return name


def _unknown(name: str) -> str:
    shown = flow(name, quote=True, limit=60)
    if name in OTHER_NAMES:
        return f'unknown check {shown}. It is called "{OTHER_NAMES[name]}" here. See agenteval checks.'
    if (option := nearest(name, OPTIONS)) and not nearest(name, KINDS):
        return f'unknown check {shown}. Did you mean the option "{option}"? It goes with a check. See agenteval checks.'
    return f"unknown check {shown}. {did_you_mean(name, KINDS, limit=25)} See agenteval checks."


def _build(kind: Kind, name: str, argument: Any, spec: Mapping[str, Any], place: Place) -> Check:
    names = Names()
    inner = _inner(name, argument, place.at(name)) if name in _GROUPS else ()
    rule, tools = _rule(
        kind, name, Written(argument=argument, place=place.at(name), names=names, spec=spec, outside=place), inner
    )
    around = scope(spec, place, names, shared=isinstance(rule, Never))
    if around is not None and around.shares and isinstance(rule, Never):
        rule = replace(rule, scope=around)
    when = condition(spec, place)
    mentions = tools.union(around.tools if around else (), when[1] if when else ())
    core = {key: value for key, value in spec.items() if key not in _HIDDEN}
    return Check(
        id=_id(name, core, spec, place),
        name=name,
        title=_title(kind, name, spec),
        spec=spec,
        rule=rule,
        tools=mentions.union(*(check.tools for check in inner)),
        mentions=mentions,
        role=_role(spec, place),
        weight=_weight(spec, place),
        pass_at=number(spec["pass_at"], place.at("pass_at"), "pass_at", 0.0, 1.0) if "pass_at" in spec else None,
        why=_why(spec, place),
        when=when[0] if when else None,
        selection=_selection(kind, name, spec, place),
        scope=around,
    )


def _rule(kind: Kind, name: str, written: Written, inner: tuple[Check, ...]) -> Built:
    if name in _GROUPS:
        return _GROUPS[name](inner), frozenset()
    if kind.build is None:
        return _custom(name, written.argument, written.place), frozenset()
    return kind.build(written)


def _selection(kind: Kind, name: str, spec: Mapping[str, Any], place: Place) -> Selection | None:
    found = selection(spec, place, each=kind.each, message=kind.messages)
    return None if name == "rubric" else found  # until a judge is asked there is one finding, whatever the parts


def _inner(name: str, argument: Any, place: Place) -> tuple[Check, ...]:
    if name == "not":
        if is_list(argument):
            raise place.error("not takes one check, not a list; write {not: {any: […]}} or {not: {all: […]}}")
        return (item(argument, place, outermost=False),)
    entries = some(argument, place, name)
    return tuple(item(entry, place.at(index), outermost=False) for index, entry in enumerate(entries))


def _custom(name: str, argument: Any, place: Place) -> Rule:
    factory = place.code(name)
    if not callable(factory):
        raise place.error(f"{flow(name)} is {type(factory).__name__}, which cannot be called with an argument")
    try:
        judging: Any = factory(argument)
    except Exception as error:
        raise place.error(
            f"{flow(name)} does not take {flow(argument, limit=60)}: {type(error).__name__}: {error}"
        ) from error
    if not callable(getattr(judging, "check", None)):
        raise place.error(
            f"{flow(name)} made {type(judging).__name__}, which has no method check(trajectory, scenario)"
        )
    return Custom(name, judging)


# --- what every check has


def _id(name: str, core: Mapping[str, Any], spec: Mapping[str, Any], place: Place) -> str:
    if "id" not in spec:
        return f"{name}-{content_hash(core)[:8]}"
    given = spec["id"]
    if not isinstance(given, str) or not given.strip() or len(given) > 120 or not given.isprintable():
        raise place.at("id").error(f"id is a short text in one line, not {flow(given, limit=60)}")
    return given


def _title(kind: Kind, name: str, spec: Mapping[str, Any]) -> str:
    if kind.bare and not spec[name]:
        rest = line({key: value for key, value in spec.items() if key != name}, _HIDDEN)
        return f"{name}, {rest}" if rest else name
    ordered = {name: spec[name], **{key: value for key, value in spec.items() if key != name}}
    return line(ordered, _HIDDEN)


def _role(spec: Mapping[str, Any], place: Place) -> CheckRole:
    role = words(spec.get("as", "gate"), _ROLES, place.at("as"), "as")
    return "safety" if role == "safety" else "metric" if role == "metric" else "gate"


def _weight(spec: Mapping[str, Any], place: Place) -> float:
    if "weight" not in spec:
        return 1.0
    if spec.get("as") != "metric":
        raise place.error("weight is the share of a metric; it needs as: metric", "weight")
    weight = number(spec["weight"], place.at("weight"), "weight")
    if not weight:
        raise place.at("weight").error("weight takes a number above 0; leave a check out that is to count nothing")
    return weight


def _why(spec: Mapping[str, Any], place: Place) -> str:
    why = spec.get("why", "")
    if not isinstance(why, str):
        raise place.at("why").error(f"why is text, not {flow(why, limit=60)}")
    return why
