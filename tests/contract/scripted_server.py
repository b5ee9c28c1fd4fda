"""A server on a raw socket that answers exactly what it is told, well-formed or not.

Each request is answered by the next step of the script (the last one again and again). A step is the bytes to send, or a function that
is handed the connected socket. The connection is closed after every answer. `received` holds every byte that ever arrived.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType

from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import HeaderCredential
from extractors.core.client import Client

NOW = datetime(2026, 6, 2, 2, 0, tzinfo=UTC)
TOKEN = "canary-token-1f2e3d"
Step = bytes | Callable[[socket.socket], None]


class ScriptedServer:
    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.steps = list(steps) or [answer({"ok": True})]
        self.received = b""
        self.requests: list[bytes] = []
        self._tls = tls
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self._answer(connection)
            except OSError:
                pass  # the client hung up, which is its right
            finally:
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(65536)
            if not piece:
                return
            request += piece
            self.received += piece
        head, _, body = request.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            piece = connection.recv(65536)
            body += piece
            self.received += piece
        self.requests.append(head + b"\r\n\r\n" + body)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if callable(step):
            step(connection)
        else:
            connection.sendall(step)


def answer(
    said: object = None, status: int = 200, *, body: bytes | None = None, length: int | None = -1, **headers: str
) -> bytes:
    """A whole HTTP answer. `length` overrides Content-Length; None leaves it out. Header names use `_` for `-`."""
    if body is None:
        body = json.dumps(said).encode()
    lines = [f"HTTP/1.1 {status} Said"]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not any(name.lower() == "content-type" for name in named):
        named["Content-Type"] = "application/json"
    if length is not None:
        named["Content-Length"] = str(len(body) if length < 0 else length)
    lines += [f"{name}: {value}" for name, value in named.items() if value]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes, whole: bool = True, **headers: str) -> bytes:
    """A chunked answer; `whole=False` leaves out the last, empty chunk."""
    head = answer(body=b"", length=None, Transfer_Encoding="chunked", **headers)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if whole else b"")


def gzipped(said: object, cut: int = 0, length: int | None = -1, extra: bytes = b"") -> bytes:
    """A gzip answer; `cut` bytes are missing at the end (8 are the trailer), `extra` follows."""
    packed = gzip.compress(json.dumps(said).encode(), mtime=0)  # the same bytes every time: tests are named after them
    return answer(body=packed[: len(packed) - cut] + extra, length=length, Content_Encoding="gzip")


def reset(after: bytes = b"") -> Callable[[socket.socket], None]:
    """Sends `after`, then resets the connection."""

    def step(connection: socket.socket) -> None:
        connection.sendall(after)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return step


def drip(data: bytes, first: int, pause: float) -> Callable[[socket.socket], None]:
    """Sends the first bytes at once and then one at a time."""

    def step(connection: socket.socket) -> None:
        connection.sendall(data[:first])
        for byte in data[first:]:
            time.sleep(pause)
            connection.sendall(bytes([byte]))

    return step


def silence(seconds: float, after: bytes = b"") -> Callable[[socket.socket], None]:
    """Sends `after` and then nothing for a while."""

    def step(connection: socket.socket) -> None:
        connection.sendall(after)
        time.sleep(seconds)

    return step


class CountedClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def see(self, headers: Mapping[str, str]) -> None:
        """Its time is its own."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.monotonic())


def client_of(server: ScriptedServer, clock: CountedClock | None = None, **more: object) -> Client:
    settings: dict[str, object] = {
        "url_setting": "TEST_URL",
        "credential": HeaderCredential(SecretStr(TOKEN), "TEST_TOKEN"),
        "credential_setting": "TEST_TOKEN",
        "buckets": (Bucket("general", 1000, 1.0),),
        "budget_seconds": 3600,
        "clock": clock or CountedClock(),
    }
    return Client("Test", server.url, **{**settings, **more})  # type: ignore[arg-type]
