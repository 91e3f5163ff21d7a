"""A cassette: recorded model calls in a JSONL file that people can read and keep in git.

It has two kinds of lines. `{"value": …, "hash": …}` keeps a message or a set of tools once, since conversations repeat
them in every request. `{"call": …, "take": …, "request": …, "answer": …}` keeps one call: its request names messages
and tools by hash, and `call` is the hash of the whole, so that a line which was edited is found out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agenteval.core.codec import message_from_json, message_to_json, usage_to_json
from agenteval.core.model import Completion, TokenLogprob
from agenteval.core.trajectory import Usage
from agenteval.errors import ModelError, RequestError
from agenteval.models.jsontext import as_list, as_object, dumped, hash_of, parsed_strictly
from agenteval.models.keys import Compact

_USAGE = frozenset(Usage.__slots__)


def answer_to_json(completion: Completion) -> dict[str, Any]:
    """A completion as JSON."""
    return {
        "message": message_to_json(completion.message),
        "model": completion.model,
        "usage": usage_to_json(completion.usage),
        "finish": completion.finish,
        "logprobs": [[each.token, each.logprob, [list(other) for other in each.top]] for each in completion.logprobs],
        "response_id": completion.response_id,
    }


def answer_from_json(data: Mapping[str, Any]) -> Completion:
    """A completion from its JSON. Raises KeyError, TypeError or ValueError where it is not one."""
    return Completion(
        message=message_from_json(data["message"]),
        model=data["model"],
        usage=Usage(**{key: value for key, value in data["usage"].items() if key in _USAGE}),
        finish=data.get("finish"),
        logprobs=tuple(
            TokenLogprob(token=token, logprob=logprob, top=tuple((other, value) for other, value in top))
            for token, logprob, top in data.get("logprobs", ())
        ),
        response_id=data.get("response_id"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One recorded call.

    Attributes:
        take: Which recording it belongs to: of the calls with one key, those of the latest take are valid.
        request: The compact request.
        line: Its line in the file; 0 where this process wrote it.
    """

    key: str
    take: int
    request: Mapping[str, Any]
    answer: Completion
    line: int


class Cassette:
    """What a cassette file holds; grows by `append`. Not safe across threads: its owner locks.

    Attributes:
        path: The file.
        calls: The valid calls by key, in the order recorded.
        values: Messages and sets of tools by hash.
        take: The latest take in the file; 0 where there is none.
        torn: What is wrong with a last line that was never finished; empty where the file is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls: dict[str, list[Call]] = {}
        self.values: dict[str, Any] = {}
        self.take = 0
        self.torn = ""
        self._cut_at: int | None = None  # where an unfinished last line begins
        self._unended = False  # whether the last line is whole but for its line break

    @classmethod
    def read(cls, path: Path) -> Self:
        """What a file holds; nothing where there is no such file. An unfinished last line is passed over and told.

        Raises:
            RequestError: It cannot be read, or a line in it is none of a cassette's, or was edited.
        """
        cassette = cls(path)
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        except OSError as error:
            raise RequestError(f"the cassette {path} cannot be read: {error.strerror or error}") from error
        for number, line in enumerate(lines[:-1], start=1):
            if line.strip():
                cassette._read(number, line)
        cassette._read_last(len(lines), lines[-1], sum(len(line) + 1 for line in lines[:-1]))
        return cassette

    def append(self, short: Compact, completion: Completion, *, take: int) -> None:
        """Write one call and what it refers to, at the end of the file and in one write, and count it.

        Raises:
            ModelError: The answer cannot be written as JSON, or the file cannot be written; then it is as it was.
        """
        fresh = {key: value for key, value in short.values.items() if key not in self.values}
        try:
            lines = [dumped({"value": value, "hash": key}) for key, value in fresh.items()]
            call = {"call": short.key, "take": take, "request": short.request, "answer": answer_to_json(completion)}
            lines.append(dumped(call))
        except ValueError as error:
            raise ModelError(f"the answer cannot be recorded in {self.path}: {error}") from error
        try:
            self._write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise ModelError(f"the cassette {self.path} cannot be written: {error.strerror or error}") from error
        self.values.update(fresh)
        self._count(Call(key=short.key, take=take, request=short.request, answer=completion, line=0))

    def _count(self, call: Call) -> None:
        """Count a call among the valid ones; a later take replaces what earlier ones recorded of its request."""
        valid = [earlier for earlier in self.calls.get(call.key, ()) if earlier.take >= call.take]
        superseded = any(earlier.take > call.take for earlier in valid)
        self.calls[call.key] = valid if superseded else [*valid, call]
        self.take = max(self.take, call.take)

    def _read_last(self, number: int, line: bytes, begins_at: int) -> None:
        if not line.strip():
            return
        try:
            parsed_strictly(line.decode())
        except ValueError:
            self.torn = f"{self.path}:{number}: the last line was never finished and is passed over"
            self._cut_at = begins_at
            return
        self._read(number, line)
        self._unended = True

    def _read(self, number: int, line: bytes) -> None:
        try:
            self._take_in(number, parsed_strictly(line.decode()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise RequestError(f"{self.path}:{number}: not a line of a cassette: {said}") from error

    def _take_in(self, number: int, data: object) -> None:
        found = as_object(data)
        if found is None:
            raise ValueError("it is not an object")
        if "call" not in found:
            _refuse_edited(found["hash"], found["value"])
            self.values[found["hash"]] = found["value"]
            return
        short = found["request"]
        _refuse_edited(found["call"], short)
        missing = [key for key in (*as_list(short["messages"]), short["tools"]) if key not in self.values]
        if missing:
            raise ValueError(f"it refers to the value {missing[0]}, which no line before it holds")
        answer = answer_from_json(found["answer"])
        self._count(Call(key=found["call"], take=int(found["take"]), request=short, answer=answer, line=number))

    def _write(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        binary = getattr(os, "O_BINARY", 0)  # else Windows rewrites line breaks
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary, 0o644)
        try:
            if self._cut_at is not None:
                os.ftruncate(file, self._cut_at)  # nothing may be glued to an unfinished line
            before = os.fstat(file).st_size
            try:
                _write_all(file, b"\n" + data if self._unended else data)
            except OSError:
                os.ftruncate(file, before)
                raise
        finally:
            os.close(file)
        self._cut_at, self._unended = None, False


def _refuse_edited(key: object, value: object) -> None:
    if hash_of(value) != key:
        raise ValueError("what it holds does not have the hash beside it, so it was edited; record it again")


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
