"""What a file says once for all of its records, wherever in the file it stands."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from agenteval.core.json import Json
from agenteval.intake.formats._json import Unreadable
from agenteval.intake.formats._original import marked
from agenteval.intake.formats._record import FileHeader, Record
from agenteval.intake.formats._source import Source
from agenteval.intake.formats._split import split


def head_of(source: Source, format_name: str, records: str) -> Generator[Record, None, dict[str, Any]]:
    """The members of the outermost object except the list of records; reads the whole file once.

    Yields the head, and a refusal for every member that cannot be decoded. What the splitter finds wrong is left to
    the reading of the records, which meets it again.

    Returns:
        The members, as spans may carry them.
    """
    exact: dict[str, Json] = {}
    clean: dict[str, Any] = {}
    with source.open() as read_bytes:
        for piece in split(read_bytes, frozenset({records})):
            if piece.key is None or piece.data is None or piece.index is not None:
                continue
            try:
                value = piece.value()
            except Unreadable as error:
                yield source.refusal(piece.key, str(error))
                continue
            exact[piece.key], clean[piece.key] = value.exact, value.clean
    yield header(source, format_name, exact)
    return clean


def header(source: Source, format_name: str, members: dict[str, Json]) -> FileHeader:
    """The members as the head of a file."""
    return FileHeader(file=source.name, sha256=source.sha256, format=format_name, content=marked(members))
