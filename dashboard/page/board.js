import { answer, night, stages } from "./content.js";
import { lineChart } from "./charts.js";
import { bar, el, note, small, stageCell, table } from "./elements.js";
import { chosen, dayName, dayNumber, unableNote } from "./filters.js";
import { count, missing, money, plural } from "./format.js";

const LAST = night.last_day ? dayNumber(night.last_day) : 0;

// null: now
const shownDay = { day: null };

// What the cells of the daily pipeline hold: of the whole company by stage, of an owner by stage too.
function cellsOf(owner) {
  const cells = owner === null ? answer("board_by_day") : answer("board_by_day_and_owner").filter((cell) => cell.owner === owner);
  return cells.filter((cell) => chosen.pipeline === null || stages[cell.stage].pipeline === chosen.pipeline);
}

function heldOn(cell, day) {
  let [low, high] = [0, cell.days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cell.days[middle] <= day) low = middle + 1;
    else high = middle;
  }
  return low ? { count: cell.counts[low - 1], cents: cell.cents[low - 1], unconverted: cell.unconverted_counts?.[low - 1] ?? 0 } : { count: 0, cents: 0, unconverted: 0 };
}

// The board of a day (null: now) under the chosen pipeline and owner; amounts add up in cents.
export function boardOn(day) {
  const isMart = day === null && chosen.owner === null;
  const rows = isMart
    ? answer("board").filter((row) => chosen.pipeline === null || stages[row.stage].pipeline === chosen.pipeline)
      .map((row) => ({ stage: row.stage, count: row.deal_count, cents: Math.round(row.total_amount * 100), recurring: row.total_recurring_amount, unconverted: row.unconverted_count }))
    : cellsOf(chosen.owner).map((cell) => ({ stage: cell.stage, ...heldOn(cell, day ?? LAST), recurring: null }));
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  return { rows, isMart, count: sum("count"), amount: sum("cents") / 100, unconverted: sum("unconverted"), notes: unableNote(["pipeline", "owner"]) };
}

function daily(first) {
  const [changes, values] = [new Float64Array(LAST + 2), []];
  for (const cell of cellsOf(chosen.owner)) {
    cell.days.forEach((day, place) => { changes[day] += cell.cents[place] - (place ? cell.cents[place - 1] : 0); });
  }
  let level = 0;
  for (let day = 0; day <= LAST; day += 1) {
    level += changes[day];
    if (day >= first) values.push(level / 100);
  }
  return values;
}

export const board = {
  id: "board",
  title: "Board",
  question: "What is open in each stage, now and on any past day?",
  draw(again, width) {
    if (!night.last_day) return [note("No deal has ever been open.", "empty")];
    const first = chosen.owner === null ? 0 : dayNumber(night.first_owner_day ?? night.last_day);
    if (shownDay.day !== null && shownDay.day < first) shownDay.day = first;
    const by = daily(first);
    const results = el("div");
    const name = el("span");
    const slider = el("input", {
      type: "range", name: "board-day", min: first, max: LAST, step: 1, value: shownDay.day ?? LAST, autocomplete: "off",
      on: { input: (event) => go(Number(event.target.value)) },
    });
    // The slider stays as it is while it is dragged; all else is drawn anew.
    const show = () => {
      const day = shownDay.day ?? LAST;
      slider.value = day;
      slider.setAttribute("aria-valuetext", dayName(day));
      name.replaceChildren("As of ", el("strong", {}, dayName(day)), shownDay.day === null ? " (now)" : "");
      results.replaceChildren(...held(day), lineFigure(by, first, day, width));
    };
    const go = (to) => {
      shownDay.day = to >= LAST ? null : Math.max(first, to);
      show();
    };
    const step = (text, label, by) => el("button", { type: "button", "aria-label": label, on: { click: () => go((shownDay.day ?? LAST) + by) } }, text);
    show();
    return [
      el("div", { class: "slider" }, el("label", {}, name, slider),
        el("span", { class: "steps" }, step("−1 day", "one day earlier", -1), step("+1 day", "one day later", 1), step("now", "now", LAST + 1))),
      results,
      chosen.owner !== null && first > 0 ? note(`By owner this page goes back to ${dayName(first)}; mart_sales__pipeline_daily holds every day.`, "limit") : null,
      ...unableNote(["pipeline", "owner"]).map((text) => note(text, "limit")),
    ];
  },
};

function held(day) {
  const shown = boardOn(shownDay.day);
  const rows = shown.rows.filter((row) => shown.isMart || row.count).sort((one, other) => one.stage - other.stage);
  const largest = Math.max(...rows.map((row) => row.cents), 0);
  const recurring = (value) => (shown.isMart ? money(value) : missing("kept for now only"));
  const lines = rows.map((row) => ({
    name: row.stage,
    cells: [
      stageCell(stages[row.stage], chosen.pipeline, stages[row.stage].is_active_stage ? "" : "we wait"),
      bar(row.cents, largest, "open"), count(row.count), money(row.cents / 100), recurring(row.recurring),
    ],
  }));
  if (rows.length) lines.push({ name: "all", class: "total", cells: ["All", "", count(shown.count), money(shown.amount), recurring(rows.reduce((sum, row) => sum + row.recurring, 0))] });
  return [
    table(`Open deals on ${dayName(day)}, amounts at that day's rate`, [["Stage", "text"], ["", "bar"], ["Deals", "figure"], ["Amount", "figure"], ["Recurring a month", "figure"]], lines, "No deal was open in this choice."),
    shown.unconverted ? note(`${plural(shown.unconverted, "amount has", "amounts have")} no exchange rate and ${shown.unconverted === 1 ? "is" : "are"} missing from the sums.`) : "",
  ];
}

function lineFigure(by, first, day, width) {
  return el("figure", {}, el("figcaption", {}, "Open amount by day"), lineChart({
    label: `Open amount by day from ${dayName(first)} to ${dayName(LAST)}; the slider above gives every figure`, width,
    labels: by.map((_, place) => dayName(first + place)), series: [{ kind: "open", values: by }], format: shortMoney, mark: day - first,
  }));
}

function shortMoney(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
