"""What an administrator sets: users, queues, record types, stages, currencies, the org itself."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from simulator import pipelines, rates
from simulator.company import Company
from simulator.rates import HOME_CURRENCY
from simulator.salesforce.identities import PREFIX, identify
from simulator.salesforce.org import Org, second
from simulator.salesforce.rows import Bounds, MadeRows, SObject, fields, made
from simulator.seasons import BEGINNING, DAY, iso
from simulator.sellers import TEAMS

ORGANIZATION = identify("Organization", 1)
USERNAME = "integration@watertight.example"
_START = second(BEGINNING - 300 * DAY)
_STAMPS = (("CreatedDate", "datetime"), ("LastModifiedDate", "datetime"), ("SystemModstamp", "datetime"))


def _stamped(created: int, modified: int | None = None) -> dict[str, Any]:
    last = second(created if modified is None else modified)
    return {"CreatedDate": second(created), "LastModifiedDate": last, "SystemModstamp": last}


def _object(name: str, columns: str, find: Callable[[Org, int], list[dict[str, Any]]], stamped: bool = True) -> SObject:
    """An object of made rows; `columns` is `Name:type …`, text where no type is given."""
    pairs = [("Id", "id")]
    for column in columns.split():
        field, _, kind = column.partition(":")
        pairs.append((field, kind or "string"))
    found = fields(*(made(*pair) for pair in (*pairs, *(_STAMPS if stamped else ()))))

    def rows(org: Org, now: int, bounds: Bounds) -> MadeRows:
        return MadeRows([each for each in find(org, now) if each.get("CreatedDate", 0) <= now])

    return SObject(name, PREFIX[name], found, rows)


@lru_cache(maxsize=8)
def user_names(company: Company) -> dict[str, str]:
    """The name behind each owner's id."""
    found = {identify("User", 0): "Integration User", identify("Group", 1): "Unassigned leads"}
    for seller in company.sellers.everyone:
        found[identify("User", seller.number + 1)] = f"{seller.first_name} {seller.family_name}"
    return found


def _users(org: Org, now: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{
        "Id": identify("User", 0), "Username": USERNAME, "FirstName": "Integration", "LastName": "User", "Name": "Integration User",
        "Email": USERNAME, "Department": None, "IsActive": True, "UserType": "CloudIntegrationUser", **_stamped(_START),
    }]  # fmt: skip
    for seller in org.company.sellers.everyone:
        left = seller.left is not None and seller.left <= now
        rows.append({
            "Id": identify("User", seller.number + 1), "Username": seller.email, "FirstName": seller.first_name,
            "LastName": seller.family_name, "Name": f"{seller.first_name} {seller.family_name}", "Email": seller.email,
            "Department": TEAMS[seller.team], "IsActive": not left, "UserType": "Standard",
            **_stamped(seller.joined, seller.left if left else None),
        })  # fmt: skip
    return rows


def _record_types(org: Org, now: int) -> list[dict[str, Any]]:
    return [
        {"Id": identify("RecordType", code + 1), "Name": each.name, "DeveloperName": each.name.replace(" ", "_"), "SobjectType": "Opportunity",
         "IsActive": True, "BusinessProcessId": None, **_stamped(_START)}
        for code, each in enumerate(pipelines.PIPELINES)
    ]  # fmt: skip


def _label(code: int, now: int) -> str:
    return (
        pipelines.NEW_NAME if code == pipelines.RENAMED and now >= pipelines.RENAMED_AT else pipelines.STAGES[code].name
    )


def _stages(org: Org, now: int) -> list[dict[str, Any]]:
    rows = []
    for code, stage in enumerate(pipelines.STAGES):
        removed = code == pipelines.REMOVED and now >= pipelines.REMOVED_AT
        renamed = code == pipelines.RENAMED and now >= pipelines.RENAMED_AT
        rows.append({
            "Id": identify("OpportunityStage", code + 1), "ApiName": stage.name, "MasterLabel": _label(code, now), "SortOrder": code + 1,
            "IsActive": not removed, "IsClosed": stage.kind != "open", "IsWon": stage.kind == "won",
            "DefaultProbability": stage.probability * 100,
            "ForecastCategoryName": {"won": "Closed", "lost": "Omitted"}.get(stage.kind, "Pipeline"),
            **_stamped(_START, pipelines.REMOVED_AT if removed else pipelines.RENAMED_AT if renamed else None),
        })  # fmt: skip
    return rows


def process_stages(record_type: str, now: int) -> list[dict[str, Any]] | None:
    """The stages of a record type's sales process, as the UI API lists picklist values; None for an unknown record type."""
    for place, pipeline in enumerate(pipelines.PIPELINES):
        if identify("RecordType", place + 1) == record_type:
            return [
                {"attributes": {"closed": stage.kind != "open", "won": stage.kind == "won", "defaultProbability": stage.probability * 100},
                 "label": name, "validFor": [], "value": stage.name}
                for stage, name in pipelines.stages_at(pipeline, now)
            ]  # fmt: skip
    return None


def _organization(org: Org, now: int) -> list[dict[str, Any]]:
    return [{"Id": ORGANIZATION, "Name": "Watertight Example", "DefaultCurrencyIsoCode": HOME_CURRENCY, "TimeZoneSidKey": "Europe/Berlin",
             "OrganizationType": "Enterprise Edition", "IsSandbox": True, **_stamped(_START)}]  # fmt: skip


def _inverse(rate: float) -> float:
    """Salesforce tells how many units of a currency one of the org's own is worth."""
    return round(1 / rate, 6)


def _currencies(org: Org, now: int) -> list[dict[str, Any]]:
    rows = [
        (HOME_CURRENCY, 1.0, _START),
        *((code, rate.rate, rate.since) for code, rate in sorted(rates.in_force(now).items())),
    ]
    return [
        {"Id": identify("CurrencyType", number + 1), "IsoCode": code, "ConversionRate": _inverse(rate), "DecimalPlaces": 2,
         "IsActive": True, "IsCorporate": code == HOME_CURRENCY, **_stamped(_START, since)}
        for number, (code, rate, since) in enumerate(rows)
    ]  # fmt: skip


def _dated_rates(org: Org, now: int) -> list[dict[str, Any]]:
    shown = []
    for number, rate in enumerate(rates.HISTORY):
        later = [
            other for other in rates.HISTORY if other.currency == rate.currency and rate.since < other.since <= now
        ]
        shown.append({
            "Id": identify("DatedConversionRate", number + 1), "IsoCode": rate.currency, "StartDate": iso(rate.since)[:10],
            "NextStartDate": iso(later[0].since)[:10] if later else "9999-12-31", "ConversionRate": _inverse(rate.rate),
            **_stamped(rate.since, later[0].since if later else None),
        })  # fmt: skip
    return shown


def _queues(org: Org, now: int) -> list[dict[str, Any]]:
    return [
        {
            "Id": identify("Group", 1),
            "Name": "Unassigned leads",
            "DeveloperName": "Unassigned_leads",
            "Type": "Queue",
            **_stamped(_START),
        }
    ]


OBJECTS = (
    _object("User", "Username FirstName LastName Name Email:email Department IsActive:boolean UserType:picklist", _users),
    _object("Group", "Name DeveloperName Type:picklist", _queues),
    _object("RecordType", "Name DeveloperName SobjectType:picklist IsActive:boolean BusinessProcessId:reference", _record_types),
    _object("OpportunityStage", "ApiName MasterLabel SortOrder:int IsActive:boolean IsClosed:boolean IsWon:boolean DefaultProbability:percent "
            "ForecastCategoryName:picklist", _stages),
    _object("Organization", "Name DefaultCurrencyIsoCode:picklist TimeZoneSidKey:picklist OrganizationType:picklist IsSandbox:boolean",
            _organization),
    _object("CurrencyType", "IsoCode:picklist ConversionRate:double DecimalPlaces:int IsActive:boolean IsCorporate:boolean", _currencies),
    _object("DatedConversionRate", "IsoCode:picklist StartDate:date NextStartDate:date ConversionRate:double", _dated_rates),
)  # fmt: skip
