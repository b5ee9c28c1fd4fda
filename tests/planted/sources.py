"""What is told of deals, in the words of each source: raw rows as the loader writes them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import md5
from typing import Any

import duckdb

from tests.core.warehouse import Warehouse, iso
from tests.planted.faults import Source
from tests.planted.lives import OWNERS, STAGES, Told, in_order

HUBSPOT_PROPERTIES = {
    "stage": "dealstage",
    "pipeline": "pipeline",
    "amount": "amount",
    "currency": "deal_currency_code",
    "expected_close": "closedate",
    "owner": "hubspot_owner_id",
}
COLUMNS = {
    "stage": "stage_id",
    "pipeline": "pipeline_id",
    "amount": "deal_amount",
    "currency": "currency_code",
    "expected_close": "expected_close_date",
    "owner": "owner_id",
}
TYPES = {
    "_source_updated_at": "timestamp", "_extracted_at": "timestamp", "_record_number": "bigint", "_is_deleted": "boolean",
    "_load_number": "bigint", "load_number": "bigint", "deal_count": "bigint", "deal_amount": "decimal(18, 2)",
}  # fmt: skip
Payload = dict[str, Any]
#: id, payload, is it deleted, when the source changed it
Row = tuple[str, Payload, bool, datetime | None]


@dataclass
class Landing:
    """What one account lands of one resource on one night."""

    system: str
    account: str
    resource: str
    rows: list[Row] = field(default_factory=list)
    totals: list[tuple[str, str, str, int, str]] = field(default_factory=list)


def landings(source: Source, account: str, deals: Iterable[Told], is_first: bool) -> list[Landing]:
    """The landings of one account, whose deals are told as given. Later nights bring deals and lists anew, not the rest."""
    told = list(deals)
    return (_hubspot if source.system == "hubspot" else _files)(source, account, told, is_first)


def _hubspot(source: Source, account: str, deals: list[Told], is_first: bool) -> list[Landing]:
    pipelines = Landing("hubspot", account, "deal_pipelines")
    owners = Landing("hubspot", account, "owners")
    found = Landing("hubspot", account, "deals")
    sweep = Landing("hubspot", account, "deals_sweep")
    missing = {deal.missing_stage for deal in deals}
    for name, stages in STAGES.items():
        listed = [
            {
                "id": stage, "label": stage.upper(), "displayOrder": order, "archived": False,
                "metadata": {"isClosed": str(kind != "open").lower(), "probability": {"won": "1.0", "lost": "0.0"}.get(kind, "0.5")},
            }
            for order, (stage, kind) in enumerate(stages) if stage not in missing
        ]  # fmt: skip
        pipelines.rows.append((name, {"id": name, "label": name, "archived": False, "stages": listed}, False, None))
    for owner in OWNERS:
        owners.rows.append((owner, {"id": owner, "firstName": owner, "lastName": "N", "teams": []}, False, None))
    for deal in deals:
        if deal.record is not None:
            found.rows.append((deal.deal_id, _hubspot_deal(source, deal), deal.is_deleted, deal.updated_at))
        sweep.rows.append((deal.deal_id, {"id": deal.deal_id}, not deal.listed, None))
    sweep.totals = _totals(deals)
    return [pipelines, owners, found, sweep] if is_first else [found, sweep]


def _hubspot_deal(source: Source, deal: Told) -> Payload:
    assert deal.record is not None
    properties = {HUBSPOT_PROPERTIES[name]: value for name, value in deal.record.items()}
    properties |= {"dealname": f"Deal {deal.deal_id}", "createdate": str(iso(deal.created_at))}
    if source.gives_dates:
        for stage in {stage for stages in STAGES.values() for stage, _ in stages}:
            entered, left = deal.dates.get(stage, (None, None))
            properties[f"hs_v2_date_entered_{stage}"] = iso(entered)  # type: ignore[assignment]
            properties[f"hs_v2_date_exited_{stage}"] = iso(left)  # type: ignore[assignment]
    history: dict[str, list[Payload]] = {name: [] for name in [*HUBSPOT_PROPERTIES.values(), "hs_merged_object_ids"]}
    for event in reversed(in_order(deal.history)):
        entry = {"value": event.value, "timestamp": iso(event.at), "sourceType": "CRM_UI"}
        history[HUBSPOT_PROPERTIES[event.field]].append(entry)
    return {
        "id": deal.deal_id,
        "createdAt": iso(deal.created_at),
        "updatedAt": iso(deal.updated_at),
        "archived": deal.is_deleted,
        "archivedAt": iso(deal.updated_at) if deal.is_deleted else None,
        "properties": properties,
        "propertiesWithHistory": history,
        "associations": {"companies": [], "contacts": [], "leads": []},
    }


def _totals(deals: list[Told]) -> list[tuple[str, str, str, int, str]]:
    counts: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for deal in deals:
        if deal.counted is not None:
            place = (deal.counted["pipeline"], deal.counted["stage"], deal.counted["currency"])
            counts[place].append(Decimal(deal.counted["amount"]))
    return [(*place, len(amounts), str(sum(amounts))) for place, amounts in counts.items()]


def _files(source: Source, account: str, deals: list[Told], is_first: bool) -> list[Landing]:
    pipelines, stages = Landing("files", account, "pipelines"), Landing("files", account, "stages")
    owners, found = Landing("files", account, "owners"), Landing("files", account, "deals")
    changes = Landing("files", account, "deal_changes")
    missing = {deal.missing_stage for deal in deals}
    for name, listed in STAGES.items():
        pipelines.rows.append((name, {"pipeline_id": name, "pipeline_name": name}, False, None))
        for order, (stage, kind) in enumerate(listed):
            if stage not in missing:
                row = {"pipeline_id": name, "stage_id": stage, "stage_name": stage.upper(), "stage_order": str(order)}
                stages.rows.append((f"{name}|{stage}", row | {"stage_kind": kind}, False, None))
    for owner in OWNERS:
        owners.rows.append((owner, {"owner_id": owner, "owner_name": owner}, False, None))
    for deal in deals:
        if deal.record is not None:
            row = {COLUMNS[name]: value for name, value in deal.record.items()}
            row |= {"deal_id": deal.deal_id, "created_at": str(iso(deal.created_at))}
            if deal.is_deleted:
                row |= {"is_deleted": "true", "deleted_at": str(iso(deal.updated_at))}
            found.rows.append((deal.deal_id, row, False, deal.updated_at))
        for event in in_order(deal.history):
            entry = {
                "deal_id": deal.deal_id,
                "field": event.field,
                "new_value": event.value,
                "changed_at": str(iso(event.at)),
            }
            entry["sequence"] = str(event.order)
            if source.gives_old_values and event.old is not None:
                entry["old_value"] = event.old
            changes.rows.append(("|".join(entry.values()), entry, False, None))
    return [pipelines, stages, owners, found, changes] if is_first else [found, changes]


class Loader:
    """Writes landings as the product's loader does: only versions that differ from the last one held; in `files`, where each landing is
    the whole state, what vanished is marked deleted. Each landing is a load of its own."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._held: dict[tuple[str, str, str], dict[str, tuple[Payload, bool]]] = defaultdict(dict)

    def load(self, landed: Iterable[Landing]) -> None:
        """Rows, `_loads` and control totals of one night."""
        warehouse = self._warehouse
        night = warehouse.night.replace(tzinfo=None).isoformat()
        loads, totals = [], []
        rows: dict[str, list[Payload]] = defaultdict(list)
        for landing in landed:
            warehouse.loads += 1
            sweep_of = "deals" if landing.resource == "deals_sweep" else None
            mode = "changes" if (landing.system, landing.resource) == ("hubspot", "deals") else "complete"
            loads.append((warehouse.loads, landing.system, landing.account, landing.resource, mode, sweep_of))
            totals += [(warehouse.loads, landing.system, landing.account, *total) for total in landing.totals]
            for number, (identity, payload, is_deleted, updated_at) in enumerate(self._news(landing), 1):
                text = json.dumps(payload)
                rows[f"{landing.system}__{landing.resource}"].append(
                    {
                        "_account": landing.account, "_source_id": identity, "_source_updated_at": iso(updated_at),
                        "_extracted_at": night, "_run_id": warehouse.run_id, "_record_number": number, "_is_deleted": is_deleted,
                        "_load_number": warehouse.loads, "_version_hash": md5(f"{text}{is_deleted}".encode()).hexdigest(), "payload": text,  # noqa: S324 - the warehouse makes its keys so; nothing is kept secret by it
                    }
                )  # fmt: skip
        with warehouse.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for table, listed in rows.items():
                self._insert(connection, table, listed)
            self._copy(
                connection,
                f"insert into raw._loads by name select load_number, source_system, account, resource, mode, sweep_of, '{warehouse.run_id}' as "
                f"run_id, timestamp '{night}' - interval '5' minute as data_through, timestamp '{night}' as extracted_at",
                ("load_number", "source_system", "account", "resource", "mode", "sweep_of"),
                loads,
            )
            self._copy(
                connection,
                f"insert into raw._control_totals by name select *, '{warehouse.run_id}' as run_id, 'deals_sweep' as resource, "
                f"timestamp '{night}' as as_of, []::varchar[] as excluded_ids",
                (
                    "load_number",
                    "source_system",
                    "account",
                    "pipeline_id",
                    "stage_id",
                    "currency_code",
                    "deal_count",
                    "deal_amount",
                ),
                totals,
            )

    def _news(self, landing: Landing) -> list[Row]:
        held = self._held[landing.system, landing.account, landing.resource]
        said = {identity: (payload, is_deleted) for identity, payload, is_deleted, _ in landing.rows}
        news = [row for row in landing.rows if held.get(row[0]) != said[row[0]]]
        if landing.system == "files":
            news += [
                (key, payload, True, None) for key, (payload, gone) in held.items() if key not in said and not gone
            ]
        held.update({identity: (payload, is_deleted) for identity, payload, is_deleted, _ in news})
        return news

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: str, listed: list[Payload]) -> None:
        self._copy(
            connection,
            f"insert into raw.{table} by name select * replace (_version_hash::uuid as _version_hash, payload::json as payload)",
            tuple(listed[0]),
            [tuple(row.values()) for row in listed],
        )

    def _copy(
        self, connection: duckdb.DuckDBPyConnection, statement: str, names: tuple[str, ...], rows: list[Any]
    ) -> None:
        if rows:
            lines = self._warehouse.folder / "rows.jsonl"
            lines.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
            types = ", ".join(f"{name}: '{TYPES.get(name, 'varchar')}'" for name in names)
            connection.execute(
                f"{statement} from read_json('{lines}', format = 'newline_delimited', columns = {{{types}}})"
            )
            lines.unlink()
