"""The demonstration company's first night, as `make nightly` gives it, without Airflow."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from extractors.core.settings import Settings, read_settings
from simulator.server import start
from tests.nights.hubspot import settings_for
from tests.nights.night import run_night


def first_night(place: Path) -> Settings:
    """Loads, builds and publishes it below `place`; returns its settings. The same company, hence the same figures, every time."""
    with start(place / "company", size="small") as simulation:
        settings = settings_for(place / "home", simulation)
        run_night(settings, "hubspot")
    return settings


def first_night_of_all(factory: pytest.TempPathFactory) -> Settings:
    """The same, once for a whole run of the tests: of several workers the first makes it and the others wait."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demonstration"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = read_settings(home_dir=place / "home", simulated_time=True, _env_file=None)
        return settings if (settings.published_dir / "marts.duckdb").exists() else first_night(place)
