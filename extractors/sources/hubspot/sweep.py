"""Complete lists of what is live: they find ids that vanished without a trace. The deals' carries what money needs, for the control totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import IntegrityError
from extractors.core.pagination import CursorPages
from extractors.core.spec import ControlTotal, ControlTotals, Record
from extractors.sources.hubspot.answers import Object, ObjectPage
from extractors.sources.hubspot.connection import HubSpotConnection
from extractors.sources.hubspot.objects import PAGE, Naming, objects_by_id, record_as_received

if TYPE_CHECKING:
    from extractors.core.run import Extraction

PROPERTIES = ("dealstage", "pipeline", "amount", "deal_currency_code")


class _Deal(msgspec.Struct):
    dealstage: str | None = None
    pipeline: str | None = None
    amount: str | None = None
    deal_currency_code: str | None = None


_properties = msgspec.json.Decoder(_Deal)


def extract_deals_sweep(extraction: Extraction) -> None:
    """Lands one small row per live deal and reports count and amount per pipeline, stage and currency.

    The list is not frozen while it is read, and the deals themselves were read at another moment of the same night: deals changed
    since shortly before the window's end are named, and left out of the totals.
    """
    counts: dict[tuple[str, str, str | None], int] = defaultdict(int)
    amounts: dict[tuple[str, str, str | None], Decimal] = defaultdict(Decimal)
    recent: list[str] = []
    since = extraction.window_end - timedelta(minutes=extraction.settings.lookback_minutes)

    def counted() -> Iterator[Record]:
        for record, deal in _deals(extraction):
            amount = _amount(record.source_id, deal.amount)
            with Naming("deals", record.source_id):
                is_recent = record.updated_at is None or parse_instant(record.updated_at) >= since
            if is_recent:
                recent.append(record.source_id)
            else:
                place = (deal.pipeline or "", deal.dealstage or "", deal.deal_currency_code)
                counts[place] += 1
                amounts[place] += amount
            yield record

    extraction.land(counted())
    totals = [
        ControlTotal(pipeline, stage, currency, counts[place], f"{amounts[place]:f}")
        for place in sorted(counts, key=str)
        for pipeline, stage, currency in [place]
    ]
    extraction.report_control_totals(ControlTotals(extraction.window_end, tuple(totals), (), tuple(recent)))


def extract_sweep(kind: str) -> Callable[[Extraction], None]:
    """The extract function of the complete list of one object type's ids."""

    def extract(extraction: Extraction) -> None:
        extraction.land(record for record, _ in _listed(extraction, kind, ("hs_object_id",)))

    return extract


def _deals(extraction: Extraction) -> Iterator[tuple[Record, _Deal]]:
    for record, said in _listed(extraction, "deals", PROPERTIES):
        with Naming("deals", record.source_id):
            deal = _properties.decode(said["properties"])
        yield record, deal


def _listed(extraction: Extraction, kind: str, properties: tuple[str, ...]) -> Iterator[tuple[Record, Object]]:
    connection = cast(HubSpotConnection, extraction.connection)
    guard = CursorPages(kind)
    parameters = {"limit": str(PAGE), "archived": "false", "properties": ",".join(properties)}
    while True:
        page = connection.client.get(connection.objects_path(kind), ObjectPage, parameters)
        for object_id, said in objects_by_id(page.results, kind).items():
            with Naming(kind, object_id):
                record = record_as_received(object_id, said)
            yield record, said
        if page.results:
            extraction.page_read()
        after = guard.follow(page.after)
        if after is None:
            return
        parameters["after"] = after


def _amount(deal_id: str, text: str | None) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise IntegrityError(f"HubSpot's deal {deal_id} has an amount that is no number.", "Correct it in HubSpot.")
    return amount
