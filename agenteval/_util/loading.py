"""A reference to code in, the object out, if that code may be run here.

A reference is `module:object`, `path/to/file.py:object` or `./world.py:Retail`; a path is relative to the file that
names it. Code runs when it is loaded, so where it lies decides: in the project's folder, in a suite that agenteval
ships, or in `agenteval.testing` it may run; anywhere else it needs `--allow-code`. Packages installed in a virtual
environment count as elsewhere, even where the environment lies in the project. What a reference ends at must be defined
in such a place too: otherwise a checks file from anywhere could reach `os.system` through a module that imports `os`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from agenteval._util.codehash import code_digest
from agenteval._util.isolated import import_file
from agenteval._util.names import did_you_mean
from agenteval._util.paths import is_file, shown
from agenteval.errors import CodeNotAllowed, NotFound, RequestError

_OWN_CODE = Path(__file__).resolve().parents[1]
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MACHINERY = (Path(__file__).resolve().parent, Path(importlib.__file__).resolve().parent)
_FRAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference taken apart: `file` or `module` is set, and `names` lead from the module to the object."""

    written: str
    names: tuple[str, ...]
    file: Path | None = None
    module: str = ""


class CodeLoader:
    """Loads what references name.

    Args:
        project: The user's folder: code in it may run.
        trusted_roots: Other folders whose code may run, such as those of the shipped suites.
        allow_code: Whether code may run wherever it lies.
    """

    def __init__(self, project: Path, trusted_roots: Sequence[Path] = (), *, allow_code: bool = False) -> None:
        self.project = project.resolve()
        self.allow_code = allow_code
        self._trusted = (_OWN_CODE / "testing", *(root.resolve() for root in trusted_roots))
        self._digests: dict[Path, str] = {}

    def load(self, ref: str, *, relative_to: Path) -> Any:
        """The object that a reference names.

        Args:
            ref: `module:object`, `path/to/file.py:object` or `./file.py:object`.
            relative_to: The file that names it, or its folder.

        Raises:
            CodeNotAllowed: Its file lies where code needs `allow_code`.
            NotFound: There is no such file, module or object; the message gives the nearest name.
            RequestError: It is no reference, or its code raises while it is imported.
        """
        reference = _parsed(ref, relative_to)
        file = self._file(reference)
        found: Any = _module(reference, file)
        for depth, name in enumerate(reference.names):
            try:
                found = getattr(found, name)
            except AttributeError as error:
                owner = ".".join(reference.names[:depth]) or _place(reference, file)
                known = [each for each in dir(found) if not each.startswith("_")]
                raise NotFound(f'{ref}: {owner} has no "{name}". {did_you_mean(name, known)}') from error
            self._check_defined(ref, found)
        return found

    def load_callable(self, ref: str, *, relative_to: Path) -> Callable[..., Any]:
        """As `load`, for a function, a class or another object that can be called; else a RequestError."""
        found = self.load(ref, relative_to=relative_to)
        if not callable(found):
            kind = type(found).__name__
            raise RequestError(f"{ref}: is of type {kind} and cannot be called; name a function or a class")
        return cast("Callable[..., Any]", found)

    def digest(self, ref: str, relative_to: Path) -> str:
        """A hash of the code and data behind a reference, as `codehash` describes. Its own code does not run.

        Raises:
            CodeNotAllowed: Its file lies where code needs `allow_code`.
            NotFound: There is no such file or module.
            RequestError: It is no reference, or a file behind it cannot be read.
        """
        file = self._file(_parsed(ref, relative_to))
        if file is None:
            raise RequestError(f"{ref}: has no file, so it cannot be told whether it changes")
        if file not in self._digests:
            self._digests[file] = code_digest(file)
        return self._digests[file]

    def allows(self, file: Path) -> bool:
        """Whether the code in this file may run."""
        if self.allow_code:
            return True
        resolved = file.resolve()
        if any(resolved.is_relative_to(root) for root in self._trusted):
            return True
        if not resolved.is_relative_to(self.project):
            return False
        return _INSTALLED.isdisjoint(resolved.relative_to(self.project).parts)

    def _file(self, reference: _Reference) -> Path | None:
        """The file of the code, once it is known that it may run; None for a module of the interpreter itself."""
        if reference.file is None:
            return self._module_file(reference)
        if not is_file(reference.file):
            raise NotFound(_no_file(reference.written, reference.file))
        file = reference.file.resolve()
        self._check(reference.written, file)
        return file

    def _module_file(self, reference: _Reference) -> Path | None:
        # from the outermost package inwards: each is looked at before looking for the next one runs it
        names = reference.module.split(".")
        spec = self._spec(reference, names[0])
        for depth in range(2, len(names) + 1):
            spec = self._spec(reference, ".".join(names[:depth]))
        if spec.origin is None:
            raise NotFound(f"{reference.written}: {reference.module} is a folder; name a module in it")
        return Path(spec.origin).resolve() if spec.has_location else None

    def _spec(self, reference: _Reference, name: str) -> ModuleSpec:
        spec = _found_spec(reference, name)
        if spec is None and "." not in name and PathFinder.find_spec(name, [str(self.project)]) is not None:
            sys.path.append(str(self.project))  # at the end, where it shadows nothing
            importlib.invalidate_caches()
            spec = _found_spec(reference, name)
        if spec is None:
            near = did_you_mean(name, _modules_beside(name, self.project))
            raise NotFound(f"{reference.written}: there is no module {name}. {near}")
        runs = name == reference.module or name not in sys.modules  # a package on the way that is there has run
        if spec.origin is not None and runs:  # without a file there is no code
            self._check(reference.written, Path(spec.origin) if spec.has_location else None)
        return spec

    def _check_defined(self, ref: str, found: Any) -> None:
        """Refuse a module, function or class that was only imported to where the reference leads."""
        if isinstance(found, ModuleType):
            self._check(ref, _file_of(found))
        elif inspect.isroutine(found) or inspect.isclass(found):
            file = _file_of(sys.modules.get(getattr(found, "__module__", None) or ""))
            if file is None or not file.is_relative_to(_OWN_CODE):
                self._check(ref, file)

    def _check(self, ref: str, file: Path | None) -> None:
        if self.allow_code or (file is not None and self.allows(file)):
            return
        raise CodeNotAllowed(
            f"{ref}: runs code from {file or 'the interpreter itself'}, outside the project {self.project}. "
            "If you trust it, pass --allow-code (in Python: allow_code=True)."
        )


def _parsed(ref: str, relative_to: Path) -> _Reference:
    target, separator, names = ref.rpartition(":")
    parts = tuple(names.split("."))
    if separator and all(part.isidentifier() for part in parts):
        if target.endswith(".py"):
            base = relative_to if relative_to.is_dir() else relative_to.parent
            return _Reference(ref, parts, file=base.absolute() / target)
        if all(part.isidentifier() for part in target.split(".")):
            return _Reference(ref, parts, module=target)
    raise RequestError(f'"{ref}" is no reference to code. Write module:object or path/to/file.py:object.')


def _module(reference: _Reference, file: Path | None) -> ModuleType:
    try:
        if reference.file is None or file is None:
            return importlib.import_module(reference.module)
        return import_file(file)
    except (Exception, SystemExit) as error:
        raise _import_error(reference, file, error) from error


def _found_spec(reference: _Reference, name: str) -> ModuleSpec | None:
    """The spec of a module; finding it imports the packages around it."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise _import_error(reference, None, error) from error
    except ValueError:  # a module without a spec, such as __main__
        return None
    except (Exception, SystemExit) as error:
        raise _import_error(reference, None, error) from error


def _import_error(reference: _Reference, file: Path | None, error: BaseException) -> RequestError:
    """What the user's code raised, with the last frames of it and none of the import machinery's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    tail = traceback.format_list(frames[-_FRAMES_SHOWN:]) + traceback.format_exception_only(error)
    place = _place(reference, file)
    return RequestError(f"{reference.written}: {place} cannot be imported:\n{''.join(tail).rstrip()}")


def _file_of(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _is_machinery(filename: str) -> bool:
    return filename.startswith("<frozen ") or any(Path(filename).is_relative_to(folder) for folder in _MACHINERY)


def _place(reference: _Reference, file: Path | None) -> str:
    return shown(file) if reference.file is not None and file is not None else reference.module


def _no_file(ref: str, file: Path) -> str:
    beside = {f"./{path.name}" for path in _entries(file.parent) if path.suffix == ".py"}
    return f"{ref}: there is no file {shown(file)}. {did_you_mean(f'./{file.name}', beside)}"


def _modules_beside(name: str, project: Path) -> list[str]:
    """The names that a misspelt module may have meant: those in its package, or in the project."""
    parent = name.rpartition(".")[0]
    places: Iterable[str] = getattr(sys.modules.get(parent), "__path__", ()) if parent else (str(project),)
    prefix = f"{parent}." if parent else ""
    return [prefix + found.name for found in pkgutil.iter_modules(list(places))]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
