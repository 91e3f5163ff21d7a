"""Bytes in, one HTTP answer out, over connections that are kept. The one module that imports httpx."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from agenteval.errors import BadAnswer
from agenteval.models.endpoint import Endpoint
from agenteval.models.retry import Reply, Unreachable

_CONNECT_SECONDS = 10.0
_KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What every request of a client has in common. Sizes are in bytes after decompression."""

    endpoint: Endpoint
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float
    max_response_bytes: int
    max_concurrency: int | None


class Connections:
    """The kept connections of one event loop."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._turn = None if target.max_concurrency is None else asyncio.Semaphore(target.max_concurrency)
        self._connect_seconds = min(_CONNECT_SECONDS, target.timeout_seconds)
        self._client = httpx.AsyncClient(
            headers=dict(target.headers),
            auth=target.endpoint.user if "Authorization" not in target.headers else None,
            timeout=httpx.Timeout(None, connect=self._connect_seconds),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=_KEPT_SECONDS),
            # loading the trusted certificates takes longer than a call over plain HTTP
            verify=target.endpoint.base.startswith("https:"),
            # a proxy cannot reach this machine's own loopback
            trust_env=not target.endpoint.loopback,
        )

    async def post(self, content: bytes) -> Reply | Unreachable:
        """Post once. Whatever the network does is a value, not an exception.

        Raises:
            BadAnswer: The body is not compressed as its headers say.
        """
        if self._turn is None:
            return await self._post(content)
        async with self._turn:
            return await self._post(content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, content: bytes) -> Reply | Unreachable:
        try:
            # httpx bounds each read, and an answer that drips in would never end: bound the whole
            async with asyncio.timeout(self._target.timeout_seconds):
                return await self._stream(content)
        except TimeoutError:
            return self._too_slow()
        except httpx.ConnectTimeout:
            return Unreachable(what=f"no connection within {self._connect_seconds:g} s", advice="Is the address right?")
        except httpx.DecodingError as error:
            said = (
                f"POST {self._target.endpoint.url} answered a body that cannot be decoded as its headers say: {error}"
            )
            raise BadAnswer(said) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return _unreachable(error, self._target.endpoint)

    async def _stream(self, content: bytes) -> Reply:
        endpoint = self._target.endpoint
        extensions: dict[str, bytes] = {}
        if endpoint.query:
            # httpx logs the URL of each request; a query may hold a key, so it travels beside the URL
            extensions["target"] = httpx.URL(endpoint.url).raw_path + b"?" + endpoint.query.encode("ascii", "ignore")
        async with self._client.stream("POST", endpoint.url, content=content, extensions=extensions) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._target.max_response_bytes:
                    break
            cut = len(body) > self._target.max_response_bytes
            return Reply(status=response.status_code, headers=dict(response.headers), body=bytes(body), cut=cut)

    def _too_slow(self) -> Unreachable:
        return Unreachable(
            what=f"no whole answer within {self._target.timeout_seconds:g} s",
            advice="Allow more time (timeout_seconds), or ask for fewer tokens.",
        )


def _unreachable(error: Exception, endpoint: Endpoint) -> Unreachable:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) or _errno(cause) == errno.ECONNREFUSED for cause in causes):
        return Unreachable(
            what=f"nothing listens at {endpoint.base}", advice="Start the server there, or correct the base URL."
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Unreachable(what=f'the host "{endpoint.host}" is not known', advice="Is the base URL spelled right?")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Unreachable(what=f"TLS failed: {error}", advice="Is it https, and is its certificate trusted here?")
    return Unreachable(what=f"the connection broke ({type(error).__name__}: {error})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, groups opened."""
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        yield found
        waiting += [found.__cause__, None if found.__cause__ is found.__context__ else found.__context__]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions  # pyright: ignore[reportUnknownMemberType]


def _errno(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None
