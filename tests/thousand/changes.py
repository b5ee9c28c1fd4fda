"""What core must say of a deal's amount, currency, owner and expected close, of a lead's status and of a line item's deal, worked out from the truth
log as each CRM can tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import duckdb

from simulator import line_items
from simulator.identities import identify as hubspot_id
from simulator.identities import number_of
from tests.e2e.truth_ledger import INDEX_LAG
from tests.thousand import hubspot, pipedrive, salesforce
from tests.thousand.lives import Life, Lives, known_at, standing, states_between
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
    # What is entered at one instant is several transactions where a field, and be it the stage, changes twice.
    for save in salesforce.saves_of(life, (*FIELDS, "stage", "pipeline")):
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


def statuses_in_hubspot(life: Life) -> Iterator[tuple[datetime, str | None]]:
    """As they happened."""
    yield from ((event.happened, event.new) for event in life if event.field == "stage")


def statuses_in_salesforce(life: Life) -> Iterator[tuple[datetime, str | None]]:
    """As they were entered, in whole seconds."""
    for save in salesforce.saves_of(life, ("stage", "owner")):
        if "stage" in save.changed:
            yield save.at.replace(microsecond=0), save.now["stage"]


def compare_leads(connection: duckdb.DuckDBPyConnection, raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """Every change of status of every lead that is there; Pipedrive keeps none."""
    for crm, identity, tells, lag in (
        ("hubspot", lambda number: hubspot_id("leads", number), statuses_in_hubspot, INDEX_LAG),
        ("salesforce", lambda number: salesforce.identify("Lead", number), statuses_in_salesforce, salesforce.LONGEST_COMMIT),
    ):  # fmt: skip
        held: dict[str, list[tuple[datetime, str | None]]] = {}
        for lead, at, status in connection.execute(
            """
            select lead.source_lead_id, change.changed_at, change.new_status
            from fct_lead_status_changes as change join dim_leads as lead using (lead_key)
            where lead.source_system = ? and change.retracted_at is null
            order by change.lead_key, change.changed_at, change.sequence
            """,
            [crm],
        ).fetchall():
            held.setdefault(lead, []).append((at, status))
        nights = raw.asked(f"{crm}__leads")
        for number, life in lives.of["lead"].items():
            states = list(states_between(life, settled(nights, len(nights) - 1, lag), nights[-1].until))
            # Of one that is gone, or that may not have been read yet, nobody tells what happened last.
            if not states[0] or any(standing(state).kind not in ("created", "restored") for state in states):
                continue
            ours = held.get(identity(number), [])
            found.entities[f"{crm} changes of a lead's status"] += len(ours)
            found.events += len(ours)
            expected = [_each_once(tells(state)) for state in states]
            if ours not in expected:
                yield f"{crm} statuses of lead {identity(number)}: core has {ours}, expected {expected[-1]}"


def _each_once(steps: Iterable[tuple[datetime, str | None]]) -> list[tuple[datetime, str | None]]:
    """What is set to the value that it has is no change."""
    found: list[tuple[datetime, str | None]] = []
    for at, status in steps:
        if not found or found[-1][1] != status:
            found.append((at, status))
    return found


def compare_items(connection: duckdb.DuckDBPyConnection, raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """The deal of every line item that core says is there: its own or, once that was merged away, the survivor. Where opportunities do not merge, it
    stays."""
    for crm, table, item_id, deal_id, merges in (
        ("hubspot", "deals", lambda number: hubspot_id("line_items", number), lambda number: hubspot_id("deals", number), True),
        (
            "salesforce", "opportunities", lambda number: salesforce.identify("OpportunityLineItem", number),
            lambda number: salesforce.identify("Opportunity", number), False,
        ),
        ("pipedrive", "deals", lambda number: str(pipedrive.identify("line_items", number)), lambda number: str(pipedrive.identify("deals", number)), True),
    ):  # fmt: skip
        held = dict(
            connection.execute(
                """
                select item.source_line_item_id, deal.source_deal_id
                from fct_deal_line_items as item left join dim_deals as deal using (deal_key)
                where item.source_system = ? and not item.is_deleted
                """,
                [crm],
            ).fetchall()
        )
        night = raw.asked(f"{crm}__{table}")[-1]
        for number in lives.of["line_item"]:
            if item_id(number) not in held:
                continue
            deal = line_items.deal_of(number)
            found.entities[f"{crm} deals of line items"] += 1
            right: set[str | None] = set()
            for state in states_between(lives.of["deal"][deal], night.through - INDEX_LAG, night.until):
                end = standing(state) if state else None
                is_merged = merges and end is not None and end.kind == "merged"
                survivor = number_of("deals", end.new or "") if is_merged and end else deal
                right.add(deal_id(deal if survivor is None else survivor))
                # HubSpot shows no deal that is in the archive as the line's.
                if crm == "hubspot" and any(event.kind in ("archived", "deleted") for event in state):
                    right.add(None)
                # What a survivor took over is read with its next change: never, if it went itself.
                if (
                    crm == "pipedrive"
                    and survivor is not None
                    and not _is_live(lives.of["deal"][survivor], night.until)
                ):
                    right.add(deal_id(deal))
            if held[item_id(number)] not in right:
                yield f"{crm} line item {item_id(number)}: belongs to deal {held[item_id(number)]}, expected {right}"


def _is_live(life: Life, at: datetime) -> bool:
    known = known_at(life, at)
    return bool(known) and standing(known).kind in ("created", "restored")


#: entity → its core table, its id there, and the key by which it names a party
_POINTERS = (
    ("lead", "dim_leads", "source_lead_id", "contact"),
    ("lead", "dim_leads", "source_lead_id", "company"),
    ("contact", "dim_contacts", "source_contact_id", "company"),
    ("deal", "dim_deals", "source_deal_id", "company"),
)
_PARTIES = {"contact": "dim_contacts", "company": "dim_companies"}


def compare_pointers(connection: duckdb.DuckDBPyConnection, raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """Whoever names a contact or company names one that stands for itself: of one that was merged away the survivor."""
    for entity, table, identity, party in _POINTERS:
        for crm, pointer, merged_into in connection.execute(f"""
            select pointing.source_system, pointing.{identity}, party.merged_into_{party}_key
            from {table} as pointing join {_PARTIES[party]} as party on party.{party}_key = pointing.{party}_key
        """).fetchall():
            found.entities[f"{crm} {entity}'s {party}"] += 1
            if merged_into is not None:
                yield f"{crm} {entity} {pointer} points to a {party} that was merged into {merged_into}"
