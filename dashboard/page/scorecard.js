import { answer } from "./content.js";
import { note, small, table } from "./elements.js";
import { count, fewer, interval, missing, points, share } from "./format.js";

export const scorecard = {
  id: "scorecard",
  title: "Beside published benchmarks",
  question: "How do we stand beside figures that others print?",
  draw() {
    const figure = (row, value) => (row.unit === "rate" ? share(value) : fewer(value));
    return [
      table("Own figures of all time beside published ones", [
        ["Benchmark", "text"], ["Published", "figure"], ["Own", "figure"], ["Of", "figure"], ["Difference", "figure"],
      ], answer("scorecard").map((row) => ({
        name: row.benchmark,
        cells: [
          [row.benchmark, small(row.source)], [figure(row, row.published_value)],
          row.own_value === null ? missing(row.own_missing_reason) : [figure(row, row.own_value), small(interval(row.own_value_low, row.own_value_high))],
          count(row.own_denominator, "nothing to measure"),
          row.difference === null ? missing(row.own_missing_reason) : row.unit === "rate" ? points(100 * row.difference) : fewer(row.difference),
        ],
      })), "No benchmark is declared."),
      note("All time and the whole company: no filter changes this part. The two seldom measure quite the same."),
    ];
  },
};
