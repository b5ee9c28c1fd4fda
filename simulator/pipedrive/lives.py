"""The life of one deal as Pipedrive sees it: what its changelog says, and its state at any instant.

Differences from the company's own log that follow from what Pipedrive can express: a change counts when it is entered, never earlier;
won and lost are a status, and the deal keeps its open stage; there is one kind of lost; an amount is never empty; every deal has a
user; closing leaves the expected close date alone; a pipeline follows from its stage.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from simulator import deals, pipelines
from simulator.company import Company
from simulator.events import AMOUNT, CLOSE, CURRENCY, NULL, OWNER, REASON, STAGE
from simulator.pipedrive.answers import day
from simulator.pipedrive.identities import ADMIN_ID, PIPELINE_OF_STAGE, STAGE_ID, identify


@dataclass(frozen=True)
class DealState:
    """What the record shows; instants in ms."""

    stage_id: int
    status: str = "open"
    value: int = 0
    currency: str = "EUR"
    expected_close_date: str | None = None
    user_id: int = ADMIN_ID
    lost_reason: str | None = None
    stage_change_time: int | None = None
    won_time: int | None = None
    lost_time: int | None = None

    @property
    def pipeline(self) -> int:
        """The pipeline's code."""
        return PIPELINE_OF_STAGE[self.stage_id]

    def shown(self, key: str) -> str | None:
        """A field as the changelog writes it."""
        if key == "value":
            return money_text(self.value)
        found = getattr(self, key)
        return None if found is None else str(found)


@dataclass(frozen=True)
class LogRow:
    """One row of the changelog."""

    at: int
    field_key: str
    old: str | None
    new: str | None
    user_id: int


@dataclass
class Life:
    """All states a deal goes through, future ones included; `starts[i]` is when `states[i]` came into force."""

    created: int
    starts: list[int] = field(default_factory=list)
    states: list[DealState] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)

    def state_at(self, at: int) -> DealState:
        """The state in force at an instant (not before the creation)."""
        return self.states[max(bisect_right(self.starts, at) - 1, 0)]

    def log_until(self, at: int) -> list[LogRow]:
        """The changelog's rows up to an instant, oldest first."""
        return self.log[: bisect_right(self.log, at, key=lambda row: row.at)]


def money(cents: int) -> int | float:
    """An amount as Pipedrive writes it into JSON."""
    return cents / 100 if cents % 100 else cents // 100


def money_text(cents: int) -> str:
    """An amount as the changelog writes it."""
    return f"{cents // 100}.{cents % 100:02d}".rstrip("0") if cents % 100 else str(cents // 100)


def life_of(company: Company, number: int) -> Life:
    """Everything that ever happens to one deal."""
    events = company.ledgers["deals"].events
    low, high = int(events.starts[number]), int(events.starts[number + 1])
    rows = sorted(
        zip(
            events.recorded[low:high].tolist(),
            range(high - low),
            events.which[low:high].tolist(),
            events.happened[low:high].tolist(),
            events.value[low:high].tolist(),
            strict=True,
        )
    )
    created = rows[0][0]
    newest: dict[int, int] = {}
    life = Life(created)
    state = DealState(stage_id=0)
    is_born = False
    for recorded, rank, which, happened, value in rows:
        if rank < newest.get(which, -1) or (which == CLOSE and value == happened):
            continue  # entered late and overtaken already; or the date that closing sets elsewhere
        is_first = not is_born and which not in newest and recorded == created and happened == created
        newest[which] = rank
        after = _after(state, which, value, recorded)
        if after is None:
            continue
        if is_first:
            state = after
            continue
        if not is_born:
            is_born = True
            life.starts.append(created)
            life.states.append(_begun(state, created))
            state = life.states[0]
            after = _after(state, which, value, recorded) or state
        life.log += _differences(state, after, recorded)
        if after != state:
            life.starts.append(recorded)
            life.states.append(after)
            state = after
    if not is_born:
        life.starts.append(created)
        life.states.append(_begun(state, created))
    return life


def _begun(state: DealState, created: int) -> DealState:
    # What is entered when all is over is closed at its creation; the stage has not changed since.
    return replace(
        state,
        stage_change_time=None,
        won_time=created if state.status == "won" else None,
        lost_time=created if state.status == "lost" else None,
    )


def _after(state: DealState, which: int, value: int, at: int) -> DealState | None:
    """The state after an event; None for what Pipedrive does not keep."""
    if which == STAGE:
        return _moved(state, value, at)
    if which == AMOUNT:
        return replace(state, value=0 if value == NULL else value)
    if which == CURRENCY:
        return replace(state, currency=deals.CURRENCIES[value])
    if which == CLOSE:
        return replace(state, expected_close_date=None if value == NULL else day(value))
    if which == OWNER:
        return replace(state, user_id=ADMIN_ID if value == NULL else identify("users", value))
    if which == REASON:
        return replace(state, lost_reason=deals.LOST_REASONS[value])
    return None


def _moved(state: DealState, code: int, at: int) -> DealState:
    stage = pipelines.STAGES[code]
    pipeline = pipelines.PIPELINE_CODE[stage.pipeline]
    if stage.kind == "open":
        stage_id, status = STAGE_ID[code], "open"
    else:
        # Closed: the stage stays, unless the pipeline changed with the close.
        stays = bool(state.stage_id) and state.pipeline == pipeline
        stage_id = state.stage_id if stays else STAGE_ID[int(pipelines.OPEN[pipeline, 0])]
        status = stage.kind
    return replace(
        state,
        stage_id=stage_id,
        status=status,
        stage_change_time=at if stage_id != state.stage_id else state.stage_change_time,
        won_time=None if status != "won" else at if state.status != "won" else state.won_time,
        lost_time=None if status != "lost" else at if state.status != "lost" else state.lost_time,
        lost_reason=state.lost_reason if status == "lost" else None,
    )


def _differences(before: DealState, after: DealState, at: int) -> list[LogRow]:
    return [
        LogRow(at, key, before.shown(key), after.shown(key), after.user_id)
        for key in ("stage_id", "status", "value", "currency", "expected_close_date", "user_id", "lost_reason")
        if before.shown(key) != after.shown(key)
    ]
