"""`python -m tests.faults.volume --deals 1000000`: extract and load so many deals in one process and say how much memory that took.

A simulated company of a tenth of them is recorded once and served ten times under other ids. `--limit` is how many megabytes of address space
beyond what the process has when it starts are allowed: whoever needs more dies of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.bench.ingest import recording
from tests.bench.ingest.section import serving

ROOT = Path(__file__).parents[2]
#: how often the recorded deals are served
COPIES = 10


def measure(folder: Path, deals: int, copies: int = COPIES) -> dict[str, float]:
    """Records a tenth of the deals below `folder`, unless an earlier call did, and extracts and loads all of them in a process of its own.

    Returns `sent, landed, loaded, landed_within_mb, peak_mb, cpu_seconds, seconds`: the most memory until all had landed, and in all. Raises RuntimeError with what the process said when it fails.
    """
    place = folder / f"recording-{deals // copies}"
    if not (place / "answers.json").exists():
        shutil.rmtree(place, ignore_errors=True)
        recording.record(place, deals // copies)
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    with serving(place, copies) as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.volume", "--road", url, str(home)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        with urllib.request.urlopen(f"{url}/_bench/sent") as response:  # noqa: S310 - an address on the loopback interface, which the tests make
            sent = int(json.loads(response.read()))
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    answer: dict[str, float] = json.loads(done.stdout)
    return {"sent": sent} | answer


def road(url: str, home: Path) -> dict[str, float]:
    """Extracts and loads into `home`, in this process."""
    # As in a night's own environment, which has neither: DuckDB's client imports what is there.
    sys.modules |= {"pandas": None, "polars": None}  # type: ignore[dict-item]
    from extractors.core.run import ResourceState
    from extractors.core.settings import read_settings
    from extractors.sources import extract
    from warehouse.lease import Lease
    from warehouse.load import load

    began = time.monotonic()
    settings = read_settings(
        home_dir=home, hubspot_token=recording.TOKEN, hubspot_url=url, simulated_time=True, _env_file=None
    )
    lease = Lease.take(settings.home, one_process=True)
    landed = extract(settings, "hubspot", "deals", lease.run_id, ResourceState())["rows"]
    landed_within = _peak_mb()
    loaded = load(settings, lease, [("hubspot", "deals")])
    lease.release()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "landed": landed,
        "loaded": sum(one.rows_new for one in loaded if one.resource == "deals"),
        "landed_within_mb": landed_within,
        "peak_mb": _peak_mb(),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "seconds": round(time.monotonic() - began, 1),
    }


def _peak_mb() -> float:
    """The most memory this process has held so far."""
    return round(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024, 1)


def main() -> int:
    """Exit code 0: every deal that was sent is loaded, within a gigabyte; 1: not so."""
    if sys.argv[1:2] == ["--road"]:
        print(json.dumps(road(sys.argv[2], Path(sys.argv[3]))), flush=True)
        os._exit(0)  # Python's own tidying up is no part of the work
    parser = argparse.ArgumentParser(prog="python -m tests.faults.volume", description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "volume")
    given = parser.parse_args()
    found = measure(given.folder.resolve(), given.deals)
    print(json.dumps(found))
    return 0 if found["sent"] == found["landed"] == found["loaded"] and found["peak_mb"] < 1000 else 1


if __name__ == "__main__":
    raise SystemExit(main())
