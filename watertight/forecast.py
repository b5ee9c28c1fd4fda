"""The calls that a night would make, before it makes them: from the cursors, the nights so far, and what a source counts itself.

A source is asked for its clock and its account, and where something of it was never loaded and it can count without listing (HubSpot's search,
Salesforce's COUNT), for that count. No record is read and nothing is landed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.core.cursor import parse_instant, window_after
from extractors.core.landing import Manifest
from extractors.core.run import ResourceState, is_sweep_due
from extractors.core.settings import Settings
from extractors.core.spec import Connection, Resource, Source
from extractors.sources import source_named
from watertight.history import landed, newest_runs

#: how many nights the usual volume is taken from
NIGHTS = 4
#: share of what a first load brought that is taken to change until the second night
CHANGED = 0.01


@dataclass
class Work:
    """What one resource would cost. `requests` None: nobody can know before its first load. `basis` says what the figures rest on."""

    resource: str
    basis: str
    is_due: bool = True
    rows: int | None = 0
    requests: int | None = 0
    spent: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {
            "resource": self.resource,
            "is_due": self.is_due,
            "rows": self.rows,
            "requests": self.requests,
            "spent": dict(self.spent),
            "basis": self.basis,
        }


def forecast(settings: Settings, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per source of the night's plan: `{"source", "account", "asked_at", "asked", "quota", "is_quota_of_now", "rows", "requests", "spent", "is_whole",
    "resources"}`.

    `asked` is what was spent on asking. `is_whole` False: of some resources nothing can be known yet, the sums are the least there will be.
    Raises WatertightError where a source cannot be reached.
    """
    return [
        _source(settings, source_named(name), [task for task in tasks if task["source"] == name])
        for name in dict.fromkeys(task["source"] for task in tasks)
    ]


def _source(settings: Settings, source: Source, tasks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    connection = source.connect(settings)
    now = connection.now()
    client = connection.client
    to_connect = Counter(client.meter.spent) if client else Counter[str]()
    requests_to_connect = client.requests if client else 0
    history = {name[2]: some for name, some in landed(settings, NIGHTS, source.name).items() if name[1] == connection.account}  # fmt: skip
    works = []
    for task in tasks:
        resource = source.resource_named(task["resource"])
        state = ResourceState(_instant(task["cursor"]), _instant(task["last_extracted_at"]), task["account"])
        work = _work(settings, source, resource, connection, state, now, history.get(resource.name, []))
        if work.requests is not None and not (work.is_due and history.get(resource.name)):
            # A landing's figures hold what connecting costs already.
            work.requests += requests_to_connect
            work.spent.update(to_connect)
        works.append(work)
    told = client.meter.quota if client else None
    # Not every answer tells it: then what last night left has to do.
    quota = told or next((run.quota for run in newest_runs(one for some in history.values() for one in some)), None)
    spent: Counter[str] = Counter()
    for work in works:
        spent.update(work.spent)
    return {
        "source": source.name,
        "title": source.title,
        "account": connection.account,
        "asked_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "asked": dict(client.meter.spent) if client else {},
        "quota": {"unit": quota.unit, "limit": quota.limit, "left": quota.left} if quota else None,
        "is_quota_of_now": told is not None,
        "rows": sum(work.rows or 0 for work in works),
        "requests": sum(work.requests or 0 for work in works),
        "spent": dict(spent),
        "is_whole": all(work.requests is not None for work in works),
        "resources": [work.as_dict() for work in works],
    }


def _work(
    settings: Settings,
    source: Source,
    resource: Resource,
    connection: Connection,
    state: ResourceState,
    now: datetime,
    history: list[Manifest],
) -> Work:
    if resource.sweep_of and not is_sweep_due(settings, state, now):
        return Work(resource.name, "not due", is_due=False)
    if state.cursor is None:
        return _first_load(source, resource, connection)
    if not history:
        return Work(resource.name, "its landings are gone", rows=None, requests=None)
    if resource.mode == "complete":
        last = history[-1]
        return Work(resource.name, "as last time", True, last.rows, last.requests, Counter(last.spent))
    return _changes(settings, resource, state.cursor, now, history)


def _first_load(source: Source, resource: Resource, connection: Connection) -> Work:
    if connection.client is None:
        return Work(resource.name, "files cost nothing", rows=None)
    held = source.count(connection, resource.name) if source.count else None
    if held is None:
        return Work(resource.name, "first load: not known before", rows=None, requests=None)
    pages = max(1, math.ceil(held.records / held.page))
    return Work(
        resource.name,
        "first load: counted",
        True,
        held.records,
        pages,
        Counter({unit: pages * cost for unit, cost in held.cost.items()}),
    )


def _changes(settings: Settings, resource: Resource, cursor: datetime, now: datetime, history: list[Manifest]) -> Work:
    """As many rows an hour as in the last windows; beside the pages that carry them the calls that every night makes."""
    usual = [one for one in history if one.cursor_from is not None]
    lookback, settle = timedelta(minutes=settings.lookback_minutes), timedelta(minutes=settings.settle_minutes)
    window = window_after(cursor, now, lookback, settle)
    assert window.start is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    hours = (window.end - window.start) / timedelta(hours=1)
    last = history[-1]
    if usual:
        seen = sum((parse_instant(one.data_through) - parse_instant(one.cursor_from or "") + lookback) / timedelta(hours=1) for one in usual)  # fmt: skip
        rows = round(sum(one.rows for one in usual) / seen * hours)
        basis = f"as in the last {len(usual)} nights" if len(usual) > 1 else "as last night"
    else:
        usual, rows, basis = [last], math.ceil(last.rows * CHANGED), "a guess: one load so far"
    carried, pages = sum(one.rows for one in usual), sum(one.pages for one in usual)
    most = math.ceil(rows * pages / carried) if carried else 0
    beside = round(sum(one.requests - one.pages for one in usual) / len(usual))
    requests = beside + most
    share = requests / last.requests if last.requests else 0
    spent = Counter({unit: round(count * share) for unit, count in last.spent.items()})
    return Work(resource.name, basis, True, rows, requests, spent)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def show(console: Console, sources: Sequence[dict[str, Any]]) -> None:
    """One table per source, its sum and what its quota leaves."""
    for source in sources:
        console.print(Text(source["title"], "bold"), Text(f"({source['account']}), by its clock {source['asked_at']}"))
        if not source["asked"]:
            console.print("reads files: no call is made\n")
            continue
        units = [unit for unit in source["spent"] if unit != "calls"]
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("resource", "rows", "calls", *units, "because"):
            table.add_column(name, justify="left" if name in ("resource", "because") else "right")
        for work in source["resources"]:
            if work["is_due"] and work["requests"] is not None:
                spent = [_count(work["spent"].get(unit, 0)) for unit in units]
                table.add_row(work["resource"], _count(work["rows"]), _count(work["requests"]), *spent, work["basis"])
        table.add_row("all", _count(source["rows"]), _count(source["requests"]), *(_count(source["spent"][unit]) for unit in units), "" if source["is_whole"] else "at least", style="bold")  # fmt: skip
        console.print(table)
        unknown = [work["resource"] for work in source["resources"] if work["requests"] is None]
        if unknown:
            console.print(Text(f"not known before they were loaded once: {', '.join(unknown)}", "dim"), soft_wrap=True)
        waiting = [work["resource"] for work in source["resources"] if not work["is_due"]]
        if waiting:
            calls = sum(work["requests"] or 0 for work in source["resources"] if not work["is_due"])
            console.print(
                Text(f"not due tonight, {calls} calls to find that out: {', '.join(waiting)}", "dim"), soft_wrap=True
            )
        if source["quota"]:
            quota = source["quota"]
            when = "" if source["is_quota_of_now"] else ", as last night left it"
            console.print(Text(f"left: {quota['left']:,} of {quota['limit']:,} {quota['unit']}{when}"))
        asked = ", ".join(f"{count:,} {unit}" for unit, count in source["asked"].items()) or "nothing"
        console.print(Text(f"asking for this plan cost {asked}", "dim"))
        console.print()


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}" if value else "·"
