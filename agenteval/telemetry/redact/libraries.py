"""The libraries of the extra `redact`, each imported when it is first needed."""

from __future__ import annotations

import importlib
from typing import Any

from agenteval.errors import MissingExtra


def library(name: str) -> Any:
    """The module of that name.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"redaction needs {name.partition('.')[0]}, which is not installed ({error}); install agenteval[redact]"
        ) from error
