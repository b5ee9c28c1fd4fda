// What the marts answered, as objects. Rows name pipelines, stages, owners, channels and periods by their place in these lists.
const packed = JSON.parse(document.getElementById("content").textContent);

function unpack({ columns, rows }) {
  return rows.map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place]])));
}

export const night = packed.night;
export const periods = unpack(packed.members.shown_periods);
// Before the first record there is no period.
if (!periods.length) periods.push({ period: 0, period_grain: "all", period_start: "1970-01-01", next_period_start: "1970-01-01", is_complete_period: false });
export const pipelines = unpack(packed.members.pipelines);
export const stages = unpack(packed.members.stages);
export const owners = unpack(packed.members.owners);
export const channels = unpack(packed.members.channels);

const unpacked = new Map();

export function answer(question) {
  if (!unpacked.has(question)) unpacked.set(question, unpack(packed.answers[question]));
  return unpacked.get(question);
}
