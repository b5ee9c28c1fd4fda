"""Landing files: what the source said, in an envelope, written so that it is there whole or not at all.

`<landing>/<crm>/<account>/<table>/<run_id>/00001.jsonl.zst … manifest.json`. The manifest is written last; a folder without one is
unfinished and invisible. This module is also the reader of manifests and imports no HTTP.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import zstandard

from extractors.core.errors import ConfigurationError, DiskError, IntegrityError
from extractors.core.meter import Quota
from extractors.core.spec import ControlTotals, Mode, Record

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
#: the manifest of a landing that was not believed: the folder is invisible and stays for whoever looks into it
REFUSED = "refused.json"
MANIFEST_VERSION = 1
#: a part is closed once it holds this many bytes of uncompressed lines
PART_BYTES = 64 * 1024 * 1024
#: lines are handed to the compressor in pieces of about this size
PIECE_BYTES = 1024 * 1024

#: one folder name: no separators, no leading dot, nothing that a shell or another file system reads differently
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PART_NAME = re.compile(r"[0-9]{5}\.jsonl\.zst")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a landing: its name, lines, size on disk and the hash of the bytes on disk."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last file of a landing; instants are ISO-8601 UTC ending in Z. Fields as in docs/architecture.md."""

    manifest_version: int
    source_system: str
    account: str
    resource: str
    run_id: str
    extracted_at: str
    data_through: str
    cursor_from: str | None
    cursor_to: str
    mode: Mode
    sweep_of: str | None
    rows: int
    pages: int
    requests: int
    parts: tuple[Part, ...]
    control_totals: ControlTotals | None
    spent: dict[str, int] = {}
    quota: Quota | None = None
    #: of everything above; none in what was landed before there was one
    sha256: str | None = None

    def sealed(self) -> Manifest:
        """The same with the hash of what it says."""
        said = msgspec.json.encode(msgspec.structs.replace(self, sha256=None))
        return msgspec.structs.replace(self, sha256=hashlib.sha256(said).hexdigest())


@dataclass(frozen=True)
class Landing:
    """A finished landing: its folder and what its manifest says."""

    folder: Path
    manifest: Manifest

    @property
    def part_files(self) -> list[Path]:
        return [self.folder / part.file for part in self.manifest.parts]

    def check_parts(self) -> None:
        """Raises IntegrityError when a part is missing, cut, changed, or a file lies there that the manifest does not name."""
        for part in self.manifest.parts:
            path = self.folder / part.file
            if path.is_symlink() or not path.is_file():
                raise _damaged(path, "is named in the manifest and missing")
            if path.stat().st_size != part.bytes:
                raise _damaged(path, f"has {path.stat().st_size} bytes, its manifest says {part.bytes}")
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                    raise _damaged(path, "is not the file that was written: its hash differs from the manifest's")
        surplus = (
            {path.name for path in self.folder.iterdir()} - {part.file for part in self.manifest.parts} - {MANIFEST}
        )
        if surplus:
            raise _damaged(self.folder / min(surplus), "is not named in the manifest")


def _damaged(path: Path, wrong: str) -> IntegrityError:
    return IntegrityError(
        f"Landing file {path} {wrong}.",
        "Restore it from a backup. Only when that run was never loaded: delete its folder and run again.",
    )


def safe_name(name: str, what: str) -> str:
    """`name` when it may be one folder of a landing path; raises ConfigurationError otherwise."""
    if not _SAFE_NAME.fullmatch(name):
        raise ConfigurationError(
            f"The {what} {name[:60]!r} cannot name a folder.", "Use letters, digits, dot, underscore and hyphen only."
        )
    return name


def run_folder(landing_dir: Path, source: str, account: str, table: str, run_id: str) -> Path:
    """Where a run lands a table; every piece is checked, so the result lies below `landing_dir`."""
    return (
        landing_dir
        / safe_name(source, "source")
        / safe_name(account, "account")
        / safe_name(table, "table")
        / safe_name(run_id, "run id")
    )


def read_manifests(landing_dir: Path) -> list[Landing]:
    """Every finished landing below `landing_dir`, ordered by run, source, account and resource.

    Folders without a manifest are unfinished and passed over. Raises IntegrityError naming the file when a manifest is unreadable,
    of another shape, lies in a folder that contradicts it, or names a part outside its folder. The parts' bytes are not read
    (`Landing.check_parts` does that).
    """
    found = [read_manifest(path) for path in sorted(landing_dir.glob(f"*/*/*/*/{MANIFEST}"))]
    return sorted(
        found,
        key=lambda one: (one.manifest.run_id, one.manifest.source_system, one.manifest.account, one.manifest.resource),
    )


def read_manifest(path: Path) -> Landing:
    """One manifest, checked. Raises IntegrityError."""
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, f"is no manifest ({error})") from None
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from None
    folder = path.parent
    if manifest.manifest_version != MANIFEST_VERSION:
        raise _damaged(path, f"has version {manifest.manifest_version}, this program reads version {MANIFEST_VERSION}")
    said = (manifest.source_system, manifest.account, manifest.resource, manifest.run_id)
    if said != folder.parts[-4:]:
        raise _damaged(path, "belongs to another folder: " + "/".join(said))
    if any(not _SAFE_NAME.fullmatch(name) for name in said):
        raise _damaged(path, "carries a name that cannot be a folder's")
    instants = [
        manifest.extracted_at,
        manifest.data_through,
        manifest.cursor_to,
        manifest.cursor_from or manifest.cursor_to,
    ]
    if any(not _INSTANT.fullmatch(instant) for instant in instants):
        raise _damaged(path, "carries an instant that is not ISO-8601 UTC ending in Z")
    names = [part.file for part in manifest.parts]
    if names != [f"{number:05d}.jsonl.zst" for number in range(1, len(names) + 1)]:
        raise _damaged(path, "names parts other than 00001.jsonl.zst, 00002.jsonl.zst, …")
    if any(not _SHA256.fullmatch(part.sha256) or part.rows < 1 or part.bytes < 1 for part in manifest.parts):
        raise _damaged(path, "describes a part without hash, rows or bytes")
    if manifest.rows != sum(part.rows for part in manifest.parts):
        raise _damaged(path, f"says {manifest.rows} rows, its parts have {sum(part.rows for part in manifest.parts)}")
    if manifest.sha256 is not None and manifest.sealed() != manifest:
        raise _damaged(path, "is not the manifest that was written: its hash differs")
    return Landing(folder, manifest)


def set_aside(landing: Landing) -> None:
    """Takes a finished landing out of sight; its files stay where they are. Raises WatertightError (disk)."""
    with plain_disk_errors(landing.folder):
        (landing.folder / MANIFEST).rename(landing.folder / REFUSED)
        sync_folder(landing.folder)


class LandingWriter:
    """Writes one table of one run. Use as: `land` any number of times, then `finish` once; `abandon` on failure.

    Memory is bounded by one piece of lines and the compressor. Files are 0600, folders 0700.
    """

    def __init__(self, folder: Path, *, extracted_at: str, run_id: str) -> None:
        """Makes the folder. What an earlier try of the same run left there is removed."""
        self.folder = folder
        self._middle = b',"_extracted_at":%s,"_run_id":%s,"_record_number":' % (_json(extracted_at), _json(run_id))
        self.rows = 0
        self._parts: list[Part] = []
        self._part: OpenPart | None = None
        with plain_disk_errors(folder):
            make_folders(folder)
            # The manifest first: from then on the rest is invisible.
            for left_over in sorted(folder.iterdir(), key=lambda path: path.name != MANIFEST):
                left_over.unlink()

    def land(self, records: Iterable[Record]) -> int:
        """Streams the records to disk; returns how many there were."""
        before = self.rows
        for source_id, updated_at, is_deleted, payload in records:
            if updated_at is not None and not _is_instant(updated_at):
                raise IntegrityError(
                    f"Record {source_id[:60]!r} of {self.folder.parent.name} was changed at {updated_at[:40]!r}, which is no instant.",
                    "Nothing of it was kept. Correct it in the source.",
                )
            self.rows += 1
            if self._part is None:
                with plain_disk_errors(self.folder):
                    self._part = OpenPart(self.folder / f"{len(self._parts) + 1:05d}.jsonl.zst")
            self._part.write(
                b'{"_source_id":%s,"_source_updated_at":%s%s%d,"_is_deleted":%s,"payload":'
                % (
                    _json(source_id), b"null" if updated_at is None else _json(updated_at), self._middle, self.rows,
                    b"true" if is_deleted else b"false",
                ),
                _on_one_line(payload),
            )  # fmt: skip
            if self._part.decoded_bytes >= PART_BYTES:
                with plain_disk_errors(self.folder):
                    self._close_part()
        return self.rows - before

    def finish(self, described: dict[str, Any]) -> Manifest:
        """Closes the last part and writes the manifest: `described` holds all of its fields but rows, parts and version."""
        with plain_disk_errors(self.folder):
            self._close_part()
            manifest = Manifest(
                manifest_version=MANIFEST_VERSION, rows=self.rows, parts=tuple(self._parts), **described
            ).sealed()
            temporary = self.folder / f"{MANIFEST}.tmp"
            with _create(temporary) as file:
                file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # The parts' names must be on disk before the manifest's is.
            sync_folder(self.folder)
            temporary.rename(self.folder / MANIFEST)
            sync_folder(self.folder)
        return manifest

    def abandon(self) -> None:
        """Removes what was written. Without a manifest it is invisible anyway, so a failure here is not worth another error."""
        try:
            if self._part is not None:
                self._part.discard()
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()
        except OSError as error:
            log.warning("could not remove the unfinished folder %s: %s", self.folder, error.strerror)

    def _close_part(self) -> None:
        if self._part is not None:
            self._parts.append(self._part.finish())
            self._part = None


class OpenPart:
    """A part while it is written: under another name until `finish` has put it on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(path.name + ".tmp")
        self._file = _create(self._temporary)
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
        self._hash = hashlib.sha256()
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._size = 0
        self._rows = 0
        self.decoded_bytes = 0

    def write(self, head: bytes, payload: bytes) -> None:
        """One line: everything before the payload, and the payload."""
        self._pieces += (head, payload, b"}\n")
        size = len(head) + len(payload) + 2
        self._waiting += size
        self._rows += 1
        self.decoded_bytes += size
        if self._waiting >= PIECE_BYTES:
            with plain_disk_errors(self._path):
                self._compress()

    def finish(self) -> Part:
        self._compress()
        self._put(self._compressor.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.rename(self._path)
        return Part(self._path.name, self._rows, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        self._pieces.clear()
        self._file.close()

    def _compress(self) -> None:
        self._put(self._compressor.compress(b"".join(self._pieces)))
        self._pieces.clear()
        self._waiting = 0

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)


def read_lines(part: Path) -> Iterator[bytes]:
    """The lines of one part, decoded. Raises IntegrityError when its compressed stream is cut or changed."""
    # Not a stream reader: at the end of a cut file it just stops.
    unpack = zstandard.ZstdDecompressor().decompressobj()
    rest = b""
    try:
        with part.open("rb") as file:
            while piece := file.read(PIECE_BYTES // 4):
                *lines, rest = (rest + unpack.decompress(piece)).split(b"\n")
                yield from lines
    except zstandard.ZstdError as error:
        raise _damaged(part, f"cannot be decompressed ({error})") from None
    if not unpack.eof or unpack.unused_data or rest:
        raise _damaged(part, "does not end where it was ended")


def _is_instant(text: str) -> bool:
    """Whether a stamp is what the loader reads: ISO-8601 UTC ending in Z, a day that there is."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _INSTANT.fullmatch(text) is not None


def _on_one_line(payload: bytes) -> bytes:
    """Line ends become spaces; in JSON they stand between tokens only, never raw inside a string."""
    if b"\n" in payload or b"\r" in payload:
        return payload.replace(b"\n", b" ").replace(b"\r", b" ")
    return payload


@contextmanager
def plain_disk_errors(place: Path) -> Iterator[None]:
    """Turns what a disk can say into one plain sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"The disk is full: {place} could not be written.",
                "Free some space and start the run again; nothing was lost.",
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ConfigurationError(
                f"{place} cannot be written ({error.strerror}).",
                "Point WATERTIGHT_HOME at a folder that this user may write.",
            ) from None
        raise DiskError(
            f"{place} could not be written ({error.strerror}).", "Check the disk and start again."
        ) from None


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def make_folders(folder: Path) -> None:
    """Makes the folder and its missing parents with mode 0700, each recorded in its parent before the next."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_json = msgspec.json.Encoder().encode
