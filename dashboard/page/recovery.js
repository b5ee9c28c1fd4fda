import { answer, channels, night, owners, pipelines, stages } from "./content.js";
import { el, note, small, table } from "./elements.js";
import { chosen } from "./filters.js";
import { count, missing, money, plural, stageName, words } from "./format.js";

const ROWS_AT_FIRST = 25;

const shownRows = { all: false };

function isChosen(row) {
  return ["pipeline", "owner", "channel"].every((name) => chosen[name] === null || row[name] === chosen[name]);
}

// A link that a browser may follow, or the bare number of the deal.
export function dealLink(row) {
  const address = row.crm_url && URL.canParse(row.crm_url) ? new URL(row.crm_url) : null;
  if (!address || !["http:", "https:"].includes(address.protocol)) return [row.source_deal_id, small("no link in the CRM's data")];
  return el("a", { href: address.href, rel: "noopener noreferrer", target: "_blank" }, row.source_deal_id);
}

export const recovery = {
  id: "recovery",
  title: "Worth a call",
  question: "Which lost or dormant deals are worth winning back, the most valuable first?",
  draw(again) {
    const rows = answer("recovery").filter(isChosen);
    const totals = answer("recovery_totals").filter(isChosen);
    const total = totals.reduce((sum, row) => sum + row.deal_count, 0);
    const shown = shownRows.all ? rows : rows.slice(0, ROWS_AT_FIRST);
    return [
      table("Deals worth a call", [
        ["Deal", "text"], ["Amount", "figure"], ["Why", "text"], ["Last open stage", "text"], ["Owner", "text"], ["Channel", "text"], ["Quiet for", "figure"], ["Age", "figure"],
      ], shown.map((row) => ({
        name: row.source_deal_id,
        cells: [
          dealLink(row),
          money(row.booked_amount, row.is_unconverted ? "no exchange rate" : "no amount"),
          row.list_kind === "dormant" ? "dormant" : `lost: ${words(row.lost_reason)}`,
          [row.last_open_stage_name ?? stageName(stages[row.stage]), chosen.pipeline === null && row.pipeline !== null ? small(pipelines[row.pipeline].pipeline_name) : ""],
          row.owner_name ?? owners[row.owner]?.owner_name ?? missing("nobody"),
          row.channel === null ? missing("unknown") : words(channels[row.channel].channel_name),
          `${count(Math.round(row.quiet_days))} d`, `${count(Math.round(row.age_days))} d`,
        ],
      })), "No lost or dormant deal in this choice."),
      total ? note(`${plural(shown.length, "deal", "deals")} shown of ${count(total)} in this choice, ${count(night.recovery_count)} in all.${rows.length < total ? " The page holds the most valuable of all and of every owner; mart_sales__recovery_list holds the rest." : ""}`) : null,
      rows.length > ROWS_AT_FIRST ? el("button", { type: "button", class: "quiet", on: { click: () => { shownRows.all = !shownRows.all; again(); } } }, shownRows.all ? `show the first ${ROWS_AT_FIRST}` : `show all ${count(rows.length)}`) : null,
    ];
  },
};
