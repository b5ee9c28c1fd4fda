"""What goes wrong in a night, drawn from the company's seed and the night's number: bad answers, outages, extractions killed mid-way."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from extractors.core.errors import TransientError
from extractors.core.settings import Settings
from simulator.hubspot.answers import Request, Response
from simulator.misbehaviour import Misbehaviour
from simulator.server import World
from watertight import night as steps


@dataclass
class Plan:
    """One night's faults. `share` of the answers are bad; `killed` and `cut` name a task each, by its place, and the request that it
    does not survive: the process is ended by signal 9, or the CRM answers nothing but 503 until the extraction gives up."""

    share: float = 0.0
    killed: dict[int, int] = field(default_factory=dict)
    cut: dict[int, int] = field(default_factory=dict)


def plan_of(seed: int, night: int, tasks: int) -> Plan:
    """The plan of a night: nothing in two nights of five, else bad answers, kills and outages in any mixture."""
    chance = random.Random(f"{seed}-{night}")
    plan = Plan()
    if chance.random() < 0.4:
        return plan
    if chance.random() < 0.7:
        plan.share = chance.uniform(0.01, 0.06)
    for which, odds in ((plan.killed, 0.5), (plan.cut, 0.25)):
        if chance.random() < odds:
            which[chance.randrange(tasks)] = chance.randint(1, 5)
    return plan


class Faults:
    """The fault of a simulated world, night after night. `happened` counts what went wrong, by name."""

    def __init__(self, world: World) -> None:
        self.happened: Counter[str] = Counter()
        self._misbehaviour: Misbehaviour | None = None
        self._until_cut: int | None = None
        self._until_killed: int | None = None
        self._victim: int | None = None
        world.fault = self

    def begin(self, seed: int, night: int, plan: Plan) -> None:
        """A new night."""
        self.end()
        self._misbehaviour = Misbehaviour(seed * 100_003 + night, plan.share) if plan.share else None

    def end(self) -> None:
        """No fault until the next night."""
        if self._misbehaviour:
            self.happened.update(self._misbehaviour.happened)
        self._misbehaviour = self._until_cut = self._until_killed = self._victim = None

    def __call__(self, request: Request, response: Response) -> Response | None:
        """The answer as it goes out."""
        if request.path.startswith("/_simulator/"):
            return response
        if self._until_killed is not None and self._victim is not None:
            self._until_killed -= 1
            if self._until_killed <= 0:
                os.kill(self._victim, signal.SIGKILL)
                return None
        if self._until_cut is not None:
            self._until_cut -= 1
            if self._until_cut <= 0:
                return Response(503, b'{"message": "not now"}', {"Retry-After": "1"})
        return self._misbehaviour(request, response) if self._misbehaviour else response

    def extract(self, settings: Settings, tasks: Sequence[Mapping[str, Any]], plan: Plan) -> None:
        """Every task to its end, whatever happens on the way."""
        for place, task in enumerate(tasks):
            if place in plan.killed:
                self._kill(settings, dict(task), plan.killed[place])
            if place in plan.cut:
                self._until_cut = plan.cut[place]
                try:
                    steps.extract(settings, dict(task))
                except TransientError:
                    self.happened["outage until the extraction gave up"] += 1
                finally:
                    self._until_cut = None
            # Where a try was cut off this one goes on; where it was not, it finds the landing.
            steps.extract(settings, dict(task))

    def _kill(self, settings: Settings, task: dict[str, Any], after: int) -> None:
        """The task in a process of its own that is ended by signal 9 at one of its requests; nothing of it can clean up."""
        self._until_killed, self._victim = after, None
        child = os.fork()
        if not child:
            code = 1
            try:
                steps.extract(settings, task)
                code = 0
            finally:
                os._exit(code)
        self._victim = child
        _, status = os.waitpid(child, 0)
        self._until_killed = self._victim = None
        self.happened["extraction killed" if os.WIFSIGNALED(status) else "extraction ended before it was killed"] += 1
