"""The HubSpot source against the simulated HubSpot over real HTTP, compared with the simulator's truth log.

A failure here means that what lands is not what the CRM holds. It runs with every change of `extractors/` or `simulator/`.
"""

from __future__ import annotations

import logging
import os
import stat
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extractors.core.cursor import epoch_milliseconds, instant_text, parse_instant
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError, WatertightError
from extractors.core.landing import Landing, Manifest, read_lines, read_manifest, read_manifests
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from extractors.sources.hubspot import OBJECT_TYPES
from simulator import truth
from simulator.associations import associated
from simulator.company import State
from simulator.hubspot.answers import Request, Response
from simulator.identities import identify, number_of
from simulator.misbehaviour import PASSING, STAYING, Misbehaviour
from simulator.server import Simulation, start

pytestmark = pytest.mark.integration

TOKEN = "canary-hubspot-7c1d"
NIGHTS = 3
SINGULAR = {"deals": "deal", "contacts": "contact", "companies": "company", "leads": "lead", "calls": "call", "emails": "email",
            "meetings": "meeting", "tasks": "task", "notes": "note", "line_items": "line_item", "products": "product", "goal_targets": "goal"}  # fmt: skip


def settings_for(simulation: Simulation, home: Path, **more: Any) -> Settings:
    return Settings(
        _env_file=None,
        home_dir=home,
        hubspot_token=simulation.token,
        hubspot_url=simulation.url,
        simulated_time=True,
        **more,
    )


def states(settings: Settings) -> dict[str, ResourceState]:
    """What the warehouse would hand over: the last landing of each resource, taken as loaded."""
    return {
        one.manifest.resource: ResourceState(
            parse_instant(one.manifest.cursor_to), parse_instant(one.manifest.extracted_at)
        )
        for one in read_manifests(settings.landing_dir)
    }


def run_night(settings: Settings, run_id: str, resources: set[str] | None = None) -> dict[str, dict[str, Any]]:
    held = states(settings)
    return {
        task["resource"]: extract(
            settings, "hubspot", task["resource"], run_id, held.get(task["resource"], ResourceState())
        )
        for task in plan(settings, ["hubspot"])
        if resources is None or task["resource"] in resources
    }


def lines(landing: Landing) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for part in landing.part_files for line in read_lines(part)]


@dataclass
class Entity:
    """One entity as the truth log has it at an instant."""

    status: str = "created"
    last_change: str = ""
    values: dict[str, str | None] = field(default_factory=dict)
    history: dict[str, list[tuple[str | None, str]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_live(self) -> bool:
        return self.status in ("created", "restored")


@lru_cache(maxsize=1)
def all_events(home: Path) -> list[tuple[datetime, truth.Event]]:
    """The whole log, each event with the instant it was recorded at, in the order of each entity's life."""
    return sorted(
        ((parse_instant(event.recorded_at), event) for event in truth.read(home)), key=lambda pair: pair[1].sequence
    )


@lru_cache(maxsize=20)
def truth_at(home: Path, at: datetime) -> dict[str, dict[str, Entity]]:
    """By entity kind and id: what the CRM knew at an instant."""
    found: dict[str, dict[str, Entity]] = defaultdict(lambda: defaultdict(Entity))
    for recorded_at, event in all_events(home):
        if recorded_at > at:
            continue
        entity = found[event.entity][event.entity_id]
        entity.last_change = max(entity.last_change, event.recorded_at)
        if event.kind == "changed" and event.field is not None:
            entity.values[event.field] = event.new
            entity.history[event.field].append((event.new, event.happened_at))
        else:
            entity.status = event.kind
    return found


@dataclass
class Nights:
    """Three nights of one company, every resource landed each night."""

    simulation: Simulation
    settings: Settings
    summaries: list[dict[str, dict[str, Any]]]
    log: str
    broken_answers: int

    def landed(self, resource: str, night: int) -> tuple[Manifest, list[dict[str, Any]]]:
        folder = next(self.settings.landing_dir.glob(f"hubspot/*/{resource}/night-{night}"))
        landing = read_manifest(folder / "manifest.json")
        landing.check_parts()
        return landing.manifest, lines(landing)

    def held(self, resource: str, night: int) -> dict[str, dict[str, Any]]:
        """The newest line of each id after some nights."""
        return {line["_source_id"]: line for each in range(1, night + 1) for line in self.landed(resource, each)[1]}


@contextmanager
def three_nights(folder: Path, fault: Misbehaviour | None = None) -> Iterator[Nights]:
    records: list[str] = []
    handler = logging.Handler(level=logging.DEBUG)
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with start(folder / "company", size=720, token=TOKEN, fault=fault) as simulation:
            settings = settings_for(simulation, folder / "home", sweep_days=2)
            summaries = []
            for night in range(1, NIGHTS + 1):
                simulation.advance(night)
                summaries.append(run_night(settings, f"night-{night}"))
            yield Nights(simulation, settings, summaries, "\n".join(records), fault.happened.total() if fault else 0)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    with three_nights(tmp_path_factory.mktemp("hubspot")) as calm:
        yield calm


@pytest.fixture(scope="module")
def bad_nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """The same company on nights on which every eighth answer is broken in one way or another."""
    fault = Misbehaviour(seed=11, share=0.125)
    with three_nights(tmp_path_factory.mktemp("bad"), fault) as bad:
        assert fault.happened.keys() == PASSING.keys()
        yield bad


@pytest.fixture(params=["nights", "bad_nights"])
def either(request: pytest.FixtureRequest) -> Nights:
    found: Nights = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("night", range(1, NIGHTS + 1))
def test_every_live_object_has_landed(either: Nights, night: int) -> None:
    for resource, entity in SINGULAR.items():
        manifest, _ = either.landed(resource, night)
        known = truth_at(either.simulation.home, parse_instant(manifest.data_through))[entity]
        held = either.held(resource, night)
        live = {one for one, what in known.items() if what.is_live}
        missing = live - held.keys()
        # What was archived after the window's end and before the archived list was read is rightly marked already.
        marked = {one for one in live & held.keys() if held[one]["_is_deleted"]}
        later = truth_at(either.simulation.home, parse_instant(manifest.extracted_at) + timedelta(minutes=10))[entity]
        assert not missing, resource
        assert not {one for one in marked if later[one].is_live}, resource
        archived = {one for one, what in known.items() if what.status == "archived"}
        assert archived == {one for one in archived if one in held and held[one]["_is_deleted"]}, resource
        gone = {one for one, line in held.items() if not line["_is_deleted"]} - live
        assert all(known[one].status in ("deleted", "merged") for one in gone if one in known), resource


@pytest.mark.parametrize("night", range(1, NIGHTS + 1))
def test_deals_carry_the_values_and_the_history_of_the_truth(either: Nights, night: int) -> None:
    manifest, _ = either.landed("deals", night)
    at = parse_instant(manifest.data_through)
    known = truth_at(either.simulation.home, at)["deal"]
    held = either.held("deals", night)
    compared = 0
    for deal_id, deal in known.items():
        if not deal.is_live or parse_instant(held[deal_id]["_source_updated_at"]) > at:
            continue  # gone, or changed again before it was read
        payload = held[deal_id]["payload"]
        properties = payload["properties"]
        assert properties["dealstage"] == deal.values["stage"]
        assert properties["pipeline"] == deal.values["pipeline"]
        assert properties["deal_currency_code"] == deal.values["currency"]
        assert (properties["hubspot_owner_id"] or None) == deal.values.get("owner")
        amount = deal.values.get("amount")
        assert (Decimal(properties["amount"]) if properties["amount"] else None) == (
            Decimal(amount) if amount else None
        )
        stages = [
            (entry["value"], parse_instant(entry["timestamp"]))
            for entry in payload["propertiesWithHistory"]["dealstage"]
        ]
        assert sorted(stages, key=str) == sorted(
            ((value, parse_instant(when)) for value, when in deal.history["stage"]), key=str
        )
        compared += 1
    assert compared > 600


def test_the_second_night_lands_only_changes(nights: Nights) -> None:
    for night in range(2, NIGHTS + 1):
        for resource, entity in SINGULAR.items():
            manifest, rows = nights.landed(resource, night)
            since = instant_text(parse_instant(manifest.cursor_from or "") - timedelta(minutes=60))
            changed = {one for one, what in truth_at(nights.simulation.home, parse_instant(manifest.extracted_at) + timedelta(minutes=5))[
                entity].items() if what.last_change >= since}  # fmt: skip
            assert {row["_source_id"] for row in rows} <= changed, resource
    first, second = (sum(one["pages"] for one in night.values()) for night in nights.summaries[:2])
    assert second <= first / 5
    assert sum(one["rows"] for one in nights.summaries[1].values()) > 0


def test_sweeps_list_every_live_deal_when_due(either: Nights) -> None:
    assert [night["deals_sweep"]["is_due"] for night in either.summaries] == [True, False, True]
    for night in (1, 3):
        manifest, rows = either.landed("deals_sweep", night)
        assert (manifest.mode, manifest.sweep_of) == ("complete", "deals")
        known = truth_at(either.simulation.home, parse_instant(manifest.extracted_at))["deal"]
        assert {row["_source_id"] for row in rows} == {one for one, what in known.items() if what.is_live}
        assert manifest.control_totals is not None
        sums: dict[tuple[str, str, str | None], Decimal] = defaultdict(Decimal)
        for number, one in known.items():
            if one.is_live and number not in manifest.control_totals.left_out_ids:
                place = (one.values["pipeline"] or "", one.values["stage"] or "", one.values["currency"])
                sums[place] += Decimal(one.values.get("amount") or 0)
        said = {
            (one.pipeline_id, one.stage_id, one.currency_code): Decimal(one.deal_amount or 0)
            for one in manifest.control_totals.totals
        }
        assert said == sums
    assert not list(either.settings.landing_dir.glob("hubspot/*/deals_sweep/night-2"))


@pytest.mark.parametrize("night", range(1, NIGHTS + 1))
def test_control_totals_count_the_deals_of_every_stage(either: Nights, night: int) -> None:
    manifest, _ = either.landed("deals", night)
    totals = manifest.control_totals
    assert totals is not None
    assert instant_text(totals.as_of) == manifest.data_through
    excluded = {*totals.excluded_ids, *totals.left_out_ids}
    held = either.held("deals", night)
    known = truth_at(either.simulation.home, totals.as_of)["deal"]
    gone = {one for one, what in known.items() if what.status in ("deleted", "merged")}
    counted = Counter(
        (line["payload"]["properties"]["pipeline"], line["payload"]["properties"]["dealstage"])
        for one, line in held.items()
        if not line["_is_deleted"] and one not in excluded and one not in gone
    )
    slack = Counter(
        (held[one]["payload"]["properties"]["pipeline"], held[one]["payload"]["properties"]["dealstage"])
        for one in excluded & held.keys()
    )
    assert len(totals.totals) >= 15
    assert len(excluded) <= 10
    for total in totals.totals:
        place = (total.pipeline_id, total.stage_id)
        assert abs(total.deal_count - counted[place]) <= slack[place] + len(excluded - held.keys())


def test_lists_and_batches_give_the_same_bytes(nights: Nights, tmp_path: Path) -> None:
    """An object that did not change is the same version whichever way it came."""
    settings = settings_for(nights.simulation, tmp_path)
    long_ago = ResourceState(datetime(2001, 1, 1, tzinfo=UTC), None)
    for kind in OBJECT_TYPES:
        listed = extract(settings, "hubspot", kind.name, "listed", ResourceState())
        batched = extract(settings, "hubspot", kind.name, "batched", long_ago)
        payloads = [
            {
                msgspec.json.decode(line)["_source_id"]: line.partition(b'"payload":')[2].rstrip()
                for part in next(settings.landing_dir.glob(f"hubspot/*/{kind.name}/{run}")).glob("*.zst")
                for line in read_lines(part)
            }
            for run in ("listed", "batched")
        ]
        unsettled = {one for one in payloads[0] if one not in payloads[1]}
        assert all(
            msgspec.json.decode(payloads[0].pop(one)[:-1])["updatedAt"] > batched["data_through"] for one in unsettled
        )
        assert payloads[0] == payloads[1], kind.name
        assert (
            listed["rows"]
            == batched["rows"] + len(unsettled)
            > {"products": 10, "goal_targets": 60}.get(kind.name, 300)
        )


def test_a_long_property_list_is_split_and_put_together(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(nights.simulation, tmp_path)
    whole = extract(settings, "hubspot", "deals", "whole", ResourceState())
    monkeypatch.setattr("extractors.sources.hubspot.connection.property_chunks.__defaults__", (300,))
    split = extract(settings, "hubspot", "deals", "split", ResourceState())
    found = [
        {line["_source_id"]: line["payload"] for line in lines(one)} for one in read_manifests(settings.landing_dir)
    ]
    assert found[0] == found[1]
    assert split["requests"] > whole["requests"] * 2
    assert split["rows"] == whole["rows"]


def test_associations_are_whole_sorted_and_of_every_type(nights: Nights) -> None:
    """Those that a list cuts after the hundredth included."""
    longest = 0
    for kind in OBJECT_TYPES:
        manifest, rows = nights.landed(kind.name, 1)
        state = State(nights.simulation.company, epoch_milliseconds(parse_instant(manifest.extracted_at)))
        live = [row for row in rows if not row["_is_deleted"]]
        numbers = [number_of(kind.name, row["_source_id"]) for row in live]
        for to in kind.associated:
            for row, others in zip(live, associated(state, kind.name, numbers, to), strict=True):
                ids = row["payload"]["associations"][to]
                assert set(ids) == {identify(to, other) for other in others}
                assert ids == sorted(set(ids), key=int)
                longest = max(longest, len(ids))
        assert all(set(row["payload"]["associations"]) == set(kind.associated) for row in rows)
    assert longest > 100


def test_owners_and_pipelines_are_complete(nights: Nights) -> None:
    manifest, owners = nights.landed("owners", 1)
    assert manifest.mode == "complete"
    assert {row["_is_deleted"] for row in owners} == {True, False}
    _, pipelines = nights.landed("deal_pipelines", 1)
    known = truth_at(nights.simulation.home, parse_instant(manifest.extracted_at))["stage"]
    stages = {f"{row['_source_id']}|{stage['id']}" for row in pipelines for stage in row["payload"]["stages"]}
    stages |= {
        f"{row['_source_id']}|{stage['id']}"
        for row in nights.landed("lead_pipelines", 1)[1]
        for stage in row["payload"]["stages"]
    }
    assert known.keys() <= stages


def test_a_repeated_run_changes_nothing(nights: Nights) -> None:
    again = extract(nights.settings, "hubspot", "deals", "night-2", ResourceState())
    said = nights.summaries[1]["deals"]
    assert {key: again[key] for key in ("rows", "pages", "data_through")} == {
        key: said[key] for key in ("rows", "pages", "data_through")
    }


def test_files_are_private_and_hold_no_token(nights: Nights) -> None:
    paths = list(nights.settings.landing_dir.rglob("*"))
    assert len(paths) > 100
    for path in [nights.settings.landing_dir, *paths]:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        if path.suffix == ".zst":
            assert all(TOKEN.encode() not in line for line in read_lines(path))
        elif path.is_file():
            assert TOKEN.encode() not in path.read_bytes()
    assert len(nights.log) > 10_000
    assert TOKEN not in nights.log


def test_few_calls(either: Nights) -> None:
    """A night's calls: per object type account, properties, search, archived list, and with changes a batch and its associations."""
    again = either.broken_answers
    for night in either.summaries[1:]:
        assert night["deals"]["requests"] <= 32 + again
        assert all(night[kind.name]["requests"] <= 9 + again for kind in OBJECT_TYPES[1:])
        assert night["campaigns"]["requests"] <= 2 + again
        # The budget of a campaign is asked for when the campaign changed: bills come once a month, all at once.
        assert night["campaign_budgets"]["requests"] <= 2 + 6 + again
        assert night["exchange_rates"]["requests"] <= 2 + again
        assert night["account"]["requests"] <= 1 + again


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hubspot_token": "wrong"}, "HubSpot refused the token (401)"),
        ({"hubspot_token": None}, "HubSpot has no token"),
        ({"hubspot_token": ""}, "HubSpot has no token"),
        ({"hubspot_url": "http://example.com"}, "WATERTIGHT_HUBSPOT_URL is plain http"),
        ({"hubspot_version": "2019-01"}, "HubSpot does not know /account-info/2019-01/details (404)"),
        ({"hubspot_token": "two\nlines"}, "The value of HUBSPOT_ACCESS_TOKEN is empty or has characters"),
    ],
)
def test_wrong_settings_are_said_plainly(nights: Nights, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    settings = Settings(_env_file=None, **{**settings_for(nights.simulation, tmp_path).model_dump(), **change})
    with pytest.raises(ConfigurationError) as caught:
        extract(settings, "hubspot", "deals", "night-1", ResourceState())
    assert words in str(caught.value)
    assert "HUBSPOT" in caught.value.mend
    assert not settings.landing_dir.exists()


def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    with start(tmp_path / "company", size=60, token=TOKEN) as simulation:
        simulation.world.hubspot.missing_scopes = frozenset({"crm.objects.deals.read"})
        settings = settings_for(simulation, tmp_path / "home")
        with pytest.raises(ConfigurationError, match=r"lacks the scope crm\.objects\.deals\.read \(403\)"):
            extract(settings, "hubspot", "deals", "night-1", ResourceState())
        assert extract(settings, "hubspot", "contacts", "night-1", ResourceState())["rows"] > 50
        assert read_manifests(settings.landing_dir)[0].manifest.resource == "contacts"


def test_nobody_home(tmp_path: Path) -> None:
    with start(tmp_path / "company", size=60, token=TOKEN) as simulation:
        settings = settings_for(simulation, tmp_path / "home")
    with pytest.raises(TransientError, match="cannot be reached"):
        extract(settings, "hubspot", "deals", "night-1", ResourceState())


class Fault:
    """Lets the n-th answer for a path be changed; counts how often it was."""

    def __init__(self, path: str, change: Any, nth: int = 1, for_ever: bool = False) -> None:
        self.path, self.change, self.nth, self.for_ever = path, change, nth, for_ever
        self.seen = self.hits = 0

    def __call__(self, request: Request, response: Response) -> Response | None:
        if self.path not in request.path:
            return response
        self.seen += 1
        if self.seen == self.nth or (self.for_ever and self.seen > self.nth):
            self.hits += 1
            return self.change(request, response)
        return response


def edited(**changes: Any) -> Any:
    """Changes top-level keys of a JSON answer; a function is handed the old value."""

    def change(request: Request, response: Response) -> Response:
        body = msgspec.json.decode(response.body)
        for key, value in changes.items():
            body[key] = value(body.get(key)) if callable(value) else value
        return Response(response.status, msgspec.json.encode(body), response.headers, response.kind)

    return change


def repeated() -> Any:
    """Gives the rows of the first page on every page, under the cursors of the others."""
    held: list[Any] = []

    def change(rows: Any) -> Any:
        held.append(rows)
        return held[0]

    return edited(results=change)


def truncated(request: Request, response: Response) -> Response:
    return Response(response.status, response.body[: len(response.body) // 2], response.headers, response.kind)


def unavailable(request: Request, response: Response) -> Response:
    return Response(503, b"{}", {"Content-Type": "application/json"}, response.kind)


def no_answer(request: Request, response: Response) -> None:
    return None


@pytest.mark.parametrize("change", [truncated, unavailable, no_answer])
@pytest.mark.parametrize("path", ["/deals", "/search", "/account-info", "/properties"])
def test_a_passing_fault_costs_a_retry_and_nothing_else(nights: Nights, tmp_path: Path, path: str, change: Any) -> None:
    settings = settings_for(nights.simulation, tmp_path)
    fault = Fault(path, change, nth=2 if path == "/deals" else 1)
    nights.simulation.world.fault = fault
    try:
        said = extract(settings, "hubspot", "deals", "night-1", ResourceState())
    finally:
        nights.simulation.world.fault = None
    assert fault.hits == 1
    assert said["rows"] == extract(settings, "hubspot", "deals", "night-2", ResourceState())["rows"]


@pytest.mark.parametrize(
    ("resource", "state", "fault", "words"),
    [
        ("deals", None, Fault("/objects/2026-09/deals", edited(paging={"next": {"after": "9000000037"}}), 1, True), "leads in circles|again on the next"),
        ("deals", None, Fault("/objects/2026-09/deals", repeated(), 1, True), "again on the next"),
        ("deals", None, Fault("/objects/2026-09/deals", edited(results=lambda rows: [*rows, rows[0]])), "twice on one page"),
        ("deals", None, Fault("/objects/2026-09/deals", edited(results=lambda rows: [{"properties": {}}])), "without an id"),
        ("deals", None, Fault("/objects/2026-09/deals", edited(results=lambda rows: [{k: v for k, v in row.items() if k != "propertiesWithHistory"} for row in rows])), "without their history"),
        ("deals", None, Fault("/objects/2026-09/deals", edited(results={"a": 1}), 1, True), "is not the JSON that was expected"),
        ("deals", "old", Fault("/deals/search", edited(results=lambda rows: rows[:-1])), "although"),
        ("deals", "old", Fault("/deals/search", edited(results=lambda rows: rows[::-1])), "is not in order"),
        ("deals", "old", Fault("/deals/batch/read", edited(errors=[{"category": "INTERNAL", "message": "half of it is missing"}])), "only in part"),
        ("deals", "old", Fault("/associations/", edited(errors=[{"category": "INTERNAL", "message": "half of it is missing"}])), "only in part"),
        ("deals", "old", Fault("/associations/", edited(results=[{"from": {"id": "1"}, "to": []}])), "was not asked for"),
        ("deals", None, Fault("/deals/search", no_answer, 3, True), "broke while"),
        ("deals_sweep", None, Fault("/objects/2026-09/deals", edited(results=lambda rows: [{**row, "properties": {"amount": "1,5"}} for row in rows])), "an amount that is no number"),
        ("owners", None, Fault("/owners", edited(paging={"next": {"after": "1"}}), 1, True), "leads in circles"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_fault_that_stays_leaves_nothing_behind(
    nights: Nights, tmp_path: Path, resource: str, state: str | None, fault: Fault, words: str
) -> None:
    settings = settings_for(nights.simulation, tmp_path)
    before = ResourceState(datetime(2001, 1, 1, tzinfo=UTC), None) if state else ResourceState()
    nights.simulation.world.fault = fault
    try:
        with pytest.raises(WatertightError, match=words) as caught:
            extract(settings, "hubspot", resource, "night-1", before)
    finally:
        nights.simulation.world.fault = None
    assert isinstance(caught.value, IntegrityError | TransientError)
    assert fault.hits
    assert not [path for path in settings.landing_dir.rglob("*") if path.is_file()]


def test_a_daily_limit_ends_the_night_at_once(tmp_path: Path) -> None:
    with start(tmp_path / "company", size=60, token=TOKEN) as simulation:
        simulation.world.hubspot.limits.daily = 3
        with pytest.raises(TransientError, match="daily limit of calls is used up"):
            extract(settings_for(simulation, tmp_path / "home"), "hubspot", "deals", "night-1", ResourceState())
        assert simulation.world.hubspot.limits.refused == 1


def test_a_cut_history_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def lengthened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        histories = rows[0]["propertiesWithHistory"]
        histories["amount"] = [histories["pipeline"][0]] * 20
        return rows

    with start(
        tmp_path / "company", size=60, token=TOKEN, fault=Fault("/objects/2026-09/deals", edited(results=lengthened))
    ) as simulation:
        extract(settings_for(simulation, tmp_path / "home"), "hubspot", "deals", "night-1", ResourceState())
    assert "history of amount has exactly 20 or 45 entries in 1 deals" in caplog.text


@pytest.mark.parametrize("name", STAYING)
def test_an_answer_that_stays_wrong_ends_in_a_plain_error_and_lands_nothing(name: str, tmp_path: Path) -> None:
    with start(tmp_path / "company", size=60, token=TOKEN) as simulation:
        settings = settings_for(simulation, tmp_path / "home")
        simulation.world.fault = lambda request, response: (
            STAYING[name](request, response) if request.path.startswith("/crm/objects") else response
        )
        with pytest.raises((IntegrityError, TransientError)) as caught:
            extract(settings, "hubspot", "deals", "night-1", ResourceState())
        assert "/crm/objects/2026-09/deals" in caught.value.wrong
        assert read_manifests(settings.landing_dir) == []
