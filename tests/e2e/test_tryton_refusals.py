"""What the source says when a real Tryton turns it away, and that an expired session is opened again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import ConfigurationError
from extractors.core.settings import Settings
from extractors.sources.tryton.connection import TrytonConnection
from tests.e2e.tryton_server import DATABASE, PASSWORD, USER, TrytonServer

pytestmark = pytest.mark.xdist_group("tryton_refusals")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    with TrytonServer(tmp_path_factory.mktemp("server")) as running:
        yield running


def settings_for(server: TrytonServer, **changed: Any) -> Settings:
    given = {
        "tryton_url": server.url,
        "tryton_database": DATABASE,
        "tryton_user": USER,
        "tryton_password": PASSWORD,
    } | changed
    return Settings(_env_file=None, home_dir=Path("unused"), **given)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tryton_password": "canary-not-it"}, "does not let the user admin in. Check TRYTON_USER and TRYTON_PASSWORD"),
        ({"tryton_user": "nobody"}, "does not let the user nobody in. Check TRYTON_USER and TRYTON_PASSWORD"),
        ({"tryton_database": "elsewhere"}, "has no database 'elsewhere'. Check TRYTON_DATABASE"),
    ],
)
def test_wrong_settings_are_named(server: TrytonServer, changed: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrytonConnection(settings_for(server, **changed))
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_session_that_expired_is_opened_again(server: TrytonServer) -> None:
    server.set_clock(server.now() - timedelta(days=1))
    connection = TrytonConnection(settings_for(server))
    # Far beyond the age that the server allows a session.
    server.set_clock(server.now() - timedelta(days=800))
    before = connection.client.requests
    assert connection.call("sale.opportunity", "search_count", []) == 0
    assert connection.client.requests == before + 3
