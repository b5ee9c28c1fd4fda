"""The simulated CRMs over real HTTP, on the loopback interface only.

Paths below `/api/v2` and `/v1` are Pipedrive's, below `/services` Salesforce's, the others HubSpot's. Besides there are three of the
simulator's: `GET /_simulator/state`, `POST /_simulator/sleep {"seconds": x}` and
`POST /_simulator/night {"night": n}`. Time passes only by requests and by sleeping, see `clock`.
"""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from simulator import files, truth
from simulator.clock import Clock
from simulator.company import SIZES, Company
from simulator.hubspot.answers import Refusal, Request, Response, invalid, json_body
from simulator.hubspot.api import HubSpot
from simulator.pipedrive.api import Pipedrive
from simulator.pipedrive.api import serves as is_pipedrive
from simulator.salesforce.api import Salesforce
from simulator.salesforce.oauth import private_key
from simulator.seasons import HISTORY_DAYS, LAST_NIGHT

Fault = Callable[[Request, Response], Response | None]
"""May change what is answered: returns a response, or None to hang up without one."""

#: a body of fewer bytes is hardly smaller packed
_WORTH_PACKING = 1000
#: the level that costs the simulator least
_LEVEL = 1


class BadSetting(Exception):
    """A setting that cannot work, in one plain sentence."""


@dataclass
class World:
    """A company, its clock, its CRMs and its folder: everything behind the port."""

    home: Path
    company: Company
    clock: Clock
    hubspot: HubSpot
    pipedrive: Pipedrive
    salesforce: Salesforce
    fault: Fault | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, night: int) -> None:
        """Go on to a night: its truth and its files first, then the clock."""
        if not self.clock.night <= night <= LAST_NIGHT:
            raise invalid(f"Night {night} is not between the current night {self.clock.night} and {LAST_NIGHT}.")
        write_night(self.company, night, self.home)
        if night != self.clock.night:
            self.clock.set(night)
            self.hubspot.limits.today = 0
            self.pipedrive.limits.spent = 0

    def answer(self, request: Request) -> Response:
        """Answer a request to a CRM or to the simulator itself."""
        with self.lock:
            if is_pipedrive(request.path):
                response = self.pipedrive.handle(request)
            elif request.path.startswith("/services/"):
                response = self.salesforce.handle(request)
            elif not request.path.startswith("/_simulator/"):
                response = self.hubspot.handle(request)
            else:
                try:
                    response = Response(200, msgspec.json.encode(self._own(request)))
                except Refusal as refused:
                    response = refused.response()
                response.headers["Content-Type"] = "application/json;charset=utf-8"
            # Under the lock: another thread's request may move the clock before this answer is written.
            response.headers |= {"Date": self.clock.http_date(), "X-Simulated-Time": self.clock.iso()}
            return response

    def _own(self, request: Request) -> dict[str, Any]:
        if request.path == "/_simulator/sleep" and request.method == "POST":
            seconds = json_body(request).get("seconds")
            if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
                raise invalid("`seconds` must be a number, 0 or more.")
            self.clock.advance(int(min(seconds, 86_400) * 1_000))
        elif request.path == "/_simulator/night" and request.method == "POST":
            night = json_body(request).get("night")
            if not isinstance(night, int) or isinstance(night, bool):
                raise invalid("`night` must be a whole number.")
            self.advance(night)
        elif request.path != "/_simulator/state" or request.method != "GET":
            raise Refusal(404, "The simulator has state (GET), sleep and night (POST).", "OBJECT_NOT_FOUND")
        return {
            "night": self.clock.night,
            "now": self.clock.iso(),
            "requests": dict(self.hubspot.counts),
            "total": self.hubspot.counts.total(),
            "pipedrive": {"requests": dict(self.pipedrive.counts), "tokens_spent": self.pipedrive.limits.spent},
            "salesforce": dict(self.salesforce.counts),
        }


def write_night(company: Company, night: int, home: Path) -> None:
    """Write the truth of all nights up to this one that is not written yet, then the files of what no CRM holds."""
    # Nothing may be left to write, in a home that was here before: the company still has to live up to this night.
    company.at(night)
    for each in range(1, night + 1):
        truth.write(company, each, home)
    files.write(company, night, home / "files")


def make_world(
    home: Path, size: str | int, seed: int, night: int, token: str, history_days: int = HISTORY_DAYS
) -> World:
    """Check the settings, make the company, write its truth. Raises BadSetting."""
    if not token:
        raise BadSetting("The token is empty. Give one with --token: clients must send it as a bearer token.")
    if not 1 <= night <= LAST_NIGHT:
        raise BadSetting(f"There is no night {night}. Give a number from 1 to {LAST_NIGHT}.")
    try:
        company = Company(seed, size, history_days)
    except ValueError as wrong:
        raise BadSetting(str(wrong)) from None
    try:
        home.mkdir(parents=True, exist_ok=True)
        settings = {"seed": seed, "size": company.size}
        if history_days != HISTORY_DAYS:
            settings["history_days"] = history_days
        _remember(home, settings)
        write_night(company, night, home)
    except OSError as broken:
        raise BadSetting(
            f"The folder {home} cannot be written: {broken.strerror or broken}. Choose another with --home."
        ) from None
    clock = Clock(night)
    salesforce = Salesforce(company, clock, token, private_key(home))
    return World(home, company, clock, HubSpot(company, clock, token), Pipedrive(company, clock, token), salesforce)


def _remember(home: Path, settings: dict[str, int]) -> None:
    """A home belongs to one company: its truth log must not be continued by another."""
    path = home / "company.json"
    if not path.exists():
        path.write_bytes(msgspec.json.encode(settings))
        return
    try:
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except msgspec.DecodeError:
        raise BadSetting(f"{path} cannot be read. Choose another folder with --home, or delete this one.") from None
    if held != settings:
        told = ", ".join(f"{key} {value}" for key, value in held.items())
        raise BadSetting(
            f"The folder {home} belongs to another company ({told}). Choose another folder or those settings."
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Simulator"
    sys_version = ""
    timeout = 120
    world: World

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        parts = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        size = len(self.requestline) + sum(len(key) + len(value) + 4 for key, value in self.headers.items())
        request = Request(self.command, unquote(parts.path), parse_qs(parts.query), headers, body, size)
        answered = self.world.answer(request)
        if self.world.fault is None:
            self.write(answered)
            return
        response = self.world.fault(request, answered)
        if response is not None:
            kept = {name: answered.headers[name] for name in ("Date", "X-Simulated-Time")}
            response.headers = kept | response.headers
        self.write(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def write(self, response: Response | None) -> None:
        """The one place where a response goes out. None hangs up."""
        if response is None:
            self.close_connection = True
            return
        response = self._packed(response)
        headers = {"Content-Length": str(len(response.body))} | response.headers
        headers = {name: value for name, value in headers.items() if value}
        head = f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        # One write: two would meet Nagle's algorithm and delayed acknowledgement, 40 ms a response.
        self.wfile.write(head.encode("latin-1") + b"\r\n" + response.body[: response.cut_after])
        if response.cut_after is not None:
            self.close_connection = True

    def _packed(self, response: Response) -> Response:
        """As the three vendors answer whoever asks for gzip; a response that was made to break goes out as it was made."""
        is_asked = "gzip" in self.headers.get("Accept-Encoding", "")
        is_made_so = response.cut_after is not None or response.headers.keys() & {"Content-Encoding", "Content-Length"}
        if not is_asked or is_made_so or len(response.body) < _WORTH_PACKING:
            return response
        packed = gzip.compress(response.body, _LEVEL, mtime=0)
        return replace(response, body=packed, headers=response.headers | {"Content-Encoding": "gzip"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Nothing: a demonstration prints its own progress."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World, port: int) -> None:
        handler = type("Handler", (_Handler,), {"world": world})
        try:
            super().__init__(("127.0.0.1", port), handler)
        except (OSError, OverflowError) as taken:
            raise BadSetting(
                f"Port {port} cannot be opened: {str(taken).rstrip('.')}. Choose another with --port, or 0."
            ) from None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@dataclass
class Simulation:
    """A running server, as a test sees it."""

    url: str
    token: str
    world: World

    @property
    def company(self) -> Company:
        """The company behind it."""
        return self.world.company

    @property
    def home(self) -> Path:
        """Its folder: `truth/`, `files/`."""
        return self.world.home

    def advance(self, night: int) -> None:
        """Go on to a night without a request."""
        with self.world.lock:
            self.world.advance(night)


def serve(
    home: Path,
    size: str | int = "small",
    seed: int = 7,
    night: int = 1,
    port: int = 0,
    token: str = "",
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until interrupted; `ready` is called with the URL once the port listens. Raises BadSetting."""
    if not isinstance(size, int) and size not in SIZES:
        raise BadSetting(f"There is no size {size!r}. Choose one of: {', '.join(SIZES)}.")
    with _Server(make_world(home, size, seed, night, token), port) as server:
        if ready is not None:
            ready(server.url)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return


@contextmanager
def start(
    home: Path,
    size: str | int = "small",
    seed: int = 7,
    night: int = 1,
    port: int = 0,
    token: str = "simulated-token",  # noqa: S107 - the token of a simulator
    fault: Fault | None = None,
    history_days: int = HISTORY_DAYS,
) -> Iterator[Simulation]:
    """The same in a thread, for tests; `size` may be a number of deals."""
    world = make_world(home, size, seed, night, token, history_days)
    world.fault = fault
    with _Server(world, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield Simulation(server.url, token, world)
        finally:
            server.shutdown()
            thread.join()
