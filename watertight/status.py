"""How things stand, told without touching the file that a running night writes."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.core.landing import MANIFEST, read_manifest
from extractors.core.settings import Settings
from warehouse import lease
from warehouse.build import last_build
from warehouse.publish import published_run


def read(settings: Settings) -> dict[str, Any]:
    """`{"home", "is_demonstration", "lease", "published_run", "published_file", "last_build", "resources"}`, JSON-able."""
    record = lease.read(settings.home)
    built = last_build(settings)
    run_id = published_run(settings)
    return {
        "home": str(settings.home),
        "is_demonstration": settings.home != settings.home_dir.expanduser().resolve(),
        "lease": lease.as_dict(record) if record else None,
        "published_run": run_id,
        "published_file": str(settings.published_dir / "marts.duckdb") if run_id else None,
        "last_build": {
            "run_id": built.run_id,
            "tests": built.count("test"),
            "warned": built.count("test", "warn"),
            "failed": [node.name for node in built.failed],
            "findings": list(built.findings),
        }
        if built
        else None,
        "resources": _resources(settings),
    }


def show(console: Console, found: dict[str, Any]) -> None:
    """The same for a person."""
    console.print(Text("home       "), Text(found["home"] + (" (demonstration)" if found["is_demonstration"] else "")))
    record = found["lease"]
    if record is None:
        console.print("runs       none yet. Start one: make nightly, or watertight nightly")
    elif record["is_free"]:
        console.print(f"last run   {record['run_id']}, nobody writes now")
    else:
        console.print(
            f"writing    run {record['run_id']} since {record['taken_at']} (process {record['pid']} on {record['host']})"
        )
    console.print(
        "published ",
        Text(f"run {found['published_run']}: {found['published_file']}" if found["published_run"] else "nothing yet"),
    )
    built = found["last_build"]
    if built:
        console.print(f"tests      {built['tests']} ran, {built['warned']} warned, {len(built['failed'])} failed")
        for finding in built["findings"]:
            console.print(Text(f"           {finding}", "yellow"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "account", "resource", "landed up to", "rows"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for resource in found["resources"]:
        table.add_row(
            *(Text(str(resource[name])) for name in ("source", "account", "resource", "data_through", "rows"))
        )
    if found["resources"]:
        console.print(table)


def _resources(settings: Settings) -> list[dict[str, Any]]:
    """The newest landing of every resource."""
    newest: dict[tuple[str, ...], str] = {}
    for path in settings.landing_dir.glob(f"*/*/*/*/{MANIFEST}"):
        resource, run_id = path.parent.parts[-4:-1], path.parent.name
        newest[resource] = max(run_id, newest.get(resource, ""))
    found = []
    for resource, run_id in sorted(newest.items()):
        manifest = read_manifest(settings.landing_dir.joinpath(*resource, run_id, MANIFEST)).manifest
        found.append({
            "source": manifest.source_system,
            "account": manifest.account,
            "resource": manifest.resource,
            "run_id": manifest.run_id,
            "data_through": manifest.data_through,
            "rows": manifest.rows,
        })  # fmt: skip
    return found
