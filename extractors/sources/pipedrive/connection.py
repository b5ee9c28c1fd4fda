"""The way to one Pipedrive account: client, tokens of the day, refusals in plain words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from extractors.core.allowance import Bucket
from extractors.core.auth import Credential, HeaderCredential
from extractors.core.client import Client
from extractors.core.clock import Clock
from extractors.core.errors import ConfigurationError, TransientError, WatertightError
from extractors.core.meter import Meter, quota_of
from extractors.core.settings import Settings
from extractors.core.tokens import Session
from extractors.sources.pipedrive.answers import Myself, Object
from extractors.sources.pipedrive.tokens import REFRESH_SETTING, URL_SETTING, TokenSource

if TYPE_CHECKING:
    from extractors.core.run import Extraction

TOKEN_SETTING = "PIPEDRIVE_API_TOKEN"  # noqa: S105 - a name, no secret
V2, V1 = "/api/v2", "/v1"
#: what an answer says of the day's tokens: undocumented, and sent with every answer
_LIMIT, _LEFT = "x-daily-ratelimit-token-limit", "x-daily-ratelimit-token-remaining"


class TokensSpentError(TransientError):
    """The day's tokens are used up: nothing but tomorrow helps."""


class MissingError(ConfigurationError):
    """404: no such address, or an object that is gone."""


class PlanError(WatertightError):
    """402: the account's plan does not include this."""


class Tokens:
    """The day's tokens of the whole company, as the last answer told them; None until one did."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.left: int | None = None
        self._reserved = 0
        self._answered = threading.Condition()

    def see(self, headers: Mapping[str, str]) -> tuple[int, float] | None:
        """Notes the tokens; returns what the answer says of the burst limit: (requests left, seconds until there are more)."""
        with self._answered:
            self.limit = _number(headers.get(_LIMIT), self.limit)
            said = _number(headers.get(_LEFT), self.left)
            # Of several answers on their way the last to arrive need not be the last that was given.
            is_alone = self.left is None or said is None or not self._reserved
            self.left = said if is_alone else min(said or 0, self.left or 0)
        left, reset = (
            _number(headers.get("x-ratelimit-remaining"), None),
            _number(headers.get("x-ratelimit-reset"), None),
        )
        return None if left is None or reset is None else (left, float(reset))

    def reserve(self, cost: int, kept_percent: int) -> bool:
        """Sets `cost` tokens aside if `kept_percent` of the day's stay for others then; whoever gets them gives them back by `settle`.

        What is under way counts as spent: its answer will say so. Where that alone makes the tokens too few, the answers are waited
        for, so that neither a token too many is spent nor one too few.
        """
        with self._answered:
            while not self._can_spend(self._reserved + cost, kept_percent):
                if not self._reserved:
                    return False
                self._answered.wait()
            self._reserved += cost
            return True

    def settle(self, cost: int) -> None:
        """The request that these tokens were set aside for has been answered, or has failed."""
        with self._answered:
            self._reserved -= cost
            self._answered.notify_all()

    @contextmanager
    def spending(self, cost: int, kept_percent: int, is_reserved: bool = False) -> Iterator[None]:
        """Around one request of that cost; reserves it first, unless that was done. Raises TokensSpentError where it cannot be."""
        if not is_reserved and not self.reserve(cost, kept_percent):
            raise TokensSpentError(
                f"Pipedrive's tokens for today are used up but for the {kept_percent} per cent that are left to others.",
                "The next night goes on.",
            )
        try:
            yield
        finally:
            self.settle(cost)

    def settle_all(self) -> None:
        """Nothing is under way any more; what was set aside and never asked for is free again."""
        with self._answered:
            self._reserved = 0

    def _can_spend(self, cost: int, kept_percent: int) -> bool:
        if self.left is None:
            return True
        return self.left - cost >= -(-(self.limit or 0) * kept_percent // 100)


def _number(text: str | None, otherwise: int | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else otherwise


class PipedriveConnection:
    """One account for one run."""

    def __init__(self, client: Client, tokens: Tokens) -> None:
        self.client = client
        self.tokens = tokens
        #: pipelines, stages and small lists as this run has read them, by path
        self.places: dict[str, list[Object]] = {}
        me = client.get(f"{V1}/users/me", Myself).data
        self.account = me.company_domain or str(me.company_id)

    def now(self) -> datetime:
        return self.client.now()


#: tokens for a call to a path, the first that fits; Pipedrive's specification states them for every operation
_PRICES = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        (r"/v1/users/me$", 2),
        (r"/v2/(pipelines|stages)$", 5),
        (r"/v1/leads/archived$", 40),
        (r"/v1/deals/summary$", 40),
        (r"/v1/deals/summary/archived$", 80),
        (r"/v1/pipelines/\d+/\w+_statistics$", 40),
        (r"/v2/deals/archived$", 20),
    )
)


def tokens_of(path: str) -> int:
    """What a call to this path costs."""
    return next((tokens for pattern, tokens in _PRICES if pattern.search(path)), 20 if path.startswith(V1) else 10)


def connection_of(extraction: Extraction) -> PipedriveConnection:
    """The extraction's connection as what it is."""
    return cast(PipedriveConnection, extraction.connection)


def stamp(instant: datetime) -> str:
    """An instant as Pipedrive takes it: whole seconds (it refuses fractions), rounded down, UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connect(settings: Settings) -> PipedriveConnection:
    """Checks the settings, builds the client, learns the account and Pipedrive's now. Raises ConfigurationError."""
    if settings.pipedrive_refresh_token:
        session = Session(settings.pipedrive_refresh_token)
        source = TokenSource(settings, session, settings.pipedrive_refresh_token)
        # One clock for both servers: a token that is granted by one ends at the other.
        session.open(source.ask, source.client.clock)
        return _connection(settings, source.api_url, session, REFRESH_SETTING, source.client.clock)
    if not settings.pipedrive_token:
        raise ConfigurationError("Pipedrive has no token.", f"Set {TOKEN_SETTING} to an API token of your account.")
    credential = HeaderCredential(settings.pipedrive_token, TOKEN_SETTING, header="x-api-token", prefix="")
    return _connection(settings, settings.pipedrive_url, credential, TOKEN_SETTING)


def _connection(
    settings: Settings, url: str, credential: Credential, setting: str, clock: Clock | None = None
) -> PipedriveConnection:
    tokens = Tokens()
    client = Client(
        "Pipedrive",
        url,
        url_setting=URL_SETTING,
        credential=credential,
        credential_setting=setting,
        # Below the smallest plan's limit, 20 in two seconds. The day's tokens are what matters.
        buckets=(Bucket("general", 18, 2.0, remaining=tokens.see),),
        budget_seconds=settings.extract_budget_seconds,
        simulated_time=settings.simulated_time,
        clock=clock,
        explain=explain(tokens, setting),
        meter=Meter(
            lambda _method, path: {"calls": 1, "tokens": tokens_of(path)}, quota_of("tokens a day", _LIMIT, _LEFT)
        ),
    )
    return PipedriveConnection(client, tokens)


def explain(tokens: Tokens, setting: str = TOKEN_SETTING) -> Callable[[int, bytes], WatertightError | None]:
    """Pipedrive's reasons in plain words; None where the client's general words do."""

    def reason(status: int, _body: bytes) -> WatertightError | None:
        if status == 401:
            return ConfigurationError(
                "Pipedrive refused the token (401): it is wrong, or its user was deactivated.",
                f"Copy the API token from Pipedrive (Personal preferences > API) and set {TOKEN_SETTING} to it."
                if setting == TOKEN_SETTING
                else f"Authorize the app again and set {setting} to its refresh token.",
            )
        if status == 402:
            return PlanError(
                "Pipedrive's plan of this account does not include what was asked for (402).", "Ask Pipedrive."
            )
        if status == 404:
            return MissingError(
                "Pipedrive does not know an address or object it was asked for (404).",
                "Check WATERTIGHT_PIPEDRIVE_URL.",
            )
        # With tokens left it was too many requests at once, and waiting helps.
        if status == 429 and tokens.left is not None and tokens.left <= 0:
            return TokensSpentError(
                f"Pipedrive's tokens for today are used up (429; {tokens.limit or 'an unknown number of'} a day for the whole company).",
                "Start again after midnight; nothing is lost.",
            )
        return None

    return reason
