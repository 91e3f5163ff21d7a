"""The composition root: plan, trials, judgements, comparison."""
