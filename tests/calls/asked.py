"""What the extractors really asked for, by the kinds that the fewest calls are worked out in."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from simulator.hubspot.answers import Request, Response

#: (kind, path): the first that fits; what none fits is counted under its path, so that it is seen
_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "hubspot": (
        ("account", r"/account-info/.*"),
        ("owners", r"/crm/owners/.*"),
        ("pipelines", r"/crm/pipelines/.*"),
        ("properties", r"/crm/properties/.*"),
        ("associations", r"/crm/associations/.*"),
        ("batches", r"/crm/objects/.*/batch/read"),
        ("searches", r"/crm/objects/.*/search"),
        ("lists", r"/crm/objects/[^/]+/[^/]+"),
    ),
    "salesforce": (
        ("sessions", r"/services/oauth2/token|/services/data/?"),
        ("descriptions", r".*/describe"),
        ("stages of record types", r".*/picklist-values/.*"),
        ("changes", r".*/jobs/query.*"),
    ),
    "pipedrive": (
        ("account", r"/v1/users/me"),
        ("small lists", r"/api/v2/(pipelines|stages|dealFields|products)|/v1/(users|currencies)"),
        ("goals", r"/v1/goals/.*"),
        ("changelogs", r".*/changelog"),
        ("statistics", r".*_statistics"),
        ("totals", r"/v1/deals/summary.*"),
    ),
}  # fmt: skip


class Asked:
    """A fault of a simulated world that changes nothing and counts everything."""

    def __init__(self) -> None:
        self.of: dict[str, Counter[str]] = defaultdict(Counter)

    def begin(self) -> None:
        """A new night."""
        self.of = defaultdict(Counter)

    def __call__(self, request: Request, response: Response) -> Response:
        """Counts the request."""
        path = request.path
        if not path.startswith("/_simulator/"):
            crm = (
                "salesforce"
                if path.startswith("/services/")
                else "pipedrive"
                if path.startswith(("/api/v2/", "/v1/"))
                else "hubspot"
            )
            self.of[crm][_kind(crm, request)] += 1
        return response


def _kind(crm: str, request: Request) -> str:
    kind = next((name for name, pattern in _KINDS[crm] if re.fullmatch(pattern, request.path)), "")
    if crm == "hubspot" and kind == "searches":
        return "totals" if msgspec.json.decode(request.body)["limit"] == 1 else kind
    if crm == "hubspot" and kind == "lists":
        return "archived lists" if request.first("archived") == "true" else kind
    if crm == "salesforce" and not kind:
        return _of_query(request.first("q") or "")
    if crm == "pipedrive" and not kind:
        return "changes, comparisons of ids"
    return kind or request.path


def _of_query(text: str) -> str:
    if "COUNT(" in text or "IsCorporate" in text:
        return "totals"
    return "queries"


def together(crm: str, fewest: Counter[str]) -> Counter[str]:
    """The fewest calls in the kinds that can be told from a request alone."""
    joined = {
        "salesforce": {"changes": "queries", "lists": "queries", "formulas": "queries", "comparisons of ids": "queries"},
        "pipedrive": {"changes": "changes, comparisons of ids", "comparisons of ids": "changes, comparisons of ids"},
    }.get(crm, {})  # fmt: skip
    found: Counter[str] = Counter()
    for name, number in fewest.items():
        found[joined.get(name, name)] += number
    return found


def names(*counted: Iterable[str]) -> list[str]:
    """All kinds, in the order in which they are first met."""
    return list(dict.fromkeys(name for each in counted for name in each))
