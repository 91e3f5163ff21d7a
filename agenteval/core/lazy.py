"""A number of things and how to make each in, a sequence out that makes them when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast, overload

T = TypeVar("T")


class Lazy(Sequence[T]):
    """Things that are made when they are first looked at, each once.

    Args:
        count: How many there are.
        make: Makes the one at a position, counted from 0.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._make = make
        self._made: list[T | None] = [None] * count

    def __len__(self) -> int:
        """How many there are."""
        return len(self._made)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        """The one at a position, or those of a slice."""
        if isinstance(index, slice):
            return tuple([self[position] for position in range(*index.indices(len(self._made)))])
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._make(index % len(self._made))
        return made

    def __eq__(self, other: object) -> bool:
        """Equal where the things are, lazy or not."""
        return tuple(self) == tuple(cast("Sequence[T]", other)) if isinstance(other, (Lazy, tuple)) else False

    def __repr__(self) -> str:
        """As a tuple shows them: whether they are lazy is nobody's business."""
        return repr(tuple(self))

    def __hash__(self) -> int:
        """The hash of the things as a tuple."""
        return hash(tuple(self))
