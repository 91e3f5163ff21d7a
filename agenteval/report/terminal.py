"""How wide the reader's terminal is, and how text is coloured on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Literal, TypeAlias

Style: TypeAlias = Literal["plain", "strong", "quiet", "good", "bad", "odd"]

NARROWEST, WIDEST, UNKNOWN = 60, 160, 110
_CODES = {"strong": "1", "quiet": "2", "good": "32", "bad": "31;1", "odd": "33"}


def width_of(width: int | None) -> int:
    """The width asked for, else that of the terminal, within what is readable."""
    asked = shutil.get_terminal_size((UNKNOWN, 40)).columns if width is None else width
    return min(max(asked, NARROWEST), WIDEST)


def painter(*, color: bool) -> Callable[[str, Style], str]:
    """A function that puts text into a style; one that leaves it as it is where there are no colours."""
    return _painted if color else _plain


def _painted(text: str, style: Style) -> str:
    code = _CODES.get(style)
    return text if code is None or not text.strip() else f"\x1b[{code}m{text}\x1b[0m"


def _plain(text: str, style: Style) -> str:
    del style
    return text
