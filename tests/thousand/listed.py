"""Raw beside the truth where one record is no entity of the log: the stages and exchange rates that an administrator sets, listed whole every night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.pipedrive.identities import STAGE_ID, pipeline_id
from simulator.pipelines import PIPELINE_CODE, STAGES
from simulator.rates import HOME_CURRENCY
from tests.thousand.lives import Life, Lives, in_force, instant, standing, states_between
from tests.thousand.raw import Compared, Raw

Fact = tuple[object, ...]


@dataclass(frozen=True)
class Listed:
    """One table: what a payload says, and what the CRM shows of a life (by its number). `always`: what it shows besides, whatever happens."""

    kind: str
    table: str
    says: Callable[[dict[str, Any]], Iterable[Fact]]
    shows: Callable[[int, Life], Iterable[Fact]]
    always: tuple[Fact, ...] = ()


def _rates(life: Life) -> list[tuple[str, str, float]]:
    """The rates of one currency so far: the day from which each counts, the instant, units of the home currency."""
    return [
        (f"{event.happened:%Y-%m-%d}", f"{event.happened:%Y-%m-%dT%H:%M:%S}", float(event.new or 0))
        for event in life
        if event.field == "rate"
    ]


def _inverse(rate: float) -> float:
    # Salesforce tells how many units of a currency one of the org's own is worth.
    return round(1 / rate, 6)


def _code(number: int) -> str:
    # The log numbers currencies in the order of their codes.
    return ("GBP", "USD")[number]


def _dated(number: int, life: Life) -> Iterator[Fact]:
    rates = _rates(life)
    ends = [*(day for day, _, _ in rates[1:]), "9999-12-31"]
    for (day, _, rate), end in zip(rates, ends, strict=True):
        yield _code(number), day, end, _inverse(rate)


def _newest(number: int, life: Life) -> Iterator[Fact]:
    for _, _, rate in _rates(life)[-1:]:
        yield _code(number), _inverse(rate)


def _is_there(life: Life) -> bool:
    return standing(life).kind == "created"


def _hubspot_stage(number: int, life: Life) -> Iterator[Fact]:
    if _is_there(life):
        yield STAGES[number].pipeline, STAGES[number].id, in_force(life)["name"]


def _pipedrive_stage(number: int, life: Life) -> Iterator[Fact]:
    # Won and lost are no stages there.
    if _is_there(life) and STAGES[number].kind == "open":
        yield pipeline_id(PIPELINE_CODE[STAGES[number].pipeline]), STAGE_ID[number], in_force(life)["name"]


LISTED: Mapping[str, tuple[Listed, ...]] = {
    "hubspot": (
        Listed(
            "exchange_rate", "exchange_rates",
            lambda said: [(said["fromCurrencyCode"], said["toCurrencyCode"], instant(said["effectiveAt"]), said["conversionRate"])],
            lambda number, life: [(_code(number), HOME_CURRENCY, instant(at), rate) for _, at, rate in _rates(life)],
        ),
        Listed(
            "stage", "deal_pipelines",
            lambda said: [(said["id"], stage["id"], stage["label"]) for stage in said["stages"]],
            _hubspot_stage,
        ),
    ),
    "salesforce": (
        Listed(
            "exchange_rate", "dated_conversion_rates",
            lambda said: [(said["IsoCode"], said["StartDate"], said["NextStartDate"], said["ConversionRate"])],
            _dated,
        ),
        Listed(
            "exchange_rate", "currency_types", lambda said: [(said["IsoCode"], said["ConversionRate"])], _newest, ((HOME_CURRENCY, 1),)
        ),
        Listed(
            "stage", "opportunity_stages",
            lambda said: [(said["ApiName"], said["MasterLabel"], said["IsActive"])],
            lambda number, life: [(STAGES[number].name, in_force(life)["name"], _is_there(life))],
        ),
    ),
    "pipedrive": (
        # It knows which currencies there are, and no rate.
        Listed(
            "exchange_rate", "currencies", lambda said: [(said["code"],)], lambda number, life: [(_code(number),)], ((HOME_CURRENCY,),)
        ),
        Listed("stage", "stages", lambda said: [(said["pipeline_id"], said["id"], said["name"])], _pipedrive_stage),
    ),
}  # fmt: skip


def compare(raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """Every list of every CRM, whole."""
    for crm, lists in LISTED.items():
        for each in lists:
            name = f"{crm}__{each.table}"
            night = raw.asked(name)[-1]
            held = Counter(
                fact
                for record in raw.records(name).values()
                if not record.is_deleted
                for fact in each.says(record.payload)
            )
            found.entities[f"{crm} {each.kind}"] += held.total()
            expected = [Counter(each.always)]
            for number, life in lives.of[each.kind].items():
                states = [state for state in states_between(life, night.through, night.until) if state]
                shown = list({tuple(each.shows(number, state)): None for state in states})
                found.events += len(life)
                expected = [before + Counter(facts) for before in expected for facts in shown]
            if held not in expected:
                last = expected[-1]
                yield f"{crm} {each.kind} ({each.table}): too much {dict(held - last)}, missing {dict(last - held)}"
