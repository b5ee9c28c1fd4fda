"""What `fct_deal_changes` must say of amount, currency, owner and expected close, worked out from the truth log as each CRM can tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import duckdb

from simulator.identities import identify as hubspot_id
from tests.thousand import hubspot, pipedrive, salesforce
from tests.thousand.lives import Life, Lives, standing, states_between
from tests.thousand.raw import Compared, Raw, settled

FIELDS = ("amount", "currency", "expected_close", "owner")
#: field → its changes: when, and to what
Changes = dict[str, list[tuple[datetime, str | None]]]


def _changes(entries: Iterable[tuple[str, datetime, str | None]]) -> Changes:
    """What is set to the value that it has is no change."""
    found: Changes = {name: [] for name in FIELDS}
    for name, at, value in entries:
        before = found[name][-1][1] if found[name] else None
        if value != before:
            found[name].append((at, value))
    return found


def _money(text: str | None) -> str | None:
    return None if text is None else f"{Decimal(text):.2f}"


def of_hubspot(life: Life) -> Changes:
    """As they happened, whenever they were entered."""
    return _changes(
        (event.field, event.happened, _shown(event.field, event.new)) for event in life if event.field in FIELDS
    )


def _shown(field: str, text: str | None) -> str | None:
    if field == "amount":
        return _money(text)
    return text[:10] if field == "expected_close" and text else text


def of_salesforce(life: Life) -> Changes:
    """As they were entered, in whole seconds; an owner and a date there always are."""
    return _changes(_saved(life))


def _saved(life: Life) -> Iterator[tuple[str, datetime, str | None]]:
    created = salesforce.created_at(life)
    for save in salesforce.saves_of(life, FIELDS):
        at = save.at.replace(microsecond=0)
        yield "amount", at, _money(save.now["amount"])
        yield "currency", at, save.now["currency"]
        yield "expected_close", at, salesforce.date_of(save.now["expected_close"], created)
        yield "owner", at, salesforce.user_of(save.now["owner"])


def of_pipedrive(life: Life) -> Changes:
    """What the record was made with, then its changelog."""
    return _changes(_logged(life))


def _logged(life: Life) -> Iterator[tuple[str, datetime, str | None]]:
    names = {"value": "amount", "currency": "currency", "expected_close_date": "expected_close", "user_id": "owner"}
    now, log = pipedrive.record_of(life)
    created = next(event.recorded for event in life if event.kind == "created").replace(microsecond=0)
    for key, name in names.items():
        record = "owner_id" if key == "user_id" else key
        first = next((before for _, changed, before, _ in log if changed == key), now.get(record))
        yield name, created, _text(name, first)
    for at, key, _, after in log:
        if key in names:
            yield names[key], at, _text(names[key], after)


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    return f"{Decimal(str(value)):.2f}" if name == "amount" else str(value)


#: by CRM: a deal's id, the table that its history comes with, and what it must say
TOLD: Mapping[str, tuple[Callable[[int], str], str, Callable[[Life], Changes]]] = {
    "hubspot": (lambda number: hubspot_id("deals", number), "hubspot__deals", of_hubspot),
    "salesforce": (
        lambda number: salesforce.identify("Opportunity", number), "salesforce__opportunities", of_salesforce,
    ),
    "pipedrive": (
        lambda number: str(pipedrive.identify("deals", number)), "pipedrive__deal_changelogs", of_pipedrive,
    ),
}  # fmt: skip


def compare(connection: duckdb.DuckDBPyConnection, raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """Every change of every deal that is there."""
    for crm, (identity, table, tells) in TOLD.items():
        held = _held(connection, crm)
        nights = raw.asked(table)
        lag = next(entity.lag for entity in hubspot.entities()) if crm == "hubspot" else salesforce.LONGEST_COMMIT
        for number, life in lives.of["deal"].items():
            states = list(states_between(life, settled(nights, len(nights) - 1, lag), nights[-1].until))
            # Of one that is gone, or that may not have been read yet, the transitions tell.
            if not states[0] or any(standing(state).kind not in ("created", "restored") for state in states):
                continue
            ours = held.get(identity(number), {name: [] for name in FIELDS})
            changes = sum(map(len, ours.values()))
            found.entities[f"{crm} changes of other fields"] += changes
            found.events += changes
            expected = [tells(state) for state in states]
            if ours not in expected:
                wrong = {name: (ours[name], expected[-1][name]) for name in FIELDS if ours[name] != expected[-1][name]}
                yield f"{crm} changes of {identity(number)}: core has (first) and should have (second) {wrong}"


def _held(connection: duckdb.DuckDBPyConnection, crm: str) -> dict[str, Changes]:
    held: dict[str, Changes] = {}
    for deal, name, at, value in connection.execute(
        """
        select deals.source_deal_id, changes.field, changes.changed_at, changes.new_value
        from fct_deal_changes as changes join dim_deals as deals using (deal_key)
        where deals.source_system = ? and changes.retracted_at is null
            and changes.field in ('amount', 'currency', 'expected_close', 'owner')
        order by changes.deal_key, changes.field, changes.changed_at, changes.sequence, changes._record_number
        """,
        [crm],
    ).fetchall():
        held.setdefault(deal, {field: [] for field in FIELDS})[name].append((at, value))
    return held
