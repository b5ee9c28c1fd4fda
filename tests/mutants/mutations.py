"""Mutants: a model with one small fault of the kinds in `operators`, each made when it is asked for, drawn by a seed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlglot import exp, parse_one

from tests.mutants.operators import OPERATORS, Node
from tests.mutants.project import Model


@dataclass(frozen=True)
class Site:
    """One edit of one node of a query: the node's place in the walk and the edit's number there."""

    node: int
    number: int
    kind: str
    where: str
    before: str


@dataclass(frozen=True)
class Mutant:
    """A model with one fault. `place` is the common table expression it lies in, `before` and `after` the words there."""

    model: str
    kind: str
    place: str
    before: str
    after: str
    occurrence: int
    full: str
    increment: str

    @property
    def name(self) -> str:
        """What it is told by, the same in every run while the words stay."""
        turn = f" (place {self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.model}, {self.place}{turn}: {self.kind}: {self.before} → {self.after}"


def parse(sql: str) -> Node:
    """The query as DuckDB means it."""
    return parse_one(sql, dialect="duckdb")


def write(tree: Node) -> str:
    """The query as DuckDB reads it."""
    return tree.sql(dialect="duckdb")


def sites(tree: Node) -> list[Site]:
    """Every edit that the operators offer, in the order of the query."""
    found = []
    for index, node in enumerate(tree.walk()):
        number = 0
        for operator in OPERATORS:
            for kind, _ in operator(node):
                found.append(Site(index, number, kind, _where(node), _words(node)))
                number += 1
    return found


def _where(node: Node) -> str:
    inside = node.find_ancestor(exp.CTE)
    return inside.alias if inside is not None else "the last select"


def _words(node: Node) -> str:
    return " ".join(write(node).split())


def apply(tree: Node, site: Site) -> tuple[str, str]:
    """The query with the edit, and the words that stand in the place now."""
    copy = tree.copy()
    node = next(node for index, node in enumerate(copy.walk()) if index == site.node)
    offers = [edit for operator in OPERATORS for _, edit in operator(node)]
    instead = offers[site.number](node)
    if instead is None:
        return write(copy), _words(node)
    instead = instead.copy()
    if (
        isinstance(node.parent, exp.Expression)
        and isinstance(instead, exp.Connector | exp.Not)
        and not isinstance(node.parent, exp.Paren)
    ):
        instead = exp.Paren(this=instead)
    node.replace(instead)
    return write(copy), _words(instead)


def _difference(before: str, after: str) -> tuple[str, str]:
    """The two texts cut to where they differ, with some words around."""
    words, others = before.split(), after.split()
    start = 0
    while start < min(len(words), len(others)) and words[start] == others[start]:
        start += 1
    end = 0
    while end < min(len(words), len(others)) - start and words[-1 - end] == others[-1 - end]:
        end += 1

    def cut(text: list[str]) -> str:
        first, last = max(0, start - 5), min(len(text), len(text) - end + 4)
        return ("… " if first else "") + " ".join(text[first:last]) + (" …" if last < len(text) else "")

    return cut(words), cut(others)


def mutants_of(model: Model) -> list[Callable[[], Mutant]]:
    """The model's mutants, each made when it is called for.

    What lies only in the SQL of one of the two states of the warehouse leaves the other as it is.
    """
    increment = parse(model.increment)
    if model.full == model.increment:
        found = sites(increment)
        return [_maker(model, site, turn, (increment, site), None) for site, turn in _turns(found)]
    full = parse(model.full)
    ours, theirs = sites(increment), sites(full)
    matcher = SequenceMatcher(a=[_key(each) for each in ours], b=[_key(each) for each in theirs], autojunk=False)
    pairs: list[tuple[Site | None, Site | None]] = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            pairs += zip(ours[a0:a1], theirs[b0:b1], strict=True)
        else:
            pairs += [(each, None) for each in ours[a0:a1]] + [(None, each) for each in theirs[b0:b1]]
    named = [mine or yours for mine, yours in pairs]
    return [
        _maker(model, site, turn, (increment, mine) if mine else None, (full, yours) if yours else None, is_split=True)
        for (mine, yours), (site, turn) in zip(pairs, _turns([each for each in named if each]), strict=True)
    ]


def _key(site: Site) -> tuple[str, str, str, int]:
    return site.where, site.kind, site.before, site.number


def _turns(found: Sequence[Site]) -> list[tuple[Site, int]]:
    """Each site with its turn among those that read the same."""
    seen: dict[tuple[str, str, str, int], int] = defaultdict(int)
    turned = []
    for site in found:
        seen[_key(site)] += 1
        turned.append((site, seen[_key(site)]))
    return turned


def _maker(
    model: Model,
    site: Site,
    turn: int,
    increment: tuple[Node, Site] | None,
    full: tuple[Node, Site] | None,
    is_split: bool = False,
) -> Callable[[], Mutant]:
    def make() -> Mutant:
        after = ""
        texts = {"full": model.full, "increment": model.increment}
        for name, given in (("full", full), ("increment", increment)):
            if given is not None:
                texts[name], after = apply(*given)
        if not is_split:
            texts["full"] = texts["increment"]
        before, after = _difference(site.before, after)
        return Mutant(model.name, site.kind, site.where, before, after, turn, texts["full"], texts["increment"])

    make.kind = site.kind  # type: ignore[attr-defined]
    return make


def draw(models: Sequence[Model], seed: int) -> Iterator[Callable[[], Mutant]]:
    """Mutants without end but that of their number: every kind in turn, within a kind of the model that had the fewest turns until then.

    A model's mutants are drawn by its own dice: another's SQL may change and the same ones come.
    """
    by_kind: dict[str, dict[str, list[Callable[[], Mutant]]]] = defaultdict(lambda: defaultdict(list))
    for model in models:
        for maker in mutants_of(model):
            by_kind[maker.kind][model.name].append(maker)  # type: ignore[attr-defined]
    for kind, by_model in by_kind.items():
        for name, makers in by_model.items():
            random.Random(f"{seed} {kind} {name}").shuffle(makers)
    turns = Counter[str]()

    def turn(name: str) -> tuple[int, float]:
        return turns[name], random.Random(f"{seed} {name} {turns[name]}").random()

    while by_kind:
        for kind in sorted(by_kind):
            name = min(by_kind[kind], key=turn)
            turns[name] += 1
            yield by_kind[kind][name].pop()
            if not by_kind[kind][name]:
                del by_kind[kind][name]
            if not by_kind[kind]:
                del by_kind[kind]
