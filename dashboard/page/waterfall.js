import { answer } from "./content.js";
import { choice, el, floating, note, small, table } from "./elements.js";
import { followFilters, periodFor } from "./filters.js";
import { count, missing, money, periodName } from "./format.js";

const BUCKETS = [
  ["created", "Created", 1], ["reopened", "Reopened", 1], ["restored", "Restored", 1], ["moved", "Moved in less moved out", 1], ["pulled_in", "Pulled in", 1],
  ["increased", "Amounts raised", 1], ["decreased", "Amounts lowered", -1], ["exchange_rate", "Exchange rates", 1], ["pushed_out", "Pushed out", -1],
  ["won", "Won", -1], ["lost", "Lost", -1], ["deleted", "Deleted", -1], ["merged", "Merged", -1],
];
const FORMS = [["all_open", "all open deals"], ["closing_in_period", "expected to close in the period"]];

const shownForm = { form: "all_open" };

export const waterfall = {
  id: "waterfall",
  title: "Waterfall",
  question: "How did the open pipeline come from the opening to the closing figure?",
  draw(again) {
    const { period, notes: periodNotes } = periodFor(["month", "quarter", "year"], "month");
    const { rows, notes } = followFilters(answer("waterfall").filter((row) => row.period === period.period && row.waterfall_form === shownForm.form), ["pipeline", "owner"]);
    const controls = choice("Deals", FORMS, shownForm.form, (form) => { shownForm.form = form; again(); });
    const said = [...periodNotes, ...notes].map((text) => note(text, "limit"));
    const row = rows[0];
    if (!row) return [controls, note("No open deals in this choice.", "empty"), ...said];
    const without = row.unconverted_movement_count + row.opening_unconverted_count + row.closing_unconverted_count;
    return [
      controls,
      table(`From the opening to the closing pipeline, ${periodName(period)}`, [["Movement", "text"], ["", "bar"], ["Amount", "figure"], ["Deals", "figure"]], steps(row)),
      without ? note(`${count(without)} movements or open amounts have no exchange rate and are missing from the amounts.`) : null,
      ...said,
    ];
  },
};

// A move between stages or owners leaves one place and arrives at another: most of it cancels, and drawn apart it would hide the rest.
function netMoves(row) {
  return { ...row, moved_amount: row.moved_in_amount - row.moved_out_amount, moved_count: row.moved_in_count - row.moved_out_count };
}

// The mart writes what left without a sign; here it goes down.
function steps(given) {
  const row = netMoves(given);
  const moves = BUCKETS
    .filter(([bucket]) => shownForm.form === "closing_in_period" || !["pulled_in", "pushed_out"].includes(bucket))
    .map(([bucket, title, sign]) => ({ bucket, title, amount: sign * row[`${bucket}_amount`], deals: row[`${bucket}_count`] === undefined ? null : sign * row[`${bucket}_count`] }));
  let level = row.opening_amount;
  const levels = [0, level];
  for (const move of moves) {
    move.from = level;
    level += move.amount;
    levels.push(level);
  }
  levels.push(row.closing_amount);
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const end = (name, title) => ({
    name, class: "total",
    cells: [title, floating(0, row[`${name}_amount`], low, high, "open"), money(row[`${name}_amount`]), count(row[`${name}_count`])],
  });
  const signed = (text, value) => (value > 0 ? `+${text}` : text);
  return [
    end("opening", "Opening"),
    ...moves.map(({ bucket, title, from, amount, deals }) => ({
      name: bucket, class: amount || deals ? "" : "nothing",
      cells: [bucket === "moved" ? [title, small(`in ${count(row.moved_in_count)}, out ${count(row.moved_out_count)}`)] : title, floating(from, from + amount, low, high, bucket === "won" ? "won" : amount < 0 ? "loss" : ""),
        signed(money(amount === 0 ? 0 : amount), amount), deals === null ? el("span", {}, missing("amounts only")) : signed(count(deals === 0 ? 0 : deals), deals)],
    })),
    end("closing", "Closing"),
  ];
}
