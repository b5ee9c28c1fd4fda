"""A bug planted in a copy of the tree, and the tests that must see it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[3]
#: a plant whose tests take longer is not seen
SECONDS = 900
#: neither read nor needed by a test in the copy; environments are linked instead
_LEFT_OUT = (
    ".git",
    "build",
    "data",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "*.egg-info",
)


@dataclass(frozen=True)
class Plant:
    """In `file` the only `old` text becomes `new`, and every one of `tests` (file::function) must fail. `says`: the bug in a few words, as
    docs/reliability.md has it in the rows of `rows`."""

    rows: str
    says: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def row_names(self) -> list[str]:
        return self.rows.split()

    @property
    def name(self) -> str:
        return f"{self.rows}: {self.says}"

    @property
    def digest(self) -> str:
        """Of what is planted and who must see it: a plant that was changed is tried again."""
        return hashlib.sha256(repr((self.file, self.old, self.new, self.tests)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Outcome:
    """`failed`: the cases that were red, `unseen`: the tests of which none was."""

    name: str
    digest: str
    failed: tuple[str, ...]
    unseen: tuple[str, ...]
    seconds: float

    @property
    def is_seen(self) -> bool:
        return not self.unseen


class Garden:
    """A copy of the tree in which one bug at a time stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp = int(time.time())
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT, ".venv*"))
        for environment in ROOT.glob(".venv*"):
            (folder / environment.name).symlink_to(environment)

    def try_plant(self, plant: Plant) -> Outcome:
        """Plants it, runs its tests, and takes it out. Raises ValueError when its text is not there exactly once."""
        path = self.folder / plant.file
        sound = path.read_text()
        if sound.count(plant.old) != 1:
            raise ValueError(f"{plant.name}: {plant.file} has its text {sound.count(plant.old)} times")
        began = time.monotonic()
        self._write(path, sound.replace(plant.old, plant.new))
        try:
            failed = self._red(plant.tests)
        finally:
            self._write(path, sound)
        unseen = tuple(test for test in plant.tests if not any(is_case_of(case, test) for case in failed))
        return Outcome(plant.name, plant.digest, tuple(failed), unseen, round(time.monotonic() - began, 1))

    def _write(self, path: Path, text: str) -> None:
        """With another stamp than ever before: Python takes its compiled form for current by the stamp's second."""
        path.write_text(text)
        self._stamp += 1
        os.utime(path, (self._stamp, self._stamp))

    def _red(self, tests: Iterable[str]) -> list[str]:
        """The cases that fail, as pytest's report names them."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "--tb=no",
            f"--junitxml={report}",
        ]
        with subprocess.Popen(
            [*command, *tests], cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as running:  # fmt: skip
            try:
                running.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
        if not report.exists():
            return []
        # What does not even import names a module and no test, and so shows nothing.
        return [
            f"{case.get('classname')}::{case.get('name')}"
            for case in ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest has just written it
            if case.find("failure") is not None or case.find("error") is not None
        ]


def is_case_of(case: str, test: str) -> bool:
    """Whether a case of the report, `tests.unit.test_x::test_y[1]`, is one of a test, `tests/unit/test_x.py::test_y`."""
    module, _, name = test.partition("::")
    return case.partition("[")[0] == f"{module.removesuffix('.py').replace('/', '.')}::{name}"
