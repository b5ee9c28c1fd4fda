"""The named places that a night passes, and the end of its process at one of them.

Nothing in the product knows of this: the functions that a night calls are wrapped in the process that is to be killed. A mark is a name such as
`before rename manifest.json` or `after load: commit`; the n-th time that it is passed is what a kill names. Signal 9 leaves nobody the time to clean up.
"""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: numbers, runs and the like in the name of a file: all landing parts are one kind
_VARYING = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}|\d+")
#: what a statement is about, without its names
_WORDS = re.compile(r"^\s*(?:/\*.*?\*/|--[^\n]*\n|\s)*((?:[a-z]+\s+){0,2}[a-z]+)", re.IGNORECASE | re.DOTALL)
_WRITING = frozenset("wax+")
_PLACES = re.compile("/(landing|unfinished|published)/")


@dataclass(frozen=True)
class Kill:
    """Where a process ends: at the `nth` passing of the mark `name`, or (name empty) of any mark, `delay` seconds later."""

    name: str = ""
    nth: int = 1
    delay: float = 0.0

    def __str__(self) -> str:
        later = f", {self.delay * 1000:.1f} ms later" if self.delay else ""
        return f"{self.name or 'mark'} #{self.nth}{later}"


@dataclass(frozen=True)
class Passed:
    """One passing of a mark: its name and the seconds since the process began."""

    name: str
    seconds: float


class Marks:
    """What this process passes. With `kill` it ends there; without, everything is kept."""

    def __init__(self, home: Path, kill: Kill | None, end: int = signal.SIGKILL) -> None:
        self.passed: list[Passed] = []
        self._home = f"{home}/"
        self._kill = kill
        self._end = end
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def pass_by(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1
            self._counts[""] += 1
            self.passed.append(Passed(name, time.monotonic() - self._began))
            kill = self._kill
            if kill is None or kill.name not in ("", name) or self._counts[kill.name] != kill.nth:
                return
        if not kill.delay:
            os.kill(os.getpid(), self._end)
        else:
            threading.Thread(target=self._end_later, args=(kill.delay,), daemon=True).start()

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work` between two marks."""

        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.pass_by(f"before {name}")
            value = work(*arguments, **named)
            self.pass_by(f"after {name}")
            return value

        return wrapped

    def install(self) -> None:
        """Wraps the night's steps, its statements, its requests and what it does to the files of its home."""
        self._watch_files()
        self._watch_steps()
        self._watch_statements()

    def _end_later(self, delay: float) -> None:
        time.sleep(delay)
        os.kill(os.getpid(), self._end)

    def _watch_files(self) -> None:
        for function, place in (("rename", 1), ("replace", 1), ("symlink", 1), ("unlink", 0), ("fsync", 0)):
            setattr(os, function, self._on_file(function, getattr(os, function), place))
        opened = io.open

        def open_file(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            stream = opened(file, mode, *arguments, **named)
            if _WRITING & set(mode) and (kind := self._kind(file)):
                self.pass_by(f"after opening {kind}")
            return stream

        io.open = open_file  # type: ignore[assignment]

    def _on_file(self, function: str, work: Callable[..., Any], place: int) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            kind = self._kind(arguments[place])
            if not kind:
                return work(*arguments, **named)
            return self.around(f"{function} {kind}", work)(*arguments, **named)

        return wrapped

    def _kind(self, file: Any) -> str:
        """What kind of file of the home it is; empty for any other."""
        try:
            path = os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else os.fspath(file)
        except (OSError, TypeError):
            return ""
        if not isinstance(path, str) or not path.startswith(self._home) or "/logs/" in path:
            return ""
        name = _VARYING.sub("*", path.rpartition("/")[2])
        if "." not in name and (top := _PLACES.search(path)):
            return f"a folder of {top[1]}"
        return name

    def _watch_steps(self) -> None:
        from extractors.core import landing
        from extractors.core.transport import Transport
        from warehouse import bookkeeping, erase, publish, traces
        from warehouse import lease as leases
        from watertight import erasure, night

        for step in ("plan", "extract", "load", "build", "verify", "publish"):
            setattr(night, step, self.around(step, getattr(night, step)))
        for place, name, said in (
            (night, "read_states", "reading the cursors"),
            (night, "make_page", "making the page"),
            (bookkeeping, "write", "writing raw._loads"),
            (publish, "_copy", "a copy"),
            (publish, "scan", "a scan"),
            (publish, "_flip", "flipping the links"),
            (publish, "_remove_old", "removing old publications"),
            (leases.Lease, "release", "releasing the lease"),
            (landing.LandingWriter, "land", "landing records"),
            (landing.LandingWriter, "finish", "finishing a table"),
            (Transport, "send", "a request"),
            (erasure, "begin", "beginning an erasure"),
            (erasure, "reload", "making the warehouse anew"),
            (erase, "write_anew", "writing a landing anew"),
            (erase, "_move_in", "moving landings in"),
            (traces, "clear", "clearing traces"),
            (traces, "search", "looking for traces"),
        ):
            setattr(place, name, self.around(said, getattr(place, name)))

    def _watch_statements(self) -> None:
        import duckdb
        from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

        from warehouse import database

        marks = self

        class Watched:
            """A connection of the product whose statements are marked."""

            def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
                self._connection = connection

            def __getattr__(self, name: str) -> Any:
                return getattr(self._connection, name)

            def execute(self, statement: Any, *values: Any) -> Any:
                execute = self._connection.execute
                if not isinstance(statement, str):
                    return execute(statement, *values)  # a reader's, parsed before it is asked
                return marks.around(f"warehouse: {_about(statement)}", execute)(statement, *values)

        class Watching:
            """The module `duckdb` as warehouse.database sees it."""

            def __getattr__(self, name: str) -> Any:
                return getattr(duckdb, name)

            def connect(self, *arguments: Any, **named: Any) -> Any:
                return Watched(duckdb.connect(*arguments, **named))

        database.duckdb = Watching()  # type: ignore[assignment]
        execute = DuckDBCursorWrapper.execute

        def execute_of_dbt(cursor: Any, sql: str, bindings: Any = None) -> Any:
            return marks.around(f"dbt: {_about(sql)}", execute)(cursor, sql, bindings)

        DuckDBCursorWrapper.execute = execute_of_dbt


def _about(statement: str) -> str:
    found = _WORDS.match(statement)
    words = found[1].lower().split() if found else []
    if words[:1] in (["select"], ["with"], ["from"], ["explain"]):
        return words[0]
    if words[:2] == ["alter", "table"]:
        return "alter table rename" if "rename" in statement.lower() else "alter table"
    return " ".join(words[: 2 if words[:1] not in (["begin"], ["commit"]) else 1]) or "nothing"
