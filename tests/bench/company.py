"""A large company's raw tables: deals with their histories as HubSpot's API gives them, and what stands around them.

The tables are created by the loader itself; only the rows are made here, because a million deals over HTTP would take hours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa

from simulator import pipelines
from tests.bench import histories
from tests.bench.histories import CURRENCIES, FIRST_NIGHT, OWNERS, SECOND_NIGHT, Events
from warehouse.load import load
from watertight.night import raw_tables

_ACCOUNT = "4711"
#: the history's entries by property, in the order of the fields' numbers
_PROPERTIES = (
    "dealstage",
    "pipeline",
    "amount",
    "deal_currency_code",
    "closedate",
    "hubspot_owner_id",
    "hs_merged_object_ids",
)
#: rows of payload are rendered in groups of so many deals, which keeps the memory small
_GROUP = 200_000

_VALUES = f"""
    case field
        when 0 then {[stage.id for stage in pipelines.STAGES]}[code + 1]
        when 1 then {[pipeline.id for pipeline in pipelines.PIPELINES]}[code + 1]
        when 2 then cast(code // 100 as varchar) || '.' || lpad(cast(code % 100 as varchar), 2, '0')
        when 3 then {list(CURRENCIES)}[code + 1]
        when 4 then strftime(date '1970-01-01' + cast(code as integer), '%Y-%m-%dT00:00:00Z')
        when 5 then cast(7000 + code as varchar)
        when 6 then cast(10000000000 + code as varchar)
    end"""

_INSTANT = "'%Y-%m-%dT%H:%M:%S.%gZ'"


def _lists() -> str:
    return ",\n".join(
        f"""coalesce(list(entry order by moment desc, place desc) filter (where field = {number}), []) as {name}"""
        for number, name in enumerate(_PROPERTIES)
    )


def _history() -> str:
    return ", ".join(f"'{name}': {name}" for name in _PROPERTIES)


def _newest() -> str:
    return ", ".join(f"'{name}': {name}[1].value" for name in _PROPERTIES)


_DEALS = f"""
with
entries as (
    select deal, field, moment, place, {{{{'value': {_VALUES}, 'timestamp': strftime(moment, {_INSTANT}), 'sourceType': 'CRM_UI'}}}} as entry, code
    from company.events as event
    where deal >= {{first}} and deal < {{beyond}} {{condition}}
),
histories as (
    select deal, min(moment) filter (where place = 0) as created_at, max(moment) as updated_at, {_lists()},
        max(moment) filter (where field = 0 and code = 0) as first_stage_entered_at
    from entries group by deal
)
select
    cast(10000000000 + deal as varchar) as id,
    updated_at,
    to_json({{{{
        'id': cast(10000000000 + deal as varchar), 'createdAt': strftime(created_at, {_INSTANT}),
        'updatedAt': strftime(updated_at, {_INSTANT}), 'archived': false,
        'properties': {{{{
            'dealname': 'Deal number ' || deal, 'createdate': strftime(created_at, {_INSTANT}), {_newest()},
            'hs_mrr': cast(deal % 900 as varchar), 'hs_analytics_source': ['ORGANIC_SEARCH', 'REFERRALS', 'PAID_SEARCH', 'OFFLINE'][1 + deal % 4],
            'lead_direction': case when deal % 3 = 0 then 'inbound' else 'outbound' end,
            'hs_v2_date_entered_{pipelines.STAGES[0].id}': strftime(first_stage_entered_at, {_INSTANT}),
            'closed_lost_reason': ['price', 'no_budget', 'timing', 'went_silent', 'not_qualified'][1 + deal % 5]
        }}}},
        'propertiesWithHistory': {{{{{_history()}}}}},
        'associations': {{{{'companies': [cast(deal // 4 as varchar)], 'contacts': [cast(deal // 2 as varchar)], 'leads': []}}}}
    }}}}) as payload
from histories order by hash(deal)
"""

#: resource → query of (id, payload) over the numbers `first` … `beyond` - 1 of deals
_AROUND = {
    "companies": """
        select cast(number as varchar), {'createdAt': '2024-01-01T08:00:00.000Z', 'properties': {'name': 'Company ' || number,
            'industry': 'industry ' || number % 40, 'country': ['DE', 'FR', 'US', 'PL'][1 + number % 4],
            'numberofemployees': cast(number % 5000 as varchar)}}
        from range({first} // 4, {beyond} // 4) as deals(number)""",
    "contacts": """
        select cast(number as varchar), {'createdAt': '2024-01-01T08:00:00.000Z', 'properties': {'firstname': 'Ada', 'lastname': 'No ' || number,
            'email': number || '@example.com', 'hs_legal_basis': 'legitimate_interest'}, 'associations': {'companies': [cast(number // 2 as varchar)]}}
        from range({first} // 2, {beyond} // 2) as deals(number)""",
    "leads": """
        select cast(number as varchar), {'createdAt': '2024-01-01T08:00:00.000Z', 'properties': {'hs_lead_name': 'Lead ' || number,
            'hs_pipeline_stage': 'qualified-stage-id', 'hubspot_owner_id': cast(7000 + number % 120 as varchar), 'lead_channel': 'ORGANIC_SEARCH'},
            'propertiesWithHistory': {'hs_pipeline_stage': [{'value': 'qualified-stage-id', 'timestamp': '2024-01-01T08:00:00.000Z', 'sourceType': 'CRM_UI'}]},
            'associations': {'companies': [cast(number // 4 as varchar)], 'contacts': [cast(number // 2 as varchar)], 'deals': [cast(10000000000 + number as varchar)]}}
        from range({first}, {beyond}, 3) as deals(number)""",
    "calls": """
        select cast(deal as varchar) || '-' || place, {'createdAt': strftime(moment, '%Y-%m-%dT%H:%M:%S.%gZ'), 'properties': {
            'hs_timestamp': strftime(moment, '%Y-%m-%dT%H:%M:%S.%gZ'), 'hubspot_owner_id': cast(7000 + deal % 120 as varchar),
            'hs_call_direction': 'OUTBOUND', 'hs_call_status': case when deal % 3 = 0 then 'NO_ANSWER' else 'COMPLETED' end},
            'associations': {'deals': [cast(10000000000 + deal as varchar)], 'contacts': [cast(deal // 2 as varchar)]}}
        from company.events where deal >= {first} and deal < {beyond} and field = 0 and place < 2 {condition}""",
}


def create(folder: Path, deals: int, older: int = 0, seed: int = 1) -> Path:
    """A new `warehouse.duckdb` in `folder` with the raw tables after the first night; returns it.

    `deals` deals of the last two years, with `older` more in the years before them, and beside it `company.duckdb` with their
    events, from which `add_night` goes on.
    """
    folder.mkdir(parents=True)
    warehouse = folder / "warehouse.duckdb"
    # The loader with nothing to load: it creates the raw table of every registered source.
    settings = SimpleNamespace(warehouse_file=warehouse, landing_dir=folder / "landing", ingest_memory_mb=1000)
    load(settings, SimpleNamespace(), raw_tables())  # type: ignore[arg-type]
    with _connect(folder) as connection:
        connection.execute(
            "create table company.events (deal integer, field utinyint, moment timestamp, place utinyint, code bigint, night utinyint)"
        )
        two_years = histories.YEARS * 365 * histories.DAY
        # Negative numbers behind: the deals of the last two years have the same ones whatever lies before them.
        for era in range(older // deals + 1):
            _keep(connection, histories.draw(seed, -era * deals, deals, FIRST_NIGHT - era * two_years), night=0)
        _land_listings(connection)
        first, beyond = -(older // deals) * deals, deals
        _land_deals(connection, first, beyond, "and night = 0", FIRST_NIGHT)
        for resource, query in _AROUND.items():
            rows = query.replace("{first}", str(first)).replace("{beyond}", str(beyond)).replace("{condition}", "")
            _land(connection, "hubspot", resource, f"select * from ({rows}) as t(id, payload)", FIRST_NIGHT)
        connection.execute("checkpoint warehouse")
    return warehouse


def add_night(folder: Path, deals: int, changed: int, seed: int = 1) -> None:
    """The second night: new versions of `changed` of the `deals` deals, and a call for each that moved."""
    with _connect(folder) as connection:
        _keep(connection, [histories.draw_night(seed, deals, changed)], night=1)
        touched = "and deal in (select deal from company.events where night = 1)"
        _land_deals(connection, 0, deals + changed, touched, SECOND_NIGHT)
        calls = _AROUND["calls"].replace("{first}", "0").replace("{beyond}", str(deals + changed))
        calls = calls.replace("field = 0 and place < 2 {condition}", "field = 0 and night = 1")
        _land(connection, "hubspot", "calls", f"select * from ({calls}) as t(id, payload)", SECOND_NIGHT)
        for resource in ("owners", "deal_pipelines", "companies", "contacts", "leads"):
            _land(connection, "hubspot", resource, None, SECOND_NIGHT)
        connection.execute("checkpoint warehouse")


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(
        f"attach '{folder / 'warehouse.duckdb'}' as warehouse; attach '{folder / 'company.duckdb'}' as company"
    )
    return connection


def _keep(connection: duckdb.DuckDBPyConnection, blocks: Iterable[Events], night: int) -> None:
    for events in blocks:
        drawn = pa.table({name: getattr(events, name) for name in ("deal", "field", "at", "place", "code")})
        connection.register("drawn", drawn)
        connection.execute(
            f'insert into company.events select deal, field, make_timestamp("at"), place, code, {night} from drawn'
        )
        connection.unregister("drawn")


def _land_deals(connection: duckdb.DuckDBPyConnection, first: int, beyond: int, condition: str, at: int) -> None:
    number = _open_load(connection, "hubspot", "deals", at)
    for start in range(first, beyond, _GROUP):
        rows = _DEALS.format(first=start, beyond=min(start + _GROUP, beyond), condition=condition)
        _insert(connection, "hubspot", "deals", rows, at, number)


def _land(connection: duckdb.DuckDBPyConnection, source: str, resource: str, rows: str | None, at: int) -> None:
    """One load of one resource: `rows` is a query of (id, payload); None = nothing had changed."""
    number = _open_load(connection, source, resource, at)
    if rows is not None:
        _insert(
            connection, source, resource, f"select id, make_timestamp({at}), to_json(payload) from ({rows})", at, number
        )


def _land_listings(connection: duckdb.DuckDBPyConnection) -> None:
    owners = [{"id": str(7000 + each), "email": f"o{each}@example.com", "firstName": "Otto", "lastName": str(each),
               "archived": False, "teams": [{"name": f"team {each % 9}", "primary": True}]} for each in range(OWNERS)]  # fmt: skip
    listed = [
        {"id": pipeline.id, "label": pipeline.name, "displayOrder": order, "archived": False, "stages": [
            {"id": stage.id, "label": stage.name, "displayOrder": place, "archived": False,
             "metadata": {"isClosed": str(stage.kind != "open").lower(), "probability": str(stage.probability)}}
            for place, stage in enumerate(pipeline.stages)
        ]} for order, pipeline in enumerate(pipelines.PIPELINES)
    ]  # fmt: skip
    for resource, records in (("owners", owners), ("deal_pipelines", listed)):
        _land(connection, "hubspot", resource, _literal(records), FIRST_NIGHT)
    _land(connection, "files", "exchange_rates", f"""
        select day || '|' || currency as id, {{'date': cast(cast(day as date) as varchar), 'from_currency': currency, 'to_currency': 'EUR',
            'rate': cast(0.8 + (epoch(day) // 86400 % 30) / 100 as varchar)}} as payload
        from range(make_timestamp({FIRST_NIGHT}) - interval 2400 day, make_timestamp({FIRST_NIGHT}), interval 1 day) as days(day)
        cross join (values ('USD'), ('GBP')) as currencies(currency)""", FIRST_NIGHT)  # fmt: skip


def _literal(records: list[dict[str, Any]]) -> str:
    rows = ", ".join(
        "('{}', cast('{}' as json))".format(record["id"], json.dumps(record).replace("'", "''")) for record in records
    )
    return f"select * from (values {rows}) as t(id, payload)"


def _open_load(connection: duckdb.DuckDBPyConnection, source: str, resource: str, at: int) -> int:
    found = connection.execute("select 1 + coalesce(max(load_number), 0) from warehouse.raw._loads").fetchone()
    assert found
    connection.execute(
        "insert into warehouse.raw._loads by name select ? as load_number, ? as source_system, ? as account, ? as resource,"
        " strftime(make_timestamp(?), '%Y%m%dT%H%M%SZ-0001') as run_id, make_timestamp(?) - interval 5 minute as data_through,"
        " make_timestamp(?) as extracted_at",
        [found[0], source, _ACCOUNT, resource, at, at, at],
    )
    return int(found[0])


def _insert(connection: duckdb.DuckDBPyConnection, source: str, resource: str, rows: str, at: int, number: int) -> None:
    table = f"warehouse.raw.{source}__{resource}"
    connection.execute(f"""
        insert into {table}
        select '{_ACCOUNT}', id, updated_at, make_timestamp({at}), strftime(make_timestamp({at}), '%Y%m%dT%H%M%SZ-0001'),
            row_number() over () + (select count(*) from {table} where _load_number = {number}), false, {number}, md5(payload)::uuid, payload
        from ({rows}) as t(id, updated_at, payload)""")
