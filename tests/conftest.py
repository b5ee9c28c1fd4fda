"""What every test starts from: no setting of this machine, and a home of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from extractors.core.landing import LandingWriter, Manifest
from extractors.core.settings import Settings
from extractors.core.spec import Record
from warehouse import build

#: the files that take a minute and more, the longest first: a long one begun last would leave the other worker nothing to do
LONGEST = (
    "test_airflow",
    "test_as_of",
    "test_core_ledger",
    "test_three_crms",
    "test_salesforce_journey",
    "test_pipedrive_journey",
    "test_tryton",
    "test_bench",
    "test_oracle",
    "test_planted_faults",
    "test_mutants",
    "test_hubspot_journey",
    "test_expiry_of_a_company",
    "test_scenario",
    "test_marts",
)
#: and then those that take longest as a rule
_KINDS = ("e2e", "integration", "contract", "unit")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of their length; within a file the order stays as it was drawn."""

    def length(item: pytest.Item) -> tuple[int, int]:
        place = LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
        kind = next((number for number, name in enumerate(_KINDS) if item.get_closest_marker(name)), len(_KINDS))
        return place, kind

    items.sort(key=length)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's tokens and `.env` must not reach a test, nor a test's home the developer's."""
    for name in list(os.environ):
        if name.startswith(("WATERTIGHT_", "HUBSPOT_", "PIPEDRIVE_", "SALESFORCE_", "TRYTON_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WATERTIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True, scope="session")
def _project_read_once() -> Iterator[None]:
    """The product reads the dbt project for every warehouse; the tests have dozens in a process."""

    def runner(arguments: Sequence[str], callbacks: list[Callable[[Any], None]]) -> Any:
        from tests.core.project import shared_runner  # dbt takes seconds to come in

        return shared_runner(arguments, callbacks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_runner", runner)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse that is not the demonstration's, below the test's own folder."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return Settings(home_dir=home, files_dir=tmp_path / "exports")


Land = Callable[..., Manifest]


@pytest.fixture
def land(settings: Settings) -> Land:
    """Writes a landing as an extraction would: `land("deals", run_id, {"1": payload})`; a payload of None is a deleted record."""

    def write(
        resource: str,
        run_id: str,
        records: dict[str, Any] | Iterable[tuple[str, Any]],
        *,
        mode: str = "changes",
        cursor: tuple[str | None, str] = (None, "2026-06-01T00:00:00.000Z"),
        extracted_at: str = "2026-06-01T00:05:00.000Z",
        **manifest: Any,
    ) -> Manifest:
        items = records.items() if isinstance(records, dict) else records
        folder = settings.landing_dir / "hubspot" / "4711" / resource / run_id
        writer = LandingWriter(folder, extracted_at=extracted_at, run_id=run_id)
        writer.land(
            Record(
                source_id,
                "2026-05-01T10:00:00.000Z",
                payload is None,
                json.dumps(payload or {"id": source_id}).encode(),
            )
            for source_id, payload in items
        )
        described = {
            "source_system": "hubspot", "account": "4711", "resource": resource, "run_id": run_id, "extracted_at": extracted_at,
            "data_through": cursor[1], "cursor_from": cursor[0], "cursor_to": cursor[1], "mode": mode, "sweep_of": None,
            "pages": 1, "requests": 2, "control_totals": None,
        }  # fmt: skip
        return writer.finish(described | manifest)

    return write
