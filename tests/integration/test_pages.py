"""`watertight serve` as a browser meets it: the page and nothing beside it, under strict headers, the newest night at every time."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.page_server import SERVE, page_server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home") / "published"
    place.mkdir()
    for name in ("marts.duckdb", "detail.duckdb", "dashboard_1.html", "secret.html"):
        (place / name).write_text(name)
    (place.parent / "warehouse.duckdb").write_text("warehouse")
    return place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with page_server(folder) as address:
        yield address


@pytest.fixture
def night(folder: Path) -> Iterator[None]:
    (folder / "dashboard.html").symlink_to("dashboard_1.html")
    yield
    (folder / "dashboard.html").unlink()


def test_before_the_first_night_it_says_so(url: str) -> None:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 404
    assert "first night" in answer.text
    assert requests.get(f"{url}/health", timeout=10).status_code == 200


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("path", ["/", "/dashboard.html"])
def test_the_page_comes_under_strict_headers(url: str, path: str) -> None:
    answer = requests.get(url + path, timeout=10)
    assert (answer.status_code, answer.text) == (200, "dashboard_1.html")
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Server" not in answer.headers


@pytest.mark.usefixtures("night")
def test_a_new_night_is_seen_and_the_same_one_is_not_sent_again(url: str, folder: Path) -> None:
    first = requests.get(url, timeout=10)
    same = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
    assert (same.status_code, same.content) == (304, b"")
    (folder / "dashboard_2.html").write_text("the next night")
    (folder / "link").symlink_to("dashboard_2.html")
    os.replace(folder / "link", folder / "dashboard.html")
    assert requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=10).text == "the next night"


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(
    "path",
    [
        "/marts.duckdb", "/detail.duckdb", "/secret.html", "/dashboard_1.html", "/../warehouse.duckdb", "/%2e%2e/warehouse.duckdb",
        "/..%2fwarehouse.duckdb", "//etc/passwd", "/dashboard.html/", "/dashboard.html%00.duckdb", "/.env", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_nothing_else_is_handed_out(url: str, path: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)  # requests would tidy the path up first
        answer = connection.getresponse()
        assert answer.status == 404
        assert answer.getheader("Content-Security-Policy", "").startswith("default-src 'none'")
    finally:
        connection.close()


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_reads(url: str, method: str) -> None:
    assert requests.request(method, url, timeout=10).status_code == 405


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1", "another program"), ("no.such.host.invalid", "Nothing can listen at")]
)
def test_an_address_that_cannot_be_had_is_said_in_a_sentence(address: str, said: str, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*SERVE, "--folder", str(folder), "--host", address, "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
