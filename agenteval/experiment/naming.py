"""Which attributes name what: as a run keeps it, so that what was made of its spans can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final

from agenteval.core.json import Json
from agenteval.core.outcome import Run
from agenteval.intake.serving import ServeNaming
from agenteval.telemetry.conversations import Naming

EVERY_OTHER: Final = "*"
"""The project that stands for every one that is not named."""

_KEY: Final = "naming"


def settings_of(naming: Naming) -> dict[str, Json]:
    """A naming as a part of a run's settings."""
    return {_KEY: {name: list(attributes) for name, attributes in asdict(naming).items()}}


def naming_of(run: Run) -> Naming:
    """What a run's settings say of it; the dialects' own where they say nothing."""
    named = run.settings.get(_KEY)
    if not isinstance(named, Mapping):
        return Naming()
    return Naming(
        **{key: tuple(str(name) for name in names) for key, names in named.items() if isinstance(names, (list, tuple))}
    )


def namings(tables: Iterable[ServeNaming]) -> dict[str, Naming]:
    """What is configured, by project."""
    defaults = Naming()
    return {
        one.project: Naming(
            session=one.session, user=one.user, version=one.version or defaults.version, tenant=one.tenant
        )
        for one in tables
    }


def naming_for(project: str, known: Mapping[str, Naming]) -> Naming | None:
    """What is configured for a project, else for every other one; None where nothing is."""
    return known.get(project) or known.get(EVERY_OTHER)
