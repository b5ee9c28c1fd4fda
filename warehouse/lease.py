"""One writer per home: who may write now, written down in `lease.json` and checked inside every commit.

The record outlives its release, so that a run which slept through another one's night finds out that it lost its turn:
what it extracted is older than what is loaded by now.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extractors.core.errors import BusyError, LeaseError, WatertightError
from extractors.core.locks import locked
from warehouse.database import plain_errors

#: a step that takes longer than this between two renewals loses its turn; extraction, the longest, has three hours by default
LIFETIME = timedelta(hours=4)

_RUN_ID_INSTANT = "%Y%m%dT%H%M%SZ"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True)
class Record:
    """Who writes. `one_process`: the whole run lives in process `pid`, whose death therefore frees the lease at once.

    `opened_for`: who asked for the run, where somebody may ask for the same one again: a scheduler, when it has lost sight of the first try.

    `expires_uptime`: the same as `expires_at` in seconds since this machine was started, which nobody can set; None where they are not known.
    """

    run_id: str
    pid: int
    process_start: str
    host: str
    boot_id: str
    one_process: bool
    taken_at: str
    expires_at: str
    released_at: str | None = None
    expires_uptime: float | None = None
    opened_for: str | None = None

    @property
    def is_free(self) -> bool:
        """Released, expired, or held by a process that cannot be alive any more."""
        if self.released_at or self._is_expired:
            return True
        if self.host != socket.gethostname():
            return False
        if self.boot_id != _boot_id():
            return True
        return self.one_process and _process_start(self.pid) != self.process_start

    @property
    def _is_expired(self) -> bool:
        uptime = _uptime()
        if self.expires_uptime is not None and uptime is not None and self.boot_id == _boot_id():
            return self.expires_uptime <= uptime
        return datetime.fromisoformat(self.expires_at) <= datetime.now(UTC)


class Lease:
    """The right of run `run_id` to write into `home`. Get one with `take`; a later step of the same run makes it anew."""

    def __init__(self, home: Path, run_id: str) -> None:
        self.home = home
        self.run_id = run_id

    @classmethod
    def take(cls, home: Path, *, one_process: bool, opened_for: str | None = None) -> Lease:
        """Opens a run: gives it an id later than every earlier one's, whatever the clock says. LeaseError when another run writes.

        A run that was opened for the same `opened_for` is no other one: its first try was given up, and has lost its turn by this.
        """
        with plain_errors(home):
            home.mkdir(parents=True, exist_ok=True)
            with locked(home):
                record = read(home)
                if (
                    record is not None
                    and not record.is_free
                    and (opened_for is None or record.opened_for != opened_for)
                ):
                    raise LeaseError(
                        f"Run {record.run_id} has been writing to {home} since {record.taken_at}"
                        f" (process {record.pid} on {record.host}).",
                        f"Wait until it ends; if it is gone for good, its lease ends by itself at {record.expires_at}.",
                    )
                now = datetime.now(UTC)
                lease = cls(home, _next_run_id(now, record.run_id if record else _newest_landed(home)))
                _write(
                    home,
                    Record(
                        run_id=lease.run_id,
                        pid=os.getpid(),
                        process_start=_process_start(os.getpid()),
                        host=socket.gethostname(),
                        boot_id=_boot_id(),
                        one_process=one_process,
                        taken_at=_text(now),
                        expires_at=_text(now + LIFETIME),
                        expires_uptime=_uptime(LIFETIME),
                        opened_for=opened_for,
                    ),
                )
        return lease

    def renew(self) -> None:
        """At the start of every step. A run whose failure released the lease gets it back as long as nobody came after it."""
        with plain_errors(self.home), locked(self.home):
            record = self._own_record()
            expires_at = _text(datetime.now(UTC) + LIFETIME)
            _write(
                self.home, replace(record, expires_at=expires_at, expires_uptime=_uptime(LIFETIME), released_at=None)
            )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a step that writes: renews the lease, and no other process is inside such a step meanwhile.

        A run that slept through the end of its turn may wake up in the middle of a step, and the files of the build have no commit to fence.
        BusyError when it is still at it, LeaseError when this run lost its turn.
        """
        folder = self.home / "build"
        with plain_errors(self.home):
            folder.mkdir(parents=True, exist_ok=True)
        busy = BusyError(
            f"A process of another run, or of an earlier try of this one, is still writing to {self.home}.",
            "Wait until it ends, or end it, and run again: nothing was lost and the old publication stays.",
        )
        with locked(folder, busy):
            self.renew()
            yield

    @contextmanager
    def fence(self) -> Iterator[None]:
        """Around a commit or a rename: nobody can take the lease inside, and it begins only when this run still holds it."""
        with locked(self.home):
            self._own_record()
            yield

    def release(self) -> None:
        """Ends the turn. Does nothing when another run has it by now."""
        with plain_errors(self.home), locked(self.home):
            record = read(self.home)
            if record is not None and record.run_id == self.run_id and record.released_at is None:
                _write(self.home, replace(record, released_at=_text(datetime.now(UTC))))

    def _own_record(self) -> Record:
        record = read(self.home)
        if record is None or record.run_id != self.run_id:
            other = f"run {record.run_id} has taken it over" if record else "its lease is gone"
            raise LeaseError(
                f"Run {self.run_id} no longer holds {self.home}: {other}.",
                "This run writes nothing more; start a new one.",
            )
        return record


def read(home: Path) -> Record | None:
    """The record in force or the last one; None before the first run."""
    path = home / "lease.json"
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise WatertightError(
            f"{path} is not a lease: it was changed by hand or damaged.",
            "Make sure that no run is going on, then delete it.",
        ) from error


def as_dict(record: Record) -> dict[str, object]:
    """For `--json`."""
    return {**asdict(record), "is_free": record.is_free}


def _write(home: Path, record: Record) -> None:
    path, temporary = home / "lease.json", home / "lease.json.tmp"
    with temporary.open("w") as file:
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _next_run_id(now: datetime, last: str | None) -> str:
    if last is not None:
        now = max(
            now, datetime.strptime(last.split("-")[0], _RUN_ID_INSTANT).replace(tzinfo=UTC) + timedelta(seconds=1)
        )
    return f"{now.strftime(_RUN_ID_INSTANT)}-{secrets.token_hex(2)}"


def _newest_landed(home: Path) -> str | None:
    """The last run that landed something: a lease that was lost must not let a later run have an earlier id."""
    return max((path.name for path in home.glob("landing/*/*/*/*") if _RUN_ID.fullmatch(path.name)), default=None)


def _uptime(later: timedelta = timedelta()) -> float | None:
    """Seconds since this machine was started, sleep included; None where the system does not tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return None if clock is None else time.clock_gettime(clock) + later.total_seconds()


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux: a reboot is then noticed by the processes' numbers alone
        return ""


def _process_start(pid: int) -> str:
    """Distinguishes a process from a later one with the same number; empty when it does not live."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # A zombie has ended; where nobody collects it (a container without an init) it keeps its number for ever.
        return rest[18] if state not in "ZX" else ""
    except OSError:
        pass
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
