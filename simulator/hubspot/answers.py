"""Requests, responses and HubSpot's error bodies."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass
class Request:
    """One request, parsed. `query` keeps repeated parameters; header names are lower case; `size` counts the bytes before the body."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    size: int = 0

    def first(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0] if name in self.query else default

    def listed(self, name: str) -> list[str]:
        """A parameter given with commas, repeated, or both."""
        return [part for value in self.query.get(name, []) for part in value.split(",") if part]


@dataclass
class Response:
    """One response, before it is written to the wire. `cut_after`: only so many bytes of its body go out, then the line is cut."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    cut_after: int | None = None


class Refusal(Exception):
    """An error answer: HTTP status and HubSpot's JSON body."""

    def __init__(self, status: int, message: str, category: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.more = more
        self.category = category
        self.headers: dict[str, str] = {}

    def response(self) -> Response:
        """The answer as bytes."""
        body = {
            "status": "error",
            "message": str(self),
            "correlationId": correlation(str(self)),
            "category": self.category,
        }
        return Response(self.status, msgspec.json.encode(body | self.more), dict(self.headers))


def correlation(text: str) -> str:
    """A correlation id; deterministic, so that two runs give the same bytes."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def invalid(message: str) -> Refusal:
    """400, as for a wrong parameter or body."""
    return Refusal(400, message, "VALIDATION_ERROR")


def unauthenticated() -> Refusal:
    """401, as HubSpot words it."""
    return Refusal(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
        "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def missing_scope(scope: str) -> Refusal:
    """403, naming the scope that is missing."""
    return Refusal(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [scope]},
            },
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def missing(what: str) -> Refusal:
    """404."""
    return Refusal(404, what, "OBJECT_NOT_FOUND")


def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object."""
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as broken:
        raise invalid(f"Invalid input JSON: {broken}") from None
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object is expected.")
    return body
