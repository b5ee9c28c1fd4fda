"""Access tokens of an External Client App: three ways to ask for one, all at the org's own address."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import jwt
from pydantic import SecretStr

from extractors.core.client import Client
from extractors.core.errors import ConfigurationError
from extractors.core.origin import split_origin
from extractors.core.settings import Settings
from extractors.core.tokens import Granted, RefreshToken, Session

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a name, no secret
#: Salesforce takes no assertion that lives longer than about three minutes
ASSERTION_LIFE = timedelta(minutes=2)


class _Granted(Granted, kw_only=True):
    """The token endpoint's answer; it names no end of life."""

    instance_url: str
    id: str


class TokenSource:
    """Asks for access tokens by the flow that the settings choose: refresh token, else signed assertion, else client secret.

    `organization`: the org's id (18 characters), known after the first.
    """

    organization = ""

    def __init__(self, settings: Settings, session: Session) -> None:
        """Raises ConfigurationError naming what is not set."""
        if not settings.salesforce_client_id:
            raise ConfigurationError(
                "Salesforce has no client id.",
                "Set SALESFORCE_CLIENT_ID to the consumer key of your External Client App.",
            )
        self._settings = settings
        self._client_id = settings.salesforce_client_id
        self._session = session
        self._key: SecretStr | None = None
        self._refresh: RefreshToken | None = None
        if settings.salesforce_refresh_token:
            self._refresh = RefreshToken(
                "Salesforce",
                "SALESFORCE_REFRESH_TOKEN",
                settings.salesforce_refresh_token,
                "Switch off refresh token rotation in the External Client App and log in again, or use SALESFORCE_PRIVATE_KEY_FILE.",
            )
            return
        if settings.salesforce_private_key_file:
            self._key = _read_key(settings.salesforce_private_key_file)
            if not settings.salesforce_username:
                raise ConfigurationError(
                    "Salesforce has a key to sign with and no user.",
                    "Set SALESFORCE_USERNAME to the integration user's name.",
                )
        elif not settings.salesforce_client_secret:
            raise ConfigurationError(
                "Salesforce has nothing to log in with.",
                "Set SALESFORCE_PRIVATE_KEY_FILE and SALESFORCE_USERNAME, or SALESFORCE_CLIENT_SECRET, or SALESFORCE_REFRESH_TOKEN.",
            )

    def mint(self, client: Client) -> Granted:
        """A fresh token. An assertion is dated by Salesforce's own clock, so the client must have had an answer.

        Raises ConfigurationError when Salesforce refuses, sends us to another address, or rotates the refresh token.
        """
        granted = client.post_form(TOKEN_PATH, _Granted, self._form(client.now()))
        self._session.also_hide(SecretStr(granted.access_token))
        if self._refresh:
            self._refresh.require_kept(granted, self._session)
        own, _ = split_origin(str(self._settings.salesforce_url).strip())
        instance, _ = split_origin(granted.instance_url)
        if instance != own:
            raise ConfigurationError(
                f"Salesforce says that the org is at {instance or 'an address that cannot be read'}, not at {own}.",
                "Set SALESFORCE_URL to the org's own My Domain address; nothing was asked there.",
            )
        organization = granted.id.rstrip("/").rpartition("/id/")[2].partition("/")[0]
        if len(organization) != 18 or not organization.isascii() or not organization.isalnum():
            raise ConfigurationError("Salesforce did not say which org this is.", "Check SALESFORCE_URL.")
        self.organization = organization
        return granted

    def _form(self, now: datetime) -> dict[str, str]:
        settings = self._settings
        if self._refresh:
            return self._refresh.form(self._client_id, settings.salesforce_client_secret)
        if self._key is not None:
            claims = {
                "iss": self._client_id,
                "sub": settings.salesforce_username,
                "aud": settings.salesforce_audience,
                "exp": int((now + ASSERTION_LIFE).timestamp()),
            }
            try:
                assertion = jwt.encode(claims, self._key.get_secret_value(), algorithm="RS256")
            except (ValueError, TypeError, jwt.PyJWTError):
                raise ConfigurationError(
                    f"{settings.salesforce_private_key_file} holds no RSA key that can sign.",
                    "Set SALESFORCE_PRIVATE_KEY_FILE to the PEM file of the private key, without a passphrase.",
                ) from None
            self._session.also_hide(SecretStr(assertion))
            return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        assert settings.salesforce_client_secret is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
        secret = settings.salesforce_client_secret.get_secret_value().strip()
        return {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": secret}


def _read_key(path: Path) -> SecretStr:
    try:
        return SecretStr(path.expanduser().read_text("ascii"))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            f"The key file {path} cannot be read.",
            "Set SALESFORCE_PRIVATE_KEY_FILE to the PEM file of the private key.",
        ) from None
