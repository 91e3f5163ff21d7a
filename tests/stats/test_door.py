"""The package's door: what it exports, what importing it costs, that its examples are true, that it explains itself."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys

import pytest

from agenteval import stats
from agenteval.stats import clustered, compare, intervals, repeats, required

ASKED = """
import json, sys
from agenteval import stats
before = sorted({"numpy", "scipy"} & sys.modules.keys())
stats.wilson(1, 2), stats.pass_at_k(2, 1, 1)
after = sorted({"numpy", "scipy"} & sys.modules.keys())
print(json.dumps([before, after]))
"""


def test_importing_stats_loads_neither_numpy_nor_scipy():
    found = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [[], ["numpy", "scipy"]]


def test_what_is_exported():
    assert list(stats.__all__) == [
        "METHODS",
        "Comparison",
        "Repeats",
        "Requirement",
        "clopper_pearson",
        "clustered_mean",
        "over_scenarios",
        "paired_difference",
        "pass_at_k",
        "pass_hat_k",
        "pass_rate",
        "requirement",
        "wilson",
    ]
    assert all(hasattr(stats, name) for name in stats.__all__)


@pytest.mark.parametrize("module", [clustered, compare, intervals, repeats, required])
def test_examples_in_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_every_method_is_explained_and_every_explanation_used():
    many = {f"s{index:02}": (index % 2, 1) for index in range(44)}
    none = dict.fromkeys(many, (0, 1))
    used = [
        stats.wilson(1, 2).method,
        stats.clopper_pearson(1, 2).method,
        stats.pass_rate(many).method,
        stats.pass_rate(none).method,
        stats.pass_rate({"only": (1, 2)}).method,
        stats.pass_rate({}).method,
        stats.clustered_mean({"only": [3.0]}, bounds=None).method,
        stats.paired_difference(many, none).difference.method,
        stats.paired_difference(none, none).difference.method,
        stats.paired_difference({"only": (1, 2)}, {"only": (1, 2)}).difference.method,
        stats.paired_difference(none, none).p_method,
        stats.paired_difference(many, none).p_method,
    ]
    assert sorted(used) == sorted(stats.METHODS)
