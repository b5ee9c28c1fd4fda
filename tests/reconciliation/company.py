"""A company on HubSpot, night by night: what it lands, and what HubSpot itself counts, worked out from the deals and not from what landed.

A few deals change while HubSpot is asked: some behind the end of the window, which no count holds, and now and then one that the index
shows late and counts where it was. Every fourth night HubSpot lists all deals with their amounts.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from extractors.core.landing import LandingWriter, run_folder
from extractors.core.settings import Settings
from extractors.core.spec import ControlTotal, ControlTotals, Mode, Record

FIRST_NIGHT = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
ACCOUNT = "4711"
PIPELINES = {
    "sales": (("new", "open"), ("qualified", "open"), ("offer", "open"), ("contract", "open"), ("won", "won"), ("lost", "lost")),
    "renewals": (("due", "open"), ("talks", "open"), ("renewed", "won"), ("left", "lost")),
}  # fmt: skip
CURRENCIES = ("EUR", "EUR", "EUR", "USD")
KINDS = ("new deal", "stage update", "amount update", "deletion")
#: minutes before a night's now at which its window ends, and behind which a list of ids compares nothing
SETTLE, LOOKBACK = 5, 60


@dataclass
class Deal:
    """`histories`: property → (instant, value), oldest first."""

    number: str
    histories: dict[str, list[tuple[datetime, str]]]
    archived_at: datetime | None = None

    def value(self, name: str, until: datetime | None = None) -> str:
        return next(value for at, value in reversed(self.histories[name]) if until is None or at <= until)

    @property
    def created_at(self) -> datetime:
        return self.histories["pipeline"][0][0]

    @property
    def updated_at(self) -> datetime:
        return max(entries[-1][0] for entries in self.histories.values())

    def place(self, until: datetime | None = None) -> tuple[str, str]:
        return self.value("pipeline"), self.value("dealstage", until)

    def record(self, until: datetime) -> Record:
        """The object as HubSpot gives it, with what happened up to `until`."""
        shown = {name: [one for one in entries if one[0] <= until] for name, entries in self.histories.items()}
        said = {
            "id": self.number,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(max(entries[-1][0] for entries in shown.values())),
            "archived": self.archived_at is not None,
            "archivedAt": iso(self.archived_at) if self.archived_at else None,
            "properties": {name: entries[-1][1] for name, entries in shown.items()}
            | {"dealname": f"Deal {self.number}", "createdate": iso(self.created_at)},
            "propertiesWithHistory": {
                name: [{"value": value, "timestamp": iso(at), "sourceType": "CRM_UI"} for at, value in reversed(entries)]
                for name, entries in shown.items()
            },
            "associations": {"companies": [], "contacts": [], "leads": []},
        }  # fmt: skip
        stamp = iso(self.archived_at) if self.archived_at else said["updatedAt"]
        return Record(self.number, str(stamp), self.archived_at is not None, json.dumps(said).encode())


@dataclass
class Night:
    """What happened on it: kind of loss → the deals of which only that reached the landing."""

    number: int
    now: datetime
    is_listed: bool
    candidates: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def run_id(self) -> str:
        return self.now.strftime("%Y%m%dT%H%M%SZ-0001")

    @property
    def end(self) -> datetime:
        return self.now - timedelta(minutes=SETTLE)


class Company:
    """`size` deals before the first night. The same seed gives the same nights."""

    def __init__(self, settings: Settings, size: int, seed: int) -> None:
        self._settings = settings
        self._rng = random.Random(seed)
        self._size = size
        self._deals: dict[str, Deal] = {}
        self._late: set[str] = set()
        self.night = Night(0, FIRST_NIGHT, is_listed=True)
        for _ in range(size):
            self._create(FIRST_NIGHT - timedelta(days=self._rng.uniform(2, 700)))
        for deal in self._deals.values():
            at = deal.created_at
            for _ in range(self._rng.randrange(4)):
                at += (FIRST_NIGHT - timedelta(days=1) - at) * self._rng.uniform(0.05, 0.6)
                self._move(deal, at)
        self._land(list(self._deals), excluded=[])

    def live_on(self) -> Night:
        """The next night: a hundredth of the deals, ten at least, and as many kinds of change as there are."""
        rng, count = self._rng, max(3, self._size // 400)
        number = self.night.number + 1
        night = self.night = Night(number, FIRST_NIGHT + timedelta(days=number), is_listed=number % 4 == 0)
        noon = night.now - timedelta(hours=14)
        changed = sorted(self._late)
        live = sorted(each for each, deal in self._deals.items() if deal.archived_at is None and each not in self._late)
        picked = rng.sample(live, min(len(live), 3 * count + 3))
        self._late = set(picked[:2])
        for each in picked[:2]:  # behind the end of the window
            self._move(self._deals[each], night.end + timedelta(minutes=2))
        for kind, some in (("stage update", picked[3 : 3 + count]), ("amount update", picked[3 + count : 3 + 2 * count]),
                           ("deletion", picked[3 + 2 * count :])):  # fmt: skip
            for each in some:
                deal, at = self._deals[each], noon + timedelta(minutes=rng.uniform(0, 300))
                if kind == "stage update":
                    self._move(deal, at)
                elif kind == "amount update":
                    self._set(deal, "amount", at, str(Decimal(deal.value("amount")) + rng.randrange(1, 900)))
                else:
                    deal.archived_at = at
                changed.append(each)
                night.candidates[kind].append(each)
        for _ in range(count):
            created = self._create(noon + timedelta(minutes=rng.uniform(0, 300)))
            changed.append(created)
            night.candidates["new deal"].append(created)
        shown_late = []
        if number % 4 == 1:  # the index shows a move late
            shown_late = [picked[2]]
            self._move(self._deals[picked[2]], night.end - timedelta(seconds=20))
            changed.append(picked[2])
        self._land(changed, shown_late)
        return night

    def places_of(self, number: str) -> set[tuple[str, str]]:
        """Where a deal stands now and stood before its last move."""
        deal = self._deals[number]
        return {(deal.value("pipeline"), stage) for _, stage in deal.histories["dealstage"][-2:]}

    def _create(self, at: datetime) -> str:
        number, pipeline = str(len(self._deals) + 1), self._rng.choice(tuple(PIPELINES))
        first = {
            "dealstage": PIPELINES[pipeline][0][0], "pipeline": pipeline, "amount": str(self._rng.randrange(100, 90_000)),
            "deal_currency_code": self._rng.choice(CURRENCIES), "hubspot_owner_id": "7",
        }  # fmt: skip
        self._deals[number] = Deal(number, {name: [(at, value)] for name, value in first.items()})
        return number

    def _move(self, deal: Deal, at: datetime) -> None:
        stages = [stage for stage, _ in PIPELINES[deal.value("pipeline")] if stage != deal.value("dealstage")]
        self._set(deal, "dealstage", at, self._rng.choice(stages))

    @staticmethod
    def _set(deal: Deal, name: str, at: datetime, value: str) -> None:
        deal.histories[name].append((at, value))

    def _land(self, changed: list[str], excluded: list[str]) -> None:
        night = self.night
        if night.number == 0:
            self._write("deal_pipelines", "complete", (_pipeline(name) for name in PIPELINES))
            owner = {"id": "7", "firstName": "Ada", "lastName": "L", "teams": []}
            self._write("owners", "complete", [Record("7", None, False, json.dumps(owner).encode())])
        records = (self._deals[each].record(night.end) for each in changed)
        self._write("deals", "changes", records, totals=self._counts(excluded))
        if night.is_listed:
            ids = [deal for deal in self._deals.values() if deal.archived_at is None]
            self._write("deals_sweep", "complete", map(self._listed, ids), "deals", self._sums(ids))

    def _listed(self, deal: Deal) -> Record:
        said = {"id": deal.number, "createdAt": iso(deal.created_at), "properties": dict(zip(("pipeline", "dealstage"), deal.place(), strict=True))}  # fmt: skip
        return Record(deal.number, iso(deal.updated_at), False, json.dumps(said).encode())

    def _counts(self, excluded: list[str]) -> ControlTotals:
        """As the searches count: live, unchanged since the window's end, the late ones where they were a minute before it."""
        end = self.night.end
        counts = Counter(
            deal.place(end - timedelta(minutes=1) if deal.number in excluded else end)
            for deal in self._deals.values()
            if deal.archived_at is None and deal.updated_at <= end
        )
        totals = [ControlTotal(*place, None, count, None) for place, count in sorted(counts.items())]
        return ControlTotals(end, tuple(totals), tuple(excluded), tuple(sorted(self._late)))

    def _sums(self, listed: list[Deal]) -> ControlTotals:
        counts: Counter[tuple[str, str, str]] = Counter()
        amounts: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        recent = []
        for deal in listed:
            if deal.updated_at >= self.night.end - timedelta(minutes=LOOKBACK):
                recent.append(deal.number)
                continue
            place = (*deal.place(), deal.value("deal_currency_code"))
            counts[place] += 1
            amounts[place] += Decimal(deal.value("amount"))
        totals = [ControlTotal(*place, counts[place], f"{amounts[place]:f}") for place in sorted(counts)]
        return ControlTotals(self.night.end, tuple(totals), (), tuple(recent))

    def _write(
        self,
        resource: str,
        mode: Mode,
        records: Iterator[Record] | list[Record] | map[Record],
        sweep_of: str | None = None,
        totals: ControlTotals | None = None,
    ) -> None:
        night = self.night
        folder = run_folder(self._settings.landing_dir, "hubspot", ACCOUNT, resource, night.run_id)
        writer = LandingWriter(folder, extracted_at=iso(night.now), run_id=night.run_id)
        writer.land(records)
        before = iso(night.end - timedelta(days=1)) if night.number and resource == "deals" else None
        writer.finish({
            "source_system": "hubspot", "account": ACCOUNT, "resource": resource, "run_id": night.run_id, "extracted_at": iso(night.now),
            "data_through": iso(night.end), "cursor_from": before, "cursor_to": iso(night.end), "mode": mode, "sweep_of": sweep_of,
            "pages": 1, "requests": 1, "control_totals": totals,
        })  # fmt: skip


def _pipeline(name: str) -> Record:
    stages = [
        {
            "id": stage, "label": stage.capitalize(), "displayOrder": order, "archived": False,
            "metadata": {"isClosed": str(kind != "open").lower(), "probability": {"won": "1.0", "lost": "0.0"}.get(kind, "0.5")},
        }
        for order, (stage, kind) in enumerate(PIPELINES[name])
    ]  # fmt: skip
    said = {"id": name, "label": name.capitalize(), "displayOrder": 0, "archived": False, "stages": stages}
    return Record(name, None, False, json.dumps(said).encode())


def iso(at: datetime) -> str:
    """As HubSpot writes instants."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
