"""What core says of one company as each of three CRMs serves it, by the company's own numbers, so that it can be laid side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from simulator import identities as hubspot
from simulator.pipedrive import identities as pipedrive
from simulator.pipelines import PIPELINES, STAGES
from simulator.salesforce import identities as salesforce
from simulator.salesforce.objects import record_type_id

CRMS = ("hubspot", "salesforce", "pipedrive")
#: nobody: an id that no entity of the company has
NOBODY = -1
#: by entity of the company and column: the values that the three CRMs are compared by
Facts = dict[Any, dict[str, Any]]
Number = Callable[[str], Any]

_PIPEDRIVE_LEADS = {pipedrive.lead_id(number): number for number in range(5_000)}
_STAGE_NAMES = {stage.name: stage.name for stage in STAGES}
_TASKS = ("call", "email", "task")


def _of_hubspot(kind: str) -> Number:
    return lambda identity: hubspot.number_of(kind, identity)


def _of_salesforce(kind: str) -> Number:
    return lambda identity: salesforce.number_of(kind, identity)


def _of_pipedrive(kind: str) -> Number:
    return lambda identity: pipedrive.number_of(kind, int(identity))


def _hubspot_activity(identity: str) -> tuple[str, int | None]:
    kind, _, number = identity.partition("/")
    return kind.removesuffix("s"), hubspot.number_of(kind, number)


def _salesforce_activity(identity: str) -> tuple[str, int | None]:
    if identity.startswith("00U"):
        return "meeting", salesforce.number_of("Event", identity)
    number, place = divmod(salesforce.number_of("Task", identity) or 0, len(_TASKS))
    return _TASKS[place], number


def _pipedrive_activity(identity: str) -> tuple[str, int]:
    number, place = divmod(int(identity) - pipedrive.identify("calls", 0), len(pipedrive.ACTIVITY_KINDS))
    return pipedrive.ACTIVITY_KINDS[place].removesuffix("s"), number


def _hubspot_owner(identity: str) -> int:
    return (int(identity) - 50_710_000) // 13


def _salesforce_owner(identity: str) -> int:
    number = salesforce.number_of("User", identity)
    return NOBODY if not number else number - 1


def _pipedrive_owner(identity: str) -> int:
    return NOBODY if int(identity) == pipedrive.ADMIN_ID else int(identity) - pipedrive.identify("users", 0)


#: id → the company's own number, by CRM and entity
NUMBERS: Mapping[str, Mapping[str, Number]] = {
    "hubspot": {
        **{each: _of_hubspot(kind) for each, kind in (("deal", "deals"), ("company", "companies"), ("contact", "contacts"), ("lead", "leads"))},
        "owner": _hubspot_owner, "activity": _hubspot_activity,
        **{each: _of_hubspot(kind) for each, kind in (("line_item", "line_items"), ("product", "products"), ("campaign", "campaigns"), ("quota", "goal_targets"))},
    },
    "salesforce": {
        **{each: _of_salesforce(kind) for each, kind in (("deal", "Opportunity"), ("company", "Account"), ("contact", "Contact"), ("lead", "Lead"))},
        "owner": _salesforce_owner, "activity": _salesforce_activity,
        **{each: _of_salesforce(kind) for each, kind in (
            ("line_item", "OpportunityLineItem"), ("product", "Product2"), ("campaign", "Campaign"), ("quota", "ForecastingQuota"))},
    },
    "pipedrive": {
        **{each: _of_pipedrive(kind) for each, kind in (("deal", "deals"), ("company", "companies"), ("contact", "contacts"))},
        "lead": _PIPEDRIVE_LEADS.__getitem__, "owner": _pipedrive_owner, "activity": _pipedrive_activity,
        **{each: _of_pipedrive(kind) for each, kind in (("line_item", "line_items"), ("product", "products"))},
        # A goal of Pipedrive is a quota for each of its periods; the simulated ones have one period each.
        "quota": lambda identity: int(identity.partition("/")[0], 16),
    },
}  # fmt: skip

_QUERIES = {
    "companies": """
        select source_company_id as company, company_name, industry, country, employee_count, is_target, created_at, is_deleted
        from dim_companies where source_system = ?""",
    "contacts": """
        select contact.source_contact_id as contact, company.source_company_id as at_company, contact.legal_basis, contact.created_at,
            contact.is_deleted
        from dim_contacts as contact left join dim_companies as company using (company_key) where contact.source_system = ?""",
    "leads": """
        select lead.source_lead_id as lead, company.source_company_id as at_company, owner.source_owner_id as of_owner, lead.lead_status,
            lead.created_at, lead.channel, lead.lead_direction, lead.disqualified_reason, deal.source_deal_id as into_deal, lead.is_deleted
        from dim_leads as lead
        left join dim_companies as company using (company_key)
        left join dim_owners as owner using (owner_key)
        left join dim_deals as deal on deal.deal_key = lead.converted_deal_key
        where lead.source_system = ?""",
    "deals": """
        select deal.source_deal_id as deal, company.source_company_id as at_company, owner.source_owner_id as of_owner,
            lead.source_lead_id as from_lead, deal.deal_status, deal.created_at, deal.closed_at, deal.deal_amount, deal.currency_code,
            deal.expected_close_date, deal.lost_reason, deal.channel, deal.lead_direction, deal.product_line, deal.recurring_amount,
            deal.discount_amount, deal.promised_value_amount, deal.achieved_value_amount
        from dim_deals as deal
        left join dim_companies as company using (company_key)
        left join dim_owners as owner using (owner_key)
        left join dim_leads as lead using (lead_key)
        where deal.source_system = ?""",
    "activities": """
        select activity.source_activity_id as activity, activity.activity_type, activity.happened_at, deal.source_deal_id as of_deal,
            lead.source_lead_id as of_lead, contact.source_contact_id as of_contact, owner.source_owner_id as of_owner, activity.direction,
            activity.is_automated, activity.outcome, activity.is_deleted
        from fct_activities as activity
        left join dim_deals as deal on deal.deal_key = activity.deal_key
        left join dim_leads as lead on lead.lead_key = activity.lead_key
        left join dim_contacts as contact on contact.contact_key = activity.contact_key
        left join dim_owners as owner on owner.owner_key = activity.owner_key
        where activity.source_system = ?""",
    "line items": """
        select item.source_line_item_id as line_item, deal.source_deal_id as of_deal, product.source_product_id as of_product,
            item.quantity, item.line_amount, item.currency_code
        from fct_deal_line_items as item
        left join dim_deals as deal using (deal_key)
        left join dim_products as product using (product_key)
        where item.source_system = ? and not item.is_deleted""",
    "products": "select source_product_id as product, product_name, product_line from dim_products where source_system = ? and not is_deleted",
    "campaigns": """
        select source_campaign_id as campaign, campaign_name, channel, start_date, end_date, coalesce(budget_amount, 0) as budget_amount,
            coalesce(spent_amount, 0) as spent_amount, currency_code
        from dim_campaigns where source_system = ? and not is_deleted""",
    "quotas": """
        select quota.source_quota_id as quota, owner.source_owner_id as of_owner, quota.period_start_date, quota.period_end_date,
            quota.quota_amount, quota.booked_amount, quota.currency_code
        from fct_quotas as quota left join dim_owners as owner using (owner_key) where quota.source_system = ?""",
    "contacts of deals": """
        select deal.source_deal_id as deal, contact.source_contact_id as contact, link.contact_role, link.is_deleted
        from fct_deal_contacts as link
        join dim_deals as deal using (deal_key)
        join dim_contacts as contact using (contact_key)
        where link.source_system = ? and not link.is_deleted""",
}  # fmt: skip
_REFERENCES = {
    "at_company": "company", "of_owner": "owner", "from_lead": "lead", "into_deal": "deal", "of_deal": "deal", "of_lead": "lead",
    "of_contact": "contact", "of_product": "product",
}  # fmt: skip


def read(connection: duckdb.DuckDBPyConnection, crm: str) -> dict[str, Facts]:
    """Table → entity's number → column → value. Instants are whole seconds; what only says which CRM it is, is left out."""
    numbers, found = NUMBERS[crm], {}
    for table, query in _QUERIES.items():
        cursor = connection.execute(query, [crm])
        names = [column[0] for column in cursor.description or ()]
        rows: Facts = {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            if table == "contacts of deals":
                key: Any = (numbers["deal"](row.pop("deal")), numbers["contact"](row.pop("contact")))
            else:
                key = numbers[names[0]](row.pop(names[0]))
            rows[key] = {name: _comparable(numbers, name, value) for name, value in row.items()}
        found[table] = rows
    return found


def _comparable(numbers: Mapping[str, Number], name: str, value: Any) -> Any:
    if name in _REFERENCES:
        return (NOBODY if name == "of_owner" else None) if value is None else numbers[_REFERENCES[name]](value)
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def transitions(
    connection: duckdb.DuckDBPyConnection, crm: str
) -> dict[int, list[tuple[str, datetime, str | None, str | None, Decimal | None, str | None]]]:
    """Deal → its transitions: kind, instant, pipeline's and stage's names as made, amount, currency."""
    found = defaultdict(list)
    for deal, kind, at, pipeline, stage, amount, currency in connection.execute(
        """
        select deals.source_deal_id, moves.transition_kind, moves.transitioned_at, stages.source_pipeline_id, stages.source_stage_id,
            moves.deal_amount, moves.currency_code
        from fct_deal_stage_transitions as moves
        join dim_deals as deals using (deal_key)
        left join dim_stages as stages on stages.stage_key = moves.to_stage_key and stages.is_current
        where deals.source_system = ?
        order by moves.deal_key, moves.transition_number
        """,
        [crm],
    ).fetchall():
        place = (None, None) if stage is None else _PLACES[crm](pipeline, stage)
        found[NUMBERS[crm]["deal"](deal)].append((kind, at.replace(microsecond=0), *place, amount, currency))
    return dict(found)


def _place_in_pipedrive(pipeline: str, stage: str) -> tuple[str, str]:
    name = PIPELINES[int(pipeline) - 1].name
    if stage in ("won", "lost"):
        return name, stage
    code = next(code for code, identity in pipedrive.STAGE_ID.items() if identity == int(stage))
    return name, STAGES[code].name


_BY_ID = {stage.id: stage for stage in STAGES}
_PLACES: Mapping[str, Callable[[str, str], tuple[str, str]]] = {
    "hubspot": lambda pipeline, stage: (next(p.name for p in PIPELINES if p.id == pipeline), _BY_ID[stage].name),
    "salesforce": lambda pipeline, stage: (
        next(each.name for code, each in enumerate(PIPELINES) if record_type_id(code) == pipeline),
        stage,
    ),
    "pipedrive": _place_in_pipedrive,
}
