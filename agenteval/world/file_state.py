"""What a world of files begins with, and what is found in its sandbox, in; its state as JSON, out."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agenteval.core.json import Json
from agenteval.core.sandbox import FileEntry
from agenteval.world.state import Document

LONGEST_TEXT: Final = 65_536
"""Bytes of the longest file that the state holds as text."""

_USUAL = {"file": 0o644, "folder": 0o755}


@dataclass(frozen=True, slots=True)
class File:
    """A file that a world begins with.

    Attributes:
        content: Text, or bytes.
        mode: Its permissions.
    """

    content: str | bytes
    mode: int = 0o644

    @property
    def data(self) -> bytes:
        """What it holds."""
        return self.content.encode() if isinstance(self.content, str) else self.content


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link that a world begins with."""

    target: str


Initial = Mapping[str, str | bytes | File | Link]
"""What a world begins with: path to content. A text or bytes alone is a file of mode 644."""


def files_in(folder: Path) -> dict[str, File | Link]:
    """The files of a folder of the suite, as a world begins with them: mode 755 where they may be run, else 644."""
    found: dict[str, File | Link] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = Link(str(path.readlink()))
        elif path.is_file():
            found[name] = File(path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)
    return found


def entry_of(path: str, value: str | bytes | File | Link) -> FileEntry:
    """What it begins with, as it will be found."""
    if isinstance(value, Link):
        return FileEntry(path=path, kind="link", target=value.target)
    file = value if isinstance(value, File) else File(value)
    digest = hashlib.sha256(file.data).hexdigest()
    return FileEntry(path=path, kind="file", mode=file.mode, size=len(file.data), data=file.data, sha256=digest)


def state_of(entries: Mapping[str, FileEntry], left_out: int) -> dict[str, Json]:
    """Entries by name as a state; see `world.shell`."""
    state: dict[str, Json] = {
        "files": {name: _shown(entry) for name, entry in entries.items() if entry.kind != "folder"},
        "modes": {
            name: f"{entry.mode:o}"
            for name, entry in entries.items()
            if entry.mode != _USUAL.get(entry.kind, entry.mode)
        },
    }
    return state | ({"left_out": left_out} if left_out else {})


def _shown(entry: FileEntry) -> Json:
    if entry.kind == "link":
        return {"link": (entry.target or "").encode(errors="surrogateescape").decode(errors="backslashreplace")}
    if entry.kind == "other":
        return {"special": True}
    if not entry.mode & 0o400 or entry.sha256 is None:
        return {"unreadable": True}
    if entry.data is not None and len(entry.data) <= LONGEST_TEXT and b"\0" not in entry.data:
        try:
            return entry.data.decode()
        except UnicodeDecodeError:
            pass  # no text, then
    return {"sha256": entry.sha256, "bytes": entry.size}


def free_name(path: str, taken: Container[str]) -> str:
    """A path as the state holds it: Unicode, and unlike all others."""
    name = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
    free, number = name, 2
    while free in taken:
        free, number = f"{name}#{number}", number + 1
    return free


def follow(document: Document, state: Mapping[str, Any]) -> None:
    """Make a document say what the state is, and note what that changes."""
    before: Any = document.plain()
    data: Any = document.data
    for part in ("files", "modes"):
        for name in sorted(before[part].keys() - state[part].keys()):
            del data[part][name]
        for name, value in state[part].items():
            if name not in before[part] or before[part][name] != value:
                data[part][name] = value
    if "left_out" in state:
        data["left_out"] = state["left_out"]
    elif "left_out" in before:
        del data["left_out"]
