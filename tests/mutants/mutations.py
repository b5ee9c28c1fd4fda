"""Small faults of the kind people make in SQL, planted in a model's parsed query: one fault, one mutant.

Every operator is a generator: given a node it yields the edits it can make there. The node handed over is one of a copy once the
edit is carried out, so an edit may change it in place; it returns what stands in its stead, or None where it was mended in place.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlglot import exp, parse_one

from tests.mutants.project import Model

Node = exp.Expression
Edit = Callable[[Node], Node | None]
#: (kind, edit)
Offer = tuple[str, Edit]

_SOFT_DELETES = ("is_deleted", "is_removed", "is_removal", "retracted_at", "merged_into", "is_current", "is_listed")
_COMPARISONS: dict[type[Node], type[Node]] = {exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT}
_SWAPS: dict[str, dict[type[Node], type[Node]]] = {
    "min / max": {exp.Min: exp.Max, exp.Max: exp.Min, exp.ArgMin: exp.ArgMax, exp.ArgMax: exp.ArgMin},
    "greatest / least": {exp.Greatest: exp.Least, exp.Least: exp.Greatest},
    "lag / lead": {exp.Lag: exp.Lead, exp.Lead: exp.Lag, exp.FirstValue: exp.LastValue, exp.LastValue: exp.FirstValue},
    "aggregate": {exp.Sum: exp.Max, exp.Avg: exp.Max},
    "arithmetic": {exp.Add: exp.Sub, exp.Sub: exp.Add, exp.Mul: exp.Div, exp.Div: exp.Mul},
    "and / or": {exp.And: exp.Or, exp.Or: exp.And},
}


def _swap(into: type[Node]) -> Edit:
    return lambda node: into(**node.args)


def _part(name: str) -> Edit:
    """What stands in one of the node's arguments takes the node's place."""
    return lambda node: node.args[name]


def _drop(name: str) -> Edit:
    def edit(node: Node) -> None:
        node.set(name, None)

    return edit


def _comparisons(node: Node) -> Iterator[Offer]:
    if type(node) in _COMPARISONS:
        yield "< / <=", _swap(_COMPARISONS[type(node)])
    if isinstance(node, exp.EQ) and not _is_key(node):
        yield "= / <>", _swap(exp.NEQ)
    if isinstance(node, exp.NEQ):
        yield "= / <>", _swap(exp.EQ)
    if isinstance(node, exp.NullSafeEQ):
        yield "null-safe comparison", _swap(exp.EQ)
    if isinstance(node, exp.NullSafeNEQ):
        yield "null-safe comparison", _swap(exp.NEQ)


def _is_key(node: Node) -> bool:
    """A column equal to a column in a join: its contrary is no mistake anybody makes."""
    return node.find_ancestor(exp.Join, exp.Select) is not None and isinstance(
        node.find_ancestor(exp.Join, exp.Select), exp.Join
    ) and bool(node.this.find(exp.Column)) and bool(node.expression.find(exp.Column))


def _swapped_functions(node: Node) -> Iterator[Offer]:
    for kind, pairs in _SWAPS.items():
        if type(node) in pairs:
            yield kind, _swap(pairs[type(node)])
    if isinstance(node, exp.RowNumber):
        yield "row_number / rank", lambda _: exp.Anonymous(this="rank")
    if isinstance(node, exp.Anonymous | exp.Rank) and str(node.name or node.key).lower() == "rank":
        yield "row_number / rank", lambda _: exp.RowNumber()
    if isinstance(node, exp.IgnoreNulls):
        yield "ignore nulls", _part("this")


def _predicates(node: Node) -> Iterator[Offer]:
    """Every operand of every chain once, and a lone predicate with its clause."""
    if isinstance(node, exp.And | exp.Or):
        yield _dropped(node.expression), _part("this")
        if type(node.this) is not type(node):
            yield _dropped(node.this), _part("expression")
    for clause in ("where", "having", "qualify"):
        if isinstance(node, exp.Select) and node.args.get(clause) and not isinstance(node.args[clause].this, exp.And | exp.Or):
            yield _dropped(node.args[clause].this), _drop(clause)
    if isinstance(node, exp.Filter):
        yield "filter clause", _part("this")
    if isinstance(node, exp.Not):
        yield "negation", _part("this")
    if isinstance(node, exp.Is) and not isinstance(node.parent, exp.Not):
        yield "negation", lambda each: exp.Not(this=each.copy())
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        for number in range(len(node.expressions)):
            yield "member of a list", _without("expressions", number)


def _dropped(predicate: Node) -> str:
    if isinstance(predicate.find_ancestor(exp.Join, exp.Select), exp.Join):
        return "join condition"
    words = predicate.sql().lower()
    return "soft-delete filter" if any(word in words for word in _SOFT_DELETES) else "predicate"


def _without(name: str, number: int) -> Edit:
    def edit(node: Node) -> None:
        node.set(name, [each for at, each in enumerate(node.args[name]) if at != number])

    return edit


def _joins(node: Node) -> Iterator[Offer]:
    if not isinstance(node, exp.Join) or not (node.args.get("on") or node.args.get("using")):
        return

    def become(side: str | None) -> Edit:
        def edit(join: Node) -> None:
            join.set("side", side)
            join.set("kind", None if side else "INNER")

        return edit

    if node.side in ("LEFT", "RIGHT"):
        yield "join kind", become(None)
    elif node.side == "FULL":
        yield "join kind", become("LEFT")
    else:
        yield "join kind", become("LEFT")


def _windows(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Window):
        order, keys = node.args.get("order"), node.args.get("partition_by") or []
        if order is not None:
            if len(order.expressions) > 1:
                for number in range(1, len(order.expressions)):
                    yield "window order", _in_order(_without("expressions", number))
            yield "window order", _in_order(_turned)
        for number in range(len(keys)):
            yield "window partition", _without("partition_by", number)
    if isinstance(node, exp.WindowSpec):
        if node.args.get("end") == "CURRENT ROW":
            yield "window frame", _set(end=exp.Literal.number(1), end_side="PRECEDING")
        elif node.args.get("end_side") == "PRECEDING":
            yield "window frame", _set(end="CURRENT ROW", end_side=None)
        if node.args.get("start_side") == "FOLLOWING":
            yield "window frame", _set(start="CURRENT ROW", start_side=None)


def _in_order(change: Edit) -> Edit:
    def edit(node: Node) -> None:
        change(node.args["order"])

    return edit


def _turned(order: Node) -> None:
    first = order.expressions[0]
    first.set("desc", not first.args.get("desc"))
    first.set("nulls_first", None)


def _set(**values: object) -> Edit:
    def edit(node: Node) -> None:
        for name, value in values.items():
            node.set(name, value)

    return edit


def _distinct(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Select) and node.args.get("distinct"):
        yield "distinct", _drop("distinct")
    if isinstance(node, exp.Union):
        yield "distinct", _set(distinct=not node.args.get("distinct"))
    if isinstance(node, exp.Count):
        if isinstance(node.this, exp.Distinct):
            yield "distinct", _set(this=node.this.expressions[0].copy())
        elif not isinstance(node.this, exp.Star):
            yield "aggregate", _set(this=exp.Star())


def _fallbacks(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Coalesce) and node.expressions:
        yield "coalesce", _part("this")
    if isinstance(node, exp.Nullif):
        yield "nullif", _part("this")
    if isinstance(node, exp.Case):
        for number in range(len(node.args["ifs"])):
            if len(node.args["ifs"]) > 1:
                yield "case branch", _without("ifs", number)
        if node.args.get("default") is not None and not isinstance(node.args["default"], exp.Null):
            yield "case branch", _drop("default")


def _constants(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Boolean):
        yield "constant", lambda each: exp.Boolean(this=not each.this)
    if not isinstance(node, exp.Literal) or isinstance(node.parent, exp.DataTypeParam | exp.Group | exp.Limit):
        return
    if isinstance(node.parent, exp.Ordered) and not isinstance(node.find_ancestor(exp.Window, exp.Select), exp.Window):
        return
    if isinstance(node.parent, exp.Interval):
        yield "off by one", lambda each: exp.Literal.string(str(int(each.this) + 1))
    elif not node.is_string:
        yield "off by one", lambda each: exp.Literal.number(str(float(each.this) + 1) if "." in each.this else int(each.this) + 1)
    elif isinstance(node.parent, exp.If | exp.Case | exp.Alias | exp.Select) and node.this:
        yield "word", lambda each: exp.Literal.string(each.this + "?")


def _days(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Cast) and node.to.is_type("date") and not isinstance(node.this, exp.Literal | exp.Null):

        def edit(each: Node) -> None:
            each.set("this", exp.Add(this=exp.Paren(this=each.this.copy()), expression=parse_one("interval '1 day'", dialect="duckdb")))

        yield "off by a day", edit
    if isinstance(node, exp.AtTimeZone) or (isinstance(node, exp.Anonymous) and node.name.lower() == "timezone"):
        inner = node.this if isinstance(node, exp.AtTimeZone) else node.expressions[1]
        if isinstance(inner, exp.AtTimeZone) or (isinstance(inner, exp.Anonymous) and inner.name.lower() == "timezone"):
            core = inner.this if isinstance(inner, exp.AtTimeZone) else inner.expressions[1]
            yield "time zone", lambda each, text=core: text.copy()


_OPERATORS: Sequence[Callable[[Node], Iterator[Offer]]] = (
    _comparisons,
    _swapped_functions,
    _predicates,
    _joins,
    _windows,
    _distinct,
    _fallbacks,
    _constants,
    _days,
)


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
        for operator in _OPERATORS:
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
    offers = [edit for operator in _OPERATORS for _, edit in operator(node)]
    instead = offers[site.number](node)
    if instead is None:
        return write(copy), _words(node)
    instead = instead.copy()
    if isinstance(node.parent, exp.Expression) and isinstance(instead, exp.Connector | exp.Not) and not isinstance(node.parent, exp.Paren):
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
    """Mutants without end but that of their number: every kind in turn, within a kind at random over all models."""
    dice = random.Random(seed)
    by_kind: dict[str, list[Callable[[], Mutant]]] = defaultdict(list)
    for model in models:
        for maker in mutants_of(model):
            by_kind[maker.kind].append(maker)  # type: ignore[attr-defined]
    for makers in by_kind.values():
        dice.shuffle(makers)
    while by_kind:
        for kind in sorted(by_kind):
            yield by_kind[kind].pop()
            if not by_kind[kind]:
                del by_kind[kind]
