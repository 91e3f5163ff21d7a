"""A ModelRequest in, a Completion out, over any OpenAI-compatible chat-completions endpoint."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from agenteval.core.model import Completion, ModelRequest
from agenteval.errors import BadAnswer, ModelError, RequestError
from agenteval.models.credentials import names_a_credential, scrubbed, scrubbed_body, usable_headers
from agenteval.models.endpoint import endpoint_of
from agenteval.models.failures import completion_json, error_of
from agenteval.models.jsontext import dumped
from agenteval.models.retry import Backoff, Reply, Unreachable, asked_seconds, worth_retrying
from agenteval.models.wire import MaxTokensField, completion_from_openai, request_body

if TYPE_CHECKING:
    from agenteval.models._http import Connections

_MEGABYTE = 2**20


class ChatCompletions:
    """A model behind an OpenAI-compatible chat-completions endpoint.

    Connections are kept and shared, one set for each event loop; close them with `aclose` in the loop that used them,
    or use the model as an async context manager. What fails on the way is tried again: no answer, 408, 409, 429 and
    5xx, with full jitter, and never earlier than the endpoint asks. The API key is shown in no error, log or repr.

    Args:
        name: The model's name at the endpoint.
        base_url: Where the API begins, such as `http://127.0.0.1:8080/v1`.
        api_key: Sent as a bearer token; None for none.
        timeout_seconds: Longest time for one attempt, from connecting to the last byte.
        max_retries: How often a failed attempt is repeated.
        max_concurrency: Most requests on the wire at once, for each event loop; None for no bound.
        headers: Further HTTP headers, sent with every request.
        max_response_bytes: Largest answer that is read.
        max_tokens_field: Under which name the endpoint takes the limit of output tokens.
        send_reasoning: Whether reasoning of earlier turns is sent back, which some endpoints need and others refuse.
        backoff: How long to wait between attempts.
        sleep: Waits for seconds; tests pass their own.
        draw: A random number in [0, 1); tests pass their own.
        now: Seconds since the epoch; tests pass their own.

    Raises:
        RequestError: An argument is wrong.
    """

    def __init__(  # noqa: PLR0913 (each is a setting of its own, and all but the name are given by name)
        self,
        name: str,
        *,
        base_url: str,
        api_key: str | None = None,
        timeout_seconds: float = 120.0,
        max_retries: int = 5,
        max_concurrency: int | None = None,
        headers: Mapping[str, str] | None = None,
        max_response_bytes: int = 32 * _MEGABYTE,
        max_tokens_field: MaxTokensField = "max_tokens",
        send_reasoning: bool = False,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        _refuse_wrong(name, timeout_seconds, max_retries, max_concurrency, max_response_bytes)
        self._name = name
        self._endpoint = endpoint_of(base_url)
        self._headers = _headers(api_key, headers or {})
        self._secrets = _secrets(self._headers, self._endpoint.secrets)
        self._timeout_seconds = timeout_seconds
        self._max_retries = max_retries
        self._max_concurrency = max_concurrency
        self._max_response_bytes = max_response_bytes
        self._max_tokens_field: MaxTokensField = max_tokens_field
        self._send_reasoning = send_reasoning
        self._backoff = backoff or Backoff()
        self._sleep, self._draw, self._now = sleep, draw, now
        self._lock = threading.Lock()  # event loops of several threads may share one model
        self._of_loop: dict[asyncio.AbstractEventLoop, Connections] = {}

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return self._name

    @property
    def endpoint(self) -> str:
        """The base URL, without credentials and query."""
        return self._endpoint.base

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, base_url={self._endpoint.base!r})"

    async def complete(self, request: ModelRequest) -> Completion:
        """Answer one request.

        Raises:
            RateLimited: The endpoint asked to slow down until the retries ran out.
            BadAnswer: It answered something that is not a completion.
            ModelError: It could not be reached, or refused the request.
        """
        try:
            return self._completion(await self._success(self._body(request)))
        except ModelError as error:
            # one place for every message, so that none can slip past
            raise type(error)(scrubbed(str(error), self._secrets)) from None

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the model can be used again."""
        with self._lock:
            connections = self._of_loop.pop(asyncio.get_running_loop(), None)
        if connections is not None:
            await connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _body(self, request: ModelRequest) -> bytes:
        body = request_body(
            request, self._name, max_tokens_field=self._max_tokens_field, reasoning=self._send_reasoning
        )
        try:
            return dumped(body).encode()
        except ValueError as error:
            raise ModelError(f"the request cannot be sent as JSON: {error}") from error

    async def _success(self, body: bytes) -> Reply:
        """The first successful answer. Raises ModelError where there is none."""
        attempt = 0
        while True:
            outcome = self._clean(await self._connections().post(body))
            if isinstance(outcome, Reply) and outcome.succeeded:
                return outcome
            if attempt == self._max_retries or not worth_retrying(outcome):
                raise self._error(outcome, attempt + 1)
            await self._sleep(self._backoff.delay(attempt, self._asked(outcome), self._draw()))
            attempt += 1

    def _clean(self, outcome: Reply | Unreachable) -> Reply | Unreachable:
        if isinstance(outcome, Unreachable):
            return outcome
        return replace(outcome, body=scrubbed_body(outcome.body, self._secrets, failed=not outcome.succeeded))

    def _asked(self, outcome: Reply | Unreachable) -> float | None:
        return None if isinstance(outcome, Unreachable) else asked_seconds(outcome.headers, self._now())

    def _error(self, outcome: Reply | Unreachable, attempts: int) -> ModelError:
        key_sent = "Authorization" in self._headers or self._endpoint.user is not None
        return error_of(outcome, endpoint=self._endpoint, model=self._name, attempts=attempts, key_sent=key_sent)

    def _completion(self, reply: Reply) -> Completion:
        data = completion_json(reply, endpoint=self._endpoint, max_bytes=self._max_response_bytes)
        try:
            return completion_from_openai(data, model=self._name)
        except BadAnswer as error:
            raise BadAnswer(f"POST {self._endpoint.url} answered {reply.status}: {error}") from None

    def _connections(self) -> Connections:
        loop = asyncio.get_running_loop()
        with self._lock:
            found = self._of_loop.get(loop)
            if found is None:
                # connections of a loop that was never told to close them hold it in memory
                self._of_loop = {other: kept for other, kept in self._of_loop.items() if not other.is_closed()}
                found = self._of_loop[loop] = self._connect()
        return found

    def _connect(self) -> Connections:
        # httpx takes a tenth of a second to import, and most commands call no model
        from agenteval.models._http import Connections, Target  # noqa: PLC0415 (see above)

        return Connections(
            Target(
                endpoint=self._endpoint,
                headers=self._headers,
                timeout_seconds=self._timeout_seconds,
                max_response_bytes=self._max_response_bytes,
                max_concurrency=self._max_concurrency,
            )
        )


def _refuse_wrong(
    name: str, timeout_seconds: float, max_retries: int, max_concurrency: int | None, max_response_bytes: int
) -> None:
    wrong = {
        "name": (name, "text that is not empty", not name.strip()),
        "timeout_seconds": (timeout_seconds, "more than 0", not timeout_seconds > 0),
        "max_retries": (max_retries, "0 or more", max_retries < 0),
        "max_concurrency": (max_concurrency, "1 or more, or None", max_concurrency is not None and max_concurrency < 1),
        "max_response_bytes": (max_response_bytes, "1 or more", max_response_bytes < 1),
    }
    for argument, (value, allowed, is_wrong) in wrong.items():
        if is_wrong:
            raise RequestError(f"{argument} is {value!r}; allowed: {allowed}")


def _headers(api_key: str | None, further: Mapping[str, str]) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "agenteval"}
    if api_key is not None and api_key.strip():
        headers["Authorization"] = f"Bearer {api_key.strip()}"
    names = {name.lower(): name for name in (*headers, "Authorization")}
    for name, value in further.items():
        # HTTP names are the same in either case, and a given header replaces ours
        headers[names.get(name.lower(), name)] = value
    return usable_headers(headers)


def _secrets(headers: Mapping[str, str], others: tuple[str, ...]) -> tuple[str, ...]:
    """Every text that must not be shown, longest first, so that no part of one survives another's removal."""
    found = {value for name, value in headers.items() if value and names_a_credential(name)}
    found |= {word for value in found for word in value.split() if word.lower() not in {"bearer", "basic"}}
    return tuple(sorted(found | set(others), key=len, reverse=True))
