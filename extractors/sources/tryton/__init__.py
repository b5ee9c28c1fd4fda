"""Tryton: opportunities of the module sale_opportunity with their complete history, over JSON-RPC.

Tryton stamps every record with the instant of its creation and of its last write and keeps each state an opportunity has been in, so
changes are found by date and the history is the CRM's own. A deleted opportunity merely disappears: the comparison of ids finds that.
"""

from __future__ import annotations

from extractors.core.spec import People, Resource, Source
from extractors.sources.tryton.connection import TrytonConnection, understood
from extractors.sources.tryton.history import extract_revisions
from extractors.sources.tryton.resources import (
    extract_changed,
    extract_employees,
    extract_opportunities,
    extract_states,
    extract_sweep,
)

_STAMPS = ["create_date", "write_date"]

#: Tryton's persons are parties, reached by mechanisms
PEOPLE = (
    People("parties", kept=("id", "active", *_STAMPS), names=("name",)),
    People(
        "contact_mechanisms",
        kept=("id", "party", "type", "active", *_STAMPS),
        addresses=("value",),
        phones=("value",),
        persons=(("party", "parties"),),
    ),
    People("employees", kept=(), names=("name",), is_staff=True),
)

TRYTON = Source(
    name="tryton",
    title="Tryton",
    not_loaded=(
        "Lines, sales, comments, notes, attachments and chats of opportunities (not needed for the funnel); addresses of parties "
        "(personal, of no use to a funnel). Tryton has one pipeline, and neither marketing costs nor quotas. A party or contact mechanism "
        "that was deleted stays as it was last; one put out of use is loaded with active = false. The history of a deleted "
        "opportunity is loaded as far as earlier nights read it."
    ),
    resources=(
        Resource("opportunities", understood(extract_opportunities), "changes"),
        Resource("opportunity_revisions", understood(extract_revisions), "changes"),
        Resource("opportunity_states", understood(extract_states), "complete"),
        Resource(
            "parties", understood(extract_changed("party.party", ["name", "code", "active", *_STAMPS])), "changes"
        ),
        Resource(
            "contact_mechanisms",
            understood(extract_changed("party.contact_mechanism", ["party", "type", "value", "active", *_STAMPS])),
            "changes",
        ),
        Resource("employees", understood(extract_employees), "complete"),
        Resource("opportunities_sweep", understood(extract_sweep), "complete", sweep_of="opportunities"),
    ),
    is_configured=lambda settings: bool(settings.tryton_url),
    connect=TrytonConnection,
    people=PEOPLE,
    how_to_set_up="Set TRYTON_URL, TRYTON_DATABASE, TRYTON_USER and TRYTON_PASSWORD to load Tryton.",
)
