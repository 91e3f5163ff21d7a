"""Counts in, estimates with intervals out. numpy and scipy are imported when first used."""

from agenteval.stats.clustered import clustered_mean, pass_rate
from agenteval.stats.compare import Comparison, paired_difference
from agenteval.stats.explain import METHODS
from agenteval.stats.intervals import clopper_pearson, wilson
from agenteval.stats.repeats import Repeats, over_scenarios, pass_at_k, pass_hat_k
from agenteval.stats.required import Requirement, requirement

__all__ = [
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
