"""Every answer that one extraction of the simulated HubSpot's deals gets, written down, so that serving it again costs next to nothing."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import msgspec

from extractors.core.run import ResourceState
from extractors.core.settings import read_settings
from extractors.sources import extract
from simulator.hubspot.answers import Request, Response
from simulator.hubspot.api import VERSION
from simulator.server import start

TOKEN = "simulated-token"
LIST = f"/crm/objects/{VERSION}/deals"
_MILLISECONDS = re.compile(r"\b\d{13}\b")


@dataclass(frozen=True)
class Answer:
    """One recorded answer: its bytes in `answers.bin`, and how many deals it lists."""

    key: str
    offset: int
    length: int
    deals: int


@dataclass(frozen=True)
class Recording:
    """`pages`: the list of live deals in order; `others`: every other answer. `parameters`: of the first page, in the order they were sent."""

    folder: Path
    parameters: dict[str, str]
    pages: tuple[Answer, ...]
    others: tuple[Answer, ...]

    @property
    def deals(self) -> int:
        """How many deals one extraction is sent, archived ones included."""
        return sum(answer.deals for answer in (*self.pages, *self.others))

    @property
    def bytes(self) -> int:
        return sum(answer.length for answer in (*self.pages, *self.others))

    def write(self) -> None:
        described = {
            "parameters": self.parameters,
            "pages": [asdict(each) for each in self.pages],
            "others": [asdict(each) for each in self.others],
        }
        (self.folder / "answers.json").write_text(json.dumps(described))

    @classmethod
    def read(cls, folder: Path) -> Recording:
        found = json.loads((folder / "answers.json").read_text())
        pages, others = (tuple(Answer(**each) for each in found[name]) for name in ("pages", "others"))
        return cls(folder, found["parameters"], pages, others)


def key_of(method: str, target: str, body: bytes) -> str:
    """What makes two requests the same: method, path, parameters in any order, body but for the instant up to which it asks."""
    path, _, query = target.partition("?")
    asked = _MILLISECONDS.sub("now", body.decode())
    return f"{method} {path}?{urlencode(sorted(parse_qsl(query, keep_blank_values=True)))} {asked}"


class _Objects(msgspec.Struct):
    results: list[msgspec.Raw] = []


def record(folder: Path, deals: int) -> Recording:
    """Extracts the deals of a simulated company of `deals` deals once; nothing of it is measured."""
    folder.mkdir(parents=True)
    pages: list[Answer] = []
    others: list[Answer] = []
    parameters: dict[str, str] = {}
    with (folder / "answers.bin").open("wb") as file:

        def note(request: Request, response: Response) -> Response:
            if response.status == 200 and not request.path.startswith("/_simulator/"):
                flat = {name: values[0] for name, values in request.query.items()}
                is_list = request.path == LIST
                is_page = is_list and flat.get("archived") == "false"
                if is_page and not pages:
                    parameters.update(flat)
                listed = len(msgspec.json.decode(response.body, type=_Objects).results) if is_list else 0
                key = key_of(request.method, f"{request.path}?{urlencode(flat)}", request.body)
                answer = Answer(key, file.tell(), len(response.body), listed)
                file.write(response.body)
                (pages if is_page else others).append(answer)
            return response

        with start(folder / "company", size=deals, token=TOKEN, fault=note) as simulation:
            settings = read_settings(
                home_dir=folder / "home", hubspot_token=TOKEN, hubspot_url=simulation.url, simulated_time=True
            )
            extract(settings, "hubspot", "deals", "20260101T000000Z-0001", ResourceState())
    recording = Recording(folder, parameters, tuple(pages), tuple(others))
    recording.write()
    return recording
