"""Inspect logs: `.eval` archives and whole-log JSON.

An archive is a zip of `header.json`, `samples/<id>_epoch_<n>.json` and tables that are made from the samples; members
are read one after the other. Those written since autumn 2025 are packed with zstd, which Python reads from 3.14 on, and
before that with the extra `agenteval[zstd]`. Of a log whose run broke off before its header was written, the header is
`_journal/start.json`.

A sample is one trial: its scenario is `<task>/<sample id>`, because every task counts its samples from 1; its repeat is
its epoch less one; its agent is the solver where the run named one, and the model. An `error` makes the trial
`invalid`, whatever was scored: it left the solver, and the log cannot tell whose it was. So does `invalidation`, and
the limit `operator`, both somebody's decision; any other limit makes it `limit`. Otherwise it is `completed`. Scores
are labels as they were recorded; NaN, as Inspect writes what was not scored, is null.

References:
    UK AI Security Institute, Inspect (repository UKGovernmentBEIS/inspect_ai), log format version 2.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from agenteval.errors import ImportRefused
from agenteval.intake.formats._heads import head_of, header
from agenteval.intake.formats._inspect_sample import SampleReader
from agenteval.intake.formats._json import LARGEST, Decoded, Unreadable, decode
from agenteval.intake.formats._reading import each, maybe_object, maybe_text, never_nothing, object_of, one_line
from agenteval.intake.formats._record import Record
from agenteval.intake.formats._source import Look, Source
from agenteval.intake.formats._split import Piece, split

NAME: Final = "inspect"
TITLE: Final = "Inspect logs (.eval archives, or a JSON object with eval and samples)"

_RECORDS = "samples"
_FOLDER = "samples/"
_HEADERS = ("header.json", "_journal/start.json")  # the second one where the run broke off before the first
_ZSTD = 93
_WITHOUT_ZSTD = "it is packed with zstd, which this Python cannot read: install agenteval[zstd], or use Python 3.14"


def detect(look: Look) -> bool:
    """An archive with a log's members, or an object with its keys."""
    if look.shape == "zip":
        return not look.keys.isdisjoint(_HEADERS) or any(name.startswith(_FOLDER) for name in look.keys)
    if look.shape != "object":
        return False
    sample = isinstance(look.first, dict) and "epoch" in look.first
    return "eval" in look.keys or (_RECORDS in look.keys and sample)


def read(source: Source) -> Iterator[Record]:
    """The head, then every sample."""
    return _archived(source) if source.look.shape == "zip" else _written(source)


def _written(source: Source) -> Iterator[Record]:
    """The records of a log that is one JSON object."""
    content = yield from head_of(source, NAME, _RECORDS)
    reader = SampleReader(NAME, content)
    with source.open() as read_bytes:
        records = each(source, split(read_bytes, frozenset({_RECORDS})), reader.record, of=_RECORDS)
        yield from never_nothing(records, _no_samples(source, content))


def _no_samples(source: Source, content: Mapping[str, Any]) -> ImportRefused:
    status = maybe_text(content.get("status")) or "unknown"
    said = maybe_text(maybe_object(content.get("error")).get("message"))
    reason = "" if said is None else f": {one_line(said)}"
    return source.refusal(_RECORDS, f"the log holds no samples; its status is {status!a}{reason}")


# --- archives


def _archived(source: Source) -> Iterator[Record]:
    """The records of a log that is an archive."""
    with closing(_opened(source)) as archive:
        content = yield from _head(source, archive)
        reader = SampleReader(NAME, content)
        records = each(source, _samples(archive), reader.record)
        yield from never_nothing(records, _no_samples(source, content))


def _opened(source: Source) -> Any:
    """The archive, opened with what can unpack zstd where that is there."""
    try:
        opener: Any = zipfile if sys.version_info >= (3, 14) else importlib.import_module("backports.zstd.zipfile")
    except ImportError:
        opener = zipfile
    try:
        return opener.ZipFile(source.path)
    except Exception as error:  # a broken archive makes `zipfile` raise many things
        raise source.refusal("file", f"not a zip archive that can be read: {error or type(error).__name__}") from error


def _head(source: Source, archive: Any) -> Generator[Record, None, dict[str, Any]]:
    """Yields the head; returns its members, as spans may carry them."""
    members = {info.filename: info for info in archive.infolist()}  # the last of a name counts
    name = next((name for name in _HEADERS if name in members), None)
    if name is None:
        yield source.refusal(_HEADERS[0], "the archive has no header")
        return {}
    try:
        found: Decoded = decode(_bytes(archive, members[name]))
        content = object_of(found.clean, "the header")
        yield header(source, NAME, object_of(found.exact, "the header"))
    except Unreadable as error:
        yield source.refusal(name, str(error))
        return {}
    return content


def _samples(archive: Any) -> Iterator[Piece]:
    """The samples, in the order of the archive; of two members of one name both, lest one hold what the other lacks."""
    times: dict[str, int] = {}
    for info in archive.infolist():
        name: str = info.filename
        if not name.startswith(_FOLDER) or name.endswith("/"):
            continue
        times[name] = times.get(name, 0) + 1
        place = name if times[name] == 1 else f"{name}#{times[name]}"
        try:
            yield Piece(place=place, data=_bytes(archive, info))
        except Unreadable as error:
            yield Piece(place=place, problem=str(error))


def _bytes(archive: Any, info: Any) -> bytes:
    """The bytes of a member. Raises Unreadable."""
    try:
        with archive.open(info) as member:
            data: bytes = member.read(LARGEST + 1)
    except NotImplementedError as error:
        raise Unreadable(_WITHOUT_ZSTD if info.compress_type == _ZSTD else str(error)) from error
    except Exception as error:  # likewise
        raise Unreadable(f"cannot be unpacked: {error or type(error).__name__}") from error
    if len(data) > LARGEST:
        raise Unreadable(f"larger than {LARGEST:,} bytes")
    return data
