"""What is removed because of its age: publications but the newest, and logs. Landings stay, for the warehouse is rebuilt from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from extractors.core.settings import Settings
from warehouse.database import plain_errors
from warehouse.publish import published_run

_INSTANT = "%Y%m%dT%H%M%SZ"


def expire(settings: Settings, now: datetime | None = None) -> list[str]:
    """Removes what is older than `keep_publication_days` and `keep_log_days`; returns the names of the files, oldest first.

    A publication is as old as its run's id says, a log as its name says: what was copied or touched since grows no younger. Whoever has
    an expired publication open reads it to the end.
    """
    now = now or datetime.now(UTC)
    current = published_run(settings)
    expired = []
    if settings.keep_publication_days is not None:
        since = now - timedelta(days=settings.keep_publication_days)
        expired += [
            path
            for path in settings.published_dir.glob("*_*.*")
            if not path.is_symlink()
            and (current or "_") not in path.name
            and _is_before(path.stem.rpartition("_")[2], since)
        ]
    if settings.keep_log_days is not None:
        since = now - timedelta(days=settings.keep_log_days)
        expired += [path for path in settings.log_dir.glob("*_*.log") if _is_before(path.name, since)]
    return [_remove(path) for path in sorted(expired, key=lambda path: path.name)]


def _is_before(name: str, since: datetime) -> bool:
    try:
        return datetime.strptime(name[:16], _INSTANT).replace(tzinfo=UTC) < since
    except ValueError:
        return False


def _remove(path: Path) -> str:
    with plain_errors(path):
        path.unlink()
    return path.name
