"""A suite's `solutions/` in, its reference runs and bad runs out.

solution: retail/refund-late                      the scenario that it is a run of
steps:
  - call: {lookup_order: {order: "1187"}}
  - maybe: {say: Who am I speaking with?}         left out where it does not apply
  - say: I have refunded 42.50.
fails: [no-second-refund]                         in `bad-*.yaml` alone: the checks that must fail
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import Field

from agenteval._util.names import did_you_mean
from agenteval.core.json import Json
from agenteval.core.scenario import Suite
from agenteval.errors import ScenarioError
from agenteval.intake.catalogue import scenario_files, yaml_files
from agenteval.intake.written import Id, Text, Written, examine, listing, mapping, prefix, quoted
from agenteval.intake.yaml import Document, Trail, kind_of, load_yaml

BAD = "bad-"
FOLDER = "solutions"
_DEEPEST_MAYBE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Say this to the user."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call this tool with these arguments."""

    tool: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maybe:
    """A step that a right run may leave out."""

    step: Step


Step: TypeAlias = Say | Call | Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A run written down beforehand.

    Attributes:
        scenario: Id of the scenario that it is a run of.
        fails: Ids of the checks that must fail; empty for a reference run, which must pass.
        source: The file that it was read from.
    """

    scenario: str
    steps: tuple[Step, ...]
    fails: tuple[str, ...] = ()
    source: str | None = None


class _SolutionShape(Written):
    solution: Id
    steps: list[Any]
    fails: list[Text] = Field(default_factory=list[str])


def load_solutions(suite: Suite) -> list[Solution]:
    """Every run in the `solutions/` of a suite's folder that is one of the suite's scenarios, by file name.

    Raises:
        ScenarioError: Files that are wrong, all of them listed with file and line.
    """
    folder = None if suite.root is None else Path(suite.root) / FOLDER
    if folder is None or not folder.is_dir():
        return []
    found: list[Solution] = []
    errors: list[ScenarioError] = []
    ids = {scenario.id for scenario in suite.scenarios}
    for path in yaml_files(folder):
        try:
            document = load_yaml(path)
            found.append(read_solution(document, bad=path.name.startswith(BAD)))
            if found[-1].scenario not in ids:
                ids |= _ids_in(folder.parent)  # the suite may hold a selection of its folder's scenarios
                _check_scenario(found[-1].scenario, ids, document)
        except ScenarioError as error:
            errors.append(error)
    if errors:
        raise listing(errors)
    chosen = {scenario.id for scenario in suite.scenarios}
    return [solution for solution in found if solution.scenario in chosen]


def _ids_in(folder: Path) -> set[str]:
    ids: set[str] = set()
    for path in scenario_files(folder):
        try:
            written = mapping(load_yaml(path).data)
        except ScenarioError:
            continue  # told of where the suite is loaded
        if written is not None and isinstance(written.get("scenario"), str):
            ids.add(written["scenario"])
    return ids


def _check_scenario(scenario: str, known: set[str], document: Document) -> None:
    if scenario not in known:
        message = f'solution: there is no scenario "{scenario}" in this suite. {did_you_mean(scenario, known)}'
        raise document.error(message, ("solution",))


def read_solution(document: Document, *, bad: bool) -> Solution:
    """A solution document as a value. Raises ScenarioError that lists all that is wrong."""
    shape, errors = examine(_SolutionShape, document)
    if shape is None:
        raise listing(errors)
    steps: list[Step] = []
    for index, written in enumerate(shape.steps):
        try:
            steps.append(_step(written, document, ("steps", index)))
        except ScenarioError as error:
            errors.append(error)
    if bad and not shape.fails:
        message = f'a file named {BAD}* is a run that must fail: "fails" names the checks that catch it'
        errors.append(document.error(message, ("fails",)))
    if shape.fails and not bad:
        message = f"fails: a reference run passes every check; name the file {BAD}* if this one must fail"
        errors.append(document.error(message, ("fails",)))
    if errors:
        raise listing(errors)
    return Solution(scenario=shape.solution, steps=tuple(steps), fails=tuple(shape.fails), source=document.file)


def _step(written: Any, document: Document, path: Trail, depth: int = 0) -> Step:
    members = mapping(written)
    if members is None or len(members) != 1:
        shown = f"{len(members)} keys" if members is not None else f"{quoted(written)} ({kind_of(written)})"
        raise document.error(f"{prefix(path)}a step is one of say, call and maybe, not {shown}", path)
    name, content = next(iter(members.items()))
    inner = (*path, name)
    if name == "say":
        return _say(content, document, inner)
    if name == "call":
        return _call(content, document, inner)
    if name == "maybe":
        if depth == _DEEPEST_MAYBE:
            raise document.error(f"{prefix(path)}maybe is nested more than {_DEEPEST_MAYBE} deep", inner)
        return Maybe(step=_step(content, document, inner, depth + 1))
    raise document.error(f'{prefix(path)}unknown step "{name}". {did_you_mean(name, ("say", "call", "maybe"))}', inner)


def _say(content: Any, document: Document, path: Trail) -> Say:
    if not isinstance(content, str) or not content.strip():
        raise document.error(f"{prefix(path)}must be text, not {quoted(content)} ({kind_of(content)})", path)
    return Say(text=content)


def _call(content: Any, document: Document, path: Trail) -> Call:
    members = mapping(content)
    if members is not None and len(members) == 1:
        tool, given = next(iter(members.items()))
        arguments = mapping(given)
        if arguments is not None:
            return Call(tool=tool, arguments=arguments)
    raise document.error(
        f"{prefix(path)}must be one tool with an object of its arguments, such as "
        f'{{lookup_order: {{order: "1187"}}}} or {{list_orders: {{}}}}, not {quoted(content)}',
        path,
    )
