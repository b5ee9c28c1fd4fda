"""MetricFlow on a published file, by its own command `mf query`."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2] / "dbt_project" / "semantic"
TIME = "metric_time__quarter"


class LayerError(Exception):
    """The semantic layer is not installed, cannot be parsed, or could not answer: the sentence says what its command said."""


@dataclass(frozen=True)
class Layer:
    """A copy of the semantic project, parsed, over one published file."""

    folder: Path
    marts: Path

    def ask(self, metrics: Sequence[str], split: str | None = None) -> list[dict[str, str]]:
        """One `mf query` per quarter, and by one dimension of a semantic model (`split`) where one is named: rows by column, all as text, empty = null."""
        answer = self.folder / "answer.csv"
        by = TIME if split is None else f"{TIME},{split}"
        self._run("mf", "query", "--metrics", ",".join(metrics), "--group-by", by, "--csv", str(answer))
        with answer.open(newline="") as lines:
            return list(csv.DictReader(lines))

    def _run(self, command: str, *arguments: str) -> None:
        program = Path(sys.executable).parent / command
        if not program.exists():
            raise LayerError(f"{command} is not installed: make .venv/.installed-semantic")
        environment = {
            **os.environ,
            "DBT_PROJECT_DIR": str(self.folder),
            "DBT_PROFILES_DIR": str(self.folder),
            "WATERTIGHT_PUBLISHED_FILE": str(self.marts),
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [str(program), *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LayerError(f"{command} {' '.join(arguments)}: {done.stdout[-2000:]} {done.stderr[-2000:]}")


def prepare(place: Path, marts: Path) -> Layer:
    """The project copied to `place` and parsed, so that nothing is written beside the sources. Raises LayerError."""
    shutil.copytree(PROJECT, place, ignore=shutil.ignore_patterns("target", "logs"))
    layer = Layer(place, marts)
    layer._run("dbt", "parse", "--no-partial-parse")
    return layer


def split_by_metric() -> dict[str, str | None]:
    """Every metric of the semantic YAML that can be asked for, and the dimension that stands for `stage` where it has one."""
    described = yaml.safe_load((PROJECT / "models" / "_semantic.yml").read_text())
    splits: dict[str, str | None] = {}
    for model in described["semantic_models"]:
        has_stages = any(each["name"] == "stage_key" for each in model["dimensions"])
        for measure in model["measures"]:
            splits[measure["name"]] = f"{model['primary_entity']}__stage_key" if has_stages else None
    for metric in described["metrics"]:
        splits[metric["name"]] = splits[metric["type_params"]["numerator"]]
    return splits
