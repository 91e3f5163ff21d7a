"""Pure functions in, the same functions out, each answering a question once within one assembly.

A conversation is repeated at each of its model calls, and again at the spans of its agents: what was read once is not
read again. Answers are shared, and nobody changes them. They are forgotten with the end of the assembly, so that memory
is bounded by what the spans in hand hold.
"""

from __future__ import annotations

import functools
import marshal
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, TypeVarTuple, cast

from agenteval._util import structured as texts

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

_Answers = dict[object, tuple[object, Any]]
_MEMORY: ContextVar[defaultdict[object, _Answers] | None] = ContextVar("memory", default=None)
_NO_REFERENCES = 2  # the version of marshal's format in which equal values of equal types give equal bytes


@contextmanager
def one_assembly() -> Generator[None]:
    """While it lasts, what was answered is remembered; within another one, it is a part of that."""
    if _MEMORY.get() is not None:
        yield
        return
    token = _MEMORY.set(defaultdict(dict))
    try:
        yield
    finally:
        _MEMORY.reset(token)


def remembered(function: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
    """A pure function that answers each question once within an assembly.

    Its first argument is known again by what it holds where it is text or JSON (1, 1.0 and true are three things), and
    any other object by being the same one; the other arguments are hashable.
    """

    @functools.wraps(function)
    def answered(*question: *Ts) -> T:
        memory = _MEMORY.get()
        if memory is None:
            return function(*question)
        answers = memory[function]
        about, *more = question
        key = _key(about, more)
        known = answers.get(key)
        if known is None:
            known = answers[key] = about, function(*question)  # it is kept, so that its identity stays its own
        return cast("T", known[1])

    return answered


def _key(about: object, more: list[Any]) -> object:
    kind = type(about)
    if kind is str:
        return (about, *more) if more else about
    if kind is dict or kind is list:
        try:
            return (marshal.dumps(about, _NO_REFERENCES), *more)
        except ValueError:  # it holds what is no JSON
            pass
    return (id(about), *more)


structured = remembered(texts.structured)
"""The object or list that a text is, as `_util.structured` has it."""
