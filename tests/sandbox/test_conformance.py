"""Both providers sit the public exam."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import pytest

from agenteval.testing import sandboxes
from agenteval.testing.sandboxes import SANDBOX_CHECKS, MakeSandbox


@pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=lambda check: check.__name__)
async def test_a_sandbox_passes(check: Callable[[MakeSandbox], Awaitable[None]], make_sandbox: MakeSandbox):
    await check(make_sandbox)


def test_the_exam_lists_every_check_of_the_module():
    written = [
        value
        for name, value in vars(sandboxes).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_") and value.__module__ == sandboxes.__name__
    ]
    assert [*written[1:]] == [*SANDBOX_CHECKS]
