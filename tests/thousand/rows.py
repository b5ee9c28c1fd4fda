"""Raw → core: what core must say of every entity that is no deal, by the record that raw holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from simulator.pipelines import LEAD_STAGES
from simulator.sellers import Seller
from tests.thousand.raw import Raw, Record

#: None: the record makes no row
Says = Callable[[Raw, str, Record], tuple[Any, ...] | None]
_HUBSPOT_STATUS = {stage.id: stage.status for stage in LEAD_STAGES}
_PRESENTATIONS = ("Demo", "Presentation")
_SALESFORCE_STATUS = {stage.name: stage.status for stage in LEAD_STAGES}


class Rows(NamedTuple):
    """One core table: how its rows of one CRM are asked for (id first), the raw tables they come from, and what a record makes of its row.

    `prefix`: what core puts before the id, where a CRM counts its kinds apart.
    """

    name: str
    query: str
    tables: Sequence[str]
    says: Says
    prefix: str = ""

    def expected(self, raw: Raw) -> dict[str, tuple[Any, ...]]:
        """By id the row that every record makes."""
        rows = {
            self.prefix + identity: self.says(raw, identity, record)
            for table in self.tables
            for identity, record in raw.records(table).items()
        }
        return {identity: row for identity, row in rows.items() if row is not None}


def _deleted(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return (record.is_deleted,)


def _merged_in_hubspot(table: str, row: Says) -> Says:
    """Its row, and into whom it was merged: the survivor tells."""

    def says(raw: Raw, identity: str, record: Record) -> tuple[Any, ...]:
        survivors = (
            survivor
            for survivor, other in raw.records(table).items()
            if identity in (other.payload["properties"]["hs_merged_object_ids"] or "").split(";")
        )
        return *(row(raw, identity, record) or ()), next(survivors, None)

    return says


def _merged_in_salesforce(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.is_deleted, record.payload["MasterRecordId"]


def _not_merged(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.is_deleted, None


def _there(_raw: Raw, _identity: str, _record: Record) -> tuple[Any, ...]:
    return ()


def _there_unmerged(_raw: Raw, _identity: str, _record: Record) -> tuple[Any, ...]:
    return (None,)


def _hubspot_lead(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.is_deleted, _HUBSPOT_STATUS[record.payload["properties"]["hs_pipeline_stage"]]


def _salesforce_lead(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    payload = record.payload
    return record.is_deleted, "converted" if payload["IsConverted"] else _SALESFORCE_STATUS[payload["Status"]]


def _pipedrive_lead(raw: Raw, identity: str, record: Record) -> tuple[Any, ...]:
    deals = raw.records("pipedrive__deals").values()
    if any(deal.payload.get("source_lead_id") == identity for deal in deals):
        return False, "converted"
    return record.is_deleted, "disqualified" if record.payload["is_archived"] else "new"


def _hubspot_activity(kind: str, name: str = "", words: Mapping[str, str] | None = None) -> Says:
    def says(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
        properties = record.payload["properties"]
        shown = "presentation" if properties.get("hs_activity_type") in _PRESENTATIONS else kind
        return shown, (words or {}).get(properties.get(name) or ""), record.is_deleted

    return says


def _salesforce_task(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    kind = record.payload["TaskSubtype"].lower()
    said = {"Answered": "answered", "No answer": "unanswered"}.get(record.payload["CallDisposition"] or "")
    return kind, said if kind == "call" else None, record.is_deleted


def _salesforce_event(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return "presentation" if record.payload["Type"] in _PRESENTATIONS else "meeting", None, record.is_deleted


def _pipedrive_activity(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    kind = record.payload["type"]
    return kind, "held" if kind == "meeting" and record.payload["done"] else None, record.is_deleted


def _cents(value: object) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def _hubspot_item(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    said = record.payload["properties"]
    return (
        said["hs_product_id"], float(said["quantity"]), _cents(said["amount"]), said["hs_line_item_currency_code"], record.is_deleted,
    )  # fmt: skip


def _salesforce_item(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    said = record.payload
    return (
        said["Product2Id"], float(said["Quantity"]), _cents(said["TotalPrice"]), said["CurrencyIsoCode"], record.is_deleted,
    )  # fmt: skip


class Lines(NamedTuple):
    """The line items of Pipedrive, which come as one list per deal: those of the newest lists are there, all others are deleted."""

    name: str
    query: str

    def expected(self, raw: Raw) -> dict[str, tuple[Any, ...]]:
        """By id the row that every line of a newest list makes; a line that moved with its deal stands in two lists, the same in both."""
        return {
            str(line["id"]): (
                str(line["product_id"]),
                float(line["quantity"]),
                _cents(line["sum"]),
                line["currency"],
                False,
            )
            for record in raw.records("pipedrive__deal_products").values()
            for line in record.payload["products"]
        }


def _hubspot_product(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.payload["properties"]["name"], record.is_deleted


def _salesforce_product(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.payload["Name"], record.is_deleted or not record.payload["IsActive"]


def _pipedrive_product(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.payload["name"], record.is_deleted


def _hubspot_campaign(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    said = record.payload["properties"]
    sums = (_cents(said[f"hs_{name}_items_sum_amount"]) for name in ("budget", "spend"))
    return said["hs_name"], *sums, record.is_deleted


def _salesforce_campaign(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    said = record.payload
    return said["Name"], _cents(said["BudgetedCost"]), _cents(said["ActualCost"]), record.is_deleted


def _hubspot_quota(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...] | None:
    said = record.payload["properties"]
    if record.is_deleted or said["hs_goal_type"] != "deals_revenue":
        return None
    days = (date.fromisoformat(said[name][:10]) for name in ("hs_start_datetime", "hs_end_datetime"))
    return *days, _OWNER_OF_USER[said["hs_assignee_user_id"]], _cents(said["hs_target_amount"])


def _salesforce_quota(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...] | None:
    if record.is_deleted:
        return None
    first = date.fromisoformat(record.payload["StartDate"])
    # The simulated org plans by quarters.
    last = (first + timedelta(days=95)).replace(day=1) - timedelta(days=1)
    return first, last, record.payload["QuotaOwnerId"], _cents(record.payload["QuotaAmount"])


def _pipedrive_quota(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...] | None:
    said = record.payload
    if record.is_deleted or not said["is_active"]:
        return None
    days = (date.fromisoformat(said["duration"][name]) for name in ("start", "end"))
    return *days, str(said["assignee"]["id"]), _cents(said["expected_outcome"]["target"])


_SELLERS = [Seller(number, "", "", "", 0, 0, None) for number in range(300)]
_OWNER_OF_USER = {seller.user_id: seller.id for seller in _SELLERS}
_ITEMS = """
    select item.source_line_item_id, product.source_product_id, item.quantity::double, item.line_amount, item.currency_code, item.is_deleted
    from fct_deal_line_items as item left join dim_products as product using (product_key) where item.source_system = ?"""
_PRODUCTS = "select source_product_id, product_name, is_deleted from dim_products where source_system = ?"
_CAMPAIGNS = """
    select source_campaign_id, campaign_name, coalesce(budget_amount, 0), coalesce(spent_amount, 0), is_deleted
    from dim_campaigns where source_system = ?"""
#: a goal of Pipedrive is a quota for each of its periods; the simulated ones have one period each
_QUOTAS = """
    select split_part(source_quota_id, '/', 1), period_start_date, period_end_date, owner.source_owner_id, quota_amount
    from fct_quotas as quota left join dim_owners as owner using (owner_key) where quota.source_system = ?"""
_COMPANIES = """
    select company.source_company_id, company.is_deleted, survivor.source_company_id
    from dim_companies as company left join dim_companies as survivor on survivor.company_key = company.merged_into_company_key
    where company.source_system = ?"""
_CONTACTS = """
    select contact.source_contact_id, contact.is_deleted, survivor.source_contact_id
    from dim_contacts as contact left join dim_contacts as survivor on survivor.contact_key = contact.merged_into_contact_key
    where contact.source_system = ?"""
_LEADS = "select source_lead_id, is_deleted, lead_status from dim_leads where source_system = ?"
_DEALS = """
    select deal.source_deal_id, survivor.source_deal_id
    from dim_deals as deal left join dim_deals as survivor on survivor.deal_key = deal.merged_into_deal_key where deal.source_system = ?"""
_ACTIVITIES = (
    "select source_activity_id, activity_type, outcome, is_deleted from fct_activities where source_system = ?"
)
_OF_TYPE = f"{_ACTIVITIES} and activity_type = "
_MEETING = {"COMPLETED": "held", "NO_SHOW": "missed", "CANCELED": "missed"}
_CALL = {"COMPLETED": "answered", "NO_ANSWER": "unanswered"}

ROWS: Mapping[str, tuple[Rows | Lines, ...]] = {
    "hubspot": (
        Rows("companies", _COMPANIES, ["hubspot__companies"], _merged_in_hubspot("hubspot__companies", _deleted)),
        Rows("contacts", _CONTACTS, ["hubspot__contacts"], _merged_in_hubspot("hubspot__contacts", _deleted)),
        Rows("leads", _LEADS, ["hubspot__leads"], _hubspot_lead),
        Rows("deals", _DEALS, ["hubspot__deals"], _merged_in_hubspot("hubspot__deals", _there)),
        Rows("calls", f"{_OF_TYPE}'call'", ["hubspot__calls"], _hubspot_activity("call", "hs_call_status", _CALL), "calls/"),
        Rows("emails", f"{_OF_TYPE}'email'", ["hubspot__emails"], _hubspot_activity("email"), "emails/"),
        Rows("meetings", f"{_ACTIVITIES} and activity_type in ('meeting', 'presentation')", ["hubspot__meetings"],
             _hubspot_activity("meeting", "hs_meeting_outcome", _MEETING), "meetings/"),
        Rows("tasks", f"{_OF_TYPE}'task'", ["hubspot__tasks"], _hubspot_activity("task"), "tasks/"),
        Rows("notes", f"{_OF_TYPE}'note'", ["hubspot__notes"], _hubspot_activity("note"), "notes/"),
        Rows("line items", _ITEMS, ["hubspot__line_items"], _hubspot_item),
        Rows("products", _PRODUCTS, ["hubspot__products"], _hubspot_product),
        Rows("campaigns", _CAMPAIGNS, ["hubspot__campaigns"], _hubspot_campaign),
        Rows("quotas", _QUOTAS, ["hubspot__goal_targets"], _hubspot_quota),
    ),
    "salesforce": (
        Rows("companies", _COMPANIES, ["salesforce__accounts"], _merged_in_salesforce),
        Rows("contacts", _CONTACTS, ["salesforce__contacts"], _merged_in_salesforce),
        Rows("leads", _LEADS, ["salesforce__leads"], _salesforce_lead),
        Rows("deals", _DEALS, ["salesforce__opportunities"], _there_unmerged),
        Rows("tasks", f"{_ACTIVITIES} and activity_type in ('call', 'email', 'task')", ["salesforce__tasks"], _salesforce_task),
        Rows("events", f"{_ACTIVITIES} and activity_type not in ('call', 'email', 'task')", ["salesforce__events"], _salesforce_event),
        Rows("line items", _ITEMS, ["salesforce__opportunity_line_items"], _salesforce_item),
        Rows("products", _PRODUCTS, ["salesforce__products"], _salesforce_product),
        Rows("campaigns", _CAMPAIGNS, ["salesforce__campaigns"], _salesforce_campaign),
        Rows("quotas", _QUOTAS, ["salesforce__forecasting_quotas"], _salesforce_quota),
    ),
    "pipedrive": (
        Rows("companies", _COMPANIES, ["pipedrive__organizations"], _not_merged),
        Rows("contacts", _CONTACTS, ["pipedrive__persons"], _not_merged),
        Rows("leads", _LEADS, ["pipedrive__leads"], _pipedrive_lead),
        Rows("deals", _DEALS, ["pipedrive__deals"], _there_unmerged),
        Rows("activities", _ACTIVITIES, ["pipedrive__activities"], _pipedrive_activity),
        Lines("line items", f"{_ITEMS} and not item.is_deleted"),
        Rows("products", _PRODUCTS, ["pipedrive__products"], _pipedrive_product),
        Rows("quotas", _QUOTAS, ["pipedrive__goals"], _pipedrive_quota),
    ),
}  # fmt: skip
