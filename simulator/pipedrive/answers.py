"""Pipedrive's error bodies and how it writes instants."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from simulator.hubspot.answers import Response
from simulator.seasons import SECOND


class Refusal(Exception):
    """An error answer: HTTP status and Pipedrive's JSON body."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer as bytes."""
        body: dict[str, Any] = {"success": False, "error": str(self), "error_info": "", "data": None}
        return Response(self.status, msgspec.json.encode(body), dict(self.headers))


def invalid(message: str) -> Refusal:
    """400, as for a wrong parameter."""
    return Refusal(400, message)


def missing(what: str) -> Refusal:
    """404."""
    return Refusal(404, what)


def zoned(at: int) -> str:
    """An instant (ms) as v2 writes it: RFC 3339, whole seconds, Z."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def naive(at: int) -> str:
    """An instant (ms) as v1 writes it: UTC without saying so."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def day(at: int) -> str:
    """The UTC day of an instant (ms)."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d")
