"""Who may send and read: API keys by their hashes, their scopes, and how often each may come."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence

from agenteval.intake.serving import Scope, ServeKey, hash_of
from agenteval.telemetry.answers import NO_KEY, TOO_OFTEN, WRONG_SCOPE, Refused

_BURST_SECONDS = 2.0


class _Bucket:
    """A bucket of tokens, filled at a steady rate."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST_SECONDS)
        self._left = self._most
        self._clock = clock
        self._at = clock()

    def take(self) -> bool:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Keys:
    """Admits requests. Without keys, it admits all.

    Args:
        keys: Those that are known.
        clock: Seconds that only grow.
    """

    def __init__(self, keys: Sequence[ServeKey], clock: Callable[[], float]) -> None:
        self._by_hash = {key.hash: key for key in keys}
        self._buckets = {
            key.hash: _Bucket(key.requests_per_second, clock) for key in keys if key.requests_per_second is not None
        }

    def admit(self, headers: Mapping[str, str], scope: Scope) -> ServeKey | None:
        """The key that a request comes with; None where none are asked for.

        Args:
            headers: Headers or gRPC metadata, by lower-case name.
            scope: What it wants to do.

        Raises:
            Refused: It has no key, a key without that scope, or comes too often.
        """
        if not self._by_hash:
            return None
        given = _given(headers)
        if given is None:
            told = "this receiver asks for an API key, as `Authorization: Bearer KEY` or `x-api-key: KEY`"
            raise Refused(NO_KEY, told, headers={"www-authenticate": "Bearer"})
        key = self._by_hash.get(hash_of(given))
        if key is None:
            told = "this API key is not known here; compare its hash with the keys of [serve] in agenteval.toml"
            raise Refused(NO_KEY, told, headers={"www-authenticate": "Bearer"})
        if scope not in key.scopes:
            raise Refused(WRONG_SCOPE, f'this API key may {" and ".join(key.scopes)}, and this needs "{scope}"')
        bucket = self._buckets.get(key.hash)
        if bucket is not None and not bucket.take():
            raise Refused(
                TOO_OFTEN, f"more than {key.requests_per_second:g} requests a second with this key; come later"
            )
        return key


def _given(headers: Mapping[str, str]) -> str | None:
    """The key of a request, from whichever header exporters put it in."""
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and rest:
        return rest.strip()
    if scheme.lower() == "basic":  # Langfuse's clients: public key and secret key
        try:
            return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return headers.get("x-api-key") or None
