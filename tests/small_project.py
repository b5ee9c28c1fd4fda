"""A dbt project of a few models beside the real one's macros and connections, for tests of the night's way and not of its marts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from warehouse import build
from watertight import erasure, night

_REAL = Path(__file__).parents[1] / "dbt_project"

_SETTINGS = """name: watertight
version: 1.0.0
profile: watertight
flags: {send_anonymous_usage_stats: false}
vars: {timezone: UTC, currency: EUR, constant_rate_date: '', funnel_preset: eight_steps}
models: {+materialized: table}
"""


def write(folder: Path, models: Mapping[str, str]) -> None:
    """Writes the project into `folder`, which must not be there yet; `models`: file name → text."""
    (folder / "models").mkdir(parents=True)
    shutil.copy(_REAL / "profiles.yml", folder)
    shutil.copytree(_REAL / "macros", folder / "macros")
    (folder / "dbt_project.yml").write_text(_SETTINGS)
    for name, text in models.items():
        (folder / "models" / name).write_text(text)


def page(marts: Path) -> str:
    """Stands in for the dashboard, which needs other marts than these."""
    return f"<!doctype html><title>{marts.name}</title>"


@contextmanager
def in_force(project: Path) -> Iterator[None]:
    """Builds of this process use the project, and the page is a few words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "DBT_PROJECT", project)
        patch.setattr(night, "make_page", page)
        patch.setattr(erasure, "make_page", page)
        yield
