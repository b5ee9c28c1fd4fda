"""What a CRM shows of an entity, and where raw keeps it: the shape of a row of the entity tables in `hubspot`, `salesforce`, `pipedrive`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tests.thousand.lives import Event, Life, standing

#: comparable values of one entity, by a name of ours
Facts = dict[str, Any]
#: what becomes of a record whose entity vanished: marked deleted at once; marked by the comparison of ids, as far as there is one; left as it was last seen, because
#: nothing tells; or kept as it is, because it still can be read
Leaving = Literal["marked", "swept", "unseen", "kept"]

#: a life as known at an instant → whether the CRM shows it as deleted then; None: it does not show it at all
View = Callable[[Life, datetime], bool | None]


@dataclass(frozen=True)
class Entity:
    """One row of the table: truth → raw.

    `kind` as in the truth log, `table` without the CRM's name. `shows` gives what the CRM shows of a life as known at some moment, `says` what a
    payload says. `leaves`: by the kind of event. `stays`: how long the CRM still shows what was marked. `lag`: a change may show so much later.
    `children`: further tables whose rows belong to the record, by the payload's key that names it; `says` gets them by table.
    """

    kind: str
    table: str
    identity: Callable[[int], str]
    shows: Callable[[Life], Facts]
    says: Callable[[dict[str, Any], Mapping[str, list[dict[str, Any]]]], Facts]
    leaves: Mapping[str, Leaving]
    lag: timedelta
    stays: timedelta = timedelta.max
    children: Mapping[str, str] = field(default_factory=dict)
    #: other ends of a life in this CRM than those the log names: the event that is one, None while there is none
    ends: Callable[[Life], Event | None] = lambda life: None
    #: whether this CRM has a place for it at all
    is_kept: Callable[[Life], bool] = lambda life: True
    #: of what comes and goes with another entity: how it is shown at an instant, in place of `leaves`, `stays` and `ends`
    view: View | None = None
    #: of what need not have a record while it says nothing
    is_empty: Callable[[Facts], bool] = lambda facts: False

    def end_of(self, life: Life) -> tuple[Event, Leaving] | None:
        """The event by which the entity vanished, and what becomes of its record; None while it is there."""
        own = self.ends(life)
        if own is not None:
            return own, self.leaves["ended"]
        last = standing(life)
        return None if last.kind in ("created", "restored") else (last, self.leaves[last.kind])
