"""Why a mutant survives: no row can ever differ (equivalent), or a named gap in what the tests can see.

An explanation counts only for a mutant that nobody noticed; an equivalent one moreover only where no row of any company differs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.mutants.mutations import Mutant


@dataclass(frozen=True)
class Explanation:
    """`pattern` is searched in the mutant's name: `model, place: kind: before → after`."""

    pattern: str
    reason: str
    is_equivalent: bool = True


def _gap(pattern: str, reason: str) -> Explanation:
    return Explanation(pattern, reason, is_equivalent=False)


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        r"(changed_deals|fct_activities).*: < / <=: .*_load_number",
        "The newest load is read once more: its deals are deleted and inserted again as they were. It costs time and changes no row.",
    ),
    Explanation(
        r"changed_deals.*: predicate: .*_first_load_number > .* → SELECT stage_key FROM \"int_crm__stages\"",
        "More deals are built anew than need be, to the same rows. It costs time and changes none.",
    ),
    Explanation(
        r"^fct_deal_stage_transitions, changed_deals.*: distinct: ",
        "The list is asked only whether a deal is in it: a deal that stands in it twice is in it.",
    ),
    Explanation(
        r"(min / max: MAX\((warehouse_data_through|run_id)\) → MIN|MAX\(warehouse_data_through\).* → .*MIN\(warehouse_data_through\))",
        "The instant and the run stand in every row of dim_sources alike (core_sources_are_as_old_as_their_slowest_resource fails otherwise): "
        "the greatest is the least.",
    ),
    Explanation(
        r": row_number / rank: ROW_NUMBER\(\) → RANK\(\)",
        "The order is total: no two rows of a partition share a rank, so that rank and row number are the same.",
    ),
    Explanation(
        r"^(dim_\w+|mart_metrics__\w+|mart_sales__(sales_cycle|funnel_steps|win_rates|leakage|stage_conversion_by_cohort)), .*: distinct: .*UNION ALL .* → ",
        "Every row of the united parts has a key of its own, or a word that only its part has: no two are alike, and a union removes none.",
    ),
    Explanation(
        r"^dim_exchange_rates, currencies: distinct: ",
        "The other union of the same list removes the same rows.",
    ),
    Explanation(r": filter clause: .*FILTER\(WHERE TRUE\) → ", "The clause lets every row through."),
    Explanation(r": join kind: INNER JOIN \"mart_sales__deal_outcomes\" .* → LEFT JOIN",
        "Every deal has its row in mart_sales__deal_outcomes (marts_outcomes_follow_the_visits fails otherwise): the join loses nothing to keep."),
    Explanation(r": join kind: INNER JOIN (\"mart_metrics__periods\"|period_ends) .* → LEFT JOIN",
        "Every day up to the as-of has its periods (marts_periods_are_a_calendar fails otherwise): the join loses nothing to keep."),
    Explanation(r": join kind: INNER JOIN \"(int_crm__deals|dim_deals)\" .* → LEFT JOIN",
        "Every change belongs to a deal (rows_are_sound fails otherwise): the join loses nothing to keep."),
    Explanation(r"^mart_sales__win_rates, daily.*close_group = '(disqualified|no_decision)' AND NOT is_removed → ",
        "dim_deals tells a lost_group of lost deals alone (core_deals_stand_where_their_visits_end): a close of a removed deal is in neither group."),
)  # fmt: skip


def reason_for(mutant: Mutant) -> Explanation | None:
    """The first explanation that fits."""
    return next((each for each in EXPLANATIONS if re.search(each.pattern, mutant.name)), None)
