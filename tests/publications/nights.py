"""Small nights to publish, and readers that poll what is published as other programs do: with DuckDB and the links alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from extractors.core.settings import Settings
from warehouse.lease import Lease
from warehouse.publish import publish

LINKS = ("marts.duckdb", "detail.duckdb", "dashboard.html", "manifest.json")


def build_night(settings: Settings, night: int, rows: int = 2000) -> None:
    """Marts and detail that say in every row which night they are."""
    settings.build_dir.mkdir(parents=True, exist_ok=True)
    for path in (settings.marts_file, settings.detail_file):
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                f"create or replace table one as select {night} as night, md5(i::varchar) as text from range({rows}) t(i)"
            )
            connection.execute(f"create or replace table two as select {night} as night")
            connection.execute(
                f"""create or replace table dim_sources as select 'files' as source_system, 'here' as account, 'run {night}' as run_id,
                    timestamp '2026-06-01' + interval {night} days as data_through, data_through as warehouse_data_through"""
            )


def say_night(marts: Path) -> str:
    """A page that tells which night's marts it was made of."""
    with duckdb.connect(str(marts), read_only=True) as connection:
        return "night {}".format(*connection.execute("from two").fetchone() or ())


def publish_now(settings: Settings, make_page: Callable[[Path], str] = say_night) -> str:
    """Publishes what is built; returns the run's id."""
    lease = Lease.take(settings.home, one_process=True)
    try:
        publish(settings, lease, make_page)
    finally:
        lease.release()
    return lease.run_id


def links(settings: Settings) -> dict[str, str]:
    """Link → the file that it shows."""
    return {name: os.readlink(settings.published_dir / name) for name in LINKS}


#: A reader: from the newest link of a publication to the oldest, the nights may only go up; the files that a manifest names are of one night.
_READER = """
import json, sys, time
from pathlib import Path
import duckdb

folder, last, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

def night(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        [(low, high, other, run)] = connection.execute(
            "select min(night), max(night), (from two), (select run_id from dim_sources) from one"
        ).fetchall()
    assert low == high == other and run == f"run {low}", f"one table says {low} to {high}, the other {other}, {run}"
    return low

polls = seen = 0
print("ready", flush=True)
while seen < last:
    manifest = json.loads((folder / "manifest.json").read_text())
    shown = [int(manifest["data_run_id"].split()[1]), int((folder / "dashboard.html").read_text().split()[1])]
    shown += [night(folder / "marts.duckdb"), night(folder / "detail.duckdb")]
    assert shown == sorted(shown), f"manifest, page, marts, detail are of the nights {shown}"
    files = {link: folder / each["file"] for link, each in manifest["files"].items()}
    named = {night(files["marts.duckdb"]), night(files["detail.duckdb"]), int(files["dashboard.html"].read_text().split()[1])}
    assert named == {shown[0]}, f"the manifest of night {shown[0]} names files of {named}"
    assert shown[0] >= seen, f"night {shown[0]} after night {seen}"
    polls, seen = polls + 1, shown[0]
    time.sleep(pause)
print(polls)
"""


def poll_through(settings: Settings, readers: int, publications: int, seconds_between: float = 0.1) -> list[int]:
    """Lets `readers` processes poll while so many nights are published, each at that distance; returns how often each looked.

    AssertionError with what one of them met.
    """
    build_night(settings, 0)
    publish_now(settings)
    arguments = [sys.executable, "-c", _READER, str(settings.published_dir), str(publications), str(seconds_between)]
    processes = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(readers)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for night in range(1, publications + 1):
            build_night(settings, night)
            publish_now(settings)
        deadline = time.monotonic() + 60
        answers = [process.communicate(timeout=max(1, deadline - time.monotonic())) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    complaints = sorted({error.strip().splitlines()[-1] for _, error in answers if error})
    assert not complaints, complaints
    return [int(polls) for polls, _ in answers]
