"""Credentials: attached to a request at the last instant, and kept out of everything that is shown."""

from __future__ import annotations

import base64
from collections.abc import MutableMapping
from typing import Protocol
from urllib.parse import quote

from pydantic import SecretStr

from extractors.core.errors import ConfigurationError

HIDDEN = "***"


class Credential(Protocol):
    """One way of saying who asks. `attach` puts it on a request's headers, `hide` takes it out of a text."""

    @property
    def header_names(self) -> tuple[str, ...]:
        """The headers that `attach` sets; the client takes them off again once the request is on its way."""

    def attach(self, headers: MutableMapping[str, str]) -> None:
        """Called only for a request whose address was checked against the source's own origin."""

    def hide(self, text: str) -> str:
        """`text` with the secret, in every shape it may take, replaced by `***`."""


class NoCredential:
    """For a source that asks for none, and for a log-in call that carries its secret in the body."""

    header_names: tuple[str, ...] = ()

    def __init__(self, *secrets: SecretStr) -> None:
        self._secrets = secrets

    def attach(self, headers: MutableMapping[str, str]) -> None:
        """Attaches nothing."""

    def hide(self, text: str) -> str:
        return hide_secrets(text, *self._secrets)


class HeaderCredential:
    """A secret in one header: `Authorization: Bearer …`, `x-api-token: …`, `Authorization: Session …`."""

    def __init__(
        self, secret: SecretStr, setting: str, *, header: str = "Authorization", prefix: str = "Bearer "
    ) -> None:
        """`setting` is named in the ConfigurationError raised when the secret cannot be a header's value."""
        bare = SecretStr(secret.get_secret_value().strip())
        if (
            not bare.get_secret_value()
            or not bare.get_secret_value().isascii()
            or not bare.get_secret_value().isprintable()
        ):
            raise ConfigurationError(
                f"The value of {setting} is empty or has characters that no token has.",
                f"Set {setting} to the token alone.",
            )
        self.header_names = (header,)
        self._prefix = prefix
        self._secret = bare

    def attach(self, headers: MutableMapping[str, str]) -> None:
        headers[self.header_names[0]] = self._prefix + self._secret.get_secret_value()

    def hide(self, text: str) -> str:
        return hide_secrets(text, self._secret)

    def __repr__(self) -> str:
        return f"HeaderCredential({self.header_names[0]}: {self._prefix}{HIDDEN})"


class BasicCredential:
    """A client's id and secret, for a token endpoint that wants them in a header. `others` travel in bodies; they are hidden too."""

    header_names: tuple[str, ...] = ("Authorization",)

    def __init__(self, client_id: str, client_secret: SecretStr, *others: SecretStr) -> None:
        pair = f"{client_id.strip()}:{client_secret.get_secret_value().strip()}"
        self._pair = SecretStr(base64.b64encode(pair.encode()).decode())
        self._secrets = (self._pair, client_secret, *others)

    def attach(self, headers: MutableMapping[str, str]) -> None:
        headers["Authorization"] = f"Basic {self._pair.get_secret_value()}"

    def hide(self, text: str) -> str:
        return hide_secrets(text, *self._secrets)

    def __repr__(self) -> str:
        return f"BasicCredential(Authorization: Basic {HIDDEN})"


def hide_secrets(text: str, *secrets: SecretStr) -> str:
    """`text` without the secrets: plain, percent-encoded, base64, and as Python or JSON would print them."""
    for secret in secrets:
        plain = secret.get_secret_value()
        if not plain:
            continue
        shapes = {
            plain,
            quote(plain, safe=""),
            quote(plain),
            repr(plain)[1:-1],
            base64.b64encode(plain.encode()).decode(),
        }
        for shape in sorted(shapes, key=len, reverse=True):
            text = text.replace(shape, HIDDEN)
    return text
