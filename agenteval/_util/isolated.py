"""A Python file in, its module out, imported so that two folders with files of one name never meet.

A file is imported under a name of its own (`_agenteval_<hash of the folder>.<stem>`), once in a process. In the code of
such a folder `import generate` finds the `generate.py` beside it, at the top of a file as well as in a function, and
nobody else finds it: `sys.path` is not touched. Nothing is written into the folder, bytecode included.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from agenteval._util.ids import derived

_PREFIX = "_agenteval_"
_lock = threading.RLock()


def import_file(file: Path) -> ModuleType:
    """The module of a Python file, given by its absolute, resolved path. Raises whatever its code raises."""
    with _lock:
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
        package = _package_of(file.parent)
    stem = file.stem if file.stem.isidentifier() else f"file_{derived(file.stem, digits=12)}"
    name = f"{package}.{stem}"
    _FINDER.files[name] = file
    return importlib.import_module(name)


def _package_of(folder: Path) -> str:
    """The name of the package that stands for a folder; made when it is first asked for."""
    name = f"{_PREFIX}{derived(folder.as_posix(), digits=12)}"
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        _FINDER.folders[name] = folder
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


class _Finder(MetaPathFinder):
    """Answers for names that begin with the prefix and for no others, so that it shadows nobody."""

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.files: dict[str, Path] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """The spec of a module in one of the folders; None for every other name."""
        del path, target
        package, _, inner = fullname.partition(".")
        folder = self.folders.get(package)
        if folder is None or not inner:
            return None
        place = self.files.get(fullname) or _module_in(folder, inner)
        if place is None:
            return None
        if place.is_dir():
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        return importlib.util.spec_from_file_location(
            fullname,
            place,
            loader=_Loader(fullname, str(place)),
            submodule_search_locations=[str(place.parent)] if place.name == "__init__.py" else None,
        )


_FINDER = _Finder()


def _module_in(folder: Path, name: str) -> Path | None:
    """The file of a module in a folder, or the folder of a package that has no `__init__.py`."""
    place = folder.joinpath(*name.split("."))
    for file in (place / "__init__.py", place.parent / f"{place.name}.py"):
        if file.is_file():
            return file
    return place if place.is_dir() and next(place.glob("*.py"), None) is not None else None


class _Loader(SourceFileLoader):
    """Runs a file with an `import` that looks into its own folder first. Neither reads nor writes bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        """The compiled file, compiled anew: bytecode would have to be kept in the user's folder."""
        del fullname
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the file. What its module finds under `__builtins__` is what its imports go through."""
        package = module.__name__.partition(".")[0]
        imports = _Imports(package, _FINDER.folders[package])
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": imports}
        super().exec_module(module)


class _Imports:
    """The `__import__` of one folder's code: the folder's own modules, and for the rest what everyone has."""

    def __init__(self, package: str, folder: Path) -> None:
        self._package = package
        self._folder = folder

    def __call__(
        self,
        name: str,
        scope: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or not self._is_own(top):
            return builtins.__import__(name, scope, local, fromlist or (), level)
        module = builtins.__import__(f"{self._package}.{name}", scope, local, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{self._package}.{top}"]

    def _is_own(self, top: str) -> bool:
        """Whether the folder has that module; the standard library and what is importable anyway come first."""
        if f"{self._package}.{top}" in sys.modules:
            return True
        if top in sys.stdlib_module_names:
            return False
        place = _module_in(self._folder, top)
        return place is not None and not _importable_anyway(top, place)


def _importable_anyway(top: str, place: Path) -> bool:
    """Whether a plain import finds that very place: then the plain import is used, so that no module exists twice."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    found = [spec.origin] if spec.origin is not None else list(spec.submodule_search_locations or ())
    return any(Path(each).resolve() == place.resolve() for each in found)
