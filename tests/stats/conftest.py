"""Property tests here have no time limit and leave nothing behind: a loaded machine is not a failure."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("stats", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stats")
