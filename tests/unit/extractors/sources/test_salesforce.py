"""The pieces of the Salesforce source that need no server: spelling, refusals, the length of an address."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.core.errors import ConfigurationError, IntegrityError, TransientError
from extractors.sources.salesforce.connection import CallUsage, NotThereError, explain
from extractors.sources.salesforce.fields import REQUEST_BYTES, RESERVED_BYTES, field_chunks
from extractors.sources.salesforce.values import long_id, number, payload_of, row_of_csv, row_of_page
from simulator.salesforce.answers import as_csv, as_json

pytestmark = pytest.mark.unit

KINDS = {
    "Id": "id", "Amount": "currency", "CreatedDate": "datetime", "IsDeleted": "boolean", "Name": "string", "CloseDate": "date",
    "DataType": "picklist", "OldValue": "anyType", "NewValue": "anyType",
}  # fmt: skip


@settings(deadline=None)
@given(
    amount=st.none() | st.decimals(-(10**12), 10**12, places=2).map(float),
    at=st.integers(0, 4_000_000_000).map(lambda second: second * 1_000),
    name=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1),
    flag=st.booleans(),
)
def test_any_row_is_the_same_by_rest_and_by_bulk(amount: float | None, at: int, name: str | None, flag: bool) -> None:
    said = {
        "Id": "006Wt0000000000IAA", "Amount": amount, "CreatedDate": at, "IsDeleted": flag, "Name": name, "CloseDate": "2026-02-28",
        "DataType": "Currency", "OldValue": amount, "NewValue": None,
    }  # fmt: skip
    page = msgspec.json.decode(
        msgspec.json.encode({field: as_json(KINDS[field], value) for field, value in said.items()}),
        type=dict[str, msgspec.Raw],
    )
    cells = {field: as_csv(KINDS[field], value) for field, value in said.items()}
    by_rest, by_bulk = row_of_page(KINDS, page, "rows"), row_of_csv(KINDS, cells, "rows")
    assert payload_of(by_rest) == payload_of(by_bulk)
    landed = msgspec.json.decode(payload_of(by_rest))
    assert landed["Name"] == name
    assert landed["CreatedDate"].endswith(".000Z")
    assert (landed["Amount"] is None) == (amount is None)
    assert amount is None or float(landed["Amount"]) == amount


@given(st.decimals(-(10**15), 10**15, places=6))
def test_numbers_keep_their_value_and_lose_their_manner(value: Decimal) -> None:
    texts = {
        number(text, "rows")
        for text in (str(value), f"{value:f}", f"{value:E}", f"{value}000" if "." in f"{value}" else f"{value}.0")
    }
    assert len(texts) == 1
    assert Decimal(texts.pop()) == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1,5", "1e99999", "--1", "one"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError, match="number"):
        number(text, "rows")


def test_short_ids_are_made_long_and_na_stays_na() -> None:
    assert long_id("0015000000Gv7qJ") == "0015000000Gv7qJAAR"
    row = row_of_csv({"Id": "id", "NextStep": "string"}, {"Id": "0015000000Gv7qJ", "NextStep": "NA"}, "rows")
    assert row == {"Id": b'"0015000000Gv7qJAAR"', "NextStep": b'"NA"'}


@given(st.lists(st.from_regex(r"[A-Z][A-Za-z_]{0,79}__c", fullmatch=True), unique=True, max_size=800))
@settings(max_examples=25, deadline=None)
def test_every_field_is_in_one_list_and_every_list_fits(names: list[str]) -> None:
    rest = "SELECT FROM Opportunity WHERE SystemModstamp >= 2026-01-01T00:00:00.000Z ORDER BY SystemModstamp, Id"
    chunks = field_chunks(["Id", *names, "SystemModstamp"], ("Id", "SystemModstamp"), rest)
    assert sorted(name for chunk in chunks for name in chunk[2:]) == sorted(names)
    assert all(chunk[:2] == ["Id", "SystemModstamp"] for chunk in chunks)
    assert all(len(quote_plus(", ".join(chunk) + rest)) <= REQUEST_BYTES - RESERVED_BYTES for chunk in chunks)


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("api-usage=25/5000", 25),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", 25),
        ("per-app-api-usage=17/250(appName=x); api-usage=25/5000", 25),
        ("per-app-api-usage=17/250(appName=x)", 0),
        ("nonsense", 0),
    ],
)
def test_the_usage_header_is_read_whatever_stands_beside_it(header: str, used: int) -> None:
    usage = CallUsage()
    usage.see({"Sforce-Limit-Info": header})
    assert usage.used == used


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]', ConfigurationError),
        (401, b"", ConfigurationError),
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]', TransientError),
        (404, b'[{"errorCode":"NOT_FOUND","message":"gone"}]', NotThereError),
        (400, b'{"error":"invalid_grant","error_description":"expired"}', ConfigurationError),
        (503, b'[{"errorCode":"SERVER_UNAVAILABLE","message":"later"}]', type(None)),
        (500, b"<html>", type(None)),
        (400, b"[]", type(None)),
    ],
)
def test_refusals_are_told_by_what_to_do(status: int, body: bytes, kind: type) -> None:
    assert type(explain(status, body)) is kind
