"""Back from oblivion: a person who was erased by mistake, or comes back and agrees, is taken off the list of erased ones.

What was erased stays erased. The list holds keyed hashes only, so nobody can be found in it who is not named; what is taken off is what was named,
and the places of the records that bear the mark of a named address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from extractors.core import suppression
from extractors.core.errors import ConfigurationError
from extractors.core.people import address_of, phone_of, words_of
from extractors.core.settings import Settings
from warehouse import audit, erase
from warehouse.lease import Lease
from watertight import erasure
from watertight.session import leased, session


def readmit(
    settings: Settings,
    lease: Lease,
    emails: Sequence[str],
    contacts: Sequence[str] = (),
    phones: Sequence[str] = (),
    names: Sequence[str] = (),
) -> dict[str, int]:
    """Takes them off the list; how many entries of each kind (`people`, `addresses`, `phones`, `names`) stood there.

    `contacts`: `source:id` or a key. Raises ConfigurationError when nobody is named, nobody was ever erased, nothing of it stands in the list, or an
    erasure is not finished; then nothing is changed.
    """
    if not (emails or contacts or phones or names):
        raise ConfigurationError(
            "Nobody is named.", "Name a person: --email name@example.com, or --contact hubspot:4711."
        )
    wanted = erase.read_wanted(emails, contacts, erasure.people())
    if erasure.is_unfinished(settings):
        raise ConfigurationError("An erasure is not finished.", "Finish it first: watertight erase.")
    listed = suppression.read(settings)
    if listed is None:
        raise ConfigurationError("Nobody was ever erased here.", "There is no list to take anybody off.")
    marks = {listed.mark(email.strip()) for email in emails}
    places = erase.erased_places(settings, erasure.people(), marks, wanted)
    # A source whose ids are addresses has the mark for an id by now; its list entry is of the address.
    places |= {(source, account, table, email.strip()) for source, account, table, _ in set(places) for email in emails}
    people = sum(listed.remove_person(*place) for place in sorted(places))
    for own, others in sorted(erase.named_by(settings, erasure.people(), places).items()):
        # A lead that names another erased person besides stays erased for that one's sake.
        if not any(listed.has("people", "\0".join(other)) for other in others):
            people += listed.remove_person(*own)
    taken = {
        "people": people,
        "addresses": sum(listed.remove("addresses", address_of(email)) for email in emails),
        "phones": sum(listed.remove("phones", phone_of(phone) or "") for phone in phones),
        "names": sum(listed.remove("names", written) for name in names for written in _ways(name)),
    }
    if not any(taken.values()):
        raise ConfigurationError(
            "Nothing of what was named stands in the list of erased persons.",
            "Name them as they were erased: by the same address, or by the contact.",
        )
    audit.record(settings, "readmission", run_id=lease.run_id, taken_off=taken)
    with lease.fence():
        listed.save()
    return taken


def _ways(name: str) -> set[str]:
    """A name in every order in which a list can have it: the family's part first, wherever it begins."""
    words = words_of(name)
    return {" ".join(words[number:] + words[:number]) for number in range(len(words))}


@click.command("readmit")
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="Their e-mail address.")
@click.option(
    "--contact", "contacts", multiple=True, metavar="SOURCE:ID", help="Their record in the source, or its key."
)
@click.option("--phone", "phones", multiple=True, metavar="NUMBER", help="A telephone number of theirs.")
@click.option("--name", "names", multiple=True, metavar="NAME", help="Their full name, as in: --name 'Anna Berg'.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def command(
    emails: Sequence[str], contacts: Sequence[str], phones: Sequence[str], names: Sequence[str], as_json: bool
) -> None:
    """Take a person off the list of erased ones: what the CRM says of them is loaded again.

    Name all that shall be let through: a number or a name that is not named stays erased in every text. What another erased person bears too
    is let through for both.
    """
    with session("readmit", as_json=as_json) as current, leased(current) as lease:
        taken = readmit(current.settings, lease, emails, contacts, phones, names)
        current.answer(taken, lambda: _show(current.out.print, taken))


def _show(say: Any, taken: dict[str, int]) -> None:
    counted = [f"{count} {kind}" for kind, count in taken.items() if count]
    say(f"Taken off the list of erased persons: {', '.join(counted)}.")
    say(
        "What was erased stays so. What the CRM says of them is loaded from now on, with their record's next change there.",
        soft_wrap=True,
    )
