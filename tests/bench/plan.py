"""Which models make up which row of the table. Found by name and by who reads whom, so that a new model joins by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.statements import Model, Recording

VISITS = "fct_deal_stage_visits"
TRANSITIONS = "fct_deal_stage_transitions"
#: the changes put together to steps, from which transitions, versions and movements are read
STEPS = "fct_deal_steps"
DAILY = "mart_sales__pipeline_daily"
#: what the daily pipeline adds up begins with this; other marts read it too
CHANGES_OF = "mart_sales__pipeline_changes"
FUNNEL = "mart_sales__funnel"
#: the five heavy questions: visits, daily pipeline, ordered funnel, dwell quantiles, waterfall
HEAVY = (VISITS, DAILY, FUNNEL, "mart_sales__time_in_stage", "mart_sales__pipeline_waterfall")


@dataclass(frozen=True)
class Plan:
    """The models by name, in dbt's order."""

    models: dict[str, Model]

    @classmethod
    def of(cls, recording: Recording) -> Plan:
        return cls({model.name: model for model in recording.models})

    @property
    def facts(self) -> tuple[str, ...]:
        return tuple(name for name, model in self.models.items() if model.layer == "core" and name.startswith("fct_"))

    @property
    def marts(self) -> tuple[str, ...]:
        return tuple(name for name, model in self.models.items() if model.layer == "marts")

    @property
    def first_half(self) -> tuple[Model, ...]:
        """Staging, intermediate, the core facts and what these read."""
        wanted = {name for name, model in self.models.items() if model.layer in ("staging", "intermediate")}
        wanted |= {*self.facts} | self.behind(self.facts, layers=("core",))
        return tuple(model for name, model in self.models.items() if name in wanted)

    @property
    def second_half(self) -> tuple[Model, ...]:
        """Everything else: dimensions and marts."""
        first = {model.name for model in self.first_half}
        return tuple(model for name, model in self.models.items() if name not in first)

    def behind(self, names: Iterable[str], layers: tuple[str, ...]) -> set[str]:
        """All models of these layers that `names` read, directly or not."""
        found: set[str] = set()
        for name in names:
            for parent in self.models[name].parents:
                if parent in self.models and self.models[parent].layer in layers and parent not in found:
                    found |= {parent} | self.behind([parent], layers)
        return found

    def daily(self) -> tuple[str, ...]:
        """The daily pipeline and the marts of its own steps behind it; those that describe stages are not."""
        mine = {DAILY, *(name for name in self.models[DAILY].parents if name.startswith(CHANGES_OF))}
        return tuple(name for name in self.models if name in mine)

    def funnel(self) -> tuple[str, ...]:
        """The ordered funnel and all marts behind it."""
        wanted = {FUNNEL} | self.behind([FUNNEL], layers=("marts",)) if FUNNEL in self.models else set()
        return tuple(name for name in self.models if name in wanted)

    def heavy(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The models of the five heavy questions with all marts behind them, and the names that no model has (yet)."""
        there = [name for name in HEAVY if name in self.models]
        wanted = {*there} | self.behind(there, layers=("marts",))
        return tuple(name for name in self.models if name in wanted), tuple(n for n in HEAVY if n not in self.models)

    def models_of(self, groups: Iterable[str]) -> set[str]:
        """The facts and marts that the groups of rows measure on their own."""
        parts = {
            "ledger": (*self.facts, *self.marts),
            "visits": (STEPS, TRANSITIONS, VISITS),
            "daily": self.daily(),
            "funnel": self.funnel(),
            "heavy": (*self.heavy()[0], *self.facts_behind_heavy()),
        }
        return {name for group in groups for name in parts.get(group, ())}

    def facts_behind_heavy(self) -> tuple[str, ...]:
        """The core facts that the heavy five read, the changes themselves (the events) left out."""
        there = [name for name in HEAVY if name in self.models]
        found = self.behind(there, layers=("marts", "core"))
        return tuple(n for n in self.facts if n in found and n not in (VISITS, "fct_deal_changes", "fct_activities"))
