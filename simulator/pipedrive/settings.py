"""What an administrator sets: pipelines, stages, users, currencies, fields."""

from typing import Any

from simulator import links, pipelines
from simulator.company import Company
from simulator.pipedrive.answers import naive, zoned
from simulator.pipedrive.deals import CHANNEL_OPTION, FIELD_KEYS, PRODUCT_LINES
from simulator.pipedrive.identities import ADMIN_ID, COMPANY_DOMAIN, COMPANY_ID, STAGE_ID, identify, pipeline_id
from simulator.seasons import BEGINNING, DAY

_SET_UP = BEGINNING - 300 * DAY
_CURRENCIES = (("EUR", "Euro", "€"), ("USD", "US Dollar", "US$"), ("GBP", "Pound Sterling", "£"))


def pipelines_now() -> list[dict[str, Any]]:
    """Pipelines as v2 shows them."""
    return [
        {"id": pipeline_id(code), "name": each.name, "order_nr": code, "is_deleted": False, "is_deal_probability_enabled": True,
         "add_time": zoned(_SET_UP), "update_time": zoned(_SET_UP)}
        for code, each in enumerate(pipelines.PIPELINES)
    ]  # fmt: skip


def stages_now(now: int) -> list[dict[str, Any]]:
    """Stages as v2 shows them: a removed one is no longer there."""
    shown = []
    for code, pipeline in enumerate(pipelines.PIPELINES):
        steps = [(stage, name) for stage, name in pipelines.stages_at(pipeline, now) if stage.kind == "open"]
        for order, (stage, name) in enumerate(steps):
            shown.append({
                "id": STAGE_ID[pipelines.CODE[stage.id]],
                "order_nr": order,
                "name": name,
                "is_deleted": False,
                "deal_probability": round(stage.probability * 100),
                "pipeline_id": pipeline_id(code),
                "is_deal_rot_enabled": False,
                "days_to_rotten": None,
                "add_time": zoned(_SET_UP),
                "update_time": zoned(_SET_UP if name == stage.name else pipelines.RENAMED_AT),
            })  # fmt: skip
    return sorted(shown, key=lambda row: int(row["id"]))


def _user(identity: int, name: str, email: str, created: int, left: int | None, is_you: bool) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "default_currency": "EUR",
        "locale": "en_GB",
        "lang": 1,
        "email": email,
        "phone": None,
        "activated": True,
        "last_login": naive(left or created),
        "created": naive(created),
        "modified": naive(left or created),
        "has_created_company": is_you,
        "access": [{"app": "sales", "admin": is_you, "permission_set_id": "62cc4d7f-4038-4352-abf3-a8c1c822b631"}],
        "active_flag": left is None,
        "timezone_name": "Europe/Berlin",
        "timezone_offset": "+02:00",
        "role_id": 1,
        "icon_url": None,
        "is_you": is_you,
        "is_deleted": False,
    }


def users(company: Company, now: int) -> list[dict[str, Any]]:
    """Users, those who left included (inactive)."""
    return [me_as_user()] + [
        _user(
            identify("users", seller.number),
            f"{seller.first_name} {seller.family_name}",
            seller.email,
            seller.joined,
            seller.left if seller.left is not None and seller.left <= now else None,
            False,
        )
        for seller in company.sellers.everyone
        if seller.joined <= now
    ]


def me_as_user() -> dict[str, Any]:
    """The user whose token it is."""
    return _user(ADMIN_ID, "Watertight Reader", "reader@watertight.example", _SET_UP, None, True)


def me() -> dict[str, Any]:
    """`users/me`: the user and the account."""
    return me_as_user() | {
        "company_id": COMPANY_ID,
        "company_name": "Watertight Example",
        "company_domain": COMPANY_DOMAIN,
        "company_country": "DE",
        "company_industry": "software",
        "language": {"language_code": "en", "country_code": "GB"},
    }


def currencies() -> list[dict[str, Any]]:
    """The currencies of the account."""
    return [
        {"id": number, "code": code, "name": name, "decimal_points": 2, "symbol": symbol, "active_flag": True, "is_custom_flag": False}
        for number, (code, name, symbol) in enumerate(_CURRENCIES, start=1)
    ]  # fmt: skip


def _field(
    code: str, name: str, kind: str, options: list[tuple[int, str]] | None = None, custom: bool = False
) -> dict[str, Any]:
    return {
        "field_name": name,
        "field_code": code,
        "field_type": kind,
        "options": None if options is None else [{"id": identity, "label": label} for identity, label in options],
        "subfields": None,
        "is_custom_field": custom,
        "is_optional_response_field": code == "source_lead_id",
    }


def deal_fields() -> list[dict[str, Any]]:
    """The fields of deals as v2 describes them; leads share them."""
    channels = [(CHANNEL_OPTION + number, channel) for number, channel in enumerate(links.CHANNELS)]
    return [
        _field("title", "Title", "varchar"),
        _field("value", "Value", "monetary"),
        _field("owner_id", "Owner", "user"),
        _field("stage_id", "Stage", "stage"),
        _field("status", "Status", "status"),
        _field("expected_close_date", "Expected close date", "date"),
        _field("lost_reason", "Lost reason", "varchar_options"),
        _field("channel", "Source channel", "enum", channels),
        _field("source_lead_id", "Source lead", "lead"),
        _field(FIELD_KEYS["lead_direction"], "Lead direction", "enum", [(1, "inbound"), (2, "outbound")], custom=True),
        _field(
            FIELD_KEYS["product_line"],
            "Product line",
            "enum",
            [(10 + n, line) for n, line in enumerate(PRODUCT_LINES)],
            custom=True,
        ),
        _field(FIELD_KEYS["discount_amount"], "Discount", "double", custom=True),
        _field(FIELD_KEYS["promised_value"], "Promised yearly value", "double", custom=True),
    ]


def other_fields(kind: str) -> list[dict[str, Any]]:
    """The fields of persons, organizations, products and activities: nobody added any of their own."""
    return [
        _field("subject" if kind == "activity" else "name", "Name", "varchar"),
        _field("add_time", "Created", "date"),
    ]
