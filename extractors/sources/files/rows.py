"""One file's rows in canonical form, or the reasons why a row is not one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from extractors.sources.files.contract import NEVER_CLEARED, OF_THE_FIELD, FileContract
from extractors.sources.files.values import Parse, UnfitError, parse_of, parse_of_field, shown

Values = list["str | None"]


class UnfitRowError(Exception):
    """A row breaks the contract; `reasons` says how, one text per cell."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Cell(NamedTuple):
    position: int
    parse: Parse | None


class RowReader:
    """Cells in a header's order → values in the order of `names` (the contract's columns that the header has)."""

    def __init__(self, contract: FileContract, header: Sequence[str]) -> None:
        at = {name: position for position, name in enumerate(header)}
        columns = [column for column in contract.columns if column.name in at]
        self.names = [column.name for column in columns]
        self.unknown = [name for name in header if name not in {column.name for column in contract.columns}]
        self.missing = [column.name for column in contract.columns if column.is_required and column.name not in at]
        self.doubled = sorted({name for name in header if header.count(name) > 1})
        self._cells = [_Cell(at[column.name], parse_of(column.kind)) for column in columns]
        self._filled = [index for index, column in enumerate(columns) if column.is_filled]
        self._in_id = [index for index, column in enumerate(columns) if column.in_id]
        self._by_field = [index for index, column in enumerate(columns) if column.kind == OF_THE_FIELD]
        self._contract = contract

    def positions(self, names: Sequence[str]) -> list[int | None]:
        """Where values of these columns stand in a row's values; None for a column that the file does not have."""
        return [self.names.index(name) if name in self.names else None for name in names]

    def raw(self, cells: Sequence[str | None]) -> Values:
        """The cells themselves, in the order of `names`."""
        return [cells[cell.position] or None for cell in self._cells]

    def read(self, cells: Sequence[str | None]) -> Values:
        """Raises UnfitRowError with every reason."""
        try:
            values = [
                (parse(cell) if parse is not None else cell) if (cell := cells[position]) else None
                for position, parse in self._cells
            ]
        except UnfitError:
            raise UnfitRowError(self._reasons(cells)) from None
        for index in self._filled:
            if values[index] is None:
                raise UnfitRowError(self._reasons(cells))
        for index in self._in_id:
            if "|" in values[index]:  # type: ignore[operator]
                raise UnfitRowError(self._reasons(cells))
        if self._by_field:
            self._read_by_field(values)
        return values

    def _read_by_field(self, values: Values) -> None:
        """Replaces the values of a deal change by what its field makes of them."""
        field = values[self.names.index("field")]
        assert field is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
        parse = parse_of_field(field)
        reasons = []
        if field in NEVER_CLEARED and ("new_value" not in self.names or values[self.names.index("new_value")] is None):
            reasons.append(f"new_value is empty, and a deal is never without a {field}")
        for index in self._by_field:
            value = values[index]
            if parse is not None and value is not None:
                try:
                    values[index] = parse(value)
                except UnfitError as error:
                    reasons.append(f"{self.names[index]} {error}")
        if reasons:
            raise UnfitRowError(reasons)

    def _reasons(self, cells: Sequence[str | None]) -> list[str]:
        reasons = []
        filled, in_id = set(self._filled), set(self._in_id)
        for index, (position, parse) in enumerate(self._cells):
            cell = cells[position]
            if not cell:
                if index in filled:
                    part = " (part of the key)" if self.names[index] in self._contract.key else ""
                    reasons.append(f"{self.names[index]} is empty{part}")
                continue
            if parse is not None:
                try:
                    parse(cell)
                except UnfitError as error:
                    reasons.append(f"{self.names[index]} {error}")
            elif index in in_id and "|" in cell:
                reasons.append(f"{self.names[index]} {shown(cell)} holds |, which joins pipeline and stage")
        return reasons


def source_id(key: Sequence[str | None]) -> str:
    """A row's key as one text: its parts joined by `|`, a `|` or backslash inside a part escaped by a backslash."""
    if len(key) == 1:
        return key[0] or ""
    return "|".join((part or "").replace("\\", "\\\\").replace("|", "\\|") for part in key)
