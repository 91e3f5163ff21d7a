"""Foreign files in, spans, labels and trial facts out, one record after the other.

Traces of other producers stay as they are, or become what their producer would have sent over OTLP, and the dialects
read them. Every other format becomes spans of the current convention (`core.semconv`), so that one assembler serves
runs and imports. A root span says where the record came from and keeps what the other spans have no room for; beneath
it lie one `invoke_agent` per turn, and in it `chat` and `execute_tool` spans. Reading a file twice gives the identical
spans.

What cannot be read is refused as a value, with file, place and reason, and the rest of the file goes on. Whatever
bytes a file holds, reading it raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from agenteval._util.names import did_you_mean
from agenteval.errors import ImportRefused, RequestError
from agenteval.intake.formats import (
    atif,
    exported,
    inspect_log,
    jaeger,
    langfuse,
    langsmith,
    messages,
    otlp,
    phoenix,
    sweagent,
    tau2,
    tau_bench,
    zipkin,
)
from agenteval.intake.formats._original import restore, restored
from agenteval.intake.formats._record import FileHeader, Format, Imported, Record, Telemetry, TrialFacts
from agenteval.intake.formats._source import Source

__all__ = [
    "FORMATS",
    "FileHeader",
    "Format",
    "ImportRefused",
    "Imported",
    "Record",
    "Telemetry",
    "TrialFacts",
    "read",
    "restore",
    "restored",
]

FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        module.NAME: Format(name=module.NAME, title=module.TITLE, detect=module.detect, read=module.read)
        for module in (
            tau_bench,
            tau2,
            inspect_log,
            exported,
            otlp,
            jaeger,
            zipkin,
            langfuse,
            langsmith,
            phoenix,
            atif,
            sweagent,
            messages,
        )
    }
)
"""Every format, in the order in which they are recognised."""


def read(path: Path, *, format: str | None = None) -> Iterator[Record]:  # noqa: A002 (the user's word for it)
    """Read a foreign file, streaming: memory holds one record, however long the file is.

    Args:
        path: The file, packed with gzip or not.
        format: Name of a format in `FORMATS`; None recognises it by the file's content, whatever its name is.

    Returns:
        A head where the format has one, and a record or a refusal for each record of the file.

    Raises:
        RequestError: There is no format of that name.
    """
    if format is not None and format not in FORMATS:
        raise RequestError(f'unknown format "{format}". {did_you_mean(format, FORMATS)}')
    return _records(Path(path), format)


def _records(path: Path, name: str | None) -> Iterator[Record]:
    try:
        source = Source(path)
        yield from _format(source, name).read(source)
    except ImportRefused as refusal:
        yield refusal
    except Exception as error:  # noqa: BLE001 (a file that we did not foresee is refused like any other)
        yield ImportRefused(path.name, "file", f"not foreseen: {type(error).__name__}: {error}")


def _format(source: Source, name: str | None) -> Format:
    """The named format, else the first one that the file is of."""
    if source.look.shape == "empty":
        raise source.refusal("file", "it is empty")
    if name is not None:
        return FORMATS[name]
    found = next((known for known in FORMATS.values() if known.detect(source.look)), None)
    if found is None:
        known = "; ".join(f"{known.name}: {known.title}" for known in FORMATS.values())
        raise source.refusal("file", f"of no known format: {source.look.seen()}. Known formats: {known}")
    return found
