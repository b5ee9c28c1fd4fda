"""What an administrator sets: pipelines, owners, currencies, the account itself."""

from typing import Any

from simulator import pipelines
from simulator.company import Company
from simulator.hubspot.answers import missing
from simulator.hubspot.deal_properties import RATES
from simulator.hubspot.page import instant_text
from simulator.rates import HISTORY, HOME_CURRENCY
from simulator.seasons import BEGINNING, DAY, iso
from simulator.sellers import TEAMS, Seller

PORTAL = 4711
TIME_ZONE = "Europe/Berlin"
_EPOCH = "1970-01-01T00:00:00Z"


def pipelines_of(kind: str, now: int) -> list[dict[str, Any]]:
    """All pipelines of deals or leads with their stages, as set now. Metadata values are strings."""
    if kind == "leads":
        stages = [
            _stage(stage.id, stage.name, order, {"leadState": stage.state, "isClosed": _flag(stage.status in ("converted", "disqualified"))}, _EPOCH)
            for order, stage in enumerate(pipelines.LEAD_STAGES)
        ]  # fmt: skip
        return [_pipeline(pipelines.LEAD_PIPELINE, "Lead pipeline", 0, stages, _EPOCH)]
    if kind != "deals":
        raise missing(f"There are no pipelines of {kind}.")
    found = []
    for order, pipeline in enumerate(pipelines.PIPELINES):
        start = _EPOCH if pipeline.id == "default" else instant_text(BEGINNING - 300 * DAY)
        stages = []
        for place, (stage, name) in enumerate(pipelines.stages_at(pipeline, now)):
            updated = instant_text(pipelines.RENAMED_AT) if name != stage.name else start
            metadata = {"isClosed": _flag(stage.kind != "open"), "probability": str(stage.probability)}
            stages.append(_stage(stage.id, name, place, metadata, start, updated))
        found.append(_pipeline(pipeline.id, pipeline.name, order, stages, start))
    return found


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _stage(
    identity: str, label: str, order: int, metadata: dict[str, str], start: str, updated: str | None = None
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "metadata": metadata,
        "id": identity,
        "createdAt": start,
        "updatedAt": updated or start,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }


def _pipeline(identity: str, label: str, order: int, stages: list[dict[str, Any]], start: str) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "id": identity,
        "stages": stages,
        "createdAt": start,
        "updatedAt": start,
        "archived": False,
    }


def audit(kind: str, identity: str, now: int) -> list[dict[str, Any]]:
    """What was done to a pipeline, newest first: the only record of a removed stage."""
    pipeline = next((each for each in pipelines.PIPELINES if each.id == identity), None)
    if kind != "deals" or pipeline is None:
        raise missing(f"There is no pipeline {identity} of {kind}.")
    rows = [(BEGINNING - 300 * DAY, "CREATE", pipeline.name, {"pipelineId": pipeline.id, "label": pipeline.name})]
    for stage in pipeline.stages:
        code = pipelines.CODE[stage.id]
        raw = {"pipelineId": pipeline.id, "stageId": stage.id, "label": stage.name}
        rows.append((BEGINNING - 300 * DAY, "CREATE", f"Stage {stage.name}", raw))
        if code == pipelines.RENAMED and now >= pipelines.RENAMED_AT:
            rows.append((pipelines.RENAMED_AT, "UPDATE", f"Stage {stage.name}", raw | {"label": pipelines.NEW_NAME}))
        if code == pipelines.REMOVED and now >= pipelines.REMOVED_AT:
            rows.append((pipelines.REMOVED_AT, "DELETE", f"Stage {stage.name}", raw))
    rows.sort(key=lambda row: -row[0])
    return [
        {"portalId": PORTAL, "identifier": identity, "action": action, "timestamp": iso(at), "message": message, "rawObject": raw,
         "fromUserId": 8_100_000}
        for at, action, message, raw in rows
    ]  # fmt: skip


def owners(company: Company, archived: bool, now: int) -> list[dict[str, Any]]:
    """Owners in order of id: those employed now, or those who have left."""
    return [
        _owner(seller, archived)
        for seller in company.sellers.everyone
        if seller.joined <= now and (seller.left is not None and seller.left <= now) == archived
    ]


def _owner(seller: Seller, archived: bool) -> dict[str, Any]:
    user = int(seller.user_id)
    found: dict[str, Any] = {
        "id": seller.id,
        "email": seller.email,
        "type": "PERSON",
        "firstName": seller.first_name,
        "lastName": seller.family_name,
        "userIdIncludingInactive": user,
        "createdAt": instant_text(seller.joined),
        "updatedAt": instant_text(seller.left if archived and seller.left else seller.joined),
        "archived": archived,
    }
    if not archived:
        found["userId"] = user
        found["teams"] = [{"id": str(900 + seller.team), "name": TEAMS[seller.team], "primary": True}]
    return found


def exchange_rates(now: int) -> list[dict[str, Any]]:
    """Every conversion rate into its home currency that the account was ever given, the old ones as well."""
    return [
        {"id": str(500 + number), "fromCurrencyCode": rate.currency, "toCurrencyCode": HOME_CURRENCY, "conversionRate": rate.rate,
         "effectiveAt": instant_text(rate.since), "createdAt": instant_text(rate.since), "updatedAt": instant_text(rate.since), "visibleInUI": True}
        for number, rate in enumerate(HISTORY) if rate.since <= now
    ]  # fmt: skip


def account() -> dict[str, Any]:
    """The account's details."""
    return {
        "portalId": PORTAL,
        "timeZone": TIME_ZONE,
        "companyCurrency": HOME_CURRENCY,
        "additionalCurrencies": [code for code in RATES if code != HOME_CURRENCY],
        "utcOffset": "+02:00",
        "utcOffsetMilliseconds": 7_200_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "eu1",
        "accountType": "STANDARD",
    }
