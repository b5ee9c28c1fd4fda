import { answer, periods, stages } from "./content.js";
import { el, note, small, stageCell, table } from "./elements.js";
import { chosen, unableNote } from "./filters.js";
import { count, days } from "./format.js";

export const timeInStage = {
  id: "time-in-stage",
  title: "Time in stage",
  question: "How long does a stay in a stage last, and which stages hold deals beyond their own p90?",
  draw() {
    const rows = answer("time_in_stage").filter((row) => chosen.pipeline === null || stages[row.stage].pipeline === chosen.pipeline);
    const longest = Math.max(...rows.map((row) => row.p90_days ?? row.p75_days ?? row.median_days ?? 0), 0);
    const all = periods.find((period) => period.period_grain === "all");
    const dormant = new Map();
    for (const row of answer("leakage")) {
      if (row.period === all?.period && row.leak_group === "dormant") dormant.set(row.stage, (dormant.get(row.stage) ?? 0) + Number(row.dormant_count));
    }
    const few = "too few have left";
    return [
      table("Days in each stage, all time; stays still open are counted for as long as they have lasted", [
        ["Stage", "text"], ["From a quarter to three quarters of the stays, median, p90", "bar"], ["Median", "figure"], ["p90", "figure"], ["Stays", "figure"],
        ["Open now", "figure"], ["Dormant now", "figure"],
      ], rows.map((row) => ({
        name: row.stage,
        cells: [
          stageCell(stages[row.stage], chosen.pipeline), range(row, longest),
          [days(row.median_days, few), row.median_days_low === null || row.median_days_high === null ? "" : small(`${days(row.median_days_low)} to ${days(row.median_days_high)}`)],
          days(row.p90_days, few), count(row.visit_count), count(row.open_visit_count), count(dormant.get(row.stage) ?? 0),
        ],
      })), "No stay in a stage in this choice."),
      note("Dormant: open, without a stage change or an activity for longer than the stage's limit, which is its p90 where none is declared."),
      ...unableNote(["pipeline"]).map((text) => note(text, "limit")),
    ];
  },
};

function range(row, longest) {
  const at = (value) => `${longest > 0 ? (100 * value) / longest : 0}%`;
  const parts = [];
  if (row.p25_days !== null && row.p75_days !== null) parts.push(el("span", { class: "middle", style: { "inset-inline-start": at(row.p25_days), "inline-size": at(row.p75_days - row.p25_days) } }));
  if (row.median_days !== null) parts.push(el("span", { class: "tick", style: { "inset-inline-start": at(row.median_days) } }));
  if (row.p90_days !== null) parts.push(el("span", { class: "tick late", style: { "inset-inline-start": at(row.p90_days) } }));
  return el("span", { class: "range", "aria-hidden": "true" }, parts);
}
