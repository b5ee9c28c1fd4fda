"""What the mutator makes of small queries."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from tests.mutants.mutations import apply, draw, parse, sites
from tests.mutants.project import Model

pytestmark = pytest.mark.unit


def faults(sql: str) -> set[tuple[str, str]]:
    """(kind, mutated query) of every fault."""
    tree = parse(sql)
    return {(site.kind, apply(tree, site)[0].lower()) for site in sites(tree)}


@pytest.mark.parametrize(
    ("sql", "kind", "expected"),
    [
        ("select a from t where a < b", "< / <=", "select a from t where a <= b"),
        ("select a from t where a = 'x'", "= / <>", "select a from t where a <> 'x'"),
        ("select a from t left join u on t.k = u.k", "join kind", "select a from t inner join u on t.k = u.k"),
        ("select a from t inner join u on t.k = u.k", "join kind", "select a from t left join u on t.k = u.k"),
        ("select a from t where a > 1 and not is_deleted", "soft-delete filter", "select a from t where a > 1"),
        ("select a from t where a > 1 and b", "predicate", "select a from t where b"),
        ("select a from t where not is_deleted", "soft-delete filter", "select a from t"),
        ("select lag(a) over (order by b, c) from t", "lag / lead", "select lead(a) over (order by b, c) from t"),
        ("select lag(a) over (order by b, c) from t", "window order", "select lag(a) over (order by b) from t"),
        ("select lag(a) over (order by b, c) from t", "window order", "select lag(a) over (order by b desc, c) from t"),
        ("select min(a) from t", "min / max", "select max(a) from t"),
        ("select distinct a from t", "distinct", "select a from t"),
        ("select coalesce(a, 0) from t", "coalesce", "select a from t"),
        ("select cast(a as date) from t", "off by a day", "select cast((a) + interval '1' day as date) from t"),
        ("select case when a then 1 when b then 2 end from t", "case branch", "select case when b then 2 end from t"),
        ("select a from t where b in ('x', 'y')", "member of a list", "select a from t where b in ('y')"),
        ("select count(*) filter (where a) from t", "filter clause", "select count(*) from t"),
        ("select 1 from t where (a or b) and c", "and / or", "select 1 from t where ((a or b) or c)"),
    ],
)
def test_a_fault_of_each_kind(sql: str, kind: str, expected: str) -> None:
    assert (kind, expected) in faults(sql)


def test_a_fault_leaves_the_query_it_was_made_of_as_it_was() -> None:
    tree = parse("select a from t where a < b and c is null")
    before = tree.sql()
    for site in sites(tree):
        apply(tree, site)
    assert tree.sql() == before


def test_keys_of_a_join_keep_their_equals_sign() -> None:
    assert not [kind for kind, _ in faults("select a from t inner join u on t.k = u.k") if kind == "= / <>"]


def test_every_model_has_its_turn() -> None:
    """A long model does not keep the short ones out of the sample."""
    queries = {
        "long": "select " + ", ".join(f"min(a{number}) as a{number}" for number in range(50)) + " from t",
        "short": "select min(a), max(b), min(c), max(d) from t",
    }
    models = [Model(name, "core", sql, sql, (), (), (), False, frozenset()) for name, sql in queries.items()]
    drawn = Counter(make().model for make in islice(draw(models, 1), 8))
    assert drawn == {"long": 4, "short": 4}
