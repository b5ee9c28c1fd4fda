"""`python -m tests.calls`: the calls of a first night, an ordinary one and one with the comparison of ids, beside the fewest possible, per CRM."""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.calls.asked import names
from tests.calls.nights import Calls, count

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs" / "calls.md"
GOAL = 1.2
_WORDS = """# Calls, and the fewest possible
`make calls` runs nights of a simulated company on HubSpot, Salesforce and Pipedrive and counts what each CRM was asked. Beside it stands the fewest calls that
the vendor's rules allow for the same night, worked out by `tests/calls/fewest.py` from the company's truth log (what is there, what changed) and from page
sizes, batch sizes and what can only be asked one by one; it knows nothing of the extractors. Field descriptions, deleted and archived records, the
CRM's own totals and, on the nights when ids are compared, every id belong to the minimum. The goal is 1.2 times as many; `tests/integration/test_calls.py`
holds the ordinary test run to it with a smaller company.
"""


def main() -> int:
    """Exit code 0: nobody was asked more than the goal allows; 1: somebody was."""
    parser = argparse.ArgumentParser(prog="python -m tests.calls", description=__doc__)
    parser.add_argument("--size", type=int, default=600, help="deals of the company (default 600)")
    parser.add_argument("--seed", type=int, default=7, help="which company (default 7)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="calls-") as folder:
        found = count(Path(folder), given.size, given.seed)
    text = report(found)
    print(text)
    if given.write:
        PAGE.write_text(
            f"{_WORDS}\nA company of {given.size:,} deals, `python -m tests.calls --size {given.size} --seed {given.seed}`:\n\n{text}\n"
        )
    return 0 if all(each.ratio <= GOAL for each in found) else 1


def report(found: Sequence[Calls]) -> str:
    """One row per CRM and night, then where the calls went."""
    lines = ["| CRM | night | calls | fewest | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.crm} | {each.night} | {each.asked.total():,} | {each.fewest.total():,} | {each.ratio:.2f} |"
        for each in found
    ]
    for each in found:
        parts = [f"{name} {each.asked[name]:,} ({each.fewest[name]:,})" for name in names(each.fewest, each.asked)]
        lines += ["", f"{each.crm}, {each.night}, calls (fewest): " + ", ".join(parts) + "."]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
