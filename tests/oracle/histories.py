"""Random companies in the contract of the `files` source: deals whose lives hold every kind of move and every kind of tie.

`found_company(seed, deal_count)` gives a company, `live_on(company, seed)` the same company one night later (late
history, retracted events, vanished deals, merges …), `write_folder` its CSV files and `histogram` how many deals show
each kind. The same seed gives the same files. The generator states no expected result: that is the ledger's work.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

Cell = str | None
Table = list[dict[str, Cell]]

KINDS = {
    "creation rows": "every field has a row for the creation",
    "creation row of the stage only": "the other fields' creation values come from first old values or current values",
    "no creation rows": "the history begins with the first change",
    "no old values": "rows without old_value",
    "never moved": "no row of field stage beyond the creation",
    "no history at all": "no row in deal_changes",
    "created closed, with row": "the creation row leads into a closed stage",
    "created closed, without history": "a closed stage, no closed_at, no row of field stage",
    "closed without history": "closed_at and a closed stage, no row of field stage",
    "closed without history at its creation": "the same, closed_at = created_at",
    "advance": "to the next open stage",
    "skip": "over at least one open stage",
    "back": "to an earlier open stage",
    "re-entry": "into an open stage the deal was in before",
    "equal states": "a row whose new stage is the stage in force",
    "pipeline before stage": "pipeline row, then stage row, at one instant",
    "stage before pipeline": "stage row, then pipeline row, at one instant",
    "pipeline with several stages": "one pipeline row and two stage rows of the new pipeline at one instant",
    "stage left behind": "a stage row of the old pipeline, then the pipeline move, at one instant",
    "pipeline alone": "a pipeline row without a stage row; the stage id exists in both pipelines",
    "pipeline move and won": "moved into a won stage of another pipeline in one move",
    "pipeline move, then won": "moved and won by a second stage row of the same instant",
    "two pipeline moves": "two pipeline rows and their stage rows at one instant",
    "won": "open to won",
    "lost": "open to lost",
    "won to lost": "between closed stages",
    "lost to won": "between closed stages",
    "won to won": "between two won stages",
    "re-opened": "closed to open",
    "re-opened elsewhere": "closed to an open stage of another pipeline",
    "closed_at disagrees": "the record's closed_at is not the last transition into a closed stage",
    "deleted": "is_deleted and deleted_at",
    "deleted at a move": "deleted_at = the instant of the last change",
    "merged": "merged_into_deal_id and deleted_at",
    "merged at a move": "merged at the instant of the last change",
    "tie with sequence": "several rows at one instant, with sequence, file order another",
    "tie without sequence": "several rows at one instant, ordered by the file alone",
    "tie at the creation": "a change at created_at",
    "transient": "two stage changes at one instant",
    "there and back at once": "left and re-entered a stage at one instant",
    "amount before the move": "amount row before the stage row of the same instant",
    "amount after the move": "amount row after the stage row of the same instant",
    "two amounts at once": "two amount rows at one instant",
    "currency at a move": "currency row at the instant of a stage row",
    "owner at a move": "owner row at the instant of a stage row",
    "expected close at a move": "expected_close row at the instant of a stage row",
    "expected close at closing": "expected_close row at the instant of the close",
    "expected close after closing": "expected_close row while closed",
    "amount after closing": "amount row while closed",
    "owner while open": "owner row on its own while the deal is open",
    "owner while closed": "owner row on its own while the deal is closed",
    "currency while open": "currency row on its own while the deal is open",
    "currency while closed": "currency row on its own while the deal is closed",
    "currency and amount at once": "both rows at one instant while the deal is open",
    "owner and amount at once": "both rows at one instant while the deal is open",
    "currency and owner at once": "both rows at one instant while the deal is open",
    "amount there and back at once": "two amount rows at one instant that lead back to the first amount",
    "amount and expected close at once": "both rows at one instant",
    "pipeline move and lost": "moved into a lost stage of another pipeline in one move",
    "closed to closed elsewhere": "from a closed stage into a closed stage of another pipeline",
    "no currency": "created without a currency",
    "no rate": "a currency without any exchange rate",
    "rate by its inverse": "a currency whose rates are stated the other way round alone",
    "no amount": "the deal never had one",
    "amount set later": "empty at the creation, first old_value empty",
    "no owner": "created without an owner",
    "cleared": "amount, owner or expected close set to nothing",
}
LATER_KINDS = {
    "new deal": "first seen on the later night",
    "went on": "new changes after the old ones",
    "late move": "a back-dated stage change between two known ones",
    "late amount": "a back-dated amount change before a known one",
    "late amount before a tie": "the known one ties with other rows and has no sequence; its old value changes",
    "same move before": "a back-dated row gives a known stage change's own stage: the known one was no change",
    "same amount before": "a back-dated row gives a known amount change's own amount",
    "last move retracted": "the last stage row vanished and the record went back",
    "last amount retracted": "the last amount row vanished and the record went back",
    "instant corrected": "a row's changed_at is another",
    "history arrived": "a deal without any history gets it",
    "vanished": "the deal and its rows are no longer in the folder",
    "deleted later": "deleted between the nights",
    "merged later": "merged between the nights",
    "restored": "deleted on the first night, there again on the second",
    "amount observed": "another amount, no row of field amount",
    "owner observed": "another owner, no row of field owner",
    "stages reordered": "the deal's pipeline has another stage order now",
}
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK")  # CHF by its inverse alone, SEK without a rate
EPOCH = datetime(2023, 1, 2, tzinfo=UTC)
COLUMNS = {
    "pipelines": ("pipeline_id", "pipeline_name"),
    "stages": ("pipeline_id", "stage_id", "stage_name", "stage_order", "stage_kind", "default_probability"),
    "owners": ("owner_id", "owner_name", "email", "team"),
    "companies": ("company_id", "company_name", "created_at"),
    "deals": (
        "deal_id",
        "pipeline_id",
        "stage_id",
        "created_at",
        "deal_name",
        "deal_amount",
        "currency_code",
        "closed_at",
        "expected_close_date",
        "owner_id",
        "company_id",
        "is_deleted",
        "deleted_at",
        "merged_into_deal_id",
        "updated_at",
    ),
    "deal_changes": ("deal_id", "field", "old_value", "new_value", "changed_at", "sequence"),
    "exchange_rates": ("date", "from_currency", "to_currency", "rate"),
}


@dataclass(frozen=True)
class Stage:
    stage_id: str
    name: str
    order: int
    kind: str


@dataclass
class Pipeline:
    pipeline_id: str
    stages: list[Stage]

    def of_kind(self, kind: str) -> list[str]:
        """Stage ids of a kind, in their order."""
        return [stage.stage_id for stage in sorted(self.stages, key=lambda s: s.order) if stage.kind == kind]

    def kind(self, stage_id: str) -> str | None:
        return next((stage.kind for stage in self.stages if stage.stage_id == stage_id), None)


@dataclass
class Entry:
    """One row of deal_changes in the making."""

    field: str
    old: Cell
    new: Cell
    at: datetime
    sequence: int | None
    spelling: int


@dataclass
class Life:
    """One deal: its values now and the rows of its history, in true order."""

    deal_id: str
    created_at: datetime
    now: dict[str, Cell]
    sequence_style: str
    states_old: bool
    at: datetime
    rows: list[Entry] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    closed_at: datetime | None = None
    deleted_at: datetime | None = None
    merged_into: str | None = None
    is_deleted_cell: Cell = None
    updated_at: datetime | None = None
    has_stage_history: bool = True
    next_sequence: int = 1

    @property
    def pipeline_id(self) -> str:
        return str(self.now["pipeline"])

    @property
    def stage_id(self) -> str:
        return str(self.now["stage"])

    @property
    def is_gone(self) -> bool:
        return self.deleted_at is not None

    @property
    def changed_pipeline(self) -> bool:
        return any(row.field == "pipeline" and (row.at > self.created_at or row.old is not None) for row in self.rows)

    def stage_rows(self) -> list[Entry]:
        return [row for row in self.rows if row.field == "stage"]


Step = Callable[[random.Random, "Company", Life], None]


@dataclass
class Company:
    pipelines: list[Pipeline]
    owners: list[str]
    lives: list[Life]
    order_seed: int
    hidden: set[str] = field(default_factory=set)

    def pipeline(self, pipeline_id: str) -> Pipeline:
        return next(p for p in self.pipelines if p.pipeline_id == pipeline_id)

    @property
    def tables(self) -> dict[str, Table]:
        """The tables of the folder, rows in the order of the files."""
        return _tables(self)


def histogram(company: Company) -> Counter[str]:
    """How many deals show each kind."""
    return Counter(kind for life in company.lives for kind in life.kinds)


def found_company(seed: int, deal_count: int) -> Company:
    """A company with `deal_count` deals; from about 400 deals on every kind is there."""
    rng = random.Random(seed)
    company = Company(_pipelines(rng), [f"{n:02d}" for n in range(1, 7)], [], rng.randrange(2**32))
    for number in range(1, deal_count + 1):
        script = SCRIPTS[number - 1] if number <= len(SCRIPTS) else None
        company.lives.append(_live(rng, company, f"{number:06d}", script))
    return company


def write_folder(tables: dict[str, Table], folder: Path) -> None:
    """One CSV file per table: UTF-8, header row, an empty cell for None."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS[name], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


# --- the company ---------------------------------------------------------------------------------------------------


def _pipelines(rng: random.Random) -> list[Pipeline]:
    """Two pipelines that share stage ids, and two to three with their own."""
    shared = [f"s{n}" for n in range(1, rng.randint(3, 5))]
    pipelines = []
    for number in range(rng.randint(4, 5)):
        pipeline_id = f"0{number + 1}"
        if number < 2:
            own = [f"{pipeline_id}-own"]
            opened = rng.sample(shared, len(shared)) + own
            won, lost = ["won"], ["lost", f"{pipeline_id}-no"]
        else:
            opened = [f"{pipeline_id}.{n}" for n in range(1, rng.randint(3, 5))]
            won = [f"{pipeline_id}.w{n}" for n in range(1, rng.randint(2, 3))]
            lost = [f"{pipeline_id}.l{n}" for n in range(1, rng.randint(2, 3))]
        kinds = [*((s, "open") for s in opened), *((s, "won") for s in won), *((s, "lost") for s in lost)]
        # with gaps, and closed stages anywhere: only the order among open stages may count
        orders = rng.sample(range(90), len(kinds))
        opened_orders = sorted(orders[: len(opened)])
        orders[: len(opened)] = opened_orders
        stages = [
            Stage(stage_id, f"{kind}, “{stage_id}”", order, kind)
            for (stage_id, kind), order in zip(kinds, orders, strict=True)
        ]
        rng.shuffle(stages)
        pipelines.append(Pipeline(pipeline_id, stages))
    # a pipeline with two won stages always exists, for won -> won
    last = pipelines[-1]
    if len(last.of_kind("won")) == 1:
        last.stages.append(Stage(f"{last.pipeline_id}.w9", "won, again", 95, "won"))
    return pipelines


def _live(rng: random.Random, company: Company, deal_id: str, script: tuple[str, ...] | None) -> Life:
    start = script[0] if script else rng.choices([name for name, _ in STARTS], [weight for _, weight in STARTS])[0]
    pipeline = rng.choice(company.pipelines)
    if script and "won_to_won" in script:
        pipeline = company.pipelines[-1]  # the one that is sure to have two won stages
    if script and "pipeline_alone" in script:
        pipeline = company.pipelines[0]  # shares stage ids
    life = _create(rng, company, pipeline, deal_id, start)
    steps = list(script[1:]) if script else [_draw(rng) for _ in range(rng.choice((0, 1, 1, 2, 3, 4, 6, 9)))]
    if start in ("no_history", "created_closed_bare"):
        steps = []
    for step in steps:
        if life.is_gone:
            break
        _tick(rng, life, tie=rng.random() < 0.18 and not script)
        STEPS[step](rng, company, life)
    if script is None and not life.is_gone and rng.random() < 0.12:
        _tick(rng, life, tie=False)
        rng.choice((_delete, _merge, _delete_at_move, _merge_at_move))(rng, company, life)
    _close_record(rng, company, life, start)
    _mark(life)
    return life


def _create(rng: random.Random, company: Company, pipeline: Pipeline, deal_id: str, start: str) -> Life:
    opened = pipeline.of_kind("open")
    stage_id = opened[0] if rng.random() < 0.7 else rng.choice(opened)
    created_at = EPOCH + timedelta(seconds=rng.randrange(800 * 86400))
    if start.startswith("created_closed") or start == "closed_bare":
        stage_id = rng.choice(pipeline.of_kind("won") + pipeline.of_kind("lost"))
    now: dict[str, Cell] = {
        "stage": stage_id,
        "pipeline": pipeline.pipeline_id,
        "amount": _amount(rng),
        "currency": rng.choice(CURRENCIES),
        "expected_close": (created_at.date() + timedelta(days=rng.randint(5, 200))).isoformat(),
        "owner": rng.choice(company.owners),
    }
    has_rows = start in ("rows", "stage_row", "created_closed_row", "no_old")
    states_old = start != "no_old"
    if states_old and rng.random() < 0.2:
        now["amount"] = None
    if states_old and rng.random() < 0.1:
        now["owner"] = None
    if states_old and rng.random() < 0.1:
        now["expected_close"] = None
    if states_old and rng.random() < 0.05:
        now["currency"] = None
    life = Life(
        deal_id, created_at, now, rng.choice(("none", "all", "some instants")), states_old, created_at, updated_at=None
    )
    life.has_stage_history = start not in ("closed_bare", "created_closed_bare", "no_history")
    if life.now["owner"] is None:
        life.kinds.add("no owner")
    if life.now["currency"] is None:
        life.kinds.add("no currency")
    if start == "stage_row" or (start == "created_closed_row" and rng.random() < 0.5):
        life.kinds.add("creation row of the stage only")
        _enter(rng, life, "stage", None, stage_id)
    elif has_rows:
        life.kinds.add("creation rows")
        for name, value in now.items():
            if value is not None:
                _enter(rng, life, name, None, value)
    else:
        life.kinds.add("no creation rows")
    if start == "created_closed_row":
        life.kinds.add("created closed, with row")
    if not states_old:
        life.kinds.add("no old values")
    return life


def _close_record(rng: random.Random, company: Company, life: Life, start: str) -> None:
    """The record's own closed_at: often right, sometimes absent or wrong, needed where there is no history."""
    kind = company.pipeline(life.pipeline_id).kind(life.stage_id)
    if start == "closed_bare":
        at_creation = rng.random() < 0.15 and not life.is_gone
        life.closed_at = life.created_at if at_creation else life.at
        life.kinds.add("closed without history")
        if life.closed_at == life.created_at:
            life.kinds.add("closed without history at its creation")
    elif not life.stage_rows():
        life.closed_at = None
        if kind != "open":
            life.kinds.add("created closed, without history")
    elif kind != "open":
        choice = rng.random()
        last_move = life.stage_rows()[-1].at
        life.closed_at = last_move if choice < 0.6 else None if choice < 0.8 else last_move + timedelta(hours=7)
        if choice >= 0.8:
            life.kinds.add("closed_at disagrees")
    if rng.random() < 0.5:
        life.updated_at = max(life.at, life.deleted_at or life.at)


def _mark(life: Life) -> None:
    """The kinds that are seen from the whole life."""
    if all(row.at == life.created_at and row.old is None for row in life.stage_rows()):
        life.kinds.add("never moved")
    if not life.rows:
        life.kinds.add("no history at all")
    if life.now["amount"] is None and not any(row.field == "amount" for row in life.rows):
        life.kinds.add("no amount")
    currencies = {
        life.now["currency"],
        *(cell for row in life.rows if row.field == "currency" for cell in (row.old, row.new)),
    }
    if "CHF" in currencies:
        life.kinds.add("rate by its inverse")
    if "SEK" in currencies:
        life.kinds.add("no rate")
    changes = [row for row in life.rows if not (row.at == life.created_at and row.old is None)]
    per_instant = Counter(row.at for row in changes)
    moves = Counter(row.at for row in changes if row.field == "stage" and row.old != row.new)
    for row in changes:
        if per_instant[row.at] > 1:
            life.kinds.add("tie without sequence" if row.sequence is None else "tie with sequence")
        if moves[row.at] > 1:
            life.kinds.add("transient")
    if life.created_at in per_instant:
        life.kinds.add("tie at the creation")


# --- steps of a life -----------------------------------------------------------------------------------------------


def _amount(rng: random.Random) -> str:
    return rng.choice((f"{rng.randint(1, 90_000)}", f"{rng.randint(1, 9_000_000) / 100:.2f}", "0", "1500.5"))


def _tick(rng: random.Random, life: Life, tie: bool) -> None:
    """Lets time pass, or not: then the next rows tie with the last ones."""
    if tie:
        return
    seconds = rng.choice((1, 59, 3600 * rng.randint(1, 30), 86400 * rng.randint(1, 25), rng.randint(1, 2_000_000)))
    life.at += timedelta(seconds=seconds, milliseconds=rng.choice((0, 0, 0, 1, 250, 999)))


def _enter(rng: random.Random, life: Life, name: str, old: Cell, new: Cell) -> None:
    """Writes one row at the life's instant."""
    same_instant = [row for row in life.rows if row.at == life.at]
    if same_instant:
        has_sequence = same_instant[0].sequence is not None  # never mixed at one instant
    else:
        has_sequence = life.sequence_style == "all" or (life.sequence_style != "none" and rng.random() < 0.5)
    sequence = None
    if has_sequence:
        sequence = life.next_sequence
        life.next_sequence += rng.randint(1, 9)
    life.rows.append(Entry(name, old if life.states_old else None, new, life.at, sequence, rng.randrange(4)))
    life.now[name] = new


def _set(rng: random.Random, life: Life, name: str, new: Cell) -> None:
    entry = (name, life.now[name] if life.states_old else None, new)
    is_twin = any(row.at == life.at and (row.field, row.old, row.new) == entry for row in life.rows)
    if not is_twin and life.now[name] != new:  # two equal rows at one instant would be one key twice
        _enter(rng, life, name, life.now[name], new)


def _is_closed(company: Company, life: Life) -> bool:
    return company.pipeline(life.pipeline_id).kind(life.stage_id) != "open"


def _go(rng: random.Random, company: Company, life: Life, wanted: Callable[[int, int], bool], kind: str) -> None:
    """Moves to an open stage whose rank fits, if the deal is open and there is one."""
    if not life.has_stage_history or _is_closed(company, life):
        return
    opened = company.pipeline(life.pipeline_id).of_kind("open")
    here = opened.index(life.stage_id)
    targets = [stage for rank, stage in enumerate(opened) if wanted(here, rank)]
    if not targets:
        return
    target = rng.choice(targets)
    life.kinds.add(kind)
    if target in {row.new for row in life.stage_rows()}:
        life.kinds.add("re-entry")
    _set(rng, life, "stage", target)


def _advance(rng: random.Random, company: Company, life: Life) -> None:
    _go(rng, company, life, lambda here, there: there == here + 1, "advance")


def _skip(rng: random.Random, company: Company, life: Life) -> None:
    _go(rng, company, life, lambda here, there: there > here + 1, "skip")


def _back(rng: random.Random, company: Company, life: Life) -> None:
    _go(rng, company, life, lambda here, there: there < here, "back")


def _stay(rng: random.Random, company: Company, life: Life) -> None:
    """A row that says what was already so."""
    twin = any(row.at == life.at and row.field == "stage" for row in life.rows)
    if life.has_stage_history and life.stage_rows() and not twin:
        life.kinds.add("equal states")
        _enter(rng, life, "stage", life.stage_id, life.stage_id)


def _transient(rng: random.Random, company: Company, life: Life) -> None:
    _advance(rng, company, life)
    rng.choice((_advance, _back, _win, _lose, _skip))(rng, company, life)


def _there_and_back(rng: random.Random, company: Company, life: Life) -> None:
    if _is_closed(company, life) or not life.has_stage_history or any(row.at == life.at for row in life.rows):
        return
    home = life.stage_id
    _advance(rng, company, life)
    if life.stage_id != home:
        life.kinds.add("there and back at once")
        _set(rng, life, "stage", home)


def _close(rng: random.Random, company: Company, life: Life, kind: str, label: str, source: str) -> None:
    here = company.pipeline(life.pipeline_id)
    if not life.has_stage_history or here.kind(life.stage_id) != source:
        return
    targets = [stage for stage in here.of_kind(kind) if stage != life.stage_id]
    if targets:
        life.kinds.add(label)
        _set(rng, life, "stage", rng.choice(targets))


def _win(rng: random.Random, company: Company, life: Life) -> None:
    _close(rng, company, life, "won", "won", "open")


def _lose(rng: random.Random, company: Company, life: Life) -> None:
    _close(rng, company, life, "lost", "lost", "open")


def _won_to_lost(rng: random.Random, company: Company, life: Life) -> None:
    _close(rng, company, life, "lost", "won to lost", "won")


def _lost_to_won(rng: random.Random, company: Company, life: Life) -> None:
    _close(rng, company, life, "won", "lost to won", "lost")


def _won_to_won(rng: random.Random, company: Company, life: Life) -> None:
    _close(rng, company, life, "won", "won to won", "won")


def _reopen(rng: random.Random, company: Company, life: Life) -> None:
    if life.has_stage_history and _is_closed(company, life):
        life.kinds.add("re-opened")
        _set(rng, life, "stage", rng.choice(company.pipeline(life.pipeline_id).of_kind("open")))


def _may_move_pipeline(life: Life, target: Pipeline) -> bool:
    """One pipeline change an instant, and no earlier stage change of the instant that the new pipeline would claim and leave."""
    if not life.has_stage_history:
        return False
    same_instant = [row for row in life.rows if row.at == life.at]
    if any(row.field == "pipeline" for row in same_instant):
        return False
    # the creation row pairs with nothing, but whether it does is nobody's rule: keep the two apart
    return not any(row.field == "stage" and target.kind(row.new or "") is not None for row in same_instant)


def _other_pipeline(rng: random.Random, company: Company, life: Life, wants_shared: bool = False) -> Pipeline | None:
    others = [p for p in company.pipelines if p.pipeline_id != life.pipeline_id and _may_move_pipeline(life, p)]
    if wants_shared:
        others = [p for p in others if p.kind(life.stage_id) is not None]
    return rng.choice(others) if others else None


def _move(
    rng: random.Random, company: Company, life: Life, order: str, kind: str, targets: Callable[[Pipeline], list[str]]
) -> None:
    """Moves to another pipeline; `order` spells the rows: p the pipeline, s the next stage of `targets`."""
    target = _other_pipeline(rng, company, life)
    if target is None:
        return
    stages = [stage for stage in targets(target) if stage != life.stage_id]
    if len(stages) < order.count("s"):
        return
    life.kinds.add(kind)
    remaining = iter(stages)
    for letter in order:
        if letter == "p":
            _set(rng, life, "pipeline", target.pipeline_id)
        else:
            _set(rng, life, "stage", next(remaining))


def _shuffled_open(rng: random.Random) -> Callable[[Pipeline], list[str]]:
    return lambda pipeline: rng.sample(pipeline.of_kind("open"), len(pipeline.of_kind("open")))


def _pipeline_first(rng: random.Random, company: Company, life: Life) -> None:
    kind = "re-opened elsewhere" if _is_closed(company, life) else "pipeline before stage"
    _move(rng, company, life, "ps", kind, _shuffled_open(rng))


def _stage_first(rng: random.Random, company: Company, life: Life) -> None:
    kind = "re-opened elsewhere" if _is_closed(company, life) else "stage before pipeline"
    _move(rng, company, life, "sp", kind, _shuffled_open(rng))


def _several(rng: random.Random, company: Company, life: Life) -> None:
    _move(rng, company, life, rng.choice(("pss", "sps", "ssp")), "pipeline with several stages", _shuffled_open(rng))


def _left_behind(rng: random.Random, company: Company, life: Life) -> None:
    """A stage change of the old pipeline and a pipeline move at one instant, in the order old stage, then the move."""
    if _is_closed(company, life) or not life.has_stage_history:
        return
    before = life.stage_id
    here = company.pipeline(life.pipeline_id)
    targets = [
        p
        for p in company.pipelines
        if p is not here and _may_move_pipeline(life, p) and any(p.kind(s) is None for s in here.of_kind("open"))
    ]
    if not targets:
        return
    target = rng.choice(targets)
    steps = [s for s in here.of_kind("open") if s != before and target.kind(s) is None]
    ends = [s for s in target.of_kind("open") if here.kind(s) is None]
    if not steps or not ends:
        return
    life.kinds.add("stage left behind")
    rows = [("stage", rng.choice(steps)), ("pipeline", target.pipeline_id), ("stage", rng.choice(ends))]
    if rng.random() < 0.3:
        rows = [rows[1], rows[0], rows[2]]
    elif rng.random() < 0.3:
        rows = [rows[0], rows[2], rows[1]]
    for name, value in rows:
        _set(rng, life, name, value)


def _pipeline_alone(rng: random.Random, company: Company, life: Life) -> None:
    target = _other_pipeline(rng, company, life, wants_shared=True)
    if target is not None:
        life.kinds.add("pipeline alone")
        _set(rng, life, "pipeline", target.pipeline_id)


def _move_and_win(rng: random.Random, company: Company, life: Life) -> None:
    order = rng.choice(("ps", "sp"))
    _move(rng, company, life, order, "pipeline move and won", lambda pipeline: pipeline.of_kind("won"))


def _move_and_lose(rng: random.Random, company: Company, life: Life) -> None:
    if not _is_closed(company, life):
        order = rng.choice(("ps", "sp"))
        _move(rng, company, life, order, "pipeline move and lost", lambda pipeline: pipeline.of_kind("lost"))


def _closed_elsewhere(rng: random.Random, company: Company, life: Life) -> None:
    if _is_closed(company, life):
        kinds = rng.choice((("won", "lost"), ("lost", "won")))
        _move(
            rng,
            company,
            life,
            rng.choice(("ps", "sp")),
            "closed to closed elsewhere",
            lambda pipeline: [stage for kind in kinds for stage in pipeline.of_kind(kind)],
        )


def _move_then_win(rng: random.Random, company: Company, life: Life) -> None:
    order = rng.choice(("pss", "sps"))
    _move(
        rng,
        company,
        life,
        order,
        "pipeline move, then won",
        lambda pipeline: (
            [rng.choice([s for s in pipeline.of_kind("open") if s != life.stage_id]), *pipeline.of_kind("won")]
        ),
    )


def _two_moves(rng: random.Random, company: Company, life: Life) -> None:
    """Through a second into a third pipeline at one instant; only among pipelines that share no stage id."""
    if not life.has_stage_history or any(row.at == life.at for row in life.rows):
        return
    apart = [p for p in company.pipelines[1:] if p.pipeline_id != life.pipeline_id and not p.kind(life.stage_id)]
    if len(apart) < 2:
        return
    life.kinds.add("two pipeline moves")
    for pipeline in rng.sample(apart, 2):
        rows = [("pipeline", pipeline.pipeline_id), ("stage", rng.choice(pipeline.of_kind("open")))]
        for name, value in rng.sample(rows, 2):
            _set(rng, life, name, value)


def _set_amount(rng: random.Random, company: Company, life: Life) -> None:
    if life.now["amount"] is None:
        life.kinds.add("amount set later")
    if _is_closed(company, life):
        life.kinds.add("amount after closing")
    _set(rng, life, "amount", _amount(rng))


def _two_amounts(rng: random.Random, company: Company, life: Life) -> None:
    life.kinds.add("two amounts at once")
    first = rng.randint(1, 40_000)
    _set(rng, life, "amount", f"{first}.10")
    _set(rng, life, "amount", f"{first + rng.randint(1, 500)}.20")


def _any_move(rng: random.Random, company: Company, life: Life) -> bool:
    before = len(life.rows)
    steps = (_advance, _back, _skip, _win, _lose, _reopen, _won_to_lost, _lost_to_won)
    for step in rng.sample(steps, len(steps)):
        step(rng, company, life)
        if len(life.rows) > before:
            return True
    return False


def _amount_before(rng: random.Random, company: Company, life: Life) -> None:
    before = life.now["amount"]
    _set(rng, life, "amount", f"{rng.randint(1, 40_000)}.33")
    if _any_move(rng, company, life) and life.now["amount"] != before:
        life.kinds.add("amount before the move")


def _amount_after(rng: random.Random, company: Company, life: Life) -> None:
    if _any_move(rng, company, life):
        life.kinds.add("amount after the move")
        _set(rng, life, "amount", f"{rng.randint(1, 40_000)}.44")


def _beside_move(name: str, kind: str) -> Callable[[random.Random, Company, Life], None]:
    def step(rng: random.Random, company: Company, life: Life) -> None:
        value = _another(rng, company, life, name)
        first = rng.random() < 0.5
        if first:
            _set(rng, life, name, value)
        moved = _any_move(rng, company, life)
        if not first:
            _set(rng, life, name, value)
        if moved:
            life.kinds.add(kind)

    return step


def _another(rng: random.Random, company: Company, life: Life, name: str) -> str:
    if name == "expected_close":
        day = date.fromisoformat(life.now[name] or life.created_at.date().isoformat())
        return (day + timedelta(days=rng.choice((-20, 7, 31, 90)))).isoformat()
    choices = CURRENCIES if name == "currency" else tuple(company.owners)
    return rng.choice([choice for choice in choices if choice != life.now[name]])


def _close_date_at_close(rng: random.Random, company: Company, life: Life) -> None:
    if life.has_stage_history and not _is_closed(company, life):
        life.kinds.add("expected close at closing")
        if rng.random() < 0.5:
            _set(rng, life, "expected_close", _another(rng, company, life, "expected_close"))
            rng.choice((_win, _lose))(rng, company, life)
        else:
            rng.choice((_win, _lose))(rng, company, life)
            _set(rng, life, "expected_close", _another(rng, company, life, "expected_close"))


def _close_date(rng: random.Random, company: Company, life: Life) -> None:
    if _is_closed(company, life):
        life.kinds.add("expected close after closing")
    _set(rng, life, "expected_close", _another(rng, company, life, "expected_close"))


def _clear(rng: random.Random, company: Company, life: Life) -> None:
    names = [name for name in ("amount", "owner", "expected_close") if life.now[name] is not None]
    if names:
        life.kinds.add("cleared")
        _set(rng, life, rng.choice(names), None)


def _alone(name: str) -> Step:
    def step(rng: random.Random, company: Company, life: Life) -> None:
        if not any(row.at == life.at for row in life.rows):
            life.kinds.add(f"{name} while {'closed' if _is_closed(company, life) else 'open'}")
        _set(rng, life, name, _another(rng, company, life, name))

    return step


def _at_once(*names: str) -> Step:
    """Changes of several values at one instant, in any order, while the deal is open."""

    def step(rng: random.Random, company: Company, life: Life) -> None:
        if _is_closed(company, life):
            return
        life.kinds.add(" and ".join(name.replace("_", " ") for name in names) + " at once")
        for name in rng.sample(names, len(names)):
            value = f"{rng.randint(1, 40_000)}.55" if name == "amount" else _another(rng, company, life, name)
            _set(rng, life, name, value)

    return step


def _amount_there_and_back(rng: random.Random, company: Company, life: Life) -> None:
    home = life.now["amount"]
    if home is None or any(row.at == life.at for row in life.rows):
        return
    life.kinds.add("amount there and back at once")
    _set(rng, life, "amount", f"{rng.randint(1, 40_000)}.66")
    _set(rng, life, "amount", home)


def _delete(rng: random.Random, company: Company, life: Life) -> None:
    life.kinds.add("deleted")
    life.deleted_at, life.is_deleted_cell = life.at, "true"


def _delete_at_move(rng: random.Random, company: Company, life: Life) -> None:
    if _any_move(rng, company, life):
        life.kinds.add("deleted at a move")
    _delete(rng, company, life)


def _merge(rng: random.Random, company: Company, life: Life) -> None:
    older = [o.deal_id for o in company.lives if o.deal_id < life.deal_id and o.deal_id not in company.hidden]
    if older:
        life.kinds.add("merged")
        life.deleted_at, life.merged_into = life.at, rng.choice(older)
        life.is_deleted_cell = rng.choice(("true", None))


def _merge_at_move(rng: random.Random, company: Company, life: Life) -> None:
    if _any_move(rng, company, life):
        life.kinds.add("merged at a move")
    _merge(rng, company, life)


STARTS = (
    ("rows", 30),
    ("stage_row", 12),
    ("bare", 30),
    ("no_old", 10),
    ("no_history", 4),
    ("created_closed_row", 4),
    ("created_closed_bare", 3),
    ("closed_bare", 7),
)
STEPS: dict[str, Step] = {
    "advance": _advance,
    "skip": _skip,
    "back": _back,
    "stay": _stay,
    "transient": _transient,
    "there_and_back": _there_and_back,
    "win": _win,
    "lose": _lose,
    "won_to_lost": _won_to_lost,
    "lost_to_won": _lost_to_won,
    "won_to_won": _won_to_won,
    "reopen": _reopen,
    "pipeline_first": _pipeline_first,
    "stage_first": _stage_first,
    "several": _several,
    "left_behind": _left_behind,
    "pipeline_alone": _pipeline_alone,
    "move_and_win": _move_and_win,
    "move_and_lose": _move_and_lose,
    "closed_elsewhere": _closed_elsewhere,
    "move_then_win": _move_then_win,
    "two_moves": _two_moves,
    "amount": _set_amount,
    "two_amounts": _two_amounts,
    "amount_before": _amount_before,
    "amount_after": _amount_after,
    "currency_at_move": _beside_move("currency", "currency at a move"),
    "owner_at_move": _beside_move("owner", "owner at a move"),
    "close_date_at_move": _beside_move("expected_close", "expected close at a move"),
    "close_date_at_close": _close_date_at_close,
    "close_date": _close_date,
    "clear": _clear,
    "owner": _alone("owner"),
    "currency": _alone("currency"),
    "currency_and_amount": _at_once("currency", "amount"),
    "owner_and_amount": _at_once("owner", "amount"),
    "currency_and_owner": _at_once("currency", "owner"),
    "amount_and_close_date": _at_once("amount", "expected_close"),
    "amount_there_and_back": _amount_there_and_back,
    "delete": _delete,
    "delete_at_move": _delete_at_move,
    "merge": _merge,
    "merge_at_move": _merge_at_move,
}
ENDS = ("delete", "delete_at_move", "merge", "merge_at_move")
OFTEN = ("advance", "skip", "back", "win", "lose", "reopen", "amount", "won_to_lost", "lost_to_won")


def _draw(rng: random.Random) -> str:
    return rng.choice(OFTEN) if rng.random() < 0.5 else rng.choice([name for name in STEPS if name not in ENDS])


# every step once on a deal that begins with creation rows and once on one without, so that a small company has all of them
SCRIPTS: list[tuple[str, ...]] = [
    *((start, step) for step in STEPS for start in ("rows", "bare")),
    *(("rows", "pipeline_alone") for _ in range(3)),
    *(
        (start, "advance", "win", step)
        for step in ("reopen", "won_to_lost", "won_to_won", "closed_elsewhere", "owner", "currency")
        for start in ("rows", "bare")
    ),
    *(
        (start, "lose", step, "reopen")
        for step in ("lost_to_won", "close_date", "amount")
        for start in ("no_old", "bare")
    ),
    ("bare", "win", "pipeline_first"),
    ("rows", "lose", "stage_first"),
    ("bare", "advance", "back", "advance"),
    ("created_closed_row", "reopen", "win"),
    ("created_closed_row",),
    ("created_closed_bare",),
    ("no_history",),
    ("closed_bare",),
    ("closed_bare", "amount", "owner"),
    ("closed_bare", "amount", "delete"),
    ("stage_row", "advance", "amount"),
    ("no_old", "advance", "transient"),
]


# --- one night later -----------------------------------------------------------------------------------------------


def live_on(company: Company, seed: int) -> Company:
    """The company one night later: each deal of the first night meets at most one of the later kinds."""
    rng = random.Random(seed)
    later = deepcopy(company)
    later.order_seed = rng.randrange(2**32)
    for life in later.lives:
        life.kinds = set()
    used: Counter[str] = Counter()
    for life in later.lives:
        # until every step was taken a few times a deal takes the rarest that fits it; then most deals rest
        if min(used[name] for name in LATER_STEPS) >= 3 and rng.random() < 0.6:
            continue
        for name in sorted(LATER_STEPS, key=lambda name: used[name]):
            LATER_STEPS[name](rng, later, life)
            if life.kinds:
                used[name] += 1
                break
        kind = later.pipeline(life.pipeline_id).kind(life.stage_id)
        if kind == "open" or not life.stage_rows():
            life.closed_at = life.closed_at if kind != "open" else None
    count = len(later.lives)
    for number in range(count + 1, count + 1 + max(3, count // 20)):
        life = _live(rng, later, f"{number:06d}", None)
        life.kinds.add("new deal")
        later.lives.append(life)
    _reorder(rng, later)
    return later


def _go_on(rng: random.Random, company: Company, life: Life) -> None:
    if life.is_gone or not life.has_stage_history or not life.rows:
        return
    before = len(life.rows)
    for _ in range(rng.randint(1, 3)):
        _tick(rng, life, tie=False)
        STEPS[_draw(rng)](rng, company, life)
    if len(life.rows) > before:
        life.kinds = {"went on"}


def _insert(rng: random.Random, life: Life, index: int, name: str, new: str) -> bool:
    """A row between row `index` and the field's row before it, at an instant of its own; the old values are mended."""
    later = life.rows[index]
    earlier = [row for row in life.rows[:index] if row.field == name]
    since = earlier[-1].at if earlier else life.created_at
    at = since + (later.at - since) / 3
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    if at in {row.at for row in life.rows} or not since < at < later.at:
        return False
    old = (earlier[-1].new if earlier else later.old) if life.states_old else None
    if not earlier and not life.states_old:
        return False
    life.rows.insert(index, Entry(name, old, new, at, None, rng.randrange(4)))
    if life.states_old:
        later.old = new
    return True


def _late_move(rng: random.Random, company: Company, life: Life) -> None:
    """A stage of the pipeline of that time, between two known stage changes, clear of pipeline moves and ties."""
    if life.is_gone or life.changed_pipeline:
        return
    moves = [i for i, row in enumerate(life.rows) if row.field == "stage" and row.at > life.created_at]
    moves = [i for i in moves if sum(row.at == life.rows[i].at for row in life.rows) == 1]
    opened = company.pipeline(life.pipeline_id).of_kind("open")
    if moves:
        index = rng.choice(moves)
        targets = [stage for stage in opened if stage not in (life.rows[index].new, life.rows[index].old)]
        if (
            targets
            and life.rows[index].old in (*opened, None)
            and _insert(rng, life, index, "stage", rng.choice(targets))
        ):
            life.kinds = {"late move"}


def _late_amount(before_tie: bool, kind: str) -> Step:
    def step(rng: random.Random, company: Company, life: Life) -> None:
        amounts = [i for i, row in enumerate(life.rows) if row.field == "amount" and row.at > life.created_at]
        if before_tie:
            amounts = [i for i in amounts if life.states_old and life.rows[i].sequence is None]
        amounts = [i for i in amounts if (sum(row.at == life.rows[i].at for row in life.rows) > 1) == before_tie]
        if not life.is_gone and amounts and _insert(rng, life, rng.choice(amounts), "amount", "777.77"):
            life.kinds = {kind}

    return step


def _same_before(name: str, kind: str) -> Step:
    """Clear of pipeline moves, closes and ties."""

    def step(rng: random.Random, company: Company, life: Life) -> None:
        if life.is_gone or life.changed_pipeline:
            return
        opened = company.pipeline(life.pipeline_id).of_kind("open")
        known = [i for i, row in enumerate(life.rows) if row.field == name and row.at > life.created_at and row.new]
        known = [i for i in known if sum(row.at == life.rows[i].at for row in life.rows) == 1]
        if name == "stage":
            known = [i for i in known if life.rows[i].new in opened and life.rows[i].old in (*opened, None)]
        if known:
            index = rng.choice(known)
            if _insert(rng, life, index, name, str(life.rows[index].new)):
                life.kinds = {kind}

    return step


def _retract(name: str, kind: str) -> Step:
    def step(rng: random.Random, company: Company, life: Life) -> None:
        rows = [row for row in life.rows if row.field == name]
        if life.is_gone or len(rows) < 2 or (name == "stage" and life.changed_pipeline):
            return
        last = rows[-1]
        if last.at == life.created_at:
            return
        life.rows = [row for row in life.rows if row is not last]
        life.now[name] = rows[-2].new
        life.kinds = {kind}

    return step


def _correct_instant(rng: random.Random, company: Company, life: Life) -> None:
    """The last row of the history lies an hour later than first stated."""
    if not life.is_gone and life.rows and life.rows[-1].at > life.created_at:
        last = life.rows[-1]
        if sum(row.at == last.at for row in life.rows) == 1:
            last.at += timedelta(hours=1)
            life.at = max(life.at, last.at)
            life.kinds = {"instant corrected"}


def _history_arrives(rng: random.Random, company: Company, life: Life) -> None:
    """A deal that came without history: now its rows are there, and lead to the values it has."""
    if life.rows or life.is_gone or life.closed_at is not None or _is_closed(company, life):
        return
    target = life.stage_id
    others = [stage for stage in company.pipeline(life.pipeline_id).of_kind("open") if stage != target]
    if others:
        life.kinds = {"history arrived"}
        life.has_stage_history = True
        life.now["stage"] = rng.choice(others)
        _tick(rng, life, tie=False)
        _set(rng, life, "stage", target)


def _vanish(rng: random.Random, company: Company, life: Life) -> None:
    if life.deal_id not in {other.merged_into for other in company.lives}:
        life.kinds = {"vanished"}
        company.hidden.add(life.deal_id)


def _delete_later(rng: random.Random, company: Company, life: Life) -> None:
    if not life.is_gone:
        _tick(rng, life, tie=False)
        life.kinds = {"deleted later"}
        life.deleted_at, life.is_deleted_cell = life.at, "true"


def _merge_later(rng: random.Random, company: Company, life: Life) -> None:
    older = [o.deal_id for o in company.lives if o.deal_id < life.deal_id and o.deal_id not in company.hidden]
    if not life.is_gone and older:
        _tick(rng, life, tie=False)
        life.kinds = {"merged later"}
        life.deleted_at, life.merged_into = life.at, rng.choice(older)


def _restore(rng: random.Random, company: Company, life: Life) -> None:
    if life.is_gone and life.merged_into is None:
        life.kinds = {"restored"}
        life.deleted_at, life.is_deleted_cell = None, None


def _observe(name: str, kind: str) -> Step:
    def step(rng: random.Random, company: Company, life: Life) -> None:
        if life.is_gone or any(row.field == name for row in life.rows):
            return
        life.kinds = {kind}
        life.now[name] = "4321.00" if name == "amount" else _another(rng, company, life, name)
        life.updated_at = None

    return step


def _reorder(rng: random.Random, company: Company) -> None:
    """Two open stages of the last pipeline change places from now on."""
    pipeline = company.pipelines[-1]
    first, second = pipeline.of_kind("open")[:2]
    orders = {stage.stage_id: stage.order for stage in pipeline.stages}
    orders[first], orders[second] = orders[second], orders[first]
    pipeline.stages = [Stage(s.stage_id, s.name, orders[s.stage_id], s.kind) for s in pipeline.stages]
    for life in company.lives:
        if life.pipeline_id == pipeline.pipeline_id:
            life.kinds.add("stages reordered")


LATER_STEPS: dict[str, Step] = {
    "go_on": _go_on,
    "late_move": _late_move,
    "late_amount": _late_amount(False, "late amount"),
    "late_amount_before_tie": _late_amount(True, "late amount before a tie"),
    "same_move_before": _same_before("stage", "same move before"),
    "same_amount_before": _same_before("amount", "same amount before"),
    "retract_move": _retract("stage", "last move retracted"),
    "retract_amount": _retract("amount", "last amount retracted"),
    "correct": _correct_instant,
    "history": _history_arrives,
    "vanish": _vanish,
    "delete": _delete_later,
    "merge": _merge_later,
    "restore": _restore,
    "observe_amount": _observe("amount", "amount observed"),
    "observe_owner": _observe("owner", "owner observed"),
}


# --- the files -----------------------------------------------------------------------------------------------------


def _spell(instant: datetime, spelling: int) -> str:
    """The same instant in one of the spellings the contract allows."""
    if spelling == 0:
        return instant.replace(tzinfo=None).isoformat()
    if spelling == 1:
        return instant.astimezone(timezone(timedelta(hours=2))).isoformat()
    if spelling == 2:
        return instant.astimezone(timezone(timedelta(hours=-5, minutes=-30))).isoformat()
    return instant.isoformat().replace("+00:00", "Z")


def _optional(instant: datetime | None) -> Cell:
    return None if instant is None else _spell(instant, 3)


def _tables(company: Company) -> dict[str, Table]:
    rng = random.Random(company.order_seed)
    lives = [life for life in company.lives if life.deal_id not in company.hidden]
    deals = [_deal_row(life) for life in lives]
    rng.shuffle(deals)
    return {
        "pipelines": [
            {"pipeline_id": p.pipeline_id, "pipeline_name": f"Pipe {p.pipeline_id}"} for p in company.pipelines
        ],
        "stages": [
            {
                "pipeline_id": pipeline.pipeline_id,
                "stage_id": stage.stage_id,
                "stage_name": stage.name,
                "stage_order": str(stage.order),
                "stage_kind": stage.kind,
                "default_probability": {"won": "1", "lost": "0"}.get(stage.kind, "0.4"),
            }
            for pipeline in company.pipelines
            for stage in pipeline.stages
        ],
        "owners": [
            {"owner_id": o, "owner_name": f"Seller {o}", "email": f"seller{o}@example.org", "team": None}
            for o in company.owners
        ],
        "companies": [{"company_id": "c1", "company_name": "Müller, “M” & Co.", "created_at": "2022-01-01T00:00:00Z"}],
        "deals": deals,
        "deal_changes": _change_rows(rng, lives),
        "exchange_rates": _rates(),
    }


def _rates() -> Table:
    """A rate a week, each another; some weeks a rate comes a day late (the one before is then seven days old) or not at all."""
    rows: Table = []
    for week in range(-1, 200):
        for number, (pair, rate) in enumerate((("USD EUR", 9137), ("GBP EUR", 11713), ("EUR CHF", 9531))):
            turn = (week + 5 * number) % 23
            if turn == 11:
                continue
            day = EPOCH.date() + timedelta(days=7 * week + (1 if turn == 4 else 0))
            stated = f"{(rate + (week * 37 + number) % 211) / 10_000:.4f}"
            source, target = pair.split()
            rows.append({"date": day.isoformat(), "from_currency": source, "to_currency": target, "rate": stated})
    return rows


def _deal_row(life: Life) -> dict[str, Cell]:
    return {
        "deal_id": life.deal_id,
        "pipeline_id": life.pipeline_id,
        "stage_id": life.stage_id,
        "created_at": _spell(life.created_at, 3),
        "deal_name": f"Deal {life.deal_id}, “first”",
        "deal_amount": life.now["amount"],
        "currency_code": life.now["currency"],
        "closed_at": _optional(life.closed_at),
        "expected_close_date": life.now["expected_close"],
        "owner_id": life.now["owner"],
        "company_id": "c1",
        "is_deleted": life.is_deleted_cell,
        "deleted_at": _optional(life.deleted_at),
        "merged_into_deal_id": life.merged_into,
        "updated_at": _optional(life.updated_at),
    }


def _change_rows(rng: random.Random, lives: list[Life]) -> Table:
    """Rows in random order, except where the file's order is the only one there is (a tie without sequence)."""
    placed: list[tuple[float, dict[str, Cell]]] = []
    for life in lives:
        by_instant: dict[datetime, list[Entry]] = {}
        for row in life.rows:
            by_instant.setdefault(row.at, []).append(row)
        for instant, rows in by_instant.items():
            positions = [rng.random() for _ in rows]
            if rows[0].sequence is None:
                positions.sort()
            for position, row in zip(positions, rows, strict=True):
                cells: dict[str, Cell] = {
                    "deal_id": life.deal_id,
                    "field": row.field,
                    "old_value": row.old,
                    "new_value": row.new,
                    "changed_at": _spell(instant, row.spelling),
                    "sequence": None if row.sequence is None else str(row.sequence),
                }
                placed.append((position, cells))
    return [cells for _, cells in sorted(placed, key=lambda pair: pair[0])]
