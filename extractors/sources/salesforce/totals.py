"""Salesforce's own count of opportunities per record type, stage and currency, asked for beside the extraction."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from extractors.core.errors import IntegrityError
from extractors.core.spec import ControlTotal, ControlTotals
from extractors.sources.salesforce.connection import SalesforceConnection
from extractors.sources.salesforce.values import Row, number, text_of

if TYPE_CHECKING:
    from extractors.core.run import Extraction

#: what stands for the record type of an opportunity that has none
MASTER_RECORD_TYPE = "012000000000000AAA"
PLACES = ("RecordTypeId", "StageName", "CurrencyIsoCode")


class _Group(msgspec.Struct):
    deals: int
    amount: msgspec.Raw = msgspec.Raw(b"null")
    RecordTypeId: str | None = None
    StageName: str | None = None
    CurrencyIsoCode: str | None = None


class _Groups(msgspec.Struct):
    done: bool
    records: list[_Group]


class _Currency(msgspec.Struct):
    IsoCode: str


class _Currencies(msgspec.Struct):
    records: list[_Currency]


class _Organization(msgspec.Struct):
    DefaultCurrencyIsoCode: str | None = None


class _Organizations(msgspec.Struct):
    records: list[_Organization]


def ask_counts(extraction: Extraction, connection: SalesforceConnection) -> ControlTotals:
    """Two calls. Whoever asks adds the ids that changed since the window's end.

    With several currencies Salesforce gives every amount in the org's own, converted at its own rate: only the groups in that
    currency have an amount that can be compared; the others' come with the weekly list.
    """
    shown = {each.name for each in connection.describe("Opportunity")}
    places = [name for name in PLACES if name in shown]
    text = (
        f"SELECT {', '.join(places)}, COUNT(Id) deals, SUM(Amount) amount FROM Opportunity GROUP BY {', '.join(places)}"  # noqa: S608 - names as Salesforce described them, instants of our own
    )
    groups = connection.get(connection.path("/query"), _Groups, {"q": text})
    if not groups.done:
        raise IntegrityError("Salesforce gave its totals only in part.", "Start again later.")
    own = own_currency(connection, "CurrencyIsoCode" in shown)
    totals = []
    for each in groups.records:
        currency = each.CurrencyIsoCode if "CurrencyIsoCode" in shown else own
        text = bytes(each.amount).decode()
        amount = "0" if text == "null" else f"{Decimal(number(text, 'totals')):f}"
        totals.append(
            ControlTotal(
                each.RecordTypeId or MASTER_RECORD_TYPE,
                each.StageName or "",
                currency,
                each.deals,
                amount if currency == own else None,
            )
        )
    return ControlTotals(extraction.window_end, tuple(totals), ())


def own_currency(connection: SalesforceConnection, has_several: bool) -> str | None:
    """The currency that the org counts in."""
    if has_several:
        text = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
        found = connection.get(connection.path("/query"), _Currencies, {"q": text}).records
        return found[0].IsoCode if found else None
    text = "SELECT DefaultCurrencyIsoCode FROM Organization"
    rows = connection.get(connection.path("/query"), _Organizations, {"q": text}).records
    return rows[0].DefaultCurrencyIsoCode if rows else None


def place_of(row: Row) -> tuple[str, str, str | None]:
    """(record type, stage, currency) of an opportunity."""
    return (
        text_of(row, "RecordTypeId") or MASTER_RECORD_TYPE,
        text_of(row, "StageName") or "",
        text_of(row, "CurrencyIsoCode"),
    )
