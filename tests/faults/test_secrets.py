"""No secret is written anywhere: not in logs at their most talkative, tracebacks, landings, summaries, nor on the terminal.

A failure here means that somebody who reads a log can log in to the CRM. Every secret setting there is gets another made-up value in every
round, and every server says back all that it was sent, in every way a server can refuse.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
import zstandard
from click.testing import CliRunner

from extractors.core.settings import Settings
from tests.faults.made_up_secrets import LEAK, MadeUp, Records, secret_settings
from watertight.command import main

pytestmark = pytest.mark.integration

#: how the server answers in a round; below 0 it closes the connection in the middle of its answer
ANSWERS = (400, 401, 403, 302, 404, 500, 200, -200)
SOURCES = ("hubspot", "pipedrive", "salesforce", "tryton")
#: secret settings of which one rules out another
OTHER_WAYS = {"hubspot_token", "pipedrive_token"}


class Echo(BaseHTTPRequestHandler):
    """Answers with everything that it was told."""

    status = 200

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        said = json.dumps(
            {"message": f"{self.path} {self.headers} {body}", "error": body, "error_description": str(self.headers)}
        ).encode()
        self.send_response(abs(self.status), "Refused")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(said if self.status > 0 else said[:20])

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the standard library's name
        """Nothing on the terminal."""


@pytest.fixture
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_setting_that_is_a_secret_is_declared_as_one() -> None:
    for name, field in Settings.model_fields.items():
        if any(word in name for word in ("token", "secret", "password")):
            assert "SecretStr" in str(field.annotation), f"{name} would be printed with the settings"
    assert len(secret_settings()) >= 14


def test_a_secret_is_found_however_it_is_written(tmp_path: Path) -> None:
    """What the fault runs are searched with: `leaks` must not be empty because nothing is seen."""
    made_up = MadeUp()
    token = made_up.values["HUBSPOT_ACCESS_TOKEN"]
    (tmp_path / "clean.txt").write_text("Bearer •••")
    with duckdb.connect(str(tmp_path / "clean.duckdb")) as connection:
        connection.execute("create table t as select 'nothing' as said")
    made_up.search_files(tmp_path)
    made_up.search_values(tmp_path)
    assert made_up.searched().leaks == []
    assert made_up.searched().size > 10_000

    place = tmp_path / "leaks"
    place.mkdir()
    (place / "plain.log").write_text(f"Authorization: Bearer {token}")
    (place / "quoted").write_text(quote(f"key={token}&more", safe=""))
    (place / "part.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(token.encode() * 99))
    (place / "page.gz").write_bytes(gzip.compress(token.encode() * 99))
    frames = zstandard.compress(b"a page"), gzip.compress(b"another page"), gzip.compress(token.encode() * 99)
    (place / "answers").write_bytes(b"".join(b"a header" + frame for frame in frames))
    (place / f"{token}.empty").write_text("")
    for before in ("", "a:", "an-app:"):
        (place / f"basic{len(before)}").write_bytes(base64.b64encode(f"{before}{token}".encode()))
    (place / "hex").write_text(token.encode().hex())
    made_up.search_files(place)
    written = made_up.searched().leaks
    for path in place.iterdir():
        assert any(path.name in sentence for sentence in written), path
    for name in ("plain.log", "quoted", "part.jsonl.zst, unpacked", "page.gz, unpacked", "answers, unpacked"):
        assert f"{LEAK}{name} (HUBSPOT_ACCESS_TOKEN)" in written

    with duckdb.connect(str(place / "values.duckdb")) as connection:
        connection.execute("create table t as select {'who': [$1 || range]} as said from range(9)", [token])
    made_up.search_values(place)
    assert made_up.searched().leaks[len(written) :] == [f"{LEAK}9 rows of main.t in values.duckdb"]

    records = Records()
    logged = logging.makeLogRecord({"name": "extractors", "msg": "sent %s", "args": (token,)})
    records.emit(logged)
    records.emit(logged)
    assert records.taken() == f"sent {token}\n" * 2


def test_no_secret_is_in_any_byte_written_whatever_fails(
    echo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries: list[str] = []
    said = ""
    published = Settings().home_dir / "published"
    published.mkdir(parents=True)
    with duckdb.connect(str(published / "marts.duckdb")) as connection:
        connection.execute("create table dim_deals as select 1 as deal_count")
    talkative = logging.FileHandler(tmp_path / "everything.log")
    root = logging.getLogger()
    root.addHandler(talkative)
    loggers = [
        logging.getLogger(name)
        for name in ("extractors", "warehouse", "watertight", "urllib3", "urllib3.connectionpool", "requests")
    ]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.DEBUG)
    address = echo.partition("//")[2]
    monkeypatch.setenv("WATERTIGHT_EXTRACT_BUDGET_SECONDS", "1")
    monkeypatch.setenv("WATERTIGHT_ALERT_EMAIL_TO", "owner@example.com")
    monkeypatch.setenv("WATERTIGHT_ALERT_EMAIL_FROM", "owner@example.com")
    for name in (
        "WATERTIGHT_HUBSPOT_URL",
        "WATERTIGHT_PIPEDRIVE_URL",
        "WATERTIGHT_PIPEDRIVE_OAUTH_URL",
        "SALESFORCE_URL",
        "TRYTON_URL",
    ):
        monkeypatch.setenv(name, echo)
    for name in ("HUBSPOT_CLIENT_ID", "PIPEDRIVE_CLIENT_ID", "SALESFORCE_CLIENT_ID"):
        monkeypatch.setenv(name, "an-app")
    try:
        for number, status in enumerate(ANSWERS):
            monkeypatch.setattr(Echo, "status", status)
            for name, alias in secret_settings().items():
                canary = f"cnry{number}{secrets.token_hex(8)}"
                canaries.append(canary)
                value = {
                    "postgres_url": f"postgresql://somebody:{canary}@127.0.0.1:1/marts",
                    "smtp_url": f"smtp://somebody:{canary}@127.0.0.1:1",
                    "alert_slack_url": f"{echo}/{canary}",
                    "alert_webhook_url": f"http://somebody:{canary}@{address}/{canary}"
                    if number % 2
                    else f"{echo}/?key={canary}",
                }.get(name, canary)
                if number % 2 and name in OTHER_WAYS:
                    monkeypatch.delenv(alias, raising=False)  # the other way to log in
                else:
                    monkeypatch.setenv(alias, value)
            for arguments in (
                *(("nightly", "--source", source) for source in SOURCES),
                ("publish", "--to", "postgres"),
                ("status",),
            ):
                result = CliRunner().invoke(main, [*arguments, "--json"])
                said += result.output + result.stderr
                if arguments[0] != "status":
                    assert result.exit_code in (1, 2), (status, arguments, result.output)
                if result.exception is not None:
                    said += "".join(map(str, (result.exception, repr(result.exception))))
        said += str(Settings()) + repr(Settings()) + Settings().model_dump_json()
    finally:
        root.removeHandler(talkative)
        talkative.close()
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
    assert len(canaries) >= 100
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (tmp_path / "everything.log").stat().st_size > 10_000
    assert len(written) > len(ANSWERS)  # a journal for every second at least, and what each server has
    for path in written:
        content = path.read_bytes() + str(path).encode()
        for canary in canaries:
            assert canary.encode() not in content, f"{path}: {canary}"
    assert [canary for canary in canaries if canary in said] == []
