"""The descriptor of a folder that strangers write to in; its files read, written and listed, and nothing else touched.

Every component of a path is opened relative to the one before it and without following links (`openat` with
`O_NOFOLLOW`), so that no planted link, however it is moved about meanwhile, leads out of the folder. What is not a
regular file is never opened: a pipe would wait for ever.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import replace

from agenteval.core.sandbox import FileEntry, Listing

_DEEPEST = 40
_RACY_NS = (
    100_000_000  # what was changed this shortly before it was looked at may change again within one tick of ctime
)
_TOLD = 1 << 20
_NEW_FILE, _NEW_FOLDER = 0o644, 0o755
_LISTED = stat.S_IRUSR | stat.S_IXUSR


class Folder:
    """A folder that is not trusted.

    Args:
        descriptor: Of the folder; closed with `close`.
        name: How those who write to it call it: a path may begin with it.
        largest: Bytes of the largest file that is read.
        most: Entries that are listed.
    """

    def __init__(self, descriptor: int, name: str, *, largest: int, most: int) -> None:
        self._root = descriptor
        self._name = name
        self._largest = largest
        self._most = most

    def close(self) -> None:
        """Close it."""
        os.close(self._root)

    def read(self, path: str) -> bytes:
        """What a file holds.

        Raises:
            OSError: There is no such file, it is not a regular one, it may not be read, it is too large, or the path
                leads through a link or out of the folder.
        """
        *folders, name = self._parts(path)
        with (
            self._within(folders, path, make=False) as parent,
            _regular(parent, name, path, os.O_RDONLY) as (file, found),
        ):
            if not found.st_mode & stat.S_IRUSR:
                raise PermissionError(errno.EACCES, "its mode does not let its owner read it", path)
            if found.st_size > self._largest:
                raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes; {self._largest:,} are read at most", path)
            return _all_of(file, self._largest)

    def write(self, path: str, data: bytes, mode: int | None) -> None:
        """Write a file, and the folders on its path.

        Raises:
            OSError: It is there and not a regular file, it may not be written, or the path leads through a link or out
                of the folder.
        """
        *folders, name = self._parts(path)
        if len(data) > self._largest:
            raise OSError(errno.EFBIG, f"{len(data):,} bytes are too many; {self._largest:,} are written at most", path)
        with self._within(folders, path, make=True) as parent:
            try:
                file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_FILE, dir_fd=parent)
                mode = _NEW_FILE if mode is None else mode  # whatever our umask is
            except FileExistsError:
                with _regular(parent, name, path, os.O_WRONLY) as (file, found):
                    if not found.st_mode & stat.S_IWUSR:
                        why = "its mode does not let its owner write it"
                        raise PermissionError(errno.EACCES, why, path) from None
                    os.ftruncate(file, 0)
                    _put(file, data, mode)
                return
            try:
                _put(file, data, mode)
            finally:
                os.close(file)

    def files(self, known: Collection[str] | None = None) -> Listing:
        """Everything in it; with the contents of files, save those of known stamps, where these are given."""
        walk = _Walk(self._most, self._largest, known)
        walk.into(os.dup(self._root), "", 0)
        return Listing(entries=tuple(sorted(walk.entries, key=lambda entry: entry.path)), left_out=walk.left_out)

    def _parts(self, path: str) -> list[str]:
        inside = path
        if path.startswith("/"):
            if path != self._name and not path.startswith(f"{self._name}/"):
                raise PermissionError(errno.EACCES, f"it is not in {self._name}", path)
            inside = path[len(self._name) :]
        parts = [part for part in inside.split("/") if part not in {"", "."}]
        if ".." in parts or "\0" in path:
            raise PermissionError(errno.EACCES, 'a path holds neither ".." nor NUL', path)
        if not parts or inside.endswith("/"):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
        return parts

    @contextmanager
    def _within(self, folders: list[str], path: str, *, make: bool) -> Generator[int]:
        """The descriptor of the folder that holds the last component."""
        here = os.dup(self._root)
        try:
            for name in folders:
                inner = _folder(here, name, path, make=make)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)


def _folder(parent: int, name: str, path: str, *, make: bool) -> int:
    """The descriptor of a folder in another one, which is made where it may be."""
    made = False
    if make:
        try:
            os.mkdir(name, _NEW_FOLDER, dir_fd=parent)
            made = True
        except FileExistsError:
            made = False
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except NotADirectoryError:
        raise _no_folder(parent, name, path) from None
    except OSError as error:
        raise _about(error, path) from None
    if made:
        os.fchmod(folder, _NEW_FOLDER)  # whatever our umask is
    return folder


def _no_folder(parent: int, name: str, path: str) -> OSError:
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        return OSError(errno.ELOOP, f'"{name}" is a symbolic link, and none is followed here', path)
    return NotADirectoryError(errno.ENOTDIR, f'"{name}" is no folder', path)


def _about(error: OSError, path: str) -> OSError:
    """The same error, with the path as it was given."""
    return type(error)(error.errno, error.strerror, path)


@contextmanager
def _regular(parent: int, name: str, path: str, flags: int) -> Generator[tuple[int, os.stat_result]]:
    """A regular file, opened, and what it is. Looked at before and after, because it may be exchanged in between."""
    try:
        _demand_regular(os.stat(name, dir_fd=parent, follow_symlinks=False), path)
        file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except OSError as error:
        raise _about(error, path) from None
    try:
        found = os.fstat(file)
        _demand_regular(found, path)
        yield file, found
    finally:
        os.close(file)


def _demand_regular(found: os.stat_result, path: str) -> None:
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG:
        return
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    if kind == stat.S_IFLNK:
        raise OSError(errno.ELOOP, "it is a symbolic link, and none is followed here", path)
    raise PermissionError(errno.EACCES, "it is no regular file, but a pipe, a socket or a device", path)


def _all_of(file: int, largest: int) -> bytes:
    pieces: list[bytes] = []
    left = largest
    while left > 0 and (piece := os.read(file, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _put(file: int, data: bytes, mode: int | None) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
    if mode is not None:
        os.fchmod(file, mode)


class _Walk:
    """Collects entries, in bounds."""

    def __init__(self, most: int, largest: int, known: Collection[str] | None) -> None:
        self.entries: list[FileEntry] = []
        self.left_out = 0
        self._most = most
        self._largest = largest
        self._known = known
        self._now_ns = time.time_ns()

    def into(self, folder: int, prefix: str, depth: int) -> None:
        """Take what a folder holds; closes its descriptor."""
        try:
            with os.scandir(folder) as found:
                names = sorted(entry.name for entry in found)
            for name in names:
                if len(self.entries) >= self._most:
                    self.left_out += 1
                else:
                    self._take(folder, name, prefix, depth)
        except OSError:
            self.left_out += 1
        finally:
            os.close(folder)

    def _take(self, folder: int, name: str, prefix: str, depth: int) -> None:
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return  # gone since its name was read
        path = posixpath.join(prefix, name)
        kind = stat.S_IFMT(found.st_mode)
        mode = stat.S_IMODE(found.st_mode)
        if kind == stat.S_IFREG:
            entry = FileEntry(path=path, kind="file", mode=mode, size=found.st_size, stamp=self._stamp(found))
            self.entries.append(self._with_content(folder, name, entry))
        elif kind == stat.S_IFLNK:
            self.entries.append(FileEntry(path=path, kind="link", mode=mode, target=os.readlink(name, dir_fd=folder)))
        elif kind == stat.S_IFDIR:
            self.entries.append(FileEntry(path=path, kind="folder", mode=mode))
            if mode & _LISTED == _LISTED:
                self._below(folder, name, path, depth)
            else:
                self.left_out += 1  # root could look into it, but the answer must not depend on who asks
        else:
            self.entries.append(FileEntry(path=path, kind="other", mode=mode))

    def _below(self, folder: int, name: str, path: str, depth: int) -> None:
        if depth >= _DEEPEST:
            self.left_out += 1
            return
        try:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            self.left_out += 1
        else:
            self.into(inner, path, depth + 1)

    def _with_content(self, folder: int, name: str, entry: FileEntry) -> FileEntry:
        if self._known is None or entry.stamp in self._known or not entry.mode & stat.S_IRUSR:
            return entry
        try:
            with _regular(folder, name, entry.path, os.O_RDONLY) as (file, found):
                if found.st_size > self._largest:
                    return entry
                data = _all_of(file, self._largest)
        except OSError:
            return entry  # gone, or something else, since it was looked at
        told = data if len(data) <= _TOLD else None
        return replace(entry, size=len(data), data=told, sha256=hashlib.sha256(data).hexdigest())

    def _stamp(self, found: os.stat_result) -> str | None:
        if self._now_ns - found.st_ctime_ns < _RACY_NS:
            return None
        return f"{found.st_dev}.{found.st_ino}.{found.st_size}.{found.st_mtime_ns}.{found.st_ctime_ns}"
