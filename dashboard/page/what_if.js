import { answer } from "./content.js";
import { bar, el, note, small, table } from "./elements.js";
import { chosen, followFilters } from "./filters.js";
import { fewer, missing, money, points, share } from "./format.js";

// The one part that is computed here: what changes while a slider moves cannot be a row of a mart. At the points that
// mart_sales__what_if publishes, the same formula gives the same figures; a test holds them together.
const settings = { points: 5, decay: 0, raised: new Map() };

function measuredSteps() {
  const { rows, notes } = followFilters(answer("funnel").filter((row) => row.period === 0), ["pipeline"]);
  return { steps: rows.filter((row) => row.is_measured && row.step_kind !== "unmapped"), notes };
}

// One step passes on `raised` percentage points more of its deals, of which each later step passes on less by the share `decay`.
export function raiseOne(steps, place, raised, decay) {
  const [step, next, won] = [steps[place], steps[place + 1], steps.at(-1)];
  const extraNext = Math.min((step.reached_count * raised) / 100, step.reached_count - next.reached_count);
  const extraAt = (later) => (next.reached_count ? extraNext * (steps[later].reached_count / next.reached_count) * (1 - decay) ** (later - place - 1) : null);
  const extraWon = extraAt(steps.length - 1);
  let load = null;
  for (let later = place + 1; later < steps.length - 1; later += 1) if (extraAt(later) !== null) load = (load ?? 0) + extraAt(later);
  return { step, next, extraNext, load, extraWon, amount: worth(extraWon, won), points: share100(extraWon, won.cohort_count) };
}

// Several rates are raised at once, none above 1, and all of them multiplied.
export function raiseSeveral(steps, raised) {
  const won = steps.at(-1);
  const rates = steps.map((step) => (step.previous_count ? Math.min(1, step.reached_count / step.previous_count + (raised.get(step.step_name) ?? 0) / 100) : null));
  const added = [...raised.values()].reduce((sum, each) => sum + each, 0);
  const chained = rates.includes(null) ? null : rates.reduce((product, rate) => product * rate, 1);
  const extraWon = chained === null ? null : chained * won.cohort_count - won.reached_count;
  return { added, extraWon, amount: worth(extraWon, won), points: share100(extraWon, won.cohort_count) };
}

const share100 = (part, whole) => (part === null || !whole ? null : (100 * part) / whole);

function worth(extraWon, won) {
  const converted = won.reached_count - won.unconverted_count;
  return extraWon === null || !converted || won.reached_amount === null ? null : (extraWon * won.reached_amount) / converted;
}

// A slider that says its value beside its name; it stays as it is while it is dragged. (An output element would take the label from it.)
function lever(label, name, limits, value, say, change) {
  const said = el("span", { class: "value" }, say(value));
  const input = el("input", {
    type: "range", name, value, autocomplete: "off", "aria-valuetext": say(value), ...limits,
    on: {
      input: () => {
        said.textContent = say(Number(input.value));
        input.setAttribute("aria-valuetext", said.textContent);
        change(Number(input.value));
      },
    },
  });
  return el("label", { class: "lever" }, el("span", { class: "label" }, el("span", {}, label), said), input);
}

const NONE = "nothing reached the next step";

export const whatIf = {
  id: "what-if",
  title: "What if",
  question: "What would a better step bring, added up as articles do it, and exactly?",
  draw() {
    const { steps, notes } = measuredSteps();
    if (steps.length < 2 || !steps[0].cohort_count) return [note("No deal with a known way in this choice.", "empty")];
    const [together, alone] = [el("div", { "aria-live": "polite" }), el("div")];
    const showTogether = () => together.replaceChildren(severalTiles(steps));
    const showAlone = () => alone.replaceChildren(tornado(steps));
    showTogether();
    showAlone();
    const raise = (step) => (value) => {
      settings.raised.set(step.step_name, value);
      showTogether();
    };
    const now = (step) => (step.previous_count ? share(step.reached_count / step.previous_count) : missing("nobody came so far"));
    const set = (name, show) => (value) => {
      settings[name] = value;
      show();
    };
    return [
      el("h3", {}, "Several steps at once"),
      el("div", { class: "levers" }, steps.map((step) =>
        lever([step.step_name, small("now ", now(step), " of those before")], `raise-${step.step_number}`, { min: 0, max: 20, step: 0.5 },
          settings.raised.get(step.step_name) ?? 0, points, raise(step)))),
      together,
      el("h3", {}, "Which step is the lever?"),
      el("div", { class: "levers" },
        lever("Each step alone passes on more by", "one-points", { min: 0.5, max: 20, step: 0.5 }, settings.points, points, set("points", showAlone)),
        lever("Later steps pass the additional deals less often by", "one-decay", { min: 0, max: 0.9, step: 0.05 }, settings.decay, share, set("decay", showAlone))),
      alone,
      note(`Computed in this page from the funnel of all time${chosen.pipeline === null ? "" : " of this pipeline"}; steps that no stage is mapped to are passed over.`),
      ...notes.map((text) => note(text, "limit")),
    ];
  },
};

function severalTiles(steps) {
  const raised = new Map([...settings.raised].filter(([name]) => steps.some((step) => step.step_name === name)));
  const several = raiseSeveral(steps, raised);
  const tile = (name, title, figure, under) => el("li", { "data-tile": name }, el("span", { class: "title" }, title), el("strong", {}, figure), small(under));
  return el("ul", { class: "tiles" },
    tile("added", "Added up, as articles do", points(several.added), "the sum of the sliders"),
    tile("chained", "Exact: chained", several.points === null ? missing(NONE) : points(several.points), "of all deals created"),
    tile("extra_won", "Wins more", several.extraWon === null ? missing(NONE) : fewer(several.extraWon), `beside ${fewer(steps.at(-1).reached_count)}`),
    tile("extra_amount", "Revenue more", money(several.amount, "no won amount known"), "at the average won deal"));
}

function tornado(steps) {
  const ranked = steps.slice(0, -1).map((_, place) => raiseOne(steps, place, settings.points, settings.decay));
  ranked.sort((one, other) => (other.extraWon ?? -1) - (one.extraWon ?? -1));
  const largest = Math.max(...ranked.map((row) => row.extraWon ?? 0), 0);
  return table("Each step raised alone, the strongest lever first", [
    ["From step", "text"], ["", "bar"], ["Wins more", "figure"], ["Revenue more", "figure"], ["Exact", "figure"], ["More at the next step", "figure"], ["Load on later steps", "figure"],
  ], ranked.map((row) => ({
    name: row.step.step_name,
    cells: [
      [row.step.step_name, small("to ", row.next.step_name)], bar(row.extraWon, largest, "won"), row.extraWon === null ? missing(NONE) : fewer(row.extraWon),
      money(row.amount, row.extraWon === null ? NONE : "no won amount known"), row.points === null ? missing(NONE) : points(row.points),
      fewer(row.extraNext), row.load === null ? missing(row.next.step_kind === "won" ? "no later step" : NONE) : fewer(row.load),
    ],
  })));
}
