"""The command as a person meets it: sentences, exit codes, and a publication that survives every failure."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from extractors.core.locks import hold
from extractors.core.settings import Settings, read_settings
from simulator.server import Simulation, start
from tests.small_project import in_force
from tests.small_project import write as write_project
from warehouse.lease import Lease, read
from warehouse.publish import published_run
from watertight.command import main

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
DEALS = 60

MODELS = {
    "dim_deals.sql": """{{ config(database='marts', schema='main') }}
        select distinct on (_source_id) _source_id as source_deal_id, _is_deleted as is_deleted
        from raw.hubspot__deals order by _source_id, _load_number desc, _record_number desc""",
    "dim_contacts.sql": """{{ config(database='detail', schema='main') }}
        select distinct _source_id as source_contact_id from raw.hubspot__contacts""",
    "no_deal_is_nameless.yml": (
        "version: 2\nmodels: [{name: dim_deals, columns: [{name: source_deal_id, data_tests: [not_null]}]}]\n"
    ),
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`home` after one night and the dbt project of two models that built it: these tests are about the steps, not about marts."""
    place = tmp_path_factory.mktemp("prepared")
    project = place / "dbt_project"
    write_project(project, MODELS)
    with (
        start(place / "simulation", size=DEALS, token="right-token") as simulation,
        in_force(project),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setitem(Settings.model_config, "env_file", None)
        patch.setenv("WATERTIGHT_HOME", str(place / "home"))
        patch.setenv("HUBSPOT_ACCESS_TOKEN", "right-token")
        patch.setenv("WATERTIGHT_HUBSPOT_URL", simulation.url)
        patch.setenv("WATERTIGHT_SIMULATED_TIME", "1")
        result = run("nightly", "--json")
        assert result.exit_code == 0, result.output
    return place


@pytest.fixture
def small_project(prepared: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that project, in force."""
    project = tmp_path / "dbt_project"
    shutil.copytree(prepared / "dbt_project", project)
    with in_force(project):
        yield project


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """A simulated HubSpot that the environment names as the source."""
    with start(tmp_path / "simulation", size=DEALS, token="right-token") as simulation:
        monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "right-token")
        monkeypatch.setenv("WATERTIGHT_HUBSPOT_URL", simulation.url)
        monkeypatch.setenv("WATERTIGHT_SIMULATED_TIME", "1")
        yield simulation


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def told(result: Result, *words: str) -> None:
    """A sentence with these words, and no traceback."""
    text = " ".join((result.output + result.stderr).split())
    assert "Traceback" not in text, text
    for word in words:
        assert word in text, text


@pytest.fixture
def first_night(prepared: Path, small_project: Path, crm: Simulation, tmp_path: Path) -> str:
    """A published night; returns its run."""
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    shutil.copytree(prepared / "home", tmp_path / "home", symlinks=True)
    run_id = published_run(read_settings())
    assert run_id is not None
    return run_id


def test_a_night_and_the_next(first_night: str, crm: Simulation) -> None:
    settings = read_settings()
    assert published_run(settings) == first_night
    crm.advance(2)
    result = run("nightly")
    assert result.exit_code == 0, result.output
    told(result, "Plan", "Extract hubspot deals", "Loaded", "Data tests 1 passed", "Published", "make nightly")
    assert published_run(settings) != first_night
    assert result.output.rstrip().endswith(str(settings.published_dir / "dashboard.html"))
    record = read(settings.home)
    assert record is not None
    assert record.is_free
    assert [
        json.loads(run("sql", "--format", "json", "select count(*) as deals from dim_deals").output)[0]["deals"] > 0
    ]
    assert json.loads(run("status", "--json").stdout)["published_run"] == published_run(settings)


def test_the_rebuild_equals_the_incremental_build_and_a_difference_is_shown(
    first_night: str, crm: Simulation, small_project: Path
) -> None:
    crm.advance(2)
    assert run("nightly", "--json").exit_code == 0
    assert run("verify", "--json").stdout == "[]\n"
    import duckdb

    with duckdb.connect(str(read_settings().marts_file)) as connection:
        connection.execute("delete from dim_deals where rowid = 0")
    result = run("verify")
    assert result.exit_code == 1
    told(result, "dim_deals: 0 rows only here, 1 only in the rebuild", "watertight rebuild")
    assert run("rebuild").exit_code == 0
    assert run("verify").exit_code == 0


@pytest.mark.parametrize(
    ("setting", "value", "arguments", "code", "words"),
    [
        ("HUBSPOT_ACCESS_TOKEN", "wrong-token", [], 2, ("refused the token", "HUBSPOT_ACCESS_TOKEN")),
        ("WATERTIGHT_HUBSPOT_URL", "http://127.0.0.1:{free_port}", [], 1, ("HubSpot",)),
        ("WATERTIGHT_TIMEZONE", "Mars/Olympus", [], 2, ("WATERTIGHT_TIMEZONE", "Mars/Olympus")),
        ("WATERTIGHT_KEEP_PUBLICATIONS", "none", [], 2, ("WATERTIGHT_KEEP_PUBLICATIONS",)),
        ("WATERTIGHT_SOURCES", "hubspot,nosuch", [], 2, ("nosuch", "hubspot")),
        (None, "", ["--source", "nosuch"], 2, ("nosuch", "hubspot")),
        (None, "", ["--source", "tryton"], 2, ("tryton", "not set up")),
    ],
)
def test_wrong_settings_publish_nothing_and_lose_nothing(
    first_night: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    setting: str | None,
    value: str,
    arguments: list[str],
    code: int,
    words: tuple[str, ...],
) -> None:
    if setting:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            free_port = taken.getsockname()[1]
        monkeypatch.setenv(setting, value.format(free_port=free_port))
    result = run("nightly", *arguments)
    assert result.exit_code == code, result.output
    told(result, *words)
    published = tmp_path / "home" / "demo" / "published" / "marts.duckdb"
    assert published.resolve().name == f"marts_{first_night}.duckdb"


def test_no_source_at_all_says_how_to_set_one_up() -> None:
    result = run("nightly")
    assert result.exit_code == 2
    told(result, "No source is set up", "HUBSPOT_ACCESS_TOKEN")


@pytest.mark.parametrize(("content", "words"), [(None, "pipelines"), ("not,a\nfile\x00", "deals")])
def test_a_missing_or_malformed_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_project: Path, content: str | None, words: str
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "deals.csv").write_text(content or "deal_id,pipeline_id,stage_id,created_at\n1,p,s,2026-01-01\n")
    monkeypatch.setenv("WATERTIGHT_FILES_DIR", str(folder))
    result = run("nightly", "--source", "files")
    assert result.exit_code in (1, 2)
    told(result, words)
    assert not read_settings().published_dir.exists()


def test_another_run_is_told_so_with_code_3(first_night: str) -> None:
    lease = Lease.take(read_settings().home, one_process=True)
    result = run("nightly")
    assert result.exit_code == 3
    told(result, lease.run_id, "has been writing", "since")
    lease.release()
    assert run("nightly").exit_code == 0


def test_two_at_once_one_wins(crm: Simulation) -> None:
    """The first is held in the middle of its work, outside the lock that the lease is changed under, for as long as the second takes."""
    command = [sys.executable, "-c", "from watertight.command import main; main()", "extract"]
    home = read_settings().home
    lease = home / "lease.json"
    lease.unlink(missing_ok=True)
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 60
        while not lease.exists() and time.monotonic() < until:
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)
        os.waitpid(first.pid, os.WUNTRACED)
        while (lock := hold(home, waits=False)) is None:
            first.send_signal(signal.SIGCONT)
            time.sleep(0.005)
            first.send_signal(signal.SIGSTOP)
            os.waitpid(first.pid, os.WUNTRACED)
        os.close(lock)
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        first.send_signal(signal.SIGCONT)
        assert (second.returncode, first.wait(120)) == (3, 0), second.stdout + second.stderr
    finally:
        first.kill()
        first.wait()


def test_a_failing_model_leaves_the_old_publication(first_night: str, small_project: Path, crm: Simulation) -> None:
    (small_project / "models" / "dim_deals.sql").write_text(
        "{{ config(database='marts', schema='main') }} select nothing_such"
    )
    crm.advance(2)
    result = run("nightly")
    assert result.exit_code == 1
    told(result, "dim_deals", "old publication stays")
    assert published_run(read_settings()) == first_night


def test_a_failing_data_test_leaves_the_old_publication_and_shows_rows(
    first_night: str, small_project: Path, crm: Simulation
) -> None:
    (small_project / "tests").mkdir()
    (small_project / "tests" / "no_deal_may_exist.sql").write_text(
        "select 'Deal ' || source_deal_id || ' must not be here.' as problem from {{ ref('dim_deals') }} order by source_deal_id"
    )
    crm.advance(2)
    result = run("nightly")
    assert result.exit_code == 1
    told(result, "no_deal_may_exist", "must not be here.")
    assert published_run(read_settings()) == first_night


def test_a_fact_that_ran_empty_is_not_published(first_night: str, small_project: Path, crm: Simulation) -> None:
    model = small_project / "models" / "dim_deals.sql"
    model.write_text(
        f"select * from ({model.read_text().partition('}}')[2]}) where false".join(
            ["{{ config(database='marts', schema='main') }} ", ""]
        )
    )
    crm.advance(2)
    result = run("nightly")
    assert result.exit_code == 1
    told(result, "dim_deals had rows in the last publication and would be empty now")
    assert published_run(read_settings()) == first_night


def test_the_token_is_nowhere_on_disk(first_night: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "wrong-canary-token")
    run("nightly")
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert len(written) > 20
    for path in written:
        content = path.read_bytes()
        assert b"right-token" not in content, path
        assert b"canary" not in content, path


def test_an_unexpected_error_is_a_sentence_with_the_logs_path(
    first_night: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watertight.night.load_landings", lambda *_: 1 / 0)
    result = run("load")
    assert result.exit_code == 1
    told(result, "Something unexpected went wrong: ZeroDivisionError", "The whole story is in")
    [log] = read_settings().log_dir.glob("*_load_*.log")
    assert "Traceback" in log.read_text()


def test_everything_but_the_published_marts_is_private(first_night: str) -> None:
    home = read_settings().home
    open_to_others = {
        str(path.relative_to(home)) for path in home.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077
    }
    assert open_to_others == {
        "published",
        f"published/marts_{first_night}.duckdb",
        f"published/dashboard_{first_night}.html",
        f"published/manifest_{first_night}.json",
    }


FULL_DISK = """
import resource, sys, pathlib
from warehouse import build
from watertight.command import main
build.DBT_PROJECT = pathlib.Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
main(["nightly"])
"""


@pytest.mark.parametrize("limit", [200, 20_000, 300_000])
def test_a_full_disk_stops_the_run_at_any_step_and_loses_nothing(
    first_night: str, crm: Simulation, small_project: Path, limit: int
) -> None:
    crm.advance(2)
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(limit), str(small_project)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    text = " ".join((result.stdout + result.stderr).split())
    assert result.returncode == 1, text
    assert "Traceback" not in text, text
    assert "full" in text
    assert published_run(read_settings()) == first_night
    assert run("nightly").exit_code == 0
    assert run("verify", "--json").stdout == "[]\n"
