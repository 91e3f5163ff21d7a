"""A finding's evidence in, lines out that set what was expected beside what happened, one line an argument.

A line is marked where the two differ, and where what happened was never recorded. The shapes of evidence are those that
the checks give: a wanted call and the closest one made, calls that were made, paths of the world's state, budgets,
and checks inside checks. Evidence of a shape that is not known is shown as it is, so that nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias, TypeGuard, cast

from agenteval.report.visible import NOT_RECORDED, one_line, shown

Mark: TypeAlias = Literal["same", "differs", "not_recorded", "free"]
"""`free` is what happened where nothing particular was expected."""

_CALL_WORDS = frozenset({"tool", "args", "result", "error"})
_FIELDS = ("arguments", "result", "error")
_FREE_SHOWN = 12  # arguments that nothing was asked of
_ONLY = "$only"
_NEVER = "never"

_REMEDIES = {
    "empty": "run the agent under agenteval, or turn on its OpenTelemetry GenAI instrumentation",
    "no_telemetry": "run the agent under agenteval, or turn on its OpenTelemetry GenAI instrumentation",
    "gap": "spans were lost, or nobody counted them: look at the exporter's queue and at how it is shut down; "
    "where that is in order, say assume_complete in the checks file",
    "sampled": "keep every trace of a conversation, or none: sample by its session",
    "not_recorded": "turn on the recording of tool arguments and results where the agent is instrumented",
    "content_off": "turn on the recording of content where the agent is instrumented",
    "evicted": "raise the limit on the number of attributes where the agent is instrumented",
    "redacted": "let the rule say pseudonym, so that values can be compared; or ask of what is not redacted",
    "cut": "raise the limit on the length of attributes where the agent is instrumented",
    "no_state": "give the scenario a world, whose state agenteval records; an import has one where its file does",
    "not_measured": "let the model client report its usage, and give the price where cost is asked for",
    "never_offered": "compare the tool's name with the tools that the agent is offered",
    "timeout": "write a simpler pattern",
    "check_error": "mend the check: what it raised is above",
    "unavailable": "agenteval checks NAME says what the check needs",
    "not_asked": "name a judge for it, or leave it: it is outside the score",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One aligned line.

    Attributes:
        name: The argument, path or part that it is about.
        expected: What was wanted, as text; empty where nothing was.
        happened: What there was, as text; empty where there was nothing.
        hint: What would make the two equal, or the remedy for what was not recorded.
    """

    name: str
    expected: str = ""
    happened: str = ""
    mark: Mark = "same"
    hint: str = ""


def clean(verdict: str, reason_code: str) -> bool:
    """Whether a verdict is a clean pass, under which there is nothing to explain."""
    return verdict == "pass" and reason_code in {"held", "recorded"}


def remedy(reason_code: str, reason: str, lines: Sequence[Line]) -> str:
    """What to do about a verdict of unknown; empty where reason or lines have said so."""
    if "turn on the recording" in reason or any(line.hint for line in lines):
        return ""
    return _REMEDIES.get(reason_code, "")


def aligned(evidence: Mapping[str, Any]) -> list[Line]:
    """What was expected and what happened, line by line; none where there is nothing to compare."""
    return [*_compared(evidence), *_paths(evidence.get("diff")), *_budgets(evidence), *_inner(evidence.get("items"))]


def _compared(evidence: Mapping[str, Any]) -> Iterator[Line]:
    expected, actual = evidence.get("expected"), evidence.get("actual")
    if _is_call(actual):
        yield from _call_lines(expected, actual, _differences(evidence))
    elif isinstance(expected, list) and _are_calls(actual):
        yield from _sequences(cast("list[Any]", expected), cast("list[Any]", actual))
    elif "expected" in evidence or "actual" in evidence:
        yield from _plainly(evidence)
        yield from _difference_lines(_differences(evidence))
    elif _differences(evidence):
        yield from _difference_lines(_differences(evidence))
    for place, call in enumerate(_list(evidence.get("witness"))):
        yield _witness(call, expected=_NEVER if expected == _NEVER and place == 0 else "")


def _plainly(evidence: Mapping[str, Any]) -> Iterator[Line]:
    """Expected and happened as they are: a text, a count, or a call that was not made."""
    if "actual" in evidence:
        wanted, actual = evidence.get("expected"), evidence["actual"]
        # "at most 1" beside a count is a bound in words, not a text that was wanted
        bound = isinstance(wanted, str) and isinstance(actual, int)
        expected = one_line(wanted) if bound else _text(evidence, "expected")
        yield Line(name="", expected=expected, happened=shown(actual), mark="differs")
    elif evidence["expected"] != _NEVER or not evidence.get("witness"):
        wanted: Any = evidence["expected"]
        text = shown(wanted) if isinstance(wanted, list) else _spec(wanted)
        yield Line(name="", expected=text, happened="no further call like it", mark="differs")


# --- a call


def _call_lines(expected: Any, actual: Mapping[str, Any], differences: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """The wanted call beside the one that was made."""
    by_path = {str(item.get("path")): item for item in differences}
    tool, wanted, only = _wanted(expected)
    name = str(actual.get("tool"))
    yield Line(
        name="tool",
        expected=tool,
        happened=_named(name, actual),
        mark="differs" if tool and _is_word(tool) and tool != one_line(name) else "same",
    )
    arguments: Any = actual.get("arguments")
    unseen = _unseen(actual)
    for path, value in wanted.items():
        item = by_path.pop(path, None) or (by_path.get("arguments") if path.startswith("args.") else None)
        yield _wanted_line(path, value, item, actual, unseen)
    by_path.pop("arguments", None)
    yield from _difference_lines(list(by_path.values()))
    yield from _free(arguments, wanted, by_path, only=only)
    yield from _left(actual, wanted, unseen)


def _wanted(expected: Any) -> tuple[str, dict[str, Any], bool]:
    """A call as a check writes it: the tool, what was asked of each field by path, and whether others are forbidden."""
    if isinstance(expected, str):
        return one_line(expected), {}, False
    if not isinstance(expected, Mapping):
        return ("" if expected is None else shown(expected)), {}, False
    spec = cast("Mapping[str, Any]", expected)
    if _CALL_WORDS & spec.keys():
        tool, arguments = spec.get("tool", ""), spec.get("args")
        rest = {name: spec[name] for name in ("result", "error") if name in spec}
    elif len(spec) == 1:
        ((tool, arguments),) = spec.items()
        rest: dict[str, Any] = {}
    else:
        return shown(spec), {}, False
    paths, only = _argument_paths(arguments)
    return (one_line(tool) if isinstance(tool, str) else shown(tool)), {**paths, **rest}, only


def _argument_paths(arguments: Any) -> tuple[dict[str, Any], bool]:
    if not isinstance(arguments, Mapping):
        return {}, False
    members = cast("Mapping[str, Any]", arguments)
    only = members.get(_ONLY)
    paths = {f"args.{path}": value for path, value in members.items() if path != _ONLY}
    if isinstance(only, Mapping):
        paths.update({f"args.{path}": value for path, value in cast("Mapping[str, Any]", only).items()})
    return paths, only is not None


def _wanted_line(
    path: str, value: Any, item: Mapping[str, Any] | None, actual: Mapping[str, Any], unseen: Mapping[str, str]
) -> Line:
    field = "arguments" if path.startswith("args.") else path
    if item is not None:
        line = _difference_line(item)
        return Line(name=_short(path), expected=shown(value), happened=line.happened, mark=line.mark, hint=line.hint)
    if field in unseen:
        hint = f"{unseen[field]}; {unseen.get('remedy', '')}".strip("; ")
        return Line(name=_short(path), expected=shown(value), happened=NOT_RECORDED, mark="not_recorded", hint=hint)
    there, found = _at(actual.get("arguments") if field == "arguments" else actual, _short(path))
    return Line(name=_short(path), expected=shown(value), happened=shown(found) if there else "")


def _free(arguments: Any, wanted: Mapping[str, Any], differing: Mapping[str, Any], *, only: bool) -> Iterator[Line]:
    """The arguments of which nothing was asked."""
    if only or not isinstance(arguments, Mapping):
        return
    asked = {path.removeprefix("args.").split(".")[0].split("[")[0] for path in [*wanted, *differing]}
    members = cast("Mapping[str, Any]", arguments)
    free = [key for key in members if key not in asked]
    for key in free[:_FREE_SHOWN]:
        yield Line(name=one_line(key), happened=shown(members[key]), mark="free")
    if len(free) > _FREE_SHOWN:
        yield Line(name="…", happened=f"{len(free) - _FREE_SHOWN} more", mark="free")


def _left(actual: Mapping[str, Any], wanted: Mapping[str, Any], unseen: Mapping[str, str]) -> Iterator[Line]:
    """The error of the call, and what was not recorded of it, where no line has said so yet."""
    if actual.get("error") is not None and "error" not in wanted:
        yield Line(name="error", happened=shown(actual["error"]), mark="free")
    if "arguments" in unseen and not any(path.startswith("args.") for path in wanted):
        yield Line(name="arguments", happened=NOT_RECORDED, mark="not_recorded", hint=_remedy(unseen, "arguments"))


def _witness(call: Any, expected: str) -> Line:
    """One call that was made, in one line."""
    if not _is_call(call):
        return Line(name="", expected=expected, happened=shown(call), mark="free")
    unseen = _unseen(call)
    hint = _remedy(unseen, "arguments") if "arguments" in unseen else ""
    mark: Mark = "not_recorded" if hint else "differs"
    return Line(name=_place(call), expected=expected, happened=_call(call), mark=mark, hint=hint)


def _sequences(expected: Sequence[Any], actual: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Calls in the order wanted beside those in the order made, aligned by their tools."""
    left = [_wanted(item)[0] for item in expected]
    right = [one_line(str(call.get("tool"))) for call in actual]
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for offset in range(max(b - a, d - c)):
            wanted = expected[a + offset] if a + offset < b else None
            made = actual[c + offset] if c + offset < d else None
            yield Line(
                name="" if made is None else _place(made),
                expected="" if wanted is None else _spec(wanted),
                happened="" if made is None else _call(made),
                mark="same" if kind == "equal" else "differs",
            )


# --- differences, paths, budgets, inner checks


def _difference_lines(differences: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for item in differences:
        yield _difference_line(item)


def _difference_line(item: Mapping[str, Any]) -> Line:
    """`{path, expected, actual, found, hint}` as a line; `found` tells why there may be no `actual`."""
    found = str(item.get("found"))
    happened = {
        "absent": "not there",
        "removed": "removed",
        "not_recorded": NOT_RECORDED,
        "cut": "cut when it was recorded",
    }.get(found, shown(item["actual"]) if "actual" in item else "")
    expected = shown(item["expected"]) if "expected" in item else ""
    if found in {"unexpected", "added"}:
        expected = "nothing"
    return Line(
        name=_short(str(item.get("path", ""))),
        expected=expected,
        happened=happened,
        mark="not_recorded" if found in {"not_recorded", "cut"} else "differs",
        hint=one_line(str(item.get("hint") or "")),
    )


def _paths(diff: Any) -> Iterator[Line]:
    """Paths of the world's state."""
    if not isinstance(diff, Mapping):
        return
    for path, values in cast("Mapping[str, Any]", diff).items():
        if isinstance(values, Mapping):
            yield _difference_line({**cast("Mapping[str, Any]", values), "path": path})
        else:
            yield Line(name=one_line(path), happened=shown(values), mark="differs")


def _budgets(evidence: Mapping[str, Any]) -> Iterator[Line]:
    allowed, used = evidence.get("allowed"), evidence.get("used")
    if not isinstance(allowed, Mapping) or not isinstance(used, Mapping):
        return
    spent = cast("Mapping[str, Any]", used)
    for kind, limit in cast("Mapping[str, Any]", allowed).items():
        amount = spent.get(kind)
        over = isinstance(amount, (int, float)) and isinstance(limit, (int, float)) and amount > limit
        yield Line(
            name=one_line(kind),
            expected=f"at most {_number(limit)}",
            happened="not measured" if amount is None else _number(amount),
            mark="not_recorded" if amount is None else "differs" if over else "same",
        )


def _inner(items: Any) -> Iterator[Line]:
    """Checks inside a check: each with its own verdict."""
    for item in _list(items):
        if isinstance(item, Mapping):
            part = cast("Mapping[str, Any]", item)
            verdict = str(part.get("verdict"))
            mark: Mark = "same" if verdict == "pass" else "not_recorded" if verdict == "unknown" else "differs"
            happened = one_line(f"{verdict}: {part.get('reason', '')}")
            yield Line(name="", expected=one_line(str(part.get("title", ""))), happened=happened, mark=mark)


# --- helpers


def _is_call(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and "tool" in value and "step" in value


def _are_calls(value: Any) -> bool:
    return isinstance(value, list) and all(_is_call(item) for item in cast("list[Any]", value))


def _list(value: Any) -> list[Any]:
    return list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else []


def _differences(evidence: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for item in _list(evidence.get("differs")) if isinstance(item, Mapping)]


def _text(evidence: Mapping[str, Any], key: str) -> str:
    if key not in evidence:
        return ""
    value: Any = evidence[key]
    if isinstance(value, Mapping) and len(cast("Mapping[str, Any]", value)) == 1 and "$text" in value:
        return shown(cast("Any", value["$text"]))
    return shown(value)


def _unseen(actual: Mapping[str, Any]) -> dict[str, str]:
    """Field to why it was not recorded, and `remedy`."""
    value = actual.get("not_recorded")
    if not isinstance(value, Mapping):
        return {}
    return {str(key): one_line(str(reason)) for key, reason in cast("Mapping[str, Any]", value).items()}


def _remedy(unseen: Mapping[str, str], field: str) -> str:
    return "; ".join(text for text in (unseen.get(field, ""), unseen.get("remedy", "")) if text)


def _at(root: Any, path: str) -> tuple[bool, Any]:
    """Whether a path of plain keys leads to something, and to what; other paths are left to the check's own words."""
    if isinstance(root, Mapping) and path in root:
        return True, cast("Mapping[str, Any]", root)[path]
    return _walk(root, path.split("."))


def _walk(node: Any, keys: Sequence[str]) -> tuple[bool, Any]:
    for key in keys:
        if not isinstance(node, Mapping) or key not in node:
            return False, None
        node = cast("Mapping[str, Any]", node)[key]
    return True, node


def _short(path: str) -> str:
    return one_line(path.removeprefix("args."))


def _is_word(tool: str) -> bool:
    return not tool.startswith("{")


def _place(call: Mapping[str, Any]) -> str:
    return f"step {call['index']}" if isinstance(call.get("index"), int) else ""


def _named(name: str, actual: Mapping[str, Any]) -> str:
    place = _place(actual)
    return f"{one_line(name)} ({place})" if place else one_line(name)


def _call(call: Mapping[str, Any]) -> str:
    """`pay(order="1187")`, with its error where it failed."""
    arguments: Any = call.get("arguments")
    if "arguments" in _unseen(call):
        inside = NOT_RECORDED
    elif isinstance(arguments, Mapping):
        members = cast("Mapping[str, Any]", arguments)
        inside = ", ".join(f"{one_line(key)}={shown(value)}" for key, value in members.items())
    else:
        inside = "" if arguments is None else shown(arguments)
    text = f"{one_line(str(call.get('tool')))}({inside})"
    return text if call.get("error") is None else f"{text} failed: {one_line(str(call['error']))}"


def _spec(wanted: Any) -> str:
    tool, paths, _ = _wanted(wanted)
    if not paths:
        return tool
    return f"{tool}({', '.join(f'{_short(path)}={shown(value)}' for path, value in paths.items())})"


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else shown(value)
