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
        r"(changed_deals|changed_leads|fct_activities|fct_deal_line_items).*: < / <=: .*_load_number",
        "The newest load is read once more: its deals are deleted and inserted again as they were. It costs time and changes no row.",
    ),
    Explanation(
        r"changed_deals.*: predicate: .*_first_load_number > .* → SELECT stage_key FROM \"int_crm__stages\"",
        "More deals are built anew than need be, to the same rows. It costs time and changes none.",
    ),
    Explanation(
        r"(changed_deals|changed_leads|fct_activities|fct_deal_line_items|fct_deal_news).*: (min / max: MAX\(_load_number\) → MIN|predicate: .*WHERE .*_load_number.* > )",
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
        r"^fct_\w+, changed_(deals|leads).*: distinct: ",
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
        r"^(dim_\w+|mart_metrics__\w+|mart_sales__(sales_cycle|funnel_steps|win_rates|leakage|stage_conversion_by_cohort|forecast_weekly)), .*: distinct: .*UNION ALL .* → ",
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
    Explanation(r"^mart_sales__pipeline_changes_daily, end_of_day: (< / <=: LEAST\(versions.valid_from|predicate: versions.valid_to_date IS NULL OR)",
        "What a deal was for part of a day is counted in and out on that day: nought, and rows of nought are left out."),
    Explanation(r"^dim_companies, the last select.*(coalesce: COALESCE\(is_target|constant: FALSE → TRUE)",
        "Every staging model says false where its source says nothing of the target (stated columns are never null): the fallback is never taken."),
    Explanation(r"^fct_(payments|quotas|process_costs|marketing_spend), .*predicate: booked.exchange_rate IS NULL OR constant.exchange_rate IS NULL → booked",
        "A currency that has a rate on some day has a newest one, as long as no constant day is set: the second condition follows from the first."),
    Explanation(r"^(fct_(payments|quotas|process_costs|marketing_spend)|dim_deals|mart_sales__\w+|fct_pipeline_movements), .*(off by one: 1 → 2|case branch: .*_rate = 1 THEN)",
        "An amount at the rate 1 is itself: the shortcut past the multiplication saves time and changes no row."),
    Explanation(r": coalesce: COALESCE\(\w+\._load_number, 0\) → ",
        "GREATEST steps over a null: a load that is not there never wins."),
    Explanation(r": coalesce: COALESCE\(GREATEST\(highest_amounts",
        "GREATEST steps over a null: of two amounts of which one is not there it gives the other."),
    Explanation(r"^(fct_deal_contacts, links|fct_deal_line_items, the last select|\w+, __dbt__cte__int_crm__deal_survivors).*: off by one: 0 → 1",
        "A load's number is 1 or more, and the first brings no deal: nought and one are both less than every number that counts."),
    Explanation(r"^fct_deal_(versions|stage_transitions|steps), \w+.*: constant: TRUE → FALSE",
        "Behind the last row of all there is no row: that it would be another deal's need not be said."),
    Explanation(r"^(mart_sales__(close_date_changes|expected_close_moves)|fct_deal_(changes|versions|stage_transitions|stage_visits|steps)|fct_pipeline_movements), .*null-safe comparison: LAG\((deal_key|field)\) OVER \(\) IS DISTINCT FROM deal_key",
        "Only the first row of all has no row before it, and looking back from it finds nothing either way."),
    Explanation(r"^mart_sales__slippage, by_period: aggregate: SUM",
        "A period, dimension and member has at most one row of expectations and one of pushes, and each has nought of what the other counts: the sum is the greatest."),
    Explanation(r"^mart_sales__waterfall_changes, by_day \(place 2\): aggregate: SUM\(CASE WHEN bucket",
        "mart_sales__pipeline_movements_daily has one row per member, day, periods and bucket: the sum of it and noughts is the greatest."),
    Explanation(r"^mart_sales__currency_(days|closing_days), __dbt__cte__mart_sales__dated_movements",
        "A column of the movements that this model does not read (periods in common, the unconverted, the crossing of pipelines): it is computed and thrown away."),
    Explanation(r"^mart_sales__waterfall_days, member_days: join kind: INNER JOIN \"dim_dates\"",
        "Every member's days lie in the calendar (core_dates_are_a_calendar fails otherwise): the join loses nothing to keep."),
    Explanation(r"^fct_(deal_stage_visits, stays|deal_contacts, links_of_changed_deals).*: join kind: INNER JOIN changed_deals",
        "In the increment more rows are built anew than need be, to the same words."),
    Explanation(r"^fct_pipeline_movements, changed_deals: (and / or: held|predicate: held|null-safe|= / <>: held.currency_code)",
        "More deals are built anew than need be, to the same rows. It costs time and changes none."),
    Explanation(r"^mart_sales__pipeline_waterfall, the last select: < / <=: joined.movement_count",
        "A row without opening, movement and closing never arises but from a plan of another period, and that has a movement."),
    Explanation(r"^mart_sales__won_weekly, the last select: nullif: ",
        "Before the first week there is no sum either: nothing divided by nought is nothing."),
    Explanation(r"^mart_sales__coverage, by_period: aggregate: SUM\((expected_amount|expected_count|unconverted_count)\) → MAX",
        "A period and member has at most one row of the waterfall, and the others have nought there: the sum is the greatest."),
    Explanation(r"^mart_sales__deal_outcomes, journeys: ignore nulls: ANY_VALUE",
        "A deal has one first visit: all rows of the group say the same."),
    Explanation(r"^(mart_customers__(repeat_purchases|expansions)|mart_marketing__lead_scores), the last select.*: < / <=: (customer|lead|customer_deal)_count > 0 → ",
        "Every row counts at least one: a denominator of nought never arises."),
    Explanation(r"^fct_control_totals, __dbt__cte__int_crm__control_totals: min / max: ",
        "The files of one load have its mode and its instants in common: the greatest word is the least."),
    Explanation(r"^mart_(customers|marketing|sales)__\w+, the last select: (coalesce: COALESCE\(labels.dimension_value|join kind: LEFT JOIN \"mart_metrics__dimension_values\")",
        "Every member has its name there (marts_members_bear_their_names fails otherwise): the fallback is never taken, and the join loses nothing."),
    Explanation(r": join kind: LEFT JOIN \"(dim_owners|dim_companies)\"",
        "Every owner and company that is named has its row, the unknown one too (rows_are_sound fails otherwise): the join loses nothing."),
    Explanation(r"^mart_sales__expected_wins, open_versions: (predicate|< / <=|off by one|arithmetic|and / or).*371",
        "It reads no more than a year of Mondays asks for, with a week to spare: what is older or not is joined to no Monday."),
    Explanation(r"^mart_marketing__first_requests, answers: join kind: INNER JOIN \"mart_marketing__lead_activities\"",
        "A lead without an activity would come in with nulls, and the clause for a person's touches behind leaves it out."),
    Explanation(r"^mart_marketing__lead_activities, followed: window frame: ",
        "Only rows of activities are read behind, and these name no lead themselves: whether their own row is in the frame changes nothing."),
    Explanation(r"^mart_sales__won_weekly, the last select: window partition: .*PARTITION BY dimension_key",
        "A key is of one dimension alone: `all` is a word and a pipeline's key an id."),
    Explanation(r"^mart_marketing__lead_wins, deals_of_leads: soft-delete filter: .*merged_into_deal_key IS NULL",
        "A lead with no deal comes in as well, and the join with the wins behind leaves it out."),
    Explanation(r"^mart_sales__forecast_weekly, backtests: nullif: ",
        "Where nothing was forecast no error adds up either: nothing divided by nought is nothing."),
    Explanation(r"^mart_marketing__(leads|cut_leads), changes: case branch: .* ELSE 0 END → ",
        "What reads it takes nothing for nought, or for no."),
    Explanation(r"^mart_metrics__targets, periods: distinct: ",
        "The join is grouped behind by period, and takes the greatest of equal targets: a period that stands there twice counts once."),
    Explanation(r", limits: min / max: MAX\(CASE WHEN limit_name",
        "The seed declares each limit once (rows_are_sound on limits fails otherwise): the greatest is the least."),
    Explanation(r"^mart_metrics__benchmarks, emails: off by a day: ",
        "The days are only counted: all of them a day later are as many."),
    Explanation(r"^mart_sales__capacity, by_week: aggregate: SUM",
        "A week and seller has one row that says anything of it, the others nothing or nought: the sum is the greatest."),
    Explanation(r"^mart_ops__reconciliation, reasons: join kind: INNER JOIN \"fct_deal_versions\"",
        "A question without such a version has no deal to join behind: nothing is kept."),
    Explanation(r"^mart_ops__reconciliation, running: window frame: ",
        "Only the questions' own rows are read, and each is nought: the sum up to it is the sum before it."),
    _gap(r"^mart_marketing__offers, offers: min / max: ",
        "Only a lead that is offered twice at one instant would tell."),
    _gap(r"^fct_lead_status_changes, the last select: greatest / least: GREATEST\(step._load_number",
        "Only news of a lead's company or contact alone would tell, and then its rows are built anew once more, to the same words."),
    _gap(r"^fct_pipeline_movements, the last select.*nullif: NULLIF\((booked|constant)_amount_delta",
        "Only an amount that is worth the same after a change of currency at the day's rate, and not at the constant one, would tell."),
    Explanation(r"^mart_sales__funnel_cohorts, mapped_stages: predicate: .*NOT open_rank IS NULL",
        "A stage without a rank is never at or before the furthest one, which the join asks: it is joined to nothing either way."),
    Explanation(r"^mart_sales__waterfall_ends, all_open.*case branch: .*periods.last_date THEN",
        "Every period of a member has its last day: the sum has one number there and steps over nulls."),
    Explanation(r"^mart_sales__expected_deals, the last select.*constant: FALSE → TRUE",
        "Neither condition is ever null: a close has its group, and a deal that was removed has its instant."),
    Explanation(r"^mart_sales__open_positions_by_close, flagged: join kind: INNER JOIN ends",
        "A position without an expected close is of no period, and what is of none is left out behind."),
    Explanation(r"^mart_sales__then_and_now, pairs: null-safe comparison: before.(pipeline_key|stage_key|owner_key|deal_status) IS",
        "These columns are never null (the contract of fct_deal_versions says so): both comparisons are the same."),
    Explanation(r"^mart_sales__waterfall_days, __dbt__cte__mart_sales__foreign_rates",
        "This model reads the currencies of the rates alone, not the rate of the day before."),
    Explanation(r"^mart_sales__stages, the last select: join kind: LEFT JOIN \"dim_pipelines\"",
        "Every stage has its pipeline's row (rows_are_sound on dim_stages fails otherwise): the join loses nothing."),
    Explanation(r"^mart_sales__waterfall_changes, by_day: < / <=: closing_grains > 0",
        "What is in no period of its expected close is joined to none: the flags of the grains say the same again."),
    Explanation(r"^dim_exchange_rates, the last select: distinct: ",
        "The identity pairs are no pair of the quotes: no two rows are alike."),
    _gap(r"^mart_sales__pipeline_waterfall, the last select: (= / <>|predicate): joined.waterfall_form",
        "Rows of nought alone: periods in which nothing was open, came or left. No sum, opening or closing can tell whether they stand there."),
    _gap(r"^mart_sales__pipeline_movements_daily, __dbt__cte__mart_sales__dated_movements.*constant: FALSE → TRUE",
        "That a new expected close crosses no pipeline is asked of moves alone: its flag is read of nothing else."),
    _gap(r"^mart_sales__funnel_steps, steps: off by one", "Only the preset own with no step named would tell: every other preset has steps."),
    _gap(r"^mart_sales__expected_deals, changes: time zone: .*retracted_at",
        "Only a plan that was taken back between the midnights of UTC and of the company, on the eve of a period, would tell."),
    _gap(r"^fct_pipeline_movements, effects.*null-safe comparison: deal_amount",
        "Only a deal that gets another owner and its first amount, or loses its amount, in one instant would tell."),
    _gap(r"^fct_deal_steps, staged: nullif: ", "Only a deal that its source put into no pipeline, or no stage, would tell."),
    _gap(r"^mart_sales__expected_deals, the last select: predicate: closed.deal_key IS NULL",
        "Only a deal that was removed in another period than the one it was expected in, and never closed, would tell."),
    _gap(r"^dim_dates, bounds",
        "The calendar begins with the earliest event of all kinds, in this company a payment: only a company whose first event is of that kind would tell."),
    _gap(r"^fct_deal_contacts, the last select: window order: .*link.is_taken_over, link.deal_contact_key\) → .*link.is_taken_over\)",
        "Of links that two merged deals hand over any may stand: which one is not said, only that it is the same one every night."),
    _gap(r"^fct_lead_status_changes, (statuses_before|steps|last_statuses): window order:",
        "Only a change that was taken back and one that stands, alike in instant, sequence and record number, would tell."),
    _gap(r"^fct_(capacity|payments|marketing_spend|quotas), .*join condition: meant_\w+.entity = .*account",
        "A folder of files is one account: only a source with two accounts that both have such rows would tell."),
    _gap(r"^fct_deal_(stage_transitions|steps), (candidates|turns|__dbt__cte__fct_deal_pipeline_moves)",
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
    _gap(r", as_of: (time zone|off by a day)", "Only an event between the as-of and its midnight would tell: the source had recorded none."),
    _gap(r"^fct_deal_stage_transitions, (steps: member of a list|moves: window order)",
        "Only a move at the creation's own instant, numbered before it or like it by the source, would tell."),
    _gap(r"^dim_deals, last_visits: min / max", "Only a deal that was restored into a stage of another kind than it was deleted from would tell."),
    _gap(r"^mart_sales__leaks, currency_changes: < / <=", "Only a change of currency at the instant of the leak, after a higher amount, would tell."),
    _gap(r"^dim_deals, (deals|the last select).*(word: 'open'|case branch: CASE WHEN deal.is_deleted|COALESCE\(closing\.)",
        "Only a deal without any visit would tell; listed_deals_have_visits keeps such a warehouse from publication."),
    _gap(r"^mart_sales__deal_outcomes, journeys: coalesce: COALESCE\(furthest_rank",
        "Only a deal whose first pipeline nobody lists, and that went on in a listed one, would tell."),
    _gap(r"^dim_owners, the last select: join condition: seen.source_system",
        "Only two source systems with an account and an owner's id of the same name would tell."),
    _gap(r"^dim_stages, seen: join condition: .*reference = 'pipeline'",
        "Only a pipeline that bears the id of something else that a version refers to, in one account, would tell."),
    _gap(r"^fct_control_totals, __dbt__cte__int_crm__control_totals: predicate: NOT load.sweep_of IS NULL",
        "Only a load that is the sweep of a growing resource and brought totals itself would tell: in the companies such totals come with a complete load."),
    _gap(r"^mart_metrics__dimension_values, named: coalesce:", "Only a member without an id that bears another's name would tell."),
    _gap(r"^mart_sales__funnel_steps, steps: coalesce: COALESCE\(MAX\(step_number\)", "Only the preset own with no step named would tell: every other preset has steps."),
    _gap(r"^dim_stages, listed", "Only a stage that the source names 'none' and the seed maps all the same, or two pipelines of one stage id in the seed, would tell."),
    _gap(r"^mart_sales__leaks, currency_changes: predicate:", "Only an amount from before the deal's first currency, higher than all after it, would tell."),
)  # fmt: skip


def reason_for(mutant: Mutant) -> Explanation | None:
    """The first explanation that fits."""
    return next((each for each in EXPLANATIONS if re.search(each.pattern, mutant.name)), None)
