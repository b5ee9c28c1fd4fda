"""Nights that fold old landings and are killed at the folding: the next night publishes what a night that keeps all of them publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.stage import content, settings_of, stage_of_all, versions
from tests.faults.trials import has_strace, trials
from warehouse import folded

pytestmark = pytest.mark.integration


@pytest.mark.skipif(not has_strace(), reason="strace is not installed: make system-deps")
def test_nights_that_fold_are_killed_and_publish_the_same(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """By signal 9 when the list is put in place, and when the first landing is removed; then a night, and the proof that a rebuild is equal."""
    stage = stage_of_all(tmp_path_factory)
    home = stage.copy(tmp_path / "home")
    landing_dir = settings_of(home).landing_dir
    environment = stage.environment(home) | {"WATERTIGHT_KEEP_LANDING_DAYS": "1"}
    old = sorted(landing_dir.glob("files/*/*/*"))
    places = [
        ("rename", landing_dir / folded.FOLDER / ".manifest.json.tmp"),
        ("unlink", old[0] / "manifest.json"),
    ]
    with trials(stage.project) as running:
        for day, (call, path) in enumerate(places, start=29):
            strace = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL", "-P", str(path)]
            done = running.run("nightly", environment=environment, strace=strace, clock=f"2026-12-{day}T02:00:00Z")
            assert done.code == -9, (call, done.said)
            assert content(home / "published") == stage.after
        assert folded.read(landing_dir) is not None
        for command in ("nightly", "verify"):
            done = running.run(command, environment=environment, clock="2027-01-15T02:00:00Z")
            assert done.code == 0, done.said
            assert (content(home / "published"), versions(home)) == (stage.after, stage.raw)
    assert not any(folder.exists() for folder in old)
    assert len(list(landing_dir.glob("files/*/*/*"))) == len(old)
