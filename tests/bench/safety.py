"""`python -m tests.bench.safety`: what all safety together costs of a night's processor time, by switching it off here and nowhere else.

Safety is everything that only matters when something goes wrong with a disk, a process or a file: putting files and names on the disk, the hashes of the
landing, the loader's count of every line against the manifest, the gates, the look at the warehouse, the scans of what is published, the lease. The data
tests are not among it: they judge what the figures mean. The night is the second one of a random company of exported
files, by the product's own steps, on all models.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.bench.measure import ROOT
from tests.oracle.histories import found_company, live_on, write_folder

PLACES = {
    "fsync": ("os.fsync",),
    "hashes": ("extractors.core.landing.Landing.check_parts",),
    "gates": ("warehouse.gates.check",),
    "look at the warehouse": ("warehouse.soundness.find_damage",),
    "scans": ("warehouse.publish.scan", "warehouse.verify.scan"),
    "fence": ("warehouse.lease.Lease.renew",),
}


@contextlib.contextmanager
def switched_off(names: list[str]) -> Iterator[None]:
    """Without these parts of safety, in this process."""
    with contextlib.ExitStack() as patched:
        for name in names:
            for place in PLACES[name]:
                value: Any = {} if name == "scans" else [] if name == "gates" else None
                patched.enter_context(mock.patch(place, lambda *_, _value=value, **__: _value))
        yield


def night(home: Path, off: list[str]) -> float:
    """CPU seconds of the night's steps from landed files on, this process and its children."""
    from extractors.core.settings import read_settings
    from watertight import night as steps

    settings = read_settings(
        home_dir=home, simulated_time=True, sources=("files",), files_dir=home.parent / "files", _env_file=None
    )
    before = os.times()
    with switched_off(off):
        plan = steps.plan(settings, ["files"], one_process=True)
        for task in plan["tasks"]:
            steps.extract(settings, task)
        steps.load(settings, plan["run_id"])
        steps.build(settings, plan["run_id"])
        steps.verify(settings, plan["run_id"])
        steps.publish(settings, plan["run_id"])
    after = os.times()
    return sum(after[:2]) - sum(before[:2])


def _once(folder: Path, off: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.safety", "--folder", str(folder), "--once", off],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    seconds: float = json.loads(done.stdout.splitlines()[-1])
    return seconds


def main() -> int:
    """Prints the medians with and without, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.safety", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "safety", help="where the company is made; emptied first"
    )
    parser.add_argument("--deals", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", metavar="OFF", help="one night in this process without these, with commas between")
    given = parser.parse_args()
    home: Path = given.folder.resolve() / "home"
    if given.once is not None:
        sys.modules["pandas"] = None  # type: ignore[assignment]
        print(json.dumps(night(home.with_name("trial"), [name for name in given.once.split(",") if name])), flush=True)
        os._exit(0)
    found: dict[str, list[float]] = {"": [], ",".join(PLACES): []}
    shutil.rmtree(home.parent, ignore_errors=True)
    company = found_company(1, given.deals)
    write_folder(company.tables, home.with_name("files"))
    _once(home.parent, "")
    home.with_name("trial").rename(home)
    write_folder(live_on(company, 2).tables, home.with_name("files"))
    for _ in range(given.rounds):
        for off, seconds in found.items():
            shutil.rmtree(home.with_name("trial"), ignore_errors=True)
            shutil.copytree(home, home.with_name("trial"), symlinks=True)
            seconds.append(_once(home.parent, off))
            print(f"without {off or 'nothing'}: {seconds[-1]:.2f} CPU-s", file=sys.stderr, flush=True)
    with_all, without = (statistics.median(seconds) for seconds in found.values())
    print(
        f"with {with_all:.2f} CPU-s, without {without:.2f} CPU-s, {100 * (with_all - without) / with_all:.1f} % of the night"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
