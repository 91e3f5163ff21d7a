r"""Files in, a world out whose tools are a shell in a sandbox, and whose state is what became of the files.

    class Logs(ShellWorld):
        files = {
            "app.log": "ERROR disk full\\n",
            "rotate.sh": File("#!/bin/sh\\n", mode=0o755),
            "current": Link("app.log"),
        }

or, for more than a handful, `files = files_in(Path(__file__).with_name("logs"))`. The state is

    {"files": {PATH: text, or {"sha256", "bytes"} where it is no text or a long one, or
                     {"link": TARGET}, {"unreadable": true}, {"special": true}},
     "modes": {PATH: "755"}}     what is not 644 for files and 755 for folders

and `left_out` with a count, where there are more files than a listing holds. Folders are told by what is in them.

The files live in the sandbox, so the state is that after the latest call. The harness looks once more when the agent is
done; what a command left running would do after that never happens.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from agenteval.core.json import Json
from agenteval.core.ports import Sandbox
from agenteval.core.sandbox import Completed, FileEntry
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import ToolError, WorldError
from agenteval.world.file_state import Initial, entry_of, follow, free_name, state_of
from agenteval.world.state import Document, Operation, Snapshot
from agenteval.world.tools import Toolset, tool

LONGEST_OUTPUT: Final = 16_384
"""Characters of each output stream that `run` hands to the agent; from the middle of a longer one some are left out."""

MODIFIED_AT: Final = 1_767_225_600
"""When all files were last changed as a trial begins: 2026-01-01 at midnight, UTC."""

_LONGEST_READ = 262_144
_MOST_KEPT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Moment:
    """A snapshot: the state, and all that it takes to bring the files back."""

    state: Snapshot
    entries: Mapping[str, FileEntry]


class ShellWorld:
    """A world of files and a shell. Satisfies `core.ports.SandboxedWorld`, which asks for no base class.

    Tools of its own are methods that `@tool` marks; they act on `self.sandbox`.

    Args:
        seed: Seed of the trial; this class makes nothing of it.
        files: What it begins with, in place of the class's `files`.
    """

    files: ClassVar[Initial] = {}

    def __init__(self, seed: int = 0, *, files: Initial | None = None) -> None:
        del seed
        given = self.files if files is None else files
        self._entries = {path: entry_of(path, value) for path, value in given.items()}
        self._document = Document(state_of(self._entries, 0))
        self._to_bring_back: _Moment | None = None
        self._sandbox: Sandbox | None = None
        self._tools = Toolset.of(self)

    @property
    def sandbox(self) -> Sandbox:
        """Where it lives. Raises WorldError before the trial has begun."""
        if self._sandbox is None:
            raise WorldError("this world lives in a sandbox, and has none yet: await world.open(sandbox) first")
        return self._sandbox

    # --- the tools

    @tool
    async def run(
        self,
        command: Annotated[str, Field(description="A line for /bin/sh. It starts in the work folder every time.")],
        timeout_seconds: Annotated[float, Field(gt=0, description="It is killed after so many seconds.")] = 30.0,
    ) -> Json:
        """Run a shell command, and get its exit code and what it wrote. An exit code other than 0 is a result, too."""
        try:
            done = await self.sandbox.exec(command, timeout=timeout_seconds)
        except ValueError as error:
            raise ToolError(str(error), code="invalid_arguments") from error
        except OSError as error:
            raise ToolError(f"command: {error.strerror}", code="too_long") from error
        if done.timed_out:
            raise ToolError(_timeout(done), code="timeout")
        told: dict[str, Json] = {
            "exit_code": done.exit_code,
            "stdout": _output(done.stdout, done.stdout_bytes),
            "stderr": _output(done.stderr, done.stderr_bytes),
        }
        return told | ({"note": "processes were killed: the memory was used up"} if done.out_of_memory else {})

    @tool
    async def read_file(self, path: Annotated[str, Field(description="Relative to the work folder.")]) -> str:
        """Read a text file whole."""
        data = await self._read(path)
        if len(data) > _LONGEST_READ:
            why = (
                f"{path} has {len(data):,} bytes, and {_LONGEST_READ:,} are read at most: use run, with head or sed -n"
            )
            raise ToolError(why, code="too_large")
        try:
            return data.decode()
        except UnicodeDecodeError:
            why = f"{path} has {len(data):,} bytes and is no UTF-8 text: use run, with od or file"
            raise ToolError(why, code="not_text") from None

    @tool
    async def write_file(
        self,
        path: Annotated[str, Field(description="Relative to the work folder. Missing folders are made.")],
        content: Annotated[str, Field(description="All that the file holds afterwards.")],
    ) -> Json:
        """Write a text file whole: a new one, or over what is there. Permissions stay."""
        try:
            data = content.encode()
            await self.sandbox.write(path, data)
        except UnicodeEncodeError:
            raise ToolError("content holds a lone surrogate, which is no text", code="invalid_arguments") from None
        except OSError as error:
            raise _refused(path, error) from error
        return {"bytes": len(data)}

    async def _read(self, path: str) -> bytes:
        try:
            return await self.sandbox.read(path)
        except OSError as error:
            raise _refused(path, error) from error

    # --- the world

    def tools(self) -> Sequence[OfferedTool]:
        """The tools it offers, a subclass's after these."""
        return self._tools.offered

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Call a tool; then look at what became of the files, also where it failed.

        Raises:
            ToolError: The tool's own error, an unknown tool, or arguments that do not fit.
            SandboxError: The sandbox failed.
        """
        await self._bring_back()
        try:
            result = await self._tools.call(tool, arguments)
        except ToolError:
            await self.refresh()
            raise
        await self.refresh()
        return result

    def changes(self) -> list[Operation]:
        """JSON Patch (RFC 6902) of what changed since last asked."""
        return self._document.changes()

    def state(self) -> Json:
        """The files as they were after the latest call. It is shared: callers must not change it."""
        return self._document.plain()

    def snapshot(self) -> object:
        """This moment, to come back to with `restore`. What runs in the sandbox is no part of it."""
        return _Moment(self._document.snapshot(), dict(self._entries))

    def restore(self, snapshot: object) -> None:
        """Come back to a moment of this world. The files follow before the next call.

        Raises:
            WorldError: It is no snapshot, or there was a file then whose content is not kept: one of more than a
                megabyte, or one that its owner may not read.
        """
        if not isinstance(snapshot, _Moment):
            raise WorldError(f"restore() takes what snapshot() gave, not {type(snapshot).__name__}")
        lost = [name for name, entry in snapshot.entries.items() if entry.kind == "file" and entry.data is None]
        if lost:
            raise WorldError(
                f"{lost[0]} cannot be brought back: what it held is not kept, being too much or unreadable"
            )
        self._document.restore(snapshot.state)
        self._to_bring_back = snapshot

    # --- the sandbox

    async def open(self, sandbox: Sandbox) -> None:
        """Take an empty sandbox, and put the files in it.

        Raises:
            WorldError: They cannot be put in place, or do not come out as they were given.
            SandboxError: The sandbox failed.
        """
        self._sandbox = sandbox
        await self._put(self._entries.values())

    async def refresh(self) -> None:
        """Look at what became of the files."""
        before = {entry.stamp: entry for entry in self._entries.values() if entry.stamp is not None}
        listing = await self.sandbox.files(known=before.keys())
        entries: dict[str, FileEntry] = {}
        kept = 0
        for entry in listing.entries:
            same = before.get(entry.stamp or "") if entry.sha256 is None else None
            seen = entry if same is None else replace(entry, data=same.data, sha256=same.sha256)
            kept += len(seen.data or b"")
            entries[free_name(seen.path, entries)] = seen if kept <= _MOST_KEPT else replace(seen, data=None)
        self._entries = entries
        follow(self._document, state_of(entries, listing.left_out))

    async def _bring_back(self) -> None:
        """Make the files what they were at the moment that was restored."""
        moment, self._to_bring_back = self._to_bring_back, None
        if moment is not None:
            await self._do("chmod -R u+rwX . && find . -mindepth 1 -delete")
            await self._put(moment.entries.values())

    async def _put(self, entries: Iterable[FileEntry]) -> None:
        """Put things into an empty work folder, and make sure that it then holds what the state says."""
        for entry in entries:
            if entry.kind == "file":
                await self._put_file(entry)
            elif entry.kind == "link":
                await self._do('mkdir -p "$(dirname "$2")" && ln -s "$1" "$2"', entry.target or "", entry.path)
            else:
                await self._do('mkdir -p "$1"', entry.path)
        for entry in sorted(entries, key=lambda entry: entry.path, reverse=True):
            if entry.kind == "folder":
                await self._do(f'chmod {entry.mode:o} "$1"', entry.path)
        await self._do(f"find . -exec touch -h -d @{MODIFIED_AT} {{}} +")
        given: Any = self.state()
        await self.refresh()
        found: Any = self.state()
        for name in found["files"] | given["files"] | found["modes"] | given["modes"]:
            if any(given[part].get(name) != found[part].get(name) for part in ("files", "modes")):
                raise WorldError(f"{name} came out otherwise than it was given")

    async def _put_file(self, entry: FileEntry) -> None:
        try:
            await self.sandbox.write(entry.path, entry.data or b"", mode=entry.mode)
        except OSError as error:
            raise WorldError(f"{entry.path} cannot be put in place: {error.strerror}") from error

    async def _do(self, script: str, *arguments: str) -> None:
        done = await self.sandbox.exec(["/bin/sh", "-c", script, "sh", *arguments])
        if done.exit_code != 0:
            raise WorldError(
                f"`{script}` {arguments} ended with {done.exit_code}: {done.stderr.decode(errors='replace')}"
            )


# --- what the agent is told


def _timeout(done: Completed) -> str:
    wrote = [
        f"{name}: {_output(kept, total)}"
        for name, kept, total in (
            ("stdout", done.stdout, done.stdout_bytes),
            ("stderr", done.stderr, done.stderr_bytes),
        )
        if total
    ]
    said = f" It wrote:\n{''.join(wrote)}" if wrote else " It wrote nothing."
    return f"killed after {done.seconds:.0f} s, with all that it had started.{said}"


def _output(kept: bytes, total: int) -> str:
    """Output as text, of bounded length: its head and its tail."""
    text = kept.decode(errors="replace")
    unseen = total - len(kept)
    if len(text) <= LONGEST_OUTPUT and not unseen:
        return text
    half = LONGEST_OUTPUT // 2
    head, tail = text[:half], "" if unseen else text[-half:]
    left = total - len(head.encode()) - len(tail.encode())
    return f"{head}\n[… {left:,} bytes left out …]\n{tail}"


_CODES: Mapping[int, str] = {
    errno.ENOENT: "not_found",
    errno.EISDIR: "is_a_folder",
    errno.ENOTDIR: "not_a_folder",
    errno.EACCES: "not_permitted",
    errno.ELOOP: "symbolic_link",
    errno.EFBIG: "too_large",
    errno.ENOSPC: "no_space",
}


def _refused(path: str, error: OSError) -> ToolError:
    return ToolError(f"{path}: {error.strerror}", code=_CODES.get(error.errno or 0, "error"))
