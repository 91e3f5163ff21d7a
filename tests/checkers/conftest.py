"""Checks as they stand in YAML."""

import pytest
from ruamel.yaml import YAML

from agenteval.checkers import parse


@pytest.fixture
def check():
    """One check from its YAML text."""

    def build(text, **keywords):
        return parse([YAML(typ="safe").load(text)], **keywords)[0]

    return build


@pytest.fixture
def example(check):
    """The check of a catalogue entry's example."""
    return lambda doc: check(doc.example)
