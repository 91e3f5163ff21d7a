"""The options of a check as they were written in, what they mean out. Each raises ScenarioError where it is wrong.

`status: ok | error | any` says which calls of the check's own count, by how they ended, in place of the rule that what
is required must have succeeded and what is forbidden or bounded counts once attempted. It says nothing of boundaries
and conditions, which must have succeeded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from agenteval.checkers.check import Condition
from agenteval.checkers.conditions import WhenCalled, WhenFault, WhenState
from agenteval.checkers.grammar import Names, Place, fields, number, some, whole, words
from agenteval.checkers.logic import Want
from agenteval.checkers.matchers import matcher
from agenteval.checkers.order import Within
from agenteval.checkers.paths import Path, parse_path
from agenteval.checkers.patterns import Pattern, pattern
from agenteval.checkers.scope import Each, Scope, Selection
from agenteval.checkers.shape import is_object
from agenteval.checkers.show import flow, joined
from agenteval.checkers.state import Moment, State
from agenteval.checkers.text import Which
from agenteval.checkers.values import Matcher

OPTIONS: Final = (
    "id",
    "why",
    "as",
    "weight",
    "pass_at",
    "when",
    "in",
    "each",
    "before",
    "after",
    "between",
    "within",
    "from",
    "at",
    "status",
)
ALWAYS: Final = frozenset({"id", "why", "as", "weight"})
_OUTERMOST: Final = frozenset({"id", "as", "weight"})
_NO_NAMES: Final = "a condition binds nothing; names are for the check's own calls"

Spec = Mapping[str, Any]


def refuse(name: str, allowed: Collection[str], spec: Spec, place: Place, *, outermost: bool) -> None:
    """Refuse options that make no sense for a check, or where it stands."""
    for option in spec:
        if option == name:
            continue
        if option == "from":
            raise place.error("from belongs to grounded, which arrives with the graph checks", option)
        if option not in allowed and option not in ALWAYS:
            takes = ", ".join(known for known in OPTIONS if known in allowed or known in ALWAYS)
            raise place.error(f"{option} has no meaning for {name}, which takes {takes}", option)
        if not outermost and option in _OUTERMOST:
            raise place.error(f"{option} belongs to the outermost check, not to {name} inside it", option)


def status(spec: Spec, place: Place) -> Want | None:
    """`status`; None where it is not given."""
    if "status" not in spec:
        return None
    if spec["status"] in ("attempted", "all"):
        raise place.at("status").error(f'status is ok, error or any, not {spec["status"]}; every attempt is "any"')
    chosen = words(spec["status"], ("ok", "error", "any"), place.at("status"), "status")
    return "ok" if chosen == "ok" else "error" if chosen == "error" else "any"


def moment(spec: Spec, place: Place) -> Moment:
    """`at`: the end where it is not given."""
    chosen = words(spec.get("at", "end"), ("start", "end"), place.at("at"), "at")
    return "start" if chosen == "start" else "end"


def within(spec: Spec, place: Place) -> Within | None:
    """`within`; None where it is not given."""
    if "within" not in spec:
        return None
    inside = place.at("within")
    given = fields(spec["within"], ("steps", "calls", "seconds"), inside, "within")
    if not given:
        raise inside.error("within takes steps, calls or seconds, such as {steps: 2}")
    steps, calls, seconds = given.get("steps"), given.get("calls"), given.get("seconds")
    return Within(
        steps=None if steps is None else whole(steps, inside.at("steps"), "within steps", 1),
        calls=None if calls is None else whole(calls, inside.at("calls"), "within calls", 1),
        seconds=None if seconds is None else number(seconds, inside.at("seconds"), "within seconds"),
    )


def which_message(spec: Spec, place: Place) -> Which:
    """`in: {message: …}`: the last where it is not given."""
    given = spec.get("in")
    value = given.get("message", "last") if is_object(given) else "last"
    chosen = words(value, ("last", "any", "all"), place.at("in", "message"), "in message")
    return "any" if chosen == "any" else "all" if chosen == "all" else "last"


def selection(spec: Spec, place: Place, *, each: Collection[str], message: bool) -> Selection | None:
    """`in` and `each`; None where neither is given.

    Args:
        spec: The item.
        place: Where it stands.
        each: What `each` may be for this check.
        message: `in` may choose messages too.
    """
    agent, turn = _in(spec, place, message=message)
    chosen = _each(spec, place, each)
    if chosen == "turn" and turn is not None:
        raise place.error("each: turn has no meaning beside in: {turn: …}, which is one turn already", "each")
    if agent is None and turn is None and chosen is None:
        return None
    return Selection(agent=agent, turn=turn, each=chosen)


def _in(spec: Spec, place: Place, *, message: bool) -> tuple[Matcher | None, int | None]:
    if "in" not in spec:
        return None, None
    inside = place.at("in")
    given = fields(spec["in"], ("agent", "turn", "message") if message else ("agent", "turn"), inside, "in")
    if not given:
        raise inside.error("in takes agent, turn or, for says, message; such as {agent: billing}")
    names = Names(refused=_NO_NAMES)
    agent = matcher(given["agent"], inside.at("agent"), names) if "agent" in given else None
    turn = whole(given["turn"], inside.at("turn"), "in turn", 1) if "turn" in given else None
    return agent, turn


def _each(spec: Spec, place: Place, allowed: Collection[str]) -> Each | None:
    if "each" not in spec:
        return None
    known: tuple[Each, ...] = ("turn", "agent", "session", "call")
    chosen = words(spec["each"], known, place.at("each"), "each")
    if chosen not in allowed:
        raise place.at("each").error(
            f"each: {chosen} has no meaning here; it may be {joined(list(allowed), word='or')}"
        )
    return next(each for each in known if each == chosen)


def scope(spec: Spec, place: Place, names: Names, *, shared: bool) -> Scope | None:
    """`before`, `after`, `between`; None where none is given.

    Args:
        spec: The item.
        place: Where it stands.
        names: What the check's own call binds.
        shared: The check can look elsewhere for each of its calls, so that boundaries may use those names.
    """
    given = [option for option in ("before", "after", "between") if option in spec]
    if not given:
        return None
    if len(given) > 1:
        raise place.error(f"{given[0]} and {given[1]} do not go together; write between: [A, B]", given[1])
    kind: Literal["before", "after", "between"] = (
        "before" if given[0] == "before" else "after" if given[0] == "after" else "between"
    )
    own = list(names.bound) if shared else []
    known = names if shared else Names()
    inside = place.at(kind)
    first, last = _bounds(kind, spec[kind], inside, known)
    uses = {*first.bound, *(last.bound if last else ())}
    return Scope(kind=kind, first=first, last=last, shares=bool(uses.intersection(own)))


def _bounds(kind: str, value: Any, place: Place, names: Names) -> tuple[Pattern, Pattern | None]:
    if kind != "between":
        return pattern(value, place, names), None
    pair = some(value, place, "between", empty=True)
    if len(pair) != 2:
        raise place.error(f"between takes two calls, where it begins and where it ends, not {len(pair)}")
    return pattern(pair[0], place.at(0), names), pattern(pair[1], place.at(1), names)


def condition(spec: Spec, place: Place) -> tuple[Condition, frozenset[str]] | None:
    """`when`, with the tools that it names; None where it is not given."""
    if "when" not in spec:
        return None
    value, inside = spec["when"], place.at("when")
    text = flow(value, limit=100)
    names = Names(refused=_NO_NAMES)
    if is_object(value) and "state" in value:
        given = fields(value, ("state", "at"), inside, "a condition on the state")
        paths = state_values(given["state"], inside.at("state"), names)
        return WhenState(text=text, state=State(values=paths, at=moment(given, inside))), frozenset()
    if is_object(value) and "fault" in value:
        given = fields(value, ("fault",), inside, "a condition on faults")
        words(given["fault"], ("exposed",), inside.at("fault"), "fault")
        return WhenFault(text=text), frozenset()
    call = pattern(value, inside, names)
    return WhenCalled(text=text, call=call), call.tools


def state_values(value: Any, place: Place, names: Names) -> tuple[tuple[Path, Matcher], ...]:
    """`{PATH: V}` of `state`."""
    if not is_object(value) or not value:
        raise place.error(
            f"state takes a map of PATH to value, such as {{orders.1187.status: refunded}}, not {flow(value, limit=60)}"
        )
    return tuple(
        (parse_path(path, place.at(path)), matcher(wanted, place.at(path), names)) for path, wanted in value.items()
    )
