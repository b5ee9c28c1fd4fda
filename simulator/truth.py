"""The truth log: every event of the company, written before any server serves it.

`<home>/truth/night_0001.jsonl` holds what is recorded after night 1 begins and up to the beginning of night 2, and, for night 1
only, all history before; `night_0002.jsonl` the next day, and so on. A file is written whole (temporary name, then renamed) and never
changed; its events stand by kind of entity and entity, not by time. A night of more than 250,000 events is written as `night_0001.npz` with the same content in columns; `read` gives the same
`Event`s from both.

One line is one event:

| key | meaning |
|---|---|
| `event_id` | `<entity>:<entity_id>:<sequence>`, unique |
| `sequence` | place of the event in its entity's own life, ordered by (`happened_at`, then order of writing), from 0 |
| `recorded_at` | when the CRM learnt of it, ISO-8601 UTC with ms; the state at T is what has `recorded_at` <= T |
| `happened_at` | when it took effect; before `recorded_at` only for back-dated entries |
| `entity` | deal, lead, contact, company, call, email, meeting, task, note, product, line_item, campaign, goal, owner, stage, exchange_rate |
| `entity_id` | the first CRM's (HubSpot's) id; of a stage `<pipeline id>|<stage id>`, of an exchange rate its currency |
| `number` | the company's own number of the entity, the same whichever CRM serves it |
| `kind` | created, archived, restored, deleted (gone without a trace), merged (`new` = the survivor's id), changed |
| `field` | of `changed`: see below; otherwise null |
| `old`, `new` | text or null; `old` is the value before it in the entity's final order (back-dated events included) |

Fields: deals: `stage` (stage id), `pipeline` (pipeline id), `amount` ("4450.00" or null), `currency`, `expected_close` (ISO instant),
`owner` (owner id), `lost_reason`, `merged_in` (id of the deal that was merged into this one), `touch` (something untracked changed: the
modified date moves); their contacts and company are fixed: `links.contacts_of_deals`, `links.company_of_deal` of their number, carried to the
survivor by merges of either end. Leads: `stage` (new, mql, sql, converted, disqualified, recycled), `owner`. Activities: `outcome` (scheduled,
held, missed, cancelled). Contacts, companies: `merged_in`, `touch`. Stages: `name`. Products: `name`. Line items (whose deal is fixed:
`line_items.deal_of` of their number): `product` (id), `quantity`, `amount`, `currency`. Campaigns: `name`, `budget` and `spend` (totals so far:
an entry is the difference between two). Goals: `goal` (revenue, average_deal_size), `owner`, `period` (first and last day), `amount`.
Exchange rates into the company's currency, as an administrator set them in the CRM: `rate`. Values set at creation are `changed` events with `old` null at
the instant of `created`. A change of pipeline is followed by the change of stage at the same instant.

To compute a deal's history as known at T: take its events with `recorded_at` <= T, order by `sequence`; the value in force is the
last one. Setting the expected close to the very instant of closing is what the CRM does by itself.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator import campaigns, catalogue, deals, goals, pipelines, rates
from simulator.company import KINDS, Company
from simulator.events import (
    AMOUNT,
    ARCHIVED,
    BUDGET,
    CLOSE,
    CREATED,
    CURRENCY,
    DELETED,
    FIELD_NAMES,
    GOAL,
    MERGED_IN,
    NAME,
    NULL,
    OUTCOME,
    OWNER,
    PERIOD,
    PIPELINE,
    PRODUCT,
    REASON,
    RESTORED,
    SPEND,
    STAGE,
    STATUS,
    Events,
)
from simulator.identities import ENTITY, identify
from simulator.seasons import BEGINNING, DAY, instant, iso

COMPACT_ABOVE = 250_000
_SLICE = 100_000
OUTCOMES = ("scheduled", "held", "missed", "cancelled")
_STATUS = {CREATED: "created", ARCHIVED: "archived", RESTORED: "restored", DELETED: "deleted"}
_OTHER_WORDS: dict[int, Callable[[int], str]] = {
    PRODUCT: lambda value: identify("products", value),
    GOAL: lambda value: goals.KINDS[value],
    PERIOD: goals.period_text,
}
_COLUMNS = ("number", "sequence", "which", "happened", "recorded", "old", "new")


class Event(msgspec.Struct, frozen=True):
    """One line of the log; the module's docstring says what the keys mean."""

    event_id: str
    sequence: int
    recorded_at: str
    happened_at: str
    entity: str
    entity_id: str
    number: int
    kind: str
    field: str | None
    old: str | None
    new: str | None


def write(company: Company, night: int, home: Path) -> Path:
    """Write one night's file unless it exists; returns its path."""
    folder = home / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".jsonl", ".npz"):
        path = folder / f"night_{night:04d}{suffix}"
        if path.exists():
            return path
    company.grow(instant(night + 1))
    after = 0 if night == 1 else instant(night)
    until = instant(night + 1)
    settings = [event for event in _settings(company) if iso(after) < event.recorded_at <= iso(until)]
    recorded = [company.ledgers[kind].events.recorded for kind in KINDS]
    compact = sum(int(((each > after) & (each <= until)).sum()) for each in recorded) > COMPACT_ABOVE
    path = folder / f"night_{night:04d}{'.npz' if compact else '.jsonl'}"
    unfinished = folder / f".{path.name}.unfinished{path.suffix}"
    if compact:
        # The layout of `np.savez`, but one kind at a time: all columns of a large company at once would not fit beside it.
        with ZipFile(unfinished, "w") as archive:
            _store(archive, "settings", np.frombuffer(msgspec.json.encode(settings), dtype=np.uint8))
            _store(archive, "company", np.array([company.seed, company.size, company.history_days], dtype=np.int64))
            for kind in KINDS:
                for name, column in _select(company.ledgers[kind].events, after, until).items():
                    _store(archive, f"{kind}.{name}", column)
    else:
        encode = msgspec.json.Encoder().encode
        with unfinished.open("wb") as file:
            file.writelines(encode(event) + b"\n" for event in settings)
            for kind in KINDS:
                file.writelines(
                    encode(event) + b"\n"
                    for event in _events(company, kind, _select(company.ledgers[kind].events, after, until))
                )
    unfinished.rename(path)
    return path


def _store(archive: ZipFile, name: str, column: NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, column)


def read(home: Path, nights: int | None = None) -> Iterator[Event]:
    """All events of the nights written so far (or of the first `nights`), night by night."""
    for path in sorted((home / "truth").glob("night_*")):
        if nights is None or int(path.stem.removeprefix("night_")) <= nights:
            yield from read_file(path)


def read_file(path: Path) -> Iterator[Event]:
    """All events of one night's file."""
    if path.suffix == ".jsonl":
        decode = msgspec.json.Decoder(Event).decode
        with path.open("rb") as file:
            yield from map(decode, file)
    else:
        stored = np.load(path)
        yield from msgspec.json.decode(stored["settings"].tobytes(), type=list[Event])
        company = Company(*(int(each) for each in stored["company"]))
        for kind in KINDS:
            yield from _events(company, kind, {name: stored[f"{kind}.{name}"] for name in _COLUMNS})


def _select(events: Events, after: int, until: int) -> dict[str, NDArray[Any]]:
    """The events recorded in (after, until], by entity, with their sequence and the value before; in slices, to save memory."""
    bounds = [*range(0, events.count, _SLICE), events.count]
    parts = [
        _slice(events, int(events.starts[low]), int(events.starts[high]), after, until)
        for low, high in pairwise(bounds)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}


def _slice(events: Events, low: int, high: int, after: int, until: int) -> dict[str, NDArray[Any]]:
    number, which, value = events.number[low:high], events.which[low:high], events.value[low:high]
    # Stable, so that within one field the order of happening stays.
    by_field = np.lexsort((which, number))
    ordered_number, ordered_which = number[by_field], which[by_field]
    before = np.full(high - low, NULL, dtype=np.int64)
    same = (ordered_number[1:] == ordered_number[:-1]) & (ordered_which[1:] == ordered_which[:-1])
    before[1:][same] = value[by_field][:-1][same]
    old = np.empty_like(before)
    old[by_field] = before
    sequence = (np.arange(low, high) - events.starts[number - events.first]).astype(np.int32)
    recorded = events.recorded[low:high]
    chosen = np.flatnonzero((recorded > after) & (recorded <= until))
    columns: tuple[NDArray[Any], ...] = (number, sequence, which, events.happened[low:high], recorded, old, value)
    return {name: column[chosen] for name, column in zip(_COLUMNS, columns, strict=True)}


def _events(company: Company, kind: str, columns: dict[str, Any]) -> Iterator[Event]:
    entity = ENTITY[kind]
    sellers = company.sellers.everyone

    def text(number: int, which: int, value: int) -> str | None:
        if value == NULL:
            return None
        if which in (AMOUNT, BUDGET, SPEND):
            return f"{'-' * (value < 0)}{abs(value) // 100}.{abs(value) % 100:02d}"
        if which == CLOSE:
            return iso(value)
        if which == STAGE:
            return pipelines.LEAD_STAGES[value].status if kind == "leads" else pipelines.STAGES[value].id
        if which == PIPELINE:
            return pipelines.PIPELINES[value].id
        if which == CURRENCY:
            return deals.CURRENCIES[value]
        if which == OWNER:
            return sellers[value].id
        if which == REASON:
            return deals.LOST_REASONS[value]
        if which == OUTCOME:
            return OUTCOMES[value]
        if which in _OTHER_WORDS:
            return _OTHER_WORDS[which](value)
        if which == NAME:
            return campaigns.name_of(number) if kind == "campaigns" else catalogue.PRODUCTS[number].names[value]
        return identify(kind, value) if which == MERGED_IN else str(value)

    rows = zip(*(columns[name].tolist() for name in _COLUMNS), strict=True)
    for number, sequence, which, happened, recorded, old, new in rows:
        identity = identify(kind, number)
        key, known, began = f"{entity}:{identity}:{sequence}", iso(recorded), iso(happened)
        if which == STATUS:
            survivor = identify(kind, new) if new >= 0 else None
            yield Event(
                key, sequence, known, began, entity, identity, number, _STATUS.get(new, "merged"), None, None, survivor
            )
        else:
            change = (FIELD_NAMES[which], text(number, which, old), text(number, which, new))
            yield Event(key, sequence, known, began, entity, identity, number, "changed", *change)


def _settings(company: Company) -> Iterator[Event]:
    """Events of stages, owners and exchange rates: few, and known for all nights."""

    def event(entity: str, identity: str, number: int, sequence: int, at: int, kind: str, *change: str | None) -> Event:
        field, old, new = change or (None, None, None)
        return Event(
            f"{entity}:{identity}:{sequence}",
            sequence,
            iso(at),
            iso(at),
            entity,
            identity,
            number,
            kind,
            field,
            old,
            new,
        )

    for code, stage in enumerate(pipelines.STAGES):
        identity = f"{stage.pipeline}|{stage.id}"
        start = BEGINNING - 300 * DAY
        yield event("stage", identity, code, 0, start, "created")
        yield event("stage", identity, code, 1, start, "changed", "name", None, stage.name)
        if code == pipelines.RENAMED:
            yield event(
                "stage", identity, code, 2, pipelines.RENAMED_AT, "changed", "name", stage.name, pipelines.NEW_NAME
            )
        if code == pipelines.REMOVED:
            yield event("stage", identity, code, 2, pipelines.REMOVED_AT, "deleted")
    for seller in company.sellers.everyone:
        yield event("owner", seller.id, seller.number, 0, seller.joined, "created")
        if seller.left is not None:
            yield event("owner", seller.id, seller.number, 1, seller.left, "archived")
    for place, currency in enumerate(sorted({rate.currency for rate in rates.HISTORY})):
        history = [rate for rate in rates.HISTORY if rate.currency == currency]
        yield event("exchange_rate", currency, place, 0, history[0].since, "created")
        for sequence, rate in enumerate(history, 1):
            before = str(history[sequence - 2].rate) if sequence > 1 else None
            yield event(
                "exchange_rate", currency, place, sequence, rate.since, "changed", "rate", before, str(rate.rate)
            )
