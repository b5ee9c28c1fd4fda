"""The parts of safety in a night: what each costs while it is on, and a night in which it is off. Both by patches, here and nowhere else.

Safety is everything that only matters when something goes wrong with a disk, a process or a file. The data tests are not among it: they judge what
the figures mean. Nor is what DuckDB does for itself: its log and its own fsyncs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from extractors.core import landing
from warehouse import gates, lease, load, manifest, publish, soundness, verify

#: part → the functions that it consists of, as (owner, name); a name that was imported elsewhere is a place of its own
PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "look at the warehouse before the night": ((soundness, "find_damage"),),
    "landing: hashes written and compared": (
        (landing.Manifest, "sealed"),
        (landing.Landing, "check_parts"),
        (landing, "hashlib"),
    ),
    "landing: every line counted": ((load, "_count_arrivals"),),
    "gates against unlikely landings": ((gates, "check"),),
    "tables that ran empty": ((verify, "_require_not_emptied"),),
    "every value of the published copies read": ((publish, "scan"),),
    "publication: hashes, manifest, record": ((manifest, "copy"), (manifest, "describe"), (manifest, "enter")),
    "lease and fence": ((lease.Lease, "renew"), (lease.Lease, "writing"), (lease.Lease, "fence")),
    "fsync": ((os, "fsync"),),
}
_CONTEXTS = ("writing", "fence")


class Meter:
    """Processor seconds of this process by part; what a part calls of another counts with the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0

    def enter(self, part: str) -> None:
        now = time.process_time()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._stack.append(part)
        self._since = time.process_time()

    def leave(self) -> None:
        now = time.process_time()
        self.seconds[self._stack.pop()] += now - self._since
        self._since = now

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Everything stays on and is measured."""
        with contextlib.ExitStack() as patched:
            for part, places in PARTS.items():
                for owner, name in places:
                    on = self._hashlib(part) if name == "hashlib" else self._around(part, getattr(owner, name), name)
                    if name == "copy":  # the copy itself is no safety: what its hash costs is measured as that
                        continue
                    patched.enter_context(mock.patch.object(owner, name, on))
            patched.enter_context(mock.patch.object(manifest, "hashlib", self._hashlib(list(PARTS)[6])))
            yield

    def _around(self, part: str, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        if name in _CONTEXTS:
            return self._around_context(part, work)

        @functools.wraps(work)
        def measured(*arguments: Any, **named: Any) -> Any:
            self.enter(part)
            try:
                return work(*arguments, **named)
            finally:
                self.leave()

        return measured

    def _around_context(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The way in and the way out; what is done inside is the night's own."""

        @contextlib.contextmanager
        def measured(*arguments: Any) -> Iterator[None]:
            with contextlib.ExitStack() as inside:
                self.enter(part)
                try:
                    inside.enter_context(work(*arguments))
                finally:
                    self.leave()
                yield
                self.enter(part)
                try:
                    inside.close()
                finally:
                    self.leave()

        return measured

    def _hashlib(self, part: str) -> Any:
        meter = self

        class Measured:
            """A SHA-256 whose updates are measured."""

            def __init__(self, data: bytes = b"") -> None:
                self._hash = hashlib.sha256()
                self.update(data)

            def update(self, data: Any) -> None:
                meter.enter(part)
                self._hash.update(data)
                meter.leave()

            def hexdigest(self) -> str:
                return self._hash.hexdigest()

        return _Hashlib(Measured)


class _Hashlib:
    """The module with another SHA-256."""

    def __init__(self, sha256: Callable[..., Any]) -> None:
        self.sha256 = sha256

    def __getattr__(self, name: str) -> Any:
        return getattr(hashlib, name)


class _NoHash:
    """Hashes nothing. No two are the same: the loader knows a landing that comes twice by them."""

    def __init__(self, data: bytes = b"") -> None:
        self._said = secrets.token_hex(32)

    def update(self, data: Any) -> None: ...

    def hexdigest(self) -> str:
        return self._said


def _copy(source: Path, target: Path) -> str:
    shutil.copyfile(source, target)
    return ""


@contextlib.contextmanager
def _anything(*_: Any) -> Iterator[None]:
    yield


@contextlib.contextmanager
def switched_off() -> Iterator[None]:
    """Without all of them, in this process."""
    instead: dict[str, Any] = {
        "find_damage": lambda *_: None,
        "sealed": lambda said: said,
        "check_parts": lambda *_: None,
        "hashlib": _Hashlib(_NoHash),
        "_count_arrivals": lambda *_: None,
        "check": lambda *_: [],
        "_require_not_emptied": lambda *_: None,
        "scan": lambda path, memory_mb=None: publish.count_rows(path),
        "copy": _copy,
        "describe": lambda *_: b"{}",
        "enter": lambda *_: None,
        "renew": lambda *_: None,
        "writing": _anything,
        "fence": _anything,
        "fsync": lambda *_: None,
    }
    with contextlib.ExitStack() as patched:
        for places in PARTS.values():
            for owner, name in places:
                patched.enter_context(mock.patch.object(owner, name, instead[name]))
        yield
