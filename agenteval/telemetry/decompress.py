"""Compressed request bodies in, bodies out, never larger than a limit: a bomb is refused while it is unpacked.

References:
    RFC 9110, 8.4 (content codings); RFC 1950 to 1952 (zlib, deflate, gzip); RFC 8878 (Zstandard).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from agenteval.errors import MissingExtra, RequestError


class TooLarge(RequestError):
    """What comes out is larger than the limit."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


CODINGS = ("identity", "gzip", "x-gzip", "deflate", "zlib", "zstd")
"""Content codings that are taken."""

_MOST_MEMBERS = 100  # each costs a copy of what follows it
_GZIP = 16 + zlib.MAX_WBITS
_LARGEST_WINDOW = 26  # as a power of two: what a zstd frame may make us hold


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """A body without its content coding.

    Args:
        body: As it came.
        coding: One of `CODINGS`.
        limit: The largest number of bytes that it may have afterwards.

    Raises:
        TooLarge: It would be larger than that.
        MissingExtra: It is zstd, and the library for that is not installed.
        RequestError: It is damaged, or ends too early.
    """
    if coding == "identity" or not body:
        if len(body) > limit:
            raise _too_large(limit)
        return body
    open_, errors = _DECOMPRESSORS[coding](body)
    pieces: list[bytes] = []
    room = limit
    for _ in range(_MOST_MEMBERS):
        member = open_()
        try:
            data = member.decompress(body, room + 1)
        except errors as error:
            raise RequestError(f"the body is no {coding}: {error}") from error
        if len(data) > room:
            raise _too_large(limit)
        if not member.eof:
            raise RequestError(f"the body is no {coding}: it ends too early")
        pieces.append(data)
        room -= len(data)
        body = member.unused_data
        if not body:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    raise RequestError(f"the body is {coding} of more than {_MOST_MEMBERS} members; send one")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes without its content coding; send smaller batches")


_Opened = tuple[Callable[[], _Decompressor], tuple[type[Exception], ...]]


def _zlib(bits: int) -> Callable[[bytes], _Opened]:
    return lambda _: (lambda: zlib.decompressobj(bits), (zlib.error,))


def _deflate(body: bytes) -> _Opened:
    """`deflate` is a zlib stream; some senders leave out its header, by which one can tell."""
    has_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)(body)


def _zstd(_: bytes) -> _Opened:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 (part of Python since 3.14)
        else:
            from backports import zstd  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtra('zstd bodies need the extra: pip install "agenteval[zstd]"') from error
    options = {int(zstd.DecompressionParameter.window_log_max): _LARGEST_WINDOW}
    return lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError, EOFError)


_DECOMPRESSORS: dict[str, Callable[[bytes], _Opened]] = {
    "gzip": _zlib(_GZIP),
    "x-gzip": _zlib(_GZIP),
    "deflate": _deflate,
    "zlib": _deflate,
    "zstd": _zstd,
}
