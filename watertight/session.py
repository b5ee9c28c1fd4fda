"""What every command of `watertight` runs in: settings, journal, consoles, the lease, and errors that become sentences and exit codes."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.text import Text

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings, read_settings
from warehouse.home import open_home
from warehouse.lease import Lease
from watertight import alerts, night, report
from watertight.journal import open_journal
from watertight.progress import Progress

log = logging.getLogger(__name__)

Value = TypeVar("Value")


@dataclass
class Session:
    """What every command works with: settings, the two consoles, and whether a machine reads the answer."""

    settings: Settings
    as_json: bool
    out: Console
    progress: Progress
    journal: Path | None
    #: the night whose failure is worth an alert; a command that a person waits for tells that person
    night_id: str | None = None

    def answer(self, value: Any, shown: Callable[[], None]) -> None:
        """The result: JSON on the standard output, or what `shown` prints."""
        if self.as_json:
            click.echo(json.dumps(value, indent=1, default=str))
        else:
            shown()


@contextmanager
def session(
    name: str, *, as_json: bool = False, keep_journal: bool = True, answer_only: bool = False
) -> Iterator[Session]:
    """Opens settings and journal, and turns every error into a sentence and an exit code.

    `answer_only`: the standard output is for the answer alone, progress is shown on the other one.
    """
    err = Console(stderr=True)
    journal: Path | None = None
    root = logging.getLogger()
    extractors_log = logging.getLogger("extractors")
    handlers_before = list(root.handlers)
    progress: Progress | None = None
    # Without any handler Python prints errors, tracebacks included; there is no journal before the settings are read.
    root.addHandler(logging.NullHandler())
    # SIGTERM ends the run as Ctrl-C does: with everything that it started, and its lease.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = read_settings()
        progress = Progress(printer(stderr=as_json or answer_only), silent=as_json)
        root.setLevel(logging.INFO)
        extractors_log.addHandler(progress)
        if keep_journal:
            open_home(settings.home)
            journal, handler = open_journal(settings, name)
            root.addHandler(handler)
        yield Session(settings, as_json, printer(), progress, journal)
    except WatertightError as error:
        log.error("%s", error, exc_info=error)
        complain(err, error.wrong, error.mend, as_json=as_json, code=error.exit_code)
        raise SystemExit(error.exit_code) from None
    except (click.ClickException, SystemExit):
        raise
    except KeyboardInterrupt:
        complain(
            err,
            "Stopped from outside.",
            "Nothing is lost, and the old publication stays: run again at any time.",
            as_json=as_json,
            code=1,
        )
        raise SystemExit(1) from None
    except MemoryError as error:
        log.error("memory ran out", exc_info=error)
        complain(
            err,
            "Memory ran out.",
            "Give the machine more memory, or free some, and run again.",
            as_json=as_json,
            code=1,
        )
        raise SystemExit(1) from None
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception as error:
        log.exception("unexpected")
        where = (
            f"The whole story is in {journal}."
            if journal
            else "Run it once more with a writable WATERTIGHT_HOME to have it logged."
        )
        complain(err, f"Something unexpected went wrong: {type(error).__name__}.", where, as_json=as_json, code=1)
        raise SystemExit(1) from None
    finally:
        if progress is not None:
            extractors_log.removeHandler(progress)
        for handler in [one for one in root.handlers if one not in handlers_before]:
            root.removeHandler(handler)
            handler.close()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Not by way of SIGINT: a job that a shell runs in the background has that one ignored."""
    raise KeyboardInterrupt


def printer(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where nobody says how wide (a log, a pipe), wide enough for every table."""
    wide = not (sys.stderr if stderr else sys.stdout).isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stderr, width=120 if wide else None)


def complain(console: Console, wrong: str, mend: str, *, as_json: bool, code: int) -> None:
    """One sentence on what is wrong, one on what to do."""
    if as_json:
        click.echo(json.dumps({"error": wrong, "what_to_do": mend, "exit_code": code}, indent=1))
    else:
        console.print(Text(wrong, "bold red"), soft_wrap=True)
        if mend:
            console.print(Text(mend), soft_wrap=True)


@contextmanager
def planned(current: Session, sources: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A run over some or all sources, whose lease ends with it."""
    plan = step(
        current,
        "plan",
        "Plan",
        lambda: night.plan(current.settings, sources or None, one_process=True, report=current.progress.say),
    )
    try:
        yield plan
    finally:
        night.give_up(current.settings, plan["run_id"])


@contextmanager
def leased(current: Session, *, mends: bool = False) -> Iterator[Lease]:
    """The right to write, for a command that extracts nothing; one that goes on with the warehouse `mends` it first."""
    lease = Lease.take(current.settings.home, one_process=True)
    try:
        if mends:
            night.mend(current.settings, lease, current.progress.say)
        yield lease
    finally:
        lease.release()


def step(current: Session, name: str, label: str, work: Callable[[], Value]) -> Value:
    """One of the night's steps with its progress and its result in a few words."""
    with current.progress.step(label) as result:
        try:
            value = work()
        except Exception as error:
            if current.night_id:
                alerts.send(current.settings, alerts.failure_of(name, error, current.night_id))
            raise
        result.text = report.summarise(name, value)
    return value
