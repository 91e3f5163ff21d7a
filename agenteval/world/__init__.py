"""Simulated systems and users."""
