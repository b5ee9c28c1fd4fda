"""Staying within what a source allows: so many requests in so many seconds, per bucket."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from extractors.core.clock import Clock


@dataclass(frozen=True)
class Bucket:
    """At most `requests` in any `seconds`. `remaining` reads an answer's headers: (requests left, seconds until there are more)."""

    name: str
    requests: int
    seconds: float
    remaining: Callable[[Mapping[str, str]], tuple[int, float] | None] | None = None


class Allowance:
    """Counts one bucket's requests in the clock's own time and waits before one too many. Threads may share it."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock
        self._turn = threading.Lock()
        self._sent: deque[float] = deque()
        self._closed_until = 0.0

    def wait(self) -> None:
        """Returns once another request may be sent, and counts it."""
        # Whoever waits keeps its turn: the others would have to wait for the same moment.
        with self._turn:
            while (delay := self._delay()) > 0:
                self._clock.sleep(max(delay, 0.001))
            self._sent.append(self._clock.monotonic())

    def see(self, headers: Mapping[str, str]) -> None:
        """Closes the bucket for a while when the source says that nothing is left."""
        said = self._bucket.remaining(headers) if self._bucket.remaining else None
        if said is not None and said[0] <= 0:
            self._closed_until = self._clock.monotonic() + said[1]

    def _delay(self) -> float:
        now = self._clock.monotonic()
        while self._sent and self._sent[0] <= now - self._bucket.seconds:
            self._sent.popleft()
        full = self._sent[0] + self._bucket.seconds - now if len(self._sent) >= self._bucket.requests else 0.0
        return max(full, self._closed_until - now)
