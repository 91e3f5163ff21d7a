"""What an endpoint did in place of answering in, an error that says what to do out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from agenteval.errors import BadAnswer, ContextExceeded, ModelError, RateLimited
from agenteval.models.endpoint import Endpoint
from agenteval.models.jsontext import as_object, parsed
from agenteval.models.refusals import body_says_too_long, error_text
from agenteval.models.retry import Reply, Unreachable

_SHOWN = 500


def error_of(
    outcome: Reply | Unreachable, *, endpoint: Endpoint, model: str, attempts: int, key_sent: bool
) -> ModelError:
    """The error for an outcome that is not a success.

    Args:
        outcome: What the last attempt came to.
        endpoint: Where it went.
        model: The model that was asked for.
        attempts: How often it was tried in all.
        key_sent: Whether a credential was sent.
    """
    tried = "" if attempts == 1 else f" after {attempts} attempts"
    if isinstance(outcome, Unreachable):
        return ModelError(f"POST {endpoint.url}: {outcome.what}{tried}. {outcome.advice}".rstrip(" "))
    said = f"POST {endpoint.url} answered {_status(outcome.status)}{tried}: {excerpt(outcome.body)}"
    advice = _advice(outcome, endpoint, model, key_sent=key_sent)
    if body_says_too_long(outcome.body):
        return ContextExceeded(said)
    kind = RateLimited if outcome.status == HTTPStatus.TOO_MANY_REQUESTS else ModelError
    return kind(f"{said}{'' if said[-1] in '.!?…' else '.'} {advice}" if advice else said)


def completion_json(reply: Reply, *, endpoint: Endpoint, max_bytes: int) -> Mapping[str, Any]:
    """The JSON object that a successful answer holds.

    Raises:
        BadAnswer: Too large, not JSON, or not an object.
    """
    if reply.cut:
        raise BadAnswer(
            f"POST {endpoint.url} answered more than {max_bytes:,} bytes: raise max_response_bytes if right"
        )
    try:
        data = parsed(reply.body)
    except ValueError as error:
        raise BadAnswer(
            f"POST {endpoint.url} answered {_status(reply.status)} with {_not_json(reply.body, error)}. "
            'Is the base URL one of an OpenAI-compatible API? It usually ends in "/v1".'
        ) from None
    found = as_object(data)
    if found is None:
        raise BadAnswer(
            f"POST {endpoint.url} answered JSON that is {type(data).__name__}, not an object: {excerpt(reply.body)}"
        )
    return found


def excerpt(body: bytes) -> str:
    """What a body says, in one printable line of bounded length: an API error's own text, else its beginning."""
    try:
        text = error_text(parsed(body))
    except ValueError:
        text = body[: _SHOWN * 4].decode("utf-8", "replace")
    # what cannot be printed could steer a terminal
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not line:
        return "(an empty body)"
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _not_json(body: bytes, error: ValueError) -> str:
    if body.lstrip()[:1] == b"<":
        return f"an HTML page in place of a completion: {excerpt(body)}"
    if not body.strip():
        return "an empty body in place of a completion"
    return f"a body that is not JSON ({error}), {len(body):,} bytes: {excerpt(body)}"


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _advice(reply: Reply, endpoint: Endpoint, model: str, *, key_sent: bool) -> str:
    if reply.status in {401, 403}:
        sent = "one was sent" if key_sent else "none was sent"
        return f"Check the API key ({sent}; the command line reads it from OPENAI_API_KEY)."
    if reply.status in {404, 405} and not endpoint.base.endswith("/v1"):
        return f'Is the base URL {endpoint.base} missing "/v1"?'
    if reply.status == HTTPStatus.NOT_FOUND:
        return f'Does this endpoint serve a model named "{model}"?'
    if 300 <= reply.status < 400:
        place = reply.headers.get("location", "").partition("?")[0].rpartition("@")[2]
        return f"It redirects to {place[:200] or 'nowhere'}: give that as the base URL."
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "Lower the concurrency, or allow more retries."
    return ""
