import { answer, periods, stages } from "./content.js";
import { bar, details, el, note, stageCell, table } from "./elements.js";
import { chosen, unableNote } from "./filters.js";
import { count, during, missing, money, words } from "./format.js";

const REASON_COLUMNS = 7;

// Rows of the chosen period: months add up to quarters and years.
export function leaksOf(period) {
  const isWithin = (row) => {
    const month = periods[row.period];
    return month.period_grain === "month" && month.period_start >= period.period_start && month.period_start < period.next_period_start;
  };
  return answer("leakage").filter((row) =>
    (["all", "month"].includes(period.period_grain) ? row.period === period.period : isWithin(row)) &&
    (chosen.pipeline === null || row.pipeline === chosen.pipeline) && (chosen.channel === null || row.channel === chosen.channel));
}

function summed(rows, key) {
  const sums = new Map();
  for (const row of rows) {
    const at = key(row);
    const sum = sums.get(at) ?? { leaked_count: 0, last_amount: 0, came_back_count: 0, dormant_count: 0, dormant_amount: 0, first: row };
    for (const column of ["leaked_count", "last_amount", "came_back_count", "dormant_count", "dormant_amount"]) sum[column] += Number(row[column] ?? 0);
    sums.set(at, sum);
  }
  return [...sums.values()];
}

export const leakage = {
  id: "leakage",
  title: "Leakage",
  question: "From which stage do deals leave without advancing, why, and what were they worth?",
  draw() {
    const period = periods[chosen.period];
    const rows = leaksOf(period);
    const leaks = rows.filter((row) => row.leak_group !== "dormant");
    const [byStage, byReason] = [summed(rows, (row) => row.stage), summed(leaks, (row) => `${row.leak_group}|${row.lost_reason}`)];
    byStage.sort((one, other) => (one.first.stage ?? 1e9) - (other.first.stage ?? 1e9));
    byReason.sort((one, other) => other.last_amount - one.last_amount);
    const largestOf = (list) => Math.max(...list.map((sum) => sum.last_amount), 0);
    const figures = (sum, largest) => [bar(sum.last_amount, largest, "loss"), money(sum.last_amount), count(sum.leaked_count), count(sum.came_back_count)];
    const name = during(period);
    const unconverted = rows.reduce((sum, row) => sum + Number(row.unconverted_count ?? 0), 0);
    return [
      el("div", { class: "pair" },
        table(`Left without advancing ${name}, by last open stage`, [
          ["Stage", "text"], ["", "bar"], ["Amount", "figure"], ["Visits", "figure"], ["Came back", "figure"], ["Dormant, not left", "figure"],
        ], byStage.map((sum) => ({
          name: sum.first.stage,
          cells: [stageCell(stages[sum.first.stage], chosen.pipeline), ...figures(sum, largestOf(byStage)),
            sum.dormant_count ? [count(sum.dormant_count), el("span", { class: "small" }, money(sum.dormant_amount))] : "0"],
        })), "Nothing left in this choice."),
        table(`Left without advancing ${name}, by reason`, [
          ["Reason", "text"], ["", "bar"], ["Amount", "figure"], ["Visits", "figure"], ["Came back", "figure"],
        ], byReason.map((sum) => ({
          name: `${sum.first.leak_group}|${sum.first.lost_reason}`,
          cells: [reasonName(sum.first), ...figures(sum, largestOf(byReason))],
        })), "Nothing left in this choice.")),
      leaks.length ? details("Stage by reason, in money", matrix(leaks, byStage, byReason, name)) : null,
      unconverted ? note(`${count(unconverted)} amounts have no exchange rate and are missing from the sums.`) : null,
      ...unableNote(["pipeline", "channel"]).map((text) => note(text, "limit")),
    ];
  },
};

function reasonName(row) {
  const group = words(row.leak_group);
  return row.lost_reason === "none" || words(row.lost_reason) === group ? group : `${group}: ${words(row.lost_reason)}`;
}

function matrix(leaks, byStage, byReason, name) {
  const shown = byReason.slice(0, REASON_COLUMNS).map((sum) => sum.first);
  const placeOf = (row) => shown.findIndex((each) => each.leak_group === row.leak_group && each.lost_reason === row.lost_reason);
  const cells = new Map(summed(leaks, (row) => `${row.stage}/${placeOf(row)}`).map((sum) => [`${sum.first.stage}/${placeOf(sum.first)}`, sum]));
  const cell = (stage, place) => (cells.has(`${stage}/${place}`) ? money(cells.get(`${stage}/${place}`).last_amount) : missing("none"));
  const columns = [["Stage", "text"], ...shown.map((row) => [reasonName(row), "figure"])];
  const hasMore = byReason.length > shown.length;
  if (hasMore) columns.push(["other reasons", "figure"]);
  return table(`Amount that left ${name}, by stage and reason`, columns, byStage.filter((sum) => sum.leaked_count).map((sum) => ({
    cells: [stageCell(stages[sum.first.stage], chosen.pipeline), ...shown.map((_, place) => cell(sum.first.stage, place)), ...(hasMore ? [cell(sum.first.stage, -1)] : [])],
  })));
}
