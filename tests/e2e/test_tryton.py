"""The whole road with a real CRM: 300 opportunities live in Tryton, two nights load them, Tryton itself says what must be there.

A failure means that what is published is not what the CRM holds. Tryton's answers are fetched with the test's own client
(`tryton_server.py`), at each change's own instant, and not in the way that the extractor fetches them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from extractors.core.settings import Settings
from tests import facts_project
from tests.e2e.tryton_lives import MODEL, Company, Truth, live_weeks
from tests.e2e.tryton_server import DATABASE, PASSWORD, USER, TrytonServer
from watertight.command import main

OPPORTUNITIES = 300
CHANGED = 40
CREATED = 6
DELETED = 3
DAYS = 16

pytestmark = pytest.mark.xdist_group("tryton")


@dataclass(frozen=True)
class Night:
    """What the command said, what Tryton said at that moment, and a copy of what was published."""

    said: dict[str, Any]
    truth: Truth
    marts: Path
    landed: dict[str, int]
    requests: dict[str, int]


@dataclass(frozen=True)
class Nights:
    first: Night
    second: Night
    changed: set[int]
    deleted: list[int]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    home = tmp_path_factory.mktemp("tryton")
    # The server's clock stays behind this machine's: one that runs ahead is not believed.
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0) - timedelta(days=45)
    with TrytonServer(home / "server") as server, facts_project.in_force(tmp_path_factory):
        server.set_clock(start)
        company = Company(server, seed=20260601)
        live_weeks(company, start, OPPORTUNITIES, days=DAYS)
        assert len(company.ids) == OPPORTUNITIES

        server.set_clock(start + timedelta(days=DAYS + 1, hours=2))
        first = _run_night(server, company, home)

        server.set_clock(start + timedelta(days=DAYS + 1, hours=9))
        changed = set(company.create(CREATED))
        changed |= company.live_day(company.random.sample(company.ids[:OPPORTUNITIES], CHANGED), moved=1.0)
        cancelled: list[int] = company.crm.call(MODEL, "search", [["state", "=", "cancelled"]])
        deleted = [one for one in cancelled if one not in changed][:DELETED]
        company.crm.call(MODEL, "delete", deleted)
        server.set_clock(start + timedelta(days=DAYS + 2, hours=2))
        # A sweep every night: a deletion leaves nothing else behind.
        second = _run_night(server, company, home, WATERTIGHT_SWEEP_DAYS="1")
        yield Nights(first, second, changed, deleted)


def _run_night(server: TrytonServer, company: Company, home: Path, **settings: str) -> Night:
    environment = {
        "WATERTIGHT_HOME": str(home / "data"),
        "TRYTON_URL": server.url,
        "TRYTON_DATABASE": DATABASE,
        "TRYTON_USER": USER,
        "TRYTON_PASSWORD": PASSWORD,
        **settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("WATERTIGHT", "TRYTON", "HUBSPOT")):
                patch.delenv(name)
        patch.setitem(Settings.model_config, "env_file", None)
        done = CliRunner().invoke(main, ["nightly", "--source", "tryton", "--json"], env=environment)
    assert done.exit_code == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    assert PASSWORD not in done.stdout + done.stderr
    said = json.loads(done.stdout)
    extracted = {one["resource"]: one for one in said["extracted"]}
    return Night(
        said,
        Truth(company.crm),
        (home / "data" / "published" / "marts.duckdb").resolve(),
        {name: one["rows"] for name, one in extracted.items()},
        {name: one["requests"] for name, one in extracted.items()},
    )


def _ask(night: Night, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(night.marts), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _published_visits(night: Night) -> dict[int, list[tuple[str, datetime, datetime | None]]]:
    rows = _ask(
        night,
        """
        select deals.source_deal_id, stages.source_stage_id, visits.entered_at, visits.exited_at
        from fct_deal_stage_visits as visits
        inner join dim_deals as deals using (deal_key)
        left join dim_stages as stages on stages.stage_key = visits.stage_key and stages.is_current
        order by deals.source_deal_id, visits.visit_number
        """,
    )
    visits: dict[int, list[tuple[str, datetime, datetime | None]]] = {}
    for deal, stage, entered_at, exited_at in rows:
        visits.setdefault(int(deal), []).append(
            (
                stage.rpartition("|")[2],
                entered_at.replace(tzinfo=UTC),
                exited_at.replace(tzinfo=UTC) if exited_at else None,
            )
        )
    return visits


@pytest.mark.parametrize("which", ["first", "second"])
def test_every_opportunity_has_its_visits_as_tryton_tells_them(nights: Nights, which: str) -> None:
    night: Night = getattr(nights, which)
    expected = night.truth.visits()
    assert len(expected) == OPPORTUNITIES + (CREATED - DELETED if which == "second" else 0)
    published = _published_visits(night)
    if which == "second":
        # Tryton tells nothing of those any more.
        assert {one: published.pop(one)[:-1] for one in nights.deleted} == {
            one: nights.first.truth.visits()[one][:-1] for one in nights.deleted
        }
    assert published == expected


@pytest.mark.parametrize("which", ["first", "second"])
def test_counts_and_amounts_per_stage_are_trytons_own(nights: Nights, which: str) -> None:
    night: Night = getattr(nights, which)
    rows = _ask(
        night,
        """
        select stages.source_stage_id, deals.currency_code, count(*), coalesce(sum(deals.deal_amount), 0)
        from dim_deals as deals
        left join dim_stages as stages on stages.stage_key = deals.stage_key and stages.is_current
        where deals.deal_status not in ('deleted', 'merged')
        group by all
        """,
    )
    assert {
        (stage.rpartition("|")[2], currency): (count, amount) for stage, currency, count, amount in rows
    } == night.truth.totals


@pytest.mark.parametrize("which", ["first", "second"])
def test_amounts_and_sellers_in_force_at_each_entry_are_trytons_own(nights: Nights, which: str) -> None:
    night: Night = getattr(nights, which)
    rows = _ask(
        night,
        """
        select deals.source_deal_id, visits.entered_at, visits.entry_amount, visits.currency_code, owners.source_owner_id
        from fct_deal_stage_visits as visits
        inner join dim_deals as deals using (deal_key)
        left join dim_owners as owners on owners.owner_key = visits.owner_key
        """,
    )
    states = {
        (one, instant): (amount, currency, str(seller))
        for one, changes in (nights.first.truth.states | night.truth.states).items()
        for instant, _state, amount, seller, currency in changes
    }
    wrong = [
        (deal, entered_at, (amount, currency, seller), states[int(deal), entered_at.replace(tzinfo=UTC)])
        for deal, entered_at, amount, currency, seller in rows
        if (amount, currency, seller) != states[int(deal), entered_at.replace(tzinfo=UTC)]
    ]
    assert not wrong


def test_the_lives_are_full(nights: Nights) -> None:
    """Guards the test itself: every state is lived in, left and come back to."""
    truth = nights.first.truth
    visited = Counter(state for visits in truth.visits().values() for state, _entered, _left in visits)
    assert set(visited) == set(truth.all_states)
    assert sum(visited.values()) > 2.5 * OPPORTUNITIES
    assert any(len(visits) > len({state for state, *_ in visits}) for visits in truth.visits().values())


def test_the_first_night_reads_the_history_in_few_calls(nights: Nights) -> None:
    changes = sum(map(len, nights.first.truth.states.values()))
    assert nights.first.landed["opportunity_revisions"] == changes
    assert nights.first.landed["opportunities"] == OPPORTUNITIES
    assert nights.first.requests["opportunity_revisions"] < changes / 10


def test_the_second_night_fetches_only_what_changed(nights: Nights) -> None:
    night, before = nights.second, nights.first
    known = before.truth.states
    new = sum(len(states) - len(known.get(one, ())) for one, states in night.truth.states.items())
    assert night.landed["opportunities"] == len(nights.changed)
    assert night.landed["opportunity_revisions"] == new
    assert night.landed["parties"] == night.landed["contact_mechanisms"] == 0
    # Log-in, preferences, one page.
    assert night.requests["opportunities"] == 3
    assert night.requests["opportunity_revisions"] <= 4 + new
    assert sum(night.requests.values()) < sum(before.requests.values())


def test_what_was_deleted_is_found_by_the_sweep(nights: Nights) -> None:
    night = nights.second
    assert night.landed["opportunities_sweep"] == OPPORTUNITIES + CREATED - DELETED
    # One page, a count before and after it; logged in were the resources before.
    assert night.requests["opportunities_sweep"] == 3
    rows = _ask(night, "select source_deal_id from dim_deals where deal_status = 'deleted'")
    assert sorted(int(one) for (one,) in rows) == sorted(nights.deleted)


def test_trytons_control_totals_were_asked_for(nights: Nights) -> None:
    landing = nights.first.marts.parents[1] / "landing" / "tryton" / DATABASE / "opportunities_sweep"
    manifest = json.loads((landing / nights.first.said["run_id"] / "manifest.json").read_text())
    totals = {
        (one["stage_id"], one["currency_code"]): (one["deal_count"], Decimal(one["deal_amount"]))
        for one in manifest["control_totals"]["totals"]
    }
    assert totals == nights.first.truth.totals
