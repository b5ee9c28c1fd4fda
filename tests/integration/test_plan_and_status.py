"""What a night would cost, said before it, against what it then cost; and how things stand afterwards."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from extractors.core.settings import Settings, read_settings
from simulator.server import Simulation, start
from tests.integration.test_salesforce_extraction import settings_for
from warehouse.lease import Lease
from watertight import forecast, night, status
from watertight.command import main

pytestmark = pytest.mark.integration

#: a night's calls may differ from the plan's by so much, and by so many
SHARE, CALLS = 0.25, 8


def crm(settings: Settings, source: str) -> tuple[dict[str, Any], int]:
    """The forecast of a source, and the calls that its night then made; the night is loaded."""
    opened = night.plan(settings, [source], one_process=True)
    [expected] = forecast.forecast(settings, opened["tasks"])
    made = sum(night.extract(settings, task)["requests"] for task in opened["tasks"])
    night.load(settings, opened["run_id"])
    night.give_up(settings, opened["run_id"])
    return expected, made


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with start(tmp_path_factory.mktemp("plan"), size=400, token="right-token") as running:
        yield running


def settings_of(source: str, home: Path, simulation: Simulation) -> Settings:
    """A home that extracts one of the three from the simulation."""
    if source == "salesforce":
        return settings_for(simulation, home)
    named = {"hubspot": {"hubspot_token": simulation.token, "hubspot_url": simulation.url},
             "pipedrive": {"pipedrive_token": simulation.token, "pipedrive_url": simulation.url}}[source]  # fmt: skip
    return read_settings(_env_file=None, home_dir=home, simulated_time=True, **named)


@pytest.mark.parametrize("source", ["hubspot", "salesforce", "pipedrive"])
def test_a_nights_calls_are_what_the_plan_said(source: str, simulation: Simulation, tmp_path: Path) -> None:
    settings = settings_of(source, tmp_path, simulation)
    tonight = simulation.world.clock.night
    first, made = crm(settings, source)
    if source == "hubspot":
        assert first["is_whole"] is False  # owners and pipelines cannot be counted
        assert sum(work["rows"] for work in first["resources"] if work["rows"]) > 400
    for number in range(tonight + 1, tonight + 4):
        simulation.advance(number)
        expected, made = crm(settings, source)
    assert expected["is_whole"]
    assert abs(expected["requests"] - made) <= SHARE * made + CALLS, (expected["requests"], made)
    assert expected["quota"]["left"] < expected["quota"]["limit"]
    assert expected["spent"].keys() >= {"hubspot": {"calls", "searches"}, "salesforce": {"API requests"}, "pipedrive": {"tokens"}}[source]  # fmt: skip
    [stands] = status.read(settings)["sources"]
    assert stands["calls"] >= made - expected["requests"] * SHARE
    assert stands["quota"]["left"] <= expected["quota"]["left"]
    assert stands["hours_behind"] == pytest.approx(5 / 60, abs=0.02)
    assert stands["new_rows"] is None  # nothing is published


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_plan_is_printed_and_lands_nothing(
    simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in {
        "WATERTIGHT_HOME": str(tmp_path),
        "PIPEDRIVE_API_TOKEN": simulation.token,
        "WATERTIGHT_PIPEDRIVE_URL": simulation.url,
        "WATERTIGHT_SIMULATED_TIME": "1",
    }.items():
        monkeypatch.setenv(name, value)
    shown = run("extract", "--plan")
    assert shown.exit_code == 0, shown.output
    assert "not known before they were loaded once" in shown.output
    assert "at least" in shown.output
    assert "tokens a day" in shown.output
    said = json.loads(run("extract", "--plan", "--json").stdout)
    assert [one["source"] for one in said] == ["pipedrive"]
    assert said[0]["asked"] == {"calls": 3, "tokens": 82}  # the account, and two counts of deals
    by_name = {work["resource"]: work for work in said[0]["resources"]}
    assert by_name["deal_changelogs"]["spent"]["tokens"] >= 20 * by_name["deal_changelogs"]["rows"] > 4000
    settings = read_settings()
    assert not list(settings.landing_dir.rglob("manifest.json"))
    Lease.take(settings.home, one_process=True).release()  # nobody holds it any more


def test_status_tells_a_person_what_the_night_found(simulation: Simulation, tmp_path: Path) -> None:
    settings = settings_of("pipedrive", tmp_path, simulation)
    crm(settings, "pipedrive")
    [before] = status.read(settings)["sources"]
    settings.published_dir.mkdir(parents=True)
    with duckdb.connect(str(settings.published_dir / "marts.duckdb")) as connection:
        connection.execute(
            "create table mart_ops__loads as select 'pipedrive' as source_system, $1 as account, $2 as run_id, 7 as new_count",
            [before["account"], before["run_id"]],
        )
        connection.execute(
            """create table mart_ops__reconciliation as
            select 'pipedrive' as source_system, $1 as account, $2 as run_id, verdict, verdict = 'too_few' as is_fault
            from (values ('equal'), ('equal'), ('explained'), ('fuller_until_sweep'), ('too_few')) as rows (verdict)""",
            [before["account"], before["run_id"]],
        )
    found = status.read(settings)
    assert found["sources"][0]["reconciled"] == {"figures": 5, "explained": 1, "waiting": 1, "faults": 1}
    console = Console(width=120, record=True, file=io.StringIO())
    status.show(console, found, with_resources=True)
    text = " ".join(console.export_text().split())
    for words in (
        "tokens; ", "tokens a day left", "rows, 7 of them new", "5 min behind its own clock", "lists ids next on",
        "2 of 5 of its own figures equal, 1 explained, 1 wait for the list of ids, 1 differ", "deal_changelogs",
    ):  # fmt: skip
        assert words in text, text
