"""One night by the product's own steps."""

from __future__ import annotations

from typing import Any

from extractors.core.settings import Settings
from warehouse.as_of import published_tables
from warehouse.build import build_as_of
from watertight import night as steps


def load_night(settings: Settings, source: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Plan, extract, load. Returns the run's id and the summary of what the source's resources loaded."""
    opened = steps.plan(settings, None, one_process=True)
    run_id: str = opened["run_id"]
    for task in opened["tasks"]:
        steps.extract(settings, task)
    loaded = steps.load(settings, run_id)
    return run_id, {each["resource"]: each for each in loaded if each["source"] == source}


def publish_night(settings: Settings, run_id: str) -> dict[str, Any]:
    """Build, verify, publish; returns the build's summary."""
    built = steps.build(settings, run_id)
    steps.verify(settings, run_id)
    steps.publish(settings, run_id)
    return built


def run_night(settings: Settings, source: str, *, published: bool = True) -> dict[str, dict[str, Any]]:
    """One whole night; returns the summary of what the source's resources loaded.

    Of a night that nobody looks at (`published` false) the facts alone are built: the marts are computed whole from them in any case.
    """
    run_id, loaded = load_night(settings, source)
    if published:
        publish_night(settings, run_id)
    else:
        build_as_of(settings, [name for name in published_tables() if not name.startswith("mart_")], None, _silent)
        steps.give_up(settings, run_id)
    return loaded


def _silent(line: str) -> None:
    """Nobody reads along."""
