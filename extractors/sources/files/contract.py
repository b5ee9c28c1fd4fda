"""What the folder of the `files` source may hold: every file, column, type, key and reference, as data and nothing else.

Kinds of columns (`values.py` reads them):

| kind | in the file | in the payload |
|---|---|---|
| text | any text | the same text |
| instant | ISO-8601 date and time, an offset or none (then UTC), at most microseconds | `2026-01-31T08:15:00Z`, `…00.250000Z` |
| date | `2026-01-31` | the same, never shifted |
| amount | decimal, `.` as point, exact in decimal(18,2) | `1234.50` |
| number, positive | decimal of at most 38 digits | plain digits without exponent or surplus zeros |
| share | number from 0 to 1 | likewise |
| integer, count | whole number within 64 bits; a count is not negative | digits |
| boolean | true, false, 1, 0 in any case | `true`, `false` |
| currency | three capital letters | the same |
| tuple of words | one of them | the same |
| of the field | `deal_changes` only: what the row's `field` asks for | as that kind |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from extractors.core.custom_fields import CustomField

Kind = str | tuple[str, ...]

OF_THE_FIELD = "of the field"
#: what the values of a deal change are, by its `field`; a change to nothing (empty new_value) is one, but for the first two
FIELD_KINDS: dict[str, Kind] = {
    "stage": "text",
    "pipeline": "text",
    "amount": "amount",
    "currency": "currency",
    "expected_close": "date",
    "owner": "text",
}
NEVER_CLEARED = ("stage", "pipeline")
DIRECTIONS = ("inbound", "outbound")


class Column(NamedTuple):
    """`is_required`: the column must be there; `is_filled`: no row may leave it empty; `in_id`: may not hold the `|` of a stage's id."""

    name: str
    kind: Kind
    is_required: bool = False
    is_filled: bool = False
    in_id: bool = False


class Reference(NamedTuple):
    """The values of `columns` must be found in `to_columns` of `file`; null refers to nothing, which is allowed.

    `only_field` limits it to the deal changes of that field. Where the file is not in the folder there is nothing to look in: the ids then
    belong to somebody else (a CRM beside this folder, or an export that was left out) and are counted in one warning.
    """

    columns: tuple[str, ...]
    file: str
    to_columns: tuple[str, ...]
    only_field: str | None = None


@dataclass(frozen=True)
class FileContract:
    """One file. `key` columns identify a row; together they are its source id, joined by `|`."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()


def _must(name: str, kind: Kind = "text", *, in_id: bool = False) -> Column:
    return Column(name, kind, is_required=True, is_filled=True, in_id=in_id)


def _column_only(name: str, kind: Kind) -> Column:
    return Column(name, kind, is_required=True)


def _may(name: str, kind: Kind = "text") -> Column:
    return Column(name, kind)


def _to(file: str, column: str, to_column: str | None = None) -> Reference:
    return Reference((column,), file, (to_column or column,))


_CHANGE_REFERENCES = tuple(
    Reference((column,), file, (to_column,), only_field=field)
    for field, file, to_column in (
        ("stage", "stages", "stage_id"),
        ("pipeline", "pipelines", "pipeline_id"),
        ("owner", "owners", "owner_id"),
    )
    for column in ("new_value", "old_value")
)

#: files that other files refer to come first, so that most references can be checked in passing
CONTRACTS: tuple[FileContract, ...] = (
    FileContract("pipelines", ("pipeline_id",), (_must("pipeline_id", in_id=True), _must("pipeline_name"))),
    FileContract(
        "stages",
        ("pipeline_id", "stage_id"),
        (
            _must("pipeline_id", in_id=True), _must("stage_id", in_id=True), _must("stage_name"), _must("stage_order", "integer"),
            _must("stage_kind", ("open", "won", "lost")), _may("is_active_stage", "boolean"), _may("funnel_step"),
            _may("default_probability", "share"),
        ),
        (_to("pipelines", "pipeline_id"),),
    ),
    FileContract("owners", ("owner_id",), (_must("owner_id"), _must("owner_name"), _may("email"), _may("team"))),
    FileContract(
        "companies",
        ("company_id",),
        (
            _must("company_id"), _must("company_name"), _may("industry"), _may("country"), _may("employee_count", "count"),
            _may("created_at", "instant"), _may("is_target", "boolean"), _may("customer_lost_at", "instant"),
            _may("referred_by_company_id"),
        ),
        (_to("companies", "referred_by_company_id", "company_id"),),
    ),
    FileContract(
        "contacts",
        ("contact_id",),
        (
            _must("contact_id"), _may("company_id"), _may("full_name"), _may("email"), _may("phone"),
            _may("legal_basis", ("consent", "contract", "legitimate_interest", "none")), _may("consent_at", "instant"),
            _may("consent_withdrawn_at", "instant"), _may("created_at", "instant"),
        ),
        (_to("companies", "company_id"),),
    ),
    FileContract("campaigns", ("campaign_id",), (_must("campaign_id"), _must("campaign_name"), _may("channel"))),
    FileContract("products", ("product_id",), (_must("product_id"), _must("product_name"), _may("product_line"))),
    FileContract(
        "leads",
        ("lead_id",),
        (
            _must("lead_id"), _must("created_at", "instant"), _may("contact_id"), _may("company_id"), _may("channel"),
            _may("lead_direction", DIRECTIONS), _may("campaign_id"),
            _may("status", ("new", "mql", "sql", "converted", "disqualified", "recycled")), _may("owner_id"),
            _may("disqualified_reason"), _may("converted_deal_id"),
        ),
        (
            _to("contacts", "contact_id"), _to("companies", "company_id"), _to("campaigns", "campaign_id"),
            _to("owners", "owner_id"), _to("deals", "converted_deal_id", "deal_id"),
        ),
    ),
    FileContract(
        "lead_status_changes",
        ("lead_id", "changed_at", "sequence", "new_status", "old_status"),
        (
            _must("lead_id"), _must("new_status", ("new", "mql", "sql", "converted", "disqualified", "recycled")),
            _must("changed_at", "instant"), _may("old_status", ("new", "mql", "sql", "converted", "disqualified", "recycled")),
            _may("sequence", "integer"), _may("reason"),
        ),
        (_to("leads", "lead_id"),),
    ),
    FileContract(
        "deals",
        ("deal_id",),
        (
            _must("deal_id"), _must("pipeline_id", in_id=True), _must("stage_id", in_id=True), _must("created_at", "instant"),
            _may("deal_name"), _may("deal_amount", "amount"), _may("currency_code", "currency"), _may("recurring_amount", "amount"),
            _may("discount_amount", "amount"), _may("promised_value_amount", "amount"), _may("achieved_value_amount", "amount"),
            _may("closed_at", "instant"), _may("expected_close_date", "date"), _may("owner_id"), _may("company_id"),
            _may("contact_id"), _may("lead_id"), _may("channel"), _may("lead_direction", DIRECTIONS), _may("lost_reason"),
            _may("product_line"), _may("is_deleted", "boolean"), _may("deleted_at", "instant"), _may("merged_into_deal_id"),
            _may("crm_url"), _may("updated_at", "instant"),
        ),
        (
            Reference(("pipeline_id", "stage_id"), "stages", ("pipeline_id", "stage_id")),
            _to("owners", "owner_id"), _to("companies", "company_id"), _to("contacts", "contact_id"), _to("leads", "lead_id"),
            _to("deals", "merged_into_deal_id", "deal_id"),
        ),
    ),
    FileContract(
        "deal_changes",
        ("deal_id", "field", "changed_at", "sequence", "new_value", "old_value"),
        (
            _must("deal_id"), _must("field", tuple(FIELD_KINDS)), _column_only("new_value", OF_THE_FIELD), _must("changed_at", "instant"),
            _may("old_value", OF_THE_FIELD), _may("sequence", "integer"),
        ),
        (_to("deals", "deal_id"), *_CHANGE_REFERENCES),
    ),
    FileContract(
        "deal_contacts",
        ("deal_id", "contact_id", "role"),
        (_must("deal_id"), _must("contact_id"), _may("role")),
        (_to("deals", "deal_id"), _to("contacts", "contact_id")),
    ),
    FileContract(
        "activities",
        ("activity_id",),
        (
            _must("activity_id"),
            _must(
                "activity_type",
                ("call", "email", "meeting", "presentation", "trial", "form", "page_view", "customer_success", "note", "task"),
            ),
            _must("happened_at", "instant"), _may("deal_id"), _may("lead_id"), _may("contact_id"), _may("owner_id"),
            _may("direction", DIRECTIONS), _may("is_automated", "boolean"),
            _may("outcome", ("answered", "unanswered", "held", "missed")),
        ),
        (_to("deals", "deal_id"), _to("leads", "lead_id"), _to("contacts", "contact_id"), _to("owners", "owner_id")),
    ),
    FileContract(
        "deal_line_items",
        ("line_item_id",),
        (
            _must("line_item_id"), _must("deal_id"), _may("product_id"), _may("quantity", "number"), _may("amount", "amount"),
            _may("currency_code", "currency"),
        ),
        (_to("deals", "deal_id"), _to("products", "product_id")),
    ),
    FileContract(
        "payments",
        ("payment_id",),
        (
            _must("payment_id"), _must("deal_id"), _must("paid_at", "instant"), _must("amount", "amount"),
            _must("currency_code", "currency"),
        ),
        (_to("deals", "deal_id"),),
    ),
    FileContract(
        "marketing_spend",
        ("date", "channel", "campaign_id"),
        (
            _must("date", "date"), _must("channel"), _must("amount", "amount"), _must("currency_code", "currency"),
            _may("campaign_id"),
        ),
        (_to("campaigns", "campaign_id"),),
    ),
    FileContract(
        "process_costs",
        ("period_start", "period_end", "process"),
        (
            _must("period_start", "date"), _must("period_end", "date"), _must("process", ("attraction", "sales", "retention")),
            _must("amount", "amount"), _must("currency_code", "currency"),
        ),
    ),
    FileContract(
        "quotas",
        ("period_start", "period_end", "pipeline_id", "owner_id"),
        (
            _must("period_start", "date"), _must("period_end", "date"), _must("amount", "amount"),
            _must("currency_code", "currency"), _may("pipeline_id"), _may("owner_id"),
        ),
        (_to("pipelines", "pipeline_id"), _to("owners", "owner_id")),
    ),
    FileContract(
        "exchange_rates",
        ("date", "from_currency", "to_currency"),
        (
            _must("date", "date"), _must("from_currency", "currency"), _must("to_currency", "currency"), _must("rate", "positive"),
        ),
    ),
    FileContract(
        "capacity",
        ("owner_id", "week_start"),
        (_must("owner_id"), _must("week_start", "date"), _may("meetings", "count"), _may("active_deals", "count")),
        (_to("owners", "owner_id"),),
    ),
)  # fmt: skip

#: given any of these (payments may be of a CRM's deals: no CRM holds payments) …
DEAL_DATA = ("pipelines", "stages", "deals", "deal_changes", "deal_contacts", "deal_line_items")
#: … all of these must be given
REQUIRED_WITH_DEAL_DATA = ("pipelines", "stages", "deals")


#: what a column of a company's own holds, by the type it was given in the settings
_CUSTOM_KINDS = {
    "varchar": "text",
    "decimal": "number",
    "bigint": "integer",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "instant",
}


def contracts_with(custom: Iterable[CustomField]) -> tuple[FileContract, ...]:
    """The contracts, with the columns that the settings add to them: these must be in their file, and may be empty."""
    added: dict[str, list[Column]] = {}
    for field in custom:
        if field.source == "files":
            added.setdefault(field.table, []).append(_column_only(field.name, _CUSTOM_KINDS[field.type]))
    return tuple(
        replace(contract, columns=(*contract.columns, *_new(contract, added.get(contract.name, ()))))
        for contract in CONTRACTS
    )


def _new(contract: FileContract, columns: Iterable[Column]) -> list[Column]:
    return [column for column in columns if column.name not in {known.name for known in contract.columns}]
