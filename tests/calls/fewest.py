"""The fewest calls of a night, per CRM: from the truth log (what is there, what changed) and the vendors' rules, never from the extractors.

The rules are those of the vendors' documentation: page and batch sizes, what can be filtered and what has to be listed whole, what only a call of its
own tells. What a careful night asks belongs to it: descriptions of fields (they may have changed since yesterday), deleted and archived records,
the CRM's own totals, and on the nights of the comparison of ids every id. Answers that carry no news have to be asked for all the same.

Not counted as possible: guessing what has not changed, subscriptions to events, and several questions in one call where a vendor offers it for
writing programs (HubSpot's and Salesforce's composite calls).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.pipelines import PIPELINES, STAGES
from tests.thousand.lives import Life, Lives, in_force, known_at, standing

#: HubSpot: objects on a page of a list or in a batch, with histories half as many; found by one search; ends asked for at once
HUBSPOT_PAGE, HUBSPOT_HISTORY_PAGE, HUBSPOT_SEARCH, HUBSPOT_ENDS = 100, 50, 200, 1000
#: Salesforce: rows of a page; above them a Bulk job: made, looked at, fetched
SALESFORCE_PAGE, SALESFORCE_JOB = 2000, 3
#: Pipedrive: objects on a page; deals whose products come at once; what was deleted is listed for so long
PIPEDRIVE_PAGE, PIPEDRIVE_PRODUCTS, PIPEDRIVE_BIN = 500, 100, timedelta(days=30)
ACTIVITIES = ("call", "email", "meeting", "task")
OPEN_STAGES = sum(stage.kind == "open" for stage in STAGES)


@dataclass(frozen=True)
class Night:
    """What is known of one night: `since`, from where changes have to be asked again (None on a first load), `until`, when it was over."""

    lives: Lives
    since: datetime | None
    until: datetime
    with_sweep: bool

    @property
    def is_first(self) -> bool:
        return self.since is None

    def known(self, kind: str) -> Iterable[Life]:
        """The lives of a kind that have begun."""
        return filter(None, (known_at(life, self.until) for life in self.lives.of[kind].values()))

    def live(self, kind: str) -> int:
        """How many of a kind are there."""
        return sum(standing(life).kind in ("created", "restored") for life in self.known(kind))

    def archived(self, kind: str) -> int:
        return sum(standing(life).kind == "archived" for life in self.known(kind))

    def changed(self, kind: str, is_live: bool = True) -> int:
        """How many of a kind changed since; on a first load all of them."""
        return sum(
            self.since is None or any(event.recorded > self.since for event in life)
            for life in self.known(kind)
            if not is_live or standing(life).kind in ("created", "restored")
        )


def pages(rows: int, size: int, at_least: int = 1) -> int:
    """Pages of a list; one has to be asked for even when it is empty."""
    return max(at_least, -(-rows // size))


def hubspot(night: Night) -> Counter[str]:
    """Types with the types their associations lead to; deals and leads come with histories."""
    types = {
        "deal": 3, "contact": 1, "company": 0, "lead": 3, **dict.fromkeys((*ACTIVITIES, "note"), 3), "line_item": 1, "product": 0, "goal": 0,
    }  # fmt: skip
    found = Counter({"account": 1, "owners": 2, "pipelines": 2, "properties": len(types), "exchange rates": 1})
    for kind, ends in types.items():
        page = HUBSPOT_HISTORY_PAGE if kind in ("deal", "lead") else HUBSPOT_PAGE
        found["archived lists"] += pages(night.archived(kind), page)
        if night.with_sweep:
            found["lists"] += pages(night.live(kind), HUBSPOT_PAGE)
        if night.is_first:
            found["lists"] += pages(night.live(kind), page)
            continue
        changed = night.changed(kind)
        found["searches"] += pages(changed, HUBSPOT_SEARCH)
        found["batches"] += pages(changed, page, 0)
        found["associations"] += ends * pages(changed, HUBSPOT_ENDS, 0)
    # Campaigns are listed whole; what each is to cost is told one by one.
    found["campaigns"] += pages(night.live("campaign"), HUBSPOT_PAGE) + night.changed("campaign")
    # Search counts one stage at a time; one more says which deals changed while it was counting.
    found["totals"] += len(STAGES)
    found["searches"] += 1
    return found


def salesforce(night: Night) -> Counter[str]:
    """Objects by change, their histories, small lists, formulas of opportunities, totals by group."""
    rows = {
        "Opportunity": "deal", "Lead": "lead", "Account": "company", "Contact": "contact", "Event": "meeting",
    }  # fmt: skip
    changed = {name: night.changed(kind, is_live=False) for name, kind in rows.items()}
    changed["Task"] = sum(night.changed(kind, is_live=False) for kind in ("call", "email", "task"))
    changed["OpportunityContactRole"] = changed["OpportunityLineItem"] = changed["CampaignMember"] = 0
    histories = 3
    lists = 10
    found = Counter(
        {"sessions": 1, "descriptions": len(changed) + histories + lists, "lists": lists, "stages of record types": 3}
    )
    for number in changed.values():
        found["changes"] += _rows(number)
    found["changes"] += _rows(_saves(night, "deal")) * 2 + _rows(_saves(night, "lead"))
    found["formulas"] += _rows(night.live("deal"))
    # Which opportunities changed while the totals were taken, and the totals.
    found["changes"] += 1
    found["totals"] += 1
    if night.with_sweep:
        live = {name: night.live(kind) for name, kind in rows.items()}
        live["Task"] = sum(night.live(kind) for kind in ("call", "email", "task"))
        live["OpportunityContactRole"] = night.live("deal")
        live["OpportunityLineItem"] = live["CampaignMember"] = 0
        found["comparisons of ids"] += sum(_rows(number) for number in live.values())
    return found


def _rows(number: int) -> int:
    """A query over so many rows: by pages, or by a job, whichever takes fewer calls."""
    return min(pages(number, SALESFORCE_PAGE), SALESFORCE_JOB + 1)


def _saves(night: Night, kind: str) -> int:
    """Rows of a history: one per instant at which something was entered."""
    return sum(
        len({event.recorded for event in life if event.kind == "changed" and (night.since is None or event.recorded > night.since)})
        for life in night.known(kind)
    )  # fmt: skip


def pipedrive(night: Night) -> Counter[str]:
    """Lists of v2 and v1, a changelog for every deal that changed, a summary for every place."""
    found = Counter({"account": 1, "small lists": 6, "goals": 6})
    for kind in ("contact", "company"):
        found["changes"] += pages(night.changed(kind), PIPEDRIVE_PAGE)
    found["changes"] += pages(sum(night.changed(kind) for kind in ACTIVITIES), PIPEDRIVE_PAGE)
    stages = [in_force(life).get("stage") for life in night.known("lead") if standing(life).kind == "created"]
    aside = stages.count("disqualified")
    inbox = sum(stage not in ("disqualified", "converted") for stage in stages)
    found["changes"] += pages(inbox if night.is_first else 0, PIPEDRIVE_PAGE) + pages(aside, PIPEDRIVE_PAGE)
    # Live and archived deals are two lists; so are the deleted ones of both.
    resting = sum(_is_resting(life, night.until) for life in night.known("deal"))
    changed = night.changed("deal")
    found["changes"] += pages(changed - (resting if night.is_first else 0), PIPEDRIVE_PAGE)
    found["changes"] += pages(resting if night.is_first else 0, PIPEDRIVE_PAGE)
    deleted = sum(
        standing(life).kind in ("archived", "merged") and standing(life).recorded > night.until - PIPEDRIVE_BIN
        for life in night.known("deal")
    )
    found["changes"] += pages(deleted, PIPEDRIVE_PAGE) + 1
    just_deleted = sum(
        standing(life).kind in ("archived", "merged") and standing(life).recorded > (night.since or night.until - PIPEDRIVE_BIN)
        for life in night.known("deal")
    )  # fmt: skip
    found["changelogs"] += changed + just_deleted
    # A summary per open stage and per outcome of each pipeline; of archived deals, where there are any, again; then what changed meanwhile.
    places = OPEN_STAGES + 2 * len(PIPELINES)
    found["totals"] += places + 1 + (places if resting else 0) + 2
    if night.with_sweep:
        for kind in ("contact", "company"):
            found["comparisons of ids"] += pages(night.live(kind), PIPEDRIVE_PAGE)
        found["comparisons of ids"] += pages(sum(night.live(kind) for kind in ACTIVITIES), PIPEDRIVE_PAGE)
        found["comparisons of ids"] += pages(inbox, PIPEDRIVE_PAGE) + pages(aside, PIPEDRIVE_PAGE)
        found["comparisons of ids"] += pages(night.live("deal") - resting, PIPEDRIVE_PAGE) + pages(
            resting, PIPEDRIVE_PAGE
        )
        owners = sum(1 for _ in night.known("owner")) + 1
        found["statistics"] += 2 * len(PIPELINES) * owners
    return found


def _is_resting(life: Life, now: datetime) -> bool:
    """Whether a deal may lie in Pipedrive's archive: nothing happened to it for 60 days."""
    return standing(life).kind in ("created", "restored") and max(event.recorded for event in life) < now - timedelta(
        days=60
    )


FEWEST: dict[str, Callable[[Night], Counter[str]]] = {
    "hubspot": hubspot,
    "salesforce": salesforce,
    "pipedrive": pipedrive,
}
