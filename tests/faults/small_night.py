"""A night of the simulated HubSpot whose dbt project has a handful of models: seconds instead of a minute.

What the marts say is judged elsewhere; here it matters what lies where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractors.core.settings import Settings, read_settings
from simulator.server import Simulation, start
from tests import small_project
from watertight import night

TOKEN = "right-token"
DEALS = 60

MODELS = {
    "dim_deals.sql": """{{ config(database='marts', schema='main') }}
        select distinct on (_source_id) _source_id as source_deal_id, _is_deleted as is_deleted,
            cast(payload -> '$.properties' ->> 'amount' as decimal(18, 2)) as deal_amount
        from raw.hubspot__deals order by _source_id, _load_number desc, _record_number desc""",
    "fct_deal_contacts.sql": """{{ config(database='marts', schema='main') }}
        select distinct on (_source_id) _source_id as source_deal_id, cast(payload -> '$.associations' -> 'contacts' as varchar) as contacts
        from raw.hubspot__deals order by _source_id, _load_number desc, _record_number desc""",
    "dim_contact_details.sql": """{{ config(database='detail', schema='main') }}
        select distinct on (_source_id) _source_id as source_contact_id, payload -> '$.properties' ->> 'email' as email,
            payload -> '$.properties' ->> 'lastname' as full_name, payload -> '$.properties' ->> 'phone' as phone
        from raw.hubspot__contacts order by _source_id, _load_number desc, _record_number desc""",
}


@dataclass
class SmallNight:
    """A home, its simulated CRM, and the project that builds it while `in_force`."""

    place: Path
    simulation: Simulation

    @property
    def settings(self) -> Settings:
        return settings_of(self.place / "home", self.simulation)

    def run(self, after_landing: Callable[[Settings], Any] = lambda settings: None) -> str:
        """A whole night; returns its run. `after_landing` may change what has landed before it is loaded."""
        plan = night.plan(self.settings, None, one_process=True)
        try:
            for task in plan["tasks"]:
                night.extract(self.settings, task)
            after_landing(self.settings)
            night.load(self.settings, plan["run_id"])
            night.build(self.settings, plan["run_id"])
            night.verify(self.settings, plan["run_id"])
            night.publish(self.settings, plan["run_id"])
        finally:
            night.give_up(self.settings, plan["run_id"])
        return str(plan["run_id"])


def settings_of(home: Path, simulation: Simulation | None = None, **more: Any) -> Settings:
    """A home of the demonstration's kind, with one source."""
    return read_settings(
        home_dir=home,
        hubspot_token=TOKEN,
        hubspot_url=simulation.url if simulation else "http://127.0.0.1:9",
        simulated_time=True,
        _env_file=None,
        **more,
    )


@contextmanager
def small_night(place: Path, deals: int = DEALS) -> Iterator[SmallNight]:
    """A simulated CRM and an empty home below `place`, with the project in force."""
    small_project.write(place / "dbt_project", MODELS)
    with (
        start(place / "simulation", size=deals, token=TOKEN) as simulation,
        small_project.in_force(place / "dbt_project"),
    ):
        yield SmallNight(place, simulation)
