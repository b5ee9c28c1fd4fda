"""The night that is killed: a company between two nights, copied for every trial, and what the second night gives when nothing happens to it."""

from __future__ import annotations

import json
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from extractors.core.settings import Settings, read_settings
from simulator import truth
from simulator.salesforce.oauth import CLIENT_ID
from simulator.seasons import instant, iso
from simulator.server import Simulation, start
from tests.e2e.truth_ledger import deals_of
from tests.faults.kills import invariants
from tests.faults.kills.marks import Kill, Passed
from tests.faults.kills.readers import answer
from tests.faults.made_up_secrets import MadeUp, Searched
from tests.nights.hubspot import compare_raw

ROOT = Path(__file__).parents[3]
#: days between the two nights: a small company has hardly any news in one
LATER = 9
#: when the first night was over, by the simulated clock: UTC without a zone
_FIRST_ASKED = datetime.fromisoformat(iso(instant(1))).replace(tzinfo=None) + timedelta(minutes=10)
#: tables that a reader asks at every poll, of those that differ between the nights
_POLLED, _POLLED_ROWS = 6, 2_000


@dataclass(frozen=True)
class Plan:
    """Which company, which of its CRMs, and which dbt project (None: the real one)."""

    size: int = 60
    seed: int = 7
    crms: tuple[str, ...] = ("hubspot",)
    project: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How a night ended: exit code, or minus the signal that ended it; what it said; its processor time; its log records at their most talkative."""

    code: int
    said: str
    seconds: float
    records: str


@dataclass
class Reference:
    """Both nights as they are when nothing happens: published tables, raw versions, what readers are told; and the marks of the second one."""

    tables: dict[str, str] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    polled: dict[str, str] = field(default_factory=dict)
    nights: list[list[str]] = field(default_factory=list)
    passed: list[list[Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def marks(self) -> list[Passed]:
        return [Passed(*each) for each in self.passed]


class Nursery:
    """The process whose children are killed."""

    def __init__(self, place: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.kills.nursery"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        self._place = place

    def begin(self, nights: Sequence[dict[str, Any]]) -> None:
        """Forks them at the same instant. What they say goes to files of their own."""
        assert self._process.stdin is not None
        outputs = [{"output": str(self._said(number))} for number in range(len(nights))]
        self._process.stdin.write(
            json.dumps([one | output for one, output in zip(nights, outputs, strict=True)]) + "\n"
        )
        self._process.stdin.flush()

    def end(self, longest: float | None = None) -> list[Ended]:
        """How they ended, in their order. AssertionError when they have not after `longest` seconds."""
        assert self._process.stdout is not None
        is_there, _, _ = select.select([self._process.stdout], [], [], longest)
        assert is_there, f"after {longest} s they have not ended"
        line = self._process.stdout.readline()
        assert line, "the nursery has died"
        told = json.loads(line)
        return [
            Ended(
                code,
                self._said(number).read_text(errors="replace"),
                told["seconds"],
                Path(f"{self._said(number)}.records").read_text(),
            )
            for number, code in enumerate(told["codes"])
        ]

    def _said(self, number: int) -> Path:
        return self._place / f"said-{number}.txt"

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


class Stage:
    """A place with a company, its home as it was before the second night (`before`), and the home of the trial (`home`)."""

    def __init__(self, place: Path, plan: Plan, simulation: Simulation, nursery: Nursery) -> None:
        self.place = place
        self.plan = plan
        self.simulation = simulation
        self.nursery = nursery
        #: simulated time makes the product keep its home in a folder of its own
        self.root = place / "trial"
        self.home = self.root / "demo"
        self.before = place / "before"
        self.reference = Reference()
        #: every secret setting of the trial; what its CRMs want is among them
        self.made_up = MadeUp()

    def night(
        self,
        kill: Kill | None = None,
        *,
        arguments: Sequence[str] = ("nightly", "--json"),
        end: int = signal.SIGKILL,
        memory: int | None = None,
        record: Path | None = None,
        **environment: str,
    ) -> Ended:
        """One call of the command in a process of its own."""
        self._begin([self._wanted(arguments, environment, kill=kill, end=end, memory=memory, record=record)])
        return self._ended()[0]

    def together(self, commands: Sequence[Sequence[str]], longest: float) -> list[Ended]:
        """Several commands at the same instant; each one's `seconds` are those of all."""
        self._begin([self._wanted(arguments, {}) for arguments in commands])
        return self._ended(longest)

    def _ended(self, longest: float | None = None) -> list[Ended]:
        """How they ended. What they said and left is searched for secrets: the next night removes some of it."""
        ended = self.nursery.end(longest)
        for each in ended:
            self.made_up.search("what was said", each.said.encode())
            self.made_up.search("a log record", each.records.encode())
        self.made_up.search_files(self.root)
        return ended

    def searched(self) -> Searched:
        """What was searched for this trial's secrets, every value of the databases last."""
        self.made_up.search_values(self.root)
        return self.made_up.searched()

    def _begin(self, nights: Sequence[dict[str, Any]]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with self.simulation.world.lock:
            world = self.simulation.world
            world.clock.set(world.clock.night)
            world.hubspot.limits.today = 0
            world.pipedrive.limits.spent = 0
            world.hubspot.token = self.made_up.values["HUBSPOT_ACCESS_TOKEN"]
            world.pipedrive.token = self.made_up.values["PIPEDRIVE_API_TOKEN"]
            world.salesforce.sessions.secret = self.made_up.values["SALESFORCE_CLIENT_SECRET"]
        self.nursery.begin(nights)

    def _wanted(
        self,
        arguments: Sequence[str],
        environment: dict[str, str],
        *,
        kill: Kill | None = None,
        end: int = signal.SIGKILL,
        memory: int | None = None,
        record: Path | None = None,
    ) -> dict[str, Any]:
        return {
            "arguments": list(arguments),
            "environment": self._environment() | environment,
            "home": str(self.root),
            "now": iso(instant(self.simulation.world.clock.night)),
            "project": str(self.plan.project) if self.plan.project else None,
            "kill": asdict(kill) if kill else None,
            "signal": end,
            "memory": memory,
            "record": str(record) if record else None,
        }

    def restore(self) -> dict[str, str]:
        """The trial's home as it was before the second night; returns what is published there."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.before, self.root, symlinks=True)
        return invariants.published(self.home)

    def prepare(self) -> None:
        """The first night, then the second as it is when nothing happens to it. What was prepared before is taken as it is."""
        kept = self.place / "reference.json"
        if kept.exists():
            self.reference = Reference(**json.loads(kept.read_text()))
            return
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.before, ignore_errors=True)
        first = self.night()
        assert first.code == 0, first.said
        shutil.copytree(self.root, self.before, symlinks=True)
        old = invariants.export(self.home)
        self.simulation.advance(self.simulation.world.clock.night + LATER)
        record = self.place / "marks.json"
        second = self.night(record=record)
        assert second.code == 0, second.said
        new = invariants.export(self.home)
        self.reference = Reference(
            tables=new,
            raw=invariants.raw(self.home),
            polled=(polled := self._tables_to_poll(old, new)),
            nights=[self._asked(self.before / "demo", polled), self._asked(self.home, polled)],
            passed=json.loads(record.read_text()),
            seconds=second.seconds,
        )
        assert wrong(self) == []
        # What all trials are held against is itself held against the company's own log.
        told = compare_raw(self._settings(), self.simulation, lives(self), _FIRST_ASKED)
        assert told.differences == []
        assert told.deals > self.plan.size // 2
        assert self.searched().leaks == []
        kept.write_text(json.dumps(asdict(self.reference)))

    def _settings(self) -> Settings:
        return read_settings(
            home_dir=self.root,
            hubspot_token=self.made_up.values["HUBSPOT_ACCESS_TOKEN"],
            simulated_time=True,
            _env_file=None,
        )

    def _environment(self) -> dict[str, str]:
        url = self.simulation.url
        # What would be another way to log in, and would be taken first, is empty.
        of_crm = {
            "hubspot": {"WATERTIGHT_HUBSPOT_URL": url},
            "salesforce": {"SALESFORCE_URL": url, "SALESFORCE_CLIENT_ID": CLIENT_ID, "SALESFORCE_REFRESH_TOKEN": ""},
            "pipedrive": {"WATERTIGHT_PIPEDRIVE_URL": url, "PIPEDRIVE_REFRESH_TOKEN": ""},
        }
        chosen = {name: value for crm in self.plan.crms for name, value in of_crm[crm].items()}
        return (
            self.made_up.environment
            | chosen
            | {
                "WATERTIGHT_HOME": str(self.root),
                "WATERTIGHT_SIMULATED_TIME": "1",
                "WATERTIGHT_SOURCES": ",".join(self.plan.crms),
            }
        )

    def _tables_to_poll(self, old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
        """Small tables in which the two nights differ, with the columns that two runs have in common."""
        changed = [
            name.partition(".")[2]
            for name in sorted(new)
            if name.startswith("marts.") and old.get(name) != new[name] and int(new[name].split()[0]) <= _POLLED_ROWS
        ]
        assert changed, "the two nights are the same: take a larger company"
        with duckdb.connect(str(self.home / "published" / "marts.duckdb"), read_only=True) as connection:
            return {
                table: invariants.columns_compared([
                    column for column, *_ in connection.execute(f'describe "{table}"').fetchall()
                ])
                for table in changed[:: max(1, len(changed) // _POLLED)][:_POLLED]
            }  # fmt: skip

    @staticmethod
    def _asked(home: Path, tables: dict[str, str]) -> list[str]:
        with duckdb.connect(str(home / "published" / "marts.duckdb"), read_only=True) as connection:
            return answer(connection, tables)


def wrong(stage: Stage) -> list[str]:
    """What is wrong after a night that ended well: its tables against those of the night that nothing happened to, raw besides."""
    return [
        *invariants.after_a_fault(stage.home, {}, True),
        *invariants.differences(stage.reference.raw, invariants.raw(stage.home), "raw"),
        *invariants.differences(stage.reference.tables, invariants.export(stage.home), "table"),
    ]


@contextmanager
def staged(place: Path, plan: Plan) -> Iterator[Stage]:
    """A company being served and a process to fork nights from."""
    place.mkdir(parents=True, exist_ok=True)
    is_prepared = (place / "reference.json").exists()
    nursery = Nursery(place)
    try:
        with start(place / "company", plan.size, seed=plan.seed, night=1 + LATER if is_prepared else 1) as simulation:
            stage = Stage(place, plan, simulation, nursery)
            stage.prepare()
            yield stage
    finally:
        nursery.close()


def lives(stage: Stage) -> dict[str, list[truth.Event]]:
    """Every deal's life by the company's truth log, up to the second night."""
    return deals_of(truth.read(stage.simulation.home, stage.simulation.world.clock.night))
