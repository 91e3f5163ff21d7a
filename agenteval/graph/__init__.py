"""Pure algorithms over trajectories."""
