"""A company's nights, one after the other, resumable: what was done and found stands in `progress.json` after every night."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from extractors.core.settings import Settings
from simulator import truth
from simulator.server import Simulation, start
from tests.e2e.truth_ledger import deals_of
from tests.nights.hubspot import (
    Night,
    asked_until,
    compare_core,
    compare_raw,
    settings_for,
)
from tests.nights.night import load_night, publish_night
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild
from watertight import night as steps

Report = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How many nights, of a company of what size, and how often what is dear is done."""

    nights: int
    size: int
    build_every: int = 1
    compare_every: int = 10

    def builds(self, night: int) -> bool:
        return night % self.build_every == 0 or night in (1, self.nights) or self.compares(night)

    def compares(self, night: int) -> bool:
        return night % self.compare_every == 0 or night in (1, self.nights)


@dataclass
class Progress:
    """What a seed's nights gave so far. `first_asked`: when the first night was over, ISO-8601."""

    seed: int
    size: int
    nights: int = 0
    seconds: float = 0.0
    first_asked: str = ""
    requests: int = 0
    rows_landed: int = 0
    rows_new: int = 0
    raw_compared: int = 0
    core_compared: int = 0
    transitions: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    rebuild_differences: list[str] | None = None

    @property
    def is_good(self) -> bool:
        return not self.differences and self.rebuild_differences == []


def go_on(plan: Plan, seed: int, place: Path, say: Report = lambda line: None) -> Progress:
    """Runs the nights of a seed that were not run yet, then `verify`, unless it was done at this very night."""
    place.mkdir(parents=True, exist_ok=True)
    kept = place / "progress.json"
    progress = Progress(**json.loads(kept.read_text())) if kept.exists() else Progress(seed, plan.size)
    if progress.size != plan.size:
        raise SystemExit(f"{place} holds nights of a company of {progress.size} deals: take another --out.")
    if progress.nights >= plan.nights and progress.rebuild_differences is not None:
        return progress
    began = time.monotonic() - progress.seconds
    with start(place / "company", size=plan.size, seed=seed, night=max(1, progress.nights)) as simulation:
        settings = settings_for(place / "home", simulation)
        _let_go_of_a_cut_night(settings)
        for number in range(progress.nights + 1, plan.nights + 1):
            simulation.advance(number)
            _run(plan, number, settings, simulation, progress)
            progress.nights, progress.rebuild_differences = number, None
            progress.seconds = round(time.monotonic() - began, 1)
            _keep(kept, progress)
            say(
                f"seed {seed}, night {number} of {plan.nights}: {len(progress.differences)} differences, {progress.seconds:.0f} s"
            )
    say(f"seed {seed}: rebuilding from landing …")
    lease = Lease.take(settings.home, one_process=True)
    found = compare_with_rebuild(settings, steps.raw_tables())
    lease.release()
    progress.rebuild_differences = [json.dumps(one.as_dict(), default=str) for one in found]
    progress.later = _what_came_later(settings)
    progress.seconds = round(time.monotonic() - began, 1)
    _keep(kept, progress)
    return progress


def _run(plan: Plan, number: int, settings: Settings, simulation: Simulation, progress: Progress) -> None:
    asked = simulation.world.hubspot.counts.total()
    run_id, loaded = load_night(settings, "hubspot")
    progress.requests += simulation.world.hubspot.counts.total() - asked
    progress.rows_landed += sum(each["rows_landed"] for each in loaded.values())
    progress.rows_new += sum(each["rows_new"] for each in loaded.values())
    progress.first_asked = progress.first_asked or asked_until(simulation).isoformat()
    first_asked = datetime.fromisoformat(progress.first_asked)
    lives = deals_of(truth.read(simulation.home, number))
    compared = compare_raw(settings, simulation, lives, first_asked)
    progress.raw_compared += compared.deals
    progress.differences += [f"night {number}, raw, {each}" for each in compared.differences]
    if not plan.builds(number):
        Lease(settings.home, run_id).release()
        return
    built = publish_night(settings, run_id)
    warned = Counter(node["name"] for node in built["nodes"] if node["kind"] == "test" and node["status"] == "warn")
    progress.warnings = dict(Counter(progress.warnings) + warned)
    if plan.compares(number):
        core = compare_core(Night(settings, simulation, loaded), lives, first_asked)
        progress.core_compared += core.deals
        progress.transitions += core.events
        progress.kinds = dict(core.kinds)
        progress.differences += [f"night {number}, core, {each}" for each in core.differences]


def _let_go_of_a_cut_night(settings: Settings) -> None:
    """A run that died in this place left its lease; nobody else works here."""
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "lease.json").unlink(missing_ok=True)


def _what_came_later(settings: Settings) -> dict[str, int]:
    """What the nights had to put right: the changes that make an increment differ from an append."""
    with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
        row = connection.execute("""
            select
                count(*) filter (where known_at > changed_at + interval '1' day),
                count(distinct deal_key) filter (where known_at > changed_at + interval '1' day),
                count(*) filter (where retracted_at is not null),
                (select count(*) from dim_deals where deal_status = 'merged'),
                (select count(*) from dim_deals where deal_status = 'deleted'),
                (select count(*) from fct_deal_stage_transitions where transition_kind = 'restored')
            from fct_deal_changes
        """).fetchall()[0]
    names = (
        "changes known a day or more late",
        "deals with such",
        "changes taken back",
        "deals merged",
        "deals deleted",
        "restorations",
    )
    return dict(zip(names, row, strict=True))


def _keep(path: Path, progress: Progress) -> None:
    written = path.with_suffix(".part")
    written.write_text(json.dumps(asdict(progress), indent=1))
    written.replace(path)
