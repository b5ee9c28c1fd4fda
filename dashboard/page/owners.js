import { answer, owners, pipelines } from "./content.js";
import { note, small, table } from "./elements.js";
import { chosen, periodFor, unableNote } from "./filters.js";
import { count, fewer, interval, missing, money, periodName, share } from "./format.js";

export const ownersPlan = {
  id: "owners",
  title: "Slippage and coverage by owner",
  question: "Who plans what closes, and is there enough to reach the quota?",
  draw() {
    const { period, notes } = periodFor(["month", "quarter", "year"], "quarter");
    const isYear = period.period_grain === "year";
    const of = (question) => answer(question).filter((row) => row.period === period.period);
    const [slips, covers] = [of("slippage"), of("coverage")];
    const whole = (rows) => rows.filter((row) => row.pipeline === chosen.pipeline && row.owner === null);
    const byOwner = (rows) => rows.filter((row) => row.owner !== null && (chosen.owner === null || row.owner === chosen.owner));
    const keys = [...new Set([...byOwner(slips), ...byOwner(covers)].map((row) => row.owner))].sort((one, other) => one - other);
    const line = (title, name, slip, cover, kind) => ({ name, class: kind, cells: [title, ...slipped(slip, isYear), ...covered(cover)] });
    const rows = keys.map((owner) => line(owners[owner].owner_name, owner, slips.find((row) => row.owner === owner), covers.find((row) => row.owner === owner), ""));
    const title = chosen.pipeline === null ? "Whole company" : `Pipeline ${pipelines[chosen.pipeline].pipeline_name}`;
    rows.push(line(title, "all", whole(slips)[0], whole(covers)[0], "total"));
    return [
      table(`Expected to close in ${periodName(period)}, as known when it began`, [
        ["Owner", "text"], ["Expected", "figure"], ["Slipped", "figure"], ["Slippage", "figure"], ["Pushed on", "figure"], ["Expected amount", "figure"],
        ["Quota", "figure"], ["Coverage", "figure"], ["Of what was still to win", "figure"],
      ], rows),
      note(`Slipped: expected to close in the period and still not closed at its end${period.is_complete_period ? "" : " (so far: the period is running)"}. Coverage: expected amount for each unit of quota.`),
      isYear ? note("Slippage is measured by week, month and quarter: choose one to see it.", "limit") : null,
      chosen.pipeline === null ? null : note("The owners' rows are not split by pipeline; the last row is the pipeline's.", "limit"),
      ...[...notes, ...unableNote(["pipeline", "owner"])].map((text) => note(text, "limit")),
    ];
  },
};

function slipped(row, isYear) {
  if (isYear) return Array.from({ length: 4 }, () => missing("not by year"));
  const none = "nothing expected";
  return [
    count(row?.expected_count, none), count(row?.slipped_count, none),
    row && row.slippage_rate !== null ? [share(row.slippage_rate), small(interval(row.slippage_rate_low, row.slippage_rate_high))] : missing(none),
    count(row?.push_count, none),
  ];
}

function covered(row) {
  const reason = row?.missing_reason ?? "nothing expected, no quota";
  return [
    money(row?.expected_amount, "nothing expected"),
    money(row?.quota_amount, row?.missing_reason === "already_won" ? "no quota declared" : missing(reason).reason),
    row && row.coverage_ratio !== null ? `${fewer(row.coverage_ratio)} ×` : missing(reason),
    row && row.coverage_to_win_ratio !== null ? `${fewer(row.coverage_to_win_ratio)} ×` : missing(reason),
  ];
}
