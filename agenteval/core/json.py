"""The type of JSON values, as everything here that came from or goes to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value. Sequences are lists or tuples, never `str`; keys are text."""
