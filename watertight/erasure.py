"""The right to be forgotten: the steps of an erasure in order, and the command.

List of keyed hashes → landings rewritten → warehouse rebuilt from them into a new file → published → everything else cleared → searched →
receipt. What is under way stands in `erasure.json`, without personal data, so that one which was cut off anywhere is finished by the next.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from dashboard.page import make_page
from extractors.core import suppression
from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.settings import Settings
from extractors.core.suppression import write_privately
from extractors.sources import SOURCES
from warehouse import audit, erase, traces
from warehouse.build import build
from warehouse.database import plain_errors
from warehouse.erase import Found, PeopleOf
from warehouse.lease import Lease
from warehouse.publish import publish
from warehouse.verify import reload, verify
from watertight import night
from watertight.session import leased, session

Report = Callable[[str], None]


def people() -> PeopleOf:
    """The tables about persons of every registered source."""
    return {source.name: source.people for source in SOURCES.values() if source.people}


def is_unfinished(settings: Settings) -> bool:
    """Whether an erasure was cut off and waits to be finished."""
    return _pending(settings).exists()


def unfinished(settings: Settings) -> dict[str, Any] | None:
    """Of an erasure that was cut off: `{"begun_by": run, "records": {"source.table": count}}`; None when none waits."""
    try:
        begun = json.loads(_pending(settings).read_text())
    except FileNotFoundError:
        return None
    return {"begun_by": begun["begun_by"], "records": begun["records"]}


def find(settings: Settings, emails: Sequence[str], contacts: Sequence[str]) -> Found:
    """Whom the landings hold of those asked for. ConfigurationError when something asked for makes no sense."""
    return erase.find(settings, people(), erase.read_wanted(emails, contacts, people()))


def begin(settings: Settings, lease: Lease, found: Found) -> None:
    """Puts the persons on the list, from which moment on no extraction writes them again, and notes down that the rest is to be done."""
    listed = suppression.read_or_begin(settings)
    for place in found.places:
        listed.add_person(*place)
    listed.add(found.addresses, found.phones, found.names)
    listed.save()
    asked = sorted(
        {listed.hash("addresses", each) for each in found.addresses}
        | {listed.hash("people", "\0".join(place)) for place in found.places}
    )
    before = json.loads(_pending(settings).read_text()) if is_unfinished(settings) else {"asked": [], "records": {}}
    pending = {
        "begun_by": lease.run_id,
        "asked": sorted({*before["asked"], *asked}),
        "records": before["records"] | found.count(),
        "also_borne_by_others": dict(found.shared),
    }
    write_privately(_pending(settings), json.dumps(pending, indent=1).encode())


def finish(settings: Settings, lease: Lease, found: Found | None, report: Report) -> dict[str, Any]:
    """Does, or does again, everything after the list. Returns the receipt, which also lies in `erasures/`.

    `found`: whom to look for in the end, in plain words; None when an earlier call was cut off: then the hashes are looked for.
    IntegrityError when something is still found, and as the rebuild and the publication raise; then the next call goes on.
    """
    listed = suppression.read(settings)
    if listed is None:
        raise IntegrityError(f"{settings.home / suppression.LIST} is gone.", "Put it back from a backup.")
    rewritten = erase.rewrite_landings(settings, lease, listed, people(), report)
    if erase.landing_folders(settings):
        reload(settings, lease, night.raw_tables(), report)
        with lease.writing():
            build(settings, lease.run_id, report)
            verify(settings, lease.run_id)
            publish(settings, lease, make_page, report)
    with lease.fence():
        cleared = traces.clear(settings, listed)
    hits, files, tables = traces.search(settings, found.texts if found else ())
    left = erase.left_over(settings, listed, people())
    if hits or left:
        raise IntegrityError(
            f"Something of what was to be erased is still found in {len(hits) + len(left)} places, the first is {(hits + left)[0]}.",
            "Remove that file if it is not needed, then finish: watertight erase.",
        )
    receipt = {
        "erased_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "run_id": lease.run_id,
        **json.loads(_pending(settings).read_text()),
        "landings_rewritten": rewritten["landings"],
        "lines_rewritten": rewritten["lines"],
        **cleared,
        "searched": {"files": files, "tables": tables, "found": 0},
        "kept": "counts, amounts, dates, stages and ids, of an anonymous contact",
    }
    write_privately(settings.home / "erasures" / f"{lease.run_id}.json", json.dumps(receipt, indent=1).encode())
    audit.record(settings, "erasure", run_id=lease.run_id, records=receipt["records"])
    with plain_errors(settings.home):
        _pending(settings).unlink()
    return receipt


def erase_persons(settings: Settings, emails: Sequence[str], contacts: Sequence[str], report: Report) -> dict[str, Any]:
    """A whole erasure under a lease of its own, as the DAG does it; the receipt."""
    lease = Lease.take(settings.home, one_process=True)
    try:
        if not emails and not contacts:
            _require_unfinished(settings)
            return finish(settings, lease, None, report)
        found = find(settings, emails, contacts)
        begin(settings, lease, found)
        return finish(settings, lease, found, report)
    finally:
        lease.release()


def _require_unfinished(settings: Settings) -> None:
    if not is_unfinished(settings):
        raise ConfigurationError(
            "Nobody is named.", "Name a person: --email name@example.com, or --contact hubspot:4711."
        )


def _pending(settings: Settings) -> Path:
    return settings.home / "erasure.json"


@click.command("erase")
@click.option(
    "--email",
    "emails",
    multiple=True,
    metavar="ADDRESS",
    help="A person by e-mail address; - reads addresses from the standard input.",
)
@click.option(
    "--contact",
    "contacts",
    multiple=True,
    metavar="SOURCE:ID",
    help="A person by source and id there, or by contact_key or lead_key.",
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask. What was erased cannot be brought back.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def command(emails: Sequence[str], contacts: Sequence[str], is_sure: bool, as_json: bool) -> None:
    """Erase persons for good: from landings, warehouse, publications and logs; they do not come back.

    Counts and amounts stay, of an anonymous contact. Without --email and --contact an erasure that was cut off is finished.
    """
    with session("erase", as_json=as_json) as current, leased(current) as lease:
        settings = current.settings
        if "-" in emails:
            emails = [*(each for each in emails if each != "-"), *sys.stdin.read().split()]
        if not emails and not contacts:
            _require_unfinished(settings)
        found = None
        if emails or contacts:
            with current.progress.step("Find") as result:
                found = find(settings, emails, contacts)
                result.text = (
                    ", ".join(f"{count} in {table}" for table, count in found.count().items()) or "no record of them"
                )
            if not is_sure and (as_json or not sys.stdin.isatty()):
                raise ConfigurationError(
                    "An erasure cannot be undone and nobody was there to ask.", "Say --yes to do it."
                )
            if not is_sure and not click.confirm("Erase them for good?", err=True):
                raise ConfigurationError("Nothing was erased.", "")
            begin(settings, lease, found)
        with current.progress.step("Erase") as result:
            receipt = finish(settings, lease, found, current.progress.say)
            result.text = f"{receipt['lines_rewritten']:,} lines in {receipt['landings_rewritten']} landings"
        current.answer(receipt, lambda: _show(current.out.print, settings, receipt))


def _show(say: Callable[..., None], settings: Settings, receipt: dict[str, Any]) -> None:
    say(
        f"Erased. Searched {receipt['searched']['files']:,} files and {receipt['searched']['tables']:,} tables, found nothing."
    )
    say(f"Receipt: {settings.home / 'erasures' / receipt['run_id']}.json", soft_wrap=True, highlight=False)
    if settings.files_dir is not None:
        say(
            f"The exports in {settings.files_dir} are yours and were not touched: erase the persons there too.",
            soft_wrap=True,
        )
    say(
        "Erase them in the CRM as well, and in copies this warehouse does not know: backups, spreadsheets, mails.",
        soft_wrap=True,
    )
