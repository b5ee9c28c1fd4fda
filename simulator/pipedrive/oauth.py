"""Pipedrive's token server, which is another server than its API: refresh tokens for access tokens of an hour."""

import base64
import hashlib
from urllib.parse import parse_qs

import msgspec

from simulator.clock import Clock
from simulator.hubspot.answers import Request, Response
from simulator.seasons import HOUR, SECOND

CLIENT_ID = "simulated-pipedrive-app"
REFRESH_TOKEN = "7:11:simulated-pipedrive-refresh-token"  # noqa: S105 - the token of a simulator
PATH = "/oauth/token"


class Sessions:
    """Grants tokens and knows which are good. `rotates`: a refresh token is good once."""

    def __init__(self, clock: Clock, secret: str) -> None:
        self.clock = clock
        self.secret = secret
        self.refresh_token = REFRESH_TOKEN
        self.rotates = False
        self.length = HOUR
        self.granted = 0
        self._ends: dict[str, int] = {}

    def is_good(self, header: str) -> bool:
        """Whether an `Authorization` header carries a token that has not ended."""
        return header.startswith("Bearer ") and self._ends.get(header.removeprefix("Bearer "), 0) > self.clock.now

    def end_all(self) -> None:
        """What a user does who removes the app."""
        self._ends.clear()

    def grant(self, request: Request) -> Response:
        """POST /oauth/token."""
        expected = base64.b64encode(f"{CLIENT_ID}:{self.secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return _refuse(401, "invalid_client")
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "refresh_token":
            return _refuse(400, "unsupported_grant_type")
        if form.get("refresh_token") != self.refresh_token:
            return _refuse(400, "invalid_grant")
        if self.rotates:
            self.refresh_token = hashlib.sha256(self.refresh_token.encode()).hexdigest()
        self.granted += 1
        token = "v1u:" + hashlib.sha256(f"{self.secret}|{self.granted}|{self.clock.now}".encode()).hexdigest()
        self._ends[token] = self.clock.now + self.length
        answer = {
            "access_token": token, "token_type": "Bearer", "refresh_token": self.refresh_token, "scope": "base,deals:read",
            "expires_in": self.length // SECOND, "api_domain": f"http://{request.headers.get('host', '127.0.0.1')}",
        }  # fmt: skip
        return Response(200, msgspec.json.encode(answer), headers={"Content-Type": "application/json"})


def _refuse(status: int, error: str) -> Response:
    body = msgspec.json.encode({"success": False, "message": "the request was refused", "error": error})
    return Response(status, body, headers={"Content-Type": "application/json"})
