"""The running Python in, the files of it that `inside.py` needs out: interpreter, libraries, standard library."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""What a sandbox sees of the system, read-only."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter without anything that was installed into it.

    Attributes:
        executable: Its path, which is the same inside.
        parts: Files and folders outside the system that it needs.
        hidden: Folders in those that hold what was installed.
    """

    executable: str
    parts: tuple[str, ...]
    hidden: tuple[str, ...]


@functools.cache
def this_python() -> Python:
    """The interpreter that runs here, or that its virtual environment was made from."""
    executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    library = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix})
    parts = [path for path in (executable, library, *_shared_libraries()) if not _of_the_system(path)]
    outside = [] if _of_the_system(library) else [library]
    hidden = [f"{part}/site-packages" for part in outside if Path(part, "site-packages").is_dir()]
    return Python(executable, tuple(dict.fromkeys(parts)), tuple(hidden))


def _shared_libraries() -> list[str]:
    """What is mapped into this process from the folders of the interpreter's own libraries, such as libpython."""
    import ctypes  # noqa: PLC0415 (mapped in before it is looked for)

    del ctypes
    folders = {f"{sys.base_prefix}/lib", str(sysconfig.get_config_var("LIBDIR") or "")}
    mapped = {line.partition("/")[2] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()}
    return sorted(f"/{path}" for path in mapped if ".so" in path and str(Path(f"/{path}").parent) in folders)


def _of_the_system(path: str) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in SYSTEM))
