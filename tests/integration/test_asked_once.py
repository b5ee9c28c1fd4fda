"""What several resources of one night need is asked for once, where they share a connection.

A failure here means that a night spends calls of the vendor's allowance on answers that it has already.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from extractors.core.connections import Connections
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from simulator.hubspot.answers import Request, Response
from simulator.server import start

pytestmark = pytest.mark.integration

TOKEN = "canary-once-5b1e"
#: small lists: what two resources need, and the whole of which one page holds
SHARED = {
    "hubspot": (r"/marketing/campaigns/[^/]+",),
    "pipedrive": (r"/api/v2/pipelines", r"/api/v2/stages", r"/v1/users"),
}


@pytest.mark.parametrize("crm", SHARED)
def test_pipelines_stages_users_and_campaigns_are_asked_once_a_run(crm: str, tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    def note(request: Request, response: Response) -> Response:
        asked.update(path for path in SHARED[crm] if re.fullmatch(path, request.path))
        return response

    with start(tmp_path / "company", size=60, token=TOKEN, fault=note) as simulation:
        given: dict[str, Any] = {f"{crm}_token": simulation.token, f"{crm}_url": simulation.url}
        settings = Settings(_env_file=None, home_dir=tmp_path / "home", simulated_time=True, **given)
        together = Connections()
        for each in plan(settings):
            extract(settings, crm, each["resource"], "20260101T000000Z-0001", ResourceState(), together)
        assert asked == dict.fromkeys(SHARED[crm], 1)
