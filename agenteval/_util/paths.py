"""Paths as users name them: how messages show one, and whether it is there."""

from __future__ import annotations

from pathlib import Path


def shown(path: Path) -> str:
    """The path relative to the working folder where it lies in it, else as it is; always with `/`."""
    try:
        inside = path.absolute().relative_to(Path.cwd())
    except (ValueError, OSError):  # elsewhere, or the working folder was removed
        return path.as_posix()
    return inside.as_posix()


def is_file(path: Path) -> bool:
    """Whether there is such a file; False for what cannot be a path at all."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; False for what cannot be a path at all."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
