"""Windows: nothing between two of them, nothing moved by a clock that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.cursor import epoch_milliseconds, instant_text, parse_instant, window_after

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 2, 2, 0, tzinfo=UTC)
LOOKBACK, SETTLE = timedelta(minutes=60), timedelta(minutes=5)


def test_the_first_window_has_no_start() -> None:
    window = window_after(None, NOW, LOOKBACK, SETTLE)
    assert (window.start, window.cursor_from) == (None, None)
    assert window.end == window.cursor_to == NOW - SETTLE


def test_a_window_reaches_back_behind_the_cursor_and_ends_before_now() -> None:
    cursor = NOW - timedelta(days=1)
    window = window_after(cursor, NOW, LOOKBACK, SETTLE)
    assert window.start == cursor - LOOKBACK
    assert window.end == window.cursor_to == NOW - SETTLE
    assert window.cursor_from == cursor


def test_a_clock_put_back_moves_no_cursor_back_and_loses_no_hour() -> None:
    cursor = NOW + timedelta(days=1)
    window = window_after(cursor, NOW, LOOKBACK, SETTLE)
    assert window.cursor_to == cursor
    assert window.end == NOW - SETTLE
    assert window.start == NOW - SETTLE - LOOKBACK


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=20))
def test_no_instant_lies_between_two_windows(steps: list[int]) -> None:
    cursor, covered = None, None
    now = NOW
    for seconds in steps:
        now += timedelta(seconds=seconds)
        window = window_after(cursor, now, LOOKBACK, SETTLE)
        if cursor is not None:
            assert window.start is not None
            assert covered is not None
            assert window.start <= covered - LOOKBACK
            assert window.cursor_to >= cursor
        covered = window.end if covered is None else max(covered, window.end)
        cursor = window.cursor_to


def test_instants_are_written_and_read_alike() -> None:
    assert instant_text(NOW.replace(microsecond=123_999)) == "2026-06-02T02:00:00.123Z"
    assert parse_instant("2026-06-02T04:00:00.5+02:00") == NOW.replace(microsecond=500_000)
    assert parse_instant("2026-06-02T02:00:00Z") == NOW
    assert epoch_milliseconds(NOW.replace(microsecond=999_999)) == int(NOW.timestamp()) * 1000 + 999
    for text in ("2026-06-02T02:00:00", "2026-06-02", "yesterday", ""):
        with pytest.raises(ValueError, match=r"offset|isoformat"):
            parse_instant(text)
