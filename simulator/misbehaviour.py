"""What goes wrong on the way to a CRM, from a seed: the answers of a `Misbehaviour` are those of a bad day at the vendor.

Each request is drawn on by its own number, so the same seed and the same requests misbehave alike. Of the two groups of faults
`PASSING` ones leave the next try alone, and a client that asks again loses nothing; `STAYING` ones give the same wrong answer every
time, and a client must refuse it and land nothing.
"""

from __future__ import annotations

import gzip
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from simulator.hubspot.answers import Request, Response

Change = Callable[[Request, Response], Response | None]


def _status(code: int, **headers: str) -> Change:
    return lambda request, response: Response(code, b'{"message": "not now"}', dict(headers))


def _body(body: bytes, kind: str = "application/json") -> Change:
    return lambda request, response: Response(200, body, {"Content-Type": kind})


def _cut(share: float, *, stated: bool = True) -> Change:
    def change(request: Request, response: Response) -> Response:
        length = {"Content-Length": str(len(response.body)) if stated else ""}
        after = int(len(response.body) * share)
        return Response(response.status, response.body, response.headers | length, cut_after=after)

    return change


def _cut_gzip(request: Request, response: Response) -> Response:
    """Eight bytes short: the trailer with length and checksum is what is missing, and many a client never looks."""
    packed = gzip.compress(response.body, mtime=0)
    headers = response.headers | {"Content-Encoding": "gzip", "Content-Length": ""}
    return Response(response.status, packed, headers, cut_after=len(packed) - 8)


def _hang_up(request: Request, response: Response) -> None:
    return None


#: name → what becomes of one answer; H numbers as in docs/reliability.md
PASSING: Mapping[str, Change] = {
    "H01 too many requests, in seconds": _status(429, **{"Retry-After": "2"}),
    "H01 too many requests, no time given": _status(429),
    "H01 too many requests, absurd time": _status(429, **{"Retry-After": "1000000000"}),
    "H01 too many requests, negative time": _status(429, **{"Retry-After": "-5"}),
    "H02 internal error": _status(500),
    "H02 bad gateway": _status(502),
    "H02 unavailable": _status(503),
    "H02 gateway timeout": _status(504),
    "H04 hung up before the head": _hang_up,
    "H05 cut body": _cut(0.5),
    "H06 cut body without length": _cut(0.7, stated=False),
    "H06 gzip without its trailer": _cut_gzip,
    "H08 half a document": _body(b'{"results": [{"id": "1"'),
    "H08 no number": _body(b'{"results": NaN}'),
    "H09 page of a captive portal": _body(b"<html>Welcome to the hotel</html>", "text/html"),
    "H09 nothing at all": _body(b""),
}
STAYING: Mapping[str, Change] = {
    "H02 unavailable for ever": _status(503),
    "H08 another document": _body(b'{"results": 7}'),
    "H09 empty list of another shape": _body(b"[]"),
}


class Misbehaviour:
    """A fault for `simulator.server.start`: misbehaves in `share` of the answers to paths that begin with one of `paths`.

    Never twice in a row for one request, as asking again would otherwise be a matter of luck. `happened` counts by name.
    """

    def __init__(
        self, seed: int, share: float, paths: Iterable[str] = ("/",), faults: Mapping[str, Change] = PASSING
    ) -> None:
        self.share = share
        self.happened: Counter[str] = Counter()
        self._chance = random.Random(seed)  # noqa: S311 - draws faults, keeps no secret
        self._paths = tuple(paths)
        self._faults = tuple(faults.items())
        self._just_failed: set[tuple[str, str, bytes]] = set()
        self._lock = threading.Lock()

    def __call__(self, request: Request, response: Response) -> Response | None:
        """The answer as it goes out; None hangs up."""
        question = (request.method, f"{request.path}?{request.query}", request.body)
        with self._lock:
            draw, which = self._chance.random(), self._chance.randrange(len(self._faults))
            if question in self._just_failed:
                self._just_failed.discard(question)
                return response
            if (
                draw >= self.share
                or not request.path.startswith(self._paths)
                or request.path.startswith("/_simulator/")
            ):
                return response
            name, change = self._faults[which]
            self.happened[name] += 1
            self._just_failed.add(question)
        return change(request, response)
