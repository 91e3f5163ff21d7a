"""Editable installs expose the package alone.

In a wheel, the suites lie inside the package under another name. hatchling refuses such a rename when it installs from
the checkout; there the catalogue finds the suites beside the package, so nothing needs to be mapped.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PackageAlone(BuildHookInterface):
    """Leaves everything but the package out of an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Narrow what is included before hatchling looks at it."""
        del build_data
        if version == "editable":
            self.build_config.target_config["only-include"] = ["agenteval"]
            self.build_config.target_config["sources"] = {}
