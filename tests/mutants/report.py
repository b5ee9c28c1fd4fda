"""The proof in tables: what became of the mutants, by kind, by model, by test, and every survivor with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from tests.mutants.explanations import reason_for
from tests.mutants.outcome import Outcome

#: shares of the mutants that are not equivalent
WANTED_DEAD = 0.95
WANTED_SEEN = 0.80


def is_equivalent(outcome: Outcome) -> bool:
    """It changes no row of any company, and there is a reason why it changes none of any."""
    found = reason_for(outcome.mutant)
    return not outcome.has_effect and not outcome.is_dead and found is not None and found.is_equivalent


def shares(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Of the mutants that are not equivalent: the share that anybody notices, the share that the shipped data tests alone notice."""
    judged = [outcome for outcome in outcomes if not is_equivalent(outcome)]
    if not judged:
        return 0.0, 0.0
    return sum(each.is_dead for each in judged) / len(judged), sum(each.is_seen for each in judged) / len(judged)


def is_proved(outcomes: Sequence[Outcome]) -> bool:
    """Both goals are met and every survivor is explained."""
    dead, seen = shares(outcomes)
    return dead >= WANTED_DEAD and seen >= WANTED_SEEN and not unexplained(outcomes)


def unexplained(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The survivors nobody has given a reason for."""
    return [each for each in outcomes if not each.is_dead and reason_for(each.mutant) is None]


def summary(outcomes: Sequence[Outcome], sites: int, seed: int, seconds: float) -> str:
    """The totals."""
    judged = [outcome for outcome in outcomes if not is_equivalent(outcome)]
    dead, seen = shares(outcomes)
    refused = sum(each.is_refused for each in judged)
    rows = [
        ("mutants tried", f"{len(outcomes)} (seed {seed}) of {sites} that the operators offer"),
        ("equivalent: no row of any company can differ", f"{len(outcomes) - len(judged)}"),
        ("judged", f"{len(judged)}"),
        (
            "noticed by the shipped data tests and contracts alone",
            f"{sum(each.is_seen for each in judged)} ({seen:.1%})",
        ),
        ("… of these kept from publication (an error, not a warning)", f"{refused} ({_share(refused, len(judged))})"),
        (
            "noticed by them, the repository's tests or the oracle",
            f"{sum(each.is_dead for each in judged)} ({dead:.1%})",
        ),
        ("survivors", f"{sum(not each.is_dead for each in judged)}"),
        (
            "noticed, counting the equivalent ones as survivors",
            f"{_share(sum(each.is_dead for each in outcomes), len(outcomes))}",
        ),
        ("seconds per mutant", f"{seconds / max(1, len(outcomes)):.2f}"),
    ]
    return _table(("what", "mutants"), rows)


def page(outcomes: Sequence[Outcome], sites: int, seed: int, seconds: float) -> str:
    """The whole page."""
    survivors = [each for each in outcomes if not each.is_dead and not is_equivalent(each)]
    equivalent = [each for each in outcomes if is_equivalent(each)]
    parts = [
        _INTRODUCTION,
        "## Result\n\n" + summary(outcomes, sites, seed, seconds) + "\n" + _goals(outcomes),
        "## By kind of fault\n\n" + _grouped(outcomes, "kind", lambda each: each.mutant.kind),
        "## By model\n\n" + _grouped(outcomes, "model", lambda each: f"`{each.mutant.model}`"),
        "## Which shipped check noticed how many\n\n" + _checks(outcomes),
        "## Which of the repository's tests noticed how many\n\nThe first one that failed in each company.\n\n"
        + _own(outcomes),
        "## Survivors\n\n" + (_listed(survivors) or "None.\n"),
        "## Equivalent mutants\n\nThey are told apart by a reason, not by the data alone, and count neither for nor against.\n\n"
        + (_listed(equivalent) or "None.\n"),
    ]
    return "\n".join(parts)


def _goals(outcomes: Sequence[Outcome]) -> str:
    dead, seen = shares(outcomes)
    words = [
        f"{WANTED_DEAD:.0%} noticed by anything: {'reached' if dead >= WANTED_DEAD else 'not reached'}",
        f"{WANTED_SEEN:.0%} by the shipped checks alone: {'reached' if seen >= WANTED_SEEN else 'not reached'}",
        f"a reason for every survivor: {'given' if not unexplained(outcomes) else 'not given'}",
    ]
    return (
        f"The goals: {'; '.join(words)}. They are goals for these mutants, drawn by the seed: tests were added for those of them that survived, "
        "so that others, drawn anew, may fare worse.\n"
    )


_INTRODUCTION = """# Proof by planted faults in the SQL

`make mutants` plants one small fault after the other in the compiled SQL of the core models and marts (a join of another kind, a
predicate dropped, `<` for `<=`, another order, `lag` for `lead`, a day too many …) and asks who notices: every kind of fault in turn, each in
the model that had the fewest until then, so that no model is left out. A mutated model and all that follows from it are built on DuckDB over
five small companies: the forty deals of `tests/scenario`, one by hand with three sources and five nights (deals, leads with their histories, money in several currencies, merges,
ids that two accounts share), one drawn for the oracle with two nights, one drawn for the marts' answers, one for those of marketing and customers. They are built at once and, where
increments are concerned, night by night. Every fault is first shown to the **shipped data tests and contracts**, which every night runs, then to
the **repository's tests, the dbt unit tests and the oracles** of deals and leads. A data test that would fail without a fault is not asked; one that cannot even be asked fails the
proof, unless it reads tables that a company of written core tables does not have. The page is written by `python -m tests.mutants --write`, which goes on where it
was stopped: as long as no model and no company has changed a mutant that a shipped test noticed counts while that test stands as it stood, and every other is tried
again when any judge has changed.
"""


def _grouped(outcomes: Sequence[Outcome], name: str, key: Callable[[Outcome], str]) -> str:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    rows = []
    for group, found in sorted(groups.items()):
        judged = [each for each in found if not is_equivalent(each)]
        seen = sum(each.is_seen for each in judged)
        dead = sum(each.is_dead for each in judged)
        rows.append(
            (
                group,
                len(found),
                len(found) - len(judged),
                seen,
                dead - seen,
                len(judged) - dead,
                _share(seen, len(judged)),
            )
        )
    heads = (
        name,
        "mutants",
        "equivalent",
        "noticed by shipped checks",
        "only by tests or oracle",
        "survivors",
        "shipped share",
    )
    return _table(heads, rows)


def _checks(outcomes: Iterable[Outcome]) -> str:
    found: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for outcome in outcomes:
        checks = {*outcome.errors, *(f"{each} (warning)" for each in outcome.warnings)}
        if outcome.refusal:
            checks.add("the build refuses: a contract, a type, or a night without end")
        found.update(checks)
        if len(checks) == 1:
            alone.update(checks)
    return _table(
        ("check", "noticed", "as the only one"), [(name, count, alone[name]) for name, count in found.most_common()]
    )


def _own(outcomes: Iterable[Outcome]) -> str:
    found = Counter(name for outcome in outcomes for name in outcome.own)
    return _table(("test", "noticed"), found.most_common())


def _listed(outcomes: Sequence[Outcome]) -> str:
    groups: dict[str, list[str]] = {}
    for outcome in outcomes:
        explanation = reason_for(outcome.mutant)
        groups.setdefault(explanation.reason if explanation else "Not explained.", []).append(outcome.mutant.name)
    return "\n".join(
        f"**{reason}**\n\n" + "".join(f"- `{name.replace('`', '')}`\n" for name in sorted(names))
        for reason, names in sorted(groups.items())
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
