"""What the nights gave, as a table and as a page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.thousand.links import COUNTED
from tests.thousand.run import DEALS, HISTORY_DAYS, Progress

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs" / "thousand-nights.md"

_WORDS = f"""# A thousand nights, three CRMs
`make thousand-nights` runs night after night of simulated companies that are served by HubSpot, Salesforce and Pipedrive at once, and compares what the
warehouse holds with the company's truth log. Each company begins with {DEALS} deals, all from its last {HISTORY_DAYS} days, and sells on: every day some sixty events
are recorded about deals, leads, contacts, companies and activities, some of them late, some while the night is asking; deals are merged, archived,
restored, erased without a trace. It is one process, dbt parses the project once, and it can be stopped or killed at any time: called again it goes
on with the night after the last finished one.

In about half of the nights something goes wrong, drawn from the seed: 1 to 6 % of all answers are bad (too many requests, server errors, cut bodies, pages
of a captive portal, lines that hang up), a CRM is out until an extraction gives up, an extraction is killed by signal 9 at one of its requests. The
next try goes on where that one stopped. Index lag, late commits and changes while the night asks happen every night.

- **Every night, raw**: of every entity that a CRM holds the newest version in `raw` is compared with what that CRM can show of its life: whether it is there
  or deleted, its stamp, its fields, into whom it was merged, and every event of its histories with instant and value; beside them the contacts and the company of
  every deal (HubSpot's associations, asked for on pages of one, each role of Salesforce and which one is primary, Pipedrive's one person and organization), the products of Pipedrive's
  deals, the entries of HubSpot's campaign budgets, stages and exchange rates. No version may be there twice, none may be missing. What a
  CRM cannot show is worked out by `tests/thousand/hubspot.py`, `salesforce.py`, `pipedrive.py`, `links.py` and `listed.py` from the truth log alone. An entity that
  agreed and had settled keeps its verdict until its life or its record goes on.
- **Every tenth night, core**: every transition of every deal with instant, place, amount and currency; every change of amount, currency, owner and expected
  close; every change of a lead's status; the deal of every line item; the contacts and the company of every deal, of whom was merged away the survivor;
  every contact and company that somebody points to (never one that was merged away);
  every other entity, line items, products, campaigns with their costs and quotas among them, with its id, deletion, survivor, status, type, outcome,
  quantity, amount and period, against the records in raw that were compared that night.

A life that changes while the night is asking may be seen in more than one state; each of them is accepted, and such lives are counted as unsettled.
"""


#: counters that nights have since the links of deals are compared
LINKS = {f"{crm} {what}" for crm, those in COUNTED.items() for what in those}
_WITHOUT_LINKS = """
The contacts and companies of deals have been compared only since these nights were run: what stands below says nothing about them.
"""


def table(finished: Sequence[Progress]) -> str:
    """One row per seed, then the sums."""
    lines = [
        "| seed | nights | with core | requests | rows landed | new versions | comparisons in raw | of them unsettled | events compared | rows compared in core | differences | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.seed} | {each.nights} | {each.core_nights} | {sum(each.requests.values()):,} | {each.rows_landed:,} | {each.rows_new:,} | "
        f"{sum(each.raw.values()):,} | {each.unsettled:,} | {each.events:,} | {sum(each.core.values()):,} | {len(each.differences)} | "
        f"{each.cpu_seconds:,.0f} |"
        for each in finished
        if each.nights
    ]
    lines.append(
        f"| all | **{sum(each.nights for each in finished):,}** | {sum(each.core_nights for each in finished)} | "
        f"{sum(sum(each.requests.values()) for each in finished):,} | {sum(each.rows_landed for each in finished):,} | "
        f"{sum(each.rows_new for each in finished):,} | {sum(sum(each.raw.values()) for each in finished):,} | "
        f"{sum(each.unsettled for each in finished):,} | {sum(each.events for each in finished):,} | "
        f"{sum(sum(each.core.values()) for each in finished):,} | **{sum(len(each.differences) for each in finished)}** | "
        f"{sum(each.cpu_seconds for each in finished):,.0f} |"
    )
    for title, name in (("Compared in raw", "raw"), ("Compared in core", "core"), ("What went wrong", "faults")):
        counted: Counter[str] = Counter()
        for each in finished:
            counted.update(getattr(each, name))
        lines += [
            "",
            f"{title}: " + (", ".join(f"{count:,} {what}" for what, count in counted.most_common()) or "nothing") + ".",
        ]
    for each in finished:
        lines += [f"- seed {each.seed}: {sentence}" for sentence in each.differences[:50]]
    return "\n".join(lines)


def page(finished: Sequence[Progress], nights: int) -> str:
    """The page, with what was really done."""
    done, wanted = sum(each.nights for each in finished), nights * len(finished)
    seeds = ", ".join(str(each.seed) for each in finished)
    state = (
        "" if done >= wanted else f" {done:,} of the {wanted:,} nights are done; the command goes on with the others."
    )
    older = [each for each in finished if each.nights and not each.raw.keys() >= LINKS]
    without = _WITHOUT_LINKS if older else ""
    return (
        f"{_WORDS}{without}\n## What it printed\n`python -m tests.thousand --nights {nights} --seed {seeds.replace(',', '')}`.{state}\n\n"
        f"{table(finished)}\n"
    )
