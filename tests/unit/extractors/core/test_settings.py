"""Settings as people write them into `.env`."""

from __future__ import annotations

import pytest

from extractors.core.settings import read_settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "name",
    ["WATERTIGHT_HOME", "WATERTIGHT_FILES_DIR", "WATERTIGHT_CONSTANT_RATE_DATE", "HUBSPOT_ACCESS_TOKEN", "TRYTON_URL"],
)
def test_an_empty_setting_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("WATERTIGHT_HOME")
    before = read_settings()
    monkeypatch.setenv(name, "")
    assert read_settings() == before
