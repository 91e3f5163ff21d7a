"""A scenario as written in, a Scenario out; whatever is wrong in it is listed with file and line.

The keys of a scenario, of which `scenario`, `checks`, and one of `task` and `user` are required:

    scenario      its id, which begins with the suite's: retail/refund-late
    version       `1` unless given
    task          what an agent without a user is told
    user          the other side of the conversation
    intent        what is really wanted; never shown to an agent
    instructions  the policy that the agent is given: text, or a file such as ./policy.md
    world         code that builds the simulated systems, such as ./world.py:Retail
    faults        how tools misbehave, see `intake.faults`
    limits        turns, calls, tokens, seconds, usd
    checks        what is right in it
    tags          names to select by
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import Field

from agenteval._util.loading import CodeLoader
from agenteval._util.paths import shown
from agenteval.checkers import parse
from agenteval.core.json import Json
from agenteval.core.ports import Checker, World
from agenteval.core.scenario import Fault, Limits, Scenario, UserRef, WorldRef
from agenteval.errors import AgentEvalError, CodeNotAllowed, RequestError, ScenarioError, WorldError
from agenteval.intake.faults import FaultShape, read_faults
from agenteval.intake.written import (
    Id,
    LimitsShape,
    Text,
    Texts,
    Version,
    Written,
    dotted,
    examine,
    listing,
    mapping,
    prefix,
)
from agenteval.intake.yaml import Document, Trail, file_text
from agenteval.world.users import parse_user

T = TypeVar("T")

_TEXT_FILES = (".md", ".txt")
_MOST_ERRORS = 20
_WORLD = ("tools", "call", "changes", "state", "snapshot", "restore")
_UNKNOWN_KEY = re.compile('unknown key "([^"]+)"')


class DefaultsShape(Written):
    """`defaults:` of a suite, with the keys of a scenario."""

    world: Text | None = None
    instructions: Text | None = None
    limits: LimitsShape = LimitsShape()
    tags: Texts = Field(default_factory=list[str])
    user: dict[str, Any] = Field(default_factory=dict[str, Any])


class _ScenarioShape(Written):
    scenario: Id
    version: Version = "1"
    task: Text | None = None
    user: Any = None
    intent: Text | None = None
    instructions: Text | None = None
    world: Text | None = None
    faults: list[FaultShape] = Field(default_factory=list[FaultShape])
    limits: LimitsShape | None = LimitsShape()
    checks: list[Any]
    tags: Texts = Field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a suite fills its scenarios with.

    Attributes:
        suite: The suite's id, with which the ids of its scenarios begin; None where there is no suite around.
        document: Where the defaults were written.
    """

    suite: str | None = None
    world: WorldRef | None = None
    instructions: str | None = None
    limits: Limits = field(default_factory=Limits)
    tags: tuple[str, ...] = ()
    user: Mapping[str, Json] = field(default_factory=dict[str, Json])
    document: Document | None = None


def read_scenario(document: Document, *, base: Path, loader: CodeLoader, defaults: Defaults | None = None) -> Scenario:
    """A scenario document as a value.

    Args:
        document: What was written.
        base: The file or folder that paths and references in it are relative to.
        loader: Loads the code that it names.
        defaults: What its suite fills it with.

    Raises:
        CodeNotAllowed: It names code that may not run here.
        ScenarioError: All that is wrong, each with file and line.
    """
    return _Reading(document, base, loader, defaults or Defaults()).scenario()


def read_defaults(shape: DefaultsShape, document: Document, *, suite: str, base: Path, loader: CodeLoader) -> Defaults:
    """The `defaults:` of a suite document as values. Raises as `read_scenario` does."""
    place: Trail = ("defaults",)
    errors: list[ScenarioError] = []
    world = instructions = None
    try:
        world = shape.world and world_of(shape.world, document, (*place, "world"), base=base, loader=loader)
    except ScenarioError as error:
        errors.append(error)
    try:
        instructions = shape.instructions and _instructions(
            shape.instructions, document, (*place, "instructions"), base=base, loader=loader
        )
    except ScenarioError as error:
        errors.append(error)
    if errors:
        raise listing(errors)
    return Defaults(
        suite=suite,
        world=world or None,
        instructions=instructions,
        limits=shape.limits.over(Limits()),
        tags=tuple(dict.fromkeys(shape.tags)),
        user=shape.user,
        document=document,
    )


def read_checks(
    items: list[Any], document: Document, path: Trail, *, base: Path, loader: CodeLoader
) -> tuple[Checker, ...]:
    """The checks of a scenario or of a checks file; from Python, check objects among them stay as they are.

    Raises:
        CodeNotAllowed: A check names code that may not run here.
        ScenarioError: All that is wrong, each with file and line.
    """

    def load_code(ref: str) -> object:
        return loader.load(ref, relative_to=base)

    if not items:
        raise document.error(f"{dotted(path)}: is empty; at least one check is needed", path)
    objects = {index: cast("Checker", each) for index, each in enumerate(items) if _is_check(each)}
    written = [_stand_in(index) if index in objects else each for index, each in enumerate(items)]
    errors: list[ScenarioError] = []
    while len(errors) < _MOST_ERRORS:
        try:
            parsed = parse(written, path=path, load_code=load_code)
        except ScenarioError as error:
            errors.append(_located(error, document))
            index = error.path[len(path)] if len(error.path) > len(path) else None
            if not isinstance(index, int) or written[index] == _stand_in(index):
                break
            written[index] = _stand_in(index)  # so that the others are looked at too
        else:
            if errors:
                break
            return _once(tuple(objects.get(index, check) for index, check in enumerate(parsed)), document, path)
    raise listing(errors)


def _stand_in(index: int) -> dict[str, Json]:
    return {"no_errors": {}, "id": f"stands-in-{index}"}


def _is_check(written: object) -> bool:
    return callable(getattr(written, "check", None)) and hasattr(written, "spec")


def _once(checks: tuple[Checker, ...], document: Document, path: Trail) -> tuple[Checker, ...]:
    """The checks, once it is known that no two have one id: findings go by it."""
    ids = [check.id for check in checks]
    for index, each in enumerate(ids):
        if each in ids[:index]:
            inner = (*path, index)
            raise document.error(
                f'{dotted(inner)}: its id "{each}" is that of another check; give it one of its own', inner
            )
    return checks


def world_of(ref: str, document: Document, path: Trail, *, base: Path, loader: CodeLoader) -> WorldRef:
    """A reference to a world, whose code is hashed now and runs when the first world is made."""

    def make(seed: int) -> World:
        factory = _blamed(lambda: loader.load_callable(ref, relative_to=base), document, path)
        try:
            world = factory(seed)
        except AgentEvalError:
            raise
        except Exception as error:
            why = f"{prefix(path)}{ref}({seed}) raised {type(error).__name__}: {error}"
            raise WorldError(str(document.error(why, path))) from error
        lacking = [f"{name}()" for name in _WORLD if not callable(getattr(world, name, None))]
        if lacking:
            why = f"{prefix(path)}{ref}({seed}) gives no world: {type(world).__name__} has no {', '.join(lacking)}"
            raise document.error(why, path)
        return world

    digest = _blamed(lambda: loader.digest(ref, base), document, path)
    return WorldRef(ref=ref, digest=digest, make=make)


def _instructions(text: str, document: Document, path: Trail, *, base: Path, loader: CodeLoader) -> str:
    if not _names_a_file(text):
        return text
    folder = base if base.is_dir() else base.parent
    file = folder / text
    if not (file.resolve().is_relative_to(folder.resolve()) or loader.allows(file)):
        # a suite from elsewhere must not hand any file of this machine to a model
        raise document.error(f"{prefix(path)}{shown(file)} lies outside the suite's folder and the project", path)
    return _blamed(lambda: file_text(file, shown(file)), document, path)


def _names_a_file(text: str) -> bool:
    if "\n" in text:
        return False
    return text.startswith(("./", "../")) or (text.endswith(_TEXT_FILES) and not any(map(str.isspace, text)))


def _blamed(read: Callable[[], T], document: Document, path: Trail) -> T:
    """What `read` gives; what it refuses is told of with file and line."""
    try:
        return read()
    except CodeNotAllowed as error:
        raise CodeNotAllowed(str(document.error(f"{prefix(path)}{error}", path))) from error
    except RequestError as error:
        raise document.error(f"{prefix(path)}{error}", path) from error


def _located(error: ScenarioError, document: Document) -> ScenarioError:
    """The error of a part that knows no lines, with file and line. Raises CodeNotAllowed where that is behind it."""
    located = document.error(error.message, error.path)
    if isinstance(error.__cause__, CodeNotAllowed):
        raise CodeNotAllowed(str(located)) from error
    return located


class _Reading:
    """Reads one scenario, and goes on after what is wrong, so that all of it is told at once."""

    def __init__(self, document: Document, base: Path, loader: CodeLoader, defaults: Defaults) -> None:
        self._document = document
        self._base = base
        self._loader = loader
        self._defaults = defaults
        self._errors: list[ScenarioError] = []

    def scenario(self) -> Scenario:
        """The scenario, or an error that lists all that is wrong."""
        shape, self._errors = examine(_ScenarioShape, self._document)
        written = mapping(self._document.data)
        if written is None:
            raise listing(self._errors)
        wrong = {error.path[0] for error in self._errors if error.path}
        usable = {key: value for key, value in written.items() if key not in wrong}
        self._check_whole(usable, wrong)
        user = self._part(usable, "user", self._user)
        world = self._part(usable, "world", self._world, self._defaults.world)
        instructions = self._part(usable, "instructions", self._policy, self._defaults.instructions)
        checks = self._part(usable, "checks", self._checks, ())
        faults = () if shape is None else self._part({"faults": shape.faults}, "faults", self._faults, ())
        if shape is None or self._errors:
            raise listing(self._errors)
        return Scenario(
            id=shape.scenario,
            version=shape.version,
            task=shape.task,
            intent=shape.intent,
            instructions=instructions,
            world=world,
            user=user,
            faults=faults or (),
            limits=Limits() if shape.limits is None else shape.limits.over(self._defaults.limits),
            checks=checks or (),
            tags=tuple(dict.fromkeys((*self._defaults.tags, *shape.tags))),
            source=self._document.file,
            lines=self._lines(checks or (), faults or ()),
        )

    def _check_whole(self, usable: Mapping[str, Any], wrong: set[str | int]) -> None:
        """What no key can say alone."""
        if {"task", "user"}.isdisjoint(wrong):
            given = [key for key in ("task", "user") if usable.get(key) is not None]
            if not given:
                self._wrong('"task" or "user" is missing: what the agent is told, or who tells it')
            elif len(given) > 1:
                self._wrong('task: an agent hears "user" and never "task" where both are given. Remove one.', "task")
        suite, name = self._defaults.suite, usable.get("scenario")
        if suite is not None and isinstance(name, str) and not name.startswith(f"{suite}/"):
            self._wrong(f'scenario: "{name}" must begin with "{suite}/", the id of its suite', "scenario")

    def _wrong(self, message: str, *path: str) -> None:
        self._errors.append(self._document.error(message, path))

    def _part(
        self, usable: Mapping[str, Any], key: str, read: Callable[[Any], T], default: T | None = None
    ) -> T | None:
        if key not in usable:
            return default
        if usable[key] is None:  # null takes a default away
            return None
        try:
            return read(usable[key])
        except ScenarioError as error:
            self._errors.append(error)
            return None

    def _world(self, ref: str) -> WorldRef:
        return world_of(ref, self._document, ("world",), base=self._base, loader=self._loader)

    def _policy(self, text: str) -> str:
        return _instructions(text, self._document, ("instructions",), base=self._base, loader=self._loader)

    def _faults(self, shapes: list[FaultShape]) -> tuple[Fault, ...]:
        return read_faults(shapes, self._document)

    def _checks(self, items: list[Any]) -> tuple[Checker, ...]:
        return read_checks(items, self._document, ("checks",), base=self._base, loader=self._loader)

    def _lines(self, checks: tuple[Checker, ...], faults: tuple[Fault, ...]) -> dict[str, int]:
        """Where each check and fault stands; nothing of what was written in Python."""
        places: dict[str, Trail] = {check.id: ("checks", index) for index, check in enumerate(checks)}
        places |= {f"faults[{index}]": ("faults", index) for index in range(len(faults))}
        lines = self._document.lines
        return {name: lines[place] for name, place in places.items() if place in lines}

    def _user(self, written: Any) -> UserRef:
        spec = mapping(written)
        # a scripted user is whole as it stands: patience and the like belong to those that answer from what they know
        filled = (
            {**self._defaults.user, **spec}
            if spec is not None and not spec.keys().isdisjoint(("knows", "persona"))
            else written
        )
        try:
            return parse_user(filled, path=("user",))
        except ScenarioError as error:
            first, *others = error.message.split("\n")
            problems = [(first, error.path), *((line, self._trail_of(line)) for line in others)]
            raise listing([self._user_error(message, path) for message, path in problems]) from error

    def _trail_of(self, message: str) -> Trail:
        """The place in the document that a message begins with, such as `user.knows.order: …`."""
        trails = (trail for trail in self._document.lines if trail and message.startswith(f"{dotted(trail)}:"))
        trail = max(trails, key=len, default=("user",))
        unknown = _UNKNOWN_KEY.search(message)
        inner = (*trail, unknown[1]) if unknown else trail
        return inner if inner in self._document.lines else trail

    def _user_error(self, message: str, path: Trail) -> ScenarioError:
        suite = self._defaults.document
        if suite is not None and path not in self._document.lines and ("defaults", *path) in suite.lines:
            return suite.error(f"defaults.{message}", ("defaults", *path))
        return self._document.error(message, path)
