"""Secrets made up for one trial, and the search for them in every byte that the trial wrote.

Every setting that is declared as a secret gets a value of its own in each trial. All of them hold `MARK`, so that one search finds any of any trial,
whole or cut short behind it, and between other signs: as it is (in JSON, in an address, quoted or not), in base64 at any place of what was encoded,
and in hexadecimal digits.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import mmap
import re
import secrets
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import zstandard

from extractors.core.settings import Settings

MARK = "cnry7q2zk4vx"
#: how the sentence about a leak begins
LEAK = "a secret stands in "
#: loggers that talk most at this level: ours, and what requests are sent with
_TALKATIVE = ("extractors", "warehouse", "watertight", "urllib3", "requests")
#: bytes of log records that one process may make
_ROOM = 4 * 2**20
_NOWHERE = "127.0.0.1:1"


def secret_settings() -> dict[str, str]:
    """Every setting that is declared as a secret, by its name in the environment."""
    return {
        name: str(field.alias) for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }


def forms(text: str = MARK) -> list[bytes]:
    """The ways in which a text may be written: itself, in base64 wherever it begins, in hexadecimal digits."""
    plain = text.encode()
    encoded = []
    for shift in range(3):
        bits = 8 * (shift + len(plain))
        # The signs at both ends hold bits of what stands beside the text.
        encoded.append(base64.b64encode(b"\0" * shift + plain)[-(-8 * shift // 6) : bits // 6])
    return [plain, *encoded, plain.hex().encode(), plain.hex().upper().encode()]


_FORMS = forms()


@dataclass(frozen=True)
class Searched:
    """How many secrets were made up, how many bytes were searched for them, and a sentence for each place where one stands."""

    secrets: int
    size: int
    leaks: list[str]


class MadeUp:
    """The secrets of a trial (`values`, by their names in the environment), and what was found of them so far."""

    def __init__(self) -> None:
        self.values = {alias: f"{MARK}{secrets.token_hex(8)}" for alias in secret_settings().values()}
        self._size, self._leaks = 0, list[str]()

    @property
    def environment(self) -> dict[str, str]:
        """The settings; addresses lead to a port where nobody listens."""
        values = self.values
        return values | {
            "WATERTIGHT_POSTGRES_URL": f"postgresql://somebody:{values['WATERTIGHT_POSTGRES_URL']}@{_NOWHERE}/marts",
            "WATERTIGHT_SMTP_URL": f"smtp://somebody:{values['WATERTIGHT_SMTP_URL']}@{_NOWHERE}",
            "WATERTIGHT_ALERT_SLACK_URL": f"http://{_NOWHERE}/{values['WATERTIGHT_ALERT_SLACK_URL']}",
            "WATERTIGHT_ALERT_WEBHOOK_URL": f"http://{_NOWHERE}/?key={values['WATERTIGHT_ALERT_WEBHOOK_URL']}",
        }

    def search(self, where: str, content: bytes) -> None:
        """Searches some bytes."""
        self._size += len(content)
        if any(form in content for form in _FORMS):
            named = [name for name, value in self.values.items() if value.encode() in content]
            self._leaks.append(f"{LEAK}{where} ({', '.join(named) or 'encoded, or of an earlier night'})")

    def search_files(self, folder: Path) -> None:
        """Searches every file below a folder, unpacked where it is packed, its name included."""
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            self.search(f"the name of {name}", name.encode())
            if path.is_symlink() or not path.is_file():
                continue
            content = path.read_bytes()
            self.search(name, content)
            if packed := unpacked(content):
                self.search(f"{name}, unpacked", packed)

    def search_values(self, folder: Path) -> None:
        """Searches every value of every table of the databases below a folder: their files hold long texts packed."""
        for path in sorted(folder.rglob("*.duckdb")):
            if path.is_symlink():
                continue
            with tempfile.TemporaryDirectory() as scratch:
                # Opened with a log beside it the file itself would be written.
                looked_at = path
                if (log := path.with_name(f"{path.name}.wal")).exists():
                    looked_at = Path(shutil.copy(path, scratch))
                    shutil.copy(log, scratch)
                with duckdb.connect(str(looked_at), read_only=looked_at == path) as connection:
                    for schema, table in connection.execute(
                        "select schema_name, table_name from duckdb_tables() where not internal"
                    ).fetchall():
                        hits, size = connection.execute(
                            f"""select count(*) filter (contains(line, $1)), coalesce(sum(strlen(line)), 0)
                            from (select one::varchar as line from "{schema}"."{table}" as one)""",
                            [MARK],
                        ).fetchall()[0]
                        self._size += int(size)
                        if hits:
                            self._leaks.append(f"{LEAK}{hits} rows of {schema}.{table} in {path.relative_to(folder)}")

    def searched(self) -> Searched:
        """What was searched and found so far."""
        return Searched(len(self.values), self._size, list(dict.fromkeys(self._leaks)))


def told(kind: str, secrets_and_bytes: Sequence[tuple[int, int]], leaks: int) -> str:
    """A proof's paragraph about its trials (`kind`: what they are called). Those without a search, of an older log, are not counted as searched."""
    searched = [(count, size) for count, size in secrets_and_bytes if size]
    others = " The others were made before there was a search." if len(searched) < len(secrets_and_bytes) else ""
    return (
        f"In {len(searched):,} of these {len(secrets_and_bytes):,} {kind} every secret setting had a value made up for it alone, "
        f"{sum(count for count, _ in searched):,} in all, and {sum(size for _, size in searched) / 1e9:,.1f} GB were searched for them as they are, in "
        "base64 and in hexadecimal digits: what was said, log records at their most talkative before anything is blanked in them, every file that was left "
        f"and what is packed in it, and the values of tables. Found: **{leaks}**.{others}"
    )


def unpacked(content: bytes) -> bytes:
    """What a file holds packed, by zstd or as gzip, wherever in it, as far as it can be unpacked: a trial may have cut or damaged it."""
    parts = []
    for begin in re.finditer(rb"\x28\xb5\x2f\xfd|\x1f\x8b\x08", content):
        packed = memoryview(content)[begin.start() :]
        unpack = zlib.decompressobj(31) if packed[0] == 0x1F else zstandard.ZstdDecompressor().decompressobj()
        with contextlib.suppress(zlib.error, zstandard.ZstdError):
            parts.append(unpack.decompress(packed))
    return b"\n".join(parts)


class Records(logging.Handler):
    """Every log record of a process at its most talkative, before anything is blanked in it.

    It keeps them in memory shared with the process that makes it before the fork: nothing is written for them that a trial would count, and a killed
    process leaves what it had said.
    """

    def __init__(self) -> None:
        super().__init__()
        self._room = mmap.mmap(-1, _ROOM)
        self._end = 8

    def install(self) -> None:
        """In the forked process: from now on."""
        logging.getLogger().addHandler(self)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record, with its traceback."""
        line = (self.format(record) + "\n").encode(errors="replace")
        if (end := self._end + len(line)) <= _ROOM:
            self._room[self._end : end] = line
        self._end = end
        self._room[:8] = end.to_bytes(8, "big")

    def taken(self) -> str:
        """In the process that made it: everything that was said; its memory is given back. ValueError when there was no room for all."""
        end = int.from_bytes(self._room[:8], "big") or 8
        if end > _ROOM:
            raise ValueError(f"a process made {end} bytes of log records, and there is room for {_ROOM}")
        text = self._room[8:end].decode(errors="replace")
        self._room.close()
        return text
