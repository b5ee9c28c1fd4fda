"""Alerts: one short message to whoever looks after the night, by Slack, e-mail or a webhook of their own.

An address is a secret: whoever has it can write there. It is shown nowhere, and nothing of an answer is either. An alert that cannot be
sent never changes how a night ends; it is written into the log.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from extractors.core.errors import ConfigurationError, WatertightError
from extractors.core.settings import Settings
from extractors.core.webhook import post_message
from warehouse.gates import UnlikelyLandingError

log = logging.getLogger(__name__)

Kind = Literal["load_failed", "tests_failed", "sudden_change", "late_data", "night_failed"]

_TITLES: dict[Kind, str] = {
    "load_failed": "The CRM could not be loaded",
    "tests_failed": "The data tests stopped the night",
    "sudden_change": "A source suddenly says something else",
    "late_data": "The data are late",
    "night_failed": "The night failed",
}
_STEPS: dict[str, Kind] = {"extract": "load_failed", "load": "load_failed", "build": "tests_failed", "verify": "tests_failed"}  # fmt: skip
_SECONDS = 10
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Alert:
    """What is wrong and what to do, in a sentence each; `subject` is what it is about (a run, or a source and how far it reaches)."""

    kind: Kind
    wrong: str
    mend: str
    subject: str

    @property
    def title(self) -> str:
        return f"Watertight: {_TITLES[self.kind]}"

    @property
    def text(self) -> str:
        return f"{self.wrong} {self.mend}".strip()


def failure_of(step: str, error: BaseException, run_id: str) -> Alert:
    """The alert for a step of a night (`extract`, `load`, `build`, …) that an error ended."""
    kind: Kind = "sudden_change" if isinstance(error, UnlikelyLandingError) else _STEPS.get(step, "night_failed")
    if isinstance(error, WatertightError):
        return Alert(kind, error.wrong, error.mend or "The old publication stays.", run_id)
    return Alert(kind, f"{step} ended with {type(error).__name__}.", "The old publication stays; the log tells the rest.", run_id)  # fmt: skip


def late_sources(found: dict[str, Any], late_hours: int, zone: ZoneInfo) -> list[Alert]:
    """An alert for each source of `watertight.status.read` whose data end longer ago than that (hours), and for a warehouse never loaded."""
    if not found["sources"] and not found["is_demonstration"]:
        return [Alert("late_data", "Nothing was loaded yet.", "Run a night: watertight nightly.", f"nothing on {datetime.now(zone):%Y-%m-%d}")]  # fmt: skip
    return [
        Alert(
            "late_data",
            f"{source['title']} ({source['account']}) reaches to {source['data_through']}, {source['hours_old']:.0f} hours ago.",
            "Look at the last night: watertight status.",
            f"{source['source']} {source['account']} {source['data_through']}",
        )
        for source in found["sources"]
        if source["hours_old"] is not None and source["hours_old"] > late_hours
    ]


def send(settings: Settings, alert: Alert) -> list[str]:
    """Sends it by every way that is set up, once for a kind and subject; returns the ways that worked. Raises nothing."""
    before = _sent(settings)
    mark = f"{alert.kind} {alert.subject}"
    if mark in before:
        return []
    worked = []
    for way, deliver in _ways(settings):
        try:
            deliver(alert)
            worked.append(way)
        except (smtplib.SMTPException, OSError, WatertightError) as error:
            # Errors of these libraries quote the address.
            said = error.wrong if isinstance(error, WatertightError) else type(error).__name__
            log.error("The alert could not be sent by %s: %s", way, said)
    if worked:
        _remember(settings, [*before, mark])
    return worked


def _ways(settings: Settings) -> Sequence[tuple[str, Callable[[Alert], None]]]:
    found: list[tuple[str, Callable[[Alert], None]]] = []
    slack, hook = settings.alert_slack_url, settings.alert_webhook_url
    if slack:
        found.append(("Slack", lambda alert: post_message(slack, _for_slack(alert), "WATERTIGHT_ALERT_SLACK_URL")))
    if hook:
        found.append(("webhook", lambda alert: post_message(hook, _for_program(alert), "WATERTIGHT_ALERT_WEBHOOK_URL")))
    if settings.alert_email_to:
        found.append(("e-mail", lambda alert: _mail(settings, alert)))
    return found


def _for_slack(alert: Alert) -> dict[str, Any]:
    """Slack takes `<…>` and `&` for its own signs: a deal's name must not call the whole channel."""
    text = alert.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": f"*{alert.title}*\n{text}"}


def _for_program(alert: Alert) -> dict[str, Any]:
    return {**asdict(alert), "title": alert.title, "at": datetime.now(UTC).isoformat()}


def _mail(settings: Settings, alert: Alert) -> None:
    if settings.smtp_url is None:
        raise ConfigurationError(
            "WATERTIGHT_SMTP_URL is not set.", "It is smtp://user:password@host:587, or smtps://…."
        )
    server = urlsplit(settings.smtp_url.get_secret_value())
    if server.scheme not in ("smtp", "smtps") or not server.hostname:
        raise ConfigurationError(
            "WATERTIGHT_SMTP_URL is no address.", "It is smtp://user:password@host:587, or smtps://…."
        )
    message = EmailMessage()
    message["Subject"] = alert.title
    message["From"] = settings.alert_email_from or settings.alert_email_to[0]
    message["To"] = ", ".join(settings.alert_email_to)
    message.set_content(f"{alert.wrong}\n\n{alert.mend}\n\n{alert.subject}\n")
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.scheme == "smtps":
        connection = smtplib.SMTP_SSL(server.hostname, server.port or 465, timeout=_SECONDS, context=context)
    else:
        connection = smtplib.SMTP(server.hostname, server.port or 587, timeout=_SECONDS)
    with connection:
        connection.ehlo_or_helo_if_needed()
        if server.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        if server.username:
            if not isinstance(connection.sock, ssl.SSLSocket) and server.hostname not in _THIS_MACHINE:
                raise ConfigurationError("The mail server offers no TLS: the password was not sent.", "Use smtps://.")
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(message)


def _file(settings: Settings) -> Path:
    return settings.home / "alerts.json"


def _sent(settings: Settings) -> list[str]:
    """What was said already; the newest 200."""
    try:
        found = json.loads(_file(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [str(each) for each in found][-200:] if isinstance(found, list) else []


def _remember(settings: Settings, marks: list[str]) -> None:
    try:
        temporary = _file(settings).with_suffix(".tmp")
        temporary.write_text(json.dumps(marks[-200:], indent=1), encoding="utf-8")
        temporary.replace(_file(settings))
    except OSError as error:  # then it is said again: better than a night that fails of it
        log.error("What was sent could not be written down: %s", error.strerror)
