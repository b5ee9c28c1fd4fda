"""All planted bugs, and the rows that they must cover."""

from __future__ import annotations

from tests.faults.plants.night import NIGHT
from tests.faults.plants.orchestration import ORCHESTRATION
from tests.faults.plants.privacy import PRIVACY
from tests.faults.plants.security import SECURITY
from tests.faults.plants.sources import SOURCES

PLANTS = (*SOURCES, *NIGHT, *SECURITY, *PRIVACY, *ORCHESTRATION)

#: every row of docs/reliability.md by its number; there is no P12
ROWS = (
    [f"H{number:02d}" for number in range(1, 25)]
    + [f"S{number:02d}" for number in range(1, 7)]
    + [f"P{number:02d}" for number in range(1, 19) if number != 12]
    + [f"X{number:02d}" for number in range(1, 16)]
)
