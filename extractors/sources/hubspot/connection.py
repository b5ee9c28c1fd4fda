"""The way to one HubSpot account: client, limits, refusals in plain words, property definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from urllib.parse import quote

import msgspec
from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import HeaderCredential
from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError, WatertightError
from extractors.core.meter import Meter, quota_of
from extractors.core.settings import Settings
from extractors.core.spec import Record
from extractors.core.tokens import Granted, RefreshToken, Session
from extractors.sources.hubspot.answers import Object

TOKEN_SETTING, REFRESH_SETTING = "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_REFRESH_TOKEN"
GENERAL, SEARCH = "general", "search"
#: addresses beyond about 16,000 characters are refused, some proxies stop at half of that
URL_CHARACTERS = 8000
#: statuses that HubSpot uses for "later" besides the usual ones: locked, migrating, and its gateway's troubles
_ALSO_RETRIED = frozenset({423, 477, 521, 522, 523, 524})
_HEAVY = frozenset({
    "hs_attachment_ids", "hs_body_preview", "hs_body_preview_html", "hs_call_body", "hs_call_summary", "hs_call_transcription_id",
    "hs_communication_body", "hs_email_headers", "hs_email_html", "hs_email_text", "hs_internal_meeting_notes",
    "hs_meeting_body", "hs_meeting_notes", "hs_note_body", "hs_task_body",
})  # fmt: skip
#: durations up to the moment of reading
_RUNNING = ("hs_v2_time_in_", "hs_v2_latest_time_in_", "hs_v2_cumulative_time_in_", "hs_time_in_")


class Definition(msgspec.Struct):
    """One property as GET /crm/properties describes it."""

    name: str
    fieldType: str = ""


class Definitions(msgspec.Struct):
    results: list[Definition]


class MissingScopeError(ConfigurationError):
    """The token may not see something that was asked for: a scope, or a product that the account does not have."""


#: what the token endpoint says of the part of a log-in that it does not accept
_LOGIN_REFUSED = re.compile(r"(?:BAD|MISSING|INVALID|MISMATCH|EXPIRED)_(?:CLIENT|REFRESH|GRANT|REDIRECT)[A-Z_]{1,30}")
_portal = msgspec.json.Decoder(int)


class HubSpotConnection:
    """One account for one run; property definitions are asked for once per object type."""

    def __init__(self, client: Client, version: str, custom_names: Callable[[str], tuple[str, ...]]) -> None:
        self.client = client
        self._custom_names = custom_names
        self._version = version
        self._properties: dict[str, tuple[str, ...]] = {}
        #: when the list of campaigns began, and each one's id and stamp, once it was read
        self.campaigns: tuple[datetime, list[Record]] | None = None
        #: the account's details as received
        self.details: Object = client.get(f"/account-info/{version}/details", Object)
        try:
            self.account = str(_portal.decode(self.details["portalId"]))
        except (KeyError, msgspec.MsgspecError):
            raise IntegrityError(
                "HubSpot did not say which account this is.", "Check WATERTIGHT_HUBSPOT_URL."
            ) from None

    def now(self) -> datetime:
        return self.client.now()

    def objects_path(self, kind: str, rest: str = "") -> str:
        return f"/crm/objects/{self._version}/{kind}{rest}"

    def associations_path(self, kind: str, to: str) -> str:
        return f"/crm/associations/{self._version}/{kind}/{to}/batch/read"

    def pipelines_path(self, kind: str) -> str:
        return f"/crm/pipelines/{self._version}/{kind}"

    def campaigns_path(self, rest: str = "") -> str:
        return f"/marketing/campaigns/{self._version}{rest}"

    def currencies_path(self, rest: str) -> str:
        return f"/settings/currencies/{self._version}{rest}"

    def owners_path(self) -> str:
        return f"/crm/owners/{self._version}"

    def properties_of(self, kind: str) -> tuple[str, ...]:
        """Names of all properties of a type that are loaded, custom ones included, sorted."""
        if kind not in self._properties:
            found = self.client.get(f"/crm/properties/{self._version}/{kind}", Definitions).results
            listed = set(self._custom_names(kind))
            unknown = sorted(listed - {one.name for one in found})
            if unknown:
                raise ConfigurationError(
                    f"WATERTIGHT_CUSTOM_FIELDS lists {', '.join(f'hubspot.{kind}.{name}' for name in unknown)}, and HubSpot has no such property.",
                    "Use the property's internal name (Settings > Properties).",
                )
            self._properties[kind] = tuple(sorted({one.name for one in found if is_loaded(one) or one.name in listed}))
        return self._properties[kind]


def is_loaded(definition: Definition) -> bool:
    """Everything but long texts and durations that are different at every look."""
    return definition.fieldType != "html" and definition.name not in _HEAVY and not definition.name.startswith(_RUNNING)


def property_chunks(names: tuple[str, ...], characters: int = URL_CHARACTERS) -> list[str]:
    """Comma lists of all the names, each within `characters` once encoded; at least one list, possibly empty."""
    chunks: list[list[str]] = [[]]
    length = 0
    for name in names:
        encoded = len(quote(name, safe="")) + len("%2C")
        if chunks[-1] and length + encoded > characters:
            chunks.append([])
            length = 0
        chunks[-1].append(name)
        length += encoded
    return [",".join(chunk) for chunk in chunks]


def connect(settings: Settings) -> HubSpotConnection:
    """Checks the settings, builds the client, logs in where that is due, learns the account's id and HubSpot's now. Raises ConfigurationError."""
    if settings.hubspot_token:
        credential: HeaderCredential | Session = HeaderCredential(settings.hubspot_token, TOKEN_SETTING)
    elif settings.hubspot_refresh_token:
        credential = Session(settings.hubspot_refresh_token, *filter(None, [settings.hubspot_client_secret]))
    else:
        raise ConfigurationError("HubSpot has no token.", f"Set {TOKEN_SETTING} to a service key of your account.")
    client = Client(
        "HubSpot",
        settings.hubspot_url,
        url_setting="WATERTIGHT_HUBSPOT_URL",
        credential=credential,
        credential_setting=TOKEN_SETTING if settings.hubspot_token else REFRESH_SETTING,
        # Below the smallest limits there are: 110 in ten seconds and 5 searches a second, shared with other apps of the account.
        buckets=(Bucket(GENERAL, 100, 10.0, remaining=_remaining), Bucket(SEARCH, 4, 1.0)),
        budget_seconds=settings.extract_budget_seconds,
        simulated_time=settings.simulated_time,
        also_retried=_ALSO_RETRIED,
        explain=explain,
        # Service keys are told the day's calls, OAuth apps are not.
        meter=Meter(
            _price, quota_of("calls a day", "X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining")
        ),
    )
    if isinstance(credential, Session):
        log_in(settings, client, credential)
    return HubSpotConnection(client, settings.hubspot_version, partial(settings.custom_names, "hubspot"))


def _price(_method: str, path: str) -> dict[str, int]:
    """Every call counts towards the day's; searches have a limit of their own besides."""
    return {"calls": 1, "searches": 1} if path.endswith("/search") else {"calls": 1}


def log_in(settings: Settings, client: Client, session: Session) -> None:
    """Opens the session by the app's refresh token, at HubSpot's own address. Raises ConfigurationError when HubSpot refuses or replaces it."""
    if not settings.hubspot_client_id or not settings.hubspot_client_secret or not settings.hubspot_refresh_token:
        raise ConfigurationError(
            "HubSpot has a refresh token and not the app that it belongs to.",
            f"Set HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET, or {TOKEN_SETTING} instead of all three.",
        )
    refresh = RefreshToken(
        "HubSpot",
        REFRESH_SETTING,
        settings.hubspot_refresh_token,
        f"Install the app in the account again and set {REFRESH_SETTING} to the token of that moment, or use {TOKEN_SETTING}.",
    )
    form = refresh.form(settings.hubspot_client_id, settings.hubspot_client_secret)
    path = f"/oauth/{settings.hubspot_version}/token"

    def ask() -> Granted:
        granted = client.post_form(path, Granted, form)
        session.also_hide(SecretStr(granted.access_token))
        refresh.require_kept(granted, session)
        return granted

    session.open(ask, client.clock)


class _ErrorContext(msgspec.Struct):
    requiredGranularScopes: list[str] = []
    requiredScopes: list[str] = []


class _ErrorDetail(msgspec.Struct):
    context: _ErrorContext = msgspec.field(default_factory=_ErrorContext)


class _Error(msgspec.Struct):
    status: str = ""
    category: str = ""
    policyName: str = ""
    errors: list[_ErrorDetail] = []


def explain(status: int, body: bytes) -> WatertightError | None:
    """HubSpot's own reasons in plain words; None where the client's general words do."""
    try:
        said = msgspec.json.decode(body, type=_Error)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = _Error()
    login = next((each for each in (said.status, said.category) if _LOGIN_REFUSED.fullmatch(each)), None)
    if login is not None and status in (400, 401, 403):
        return ConfigurationError(
            f"HubSpot refused to log in ({status}): {login.replace('_', ' ').lower()}.",
            f"Check HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and {REFRESH_SETTING}; install the app again if somebody removed it.",
        )
    # 530 is what HubSpot's gateway answers to a token that is not even well formed.
    if status in (401, 530):
        return ConfigurationError(
            f"HubSpot refused the token ({status}): it is wrong, expired or deleted.",
            f"Make a service key in HubSpot (Settings > Integrations > Service Keys) and set {TOKEN_SETTING} to it.",
        )
    if status == 403 and said.errors:
        scopes = sorted({
            scope
            for detail in said.errors
            for scope in detail.context.requiredGranularScopes or detail.context.requiredScopes
            if scope.replace(".", "").replace("-", "").replace("_", "").isalnum()
        })  # fmt: skip
        if scopes:
            return MissingScopeError(
                f"HubSpot's token lacks the scope {' or '.join(scopes)} (403).",
                f"Add it to the service key or app in HubSpot, or set {TOKEN_SETTING} to a key that has it.",
            )
    if status == 429 and said.policyName == "DAILY":
        return TransientError(
            "HubSpot's daily limit of calls is used up (429).", "Start again after midnight in the account's time zone."
        )
    return None


def _remaining(headers: Mapping[str, str]) -> tuple[int, float] | None:
    try:
        left = int(headers["x-hubspot-ratelimit-remaining"])
        return left, int(headers.get("x-hubspot-ratelimit-interval-milliseconds", "10000")) / 1000
    except (KeyError, ValueError):
        return None
