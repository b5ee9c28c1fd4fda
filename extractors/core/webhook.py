"""One message to an address of the user's own, such as Slack's incoming webhook. The address itself is the secret: no error quotes it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr

from extractors.core.errors import ConfigurationError, TransientError

_SECONDS = 10


def post_message(url: SecretStr, body: dict[str, Any], setting: str) -> None:
    """Posts `body` as JSON, once; what is answered is not read. `setting` is named where the address is wrong.

    Raises ConfigurationError (no address) and TransientError (not delivered).
    """
    address = urlsplit(url.get_secret_value())
    if address.scheme not in ("https", "http") or not address.hostname:
        raise ConfigurationError(f"{setting} is no address.", "It begins with https://.")
    with requests.Session() as session, _unlogged():
        session.trust_env = False  # neither a proxy nor a netrc of this machine gets to see it
        try:
            answer = session.post(
                url.get_secret_value(), json=body, timeout=_SECONDS, allow_redirects=False, stream=True
            )
        except (requests.RequestException, OSError) as error:
            raise TransientError(f"The address of {setting} could not be reached ({type(error).__name__}).") from None
    if not 200 <= answer.status_code < 300:
        raise TransientError(f"The address of {setting} answered {answer.status_code}.")


@contextmanager
def _unlogged() -> Iterator[None]:
    """Without the line of each request that urllib3 writes at debug level: it tells the path, and here the path is the secret."""
    mine = threading.get_ident()
    wire = logging.getLogger("urllib3.connectionpool")

    def is_another_s(record: logging.LogRecord) -> bool:
        return record.thread != mine

    wire.addFilter(is_another_s)
    try:
        yield
    finally:
        wire.removeFilter(is_another_s)
