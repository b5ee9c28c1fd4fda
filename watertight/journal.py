"""One log file per run, with everything in it but secrets."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from extractors.core.settings import Settings
from warehouse.database import plain_errors

_SHOWN_INSTEAD = "•••"


class WithoutSecrets(logging.Formatter):
    """Formats a record, its traceback included, and blanks every secret of the settings in the result."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        values = [getattr(settings, name) for name in type(settings).model_fields]
        self._secrets = [
            value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()
        ]

    def format(self, record: logging.LogRecord) -> str:
        """The line, without secrets."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, _SHOWN_INSTEAD)
        return text


class Journal(logging.FileHandler):
    """A log file whose own trouble, a full disk above all, is not shown in place of the run's."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the standard library's name)
        """Nothing: the run meets the same disk and says so itself."""

    def close(self) -> None:
        """Closes the file; lines that the disk no longer took are lost."""
        with suppress(OSError):
            super().close()


def open_journal(settings: Settings, name: str) -> tuple[Path, logging.Handler]:
    """Creates `<home>/logs/<instant>_<name>_<process>.log` (0600) and a handler that writes to it."""
    path = settings.log_dir / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{name}_{os.getpid()}.log"
    with plain_errors(settings.log_dir):
        settings.log_dir.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    handler = Journal(path, delay=True)
    handler.setFormatter(WithoutSecrets(settings))
    return path, handler
