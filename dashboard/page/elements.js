import { pipelines } from "./content.js";
import { Missing, stageName } from "./format.js";

// Text reaches the page as text only: nothing a CRM holds is ever read as HTML.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "style") for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== "").map(asNode));
  return element;
}

function asNode(value) {
  return value instanceof Missing ? el("span", { class: "missing" }, value.reason) : value;
}

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

export function note(text, kind = "") {
  return el("p", { class: `note ${kind}` }, text);
}

export function small(...text) {
  return el("span", { class: "small" }, ...text);
}

// A stage, with its pipeline where several are shown.
export function stageCell(stage, shownPipeline, mark = "") {
  const isNamed = !stage || shownPipeline !== null || pipelines.length < 2;
  return [stageName(stage), mark ? el("span", { class: "tag" }, mark) : "", isNamed ? "" : small(pipelines[stage.pipeline].pipeline_name)];
}

// columns: [title, kind], kind being text, figure or bar; rows: {cells, class, head}; the first cell heads its row.
export function table(caption, columns, rows, whenEmpty = "No deals in this choice.") {
  if (!rows.length) return note(whenEmpty, "empty");
  const head = el("tr", {}, columns.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) =>
    el("tr", { class: row.class, "data-row": row.name }, row.cells.map((cell, place) => {
      const kind = columns[place][1];
      const parts = Array.isArray(cell) ? cell : [cell];
      return place === 0 ? el("th", { scope: "row", class: kind }, parts) : el("td", { class: kind }, parts);
    })),
  );
  const made = el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, body));
  return el("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" }, made);
}

export function bar(value, largest, kind = "") {
  const filled = el("span", { style: { "inline-size": `${largest > 0 ? Math.max(0, (100 * (value ?? 0)) / largest) : 0}%` } });
  return el("span", { class: `bar ${kind}`, "aria-hidden": "true" }, filled);
}

// A bar that begins where the one before ended.
export function floating(from, to, low, high, kind) {
  const at = (value) => (high > low ? (100 * (value - low)) / (high - low) : 0);
  const [start, end] = [at(Math.min(from, to)), at(Math.max(from, to))];
  const filled = el("span", { style: { "margin-inline-start": `${start}%`, "inline-size": from === to ? "0" : `max(2px, ${end - start}%)` } });
  return el("span", { class: `bar ${kind}`, "aria-hidden": "true" }, filled);
}

export function details(summary, ...children) {
  return el("details", {}, el("summary", {}, summary), ...children);
}

// Buttons of which one is pressed.
export function choice(label, options, chosen, choose) {
  return el("fieldset", { class: "choice" }, el("legend", {}, label), options.map(([value, text]) =>
    el("button", { type: "button", "aria-pressed": String(value === chosen), "data-value": value, on: { click: () => choose(value) } }, text)));
}

// Draws a part anew without losing the keyboard's place in it.
export function redraw(holder, children) {
  const focused = holder.contains(document.activeElement) ? [...holder.querySelectorAll("button, input, select, a, summary, [tabindex]")].indexOf(document.activeElement) : -1;
  const opened = [...holder.querySelectorAll("details")].map((element) => element.open);
  holder.replaceChildren(...children.flat(2).filter(Boolean));
  holder.querySelectorAll("details").forEach((element, place) => { element.open = element.open || (opened[place] ?? false); });
  if (focused >= 0) holder.querySelectorAll("button, input, select, a, summary, [tabindex]")[focused]?.focus({ preventScroll: true });
}
