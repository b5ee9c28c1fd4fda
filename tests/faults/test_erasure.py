"""Persons who were erased are in no byte of any file, do not come back, and leave every count and amount as it was.

A failure here means that somebody who asked to be forgotten is still held.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import zstandard
from click.testing import CliRunner

from extractors.core import suppression
from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.landing import read_manifests
from extractors.core.settings import Settings
from tests.faults.canaries import Canary, plant
from tests.faults.small_night import SmallNight, settings_of, small_night
from tests.small_project import in_force
from warehouse import audit, erase
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild
from watertight import erasure, night
from watertight.command import main

pytestmark = pytest.mark.integration

CANARIES = 20


class Planted(NamedTuple):
    """A night in which canaries are held, and who they are by their contact's id."""

    night: SmallNight
    people: dict[str, Canary]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """A night and the publication of an earlier one, with canaries in landings, warehouse, detail, logs and Airflow's own database."""
    with small_night(tmp_path_factory.mktemp("planted")) as crm:
        people: dict[str, Canary] = {}
        run_id = crm.run(lambda settings: people.update(plant(settings, CANARIES)))
        for path in [*crm.settings.published_dir.glob(f"*_{run_id}.*")]:
            shutil.copy(path, path.with_name(path.name.replace(run_id, "20200101T020000Z-0000")))
        _write_beside(crm.settings, [*people.values()])
        yield Planted(crm, people)


@pytest.fixture
def settings(planted: Planted, tmp_path: Path) -> Settings:
    """A copy of that home."""
    shutil.copytree(planted.night.place / "home", tmp_path / "copy", symlinks=True)
    return settings_of(tmp_path / "copy", planted.night.simulation)


def _write_beside(settings: Settings, people: list[Canary]) -> None:
    """What steps leave beside the data: logs, alerts, questions, answers, Airflow's files."""
    home = settings.home
    sentences = [each.sentence for each in people]
    for name in (
        "logs/old.log",
        "sql_history",
        "alerts.json",
        "airflow/logs/task.log",
        "unfinished/hubspot/1/notes/answers",
        "as_of/x.txt",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / "logs" / "old.log").write_text("\n".join(sentences))
    (home / "sql_history").write_text(f"select * from dim_contact_details where email = '{people[0].email}'\n")
    (home / "alerts.json").write_text(json.dumps({"sent": sentences}))
    (home / "airflow" / "logs" / "task.log").write_text("\n".join(json.dumps({"event": text}) for text in sentences))
    (home / "unfinished" / "hubspot" / "1" / "notes" / "answers").write_text("".join(sentences))
    (home / "as_of" / "x.txt").write_text("".join(sentences))
    with sqlite3.connect(home / "airflow" / "airflow.db") as connection:
        connection.execute("create table xcom (key text, value text)")
        connection.executemany("insert into xcom values ('result', ?)", [[text] for text in sentences])
    connection.close()


def traces(home: Path, people: list[Canary]) -> set[str]:
    """Where a canary is found."""
    return traces_of(home, [text for each in people for text in (*each.texts, f"98{each.number:03d}77")])


def traces_of(home: Path, texts: list[str]) -> set[str]:
    """The files, unpacked, and the columns of databases in which a text is found. Written apart from the product's own search."""
    words = [text.lower() for text in texts]
    words += [json.dumps(word)[1:-1].lower() for word in words]
    found = set()
    for path in (path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        if (home / "simulation") in path.parents:
            continue
        content = path.read_bytes()
        if path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        text = content.decode(errors="ignore").lower()
        if any(word in text for word in words):
            found.add(str(path.relative_to(home)))
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, table, column in connection.execute(
                    "select schema_name, table_name, column_name from duckdb_columns() where not internal"
                ).fetchall():
                    texts = connection.execute(
                        f'select distinct lower("{column}"::varchar) from "{schema}"."{table}"'
                    ).fetchall()
                    if any(word in (text or "") for (text,) in texts for word in words):
                        found.add(f"{path.relative_to(home)}:{schema}.{table}.{column}")
    return found


def marts(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the published marts."""
    with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
        tables = [row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return {table: connection.execute(f"from {table} order by all").fetchall() for table in tables}


POLL = """
import select, sys, time, duckdb
counts = []
while not select.select([sys.stdin], [], [], 0.02)[0]:
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        counts.append(connection.execute("select count(*) from dim_deals").fetchone()[0])
print(len(counts), *sorted(set(counts)))
"""


@contextmanager
def polling_reader(settings: Settings) -> Iterator[list[int]]:
    """A process that reads the published marts again and again; in the end how often, and which counts it saw."""
    seen: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-c", POLL, str(settings.published_dir / "marts.duckdb")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield seen
        said, _ = process.communicate("enough\n", timeout=60)
    assert process.returncode == 0
    seen += map(int, said.split())


def erase_all(settings: Settings, people: dict[str, Canary]) -> dict[str, Any]:
    """Half of them by their address, half by their id; in one go."""
    half = len(people) // 2
    emails = [canary.email.swapcase() for canary in [*people.values()][:half]]
    contacts = [f"hubspot:{source_id}" for source_id in [*people][half:]]
    return erasure.erase_persons(settings, emails, contacts, lambda line: None)


def test_nothing_is_left_in_any_byte_and_every_figure_stays(planted: Planted, settings: Settings) -> None:
    people = [*planted.people.values()]
    held = traces(settings.home, people)
    assert {path.partition("/")[0].partition(":")[0] for path in held} >= {
        "landing", "warehouse.duckdb", "build", "published", "logs", "sql_history", "alerts.json", "airflow", "unfinished", "as_of",
    }  # fmt: skip
    before = marts(settings)
    rows = sum(each.manifest.rows for each in read_manifests(settings.landing_dir))
    with polling_reader(settings) as polled:
        receipt = erase_all(settings, planted.people)
    assert polled[0] > 0
    assert set(polled[1:]) == {len(before["dim_deals"])}

    assert traces(settings.home, people) == set()
    assert marts(settings) == before
    assert sum(each.manifest.rows for each in read_manifests(settings.landing_dir)) == rows
    for landing in read_manifests(settings.landing_dir):
        landing.check_parts()
    assert receipt["records"]["hubspot.contacts"] == CANARIES
    assert receipt["searched"]["found"] == 0
    assert receipt["publications_removed"] >= 3
    assert len(list(settings.published_dir.glob("marts_*.duckdb"))) == 1
    written = (settings.home / "erasures" / f"{receipt['run_id']}.json").read_text()
    assert json.loads(written) == receipt
    assert not any(text in written for canary in people for text in canary.texts)
    with duckdb.connect(str(settings.detail_file), read_only=True) as connection:
        ids = ", ".join(f"'{source_id}'" for source_id in planted.people)
        assert connection.execute(
            f"select distinct email[:7], full_name, phone from dim_contact_details where source_contact_id in ({ids})"
        ).fetchall() == [("erased-", "[erased]", "[erased]")]
        assert connection.execute("select count(email) > 10 from dim_contact_details").fetchone() == (True,)
    assert audit.check(settings) > 0
    assert compare_with_rebuild(settings, night.raw_tables()) == []


def test_the_same_crm_does_not_bring_them_back(planted: Planted, settings: Settings) -> None:
    """The simulated company holds these contacts under other names: as the CRM's they are canaries again."""
    contacts = [f"hubspot:{source_id}" for source_id in planted.people]
    lease = Lease.take(settings.home, one_process=True)
    found = erasure.find(settings, [], contacts)
    erasure.begin(settings, lease, found)
    lease.release()
    shutil.rmtree(settings.landing_dir)
    settings.warehouse_file.unlink()
    plan = night.plan(settings, None, one_process=True)
    for task in plan["tasks"]:
        if task["resource"] in ("contacts", "deals"):
            night.extract(settings, task)
    night.give_up(settings, plan["run_id"])
    held = {
        record.source_id: json.loads(record.payload)
        for landing in read_manifests(settings.landing_dir)
        if landing.manifest.resource == "contacts"
        for record in erase.records_of(landing)
    }
    assert len(held) > 2 * CANARIES
    for source_id in planted.people:
        assert held[source_id]["properties"]["email"].startswith("erased-")
        assert held[source_id]["properties"]["lastname"] == "[erased]"
        assert held[source_id]["properties"]["jobtitle"] is None
        assert held[source_id]["properties"]["createdate"]
        assert held[source_id]["id"] == source_id
    assert sum(bool(payload["properties"]["email"]) for payload in held.values()) > CANARIES


@pytest.mark.parametrize("step", ["_move_in", "reload", "publish", "clear", "record"])
def test_an_erasure_that_was_cut_off_is_finished_by_the_next(
    planted: Planted, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Cut before the step is done, and once more in the middle of the landings."""
    place = next(module for module in (erase, erasure.traces, erasure.audit, erasure) if hasattr(module, step))
    calls = 0
    real = getattr(place, step)

    def cut(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if step != "_move_in" or calls > 2:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, step, cut)
        with pytest.raises(KeyboardInterrupt):
            erase_all(settings, planted.people)
    assert erasure.is_unfinished(settings)
    assert marts(settings)["dim_deals"]
    lease = Lease.take(settings.home, one_process=True)
    receipt = erasure.finish(settings, lease, None, lambda line: None)
    lease.release()
    assert traces(settings.home, [*planted.people.values()]) == set()
    assert receipt["records"]["hubspot.contacts"] == CANARIES
    assert not erasure.is_unfinished(settings)


def test_the_command_asks_before_it_erases_and_says_what_it_did(
    planted: Planted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERTIGHT_HOME", str(settings.home_dir))
    monkeypatch.setenv("WATERTIGHT_SIMULATED_TIME", "1")
    canary = next(iter(planted.people.values()))
    nobody = CliRunner().invoke(main, ["erase"])
    assert (nobody.exit_code, "Nobody is named." in nobody.stderr) == (2, True)
    wrong = CliRunner().invoke(main, ["erase", "--email", "no-address", "--yes"])
    assert (wrong.exit_code, "no e-mail address" in wrong.stderr, "no-address" in wrong.stderr) == (2, True, False)
    unsure = CliRunner().invoke(main, ["erase", "--email", canary.email])
    assert (unsure.exit_code, "--yes" in unsure.stderr) == (2, True)
    assert traces(settings.home, [canary])
    done = CliRunner().invoke(main, ["erase", "--email", "-", "--yes", "--json"], input=canary.email)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["records"] == {"hubspot.contacts": 1, **{
        table: count for table, count in json.loads(done.stdout)["records"].items() if table != "hubspot.contacts"
    }}  # fmt: skip
    assert traces(settings.home, [canary]) == set()
    others = [each for each in planted.people.values() if each != canary]
    assert any(path.startswith("landing") for path in traces(settings.home, others))


def test_who_is_taken_off_the_list_comes_back_and_nobody_else(
    planted: Planted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERTIGHT_HOME", str(settings.home_dir))
    monkeypatch.setenv("WATERTIGHT_SIMULATED_TIME", "1")
    (source_id, canary), (other_id, other) = [*planted.people.items()][:2]
    contacts = [one for one in read_manifests(settings.landing_dir) if one.manifest.resource == "contacts"]
    said = {record.source_id: record for one in contacts for record in erase.records_of(one)}
    never = CliRunner().invoke(main, ["readmit", "--email", canary.email])
    assert (never.exit_code, "Nobody was ever erased here." in never.stderr) == (2, True)
    lease = Lease.take(settings.home, one_process=True)
    erasure.begin(settings, lease, erasure.find(settings, [canary.email, other.email], []))
    erase.rewrite_landings(settings, lease, cleaner(settings), erasure.people(), lambda line: None)
    lease.release()
    named = ["--email", canary.email.swapcase(), "--phone", canary.phone, "--name", f"{canary.first} {canary.family}"]

    unfinished = CliRunner().invoke(main, ["readmit", *named])
    assert (unfinished.exit_code, "Finish it first" in unfinished.stderr) == (2, True)
    shown = CliRunner().invoke(main, ["status"])
    assert "is not finished" in shown.output
    assert "watertight erase" in shown.output
    assert (
        json.loads(CliRunner().invoke(main, ["status", "--json"]).stdout)["erasure"]["records"]["hubspot.contacts"] == 2
    )
    (settings.home / "erasure.json").unlink()
    assert "is not finished" not in CliRunner().invoke(main, ["status"]).output

    listed = json.loads((settings.home / "suppression.json").read_text())
    stranger = CliRunner().invoke(main, ["readmit", "--email", "nobody@example.com"])
    assert (stranger.exit_code, "Nothing of what was named" in stranger.stderr) == (2, True)
    done = CliRunner().invoke(main, ["readmit", *named, "--json"])
    taken = json.loads(done.stdout)
    leads = {
        record.source_id
        for one in read_manifests(settings.landing_dir) if one.manifest.resource == "leads"
        for record in erase.records_of(one) if source_id in json.loads(record.payload)["associations"]["contacts"]
    }  # fmt: skip
    assert taken == {"people": 1 + len(leads), "addresses": 1, "phones": 1, "names": 2}
    left = json.loads((settings.home / "suppression.json").read_text())
    assert {kind: len({*listed[kind]} - {*left[kind]}) for kind in taken} == taken
    account = contacts[0].manifest.account
    assert cleaner(settings).has("people", f"hubspot\0{account}\0contacts\0{other_id}")
    filtered = suppression.Filter(
        cleaner(settings), "hubspot", contacts[0].manifest.account, erasure.people()["hubspot"]
    )
    assert filtered.clean("contacts", said[source_id]) is said[source_id]
    assert b"[erased]" in filtered.clean("contacts", said[other_id]).payload
    assert cleaner(settings).clean_text(canary.sentence) == canary.sentence
    last = audit.lines(settings)[-1]
    assert (last["what"], last["taken_off"]["addresses"]) == ("readmission", 1)
    assert not any(text.lower() in json.dumps(last).lower() for text in canary.texts)


def test_a_lead_of_two_stays_erased_for_the_other_one_s_sake(
    settings: Settings, land: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERTIGHT_HOME", str(settings.home_dir))
    monkeypatch.setenv("WATERTIGHT_SIMULATED_TIME", "1")
    run_id = "20260601T020000Z-0000"
    land(
        "contacts",
        run_id,
        {number: {"id": number, "properties": {"email": f"quaxa{number}@example.com"}} for number in "12"},
    )
    land("leads", run_id, {"7": {"associations": {"contacts": ["1", "2"]}}, "8": {"associations": {"contacts": ["1"]}}})
    lease = Lease.take(settings.home, one_process=True)
    erasure.begin(settings, lease, erasure.find(settings, ["quaxa1@example.com", "quaxa2@example.com"], []))
    erase.rewrite_landings(settings, lease, cleaner(settings), erasure.people(), lambda line: None)
    lease.release()
    (settings.home / "erasure.json").unlink()
    done = CliRunner().invoke(main, ["readmit", "--email", "quaxa1@example.com", "--json"])
    assert json.loads(done.stdout) == {"people": 2, "addresses": 1, "phones": 0, "names": 0}
    assert {
        (table, number) for table, number in (("contacts", "1"), ("contacts", "2"), ("leads", "7"), ("leads", "8"))
        if cleaner(settings).has("people", f"hubspot\0004711\0{table}\0{number}")
    } == {("contacts", "2"), ("leads", "7")}  # fmt: skip


def cleaner(settings: Settings) -> suppression.Suppression:
    """The list as it stands."""
    listed = suppression.read(settings)
    assert listed is not None
    return listed


def test_another_key_stops_the_next_night(settings: Settings, planted: Planted) -> None:
    lease = Lease.take(settings.home, one_process=True)
    erasure.begin(settings, lease, erasure.find(settings, [next(iter(planted.people.values())).email], []))
    lease.release()
    (settings.home / "erasure.key").write_text("another key, as long as the first one")
    plan = night.plan(settings, None, one_process=True)
    with pytest.raises(IntegrityError, match="another key"):
        night.extract(settings, plan["tasks"][0])
    (settings.home / "erasure.key").unlink()
    with pytest.raises(ConfigurationError, match="WATERTIGHT_ERASURE_KEY"):
        night.extract(settings, plan["tasks"][0])
    assert (settings.home / "suppression.json").stat().st_mode & 0o777 == 0o600


def test_what_is_still_found_is_said_and_leaves_the_erasure_open(
    planted: Planted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = next(iter(planted.people.values()))
    stray = settings.home / "stray.bin"
    stray.write_bytes(b"\xff\xfe" + canary.email.encode())
    with in_force(planted.night.place / "dbt_project"), pytest.raises(IntegrityError, match=r"stray\.bin"):
        erasure.erase_persons(settings, [canary.email], [], lambda line: None)
    assert erasure.is_unfinished(settings)
