"""The least that can be done with HTTP: `requests` asks for every page and drops the bytes."""

from __future__ import annotations

import json
from pathlib import Path

import requests

from tests.bench.ingest.recording import TOKEN


def drop_the_bytes(url: str, targets: str) -> None:
    """GETs every address of a JSON list, one after the other, on one connection."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        for target in json.loads(Path(targets).read_text()):
            response = session.get(url + target)
            response.raise_for_status()
            assert response.content
