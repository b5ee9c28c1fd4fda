"""What a person sees while a step runs: a spinner on a terminal, plain lines elsewhere, nothing with `--json`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

#: seconds between two plain lines about the same step, where a spinner would turn
QUIET_SECONDS = 2.0


class Progress(logging.Handler):
    """Shows steps with their results and durations. As a logging handler it shows what the extractors say meanwhile."""

    def __init__(self, console: Console, *, silent: bool = False) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._silent = silent
        self._status: Status | None = None
        self._step = ""
        self._last_line = 0.0
        self._warned: set[str] = set()

    @contextmanager
    def step(self, name: str) -> Iterator[Result]:
        """Around one step; set `text` on what it yields to say what came of it."""
        result, started = Result(), time.monotonic()
        self._step, self._last_line = name, started
        if self._console.is_terminal and not self._silent:
            self._status = self._console.status(escape(name))
            self._status.start()
        mark = "[red]✗[/]"
        try:
            yield result
            mark = "[green]✓[/]"
        finally:
            if self._status is not None:
                self._status.stop()
                self._status = None
            if not self._silent:
                seconds = time.monotonic() - started
                self._console.print(
                    f"{mark} {escape(name):<34} {escape(result.text):<32} [dim]{seconds:6.1f} s[/]", highlight=False
                )

    def say(self, line: str) -> None:
        """Something the running step has to tell; shown in the spinner, or as a line when it has been quiet for a while."""
        if self._silent:
            return
        if self._status is not None:
            self._status.update(f"{escape(self._step)}  [dim]{escape(line[:120])}[/]")
        elif time.monotonic() - self._last_line >= QUIET_SECONDS:
            self._last_line = time.monotonic()
            self._console.print(f"  {escape(self._step)}: {escape(line)}", highlight=False, soft_wrap=True)

    def emit(self, record: logging.LogRecord) -> None:
        """What the extractors log at INFO and above. A warning always gets a line, and one line however often it is repeated."""
        line = record.getMessage()
        if record.levelno < logging.WARNING:
            self.say(line)
        elif not self._silent and line not in self._warned:
            self._warned.add(line)
            self._console.print(f"[yellow]  {escape(line)}[/]", highlight=False, soft_wrap=True)


class Result:
    """What came of a step, in a few words."""

    text = ""
