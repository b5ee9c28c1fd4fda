"""The stage ledger of a `files` folder, kept by hand: no SQL, no database, no code of the product.

Input: one `Night` per load, each with the tables of the folder as it lay there: rows of text as in the CSV files, an
empty cell is None, and a row's place in its file is its record number. Output: a `Ledger` of plain records, exact
(`Decimal`, UTC datetimes), as the latest night knows them. The input must satisfy the contract of the folder;
what breaks it (a reference to nothing, a value of the wrong type) raises KeyError or ValueError.

Readings, where the definitions leave a case open:

1.  *Row for the creation*: the first row, in the total order, of that deal and field, if it lies at `created_at` and has no
    old value. At the same instant with an old value it is a change, and the creation value is that old value.
2.  *First old value*: that of the field's first row. Empty in a file that has the column, it means "no value" for amount,
    currency, expected close and owner: empty = null, and the current value in its place would undo the row itself. Without the
    column, and always for stage and pipeline, it is unknown and the deal's current value stands in.
3.  *Creation rows in `fct_deal_changes`*: one per field with a value at the creation, old value null; a field that was empty at
    the creation has none. `sequence` is judged only where the source states one.
4.  *Old value of a change*: the value it replaced, also where the source leaves it out.
5.  *Change without change* (new value = the value in force): no change, so no row, no transition, no visit.
6.  *Sequence*: rows with a sequence come before rows without at the same instant.
7.  *Position of a paired pipeline change*: that of the stage change it pairs with, so that the further stage changes keep their
    order around it. A creation row pairs with nothing. Without a pair, the stage id stays and the pipeline alone moves.
8.  *Deleted or merged at the instant of other changes*: last at that instant. Changes later than it belong to no visit. A deal
    with `merged_into_deal_id` is merged, whatever `is_deleted` says. Without `deleted_at`, and for an id that vanished, the
    instant is that of the extraction that showed it; so for a deal that came back (restored).
9.  *Vanished deal*: its history stays; only the rows of a deal that is still in the folder can be retracted.
10. *Amount, currency and owner of a transition*: in force once every change up to and including that instant is applied.
    Owner and currency of a visit: those at its entry. `exit_amount` of a visit that has not ended is null.
11. *Transient transition*: the visit it opens has no length. One that opens none (deleted, merged) is not transient.
12. *stages_moved* is null where an end has no stage (created, deleted, merged, restored).
13. *closed_at* is the last transition into a closed stage; null while the deal is in an open stage.
14. *Stage versions*: order and kind of a stage at an instant are those of the last night at or before it; before the second
    night, those of the first. A stage that vanished keeps its last row.
15. *Observed*: a field without any row in the folder whose value differs from the night before changed at the
    record's `updated_at` if that lies after that night's extraction, else at this night's extraction.
16. *Source of a row*: a creation value from a row or from the first old value is crm_history, one from the current value,
    and both ends of a close without history, are inferred. A deletion or merge whose instant the source states is crm_history;
    one that shows in the extraction alone, and every restoration, is observed.
17. *No stage history*: no row of field stage. The rule for a closed deal with `closed_at` then holds whatever the other fields have.
18. *known_at, retracted_at* are judged (`keep_knowledge`) for rows whose field, new value and instant single
    them out and whose old value no later night changed; whether a row with another old value is another event is left open,
    also where it was no change at all before (Reading 5).
    Both instants are judged by the night they fall on: which of a night's extractions names them is left open too.
19. *Events later than the as-of instant* have not happened: no rows, no deals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from typing import NamedTuple

Row = Mapping[str, str | None]
Tables = Mapping[str, Sequence[Row]]

FIELDS = ("stage", "pipeline", "amount", "currency", "expected_close", "owner")
COLUMN_OF = {
    "stage": "stage_id",
    "pipeline": "pipeline_id",
    "amount": "deal_amount",
    "currency": "currency_code",
    "expected_close": "expected_close_date",
    "owner": "owner_id",
}
CANNOT_BE_EMPTY = ("stage", "pipeline")
CLOSED = ("won", "lost")


@dataclass(frozen=True)
class Night:
    """One load: the folder's tables as they were, and the instant (UTC) its extraction began."""

    extracted_at: datetime
    tables: Tables


@dataclass(frozen=True)
class Change:
    """One row of `fct_deal_changes`; amounts as text with two decimals, dates as ISO text, ids as text."""

    deal_id: str
    field: str
    old_value: str | None
    new_value: str | None
    changed_at: datetime
    sequence: int | None
    change_source: str


@dataclass(frozen=True)
class Transition:
    """One row of `fct_deal_stage_transitions`, with source ids in place of keys."""

    deal_id: str
    transitioned_at: datetime
    from_pipeline_id: str | None
    from_stage_id: str | None
    to_pipeline_id: str | None
    to_stage_id: str | None
    transition_kind: str
    stages_moved: int | None
    deal_amount: Decimal | None
    currency_code: str | None
    owner_id: str | None
    is_transient: bool
    change_source: str


@dataclass(frozen=True)
class Visit:
    """One row of `fct_deal_stage_visits`, with source ids in place of keys."""

    deal_id: str
    visit_number: int
    stage_visit_number: int
    pipeline_id: str
    stage_id: str
    stage_kind: str | None
    entered_at: datetime
    exited_at: datetime | None
    is_current: bool
    entry_kind: str
    exit_kind: str | None
    hours_in_stage: Decimal | None
    entry_amount: Decimal | None
    exit_amount: Decimal | None
    currency_code: str | None
    owner_id: str | None
    is_transient: bool


@dataclass(frozen=True)
class Deal:
    """The derived columns of one row of `dim_deals`."""

    deal_id: str
    deal_status: str
    created_at: datetime
    closed_at: datetime | None
    pipeline_id: str
    stage_id: str


@dataclass
class Ledger:
    changes: list[Change] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)


class ChangeKey(NamedTuple):
    """What singles a change out."""

    deal_id: str
    field: str
    new_value: str | None
    changed_at: datetime


@dataclass(frozen=True)
class Knowledge:
    """When a change came to be known and, if so, when it was taken back; `retracted_at` None: it holds.

    `is_stated`: the source has a row for it; an inferred or observed one need not be kept once it is replaced.
    """

    known_at: datetime
    retracted_at: datetime | None
    is_stated: bool


class Place(NamedTuple):
    pipeline_id: str
    stage_id: str


class Event(NamedTuple):
    """A change of one field in the total order; `is_creation` marks the value at the deal's creation."""

    changed_at: datetime
    order: tuple[int, int, int]
    field: str
    old_value: str | None
    new_value: str | None
    sequence: int | None
    source: str
    is_creation: bool


class Move(NamedTuple):
    """The deal is at `place` from `at` on; `place` None: it left the pipelines (`word` deleted or merged)."""

    at: datetime
    place: Place | None
    source: str
    word: str | None = None


def parse_instant(text: str) -> datetime:
    """An ISO instant as UTC; one without an offset is UTC."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def canonical(field_name: str, value: str | None) -> str | None:
    """The value of a tracked field in the one spelling that equal values share."""
    if value is None:
        return None
    return str(Decimal(value).quantize(Decimal("0.01"))) if field_name == "amount" else value


def is_true(value: str | None) -> bool:
    return value is not None and value.lower() in ("true", "1", "t", "yes")


class StageBook:
    """Order and kind of every stage, as valid at an instant."""

    def __init__(self, nights: Sequence[Night]) -> None:
        self._versions: list[tuple[datetime, dict[Place, tuple[Decimal, str]]]] = []
        known: dict[Place, tuple[Decimal, str]] = {}
        for night in nights:
            known = dict(known)
            for row in night.tables.get("stages", ()):
                place = Place(_required(row, "pipeline_id"), _required(row, "stage_id"))
                known[place] = (Decimal(_required(row, "stage_order")), _required(row, "stage_kind"))
            self._versions.append((night.extracted_at, known))

    def _at(self, instant: datetime) -> dict[Place, tuple[Decimal, str]]:
        """The stages valid at an instant: the first night's until the second night began, and so on."""
        valid = self._versions[0][1]
        for valid_from, stages in self._versions[1:]:
            if valid_from <= instant:
                valid = stages
        return valid

    def holds(self, place: Place) -> bool:
        return place in self._versions[-1][1]

    def kind(self, place: Place, instant: datetime) -> str | None:
        stages = self._at(instant)
        return stages[place][1] if place in stages else self.kind_now(place)

    def kind_now(self, place: Place) -> str | None:
        stage = self._versions[-1][1].get(place)
        return None if stage is None else stage[1]

    def open_stages(self, pipeline_id: str, instant: datetime) -> list[Place]:
        """The open stages of a pipeline in their order."""
        stages = self._at(instant)
        opened = [place for place, (_, kind) in stages.items() if place.pipeline_id == pipeline_id and kind == "open"]
        return sorted(opened, key=lambda place: stages[place][0])

    def open_rank(self, place: Place, instant: datetime) -> int | None:
        """Open stages 1..n by order, won n+1, lost and unknown stages none."""
        opened = self.open_stages(place.pipeline_id, instant)
        kind = self.kind(place, instant)
        if kind == "open" and place in opened:
            return opened.index(place) + 1
        return len(opened) + 1 if kind == "won" else None


def keep_ledger(nights: Sequence[Night], as_of: datetime | None = None) -> Ledger:
    """The ledger as known after the last of `nights` (ascending), with every event up to and including `as_of`."""
    stages = StageBook(nights)
    records: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    histories: dict[str, tuple[int, list[tuple[int, Row]]]] = {}
    for index, night in enumerate(nights):
        for row in night.tables.get("deals", ()):
            deal_id = _required(row, "deal_id")
            records[deal_id].append((index, row))
            histories[deal_id] = (index, [])
        for number, row in enumerate(night.tables.get("deal_changes", ()), start=1):
            histories[_required(row, "deal_id")][1].append((number, row))
    ledger = Ledger()
    for deal_id in sorted(records):
        if as_of is None or parse_instant(_required(records[deal_id][-1][1], "created_at")) <= as_of:
            _enter_deal(ledger, deal_id, records[deal_id], histories[deal_id][1], nights, stages, as_of)
    return ledger


def key_of(change: Change) -> ChangeKey:
    """The change without what a later night may state otherwise of the same event: its old value, its source."""
    return ChangeKey(change.deal_id, change.field, change.new_value, change.changed_at)


def keep_knowledge(nights: Sequence[Night]) -> dict[ChangeKey, Knowledge]:
    """Every change that one of `nights` held, as far as Reading 18 lets it be judged."""
    first_nights: dict[str, int] = {}
    known: dict[ChangeKey, Knowledge] = {}
    old_values: dict[ChangeKey, str | None] = {}
    unjudged: set[ChangeKey] = set()
    stated: set[ChangeKey] = set()
    for number, night in enumerate(nights):
        for row in night.tables.get("deals", ()):
            first_nights.setdefault(_required(row, "deal_id"), number)
        held: dict[ChangeKey, Change] = {}
        for change in keep_ledger(nights[: number + 1]).changes:
            key = key_of(change)
            if key in held or old_values.setdefault(key, change.old_value) != change.old_value:
                unjudged.add(key)
            held[key] = change
        for key, change in held.items():
            at = key.changed_at if first_nights[key.deal_id] == number else night.extracted_at
            before = known.get(key)
            if before is None and key in stated:
                unjudged.add(key)
            if before is None:
                known[key] = Knowledge(at, None, change.change_source == "crm_history")
            elif before.retracted_at is not None:
                unjudged.add(key)  # taken back and stated again
        for key, knowledge in known.items():
            if key not in held and knowledge.retracted_at is None:
                known[key] = replace(knowledge, retracted_at=night.extracted_at)
        stated.update(_key_of_row(row) for row in night.tables.get("deal_changes", ()))
    return {key: knowledge for key, knowledge in known.items() if key not in unjudged}


def _key_of_row(row: Row) -> ChangeKey:
    name = _required(row, "field")
    at = parse_instant(_required(row, "changed_at"))
    return ChangeKey(_required(row, "deal_id"), name, canonical(name, row.get("new_value")), at)


def _enter_deal(
    ledger: Ledger,
    deal_id: str,
    records: list[tuple[int, Row]],
    history: list[tuple[int, Row]],
    nights: Sequence[Night],
    stages: StageBook,
    as_of: datetime | None,
) -> None:
    current = records[-1][1]
    created_at = parse_instant(_required(current, "created_at"))
    events = _events(records, history, nights, stages, created_at)
    departures = _departures(records, nights)
    if as_of is not None:
        events = [event for event in events if event.changed_at <= as_of]
        departures = [move for move in departures if move.at <= as_of]
    ledger.changes.extend(
        Change(deal_id, e.field, e.old_value, e.new_value, e.changed_at, e.sequence, e.source) for e in events
    )
    transitions = _transitions(deal_id, _moves(events, departures, stages), events, stages)
    visits = _visits(deal_id, transitions, events, stages)
    ledger.visits.extend(visits)
    opened = iter(visits)  # one for each transition that leads to a stage, in the same order
    closed_at = None
    for transition in transitions:
        place = _to_place(transition)
        is_transient = False
        if place is not None:
            is_transient = next(opened).is_transient
            is_closed = stages.kind(place, transition.transitioned_at) in CLOSED
            closed_at = transition.transitioned_at if is_closed else None
        ledger.transitions.append(replace(transition, is_transient=is_transient))
    last = visits[-1]
    status = stages.kind_now(Place(last.pipeline_id, last.stage_id)) or "open"
    if departures and departures[-1].word in ("deleted", "merged"):
        status = departures[-1].word
    ledger.deals.append(Deal(deal_id, status, created_at, closed_at, last.pipeline_id, last.stage_id))


# --- changes -------------------------------------------------------------------------------------------------------


def _events(
    records: list[tuple[int, Row]],
    history: list[tuple[int, Row]],
    nights: Sequence[Night],
    stages: StageBook,
    created_at: datetime,
) -> list[Event]:
    """Every change of the deal, creation values first, in the total order (changed_at, sequence, record number)."""
    by_field: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    states_old_values = any("old_value" in row for _, row in history)
    for number, row in history:
        by_field[_required(row, "field")].append((number, row))
    events: list[Event] = []
    for name in FIELDS:
        stated = sorted((_stated_event(name, number, row) for number, row in by_field[name]), key=_total_order)
        if stated:
            events += _chain(name, stated, records[-1][1], states_old_values, created_at)
        elif name == "stage" and (close := _close_without_history(records, stages, created_at)) is not None:
            events += close
        else:
            events += _observed(name, records, nights, created_at)
    return sorted(events, key=_total_order)


def _total_order(event: Event) -> tuple[datetime, bool, tuple[int, int, int]]:
    return (event.changed_at, not event.is_creation, event.order)


def _stated_event(name: str, number: int, row: Row) -> Event:
    sequence = row.get("sequence")
    order = (1, 0, number) if sequence is None else (0, int(sequence), number)
    return Event(
        parse_instant(_required(row, "changed_at")),
        order,
        name,
        canonical(name, row.get("old_value")),
        canonical(name, row.get("new_value")),
        None if sequence is None else int(sequence),
        "crm_history",
        False,
    )


def _chain(
    name: str, stated: list[Event], current: Row, states_old_values: bool, created_at: datetime
) -> Iterable[Event]:
    """The field's rows with the creation value before them (Readings 1 to 4)."""
    first = stated[0]
    if first.changed_at == created_at and first.old_value is None:
        stated[0] = first._replace(is_creation=True)
        value = first.new_value
        rest = stated[1:]
    else:
        value = first.old_value
        source = "crm_history"
        if value is None and (name in CANNOT_BE_EMPTY or not states_old_values):
            value = canonical(name, current.get(COLUMN_OF[name]))
            source = "inferred"
        rest = stated
        if value is not None:
            yield _inferred(name, value, created_at, is_creation=True)._replace(source=source)
    if rest is not stated:
        yield stated[0]
    for event in rest:
        if event.new_value != value:
            yield event._replace(old_value=value)
        value = event.new_value


def _close_without_history(
    records: list[tuple[int, Row]], stages: StageBook, created_at: datetime
) -> list[Event] | None:
    """A closed deal with `closed_at` and no stage history: created in the first open stage, then closed."""
    current = records[-1][1]
    place = Place(_required(current, "pipeline_id"), _required(current, "stage_id"))
    closed_at = current.get("closed_at")
    if closed_at is None or stages.kind_now(place) not in CLOSED:
        return None
    first = stages.open_stages(place.pipeline_id, created_at)[0].stage_id
    return [
        _inferred("stage", first, created_at, is_creation=True),
        _inferred("stage", place.stage_id, parse_instant(closed_at))._replace(old_value=first),
    ]


def _observed(
    name: str, records: list[tuple[int, Row]], nights: Sequence[Night], created_at: datetime
) -> Iterable[Event]:
    """A field without rows: its value on the first night, then every difference between two nights (Reading 15)."""
    value = canonical(name, records[0][1].get(COLUMN_OF[name]))
    if value is not None:
        yield _inferred(name, value, created_at, is_creation=True)
    for (before, _), (after, row) in pairwise(records):
        new = canonical(name, row.get(COLUMN_OF[name]))
        if new != value:
            at = nights[after].extracted_at
            updated_at = row.get("updated_at")
            if updated_at is not None and nights[before].extracted_at < parse_instant(updated_at) <= at:
                at = parse_instant(updated_at)
            yield Event(at, (1, 0, 0), name, value, new, None, "observed", False)
            value = new


def _inferred(name: str, value: str, at: datetime, is_creation: bool = False) -> Event:
    return Event(at, (1, 0, 0), name, None, value, None, "inferred", is_creation)


# --- moves ---------------------------------------------------------------------------------------------------------


def _departures(records: list[tuple[int, Row]], nights: Sequence[Night]) -> list[Move]:
    """When the deal was deleted, merged, restored (Readings 8 and 16), ascending. A restoration's place is filled in later."""
    departures: list[Move] = []
    by_night = dict(records)
    for index in range(records[0][0], len(nights)):
        seen_at = nights[index].extracted_at
        gone = departures and departures[-1].word != "restored"
        row = by_night.get(index)
        if row is None:
            if not gone:
                departures.append(Move(seen_at, None, "observed", "deleted"))
            continue
        word = "merged" if row.get("merged_into_deal_id") else "deleted"
        if word == "merged" or is_true(row.get("is_deleted")) or row.get("deleted_at") is not None:
            deleted_at = row.get("deleted_at")
            stated = deleted_at is not None
            at = parse_instant(deleted_at) if deleted_at is not None else seen_at
            if gone and stated:
                departures.pop()
            if not gone or stated:
                departures.append(Move(at, None, "crm_history" if stated else "observed", word))
        elif gone:
            departures.append(Move(seen_at, None, "observed", "restored"))
    return departures


def _moves(events: list[Event], departures: list[Move], stages: StageBook) -> list[Move]:
    """Where the deal was, move by move: equal neighbours merged, nothing while it is deleted or merged."""
    placed = _places(events, stages)
    moves: list[Move] = []
    place: Place | None = None
    is_gone = False
    # at one instant the departure comes last
    timeline = sorted([(move.at, 0, move) for move in placed] + [(move.at, 1, move) for move in departures], key=_when)
    for _, _, move in timeline:
        if move.word is None:
            changed = move.place != place
            place = move.place
            if changed and not is_gone:
                moves.append(move)
        elif move.word == "restored":
            is_gone = False
            moves.append(move._replace(place=place))
        else:
            is_gone = True
            moves.append(move)
    return moves


def _when(entry: tuple[datetime, int, Move]) -> tuple[datetime, int]:
    return entry[0], entry[1]


def _places(events: list[Event], stages: StageBook) -> list[Move]:
    """The deal's (pipeline, stage) after its creation and after every change of either."""
    relevant = [event for event in events if event.field in ("stage", "pipeline")]
    creation = {event.field: event for event in relevant if event.is_creation}
    pipeline_id = creation["pipeline"].new_value
    stage_id = creation["stage"].new_value
    assert pipeline_id is not None
    assert stage_id is not None
    moves = [Move(creation["stage"].changed_at, Place(pipeline_id, stage_id), creation["stage"].source)]
    changes = [event for event in relevant if not event.is_creation]
    for at, group in groupby(changes, key=lambda event: event.changed_at):
        instant = list(group)
        new_pipeline_at = _pair(instant, pipeline_id, stages)
        for index, event in enumerate(instant):
            if event.field == "stage":
                pipeline_id = new_pipeline_at.get(index, pipeline_id)
                stage_id = event.new_value
            elif index in new_pipeline_at:
                pipeline_id = new_pipeline_at[index]
            else:
                continue
            assert stage_id is not None
            moves.append(Move(at, Place(pipeline_id, stage_id), event.source))
    return moves


def _pair(instant: list[Event], pipeline_id: str, stages: StageBook) -> dict[int, str]:
    """Which entries of one instant set which pipeline: the paired stage change, or the pipeline change left without one."""
    set_by: dict[int, str] = {}
    for index, event in enumerate(instant):
        if event.field != "pipeline" or event.new_value is None or event.new_value == pipeline_id:
            continue
        pipeline_id = event.new_value
        partner = next(
            (
                i
                for i, other in enumerate(instant)
                if other.field == "stage"
                and i not in set_by
                and other.new_value is not None
                and stages.holds(Place(pipeline_id, other.new_value))
            ),
            index,
        )
        set_by[partner] = pipeline_id
    return set_by


# --- transitions and visits ----------------------------------------------------------------------------------------


def _value_at(events: Iterable[Event], name: str, instant: datetime) -> str | None:
    """A field's value once every change up to and including the instant is applied."""
    value = None
    for event in events:
        if event.field == name and event.changed_at <= instant:
            value = event.new_value
    return value


def _amount_at(events: Iterable[Event], instant: datetime) -> Decimal | None:
    amount = _value_at(events, "amount", instant)
    return None if amount is None else Decimal(amount)


def _to_place(transition: Transition) -> Place | None:
    if transition.to_pipeline_id is None or transition.to_stage_id is None:
        return None
    return Place(transition.to_pipeline_id, transition.to_stage_id)


def _transitions(deal_id: str, moves: list[Move], events: list[Event], stages: StageBook) -> list[Transition]:
    transitions = []
    before: Place | None = None
    for number, move in enumerate(moves):
        after = None if move.word in ("deleted", "merged") else move.place
        kind, moved = ("created", None) if number == 0 else _judge(before, after, move, stages)
        transitions.append(
            Transition(
                deal_id,
                move.at,
                None if before is None else before.pipeline_id,
                None if before is None else before.stage_id,
                None if after is None else after.pipeline_id,
                None if after is None else after.stage_id,
                kind,
                moved,
                _amount_at(events, move.at),
                _value_at(events, "currency", move.at),
                _value_at(events, "owner", move.at),
                False,  # known once the visits are
                move.source,
            )
        )
        before = after
    return transitions


def _judge(before: Place | None, after: Place | None, move: Move, stages: StageBook) -> tuple[str, int | None]:
    """The first kind that fits, and the difference of ranks."""
    if move.word is not None:
        return move.word, None
    assert before is not None
    assert after is not None
    from_rank, to_rank = stages.open_rank(before, move.at), stages.open_rank(after, move.at)
    same_pipeline = before.pipeline_id == after.pipeline_id
    moved = to_rank - from_rank if same_pipeline and from_rank is not None and to_rank is not None else None
    target = stages.kind(after, move.at)
    if target in CLOSED:
        return str(target), moved
    if stages.kind(before, move.at) in CLOSED:
        return "reopened", moved
    if not same_pipeline:
        return "moved_pipeline", moved
    assert moved, f"two open stages without an order: {before} and {after}"
    return ("advanced" if moved == 1 else "skipped_ahead" if moved > 1 else "moved_back"), moved


def _visits(deal_id: str, transitions: list[Transition], events: list[Event], stages: StageBook) -> list[Visit]:
    visits: list[Visit] = []
    times: dict[Place, int] = defaultdict(int)
    for entry, leave in zip(transitions, [*transitions[1:], None], strict=True):
        place = _to_place(entry)
        if place is None:
            continue
        times[place] += 1
        exited_at = None if leave is None else leave.transitioned_at
        stay = None if exited_at is None else exited_at - entry.transitioned_at
        visits.append(
            Visit(
                deal_id,
                len(visits) + 1,
                times[place],
                place.pipeline_id,
                place.stage_id,
                stages.kind_now(place),
                entry.transitioned_at,
                exited_at,
                exited_at is None,
                entry.transition_kind,
                None if leave is None else leave.transition_kind,
                None
                if stay is None
                else Decimal((stay.days * 86400 + stay.seconds) * 10**6 + stay.microseconds) / Decimal(3600 * 10**6),
                _amount_at(events, entry.transitioned_at),
                None if exited_at is None else _amount_at(events, exited_at),
                entry.currency_code,
                entry.owner_id,
                exited_at == entry.transitioned_at,
            )
        )
    return visits


def _required(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None:
        raise ValueError(f"column {column} is empty in {dict(row)}")
    return value
