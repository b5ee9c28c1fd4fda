"""`python -m tests.faults.writes`: every write, fsync and rename of a night fails once, and the database's own do at 200 seeded places.

Four series. `calls`: the n-th call of one kind of the process that runs the night fails, for every n that a counted night made. `database` and `rebuild`:
200 seeded calls of a night, and of a rebuild from the landing files, on the database's own files alone (pages, write-ahead logs), reads among them. `space`: a file system of 48 MB on which so little is left
that the night stops somewhere, and limits on the size of files, which cut writes short. After each: what is published is the old night or the new one,
whole; the command said so plainly; a second try publishes exactly what an unfaulted night does and holds exactly its versions.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.faults.made_up_secrets import LEAK, MadeUp, Searched, told
from tests.faults.stage import ROOT, Stage, content, prepared, versions
from tests.faults.trials import Outcome, Trials, trials

PAGE = ROOT / "docs" / "proofs" / "failing-writes.md"
SEED = 20
#: kinds of calls, and what the kernel says when one fails
CALLS = {
    "write": ("ENOSPC", "EIO"), "fsync": ("EIO", "ENOSPC"), "rename": ("EIO", "ENOSPC"), "sendfile": ("ENOSPC", "EIO"),
    "mkdir": ("ENOSPC", "EROFS"), "symlink": ("ENOSPC", "EIO"), "unlink": ("EIO", "EROFS"), "ftruncate": ("EIO", "ENOSPC"),
}  # fmt: skip
DATABASE_CALLS = {
    "pwrite64": ("ENOSPC", "EIO"), "write": ("ENOSPC", "EIO"), "fsync": ("EIO", "ENOSPC"), "fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"), "pread64": ("EIO", "EIO"), "read": ("EIO", "EIO"), "unlink": ("EIO", "EROFS"),
}  # fmt: skip
#: the database's files below the home
_FILES = tuple(
    f"{name}{end}"
    for name in ("warehouse.duckdb", "build/marts.duckdb", "build/detail.duckdb", "rebuild/warehouse.duckdb")
    for end in ("", ".wal")
)
#: the series that fail on the database's files, and the command whose calls they are
_DATABASE_SERIES = {"database": "nightly", "rebuild": "rebuild"}
DATABASE_TRIALS, SPACE_TRIALS = 200, 60
#: bytes of the small file system
SMALL_DISK = 48 * 2**20
#: faulted nights in one home before the second try
BATCH = 8


@dataclass(frozen=True)
class Trial:
    """One fault: of a series, the `number`-th call of a kind fails with `error`; in `space` so many bytes are left, or allowed to a file."""

    series: str
    call: str
    number: int
    error: str

    @property
    def name(self) -> str:
        return f"{self.series} {self.call} {self.number} {self.error}"


@dataclass(frozen=True)
class Result:
    """What became of a trial: `end` is how the faulted night ended, `place` where the fault hit, `wrong` what should not have been; `secrets` made up
    for it and bytes `searched` for them, 0 of a trial that was logged before there was a search."""

    trial: str
    end: str
    place: str
    wrong: str
    secrets: int = 0
    searched: int = 0


def run_batch(running: Trials, stage: Stage, batch: Sequence[Trial], home: Path) -> list[Result]:
    """Faulted nights one after the other in one home, a look at what is published after each, and in the end the second try.

    The batch ends early with the first night that is published all the same: there is none left to fail.
    """
    results: list[Result] = []
    with _place(batch[0], stage, home) as own:
        for trial in batch:
            made_up = MadeUp()
            outcome = _faulted(running, stage, trial, own, made_up)
            place = _place_of_fault(outcome, own)
            shown = content(own / "published")
            end = ("done" if outcome.code == 0 else "failed") + (
                ", new night shown" if shown == stage.after else ", old night shown"
            )
            searched = _searched(made_up, own, outcome)
            wrongs = "; ".join([*_wrongs(trial, outcome, shown, place, stage), *searched.leaks])
            results.append(Result(trial.name, end, place, wrongs, searched.secrets, searched.size))
            if shown != stage.before:
                break
        (own / "ballast").unlink(missing_ok=True)
        wrong = _second_try(running, stage, own, made_up)
    if not wrong:
        return results
    together = f" (in one home with {', '.join(one.trial for one in results)})" if len(results) > 1 else ""
    return [replace(one, wrong=f"{one.wrong}; {wrong}{together}".removeprefix("; ")) for one in results]


def _wrongs(trial: Trial, outcome: Outcome, shown: str, place: str, stage: Stage) -> Iterator[str]:
    if outcome.code == 0 and shown != stage.after and trial.series != "rebuild":
        yield "the night says it is done and its publication is another"
    if shown not in (stage.before, stage.after):
        yield "what is published is neither the old night nor the new one"
    if outcome.code not in (0, 1, 2):
        yield f"exit code {outcome.code}"
    if outcome.code and (not outcome.is_plain or '"error"' not in outcome.said) and not place.startswith("output"):
        yield f"no plain sentence: {outcome.said[-300:]!r}"


def _searched(made_up: MadeUp, home: Path, outcome: Outcome) -> Searched:
    """What a command said and logged, and every file of its home."""
    made_up.search("what was said", outcome.said.encode())
    made_up.search("a log record", outcome.records.encode())
    made_up.search_files(home)
    return made_up.searched()


def _second_try(running: Trials, stage: Stage, home: Path, made_up: MadeUp) -> str:
    """Empty when it publishes what an unfaulted night does, and no secret stands anywhere, nor in any value of its databases."""
    again = running.run("nightly", "--json", environment=made_up.environment | stage.environment(home))
    made_up.search_values(home)
    if leaks := _searched(made_up, home, again).leaks:
        return "; ".join(leaks)
    if again.code:
        return f"the second try ended with {again.code}: {again.said[-300:]!r}"
    if content(home / "published") != stage.after:
        return "the second try publishes something else than an unfaulted night"
    if versions(home) != stage.raw:
        return "raw holds other versions than after an unfaulted night"
    return ""


@contextmanager
def _place(trial: Trial, stage: Stage, home: Path) -> Iterator[Path]:
    """A copy of the home; for a trial of space on a file system of its own that is full but for so many bytes."""
    if trial.call != "tmpfs":
        yield stage.copy(home)
        shutil.rmtree(home, ignore_errors=True)
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(home)], check=True)
    try:
        own = stage.copy(home / "home")
        free = os.statvfs(own)
        with (own / "ballast").open("wb") as ballast:
            ballast.write(b"\0" * max(0, free.f_bavail * free.f_frsize - trial.number))
        yield own
    finally:
        subprocess.run(["umount", str(home)], check=True)


def _faulted(running: Trials, stage: Stage, trial: Trial, home: Path, made_up: MadeUp) -> Outcome:
    environment = made_up.environment | stage.environment(home)
    if trial.call == "tmpfs":
        return running.run("nightly", "--json", environment=environment, checks_space=trial.error == "checked")
    if trial.call == "file size":
        return running.run("nightly", "--json", environment=environment, file_size=trial.number)
    options = ["-e", f"trace={trial.call}", "-e", f"inject={trial.call}:error={trial.error}:when={trial.number}"]
    if trial.series not in _DATABASE_SERIES:
        return running.run("nightly", "--json", environment=environment, strace=options)
    options += [part for path in _FILES for part in ("-P", str(home / path))]
    return running.run(_DATABASE_SERIES[trial.series], "--json", environment=environment, strace=options)


def _place_of_fault(outcome: Outcome, home: Path) -> str:
    """The file on which the call failed, below the home; `output` and `none` where it was none of the home's."""
    hits = [line for line in outcome.calls if "(INJECTED)" in line]
    if not hits:
        return "none"
    places = [re.search(re.escape(str(home)) + r"/([^\">]*)", line) for line in hits]
    for hit, found in zip(hits, places, strict=True):
        if (
            found is None
        ):  # several threads may be hit: a pipe between them is no disk, and what Python says of it no sentence of ours
            return "output: " + hit[:120]
    found = places[0]
    assert found
    return re.sub(r"\d{8}T\d{6}Z(-[0-9a-f]{4})?", "<run>", found[1])


def count_calls(running: Trials, stage: Stage, home: Path, calls: Sequence[str], series: str) -> Counter[str]:
    """How many calls of each kind the busiest thread makes where nothing fails: strace counts by thread."""
    options = ["-e", "trace=" + ",".join(calls)]
    own = stage.copy(home)
    if series in _DATABASE_SERIES:
        options += [part for path in _FILES for part in ("-P", str(own / path))]
    command = _DATABASE_SERIES.get(series, "nightly")
    outcome = running.run(command, "--json", environment=MadeUp().environment | stage.environment(own), strace=options)
    shutil.rmtree(own, ignore_errors=True)
    by_thread: Counter[tuple[str, str]] = Counter()
    for line in outcome.calls:
        thread, _, call = line.partition(" ")
        name = call.strip().partition("(")[0]
        if name in calls:
            by_thread[name, thread] += 1
    most: Counter[str] = Counter()
    for (name, _), number in by_thread.items():
        most[name] = max(most[name], number)
    return most


def all_trials(running: Trials, stage: Stage, home: Path, *, with_tmpfs: bool) -> list[Trial]:
    """Every trial of the long run, in a fixed order."""
    made = count_calls(running, stage, home, list(CALLS), "calls")
    found = [
        Trial("calls", call, number, errors[number % 2])
        for call, errors in CALLS.items()
        for number in range(1, made[call] + 1)
    ]
    drawn = random.Random(SEED)
    every = [
        (series, call, number)
        for series in _DATABASE_SERIES
        for call, most in count_calls(running, stage, home, list(DATABASE_CALLS), series).items()
        for number in range(1, most + 1)
    ]
    found += [
        Trial(series, call, number, drawn.choice(DATABASE_CALLS[call]))
        for series, call, number in drawn.sample(every, DATABASE_TRIALS)
    ]
    found += [Trial("space", "file size", drawn.randrange(1, 1_300_000), "EFBIG") for _ in range(SPACE_TRIALS // 2)]
    if with_tmpfs:
        found += [
            Trial(
                "space", "tmpfs", drawn.randrange(0, 5_000_000), ("checked", "ENOSPC", "ENOSPC", "ENOSPC")[number % 4]
            )
            for number in range(SPACE_TRIALS // 2)
        ]
    drawn.shuffle(found)
    return found


def main() -> int:
    """Exit code 0: every trial was made and nothing was wrong; 1: something was; 3: stopped before the last trial."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.writes", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "failing-writes")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    parser.add_argument("--only", metavar="NAME", help="this trial alone, by the name that the log gives it")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    end = time.monotonic() + 60 * given.minutes
    stage = prepared(folder / "stage")
    log = folder / "log.jsonl"
    with trials(stage.project) as running:
        planned = folder / "trials.json"
        if not planned.exists():
            drawn = all_trials(running, stage, folder / "trial", with_tmpfs=os.geteuid() == 0)
            planned.write_text(json.dumps([asdict(one) for one in drawn]))
        every = [Trial(**one) for one in json.loads(planned.read_text())]
        done = {one.trial: one for one in read_log(log)}
        left = [
            one for one in every if (one.name not in done if given.only is None else one.name == given.only)
        ]  # fmt: skip
        while left and time.monotonic() < end:
            batch = [one for one in left if (one.call == "tmpfs") == (left[0].call == "tmpfs")]
            for result in run_batch(running, stage, batch[: 1 if left[0].call == "tmpfs" else BATCH], folder / "trial"):
                done[result.trial] = result
                left = [one for one in left if one.name != result.trial]
                with log.open("a") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
                print(
                    f"{len(done)} of {len(every)} {result.trial}: {result.end}; {result.place} {result.wrong}",
                    file=sys.stderr,
                )
    if given.write:
        PAGE.write_text(page(every, list(done.values())), encoding="utf-8")
    if any(one.wrong for one in done.values()):
        return 1
    return 0 if len(done) >= len(every) else 3


def read_log(path: Path) -> list[Result]:
    """The results so far, the last of each trial."""
    lines = path.read_text().splitlines() if path.exists() else []
    return list({one["trial"]: Result(**one) for one in map(json.loads, lines)}.values())


def page(every: Sequence[Trial], results: Sequence[Result]) -> str:
    """The proof as Markdown."""
    by_name = {one.trial: one for one in results}
    lines = []
    for series, call in sorted({(one.series, one.call) for one in every}):
        names = [one.name for one in every if (one.series, one.call) == (series, call)]
        made = [by_name[name] for name in names if name in by_name]
        ends = Counter(one.end for one in made)
        lines.append(
            f"| {series} | {call} | {len(names)} | {len(made)} | {ends['failed, old night shown']} | {ends['failed, new night shown']} | "
            f"{ends['done, new night shown'] + ends['done, old night shown']} | {sum(bool(one.wrong) for one in made)} |"
        )
    made = [by_name[one.name] for one in every if one.name in by_name]
    wrong = [one for one in made if one.wrong]
    secrets = told("trials", [(one.secrets, one.searched) for one in made], sum(LEAK in one.wrong for one in made))
    listed = "".join(f"\n- `{one.trial}` ({one.place}): {one.wrong}" for one in wrong[:20])
    return f"""# Failing writes
`make failing-writes` lets the kernel fail one call of a night and looks at what is left; `python -m tests.faults.writes --only NAME` repeats a trial by the name
in its log.

The company is a small one (four exported files, two nights), the road the whole one: extract, land, load, build, verify, publish. *calls*: the n-th
call of its kind of the night's process, for every n that a night without faults makes (strace counts by thread; the busiest thread's calls are those
of our own writers, and what DuckDB writes on it). *database* and *rebuild*: {DATABASE_TRIALS} seeded calls of a night and of a rebuild from the landing
files on the database's files alone, reads among them. *space*: a limit on
the size of files, which cuts a write short in its middle, and a file system of 48 MB with up to 5 MB left, one in four with the check for free space at
work.

| series | call | trials | made | failed, the old night stays | failed after the links were flipped | no harm | wrong |
|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}

{len(made)} of {len(every)} trials made, **{len(wrong)}** wrong. After each: what is published is one whole night, the exit code is not 0 unless the new night is
shown, one plain sentence says what happened, and after up to {BATCH} such nights in one home a second try publishes, value for value, what a night without faults does, from the same versions in raw. *No harm*:
a line of a log that was not written, a leftover that was not removed, a call that this night did not make.

{secrets}
{listed}
"""


if __name__ == "__main__":
    raise SystemExit(main())
