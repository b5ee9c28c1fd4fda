"""What a company sells, plans and spends, whom it merged and how its leads went, worked out from the simulated company's truth log alone.

The expectation shares nothing with the warehouse: no key and no model of it is read for it; `read_trade` alone reads what was published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from simulator.truth import Event
from tests.e2e.truth_ledger import instant

ENDS = ("archived", "merged", "deleted")


@dataclass
class Thing:
    """One entity at a moment: its fields' values, how it ended (None: it is there), when, and into whom it was merged (an id of the log)."""

    number: int
    identity: str
    values: dict[str, str | None] = field(default_factory=dict)
    end: str | None = None
    ended_at: datetime | None = None
    into: str | None = None

    def amount(self, name: str) -> Decimal | None:
        value = self.values.get(name)
        return None if value is None else Decimal(value)


class Trade:
    """The entities of one kind as known at a moment; `moving`: what changed while the night was asking, and may be seen either way."""

    def __init__(self, events: Iterable[Event], entity: str, settled: datetime, asked_until: datetime) -> None:
        self.things: dict[int, Thing] = {}
        self.moving: set[int] = set()
        self.lives: dict[int, list[Event]] = defaultdict(list)
        mine = [event for event in events if event.entity == entity]
        for event in sorted(mine, key=lambda event: (event.number, event.sequence)):
            at = instant(event.recorded_at)
            if at > asked_until:
                continue
            if at > settled:
                self.moving.add(event.number)
            self.lives[event.number].append(event)
            thing = self.things.setdefault(event.number, Thing(event.number, event.entity_id))
            if event.kind == "changed":
                thing.values[event.field or ""] = event.new
            elif event.kind == "restored":
                thing.end = thing.ended_at = None
            elif event.kind in ENDS:
                thing.end, thing.ended_at, thing.into = event.kind, at, event.new

    @property
    def settled(self) -> list[Thing]:
        """Those that nothing happened to while the night was asking."""
        return [thing for number, thing in self.things.items() if number not in self.moving]

    @property
    def by_identity(self) -> dict[str, Thing]:
        return {thing.identity: thing for thing in self.things.values()}


def statuses_of(life: Iterable[Event]) -> list[tuple[str, datetime]]:
    """A lead's statuses in the order in which they were recorded, in whole seconds, equal neighbours once; what was entered late about an earlier
    time is in force no more."""
    found: list[tuple[str, datetime]] = []
    newest = -1
    for event in sorted(life, key=lambda event: (event.recorded_at, event.sequence)):
        if event.field != "stage" or event.sequence < newest or event.new is None:
            continue
        newest = event.sequence
        if not found or found[-1][0] != event.new:
            found.append((event.new, instant(event.recorded_at).replace(microsecond=0)))
    return found


def differing(found: dict[str, tuple[object, ...]], wanted: dict[str, tuple[object, ...]], gone: set[str]) -> list[str]:
    """Sentences on what is not as it must be. `found`: id → values, the last one whether it counts as deleted; `gone`: must not be there, or be deleted."""
    lines = [
        f"{key}: expected {value}, found {found.get(key)}" for key, value in wanted.items() if found.get(key) != value
    ]
    lines += [f"{key} is gone, found {found[key]}" for key in gone if key in found and not found[key][-1]]
    return lines


def read_trade(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, dict[str, tuple[Any, ...]]]:
    """What the published tables say of everything besides deals: table → id → values, the last one whether it is deleted."""
    queries = {
        "products": "select source_product_id, product_name, is_deleted from dim_products where source_system = $source",
        "line_items": """
            select item.source_line_item_id, deal.source_deal_id, product.source_product_id, item.quantity, item.line_amount,
                item.currency_code, item.is_deleted
            from fct_deal_line_items as item
            left join dim_deals as deal using (deal_key)
            left join dim_products as product using (product_key)
            where item.source_system = $source""",
        "campaigns": "select source_campaign_id, campaign_name, budget_amount, spent_amount, is_deleted from dim_campaigns where source_system = $source",
        "lead_campaigns": """
            select lead.source_lead_id, lead.channel, lead.source_campaign_id, nullif(campaign.campaign_name, 'unknown'), lead.is_deleted
            from dim_leads as lead left join dim_campaigns as campaign using (campaign_key) where lead.source_system = $source""",
        "quotas": """
            select source_quota_id, owner.source_owner_id, period_start_date, period_end_date, quota_amount, quota.currency_code, false
            from fct_quotas as quota left join dim_owners as owner using (owner_key) where quota.source_system = $source""",
        "companies": """
            select loser.source_company_id, survivor.source_company_id, loser.is_deleted
            from dim_companies as loser left join dim_companies as survivor on loser.merged_into_company_key = survivor.company_key
            where loser.source_system = $source""",
        "contacts": """
            select loser.source_contact_id, survivor.source_contact_id, loser.is_deleted
            from dim_contacts as loser left join dim_contacts as survivor on loser.merged_into_contact_key = survivor.contact_key
            where loser.source_system = $source""",
    }
    return {
        name: {str(row[0]): tuple(row[1:]) for row in connection.execute(query, {"source": source}).fetchall()}
        for name, query in queries.items()
    }
