import { svg } from "./elements.js";

const MARGIN = { top: 12, right: 12, bottom: 24, left: 56 };
const HEIGHT = 220;

function ticksTo(highest) {
  const raw = highest / 4 || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((each) => each >= raw);
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, place) => place * step);
}

// series: {name, kind, values} with null where there is no figure; band: {low, high}. Labels and values go along the same places.
export function lineChart({ label, width, labels, series, band, format, mark = null, highest = null }) {
  const all = [...series.flatMap((each) => each.values), ...(band ? band.high : [])].filter((value) => value !== null && value !== undefined);
  const ticks = ticksTo(highest ?? Math.max(...all, 0));
  const top = ticks.at(-1) || 1;
  const [inner, height] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const x = (place) => MARGIN.left + (labels.length > 1 ? (inner * place) / (labels.length - 1) : inner / 2);
  const y = (value) => MARGIN.top + height * (1 - value / top);
  const every = Math.max(1, Math.ceil(labels.length / Math.max(2, Math.floor(inner / (10 * Math.max(4, ...labels.map((text) => text.length)))))));
  const parts = [];
  for (const tick of ticks) {
    parts.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }));
    parts.push(svg("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, format(tick)));
  }
  labels.forEach((text, place) => {
    const fromEnd = labels.length - 1 - place;
    if (fromEnd % every) return;
    parts.push(svg("text", { x: x(place), y: HEIGHT - 6, "text-anchor": fromEnd === 0 && labels.length > 1 ? "end" : place === 0 ? "start" : "middle" }, text));
  });
  if (band) for (const piece of pieces(band.high)) {
    const there = piece.map((place) => `${x(place)},${y(band.high[place])}`);
    const back = piece.toReversed().map((place) => `${x(place)},${y(band.low[place])}`);
    parts.push(svg("polygon", { class: "band", points: [...there, ...back].join(" ") }));
  }
  for (const { kind, values } of series) {
    for (const piece of pieces(values)) {
      parts.push(svg("polyline", { class: `line ${kind}`, points: piece.map((place) => `${x(place)},${y(values[place])}`).join(" ") }));
      if (labels.length <= 40) for (const place of piece) parts.push(svg("circle", { class: `dot ${kind}`, cx: x(place), cy: y(values[place]), r: 3 }));
    }
  }
  if (mark !== null) parts.push(svg("line", { class: "mark", x1: x(mark), x2: x(mark), y1: MARGIN.top, y2: MARGIN.top + height }));
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label }, parts);
}

// Runs of places that have a figure: a line does not cross what is missing.
function pieces(values) {
  const found = [];
  values.forEach((value, place) => {
    if (value === null || value === undefined) return;
    if (place > 0 && values[place - 1] !== null && values[place - 1] !== undefined) found.at(-1).push(place);
    else found.push([place]);
  });
  return found;
}
