"""Pipedrive's deals: which of them each list shows, and how one looks."""

from functools import cached_property
from typing import Any

import numpy as np

from simulator import links
from simulator.associations import associated
from simulator.chance import Flags, Ints, bits, uniform
from simulator.company import Company, State
from simulator.events import DELETED, GONE, HIDDEN, LIVE, STATUS
from simulator.names import company_name
from simulator.pipedrive.answers import day, zoned
from simulator.pipedrive.identities import identify, lead_id, pipeline_id
from simulator.pipedrive.listing import Rows
from simulator.pipedrive.lives import Life, life_of, money
from simulator.pipedrive.trade import items_of, last_touched
from simulator.seasons import DAY

KEPT_AFTER_DELETION = 30 * DAY
ARCHIVED_AFTER = 60 * DAY
"""Some deals are put into the archive when nothing has happened to them for so long; the next change takes them out again."""
_ARCHIVES = 0.25

FIELD_KEYS = {
    "lead_direction": "1f0c4e8b7d1a4c7f9a6d5b3c2e1f0a9b8c7d6e5f",
    "product_line": "2a1b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
    "discount_amount": "3b2c1d4e5f60718293a4b5c6d7e8f9010b1c2d3e",
    "promised_value": "4c3d2e1f60718293a4b5c6d7e8f901021d2e3f40",
}
"""Custom fields by name: 40 hexadecimal digits each."""
PRODUCT_LINES = ("Platform", "Sensors", "Services")
CHANNEL_OPTION = 40
"""The option id of the first marketing channel."""


class Deals:
    """The deals of a company. Lives are worked out once and kept."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._lives: dict[int, tuple[int, Life]] = {}

    def life(self, number: int) -> Life:
        """A deal's life; worked out anew once the company has grown."""
        slots, found = self._lives.get(number, (-1, None))
        if found is None or slots != self.company.slots:
            found = life_of(self.company, number)
            self._lives[number] = (self.company.slots, found)
        return found

    def at(self, now: int) -> "DealsNow":
        """All deals at an instant."""
        return DealsNow(self, State(self.company, now))


class DealsNow:
    """The deals that Pipedrive knows at an instant."""

    def __init__(self, of: Deals, state: State) -> None:
        self.of = of
        self.state = state
        self.now = state.at

    @cached_property
    def _places(self) -> Ints:
        return self.state.places("deals")

    @cached_property
    def _standing(self) -> Any:
        return self.of.company.ledgers["deals"].versions.standing[self._places]

    @cached_property
    def _updated(self) -> Ints:
        """A deal's time moves with its products, too."""
        own: Ints = self.of.company.ledgers["deals"].versions.recorded[self._places]
        return np.asarray(np.maximum(own, last_touched(self.state)[self._numbers]))

    @cached_property
    def _numbers(self) -> Ints:
        return self.of.company.ledgers["deals"].versions.number[self._places].astype(np.int64)

    @cached_property
    def _archived(self) -> Flags:
        rests = self.now - self._updated > ARCHIVED_AFTER
        return np.asarray(
            (self._standing == LIVE)
            & rests
            & (uniform(self.of.company.seed, "pipedrive.archives", self._numbers) < _ARCHIVES)
        )

    @cached_property
    def _recoverable(self) -> Flags:
        """Deleted or merged away in the last 30 days; what left without a trace is not among them."""
        gone = (self._standing == HIDDEN) | ((self._standing == GONE) & ~self._erased)
        return np.asarray(gone & (self.now - self._updated <= KEPT_AFTER_DELETION))

    @cached_property
    def _erased(self) -> Flags:
        events = self.of.company.ledgers["deals"].events
        erased = np.unique(events.number[(events.which == STATUS) & (events.value == DELETED)])
        return np.isin(self._numbers, erased)

    def rows(self, statuses: list[str], archived: bool, pipeline: int | None, stage: int | None) -> Rows:
        """Candidates for a list: archived or not, of some statuses (none given: everything not deleted), ids not yet in order."""
        in_list = (self._standing == LIVE) & (self._archived == archived)
        flags = np.zeros(len(self._places), dtype=np.bool_)
        if "deleted" in statuses and not archived:
            flags |= self._recoverable
        shown = {"open", "won", "lost"} & set(statuses) if statuses else {"open", "won", "lost"}
        if shown == {"open", "won", "lost"} and pipeline is None and stage is None:
            flags |= in_list
        elif shown:
            chosen = []
            for index in np.flatnonzero(in_list).tolist():
                state = self.of.life(int(self._numbers[index])).state_at(self.now)
                if (
                    state.status in shown
                    and stage in (None, state.stage_id)
                    and pipeline in (None, pipeline_id(state.pipeline))
                ):
                    chosen.append(index)
            flags[chosen] = True
        places = self._places[flags]
        found = self.of.company.ledgers["deals"].versions
        added = found.recorded[found.starts[self._numbers[flags]]]
        base, step = identify("deals", 0), identify("deals", 1) - identify("deals", 0)
        return Rows(base + step * self._numbers[flags], self._updated[flags], added, places)

    def render(self, rows: Rows, include: list[str]) -> list[dict[str, Any]]:
        """Deals as v2 shows them. What has no value is left out, as the specification knows no null for most fields."""
        company = self.of.company
        found = company.ledgers["deals"].versions
        numbers: Ints = found.number[rows.places].astype(np.int64)
        listed = numbers.tolist()
        ends = zip(
            associated(self.state, "deals", listed, "companies"),
            associated(self.state, "deals", listed, "contacts"),
            company.ledgers["deals"].versions.standing[rows.places].tolist(),
            links.company_of_deal(company.seed, numbers).tolist(),
            rows.updated.tolist(),
            strict=True,
        )
        archived = self._is_archived(numbers, rows.updated)
        leads = links.has_lead(company.seed, numbers).tolist()
        custom = self._custom(numbers)
        items = items_of(self.state, listed if "products_count" in include else [])
        channels = links.channel_of_lead(company.seed, numbers * 2).tolist()
        names = [
            company_name(draw >> 1)
            for draw in bits(company.seed, "company.name", links.company_of_deal(company.seed, numbers)).tolist()
        ]
        shares = uniform(company.seed, "deal.recurring", numbers).tolist()
        shown = []
        for place, (companies, contacts, standing, _, updated) in enumerate(ends):
            number = listed[place]
            life = self.of.life(number)
            state = life.state_at(self.now)
            is_deleted = standing != LIVE
            stage_change = state.stage_change_time or life.created
            row: dict[str, Any] = {
                "id": identify("deals", number),
                "title": f"{names[place]} {number}",
                "creator_user_id": state.user_id,
                "owner_id": state.user_id,
                "value": money(state.value),
                "currency": state.currency,
                "pipeline_id": pipeline_id(state.pipeline),
                "stage_id": state.stage_id,
                "add_time": zoned(life.created),
                "update_time": zoned(updated),
                "stage_change_time": zoned(stage_change),
                "status": "deleted" if is_deleted else state.status,
                "is_archived": archived[place],
                "is_deleted": is_deleted,
                "probability": None,
                "lost_reason": state.lost_reason,
                "visible_to": 3,
                "label_ids": [],
                "origin": "ManuallyCreated",
                "origin_id": None,
                "channel": CHANNEL_OPTION + channels[place],
                "channel_id": None,
                "acv": None,
                "arr": None,
                "mrr": money(state.value // 1_200 * 100) if shares[place] < 0.45 and state.value else None,
                "custom_fields": custom[place],
            }
            if companies:
                row["org_id"] = identify("companies", companies[0])
            if contacts:
                row["person_id"] = identify("contacts", contacts[0])
            if state.expected_close_date is not None:
                row["expected_close_date"] = state.expected_close_date
            closed = state.won_time or state.lost_time
            if closed is not None:
                which = "won" if state.won_time else "lost"
                row |= {"close_time": zoned(closed), f"{which}_time": zoned(closed), f"local_{which}_date": day(closed),
                        "local_close_date": day(closed)}  # fmt: skip
            if row["is_archived"]:
                row["archive_time"] = zoned(updated + ARCHIVED_AFTER)
            if "products_count" in include:
                row["products_count"] = len(items[number])
            if "source_lead_id" in include:
                row["source_lead_id"] = lead_id(number * 2) if leads[place] else None
            shown.append(row)
        return shown

    def _is_archived(self, numbers: Ints, updated: Ints) -> list[bool]:
        draws = uniform(self.of.company.seed, "pipedrive.archives", numbers) < _ARCHIVES
        flags: list[bool] = (draws & (self.now - updated > ARCHIVED_AFTER)).tolist()
        return flags

    def _custom(self, numbers: Ints) -> list[dict[str, Any]]:
        seed = self.of.company.seed
        ours = links.is_outbound(links.channel_of_lead(seed, numbers * 2)).tolist()
        lines = (uniform(seed, "deal.product_line", numbers) * len(PRODUCT_LINES)).astype(np.int64).tolist()
        return [
            {FIELD_KEYS["lead_direction"]: 2 if outbound else 1, FIELD_KEYS["product_line"]: 10 + line, FIELD_KEYS["discount_amount"]: None,
             FIELD_KEYS["promised_value"]: None}
            for outbound, line in zip(ours, lines, strict=True)
        ]  # fmt: skip
