"""Three nights of a company on all three CRMs: the first, an ordinary one, and one with the comparison of ids; what each asked, and the fewest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from extractors.core.connections import Connections
from simulator.pipedrive.limits import TokenLimits
from simulator.server import start
from tests.calls.asked import Asked, together
from tests.calls.fewest import FEWEST, Night
from tests.thousand.home import settings_for
from tests.thousand.lives import Lives, instant
from warehouse.lease import Lease
from watertight import night as steps

#: what each night is, by its number: ids are compared on the first and every third after it
NIGHTS = {1: "first night", 3: "ordinary night", 4: "night with the comparison of ids"}
#: a night reads again what changed so long before the last one: indexes and commits are late
_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Calls:
    """One CRM's calls of one night, by kind."""

    crm: str
    night: str
    asked: Counter[str]
    fewest: Counter[str]

    @property
    def ratio(self) -> float:
        return self.asked.total() / self.fewest.total()


def count(place: Path, size: int, seed: int) -> list[Calls]:
    """Runs the nights and counts."""
    asked, found = Asked(), []
    with start(place / "company", size=size, seed=seed, fault=asked) as simulation:
        # A first load of a large account takes several nights of tokens; here it is asked for what it takes in one.
        simulation.world.pipedrive.limits = TokenLimits(daily=10_000_000)
        settings = settings_for(place / "home", simulation)
        lives, since = Lives(simulation.home, simulation.company.seed), None
        for number in range(1, max(NIGHTS) + 1):
            simulation.advance(number)
            lives.read()
            asked.begin()
            began = instant(simulation.world.clock.iso())
            opened = steps.plan(settings, None, one_process=True)
            connections = Connections()
            for task in opened["tasks"]:
                steps.extract(settings, task, connections)
            until = instant(simulation.world.clock.iso())
            steps.load(settings, opened["run_id"])
            Lease(settings.home, opened["run_id"]).release()
            if number in NIGHTS:
                night = Night(lives, since, until, with_sweep=number != 3)
                found += [
                    Calls(crm, NIGHTS[number], Counter(asked.of[crm]), together(crm, fewest(night)))
                    for crm, fewest in FEWEST.items()
                ]
            since = began - _AGAIN
    return found
