import { night } from "./content.js";

// Every figure leaves as text; where there is none, the reason stands in its place.
const counts = new Intl.NumberFormat("en");
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const moneyFormat = (digits) =>
  new Intl.NumberFormat("en", { style: "currency", currency: night.currency_code ?? "EUR", maximumFractionDigits: digits, minimumFractionDigits: digits });
const wholeMoney = moneyFormat(0);
const exactMoney = moneyFormat(2);
const shares = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const smallShares = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 2 });
const wholeShares = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const monthFormat = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });

const REASONS = {
  no_spend: "no spend declared",
  no_leads: "no leads",
  no_exchange_rate: "no exchange rate",
  no_quota: "no quota declared",
  already_won: "quota won already",
  nothing_to_measure: "nothing to measure",
  nothing_reached_the_next_step: "nothing reached the next step",
};

export class Missing {
  constructor(reason) {
    this.reason = reason;
  }
}

export function missing(reason) {
  return new Missing(REASONS[reason] ?? String(reason).replaceAll("_", " "));
}

const minus = (text) => text.replace("-", "\u2212");
const or = (format) => (value, reason) => (value === null || value === undefined ? missing(reason ?? "not measured") : minus(format(value)));

export const count = or((value) => counts.format(value));
export const fewer = or((value) => tenths.format(value));
export const money = or((value) => wholeMoney.format(value));
export const cents = or((value) => exactMoney.format(value));
export const share = or((value) => (value > 0 && value < 0.001 ? smallShares : shares).format(value));
export const days = or((value) => `${tenths.format(value)} d`);
export const points = or((value) => `${value > 0 ? "+" : ""}${tenths.format(value)} points`);
export const day = (iso) => dayFormat.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`));

export function interval(low, high) {
  if (low === null || high === null || low === undefined) return "";
  const format = high < 0.02 ? smallShares : wholeShares;
  return `${format.format(low)} to ${format.format(high)}`;
}

export function plural(number, one, many) {
  return `${counts.format(number)} ${number === 1 ? one : many}`;
}

export function words(text) {
  return text === null ? "" : String(text).replaceAll("_", " ");
}

export function periodName(period) {
  const [year, month] = period.period_start.split("-").map(Number);
  const name = {
    all: "all time",
    year: `${year}`,
    quarter: `Q${(month + 2) / 3} ${year}`,
    month: monthFormat.format(new Date(`${period.period_start}T00:00:00Z`)),
  }[period.period_grain];
  return period.period_grain === "all" || period.is_complete_period ? name : `${name} (running)`;
}

export function stageName(stage) {
  if (!stage) return "in no open stage";
  return stage.is_deleted ? `${stage.stage_name} (removed)` : stage.stage_name;
}

// Goes behind a word such as "created".
export function during(period) {
  return period.period_grain === "all" ? "at any time" : `in ${periodName(period)}`;
}
