import { answer, periods } from "./content.js";
import { boardOn } from "./board.js";
import { el, note, small } from "./elements.js";
import { chosen, followFilters } from "./filters.js";
import { count, days, during, interval, money, plural, share } from "./format.js";

export const headline = {
  id: "headline",
  title: "At a glance",
  draw() {
    const period = periods[chosen.period];
    const { rows, notes } = followFilters(answer("win_rates").filter((row) => row.period === chosen.period), ["pipeline", "owner", "channel"]);
    const cycles = followFilters(answer("cycles").filter((row) => row.period === chosen.period), ["pipeline"]);
    const [rate, cycle] = [rows[0] ?? {}, cycles.rows[0] ?? {}];
    const open = boardOn(null);
    const none = "nothing closed";
    const aimed = followFilters(answer("targets").filter((row) => row.period === chosen.period && row.metric === "won_amount"), ["pipeline", "owner"]).rows[0];
    const ofTarget = aimed?.target && !chosen.channel ? `; ${share((aimed.value ?? 0) / aimed.target)} of the target` : "";
    const tile = (title, figure, under, name) => el("li", { "data-tile": name }, el("span", { class: "title" }, title), el("strong", {}, figure), small(under));
    return [
      el("ul", { class: "tiles" },
        tile("Open now", money(open.amount), plural(open.count, "deal", "deals"), "open"),
        tile("Won", money(rate.won_amount, none), rate.won_count === undefined ? "" : `${plural(rate.won_count, "deal", "deals")}${ofTarget}`, "won"),
        tile("Win rate", share(rate.win_rate, none), rate.closed_count ? `${count(rate.closed_count)} closed; 95%: ${interval(rate.win_rate_low, rate.win_rate_high)}` : "", "win_rate"),
        tile("Average deal", money(rate.won_amount_per_deal, "nothing won"), rate.unconverted_won_count ? `${count(rate.unconverted_won_count)} without a rate left out` : "won", "average"),
        tile("Sales cycle, median", days(cycle.median_days, "nothing won"), cycle.deal_count ? [`90% within `, days(cycle.p90_days)] : "", "cycle")),
      note(`Won, win rate, deal size and cycle: closed ${during(period)}.`),
      ...new Set([...notes, ...cycles.notes.map((text) => `Sales cycle: ${text[0].toLowerCase()}${text.slice(1)}`), ...open.notes.map((text) => `Open now: ${text[0].toLowerCase()}${text.slice(1)}`)]),
    ].map((part) => (typeof part === "string" ? note(part, "limit") : part));
  },
};
