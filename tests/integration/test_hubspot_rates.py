"""Exchange rates that somebody set in HubSpot serve where no folder states the market's.

A failure means that amounts are converted at a rate that was not in force. It runs with every change of the rates' models.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from extractors.core.settings import read_settings
from simulator.rates import HISTORY
from simulator.seasons import iso
from simulator.server import start
from tests.nights.night import run_night

pytestmark = pytest.mark.integration


def test_every_day_has_the_rate_that_was_in_force(tmp_path: Path) -> None:
    with start(tmp_path / "company", size=60, night=4) as simulation:
        settings = read_settings(
            home_dir=tmp_path / "home",
            hubspot_token=simulation.token,
            hubspot_url=simulation.url,
            simulated_time=True,
            _env_file=None,
        )
        run_night(settings, "hubspot")
    with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
        held = dict(
            connection.execute(
                "select rate_date, exchange_rate::double from dim_exchange_rates"
                " where from_currency_code = 'USD' and to_currency_code = 'EUR'"
            ).fetchall()
        )
        first, last = connection.execute("select min(calendar_date), date '2026-06-05' from dim_dates").fetchall()[0]
    changes = {date.fromisoformat(iso(rate.since)[:10]): rate.rate for rate in HISTORY if rate.currency == "USD"}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    right = {day: next(rate for since, rate in sorted(changes.items(), reverse=True) if since <= day) for day in days}
    assert held == right
    assert len(set(right.values())) == 3
