"""What was measured so far, kept beside the page: parts measured one by one (`--only`) come together on one page.

Every row keeps the number of deals and of rounds it was measured with; a row that is measured anew takes the place of the old one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.bench.measure import Figure
from tests.bench.table import Row


@dataclass
class Measured:
    """`companies`: a sentence per number of deals; `night` and `full`: (model, CPU seconds), the dearest first; `ingest`: its section."""

    companies: dict[str, str] = field(default_factory=dict)
    goals: dict[str, Row] = field(default_factory=dict)
    models: dict[str, Row] = field(default_factory=dict)
    night: list[tuple[str, float]] = field(default_factory=list)
    full: list[tuple[str, float]] = field(default_factory=list)
    ingest: str = ""

    @classmethod
    def of(cls, file: Path) -> Measured:
        """What an earlier run kept in `file`; nothing where there is none."""
        if not file.exists():
            return cls()
        kept = json.loads(file.read_text())
        for part in ("goals", "models"):
            kept[part] = {name: _row(each) for name, each in kept[part].items()}
        for part in ("night", "full"):
            kept[part] = [(name, cpu) for name, cpu in kept[part]]
        return cls(**kept)

    def save(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1))

    def add(self, goals: Iterable[Row], models: Iterable[Row], deals: int) -> None:
        """Rows measured on a company of so many deals. Those that were not measured leave what an earlier time found."""
        for rows, held in ((goals, self.goals), (models, self.models)):
            for row in rows:
                name = f"{row.work.partition(':')[0]} | {row.against}"
                if row.ratio is not None or name not in held:
                    held[name] = replace(row, deals=deals)


def _row(kept: dict[str, Any]) -> Row:
    ratio = kept.pop("ratio")
    return Row(ratio=Figure(**ratio) if ratio else None, **kept)
