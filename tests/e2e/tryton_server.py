"""A real Tryton server in an environment of its own, with a clock that the test sets.

The environment (from `requirements-tryton.lock`, by hash) and the initialised database are made once and kept in `.tryton/` of the
repository, or in TRYTON_CACHE; they are made anew when the lock changes. Tryton is GPL: it runs as a process and is never imported.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.environments import clean, install, locked, run

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-tryton.lock"
CLOCK_MODULE = Path(__file__).with_name("tryton_clock")
DATABASE = "crm"
USER = "admin"
PASSWORD = "a-password-of-the-test"
_START_SECONDS = 60


class TrytonServer:
    """A running server over a fresh copy of the initialised database. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        cache = _prepared_cache()
        self._folder = folder
        self._environment = cache / "environment"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(cache / f"{DATABASE}.sqlite", folder / f"{DATABASE}.sqlite")
        self._clock_file = folder / "clock"
        self._offset = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> TrytonServer:
        self._write_offset()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        configuration = _write_configuration(self._folder, port)
        log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            [self._environment / "bin" / "trytond", "-c", configuration, "-d", DATABASE],
            env=clean(PYTHONPATH=str(CLOCK_MODULE), TRYTON_CLOCK_FILE=str(self._clock_file)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self._wait_until_it_answers()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, signal_number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
            break

    def now(self) -> datetime:
        """What the server's clock says."""
        return datetime.now(UTC) + timedelta(seconds=self._offset)

    def set_clock(self, instant: datetime) -> None:
        """Moves the server's clock; it goes on from there."""
        self._offset = (instant - datetime.now(UTC)).total_seconds()
        self._write_offset()

    def _write_offset(self) -> None:
        temporary = self._clock_file.with_suffix(".new")
        temporary.write_text(repr(self._offset), encoding="ascii")
        temporary.replace(self._clock_file)

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                Tryton(self.url)
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise RuntimeError(
            f"Tryton did not start:\n{(self._folder / 'server.log').read_text(errors='replace')[-3000:]}"
        )


class Tryton:
    """The test's own JSON-RPC client, which shares nothing with the extractor's."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/{DATABASE}/rpc/"
        self._authorization: str | None = None
        self.context: dict[str, Any] = {}
        user, token, _bus = self._post("common.db.login", [USER, {"password": PASSWORD}, "en"])
        self._authorization = "Session " + base64.b64encode(f"{USER}:{user}:{token}".encode()).decode()
        preferences = self.call("res.user", "get_preferences", True)
        self.context = {name: preferences[name] for name in ("company", "companies") if preferences.get(name)}

    def call(self, model: str, method: str, *arguments: Any, **context: Any) -> Any:
        """Decoded result: Decimals and datetimes (UTC) are Python's."""
        return self._post(f"model.{model}.{method}", [*arguments, {**self.context, **context}])

    def _post(self, method: str, parameters: list[Any]) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": parameters}, default=_wrap).encode()
        headers = {"Content-Type": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        with urllib.request.urlopen(urllib.request.Request(self._url, body, headers), timeout=120) as response:  # noqa: S310 - an address on the loopback interface, which the tests make
            answer = json.loads(response.read(), object_hook=_unwrap)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


def _wrap(value: Any) -> dict[str, Any]:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    if isinstance(value, datetime):
        return {"__class__": "datetime", **{part: getattr(value, part) for part in parts}}
    raise TypeError(type(value))


def _unwrap(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "datetime":
            return datetime(tzinfo=UTC, **{part: number for part, number in value.items() if part != "__class__"})
        case "date":
            return f"{value['year']:04d}-{value['month']:02d}-{value['day']:02d}"
    return value


def _prepared_cache() -> Path:
    """The folder with environment and database for this lock; several test processes may ask at once."""
    recipe = hashlib.sha256(LOCK.read_bytes() + PASSWORD.encode() + sys.version.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("TRYTON_CACHE", ROOT / ".tryton")) / recipe
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n")
    with locked(cache / "lock"):
        ready = cache / "ready"
        if not ready.exists():
            install(LOCK, cache / "environment")
            _make_database(cache)
            ready.touch()
    return cache


def _make_database(cache: Path) -> None:
    database = cache / f"{DATABASE}.sqlite"
    database.unlink(missing_ok=True)
    # The admin tool refuses a missing file.
    database.touch()
    password = cache / "password"
    password.write_text(PASSWORD)
    run(
        [
            cache / "environment" / "bin" / "trytond-admin",
            *("-c", _write_configuration(cache, 0), "-d", DATABASE, "--email", "admin@example.com"),
            *("-u", "sale_opportunity", "--activate-dependencies"),
        ],
        TRYTONPASSFILE=str(password),
    )


def _write_configuration(folder: Path, port: int) -> Path:
    place = folder / "trytond.conf"
    place.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n"
        # Thirty days of simulated time must not end the test's own session; the extractor logs in for every resource.
        "[session]\nmax_age = 31536000\n"
    )
    return place


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
