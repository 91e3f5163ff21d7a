"""Keeps spans, trajectories and what was concluded of them: in memory (the reference), in SQLite, in PostgreSQL."""

from __future__ import annotations

from agenteval.store.opening import FOLDER, open_store, prepare_folder, shown_name

__all__ = ["FOLDER", "open_store", "prepare_folder", "shown_name"]
