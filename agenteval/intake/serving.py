"""The table `[serve]` of a project's settings and the environment in, checked settings of the receiver out."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agenteval._util.names import did_you_mean
from agenteval.errors import RequestError

Scope = Literal["ingest", "read"]
PREFIX = "AGENTEVAL_SERVE_"
OFF = "off"
_KEY_MARK = "aek_"  # scanners for leaked secrets find keys by how they begin
_HASH = "sha256:"

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(gt=0)]


class ServeKey(BaseModel):
    """An API key: never the key itself, but its hash, which is enough, because keys are long and random."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]
    hash: Annotated[str, Field(pattern=f"^{_HASH}[0-9a-f]{{64}}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = ("ingest",)
    requests_per_second: Annotated[float, Field(gt=0)] | None = None


class ServeRule(BaseModel):
    """A table `[[serve.rules]]`: what is asked of trajectories as they are closed.

    Attributes:
        checks: A checks file, relative to the project's folder.
        find: Which trajectories, as `agenteval find` takes it; empty is all.
        sample: Part of them that is judged.
        per_hour: The most that are judged in an hour.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$")]
    checks: str
    find: str = ""
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    per_hour: _Count | None = None


class ServeNaming(BaseModel):
    """A table `[[serve.naming]]`: the attributes that name what, in one project or, with `*`, in every other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str = "*"
    session: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()


class ServeSettings(BaseModel):
    """How the receiver is run.

    Attributes:
        http: Address of OTLP over HTTP and of the pages, `HOST:PORT`, or `off`.
        grpc: Address of OTLP over gRPC, `HOST:PORT`, or `off`.
        body_bytes: The largest body, as sent and without its content coding.
        items: The most spans or log records of one request.
        attributes: The most attributes of one span, event, link or log record.
        queue_bytes: Bytes of bodies that may wait or be worked on; beyond, requests are refused with a retryable code.
        queue_requests: The most requests that may wait or be worked on.
        queue_seconds: The longest that a request is expected to wait for its answer; beyond, it is refused at once.
        body_seconds: How long a client may take to send a body.
        drain_seconds: How long requests in hand may take once the receiver is told to end.
        quiet_seconds: How long nothing new may have come of a trace for it to be assembled and judged.
        keys: API keys; without any, only loopback addresses are served.
        rules: What is asked of trajectories as they are closed.
        naming: Which attributes name session, user, version and tenant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    http: str = "127.0.0.1:4328"
    grpc: str = "127.0.0.1:4327"
    body_bytes: _Count = 64 * 2**20
    items: _Count = 100_000
    attributes: _Count = 5_000
    queue_bytes: _Count = 128 * 2**20
    queue_requests: _Count = 1_000
    queue_seconds: _Seconds = 3.0
    body_seconds: _Seconds = 30.0
    drain_seconds: _Seconds = 20.0
    quiet_seconds: _Seconds = 30.0
    keys: tuple[ServeKey, ...] = ()
    rules: tuple[ServeRule, ...] = ()
    naming: tuple[ServeNaming, ...] = ()


def serve_settings(
    written: Mapping[str, Any], environment: Mapping[str, str], given: Mapping[str, Any]
) -> ServeSettings:
    """The settings of the receiver: what was given, else what the environment says, else what is written.

    Args:
        written: The table `[serve]`.
        environment: Environment variables, of which those that begin with `AGENTEVAL_SERVE_` count.
        given: Options of the command line.

    Raises:
        RequestError: A value is wrong, an address is no address, or one beyond loopback has no keys.
    """
    from_environment = {
        name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)
    }
    settings = _checked(ServeSettings, {**written, **from_environment, **given}, "serve")
    names = [rule.name for rule in settings.rules]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise RequestError(f'serve.rules: two rules are called "{repeated}"; give each a name of its own')
    if settings.http == OFF and settings.grpc == OFF:
        raise RequestError("serve: http and grpc are both off, so that nothing could be received")
    for name, address in (("http", settings.http), ("grpc", settings.grpc)):
        if address != OFF and not is_loopback(host_and_port(address)[0]) and not settings.keys:
            raise RequestError(
                f"serve.{name}: {address} can be reached from other machines, and there are no API keys. Make one with "
                "`agenteval serve --new-key PROJECT` and put what it prints into agenteval.toml, or serve 127.0.0.1"
            )
    return settings


def naming_tables(written: Mapping[str, Any]) -> tuple[ServeNaming, ...]:
    """The tables `[[serve.naming]]` of the table `[serve]`, for those who receive nothing. Raises RequestError."""
    return _checked(ServeSettings, {"naming": written.get("naming", ())}, "serve").naming


_Model = TypeVar("_Model", bound=BaseModel)


def _checked(model: type[_Model], values: Mapping[str, Any], where: str) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = [_sentence(model, detail["type"], detail["loc"], detail["msg"]) for detail in error.errors()]
    raise RequestError("\n".join(f"{where}: {problem}" for problem in told))


def _sentence(model: type[BaseModel], kind: str, place: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in place)
    if kind != "extra_forbidden":
        return f"{name}: {message}"
    known = (_TABLES.get(str(place[0]), model) if len(place) > 1 else model).model_fields
    return f'unknown setting "{name}". {did_you_mean(name.rpartition(".")[2], known)}'


_TABLES: Mapping[str, type[BaseModel]] = {"keys": ServeKey, "rules": ServeRule, "naming": ServeNaming}


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[HOST]:PORT`. Raises RequestError."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise RequestError(f"{address!r} is no address; one is HOST:PORT, such as 127.0.0.1:4328, or `{OFF}`")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether a host can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_key(project: str, scopes: Sequence[str]) -> tuple[str, ServeKey]:
    """A new API key, and what the settings hold of it. Raises RequestError where the project's name is none."""
    key = _KEY_MARK + secrets.token_urlsafe(32)
    return key, _checked(ServeKey, {"project": project, "scopes": scopes, "hash": hash_of(key)}, "key")


def hash_of(key: str) -> str:
    """What the settings hold of a key. Unsalted and fast: a key has 256 random bits, and cannot be guessed."""
    return _HASH + hashlib.sha256(key.encode()).hexdigest()
