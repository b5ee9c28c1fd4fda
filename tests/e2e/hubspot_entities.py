"""What a night on the simulated HubSpot published of everything but deals, beside what was true."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from extractors.core.settings import Settings
from simulator import truth
from simulator.identities import ENTITY
from simulator.links import ACTIVITY_SLOTS
from simulator.rates import HISTORY
from simulator.seasons import iso
from simulator.server import Simulation
from tests.e2e import entity_truth as true
from tests.e2e.truth_ledger import instant

#: kind of entity → what the published file and the warehouse hold of it: id and comparable columns
QUERIES = {
    "line_item": """
        select line.source_line_item_id, product.source_product_id, line.quantity, line.line_amount, line.currency_code,
            deal.source_deal_id, line.is_deleted
        from fct_deal_line_items as line
        left join dim_products as product using (product_key)
        left join dim_deals as deal using (deal_key)
        where line.source_system = 'hubspot'""",
    "product": "select source_product_id, product_name, is_deleted from dim_products where source_system = 'hubspot'",
    "campaign": """
        select source_campaign_id, campaign_name, coalesce(budget_amount, 0), coalesce(spent_amount, 0), currency_code, is_deleted
        from dim_campaigns where source_system = 'hubspot'""",
    "goal": """
        select quota.source_quota_id, owner.source_owner_id, quota.period_start_date, quota.period_end_date, quota.quota_amount
        from fct_quotas as quota
        left join dim_owners as owner using (owner_key)
        where quota.source_system = 'hubspot'""",
    "lead": """
        select lead.source_lead_id, lead.lead_status, owner.source_owner_id, lead.is_deleted,
            (select list((change.changed_at, change.new_status) order by change.changed_at, change.sequence)
             from fct_lead_status_changes as change where change.lead_key = lead.lead_key and change.retracted_at is null)
        from dim_leads as lead
        left join dim_owners as owner using (owner_key)
        where lead.source_system = 'hubspot'""",
    "contact": """
        select contact.source_contact_id, contact.is_deleted, survivor.source_contact_id
        from dim_contacts as contact
        left join dim_contacts as survivor on contact.merged_into_contact_key = survivor.contact_key
        where contact.source_system = 'hubspot'""",
    "company": """
        select company.source_company_id, company.is_deleted, survivor.source_company_id
        from dim_companies as company
        left join dim_companies as survivor on company.merged_into_company_key = survivor.company_key
        where company.source_system = 'hubspot'""",
}
COMPARED = (*QUERIES, *(ENTITY[kind] for kind in ACTIVITY_SLOTS), "deal contacts", "exchange_rate")
_ACTIVITIES = """
    select split_part(activity.source_activity_id, '/', 2), activity.is_deleted, contact.source_contact_id
    from fct_activities as activity
    left join dim_contacts as contact using (contact_key)
    where activity.source_system = 'hubspot' and activity.source_activity_id like ? || '/%'"""
#: what must have happened between the first night and the last for the comparison to mean something
EVENTS = {
    "line_item": {"created", "quantity", "amount", "archived"},
    "product": {"created", "name", "archived", "deleted"},
    "campaign": {"created", "budget", "spend", "deleted"},
    "goal": {"amount", "deleted"},
    "lead": {"created", "stage", "owner", "archived", "deleted"},
    "contact": {"created", "merged", "merged_in", "deleted"},
    "company": {"created", "merged", "merged_in", "deleted"},
    "exchange_rate": {"rate"},
}
_FEW = {"product": 11, "exchange_rate": 4, "campaign": 35, "goal": 50}


@dataclass
class Entities:
    """One night: `held` is what the warehouse holds, by kind and id."""

    company: true.Company
    seed: int
    held: dict[str, dict[str, Any]]
    first_night: datetime

    @classmethod
    def of(cls, settings: Settings, simulation: Simulation, night: int) -> Entities:
        """Reads the publication, and the warehouse for what is in no published table."""
        with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as published:
            held = {entity: _rows(published, query) for entity, query in QUERIES.items()}
            for kind in ACTIVITY_SLOTS:
                held[ENTITY[kind]] = _rows(published, _ACTIVITIES, kind)
            people: dict[str, set[str]] = defaultdict(set)
            for deal, contact in published.execute("""
                select deal.source_deal_id, contact.source_contact_id
                from fct_deal_contacts as link
                join dim_deals as deal using (deal_key)
                join dim_contacts as contact using (contact_key)
                where deal.source_system = 'hubspot' and not link.is_deleted and not contact.is_deleted and deal.deal_status in ('open', 'won', 'lost')
            """).fetchall():
                people[deal].add(contact)
            held["deal contacts"] = dict(people)
            data_through = published.execute(
                "select data_through from dim_sources where source_system = 'hubspot'"
            ).fetchall()[0][0]
        with duckdb.connect(str(settings.warehouse_file), read_only=True) as warehouse:
            held["exchange_rate"] = _rows(warehouse, """
                select from_currency_code || ' ' || effective_at, to_currency_code, conversion_rate::double
                from staging.stg_hubspot__exchange_rates
                qualify row_number() over (partition by exchange_rate_id order by _load_number desc) = 1 and not _is_deleted""")  # fmt: skip
        asked_until = instant(simulation.world.clock.iso())
        company = true.Company.of(truth.read(simulation.home, night), night, data_through, asked_until)
        return cls(company, simulation.company.seed, held, data_through)

    def compare(self, entity: str) -> list[str]:
        """Everything that differs from the truth log."""
        company, held = self.company, self.held[entity]
        if entity == "exchange_rate":
            known = {
                f"{rate.currency} {instant(iso(rate.since))}": ("EUR", rate.rate)
                for rate in HISTORY if instant(iso(rate.since)) <= company.data_through
            }  # fmt: skip
            return [] if held == known else [f"expected {known}, found {held}"]
        if entity == "deal contacts":
            return self._compare_contacts()
        if entity == "goal":
            return true.differences(company, entity, held | self._no_quota(), true.quota, lambda row: row is None)
        rows = {
            "line_item": (true.line_item(company), lambda row: row[-1]),
            "product": (true.product, lambda row: row[-1]),
            "campaign": (true.campaign, lambda row: row[-1]),
            "lead": (true.lead, lambda row: row[2]),
            "contact": (true.party, lambda row: row[0]),
            "company": (true.party, lambda row: row[0]),
        }
        kinds = {ENTITY[kind]: kind for kind in ACTIVITY_SLOTS}
        if entity in kinds:
            rows[entity] = (true.activity(company, kinds[entity], self.seed), lambda row: row[0])
        row_of, gone = rows[entity]
        return true.differences(company, entity, held, row_of, gone)

    def _no_quota(self) -> dict[str, None]:
        return dict.fromkeys(self.company.lives["goal"].keys() - self.held["goal"].keys())

    def _compare_contacts(self) -> list[str]:
        company, found = self.company, []
        for deal, life in company.lives["deal"].items():
            settled = [state for state in company.states(life) if state]
            if len(settled) != 1 or not true.is_live(settled[0]):
                continue
            right = true.contacts_of(company, deal, self.seed)
            # Linking a contact that came later does not move the deal's date: HubSpot tells of it with the deal's next change.
            later = {
                each for each in right if company.lives["contact"][each][0].recorded_at > settled[0][-1].recorded_at
            }
            if not right - later <= self.held["deal contacts"].get(deal, set()) <= right:
                found.append(
                    f"deal {deal}: expected {sorted(right)}, found {sorted(self.held['deal contacts'].get(deal, set()))}"
                )
        return found

    def least(self, entity: str) -> int:
        """So many there must be of a kind for the comparison to mean something."""
        return _FEW.get(entity, 250)

    def never_happened(self) -> list[str]:
        """Events that the company never had between the first night and this one."""
        first = "2026-06-02T02:30"
        seen = {
            entity: {
                event.field or event.kind for life in lives.values() for event in life if event.recorded_at > first
            }
            for entity, lives in self.company.lives.items()
        }
        return [f"{entity} {kind}" for entity, kinds in EVENTS.items() for kind in kinds - seen[entity]]


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> dict[str, Any]:
    found = {}
    for key, *row in connection.execute(query, parameters or None).fetchall():
        found[key] = tuple([tuple(each) for each in value] if isinstance(value, list) else value for value in row)
    return found
