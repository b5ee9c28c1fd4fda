"""The demonstration company's first night, as `make nightly` gives it, without Airflow."""

from __future__ import annotations

from pathlib import Path

from extractors.core.settings import Settings
from simulator.server import start
from tests.nights.hubspot import settings_for
from tests.nights.night import run_night


def first_night(place: Path) -> Settings:
    """Loads, builds and publishes it below `place`; returns its settings. The same company, hence the same figures, every time."""
    with start(place / "company", size="small") as simulation:
        settings = settings_for(place / "home", simulation)
        run_night(settings, "hubspot")
    return settings
