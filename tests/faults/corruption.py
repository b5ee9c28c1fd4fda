"""`python -m tests.faults.corruption`: 5,000 cuts and flipped bits of the database's files, its log, the landing's parts and its manifests.

Each trial damages one file of a small home and lets the product's own step look at it, in a fork, since damage may end a process. Either the damage is
noticed and said, or what the file holds is what it held, value for value, or, of a log that lost commits, loading again brings them back. Six of
every five hundred go on with the whole night, which must publish exactly what a night without damage does. Anything else would be a wrong number on its way.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from tests.faults.made_up_secrets import LEAK, MadeUp, Records, told
from tests.faults.stage import ROOT, Stage, content, prepared, settings_of, versions
from tests.faults.trials import Trials, small_company, trials

PAGE = ROOT / "docs" / "proofs" / "corruption.md"
TRIALS, SEED = 5_000, 21
#: one trial in so many runs the whole night as well
WHOLE_NIGHTS = 500
SECONDS = 60
TARGETS = ("warehouse", "log", "marts", "detail", "part", "manifest")
HARMLESS, NOTICED, LOADED_AGAIN, WRONG = "harmless", "noticed", "loaded again", "WRONG"


@dataclass(frozen=True)
class Trial:
    """The damage that the `number`-th trial does, drawn from the seed: `bits` flipped, or 0 and the file cut, at `share` of its length."""

    number: int
    target: str
    share: float
    bits: int

    @classmethod
    def of(cls, number: int) -> Trial:
        drawn = random.Random(f"{SEED}-{number}")
        return cls(number, TARGETS[number % len(TARGETS)], drawn.random(), drawn.choice((0, 1, 1, 1, 8)))

    def damage(self, path: Path) -> None:
        """Does it to a file."""
        held = bytearray(path.read_bytes())
        at = min(int(self.share * len(held)), len(held) - 1)
        if not self.bits:
            del held[at:]
        drawn = random.Random(self.number)
        for each in range(self.bits):
            place = (at + each * 7) % len(held)
            held[place] ^= 1 << drawn.randrange(8)
        path.write_bytes(bytes(held))


@dataclass(frozen=True)
class Result:
    """What became of a trial; `said` is the product's sentence, or what went wrong; `secrets` made up for it and bytes `searched` for them, 0 of a
    trial that was logged before there was a search."""

    number: int
    target: str
    end: str
    said: str
    secrets: int = 0
    searched: int = 0


class Scene:
    """Two homes to damage, made once: `loaded`, whose second night is in the log of the database and not yet in its pages, and `landed`, whose second
    night is not loaded yet."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.loaded, self.landed = stage.place / "loaded", stage.place / "landed"
        if not (self.loaded / "warehouse.duckdb.wal").exists():
            self._make()
        self.log = versions(self.loaded)
        self.built = content(self.loaded / "build")

    def _make(self) -> None:
        shutil.rmtree(self.loaded, ignore_errors=True)
        with trials(self.stage.project) as running:
            self.stage.copy(self.landed)
            done = running.run("extract", environment=self.stage.environment(self.landed))
            if done.code:
                raise RuntimeError(done.said)
        shutil.copytree(self.landed, self.loaded, symlinks=True)
        _in_a_fork(lambda: _load_without_checkpoint(settings_of(self.loaded)), MadeUp())


def _load_without_checkpoint(settings: Settings) -> str:
    """Loads everything and dies behind the last commit, before its pages are written."""
    from warehouse.lease import Lease
    from warehouse.load import load

    left = [4]

    def die_in_the_end(_: str) -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(0)

    load(settings, Lease.take(settings.home, one_process=True), small_company(), die_in_the_end)
    raise RuntimeError("fewer landings than expected")


def run_trial(scene: Scene, trial: Trial, place: Path, running: Trials | None) -> Result:
    """One damage; with `running` the whole night besides. A secret that is found is wrong as well."""
    made_up = MadeUp()
    end, words = _tried(scene, trial, place, running, made_up)
    searched = made_up.searched()
    if searched.leaks:
        end, words = WRONG, "; ".join([*searched.leaks, words])
    return Result(trial.number, trial.target, end, words, searched.secrets, searched.size)


def _tried(scene: Scene, trial: Trial, place: Path, running: Trials | None, made_up: MadeUp) -> tuple[str, str]:
    is_landing = trial.target in ("part", "manifest")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(scene.landed if is_landing else scene.loaded, place, symlinks=True)
    look = _look_at_landing if is_landing else _look_at_database
    trial.damage(_target(trial, place))
    said = _in_a_fork(lambda: look(scene, place), made_up)
    made_up.search_files(place)
    end, _, words = said.partition(": ")
    if end not in (HARMLESS, NOTICED, LOADED_AGAIN):
        return WRONG, said
    words = words[:300]
    if running is not None:
        words += _whole_night(scene, trial, running, place, made_up, is_noticed=end == NOTICED)
        if "WRONG" in words:
            end = WRONG
    return end, words


def _target(trial: Trial, home: Path) -> Path:
    drawn = random.Random(trial.number)
    match trial.target:
        case "warehouse":
            return home / "warehouse.duckdb"
        case "log":
            return home / "warehouse.duckdb.wal"
        case "marts" | "detail":
            return home / "build" / f"{trial.target}.duckdb"
        case "part":
            return drawn.choice(sorted(home.glob("landing/*/*/*/*/*.zst")))
    return drawn.choice(sorted(home.glob("landing/*/*/*/*/manifest.json")))


def _look_at_database(scene: Scene, home: Path) -> str:
    """What a night does first, then, where that finds nothing, what it would go on with."""
    from warehouse.lease import Lease
    from warehouse.load import load
    from warehouse.soundness import find_damage

    settings = settings_of(home)
    if wrong := find_damage(settings):
        return f"{NOTICED}: {wrong}"
    if content(home / "build") != scene.built:
        return "the built files hold something else and nobody noticed"
    if versions(home) == scene.log:
        return f"{HARMLESS}: "
    load(settings, Lease.take(settings.home, one_process=True), small_company())
    return (
        f"{LOADED_AGAIN}: " if versions(home) == scene.log else "the warehouse holds something else and nobody noticed"
    )


def _look_at_landing(scene: Scene, home: Path) -> str:
    """The load of the second night, and a rebuild, which reads the first one too."""
    from warehouse.lease import Lease
    from warehouse.load import load
    from warehouse.verify import reload

    settings = settings_of(home)
    lease = Lease.take(settings.home, one_process=True)
    try:
        load(settings, lease, small_company())
        reload(settings, lease, small_company())
    except WatertightError as error:
        return f"{NOTICED}: {error.wrong}"
    return f"{HARMLESS}: " if versions(home) == scene.log else "other versions were loaded and nobody noticed"


def _whole_night(scene: Scene, trial: Trial, running: Trials, place: Path, made_up: MadeUp, *, is_noticed: bool) -> str:
    """The night on the damaged home: without a person where landings are whole, else it stops and the old publication stays."""
    is_landing = trial.target in ("part", "manifest")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(scene.landed if is_landing else scene.loaded, place, symlinks=True)
    trial.damage(_target(trial, place))
    done = running.run("nightly", "--json", environment=made_up.environment | scene.stage.environment(place))
    made_up.search("what was said", done.said.encode())
    made_up.search("a log record", done.records.encode())
    made_up.search_files(place)
    if done.code == 0:  # else what was damaged may be a database still, and looking into it end this process
        made_up.search_values(place)
    shown = content(place / "published")
    if done.code == 0 and shown == scene.stage.after:
        return " | the night mended it" if is_noticed else " | the night was whole"
    if is_landing and done.code == 1 and shown == scene.stage.before and done.is_plain:
        return " | the night stopped"
    return f" | WRONG: the night ended with {done.code}: {done.said[-300:]}"


def _in_a_fork(work: Callable[[], str], made_up: MadeUp) -> str:
    """What `work` returns in a process of its own, which has the secrets among its settings; what ended it otherwise."""
    with tempfile.NamedTemporaryFile() as said:
        records = Records()
        child = os.fork()
        if child == 0:
            try:
                os.environ |= made_up.environment
                records.install()
                text = work()
            except BaseException as error:  # noqa: BLE001 (whatever it is, it is what the trial found)
                text = f"raised {type(error).__name__}: {error}"
            Path(said.name).write_text(text)
            os._exit(0)
        end = time.monotonic() + SECONDS
        while not (found := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(found[1])
        told = Path(said.name).read_text()
        made_up.search("what was said", told.encode())
        made_up.search("a log record", records.taken().encode())
        return told if code == 0 else f"the process ended with {code}"


def main() -> int:
    """Exit code 0: every trial was made and no number was wrong; 1: one was; 3: stopped before the last trial."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.corruption", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "corruption")
    parser.add_argument("--stage", type=Path, help="a company that was made before")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument(
        "--whole-nights", type=int, default=WHOLE_NIGHTS, help="the whole night in one trial of so many"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this trial alone, with the whole night")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    end = time.monotonic() + 60 * given.minutes
    # As in a night's own environment, which has neither: DuckDB's client would import them anew in every fork.
    sys.modules |= {"pandas": None, "polars": None}  # type: ignore[dict-item]
    scene = Scene(prepared(given.stage or folder / "stage"))
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.jsonl"
    done = {one.number: one for one in read_log(log)}
    whole = {number for number in range(given.trials) if number % given.whole_nights < len(TARGETS)}
    wanted = [given.only] if given.only is not None else [n for n in range(given.trials) if n not in done]
    with trials(scene.stage.project) as running:
        for number in sorted(wanted, key=lambda number: number not in whole):
            if time.monotonic() > end:
                break
            is_whole = number in whole or given.only is not None
            result = run_trial(scene, Trial.of(number), folder / "trial", running if is_whole else None)
            done[number] = result
            with log.open("a") as file:
                file.write(json.dumps(asdict(result)) + "\n")
            if result.end == WRONG or given.only is not None:
                print(result, file=sys.stderr)
    print(json.dumps(Counter(f"{one.target}: {one.end}" for one in done.values()), sort_keys=True))
    if given.write:
        PAGE.write_text(page(given.trials, list(done.values())), encoding="utf-8")
    if any(one.end == WRONG for one in done.values()):
        return 1
    return 0 if len(done) >= given.trials else 3


def read_log(path: Path) -> list[Result]:
    """The results so far, the last of each trial."""
    lines = path.read_text().splitlines() if path.exists() else []
    return list({one["number"]: Result(**one) for one in map(json.loads, lines)}.values())


_NAMES = {
    "warehouse": "`warehouse.duckdb`", "log": "its write-ahead log", "marts": "`build/marts.duckdb`", "detail": "`build/detail.duckdb`",
    "part": "landing parts", "manifest": "manifests",
}  # fmt: skip


def page(wanted: int, results: Sequence[Result]) -> str:
    """The proof as Markdown."""
    counted = Counter((one.target, one.end) for one in results)
    lines = [
        f"| {_NAMES[target]} | {sum(counted[target, end] for end in (NOTICED, HARMLESS, LOADED_AGAIN, WRONG)):,} | "
        + " | ".join(f"{counted[target, end]:,}" for end in (NOTICED, LOADED_AGAIN, HARMLESS, WRONG))
        + " |"
        for target in TARGETS
    ]
    # What a night left is the last that is said; a sentence of the product's may hold a bar of its own.
    ends = [one.said.rpartition(" | ")[2].partition(":")[0] for one in results]
    nights = Counter(end for end in ends if end.startswith(("the night", "WRONG")))
    wrong = [one for one in results if one.end == WRONG]
    secrets = told("trials", [(one.secrets, one.searched) for one in results], sum(LEAK in one.said for one in results))
    listed = "".join(f"\n- {one.number} ({one.target}): {one.said}" for one in wrong[:20])
    return f"""# Damaged files
`make corruption` cuts files or flips bits in them and looks whether a wrong number could be published; `python -m tests.faults.corruption --only NUMBER` repeats
a trial. Of five trials one cuts the file at a random byte, three flip one bit, one flips eight.

| damaged | trials | noticed and said | lost commits, loaded again | nothing that is read was hit | wrong |
|---|---|---|---|---|---|
{chr(10).join(lines)}

{len(results):,} of {wanted:,} trials made, **{len(wrong)}** wrong numbers. *Noticed*: the look that every night begins with (every value of every table is
read, the loads are held against those the facts were made of), or the check of a landing before it is loaded, says what is wrong. *Loaded again*: a
log that is cut opens with fewer commits; what it lost is no longer among the loads, and its landings are loaded again. *Nothing that is read*: free space, or a
spelling of the same manifest; every value was compared.

In {sum(nights.values()):,} of them the whole night ran on the damaged home: {", ".join(f"{count} × {name}" for name, count in sorted(nights.items()))}. A damaged database is made anew from
the landing files and the night publishes what one without damage does; a damaged landing stops the night, and the old publication stays.

{secrets}
{listed}
"""


if __name__ == "__main__":
    raise SystemExit(main())
