"""One writer at a time, and a run that lost its turn finds out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extractors.core.errors import LeaseError, WatertightError
from warehouse import lease as module
from warehouse.lease import Lease, read

pytestmark = pytest.mark.unit


def change(home: Path, **values: object) -> None:
    path = home / "lease.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_the_second_is_told_who_and_since_when(tmp_path: Path) -> None:
    first = Lease.take(tmp_path, one_process=True)
    record = read(tmp_path)
    assert record is not None
    with pytest.raises(LeaseError, match=f"{first.run_id} has been writing .* since {record.taken_at}") as caught:
        Lease.take(tmp_path, one_process=True)
    assert caught.value.exit_code == 3
    assert record.expires_at in caught.value.mend


def test_a_release_frees_it(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=True).release()
    Lease.take(tmp_path, one_process=True)


def test_who_asks_again_for_the_same_run_does_not_wait_for_itself(tmp_path: Path) -> None:
    """A scheduler that lost sight of a plan begins it again: without this the night would wait four hours for a process that is gone."""
    first = Lease.take(tmp_path, one_process=False, opened_for="scheduled__2026-06-02")
    for other in ("manual__2026-06-02", None):
        with pytest.raises(LeaseError):
            Lease.take(tmp_path, one_process=False, opened_for=other)
    again = Lease.take(tmp_path, one_process=False, opened_for="scheduled__2026-06-02")
    assert again.run_id > first.run_id
    with pytest.raises(LeaseError, match=again.run_id), first.fence():
        pass


def test_nobody_takes_over_what_was_opened_for_nobody(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=False)
    with pytest.raises(LeaseError):
        Lease.take(tmp_path, one_process=False, opened_for="scheduled__2026-06-02")


def test_it_expires(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=False)
    change(tmp_path, expires_at=(datetime.now(UTC) - timedelta(seconds=1)).isoformat(), expires_uptime=0)
    Lease.take(tmp_path, one_process=False)


@pytest.mark.parametrize(("one_process", "is_free"), [(True, True), (False, False)])
def test_a_dead_process_frees_it_only_when_the_whole_run_lived_there(
    tmp_path: Path, one_process: bool, is_free: bool
) -> None:
    script = f"from pathlib import Path; from warehouse.lease import Lease; Lease.take(Path({str(tmp_path)!r}), one_process={one_process})"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[3])
    record = read(tmp_path)
    assert record is not None
    assert record.is_free is is_free


def test_a_killed_process_nobody_has_collected_frees_it(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from warehouse.lease import Lease; "
        f"Lease.take(Path({str(tmp_path)!r}), one_process=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[3]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        record = read(tmp_path)
        assert record is not None
        assert record.is_free


def test_a_reused_process_number_is_not_mistaken_for_the_holder(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=True)
    change(tmp_path, process_start="1")
    Lease.take(tmp_path, one_process=True)


def test_a_reboot_frees_it(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=False)
    change(tmp_path, boot_id="another")
    Lease.take(tmp_path, one_process=False)


def test_another_machines_process_numbers_mean_nothing(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=True)
    change(tmp_path, host="elsewhere", process_start="1")
    with pytest.raises(LeaseError):
        Lease.take(tmp_path, one_process=True)


def test_run_ids_ascend_even_when_the_clock_goes_back(tmp_path: Path) -> None:
    Lease.take(tmp_path, one_process=True).release()
    change(tmp_path, run_id="20991231T235959Z-ffff")
    assert Lease.take(tmp_path, one_process=True).run_id.startswith("21000101T000000Z-")


def test_a_failed_run_may_go_on_when_nobody_came_after_it(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, one_process=True)
    lease.release()
    lease.renew()
    record = read(tmp_path)
    assert record is not None
    assert not record.is_free


def test_a_run_that_was_overtaken_is_stopped_everywhere(tmp_path: Path) -> None:
    old = Lease.take(tmp_path, one_process=True)
    old.release()
    new = Lease.take(tmp_path, one_process=True)
    with pytest.raises(LeaseError, match=new.run_id):
        old.renew()
    with pytest.raises(LeaseError, match=new.run_id), old.fence():
        pass
    old.release()
    record = read(tmp_path)
    assert record is not None
    assert not record.is_free


def test_nobody_takes_it_inside_a_fence(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, one_process=True)
    lease.release()
    script = f"from pathlib import Path; from warehouse.lease import Lease; Lease.take(Path({str(tmp_path)!r}), one_process=True)"
    with lease.fence():
        other = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[3])
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1.5)
        record = read(tmp_path)
        assert record is not None
        assert record.run_id == lease.run_id
    assert other.wait(30) == 0


def test_a_lease_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text("{")
    with pytest.raises(WatertightError, match="is not a lease"):
        Lease.take(tmp_path, one_process=True)


def test_the_lifetime_outlasts_the_longest_step() -> None:
    assert timedelta(hours=3) < module.LIFETIME
