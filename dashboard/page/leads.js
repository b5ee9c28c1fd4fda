import { answer, channels, periods } from "./content.js";
import { bar, note, table } from "./elements.js";
import { chosen, unableNote } from "./filters.js";
import { cents, count, during, missing, money, words } from "./format.js";

export const leads = {
  id: "leads",
  title: "Lead channels",
  question: "Where do leads come from, and what does one cost?",
  draw() {
    const rows = answer("lead_channels").filter((row) => row.period === chosen.period && (chosen.channel === null || row.channel === null || row.channel === chosen.channel));
    const ofChannels = rows.filter((row) => row.channel !== null).sort((one, other) => other.lead_count - one.lead_count);
    const largest = Math.max(...ofChannels.map((row) => row.lead_count), 0);
    const line = (row, title, kind) => ({
      name: row.channel ?? "all", class: kind,
      cells: [
        title, kind ? "" : bar(row.lead_count, largest), count(row.lead_count), money(row.spend_amount, missing(row.cost_missing_reason ?? "not declared").reason),
        cents(row.cost_per_lead, missing(row.cost_missing_reason ?? "no leads").reason), count(row.customer_count),
        cents(row.cost_per_customer, row.spend_amount === null ? missing(row.cost_missing_reason ?? "no_spend").reason : "no customers"),
      ],
    });
    const shown = ofChannels.map((row) => line(row, words(channels[row.channel].channel_name), ""));
    for (const row of rows) if (row.channel === null) shown.push(line(row, "All channels", "total"));
    return [
      table(`Leads created ${during(periods[chosen.period])} and what was spent then`, [
        ["Channel", "text"], ["", "bar"], ["Leads", "figure"], ["Spend", "figure"], ["Cost per lead", "figure"], ["Customers by now", "figure"], ["Spend per customer", "figure"],
      ], shown, "No leads and no spend in this choice."),
      ...unableNote(["channel"]).map((text) => note(text, "limit")),
    ];
  },
};
