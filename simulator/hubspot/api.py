"""HubSpot's endpoints: authentication, limits, routing, and the shape of every answer."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import numpy as np

from simulator.associations import PAIRS, associated
from simulator.clock import Clock
from simulator.company import Company, State
from simulator.events import HIDDEN, LIVE
from simulator.hubspot import campaigns, objects, search, settings
from simulator.hubspot.answers import (
    Refusal,
    Request,
    Response,
    correlation,
    invalid,
    json_body,
    missing,
    missing_scope,
    unauthenticated,
)
from simulator.hubspot.limits import RateLimits
from simulator.hubspot.other_properties import catalogue
from simulator.hubspot.page import Page
from simulator.identities import ENTITY, identify, number_of
from simulator.rates import HOME_CURRENCY

VERSION = "2026-09"
COST = {
    "search": 220,
    "batch_read": 90,
    "associations": 80,
    "list": 60,
    "history_list": 110,
    "other": 40,
    "refused": 15,
}
"""Simulated milliseconds that a request of each kind takes."""
_TYPE_IDS = {
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-136": "leads", "0-48": "calls", "0-49": "emails", "0-47": "meetings",
    "0-27": "tasks", "0-46": "notes", "0-7": "products", "0-8": "line_items",
}  # fmt: skip
_SCOPES = {
    "contacts": "contacts",
    "companies": "companies",
    "deals": "deals",
    "leads": "leads",
    "goal_targets": "goals",
    "products": "products",
    "line_items": "line_items",
}
_SILENT = ("search", "pipelines", "token")
"""Kinds of requests whose answers carry no rate-limit headers."""
ASSOCIATION_TYPES = {
    ("deals", "companies"): 5, ("deals", "contacts"): 3, ("deals", "leads"): 583, ("companies", "deals"): 6, ("companies", "contacts"): 280,
    ("companies", "leads"): 610, ("contacts", "companies"): 1, ("contacts", "deals"): 4, ("contacts", "leads"): 579,
    ("leads", "contacts"): 578, ("leads", "companies"): 609, ("leads", "deals"): 584, ("line_items", "deals"): 20, ("deals", "line_items"): 19,
}  # fmt: skip

Handler = Callable[..., Any]


class HubSpot:
    """One HubSpot account. `handle` answers one request; the caller holds the lock and writes the bytes.

    `associations_on_a_page`: a test may turn it down, so that a small company has second pages, too.
    """

    def __init__(
        self,
        company: Company,
        clock: Clock,
        token: str,
        *,
        version: str = VERSION,
        limits: RateLimits | None = None,
        missing_scopes: Iterable[str] = (),
        oauth: dict[str, str] | None = None,
    ) -> None:
        self.company = company
        self.clock = clock
        self.token = token
        self.limits = limits or RateLimits()
        self.missing_scopes = frozenset(missing_scopes)
        self.oauth = oauth or {
            "client_id": "simulated-client",
            "client_secret": "simulated-secret",
            "refresh_token": "simulated-refresh",
        }
        self.counts: Counter[str] = Counter()
        self.associations_on_a_page = objects.INLINE
        self._access: dict[str, int] = {}
        self._issued = 0
        v = re.escape(version)
        self._routes: list[tuple[str, re.Pattern[str], str, Handler]] = [
            ("GET", re.compile(f"/crm/objects/{v}/([^/]+)"), "list", self._list),
            ("POST", re.compile(f"/crm/objects/{v}/([^/]+)/batch/read"), "batch_read", self._batch_read),
            ("POST", re.compile(f"/crm/objects/{v}/([^/]+)/search"), "search", self._search),
            ("GET", re.compile(f"/crm/objects/{v}/([^/]+)/([^/]+)"), "get", self._get),
            ("POST", re.compile(f"/crm/associations/{v}/([^/]+)/([^/]+)/batch/read"), "associations", self._associations),
            ("GET", re.compile(f"/crm/pipelines/{v}/([^/]+)"), "pipelines", self._pipelines),
            ("GET", re.compile(f"/crm/pipelines/{v}/([^/]+)/([^/]+)/audit"), "pipelines", self._audit),
            ("GET", re.compile(f"/crm/owners/{v}"), "owners", self._owners),
            ("GET", re.compile(f"/crm/properties/{v}/([^/]+)"), "properties", self._properties),
            ("GET", re.compile(f"/account-info/{v}/details"), "account", lambda request: settings.account()),
            ("GET", re.compile(f"/account-info/{v}/api-usage/daily/private-apps"), "account", self._usage),
            ("GET", re.compile(f"/settings/currencies/{v}/exchange-rates"), "currencies", self._rates),
            ("GET", re.compile(f"/marketing/campaigns/{v}"), "campaigns", self._campaigns),
            ("GET", re.compile(f"/marketing/campaigns/{v}/([^/]+)/budget/totals"), "campaigns", self._budget),
            ("GET", re.compile(f"/settings/currencies/{v}/company-currency"), "currencies", self._currency),
            ("POST", re.compile(f"/oauth/{v}/token"), "token", self._token),
        ]  # fmt: skip

    def handle(self, request: Request) -> Response:
        """Answer one request at the clock's time; the time it takes has passed when it returns."""
        kind, credential = "other", "service_key"
        try:
            route, handler, arguments = self._route(request)
            kind = route
            if kind != "token":
                credential = self._authenticate(request)
                self.limits.check(credential, kind == "search", self.clock.now)
            cost = "history_list" if kind == "list" and "propertiesWithHistory" in request.query else kind
            self.clock.advance(COST.get(cost, COST["other"]))
            answer = handler(request, *arguments)
            status = 207 if isinstance(answer, dict) and answer.get("numErrors") else 200
            response = Response(status, msgspec.json.encode(answer), kind=kind)
        except Refusal as refused:
            self.clock.advance(COST["refused"])
            response = refused.response()
            response.kind = kind
        self.counts[kind if response.status < 400 else f"refused_{response.status}"] += 1
        response.headers["Content-Type"] = "application/json;charset=utf-8"
        if kind not in _SILENT and response.status not in (401, 404):
            response.headers.update(self.limits.headers(credential, self.clock.now))
        return response

    def _route(self, request: Request) -> tuple[str, Handler, tuple[str, ...]]:
        for method, pattern, kind, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return kind, handler, found.groups()
        raise Refusal(404, "Not found", "OBJECT_NOT_FOUND")

    def _authenticate(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token == self.token:
            return "service_key"
        if scheme.lower() == "bearer" and self._access.get(token, 0) > self.clock.now:
            return "oauth"
        raise unauthenticated()

    def _object_type(self, name: str) -> str:
        kind = _TYPE_IDS.get(name, name)
        if kind not in ENTITY or kind == "campaigns":
            raise invalid(f"Unable to infer object type from: {name}")
        self._require(f"crm.objects.{_SCOPES.get(kind, 'contacts')}.read")
        return kind

    def _require(self, scope: str) -> None:
        if scope in self.missing_scopes:
            raise missing_scope(scope)

    @property
    def _state(self) -> State:
        return State(self.company, self.clock.now)

    def _list(self, request: Request, name: str) -> dict[str, Any]:
        kind = self._object_type(name)
        histories = request.listed("propertiesWithHistory")
        limit = _limit(request, 50 if histories else 100)
        archived = request.first("archived") == "true"
        after = request.first("after")
        start = 0
        if after is not None:
            found = number_of(kind, after)
            if found is None:
                raise invalid(f"The paging cursor is invalid: {after}")
            start = found
        state = self._state
        places: list[int] = []
        more = None
        for place in objects.scan(state, kind, HIDDEN if archived else LIVE, start):
            if len(places) == limit:
                more = identify(kind, int(self.company.ledgers[kind].versions.number[place]))
                break
            places.append(place)
        page = Page(self.company, kind, np.array(places, dtype=np.int64))
        shown = objects.render(page, request.listed("properties"), histories, archived)
        link = f"{_origin(request)}{request.path}"
        for to in request.listed("associations"):
            objects.add_associations(state, page, shown, _TYPE_IDS.get(to, to), link, self.associations_on_a_page)
        return _paged(request, shown, more)

    def _get(self, request: Request, name: str, identity: str) -> dict[str, Any]:
        kind = self._object_type(name)
        number = number_of(kind, identity) if kind in ENTITY else None
        archived = request.first("archived") == "true"
        places = objects.places_of(self._state, kind, [] if number is None else [number], HIDDEN if archived else LIVE)
        if not len(places):
            raise missing(f"Object not found. objectId={identity}")
        page = Page(self.company, kind, places)
        shown = objects.render(page, request.listed("properties"), request.listed("propertiesWithHistory"), archived)
        for to in request.listed("associations"):
            link = f"{_origin(request)}{request.path}"
            objects.add_associations(self._state, page, shown, _TYPE_IDS.get(to, to), link, self.associations_on_a_page)
        return shown[0]

    def _batch_read(self, request: Request, name: str) -> dict[str, Any]:
        kind = self._object_type(name)
        body = json_body(request)
        for key in ("inputs", "properties", "propertiesWithHistory"):
            if key not in body:
                raise invalid(f"Invalid input JSON: some required fields were not set: [{key}]")
        histories = [str(each) for each in body["propertiesWithHistory"]]
        ids = _ids(body["inputs"], 50 if histories else 100)
        archived = request.first("archived") == "true"
        numbers = {identity: number_of(kind, identity) for identity in ids}
        wanted = [number for number in numbers.values() if number is not None]
        started = self.clock.iso()
        page = Page(self.company, kind, objects.places_of(self._state, kind, wanted, HIDDEN if archived else LIVE))
        shown = objects.render(page, [str(each) for each in body["properties"]], histories, archived)
        answer: dict[str, Any] = {"status": "COMPLETE", "results": shown, "startedAt": started, "completedAt": started}
        lost = sorted(set(ids) - set(page.ids))
        if lost:
            what = ENTITY[kind].upper()
            answer["numErrors"] = 1
            answer["errors"] = [{
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": f"Could not get some {what} objects, they may be deleted or not exist. Check that ids are valid.",
                "context": {"ids": lost},
            }]  # fmt: skip
        return answer

    def _search(self, request: Request, name: str) -> dict[str, Any]:
        kind = self._object_type(name)
        body = json_body(request)
        page, total, after = search.run(self.company, kind, self.clock.now, body)
        shown = objects.render(page, [str(each) for each in body["properties"]], [], archived=False)
        answer: dict[str, Any] = {"total": total, "results": shown}
        if after is not None:
            answer["paging"] = {"next": {"after": str(after)}}
        return answer

    def _associations(self, request: Request, name: str, other: str) -> dict[str, Any]:
        kind, to = self._object_type(name), self._object_type(other)
        if (kind, to) not in PAIRS:
            raise invalid(f"Unable to find association between {kind} and {to}.")
        body = json_body(request)
        ids = _ids(body.get("inputs"), 1_000)
        afters = {str(each.get("id")): each.get("after") for each in body["inputs"]}
        numbers = [(identity, number) for identity in ids if (number := number_of(kind, identity)) is not None]
        found = dict(zip(
            [identity for identity, _ in numbers], associated(self._state, kind, [number for _, number in numbers], to), strict=True
        ))  # fmt: skip
        results, lonely = [], []
        for identity in ids:
            others = [int(identify(to, each)) for each in found.get(identity, [])]
            rest = [each for each in others if afters[identity] is None or each >= int(afters[identity] or 0)]
            if not rest:
                lonely.append(identity)
                continue
            link = f"{_origin(request)}{request.path}"
            results.append(_row(kind, to, identity, rest, link, self.associations_on_a_page))
        started = self.clock.iso()
        answer: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": started,
            "completedAt": started,
        }
        if lonely:
            answer["numErrors"] = len(lonely)
            answer["errors"] = [
                {
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": f"No {ENTITY[to]} is associated with {ENTITY[kind]} {identity}.",
                    "context": {"fromObjectId": [identity], "fromObjectType": [kind], "toObjectType": [to]},
                }
                for identity in lonely
            ]
        return answer

    def _pipelines(self, request: Request, name: str) -> dict[str, Any]:
        return {"results": settings.pipelines_of(self._object_type(name), self.clock.now)}

    def _audit(self, request: Request, name: str, identity: str) -> dict[str, Any]:
        return {"results": settings.audit(self._object_type(name), identity, self.clock.now)}

    def _owners(self, request: Request) -> dict[str, Any]:
        self._require("crm.objects.owners.read")
        limit = _limit(request, 500)
        after = request.first("after")
        rows = settings.owners(self.company, request.first("archived") == "true", self.clock.now)
        rows = [row for row in rows if after is None or int(row["id"]) >= int(after)]
        email = request.first("email")
        rows = [row for row in rows if email is None or row["email"] == email]
        return _paged(request, rows[:limit], rows[limit]["id"] if len(rows) > limit else None)

    def _properties(self, request: Request, name: str) -> dict[str, Any]:
        kind = self._object_type(name)
        return {"results": [each.described() for each in catalogue(kind).values()]}

    def _currency(self, request: Request) -> dict[str, Any]:
        return {"currencyCode": HOME_CURRENCY}

    def _rates(self, request: Request) -> dict[str, Any]:
        self._require("multi-currency-read")
        return {"results": settings.exchange_rates(self.clock.now)}

    def _campaigns(self, request: Request) -> dict[str, Any]:
        self._require("marketing.campaigns.read")
        limit, after = _limit(request, 100), request.first("after")
        start = 0 if after is None else number_of("campaigns", after)
        if start is None:
            raise invalid(f"The paging cursor is invalid: {after}")
        rows = campaigns.listed(self._state, request.listed("properties"), start)
        answer = _paged(request, rows[:limit], rows[limit]["id"] if len(rows) > limit else None)
        return answer | {"total": len(self._state.listed("campaigns"))}

    def _budget(self, request: Request, identity: str) -> dict[str, Any]:
        self._require("marketing.campaigns.read")
        found = campaigns.budget(self._state, identity)
        if found is None:
            raise missing(f"Campaign not found: {identity}")
        return found

    def _usage(self, request: Request) -> dict[str, Any]:
        return {"results": [{
            "name": "private-apps-api-calls-daily",
            "usageLimit": self.limits.daily,
            "currentUsage": self.limits.today,
            "collectedAt": self.clock.iso(),
            "fetchStatus": "SUCCESS",
        }]}  # fmt: skip

    def _token(self, request: Request) -> dict[str, Any]:
        form = {key: values[0] for key, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, "grant_type must be refresh_token", "BAD_GRANT_TYPE")
        for key, status in (
            ("client_id", "BAD_CLIENT_ID"),
            ("client_secret", "BAD_CLIENT_SECRET"),
            ("refresh_token", "BAD_REFRESH_TOKEN"),
        ):
            if form.get(key) != self.oauth[key]:
                raise Refusal(400, f"missing or invalid {key.replace('_', ' ')}", status)
        self._issued += 1
        access = f"simulated-access-{correlation(f'{self.token}|{self._issued}')}"
        self._access[access] = self.clock.now + 1_800_000
        return {
            "access_token": access,
            "refresh_token": self.oauth["refresh_token"],
            "token_type": "bearer",
            "expires_in": 1800,
        }


def _origin(request: Request) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _limit(request: Request, most: int) -> int:
    text = request.first("limit") or "10"
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise invalid(f"The limit {text} is out of range: it must be between 1 and {most} for this request.")
    return int(text)


def _ids(inputs: Any, most: int) -> list[str]:
    if not isinstance(inputs, list) or not all(isinstance(each, dict) and "id" in each for each in inputs):
        raise invalid("Invalid input JSON: inputs must be a list of objects with an id.")
    if not 1 <= len(inputs) <= most:
        raise invalid(
            f"The maximum number of inputs supported in a batch request for this call is {most}. Request contained {len(inputs)}."
        )
    return list(dict.fromkeys(str(each["id"]) for each in inputs))


def _row(kind: str, to: str, identity: str, others: list[int], link: str, most: int) -> dict[str, Any]:
    label = {"category": "HUBSPOT_DEFINED", "typeId": ASSOCIATION_TYPES.get((kind, to), 200), "label": None}
    row: dict[str, Any] = {
        "from": {"id": identity},
        "to": [{"toObjectId": other, "associationTypes": [label]} for other in others[:most]],
    }
    if len(others) > most:
        after = str(others[most])
        row["paging"] = {"next": {"after": after, "link": f"{link}?after={after}"}}
    return row


def _paged(request: Request, shown: list[dict[str, Any]], after: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"results": shown}
    if after is not None:
        answer["paging"] = {"next": {"after": after, "link": f"{_origin(request)}{request.path}?after={after}"}}
    return answer
