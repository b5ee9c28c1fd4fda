"""Access tokens of a Pipedrive app: asked for at Pipedrive's token server, which also says where the account's API is."""

from __future__ import annotations

import msgspec
from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import BasicCredential
from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, WatertightError
from extractors.core.origin import declared_origin, split_origin
from extractors.core.settings import Settings
from extractors.core.tokens import Granted, RefreshToken, Session

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a name, no secret
REFRESH_SETTING, URL_SETTING = "PIPEDRIVE_REFRESH_TOKEN", "WATERTIGHT_PIPEDRIVE_URL"
#: every company's API lies at a name of its own below this one
DOMAIN = ".pipedrive.com"


class _Granted(Granted, kw_only=True):
    api_domain: str


class TokenSource:
    """Trades the refresh token for access tokens. `api_url`: the company's own address, known after the first."""

    api_url = ""

    def __init__(self, settings: Settings, session: Session, refresh_token: SecretStr) -> None:
        """Raises ConfigurationError naming what is not set."""
        if not settings.pipedrive_client_id or not settings.pipedrive_client_secret:
            raise ConfigurationError(
                "Pipedrive has a refresh token and not the app that it belongs to.",
                "Set PIPEDRIVE_CLIENT_ID and PIPEDRIVE_CLIENT_SECRET, or PIPEDRIVE_API_TOKEN instead of all three.",
            )
        self._settings = settings
        self._session = session
        self._refresh = RefreshToken(
            "Pipedrive",
            REFRESH_SETTING,
            refresh_token,
            f"Authorize the app again and set {REFRESH_SETTING} to the token of that moment, or use PIPEDRIVE_API_TOKEN.",
        )
        self.client = Client(
            "Pipedrive",
            settings.pipedrive_oauth_url,
            url_setting="WATERTIGHT_PIPEDRIVE_OAUTH_URL",
            credential=BasicCredential(settings.pipedrive_client_id, settings.pipedrive_client_secret, refresh_token),
            credential_setting="PIPEDRIVE_CLIENT_ID and PIPEDRIVE_CLIENT_SECRET",
            buckets=(Bucket("tokens", 5, 1.0),),
            budget_seconds=settings.extract_budget_seconds,
            simulated_time=settings.simulated_time,
            explain=_explain,
        )

    def ask(self) -> Granted:
        """A fresh token. Raises ConfigurationError when Pipedrive refuses, replaces the refresh token, or sends us elsewhere."""
        granted = self.client.post_form(TOKEN_PATH, _Granted, self._refresh.form())
        self._session.also_hide(SecretStr(granted.access_token))
        self._refresh.require_kept(granted, self._session)
        self._take_address(granted.api_domain)
        return granted

    def _take_address(self, said: str) -> None:
        """Tokens go to the company's own address: below pipedrive.com, or exactly where the settings say."""
        origin, rest = split_origin(said)
        own, _ = declared_origin(self._settings.pipedrive_url, URL_SETTING)
        is_pipedrives = origin is not None and origin.scheme == "https" and origin.host.endswith(DOMAIN)
        if origin is None or rest.strip("/") or not (origin == own or is_pipedrives):
            raise ConfigurationError(
                f"Pipedrive says that the account's API is at {origin or 'an address that cannot be read'}, which is no address of Pipedrive.",
                f"Nothing was asked there. If it is right, set {URL_SETTING} to it.",
            )
        if self.api_url not in ("", str(origin)):
            raise ConfigurationError(
                f"Pipedrive moved the account from {self.api_url} to {origin} while it was read.", "Start again."
            )
        self.api_url = str(origin)


class _Refusal(msgspec.Struct):
    error: str = ""


def _explain(status: int, body: bytes) -> WatertightError | None:
    if status not in (400, 401, 403):
        return None
    try:
        said = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = ""
    reason = "".join(each if each.isprintable() else " " for each in said)[:80].strip() or "no reason given"
    return ConfigurationError(
        f"Pipedrive refused to give an access token ({status}): {reason}.",
        f"Check PIPEDRIVE_CLIENT_ID and PIPEDRIVE_CLIENT_SECRET; a refresh token ends after 60 days without use: then authorize the app "
        f"again and set {REFRESH_SETTING}.",
    )
