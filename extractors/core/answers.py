"""Answers of an extraction that did not finish, kept so that the next try goes on at the page where this one stopped.

An extraction asks the same questions again as long as its window is the same; a try that finds the answers of one that was cut
off takes them instead of asking, and asks from there on. `window.json` holds what the questions depend on, `answers` one frame per
answer: 16 bytes of digest, the length and the CRC-32 of what follows, the body, packed by zstd or as gzip, as it came. A frame that
was cut or damaged is asked for again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import struct
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from extractors.core.landing import make_folders, plain_disk_errors

log = logging.getLogger(__name__)

#: an older try is begun anew: cursors of the source's pages grow stale, and a window should end near the night it is loaded in
LONGEST_PAUSE = timedelta(hours=12)
_WINDOW, _ANSWERS = "window.json", "answers"
_FRAME = struct.Struct("<16sII")
_GZIP = b"\x1f\x8b"


class Questions(msgspec.Struct, frozen=True):
    """What the questions of an extraction depend on: its cursor (None: first load) and the reach of its window."""

    cursor: datetime | None
    lookback_minutes: int
    settle_minutes: int


class _Window(msgspec.Struct, frozen=True):
    questions: Questions
    now: datetime


class KeptAnswers:
    """The answers of one resource's unfinished extraction. Threads may share it.

    `now` is the source's clock at the first try: the window, and with it every question, is made from that. `recalled` counts the
    answers that were not asked for again.
    """

    def __init__(
        self, folder: Path, questions: Questions, now: datetime, clean: Callable[[bytes], bytes] | None = None
    ) -> None:
        """Opens what an earlier try of the same questions left in `folder`, or begins anew at `now`. Raises WatertightError (disk).

        `clean` takes out of an answer what may not be written.
        """
        self._clean = clean
        self._folder = folder
        self._lock = threading.Lock()
        self._compress = zstandard.ZstdCompressor(level=1)
        self._places: dict[bytes, deque[tuple[int, int, int]]] = defaultdict(deque)
        self.recalled = 0
        held = _read_window(folder / _WINDOW)
        resumes = held is not None and held.questions == questions and timedelta() <= now - held.now <= LONGEST_PAUSE
        self.now = held.now if held is not None and resumes else now
        with plain_disk_errors(folder):
            if not resumes:
                self._begin(_Window(questions, now))
            self._file = _open(folder / _ANSWERS)
            self._end = self._find_places()

    @property
    def count(self) -> int:
        """How many answers of earlier tries wait to be recalled."""
        return sum(len(places) for places in self._places.values())

    def recall(self, question: bytes) -> bytes | None:
        """The body of the next kept answer to a question (its `digest`), None when it has to be asked."""
        with self._lock:
            places = self._places.get(question)
            if not places:
                return None
            start, length, checksum = places.popleft()
            self._file.seek(start)
            packed = self._file.read(length)
            if zlib.crc32(packed) != checksum:
                return None
            self.recalled += 1
        if packed.startswith(_GZIP):
            return zlib.decompress(packed, wbits=31)
        return zstandard.ZstdDecompressor().decompress(packed)

    def keep(self, question: bytes, body: bytes, gzipped: bytes | None = None) -> None:
        """Appends an answer, `gzipped` where that is at hand and may be written. Nothing is forced to disk: what a power cut takes is asked for again."""
        packed = gzipped
        if self._clean is not None:
            body, packed = self._clean(body), None
            if not body:
                return
        with self._lock, plain_disk_errors(self._folder):
            packed = packed or self._compress.compress(body)
            self._file.seek(self._end)
            self._file.write(_FRAME.pack(question, len(packed), zlib.crc32(packed)) + packed)
            self._file.flush()
            self._end += _FRAME.size + len(packed)

    def close(self) -> None:
        """Leaves everything for the next try."""
        self._file.close()

    def remove(self) -> None:
        """Forgets everything: the extraction has finished, or would stumble over the same answer again."""
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self, window: _Window) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        make_folders(self._folder)
        with os.fdopen(os.open(self._folder / _WINDOW, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(window))

    def _find_places(self) -> int:
        """Notes where every whole frame lies; returns where the next is written, over what was cut."""
        size = self._file.seek(0, os.SEEK_END)
        at = 0
        while at + _FRAME.size <= size:
            self._file.seek(at)
            question, length, checksum = _FRAME.unpack(self._file.read(_FRAME.size))
            if at + _FRAME.size + length > size:
                break
            self._places[question].append((at + _FRAME.size, length, checksum))
            at += _FRAME.size + length
        self._file.truncate(at)
        return at


def digest(method: str, address: str, body: bytes | None) -> bytes:
    """What makes a question the same: method, path with query, and body; never a credential."""
    parts = (method.encode(), address.encode(), body or b"")
    return hashlib.blake2b(b"".join(struct.pack("<I", len(part)) + part for part in parts), digest_size=16).digest()


def _read_window(path: Path) -> _Window | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Window)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _open(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
