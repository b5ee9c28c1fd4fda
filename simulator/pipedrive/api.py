"""Pipedrive's endpoints: authentication, limits, routing, and the shape of every answer."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from simulator.clock import Clock
from simulator.company import Company, State
from simulator.events import LIVE
from simulator.hubspot.answers import Request, Response
from simulator.pipedrive import entities, oauth, settings, statistics, trade
from simulator.pipedrive.answers import Refusal, invalid, missing, naive
from simulator.pipedrive.deals import Deals, DealsNow
from simulator.pipedrive.identities import ADMIN_ID, number_of
from simulator.pipedrive.limits import TokenLimits
from simulator.pipedrive.listing import Rows, instant_in, limit_in, page_of, whole_in

MILLISECONDS = 50
"""Simulated time that a request takes; one that is refused takes less."""
_REFUSED = 10
_STATUSES = frozenset({"open", "won", "lost", "deleted"})
_V2, _V1 = "/api/v2", "/v1"

Handler = Callable[..., dict[str, Any]]


def serves(path: str) -> bool:
    """Whether a path is one of Pipedrive's."""
    return path == oauth.PATH or path.startswith((f"{_V2}/", f"{_V1}/"))


class Pipedrive:
    """One Pipedrive account. `handle` answers one request; the caller holds the lock and writes the bytes."""

    def __init__(self, company: Company, clock: Clock, token: str, *, limits: TokenLimits | None = None) -> None:
        self.company = company
        self.clock = clock
        self.token = token
        self.limits = limits or TokenLimits()
        self.sessions = oauth.Sessions(clock, token)
        self.deals = Deals(company)
        self.counts: Counter[str] = Counter()
        self.routes: list[tuple[re.Pattern[str], int, Handler]] = [
            (re.compile(pattern), cost, handler)
            for pattern, cost, handler in (
                (f"{_V2}/deals", 10, self._live_deals),
                (f"{_V2}/deals/archived", 20, self._archived_deals),
                (f"{_V2}/deals/products", 10, self._deal_products),
                (f"{_V2}/persons", 10, lambda request: self._listed(request, "contacts", entities.persons)),
                (
                    f"{_V2}/organizations",
                    10,
                    lambda request: self._listed(request, "companies", entities.organizations),
                ),
                (f"{_V2}/activities", 10, self._activities),
                (f"{_V2}/products", 10, lambda request: self._listed(request, "products", trade.products)),
                (f"{_V2}/pipelines", 5, lambda request: self._set_up(request, settings.pipelines_now())),
                (f"{_V2}/stages", 5, lambda request: self._set_up(request, settings.stages_now(clock.now))),
                (f"{_V2}/(deal|person|organization|product|activity)Fields", 10, self._fields),
                (f"{_V1}/users", 20, lambda _: {"data": settings.users(company, clock.now)}),
                (f"{_V1}/users/me", 2, lambda _: {"data": settings.me()}),
                (f"{_V1}/currencies", 20, lambda _: {"data": settings.currencies()}),
                (f"{_V1}/goals/find", 20, self._goals),
                (f"{_V1}/leads", 20, lambda request: self._leads(request, archived=False)),
                (f"{_V1}/leads/archived", 40, lambda request: self._leads(request, archived=True)),
                (f"{_V1}/deals/summary", 40, lambda request: self._summary(request, archived=False)),
                (f"{_V1}/deals/summary/archived", 80, lambda request: self._summary(request, archived=True)),
                (f"{_V1}/deals/([0-9]+)/changelog", 20, self._changelog),
                (f"{_V1}/pipelines/([0-9]+)/movement_statistics", 40, self._movements),
                (f"{_V1}/pipelines/([0-9]+)/conversion_statistics", 40, self._conversions),
            )
        ]

    def handle(self, request: Request) -> Response:
        """Answer one request at the clock's time; the time it takes has passed when it returns."""
        if request.path == oauth.PATH and request.method == "POST":
            self.clock.advance(MILLISECONDS)
            return self.sessions.grant(request)
        kind = "unknown"
        headers: dict[str, str] = {}
        try:
            authorization = request.headers.get("authorization", "")
            if request.headers.get("x-api-token") != self.token and not self.sessions.is_good(authorization):
                raise Refusal(401, "unauthorized access")
            pattern, cost, handler, arguments = self._route(request)
            kind = pattern
            self.limits.check(cost, self.clock.now)
            headers = self.limits.headers(self.clock.now)
            self.clock.advance(MILLISECONDS)
            response = Response(200, msgspec.json.encode({"success": True} | handler(request, *arguments)), kind=kind)
        except Refusal as refused:
            self.clock.advance(_REFUSED)
            response = refused.response()
            response.kind = kind
        self.counts[kind if response.status < 400 else f"refused_{response.status}"] += 1
        response.headers = {"Content-Type": "application/json; charset=utf-8"} | headers | response.headers
        return response

    def _route(self, request: Request) -> tuple[str, int, Handler, tuple[str, ...]]:
        for pattern, cost, handler in self.routes:
            found = pattern.fullmatch(request.path)
            if found and request.method == "GET":
                return pattern.pattern, cost, handler, found.groups()
        raise missing("Unknown method .")

    @property
    def _now(self) -> DealsNow:
        return self.deals.at(self.clock.now)

    def _deals(self, request: Request, archived: bool) -> dict[str, Any]:
        statuses = request.listed("status")
        if not set(statuses) <= _STATUSES:
            raise invalid("status must be any of open, won, lost, deleted.")
        now = self._now
        pipeline, stage = whole_in(request, "pipeline_id", -1), whole_in(request, "stage_id", -1)
        rows = now.rows(statuses, archived, None if pipeline < 0 else pipeline, None if stage < 0 else stage)
        page, more = page_of(request, rows)
        return {"data": now.render(page, request.listed("include_fields")), "additional_data": more}

    def _live_deals(self, request: Request) -> dict[str, Any]:
        return self._deals(request, archived=False)

    def _archived_deals(self, request: Request) -> dict[str, Any]:
        return self._deals(request, archived=True)

    def _deal_products(self, request: Request) -> dict[str, Any]:
        if not 1 <= len(request.listed("deal_ids")) <= 100:
            raise invalid("deal_ids must name 1 to 100 deals.")
        return self._sliced(
            request, trade.deal_products(State(self.company, self.clock.now), request.listed("deal_ids"))
        )

    def _listed(
        self, request: Request, kind: str, render: Callable[[State, Rows], list[dict[str, Any]]]
    ) -> dict[str, Any]:
        state = State(self.company, self.clock.now)
        page, more = page_of(request, entities.rows_of(state, kind))
        return {"data": render(state, page), "additional_data": more}

    def _activities(self, request: Request) -> dict[str, Any]:
        state = State(self.company, self.clock.now)
        page, more = page_of(request, entities.activity_rows(state))
        return {"data": entities.activities_page(state, page), "additional_data": more}

    def _set_up(self, request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
        if "updated_since" in request.query:
            raise invalid("updated_since is not allowed.")
        return self._sliced(request, rows)

    def _fields(self, request: Request, kind: str) -> dict[str, Any]:
        return self._sliced(request, settings.deal_fields() if kind == "deal" else settings.other_fields(kind))

    def _sliced(self, request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
        start, limit = whole_in(request, "cursor", 0), limit_in(request)
        more = {"next_cursor": str(start + limit)} if len(rows) > start + limit else {}
        return {"data": rows[start : start + limit], "additional_data": more}

    def _goals(self, request: Request) -> dict[str, Any]:
        rows = trade.goals_now(State(self.company, self.clock.now))
        kind, assignee = request.first("type.name"), request.first("assignee.type")
        if kind is None and assignee is None:
            rows = [row for row in rows if row["assignee"]["id"] == ADMIN_ID]
        rows = [
            row for row in rows if kind in (None, row["type"]["name"]) and assignee in (None, row["assignee"]["type"])
        ]
        if (active := request.first("is_active")) is not None:
            rows = [row for row in rows if row["is_active"] == (active == "true")]
        return {"data": {"goals": rows}}

    def _leads(self, request: Request, archived: bool) -> dict[str, Any]:
        since = instant_in(request, "updated_since")
        if archived and since is not None:
            raise invalid("updated_since is not allowed.")
        if (request.first("sort") or "add_time").split(" ")[0] not in ("id", "add_time"):
            raise invalid("This order is not simulated.")
        rows = entities.leads(State(self.company, self.clock.now), archived, since)
        if (request.first("sort") or "").startswith("id"):
            rows.sort(key=lambda row: str(row["id"]))
        start, limit = whole_in(request, "start", 0), limit_in(request)
        more: dict[str, Any] = {"start": start, "limit": limit, "more_items_in_collection": len(rows) > start + limit}
        if more["more_items_in_collection"]:
            more["next_start"] = start + limit
        return {"data": rows[start : start + limit], "additional_data": {"pagination": more}}

    def _summary(self, request: Request, archived: bool) -> dict[str, Any]:
        statuses = request.listed("status")
        if len(statuses) > 1 or not set(statuses) <= {"open", "won", "lost"}:
            raise invalid("status must be one of open, won, lost.")
        now = self._now
        pipeline, stage = whole_in(request, "pipeline_id", -1), whole_in(request, "stage_id", -1)
        rows = now.rows(statuses, archived, None if pipeline < 0 else pipeline, None if stage < 0 else stage)
        return {"data": statistics.summary(now, rows)}

    def _changelog(self, request: Request, identity: str) -> dict[str, Any]:
        number = number_of("deals", int(identity))
        ledger = self.company.ledgers["deals"]
        place = None if number is None else ledger.version_at(number, self.clock.now)
        if (
            number is None
            or place is None
            or (ledger.versions.standing[place] != LIVE and not self._is_recoverable(int(identity)))
        ):
            raise missing("Deal not found")
        rows = self.deals.life(number).log_until(self.clock.now)[::-1]
        start, limit = whole_in(request, "cursor", 0), limit_in(request)
        more = {"next_cursor": str(start + limit)} if len(rows) > start + limit else {}
        shown = [
            {"field_key": row.field_key, "old_value": row.old, "new_value": row.new, "actor_user_id": row.user_id, "time": naive(row.at),
             "change_source": "app", "change_source_user_agent": None, "is_bulk_update_flag": False}
            for row in rows[start : start + limit]
        ]  # fmt: skip
        return {"data": shown, "additional_data": more}

    def _is_recoverable(self, identity: int) -> bool:
        return bool((self._now.rows(["deleted"], False, None, None).ids == identity).any())

    def _period(self, request: Request, pipeline: str) -> tuple[int, int, str, str]:
        start, end = request.first("start_date"), request.first("end_date")
        if not start or not end:
            raise invalid("start_date and end_date are required.")
        return int(pipeline), whole_in(request, "user_id", ADMIN_ID), start, end

    def _movements(self, request: Request, pipeline: str) -> dict[str, Any]:
        return {"data": statistics.movements(self.deals, self._now, *self._period(request, pipeline))}

    def _conversions(self, request: Request, pipeline: str) -> dict[str, Any]:
        return {"data": statistics.conversions(self.deals, self._now, *self._period(request, pipeline))}
