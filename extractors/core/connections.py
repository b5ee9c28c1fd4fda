"""One connection per source and run, as far as the run stays in one process.

What a connection learns (account, session, which fields there are) is good for all resources of the night. Where every resource has a process of its
own, as Airflow's tasks have, each connects for itself: an access token is never written down or handed on.
"""

from __future__ import annotations

from extractors.core.settings import Settings
from extractors.core.spec import Connection, Source


class Connections:
    """The connections of one run; the next run makes its own, since fields and permissions may have changed by then."""

    def __init__(self) -> None:
        self._held: dict[str, Connection] = {}

    def to(self, source: Source, settings: Settings) -> Connection:
        """The source's connection, its client counting from zero. Sources without HTTP learn nothing that is worth keeping."""
        held = self._held.get(source.name)
        if held is None:
            held = source.connect(settings)
            if held.client is not None:
                self._held[source.name] = held
        elif held.client is not None:
            held.client.begin()
        return held

    def forget(self, source: Source) -> None:
        """After a failure: a try begins with a connection of its own."""
        self._held.pop(source.name, None)
