"""Runs trials: sessions, limits, concurrency."""
