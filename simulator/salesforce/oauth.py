"""The token endpoint of an External Client App: JWT bearer, client credentials and refresh token; sessions end after two hours."""

import hashlib
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.clock import Clock
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.identities import identify
from simulator.salesforce.settings import ORGANIZATION, USERNAME
from simulator.seasons import HOUR, MINUTE, SECOND

CLIENT_ID = "3MVG9.simulated-external-client-app"
REFRESH_TOKEN = "simulated-refresh-token"  # noqa: S105 - the token of a simulator
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_LONGEST_ASSERTION = 3 * MINUTE + 10 * SECOND


def private_key(home: Path) -> Path:
    """The key whose certificate the app holds, made once per home; clients sign their assertions with it."""
    path = home / "salesforce_key.pem"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        text = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        unfinished = home / ".salesforce_key.unfinished"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(text)
        unfinished.rename(path)
    return path


class Sessions:
    """Grants tokens and knows which are good."""

    def __init__(self, clock: Clock, secret: str, key: Path | None) -> None:
        self.clock = clock
        self.secret = secret
        self.refresh_token = REFRESH_TOKEN
        self.rotates = False
        self.length = 2 * HOUR
        self.granted = 0
        self._key = key
        self._ends: dict[str, int] = {}

    def is_good(self, token: str) -> bool:
        return self._ends.get(token, 0) > self.clock.now

    def end_all(self) -> None:
        """What an administrator does who revokes all sessions."""
        self._ends.clear()

    def grant(self, request: Request) -> Response:
        """POST /services/oauth2/token."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return _refuse("unsupported_grant_type", "grant type not supported")
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        flow = form.get("grant_type", "")
        more: dict[str, str] = {}
        if flow == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            wrong = self._check_assertion(form.get("assertion", ""), request)
            if wrong:
                return _refuse("invalid_grant", wrong)
        elif form.get("client_id") != CLIENT_ID:
            return _refuse("invalid_client_id", "client identifier invalid")
        elif flow == "client_credentials":
            if form.get("client_secret") != self.secret:
                return _refuse("invalid_client", "invalid client credentials")
        elif flow == "refresh_token":
            if form.get("client_secret", self.secret) != self.secret:
                return _refuse("invalid_client", "invalid client credentials")
            if form.get("refresh_token") != self.refresh_token:
                return _refuse("invalid_grant", "expired access/refresh token")
            if self.rotates:
                self.refresh_token = hashlib.sha256(self.refresh_token.encode()).hexdigest()
                more["refresh_token"] = self.refresh_token
        else:
            return _refuse("unsupported_grant_type", "grant type not supported")
        self.granted += 1
        digest = hashlib.sha256(f"{self.secret}|{self.granted}|{self.clock.now}".encode()).hexdigest()
        token = f"{ORGANIZATION[:15]}!AQ{digest}"
        self._ends[token] = self.clock.now + self.length
        own = f"http://{request.headers.get('host', '127.0.0.1')}"
        answer = {
            "access_token": token, "instance_url": own, "id": f"{own}/id/{ORGANIZATION}/{identify('User', 0)}", "token_type": "Bearer",
            "scope": "api", "issued_at": str(self.clock.now), "signature": "c2ltdWxhdGVk",
        }  # fmt: skip
        return Response(200, msgspec.json.encode(answer | more))

    def _check_assertion(self, assertion: str, request: Request) -> str:
        """What is wrong with a JWT, nothing if it is good: signature by the app's key, issuer, user, audience, a short life."""
        if self._key is None:
            return "user hasn't approved this consumer"
        private = serialization.load_pem_private_key(self._key.read_bytes(), None)
        audiences = [*AUDIENCES, f"http://{request.headers.get('host', '')}"]
        try:
            said = jwt.decode(
                assertion,
                private.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256"],
                audience=audiences,
                # Simulated time decides about the life of an assertion, below.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp"]},
            )
        except jwt.InvalidAudienceError:
            return "audience is invalid"
        except jwt.PyJWTError:
            return "invalid assertion"
        if said.get("iss") != CLIENT_ID:
            return "client identifier invalid"
        if said.get("sub") != USERNAME:
            return "user hasn't approved this consumer"
        ends = said["exp"] * SECOND
        if not self.clock.now < ends <= self.clock.now + _LONGEST_ASSERTION:
            return "invalid assertion"
        return ""


def _refuse(error: str, description: str) -> Response:
    return Response(400, msgspec.json.encode({"error": error, "error_description": description}))
