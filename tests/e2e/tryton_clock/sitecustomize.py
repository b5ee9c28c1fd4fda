"""Gives the Tryton server, and no other process, a clock that the test can set: real time plus the seconds in a file.

Python runs this module at the start of any process that has this folder on its path. Tryton stamps its records with
`datetime.datetime.now()` and its answers with `time.time()`; both then tell the same simulated time, so that a life of weeks can be lived
within seconds and every instant in it is still one that the server itself wrote.
"""

import datetime
import os
import time

_OFFSET_FILE = os.environ["TRYTON_CLOCK_FILE"]
_real_time = time.time


def _offset() -> float:
    with open(_OFFSET_FILE, encoding="ascii") as file:
        return float(file.read())


class _ShiftedDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=_offset())

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.UTC).replace(tzinfo=None)


time.time = lambda: _real_time() + _offset()
datetime.datetime = _ShiftedDatetime
