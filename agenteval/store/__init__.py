"""Keeps spans, trajectories and what was concluded of them: in memory (the reference) and in SQLite."""

from __future__ import annotations

from agenteval.store.opening import FOLDER, open_store, prepare_folder

__all__ = ["FOLDER", "open_store", "prepare_folder"]
