"""The kinds of fault: what people get wrong in SQL, each as an edit of one node of a parsed query.

Every operator is a generator: given a node it yields the edits it can make there. An edit is carried out on a copy, so it may change its
node in place; it returns what stands in the node's stead, or None where it was mended in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp, parse_one

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
    return (
        node.find_ancestor(exp.Join, exp.Select) is not None
        and isinstance(node.find_ancestor(exp.Join, exp.Select), exp.Join)
        and bool(node.this.find(exp.Column))
        and bool(node.expression.find(exp.Column))
    )


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
        if (
            isinstance(node, exp.Select)
            and node.args.get(clause)
            and not isinstance(node.args[clause].this, exp.And | exp.Or)
        ):
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
        yield (
            "off by one",
            lambda each: exp.Literal.number(str(float(each.this) + 1) if "." in each.this else int(each.this) + 1),
        )
    elif isinstance(node.parent, exp.If | exp.Case | exp.Alias | exp.Select) and node.this:
        yield "word", lambda each: exp.Literal.string(each.this + "?")


def _days(node: Node) -> Iterator[Offer]:
    if isinstance(node, exp.Cast) and node.to.is_type("date") and not isinstance(node.this, exp.Literal | exp.Null):

        def edit(each: Node) -> None:
            each.set(
                "this",
                exp.Add(
                    this=exp.Paren(this=each.this.copy()), expression=parse_one("interval '1 day'", dialect="duckdb")
                ),
            )

        yield "off by a day", edit
    if isinstance(node, exp.AtTimeZone) or (isinstance(node, exp.Anonymous) and node.name.lower() == "timezone"):
        inner = node.this if isinstance(node, exp.AtTimeZone) else node.expressions[1]
        if isinstance(inner, exp.AtTimeZone) or (isinstance(inner, exp.Anonymous) and inner.name.lower() == "timezone"):
            core = inner.this if isinstance(inner, exp.AtTimeZone) else inner.expressions[1]
            yield "time zone", lambda each, text=core: text.copy()


OPERATORS: Sequence[Callable[[Node], Iterator[Offer]]] = (
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
