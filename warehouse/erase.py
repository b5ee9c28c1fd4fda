"""Erasure of persons from what is landed: who they are, what is taken out, and the landings written anew without it.

Everything else follows from the landings: `watertight.erasure` rebuilds the warehouse from them into a new file, publishes that, and clears
away what other files still say. Each step can be cut off anywhere and done again.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import md5
from pathlib import Path
from uuid import UUID

import msgspec

from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.landing import (
    MANIFEST,
    REFUSED,
    Landing,
    LandingWriter,
    make_folders,
    read_lines,
    read_manifest,
    sync_folder,
)
from extractors.core.people import EMAIL, Told, address_of, decode, texts_at
from extractors.core.settings import Settings
from extractors.core.spec import People, Record
from extractors.core.suppression import Filter, Suppression
from warehouse import folded
from warehouse.database import plain_errors, require_space
from warehouse.lease import Lease

#: the tables about persons, by source
PeopleOf = Mapping[str, tuple[People, ...]]
#: (source, account, table, id) of a record
Place = tuple[str, str, str, str]


class Line(msgspec.Struct):
    """One landed line; the payload as it stands there."""

    _source_id: str
    _source_updated_at: str | None
    _is_deleted: bool
    payload: msgspec.Raw

    @property
    def record(self) -> Record:
        return Record(self._source_id, self._source_updated_at, self._is_deleted, bytes(self.payload))


_line = msgspec.json.Decoder(Line).decode


@dataclass
class Wanted:
    """Whom to erase: addresses, keys of contacts or leads, and (source, table, id)."""

    addresses: set[str] = field(default_factory=set)
    keys: set[UUID] = field(default_factory=set)
    ids: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass
class Found:
    """Whom the landings hold: the places of their records, and what identifies them in other texts.

    `shared`: names and telephone numbers that others bear too. They are erased in the persons' own records and stay elsewhere.
    """

    places: set[Place] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    names: set[tuple[str, ...]] = field(default_factory=set)
    shared: Counter[str] = field(default_factory=Counter)
    #: names and telephone numbers as the records have them, by the form in which they are compared
    written: dict[object, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def texts(self) -> set[str]:
        """What must not be found anywhere afterwards."""
        return {*self.addresses, *(text for each in (*self.phones, *self.names) for text in self.written[each])}

    @property
    def size(self) -> int:
        return len(self.places) + len(self.addresses) + len(self.phones) + len(self.names)

    def count(self) -> dict[str, int]:
        """Records by source and table."""
        return dict(sorted(Counter(f"{source}.{table}" for source, _, table, _ in self.places).items()))


def read_wanted(emails: Sequence[str], contacts: Sequence[str], people: PeopleOf) -> Wanted:
    """What was typed, checked. A contact is `source:id`, `source:table:id` or a key. Raises ConfigurationError."""
    wanted = Wanted()
    for text in emails:
        if not EMAIL.fullmatch(text.strip()):
            raise ConfigurationError(
                "What was given as --email is no e-mail address.", "Give one address: --email name@example.com."
            )
        wanted.addresses.add(address_of(text))
    for text in contacts:
        source, _, rest = text.partition(":")
        if source in people and rest:
            table, _, source_id = rest.rpartition(":")
            table = table or people[source][0].table
            if table not in {each.table for each in people[source]}:
                raise ConfigurationError(
                    f"{source} has no table of persons named {table}.",
                    f"Use one of: {', '.join(each.table for each in people[source])}.",
                )
            wanted.ids.add((source, table, source_id))
            continue
        try:
            wanted.keys.add(UUID(text))
        except ValueError:
            raise ConfigurationError(
                "What was given as --contact is neither source:id nor a key.",
                f"The sources are {', '.join(people)}; a key is contact_key or lead_key of the marts.",
            ) from None
    return wanted


def find(settings: Settings, people: PeopleOf, wanted: Wanted) -> Found:
    """Reads the tables of persons of every landing until nothing new is found: an address leads to records, a record to further addresses."""
    found = Found(addresses=set(wanted.addresses))
    before = -1
    while found.size != before:
        before = found.size
        for source, account, told in _persons(settings, people):
            if not told.is_staff and _is_wanted(source, account, told, wanted, found):
                # Where the record itself carries the address, it is that of all it names; a lead of two contacts is not that of the other.
                places = told.persons if told.addresses & found.addresses else told.persons[:1]
                found.places |= {(source, account, *place) for place in places}
                found.addresses |= told.addresses
                found.phones |= told.phones
                found.names |= told.names
                for compared, text in told.written:
                    found.written[compared].add(text)
    for source, account, told in _persons(settings, people):
        if told.is_staff or not _is_wanted(source, account, told, wanted, found):
            found.shared.update(names=len(found.names & told.names), phones=len(found.phones & told.phones))
            found.names -= told.names
            found.phones -= told.phones
    return found


def erased_places(settings: Settings, people: PeopleOf, marks: set[str], wanted: Wanted) -> set[Place]:
    """The records in the landings that bear one of the marks of erased addresses, or are wanted by id or key: each one's own place alone, since a
    lead may name another erased person besides."""
    places = set()
    for folder in landing_folders(settings):
        source, account, table = folder.parts[-4:-1]
        declared = next((each for each in people.get(source, ()) if each.table == table), None)
        landing = landed_in(folder)
        if declared is None or landing is None:
            continue
        for record in records_of(landing):
            said = decode(record.payload)
            place = (source, account, table, record.source_id)
            if (
                (source, table, record.source_id) in wanted.ids
                or _key(source, account, record.source_id) in wanted.keys
                or marks.intersection(text for path in declared.addresses for text in texts_at(said, path))
            ):
                places.add(place)
    return places


def named_by(settings: Settings, people: PeopleOf, places: set[Place]) -> dict[Place, set[Place]]:
    """The records that name one of the places besides their own, as a lead does its contacts, and everybody whom each names."""
    found = {}
    for source, account, told in _persons(settings, people):
        own, *others = [(source, account, *place) for place in told.persons]
        if places.intersection(others):
            found[own] = set(others)
    return found


def _is_wanted(source: str, account: str, told: Told, wanted: Wanted, found: Found) -> bool:
    return bool(told.addresses & found.addresses) or any(
        (source, account, *place) in found.places
        or (source, *place) in wanted.ids
        or (wanted.keys and _key(source, account, place[1]) in wanted.keys)
        for place in told.persons
    )


def _key(source: str, account: str, source_id: str) -> UUID:
    """As the macro stable_key makes it."""
    return UUID(md5(f"{source}|{account}|{source_id}".encode(), usedforsecurity=False).hexdigest())


def _persons(settings: Settings, people: PeopleOf) -> Iterator[tuple[str, str, Told]]:
    for folder in landing_folders(settings):
        source, account, table = folder.parts[-4:-1]
        declared = next((each for each in people.get(source, ()) if each.table == table), None)
        landing = landed_in(folder)
        if declared is not None and landing is not None:
            for record in records_of(landing):
                yield source, account, Told(declared, record.source_id, decode(record.payload))
    of_persons = {(source, each.table): each for source, some in people.items() for each in some}
    for source, account, table, record in folded.records(settings.landing_dir):
        if (source, table) in of_persons:
            yield source, account, Told(of_persons[source, table], record.source_id, decode(record.payload))


def left_over(settings: Settings, suppression: Suppression, people: PeopleOf) -> list[str]:
    """The landings in which the list still finds somebody, and every text file of the home in which it does."""
    left = []
    for folder in landing_folders(settings):
        landing = landed_in(folder)
        if landing is None:
            continue
        manifest = landing.manifest
        cleaner = Filter(suppression, manifest.source_system, manifest.account, people.get(manifest.source_system, ()))
        if any(cleaner.clean(manifest.resource, record) is not record for record in records_of(landing)):
            left.append(str(folder))
    clean = _cleaner(suppression, people)
    in_folded = folded.records(settings.landing_dir)
    if any(clean(source, account, table, record) is not record for source, account, table, record in in_folded):
        left.append(str(settings.landing_dir / folded.FOLDER))
    return left


def _cleaner(suppression: Suppression, people: PeopleOf) -> folded.Clean:
    """The filters of every source and account as one."""

    @cache
    def filter_of(source: str, account: str) -> Filter:
        return Filter(suppression, source, account, people.get(source, ()))

    return lambda source, account, table, record: filter_of(source, account).clean(table, record)


def landing_folders(settings: Settings) -> list[Path]:
    """The folder of every landing, finished or not."""
    return sorted(path for path in settings.landing_dir.glob("*/*/*/*") if path.is_dir())


def landed_in(folder: Path) -> Landing | None:
    """The landing in a folder, one that was set aside included; None when it never was finished."""
    return next((read_manifest(folder / name) for name in (MANIFEST, REFUSED) if (folder / name).exists()), None)


def records_of(landing: Landing) -> Iterator[Record]:
    """The records of a landing, in their order. IntegrityError when a part is damaged."""
    for part in landing.part_files:
        for line in read_lines(part):
            try:
                yield _line(line).record
            except msgspec.MsgspecError as error:
                raise IntegrityError(
                    f"Landing file {part} holds a line that is none ({error}).", "Restore it from a backup."
                ) from None


def rewrite_landings(
    settings: Settings,
    lease: Lease,
    suppression: Suppression,
    people: PeopleOf,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, int]:
    """Writes every landing anew that says something about a person on the list; removes unfinished ones.

    Rows, ids and instants stay; the manifest gets the new parts' rows, sizes and hashes. Returns how many landings and lines were
    changed. Cut off anywhere, the next call goes on.
    """
    changed: Counter[str] = Counter(landings=0, lines=0)
    waiting = settings.home / "erasing"
    _move_in(settings, lease, waiting)
    for folder in landing_folders(settings):
        landing = landed_in(folder)
        if landing is None:
            with plain_errors(folder):
                shutil.rmtree(folder)
            continue
        manifest = landing.manifest
        cleaner = Filter(suppression, manifest.source_system, manifest.account, people.get(manifest.source_system, ()))
        lines = sum(cleaner.clean(manifest.resource, record) is not record for record in records_of(landing))
        if lines:
            landing.check_parts()
            require_space(
                settings.home, 2 * sum(part.bytes for part in manifest.parts), f"rewriting {manifest.resource}"
            )
            records = cleaner.clean_all(manifest.resource, records_of(landing))
            write_anew(landing, waiting.joinpath(*folder.parts[-4:]), records)
            _move_in(settings, lease, waiting)
            changed.update(landings=1, lines=lines)
            report(f"{'/'.join(folder.parts[-4:])}: {lines} lines")
    held = folded.read(settings.landing_dir)
    require_space(settings.home, 2 * held.bytes if held else 0, "rewriting the folded landings")
    lines = folded.rewrite(settings.landing_dir, lease.run_id, _cleaner(suppression, people), lease.fence)
    if lines:
        changed.update(landings=1, lines=lines)
        report(f"{folded.FOLDER}: {lines} lines")
    return dict(changed)


def write_anew(landing: Landing, folder: Path, records: Iterator[Record]) -> None:
    """The same landing with other records, in a folder of its own; what else its manifest says stays."""
    manifest = landing.manifest
    writer = LandingWriter(folder, extracted_at=manifest.extracted_at, run_id=manifest.run_id)
    writer.land(records)
    said = {name: getattr(manifest, name) for name in manifest.__struct_fields__}
    for restated in ("manifest_version", "rows", "parts"):
        del said[restated]
    writer.finish(said)
    if (landing.folder / REFUSED).exists():
        (folder / MANIFEST).rename(folder / REFUSED)
        sync_folder(folder)


def _move_in(settings: Settings, lease: Lease, waiting: Path) -> None:
    """Puts every landing that was finished beside its place into it. A kill in between leaves the new one whole where it waits."""
    with plain_errors(waiting):
        for folder in sorted(waiting.glob("*/*/*/*")):
            if landed_in(folder) is None:
                shutil.rmtree(folder)
                continue
            place = settings.landing_dir.joinpath(*folder.parts[-4:])
            with lease.fence():
                for name in (MANIFEST, REFUSED):
                    (place / name).unlink(missing_ok=True)
                shutil.rmtree(place, ignore_errors=True)
                make_folders(place.parent)
                folder.rename(place)
                sync_folder(place.parent)
        shutil.rmtree(waiting, ignore_errors=True)
