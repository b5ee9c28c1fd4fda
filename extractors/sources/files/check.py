"""The whole folder against the contract, before anything of it is landed: every wrong row is found, and one is enough to stop.

Each file is read once. Keys are kept as 64-bit fingerprints (8 bytes a row), so that a million deals and their changes fit into
little memory; a fingerprint seen twice is only a suspicion, and a second reading of that file compares the keys themselves. A
missing reference could hide behind an equal fingerprint with a chance of 1 in 10^13 per wrong row; the hash is keyed anew in
every process, so that the next night would find it.
"""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.sources.files.contract import CONTRACTS, DEAL_DATA, REQUIRED_WITH_DEAL_DATA, FileContract, Reference
from extractors.sources.files.rows import RowReader, UnfitRowError, Values
from extractors.sources.files.tables import BadLine, Signature, Table, UnreadableTableError, open_table
from extractors.sources.files.values import shown

log = logging.getLogger(__name__)

#: so many wrong rows are named in the error itself; all of them are in the log
SHOWN_FAULTS = 50
SUFFIXES = (".csv", ".parquet")
_SHARDS = 64


@dataclass(frozen=True)
class GivenFile:
    """A file of the contract that the folder holds, as it was when the folder was checked."""

    contract: FileContract
    path: Path
    signature: Signature


class Fingerprints:
    """A set of 64-bit fingerprints that costs 8 bytes each and can tell which came twice."""

    def __init__(self) -> None:
        self._shards = [array("q") for _ in range(_SHARDS)]
        self._broken = array("q")
        #: whether a row was so broken that not even its key could be read: then nothing can be said to be missing
        self.is_uncertain = False

    def add(self, key: object) -> None:
        fingerprint = hash(key)
        self._shards[fingerprint % _SHARDS].append(fingerprint)

    def add_broken(self, key: object) -> None:
        """The key of a row that is wrong elsewhere (None: unreadable): rows that refer to it are not wrong for that."""
        if key is None:
            self.is_uncertain = True
        else:
            self._broken.append(hash(key))

    def close(self) -> set[int]:
        """Sorts for look-up; returns the fingerprints seen more than once."""
        twice: set[int] = set()
        for number, shard in enumerate(self._shards):
            ordered = sorted(shard)
            twice.update(left for left, right in pairwise(ordered) if left == right)
            self._shards[number] = array("q", ordered)
        self._broken = array("q", sorted(self._broken))
        return twice

    def __contains__(self, fingerprint: int) -> bool:
        return _holds(self._shards[fingerprint % _SHARDS], fingerprint) or _holds(self._broken, fingerprint)


def _holds(ordered: array[int], fingerprint: int) -> bool:
    place = bisect_left(ordered, fingerprint)
    return place < len(ordered) and ordered[place] == fingerprint


class Faults:
    """Wrong rows as they are found: all into the log, the first few into the error."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, path: Path, place: str, reason: str) -> None:
        self.count += 1
        text = f"{path.name}, {place}: {reason}" if place else f"{path.name}: {reason}"
        log.info("%s", text)  # no warning: that would be printed, and the error prints the first of them anyway
        if len(self.first) < SHOWN_FAULTS:
            self.first.append(text)

    def raise_if_any(self, folder: Path) -> None:
        if not self.count:
            return
        rest = self.count - len(self.first)
        lines = [*self.first, f"… and {rest} more; the log names them all."] if rest else self.first
        entries = "1 entry breaks" if self.count == 1 else f"{self.count} entries break"
        raise IntegrityError(
            f"Nothing was loaded from {folder}: {entries} the contract of the files source.\n  "
            + "\n  ".join(lines)
            + "\n",
            "Correct them in the export and start again.",
        )


@dataclass
class _Pending:
    """References of one file to keys that were not all read yet: fingerprints and the lines they stand in."""

    file: GivenFile
    reference: Reference
    fingerprints: array[int]
    lines: array[int]


def find_files(folder: Path, known: Sequence[FileContract] = CONTRACTS) -> dict[str, GivenFile]:
    """The contract's files in the folder, by name. Raises ConfigurationError when there is no such folder or nothing in it."""
    mend = "Point WATERTIGHT_FILES_DIR at a folder with files such as deals.csv."
    try:
        entries = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    except NotADirectoryError:
        raise ConfigurationError(f"{folder} is not a folder.", mend) from None
    except FileNotFoundError:
        raise ConfigurationError(f"There is no folder {folder}.", mend) from None
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} cannot be read ({error.strerror}).", "Let this user read it."
        ) from None
    contracts = {contract.name: contract for contract in known}
    given: dict[str, GivenFile] = {}
    faults = Faults()
    for path in entries:
        contract = contracts.get(path.stem)
        if contract is None:
            log.warning(
                "%s is not a file of the contract and is ignored; known are %s", path.name, ", ".join(contracts)
            )
        elif path.stem in given:
            faults.add(path, "", f"{given[path.stem].path.name} is there too; leave one of the two")
        else:
            try:
                given[path.stem] = GivenFile(contract, path, Signature.of(path.stat()))
            except OSError as error:
                raise ConfigurationError(
                    f"{path} cannot be read ({error.strerror}).", "Let this user read it."
                ) from None
    if not given:
        raise ConfigurationError(f"{folder} holds none of the files of the contract.", mend)
    if set(DEAL_DATA) & given.keys():
        because = ", ".join(sorted(set(DEAL_DATA) & given.keys()))
        for name in REQUIRED_WITH_DEAL_DATA:
            if name not in given:
                faults.add(folder / f"{name}.csv", "", f"is missing, and is required beside {because}")
    faults.raise_if_any(folder)
    return given


def check_folder(folder: Path, given: dict[str, GivenFile]) -> None:
    """Reads every file once and raises IntegrityError naming file, line and reason of every wrong row."""
    _Check(folder, given).run()


class _Check:
    def __init__(self, folder: Path, given: dict[str, GivenFile]) -> None:
        self._folder = folder
        self._given = given
        self._faults = Faults()
        self._keys: dict[tuple[str, tuple[str, ...]], Fingerprints] = {}
        self._pending: list[_Pending] = []
        self._unchecked: Counter[tuple[str, tuple[str, ...], str]] = Counter()
        self._wanted: dict[str, set[tuple[str, ...]]] = {}
        for file in given.values():
            self._wanted.setdefault(file.contract.name, set()).add(file.contract.key)
            for reference in file.contract.references:
                self._wanted.setdefault(reference.file, set()).add(reference.to_columns)

    def run(self) -> None:
        for contract in CONTRACTS:
            if contract.name in self._given:
                self._check_file(self._given[contract.name])
        for pending in self._pending:
            self._look_up(pending)
        for (file, columns, target), count in self._unchecked.items():
            log.warning(
                "%s: %d values of %s refer to %s, which is not in the folder; they were not checked",
                file, count, " and ".join(columns), target,
            )  # fmt: skip
        self._faults.raise_if_any(self._folder)

    def _check_file(self, file: GivenFile) -> None:
        contract = file.contract
        sets = {columns: Fingerprints() for columns in self._wanted[contract.name]}
        try:
            with open_table(file.path, file.signature) as table:
                reader = reader_for(file, table, self._faults)
                if reader is None:
                    return
                if reader.unknown:
                    log.warning(
                        "%s: unknown columns are ignored: %s", file.path.name, ", ".join(map(shown, reader.unknown))
                    )
                self._check_rows(file, table, reader, sets)
        except UnreadableTableError as error:
            self._faults.add(file.path, "", str(error))
            return
        for columns, fingerprints in sets.items():
            twice = fingerprints.close()
            if columns == contract.key and twice:
                self._name_doubles(file, twice)
            self._keys[contract.name, columns] = fingerprints

    def _check_rows(
        self, file: GivenFile, table: Table, reader: RowReader, sets: dict[tuple[str, ...], Fingerprints]
    ) -> None:
        keys = [(_Picker(reader, columns), fingerprints) for columns, fingerprints in sets.items()]
        references = []
        for reference in file.contract.references:
            if None in reader.positions(reference.columns):
                continue
            pending = _Pending(file, reference, array("q"), array("q"))
            if reference.file in self._given:
                self._pending.append(pending)
            references.append((_Picker(reader, reference.columns), pending))
        field_at = reader.positions(("field",))[0]

        def keep_id(cells: Sequence[str | None] | None) -> None:
            for pick, fingerprints in keys:
                fingerprints.add_broken(None if cells is None else pick(reader.raw(cells)))

        for line, values in read_rows(file, table, reader, self._faults, keep_id):
            for pick, fingerprints in keys:
                fingerprints.add(pick(values))
            for pick, pending in references:
                only = pending.reference.only_field
                if only is not None and values[field_at] != only:  # type: ignore[index]
                    continue
                key = pick(values)
                if key is None:
                    continue
                self._refer(pending, key, line)

    def _refer(self, pending: _Pending, key: object, line: int) -> None:
        """Notes a reference, unless it is already seen to be good."""
        reference = pending.reference
        if reference.file not in self._given:
            self._unchecked[pending.file.path.name, reference.columns, reference.file] += 1
            return
        fingerprint = hash(key)
        known = self._keys.get((reference.file, reference.to_columns))
        if known is None or fingerprint not in known:
            pending.fingerprints.append(fingerprint)
            pending.lines.append(line)

    def _look_up(self, pending: _Pending) -> None:
        reference = pending.reference
        known = self._keys.get((reference.file, reference.to_columns))
        if known is None or known.is_uncertain:
            # Of the other file not every key could be read, which is said already.
            return
        lost = {
            line
            for fingerprint, line in zip(pending.fingerprints, pending.lines, strict=True)
            if fingerprint not in known
        }
        if not lost:
            return
        target = self._given[reference.file].path.name
        with open_table(pending.file.path, pending.file.signature) as table:
            reader = RowReader(pending.file.contract, table.header)
            pick = _Picker(reader, reference.columns)
            for line, values in read_rows(pending.file, table, reader, None):
                if line in lost:
                    value = pick(values)
                    parts = value if isinstance(value, tuple) else (value,)
                    said = " and ".join(
                        f"{name} {shown(str(part))}" for name, part in zip(reference.columns, parts, strict=True)
                    )
                    self._faults.add(pending.file.path, f"{table.unit} {line}", f"{said} refers to nothing in {target}")

    def _name_doubles(self, file: GivenFile, twice: set[int]) -> None:
        seen: dict[object, int] = {}
        with open_table(file.path, file.signature) as table:
            reader = RowReader(file.contract, table.header)
            pick = _Picker(reader, file.contract.key)
            for line, values in read_rows(file, table, reader, None):
                key = pick(values)
                if hash(key) not in twice:
                    continue
                first = seen.setdefault(key, line)
                if first != line:
                    parts = key if isinstance(key, tuple) else (key,)
                    said = ", ".join(
                        f"{name} {'empty' if part is None else shown(str(part))}"
                        for name, part in zip(file.contract.key, parts, strict=True)
                    )
                    self._faults.add(
                        file.path, f"{table.unit} {line}", f"the key ({said}) is there already in {table.unit} {first}"
                    )


class _Picker:
    """Values of some columns: the value itself for one column, a tuple for several; a reference with an empty part is None."""

    def __init__(self, reader: RowReader, columns: Sequence[str]) -> None:
        self._positions = reader.positions(columns)

    def __call__(self, values: Values) -> str | tuple[str | None, ...] | None:
        if len(self._positions) == 1:
            position = self._positions[0]
            return None if position is None else values[position]
        return tuple([None if position is None else values[position] for position in self._positions])


def reader_for(file: GivenFile, table: Table, faults: Faults) -> RowReader | None:
    """The reader of a table's rows; None, with the reasons noted, when its header already breaks the contract."""
    reader = RowReader(file.contract, table.header)
    if not reader.missing and not reader.doubled:
        return reader
    if len(table.header) == 1 and (";" in table.header[0] or "\t" in table.header[0]):
        faults.add(file.path, "header", "the columns must be separated by commas")
        return None
    for name in reader.doubled:
        faults.add(file.path, "header", f"the column {shown(name)} is there twice")
    for name in reader.missing:
        faults.add(file.path, "header", f"the required column {name} is missing{_hint(name, table.header)}")
    return None


def _hint(name: str, header: Sequence[str]) -> str:
    for other in header:
        if other.strip().lower() == name:
            return f"; {shown(other)} is there, but names are written exactly as in the contract"
    return ""


def read_rows(
    file: GivenFile,
    table: Table,
    reader: RowReader,
    faults: Faults | None,
    on_broken: Callable[[Sequence[str | None] | None], None] = lambda cells: None,
) -> Iterator[tuple[int, Values]]:
    """The good rows with their line; the others go to `faults`, or nowhere when they were named before.

    `on_broken` is handed a wrong row's cells, None where the line has none.
    """
    for line, cells in table.rows:
        if isinstance(cells, BadLine):
            reasons: Iterable[str] = [cells.reason]
            on_broken(None)
        else:
            try:
                yield line, reader.read(cells)
                continue
            except UnfitRowError as error:
                reasons = error.reasons
                on_broken(cells)
        if faults is not None:
            for reason in reasons:
                faults.add(file.path, f"{table.unit} {line}", reason)
