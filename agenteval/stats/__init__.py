"""Counts in, estimates with intervals out. numpy and scipy are imported when first used."""

from agenteval.stats.clustered import clustered_mean, pass_rate
from agenteval.stats.compare import Comparison, paired_difference
from agenteval.stats.explain import METHODS
from agenteval.stats.intervals import clopper_pearson, wilson
from agenteval.stats.repeats import Repeats, over_scenarios, pass_at_k, pass_hat_k

__all__ = [
    "METHODS",
    "Comparison",
    "Repeats",
    "clopper_pearson",
    "clustered_mean",
    "over_scenarios",
    "paired_difference",
    "pass_at_k",
    "pass_hat_k",
    "pass_rate",
    "wilson",
]
