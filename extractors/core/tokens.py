"""Access tokens that a source grants for a while: asked for once, again before they end, and again when the source refuses one.

A source with a log-in gives its client a `Session` for credential and opens it with a function that asks for a token, by
`Client.post_form`: such a call never carries the session itself. From then on the client keeps the session open by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

import msgspec
from pydantic import SecretStr

from extractors.core.auth import HIDDEN, hide_secrets
from extractors.core.clock import Clock
from extractors.core.errors import ConfigurationError, IntegrityError

log = logging.getLogger(__name__)

#: seconds before its end at which a token counts as ended: a request may be under way for as long
MARGIN = 60.0


class Granted(msgspec.Struct):
    """A token endpoint's answer. `expires_in` in seconds; None: the source names no end."""

    access_token: str
    refresh_token: str | None = None
    expires_in: int | None = None


class Session:
    """The access token of the moment as a `Credential`; nothing is attached before there is one. Threads may share it.

    It also hides what tokens are asked for with, which travels in bodies only.
    """

    header_names: tuple[str, ...] = ("Authorization",)

    def __init__(self, *secrets: SecretStr) -> None:
        self._secrets = list(secrets)
        self._token: SecretStr | None = None
        self._ask: Callable[[], Granted] | None = None
        self._clock: Clock | None = None
        self._ends = float("inf")
        self._number = 0
        self._turn = threading.RLock()

    def open(self, ask: Callable[[], Granted], clock: Clock) -> None:
        """Asks for the first token; `ask` raises what refuses one. `clock` says when a token ends."""
        self._ask, self._clock = ask, clock
        self._renew()

    def keep_open(self) -> int:
        """Asks for another token when this one is about to end; returns the number of the token in force, 0 before the first."""
        with self._turn:
            if self._clock is not None and self._clock.monotonic() >= self._ends - MARGIN:
                self._renew()
            return self._number

    def renew(self, refused: int) -> None:
        """Asks for another token, because the source refused the one of this number; not if that has been done since."""
        with self._turn:
            if self._number == refused:
                log.info("the session has ended; a new one is opened")
                self._renew()

    def use(self, granted: Granted) -> None:
        """Takes a token into use. Raises IntegrityError for one that cannot stand in a header."""
        text = granted.access_token
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise IntegrityError("The source granted an access token that is none.", "Start again later.")
        self.also_hide(SecretStr(text))
        # Read once: the token may be in use by several threads while another is taken into use.
        self._token = SecretStr(text)
        lasts = granted.expires_in
        self._ends = self._clock.monotonic() + lasts if self._clock and lasts and lasts > MARGIN else float("inf")
        self._number += 1

    def also_hide(self, secret: SecretStr) -> None:
        if all(secret.get_secret_value() != held.get_secret_value() for held in self._secrets):
            self._secrets.append(secret)

    def attach(self, headers: MutableMapping[str, str]) -> None:
        token = self._token
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"

    def hide(self, text: str) -> str:
        return hide_secrets(text, *self._secrets)

    def __repr__(self) -> str:
        return f"Session(Authorization: Bearer {HIDDEN})"

    def _renew(self) -> None:
        assert self._ask is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
        self.use(self._ask())


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as it was set. `mend` says what to do when the source has replaced it."""

    title: str
    setting: str
    secret: SecretStr
    mend: str

    def form(self, client_id: str | None = None, client_secret: SecretStr | None = None) -> dict[str, str]:
        """What is posted to the token endpoint; who logs in by header leaves out id and secret."""
        form = {"grant_type": "refresh_token", "refresh_token": self.secret.get_secret_value().strip()}
        if client_id is not None:
            form["client_id"] = client_id.strip()
        if client_secret is not None:
            form["client_secret"] = client_secret.get_secret_value().strip()
        return form

    def require_kept(self, granted: Granted, session: Session) -> None:
        """Raises ConfigurationError when the source granted another refresh token: the one that is set is then good no more.

        Nothing is written down by itself: settings belong to people, and a secret written where nobody expects it is a leak.
        """
        if granted.refresh_token and granted.refresh_token != self.secret.get_secret_value().strip():
            session.also_hide(SecretStr(granted.refresh_token))
            raise ConfigurationError(
                f"{self.title} replaced the refresh token, so the one in {self.setting} is good no more.", self.mend
            )
