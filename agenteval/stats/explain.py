"""A method's name in, one sentence for readers out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "wilson": "Wilson score interval; takes every trial as independent.",
        "clopper_pearson": "Exact (Clopper-Pearson) binomial interval; takes every trial as independent.",
        "clustered_t": "Mean with a standard error clustered by scenario (CR2) and Student's t (Satterthwaite).",
        "clopper_pearson_scenarios": (
            "Every scenario gave the same rate: exact (Clopper-Pearson) bound on the share of scenarios that would not."
        ),
        "wilson_one_scenario": "Wilson score interval over the trials of one scenario; speaks of that scenario only.",
        "undetermined": "No interval: an unbounded mean needs two or more scenarios whose means differ.",
        "nothing_counted": "Nothing was counted, so there is neither estimate nor interval.",
        "paired_clustered": "Mean over shared scenarios of the difference of their pass rates, with Student's t.",
        "paired_clopper_pearson": (
            "Every shared scenario gave the same difference: "
            "exact (Clopper-Pearson) bound on the share of scenarios that would not."
        ),
        "newcombe_one_scenario": "Newcombe's hybrid score interval over the trials of one scenario; of that one only.",
        "sign_flip_exact": "Two-sided sign-flip test over the scenarios' differences, all sign patterns enumerated.",
        "sign_flip_monte_carlo": "Two-sided sign-flip test over the scenarios' differences, sign patterns drawn.",
    }
)
"""Every name that an interval's or a test's method can have, with what it means."""
