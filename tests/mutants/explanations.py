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
        r"(changed_deals|fct_activities).*: (min / max: MAX\(_load_number\) → MIN|predicate: SELECT deal_key FROM .* WHERE _load_number > )",
        "More is built anew than need be, to the same rows. It costs time and changes none.",
    ),
    Explanation(
        r"^mart_sales__funnel_steps, .*: aggregate: COUNT\(stages.pipeline_key\) → COUNT\(\*\)",
        "The clause behind the count lets no row without a stage through: rows and stages are the same number.",
    ),
    Explanation(
        r"^mart_sales__funnel_cohorts, places: join kind: INNER JOIN steps",
        "A place without a step gets a row with no step instead of no row, and is joined to no step either way.",
    ),
    Explanation(
        r"^mart_sales__funnel, here.*: aggregate: SUM\(deal_count\) → MAX",
        "mart_sales__funnel_cohorts has one row per period, step and fate: the sum of one row is its greatest.",
    ),
    Explanation(
        r"^mart_sales__stage_entries_daily, .*last_won_visit_number > visits.visit_number → .*last_won_visit_number >= ",
        "The visit compared is one to an open stage, so it is never the deal's last visit to a won one.",
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
    _gap(r"^fct_deal_stage_transitions, (candidates|turns|__dbt__cte__fct_deal_pipeline_moves)",
        "Of the pairing of a change of pipeline with a stage change, only rarer ties than any company shows would tell: a pairing change that was "
        "taken back, a stage that nobody lists, one sequence twice in an instant."),
    _gap(r"^fct_deal_stage_transitions, transitions: min / max: MAX\(newest_load\)",
        "The changes of a deal carry the deal's newest load alike; only a stage that was listed late, in a deal without other news, would tell."),
    _gap(r"^fct_deal_changes, values_before: window order:",
        "Only a change that was taken back and one that stands, alike in instant, sequence and record number, would tell."),
    _gap(r"(coalesce: COALESCE\(MAX\(_load_number\), 0\)|off by one: 0 → 1)",
        "Only a table that is there and empty when rows come to it would tell: the companies have deals from the first night."),
    _gap(r"(>= CASE by_period.cohort_kind|> stages.p90_days_to_leave)",
        "Only an age that is to the last digit the time needed would tell."),
    _gap(r"^mart_sales__pipeline_changes_daily, as_of: time zone", "Only an event between the as-of and its midnight would tell: the source had recorded none."),
    _gap(r"^fct_deal_stage_transitions, (steps: member of a list|moves: window order)",
        "Only a move at the creation's own instant, numbered before it or like it by the source, would tell."),
    _gap(r"^dim_deals, last_visits: min / max", "Only a deal that was restored into a stage of another kind than it was deleted from would tell."),
    _gap(r"^mart_sales__leaks, currency_changes: < / <=", "Only a change of currency at the instant of the leak, after a higher amount, would tell."),
    _gap(r"^dim_deals, (deals|the last select).*(word: 'open'|case branch: CASE WHEN deal.is_deleted|COALESCE\(closing\.)",
        "Only a deal without any visit would tell; listed_deals_have_visits keeps such a warehouse from publication."),
    _gap(r"^mart_sales__deal_outcomes, journeys: coalesce: COALESCE\(furthest_rank",
        "Only a deal whose first pipeline nobody lists, and that went on in a listed one, would tell."),
    _gap(r"^mart_metrics__dimension_values, named: coalesce:", "Only a member without an id that bears another's name would tell."),
    _gap(r"^mart_sales__funnel_steps, steps: coalesce: COALESCE\(MAX\(step_number\)", "Only the preset own with no step named would tell: every other preset has steps."),
    _gap(r"^dim_stages, listed", "Only a stage that the source names 'none' and the seed maps all the same, or two pipelines of one stage id in the seed, would tell."),
    _gap(r"^mart_sales__leaks, currency_changes: predicate:", "Only an amount from before the deal's first currency, higher than all after it, would tell."),
    _gap(r"^mart_sales__pipeline_changes_daily, end_of_day: < / <=: next_date > change_date",
        "What a deal was for part of a day is counted in and out on that day: the row is nought, and no sum over rows can tell."),
)  # fmt: skip


def reason_for(mutant: Mutant) -> Explanation | None:
    """The first explanation that fits."""
    return next((each for each in EXPLANATIONS if re.search(each.pattern, mutant.name)), None)
