"""What Pipedrive can know of a deal, worked out from the simulated company's truth log alone.

Shares nothing with the warehouse, nor with the simulated Pipedrive's own rendering. What Pipedrive cannot express, and what stands
in its place: entered late = happened when it was entered, in whole seconds; lost is one place in each pipeline; no amount is an
amount of 0; a merged deal is a deleted one. Within one second a stage and a status that change once each are one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from simulator.pipedrive.identities import STAGE_ID, pipeline_id
from simulator.pipelines import CODE, PIPELINE_CODE, STAGES
from simulator.truth import Event
from tests.e2e.truth_ledger import Move, instant, is_gone

KIND = {stage.id: stage.kind for stage in STAGES}
PIPELINE = {stage.id: stage.pipeline for stage in STAGES}
#: names only: the ids that Pipedrive gives are read from the warehouse's own dimension by name
_FIRST_OPEN = {
    pipeline: next(stage.id for stage in STAGES if stage.pipeline == pipeline and stage.kind == "open")
    for pipeline in {stage.pipeline for stage in STAGES}
}


class Row(NamedTuple):
    """One change as Pipedrive logs it: `what` is stage, status, amount, currency or gone."""

    at: datetime
    what: str
    value: str | None


def second(text: str) -> datetime:
    """An instant of the log in whole seconds, as Pipedrive writes all of them."""
    return instant(text).replace(microsecond=0)


def logged(life: list[Event]) -> tuple[dict[str, str | None], list[Row]]:
    """The values at the creation, and the changes after it in the order of their entry."""
    created = next(event for event in life if event.kind == "created")
    first: dict[str, str | None] = {"amount": "0", "status": "open"}
    rows: list[Row] = []
    newest: dict[str, int] = {}
    now: dict[str, str | None] = first
    is_beginning = True
    for event in sorted(life, key=lambda each: (each.recorded_at, each.sequence)):
        at = second(event.recorded_at)
        if event.kind in ("archived", "merged", "deleted", "restored"):
            rows.append(Row(at, "gone", "yes" if event.kind != "restored" else None))
            continue
        if event.field not in ("stage", "amount", "currency") or event.sequence < newest.get(event.field, -1):
            continue
        is_beginning = (
            is_beginning and event.field not in newest and event.recorded_at == event.happened_at == created.recorded_at
        )
        newest[event.field] = event.sequence
        changes = list(_changes(event, now))
        if is_beginning:
            first |= dict(changes)
            continue
        if now is first:
            now = dict(first)
        for what, value in changes:
            if now.get(what) != value:
                rows.append(Row(at, what, value))
                now[what] = value
    return first, rows


def _changes(event: Event, now: dict[str, str | None]) -> Iterator[tuple[str, str | None]]:
    """What one event of the log changes in Pipedrive, stage before status."""
    value = event.new
    if event.field == "amount":
        yield "amount", str(Decimal(value or "0").normalize())
    elif event.field == "currency":
        yield "currency", value
    elif value is not None and KIND[value] == "open":
        yield "stage", value
        yield "status", "open"
    elif value is not None:
        stage = now.get("stage")
        if stage is None or PIPELINE[stage] != PIPELINE[value]:
            yield "stage", _FIRST_OPEN[PIPELINE[value]]
        yield "status", KIND[value]


def moves_in_pipedrive(life: list[Event], first_asked: datetime) -> list[Move]:
    """The transitions: into which (pipeline, stage or won or lost), None when the deal was deleted; amounts after that second."""
    first, rows = logged(life)
    created = second(next(event for event in life if event.kind == "created").recorded_at)
    now = dict(first)
    is_gone = False
    moves = [(created, *_place(now))]
    for at, some in groupby(_without_unseen_absences(rows, first_asked), key=lambda row: row.at):
        together = list(some)
        placed = [row.what for row in together if row.what in ("stage", "status")]
        are_one = sorted(placed) == ["stage", "status"]
        for index, row in enumerate(together):
            now[row.what] = row.value
            is_gone = is_gone if row.what != "gone" else row.value is not None
            is_half = are_one and any(each.what in ("stage", "status") for each in together[index + 1 :])
            if row.what in ("amount", "currency") or (is_half and row.what != "gone"):
                continue
            place = (None, None) if is_gone else _place(now)
            if place != moves[-1][1:]:
                moves.append((at, *place))
    return [Move(at, pipeline, stage, *_amount(first, rows, at)) for at, pipeline, stage in moves]


def _without_unseen_absences(rows: list[Row], first_asked: datetime) -> list[Row]:
    """A deal that was deleted and restored before anybody asked does not tell."""
    ends = [
        index for index, row in enumerate(rows) if row.what == "gone" and row.value is None and row.at <= first_asked
    ]
    hidden = {index for index, row in enumerate(rows) if row.what == "gone" and ends and index <= ends[-1]}
    return [row for index, row in enumerate(rows) if index not in hidden]


def _place(now: dict[str, str | None]) -> tuple[str, str]:
    stage, status = now["stage"], now["status"]
    assert stage is not None
    assert status is not None
    return PIPELINE[stage], stage if status == "open" else status


def _amount(first: dict[str, str | None], rows: list[Row], at: datetime) -> tuple[Decimal | None, str | None]:
    now = dict(first) | {row.what: row.value for row in rows if row.at <= at}
    return Decimal(now["amount"] or "0"), now["currency"]


def in_pipedrives_ids(moves: list[Move]) -> list[Move]:
    """The truth log names pipelines and stages by the first CRM's ids."""
    return [
        move._replace(
            pipeline=None if move.pipeline is None else str(pipeline_id(PIPELINE_CODE[move.pipeline])),
            stage=move.stage if move.stage in (None, "won", "lost") else str(STAGE_ID[CODE[move.stage]]),
        )
        for move in moves
    ]


def agrees(found: list[tuple[str, Move]], state: list[Event], first_asked: datetime) -> bool:
    """Equal transition for transition. A restoration is compared without its instant when the deal changed again before it was seen;
    a deletion without a trace is noticed by the comparison of ids, if that has run since."""
    if not state:
        return not found
    expected = in_pipedrives_ids(moves_in_pipedrive(state, first_asked))
    if is_gone(state):
        # As it was last seen; that it is gone may be known already.
        expected = expected[:-1]
        if found and found[-1][0] == "deleted":
            found = found[:-1]
    moves = [move for _, move in found]
    restored = {index for index, (kind, _) in enumerate(found) if kind == "restored"}
    if len(moves) != len(expected):
        return False
    return all(
        move[1:] == wanted[1:] if index in restored else move == wanted
        for index, (move, wanted) in enumerate(zip(moves, expected, strict=True))
    )


def is_out_of_reach(life: list[Event], first_asked: datetime) -> bool:
    """True when Pipedrive had forgotten the deal before anybody asked: erased, or deleted or merged away more than 30 days before."""
    ends = [event for event in life if event.kind in ("archived", "merged", "deleted", "restored")]
    if not ends or ends[-1].kind == "restored":
        return False
    at = instant(ends[-1].recorded_at)
    return at <= first_asked if ends[-1].kind == "deleted" else at <= first_asked - timedelta(days=30)
