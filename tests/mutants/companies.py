"""The companies the mutants live through: one by hand, one drawn for the oracle's ledger, one drawn for the marts' answers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from extractors.core.settings import Settings
from tests.core.company import NIGHTS, Company, HubSpot
from tests.core.warehouse import Warehouse
from tests.marts.build import COLUMNS, write_core
from tests.marts.histories import History, core_tables, draw
from tests.mutants.project import Project
from tests.mutants.scene import Scene, empty
from tests.oracle.histories import found_company, live_on, write_folder
from tests.oracle.ledger import Night, parse_instant
from watertight import night as steps

#: which deals HubSpot no longer counts after each night: archived, merged away or vanished
_GONE: list[set[str]] = [set(), {"11", "12"}, {"11", "13"}, {"11", "13", "23"}, {"11", "13", "23"}]


def by_hand(project: Project, folder: Path) -> Scene:
    """A few dozen deals of every kind from three sources over five nights, with the totals and the list that HubSpot gives."""
    scene = empty("by hand", project)
    warehouse = Warehouse(folder)
    company = Company(warehouse)
    for number in range(len(NIGHTS)):
        company.night(number)
        _hubspots_own_word(warehouse, company.hubspot, _GONE[number])
        scene.add_night(warehouse.files["warehouse"], "raw")
    return scene


def _hubspots_own_word(warehouse: Warehouse, hubspot: HubSpot, gone: set[str]) -> None:
    """Counts and amounts per stage, told from the records as they stand, apart from their histories."""
    counts: Counter[tuple[str, str]] = Counter()
    for number, deal in hubspot.deals.items():
        if number not in gone:
            now = {name: entries[-1][1] if entries else None for name, entries in deal["history"].items()}
            counts[now["pipeline"], now["dealstage"]] += 1
    warehouse.control_totals(
        "hubspot", [(pipeline, stage, None, count, None) for (pipeline, stage), count in counts.items()], []
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
        scene.add_night(settings.warehouse_file, "raw")
    return scene, nights


def _extracted_at(settings: Settings) -> datetime:
    import json

    manifests = sorted(settings.landing_dir.glob("files/*/deals/*/manifest.json"), key=lambda path: path.parent.name)
    return parse_instant(json.loads(manifests[-1].read_text(encoding="utf-8"))["extracted_at"])


def drawn_for_the_marts(project: Project, folder: Path, seed: int, deals: int) -> tuple[Scene, list[History]]:
    """Core tables written from drawn histories; the histories."""
    histories = draw(seed, deals)
    folder.mkdir(parents=True)
    write_core(folder, core_tables(histories))
    scene = empty("answers", project, frozenset(COLUMNS))
    scene.add_night(folder / "marts.duckdb", "main")
    return scene, histories
