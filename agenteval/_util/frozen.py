"""A frozen dataclass in, a quicker way to make its values out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def quick(kind: Callable[P, T]) -> Callable[P, T]:
    """What makes values of a frozen dataclass in half the time that its constructor takes, from the same arguments.

    The constructor of a frozen dataclass sets every field through `object.__setattr__`. Here the fields of an open twin
    with the same slots are assigned, and the twin becomes a value of the frozen class once it is whole.

    Args:
        kind: A frozen dataclass with slots and without base classes.

    Raises:
        TypeError: It has a `__post_init__`, which the twin would not call.
    """
    name = cast("type[T]", kind).__name__
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{name} has a __post_init__: call its constructor")

    def close(self: Any) -> None:
        self.__class__ = kind

    members = [
        (one.name, Any, field(default=one.default, default_factory=one.default_factory, kw_only=one.kw_only))
        for one in fields(cast("Any", kind))
    ]
    twin = make_dataclass(name, members, slots=True, eq=False, repr=False, namespace={"__post_init__": close})
    return cast("Callable[P, T]", twin)
