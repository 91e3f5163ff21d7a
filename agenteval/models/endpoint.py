"""A base URL in, what to call, what to show and what to keep secret out."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from agenteval.errors import RequestError
from agenteval.models.credentials import names_a_credential

_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where completions are asked for.

    Attributes:
        base: The base URL without credentials, query and trailing slash: what is shown and recorded.
        query: Query string that every request carries; empty where there is none.
        user: Name and password from the base URL; None where it has none.
    """

    base: str
    query: str = field(default="", repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where completions are posted, without the query."""
        return self.base + _PATH

    @property
    def host(self) -> str:
        """The host's name, in lower case."""
        return urlsplit(self.base).hostname or ""

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts in it that must not be shown."""
        found = [value for name, value in parse_qsl(self.query) if value and names_a_credential(name)]
        if self.user is not None:
            found += [base64.b64encode(":".join(self.user).encode()).decode(), *filter(None, self.user[1:])]
        return tuple(found)


def endpoint_of(base_url: str) -> Endpoint:
    """The endpoint of a base URL such as `http://127.0.0.1:8080/v1`. A full `…/chat/completions` is taken too.

    Raises:
        RequestError: Not an http or https URL with a host.
    """
    text = base_url.strip()
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = text.rpartition("@")[2].partition("?")[0]
        raise RequestError(
            f'base URL "{shown}" is not an http or https address: write it whole, such as "http://127.0.0.1:8080/v1"'
        )
    path = parts.path.rstrip("/").removesuffix(_PATH).rstrip("/")
    user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Endpoint(base=f"{parts.scheme}://{_place(parts)}{path}", query=parts.query, user=user)


def _split(text: str) -> SplitResult | None:
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port that is no number is found out only when asked for
    except ValueError:
        return None
    return parts


def _place(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port is None else f"{host}:{parts.port}"
