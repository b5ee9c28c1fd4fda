"""The oracle's ledger against the facts in a built marts file: differences as plain sentences.

`read_facts` translates the file's keys back into source ids by way of the dimensions, so that both sides are `Ledger`s of
the same records; `compare` names the deal, what was expected and what was found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import duckdb

from tests.oracle.ledger import Change, ChangeKey, Deal, Knowledge, Ledger, Transition, Visit, canonical, key_of
from tests.oracle.movements import Movement, Version

OURS = "deal_key in (select deal_key from dim_deals where source_system = 'files')"
HOURS_TOLERANCE = Decimal("0.000001")
Record = TypeVar("Record", Change, Transition, Visit, Deal, Version, Movement)


class Keys:
    """The file's keys as source ids. Raises ValueError when one key leads to two ids in its dimension."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._deals = _ids(
            con, "select deal_key, source_deal_id from dim_deals where source_system = 'files'", "deal_key"
        )
        self._pipelines = _ids(con, "select pipeline_key, source_pipeline_id from dim_pipelines", "pipeline_key")
        self._owners = _ids(con, "select owner_key, source_owner_id from dim_owners", "owner_key")
        # one key, several versions of the stage: one id
        self._stages = _ids(con, "select distinct stage_key, source_stage_id from dim_stages", "stage_key")

    def deal(self, key: Any) -> str:
        return str(_look_up(self._deals, key, "deal_key"))

    def stage(self, key: Any) -> str | None:
        found = _look_up(self._stages, key, "stage_key")
        return None if found is None else found.rpartition("|")[2]

    def pipeline(self, key: Any) -> str | None:
        return _look_up(self._pipelines, key, "pipeline_key")

    def owner(self, key: Any) -> str | None:
        return _look_up(self._owners, key, "owner_key")


def read_facts(con: duckdb.DuckDBPyConnection) -> Ledger:
    """The rows of source `files` in the three facts and `dim_deals`, retracted changes left out.

    Raises ValueError when one key leads to two ids in its dimension.
    """
    keys = Keys(con)
    deal, stage, pipeline, owner = keys.deal, keys.stage, keys.pipeline, keys.owner
    ledger = Ledger([change for change, knowledge in _changes(con) if knowledge.retracted_at is None])
    for row in _rows(con, f"select * from fct_deal_stage_transitions where {OURS}"):
        ledger.transitions.append(
            Transition(
                deal(row["deal_key"]),
                _instant(row["transitioned_at"]),
                pipeline(row["from_pipeline_key"]),
                stage(row["from_stage_key"]),
                pipeline(row["to_pipeline_key"]),
                stage(row["to_stage_key"]),
                row["transition_kind"],
                row["stages_moved"],
                row["deal_amount"],
                row["currency_code"],
                owner(row["owner_key"]),
                row["is_transient"],
                row["change_source"],
            )
        )
    for row in _rows(con, f"select * from fct_deal_stage_visits where {OURS}"):
        ledger.visits.append(
            Visit(
                deal(row["deal_key"]),
                row["visit_number"],
                row["stage_visit_number"],
                pipeline(row["pipeline_key"]) or "",
                stage(row["stage_key"]) or "",
                row["stage_kind"],
                _instant(row["entered_at"]),
                None if row["exited_at"] is None else _instant(row["exited_at"]),
                row["is_current"],
                row["entry_kind"],
                row["exit_kind"],
                None if row["hours_in_stage"] is None else Decimal(row["hours_in_stage"]),
                row["entry_amount"],
                row["exit_amount"],
                row["currency_code"],
                owner(row["owner_key"]),
                row["is_transient"],
            )
        )
    for row in _rows(con, "select * from dim_deals where source_system = 'files'"):
        ledger.deals.append(
            Deal(
                deal(row["deal_key"]),
                row["deal_status"],
                _instant(row["created_at"]),
                None if row["closed_at"] is None else _instant(row["closed_at"]),
                pipeline(row["pipeline_key"]) or "",
                stage(row["stage_key"]) or "",
            )
        )
    return ledger


def read_versions(con: duckdb.DuckDBPyConnection) -> list[Version]:
    """The rows of source `files` in `fct_deal_versions`."""
    keys = Keys(con)
    return [
        Version(
            keys.deal(row["deal_key"]),
            _instant(row["valid_from"]),
            None if row["valid_to"] is None else _instant(row["valid_to"]),
            row["is_current"],
            row["deal_status"],
            keys.pipeline(row["pipeline_key"]) or "",
            keys.stage(row["stage_key"]) or "",
            row["deal_amount"],
            row["currency_code"],
            None if row["expected_close_date"] is None else row["expected_close_date"].isoformat(),
            keys.owner(row["owner_key"]),
        )
        for row in _rows(con, f"select * from fct_deal_versions where {OURS}")
    ]


def read_movements(con: duckdb.DuckDBPyConnection) -> list[Movement]:
    """The rows of source `files` in `fct_pipeline_movements`."""
    keys = Keys(con)
    return [
        Movement(
            keys.deal(row["deal_key"]),
            _instant(row["moved_at"]),
            row["bucket"],
            row["count_delta"],
            row["amount_delta"],
            row["booked_amount_delta"],
            row["constant_amount_delta"],
            row["amount_missing_reason"],
            row["currency_code"],
            keys.pipeline(row["pipeline_key"]) or "",
            keys.stage(row["stage_key"]) or "",
            keys.owner(row["owner_key"]),
            row["is_pipeline_change"],
        )
        for row in _rows(con, f"select * from fct_pipeline_movements where {OURS}")
    ]


def compare_states(
    versions: Sequence[Version],
    movements: Sequence[Movement],
    found_versions: Sequence[Version],
    found_movements: Sequence[Movement],
) -> list[str]:
    """One sentence per difference in what a deal was and in what it moved, by deal."""
    return [
        *compare_table("version", versions, found_versions, lambda v: v.valid_from),
        *compare_table("movement", movements, found_movements, lambda m: (m.bucket, m.moved_at, m.stage_id)),
    ]


def read_knowledge(con: duckdb.DuckDBPyConnection) -> dict[ChangeKey, Knowledge]:
    """When each change of source `files` came to be known and was taken back."""
    return {key_of(change): knowledge for change, knowledge in _changes(con)}


def _changes(con: duckdb.DuckDBPyConnection) -> Iterable[tuple[Change, Knowledge]]:
    """The rows of `fct_deal_changes`, retracted ones included, status left out: the source states none."""
    deals = _ids(con, "select deal_key, source_deal_id from dim_deals where source_system = 'files'", "deal_key")
    query = (
        "select * from fct_deal_changes "
        "where deal_key in (select deal_key from dim_deals where source_system = 'files') and field <> 'status'"
    )
    for row in _rows(con, query):
        change = Change(
            str(_look_up(deals, row["deal_key"], "deal_key")),
            row["field"],
            _value(row["field"], row["old_value"]),
            _value(row["field"], row["new_value"]),
            _instant(row["changed_at"]),
            row["sequence"],
            row["change_source"],
        )
        retracted_at = None if row["retracted_at"] is None else _instant(row["retracted_at"])
        yield change, Knowledge(_instant(row["known_at"]), retracted_at, row["change_source"] == "crm_history")


def compare(expected: Ledger, found: Ledger) -> list[str]:
    """One sentence per difference, by deal; empty when the two ledgers say the same."""
    return [
        *compare_table(
            "change",
            expected.changes,
            _without_own_sequences(expected, found),
            lambda c: (c.field, c.changed_at, c.new_value),
        ),
        *compare_table(
            "transition", expected.transitions, found.transitions, lambda t: (t.transitioned_at, t.to_stage_id)
        ),
        *compare_table("visit", expected.visits, found.visits, lambda v: v.visit_number),
        *compare_table("record", expected.deals, found.deals, lambda d: d.deal_id),
    ]


def compare_knowledge(
    expected: Mapping[ChangeKey, Knowledge], found: Mapping[ChangeKey, Knowledge], nights: Sequence[datetime]
) -> list[str]:
    """One sentence per change that is known or taken back on another night; inferred rows need not be kept once replaced."""

    def night(instant: datetime | None) -> datetime | None:
        return None if instant is None else min(nights, key=lambda begun: abs(begun - instant))

    sentences = []
    for key, wanted in sorted(expected.items(), key=lambda pair: (pair[0].deal_id, pair[0].changed_at)):
        label = f"Deal {key.deal_id}: change {_spell((key.field, key.changed_at, key.new_value))}"
        seen = found.get(key)
        if seen is None:
            if wanted.is_stated:
                sentences.append(f"{label} is not there, not even as retracted.")
            continue
        if (wanted.known_at == key.changed_at) != (seen.known_at == key.changed_at) or (
            wanted.known_at != key.changed_at and night(wanted.known_at) != night(seen.known_at)
        ):
            sentences.append(f"{label}: known_at expected {_spell(wanted.known_at)}, found {_spell(seen.known_at)}.")
        if wanted.is_stated and night(wanted.retracted_at) != night(seen.retracted_at):
            sentences.append(
                f"{label}: retracted_at expected {_spell(wanted.retracted_at)}, found {_spell(seen.retracted_at)}."
            )
    return sentences


def _without_own_sequences(expected: Ledger, found: Ledger) -> list[Change]:
    """The changes found; a sequence where the source states none is the warehouse's own and left out."""
    stated = {(*key_of(change), change.sequence) for change in expected.changes}
    return [
        change if (*key_of(change), change.sequence) in stated else replace(change, sequence=None)
        for change in found.changes
    ]


def compare_table(
    name: str, expected: Sequence[Record], found: Sequence[Record], label: Callable[[Record], Hashable]
) -> Iterable[str]:
    expected_by_deal, found_by_deal = _by_deal(expected), _by_deal(found)
    for deal_id in sorted(expected_by_deal.keys() | found_by_deal.keys()):
        missing = Counter(expected_by_deal[deal_id])
        extra = Counter(found_by_deal[deal_id])
        common = missing & extra
        yield from _sentences(name, list((missing - common).elements()), list((extra - common).elements()), label)


def _by_deal(records: Sequence[Record]) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        grouped[record.deal_id].append(record)
    return grouped


def _sentences(
    name: str, missing: list[Record], extra: list[Record], label: Callable[[Record], Hashable]
) -> Iterable[str]:
    """Pairs what carries the same label and names the columns that differ; the rest is missing or too much."""
    for wanted in missing:
        twin = next((record for record in extra if label(record) == label(wanted)), None)
        if twin is None:
            yield f"Deal {wanted.deal_id}: a {name} is missing; expected {_describe(wanted)}."
            continue
        extra.remove(twin)
        before, after = asdict(wanted), asdict(twin)
        differing = [column for column in before if not _same(column, before[column], after[column])]
        for column in differing:
            yield (
                f"Deal {wanted.deal_id}: {name} {_spell(label(wanted))}: {column} expected {_spell(before[column])}, "
                f"found {_spell(after[column])}."
            )
    for record in extra:
        yield f"Deal {record.deal_id}: a {name} that should not be there; found {_describe(record)}."


def _same(column: str, expected: Any, found: Any) -> bool:
    if column == "hours_in_stage" and expected is not None and found is not None:
        return abs(Decimal(expected) - Decimal(found)) <= HOURS_TOLERANCE
    return bool(expected == found)


def _describe(record: Change | Transition | Visit | Deal | Version | Movement) -> str:
    return ", ".join(f"{name} {_spell(value)}" for name, value in asdict(record).items() if name != "deal_id")


def _spell(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(_spell(part) for part in value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "null" if value is None else str(value)


def _value(field: str, value: str | None) -> str | None:
    if value is not None and field == "stage":
        value = value.rpartition("|")[2]
    return canonical(field, value)


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = con.execute(query)
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _ids(con: duckdb.DuckDBPyConnection, query: str, key: str) -> dict[Any, str | None]:
    """Key to source id; two ids of one key are an error."""
    ids: dict[Any, str | None] = {}
    for found_key, source_id in con.execute(query).fetchall():
        if ids.setdefault(found_key, source_id) != source_id:
            raise ValueError(f"{key} {found_key} stands for both {ids[found_key]} and {source_id}")
    return ids


def _look_up(ids: dict[Any, str | None], key: Any, name: str) -> str | None:
    """The source id; a key without a row in its dimension becomes words, so that it shows as a difference."""
    return None if key is None else ids.get(key, f"({name} {key} is in no dimension)")
