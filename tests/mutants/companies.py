"""The companies the mutants live through: two by hand, one drawn for the oracle's ledger, two drawn for the marts' answers."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from extractors.core.settings import Settings
from tests.core.company import NIGHTS, Company, HubSpot, file_change, file_deal, stage
from tests.core.warehouse import Warehouse
from tests.integration import test_lead_ledger, test_marts_flow
from tests.marts import market
from tests.marts.build import COLUMNS, DERIVED, INTERMEDIATE, write_core
from tests.marts.histories import Event, History, core_tables, draw, key
from tests.marts.over_time import Learned, learn
from tests.mutants import money
from tests.mutants.money import LATE
from tests.mutants.project import Project
from tests.mutants.scene import Scene, empty
from tests.oracle import lead_histories
from tests.oracle.histories import found_company, live_on, write_folder
from tests.oracle.lead_ledger import Night as LeadNight
from tests.oracle.ledger import Night, parse_instant
from tests.scenario.nights import load_nights
from watertight import night as steps

#: leads of every kind of history, a dozen of each
LEADS = 12 * len(lead_histories.KINDS)
#: which deals HubSpot no longer counts after each night: archived, merged away or vanished
_GONE: list[set[str]] = [set(), {"11", "12"}, {"11", "13"}, {"11", "13", "23"}, {"11", "13", "23"}]


#: HubSpot's own first pipeline, whose stages the seeds map to funnel steps, and a stage they do not know
_SEEDED = {
    "id": "default",
    "payload": {
        "id": "default", "label": "Sales", "displayOrder": 5, "archived": False,
        "stages": [
            stage("appointmentscheduled", "Meeting", 0), stage("qualifiedtobuy", "Qualified", 1), stage("own", "Own", 2),
            stage("closedwon", "Won", 3, True, "1.0"), stage("closedlost", "Lost", 4, True, "0.0"),
        ],
    },
}  # fmt: skip
_STAGE = {"pipeline_id": "t", "stage_kind": "open"}
#: the second night begins: the stages change at the very instant at which a deal moves
_MOMENT = "2026-06-02T02:00:00Z"
#: what the story of tests/core leaves out, by night and table of the folder: rates of both directions, funnel steps, leads, activities …
_BESIDE: list[dict[str, dict[str, dict[str, str | None]]]] = [
    {
        "pipelines": {"t": {"pipeline_id": "t", "pipeline_name": None}, "u": {"pipeline_id": "u", "pipeline_name": "R"}},
        "stages": {
            f"t|{row['stage_id']}": _STAGE | row
            for row in (
                {"stage_id": "t1", "stage_name": "One", "stage_order": "1", "funnel_step": "first request"},
                {"stage_id": "t2", "stage_name": None, "stage_order": "2", "funnel_step": "no such step", "is_active_stage": "false"},
                {"stage_id": "t3", "stage_name": "Three", "stage_order": "3", "funnel_step": "meeting"},
                {"stage_id": "t4", "stage_name": "Four", "stage_order": "4", "funnel_step": "none"},
                {"stage_id": "t5", "stage_name": "Five", "stage_order": "5", "stage_kind": "won", "funnel_step": "contract"},
                {"stage_id": "t6", "stage_name": "Six", "stage_order": "6", "stage_kind": "lost", "funnel_step": "payment"},
                {"stage_id": "t7", "stage_name": "Seven", "stage_order": "7", "stage_kind": "lost", "funnel_step": "none"},
            )
        },
        "exchange_rates": {
            f"{day}{pair}": {"date": f"2026-05-{day}", "from_currency": pair[:3], "to_currency": pair[3:], "rate": rate}
            for day, pair, rate in (
                ("02", "CHFEUR", "0.95"), ("04", "CHFEUR", "0.96"), ("06", "EURCHF", "1.05"), ("20", "EURCHF", "1.04"),
                ("22", "CHFEUR", "0.97"), ("29", "CHFEUR", "0.98"), ("30", "EURCHF", "1.03"), ("30", "EUREUR", "1"),
                ("31", "SEKEUR", "0.09"), ("28", "CHFSEK", "11"), ("03", "GBPEUR", "1.16"), ("31", "GBPUSD", "1.27"),
            )
        } | {"early": {"date": "2026-01-05", "from_currency": "CHF", "to_currency": "EUR", "rate": "0.9"},
             # of the as-of's own day where the company is
             "newest": {"date": "2026-06-05", "from_currency": "SEK", "to_currency": "EUR", "rate": "0.095"}},
        "companies": {
            each["company_id"] or "": each
            for each in (
                {"company_id": "c1", "company_name": "First"},
                {"company_id": "c2", "company_name": "Second", "is_target": "true", "referred_by_company_id": "c1"},
            )
        },
        "contacts": {
            "k1": {"contact_id": "k1", "company_id": "c2", "legal_basis": "consent"},
            "k2": {"contact_id": "k2", "company_id": "gone"},
            "k3": {"contact_id": "k3"},
            # known since an evening, withdrawn on one; withdrawn before we knew the contact
            "k4": {"contact_id": "k4", "legal_basis": "consent", "created_at": LATE(3), "consent_at": LATE(4), "consent_withdrawn_at": LATE(17)},
            "k5": {"contact_id": "k5", "legal_basis": "consent", "created_at": LATE(20), "consent_at": LATE(5), "consent_withdrawn_at": LATE(10)},
        },
        "leads": {
            "z1": {"lead_id": "z1", "created_at": LATE(1), "company_id": "c2", "owner_id": "o1", "channel": "fair", "campaign_id": "m1", "contact_id": "k1", "status": "mql",
                   "lead_direction": "inbound", "converted_deal_id": "x1"},
            "z2": {"lead_id": "z2", "created_at": LATE(2), "company_id": "gone", "owner_id": "gone", "status": "disqualified"},
            "z4": {"lead_id": "z4", "created_at": LATE(4), "status": "sql", "disqualified_reason": "none"},
            "z3": {"lead_id": "z3", "created_at": LATE(3), "channel": "Web", "campaign_id": "gone", "company_id": "c1"},
            "z5": {"lead_id": "z5", "created_at": LATE(6), "status": "disqualified"},
            "z6": {"lead_id": "z6", "created_at": LATE(6), "status": "new"},
        },
        # two changes of one instant, listed against their order
        "lead_status_changes": {
            "z4 then": {"lead_id": "z4", "new_status": "sql", "old_status": "mql", "changed_at": LATE(5), "sequence": "2"},
            "z4 first": {"lead_id": "z4", "new_status": "mql", "old_status": "new", "changed_at": LATE(5), "sequence": "1"},
            # cut, and what brought it back was taken back
            "z5 cut": {"lead_id": "z5", "new_status": "disqualified", "changed_at": LATE(8)},
            "z5 back": {"lead_id": "z5", "new_status": "mql", "changed_at": LATE(9)},
            "z5 cut again": {"lead_id": "z5", "new_status": "disqualified", "changed_at": LATE(10)},
        },
        "deals": {
            each["deal_id"]: each
            for each in (
                file_deal("x1", "t3", pipeline_id="t", lead_id="z1", company_id="c2", currency_code="CHF", recurring_amount="10.00", channel="fair",
                          lead_direction="inbound"),
                file_deal("x2", "t5", pipeline_id="t", closed_at=LATE(21), currency_code="CHF", owner_id="o9", expected_close_date="2026-05-21"),
                file_deal("x3", "t6", pipeline_id="t", closed_at=LATE(9), currency_code="CHF", lost_reason="no decision", created_at=LATE(1)),
                file_deal("x4", "t1", pipeline_id="t", currency_code="SEK", recurring_amount="7.00", deal_amount=None),
                file_deal("x5", "t1", pipeline_id="t", created_at=LATE(1)),
                file_deal("x6", "t2", pipeline_id="t", owner_id=None),
                file_deal("x7", "t4", pipeline_id="t", currency_code=None),
                file_deal("x8", "t7", pipeline_id="t", closed_at=LATE(28), currency_code="CHF", lead_id="z3", expected_close_date="2026-06-30"),
                file_deal("x9", "t2", pipeline_id="t", currency_code="XXX", recurring_amount="5.00"),
                file_deal("x10", "t1", pipeline_id="t", created_at="2026-04-30T22:30:00Z"),
                file_deal("x11", None, is_deleted="true", deleted_at="2026-05-20T10:00:00Z"),
                file_deal("x12", "t1", pipeline_id="v"),
                file_deal("x13", "t1", pipeline_id="t", created_at=LATE(1), currency_code="CHF"),
                file_deal("x14", "t1", pipeline_id="t", created_at=LATE(1), currency_code="CHF", deal_amount="103.00"),
                file_deal("x15", "t1", pipeline_id="t", created_at=LATE(1)),
            )
        },
        "deal_changes": {
            str(number): row
            for number, row in enumerate(
                (
                    file_change("x1", "stage", "t2", LATE(3), "t1"), file_change("x1", "stage", "t3", LATE(8), "t2"),
                    file_change("x1", "currency", "CHF", LATE(4), "EUR"), file_change("x1", "amount", "100.00", LATE(5), "250.00"),
                    file_change("x2", "stage", "t5", LATE(21), "t1"), file_change("x2", "amount", "100.00", LATE(21), "90.00"),
                    file_change("x2", "expected_close", None, LATE(10), "2026-05-15"),
                    file_change("x2", "expected_close", "2026-05-21", LATE(21), None),
                    file_change("x8", "stage", "t7", LATE(28), "t1"), file_change("x8", "amount", "100.00", LATE(12), "300.00"),
                    file_change("x8", "currency", "CHF", LATE(11), "EUR"), file_change("x8", "owner", "o1", LATE(12), "o9"),
                    file_change("x4", "amount", None, LATE(6), "20.00"),
                    file_change("x10", "stage", "t1", LATE(7), "unlisted"),
                    file_change("x7", "currency", None, LATE(6), "EUR"), file_change("x7", "stage", "t4", LATE(7), "t1"),
                    # worth the same in the new currency at the day's rate and more at the constant one; worth the same at both; owner and first amount at once
                    file_change("x13", "currency", "CHF", LATE(4), "EUR"), file_change("x13", "amount", "100.00", LATE(4), "96.00"),
                    file_change("x14", "currency", "CHF", LATE(30), "EUR"), file_change("x14", "amount", "103.00", LATE(30), "100.00"),
                    file_change("x15", "owner", "o1", LATE(12), "o9"), file_change("x15", "amount", "100.00", LATE(12), None),
                )
            )
        } | {"taken back": file_change("x8", "expected_close", "2026-06-30", LATE(14), None)},
        "activities": {
            each["activity_id"] or "": {"activity_type": "call"} | each
            for each in (
                {"activity_id": "a1", "deal_id": "x5", "happened_at": LATE(20), "owner_id": "o1"},
                {"activity_id": "a2", "deal_id": "x6", "happened_at": LATE(21), "direction": "inbound"},
                {"activity_id": "a3", "deal_id": "x7", "happened_at": "2027-05-01T00:00:00Z", "is_automated": "true"},
                {"activity_id": "a4", "happened_at": LATE(21), "lead_id": "z1", "contact_id": "k1", "owner_id": "o8"},
                # a form of the evening after the lead's first day; presentations of a lead and of a contact alone, one followed up; an attempt on a contact
                {"activity_id": "a6", "activity_type": "form", "happened_at": LATE(2), "lead_id": "z1", "direction": "inbound"},
                {"activity_id": "a7", "activity_type": "presentation", "happened_at": LATE(11), "lead_id": "z1", "owner_id": "o1"},
                {"activity_id": "a8", "happened_at": LATE(12), "lead_id": "z1", "owner_id": "o1", "direction": "outbound"},
                {"activity_id": "a9", "activity_type": "presentation", "happened_at": LATE(12), "contact_id": "k4", "owner_id": "o1"},
                {"activity_id": "a10", "activity_type": "email", "happened_at": LATE(9), "contact_id": "k4", "owner_id": "o1", "direction": "outbound"},
                # deleted on the second night
                {"activity_id": "a11", "activity_type": "email", "happened_at": LATE(12), "contact_id": "k4", "deal_id": "x7", "lead_id": "z1", "owner_id": "o1", "direction": "outbound"},
            )
        },
    },
    {
        "stages": {"t|t2": _STAGE | {"stage_id": "t2", "stage_name": "Two", "stage_order": "9", "funnel_step": "no such step", "is_active_stage": "false"}},
        "deals": {
            "x8": file_deal("x8", "t7", pipeline_id="t", closed_at=LATE(28), currency_code="CHF", lead_id="z3"),
            "x5": file_deal("x5", "t1", pipeline_id="t", created_at=LATE(1), is_deleted="true", merged_into_deal_id="x6", deleted_at=LATE(31)),
        },
        "exchange_rates": {"22CHFEUR": {"date": "2026-05-22", "from_currency": "CHF", "to_currency": "EUR", "rate": "0.975"}},
    },
    {
        "deal_changes": {"moment": file_change("x9", "stage", "t1", _MOMENT, "t2")},
        "deals": {"x9": file_deal("x9", "t1", pipeline_id="t", currency_code="XXX", recurring_amount="5.00"), "x6": file_deal("x6", "t2", pipeline_id="t", owner_id=None, is_deleted="true", merged_into_deal_id="x7", deleted_at="2026-06-02T10:00:00Z")},
        "activities": {"a5": {"activity_id": "a5", "activity_type": "note", "deal_id": "x5", "happened_at": LATE(30), "owner_id": "o1"}},
    },
]  # fmt: skip


#: what the second night no longer finds, by table
_TAKEN_BACK = {"leads": ["z6"], "lead_status_changes": ["z5 back"], "activities": ["a11"]}
#: deals that HubSpot said it had not compared, after each night: one that is there, and one that is not known yet
_EXCLUDED: list[list[str]] = [[], ["24"], [], ["24", "99"], []]


#: the company's own words for the channels of its folder; an evening in UTC that is the next day in Berlin
_MENDED = """
    insert into channels values ('files', 'fair', 'trade fair');
    update _loads set data_through = data_through - interval '3 hours 25 minutes';
"""


def by_hand(project: Project, folder: Path) -> tuple[Scene, list[LeadNight]]:
    """A few dozen deals of every kind from three sources over five nights, with the totals and the list that HubSpot gives, and leads drawn for the
    oracle; the nights of these leads as the oracle needs them."""
    scene = empty("by hand", project)
    warehouse = Warehouse(folder)
    company, leads = Company(warehouse), lead_histories.folders(1, LEADS)
    for number in range(len(NIGHTS)):
        company.night(number)
        if number == 0:
            warehouse.load("hubspot", "deal_pipelines", [_SEEDED])
            money.load_second_portal(warehouse)
        money.load(warehouse, number)
        if number < len(leads):
            test_lead_ledger.load(warehouse, company.files, leads[number])
        if number < len(_BESIDE):
            for resource, rows in _BESIDE[number].items():
                warehouse.load("files", resource, [{"id": name, "payload": row} for name, row in rows.items()])
        if number == 1:
            taken_back = {"id": "taken back", "payload": _BESIDE[0]["deal_changes"]["taken back"], "is_deleted": True}
            warehouse.load("files", "deal_changes", [taken_back])
            for resource, names in _TAKEN_BACK.items():
                rows = [{"id": each, "payload": _BESIDE[0][resource][each], "is_deleted": True} for each in names]
                warehouse.load("files", resource, rows)
        _hubspots_own_word(warehouse, company.hubspot, _GONE[number], _EXCLUDED[number])
        scene.add_night(warehouse.files["warehouse"], "raw", _MENDED)
    return scene, leads


def _hubspots_own_word(warehouse: Warehouse, hubspot: HubSpot, gone: set[str], excluded: list[str]) -> None:
    """Counts and amounts per stage, told from the records as they stand, apart from their histories."""
    counts: Counter[tuple[str, str]] = Counter()
    for number, deal in hubspot.deals.items():
        if number not in gone:
            now = {name: entries[-1][1] if entries else None for name, entries in deal["history"].items()}
            counts[now["pipeline"], now["dealstage"]] += 1
    warehouse.control_totals(
        "hubspot", [(pipeline, stage, None, count, None) for (pipeline, stage), count in counts.items()], excluded
    )


def told_by_the_oracle(project: Project, folder: Path, seed: int, deals: int) -> tuple[Scene, list[Night]]:
    """A company drawn for the oracle, loaded from its files on two nights; the nights as the oracle needs them."""
    scene = empty("oracle", project)
    settings = Settings(home_dir=folder / "home", files_dir=folder / "files", _env_file=None)
    settings.home.mkdir(parents=True)
    first = found_company(seed, deals)
    nights = []
    for company in (first, live_on(first, seed)):
        write_folder(company.tables, folder / "files")
        planned = steps.plan(settings, ["files"], one_process=True)
        extracted: list[dict[str, Any]] = [steps.extract(settings, task) for task in planned["tasks"]]
        steps.load(settings, planned["run_id"])
        steps.give_up(settings, planned["run_id"])
        assert extracted
        nights.append(Night(_extracted_at(settings), company.tables))
        # the clock of this machine stays out of it: an evening in UTC that is the next day in Berlin
        scene.add_night(
            settings.warehouse_file,
            "raw",
            f"update _loads set data_through = timestamp '2026-12-{28 + len(nights)} 23:30:00'",
        )
    return scene, nights


def _extracted_at(settings: Settings) -> datetime:
    manifests = sorted(settings.landing_dir.glob("files/*/deals/*/manifest.json"), key=lambda path: path.parent.name)
    return parse_instant(json.loads(manifests[-1].read_text(encoding="utf-8"))["extracted_at"])


def worked_out_by_hand(project: Project, folder: Path) -> Scene:
    """The forty deals of tests/scenario, with everything that marketing, customers and plans need, over three nights."""
    scene = empty("scenario", project)
    for settings, _ in load_nights(folder):
        scene.add_night(settings.warehouse_file, "raw")
    return scene


def _after_half(history: History) -> datetime:
    return history.events[len(history.events) // 2].at


def drawn_for_the_marts(project: Project, folder: Path, seed: int, deals: int) -> tuple[Scene, list[History], Learned]:
    """Core tables written from drawn histories; the histories, and when which expected close was known."""
    histories = draw(seed, deals)
    for history in histories:
        if all(event.field != "currency" for event in history.events):
            # a currency that came after an amount: it has no currency before it
            history.events.insert(len(history.events) // 2 + 1, Event(_after_half(history), "currency", "EUR"))
    for history in histories[::5]:
        # a change of currency that was taken back: nothing may be counted by it
        history.events.insert(
            len(history.events) // 2 + 1, Event(_after_half(history), "currency", "USD", retracted=True)
        )
    folder.mkdir(parents=True)
    tables = core_tables(histories)
    learned = learn(seed, histories, tables)
    # a stage that was taken away: nobody stands in it, and nothing may be counted by it
    removed = next(row for row in tables["dim_stages"] if row["open_rank"] == 2)
    tables["dim_stages"].append(
        removed | {"stage_key": key("stage", "A", "removed"), "source_stage_id": "removed", "stage_name": "removed", "is_deleted": True,
                   "funnel_step": "meeting"}
    )  # fmt: skip
    return _written("answers", project, folder, tables | {"fct_quotas": test_marts_flow.quotas()}), histories, learned


def drawn_for_the_market(project: Project, folder: Path, seed: int, deals: int) -> tuple[Scene, market.Market]:
    """Core tables written from a drawn market around drawn deals: leads, hand-offs, spend, costs, customers; the market."""
    histories = draw(seed, deals)
    folder.mkdir(parents=True)
    tables = core_tables(histories)
    drawn = market.draw(seed, histories, tables)
    return _written("market", project, folder, tables), drawn


def _written(name: str, project: Project, folder: Path, tables: dict[str, list[dict[str, Any]]]) -> Scene:
    write_core(folder, tables)
    scene = empty(name, project, frozenset(COLUMNS))
    scene.derived = frozenset(DERIVED)
    scene.add_night(folder / "marts.duckdb", "main", INTERMEDIATE.format(marts=""))
    return scene
