"""Errors, grouped by what to do next.

Every error a person can meet carries one sentence that says what is wrong and where, and one that says what to do; the command
prints exactly that and leaves with `exit_code`. Secrets never enter either sentence.
"""

from __future__ import annotations


class WatertightError(Exception):
    """Something is wrong and the run stops; the old publication stays. Retrying at once does not help."""

    exit_code = 1

    def __init__(self, wrong: str, mend: str = "") -> None:
        super().__init__(f"{wrong} {mend}".strip())
        self.wrong = wrong
        self.mend = mend


class ConfigurationError(WatertightError):
    """A setting, token, source name or argument is wrong: a person mends it, no retry does."""

    exit_code = 2


class DiskError(WatertightError):
    """This machine's disk is full or broken: a person makes room, and nothing is lost."""


class TransientError(WatertightError):
    """The other side or the network failed for now: the same call may succeed later."""


class BusyError(TransientError):
    """Another process is at the same work: the same call may succeed when that one has ended."""

    exit_code = 3


class IntegrityError(WatertightError):
    """What arrived is not what was announced (short body, wrong hash, lost rows): nothing of it is kept."""


class LeaseError(WatertightError):
    """Another run holds the warehouse."""

    exit_code = 3
