"""Persons that were erased, as keyed hashes, and the filter that takes them out of whatever is about to be written.

The list (`suppression.json`) holds no personal data: whoever has it and not the key can neither read nor try out an address. Erasure
sends every landing through the same filter as extraction sends every record, so what was erased cannot come back in another shape.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.landing import make_folders, plain_disk_errors, sync_folder
from extractors.core.people import BETWEEN_WORDS, EMAIL, PHONE, WORD, Told, address_of, decode, phone_of, without_person
from extractors.core.settings import Settings
from extractors.core.spec import People, Record

LIST, KEY = "suppression.json", "erasure.key"
#: in place of a name or a telephone number; an address becomes `erased-` and a hash, since files use addresses as ids
MARK = "[erased]"
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
#: words that are no beginning of a name, remembered up to so many
_MOST_WORDS = 1_000_000


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list as it lies on the disk: sorted hashes in hex by kind. `key_check` is the hash of nothing, by which a foreign key shows."""

    version: int
    key_check: str
    people: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    first_words: tuple[str, ...] = ()
    name_lengths: tuple[int, ...] = ()


class Suppression:
    """The list in memory. `add_…` and `save` make it longer, `filter` applies it to the tables of a source."""

    def __init__(self, home: Path, key: bytes, listed: Listed | None = None) -> None:
        """IntegrityError when the list was made with another key."""
        self._home, self._key = home, key
        self._hashes: dict[str, set[str]] = {
            kind: set(getattr(listed, kind) if listed else ())
            for kind in ("people", "addresses", "phones", "names", "first_words")
        }
        self.name_lengths = set(listed.name_lengths if listed else ())
        self._other_words: set[str] = set()
        if listed is not None and not hmac.compare_digest(listed.key_check, self.hash("check", "")):
            raise IntegrityError(
                f"{home / LIST} was made with another key than the one that is set now: erased persons would come back.",
                f"Set WATERTIGHT_ERASURE_KEY to the key it was made with, or put {home / KEY} back.",
            )

    def hash(self, kind: str, text: str) -> str:
        """What stands in the list for a text."""
        return hmac.digest(self._key, f"{kind}\0{text}".encode(), "sha256")[:16].hex()

    def has(self, kind: str, text: str) -> bool:
        """Whether the list holds a text of a kind (`people`, `addresses`, `phones`)."""
        return bool(self._hashes[kind]) and self.hash(kind, text) in self._hashes[kind]

    def add_person(self, source: str, account: str, table: str, source_id: str) -> None:
        """A record by its place."""
        self._hashes["people"].add(self.hash("people", _place(source, account, table, source_id)))

    def add(self, addresses: Iterable[str], phones: Iterable[str], names: Iterable[tuple[str, ...]]) -> None:
        """What identifies a person in a text, in the form in which it is compared (see extractors.core.people)."""
        self._hashes["addresses"] |= {self.hash("addresses", each) for each in addresses}
        self._hashes["phones"] |= {self.hash("phones", each) for each in phones}
        for words in names:
            self._hashes["names"].add(self.hash("names", " ".join(words)))
            self._hashes["first_words"].add(self.hash("first_words", words[0]))
            self.name_lengths.add(len(words))
        self._other_words.clear()

    def remove_person(self, source: str, account: str, table: str, source_id: str) -> bool:
        """Takes a record's place off the list; whether it stood there."""
        return self.remove("people", _place(source, account, table, source_id))

    def remove(self, kind: str, text: str) -> bool:
        """Takes an address, a telephone number or a name (its words with a space between) off the list, in the form in which it is compared;
        whether it stood there. The first words of names stay: others may share them, and alone they match nothing."""
        hashed = self.hash(kind, text)
        is_listed = hashed in self._hashes[kind]
        self._hashes[kind].discard(hashed)
        return is_listed

    def save(self) -> None:
        """Puts the list in its place: whole or not at all, on the disk before this returns."""
        listed = Listed(
            version=1,
            key_check=self.hash("check", ""),
            name_lengths=tuple(sorted(self.name_lengths)),
            **{kind: tuple(sorted(hashes)) for kind, hashes in self._hashes.items()},
        )
        write_privately(self._home / LIST, msgspec.json.format(msgspec.json.encode(listed), indent=1) + b"\n")

    def mark(self, text: str) -> str:
        """What stands in a field of an erased person in place of a text: for an address one of its own, so that two do not become one."""
        if "@" not in text:
            return MARK if not text.startswith("erased-") else text
        return f"erased-{self.hash('addresses', address_of(text))[:16]}"

    def is_person(self, source: str, account: str, told: Told) -> bool:
        """Whether a record of a table of persons is that of an erased one."""
        return any(self.has("people", _place(source, account, *place)) for place in told.persons) or any(
            self.has("addresses", address) for address in told.addresses
        )

    def clean_text(self, text: str, *, names: bool = True) -> str:
        """The text with marks in place of what identifies an erased person; the very same object when there is nothing."""
        plain = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        clean = EMAIL.sub(self._address, plain) if "@" in plain and self._hashes["addresses"] else plain
        clean = PHONE.sub(self._phone, clean) if self._hashes["phones"] else clean
        clean = self._without_names(clean) if names and self._hashes["names"] else clean
        return text if clean == plain else clean

    def clean_json(self, text: str, *, names: bool = True) -> str:
        """The same for each string of a JSON document; everything between the strings stays as it is, to the last space and digit."""
        if "\\" not in text and self.clean_text(text, names=names) is text:
            return text

        def clean(match: re.Match[str]) -> str:
            literal = match.group()
            try:
                said = json.loads(literal, strict=False) if "\\" in literal else literal[1:-1]
            except ValueError:
                return literal
            cleaned = self.clean_text(said, names=names)
            return literal if cleaned is said else json.dumps(cleaned, ensure_ascii=False)

        return _LITERAL.sub(clean, text)

    def _address(self, match: re.Match[str]) -> str:
        # A sentence's full stop and a quotation mark can stand at an address, and belong to it by the letter.
        for text in (match.group(), match.group().strip("'`{|}*._-=/")):
            hashed = self.hash("addresses", address_of(text))
            if hashed in self._hashes["addresses"]:
                return match.group().replace(text, f"erased-{hashed[:16]}")
        return match.group()

    def _phone(self, match: re.Match[str]) -> str:
        digits = phone_of(match.group())
        return MARK if digits and self.has("phones", digits) else match.group()

    def _without_names(self, text: str) -> str:
        folded = text.casefold()
        if not self._first_words(WORD.findall(folded)):
            return text
        # Folding can change lengths; words are found in the text itself.
        found = list(WORD.finditer(text))
        words = [match.group().casefold() for match in found]
        firsts = self._first_words(words)
        pieces, at, number = [], 0, 0
        while number < len(found):
            length = self._name_at(text, found, words, number) if words[number] in firsts else 0
            if length:
                pieces += [text[at : found[number].start()], MARK]
                at = found[number + length - 1].end()
            number += length or 1
        return "".join([*pieces, text[at:]]) if pieces else text

    def _first_words(self, words: list[str]) -> set[str]:
        unknown = set(words) - self._other_words
        firsts = {word for word in unknown if self.hash("first_words", word) in self._hashes["first_words"]}
        if len(self._other_words) > _MOST_WORDS:
            self._other_words.clear()
        self._other_words |= unknown - firsts
        return firsts

    def _name_at(self, text: str, found: list[re.Match[str]], words: list[str], number: int) -> int:
        for length in sorted(self.name_lengths, reverse=True):
            some = found[number : number + length]
            is_joined = all(
                after.start() - before.end() <= BETWEEN_WORDS and '"' not in text[before.end() : after.start()]
                for before, after in pairwise(some)
            )
            if len(some) == length and is_joined:
                name = " ".join(words[number : number + length])
                if self.hash("names", name) in self._hashes["names"]:
                    return length
        return 0


class Filter:
    """The list, applied to the records of one account of a source."""

    def __init__(self, suppression: Suppression, source: str, account: str, people: tuple[People, ...]) -> None:
        self._suppression, self._source, self._account = suppression, source, account
        self._people = {each.table: each for each in people}

    def clean(self, table: str, record: Record) -> Record:
        """The record as it may be written; the very same object when it says nothing about an erased person.

        The record of an erased person keeps its id and what its table declares as kept. A record of somebody else who bears the same
        name keeps that name.
        """
        people = self._people.get(table)
        payload, source_id = record.payload, record.source_id
        if people is not None:
            said = decode(payload)
            if not people.is_staff and self._suppression.is_person(
                self._source, self._account, Told(people, source_id, said)
            ):
                payload = without_person(people, said, self._suppression.mark)
        text = payload.decode()
        is_other_person = people is not None and people.names and payload is record.payload
        cleaned = self._suppression.clean_json(text, names=not is_other_person)
        if cleaned is not text:
            payload = cleaned.encode()
        if "@" in source_id:
            source_id = self._suppression.clean_text(source_id, names=False)
        if payload == record.payload and source_id == record.source_id:
            return record
        return Record(source_id, record.updated_at, record.is_deleted, payload)

    def clean_all(self, table: str, records: Iterable[Record]) -> Iterator[Record]:
        """`clean` of each."""
        return (self.clean(table, record) for record in records)

    def clean_answer(self, body: bytes) -> bytes:
        """An answer that is kept for the next try. What is no text is left out: it would be kept unread."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return b""
        return (
            self._suppression.clean_json(text)
            if text.lstrip()[:1] in ("{", "[")
            else self._suppression.clean_text(text)
        ).encode()


def read(settings: Settings) -> Suppression | None:
    """The list of this home; None where nobody was ever erased. ConfigurationError without its key, IntegrityError when it is damaged."""
    path = settings.home / LIST
    try:
        listed = msgspec.json.decode(path.read_bytes(), type=Listed)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"{path} is no list of erased persons ({error}).", "Put it back from a backup.") from None
    key = _key(settings)
    if key is None:
        raise ConfigurationError(
            f"The key to {path} is missing: without it erased persons would come back.",
            f"Set WATERTIGHT_ERASURE_KEY to the key it was made with, or put {settings.home / KEY} back.",
        )
    return Suppression(settings.home, key, listed)


def read_or_begin(settings: Settings) -> Suppression:
    """The list, an empty one where there is none; its key is made when none is set."""
    held = read(settings)
    if held is not None:
        return held
    if _key(settings) is None:
        write_privately(settings.home / KEY, secrets.token_hex(32).encode())
    key = _key(settings)
    assert key is not None, "it was set or has just been made"  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    return Suppression(settings.home, key)


def _key(settings: Settings) -> bytes | None:
    if settings.erasure_key is not None:
        return settings.erasure_key.get_secret_value().encode()
    try:
        return (settings.home / KEY).read_bytes().strip() or None
    except FileNotFoundError:
        return None


def write_privately(path: Path, content: bytes) -> None:
    """A file for its owner alone: whole or not at all, on the disk before this returns. Raises WatertightError (disk)."""
    temporary = path.with_name(f".{path.name}.tmp")
    with plain_disk_errors(path):
        make_folders(path.parent)
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(path.parent)


def _place(source: str, account: str, table: str, source_id: str) -> str:
    return f"{source}\0{account}\0{table}\0{source_id}"
