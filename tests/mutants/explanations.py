"""Why a mutant survives: no row can ever differ (equivalent), or a named gap in what the tests can see."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.mutants.mutations import Mutant


@dataclass(frozen=True)
class Explanation:
    """`pattern` is searched in the mutant's name: `model, place: kind: before → after`."""

    pattern: str
    reason: str
    is_equivalent: bool = True


EXPLANATIONS: tuple[Explanation, ...] = ()


def reason_for(mutant: Mutant) -> Explanation | None:
    """The first explanation that fits."""
    return next((each for each in EXPLANATIONS if re.search(each.pattern, mutant.name)), None)
