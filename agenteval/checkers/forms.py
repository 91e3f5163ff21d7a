"""The checks as Python functions: `at_most({"of": "pay", "n": 1}, as_="safety")` is the check that YAML would build.

Each takes what would stand behind the check's name, and the options by keyword; an option that is a word of Python gets
an underscore (`as_`, `in_`). Checks inside `all_`, `any_` and `not_` may be checks or JSON. `load_code` loads
`module:object` for `$fn`. All raise ScenarioError where something is wrong. What each means: `agenteval checks NAME`.
"""

from __future__ import annotations

from typing import Any

from agenteval.checkers.check import Check
from agenteval.checkers.grammar import LoadCode
from agenteval.checkers.parse import one


def _form(name: str, argument: Any, options: dict[str, Any]) -> Check:
    load_code: LoadCode | None = options.pop("load_code", None)
    written = {option.removesuffix("_"): value for option, value in options.items()}
    return one({name: argument, **written}, load_code)


def _spec(item: Any) -> Any:
    return item.spec if isinstance(item, Check) else item


def calls(steps: Any, /, **options: Any) -> Check:
    """These calls, in this order; others may come between."""
    return _form("calls", steps, options)


def matches(argument: Any, /, **options: Any) -> Check:
    """The calls expected against those made, one to one: `{"mode": …, "calls": […]}`."""
    return _form("matches", argument, options)


def never(call: Any, /, **options: Any) -> Check:
    """No such call."""
    return _form("never", call, options)


def at_most(count: Any, /, **options: Any) -> Check:
    """Not more than so many attempts: `{"pay": 1}` or `{"of": …, "n": …, "per": …}`."""
    return _form("at_most", count, options)


def at_least(count: Any, /, **options: Any) -> Check:
    """So many successes or more."""
    return _form("at_least", count, options)


def exactly(count: Any, /, **options: Any) -> Check:
    """So many successes and no more attempts; `"2..4"` is a range."""
    return _form("exactly", count, options)


def precedes(first: Any, second: Any, /, **options: Any) -> Check:
    """Every second call has a first before it."""
    return _form("precedes", [first, second], options)


def responds(first: Any, second: Any, /, **options: Any) -> Check:
    """Every first call has a second after it."""
    return _form("responds", [first, second], options)


def state(values: Any, /, **options: Any) -> Check:
    """The world has these values: `{"orders.1187.status": "refunded"}`."""
    return _form("state", values, options)


def only_changes(paths: Any, /, **options: Any) -> Check:
    """The world changed nowhere but there."""
    return _form("only_changes", paths, options)


def says(value: Any, /, **options: Any) -> Check:
    """The agent said it, in its last message unless `in_` says otherwise."""
    return _form("says", value, options)


def budget(allowed: Any, /, **options: Any) -> Check:
    """No more was used than this: `{"calls": 12}`."""
    return _form("budget", allowed, options)


def no_errors(**options: Any) -> Check:
    """No tool call failed."""
    return _form("no_errors", {}, options)


def no_loops(argument: Any = None, /, **options: Any) -> Check:
    """Nothing was done over and over: `{"repeats": 3, "length": 4}`."""
    return _form("no_loops", argument, options)


def rubric(text: str, /, **options: Any) -> Check:
    """What a judge is to go by; not asked until one is configured."""
    return _form("rubric", text, options)


def all_(*checks: Any, **options: Any) -> Check:
    """All of them hold."""
    return _form("all", [_spec(check) for check in checks], options)


def any_(*checks: Any, **options: Any) -> Check:
    """One of them holds."""
    return _form("any", [_spec(check) for check in checks], options)


def not_(check: Any, /, **options: Any) -> Check:
    """It does not hold."""
    return _form("not", _spec(check), options)
