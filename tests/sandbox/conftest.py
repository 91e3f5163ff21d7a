"""What the tests of sandboxes share."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from agenteval.core.ports import Sandbox
from agenteval.sandbox import SandboxLimits, bubblewrap, local

MakeSandbox = Callable[[SandboxLimits], Sandbox]


@pytest.fixture
def bwrap() -> None:
    """For tests that need bubblewrap."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")


@pytest.fixture(params=["bubblewrap", "local"])
def make_sandbox(request: pytest.FixtureRequest) -> MakeSandbox:
    """Makes sandboxes of one provider."""
    if request.param == "bubblewrap":
        request.getfixturevalue("bwrap")
        return bubblewrap
    return local
