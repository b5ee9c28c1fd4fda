"""What HubSpot says in words a person can use; which properties are asked for, and in how long addresses."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.errors import ConfigurationError, TransientError
from extractors.sources.hubspot import HUBSPOT
from extractors.sources.hubspot.answers import Object
from extractors.sources.hubspot.connection import Definition, explain, is_loaded, property_chunks
from extractors.sources.hubspot.objects import record_as_received, record_with_ends

pytestmark = pytest.mark.unit


def test_a_missing_scope_is_named() -> None:
    body = (
        b'{"category":"MISSING_SCOPES","errors":[{"context":{"requiredGranularScopes":["crm.objects.leads.read"]}},'
        b'{"context":{"requiredGranularScopes":["<script>"]}}]}'
    )
    said = explain(403, body)
    assert isinstance(said, ConfigurationError)
    assert said.wrong == "HubSpot's token lacks the scope crm.objects.leads.read (403)."
    assert "HUBSPOT_ACCESS_TOKEN" in said.mend


@pytest.mark.parametrize("status", [401, 530])
def test_a_refused_token(status: int) -> None:
    said = explain(status, b"<html>")
    assert isinstance(said, ConfigurationError)
    assert f"refused the token ({status})" in said.wrong
    assert "HUBSPOT_ACCESS_TOKEN" in said.mend


def test_the_daily_limit_is_not_waited_out() -> None:
    assert isinstance(explain(429, b'{"policyName":"DAILY"}'), TransientError)
    for status, body in (
        (429, b'{"policyName":"SECONDLY"}'),
        (429, b""),
        (403, b"{}"),
        (403, b'{"errors":[{}]}'),
        (500, b"[]"),
    ):
        assert explain(status, body) is None


def test_heavy_and_running_properties_are_left_out() -> None:
    for name in (
        "dealstage",
        "amount",
        "hs_v2_date_entered_closedwon",
        "hs_v2_date_exited_1",
        "my_field",
        "hs_lastmodifieddate",
    ):
        assert is_loaded(Definition(name, "text"))
    for name in (
        "hs_note_body",
        "hs_email_html",
        "hs_v2_time_in_closedwon",
        "hs_v2_cumulative_time_in_1",
        "hs_time_in_2",
    ):
        assert not is_loaded(Definition(name, "number"))
    assert not is_loaded(Definition("any", "html"))


@given(st.lists(st.text(min_size=1, max_size=60).filter(lambda name: "," not in name), max_size=200))
def test_no_property_is_lost_and_no_address_too_long(names: list[str]) -> None:
    names = [name.encode("utf-8", "replace").decode() for name in names]
    chunks = property_chunks(tuple(names), characters=800)
    assert [name for chunk in chunks for name in chunk.split(",") if name] == names
    assert all(len(quote(chunk, safe="")) <= 800 for chunk in chunks)
    assert len(chunks) <= 1 + sum(len(quote(name, safe="")) + 3 for name in names) // 200


def decoded(text: bytes) -> Object:
    return msgspec.json.decode(text, type=Object)


def test_a_record_is_spliced_from_the_bytes_received() -> None:
    said = decoded(
        b'{"id":"7","properties":{"z":"1.50", "a":"\\u00e9"},"updatedAt":"2026-06-01T00:00:00Z","archived":false,'
        b'"associations":{"contacts":{"results":[]}}}'
    )
    record = record_with_ends("7", said, {"contacts": ["2", "10"]})
    assert record.payload == (
        b'{"archived":false,"associations":{"contacts":["2","10"]},"id":"7","properties":{"z":"1.50", "a":"\\u00e9"},'
        b'"updatedAt":"2026-06-01T00:00:00Z"}'
    )
    assert (record.updated_at, record.is_deleted) == ("2026-06-01T00:00:00Z", False)


def test_an_archived_record_is_dated_by_its_archiving() -> None:
    said = decoded(b'{"id":"7","updatedAt":"2026-06-01T00:00:00Z","archived":true,"archivedAt":"2026-06-02T00:00:00Z"}')
    record = record_as_received("7", said)
    assert (record.updated_at, record.is_deleted) == ("2026-06-02T00:00:00Z", True)
    assert record_as_received("7", decoded(b'{"archived":true}')).updated_at is None


def test_the_source_says_what_it_loads() -> None:
    kinds = (
        "deals", "contacts", "companies", "leads", "calls", "emails", "meetings", "tasks", "notes", "line_items", "products", "goal_targets",
    )  # fmt: skip
    assert HUBSPOT.tables == (
        *(table for kind in kinds for table in (kind, f"{kind}_sweep")),
        "owners", "deal_pipelines", "lead_pipelines", "campaigns", "campaign_budgets", "exchange_rates", "account",
    )  # fmt: skip
    sweeps = {resource.name: resource.sweep_of for resource in HUBSPOT.resources if resource.sweep_of}
    assert sweeps == {f"{kind}_sweep": kind for kind in kinds}
    assert "weekly" in HUBSPOT.not_loaded
