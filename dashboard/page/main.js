import { board } from "./board.js";
import { cohorts } from "./cohorts.js";
import { night } from "./content.js";
import { el, redraw } from "./elements.js";
import { buildFilters, describeChoice } from "./filters.js";
import { day } from "./format.js";
import { funnel } from "./funnel.js";
import { headline } from "./headline.js";
import { hygiene } from "./hygiene.js";
import { leads } from "./leads.js";
import { leakage } from "./leakage.js";
import { ownersPlan } from "./owners.js";
import { buildQuality } from "./quality.js";
import { recovery } from "./recovery.js";
import { scorecard } from "./scorecard.js";
import { timeInStage } from "./stages.js";
import { targets } from "./targets.js";
import { trends } from "./trends.js";
import { waterfall } from "./waterfall.js";
import { whatIf } from "./what_if.js";

const PARTS = [headline, funnel, leakage, board, waterfall, cohorts, timeInStage, trends, targets, ownersPlan, leads, scorecard, whatIf, recovery, hygiene];

const main = document.getElementById("parts");
const holders = PARTS.map((part) => {
  const holder = el("div", { class: "drawn" });
  const title = el("h2", { id: `${part.id}-title` }, part.title);
  main.append(el("section", { id: part.id, "aria-labelledby": `${part.id}-title` }, title, part.question ? el("p", { class: "question" }, part.question) : "", holder));
  return holder;
});

let drawnWidth = 0;

function draw(place) {
  redraw(holders[place], PARTS[place].draw(() => draw(place), Math.max(280, drawnWidth)));
}

function drawAll() {
  drawnWidth = holders[0].clientWidth;
  PARTS.forEach((_, place) => draw(place));
  document.getElementById("chosen").textContent = describeChoice();
}

document.getElementById("as-of").textContent = night.data_through
  ? `Everything recorded up to ${day(night.data_through)}, ${night.data_through.slice(11, 16)} UTC · amounts in ${night.currency_code ?? "the deals' currency"}`
  : "Nothing has been recorded yet.";
document.getElementById("foot").textContent = `Watertight, run ${night.run_id ?? "unknown"}. Figures are those of marts.duckdb of the same run; only the part “What if” is computed here.`;
document.getElementById("contents").append(el("ul", {}, PARTS.map((part) => el("li", {}, el("a", { href: `#${part.id}` }, part.title)))));
buildQuality(document.getElementById("quality"));
buildFilters(document.getElementById("filters"), drawAll);
drawAll();

new ResizeObserver(() => {
  if (Math.abs(holders[0].clientWidth - drawnWidth) > 8) drawAll();
}).observe(main);
document.documentElement.dataset.drawn = "yes";
