"""Secrets from Airflow's Connections: `<source>_default` where it exists, the environment otherwise.

Login, password, host and schema of the connection become the source's settings of the matching names (`hubspot_token`, `tryton_url`,
`salesforce_client_id` …), so that a new source needs nothing here. They never enter XCom: every task reads them for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from extractors.core.settings import Settings, read_settings


class Connection(Protocol):
    """The parts of an Airflow connection that are used."""

    login: str | None
    password: str | None
    host: str | None
    port: int | None
    schema: str | None


def settings_from_connections(sources: Iterable[str], find: Callable[[str], Connection | None]) -> Settings:
    """The settings, each source's own taken from its connection when `find` gives one. Raises ConfigurationError."""
    overrides: dict[str, Any] = {}
    for source in sources:
        connection = find(f"{source}_default")
        if connection is not None:
            found = {
                f"{source}_token": connection.password,
                f"{source}_password": connection.password,
                f"{source}_user": connection.login,
                f"{source}_client_id": connection.login,
                f"{source}_client_secret": connection.password,
                f"{source}_database": connection.schema,
                f"{source}_url": _url(connection),
            }
            overrides |= {name: value for name, value in found.items() if value and name in Settings.model_fields}
    return read_settings(**overrides)


def _url(connection: Connection) -> str | None:
    """Airflow wants a bare host, people type an address: both are taken; without a scheme it is https."""
    if not connection.host:
        return None
    scheme, separator, host = connection.host.rpartition("://")
    return f"{scheme if separator else 'https'}://{host}" + (f":{connection.port}" if connection.port else "")
