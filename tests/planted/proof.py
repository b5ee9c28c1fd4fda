"""Plants many faults of every kind at once, each in an account of its own, builds, and reads off which tests name which account.

In the account of a fault there are two healthy deals beside the guilty one, and there are accounts without a fault: a test that names one
of those gives a false alarm. Models are built first and tests run afterwards, so that one red test hides no other.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.core.warehouse import Warehouse
from tests.keys import deal_key, stable_key
from tests.planted.faults import KINDS, SOURCES, Kind, Source, contradictions, is_harmless
from tests.planted.lives import NIGHTS, STAGES, Life, Told, live, tell
from tests.planted.sources import Landing, Loader, landings

BYSTANDERS = 2
LAYERS = (
    "path:seeds",
    "path:models/staging",
    "path:models/intermediate",
    "path:models/core",
    "path:models/marts/ops",
)
_ACCOUNT = re.compile(r"\bcase-\d{6}\b")
_KEY = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


@dataclass
class Case:
    """One account: a fault (none in the healthy ones), the guilty deal and what is told of it, the deals beside it."""

    account: str
    source: Source
    kind: Kind | None
    life: Life
    told: Told
    bystanders: list[Life]
    evidence: set[str] = field(default_factory=set)
    is_harmless: bool = False
    #: names of the tests that named this account, per night
    caught: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))

    @property
    def is_caught(self) -> bool:
        """By any test on the night on which the fault was there to be seen."""
        return bool(self.caught[self.kind.night if self.kind else 0])


@dataclass
class Judged:
    """What became of the faults of one kind in one source. `evident`: the source's own statements contradict each other."""

    source: str
    kind: str
    planted: int = 0
    harmless: int = 0
    evident: int = 0
    caught: int = 0
    tests: Counter[str] = field(default_factory=Counter)


def plant(seed: int, per_kind: int, healthy_deals: int) -> list[Case]:
    """`per_kind` faults of every kind in every source, and healthy accounts. The same seed gives the same cases."""
    rng = random.Random(seed)
    cases: list[Case] = []

    def account() -> str:
        return f"case-{len(cases):06d}"

    for source in SOURCES:
        for kind in KINDS:
            for _ in range(per_kind):
                life, told = _fitting(rng, kind)
                case = Case(account(), source, kind, life, told, [live(rng, str(n)) for n in range(2, 2 + BYSTANDERS)])
                case.evidence = contradictions(source, told)
                case.is_harmless = is_harmless(life, told)
                cases.append(case)
        for _ in range(healthy_deals // (len(SOURCES) * (1 + BYSTANDERS))):
            life = live(rng, "1")
            cases.append(Case(account(), source, None, life, tell(life), [live(rng, str(n)) for n in (2, 3)]))
    return cases


def _fitting(rng: random.Random, kind: Kind) -> tuple[Life, Told]:
    for _ in range(5_000):
        life = live(rng, "1")
        told = kind.plant(rng, life)
        if told is not None:
            return life, told
    raise ValueError(f"No random life has a place for the fault '{kind.name}'.")


def judge(cases: list[Case], folder: Path) -> None:
    """Builds both nights and fills in `caught` of every case."""
    warehouse = Warehouse(folder)
    loader = Loader(warehouse)
    accounts = _keys(cases)
    for night, extracted_at in enumerate(NIGHTS):
        warehouse.night = extracted_at
        loader.load(_landed(cases, night))
        built = warehouse.dbt("build", "--select", *LAYERS, "--exclude-resource-type", "test", "unit_test")
        if not built.success:
            broken = [f"{each.node.name}: {each.message}" for each in built.result or () if each.status == "error"]
            raise AssertionError("\n".join(broken) or str(built.exception))
        warehouse.dbt("test", "--select", *LAYERS, "--exclude", "test_type:unit", "--indirect-selection", "cautious")
        by_account = {case.account: case for case in cases}
        for test, account in _named(warehouse, accounts):
            by_account[account].caught[night].add(test)


def _landed(cases: list[Case], night: int) -> Iterator[Landing]:
    """On the first night everything; on the second what heals, what is deleted, and what happens to the healthy."""
    for case in cases:
        neighbours = [tell(life) for life in case.bystanders]
        if night == 0:
            told = tell(case.life) if case.kind and case.kind.night else case.told
            yield from landings(case.source, case.account, [told, *neighbours], is_first=True)
        elif case.kind is None:
            # deleted as it should be, between the nights
            gone = replace(tell(case.life), is_deleted=True, listed=False, counted=None, updated_at=NIGHTS[0])
            yield from landings(case.source, case.account, [gone, *neighbours], is_first=False)
        elif case.kind.night:
            # nothing of the deletion but the list and the totals reaches us
            yield from landings(case.source, case.account, [case.told, *neighbours], is_first=False)
        elif case.kind.heals:
            yield from landings(case.source, case.account, [tell(case.life), *neighbours], is_first=False)


def _keys(cases: list[Case]) -> dict[str, str]:
    """Key of a deal, stage or pipeline → account."""
    keys = {}
    places = list(STAGES) + [f"{p}|{stage}" for p in STAGES for stages in STAGES.values() for stage, _ in stages]
    for case in cases:
        keys |= {
            deal_key(case.source.system, case.account, each): case.account
            for each in ("1", *(life.deal_id for life in case.bystanders))
        }
        keys |= {stable_key(case.source.system, case.account, each): case.account for each in places}
    return keys


def _named(warehouse: Warehouse, accounts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(test, account) for every row that a failing or warning test returns."""
    with warehouse.connect() as connection:
        for name in ("marts", "detail"):
            connection.execute(f"attach '{warehouse.files[name]}' as {name} (read_only)")
        for each in warehouse.results.result:
            if each.status in ("pass", "skipped"):
                continue
            if each.status == "error":
                raise AssertionError(f"{each.node.name}: {each.message}")
            rows = connection.execute(each.node.compiled_code).fetchall()
            for row in rows:
                words = " ".join(str(value) for value in row)
                yield from ((_test_name(each.node), account) for account in {*_ACCOUNT.findall(words)})
                yield from ((_test_name(each.node), accounts[key]) for key in {*_KEY.findall(words)} if key in accounts)


def _test_name(node: Any) -> str:
    kind = node.test_metadata.name if node.test_metadata else node.name
    return str(kind if node.name.startswith(kind) else node.name)


def tally(cases: Iterable[Case]) -> tuple[list[Judged], list[str]]:
    """One row per source and kind, and sentences on what must not be: evident faults missed, healthy accounts named, scars that stay."""
    judged: dict[tuple[str, str], Judged] = {}
    sentences: list[str] = []
    for case in cases:
        if case.kind is None:
            named = case.caught[0] | case.caught[1]
            if named:
                sentences.append(f"False alarm: {', '.join(sorted(named))} named the healthy account {case.account}.")
            continue
        row = judged.setdefault((case.source.name, case.kind.name), Judged(case.source.name, case.kind.name))
        row.planted += 1
        if case.kind.heals and case.caught[1]:
            sentences.append(
                f"{case.account}, {case.source.name}, {case.kind.name}: red after it healed ({case.caught[1]})."
            )
        row.harmless += case.is_harmless and not case.evidence
        row.evident += bool(case.evidence)
        row.caught += case.is_caught and bool(case.evidence)
        row.tests.update(case.caught[case.kind.night])
        if case.evidence and not case.is_caught:
            words = ", ".join(sorted(case.evidence))
            sentences.append(
                f"Missed: {case.account}, {case.source.name}, {case.kind.name}, although {words} disagree."
            )
        if not case.evidence and case.is_caught:
            sentences.append(
                f"Named without evidence: {case.account}, {case.source.name}, {case.kind.name}: {case.caught}."
            )
    return list(judged.values()), sentences


def by_test(judged: Iterable[Judged]) -> dict[str, Counter[str]]:
    """Test → kind → how many faults it named."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in judged:
        for test, count in row.tests.items():
            found[test][row.kind] += count
    return found
