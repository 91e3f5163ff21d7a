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
            _pass_over_in_pytest()


def _pass_over_in_pytest() -> None:
    """Say in the module that maps the package, in the way that pytest reads, that its asserts are not to be rewritten.

    That module is imported when Python starts, before pytest could. As agenteval is a pytest plugin, pytest would warn
    of it in every run.
    """
    from editables import EditableProject  # noqa: PLC0415 (there only where an editable install is built)

    written = EditableProject.bootstrap_file
    EditableProject.bootstrap_file = lambda project: f'"""PYTEST_DONT_REWRITE"""\n{written(project)}'
