"""Files: searching, reading, writing, renaming, moving, sharing and deleting."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agenteval.world import ToolError, tool

from .records import Address, Records, Text, Title, has_words

_MOST_FOUND = 20
_MOST_SHARED = 25

File = Annotated[str, Field(description="Id of the file, such as f-1001")]
Folder = Annotated[str, Field(min_length=1, max_length=200, description="Folder, such as Projects/TW-40")]


class FileTools(Records):
    """The tools on `files`: those that the user owns, and those that were shared with the user."""

    @tool
    def search_files(
        self,
        words: Annotated[str | None, Field(description="Words that stand in the name, the folder or the text")] = None,
        folder: Folder | None = None,
        owner: Address | None = None,
        shared_with: Address | None = None,
    ) -> Any:
        """Find files that fit all that is given, by name; at most 20, without their texts."""
        found = [
            key
            for key, file in self._all["files"].items()
            if self._access(file) is not None
            and not file["trashed"]
            and (words is None or has_words(words, file["name"], file["folder"], file["text"]))
            and (folder is None or file["folder"].casefold() == folder.casefold())
            and (owner is None or file["owner"] == owner)
            and (shared_with is None or shared_with in file["shared_with"])
        ]
        found.sort(key=lambda key: (self._all["files"][key]["name"], key))
        return [self._entry(key) for key in found[:_MOST_FOUND]]

    @tool
    def read_file(self, file: File) -> Any:
        """A file with its text, its owner, and with whom it is shared."""
        record = self._open(file)
        return {**self._entry(file), "shared_with": record["shared_with"], "text": record["text"]}

    @tool
    def create_file(self, name: Title, folder: Folder, text: Text) -> Any:
        """Write a new file of the user's."""
        self._demand_name(name, folder)
        key = self._new_key("files", "f")
        self.data["files"][key] = {
            "name": name,
            "folder": folder,
            "owner": self._me,
            "shared_with": {},
            "kb": _kb(text),
            "modified": self._now,
            "text": text,
            "trashed": False,
        }
        return self._entry(key)

    @tool
    def edit_file(self, file: File, text: Text, mode: Literal["append", "replace"] = "append") -> Any:
        """Write into a file: a new line at its end, or a new text in place of the old one."""
        record = self._open(file, writing=True)
        record["text"] = text if mode == "replace" else f"{record['text']}\n{text}"
        record["kb"] = _kb(record["text"])
        record["modified"] = self._now
        return self._entry(file)

    @tool
    def rename_file(self, file: File, name: Title) -> Any:
        """Give a file of the user's another name."""
        record = self._own(file)
        self._demand_name(name, record["folder"], but=file)
        record["name"] = name
        return self._entry(file)

    @tool
    def move_file(self, file: File, folder: Folder) -> Any:
        """Move a file of the user's to another folder."""
        record = self._own(file)
        self._demand_name(record["name"], folder, but=file)
        record["folder"] = folder
        return self._entry(file)

    @tool
    def share_file(self, file: File, person: Address, access: Literal["view", "edit"] = "view") -> Any:
        """Give a person access to a file of the user's. The person is told at once."""
        record = self._own(file)
        address = self._address(person)
        if address not in record["shared_with"] and len(record["shared_with"]) >= _MOST_SHARED:
            raise ToolError(f"file {file} is shared with {_MOST_SHARED} people, which is the most", code="quota")
        record["shared_with"][address] = access
        return {**self._entry(file), "shared_with": record["shared_with"]}

    @tool
    def unshare_file(self, file: File, person: Address) -> Any:
        """Take a person's access to a file of the user's away."""
        record = self._own(file)
        address = self._address(person)
        if address not in record["shared_with"]:
            raise ToolError(f"file {file} is not shared with {address}", code="not_found")
        del record["shared_with"][address]
        return {**self._entry(file), "shared_with": record["shared_with"]}

    @tool
    def delete_file(self, file: File) -> Any:
        """Move a file of the user's to the trash. All who shared it lose it."""
        self._own(file)["trashed"] = True
        return {"file": file, "trashed": True}

    # --- parts

    def _access(self, record: Any) -> str | None:
        if record["owner"] == self._me:
            return "owner"
        found = record["shared_with"].get(self._me)
        return None if found is None else str(found)

    def _entry(self, key: str) -> dict[str, Any]:
        file = self._all["files"][key]
        shown = ("name", "folder", "owner", "kb", "modified")
        return {"file": key, **{name: file[name] for name in shown}, "access": self._access(file)}

    def _open(self, key: str, *, writing: bool = False) -> Any:
        record = self._record("files", key, "file")
        access = self._access(record)
        if record["trashed"]:
            raise ToolError(f"file {key} is in the trash", code="not_found")
        if access is None or (writing and access == "view"):
            may = "may only be read" if access == "view" else "is not shared with the user"
            raise ToolError(f"file {key} {may}; it belongs to {self._name(record['owner'])}", code="permission")
        return record

    def _own(self, key: str) -> Any:
        record = self._open(key)
        if record["owner"] != self._me:
            whose = self._name(record["owner"])
            raise ToolError(f"file {key} belongs to {whose}, who alone can do that", code="permission")
        return record

    def _demand_name(self, name: str, folder: str, but: str | None = None) -> None:
        for key, file in self._all["files"].items():
            same = (file["name"].casefold(), file["folder"].casefold()) == (name.casefold(), folder.casefold())
            if same and key != but and not file["trashed"] and self._access(file) is not None:
                raise ToolError(f"there is a file {name!r} in {folder} already: {key}", code="conflict")


def _kb(text: str) -> int:
    return 1 + len(text.encode()) // 1024
