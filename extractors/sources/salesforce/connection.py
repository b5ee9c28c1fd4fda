"""The way to one Salesforce org: client, session, daily calls, refusals in plain words, descriptions of objects."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from extractors.core.allowance import Bucket
from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, TransientError, WatertightError
from extractors.core.meter import Meter, Quota
from extractors.core.reading import Document
from extractors.core.settings import Settings
from extractors.core.tokens import Session
from extractors.sources.salesforce.tokens import TokenSource

log = logging.getLogger(__name__)
T = TypeVar("T")

URL_SETTING = "SALESFORCE_URL"
_USAGE = re.compile(r"(?:^|[;,\s])api-usage\s*=\s*(\d+)\s*/\s*(\d+)")


class NotThereError(ConfigurationError):
    """The object or address does not exist, or not for this user."""


class FieldDescription(msgspec.Struct):
    """One field as describe says it."""

    name: str
    type: str = "string"
    calculated: bool = False


class _Description(msgspec.Struct):
    fields: list[FieldDescription]


class _Version(msgspec.Struct):
    version: str


class SalesforceConnection:
    """One org for one run; objects are described once."""

    def __init__(
        self, settings: Settings, client: Client, session: Session, tokens: TokenSource, usage: CallUsage
    ) -> None:
        """Learns Salesforce's clock and whether the version is there, then logs in."""
        self.client = client
        self._settings = settings
        self._usage = usage
        self._described: dict[str, tuple[FieldDescription, ...]] = {}
        known = {each.version for each in client.get("/services/data/", list[_Version])}
        if settings.salesforce_version not in known:
            raise ConfigurationError(
                f"Salesforce does not offer version {settings.salesforce_version} of its API here.",
                f"Set SALESFORCE_VERSION to one of: {', '.join(sorted(known, key=float)[-3:])}."
                if known
                else f"Check {URL_SETTING}.",
            )
        session.open(lambda: tokens.mint(client), client.clock)
        self.account = tokens.organization

    def now(self) -> datetime:
        return self.client.now()

    def path(self, rest: str) -> str:
        return f"/services/data/v{self._settings.salesforce_version}{rest}"

    def get(self, target: str, answer: type[T], params: Mapping[str, str] | None = None) -> T:
        self._usage.check(self._settings.salesforce_calls_share)
        return self.client.get(target, answer, params)

    def post(self, target: str, answer: type[T], body: object) -> T:
        self._usage.check(self._settings.salesforce_calls_share)
        return self.client.post(target, answer, body)

    def download(self, target: str, params: Mapping[str, str]) -> Document:
        self._usage.check(self._settings.salesforce_calls_share)
        return self.client.download(target, "text/csv", ("Sforce-Locator", "Sforce-NumberOfRecords"), params)

    def describe(self, name: str) -> tuple[FieldDescription, ...]:
        """The fields of an object that this user may see. Raises NotThereError."""
        if name not in self._described:
            self._usage.check(self._settings.salesforce_calls_share)
            found = self.client.get(self.path(f"/sobjects/{name}/describe"), _Description, is_kept=False)
            self._described[name] = tuple(found.fields)
        return self._described[name]


class CallUsage:
    """How many of the org's calls of 24 hours are used, all clients together, as every answer tells."""

    def __init__(self) -> None:
        self.used = 0
        self.limit = 0

    def see(self, headers: Mapping[str, str]) -> None:
        """Reads `Sforce-Limit-Info`, whatever else stands beside the total."""
        found = _USAGE.search(headers.get("Sforce-Limit-Info", ""))
        if found:
            self.used, self.limit = int(found[1]), int(found[2])

    def check(self, share: float) -> None:
        """Raises TransientError once that share of the limit is used: the rest belongs to the org's other work."""
        if self.limit and self.used >= share * self.limit:
            raise TransientError(
                f"Salesforce: {self.used:,} of the org's {self.limit:,} calls of 24 hours are used, by all its clients together.",
                f"Start again later, or raise SALESFORCE_CALLS_SHARE (now {share:g}).",
            )

    def remaining(self, headers: Mapping[str, str]) -> None:
        self.see(headers)


def connect(settings: Settings) -> SalesforceConnection:
    """Checks the settings, logs in, learns the org's id and Salesforce's now. Raises ConfigurationError."""
    if not settings.salesforce_url:
        raise ConfigurationError(
            "Salesforce has no address.",
            f"Set {URL_SETTING} to the org's My Domain address, https://<name>.my.salesforce.com.",
        )
    secrets = [one for one in (settings.salesforce_client_secret, settings.salesforce_refresh_token) if one]
    session = Session(*secrets)
    tokens = TokenSource(settings, session)
    usage = CallUsage()
    client = Client(
        "Salesforce",
        settings.salesforce_url,
        url_setting=URL_SETTING,
        credential=session,
        credential_setting="SALESFORCE_CLIENT_ID and what belongs to it",
        # Salesforce limits calls by the day and long ones by number; one at a time is far from either.
        buckets=(Bucket("calls", 100, 1.0, remaining=usage.remaining),),
        budget_seconds=settings.extract_budget_seconds,
        simulated_time=settings.simulated_time,
        explain=explain,
        meter=Meter(_price, _quota),
    )
    return SalesforceConnection(settings, client, session, tokens, usage)


def _price(method: str, path: str) -> dict[str, int]:
    """Logging in is no API request."""
    if not path.startswith("/services/data"):
        return {}
    is_job = method == "POST" and path.endswith("/jobs/query")
    return {"API requests": 1, "Bulk jobs": 1} if is_job else {"API requests": 1}


def _quota(headers: Mapping[str, str]) -> Quota | None:
    found = _USAGE.search(headers.get("Sforce-Limit-Info", ""))
    return Quota("API requests in 24 hours", int(found[2]), max(0, int(found[2]) - int(found[1]))) if found else None


class _Error(msgspec.Struct):
    errorCode: str = ""
    message: str = ""


class _LoginError(msgspec.Struct):
    error: str
    error_description: str = ""


def explain(status: int, body: bytes) -> WatertightError | None:
    """Salesforce's own reasons in plain words; None where the client's general words and retries do."""
    login = _decoded(body, _LoginError)
    if login is not None and status in (400, 401, 403):
        return ConfigurationError(
            f"Salesforce refused to log in: {_plain(login.error)}, {_plain(login.error_description)}.",
            "Check SALESFORCE_CLIENT_ID and what belongs to it, and that the External Client App allows this flow for this user.",
        )
    said = (_decoded(body, list[_Error]) or [_Error()])[0]
    words = _plain(said.message)
    if status == 401:
        # The client has opened a new session by then, and that was refused too.
        return ConfigurationError(
            f"Salesforce refuses a session that it has just opened (401): {words}.",
            "Check the session policies of the External Client App and the integration user's login hours and addresses.",
        )
    if said.errorCode == "REQUEST_LIMIT_EXCEEDED":
        return TransientError(
            f"Salesforce lets nobody ask for more now ({status}): {words}.",
            "Start again later: the limit counts the last 24 hours.",
        )
    if said.errorCode in ("NOT_FOUND", "INVALID_TYPE"):
        return NotThereError(
            f"Salesforce does not show something that was asked for ({status}): {words}.",
            "Give the integration user access to it.",
        )
    if said.errorCode == "INVALID_FIELD":
        return ConfigurationError(
            f"Salesforce does not show a field that it has just described ({status}): {words}.",
            "Start again; give the user access to it.",
        )
    if said.errorCode == "QUERY_TIMEOUT":
        return TransientError(f"Salesforce gave up on a query ({status}): {words}.", "Start again later.")
    if status in (414, 431):
        return WatertightError(
            f"Salesforce finds a request too long ({status}).", "Tell whoever maintains this source."
        )
    if said.errorCode and status in (400, 403, 404, 409):
        return WatertightError(
            f"Salesforce answered {status} ({_plain(said.errorCode)}): {words}.", "The request cannot succeed as it is."
        )
    return None


def _decoded(body: bytes, shape: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:200].strip().rstrip(".")
