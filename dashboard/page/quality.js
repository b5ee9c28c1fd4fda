import { answer, night } from "./content.js";
import { details, el, table } from "./elements.js";
import { count, day, fewer, plural, share, words } from "./format.js";

const SETTLED = { equal: "equal", explained: "explained by changes while it was asked", fuller_until_sweep: "fuller until the next sweep" };

export function buildQuality(holder) {
  const funnel = answer("funnel").find((row) => row.period === 0 && row.pipeline === null);
  const tiles = [...answer("freshness").map(freshnessTile), reconciliationTile(), loadsTile()];
  tiles.push(tile(!night.unconverted_count, "Exchange rates", night.unconverted_count
    ? `${plural(night.unconverted_count, "open amount has", "open amounts have")} no rate and ${night.unconverted_count === 1 ? "is" : "are"} missing from the sums`
    : "every open amount is converted"));
  if (funnel) {
    const incomplete = funnel.incomplete_history_count;
    const unmapped = funnel.unmapped_stage_count;
    tiles.push(tile(!incomplete, "Histories", incomplete ? `${plural(incomplete, "deal is", "deals are")} left out: the history is incomplete` : "complete for every deal"));
    tiles.push(tile(!unmapped, "Stages", unmapped ? `${plural(unmapped, "stage is", "stages are")} mapped to no funnel step` : "all mapped to a funnel step"));
  }
  const checks = answer("data_quality");
  const lacking = checks.filter((row) => row.failing_count > 0);
  if (checks.length) tiles.push(tile(!lacking.length, "Records", lacking.length ? `${count(lacking.length)} of ${plural(checks.length, "check", "checks")} find something missing: see below` : "no check finds anything missing"));
  holder.append(el("section", { "aria-label": "Freshness and data quality" }, el("ul", { class: "strip" }, tiles),
    lacking.length ? details("What the records lack, and what follows from it", lackingTable(lacking)) : ""));
}

function lackingTable(rows) {
  return table("Records that lack something", [["Check", "text"], ["Source", "text"], ["Looked at", "figure"], ["Lacking", "figure"], ["Share", "figure"], ["What follows", "text"]], rows.map((row) => ({
    name: `${row.check_name}|${row.source_system}`,
    cells: [words(row.check_name), row.source_system, count(row.checked_count), count(row.failing_count), share(row.failing_rate), row.consequence],
  })));
}

function tile(isWell, title, text) {
  return el("li", { class: isWell ? "well" : "unwell" }, el("strong", {}, title), el("span", {}, isWell ? "" : "Look: ", text));
}

function freshnessTile(source) {
  const late = source.is_behind ? `, ${fewer(source.hours_behind)} h behind the rest` : "";
  const absent = source.is_in_latest_run ? "" : ", not in the last run";
  const at = source.data_through ? `to ${day(source.data_through)} ${source.data_through.slice(11, 16)} UTC` : "no data yet";
  const name = source.account === source.source_system ? source.source_system : `${source.source_system} ${source.account}`;
  return tile(!source.is_behind && source.is_in_latest_run, name, `${at}${late}${absent}`);
}

function reconciliationTile() {
  const rows = answer("reconciliation");
  if (!rows.length) return tile(true, "The CRM's own totals", "no source gives any");
  const faults = rows.filter((row) => row.is_fault).reduce((sum, row) => sum + row.figure_count, 0);
  const told = rows.map((row) => `${count(row.figure_count)} ${SETTLED[row.verdict] ?? row.verdict.replaceAll("_", " ")}`).join(", ");
  return tile(faults === 0, "The CRM's own totals", told);
}

function loadsTile() {
  const rows = answer("loads");
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  return tile(rows.length > 0, "Last night", rows.length ? `${plural(sum("new_count"), "new row", "new rows")} of ${count(sum("landed_count"))} landed, ${plural(sum("request_count"), "request", "requests")}` : "nothing was loaded");
}
