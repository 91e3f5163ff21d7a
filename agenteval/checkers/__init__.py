"""The check language: what users write, what it means, what it found.

`parse` makes checks of what stands under `checks:`; the functions named like the checks make the same ones in Python.
A check answers `pass`, `fail` or `unknown` and names the steps; many checks over one trajectory share a `View`.
"""

from __future__ import annotations

from agenteval.checkers.catalogue import CheckDoc, catalogue
from agenteval.checkers.check import Check
from agenteval.checkers.forms import (
    all_,
    any_,
    at_least,
    at_most,
    budget,
    calls,
    exactly,
    matches,
    never,
    no_errors,
    no_loops,
    not_,
    only_changes,
    precedes,
    responds,
    rubric,
    says,
    state,
)
from agenteval.checkers.parse import parse
from agenteval.checkers.view import View

__all__ = [
    "Check",
    "CheckDoc",
    "View",
    "all_",
    "any_",
    "at_least",
    "at_most",
    "budget",
    "calls",
    "catalogue",
    "exactly",
    "matches",
    "never",
    "no_errors",
    "no_loops",
    "not_",
    "only_changes",
    "parse",
    "precedes",
    "responds",
    "rubric",
    "says",
    "state",
]
