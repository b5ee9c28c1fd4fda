"""One extraction: one resource of one source, from the cursor to the manifest."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from extractors.core import landing, suppression
from extractors.core.answers import KeptAnswers, Questions
from extractors.core.connections import Connections
from extractors.core.cursor import Window, instant_text, window_after
from extractors.core.errors import ConfigurationError, DiskError, IntegrityError, TransientError, WatertightError
from extractors.core.locks import alone_in
from extractors.core.meter import Quota
from extractors.core.settings import Settings
from extractors.core.spec import Connection, ControlTotals, Record, Resource, Source

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Value = TypeVar("Value")
#: what a landing becomes visible in: raises when this run may not write any more
Fence = Callable[[], AbstractContextManager[None]]

#: an extraction says how far it is after two seconds, then at ever longer intervals: a tenth of the time it has taken
PROGRESS_SECONDS, PROGRESS_SHARE = 2.0, 0.1
#: what can be mended outside, so that the next try goes on where this one stopped
PASSING = (TransientError, ConfigurationError, DiskError)
#: a nightly run starts a little earlier or later than the one before: without this a weekly sweep would slip to the eighth day
SWEEP_SLACK = timedelta(hours=12)


@dataclass(frozen=True)
class ResourceState:
    """What the warehouse holds of a resource: `cursor` is the last load's `cursor_to`; both instants are UTC. All None before the first load."""

    cursor: datetime | None = None
    last_extracted_at: datetime | None = None
    account: str | None = None


class Extraction:
    """What a resource's extract function gets: settings, connection, window, and where to land.

    `now` is the source's clock at the start (the manifest's `extracted_at`), `window_start` the cursor − lookback (None on the
    first load), `window_end` now − settle time (the manifest's `data_through`).
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        resource: Resource,
        connection: Connection,
        run_id: str,
        state: ResourceState,
        now: datetime,
    ) -> None:
        self.settings = settings
        self.source = source
        self.resource = resource
        self.connection = connection
        self.run_id = run_id
        self.state = state
        self.now = now
        self.window: Window = window_after(
            state.cursor, now, timedelta(minutes=settings.lookback_minutes), timedelta(minutes=settings.settle_minutes)
        )
        self.pages = 0
        self.control_totals: ControlTotals | None = None
        self._writers: dict[str, landing.LandingWriter] = {}
        self._started = self._last_word = time.monotonic()
        self._filter = _filter(settings, source, connection)

    @property
    def is_first_load(self) -> bool:
        return self.window.start is None

    @property
    def window_start(self) -> datetime | None:
        return self.window.start

    @property
    def window_end(self) -> datetime:
        return self.window.end

    @property
    def rows(self) -> int:
        return sum(writer.rows for writer in self._writers.values())

    @property
    def requests(self) -> int:
        return self.connection.client.requests if self.connection.client else 0

    @property
    def spent(self) -> Mapping[str, int]:
        return self.connection.client.meter.spent if self.connection.client else {}

    @property
    def quota(self) -> Quota | None:
        return self.connection.client.meter.quota if self.connection.client else None

    def land(self, records: Iterable[Record], table: str | None = None) -> int:
        """Streams records into a table (this resource's own by default); returns how many. Memory stays bounded.

        Persons that were erased are taken out of them first.
        """
        table = table or self.resource.name
        watched = self._watched(records)
        return self._writer(table).land(self._filter.clean_all(table, watched) if self._filter else watched)

    def in_flight(self, ask: Callable[[Item], Value], items: Iterable[Item]) -> Iterator[Value]:
        """`ask(item)` of every item, in their order, with `settings.requests_in_flight` of them under way at a time.

        `items` is read in the caller's thread and never further ahead than that; `ask` runs in others and may call the client only.
        """
        under_way: deque[Future[Value]] = deque()
        with ThreadPoolExecutor(self.settings.requests_in_flight, thread_name_prefix=self.source.name) as threads:
            try:
                for item in items:
                    under_way.append(threads.submit(ask, item))
                    if len(under_way) >= self.settings.requests_in_flight:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()

    def page_read(self) -> None:
        """Counts a page that carried records."""
        self.pages += 1
        self._say_progress()

    def report_control_totals(self, totals: ControlTotals) -> None:
        """Puts the source's own totals into the manifest of this resource's own table."""
        self.control_totals = totals

    def open(self) -> None:
        """Makes every table's folder, so that a disk that cannot be written is noticed before the first request for data."""
        for table in (self.resource.name, *self.resource.also_lands):
            self._writer(table)

    def finish(self) -> None:
        """Writes the manifests, this resource's own last: it carries the cursor."""
        for table in (*self.resource.also_lands, self.resource.name):
            own = table == self.resource.name
            self._writer(table).finish({
                "source_system": self.source.name,
                "account": self.connection.account,
                "resource": table,
                "run_id": self.run_id,
                "extracted_at": instant_text(self.now),
                "data_through": instant_text(self.window.end),
                "cursor_from": instant_text(self.window.cursor_from) if self.window.cursor_from else None,
                "cursor_to": instant_text(self.window.cursor_to),
                "mode": self.resource.mode,
                "sweep_of": self.resource.sweep_of if own else None,
                "pages": self.pages if own else 0,
                "requests": self.requests if own else 0,
                "control_totals": self.control_totals if own else None,
                "spent": dict(self.spent) if own else {},
                "quota": self.quota if own else None,
            })  # fmt: skip

    def abandon(self) -> None:
        """Removes everything that this run has landed of the resource."""
        for writer in self._writers.values():
            writer.abandon()

    def _writer(self, table: str) -> landing.LandingWriter:
        if table not in self._writers:
            if table not in (self.resource.name, *self.resource.also_lands):
                raise ConfigurationError(
                    f"{self.source.title} lands a table {table!r} that its resource {self.resource.name} does not declare.",
                    "Add it to also_lands.",
                )
            folder = landing.run_folder(
                self.settings.landing_dir, self.source.name, self.connection.account, table, self.run_id
            )
            self._writers[table] = landing.LandingWriter(
                folder, extracted_at=instant_text(self.now), run_id=self.run_id
            )
        return self._writers[table]

    def _watched(self, records: Iterable[Record]) -> Iterator[Record]:
        for number, record in enumerate(records):
            yield record
            if number % 1000 == 999:
                self._say_progress()

    def _say_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_word >= max(PROGRESS_SECONDS, PROGRESS_SHARE * (now - self._started)):
            self._last_word = now
            log.info(
                "%s %s: %d rows, %d pages, %d requests, %.0f s",
                self.source.name, self.resource.name, self.rows, self.pages, self.requests, now - self._started,
            )  # fmt: skip


def extract(
    settings: Settings,
    source: Source,
    resource_name: str,
    run_id: str,
    state: ResourceState,
    connections: Connections | None = None,
    fence: Fence = nullcontext,
) -> dict[str, Any]:
    """Extracts one resource and lands it; returns a JSON-able summary.

    The summary has `source, account, resource, rows, pages, requests, data_through, is_due`; `is_due` is False for a sweep whose day
    has not come, and then nothing is landed. Repeating a call whose manifest is already there changes nothing and returns
    that manifest's figures. `connections`: those of the run, where its resources share a process. `fence`: the manifest is
    made visible inside it. Raises BusyError while another process extracts the same resource, and WatertightError (and its kinds) with nothing visible landed.
    """
    resource = source.resource_named(resource_name)
    landing.safe_name(run_id, "run id")
    connections = connections or Connections()
    connection = connections.to(source, settings)
    if state.account not in (None, connection.account):
        raise ConfigurationError(
            f"{source.title} answers for the account {connection.account}, and {settings.home} holds {resource.name} of the account"
            f" {state.account}.",
            "Give it that account's token back, or set WATERTIGHT_HOME to a folder of its own for the other account.",
        )
    now = connection.now()
    summary: dict[str, Any] = {"source": source.name, "account": connection.account, "resource": resource.name}
    if resource.sweep_of and not is_sweep_due(settings, state, now):
        requests = connection.client.requests if connection.client else 0
        return summary | {"rows": 0, "pages": 0, "requests": requests, "data_through": None, "is_due": False}

    folder = landing.run_folder(settings.landing_dir, source.name, connection.account, resource.name, run_id)
    with alone_in(folder.parent):
        if (folder / landing.MANIFEST).exists():
            return summary | _landed_already(folder)
        extraction = _land(settings, source, resource, connection, run_id, state, now, connections, fence)
    return summary | {
        "rows": extraction.rows,
        "pages": extraction.pages,
        "requests": extraction.requests,
        "data_through": instant_text(extraction.window_end),
        "is_due": True,
    }


def _landed_already(folder: Path) -> dict[str, Any]:
    """What the manifest that is there says: the figures of a repeated call."""
    held = landing.read_manifest(folder / landing.MANIFEST).manifest
    log.info("%s %s: run %s has landed already, %d rows", held.source_system, held.resource, held.run_id, held.rows)
    return {
        "rows": held.rows,
        "pages": held.pages,
        "requests": held.requests,
        "data_through": held.data_through,
        "is_due": True,
    }


def _land(
    settings: Settings,
    source: Source,
    resource: Resource,
    connection: Connection,
    run_id: str,
    state: ResourceState,
    now: datetime,
    connections: Connections,
    fence: Fence,
) -> Extraction:
    """The extraction, from the first request to the manifest, which becomes visible inside the fence."""
    kept = _kept_answers(settings, source, resource, connection, state, now)
    extraction = Extraction(settings, source, resource, connection, run_id, state, kept.now if kept else now)
    started = time.monotonic()
    try:
        extraction.open()
        with _plain_answers(source, resource):
            resource.extract(extraction)
        with fence():
            extraction.finish()
    except BaseException as error:
        extraction.abandon()
        connections.forget(source)
        if kept:
            # An answer that makes no sense would make none the next time either; a network, a token or a disk can be mended.
            is_final = isinstance(error, WatertightError) and not isinstance(error, PASSING)
            kept.remove() if is_final else kept.close()
        raise
    if kept:
        kept.remove()
    log.info(
        "%s %s: landed %d rows from %d pages, %d requests, %.1f s",
        source.name, resource.name, extraction.rows, extraction.pages, extraction.requests, time.monotonic() - started,
    )  # fmt: skip
    return extraction


@contextmanager
def _plain_answers(source: Source, resource: Resource) -> Iterator[None]:
    """Turns what a source made of an answer of another shape than it knows into one sentence. A source that knows the record names it itself."""
    try:
        yield
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        raise IntegrityError(
            f"{source.title} answered something in {resource.name} that cannot be understood: {str(error)[:200].rstrip('.')}.",
            f"Nothing of it was kept. Look at {resource.name} in {source.title}, and start again.",
        ) from error


def _kept_answers(
    settings: Settings, source: Source, resource: Resource, connection: Connection, state: ResourceState, now: datetime
) -> KeptAnswers | None:
    """What an earlier try of the same window was told, handed to the client; None where there is no HTTP."""
    if connection.client is None:
        return None
    filter_ = _filter(settings, source, connection)
    if filter_ and {resource.name, *resource.also_lands} & {people.table for people in source.people}:
        # The record of a person that was erased would lie there as it came.
        return None
    folder = settings.unfinished_dir / source.name / landing.safe_name(connection.account, "account") / resource.name
    kept = KeptAnswers(
        folder,
        Questions(state.cursor, settings.lookback_minutes, settings.settle_minutes),
        now,
        filter_.clean_answer if filter_ else None,
    )
    if kept.count:
        log.info(
            "%s %s: goes on where the try of %s stopped, %d answers need not be asked for again",
            source.name, resource.name, instant_text(kept.now), kept.count,
        )  # fmt: skip
    connection.client.kept = kept
    return kept


def _filter(settings: Settings, source: Source, connection: Connection) -> suppression.Filter | None:
    """What takes erased persons out of what this account says; None where nobody was ever erased."""
    listed = suppression.read(settings)
    return suppression.Filter(listed, source.name, connection.account, source.people) if listed else None


def is_sweep_due(settings: Settings, state: ResourceState, now: datetime) -> bool:
    """Whether a full comparison of ids is due: on the first load, then every `sweep_days` of the source's time."""
    if state.last_extracted_at is None:
        return True
    return now - state.last_extracted_at >= timedelta(days=settings.sweep_days) - SWEEP_SLACK
