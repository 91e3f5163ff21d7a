"""What stands in docker/: the Dockerfile's instructions, the compose file, the Kubernetes objects."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
MANIFESTS = sorted((DOCKER / "kubernetes").glob("*.yaml"))


def load(path: Path) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))


class Dockerfile:
    """Instructions in order, and what those of the last stage say."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", self.text, flags=re.MULTILINE))
        self.instructions = [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]
        last = max(index for index, (name, _) in enumerate(self.instructions) if name == "FROM")
        self.last_stage = self.instructions[last:]

    def all(self, name: str) -> list[str]:
        """The arguments of every instruction of that name, in all stages."""
        return [rest for given, rest in self.instructions if given == name]

    def one(self, name: str) -> str:
        """The arguments of the one instruction of that name in the last stage."""
        (rest,) = [rest for given, rest in self.last_stage if given == name]
        return rest

    @property
    def env(self) -> dict[str, str]:
        """The environment of the last stage."""
        return dict(word.split("=", 1) for word in shlex.split(self.one("ENV")))


@pytest.fixture(scope="session")
def dockerfile() -> Dockerfile:
    return Dockerfile(DOCKER / "Dockerfile")


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    (only,) = load(DOCKER / "compose.yaml")
    return only


@pytest.fixture(scope="session")
def objects() -> dict[str, dict[str, Any]]:
    """Every Kubernetes object, by kind."""
    found = [each for path in MANIFESTS for each in load(path)]
    by_kind = {each["kind"]: each for each in found}
    assert len(by_kind) == len(found)
    return by_kind


@pytest.fixture(scope="session")
def pod(objects: dict[str, Any]) -> dict[str, Any]:
    """The pod that the Deployment makes."""
    return objects["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="session")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    """Its one container."""
    (only,) = pod["containers"]
    return only
