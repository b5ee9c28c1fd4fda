"""One home that all three CRMs are loaded into, and its nights."""

from __future__ import annotations

from pathlib import Path

from extractors.core.settings import Settings, read_settings
from simulator.salesforce.oauth import CLIENT_ID
from simulator.server import Simulation

CRMS = ("hubspot", "salesforce", "pipedrive")


def settings_for(home: Path, simulation: Simulation) -> Settings:
    """Settings of a home that extracts from all three CRMs of a simulation; ids are compared every third night."""
    return read_settings(
        home_dir=home,
        hubspot_token=simulation.token,
        hubspot_url=simulation.url,
        salesforce_url=simulation.url,
        salesforce_client_id=CLIENT_ID,
        salesforce_client_secret=simulation.token,
        pipedrive_token=simulation.token,
        pipedrive_url=simulation.url,
        simulated_time=True,
        sweep_days=3,
        _env_file=None,
    )
