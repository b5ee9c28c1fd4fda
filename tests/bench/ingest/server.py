"""Serves a recording over loopback HTTP: `python -m tests.bench.ingest.server FOLDER COPIES PACKS`; prints its port.

COPIES > 1 lists the recorded deals as often, each time under other ids, so that a company of a million deals needs no recording of
its own. PACKS: "gzip" for whoever asks for it, as CRMs answer, or "plain". Its processor time is not counted.
`GET /_bench/sent` says how many deals were sent since it was last asked.
"""

from __future__ import annotations

import gzip
import json
import mmap
import os
import re
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.ingest.recording import LIST, Answer, Recording, key_of

#: how the ids of the simulated deals begin; a copy has another second digit
_HEAD = b'"90'
MOST_COPIES = 10
_AFTER = re.compile(rb'"paging":\{"next":\{"after":"(\d+)"')
_FIRST = re.compile(rb'"id":"(\d+)"')
#: simulated time that passes with a request, so that no client has to wait for its allowance
_STEP = timedelta(milliseconds=110)
#: a body of fewer bytes is hardly smaller packed
_WORTH_PACKING = 1000


class Replay:
    """The recorded answers, in as many copies as asked for, and the simulated clock."""

    def __init__(self, recording: Recording, copies: int) -> None:
        with (recording.folder / "answers.bin").open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._copies = copies
        self._pages = recording.pages
        self._others = {answer.key: answer for answer in recording.others}
        self._first_id = _match(_FIRST, self._body(self._pages[0]))
        self._page_after = {
            _match(_AFTER, self._body(page)): number + 1 for number, page in enumerate(self._pages[:-1])
        }
        self._page_after[self._first_id] = 0
        self._now = datetime(2026, 6, 2, 2, tzinfo=UTC)
        self._lock = threading.Lock()
        self.sent = 0

    def now(self, passed: timedelta = _STEP) -> datetime:
        with self._lock:
            self._now += passed
            return self._now

    def answer(self, method: str, target: str, body: bytes) -> bytes | None:
        """The recorded body for a request, None for one that was not recorded."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path == LIST and query.get("archived") == ["false"]:
            return self._page(query.get("after", [""])[0].encode())
        found = self._others.get(key_of(method, target, body))
        if found:
            return self._counted(found)
        # What is asked about a copy's ids was recorded about the first ones.
        for own in (b'"9%d' % copy for copy in range(1, self._copies)):
            if own in body and (found := self._others.get(key_of(method, target, body.replace(own, _HEAD)))):
                return self._counted(found).replace(_HEAD, own)
        return None

    def _page(self, after: bytes) -> bytes:
        copy = int(after[1:2]) if after else 0
        number = self._page_after[b"90" + after[2:]] if after else 0
        body = self._counted(self._pages[number])
        own = b'"9%d' % copy
        if number == len(self._pages) - 1 and copy < self._copies - 1:
            following = b'"9%d%s"' % (copy + 1, self._first_id[2:])
            return body[:-1].replace(_HEAD, own) + b',"paging":{"next":{"after":%s}}}' % following
        return body.replace(_HEAD, own) if copy else body

    def _counted(self, answer: Answer) -> bytes:
        with self._lock:
            self.sent += answer.deals
        return self._body(answer)

    def _body(self, answer: Answer) -> bytes:
        return self._bytes[answer.offset : answer.offset + answer.length]


def _match(pattern: re.Pattern[bytes], body: bytes) -> bytes:
    found = pattern.findall(body)
    assert found
    return bytes(found[-1] if pattern is _AFTER else found[0])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replay: Replay
    packs: bool

    def do_GET(self) -> None:
        if self.path == "/_bench/sent":
            sent, self.replay.sent = self.replay.sent, 0
            self._write(200, json.dumps(sent).encode(), self.replay.now())
        else:
            self._replay(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/_simulator/sleep":
            self._write(200, b"{}", self.replay.now(timedelta(seconds=json.loads(body)["seconds"])))
        else:
            self._replay(body)

    def _replay(self, body: bytes) -> None:
        found = self.replay.answer(self.command, self.path, body)
        self._write(404 if found is None else 200, found if found is not None else b"{}", self.replay.now())

    def _write(self, status: int, body: bytes, now: datetime) -> None:
        packed = ""
        if self.packs and len(body) >= _WORTH_PACKING and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, packed = gzip.compress(body, 1, mtime=0), "Content-Encoding: gzip\r\n"
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{packed}"
            f"Date: {format_datetime(now, usegmt=True)}\r\nX-Simulated-Time: {stamp}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Nothing."""


def main(folder: str, copies: str, packs: str) -> None:
    """Serves until it is ended."""
    replay = Replay(Recording.read(Path(folder)), int(copies))
    handler = type("Handler", (_Handler,), {"replay": replay, "packs": packs == "gzip"})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        os.write(1, f"{server.server_address[1]}\n".encode())
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
