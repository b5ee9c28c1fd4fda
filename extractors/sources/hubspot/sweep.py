"""The complete list of live deals with what money needs: finds ids that vanished, and gives the amounts for the control totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import IntegrityError
from extractors.core.pagination import CursorPages
from extractors.core.spec import ControlTotal, ControlTotals, Record
from extractors.sources.hubspot.answers import ObjectPage
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
    since shortly before the window's end are named as not comparable.
    """
    counts: dict[tuple[str, str, str | None], int] = defaultdict(int)
    amounts: dict[tuple[str, str, str | None], Decimal] = defaultdict(Decimal)
    recent: list[str] = []
    since = extraction.window_end - timedelta(minutes=extraction.settings.lookback_minutes)

    def counted() -> Iterator[Record]:
        for record, deal in _deals(extraction):
            place = (deal.pipeline or "", deal.dealstage or "", deal.deal_currency_code)
            counts[place] += 1
            amounts[place] += _amount(record.source_id, deal.amount)
            with Naming("deals", record.source_id):
                is_recent = record.updated_at is None or parse_instant(record.updated_at) >= since
            if is_recent:
                recent.append(record.source_id)
            yield record

    extraction.land(counted())
    totals = [
        ControlTotal(pipeline, stage, currency, counts[place], f"{amounts[place]:f}")
        for place in sorted(counts, key=str)
        for pipeline, stage, currency in [place]
    ]
    extraction.report_control_totals(ControlTotals(extraction.window_end, tuple(totals), tuple(recent)))


def _deals(extraction: Extraction) -> Iterator[tuple[Record, _Deal]]:
    connection = cast(HubSpotConnection, extraction.connection)
    guard = CursorPages("deals")
    parameters = {"limit": str(PAGE), "archived": "false", "properties": ",".join(PROPERTIES)}
    while True:
        page = connection.client.get(connection.objects_path("deals"), ObjectPage, parameters)
        for object_id, said in objects_by_id(page.results, "deals").items():
            with Naming("deals", object_id):
                deal = _properties.decode(said["properties"])
                record = record_as_received(object_id, said)
            yield record, deal
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
