"""The HTTP client: complete answers from the source's own origin, or one plain error.

A call returns a decoded answer that is known to be whole, or raises: TransientError once the retries or the budget are used
up, IntegrityError when what arrives is never what was announced, ConfigurationError for what a person must mend. No exception, log
line or address carries the credential.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import requests
import urllib3

from extractors.core.allowance import Allowance, Bucket
from extractors.core.answers import KeptAnswers, digest
from extractors.core.auth import Credential
from extractors.core.body import (
    MAX_BODY_BYTES,
    READ_BYTES,
    BrokenAnswerError,
    OversizedAnswerError,
    read_body,
)
from extractors.core.clock import Clock, RealClock, SimulatedClock
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError, WatertightError
from extractors.core.failures import causes, holds, message_in, retry_after, strerror
from extractors.core.meter import Meter
from extractors.core.origin import declared_origin, split_origin
from extractors.core.reading import Document, Reading, as_document, as_json
from extractors.core.tokens import Session
from extractors.core.transport import Deadline, DeadlineError, ForbiddenAddressError, Transport

log = logging.getLogger(__name__)
T = TypeVar("T")

#: statuses that say "later", whoever sends them
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_USER_AGENT = "watertight/0.1"


@dataclass(frozen=True)
class Retry:
    """How often and how long. Seconds, in the client's clock.

    `attempts` per call (`first_attempts` until the source has answered at all: a wrong address should be said soon), waits doubling from
    `first_wait` with jitter, none above `longest_wait` whatever the source asks for, none beyond `call_seconds` in all.
    """

    attempts: int = 8
    first_attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 60.0
    call_seconds: float = 600.0


@dataclass(frozen=True)
class Limits:
    """Real seconds for connecting, between two reads, and for a whole answer; bytes of a decoded body."""

    connect: float = 10.0
    read: float = 60.0
    answer: float = 300.0
    body_bytes: int = MAX_BODY_BYTES


class _Again(Exception):
    """This attempt failed in a way that another may not. `last` is raised when there is no other."""

    def __init__(self, last: WatertightError, wait: float | None = None) -> None:
        super().__init__(str(last))
        self.last = last
        self.wait = wait


class _SessionEnded(Exception):
    """The source refused the session's token. `last` is raised when a fresh one is refused too."""

    def __init__(self, last: Exception) -> None:
        super().__init__(str(last))
        self.last = last


class Client:
    """One source's HTTP client; threads may share it. `requests` counts what was sent, retries included.

    `kept`, while it is set, gives the answers that an earlier try received already, and keeps the new ones.
    """

    def __init__(
        self,
        title: str,
        url: str,
        *,
        url_setting: str,
        credential: Credential,
        credential_setting: str,
        buckets: Sequence[Bucket],
        budget_seconds: float,
        simulated_time: bool = False,
        clock: Clock | None = None,
        also_retried: frozenset[int] = frozenset(),
        explain: Callable[[int, bytes], WatertightError | None] | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`url` is checked as `declared_origin` says; its path becomes the prefix of every path asked for.

        The first bucket is the one that requests count in unless they name another. `explain` may turn a refusing status and the
        beginning of its body into a better error than the general one. `clock` replaces the one that `simulated_time` chooses.
        `meter` counts what requests cost in the vendor's units.
        """
        self.title = title
        self.requests = 0
        self.kept: KeptAnswers | None = None
        self.meter = meter or Meter()
        self._counting = threading.Lock()
        self._origin, self._prefix = declared_origin(url, url_setting)
        self._url_setting = url_setting
        self.credential = credential
        self._credential_setting = credential_setting
        self._explain = explain
        self._retried = RETRIED | also_retried
        self._retry = retry or Retry()
        self._limits = limits or Limits()
        if simulated_time and not self._origin.is_loopback:
            raise ConfigurationError(
                f"WATERTIGHT_SIMULATED_TIME is set, but {title} at {self._origin} is no simulator on this machine.",
                "Unset WATERTIGHT_SIMULATED_TIME.",
            )
        self.clock: Clock = clock or (SimulatedClock(self._pass_simulated_time) if simulated_time else RealClock())
        self._allowances = {bucket.name: Allowance(bucket, self.clock) for bucket in buckets}
        self._first_bucket = buckets[0].name
        self._budget_seconds = budget_seconds
        self._started = self.clock.monotonic()
        self._has_answered = False
        self._deadline = Deadline(self._limits.read)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers.update(
            {"User-Agent": _USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
        )
        self._session.adapters.clear()
        self._session.mount(str(self._origin), Transport(self._origin, self._deadline))

    def __repr__(self) -> str:
        return f"Client({self.title} at {self._origin})"

    def begin(self) -> None:
        """Another resource is read over the same connection: its requests, its time and its kept answers are its own."""
        self.requests = 0
        self.meter.begin()
        self.kept = None
        self._started = self.clock.monotonic()

    def now(self) -> datetime:
        """The source's own clock, UTC; known after its first answer."""
        return self.clock.now()

    def get(
        self,
        target: str,
        answer: type[T],
        params: Mapping[str, str] | None = None,
        bucket: str | None = None,
        is_kept: bool = True,
    ) -> T:
        """Asks for a path, or for an absolute link that the source gave; decodes the answer into `answer` (a msgspec type).

        `is_kept` False: a try that goes on where this one stopped asks again, since a person may have mended what it says.
        """
        reading = as_json(answer)
        request = self._prepare("GET", target, params)
        return self._call(request, reading if is_kept else replace(reading, keep=None), bucket)

    def post(self, target: str, answer: type[T], body: Any, bucket: str | None = None) -> T:
        """Posts `body` as JSON; for calls that read only, since they are repeated when the answer is lost."""
        data = msgspec.json.encode(body)
        request = self._prepare("POST", target, None, data, {"Content-Type": "application/json"})
        return self._call(request, as_json(answer), bucket)

    def post_form(self, target: str, answer: type[T], form: Mapping[str, str], bucket: str | None = None) -> T:
        """Posts `form` as a browser would; for the calls that ask for a token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = self._prepare("POST", target, None, urlencode(form).encode(), headers)
        # An answer with a token is no answer to be written down, and no session is needed to open one.
        return self._call(request, replace(as_json(answer), keep=None), bucket, in_session=False)

    def download(
        self,
        target: str,
        media_type: str,
        headers: tuple[str, ...],
        params: Mapping[str, str],
        bucket: str | None = None,
    ) -> Document:
        """Asks for something that is not JSON (`text/csv`), refuses any other type, and gives the named headers with it."""
        request = self._prepare("GET", target, params, None, {"Accept": media_type})
        return self._call(request, as_document(media_type, headers), bucket)

    def _call(
        self, request: requests.PreparedRequest, reading: Reading[T], bucket: str | None, in_session: bool = True
    ) -> T:
        path = request.path_url.partition("?")[0]
        question = digest(
            str(request.method), request.path_url, request.body if isinstance(request.body, bytes) else None
        )
        known = self.kept.recall(question) if self.kept and reading.keep else None
        if known is not None:
            # A program that has learned to expect more since then asks again.
            with suppress(BrokenAnswerError):
                return reading.recall(known, f"{self.title} {path}")
        allowance = self._allowances[bucket or self._first_bucket]
        session = self.credential if in_session and isinstance(self.credential, Session) else None
        is_renewed = False
        began = self.clock.monotonic()
        attempt = 0
        while True:
            attempt += 1
            allowance.wait()
            self._check_budget(path)
            token = session.keep_open() if session else 0
            try:
                return self._attempt(request, path, question, reading, allowance, in_session)
            except _SessionEnded as ended:
                if session is None or not token or is_renewed:
                    raise ended.last from None
                is_renewed = True
                session.renew(token)
            except _Again as again:
                most = self._retry.attempts if self._has_answered else self._retry.first_attempts
                wait = self._wait_before(attempt, again.wait)
                spent = self.clock.monotonic() - began
                if attempt >= most or spent + wait > self._retry.call_seconds:
                    raise again.last from None
                log.log(
                    logging.INFO if wait > 2 else logging.DEBUG,
                    "%s (attempt %d of %d, again in %.1f s)", again.last.wrong, attempt, most, wait,
                )  # fmt: skip
                self.clock.sleep(wait)

    def _prepare(
        self,
        method: str,
        target: str,
        params: Mapping[str, str] | None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.PreparedRequest:
        """The request without a credential, its address checked as it will be sent."""
        url = self._origin.address_of(self._prefix + target if target.startswith("/") else target)
        if params:
            # A comma may stand as it is; lists of hundreds of names are full of them.
            url += ("&" if "?" in url else "?") + urlencode(params, safe=",")
        # As it stands: requests would take the address apart and put it together again, letter by letter, twice.
        self._origin.address_of(url)
        request = requests.PreparedRequest()
        request.method, request.url = method, url
        request.prepare_headers({**self._session.headers, **(headers or {})})
        request.prepare_body(data, None)
        return request

    def _attempt(
        self,
        request: requests.PreparedRequest,
        path: str,
        question: bytes,
        reading: Reading[T],
        allowance: Allowance,
        in_session: bool,
    ) -> T:
        began = time.monotonic()
        self._deadline.at = began + self._limits.answer
        response = self._send(request, path, in_session)
        try:
            self.clock.see(response.headers)
            self.meter.answered(response.headers)
            self._has_answered = True
            allowance.see(response.headers)
            status = response.status_code
            if 300 <= status < 400:
                raise self._redirected(response)
            body = read_body(response, self._limits.body_bytes)
            content, seconds = body.content, time.monotonic() - began
            log.debug("%s %s %d, %d bytes, %.3f s", request.method, path, status, len(content), seconds)
            if status >= 400 or status < 200:
                refused = self._refused(status, response.headers, content, path)
                raise _SessionEnded(refused) if status == 401 and in_session else refused
            value = reading.decode(response.headers, content, f"{self.title} {path}")
            if self.kept and reading.keep:
                kept = reading.keep(response.headers, content)
                # What is kept as it was told need not be packed again.
                self.kept.keep(question, kept, body.gzipped if kept is content else None)
            return value
        except OversizedAnswerError as error:
            mend = "Nothing of it was kept. Look at that resource in the source: some record is enormous."
            raise IntegrityError(f"{self.title}'s answer for {path} {error}.", mend) from None
        except BrokenAnswerError as error:
            wrong = self.credential.hide(f"{self.title}'s answer for {path} {error}.")
            last = IntegrityError(wrong, "Nothing of it was kept; start again later.")
            raise (_Again(last) if error.may_pass else last) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unsent(error, path) from None
        finally:
            # After a whole answer the connection is free for the next request; after anything else it is of no use.
            if not response.raw.closed:
                response.close()
            self._deadline.at = float("inf")

    def _send(self, request: requests.PreparedRequest, path: str, in_session: bool) -> requests.Response:
        with self._counting:
            self.requests += 1
        self.meter.sent(str(request.method), path)
        adapter = self._session.get_adapter(str(request.url))
        assert request.headers is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
        if in_session or not isinstance(self.credential, Session):
            self.credential.attach(request.headers)
        try:
            return adapter.send(request, stream=True, timeout=(self._limits.connect, self._limits.read), verify=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unsent(error, path) from None
        finally:
            for name in self.credential.header_names:
                request.headers.pop(name, None)

    def _unsent(self, error: Exception, path: str) -> Exception:
        """What to raise when no answer, or not all of one, came back."""
        wrapped = causes(error)
        where = f"{self.title} ({self._origin})"
        for cause in wrapped:
            if isinstance(cause, ForbiddenAddressError):
                return ConfigurationError(
                    f"{where} was not asked: {cause}.", f"Check {self._url_setting} and the name server."
                )
            if isinstance(cause, ssl.SSLCertVerificationError):
                return ConfigurationError(
                    f"The certificate of {where} cannot be trusted: {cause.verify_message}.",
                    f"Check {self._url_setting}; whoever runs that server must mend its certificate.",
                )
        # From the particular to the general: several of these are kinds of each other.
        silent = (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout)
        if holds(wrapped, urllib3.exceptions.NameResolutionError):
            wrong = f"The name of {where} cannot be resolved."
        elif holds(wrapped, DeadlineError):
            wrong = f"{where} did not finish its answer for {path} within {self._limits.answer:g} s."
        elif holds(wrapped, urllib3.exceptions.NewConnectionError):
            wrong = f"{where} cannot be reached: {strerror(wrapped)}."
        elif holds(wrapped, requests.ConnectTimeout):
            wrong = f"{where} did not accept a connection within {self._limits.connect:g} s."
        elif holds(wrapped, *silent):
            wrong = f"{where} stayed silent for {self._limits.read:g} s while answering {path}."
        else:
            wrong = f"The connection to {where} broke while it answered {path}: {strerror(wrapped)}."
        return _Again(
            TransientError(self.credential.hide(wrong), f"Check the network and {self._url_setting}, then start again.")
        )

    def _redirected(self, response: requests.Response) -> WatertightError:
        origin, _ = split_origin(response.headers.get("Location", ""))
        target = (
            "another path of its own" if origin == self._origin else str(origin or "an address that cannot be read")
        )
        return ConfigurationError(
            f"{self.title} ({self._origin}) answered with a redirect to {target}, which is not followed.",
            f"Check {self._url_setting}.",
        )

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes, path: str) -> Exception:
        explained = self._explain(status, body) if self._explain else None
        if explained is not None:
            return type(explained)(self.credential.hide(explained.wrong), explained.mend)
        said = self.credential.hide(message_in(body))
        tail = f": {said}" if said else ""
        if status in self._retried:
            error = TransientError(f"{self.title} answered {status} for {path}{tail}.", "Start again later.")
            return _Again(error, retry_after(headers, self.clock.now()))
        if status == 401:
            return ConfigurationError(
                f"{self.title} refused the credential (401){tail}.", f"Set {self._credential_setting} to a valid one."
            )
        if status == 403:
            return ConfigurationError(
                f"{self.title} does not let this credential read {path} (403){tail}.",
                f"Give it the missing permission, or set {self._credential_setting} to one that has it.",
            )
        if status == 404:
            return ConfigurationError(f"{self.title} does not know {path} (404){tail}.", f"Check {self._url_setting}.")
        return WatertightError(
            f"{self.title} answered {status} for {path}{tail}.", "The request cannot succeed as it is."
        )

    def _wait_before(self, attempt: int, asked: float | None) -> float:
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - it spreads retries, no secret depends on it
        if asked is not None:
            return min(max(asked, 0.0) + jitter, self._retry.longest_wait)
        return min(self._retry.first_wait * 2.0 ** (attempt - 1), self._retry.longest_wait) * jitter

    def _check_budget(self, path: str) -> None:
        spent = self.clock.monotonic() - self._started
        if spent > self._budget_seconds:
            raise TransientError(
                f"{self.title}: {path} was not asked for, since the {self._budget_seconds:g} s for this resource are used up.",
                "Start again later, or raise WATERTIGHT_EXTRACT_BUDGET_SECONDS.",
            )

    def _pass_simulated_time(self, seconds: float) -> None:
        request = self._session.prepare_request(
            requests.Request("POST", f"{self._origin}/_simulator/sleep", json={"seconds": seconds})
        )
        self._deadline.at = time.monotonic() + self._limits.answer
        try:
            adapter = self._session.get_adapter(str(request.url))
            response = adapter.send(
                request, stream=True, timeout=(self._limits.connect, self._limits.read), verify=True
            )
            # Read, so that the connection can be used again.
            response.raw.read(READ_BYTES, decode_content=False)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            # The simulator is gone; the request that follows will say so.
            time.sleep(0.05)
            return
        finally:
            self._deadline.at = float("inf")
        self.clock.see(response.headers)
