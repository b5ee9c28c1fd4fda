"""Persons made up to be found again: their names, addresses and telephone numbers stand nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractors.core.landing import MANIFEST, read_manifest
from extractors.core.settings import Settings
from extractors.core.spec import Record
from warehouse.erase import records_of, write_anew

_SYLLABLES = ("ba", "ké", "li", "mo", "nu", "rö", "sa", "ti", "vu", "zy")


@dataclass(frozen=True)
class Canary:
    """One of them."""

    number: int

    @property
    def first(self) -> str:
        return "Qua" + "".join(_SYLLABLES[int(digit)] for digit in f"{self.number:03d}")

    @property
    def family(self) -> str:
        return "Wyx" + "".join(_SYLLABLES[int(digit)] for digit in reversed(f"{self.number:03d}")) + "son"

    @property
    def email(self) -> str:
        return f"Canary{self.number:03d}@Quaxwyx.example"

    @property
    def phone(self) -> str:
        return f"+49 160 98{self.number:03d}77"

    @property
    def texts(self) -> tuple[str, ...]:
        """What must be found nowhere."""
        return self.email, self.phone, f"{self.first} {self.family}", self.family

    @property
    def sentence(self) -> str:
        """As somebody types it where no person belongs, in other capitals, spaces and signs."""
        return (
            f"Call {self.first.upper()}  {self.family} (0049-160/98{self.number:03d}77) or write to <{self.email.lower()}>; "
            f'"{self.family}, {self.first}" said no.'
        )


def plant(settings: Settings, canaries: int) -> dict[str, Canary]:
    """Puts canaries in the place of the first contacts landed from HubSpot, and sentences about them into deals, leads and companies.

    Returns them by their contact's id. What is loaded does not know of them yet.
    """
    people: dict[str, Canary] = {}
    for table in ("contacts", "leads", "deals", "companies", "notes"):
        for path in sorted(settings.landing_dir.glob(f"hubspot/*/{table}/*/{MANIFEST}")):
            landing = read_manifest(path)
            beside = settings.home / "planting" / Path(*landing.folder.parts[-4:])
            write_anew(landing, beside, _planted(table, records_of(landing), canaries, people))
            for old in landing.folder.iterdir():
                old.unlink()
            landing.folder.rmdir()
            beside.rename(landing.folder)
    assert len(people) == canaries
    return people


def _planted(table: str, records: Iterator[Record], canaries: int, people: dict[str, Canary]) -> Iterator[Record]:
    for number, record in enumerate(records):
        payload: dict[str, Any] = json.loads(record.payload)
        properties = payload.get("properties", {})
        if table == "contacts" and properties.get("email") and (len(people) < canaries or record.source_id in people):
            canary = people.setdefault(record.source_id, Canary(len(people)))
            properties |= {
                "firstname": canary.first,
                "lastname": canary.family,
                "email": canary.email,
                "phone": canary.phone,
            }
            properties["favourite_colour"] = f"that of {canary.family}"
        elif table != "contacts" and number < 2 * canaries:
            canary = Canary(number % canaries)
            field = {
                "leads": "hs_lead_name",
                "deals": "dealname",
                "companies": "description",
                "notes": "hs_note_title",
            }[table]
            properties[field] = canary.sentence if number % 2 else f"{canary.first} {canary.family}"
        yield record._replace(payload=json.dumps(payload, ensure_ascii=number % 3 == 0).encode())
