"""Simulated systems and users: what a suite's `world.py` and `user:` are made of."""

from __future__ import annotations

from agenteval.errors import ToolError
from agenteval.world.file_state import File, Link, files_in
from agenteval.world.shell import ShellWorld
from agenteval.world.state_world import StateWorld
from agenteval.world.tools import Toolset, tool
from agenteval.world.users import parse_user

__all__ = ["File", "Link", "ShellWorld", "StateWorld", "ToolError", "Toolset", "files_in", "parse_user", "tool"]
