"""CALL as it was written in, what matches tool calls out.

    CALL = TOOL | {TOOL: ARGS} | {tool: V, args: ARGS, result: V, error: V}
    ARGS = {PATH: V}, named ones must match and others are free; {$only: {PATH: V}} allows no other arguments

Which calls count. What is required must have succeeded, what is forbidden or bounded counts once attempted: the check
says which by `want` (`ok`, `any`, `error`). A pattern with `error:` says it itself: it matches calls by the text of
their error, and `error: null` those that did not fail.

What was not recorded. A pattern that needs an argument, a result or an outcome that was not recorded, or was cut,
matches MAYBE; `doubt` says which field. A path with `[*]` matches where some value that it reaches does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agenteval.checkers.grammar import Names, Place, fields
from agenteval.checkers.logic import MAYBE, NO, YES, Tri, Want
from agenteval.checkers.matchers import matcher
from agenteval.checkers.paths import Path, parse_path
from agenteval.checkers.shape import is_object
from agenteval.checkers.show import called_as, flow
from agenteval.checkers.values import UNSEEN, AnyOf, Doubt, Env, Equal, Matcher, Name, Slow, Word, together
from agenteval.checkers.view import Called, Part
from agenteval.core.marks import holds_mark
from agenteval.core.outcome import ReasonCode

LONG_FORM = ("tool", "args", "result", "error")
STEP_WORDS = ("any_of", "all_of", "maybe")
RESERVED = frozenset({*LONG_FORM, *STEP_WORDS, "of", "n", "per"})

NO_BINDINGS: Env = {}


class Pattern:
    """What matches tool calls.

    Attributes:
        spec: As written.
        name: The tool, where it is one literal name.
        label: How messages call it.
        tools: The literal tool names that it mentions.
        bound: The names of the `$as` and `$same` inside it.
        binds: There are some, so that `solutions` must be asked.
    """

    __slots__ = ("args", "binds", "bound", "error", "label", "name", "only", "result", "spec", "tool", "tools")

    def __init__(
        self,
        spec: Any,
        *,
        tool: Matcher | None,
        args: Sequence[tuple[Path, Matcher]] = (),
        only: frozenset[str] | None = None,
        result: Matcher | None = None,
        error: Matcher | None = None,
    ) -> None:
        """Keep the parts; None is anything."""
        self.spec = spec
        self.tool = tool
        self.args = args
        self.only = only
        self.result = result
        self.error = error
        self.name = str(tool.spec) if isinstance(tool, Word) else None
        self.tools = frozenset(_names(tool))
        self.label = _label(spec)
        parts = [part for part in (tool, result, error, *(value for _, value in args)) if part is not None]
        self.bound = [name for part in parts if part.binds for name in _bound_in(part)]
        self.binds = bool(self.bound)

    # --- matching

    def fits(self, called: Called, want: Want, slow: Slow) -> Tri:
        """Whether it matches the call, for some value of the names that it binds."""
        if not self.binds:
            return self.match(called, want, slow)
        best = NO
        for found, _ in self.solutions(called, want, NO_BINDINGS, slow):
            if found == YES:
                return YES
            best = max(best, found)
        return best

    def match(self, called: Called, want: Want, slow: Slow) -> Tri:
        """Whether it matches the call; bindings are not asked for."""
        found = self._apart_from_values(called, want, slow)
        if found and (self.args or self.only is not None):
            fits = self._match_args(called, slow)
            found = min(found, fits)
        if found and self.result is not None:
            clear = "result" not in called.unclear
            found = min(found, self.result.test(called.call.result, slow) if clear else MAYBE)
        return found

    def _apart_from_values(self, called: Called, want: Want, slow: Slow) -> Tri:
        """The tool, and how the call ended."""
        ended = called.ended(want) if self.error is None else self.match_error(called, slow)
        if self.name is not None and called.name == self.name:
            return ended
        if called.unclear and "name" in called.unclear and self.tool is not None:
            return min(ended, MAYBE)
        if self.name is not None:
            return NO
        return ended if self.tool is None else min(ended, self.tool.test(called.name, slow))

    def match_error(self, called: Called, slow: Slow) -> Tri:
        """Whether it matches the text of the call's error; a call that did not fail has none, and only null fits."""
        if self.error is None:
            return YES
        if "error" in called.unclear:
            return MAYBE
        if called.call.error is not None:
            return self.error.test(called.call.error, slow)
        if called.ok == YES:
            return YES if _takes_null(self.error) else NO
        # it failed, or may have, and the text is not there: nothing is known but that it is not null where it failed
        return NO if called.ok == NO and isinstance(self.error, Equal) and self.error.spec is None else MAYBE

    def _match_args(self, called: Called, slow: Slow) -> Tri:
        if "arguments" in called.unclear:
            return MAYBE
        arguments = called.call.arguments
        found = YES if self.only is None else _only(arguments, self.only)
        if not found:
            return NO
        for path, value in self.args:
            if path.plain is not None and is_object(arguments) and path.plain in arguments:
                fits = value.test(arguments[path.plain], slow)
            else:
                fits = max((value.test(item, slow) for item in path.values(arguments)), default=NO)
            if not fits:
                return NO
            found = min(found, fits)
        return found

    def solutions(self, called: Called, want: Want, env: Env, slow: Slow) -> Iterator[tuple[Tri, Env]]:
        """Every way to match the call under the bindings so far, with the bindings after."""
        if not self.binds:
            found = self.match(called, want, slow)
            if found:
                yield found, env
            return
        best = self.match(called, want, slow)  # bindings only ever narrow it
        if not best:
            return
        if called.unclear and self._binds_in(called.unclear):
            yield MAYBE, {**dict.fromkeys(self.bound, UNSEEN), **env}
            return
        for found, after in together(self._choices(called), env, slow):
            yield min(best, found), after

    def _binds_in(self, fields: Mapping[str, str]) -> bool:
        """Names stand in one of those fields."""
        held = [("result", self.result), ("error", self.error), *(("arguments", value) for _, value in self.args)]
        return any(part is not None and part.binds and field in fields for field, part in held)

    def _choices(self, called: Called) -> list[tuple[Matcher, Sequence[Any]]]:
        """Each matcher that binds, with the values that it may choose from."""
        values = [(self.tool, [called.name])]
        values += [(value, path.values(called.call.arguments)) for path, value in self.args]
        values += [(self.result, [called.call.result]), (self.error, [called.call.error])]
        return [(part, found) for part, found in values if part is not None and part.binds]

    def hits(self, part: Part, want: Want) -> list[tuple[Called, Tri]]:
        """The calls of a part that it matches, or may, in order."""
        key = (self, want)
        found = part.found.get(key)
        if found is None:
            found = part.found[key] = self._hits(part, want)
        return found

    def _hits(self, part: Part, want: Want) -> list[tuple[Called, Tri]]:
        slow = part.view.slow
        match = self.fits if self.binds else self.match
        if part.unoffered and self.tools & part.unoffered:  # a tool of it is misspelt: it may have meant any
            return [(called, max(MAYBE, min(part.has(called), match(called, want, slow)))) for called in part.calls]
        calls = part.calls if self.name is None else part.named(self.name)
        found = [(called, hit) for called in calls if (hit := match(called, want, slow))]
        if part.member is None:
            return found
        return [(called, hit) for called, fits in found if (hit := min(part.has(called), fits))]

    def ways(self, part: Part, called: Called, want: Want, env: Env) -> Iterator[tuple[Tri, Env]]:
        """`solutions` for a call of a part; a pattern whose tool was never offered may match any."""
        if part.unoffered and self.tools & part.unoffered:
            yield MAYBE, {**dict.fromkeys(self.bound, UNSEEN), **env}
            return
        there = part.has(called)
        for found, after in self.solutions(called, want, env, part.view.slow):
            yield min(there, found), after

    # --- explaining

    def doubt(self, called: Called, want: Want, part: Part) -> Doubt:
        """Why a call matches only MAYBE."""
        if part.unoffered and self.tools & part.unoffered:
            return part.doubt()
        for field in self._needs(called):
            if field in called.unclear:
                return _not_recorded(called, field)
        if called.ok == MAYBE and (want != "any" or self.error is not None):
            return _not_recorded(called, "status")
        if self.error is not None and called.ok == NO and called.call.error is None:
            return _not_recorded(called, "error")
        return self._slow(called, part.view.slow) or (part.hazy if part.has(called) == MAYBE else None) or part.doubt()

    def _needs(self, called: Called) -> list[str]:
        needed = ["name"] if self.tool is not None and called.name != self.name else []
        needed += ["arguments"] if self.args or self.only is not None else []
        needed += ["result"] if self.result is not None else []
        return needed + (["error"] if self.error is not None else [])

    def _slow(self, called: Called, slow: Slow) -> Doubt | None:
        values = [(value, item) for path, value in self.args for item in path.values(called.call.arguments)]
        values += [(self.tool, called.name), (self.result, called.call.result), (self.error, called.call.error)]  # pyright: ignore[reportAssignmentType]
        asked = ((part, item) for part, item in values if part is not None)
        found = (part.doubt(item, slow) for part, item in asked if part.binds or part.test(item, slow) == MAYBE)
        return next(filter(None, found), None)


REMEDY = "turn on the recording of tool arguments and results where the agent is instrumented"


def _not_recorded(called: Called, field: str) -> Doubt:
    reason = called.unclear.get(field, "")
    where = f"{called.name} (step {called.step.index})"
    what = f"how {where} ended" if field == "status" else f"the {field} of {where}"
    verb = "were" if field == "arguments" else "was"
    if reason == "cut" and field not in called.step.missing:
        return "cut", f"{what} {verb} cut when recorded; record it whole"
    return why_missing(reason), f"{what} {verb} not recorded{remedied(reason)}"


def why_missing(reason: str) -> ReasonCode:
    """The code of a reason why something was not recorded, which may begin with one."""
    return _MISSING.get(reason.partition(":")[0], "not_recorded")


_MISSING: Final[Mapping[str, ReasonCode]] = {
    "content_off": "content_off",
    "evicted": "evicted",
    "redacted": "redacted",
    "cut": "cut",
}


def remedied(reason: str) -> str:
    """The reason why something was not recorded, and what to do about it."""
    if "turn " in reason or why_missing(reason) == "redacted":  # it says what to do, or there is nothing to do
        return f" ({reason})"
    return f" ({reason}); {REMEDY}" if reason else f"; {REMEDY}"


def _only(arguments: Any, allowed: frozenset[str]) -> Tri:
    if arguments is None:
        return YES  # a call without arguments
    if not is_object(arguments):
        return NO
    others = arguments.keys() - allowed
    return min((MAYBE if holds_mark(key) else NO for key in others), default=YES)


def _takes_null(value: Matcher) -> bool:
    if isinstance(value, AnyOf):
        return any(_takes_null(part) for part in value.parts)
    return isinstance(value, Equal) and value.spec is None


def _label(spec: Any) -> str:
    if isinstance(spec, str):
        return spec
    if is_object(spec) and len(spec) == 1 and not RESERVED.intersection(spec):
        return called_as(*next(iter(spec.items())))
    return flow(spec, limit=100)


def _names(tool: Matcher | None) -> Iterator[str]:
    if isinstance(tool, Word):
        yield str(tool.spec)
    elif isinstance(tool, AnyOf):
        for part in tool.parts:
            yield from _names(part)


def _bound_in(part: Matcher) -> Iterator[str]:
    if isinstance(part, Name):
        yield part.name
    for inner in part.parts:
        yield from _bound_in(inner)


# --- parsing


def pattern(spec: Any, place: Place, names: Names) -> Pattern:
    """The pattern of a CALL. Raises ScenarioError where it is wrong.

    Args:
        spec: JSON that has passed `grammar.safe`.
        place: Where it stands.
        names: What `$as` has bound so far, in reading order.
    """
    if isinstance(spec, str) and spec:
        return Pattern(spec, tool=Word(spec))
    if not is_object(spec) or not spec:
        raise place.error(f"a call is a tool, {{tool: arguments}} or {_LONG}, not {flow(spec, limit=60)}")
    if len(spec) == 1 and not RESERVED.intersection(spec):
        ((tool, arguments),) = spec.items()
        if str(tool).startswith("$"):
            shown = flow(spec, limit=60)
            raise place.error(f"{shown} stands where a call does; to match a tool's name write {{tool: {shown}}}")
        args, only = _args(arguments, place.at(tool), names)
        return Pattern(spec, tool=Word(tool), args=args, only=only)
    return _long(spec, place, names)


_LONG = "{tool: …, args: {…}, result: …, error: …}"


def _long(spec: Mapping[str, Any], place: Place, names: Names) -> Pattern:
    if not any(key in LONG_FORM for key in spec):
        step = [key for key in spec if key in STEP_WORDS]
        if step:
            raise place.error(f"{step[0]} stands in the steps of calls alone; here one call is expected")
        raise place.error(f"a call names one tool; {flow(spec, limit=80)} has {len(spec)} keys. Write {_LONG}")
    fields(spec, LONG_FORM, place, f"a call in the long form {_LONG}")
    tool = matcher(spec["tool"], place.at("tool"), names) if "tool" in spec else None
    args, only = _args(spec["args"], place.at("args"), names) if "args" in spec else ((), None)
    result = matcher(spec["result"], place.at("result"), names) if "result" in spec else None
    error = matcher(spec["error"], place.at("error"), names) if "error" in spec else None
    return Pattern(spec, tool=tool, args=args, only=only, result=result, error=error)


def _args(spec: Any, place: Place, names: Names) -> tuple[list[tuple[Path, Matcher]], frozenset[str] | None]:
    if not is_object(spec):
        raise place.error(
            f"arguments are a map of PATH to value, not {flow(spec, limit=60)}. For any arguments write the tool alone"
        )
    if "$only" in spec:
        if len(spec) > 1:
            raise place.error("$only holds all the arguments; nothing stands beside it")
        inner, _ = _args(spec["$only"], place.at("$only"), names)
        return inner, frozenset(str(path.keys[0]) for path, _ in inner)
    if marked := [key for key in spec if key.startswith("$")]:
        raise place.error(f"{marked[0]} stands where the names of arguments do; write {{argument: {{{marked[0]}: …}}}}")
    return [
        (parse_path(path, place.at(path)), matcher(value, place.at(path), names)) for path, value in spec.items()
    ], None


ANY = Pattern({}, tool=None)
"""Matches every call."""
