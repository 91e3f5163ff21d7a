"""Keeps spans, trajectories, trials, labels and findings."""
