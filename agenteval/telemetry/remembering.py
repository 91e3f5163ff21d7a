"""Pure functions in, the same functions out, each answering a question once within one assembly.

A conversation is repeated at each of its model calls, and again at the spans of its agents: what was read once is not
read again. Answers are shared, and nobody changes them. They are forgotten with the end of the assembly, so that memory
is bounded by what the spans in hand hold.
"""

from __future__ import annotations

import functools
import marshal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import orjson

from agenteval._util import structured as texts

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

_MEMORY: ContextVar[dict[object, tuple[Any, object]] | None] = ContextVar("memory", default=None)
STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
"""How orjson is asked to write nothing but what JSON has a word for."""

_NO_REFERENCES = 2  # the version of marshal's format in which equal values of equal types give equal bytes


@contextmanager
def one_assembly() -> Generator[None]:
    """While it lasts, what was answered is remembered; within another one, it is a part of that."""
    if _MEMORY.get() is not None:
        yield
        return
    token = _MEMORY.set({})
    try:
        yield
    finally:
        _MEMORY.reset(token)


def remembered(function: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[A, P], T]:
    """A pure function that answers each question once within an assembly.

    Its first argument is known again by what it holds where it is text, a tuple of texts or JSON (1, 1.0 and true are
    three things), and any other object by being the same one; the other arguments are texts or tuples of texts.
    """

    @functools.wraps(function)
    def answered(about: A, /, *more: P.args, **none: P.kwargs) -> T:
        memory = _MEMORY.get()
        if memory is None:
            return function(about, *more, **none)
        key = (function, about if type(about) in _TEXTS else _identity(about), more)
        known = memory.get(key)
        if known is None:
            # what it is about is kept as well, so that its identity stays its own
            known = memory[key] = function(about, *more, **none), about
        return known[0]

    return answered


_TEXTS = (str, tuple)


def _identity(about: object) -> bytes | int:
    """What is equal for equal JSON, and for nothing else; an object's own number for what is no JSON."""
    if type(about) is not dict and type(about) is not list:
        return id(about)
    value = cast("Any", about)
    try:
        data = orjson.dumps(value, option=STRICT)
        return marshal.dumps(value, _NO_REFERENCES) if b"null" in data else data  # which may stand for NaN
    except (TypeError, ValueError):
        return id(value)


@remembered
def structured(text: str) -> Any:
    """The object or list that a text is, as `_util.structured` has it.

    Of a list that goes on from one that was read lately, only what is new is read.
    """
    memory = _MEMORY.get()
    if memory is None or len(text) < _WORTH_COMPARING or text[0] != "[" or text[-1] != "]":
        return texts.structured(text)
    lately: dict[str, list[Any]] = memory.setdefault(_gone_on, ({}, None))[0]
    value = _gone_on(text, lately)
    if value is None:
        value = texts.structured(text)
    if isinstance(value, list):
        lately[text[:-1]] = cast("list[Any]", value)
        if len(lately) > _LATELY:
            del lately[next(iter(lately))]
    return cast("Any", value)


_WORTH_COMPARING = 1024
_LATELY = 4  # conversations of sub-agents come between


def _gone_on(text: str, lately: Mapping[str, list[Any]]) -> list[Any] | None:
    """The list that a text is, where it begins with all of one that was read lately."""
    begun = max((begun for begun in lately if text.startswith(begun)), key=len, default=None)
    if begun is None:
        return None
    rest = text[len(begun) :].lstrip(" \t\r\n")
    new = texts.structured(f"[{rest[1:]}") if rest[:1] == "," else None
    return [*lately[begun], *cast("list[Any]", new)] if isinstance(new, list) and new else None
