"""A Python file in, the files behind it and one hash of them all out. Reads code and never runs it.

The files behind `world.py` are, all of them within its folder:

- the file itself;
- the modules that it imports and that lie there (`import generate`, `from shop import prices`), and theirs in turn;
- the data that it names: a text in its code such as `"catalogue.json"`, where there is a file of that name, or
  `"data"`, where there is such a folder (then every file in it, hidden ones and bytecode aside).

So a changed world is another scenario, and a changed agent beside it is not. A name that the code puts together while
it runs cannot be seen: write it out once where it should count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from agenteval._util.canonical import content_hash
from agenteval.errors import RequestError

_MOST_FILES = 10_000
_LONGEST_NAME = 255


def code_digest(file: Path) -> str:
    """SHA-256 over the names and contents of the files behind it, as 64 hexadecimal digits.

    Raises:
        RequestError: A file cannot be read, or there are more than 10,000.
    """
    root = _import_root(file)
    return content_hash(sorted([path.relative_to(root).as_posix(), _hash(path)] for path in files_behind(file)))


def files_behind(file: Path) -> set[Path]:
    """The files that decide what the code in `file` does; see the module's description. `file` must be absolute."""
    root = _import_root(file)
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if len(found) > _MOST_FILES:
            raise RequestError(f"{file} names more than {_MOST_FILES:,} files; keep its data in a folder of its own")
        if path.suffix == ".py":
            waiting += _named_by(path, root)
    return found


def _import_root(file: Path) -> Path:
    """The folder that absolute imports start from: the first one upwards that is no package."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _named_by(file: Path, root: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # told of where the code is loaded
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error}") from error
    texts: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _modules(root, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(node, file, root)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    yield from _data(file.parent, texts)


def _imported_from(node: ast.ImportFrom, file: Path, root: Path) -> Iterator[Path]:
    base = root
    if node.level:
        base = file.parent
        for _ in range(node.level - 1):
            base = base.parent
        if not base.is_relative_to(root):
            return
    names = node.module.split(".") if node.module else []
    yield from _modules(base, names)
    for alias in node.names:
        yield from _modules(base, [*names, alias.name])


def _modules(base: Path, names: list[str]) -> Iterator[Path]:
    """The files that an import of these names runs: each package's `__init__.py` on the way, and the module."""
    place = base
    for name in names:
        place /= name
        candidates = (place / "__init__.py", place.parent / f"{name}.py")
        yield from (path for path in candidates if path.is_file())


def _data(folder: Path, texts: Iterable[str]) -> Iterator[Path]:
    """The files that these texts name, or that lie in the folders that they name."""
    there = {path.name for path in folder.iterdir()}
    for text in texts:
        # most texts name nothing, and asking the file system for each would take longer than all the rest
        first = text.removeprefix("./").partition("/")[0]
        if first in there and len(text) <= _LONGEST_NAME and "\0" not in text:
            yield from _named(folder, text)


def _named(folder: Path, text: str) -> Iterable[Path]:
    try:
        place = folder / (folder / text).resolve().relative_to(folder.resolve())
        if place.is_file():
            return (place,)
        return tuple(_files_in(place)) if place != folder and place.is_dir() else ()
    except (OSError, ValueError, RuntimeError):  # outside the folder, or a text that is no path
        return ()


def _files_in(folder: Path) -> Iterator[Path]:
    for number, path in enumerate(folder.rglob("*")):
        if number > _MOST_FILES:
            raise RequestError(f"{folder} holds more than {_MOST_FILES:,} files, too many for the data of one world")
        inner = path.relative_to(folder).parts
        if not any(part.startswith(".") or part == "__pycache__" for part in inner) and path.is_file():
            yield path


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error}") from error
