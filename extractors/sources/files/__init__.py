"""A folder of CSV or Parquet files as a source: exports of a company without API access, and the inputs that no CRM holds.

Each file is the complete state of its entity and one resource of the same name. Nothing of the folder lands unless all of it fits
the contract (`contract.py`). A record's payload is `{column: text or null}` of the contract's columns that the file has, in the
canonical form that `contract.py` states; its source id is the key's columns joined by `|`. A deal whose `is_deleted` is true lands as
deleted. The order of the rows in the file is the order of the records.

A file that is not in the folder lands nothing. One that was there at the last load and is gone stops the run: a forgotten file
would otherwise delete everything that it held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.run import Extraction
from extractors.core.settings import Settings
from extractors.core.spec import ControlTotal, ControlTotals, People, Record, Resource, Source
from extractors.sources.files.check import GivenFile, find_files, read_rows
from extractors.sources.files.contract import CONTRACTS, contracts_with
from extractors.sources.files.memory import check_once
from extractors.sources.files.rows import RowReader, source_id
from extractors.sources.files.tables import BadLine, UnreadableTableError, changed, open_table

log = logging.getLogger(__name__)

ACCOUNT = "files"
#: holds the one instant at which a simulated company's folder was written; read only when WATERTIGHT_SIMULATED_TIME is set
AS_OF_FILE = "as_of.txt"
#: the cursor of a file that has never been in the folder
NEVER_GIVEN = datetime(1970, 1, 1, tzinfo=UTC)


class FilesConnection:
    """The folder as `connect` found it. Its clock is this machine's, or a simulated company's own."""

    account = ACCOUNT
    client = None

    def __init__(self, settings: Settings, folder: Path, given: dict[str, GivenFile]) -> None:
        self.settings = settings
        self.folder = folder
        self.given = given

    def now(self) -> datetime:
        """UTC. Raises ConfigurationError when simulated time is on and the folder does not say what time it is."""
        if not self.settings.simulated_time:
            return datetime.now(UTC)
        try:
            return parse_instant((self.folder / AS_OF_FILE).read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            raise ConfigurationError(
                f"WATERTIGHT_SIMULATED_TIME is set and {self.folder / AS_OF_FILE} does not hold an instant.",
                "Write one such as 2026-01-31T02:00:00Z into it, or unset the setting.",
            ) from None


def connect(settings: Settings) -> FilesConnection:
    """Raises ConfigurationError when there is no usable folder, IntegrityError when files are missing or given twice."""
    if settings.files_dir is None:
        raise ConfigurationError("The source files is not set up.", FILES.how_to_set_up)
    folder = settings.files_dir.expanduser().absolute()
    return FilesConnection(settings, folder, find_files(folder, contracts_with(settings.custom_fields)))


def _extract_of(name: str) -> Callable[[Extraction], None]:
    def extract(extraction: Extraction) -> None:
        connection = extraction.connection
        assert isinstance(connection, FilesConnection)  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
        check_once(connection.settings, connection.folder, connection.given)
        file = connection.given.get(name)
        cursor = extraction.window.cursor_from
        if file is None:
            if cursor is not None and cursor > NEVER_GIVEN:
                raise IntegrityError(
                    f"{connection.folder / name}.csv was there at the last load and is missing now.",
                    "Put it back; if it is really empty now, leave its header row.",
                )
            extraction.window = replace(extraction.window, end=extraction.now, cursor_to=NEVER_GIVEN)
            return
        # A file has nothing that is still being written: it is complete up to the moment it is read.
        extraction.window = replace(
            extraction.window, end=extraction.now, cursor_to=max(cursor or NEVER_GIVEN, extraction.now)
        )
        extraction.land(_records(file))
        extraction.page_read()
        if name == "deals":
            extraction.report_control_totals(_control_totals(connection, extraction.now))

    return extract


def _records(file: GivenFile) -> Iterator[Record]:
    encode = msgspec.json.Encoder().encode
    try:
        with open_table(file.path, file.signature) as table:
            reader = RowReader(file.contract, table.header)
            names = reader.names
            key = reader.positions(file.contract.key)
            (updated,), (deleted,) = reader.positions(("updated_at",)), reader.positions(("is_deleted",))
            for _, values in read_rows(file, table, reader, None):
                yield Record(
                    source_id([None if position is None else values[position] for position in key]),
                    None if updated is None else values[updated],
                    deleted is not None and values[deleted] == "true",
                    encode(dict(zip(names, values, strict=True))),
                )
    except UnreadableTableError:
        # It was readable when the folder was checked.
        raise changed(file.path) from None


def _control_totals(connection: FilesConnection, as_of: datetime) -> ControlTotals:
    """Deals neither deleted nor merged, per pipeline and stage: all of them, and count and amount in each currency.

    Counted from the cells as they stand in the file, not from what was landed. Stages without deals say 0; deals without a currency
    are a group of their own.
    """
    counts: dict[tuple[str, str], int] = {}
    sums: dict[tuple[str, str, str | None], tuple[int, Decimal]] = {}
    for pipeline, stage in _cells(connection.given["stages"], "pipeline_id", "stage_id"):
        counts[pipeline, stage] = 0
    wanted = ("pipeline_id", "stage_id", "currency_code", "deal_amount", "is_deleted", "merged_into_deal_id")
    for pipeline, stage, currency, amount, is_deleted, merged_into in _cells(connection.given["deals"], *wanted):
        if is_deleted.lower() in ("true", "1") or merged_into:
            continue
        counts[pipeline, stage] += 1
        place = pipeline, stage, currency or None
        count, total = sums.get(place, (0, Decimal("0.00")))
        sums[place] = count + 1, total + Decimal(amount or 0)
    totals = [ControlTotal(*stage, None, count, None) for stage, count in counts.items()]
    totals += [ControlTotal(*group, count, f"{total:.2f}") for group, (count, total) in sums.items()]
    return ControlTotals(
        as_of, tuple(sorted(totals, key=lambda one: (one.pipeline_id, one.stage_id, one.currency_code or ""))), ()
    )


def _cells(file: GivenFile, *columns: str) -> Iterator[tuple[str, ...]]:
    """The cells of some columns, "" where empty or not there."""
    with open_table(file.path, file.signature) as table:
        at = [table.header.index(column) if column in table.header else None for column in columns]
        for _, cells in table.rows:
            assert not isinstance(cells, BadLine), "a checked file has none"  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
            yield tuple("" if position is None else cells[position] or "" for position in at)


PEOPLE = (
    People(
        "contacts",
        kept=("contact_id", "company_id", "legal_basis", "consent_at", "consent_withdrawn_at", "created_at"),
        addresses=("email",),
        names=("full_name",),
        phones=("phone",),
    ),
    People("owners", kept=(), addresses=("email",), names=("owner_name",), is_staff=True),
)

FILES = Source(
    name="files",
    title="Files",
    not_loaded="Files and columns that the contract does not name: they are warned about and ignored.",
    resources=tuple(Resource(contract.name, _extract_of(contract.name), "complete") for contract in CONTRACTS),
    is_configured=lambda settings: settings.files_dir is not None,
    connect=connect,
    people=PEOPLE,
    how_to_set_up="Set WATERTIGHT_FILES_DIR to a folder of CSV or Parquet files.",
)
