"""Places where an agent's commands run: `bubblewrap`, which isolates them, and `local`, which does not."""

from __future__ import annotations

from agenteval.core.sandbox import Completed, FileEntry, Isolation, Listing
from agenteval.errors import SandboxError
from agenteval.sandbox.bubblewrap import bubblewrap
from agenteval.sandbox.limits import SandboxLimits
from agenteval.sandbox.local import local

__all__ = [
    "Completed",
    "FileEntry",
    "Isolation",
    "Listing",
    "SandboxError",
    "SandboxLimits",
    "bubblewrap",
    "local",
]
