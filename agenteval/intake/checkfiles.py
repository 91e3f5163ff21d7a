"""A checks file for stored traces in, its checks and the query that chooses the traces out.

where: {scenario: retail/refund-late, status: completed}      optional: run, scenario, agent, status, trajectory
assume_complete: true                                         optional: take what nobody counted to be complete
checks:
  - never: delete_account
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from agenteval._util.canonical import content_hash
from agenteval._util.loading import CodeLoader
from agenteval.core.outcome import TrialStatus
from agenteval.core.ports import Checker, Query
from agenteval.core.trajectory import Trajectory
from agenteval.errors import ScenarioError
from agenteval.intake.catalogue import code_loader
from agenteval.intake.scenarios import read_checks
from agenteval.intake.written import Text, Written, examine, listing, mapping
from agenteval.intake.yaml import load_yaml


class _WhereShape(Written):
    run: Text | None = None
    scenario: Text | None = None
    agent: Text | None = None
    status: TrialStatus | None = None
    trajectory: Text | None = None


class _CheckFileShape(Written):
    where: _WhereShape = _WhereShape()
    assume_complete: bool = False
    checks: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFile:
    """Checks to ask of stored trajectories.

    Attributes:
        where: Which trajectories; an empty query is all of them.
        assume_complete: Whether spans that nobody counted are taken to be all that there were.
        digest: Content hash of what was written, as far as it can change an outcome.
        source: The file that it was read from.
    """

    checks: tuple[Checker, ...]
    where: Query
    digest: str
    assume_complete: bool = False
    source: str | None = None

    def about(self, trajectory: Trajectory) -> Trajectory:
        """A trajectory as these checks take it."""
        if not self.assume_complete:
            return trajectory
        return replace(trajectory, integrity=trajectory.integrity.assumed_complete)


def load_checks(path: Path | str, loader: CodeLoader | None = None) -> CheckFile:
    """Read a checks file.

    Args:
        path: The file; a relative path starts from the loader's project.
        loader: Loads the code that checks name; one for the working folder unless given.

    Raises:
        NotFound: There is no such file.
        ScenarioError: All that is wrong in it, with file and line.
        CodeNotAllowed: It names code that may not run here.
    """
    loader = loader or code_loader()
    file = loader.project / path
    document = load_yaml(file)
    shape, errors = examine(_CheckFileShape, document)
    checks: tuple[Checker, ...] = ()
    items: Any = (mapping(document.data) or {}).get("checks")
    if isinstance(items, list):
        try:
            checks = read_checks(cast("list[Any]", items), document, ("checks",), base=file, loader=loader)
        except ScenarioError as error:
            errors.append(error)
    if shape is None or errors:
        raise listing(errors)
    where = shape.where.model_dump(exclude_none=True)
    assumed = {"assume_complete": True} if shape.assume_complete else {}
    return CheckFile(
        checks=checks,
        where=Query(**where),
        digest=content_hash({"where": where, "checks": [check.spec for check in checks], **assumed}),
        assume_complete=shape.assume_complete,
        source=document.file,
    )
