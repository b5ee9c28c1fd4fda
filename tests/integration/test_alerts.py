"""Alerts arrive at real receivers on this machine, and never change how a night ends or show an address."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from extractors.core.errors import IntegrityError, TransientError
from extractors.core.settings import Settings
from warehouse.gates import UnlikelyLandingError
from watertight import alerts
from watertight.alerts import Alert

pytestmark = pytest.mark.integration

SECRET = "T0canary/B0/x1y2z3"


class Receiver:
    """An HTTP server that keeps what is posted and answers `status`."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append((self.path, json.loads(body)))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{receiver.server.server_port}/elsewhere")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{path}/{SECRET}"


class Mailbox:
    """A mail server's handler that keeps every message and every log-in."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.log_ins: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (the library calls it so)
        self.messages.append(envelope.content.decode())
        return "250 kept"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.log_ins.append(data)
        return AuthResult(success=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    handler = Mailbox()
    controller = Controller(
        handler, hostname="127.0.0.1", port=free_port(), authenticator=handler.authenticate, auth_require_tls=False
    )
    controller.start()
    yield handler, controller.port
    controller.stop()


@pytest.fixture
def variables(tmp_path: Path, receiver: Receiver, mailbox: tuple[Mailbox, int]) -> dict[str, str]:
    """A night whose HubSpot does not answer, and three ways to be told."""
    return {
        "WATERTIGHT_HOME": str(tmp_path / "home"),
        "HUBSPOT_ACCESS_TOKEN": "canary-token",
        "WATERTIGHT_HUBSPOT_URL": f"http://127.0.0.1:{free_port()}",
        "WATERTIGHT_ALERT_SLACK_URL": receiver.url("slack"),
        "WATERTIGHT_ALERT_WEBHOOK_URL": receiver.url("hook"),
        "WATERTIGHT_ALERT_EMAIL_TO": "sales.operations@example.com, data@example.com",
        "WATERTIGHT_SMTP_URL": f"smtp://watch:{SECRET.replace('/', '%2F')}@127.0.0.1:{mailbox[1]}",
    }


def run(variables: dict[str, str], module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATERTIGHT_", "HUBSPOT_"))}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], env=kept | variables, capture_output=True, text=True, check=False
    )


def nothing_shows_the_secrets(result: subprocess.CompletedProcess[str], home: Path) -> None:
    written = result.stdout + result.stderr
    written += "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
    for secret in (SECRET, SECRET.replace("/", "%2F"), "canary-token"):
        assert secret not in written


@pytest.mark.parametrize("module", ["watertight.command", "watertight.scheduled"], ids=["command", "Airflow"])
def test_a_source_that_does_not_answer_is_told_by_every_way(
    variables: dict[str, str], receiver: Receiver, mailbox: tuple[Mailbox, int], tmp_path: Path, module: str
) -> None:
    result = run(variables, module, *(["nightly"] if module == "watertight.command" else []))
    assert result.returncode == 1, result.stderr
    told = dict(receiver.posts)
    assert [path.split("/")[1] for path, _ in receiver.posts] == ["slack", "hook"], (
        "each once, however many tasks failed"
    )
    hook = told[f"/hook/{SECRET}"]
    assert (hook["kind"], hook["title"]) == ("load_failed", "Watertight: The CRM could not be loaded")
    assert "cannot be reached" in hook["wrong"]
    assert "Check the network" in hook["mend"]
    assert hook["wrong"] in told[f"/slack/{SECRET}"]["text"]
    [mail] = mailbox[0].messages
    assert "Subject: Watertight: The CRM could not be loaded" in mail
    assert "To: sales.operations@example.com, data@example.com" in mail
    assert hook["wrong"][:40] in mail.replace("=\r\n", "").replace("=\n", "")
    assert mailbox[0].log_ins
    nothing_shows_the_secrets(result, tmp_path)


@pytest.mark.parametrize("status", [500, 302, 404])
def test_an_alert_that_cannot_be_sent_changes_nothing(
    variables: dict[str, str], receiver: Receiver, tmp_path: Path, status: int
) -> None:
    receiver.status = status
    result = run(
        variables | {"WATERTIGHT_SMTP_URL": f"smtp://127.0.0.1:{free_port()}"}, "watertight.command", "nightly"
    )
    assert result.returncode == 1
    assert "cannot be reached" in result.stderr
    assert "alert" not in result.stdout + result.stderr
    [journal] = (tmp_path / "home" / "logs").glob("*nightly*")
    assert journal.read_text().count("The alert could not be sent by") == 3
    assert f"_URL answered {status}" in journal.read_text()
    assert not [path for path, _ in receiver.posts if "elsewhere" in path], "a redirect was followed"
    nothing_shows_the_secrets(result, tmp_path)


def test_late_data_are_told_once(
    variables: dict[str, str], receiver: Receiver, land: Callable[..., Any], settings: Settings
) -> None:
    land("deals", "20260601T000500Z-0001", {"1": {"id": "1"}})
    late = variables | {"WATERTIGHT_HOME": str(settings.home_dir)}
    assert run(late, "watertight.command", "status").returncode == 0
    assert receiver.posts == []
    for _ in range(2):
        assert run(late, "watertight.command", "status", "--alert").returncode == 0
    hooks = [body for path, body in receiver.posts if path.startswith("/hook")]
    assert [body["kind"] for body in hooks] == ["late_data"]
    assert "HubSpot (4711) reaches to 2026-06-01" in hooks[0]["wrong"]
    assert run(late | {"WATERTIGHT_LATE_HOURS": "8760"}, "watertight.command", "status", "--alert").returncode == 0
    assert len([path for path, _ in receiver.posts if path.startswith("/hook")]) == 1


def test_nothing_ever_loaded_is_late(variables: dict[str, str], receiver: Receiver) -> None:
    assert run(variables, "watertight.command", "status", "--alert").returncode == 0
    assert [body["wrong"] for path, body in receiver.posts if path.startswith("/hook")] == ["Nothing was loaded yet."]


@pytest.mark.parametrize(
    ("step", "error", "kind"),
    [
        ("extract", TransientError("HubSpot is silent.", "Wait."), "load_failed"),
        ("load", IntegrityError("A part is short.", ""), "load_failed"),
        ("load", UnlikelyLandingError("0 deals where 4,000 were.", "Look."), "sudden_change"),
        ("verify", IntegrityError("2 data tests failed.", ""), "tests_failed"),
        ("publish", OSError("disk"), "night_failed"),
    ],
)
def test_what_kind_a_failure_is(step: str, error: Exception, kind: str) -> None:
    found = alerts.failure_of(step, error, "20260602T020000Z-0001")
    assert found.kind == kind
    assert found.mend, "an alert says what to do"


def test_nobody_can_call_the_whole_channel_by_a_deals_name(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(home_dir=tmp_path, alert_slack_url=receiver.url("slack"), files_dir=tmp_path)
    assert alerts.send(settings, Alert("tests_failed", "Deal <!channel> & <@U1>", "", "run")) == ["Slack"]
    assert receiver.posts[0][1]["text"].endswith("Deal &lt;!channel&gt; &amp; &lt;@U1&gt;")


def test_a_password_goes_only_over_tls(
    tmp_path: Path, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of another name than this machine's, without TLS."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: real("127.0.0.1" if host == "mail.example.com" else host, *rest, **named),
    )
    settings = Settings(
        home_dir=tmp_path,
        files_dir=tmp_path,
        alert_email_to=("a@example.com",),
        smtp_url=f"smtp://watch:pw@mail.example.com:{mailbox[1]}",
    )
    assert alerts.send(settings, Alert("late_data", "Late.", "", "run")) == []
    assert (mailbox[0].messages, mailbox[0].log_ins) == ([], [])
