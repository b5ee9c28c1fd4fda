"""Whose time counts: the source's, as long as it can be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from extractors.core.clock import RealClock, SimulatedClock
from extractors.core.errors import ConfigurationError, IntegrityError

pytestmark = pytest.mark.unit


def test_simulated_time_counts_from_the_first_answer() -> None:
    clock = SimulatedClock(lambda seconds: clock.see({"X-Simulated-Time": "2026-06-02T02:00:30.500Z"}))
    assert clock.monotonic() == 0.0
    with pytest.raises(ConfigurationError, match="time is unknown"):
        clock.now()
    clock.see({"X-Simulated-Time": "2026-06-02T02:00:00.000Z"})
    clock.sleep(30.4999)
    assert clock.monotonic() == 30.5
    assert clock.now() == datetime(2026, 6, 2, 2, 0, 30, 500_000, tzinfo=UTC)


def test_simulated_time_that_stands_still_is_an_error_and_no_endless_wait() -> None:
    clock = SimulatedClock(lambda seconds: None)
    clock.see({"X-Simulated-Time": "2026-06-02T02:00:00.000Z"})
    with pytest.raises(IntegrityError, match="did not"):
        clock.sleep(5)


@pytest.mark.parametrize("headers", [{}, {"X-Simulated-Time": "noon"}, {"X-Simulated-Time": "2026-06-02T02:00:00"}])
def test_a_source_without_simulated_time_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="keeps no simulated time"):
        SimulatedClock(lambda seconds: None).see(headers)


@pytest.mark.parametrize("date", ["", "noon", "Tue, 99 Jun 2026 02:00:00 GMT"])
def test_without_a_readable_date_this_machines_clock_counts(date: str) -> None:
    clock = RealClock()
    clock.see({"Date": date})
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
