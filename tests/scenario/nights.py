"""The company's three nights as the product loads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extractors.core.settings import Settings
from tests.scenario.expectations import FOLDER, settings
from watertight import night as steps


def load_nights(home: Path) -> Iterator[tuple[Settings, str]]:
    """Loads one night's folder after the other into `home`; after each, its settings and the run's id. The lease is the caller's until the next."""
    for folder in (*sorted((FOLDER / "earlier").iterdir()), FOLDER / "company"):
        current = Settings(home_dir=home, files_dir=folder, simulated_time=True, _env_file=None, **settings())  # type: ignore[arg-type]
        current.home.mkdir(parents=True, exist_ok=True)
        plan = steps.plan(current, ["files"], one_process=True)
        for task in plan["tasks"]:
            steps.extract(current, task)
        steps.load(current, plan["run_id"])
        yield current, plan["run_id"]
        steps.give_up(current, plan["run_id"])
