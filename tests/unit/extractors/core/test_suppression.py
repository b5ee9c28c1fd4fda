"""What identifies an erased person is taken out of any text, in any spelling; nobody else loses a letter, and no number changes."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import settings as draws
from hypothesis import strategies as st

from extractors.core.people import Told, names_of, phone_of
from extractors.core.settings import Settings
from extractors.core.spec import People, Record
from extractors.core.suppression import KEY, LIST, MARK, Filter, Suppression, read, read_or_begin
from extractors.sources import SOURCES

pytestmark = pytest.mark.unit

CONTACTS = People(
    "contacts",
    kept=("id", "links", "properties.stage"),
    addresses=("properties.email",),
    names=("properties.first", "properties.last"),
    phones=("properties.phone",),
)
LEADS = People("leads", kept=("id", "links"), persons=(("links.contacts", "contacts"),))


@pytest.fixture
def listed(settings: Settings) -> Suppression:
    """A list with one person on it."""
    suppression = read_or_begin(settings)
    suppression.add_person("hubspot", "4711", "contacts", "7")
    suppression.add(["zoë.müller@example.com"], ["493012345678"], [*names_of(["Zoë", "Müller-Lüdenscheidt"])])
    suppression.save()
    found = read(settings)
    assert found is not None
    return found


@pytest.fixture
def cleaner(listed: Suppression) -> Filter:
    return Filter(listed, "hubspot", "4711", (CONTACTS, LEADS))


def cleaned(cleaner: Filter, table: str, payload: object, source_id: str = "1") -> Record:
    return cleaner.clean(table, Record(source_id, None, False, json.dumps(payload).encode()))


@pytest.mark.parametrize(
    "text",
    [
        "zoë.müller@example.com",
        "Write to <ZOË.MÜLLER@EXAMPLE.COM>, soon.",
        "mailto:zoë.müller@example.com?subject=x",
        "a@b.example,zoë.müller@example.com;c@d.example",
        "Zoë Müller-Lüdenscheidt",
        "ZOË  MÜLLER LÜDENSCHEIDT called",
        "Müller-Lüdenscheidt, Zoë",
        "with Zoë\tMüller/Lüdenscheidt.",
        unicodedata.normalize("NFD", "Zoë Müller-Lüdenscheidt"),
        "zoe-mail zoë_müller_lüdenscheidt.pdf",
        "+49 30 1234-5678",
        "0049 (30) 12345678",
        "tel:+493012345678.",
    ],
)
def test_it_is_found_in_any_spelling(listed: Suppression, text: str) -> None:
    for clean in (
        listed.clean_text(text),
        json.loads(listed.clean_json(json.dumps(text))),
        json.loads(listed.clean_json(json.dumps(text, ensure_ascii=False))),
    ):
        assert MARK in clean or "erased-" in clean
        for trace in ("müller", "1234", "lüdenscheidt"):
            assert trace not in unicodedata.normalize("NFC", clean).lower()


@pytest.mark.parametrize(
    "text",
    [
        "zoë.müller@example.company",
        "other.zoë.müller@example.com",
        "Zoë Schmidt and Hans Müller-Lüdenscheidt",
        "Zoë",
        "493012345678",  # an id: no plus, no space, no leading nought
        "4493012345678 9",
        "+49 30 1234567",
        "2026-06-01T10:00:00.000Z 100.000,00 EUR",
    ],
)
def test_what_is_somebody_elses_stays(listed: Suppression, text: str) -> None:
    assert listed.clean_text(text) is text


def test_the_record_of_the_person_keeps_what_is_declared_and_loses_everything_else(cleaner: Filter) -> None:
    payload = {
        "id": "7",
        "links": {"deals": ["1"]},
        "properties": {"stage": "open", "first": "Z", "hobby": "chess", "size": 1.80, "likes": ["a", {"b": "c"}]},
        "more": "x",
    }
    record = cleaned(cleaner, "contacts", payload, "7")
    assert json.loads(record.payload) == {
        "id": "7", "links": {"deals": ["1"]}, "more": None,
        "properties": {"stage": "open", "first": MARK, "hobby": None, "size": None, "likes": [{"b": None}]},
    }  # fmt: skip
    assert cleaner.clean("contacts", record) is record, "a second time changes nothing"


@pytest.mark.parametrize(
    ("table", "source_id", "payload", "is_erased"),
    [
        ("contacts", "7", {"properties": {"email": "new@example.com"}}, True),
        ("contacts", "8", {"properties": {"email": "Zoë.Müller@example.com"}}, True),
        ("contacts", "8", {"properties": {"email": "zoe@example.com"}}, False),
        ("leads", "7", {"links": {"contacts": ["8"]}}, False),
        ("leads", "9", {"links": {"contacts": ["8", "7"]}}, True),
        ("leads", "9", {"links": {"contacts": [7]}}, True),
    ],
)
def test_whose_record_it_is(
    cleaner: Filter, table: str, source_id: str, payload: dict[str, object], is_erased: bool
) -> None:
    clean = json.loads(cleaned(cleaner, table, {**payload, "secret": "x"}, source_id).payload)
    assert (clean["secret"] is None) is is_erased


def test_somebody_of_the_same_name_keeps_it(cleaner: Filter) -> None:
    record = cleaned(
        cleaner,
        "contacts",
        {"properties": {"first": "Zoë", "note": "Zoë Müller-Lüdenscheidt", "email": "other@example.com"}},
        "8",
    )
    assert "Müller" in json.loads(record.payload)["properties"]["note"]


def test_an_id_that_is_the_address_becomes_the_same_everywhere(cleaner: Filter) -> None:
    own = cleaned(cleaner, "contacts", {"id": "zoë.müller@example.com"}, "zoë.müller@example.com")
    other = json.loads(cleaned(cleaner, "deals", {"contact_id": "zoë.müller@example.com"}).payload)
    assert own.source_id.startswith("erased-")
    assert own.source_id == other["contact_id"]


def test_what_stands_between_the_strings_stays_to_the_last_digit(listed: Suppression) -> None:
    text = '{"amount" : 0.10000000000000000001 ,"big":12345678901234567890.10,\n"a\\"b": "x \\u00e4 Zo\\u00eb M\\u00fcller-L\\u00fcdenscheidt"}'
    clean = listed.clean_json(text)
    assert clean == '{"amount" : 0.10000000000000000001 ,"big":12345678901234567890.10,\n"a\\"b": "x ä [erased]"}'


def test_the_list_says_nothing_to_whoever_reads_it(settings: Settings, listed: Suppression) -> None:
    text = (settings.home / LIST).read_text().lower()
    for trace in ("zo", "müller", "m\\u00fc", "example", "4930", "4711"):
        assert trace not in text.replace('"version"', "")
    for name in (LIST, KEY):
        assert (settings.home / name).stat().st_mode & 0o777 == 0o600


@draws(deadline=None)
@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_names_nobody_is_not_touched(payload: object) -> None:
    suppression = Suppression(Settings().home_dir, b"a key of some length")
    suppression.add(["a@b.example"], ["493012345678"], [("nobody", "whatsoever")])
    text = json.dumps(payload)
    assert suppression.clean_json(text) == text


def test_one_word_is_no_name_but_where_names_have_no_spaces() -> None:
    assert [*names_of(["Price"])] == []
    assert [*names_of(["", "Müller"])] == []
    assert ("佐藤美咲",) in {*names_of(["佐藤美咲"])}
    assert phone_of("0049 (30) 1234") == "49301234"
    assert phone_of("12 34") is None


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_declares_its_persons(source: str) -> None:
    declared = SOURCES[source].people
    assert any(not each.is_staff and each.names for each in declared)
    tables = set(SOURCES[source].tables)
    for each in declared:
        assert each.table in tables
        assert not {*each.kept} & {*each.addresses, *each.names, *each.phones}
        assert all(table in tables for _, table in each.persons)
        told = Told(each, "1", {})
        assert (told.addresses, told.names, told.phones) == (set(), set(), set())
