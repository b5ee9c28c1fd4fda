"""The oracle's ledger against histories worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle.ledger import (
    Change,
    ChangeKey,
    Knowledge,
    Ledger,
    Night,
    Transition,
    Visit,
    keep_knowledge,
    keep_ledger,
)

pytestmark = pytest.mark.unit

# Pipeline a: open 10 new, 25 offer, 70 contract; won 5; lost 40 (their orders must not count). Pipeline b shares `offer`.
STAGES = [
    ("a", "new", 10, "open"),
    ("a", "offer", 25, "open"),
    ("a", "contract", 70, "open"),
    ("a", "won", 5, "won"),
    ("a", "no", 40, "lost"),
    ("b", "offer", 1, "open"),
    ("b", "trial", 2, "open"),
    ("b", "done", 3, "won"),
]
NIGHT = datetime(2024, 6, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2024, 1, number, 12, tzinfo=UTC)


def folder(rows: list[tuple[Any, ...]], **deal: Any) -> dict[str, list[dict[str, str | None]]]:
    """One deal `d`, created on day 1; rows are (field, old, new, day[, sequence])."""
    record = {"deal_id": "d", "created_at": day(1).isoformat(), "deal_amount": "100", "currency_code": "EUR"} | deal
    return {
        "stages": [
            {"pipeline_id": pipeline, "stage_id": stage, "stage_order": str(order), "stage_kind": kind}
            for pipeline, stage, order, kind in STAGES
        ],
        "deals": [record],
        "deal_changes": [
            {
                "deal_id": "d",
                "field": row[0],
                "old_value": row[1],
                "new_value": row[2],
                "changed_at": day(row[3]).isoformat(),
                "sequence": str(row[4]) if len(row) > 4 else None,
            }
            for row in rows
        ],
    }


def keep(rows: list[tuple[Any, ...]], **deal: Any) -> Ledger:
    return keep_ledger([Night(NIGHT, folder(rows, **deal))])


def moves(ledger: Ledger) -> list[tuple[Any, ...]]:
    """(kind, to pipeline, to stage, stages moved, day) of every transition."""
    return [
        (t.transition_kind, t.to_pipeline_id, t.to_stage_id, t.stages_moved, t.transitioned_at.day)
        for t in ledger.transitions
    ]


def test_a_deal_that_advances_and_is_won() -> None:
    ledger = keep(
        [
            ("stage", "new", "offer", 3),
            ("amount", "100", "250.5", 5),
            ("stage", "offer", "won", 5),
        ],
        pipeline_id="a",
        stage_id="won",
        deal_amount="250.5",
        owner_id="o",
    )
    # no row for the creation: created in `new`, the first old value, with 100; open ranks new 1, offer 2, contract 3, won 4
    created = Transition(
        "d", day(1), None, None, "a", "new", "created", None, Decimal("100.00"), "EUR", "o", False, "crm_history"
    )
    offered = Transition(
        "d", day(3), "a", "new", "a", "offer", "advanced", 1, Decimal("100.00"), "EUR", "o", False, "crm_history"
    )
    # the amount of the same instant is already in force
    won = Transition(
        "d", day(5), "a", "offer", "a", "won", "won", 2, Decimal("250.50"), "EUR", "o", False, "crm_history"
    )
    assert ledger.transitions == [created, offered, won]
    hundred, final = Decimal("100.00"), Decimal("250.50")
    assert ledger.visits == [
        # two days are 48 hours
        Visit("d", 1, 1, "a", "new", "open", day(1), day(3), False, "created", "advanced", Decimal(48), hundred, hundred,
              "EUR", "o", False),
        Visit("d", 2, 1, "a", "offer", "open", day(3), day(5), False, "advanced", "won", Decimal(48), hundred, final,
              "EUR", "o", False),
        Visit("d", 3, 1, "a", "won", "won", day(5), None, True, "won", None, None, final, None, "EUR", "o", False),
    ]  # fmt: skip
    assert (ledger.deals[0].deal_status, ledger.deals[0].closed_at) == ("won", day(5))


def test_changes_hold_the_creation_values_and_every_row() -> None:
    ledger = keep([("amount", "80", "100", 4)], pipeline_id="a", stage_id="new")
    inferred = {(c.field, c.new_value) for c in ledger.changes if c.change_source == "inferred"}
    # the first old value for the amount, the current values for the rest; no owner, no expected close: no row
    assert inferred == {("stage", "new"), ("pipeline", "a"), ("currency", "EUR")}
    assert Change("d", "amount", None, "80.00", day(1), None, "crm_history") in ledger.changes
    assert Change("d", "amount", "80.00", "100.00", day(4), None, "crm_history") in ledger.changes
    assert len(ledger.changes) == 5


def test_a_creation_row_is_the_creation() -> None:
    ledger = keep([("stage", None, "offer", 1), ("stage", "offer", "new", 2)], pipeline_id="a", stage_id="new")
    assert moves(ledger) == [("created", "a", "offer", None, 1), ("moved_back", "a", "new", -1, 2)]
    assert ledger.transitions[0].change_source == "crm_history"


def test_a_change_at_the_creation_leaves_a_transient_visit() -> None:
    ledger = keep([("stage", "new", "contract", 1)], pipeline_id="a", stage_id="contract")
    assert moves(ledger) == [("created", "a", "new", None, 1), ("skipped_ahead", "a", "contract", 2, 1)]
    assert [(v.is_transient, v.hours_in_stage) for v in ledger.visits] == [(True, Decimal(0)), (False, None)]
    assert [t.is_transient for t in ledger.transitions] == [True, False]


def test_the_sequence_orders_a_tie_against_the_file() -> None:
    rows = [("stage", "offer", "contract", 2, 7), ("stage", "new", "offer", 2, 3)]
    ledger = keep(rows, pipeline_id="a", stage_id="contract")
    assert moves(ledger)[1:] == [("advanced", "a", "offer", 1, 2), ("advanced", "a", "contract", 1, 2)]


def test_the_file_orders_a_tie_without_sequence() -> None:
    rows = [("stage", "new", "contract", 2), ("stage", "contract", "offer", 2)]
    ledger = keep(rows, pipeline_id="a", stage_id="offer")
    assert moves(ledger)[1:] == [("skipped_ahead", "a", "contract", 2, 2), ("moved_back", "a", "offer", -1, 2)]


def test_equal_states_are_one_visit_and_no_change() -> None:
    rows = [("stage", "new", "offer", 2), ("stage", "offer", "offer", 3)]
    ledger = keep(rows, pipeline_id="a", stage_id="offer")
    assert len(ledger.visits) == 2
    assert [c.new_value for c in ledger.changes if c.field == "stage"] == ["new", "offer"]


def test_re_entry_counts_the_stays_in_a_stage() -> None:
    rows = [("stage", "new", "offer", 2), ("stage", "offer", "new", 3), ("stage", "new", "offer", 4)]
    ledger = keep(rows, pipeline_id="a", stage_id="offer")
    assert [(v.stage_id, v.visit_number, v.stage_visit_number) for v in ledger.visits] == [
        ("new", 1, 1), ("offer", 2, 1), ("new", 3, 2), ("offer", 4, 2)
    ]  # fmt: skip


def test_closed_to_closed_goes_by_the_target_and_closed_at_is_the_last() -> None:
    rows = [("stage", "new", "no", 2), ("stage", "no", "won", 3), ("stage", "won", "no", 4)]
    ledger = keep(rows, pipeline_id="a", stage_id="no")
    # a lost end has no rank, so no difference of ranks
    assert moves(ledger)[1:] == [
        ("lost", "a", "no", None, 2),
        ("won", "a", "won", None, 3),
        ("lost", "a", "no", None, 4),
    ]
    assert (ledger.deals[0].deal_status, ledger.deals[0].closed_at) == ("lost", day(4))


def test_reopened_comes_before_moved_pipeline() -> None:
    rows = [
        ("stage", "new", "won", 2),
        ("stage", "won", "trial", 3),
        ("pipeline", "a", "b", 3),
        ("stage", "trial", "offer", 4),
    ]
    ledger = keep(rows, pipeline_id="b", stage_id="offer")
    assert moves(ledger)[1:] == [
        ("won", "a", "won", 3, 2), ("reopened", "b", "trial", None, 3), ("moved_back", "b", "offer", -1, 4)
    ]  # fmt: skip
    assert ledger.deals[0].deal_status == "open"


def test_a_pipeline_change_pairs_with_the_first_stage_of_the_new_pipeline() -> None:
    # `contract` belongs to a alone: it stays separate, before the pair, whose place is that of its stage change
    rows = [
        ("pipeline", "a", "b", 2),
        ("stage", "new", "contract", 2),
        ("stage", "contract", "trial", 2),
        ("stage", "trial", "done", 2),
    ]
    ledger = keep(rows, pipeline_id="b", stage_id="done")
    assert moves(ledger)[1:] == [
        ("skipped_ahead", "a", "contract", 2, 2), ("moved_pipeline", "b", "trial", None, 2), ("won", "b", "done", 1, 2)
    ]  # fmt: skip


def test_moved_and_won_in_one_move_is_won() -> None:
    ledger = keep([("stage", "new", "done", 2), ("pipeline", "a", "b", 2)], pipeline_id="b", stage_id="done")
    assert moves(ledger)[1:] == [("won", "b", "done", None, 2)]


def test_a_pipeline_change_alone_keeps_the_stage_id() -> None:
    ledger = keep([("pipeline", "a", "b", 2)], pipeline_id="b", stage_id="offer")
    assert moves(ledger) == [("created", "a", "offer", None, 1), ("moved_pipeline", "b", "offer", None, 2)]


def test_a_closed_deal_without_history() -> None:
    ledger = keep([("amount", "50", "100", 3)], pipeline_id="a", stage_id="won", closed_at=day(9).isoformat())
    # first open stage by order is `new`; both ends inferred, the amount's history holds all the same
    assert moves(ledger) == [("created", "a", "new", None, 1), ("won", "a", "won", 3, 9)]
    assert [t.change_source for t in ledger.transitions] == ["inferred", "inferred"]
    assert (ledger.visits[0].entry_amount, ledger.visits[0].exit_amount) == (Decimal("50.00"), Decimal("100.00"))


def test_a_deal_created_closed_is_created() -> None:
    ledger = keep([], pipeline_id="a", stage_id="no")
    assert moves(ledger) == [("created", "a", "no", None, 1)]
    assert (ledger.deals[0].deal_status, ledger.deals[0].closed_at) == ("lost", day(1))


def test_deleted_and_merged_end_the_last_visit() -> None:
    for column, kind in (("is_deleted", "deleted"), ("merged_into_deal_id", "merged")):
        ledger = keep(
            [("stage", "new", "offer", 2)],
            pipeline_id="a",
            stage_id="offer",
            deleted_at=day(2).isoformat(),
            **{column: "true"},
        )
        # at the instant of a move the move comes first; its visit has no length
        assert moves(ledger)[1:] == [("advanced", "a", "offer", 1, 2), (kind, None, None, None, 2)]
        last = ledger.visits[-1]
        assert (last.exit_kind, last.exited_at, last.is_current, last.is_transient) == (kind, day(2), False, True)
        assert ledger.deals[0].deal_status == kind


def test_a_field_filled_later_was_empty_before() -> None:
    rows = [("amount", None, "70", 3), ("amount", "70", None, 4), ("stage", "new", "offer", 4)]
    ledger = keep(rows, pipeline_id="a", stage_id="offer", deal_amount=None)
    assert [t.deal_amount for t in ledger.transitions] == [None, None]
    assert [c.new_value for c in ledger.changes if c.field == "amount"] == ["70.00", None]


def test_the_as_of_instant_ends_the_ledger() -> None:
    tables = folder([("stage", "new", "offer", 2), ("stage", "offer", "won", 5)], pipeline_id="a", stage_id="won")
    ledger = keep_ledger([Night(NIGHT, tables)], as_of=day(4))
    assert ledger.deals[0].deal_status == "open"
    assert ledger.visits[-1].is_current
    assert keep_ledger([Night(NIGHT, tables)], as_of=day(1) - timedelta(seconds=1)) == Ledger()


def test_a_vanished_deal_is_deleted_when_that_was_seen_and_keeps_its_history() -> None:
    first = folder([("stage", "new", "offer", 2)], pipeline_id="a", stage_id="offer")
    second = first | {"deals": [], "deal_changes": []}
    ledger = keep_ledger([Night(NIGHT, first), Night(NIGHT + timedelta(days=1), second)])
    assert [t.transition_kind for t in ledger.transitions] == ["created", "advanced", "deleted"]
    assert ledger.transitions[-1].transitioned_at == NIGHT + timedelta(days=1)
    # seen again on the third night: restored then, in the stage it has
    ledger = keep_ledger(
        [Night(NIGHT, first), Night(NIGHT + timedelta(days=1), second), Night(NIGHT + timedelta(days=2), first)]
    )
    assert ledger.transitions[-1].transition_kind == "restored"
    assert (ledger.visits[-1].stage_id, ledger.visits[-1].visit_number, ledger.visits[-1].is_current) == (
        "offer",
        3,
        True,
    )


def test_retracted_and_late_rows_give_the_ledger_of_the_newest_folder() -> None:
    first = folder([("stage", "new", "won", 5)], pipeline_id="a", stage_id="won")
    second = folder(
        [("stage", "new", "offer", 3), ("stage", "offer", "contract", 5)], pipeline_id="a", stage_id="contract"
    )
    nights = [Night(NIGHT, first), Night(NIGHT + timedelta(days=1), second)]
    assert keep_ledger(nights) == keep_ledger([Night(NIGHT, second)])


def test_moves_are_judged_by_the_order_valid_then() -> None:
    first = folder([("stage", "new", "offer", 2)], pipeline_id="a", stage_id="offer")
    second = folder(
        [("stage", "new", "offer", 2), ("stage", "offer", "contract", 20)], pipeline_id="a", stage_id="contract"
    )
    for stage in second["stages"]:
        if stage["stage_id"] == "new":
            stage["stage_order"] = "99"  # new is last from the second night (day 10) on
    ledger = keep_ledger([Night(day(5), first), Night(day(10), second)])
    # day 2: new 1, offer 2; day 20: offer 1, contract 2
    assert moves(ledger)[1:] == [("advanced", "a", "offer", 1, 2), ("advanced", "a", "contract", 1, 20)]
    # the late row of a night that judged nothing yet would be judged by the first order
    assert keep_ledger([Night(day(5), second)]).transitions[1].stages_moved == -2


def test_a_difference_between_nights_is_observed() -> None:
    first = folder([], pipeline_id="a", stage_id="new", owner_id="o")
    second = folder([], pipeline_id="a", stage_id="offer", owner_id="p", updated_at=day(8).isoformat())
    ledger = keep_ledger([Night(day(5), first), Night(day(10), second)])
    assert moves(ledger) == [("created", "a", "new", None, 1), ("advanced", "a", "offer", 1, 8)]
    assert ledger.transitions[-1].change_source == "observed"
    assert (ledger.transitions[0].owner_id, ledger.transitions[-1].owner_id) == ("o", "p")


def test_knowledge_has_an_axis_of_its_own() -> None:
    first = folder([("stage", "new", "offer", 2), ("amount", "9", "10", 4)], pipeline_id="a", stage_id="offer")
    second = folder([("stage", "new", "offer", 2), ("owner", None, "o", 3)], pipeline_id="a", stage_id="offer")
    nights = [Night(day(6), first), Night(day(9), second)]
    known = keep_knowledge(nights)
    # in the deal's first load what happened is what was known; the later night brought the owner and took the amount back
    move = ChangeKey("d", "stage", "offer", day(2))
    assert known[move] == Knowledge(day(2), None, True)
    assert known[move._replace(field="owner", new_value="o", changed_at=day(3))] == Knowledge(day(9), None, True)
    assert known[move._replace(field="amount", new_value="10.00", changed_at=day(4))] == Knowledge(day(4), day(9), True)
