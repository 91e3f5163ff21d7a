"""A suite's name, a path or a reference in, a Suite of Scenarios out.

    retail                       a suite by name: the project's scenarios/retail, or a shipped one
    retail/refund-late           one of its scenarios
    retail/refund-*              those whose ids match; retail/tag:easy those with a tag
    ./my-suite                   a folder with a suite.yaml and one file a scenario
    ./my-suite/late.yaml         one scenario file, filled from the suite.yaml beside it where there is one
    ./my_suite.py                Python: its `suite` (a Suite) or `scenarios` (Scenarios)
    package.module:object        Python: a Suite, a Scenario, or several

The keys of `suite.yaml`: suite (its id, required), version, title, claims, does_not_claim, agents (name to reference)
and defaults, which holds any of world, instructions, limits, tags and user and fills the scenarios beside it: limits
key by key; user likewise, where a scenario's user answers from what it `knows`; tags are added; and null in a scenario
takes a default away.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from agenteval._util.loading import CodeLoader
from agenteval._util.names import did_you_mean
from agenteval._util.paths import is_file, is_folder, shown
from agenteval.core.scenario import Scenario, Suite
from agenteval.errors import NotFound, RequestError, ScenarioError
from agenteval.intake.catalogue import SUITE_FILE, code_loader, find_suite, scenario_files
from agenteval.intake.scenarios import Defaults, DefaultsShape, read_defaults, read_scenario
from agenteval.intake.written import Id, Text, Texts, Version, Written, listing, read
from agenteval.intake.yaml import Document, load_yaml

TAG = "tag:"
_PYTHON_NAMES = ("suite", "scenarios")
_GLOB = frozenset("*?[")


class _SuiteShape(Written):
    suite: Id
    version: Version = "1"
    title: str = ""
    claims: Texts = Field(default_factory=list[str])
    does_not_claim: Texts = Field(default_factory=list[str])
    agents: dict[str, Text] = Field(default_factory=dict[str, str])
    defaults: DefaultsShape = DefaultsShape()


def load_suite(ref: str | Path, loader: CodeLoader | None = None, *, select: Sequence[str] = ()) -> Suite:
    """The suite that was named.

    Args:
        ref: See the module's description. Relative paths start from the loader's project.
        loader: Loads the code that scenarios name; one for the working folder unless given.
        select: As `selected` takes them; empty is all.

    Raises:
        NotFound: There is no such suite or scenario; the message gives the nearest name.
        ScenarioError: Its files are wrong, all errors listed with file and line.
        CodeNotAllowed: It names code that may not run here.
        RequestError: Its Python code does not load, or gives something else.
    """
    return selected(_found(str(ref), loader or code_loader()), select)


def load_scenario(ref: str | Path, loader: CodeLoader | None = None) -> Scenario:
    """The one scenario that was named, by file, id or reference. Raises as `load_suite` does."""
    suite = load_suite(ref, loader)
    if len(suite.scenarios) == 1:
        return suite.scenarios[0]
    ids = ", ".join(scenario.id for scenario in suite.scenarios[:5])
    raise NotFound(
        f'"{ref}" names {len(suite.scenarios)} scenarios, and one is wanted. Name one of them, such as {ids}.'
    )


def selected(suite: Suite, patterns: Sequence[str]) -> Suite:
    """The suite with those of its scenarios alone that any pattern matches, in their order; all where there is none.

    Args:
        suite: The suite to choose from.
        patterns: Ids or globs, with or without the suite's name in front, or `tag:NAME`.

    Raises:
        NotFound: A pattern matches nothing.
    """
    if not patterns:
        return suite
    chosen: set[str] = set()
    for pattern in patterns:
        matching = {scenario.id for scenario in suite.scenarios if _matches(scenario, pattern, suite.id)}
        if not matching:
            known = {f"{TAG}{tag}" for scenario in suite.scenarios for tag in scenario.tags}
            if not pattern.startswith(TAG):
                known = {scenario.id for scenario in suite.scenarios}
            raise NotFound(f'no scenario of {suite.id} matches "{pattern}". {did_you_mean(pattern, known)}')
        chosen |= matching
    return replace(suite, scenarios=tuple(scenario for scenario in suite.scenarios if scenario.id in chosen))


def scenario_of(written: Mapping[str, Any], *, base: Path | str, loader: CodeLoader | None = None) -> Scenario:
    """A scenario from Python, by the keys of a scenario file; it is equal to the one of such a file.

    Args:
        written: The keys and values. Among the checks may be check objects.
        base: The file or folder that references in it are relative to, such as `__file__`.
        loader: Loads the code that it names; one for the working folder unless given.

    Raises:
        ScenarioError: All that is wrong with it.
        CodeNotAllowed: It names code that may not run here.
    """
    document = Document(data=dict(written), lines={})
    return read_scenario(document, base=Path(base), loader=loader or code_loader())


def _matches(scenario: Scenario, pattern: str, suite: str) -> bool:
    if pattern.startswith(TAG):
        return pattern.removeprefix(TAG) in scenario.tags
    return any(fnmatch.fnmatchcase(scenario.id, each) for each in (pattern, f"{suite}/{pattern}"))


def _found(ref: str, loader: CodeLoader) -> Suite:
    path = loader.project / ref
    if is_file(path):
        return _from_file(path, ref, loader)
    if is_file(path / SUITE_FILE):
        return _from_folder(path, loader)
    if ":" in ref and f"/{TAG}" not in ref:
        return _from_python(ref, loader)
    within = None if is_folder(path) else _within_a_suite(ref, loader)
    return within or _from_folder(find_suite(ref, loader.project), loader)


def _within_a_suite(ref: str, loader: CodeLoader) -> Suite | None:
    """What `suite/pattern` names, where a suite is meant by what is in front of one of the slashes."""
    parts = ref.split("/")
    for length in range(len(parts) - 1, 0, -1):
        try:
            folder = find_suite("/".join(parts[:length]), loader.project)
        except NotFound:
            continue
        return _of_a_suite(folder, "/".join(parts[length:]), loader)
    return None


def _from_file(path: Path, ref: str, loader: CodeLoader) -> Suite:
    if path.name == SUITE_FILE:
        return _from_folder(path.parent, loader)
    if path.suffix in {".yaml", ".yml"}:
        return _of_one_file(path, loader)
    if path.suffix == ".py":
        return _from_python(ref, loader)
    raise RequestError(f"{ref} is neither a scenario ({SUITE_FILE}, NAME.yaml) nor a Python file")


def _of_a_suite(folder: Path, pattern: str, loader: CodeLoader) -> Suite:
    """Those scenarios of a folder that a pattern matches; where it is the name of a file, only that file is read."""
    file = folder / f"{pattern}.yaml"
    if _GLOB.isdisjoint(pattern) and is_file(file):
        suite = _of_one_file(file, loader)
        if suite.scenarios[0].id == f"{suite.id}/{pattern}":
            return suite
    return selected(_from_folder(folder, loader), [pattern])


def _of_one_file(path: Path, loader: CodeLoader) -> Suite:
    folder = path.parent
    suite, defaults = _header(folder, loader) if is_file(folder / SUITE_FILE) else (Suite(id=""), Defaults())
    scenario = read_scenario(load_yaml(path), base=path, loader=loader, defaults=defaults)
    name = suite.id or scenario.id.rpartition("/")[0] or scenario.id
    return replace(suite, id=name, scenarios=(scenario,), root=str(folder.resolve()))


def _from_folder(folder: Path, loader: CodeLoader) -> Suite:
    suite, defaults = _header(folder, loader)
    scenarios: dict[str, Scenario] = {}
    errors: list[ScenarioError] = []
    for path in scenario_files(folder):
        try:
            document = load_yaml(path)
            scenario = read_scenario(document, base=path, loader=loader, defaults=defaults)
            if scenario.id in scenarios:
                other = scenarios[scenario.id].source
                message = f'scenario: "{scenario.id}" is the id of {other} too; give one of them another'
                raise document.error(message, ("scenario",))
            scenarios[scenario.id] = scenario
        except ScenarioError as error:
            errors.append(error)
    if errors:
        raise listing(errors)
    if not scenarios:
        raise ScenarioError(
            "has no scenarios: write one in a YAML file of its own beside it", file=shown(folder / SUITE_FILE)
        )
    return replace(suite, scenarios=tuple(scenarios.values()))


def _header(folder: Path, loader: CodeLoader) -> tuple[Suite, Defaults]:
    """What `suite.yaml` says: the suite, still without scenarios, and what it fills them with."""
    path = folder / SUITE_FILE
    document = load_yaml(path)
    shape = read(_SuiteShape, document)
    defaults = read_defaults(shape.defaults, document, suite=shape.suite, base=path, loader=loader)
    suite = Suite(
        id=shape.suite,
        version=shape.version,
        title=shape.title,
        claims=tuple(shape.claims),
        does_not_claim=tuple(shape.does_not_claim),
        agents=shape.agents,
        root=str(folder.resolve()),
    )
    return suite, defaults


def _from_python(ref: str, loader: CodeLoader) -> Suite:
    if ":" in ref:
        return _as_suite(loader.load(ref, relative_to=loader.project), ref, loader)
    for name in _PYTHON_NAMES:
        try:
            found = loader.load(f"{ref}:{name}", relative_to=loader.project)
        except NotFound:
            continue
        return _as_suite(found, f"{ref}:{name}", loader)
    raise NotFound(f"{ref} has neither `suite` (a Suite) nor `scenarios` (Scenarios); or name another: {ref}:object")


def _as_suite(found: object, ref: str, loader: CodeLoader) -> Suite:
    target = ref.rpartition(":")[0]
    file = loader.project / target
    root = str(file.resolve().parent) if is_file(file) else None
    if isinstance(found, Suite):
        suite = found if found.root is not None else replace(found, root=root)
    else:
        scenarios: Any = (found,) if isinstance(found, Scenario) else found
        if not isinstance(scenarios, (list, tuple)):
            raise RequestError(
                f"{ref} is of type {type(found).__name__}; a Suite, a Scenario or a list of them is wanted"
            )
        name = Path(target).stem if target.endswith(".py") else target.rpartition(".")[2]
        suite = Suite(id=name, scenarios=tuple(cast("list[Scenario]", scenarios)), root=root)
    _check_scenarios(suite, ref)
    return suite


def _check_scenarios(suite: Suite, ref: str) -> None:
    """What a file could not have said wrong."""
    ids: set[str] = set()
    for each in suite.scenarios:
        if not isinstance(each, Scenario):
            raise RequestError(f"{ref} holds something of type {type(each).__name__} where a Scenario is wanted")
        if each.id in ids:
            raise RequestError(f'{ref}: two scenarios have the id "{each.id}"; give one of them another')
        ids.add(each.id)
    if not ids:
        raise RequestError(f"{ref} has no scenarios")
