"""The life of deals: stages, amounts, dates, owners, and how some of them end up deleted, restored or merged.

`live` turns numbers into events for many deals at once: a loop over the moves of a life, each step an array over all deals that
still move. Nothing is drawn from a shared sequence, so a deal's life is the same in whatever company of neighbours it is made.
"""

from dataclasses import dataclass

import numpy as np

from simulator import links, pipelines
from simulator.chance import Flags, Floats, Ints, uniform, whole
from simulator.events import (
    AMOUNT,
    ARCHIVED,
    CLOSE,
    CREATED,
    CURRENCY,
    DELETED,
    MERGED_IN,
    NEVER,
    NULL,
    OWNER,
    PIPELINE,
    REASON,
    RESTORED,
    STAGE,
    STATUS,
    TOUCH,
    Emission,
    Events,
)
from simulator.seasons import DAY, HOUR, SECOND, Arrivals, batch, workday
from simulator.sellers import Sellers

CURRENCIES = ("EUR", "USD", "GBP")
LOST_REASONS = (
    "price",
    "competitor",
    "no_budget",
    "no_decision",
    "timing",
    "missing_feature",
    "not_qualified",
    "went_silent",
)
MOVES = 18
FIELDS = (STAGE, PIPELINE, AMOUNT, CURRENCY, CLOSE, OWNER, REASON)

_BLOCK = 64
_LOSERS = {7: 2, 9: 2, 23: 20, 41: 36, 58: 57}
"""Places in a block of 64 deals whose deal may be merged, and the place of the one that it goes into."""


@dataclass
class _Walk:
    """Where the deals stand in the middle of their lives; one place per deal."""

    numbers: Ints
    at: Ints
    pipeline: Ints
    rank: Ints
    stage: Ints
    moves_on: Flags


def _merged_at(seed: int, deals: Ints, arrivals: Arrivals) -> Ints:
    """When a deal is merged into another; NEVER for nearly all."""
    may = np.isin(deals % _BLOCK, list(_LOSERS)) & (uniform(seed, "deal.merged", deals) < 0.4)
    wait = 2 * HOUR + (uniform(seed, "deal.merged.wait", deals) * 60 * DAY).astype(np.int64)
    return np.asarray(np.where(may, arrivals.at(deals) + wait, NEVER), dtype=np.int64)


def _survives(deals: Ints) -> Flags:
    """Whether another deal may be merged into this one: then nothing else happens to it."""
    return np.isin(deals % _BLOCK, list(set(_LOSERS.values())))


def live(seed: int, deals: Ints, arrivals: Arrivals, sellers: Sellers) -> Events:
    """All events of consecutive deals, future ones included."""
    out = Emission()
    created = arrivals.at(deals)
    walk = _begin(seed, deals, created, sellers, out)
    for move in range(1, MOVES):
        _move(seed, move, walk, sellers, out)
    over = pipelines.IS_WON[walk.stage] | pipelines.IS_LOST[walk.stage]
    _hand_over(seed, deals, created, np.where(over, walk.at, NEVER), sellers, out)
    _touch(seed, deals, created, out)
    for place, survivor in _LOSERS.items():
        mine = deals[deals % _BLOCK == survivor]
        losers = mine + (place - survivor)
        when = _merged_at(seed, losers, arrivals)
        some = when < NEVER
        out.add(mine[some], MERGED_IN, when[some], losers[some])
    return _end(seed, out.close(int(deals[0]), len(deals)), deals, created, arrivals)


def _begin(seed: int, deals: Ints, created: Ints, sellers: Sellers, out: Emission) -> _Walk:
    pipeline = links.pipeline_of(seed, deals)
    # A few deals skip the first stages at once; some are entered when all is over.
    rank = (uniform(seed, "deal.first_rank", deals) < 0.08).astype(np.int64)
    stage = pipelines.OPEN[pipeline, rank]
    closed = links.begins_closed(seed, deals)
    won = uniform(seed, "deal.begins_won", deals) < 0.6
    stage = np.where(closed, np.where(won, pipelines.WON[pipeline], pipelines.LOST[pipeline]), stage)
    out.add(deals, STATUS, created, CREATED)
    out.add(deals, PIPELINE, created, pipeline)
    out.add(deals, STAGE, created, stage)
    amount = _amount(seed, "deal.amount", deals, pipeline)
    unknown = uniform(seed, "deal.amount.unknown", deals)
    amount = np.where(unknown < 0.12, NULL, np.where(unknown < 0.14, 0, amount))
    known = amount != NULL
    out.add(deals[known], AMOUNT, created[known], amount[known])
    out.add(deals, CURRENCY, created, first_currency(seed, deals))
    close = created // DAY * DAY + (30 + whole(seed, "deal.close", deals, 90)) * DAY
    close = np.where(closed, created, close)
    dated = closed | (uniform(seed, "deal.close.unknown", deals) > 0.04)
    out.add(deals[dated], CLOSE, created[dated], close[dated])
    owned = uniform(seed, "deal.unowned", deals) > 0.02
    out.add(deals[owned], OWNER, created[owned], sellers.pick("deal.owner", deals, created)[owned])
    # Copies: the walk changes its columns, the events above must not follow.
    return _Walk(deals, created.copy(), pipeline.copy(), rank, stage.copy(), ~closed)


def first_currency(seed: int, deals: Ints) -> Ints:
    """The currency (place in `CURRENCIES`) that a deal begins with."""
    share = uniform(seed, "deal.currency", deals)
    return np.asarray(np.where(share < 0.8, 0, np.where(share < 0.92, 1, 2)), dtype=np.int64)


def _amount(seed: int, stream: str, deals: Ints, pipeline: Ints) -> Ints:
    """Cents; long-tailed, mostly round, smaller for expansions."""
    bulk = (
        uniform(seed, stream + ".1", deals) + uniform(seed, stream + ".2", deals) + uniform(seed, stream + ".3", deals)
    )
    euros = np.exp(5.8 + 1.9 * bulk) * np.where(pipeline == 1, 0.45, 1.0)
    round_to = np.where(uniform(seed, stream + ".round", deals) < 0.85, 5_000, 1)
    return np.asarray(np.maximum((euros * 100 / round_to).astype(np.int64), 1) * round_to, dtype=np.int64)


def _next_at(seed: int, name: str, numbers: Ints, at: Ints, stage: Ints) -> tuple[Ints, Flags]:
    """When the deals move next, and which never will."""
    share = uniform(seed, name + ".dwell", numbers)
    closed = pipelines.IS_WON[stage] | pipelines.IS_LOST[stage]
    days = np.where(closed, 15 + 150 * share, -np.log1p(-share) * pipelines.MEAN_DAYS[stage] + 0.05)
    then = workday(seed, name + ".day", numbers, at + (days * DAY).astype(np.int64))
    # Automations move deals in their nightly job, on the second: the extraction begins in the middle of it.
    by_machine = uniform(seed, name + ".by_machine", numbers) < 0.1
    then = np.where(by_machine, batch(seed, name, numbers, then) // SECOND * SECOND, then)
    then = np.maximum(then, at + 20 * SECOND)
    same = ~closed & (uniform(seed, name + ".same", numbers) < 0.012)
    dormant = ~closed & (uniform(seed, name + ".dormant", numbers) < 0.022)
    return np.asarray(np.where(same, at, then), dtype=np.int64), np.asarray(dormant & ~same)


def _move(seed: int, move: int, walk: _Walk, sellers: Sellers, out: Emission) -> None:
    """Take every deal that still moves one step further."""
    who = np.flatnonzero(walk.moves_on)
    if not len(who):
        return
    name = f"deal.move{move}"
    numbers, at, pipeline, rank, stage = (
        column[who] for column in (walk.numbers, walk.at, walk.pipeline, walk.rank, walk.stage)
    )
    then, stops = _next_at(seed, name, numbers, at, stage)
    share = uniform(seed, name + ".action", numbers)
    won, lost = pipelines.IS_WON[stage], pipelines.IS_LOST[stage]
    is_open = ~won & ~lost
    stops |= (lost & (share >= 0.045)) | (won & (share >= 0.015))

    final = rank >= pipelines.OPEN_COUNT[pipeline] - 1
    loses = is_open & (share < np.where(final, 0.42, 0.14))
    back = is_open & ~loses & (share < 0.48) & (share >= 0.43) & (rank > 0)
    away = is_open & ~loses & ~back & (share >= 0.985)
    skips = is_open & ~loses & ~back & ~away & (share >= 0.91) & ~final
    wins = (is_open & ~loses & ~back & ~away & (final | (share >= 0.975))) | (lost & (share < 0.004))
    reopens = ~is_open & ~wins

    new_pipeline = np.where(away, (pipeline + 1 + whole(seed, name + ".to", numbers, 2)) % 3, pipeline)
    step = np.where(back, -1, np.where(skips, 2, 1))
    new_rank = np.where(reopens | away, np.minimum(rank, 1), rank + step)
    new_rank = np.clip(new_rank, 0, pipelines.OPEN_COUNT[new_pipeline] - 1)
    new_stage = pipelines.OPEN[new_pipeline, new_rank]
    other = uniform(seed, name + ".lost_where", numbers) < 0.5
    lost_stage = np.where(other, pipelines.LOST[new_pipeline], pipelines.LOST_TOO[new_pipeline])
    new_stage = np.where(loses, lost_stage, np.where(wins, pipelines.WON[new_pipeline], new_stage))

    # The removed stage: whoever stands in it is moved on at that instant, and nobody enters it later.
    swept = (stage == pipelines.REMOVED) & (at < pipelines.REMOVED_AT) & ((then >= pipelines.REMOVED_AT) | stops)
    then = np.where(swept, pipelines.REMOVED_AT, then)
    barred = swept | ((new_stage == pipelines.REMOVED) & (then >= pipelines.REMOVED_AT))
    new_stage = np.where(barred, pipelines.REMOVED_INTO, new_stage)
    new_pipeline = np.where(swept, pipeline, new_pipeline)
    into_rank = int(np.flatnonzero(pipelines.OPEN[2] == pipelines.REMOVED_INTO)[0])
    new_rank = np.where(barred, into_rank, new_rank)

    go = (~stops | swept) & (new_stage != stage)
    numbers, then, stage_then, pipeline_then = numbers[go], then[go], new_stage[go], new_pipeline[go]
    by_hand = ~swept[go]
    late = by_hand & (uniform(seed, name + ".late", numbers) < 0.012)
    delay = HOUR + (uniform(seed, name + ".delay", numbers) ** 2 * 12 * DAY).astype(np.int64)
    recorded = np.where(late, then + delay, then)

    moved = pipeline_then != pipeline[go]
    out.add(numbers[moved], PIPELINE, then[moved], pipeline_then[moved], recorded[moved])
    out.add(numbers, STAGE, then, stage_then, recorded)
    _revise(seed, name, numbers, then, recorded, stage_then, pipeline_then, by_hand, sellers, out)
    walk.moves_on[who] = go
    gone_on = who[go]
    walk.at[gone_on], walk.pipeline[gone_on], walk.rank[gone_on], walk.stage[gone_on] = (
        then,
        pipeline_then,
        new_rank[go],
        stage_then,
    )


def _revise(
    seed: int,
    name: str,
    numbers: Ints,
    at: Ints,
    recorded: Ints,
    stage: Ints,
    pipeline: Ints,
    by_hand: Flags,
    sellers: Sellers,
    out: Emission,
) -> None:
    """What else a seller changes along with the stage: close date, reason, amount, currency, owner."""
    closes = pipelines.IS_WON[stage] | pipelines.IS_LOST[stage]
    out.add(numbers[closes], CLOSE, at[closes], at[closes], recorded[closes])
    lost = pipelines.IS_LOST[stage] & (uniform(seed, name + ".reasoned", numbers) < 0.85)
    out.add(
        numbers[lost], REASON, at[lost], whole(seed, name + ".reason", numbers, len(LOST_REASONS))[lost], recorded[lost]
    )

    free = ~closes & by_hand
    share = uniform(seed, name + ".date", numbers)
    shift = np.where(
        share < 0.3, 20 + whole(seed, name + ".push", numbers, 40), 5 + whole(seed, name + ".pull", numbers, 20)
    )
    dated = free & (share < 0.38)
    out.add(numbers[dated], CLOSE, at[dated], (at // DAY * DAY + shift * DAY)[dated], recorded[dated])

    share = uniform(seed, name + ".amount", numbers)
    revised = np.where(
        share < 0.01, NULL, np.where(share < 0.014, 0, _amount(seed, name + ".amount", numbers, pipeline))
    )
    valued = by_hand & (share < np.where(closes, 0.15, 0.28))
    out.add(numbers[valued], AMOUNT, at[valued], revised[valued], recorded[valued])

    turned = free & (uniform(seed, name + ".currency", numbers) < 0.004)
    out.add(
        numbers[turned], CURRENCY, at[turned], whole(seed, name + ".to_currency", numbers, 3)[turned], recorded[turned]
    )
    passed = free & (uniform(seed, name + ".owner", numbers) < 0.05)
    out.add(numbers[passed], OWNER, at[passed], sellers.pick(name + ".to_owner", numbers, at)[passed], recorded[passed])


def _hand_over(seed: int, deals: Ints, created: Ints, done: Ints, sellers: Sellers, out: Emission) -> None:
    """When a seller leaves, most of the open deals go to somebody else a few hours later; the rest keep an owner who is gone."""
    first = sellers.pick("deal.owner", deals, created)
    leaves = sellers.left[first]
    wait = (uniform(seed, "deal.hand_over.wait", deals) * 30 * HOUR).astype(np.int64)
    when = np.minimum(leaves, NEVER // 2) + wait
    open_then = (leaves < NEVER) & (when > created) & (when < done) & (uniform(seed, "deal.hand_over", deals) < 0.75)
    out.add(deals[open_then], OWNER, when[open_then], sellers.pick("deal.hand_over.to", deals, when)[open_then])


def _touch(seed: int, deals: Ints, created: Ints, out: Emission) -> None:
    """Something we do not track changes: a note in a text field. The modified date moves, the history does not."""
    for turn, odds in enumerate((0.35, 0.15)):
        some = deals[uniform(seed, f"deal.touch{turn}", deals) < odds]
        start = created[some - deals[0]]
        days: Floats = uniform(seed, f"deal.touch{turn}.wait", some) * 150
        when = start + (days * DAY).astype(np.int64) + DAY
        by_machine = uniform(seed, f"deal.touch{turn}.by_machine", some) < 0.7
        name = f"deal.touch{turn}.day"
        out.add(some, TOUCH, np.where(by_machine, batch(seed, name, some, when), workday(seed, name, some, when)), turn)


def _fate(seed: int, deals: Ints, created: Ints, arrivals: Arrivals) -> tuple[Floats, Ints, Ints, Flags, Flags]:
    """The draw that decides, the instant of a merge, the instant of any other end, and whose end is an archive or a deletion."""
    share = uniform(seed, "deal.fate", deals)
    merged = _merged_at(seed, deals, arrivals)
    wait = HOUR + (uniform(seed, "deal.fate.wait", deals) * 200 * DAY).astype(np.int64)
    when = np.maximum(workday(seed, "deal.fate.day", deals, created + wait), created + HOUR)
    free = ~_survives(deals) & (merged == NEVER)
    return share, merged, when, free & (share < 0.022), free & (share >= 0.022) & (share < 0.03)


def gone_at(seed: int, deals: Ints, arrivals: Arrivals) -> Ints:
    """When deals are first archived, deleted or merged away; NEVER for most."""
    _, merged, when, archived, deleted = _fate(seed, deals, arrivals.at(deals), arrivals)
    return np.asarray(np.where(archived | deleted, when, merged), dtype=np.int64)


def _end(seed: int, events: Events, deals: Ints, created: Ints, arrivals: Arrivals) -> Events:
    """Cut the lives of deleted and merged deals, and put the ones that were restored to sleep meanwhile."""
    share, merged, when, archived, deleted = _fate(seed, deals, created, arrivals)
    # Who comes back goes on where it stopped: never into a stage that was removed meanwhile.
    barred = np.unique(events.number[(events.which == STAGE) & (events.value == pipelines.REMOVED)])
    restored = archived & (share < 0.009) & ~np.isin(deals, barred)
    back = when + DAY + (uniform(seed, "deal.restored", deals) * 25 * DAY).astype(np.int64)

    stop = np.where(merged < NEVER, merged, np.where((archived & ~restored) | deleted, when, NEVER))
    place = events.number - deals[0]
    kept = events.keep(events.happened < stop[place])
    place = kept.number - deals[0]
    # Nothing is recorded once the deal is gone.
    kept.recorded = np.maximum(np.minimum(kept.recorded, stop[place] - 1), kept.happened)
    asleep = np.where(restored, back - when, 0)[place]
    before = kept.happened < when[place]
    kept.recorded = np.where(
        before & (asleep > 0), np.minimum(kept.recorded, when[place] - 1), kept.recorded + np.where(before, 0, asleep)
    )
    # A date that was set to the instant of closing moves with it.
    closing = (kept.which == CLOSE) & (kept.value == kept.happened)
    kept.happened = kept.happened + np.where(before, 0, asleep)
    kept.value = np.where(closing, kept.happened, kept.value)

    out = Emission()
    out.columns.append(
        (
            kept.number.astype(np.int64),
            kept.which,
            kept.happened,
            kept.recorded,
            kept.value,
            np.zeros(len(kept.number), dtype=np.int16),
        )
    )
    is_merged = merged < NEVER
    into = deals.copy()
    for loser, survivor in _LOSERS.items():
        into[deals % _BLOCK == loser] += survivor - loser
    out.add(deals[is_merged], STATUS, merged[is_merged], into[is_merged])
    out.add(deals[archived], STATUS, when[archived], ARCHIVED)
    out.add(deals[restored], STATUS, back[restored], RESTORED)
    out.add(deals[deleted], STATUS, when[deleted], DELETED)
    return out.close(int(deals[0]), len(deals))
