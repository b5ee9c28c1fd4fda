"""Where a credential may travel: to the source's own origin, and nowhere else.

A failure here means that a token can be sent to a stranger: stop every extraction until it is mended.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests.adapters
from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import Credential, HeaderCredential
from extractors.core.client import Client, Limits, Retry
from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.origin import declared_origin
from extractors.core.tokens import Granted, Session
from tests.contract.hostile_links import hostile_links
from tests.contract.scripted_server import CountedClock, ScriptedServer, answer, client_of, drip

pytestmark = pytest.mark.contract

SECRET = "canary-5ac1f09e"


def salesforce_session() -> Credential:
    """As after a log-in: the secret that was logged in with, and the token that came of it."""
    credential = Session(SecretStr(SECRET))
    credential.use(Granted(SECRET))
    return credential


CREDENTIALS = {
    "bearer": lambda: HeaderCredential(SecretStr(SECRET), "TEST_TOKEN"),
    "api-token": lambda: HeaderCredential(SecretStr(SECRET), "TEST_TOKEN", header="x-api-token", prefix=""),
    "session": lambda: HeaderCredential(SecretStr(SECRET), "TEST_TOKEN", prefix="Session "),
    "salesforce": salesforce_session,
    "basic": lambda: HeaderCredential(SecretStr(SECRET), "TEST_TOKEN", prefix="Basic "),
}


@pytest.fixture(params=CREDENTIALS, ids=str)
def credential(request: pytest.FixtureRequest) -> Credential:
    return CREDENTIALS[request.param]()


@pytest.fixture
def own() -> Iterator[ScriptedServer]:
    with ScriptedServer(answer({"ok": True})) as server:
        yield server


@pytest.fixture
def foreign() -> Iterator[ScriptedServer]:
    with ScriptedServer(answer({"ok": True})) as server:
        yield server


def test_no_foreign_link_is_followed_and_no_byte_of_a_credential_leaves(
    own: ScriptedServer, foreign: ScriptedServer, credential: Credential
) -> None:
    links = hostile_links(own.port, foreign.port)
    assert len(set(links)) >= 200
    for link in links:
        client = client_of(own, credential=credential)
        with pytest.raises(IntegrityError) as caught:
            client.get(link, dict)
        assert client.requests == 0, link
        assert "no credential was sent" in str(caught.value)
        assert "next" not in str(caught.value), "a foreign path may carry what must not be shown"
    assert own.received == foreign.received == b""


def test_no_redirect_is_followed(own: ScriptedServer, foreign: ScriptedServer, credential: Credential) -> None:
    statuses = (301, 302, 303, 307, 308)
    targets = [f"{own.url}/elsewhere", "/elsewhere", *hostile_links(own.port, foreign.port)]
    for number, target in enumerate(targets):
        if any(character in target for character in "\r\n\x00") or not target.isascii():
            continue  # cannot be a header's value
        # Every status where it might matter, one for each further spelling.
        for status in statuses if number < 20 else statuses[number % 5 :][:1]:
            own.steps = [answer({}, status, Location=target)]
            client = client_of(own, credential=credential)
            with pytest.raises(ConfigurationError, match="redirect") as caught:
                client.get("/rows", dict)
            assert client.requests == 1
            assert "/next" not in str(caught.value)
            assert "/elsewhere" not in str(caught.value)
    assert foreign.received == b""


def test_the_credential_reaches_its_own_source(own: ScriptedServer, credential: Credential) -> None:
    """The counterpart: without it the other tests could pass by never sending anything."""
    client_of(own, credential=credential).get(f"{own.url}/rows?after=2", dict)
    name = credential.header_names[0].lower().encode()
    assert own.requests[0].startswith(b"GET /rows?after=2 HTTP/1.1\r\n")
    assert name + b": " in own.requests[0].lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://10.0.0.1",
        "https://10.0.0.1",
        "https://192.168.1.1:8443",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://0.0.0.0",
        "https://224.0.0.1",
        "https://user:word@api.example.com",
        "https://token@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://äpi.example.com",
        "https://api.example.com\\@evil.example",
        "https://2130706433",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "",
    ],
)
def test_an_address_that_is_unsafe_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TEST_URL") as caught:
        declared_origin(url, "TEST_URL")
    assert "word" not in str(caught.value)
    assert "token@" not in str(caught.value)


def test_addresses_that_may_be_used() -> None:
    assert str(declared_origin("https://API.example.com:443/", "TEST_URL")[0]) == "https://api.example.com"
    assert str(declared_origin("http://localhost:8080", "TEST_URL")[0]) == "http://localhost:8080"
    origin, prefix = declared_origin("http://[::1]:8080/crm/", "TEST_URL")
    assert (str(origin), prefix) == ("http://[::1]:8080", "/crm")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_a_name_that_leads_into_a_private_network_gets_no_request(
    address: str, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is public, what it resolves to at the instant of connecting is not."""
    with ScriptedServer(host="::1" if ":" in address else "127.0.0.1") as server:

        def rebound(host: str, port: int) -> list[tuple[object, ...]]:
            family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (server.host, server.port))]

        monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *more: rebound(host, port))
        if address not in ("127.0.0.1", "::1"):
            monkeypatch.setattr("extractors.core.transport.socket.socket.getpeername", lambda self: (address, 443))
        client = Client(
            "Test", "https://api.example.com", url_setting="TEST_URL", credential=credential, credential_setting="TEST_TOKEN",
            buckets=(Bucket("general", 100, 1.0),), budget_seconds=60, clock=CountedClock(),
            # Where a connection is made all the same, nobody answers.
            limits=Limits(connect=1, read=1, answer=1), retry=Retry(first_attempts=1),
        )  # fmt: skip
        with pytest.raises(ConfigurationError, match="where it must not be"):
            client.get("/rows", dict)
    assert server.received == b""


def test_environment_and_netrc_change_nothing(
    own: ScriptedServer, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password stolen\ndefault login someone password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, foreign.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    client_of(own, credential=HeaderCredential(SecretStr(SECRET), "TEST_TOKEN", header="x-api-token", prefix="")).get(
        "/rows", dict
    )
    assert foreign.received == b""
    assert b"authorization" not in own.received.lower()
    assert own.requests[0].startswith(b"GET /rows HTTP/1.1")


def test_cookies_are_not_kept(own: ScriptedServer) -> None:
    own.steps = [answer({"ok": True}, Set_Cookie="session=1; Path=/")]
    client = client_of(own)
    client.get("/rows", dict)
    client.get("/rows", dict)
    assert b"cookie" not in own.requests[1].lower()


@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("/rows?after=NT%3D%3D&fields=a,b", "/rows?after=NT%3D%3D&fields=a,b"),
        ("/rows?after=NT%3d", "/rows?after=NT%3D"),
        ('/rows?q={"a":1}|<b>', "/rows?q=%7B%22a%22:1%7D%7C%3Cb%3E"),
        ("/rows?after=1#there", "/rows?after=1"),
        ("?after=1", "/?after=1"),
        ("", "/"),
    ],
)
def test_a_link_is_sent_as_every_server_reads_it(own: ScriptedServer, link: str, sent: str) -> None:
    client_of(own).get(own.url + link, dict)
    assert own.requests[0].startswith(f"GET {sent} HTTP/1.1\r\n".encode())


def test_parameters_are_sent_with_commas_and_all_else_encoded(own: ScriptedServer) -> None:
    client_of(own).get("/rows?a=1", dict, {"properties": "x,y", "after": "é =&+/"})
    assert own.requests[0].startswith(b"GET /rows?a=1&properties=x,y&after=%C3%A9+%3D%26%2B%2F HTTP/1.1\r\n")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority, and certificates for localhost: good, expired, for another name, and self-signed."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test authority",
            "-keyout", "ca.key", "-out", "ca.pem", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name, host, days in (
        ("good", "localhost", "1"),
        ("expired", "localhost", "-1"),
        ("other", "elsewhere.example", "1"),
    ):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", "-addext", f"subjectAltName=DNS:{host}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copy",
                "-days", days, "-out", f"{name}.pem")  # fmt: skip
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", "self.key", "-out", "self.pem")  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("name", "trusts_authority", "reason"),
    [
        ("good", True, None),
        ("good", False, "local issuer"),
        ("expired", True, "expired"),
        ("other", True, "Hostname mismatch"),
        ("self", True, "self-signed"),
    ],
)
def test_a_certificate_must_be_valid_for_the_name(
    certificates: Path, name: str, trusts_authority: bool, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(certificates / "ca.pem"))
    if trusts_authority:
        monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificates / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    with ScriptedServer(answer({"ok": True}), tls=context) as server:
        server.host = "localhost"
        client = client_of(server, credential=HeaderCredential(SecretStr(SECRET), "TEST_TOKEN"))
        if reason is None:
            assert client.get("/rows", dict) == {"ok": True}
            assert SECRET.encode() in server.received
        else:
            with pytest.raises(ConfigurationError, match=reason):
                client.get("/rows", dict)
            assert server.received == b""
            assert client.requests == 1


def test_a_drip_over_tls_ends_at_its_deadline_too(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificates / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")
    with ScriptedServer(drip(answer({"ok": "x" * 1000}), 30, pause=0.02), tls=context) as server:
        server.host = "localhost"
        client = client_of(server, limits=Limits(read=0.5, answer=0.4), retry=Retry(attempts=1, first_attempts=1))
        with pytest.raises(WatertightError, match=r"within 0\.4 s"):
            client.get("/rows", dict)
