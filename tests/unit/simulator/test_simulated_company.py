"""The company: deterministic, grown night by night without changing its past, and odd in every way a real one is."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simulator import pipelines, truth
from simulator.associations import PAIRS, associated
from simulator.company import KINDS, Company
from simulator.events import GONE, HIDDEN, LIVE, STAGE
from simulator.seasons import DAY, Arrivals, instant, iso
from simulator.truth import Event

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    company = Company(7, "small")
    for night in range(1, 13):
        truth.write(company, night, folder)
    return folder


@pytest.fixture(scope="module")
def events(home: Path) -> list[Event]:
    return list(truth.read(home))


def _lives(events: list[Event], entity: str, until: str) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.entity == entity and event.recorded_at <= until:
            found[event.entity_id].append(event)
    return {key: sorted(life, key=lambda event: event.sequence) for key, life in found.items()}


def test_the_same_seed_gives_the_same_company_however_it_is_grown() -> None:
    at_once, by_night = Company(3, 300), Company(3, 300)
    at_once.grow(instant(41))
    for night in (1, 5, 20, 40):
        by_night.at(night)
    for kind in KINDS:
        shared = min(ledger.events.starts[-1] for ledger in (at_once.ledgers[kind], by_night.ledgers[kind]))
        for column in ("number", "which", "happened", "recorded", "value"):
            one, other = (getattr(company.ledgers[kind].events, column)[:shared] for company in (at_once, by_night))
            assert np.array_equal(one, other), f"{kind}.{column} depends on when it was made"


def test_another_seed_gives_another_company() -> None:
    one, other = Company(1, 200), Company(2, 200)
    assert one.at(1).listed("deals").tolist() != other.at(1).listed("deals").tolist()


def test_size_counts_the_deals_created_before_night_one() -> None:
    for size in (50, 2_000):
        state = Company(7, size).at(1)
        assert sum(len(state.listed("deals", standing)) for standing in (LIVE, HIDDEN, GONE)) == size


def test_deals_come_in_order_and_at_a_steady_pace() -> None:
    arrivals = Arrivals(7, 2_000)
    at = arrivals.at(np.arange(3_000, dtype=np.int64))
    assert (np.diff(at) >= 0).all()
    assert arrivals.count(instant(1)) == 2_000
    assert 1 <= (arrivals.count(instant(31)) - 2_000) / 30 <= 6


@pytest.mark.parametrize("size", [10, "enormous"])
def test_a_size_that_cannot_be_is_refused_in_a_sentence(size: int | str) -> None:
    with pytest.raises(ValueError, match="Choose"):
        Company(7, size)


def test_every_oddity_occurs_in_the_small_company(events: list[Event]) -> None:
    kind_of = {stage.id: stage.kind for stage in pipelines.STAGES}
    rank = {stage.id: place for pipeline in pipelines.PIPELINES for place, stage in enumerate(pipeline.stages)}
    seen: Counter[str] = Counter()
    for life in _lives(events, "deal", iso(instant(13))).values():
        seen.update(event.kind for event in life)
        seen["merged_in"] += sum(event.field == "merged_in" for event in life)
        moves = [event for event in life if event.field == "stage"]
        seen["dormant"] += (
            moves[-1].happened_at < iso(instant(1) - 250 * DAY) and kind_of[moves[-1].new or ""] == "open"
        )
        seen["created closed"] += kind_of[moves[0].new or ""] != "open"
        for before, move in pairwise(moves):
            old, new = before.new or "", move.new or ""
            same = any(event.field == "pipeline" and event.happened_at == move.happened_at for event in life)
            seen["moved pipeline"] += same
            if not same and kind_of[old] == kind_of[new] == "open":
                seen["back" if rank[new] < rank[old] else "skipped" if rank[new] > rank[old] + 1 else "advanced"] += 1
            seen["lost reopened"] += kind_of[old] == "lost" and kind_of[new] == "open"
            seen["won reopened"] += kind_of[old] == "won" and kind_of[new] == "open"
            seen["lost won"] += kind_of[old] == "lost" and kind_of[new] == "won"
            seen["same instant"] += before.happened_at == move.happened_at
            seen["late"] += move.recorded_at > move.happened_at
        for event in life:
            if event.field == "amount" and event.old is not None:
                seen[
                    "amount emptied"
                    if event.new is None
                    else "amount zero"
                    if event.new == "0.00"
                    else "amount changed"
                ] += 1
            if event.field == "expected_close" and event.old and event.new and event.new != event.happened_at:
                seen["pushed" if event.new > event.old else "pulled"] += 1
            seen["owner changed"] += event.field == "owner" and event.old is not None
            seen["currency changed"] += event.field == "currency" and event.old not in (None, event.new)
            seen["lost reason"] += event.field == "lost_reason"
    least = {
        "created": 2_000, "archived": 15, "restored": 5, "deleted": 5, "merged": 15, "merged_in": 15, "dormant": 10, "created closed": 10,
        "moved pipeline": 10, "back": 100, "skipped": 100, "advanced": 2_000, "lost reopened": 20, "won reopened": 2, "lost won": 1,
        "same instant": 30, "late": 30, "amount emptied": 10, "amount zero": 3, "amount changed": 500, "pushed": 500, "pulled": 100,
        "owner changed": 100, "currency changed": 3, "lost reason": 500,
    }  # fmt: skip
    assert {name: (seen[name], number) for name, number in least.items() if seen[name] < number} == {}


def test_nothing_happens_to_what_is_gone(events: list[Event]) -> None:
    for entity in ("deal", "lead", "contact", "company", "call", "meeting"):
        for life in _lives(events, entity, iso(instant(13))).values():
            assert life[0].kind == "created"
            ends = [event for event in life if event.kind in ("deleted", "merged")]
            assert not ends or (len(ends) == 1 and life[-1] is ends[0])
            if ends:
                assert max(event.recorded_at for event in life) == ends[0].recorded_at
            assert all(event.recorded_at >= event.happened_at for event in life)


def test_old_is_the_value_before_and_stages_belong_to_their_pipeline(events: list[Event]) -> None:
    pipeline_of = {stage.id: stage.pipeline for stage in pipelines.STAGES}
    for life in _lives(events, "deal", iso(instant(13))).values():
        held: dict[str, str | None] = {}
        for event in life:
            if event.field is not None and event.field not in ("merged_in", "touch"):
                assert event.old == held.get(event.field), event
                held[event.field] = event.new
            if event.field == "stage":
                assert pipeline_of[event.new or ""] == held["pipeline"], event


def test_the_state_is_what_the_truth_log_replays(events: list[Event]) -> None:
    company = Company(7, "small")
    for night in (1, 8, 12):
        state = company.at(night)
        found = company.ledgers["deals"].versions
        held = {}
        for place in state.places("deals").tolist():
            if found.standing[place] == LIVE:
                number = int(found.number[place])
                held[number] = pipelines.STAGES[int(found.columns[STAGE][place])].id
        told = {}
        for life in _lives(events, "deal", iso(instant(night))).values():
            standing = [event.kind for event in life if event.kind != "changed"][-1]
            if standing in ("created", "restored"):
                told[life[0].number] = [event.new for event in life if event.field == "stage"][-1]
        assert held == told, f"night {night}"


def test_a_removed_stage_is_emptied_in_one_instant(events: list[Event]) -> None:
    removed = pipelines.STAGES[pipelines.REMOVED].id
    at = iso(pipelines.REMOVED_AT)
    swept = 0
    for life in _lives(events, "deal", iso(instant(13))).values():
        moves = [event for event in life if event.field == "stage"]
        assert not [move for move in moves if move.new == removed and move.happened_at >= at]
        swept += any(move.old == removed and move.happened_at == at for move in moves)
        gone = life[-1].kind in ("archived", "deleted", "merged")
        assert moves[-1].new != removed or gone
    assert swept >= 3


def test_something_is_recorded_around_every_extraction(events: list[Event]) -> None:
    for night in range(1, 13):
        low, high = iso(instant(night) - 8 * 60_000), iso(instant(night) + 8 * 60_000)
        assert sum(low <= event.recorded_at <= high for event in events) >= 2, night


def test_compact_truth_reads_like_lines(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "COMPACT_ABOVE", 10)
    path = truth.write(Company(7, "small"), 1, tmp_path)
    assert path.suffix == ".npz"
    assert list(truth.read(tmp_path)) == list(truth.read(home, nights=1))


def test_truth_is_never_rewritten(home: Path, tmp_path: Path) -> None:
    before = (home / "truth" / "night_0003.jsonl").stat()
    truth.write(Company(7, "small"), 3, home)
    after = (home / "truth" / "night_0003.jsonl").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert "event_id" in json.loads((home / "truth" / "night_0003.jsonl").read_text().splitlines()[0])


def test_event_ids_are_unique(events: list[Event]) -> None:
    assert len({event.event_id for event in events}) == len(events)


def test_associations_agree_in_both_directions() -> None:
    company = Company(7, 400)
    state = company.at(2)
    for kind, to in sorted(PAIRS):
        if (to, kind) not in PAIRS:
            continue
        numbers = state.listed(kind).tolist()
        there = {
            (n, other)
            for n, others in zip(numbers, associated(state, kind, numbers, to), strict=True)
            for other in others
        }
        others = state.listed(to).tolist()
        back = {
            (n, other) for other, found in zip(others, associated(state, to, others, kind), strict=True) for n in found
        }
        assert there == back, (kind, to)
        assert there
