import { answer, owners, pipelines } from "./content.js";
import { bar, note, small, table } from "./elements.js";
import { chosen, periodFor, unableNote } from "./filters.js";
import { days, fewer, missing, money, periodName, share, words } from "./format.js";

const TARGET_UNITS = [["_amount", money], ["_rate", share], ["_days", days]];

function targetFigure(row, value, reason) {
  return (TARGET_UNITS.find(([ending]) => row.metric.endsWith(ending)) ?? ["", fewer])[1](value, reason);
}

function isAimedAt(row) {
  if (row.owner !== null) return chosen.owner === null ? chosen.pipeline === null : row.owner === chosen.owner;
  return row.pipeline === null || chosen.pipeline === null || row.pipeline === chosen.pipeline;
}

export const targets = {
  id: "targets",
  title: "Targets",
  question: "What was aimed at, and what has come of it?",
  draw() {
    const { period, notes } = periodFor(["month", "quarter", "year"], "quarter");
    const rows = answer("targets").filter((row) => row.period === period.period && isAimedAt(row));
    const metrics = new Set(rows.map((row) => row.metric));
    const reached = (row) => (row.target ? (row.value ?? 0) / row.target : null);
    const who = (row) => (row.owner !== null ? owners[row.owner].owner_name : row.pipeline !== null ? `Pipeline ${pipelines[row.pipeline].pipeline_name}` : "Whole company");
    return [
      table(`${metrics.size === 1 ? `${words([...metrics][0])}, ` : ""}${periodName(period)}, beside what was aimed at`, [["Who", "text"], ["", "bar"], ["Share", "figure"], ["Reached", "figure"], ["Target", "figure"]],
        rows.map((row) => ({
          name: `${row.metric}|${row.owner ?? ""}|${row.pipeline ?? ""}`, class: row.owner === null && row.pipeline === null ? "total" : "",
          cells: [
            [who(row), metrics.size > 1 ? small(words(row.metric)) : ""], bar(Math.min(reached(row) ?? 0, 1), 1),
            reached(row) === null ? missing(row.target_missing_reason ?? "a target of zero") : share(reached(row)),
            targetFigure(row, row.value, "nothing yet"), targetFigure(row, row.target, row.target_missing_reason),
          ],
        })), "No target is declared and no quota given for this choice."),
      period.is_complete_period ? null : note("The period is running: the target is the whole period's."),
      ...[...notes, ...unableNote(["pipeline", "owner"])].map((text) => note(text, "limit")),
    ];
  },
};
