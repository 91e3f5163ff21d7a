"""A project's `agenteval.toml`, or `[tool.agenteval]` of its `pyproject.toml`, in; checked settings out.

They are defaults: what stands on the command line or in the environment comes first. Each is named as the option of
`agenteval run` that it sets, with `suite` for its argument:

    suite = "./scenarios/desk"
    agent = "app.py:graph"              or a list of several
    trials = 4

The table `[redact]` says what is taken out of telemetry before it is stored; see `telemetry.redact.rules`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agenteval._util.names import did_you_mean
from agenteval._util.paths import is_file
from agenteval.errors import RequestError
from agenteval.intake.written import mapping
from agenteval.telemetry.redact.rules import CustomRule, RedactRules

FILE = "agenteval.toml"
_PYPROJECT = "pyproject.toml"
_LARGEST = 1_000_000  # bytes


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Settings(BaseModel):
    """Defaults of a project. What is None or empty was not set.

    Attributes:
        redact: What is taken out of telemetry before it is stored.

    Which sandbox is used is none: a project that came from elsewhere must not do away with isolation.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    suite: str | None = None
    agent: Annotated[list[str], BeforeValidator(_one_or_many)] = Field(default_factory=list[str])
    trials: int | None = None
    seed: int | None = None
    concurrency: int | None = None
    retries: int | None = None
    store: str | None = None
    model: str | None = None
    base_url: str | None = None
    price: str | None = None
    user_model: str | None = None
    user_base_url: str | None = None
    user_price: str | None = None
    max_usd: float | None = None
    require: float | None = None
    redact: RedactRules | None = None
    serve: dict[str, Any] = Field(default_factory=dict[str, Any])  # checked in `intake.serving`, with the environment

    def given(self) -> dict[str, Any]:
        """Those that were set and are defaults of options, by name."""
        return self.model_dump(exclude_unset=True, exclude={"redact", "serve"})


def load_settings(project: Path) -> Settings:
    """The settings of a project; none where it has no file of them.

    Raises:
        RequestError: A file is not TOML, or a setting is unknown or of the wrong type; all of them are told.
    """
    own, shared = project / FILE, project / _PYPROJECT
    if is_file(own):
        return _checked(_read(own), FILE)
    if is_file(shared):
        written = (mapping(_read(shared).get("tool")) or {}).get("agenteval")
        if written is not None:
            return _checked(written, f"{_PYPROJECT}: [tool.agenteval]")
    return Settings()


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        if len(data) > _LARGEST:
            raise RequestError(f"{path.name}: is {len(data)} bytes long; at most {_LARGEST} are read")
        return tomllib.loads(data.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"{path.name}: cannot be read as TOML: {error}") from error


def _checked(written: Any, where: str) -> Settings:
    try:
        return Settings.model_validate(written)
    except ValidationError as error:
        problems = [_sentence(detail["type"], detail["loc"], detail["msg"]) for detail in error.errors()]
    raise RequestError("\n".join(f"{where}: {problem}" for problem in problems))


def _sentence(kind: str, place: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        table = {1: Settings, 2: RedactRules}.get(len(place), CustomRule)
        return f'unknown setting "{name}". {did_you_mean(str(place[-1]), table.model_fields)}'
    return f"{name}: {message}" if name else message
