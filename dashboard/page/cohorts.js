import { answer, periods, pipelines, stages } from "./content.js";
import { choice, el, note, table } from "./elements.js";
import { chosen, grainShown, unableNote } from "./filters.js";
import { count, days, missing, periodName, plural, share, stageName } from "./format.js";

const KINDS = [["stage_entry", "by entry to the stage"], ["created", "by creation"]];

const shownKind = { kind: "stage_entry" };

export const cohorts = {
  id: "cohorts",
  title: "Conversion by cohort",
  question: "Of the deals that began together, which share got further? A cohort that is too young to judge is marked.",
  draw(again) {
    const grain = grainShown();
    const rows = answer("cohorts").filter((row) => row.cohort_kind === shownKind.kind && periods[row.period].period_grain === grain);
    const shown = pipelines.filter(({ pipeline }) => (chosen.pipeline === null || pipeline === chosen.pipeline) && rows.some((row) => row.pipeline === pipeline));
    return [
      choice("Cohorts", KINDS, shownKind.kind, (kind) => { shownKind.kind = kind; again(); }),
      note(shownKind.kind === "stage_entry"
        ? "Each figure: of the deals that first entered the stage in the period, the share that got beyond it by now."
        : "Each figure: of the deals created in the period in this pipeline, the share that came to the stage or beyond by now."),
      shown.length ? null : note("No deals in this choice.", "empty"),
      ...shown.map(({ pipeline, pipeline_name }) => ofPipeline(pipeline_name, rows.filter((row) => row.pipeline === pipeline), grain)),
      el("p", { class: "note" }, el("span", { class: "young" }, "maturing"), " Younger than nine in ten deals needed: the rate will still rise."),
      ...unableNote(["pipeline"]).map((text) => note(text, "limit")),
    ];
  },
};

function ofPipeline(name, rows, grain) {
  const places = [...new Set(rows.map((row) => row.stage))].sort((one, other) => (one ?? 1e9) - (other ?? 1e9));
  const found = new Map(rows.map((row) => [`${row.period}/${row.stage}`, row]));
  const starts = periods.filter((period) => period.period_grain === grain && rows.some((row) => row.period === period.period));
  const cell = (row) => {
    if (!row || !row.cohort_count) return missing("no deals");
    const figure = el("span", { class: row.matured ? "rate" : "rate young", style: { "--rate": `${Math.round(28 * row.conversion_rate)}%` } },
      share(row.conversion_rate, "no deals"), row.matured ? "" : el("span", { class: "hidden" }, " (maturing)"));
    return [figure, el("span", { class: "beside" }, "of ", count(row.cohort_count))];
  };
  const aged = rows.reduce((most, row) => (row.p90_days !== null && row.p90_days > (most ?? 0) ? row.p90_days : most), null);
  const left = rows.reduce((most, row) => Math.max(most, row.incomplete_history_count), 0);
  return [
    table(`${name}: conversion by ${grain} of ${shownKind.kind === "stage_entry" ? "entry" : "creation"}`, [
      [grain[0].toUpperCase() + grain.slice(1), "text"],
      ...places.map((stage) => [stage === null ? "Won" : stageName(stages[stage]), "figure"]),
    ], starts.map((period) => ({
      name: period.period,
      class: period.period === chosen.period ? "chosen" : "",
      cells: [periodName(period), ...places.map((stage) => cell(found.get(`${period.period}/${stage}`)))],
    }))),
    aged === null || shownKind.kind === "stage_entry" ? null : note([`Nine in ten are through within `, days(aged), left ? `; up to ${plural(left, "deal", "deals")} of a cohort left out for an incomplete history.` : "."].join("")),
  ];
}
