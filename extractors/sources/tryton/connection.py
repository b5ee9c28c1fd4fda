"""One logged-in session with a Tryton server, and the few calls that the resources need."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import HeaderCredential, NoCredential
from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.pagination import KeysetPages
from extractors.core.run import Extraction
from extractors.core.settings import Settings

#: records asked for at a time
PAGE = 1000
#: Tryton sets no limit of its own; this one keeps the load from being felt by those who work with it
_BUCKET = Bucket("calls", 100, 1.0)
Domain = list[Any]


#: what reading a value of another kind than is due raises
_OTHER_SHAPE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _Answer(msgspec.Struct):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _SessionEndedError(WatertightError):
    """The server no longer knows the session; a new log-in may mend that."""


class TrytonConnection:
    """Raises ConfigurationError for a wrong address, database, user or password."""

    def __init__(self, settings: Settings) -> None:
        if not settings.tryton_url:
            raise ConfigurationError("The source tryton is not set up.", "Set TRYTON_URL to load Tryton.")
        if not settings.tryton_password or not settings.tryton_password.get_secret_value():
            raise ConfigurationError("TRYTON_URL is set, TRYTON_PASSWORD is not.", "Set TRYTON_PASSWORD.")
        self.account = settings.tryton_database
        self._user = settings.tryton_user
        self._password = settings.tryton_password
        self._path = f"/{quote(self.account, safe='')}/rpc/"
        self._is_logging_in = False
        self.client = Client(
            "Tryton",
            settings.tryton_url,
            url_setting="TRYTON_URL",
            credential=NoCredential(self._password),
            credential_setting="TRYTON_PASSWORD",
            buckets=(_BUCKET,),
            budget_seconds=settings.extract_budget_seconds,
            explain=self._explain,
        )
        self._context: dict[str, Any] = {}
        self._log_in()
        preferences = self.call("res.user", "get_preferences", True)
        #: what the user may see: all of his companies, and records that were put out of use too
        if not isinstance(preferences, dict):
            raise IntegrityError("Tryton did not say what this user may see.", "Check TRYTON_URL.")
        self._context = {
            "company": preferences.get("company"),
            "companies": preferences.get("companies", []),
            "company_filter": "all",
            "active_test": False,
        }

    def now(self) -> Any:
        """The server's clock, from its last answer."""
        return self.client.now()

    def call(self, model: str, method: str, *arguments: Any, context: dict[str, Any] | None = None) -> Any:
        """The decoded, still wrapped result of a method of a model. An ended session is opened again, once."""
        parameters = [*arguments, {**self._context, **(context or {})}]
        try:
            return self._ask(f"model.{model}.{method}", parameters)
        except _SessionEndedError:
            self._log_in()
        try:
            return self._ask(f"model.{model}.{method}", parameters)
        except _SessionEndedError:
            raise ConfigurationError(
                "Tryton ends every session as soon as it is opened.", "Check the server's settings for sessions."
            ) from None

    def pages(
        self, extraction: Extraction, model: str, domain: Domain, fields: list[str], size: int = PAGE
    ) -> Iterator[list[dict[str, Any]]]:
        """Records by ascending id, page by page. Pages start behind the last id: nothing can shift under the reader."""
        guard = KeysetPages(model, size)
        start: int | None = 0
        while start is not None:
            rows = self.call(
                model, "search_read", [["id", ">=", start], domain], 0, size, [["id", "ASC"]], fields
            )  # fmt: skip
            ids = [row["id"] for row in rows]
            if rows:
                extraction.page_read()
                yield rows
            # Tryton does not say how many are left; a full page may be followed by another.
            start = guard.follow(ids, len(ids) + (len(ids) == size))

    def id_pages(self, extraction: Extraction, model: str, domain: Domain, size: int = PAGE) -> Iterator[list[int]]:
        """Ids alone, likewise."""
        guard = KeysetPages(model, size)
        start: int | None = 0
        while start is not None:
            ids = self.call(model, "search", [["id", ">=", start], domain], 0, size, [["id", "ASC"]])
            if ids:
                extraction.page_read()
                yield ids
            start = guard.follow(ids, len(ids) + (len(ids) == size))

    def _log_in(self) -> None:
        self._is_logging_in = True
        self.client.credential = NoCredential(self._password)
        try:
            session = self._ask("common.db.login", [self._user, {"password": self._password.get_secret_value()}, "en"])
        finally:
            self._is_logging_in = False
        try:
            user, token = int(session[0]), str(session[1])
        except (TypeError, ValueError, IndexError, KeyError):
            raise IntegrityError("Tryton's answer to the log-in is not a session.", "Check TRYTON_URL.") from None
        secret = base64.b64encode(f"{self._user}:{user}:{token}".encode()).decode()
        self.client.credential = HeaderCredential(SecretStr(secret), "TRYTON_PASSWORD", prefix="Session ")

    def _ask(self, method: str, parameters: list[Any]) -> Any:
        answer = self.client.post(self._path, _Answer, {"id": 0, "method": method, "params": parameters})
        if answer.error is not msgspec.UNSET:
            raise WatertightError(
                self.client.credential.hide(f"Tryton refused {method}: {_said(answer.error)}."),
                f"Check that the user {self._user} may read it and that the module sale_opportunity is active.",
            )
        if answer.result is msgspec.UNSET:
            raise IntegrityError(
                f"Tryton's answer to {method} holds neither a result nor an error.", "Start again later."
            )
        return msgspec.json.decode(answer.result)

    def _explain(self, status: int, body: bytes) -> WatertightError | None:
        if status == 401 and self._is_logging_in:
            return ConfigurationError(
                f"Tryton does not let the user {self._user} in.", "Check TRYTON_USER and TRYTON_PASSWORD."
            )
        if status == 401:
            return _SessionEndedError("Tryton ended the session.")
        if status == 404:
            return ConfigurationError(
                f"Tryton has no database {self.account!r}.", "Check TRYTON_DATABASE and TRYTON_URL."
            )
        return None


def understood(extract: Callable[[Extraction], None]) -> Callable[[Extraction], None]:
    """The extract function, an answer of another shape than Tryton's said in one sentence. Its answers are read without a schema."""

    def extract_understood(extraction: Extraction) -> None:
        try:
            extract(extraction)
        except _OTHER_SHAPE as error:
            raise IntegrityError(
                f"Tryton answered something in {extraction.resource.name} that cannot be understood ({type(error).__name__}).",
                "Nothing of it was kept. Look at that record in Tryton, and start again.",
            ) from error

    return extract_understood


def connection_of(extraction: Extraction) -> TrytonConnection:
    connection = extraction.connection
    assert isinstance(connection, TrytonConnection)  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    return connection


def _said(error: msgspec.Raw) -> str:
    """The texts in an error's list, in one short line; a server's traceback is left out."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str) and value and "Traceback" not in value:
            found.append(" ".join(value.split()))
        elif isinstance(value, list):
            for one in value:
                collect(one)

    collect(msgspec.json.decode(error))
    return "; ".join(found)[:200] or "no reason given"
