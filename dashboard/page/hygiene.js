import { answer, owners, pipelines } from "./content.js";
import { details, note, small, table } from "./elements.js";
import { chosen, unableNote } from "./filters.js";
import { count, missing, money } from "./format.js";
import { dealLink } from "./recovery.js";

const FINDINGS = {
  past_expected_close: "Open, and the day of its expected close has passed",
  no_next_activity: "Open, and nothing is planned",
  no_amount_late: "In the second half of its stages without an amount",
  lost_without_reason: "Lost without a reason",
  won_without_presentation: "Won without a presentation before",
  waiting_stage: "Stages in which we only wait",
  stage_never_left: "Stages that nobody left for three months",
};

const untidyFor = (value) => (value === null ? missing("no day of its own") : `${count(value)} d`);

export const hygiene = {
  id: "hygiene",
  title: "Untidy in the CRM",
  question: "What should somebody put in order, so that the figures above can be trusted?",
  draw() {
    const isChosen = (row) => (chosen.pipeline === null || row.pipeline === chosen.pipeline) && (chosen.owner === null || row.owner === chosen.owner);
    const rows = answer("hygiene").filter(isChosen);
    const deals = answer("hygiene_deals").filter(isChosen);
    const found = Object.entries(FINDINGS).map(([finding, title]) => ({ finding, title, rows: rows.filter((row) => row.finding === finding) })).filter((each) => each.rows.length);
    const sum = (each, column) => each.rows.reduce((total, row) => total + (row[column] ?? 0), 0);
    const oldest = (each) => each.rows.reduce((most, row) => (row.longest_days === null ? most : Math.max(most ?? 0, row.longest_days)), null);
    return [
      table("What is untidy", [["", "text"], ["Deals", "figure"], ["Amount", "figure"], ["Longest", "figure"]], found.map((each) => ({
        name: each.finding, class: "",
        cells: [each.title, count(sum(each, "deal_count")), each.rows.every((row) => row.booked_amount === null) ? missing("not of deals") : money(sum(each, "booked_amount")), untidyFor(oldest(each))],
      })), "Nothing untidy in this choice."),
      ...found.map((each) => {
        const listed = deals.filter((row) => row.finding === each.finding);
        return listed.length ? details(`${each.title}: the most valuable`, table(each.title, [["Deal", "text"], ["Amount", "figure"], ["Stage", "text"], ["Owner", "text"], ["For", "figure"]], listed.map((row) => ({
          name: row.source_deal_id,
          cells: [
            dealLink(row), money(row.booked_amount, "no amount"), [row.stage_name ?? missing("unknown"), row.pipeline === null || chosen.pipeline !== null ? "" : small(pipelines[row.pipeline].pipeline_name)],
            row.owner === null ? missing("nobody") : owners[row.owner].owner_name, untidyFor(row.since_days),
          ],
        })))) : null;
      }),
      found.length ? note("As things stand now, whatever the period is. A deal may be untidy in several ways. mart_sales__deal_hygiene holds them all.") : null,
      ...unableNote(["pipeline", "owner"]).map((text) => note(text, "limit")),
    ];
  },
};
