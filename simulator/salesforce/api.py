"""Salesforce's endpoints: sessions, limits, routing, pages."""

import re
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from simulator.clock import Clock
from simulator.company import Company
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.answers import Refused, as_json, malformed
from simulator.salesforce.bulk import Jobs
from simulator.salesforce.identities import identify
from simulator.salesforce.oauth import Sessions
from simulator.salesforce.org import Org
from simulator.salesforce.query import Result, object_named, object_names, run
from simulator.salesforce.settings import process_stages
from simulator.salesforce.soql import parse
from simulator.seasons import DAY

VERSIONS = tuple(range(58, 68))
LONGEST_REQUEST = 16_384
PAGE = 2_000
DAILY_CALLS = 115_000
COST = {"query": 180, "bulk": 60, "token": 90, "describe": 70, "refused": 15}
"""Simulated milliseconds that a request of each kind takes; 40 for any other."""

Handler = Callable[..., Any]


class Salesforce:
    """One org. `handle` answers one request; the caller holds the lock and writes the bytes."""

    def __init__(self, company: Company, clock: Clock, secret: str, key: Path | None = None) -> None:
        self.clock = clock
        self.org = Org(company, clock)
        self.sessions = Sessions(clock, secret, key)
        self.jobs = Jobs(self.org, clock)
        self.counts: Counter[str] = Counter()
        self.daily_calls = DAILY_CALLS
        self.used_elsewhere = 0
        self.usage_note = ""
        self._calls: deque[int] = deque()
        self._cursors: dict[str, tuple[Result, int]] = {}
        v = r"/services/data/v(\d+\.0)"
        self._routes: list[tuple[str, re.Pattern[str], str, Handler]] = [
            ("GET", re.compile(f"{v}/query/([^/]+)-([0-9]+)"), "query", self._more),
            ("GET", re.compile(f"{v}/(query|queryAll)"), "query", self._query),
            ("GET", re.compile(f"{v}/sobjects"), "describe", self._objects),
            ("GET", re.compile(f"{v}/sobjects/([^/]+)/describe"), "describe", self._describe),
            ("GET", re.compile(f"{v}/limits"), "limits", self._limits),
            ("GET", re.compile(f"{v}/ui-api/object-info/([^/]+)/picklist-values/([^/]+)/([^/]+)"), "ui", self._picklist),
            ("POST", re.compile(f"{v}/jobs/query"), "bulk", self.jobs.create),
            ("GET", re.compile(f"{v}/jobs/query/([^/]+)"), "bulk", lambda request, version, job: self.jobs.look(job, version)),
            ("GET", re.compile(f"{v}/jobs/query/([^/]+)/results"), "bulk",
             lambda request, version, job: self.jobs.results(request, job, version)),
        ]  # fmt: skip

    def handle(self, request: Request) -> Response:
        """Answer one request at the clock's time; the time it takes has passed when it returns."""
        kind = "other"
        try:
            if request.size > LONGEST_REQUEST:
                raise Refused(414, "URI_TOO_LONG", "The URI and the headers are longer than 16,384 bytes.")
            if (request.method, request.path) == ("POST", "/services/oauth2/token"):
                kind, response = "token", self.sessions.grant(request)
                response.headers["Content-Type"] = "application/json;charset=UTF-8"
            elif (request.method, request.path) in (("GET", "/services/data"), ("GET", "/services/data/")):
                response = _json(
                    [
                        {"label": f"v{each}", "url": f"/services/data/v{each}.0", "version": f"{each}.0"}
                        for each in VERSIONS
                    ]
                )
            else:
                kind, response = self._authorized(request)
        except Refused as refused:
            response = refused.response()
        self.clock.advance(COST.get(kind, 40) if response.status < 400 else COST["refused"])
        self.counts[kind if response.status < 400 else f"refused_{response.status}"] += 1
        return response

    def _authorized(self, request: Request) -> tuple[str, Response]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.sessions.is_good(token):
            raise Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        while self._calls and self._calls[0] <= self.clock.now - DAY:
            self._calls.popleft()
        if len(self._calls) + self.used_elsewhere >= self.daily_calls:
            raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._calls.append(self.clock.now)
        for method, pattern, kind, handler in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                if float(found.group(1)) not in VERSIONS:
                    break
                answer = handler(request, *found.groups())
                response = answer if isinstance(answer, Response) else _json(answer)
                response.headers["Sforce-Limit-Info"] = f"api-usage={self.used}/{self.daily_calls}{self.usage_note}"
                return kind, response
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    @property
    def used(self) -> int:
        """Calls of the last 24 hours, other clients' included."""
        return len(self._calls) + self.used_elsewhere

    def _query(self, request: Request, version: str, name: str) -> dict[str, Any]:
        text = request.first("q")
        if text is None:
            raise malformed("missing required parameter: q")
        query = parse(text)
        result = run(self.org, query, self.clock.now, name == "queryAll")
        if query.is_count:
            return {"totalSize": len(result.rows), "done": True, "records": []}
        locator = identify("Job", len(self._cursors) + 500_000).replace("750", "0r8", 1)
        self._cursors[locator] = (result, _batch_size(request))
        return self._page(version, locator, 0)

    def _more(self, request: Request, version: str, locator: str, start: str) -> dict[str, Any]:
        if locator not in self._cursors:
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(version, locator, int(start))

    def _page(self, version: str, locator: str, start: int) -> dict[str, Any]:
        result, size = self._cursors[locator]
        rows = result.rows[start : start + size]
        end, total = start + len(rows), len(result.rows)
        records = []
        for row in rows:
            shown: dict[str, Any] = {"attributes": {"type": result.entity}}
            for (name, kind), value in zip(result.columns, row, strict=True):
                shown[name] = as_json(kind, value)
                if name == "Id":
                    shown["attributes"]["url"] = f"/services/data/v{version}/sobjects/{result.entity}/{value}"
            records.append(shown)
        page: dict[str, Any] = {"totalSize": total, "done": end >= total}
        if end < total:
            page["nextRecordsUrl"] = f"/services/data/v{version}/query/{locator}-{end}"
        else:
            self._cursors[locator] = (
                (Result(result.entity, result.columns, []), size) if total > size else self._cursors[locator]
            )
        return page | {"records": records}

    def _objects(self, request: Request, version: str) -> dict[str, Any]:
        return {
            "encoding": "UTF-8",
            "maxBatchSize": 200,
            "sobjects": [{"name": name, "queryable": True} for name in object_names(self.org)],
        }

    def _describe(self, request: Request, version: str, name: str) -> dict[str, Any]:
        found = object_named(self.org, name)
        if found is None:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        shown = [each.described() for each in found.fields.values() if (name, each.name) not in self.org.hidden_fields]
        return {"name": name, "label": name, "keyPrefix": found.prefix, "queryable": True, "fields": shown}

    def _limits(self, request: Request, version: str) -> dict[str, Any]:
        left = max(self.daily_calls - self.used, 0)
        return {
            "DailyApiRequests": {"Max": self.daily_calls, "Remaining": left},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
        }

    def _picklist(self, request: Request, version: str, name: str, record_type: str, field: str) -> dict[str, Any]:
        values = process_stages(record_type, self.clock.now)
        if not self.org.has_process_stages or (name, field) != ("Opportunity", "StageName") or values is None:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return {
            "controllerValues": {},
            "defaultValue": None,
            "eTag": "simulated",
            "url": request.path,
            "values": values,
        }


def _json(answer: Any) -> Response:
    return Response(200, msgspec.json.encode(answer), {"Content-Type": "application/json;charset=UTF-8"})


def _batch_size(request: Request) -> int:
    found = re.fullmatch(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    return min(max(int(found[1]), 200), PAGE) if found else PAGE
