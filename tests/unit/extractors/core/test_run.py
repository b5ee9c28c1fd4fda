"""An extraction: what it is handed, what it leaves behind when it fails, when a sweep is due, what a night consists of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import extractors.sources
from extractors.core.errors import ConfigurationError, TransientError
from extractors.core.landing import read_manifests
from extractors.core.run import Extraction, ResourceState, is_sweep_due
from extractors.core.settings import Settings
from extractors.core.spec import Record, Resource, Source
from extractors.sources import extract, plan

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 2, 2, 0, 0, 250_000, tzinfo=UTC)


@dataclass
class Shelf:
    """A connection to nothing but a clock."""

    account: str = "shelf-1"
    client: None = None

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("HUBSPOT_ACCESS_TOKEN", "TRYTON_URL", "WATERTIGHT_FILES_DIR", "WATERTIGHT_SOURCES"):
        monkeypatch.delenv(name, raising=False)
    return Settings(_env_file=None, home_dir=tmp_path)  # type: ignore[call-arg]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    def add(*resources: Resource, is_configured: bool = True, name: str = "shelf") -> Source:
        source = Source(
            name,
            name.title(),
            "everything else",
            resources,
            lambda settings: is_configured,
            lambda settings: Shelf(),
            f"Set {name}.",
        )
        monkeypatch.setattr(extractors.sources, "SOURCES", {**extractors.sources.SOURCES, name: source})
        return source

    return add


def two_rows(extraction: Extraction) -> None:
    def rows() -> Iterator[Record]:
        extraction.page_read()
        yield Record("1", "2026-06-01T00:00:00Z", False, b"{}")
        yield Record("2", None, True, b"{}")

    assert extraction.land(rows()) == 2


def test_a_landing_carries_window_and_counts(settings: Settings, register: Callable[..., Source]) -> None:
    register(Resource("books", two_rows, "changes"))
    cursor = NOW - timedelta(days=1)
    said = extract(settings, "shelf", "books", "run-1", ResourceState(cursor, cursor))
    assert said == {
        "source": "shelf", "account": "shelf-1", "resource": "books", "rows": 2, "pages": 1, "requests": 0,
        "data_through": "2026-06-02T01:55:00.250Z", "is_due": True,
    }  # fmt: skip
    [one] = read_manifests(settings.landing_dir)
    assert one.folder == settings.landing_dir / "shelf" / "shelf-1" / "books" / "run-1"
    assert one.manifest.cursor_from == "2026-06-01T02:00:00.250Z"
    assert one.manifest.cursor_to == one.manifest.data_through == "2026-06-02T01:55:00.250Z"
    assert one.manifest.extracted_at == "2026-06-02T02:00:00.250Z"


def test_the_extract_function_sees_its_window(settings: Settings, register: Callable[..., Source]) -> None:
    seen: list[Extraction] = []
    register(Resource("books", seen.append, "changes"))
    extract(settings, "shelf", "books", "run-1", ResourceState())
    extract(settings, "shelf", "books", "run-2", ResourceState(NOW, NOW))
    assert seen[0].is_first_load
    assert seen[0].window_start is None
    assert not seen[1].is_first_load
    assert seen[1].window_end == NOW - timedelta(minutes=5)
    assert seen[1].window_start == NOW - timedelta(minutes=65)


def test_a_failure_leaves_nothing(settings: Settings, register: Callable[..., Source]) -> None:
    def fail(extraction: Extraction) -> None:
        two_rows(extraction)
        raise TransientError("The shelf fell down.")

    register(Resource("books", fail, "changes", also_lands=("chapters",)))
    with pytest.raises(TransientError, match="fell down"):
        extract(settings, "shelf", "books", "run-1", ResourceState())
    assert not [path for path in settings.landing_dir.rglob("*") if path.is_file()]


def test_further_tables_land_beside_their_resource(settings: Settings, register: Callable[..., Source]) -> None:
    def both(extraction: Extraction) -> None:
        two_rows(extraction)
        extraction.land([Record("1.1", None, False, b"{}")], table="chapters")

    source = register(Resource("books", both, "changes", also_lands=("chapters",)))
    assert source.tables == ("books", "chapters")
    assert extract(settings, "shelf", "books", "run-1", ResourceState())["rows"] == 3
    assert {(one.manifest.resource, one.manifest.rows) for one in read_manifests(settings.landing_dir)} == {
        ("books", 2),
        ("chapters", 1),
    }


def test_a_table_nobody_declared_is_refused(settings: Settings, register: Callable[..., Source]) -> None:
    register(Resource("books", lambda extraction: extraction.land([], table="secrets") and None, "changes"))
    with pytest.raises(ConfigurationError, match="does not declare"):
        extract(settings, "shelf", "books", "run-1", ResourceState())


def test_a_repeated_call_changes_nothing(settings: Settings, register: Callable[..., Source]) -> None:
    register(Resource("books", two_rows, "changes"))
    first = extract(settings, "shelf", "books", "run-1", ResourceState())
    manifest = read_manifests(settings.landing_dir)[0].folder / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert extract(settings, "shelf", "books", "run-1", ResourceState()) == first
    assert manifest.stat().st_mtime_ns == before


def test_a_sweep_is_due_first_and_then_every_so_many_days(settings: Settings, register: Callable[..., Source]) -> None:
    for days, due in ((None, True), (0, False), (6, False), (7, True), (30, True)):
        state = ResourceState(NOW, None if days is None else NOW - timedelta(days=days))
        assert is_sweep_due(settings, state, NOW) is due
    # A night that begins a little earlier than the one a week ago is still the seventh day.
    assert is_sweep_due(settings, ResourceState(NOW, NOW - timedelta(days=7) + timedelta(minutes=9)), NOW)
    register(Resource("books", two_rows, "changes"), Resource("books_sweep", two_rows, "complete", sweep_of="books"))
    said = extract(settings, "shelf", "books_sweep", "run-1", ResourceState(NOW, NOW - timedelta(days=1)))
    assert (said["is_due"], said["rows"], said["data_through"]) == (False, 0, None)
    assert read_manifests(settings.landing_dir) == []


def test_a_night_is_every_resource_of_every_source_that_is_set_up(
    settings: Settings, register: Callable[..., Source]
) -> None:
    register(Resource("books", two_rows, "changes"), Resource("shelves", two_rows, "complete"))
    register(Resource("tins", two_rows, "changes"), is_configured=False, name="larder")
    assert plan(settings) == [{"source": "shelf", "resource": "books"}, {"source": "shelf", "resource": "shelves"}]
    assert plan(settings, ["shelf", "shelf"]) == plan(settings)
    with pytest.raises(ConfigurationError, match=r"larder is not set up\. Set larder\."):
        plan(settings, ["larder"])
    with pytest.raises(ConfigurationError, match=r"no source named 'attic'.*hubspot.*shelf"):
        plan(settings, ["attic"])
    with pytest.raises(ConfigurationError, match=r"no resource named 'tins'.*books, shelves"):
        extract(settings, "shelf", "tins", "run-1", ResourceState())


def test_nothing_set_up(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"No source is set up.*HUBSPOT_ACCESS_TOKEN"):
        plan(settings)


@pytest.mark.parametrize("run_id", ["../up", "", "a/b", "."])
def test_a_run_id_is_no_path(settings: Settings, register: Callable[..., Source], run_id: str) -> None:
    register(Resource("books", two_rows, "changes"))
    with pytest.raises(ConfigurationError, match="run id"):
        extract(settings, "shelf", "books", run_id, ResourceState())
    assert not settings.landing_dir.exists()


def test_a_landing_folder_that_cannot_be_made(settings: Settings, register: Callable[..., Source]) -> None:
    register(Resource("books", two_rows, "changes"))
    settings.landing_dir.parent.mkdir(parents=True)
    settings.landing_dir.write_text("a file, not a folder")
    with pytest.raises(Exception, match="could not be written") as caught:
        extract(settings, "shelf", "books", "run-1", ResourceState())
    assert "Traceback" not in str(caught.value)


def in_flight(
    settings: Settings, register: Callable[..., Source], ask: Callable[[int], int], items: Iterator[int]
) -> list[int]:
    answers: list[int] = []
    register(Resource("books", lambda extraction: answers.extend(extraction.in_flight(ask, items)), "changes"))
    extract(settings, "shelf", "books", "run-1", ResourceState())
    return answers


def test_answers_come_in_the_order_of_the_questions(settings: Settings, register: Callable[..., Source]) -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def ask(item: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002 * (item % 3))
        with lock:
            under_way -= 1
        return item * 2

    assert in_flight(settings, register, ask, iter(range(40))) == [2 * item for item in range(40)]
    assert 1 < most <= settings.requests_in_flight


def test_the_first_failure_ends_the_asking(settings: Settings, register: Callable[..., Source]) -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            read.append(item)
            yield item

    def ask(item: int) -> int:
        if item == 5:
            raise TransientError("The fifth is lost.")
        return item

    with pytest.raises(TransientError, match="fifth"):
        in_flight(settings, register, ask, items())
    assert len(read) <= 6 + settings.requests_in_flight
