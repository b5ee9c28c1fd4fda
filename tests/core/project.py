"""dbt on the project in this process; the project is read once for each set of variables, whatever the warehouse."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

PROJECT = Path(__file__).parents[2] / "dbt_project"
#: nothing is told or written that no test reads
_QUIET = ("--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-use-colors")
#: the projects read last, by their folder and variables
_manifests: dict[tuple[str, str], Manifest] = {}
_KEPT = 4


def run_dbt(arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Any:
    """Runs dbt with its three files and its target in `folder`; returns its result object."""
    os.environ |= {
        f"WATERTIGHT_{name.upper()}_FILE": str(folder / f"{name}.duckdb") for name in ("warehouse", "marts", "detail")
    }
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    places = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--vars", json.dumps(variables or {}),
              "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"))  # fmt: skip
    try:
        return dbtRunner(manifest=_manifest([*places, *_QUIET])).invoke([*arguments, *places, *_QUIET])
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        reset_adapters()  # type: ignore[no-untyped-call]


def shared_runner(arguments: Sequence[str], callbacks: list[Callable[[EventMsg], None]]) -> dbtRunner:
    """What warehouse.build runs dbt with, the reading of the project left out where this process has read it with the same variables."""
    if not (Path(arguments[arguments.index("--project-dir") + 1]) / "seeds").exists():
        return dbtRunner(callbacks=callbacks)  # a project of a few models, which a test may change
    names = ("--project-dir", "--profiles-dir", "--vars", "--target-path", "--log-path")
    places = [word for name in names for word in (name, arguments[arguments.index(name) + 1])]
    return dbtRunner(manifest=_manifest([*places, *_QUIET]), callbacks=callbacks)


def _manifest(options: Sequence[str]) -> Manifest | None:
    """The project as dbt reads it; None when it cannot, and whoever builds then is told why. A run leaves its compiled SQL in a manifest: each has a copy."""
    read = (options[options.index("--project-dir") + 1], options[options.index("--vars") + 1])
    manifest = _manifests.pop(read, None) or dbtRunner().invoke(["parse", *options]).result
    if not isinstance(manifest, Manifest):
        return None
    _manifests[read] = manifest
    if len(_manifests) > _KEPT:
        _manifests.pop(next(iter(_manifests)))  # a manifest is a hundred megabytes
    return manifest.deepcopy()
