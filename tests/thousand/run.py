"""The nights of one seed, one after the other, resumable: what was done and found stands in `progress.json` after every night."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from simulator.server import Simulation, start
from tests.thousand import links, listed
from tests.thousand.core import Core
from tests.thousand.core import compare as compare_core
from tests.thousand.faults import Faults, plan_of
from tests.thousand.home import settings_for
from tests.thousand.lives import Lives, instant
from tests.thousand.raw import Compared, Raw
from warehouse.lease import Lease
from watertight import night as steps

Report = Callable[[str], None]
#: the company: so many deals, all of them created in so many days before its first night
DEALS, HISTORY_DAYS = 120, 60


@dataclass
class Progress:
    """What a seed's nights gave so far. Instants are ISO-8601 without a zone; `seconds` and `cpu_seconds` are of all nights together."""

    seed: int
    nights: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    first_asked: str = ""
    ends: dict[str, str] = field(default_factory=dict)
    rows_landed: int = 0
    rows_new: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    raw: dict[str, int] = field(default_factory=dict)
    events: int = 0
    unsettled: int = 0
    core_nights: int = 0
    core: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    truth_events: int = 0
    differences: list[str] = field(default_factory=list)


class Nights:
    """One seed's company, home and followers."""

    def __init__(self, seed: int, place: Path, simulation: Simulation, progress: Progress, core: Core) -> None:
        self._seed = seed
        self._simulation = simulation
        self._progress = progress
        self._core = core
        self._settings = settings_for(place / "home", simulation)
        self._lives = Lives(simulation.home, seed)
        self._links_agreed: set[tuple[str, str, int]] = set()
        # A company as small as this has no deal with more contacts than a page shows.
        simulation.world.hubspot.associations_on_a_page = 1
        self._raw = Raw(self._settings.warehouse_file)
        self._faults = Faults(simulation.world)
        # A run that died here left its lease; nobody else works in this place.
        self._settings.home.mkdir(parents=True, exist_ok=True)
        (self._settings.home / "lease.json").unlink(missing_ok=True)

    def run(self, number: int, *, with_core: bool) -> None:
        """One night: all three CRMs are asked, whatever goes wrong, loaded and compared."""
        progress, world = self._progress, self._simulation.world
        self._simulation.advance(number)
        self._lives.read()
        before = _requests(self._simulation)
        opened = steps.plan(self._settings, None, one_process=True)
        plan = plan_of(self._seed, number, len(opened["tasks"]))
        self._faults.begin(self._seed, number, plan)
        self._faults.extract(self._settings, opened["tasks"], plan)
        self._faults.end()
        loaded = steps.load(self._settings, opened["run_id"])
        if with_core:
            self._core.build(self._settings)
        Lease(self._settings.home, opened["run_id"]).release()
        until = instant(world.clock.iso())
        progress.ends[opened["run_id"]] = until.isoformat()
        progress.first_asked = progress.first_asked or until.isoformat()
        progress.requests = _sum(progress.requests, _requests(self._simulation) - before)
        progress.rows_landed += sum(each["rows_landed"] for each in loaded)
        progress.rows_new += sum(each["rows_new"] for each in loaded)
        progress.faults = _sum(progress.faults, self._faults.happened)
        self._faults.happened.clear()
        self._compare(number, with_core)

    def _compare(self, number: int, with_core: bool) -> None:
        progress = self._progress
        first_asked = datetime.fromisoformat(progress.first_asked)
        wrong = self._raw.follow({run: datetime.fromisoformat(at) for run, at in progress.ends.items()})
        found = self._raw.compare(self._lives, first_asked)
        found.differences += listed.compare(self._raw, self._lives, found)
        found.differences += links.compare(self._raw, self._lives, found, self._links_agreed)
        progress.raw = _sum(progress.raw, found.entities)
        progress.events += found.events
        progress.unsettled += found.unsettled
        progress.truth_events = self._lives.count
        progress.differences += [f"night {number}, raw, {each}" for each in [*wrong, *found.differences]]
        if with_core:
            built: Compared = compare_core(self._settings.marts_file, self._raw, self._lives, first_asked)
            progress.core_nights += 1
            progress.core = _sum(progress.core, built.entities)
            progress.differences += [f"night {number}, core, {each}" for each in built.differences]


def go_on(
    seed: int,
    nights: int,
    place: Path,
    core: Core,
    *,
    core_every: int = 10,
    say: Report = lambda line: None,
    is_over: Callable[[], bool] = lambda: False,
    keep: bool = False,
) -> Progress:
    """Runs the nights of a seed that were not run yet, until one differs from the truth or `is_over`. A home without
    differences is removed in the end, unless told to `keep` it."""
    place.mkdir(parents=True, exist_ok=True)
    kept = place / "progress.json"
    progress = Progress(**json.loads(kept.read_text())) if kept.exists() else Progress(seed)
    if progress.nights >= nights or progress.differences or is_over():
        return progress
    with start(
        place / "company", size=DEALS, seed=seed, night=max(1, progress.nights), history_days=HISTORY_DAYS
    ) as simulation:
        runner = Nights(seed, place, simulation, progress, core)
        for number in range(progress.nights + 1, nights + 1):
            began, cpu = time.monotonic(), time.process_time()
            with_core = number % core_every == 0 or number == nights
            runner.run(number, with_core=with_core)
            progress.nights = number
            progress.seconds = round(progress.seconds + time.monotonic() - began, 2)
            progress.cpu_seconds = round(progress.cpu_seconds + time.process_time() - cpu, 2)
            _keep(kept, progress)
            say(
                f"seed {seed}, night {number} of {nights}: {len(progress.differences)} differences, "
                f"{time.process_time() - cpu:.1f} s of CPU{', core too' if with_core else ''}"
            )
            if progress.differences or is_over():
                break
    if progress.nights >= nights and not progress.differences and not keep:
        for name in ("company", "home"):
            shutil.rmtree(place / name, ignore_errors=True)
    return progress


def _requests(simulation: Simulation) -> Counter[str]:
    world = simulation.world
    return Counter(
        hubspot=world.hubspot.counts.total(),
        salesforce=world.salesforce.counts.total(),
        pipedrive=world.pipedrive.counts.total(),
    )


def _sum(so_far: dict[str, int], more: Counter[str]) -> dict[str, int]:
    return dict(Counter(so_far) + more)


def _keep(path: Path, progress: Progress) -> None:
    written = path.with_suffix(".part")
    written.write_text(json.dumps(asdict(progress), indent=1))
    written.replace(path)
