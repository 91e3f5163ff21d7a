"""Trajectories and checks in, findings and scores out."""
