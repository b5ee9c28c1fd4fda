"""An independent ledger of leads' status in plain Python, written from the public definitions alone.

A night is what a folder held: the rows of `leads` and of `lead_status_changes` in the order of the file. `keep` gives the ledger as
known after the last of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

Row = dict[str, str | None]


@dataclass(frozen=True)
class Night:
    """When the folder was read, and its two files."""

    at: datetime
    leads: list[Row]
    changes: list[Row]


@dataclass(frozen=True)
class Standing:
    """A change that stands."""

    lead_id: str
    old_status: str | None
    new_status: str
    changed_at: datetime
    change_source: str
    known_at: datetime
    reason: str | None
    first_mql_at: datetime | None
    first_sql_at: datetime | None
    hand_off_outcome: str | None
    offered_at: datetime | None


@dataclass(frozen=True)
class TakenBack:
    """A change the folder took back. What it came from is not defined: another may stand in its place."""

    lead_id: str
    new_status: str
    changed_at: datetime
    change_source: str
    known_at: datetime
    retracted_at: datetime


@dataclass
class Entry:
    """One row of `lead_status_changes` over all nights."""

    new_status: str
    old_status: str | None
    at: datetime
    sequence: int
    seen: datetime
    place: int = 0
    reason: str | None = None
    retracted: datetime | None = None
    places: dict[datetime, int] = field(default_factory=dict)  # its line on every night on which it stood


def instant(text: str | None) -> datetime:
    """ISO text as an instant."""
    assert text is not None
    return datetime.fromisoformat(text).astimezone(UTC)


def keep(nights: Sequence[Night]) -> tuple[list[Standing], list[TakenBack]]:
    """The ledger after the last night: what stands, in order, and what was taken back."""
    standing: list[Standing] = []
    taken_back: list[TakenBack] = []
    for lead_id in sorted({str(row["lead_id"]) for night in nights for row in night.leads}):
        ours, theirs = _lead(lead_id, nights)
        standing += ours
        taken_back += theirs
    return standing, taken_back


def _lead(lead_id: str, nights: Sequence[Night]) -> tuple[list[Standing], list[TakenBack]]:
    records = {night.at: row for night in nights for row in night.leads if row["lead_id"] == lead_id}
    entries = _entries(lead_id, nights, set(records))
    first_night = min(records)
    created = instant(records[max(records)]["created_at"])
    if not entries:
        return _judge(lead_id, _observed(records, created), records[max(records)].get("disqualified_reason"))
    created = min([created, *(entry.at for entry in entries if entry.retracted is None)])

    def known(seen: datetime, changed: datetime) -> datetime:
        return changed if seen == first_night else seen

    steps = [
        (
            entry.at,
            entry.sequence,
            entry.place,
            entry.new_status,
            "crm_history",
            known(entry.seen, entry.at),
            entry.reason,
        )
        for entry in entries
        if entry.retracted is None
    ]
    taken_back = [
        TakenBack(lead_id, entry.new_status, max(entry.at, created), "crm_history",
                  known(entry.seen, max(entry.at, created)), entry.retracted)
        for entry in entries
        if entry.retracted is not None
    ]  # fmt: skip
    beginning = _beginning(entries, created)
    concluded = _conclusions(entries)
    showed_first = records[first_night]["status"] or "new"

    def known_beginning(status: str, since: datetime) -> datetime:
        """The lead's first record may have shown what the history's first night concludes."""
        is_shown = since == min(entry.seen for entry in entries) and status == showed_first
        return known(first_night if is_shown else since, created)

    if beginning is not None:
        status, source = beginning
        since = concluded.get(status, (first_night, None))[0]
        steps.append((created, 0, 0, status, source, known_beginning(status, since), None))
    for status, (since, until) in concluded.items():
        if until is not None and (beginning is None or beginning[0] != status):
            taken_back.append(TakenBack(lead_id, status, created, "crm_history", known_beginning(status, since), until))
    in_order = [(step[3], step[0], *step[4:]) for step in sorted(steps, key=lambda step: step[:3])]
    standing, said_before = _judge(lead_id, in_order, records[max(records)].get("disqualified_reason"))
    return standing, taken_back + said_before


def _entries(lead_id: str, nights: Sequence[Night], present: set[datetime]) -> list[Entry]:
    """Every row that ever was in the file; while the lead itself is gone its rows stand as they stood."""
    found: dict[tuple[str | None, ...], Entry] = {}
    for night in nights:
        if night.at not in present:
            continue
        listed = {}
        for place, row in enumerate(night.changes, 1):
            if row["lead_id"] == lead_id:
                listed[tuple(row[name] for name in ("changed_at", "sequence", "new_status", "old_status"))] = (
                    place,
                    row,
                )
        for key, (place, row) in listed.items():
            entry = found.setdefault(
                key,
                Entry(
                    str(row["new_status"]),
                    row["old_status"],
                    instant(row["changed_at"]),
                    int(row["sequence"] or 0),
                    night.at,
                ),
            )
            entry.place, entry.reason, entry.retracted = place, row["reason"], None
        for key, entry in found.items():
            if key not in listed and entry.retracted is None:
                entry.retracted = night.at
            if entry.retracted is None:
                entry.places[night.at] = entry.place
    return list(found.values())


def _beginning(entries: list[Entry], created: datetime) -> tuple[str, str] | None:
    """The status at the creation and how it is known; None where the history itself has the creation."""
    standing = sorted((entry for entry in entries if entry.retracted is None), key=_order)
    if not standing:
        return "new", "inferred"
    first = standing[0]
    if first.old_status is not None:
        return first.old_status, "crm_history"
    return None if first.at <= created else ("new", "inferred")


def _conclusions(entries: list[Entry]) -> dict[str, tuple[datetime, datetime | None]]:
    """What the first old status said on each night that brought news of the history: since when, and until when if no longer."""
    moments = sorted({entry.seen for entry in entries} | {entry.retracted for entry in entries if entry.retracted})
    said: dict[str, tuple[datetime, datetime | None]] = {}
    before: str | None = None
    for moment in moments:
        stood = [
            (entry.at, entry.sequence, entry.places[moment], entry.old_status)
            for entry in entries
            if moment in entry.places
        ]
        now = min(stood, key=lambda line: line[:3])[3] if stood else None
        if before is not None and before != now:
            said[before] = (said[before][0], moment)
        if now is not None:
            said[now] = (said[now][0] if now in said else moment, None)
        before = now
    return said


def _order(entry: Entry) -> tuple[datetime, int, int]:
    return entry.at, entry.sequence, entry.place


def _observed(records: dict[datetime, Row], created: datetime) -> list[tuple[str, datetime, str, datetime, str | None]]:
    """A lead without a history: its first status at the creation, then what differed from night to night."""
    steps: list[tuple[str, datetime, str, datetime, str | None]] = []
    for at in sorted(records):
        status = records[at]["status"] or "new"
        if not steps:
            steps.append((status, created, "inferred", created, None))
        elif steps[-1][0] != status:
            steps.append((status, at, "observed", at, None))
    return steps


def _judge(
    lead_id: str, steps: Sequence[tuple[str, datetime, str, datetime, str | None]], last_reason: str | None = None
) -> tuple[list[Standing], list[TakenBack]]:
    """Changes only, with the dates and the outcome of the offer to sales; and what was a change as long as nobody knew that the status had been there
    before: that is when it was taken back."""
    ledger: list[Standing] = []
    said_before: list[TakenBack] = []
    firsts: dict[str, datetime] = {}
    offered: datetime | None = None
    for status, at, source, known_at, reason in steps:
        old = ledger[-1].new_status if ledger else None
        if status == old:
            if known_at < ledger[-1].known_at:
                said_before.append(TakenBack(lead_id, status, at, source, known_at, ledger[-1].known_at))
            continue
        firsts.setdefault(status, at)
        outcome = None
        ended = offered if old == "mql" else None
        if status == "mql":
            outcome, offered = "offered", at
        elif old == "mql":
            outcome = defaultdict(lambda: "recycled", sql="accepted", converted="accepted", disqualified="rejected")[
                status
            ]
        ledger.append(Standing(lead_id, old, status, at, source, known_at, reason, firsts.get("mql"), firsts.get("sql"),
                               outcome, at if status == "mql" else ended))  # fmt: skip
    if ledger and ledger[-1].new_status == "disqualified" and ledger[-1].reason is None:
        last = ledger.pop()
        ledger.append(Standing(**{**last.__dict__, "reason": last_reason}))
    return ledger, said_before
