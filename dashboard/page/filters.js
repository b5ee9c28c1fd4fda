import { channels, night, owners, periods, pipelines } from "./content.js";
import { el } from "./elements.js";
import { day, periodName } from "./format.js";

export const chosen = { period: 0, pipeline: null, owner: null, channel: null };

const NAMES = { pipeline: "pipeline", owner: "owner", channel: "channel" };

export function buildFilters(form, whenChanged) {
  const grains = [["year", "Years"], ["quarter", "Quarters"], ["month", "Months"]];
  const option = (value, text) => el("option", { value }, text);
  const optionOf = (period) => option(period.period, periodName(period));
  const period = [
    periods.filter((each) => each.period_grain === "all").map(optionOf),
    grains.map(([grain, title]) => el("optgroup", { label: title }, periods.filter((each) => each.period_grain === grain).map(optionOf))),
  ];
  const every = (list, name, all) => [option("", all), list.map((member) => option(member[name], member[`${name}_name`]))];
  const selects = {
    period,
    pipeline: every(pipelines, "pipeline", "all pipelines"),
    owner: every(owners, "owner", "all owners"),
    channel: every(channels, "channel", "all channels"),
  };
  for (const [name, options] of Object.entries(selects)) {
    const change = (event) => {
      chosen[name] = event.target.value === "" ? null : Number(event.target.value);
      whenChanged();
    };
    form.append(el("label", {}, el("span", {}, name), el("select", { name, autocomplete: "off", on: { change } }, options)));
  }
  const reset = el("button", { type: "reset", class: "quiet" }, "reset");
  form.append(reset);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    Object.assign(chosen, { period: 0, pipeline: null, owner: null, channel: null });
    setTimeout(whenChanged);
  });
}

export function describeChoice() {
  const parts = [
    `Period: ${periodName(periods[chosen.period])}`,
    chosen.pipeline === null ? "all pipelines" : `pipeline ${pipelines[chosen.pipeline].pipeline_name}`,
    chosen.owner === null ? "all owners" : `owner ${owners[chosen.owner].owner_name}`,
    chosen.channel === null ? "all channels" : `channel ${channels[chosen.channel].channel_name}`,
  ];
  return parts.join(" · ");
}

// The rows of a mart that is split by one dimension at a time, and what must be said about the filters it cannot follow.
export function followFilters(rows, dimensions) {
  const asked = ["owner", "channel", "pipeline"].filter((name) => chosen[name] !== null);
  const used = asked.find((name) => dimensions.includes(name));
  const left = asked.filter((name) => name !== used);
  const notes = [];
  const unable = left.filter((name) => !dimensions.includes(name));
  const second = left.filter((name) => dimensions.includes(name));
  if (unable.length) notes.push(`Not split by ${unable.map((name) => NAMES[name]).join(" or ")}: that filter does not change this part.`);
  if (second.length) notes.push(`Split by one thing at a time: shown by ${NAMES[used]}, whatever the ${second.join(" and the ")} is.`);
  return {
    notes,
    rows: rows.filter((row) => dimensions.every((name) => (row[name] ?? null) === (name === used ? chosen[name] : null))),
  };
}

export function unableNote(dimensions) {
  return followFilters([], dimensions).notes.filter((text) => text.startsWith("Not split"));
}

// The chosen period where a part measures its grain; else the newest complete one of `instead`.
export function periodFor(grains, instead) {
  const asked = periods[chosen.period];
  if (grains.includes(asked.period_grain)) return { period: asked, notes: [] };
  const choices = periods.filter((each) => each.period_grain === instead);
  const period = choices.find((each) => each.is_complete_period) ?? choices[0] ?? asked;
  return { period, notes: [`This part needs a ${grains.join(", a ").replace(/, ([^,]*)$/, " or $1")}: shown is ${periodName(period)}.`] };
}

export function grainShown() {
  const grain = periods[chosen.period].period_grain;
  return grain === "all" ? "quarter" : grain;
}

export const dayOf = (number) => new Date(Date.parse(`${night.first_day}T00:00:00Z`) + number * 86_400_000).toISOString().slice(0, 10);
export const dayNumber = (iso) => Math.round((Date.parse(`${iso}T00:00:00Z`) - Date.parse(`${night.first_day}T00:00:00Z`)) / 86_400_000);
export const dayName = (number) => day(dayOf(number));
