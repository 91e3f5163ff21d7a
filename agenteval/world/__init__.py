"""Simulated systems and users: what a suite's `world.py` and `user:` are made of."""

from __future__ import annotations

from agenteval.errors import ToolError
from agenteval.world.state_world import StateWorld
from agenteval.world.tools import Toolset, tool
from agenteval.world.users import parse_user

__all__ = ["StateWorld", "ToolError", "Toolset", "parse_user", "tool"]
