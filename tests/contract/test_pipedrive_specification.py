"""Every request of the Pipedrive source, and every answer of the simulated Pipedrive, against Pipedrive's own specification.

A failure here means that the source asks for what Pipedrive does not know, or that the simulator says what Pipedrive never would: everything
else that is proved against the simulator is worth less until it is mended.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extractors.core.cursor import parse_instant
from extractors.core.landing import read_manifests
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from simulator.clock import Clock
from simulator.company import Company
from simulator.hubspot.answers import Request, Response
from simulator.pipedrive.api import Pipedrive
from simulator.server import start
from tests.contract.pipedrive_specification import FILES, Specification

FOLDER = os.environ.get("WATERTIGHT_PIPEDRIVE_SPECS", "")

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(
        not FOLDER, reason="WATERTIGHT_PIPEDRIVE_SPECS does not name a folder with Pipedrive's specification"
    ),
]

Exchange = tuple[Request, Response]


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification(Path(FOLDER))


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    """Everything that three nights of a small company ask and are told: first load, change, sweep."""
    heard: list[Exchange] = []

    def listen(request: Request, response: Response) -> Response:
        heard.append((request, response))
        return response

    with start(tmp_path_factory.mktemp("specified"), size=60, seed=56, fault=listen) as simulation:
        settings = Settings(
            _env_file=None,
            home_dir=tmp_path_factory.mktemp("home"),
            pipedrive_token=simulation.token,
            pipedrive_url=simulation.url,
            simulated_time=True,
            sweep_days=2,
        )
        for night in (1, 2, 3):
            simulation.advance(night)
            held = {
                one.manifest.resource: ResourceState(
                    parse_instant(one.manifest.cursor_to), parse_instant(one.manifest.extracted_at)
                )
                for one in read_manifests(settings.landing_dir)
            }
            for task in plan(settings, ["pipedrive"]):
                extract(
                    settings, "pipedrive", task["resource"], f"n-{night}", held.get(task["resource"], ResourceState())
                )
    return [exchange for exchange in heard if not exchange[0].path.startswith("/_simulator/")]


def test_every_request_and_every_answer_is_as_specified(
    specification: Specification, exchanges: list[Exchange]
) -> None:
    faults = [fault for request, response in exchanges for fault in specification.faults_of(request, response)]
    assert not faults, f"{len(faults)} faults, first: {faults[:5]}"


def test_the_nights_asked_for_everything_that_is_simulated(exchanges: list[Exchange]) -> None:
    asked = {response.kind for _, response in exchanges}
    served = {pattern.pattern for pattern, _, _ in _routes()}
    assert served - asked <= {"/api/v2/deals/products"}, "a deal without products is not asked for them"


def test_every_request_costs_what_the_specification_says(specification: Specification) -> None:
    routes = [(path, cost) for pattern, cost, _ in _routes() for path in _paths(pattern.pattern)]
    said = {
        path: specification.cost_of(prefix, path.removeprefix(prefix))
        for path, _ in routes
        for prefix in FILES
        if path.startswith(prefix)
    }
    assert said == dict(routes)


def _paths(pattern: str) -> list[str]:
    """The specification's paths that a route answers: a number is an {id}, alternatives are a path each."""
    before, bracket, rest = pattern.replace("([0-9]+)", "{id}").partition("(")
    alternatives, _, after = rest.partition(")")
    return [before + one + after for one in alternatives.split("|")] if bracket else [before]


def _routes() -> list[Any]:
    return Pipedrive(Company(7, 50), Clock(1), "any").routes


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ({"updated_sinse": ["2026-06-01T00:00:00Z"]}, {}),
        ({"sort_by": ["title"]}, {}),
        ({"status": ["open,wone"]}, {}),
        ({"limit": ["many"]}, {}),
        ({}, {"id": "seven"}),
        ({}, {"expected_close_date": "soon"}),
        ({}, {"label_ids": [{"id": 1}]}),
        ({}, {"won_time": None}),
    ],
    ids=str,
)
def test_the_judge_sees_what_is_wrong(
    specification: Specification, exchanges: list[Exchange], query: dict[str, list[str]], changed: dict[str, Any]
) -> None:
    request, response = next(each for each in exchanges if each[0].path == "/api/v2/deals" and b'"id"' in each[1].body)
    said = msgspec.json.decode(response.body)
    said["data"][0] |= changed
    planted = Request(request.method, request.path, request.query | query, request.headers, request.body)
    assert specification.faults_of(planted, Response(200, msgspec.json.encode(said), response.headers))
    assert not specification.faults_of(request, response)


def test_the_judge_knows_paths_and_the_token(specification: Specification, exchanges: list[Exchange]) -> None:
    request, response = exchanges[0]
    for path in ("/api/v2/deels", "/v1/recents/all", "/v3/deals"):
        assert specification.faults_of(Request("GET", path, {}, request.headers, b""), response)
    assert specification.faults_of(Request(request.method, request.path, request.query, {}, b""), response)
