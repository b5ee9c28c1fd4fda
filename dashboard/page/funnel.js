import { answer, periods } from "./content.js";
import { bar, note, small, table } from "./elements.js";
import { chosen, followFilters } from "./filters.js";
import { count, during, interval, money, plural, share } from "./format.js";

export const funnel = {
  id: "funnel",
  title: "Funnel",
  question: "How far do the deals created in the period come, and where do they stop?",
  draw() {
    const { rows, notes } = followFilters(answer("funnel").filter((row) => row.period === chosen.period), ["pipeline"]);
    const steps = rows.filter((row) => row.step_kind !== "unmapped");
    const largest = Math.max(...steps.map((row) => row.reached_count ?? 0), 0);
    const unmeasured = "no stage mapped";
    const shown = steps.map((row) => ({
      name: row.step_name,
      class: row.step_kind === "won" ? "total" : "",
      cells: [
        row.step_name,
        row.is_measured ? bar(row.reached_count, largest) : "",
        count(row.reached_count, unmeasured),
        row.is_measured ? [share(row.step_rate, "nobody before"), small(interval(row.step_rate_low, row.step_rate_high))] : "",
        row.is_measured ? share(row.cohort_rate, "no deals") : "",
        row.is_measured ? money(row.reached_amount, "no amount") : "",
        row.is_measured && row.step_kind === "step" ? count(row.open_here_count) : "",
        row.is_measured && row.step_kind === "step" ? count(row.lost_here_count) : "",
      ],
    }));
    const beside = rows.find((row) => row.step_kind === "unmapped");
    const said = [];
    if (beside?.reached_count) said.push(`${plural(beside.reached_count, "deal", "deals")} reached no step (lost from a stage that is none, or never in an open stage).`);
    if (rows[0]?.incomplete_history_count) said.push(`${plural(rows[0].incomplete_history_count, "deal is", "deals are")} left out: the history is incomplete.`);
    if (rows[0]?.unconverted_count) said.push("Amounts without an exchange rate are missing from the sums.");
    return [
      table(`Deals created ${during(periods[chosen.period])}, by the furthest step they reached`, [
        ["Step", "text"], ["", "bar"], ["Deals", "figure"], ["Of the step before", "figure"], ["Of all", "figure"], ["Amount", "figure"],
        ["Still open here", "figure"], ["Lost here", "figure"],
      ], shown, "No deal was created in this choice."),
      ...said.map((text) => note(text)),
      ...notes.map((text) => note(text, "limit")),
    ];
  },
};
