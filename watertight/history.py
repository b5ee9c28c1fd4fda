"""What the nights so far landed, told by their manifests alone: they lie still while a running night holds the warehouse."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from extractors.core.cursor import parse_instant
from extractors.core.landing import MANIFEST, Manifest, read_manifest
from extractors.core.meter import Quota
from extractors.core.settings import Settings

#: (source, account, resource)
Name = tuple[str, str, str]


def landed(settings: Settings, newest: int, source: str = "*") -> dict[Name, list[Manifest]]:
    """The newest landings of every resource, oldest first, `newest` of each at most."""
    runs: dict[Name, list[str]] = defaultdict(list)
    for path in settings.landing_dir.glob(f"{source}/*/*/*/{MANIFEST}"):
        system, account, resource, run_id = path.parent.parts[-4:]
        runs[system, account, resource].append(run_id)
    return {
        name: [read_manifest(settings.landing_dir.joinpath(*name, run_id, MANIFEST)).manifest for run_id in sorted(some)[-newest:]]
        for name, some in sorted(runs.items())
    }  # fmt: skip


@dataclass(frozen=True)
class Account:
    """One account's newest run, all of its resources together; instants are aware, UTC.

    `reaches_to` is how far the resource that lags most does, `asked_at` the source's own clock when the run began, `listed_at` when
    the ids of the resource that was listed longest ago were last compared; None where nothing is.
    """

    source: str
    account: str
    run_id: str
    requests: int
    spent: Counter[str]
    quota: Quota | None
    rows: int
    reaches_to: datetime
    asked_at: datetime
    listed_at: datetime | None


def newest_runs(manifests: Iterable[Manifest]) -> list[Account]:
    """One entry per account, in the order of their names."""
    by_account: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        by_account[manifest.source_system, manifest.account].append(manifest)
    found = []
    for (source, account), some in sorted(by_account.items()):
        run_id = max(one.run_id for one in some)
        run = [one for one in some if one.run_id == run_id]
        spent: Counter[str] = Counter()
        for one in run:
            spent.update(one.spent)
        told = [one.quota for one in run if one.quota is not None]
        swept = [parse_instant(one.extracted_at) for one in some if one.sweep_of]
        found.append(
            Account(
                source,
                account,
                run_id,
                sum(one.requests for one in run),
                spent,
                # Within a night what is left only falls.
                min(told, key=lambda quota: quota.left, default=None),
                sum(one.rows for one in run),
                min(parse_instant(one.data_through) for one in run),
                min(parse_instant(one.extracted_at) for one in run),
                min(swept, default=None),
            )
        )
    return found
