"""Opportunities, accounts, contacts and leads: the company's entities in Salesforce's words."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from simulator import deals, links, pipelines
from simulator.events import AMOUNT, CLOSE, CURRENCY, LIVE, NULL, OWNER, PIPELINE, REASON, STAGE
from simulator.hubspot.other_properties import catalogue
from simulator.names import company_name
from simulator.salesforce.identities import identify
from simulator.salesforce.org import Org, second
from simulator.salesforce.rows import Bounds, Field, LedgerRows, SObject, fields
from simulator.seasons import DAY, iso

LEAD_STATUS = tuple(stage.name for stage in pipelines.LEAD_STAGES)
ADMINISTRATOR, QUEUE = identify("User", 0), identify("Group", 1)
"""Who owns what nobody owns: an opportunity must have a user, a lead may wait in a queue."""


def user_id(seller: int) -> str:
    """A seller's user; the administrator for nobody."""
    return identify("User", seller + 1) if seller >= 0 else ADMINISTRATOR


def record_type_id(pipeline: int) -> str:
    return identify("RecordType", pipeline + 1)


def stage_name(code: int) -> str:
    """The API name of a stage: the name it was made with, whatever it is called now."""
    return pipelines.STAGES[code].name


def close_date(at: int, created: int) -> str:
    """Salesforce insists on a date: 90 days ahead where nobody knows."""
    return iso(created + 90 * DAY if at == NULL else at)[:10]


def euros(cents: int) -> float | None:
    return None if cents == NULL else cents / 100


def ledger_rows(kind: str) -> Callable[[Org, int, Bounds], LedgerRows]:
    """How the rows of an entity with a ledger are found."""

    def find(org: Org, now: int, bounds: Bounds) -> LedgerRows:
        return LedgerRows(org, kind, org.shown(kind, now, bounds.span, bounds.numbers), now)

    return find


def property_of(kind: str, name: str) -> Callable[[LedgerRows], list[Any]]:
    """The same value that the first CRM shows: one company, one set of names and addresses."""
    return lambda rows: list(catalogue(kind)[name].render(rows.page))


def _as_number(kind: str, name: str) -> Callable[[LedgerRows], list[Any]]:
    return lambda rows: [None if value is None else float(value) for value in catalogue(kind)[name].render(rows.page)]


def _stamps(rows: LedgerRows) -> list[int]:
    return [second(at) for at in rows.page.ledger.versions.recorded[rows.page.places].tolist()]


def _is_deleted(rows: LedgerRows) -> list[bool]:
    return [bool(standing != LIVE) for standing in rows.page.ledger.versions.standing[rows.page.places].tolist()]


def system_fields(name: str) -> list[Field]:
    """What every ordinary object has."""
    return [
        Field("Id", "id", lambda rows: [identify(name, number) for number in rows.page.numbers.tolist()]),
        Field("IsDeleted", "boolean", _is_deleted),
        Field("CreatedDate", "datetime", lambda rows: [second(at) for at in rows.page.created_ms.tolist()]),
        Field("LastModifiedDate", "datetime", _stamps),
        Field("SystemModstamp", "datetime", _stamps),
    ]


def _account_of_deals(rows: LedgerRows) -> list[str]:
    companies = links.company_of_deal(rows.page.seed, rows.page.numbers)
    return [identify("Account", number) for number in companies.tolist()]


def _names(rows: LedgerRows) -> list[str]:
    companies = links.company_of_deal(rows.page.seed, rows.page.numbers)
    names = [company_name(draw) for draw in rows.page.draw_bits("company.name", companies)]
    return [f"{name} - {number}" for name, number in zip(names, rows.page.numbers.tolist(), strict=True)]


def _health(rows: LedgerRows) -> list[float]:
    """A formula over another object: it changes from month to month and no stamp moves."""
    month = int(iso(rows.now)[5:7])
    return [round((share * 97 + month * 7) % 100, 1) for share in rows.page.draw("salesforce.health")]


def _coded(which: int, show: Callable[[int], Any]) -> Callable[[LedgerRows], list[Any]]:
    return lambda rows: [show(value) for value in rows.page.column(which).tolist()]


def _further(number: int) -> Field:
    return Field(f"Further_Attribute_{number:04d}__c", "string", lambda rows: [
        f"{deal % 97}-{number}" if (deal + number) % 3 else None for deal in rows.page.numbers.tolist()
    ])  # fmt: skip


@cache
def opportunity(further: int = 0) -> SObject:
    """Opportunity, with a number of further custom fields."""
    stages = pipelines.STAGES
    return SObject("Opportunity", "006", fields(
        *system_fields("Opportunity"),
        Field("Name", "string", _names),
        Field("AccountId", "reference", _account_of_deals),
        Field("RecordTypeId", "reference", _coded(PIPELINE, record_type_id)),
        Field("StageName", "picklist", _coded(STAGE, stage_name)),
        Field("IsClosed", "boolean", _coded(STAGE, lambda code: stages[code].kind != "open")),
        Field("IsWon", "boolean", _coded(STAGE, lambda code: stages[code].kind == "won")),
        Field("Probability", "percent", _coded(STAGE, lambda code: stages[code].probability * 100)),
        Field("Amount", "currency", _coded(AMOUNT, euros)),
        Field("CurrencyIsoCode", "picklist", _coded(CURRENCY, lambda code: deals.CURRENCIES[code])),
        Field("CloseDate", "date", lambda rows: [close_date(at, created) for at, created in zip(
            rows.page.column(CLOSE).tolist(), rows.page.created_ms.tolist(), strict=True)]),
        Field("OwnerId", "reference", _coded(OWNER, user_id)),
        Field("LeadSource", "picklist", property_of("deals", "lead_channel")),
        Field("Type", "picklist", lambda rows: ["Existing Business" if code == 1 else "New Business" for code in
                                                links.pipeline_of(rows.page.seed, rows.page.numbers).tolist()]),
        Field("Description", "textarea", lambda rows: [f"Line one\nline \"two\", NA; {number}" for number in rows.page.numbers.tolist()],
              length=32_000),
        Field("NextStep", "string", lambda rows: ["NA" if number % 5 == 0 else None for number in rows.page.numbers.tolist()]),
        Field("Loss_Reason__c", "picklist", _coded(REASON, lambda code: deals.LOST_REASONS[code] if code >= 0 else None)),
        Field("Lead_Direction__c", "picklist", property_of("deals", "lead_direction")),
        Field("Product_Line__c", "picklist", property_of("deals", "product_line")),
        Field("Recurring_Amount__c", "currency", _as_number("deals", "hs_mrr")),
        Field("Discount_Amount__c", "currency", _as_number("deals", "discount_amount")),
        Field("Promised_Value__c", "currency", _as_number("deals", "promised_value")),
        Field("Achieved_Value__c", "currency", _as_number("deals", "achieved_value")),
        Field("Account_Health__c", "double", _health, calculated=True),
        *(_further(number) for number in range(further)),
    ), ledger_rows("deals"))  # fmt: skip


def _master(kind: str, name: str) -> Field:
    def render(rows: LedgerRows) -> list[str | None]:
        merges = rows.page.ledger.merges
        pairs = zip(rows.page.numbers.tolist(), _is_deleted(rows), strict=True)
        return [identify(name, merges[number][1]) if gone and number in merges else None for number, gone in pairs]

    return Field("MasterRecordId", "reference", render)


ACCOUNT = SObject("Account", "001", fields(
    *system_fields("Account"),
    _master("companies", "Account"),
    Field("Name", "string", property_of("companies", "name")),
    Field("Industry", "picklist", property_of("companies", "industry")),
    Field("BillingCountry", "string", property_of("companies", "country")),
    Field("BillingAddress", "address", lambda rows: [{"country": country} for country in property_of("companies", "country")(rows)]),
    Field("NumberOfEmployees", "int", lambda rows: [None if value is None else int(value)
                                                    for value in property_of("companies", "numberofemployees")(rows)]),
    Field("Phone", "phone", property_of("companies", "phone")),
    Field("Website", "url", property_of("companies", "domain")),
    Field("Is_Target__c", "boolean", lambda rows: [value == "true" for value in property_of("companies", "hs_is_target_account")(rows)]),
    Field("CurrencyIsoCode", "picklist", lambda rows: ["EUR"] * len(rows)),
), ledger_rows("companies"))  # fmt: skip


def _company_of_person(rows: LedgerRows) -> list[str]:
    return [identify("Account", number) for number in links.company_of_slot(rows.page.numbers // 2).tolist()]


CONTACT = SObject("Contact", "003", fields(
    *system_fields("Contact"),
    _master("contacts", "Contact"),
    Field("AccountId", "reference", _company_of_person),
    Field("FirstName", "string", property_of("contacts", "firstname")),
    Field("LastName", "string", property_of("contacts", "lastname")),
    Field("Email", "email", property_of("contacts", "email")),
    Field("Phone", "phone", property_of("contacts", "phone")),
    Field("Title", "string", property_of("contacts", "jobtitle")),
    Field("LeadSource", "picklist", property_of("contacts", "hs_analytics_source")),
    Field("HasOptedOutOfEmail", "boolean", lambda rows: [value == "true" for value in property_of("contacts", "hs_email_optout")(rows)]),
    Field("Legal_Basis__c", "picklist", property_of("contacts", "hs_legal_basis")),
), ledger_rows("contacts"))  # fmt: skip


def _is_converted(rows: LedgerRows) -> list[bool]:
    return [code == pipelines.CONVERTED for code in rows.page.column(STAGE).tolist()]


def _converted(kind: str, number_of: Callable[[int], int]) -> Field:
    def render(rows: LedgerRows) -> list[str | None]:
        pairs = zip(rows.page.numbers.tolist(), _is_converted(rows), strict=True)
        return [identify(kind, number_of(number)) if yes else None for number, yes in pairs]

    return Field(f"Converted{kind}Id", "reference", render)


def _converted_date(rows: LedgerRows) -> list[str | None]:
    found = []
    for changes, yes in zip(rows.page.changes, _is_converted(rows), strict=True):
        at = max((c.happened for c in changes if c.which == STAGE and c.value == pipelines.CONVERTED), default=0)
        found.append(iso(at)[:10] if yes else None)
    return found


LEAD = SObject("Lead", "00Q", fields(
    *system_fields("Lead"),
    _master("leads", "Lead"),
    Field("FirstName", "string", property_of("contacts", "firstname")),
    Field("LastName", "string", property_of("contacts", "lastname")),
    Field("Email", "email", property_of("contacts", "email")),
    Field("Company", "string", lambda rows: [company_name(draw) for draw in rows.page.draw_bits(
        "company.name", np.asarray(links.company_of_slot(rows.page.numbers // 2)))]),
    Field("Status", "picklist", _coded(STAGE, lambda code: LEAD_STATUS[code])),
    Field("LeadSource", "picklist", property_of("leads", "lead_channel")),
    Field("Lead_Direction__c", "picklist", property_of("leads", "lead_direction")),
    Field("Disqualified_Reason__c", "picklist", property_of("leads", "hs_lead_disqualification_reason")),
    Field("OwnerId", "reference", _coded(OWNER, lambda seller: user_id(seller) if seller >= 0 else QUEUE)),
    Field("IsConverted", "boolean", _is_converted),
    Field("ConvertedDate", "date", _converted_date),
    _converted("Account", lambda number: number // 2 * 5 // 8),
    _converted("Contact", lambda number: number),
    _converted("Opportunity", lambda number: number // 2),
), ledger_rows("leads"))  # fmt: skip
