import { answer, periods } from "./content.js";
import { lineChart } from "./charts.js";
import { details, el, note, table } from "./elements.js";
import { followFilters, grainShown } from "./filters.js";
import { count, days, interval, periodName, share } from "./format.js";

export const trends = {
  id: "trends",
  title: "Win rate and sales cycle",
  question: "Do we win more often, and faster?",
  draw(again, width) {
    const grain = grainShown();
    const shown = periods.filter((period) => period.period_grain === grain).toReversed();
    const rates = followFilters(answer("win_rates"), ["pipeline", "owner", "channel"]);
    const cycles = followFilters(answer("cycles"), ["pipeline"]);
    const inOrder = (rows) => shown.map((period) => rows.find((row) => row.period === period.period) ?? {});
    const [rate, cycle] = [inOrder(rates.rows), inOrder(cycles.rows)];
    const of = (rows, column) => rows.map((row) => row[column] ?? null);
    const labels = shown.map((period) => periodName(period).replace(" (running)", ""));
    const half = width >= 760 ? (width - 32) / 2 : width;
    return [
      el("div", { class: "pair" },
        el("figure", {}, el("figcaption", {}, "Win rate: won of won and lost, by ", grain, " of the close, with its 95% interval"),
          lineChart({ label: `Win rate by ${grain}; the figures are in the table below`, width: half, labels, series: [{ kind: "", values: of(rate, "win_rate") }],
            band: { low: of(rate, "win_rate_low"), high: of(rate, "win_rate_high") }, format: (value) => `${Math.round(value * 100)}%`, highest: 1 })),
        el("figure", {}, el("figcaption", {}, "Days from creation to the win, by ", grain, " of the close: ", el("span", { class: "key" }, "median"), " and ", el("span", { class: "key late" }, "p90")),
          lineChart({ label: `Sales cycle by ${grain}; the figures are in the table below`, width: half, labels,
            series: [{ kind: "", values: of(cycle, "median_days") }, { kind: "late", values: of(cycle, "p90_days") }], format: (value) => `${Math.round(value)} d` }))),
      details("The figures", table(`Win rate and sales cycle by ${grain}`, [
        [grain[0].toUpperCase() + grain.slice(1), "text"], ["Won", "figure"], ["Lost", "figure"], ["Win rate", "figure"], ["95%", "figure"],
        ["Cycle, median", "figure"], ["Cycle, p90", "figure"], ["Cycle, mean", "figure"],
      ], shown.map((period, place) => ({
        name: period.period,
        cells: [periodName(period), count(rate[place].won_count, "nothing closed"), count(rate[place].lost_count, "nothing closed"),
          share(rate[place].win_rate, "nothing closed"), interval(rate[place].win_rate_low, rate[place].win_rate_high),
          days(cycle[place].median_days, "nothing won"), days(cycle[place].p90_days, "nothing won"), days(cycle[place].mean_days, "nothing won")],
      })).toReversed())),
      ...rates.notes.map((text) => note(`Win rate: ${text[0].toLowerCase()}${text.slice(1)}`, "limit")),
      ...cycles.notes.map((text) => note(`Sales cycle: ${text[0].toLowerCase()}${text.slice(1)}`, "limit")),
    ];
  },
};
