"""Bulk API 2.0 query jobs: created, waited for, read in pages of CSV."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import msgspec

from simulator.clock import Clock
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.answers import Refused, as_csv
from simulator.salesforce.identities import identify
from simulator.salesforce.org import Org
from simulator.salesforce.query import Result, object_named, run
from simulator.salesforce.soql import parse
from simulator.seasons import DAY, SECOND, iso

_WAITS, _ROWS_PER_SECOND = 2 * SECOND, 20_000
_PAGE = 50_000


@dataclass
class _Job:
    id: str
    version: str
    operation: str
    text: str
    entity: str
    created: int
    result: Result


class Jobs:
    """The query jobs of one org. `fails` makes the next job fail with that message."""

    def __init__(self, org: Org, clock: Clock) -> None:
        self.org = org
        self.clock = clock
        self.fails = ""
        self.page = _PAGE
        self._jobs: dict[str, _Job] = {}

    def create(self, request: Request, version: str) -> dict[str, Any]:
        """POST /jobs/query."""
        try:
            body = msgspec.json.decode(request.body, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise Refused(400, "JSON_PARSER_ERROR", "Unexpected character") from None
        operation, text = str(body.get("operation")), str(body.get("query", ""))
        if operation not in ("query", "queryAll"):
            raise Refused(400, "API_ERROR", "Unsupported operation")
        query = parse(text)
        if query.is_aggregate or query.is_count:
            raise Refused(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
        found = object_named(self.org, query.entity)
        if found is not None:
            for item in query.items:
                if item.field in found.fields and found.fields[item.field].type in ("address", "location", "base64"):
                    raise Refused(
                        400, "API_ERROR", f"Selecting compound data not supported in Bulk Query: {item.field}"
                    )
        result = run(self.org, query, self.clock.now, operation == "queryAll")
        job = _Job(identify("Job", len(self._jobs) + 1), version, operation, text, query.entity, self.clock.now, result)
        self._jobs[job.id] = job
        return self._described(job)

    def look(self, identity: str, version: str) -> dict[str, Any]:
        """GET /jobs/query/{id}."""
        return self._described(self._job(identity, version))

    def results(self, request: Request, identity: str, version: str) -> Response:
        """GET /jobs/query/{id}/results: a page of CSV, and in the headers how many rows it has and where the next begins."""
        job = self._job(identity, version)
        if self._state(job) != "JobComplete":
            raise Refused(400, "INVALIDJOBSTATE", "Job state should be JobComplete")
        most = int(request.first("maxRecords") or self.page)
        locator = request.first("locator")
        start = int(bytes.fromhex(locator)) if locator else 0
        rows = job.result.rows[start : start + min(most, self.page)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([name for name, _ in job.result.columns])
        kinds = [kind for _, kind in job.result.columns]
        writer.writerows([as_csv(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in rows)
        end = start + len(rows)
        more = str(end).encode().hex() if end < len(job.result.rows) else "null"
        headers = {
            "Content-Type": "text/csv; charset=UTF-8",
            "Sforce-NumberOfRecords": str(len(rows)),
            "Sforce-Locator": more,
        }
        return Response(200, text.getvalue().encode(), headers)

    def _job(self, identity: str, version: str) -> _Job:
        job = self._jobs.get(identity)
        if job is None or job.created + 7 * DAY < self.clock.now:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if job.version != version:
            raise Refused(409, "API_ERROR", "The API version does not match the version the job was created with")
        return job

    def _state(self, job: _Job) -> str:
        took = self.clock.now - job.created
        if took < _WAITS // 2:
            return "UploadComplete"
        if took < _WAITS + len(job.result.rows) * SECOND // _ROWS_PER_SECOND:
            return "InProgress"
        return "Failed" if self.fails else "JobComplete"

    def _described(self, job: _Job) -> dict[str, Any]:
        state = self._state(job)
        said: dict[str, Any] = {
            "id": job.id, "operation": job.operation, "object": job.entity, "createdDate": iso(job.created).replace("Z", "+0000"),
            "state": state, "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(job.version), "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }  # fmt: skip
        if state == "JobComplete":
            said |= {"numberRecordsProcessed": len(job.result.rows), "retries": 0, "totalProcessingTime": 1}
        if state == "Failed":
            said["errorMessage"] = self.fails
        return said
