"""Queries as bytes: the same whatever was built first, read back as the same question."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from p4verify.proofs.units import Unit
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.terms import Shapes, difference

ROOT = Path(__file__).resolve().parents[2]

BUILT = """
import sys
from p4verify.proofs.units import Unit
from p4verify.semantics import bits as b
names = sys.argv[1].split(",")
made = {n: b.var(n, 16) for n in names}  # the order in which terms are made is their order in the algebra
flags = {n: b.ult(made[n], b.bv(7, 16)) for n in reversed(names)}
x, y, z, w = (made[n] for n in ("x", "y", "z", "w"))
total = b.make("add", (b.make("add", (made[names[0]], made[names[1]]), x.sort), made[names[2]]), x.sort)
total = b.make("add", (total, made[names[3]]), x.sort)
asked = b.apply("f", 16, b.bxor(x, b.band(y, z)))
query = b.and_(*(flags[n] for n in names), b.eq(b.mul(z, w), asked), b.or_(flags["x"], b.not_(b.eq(total, y))))
sys.stdout.buffer.write(Unit.of(query).data)
"""


@pytest.mark.parametrize("seed", range(60))
def test_a_unit_is_the_query(seed: int) -> None:
    query = Shapes(seed).term(0, 5)
    unit = Unit.of(query)
    back = unit.term()
    assert difference(query, back) is None
    assert Unit.of(back).data == unit.data


def test_a_unit_is_the_same_in_every_process_and_order() -> None:
    seen = set()
    for order, hash_seed in (("x,y,z,w", "0"), ("w,z,y,x", "1"), ("z,x,w,y", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        seen.add(subprocess.run([sys.executable, "-c", BUILT, order], capture_output=True, check=True, cwd=ROOT,
                                env=environment).stdout)  # fmt: skip
    assert len(seen) == 1
    assert len(seen.pop()) > 100


def shuffled(term: Term, chance: random.Random) -> Term:
    """The same query, with arguments that may be swapped in another order and sums associated otherwise."""
    done: dict[Term, Term] = {}
    for node in b.postorder([term]):
        args = [done[a] for a in node.args]
        if node.op in ("and", "or", "eq", "add", "mul", "band", "bor", "bxor"):
            chance.shuffle(args)
        done[node] = b.make(node.op, tuple(args), node.sort, node.payload)
    return done[term]


@pytest.mark.parametrize("seed", range(60))
def test_the_order_of_arguments_does_not_matter(seed: int) -> None:
    query = Shapes(seed).term(0, 6)
    assert Unit.of(shuffled(query, random.Random(seed))).data == Unit.of(query).data


def test_chains_are_the_same_however_they_lean() -> None:
    xs = [b.var(f"v{i}", 8) for i in range(6)]

    def chain(order: list[Term], left: bool) -> Term:
        made = order[0]
        for x in order[1:]:
            made = b.make("bor", (made, x) if left else (x, made), x.sort)
        return b.make("eq", (made, xs[0]), b.BOOL)

    pairs = b.make("bor", (xs[0], xs[1]), xs[0].sort), b.make("bor", (xs[2], xs[3]), xs[0].sort)
    rest = b.make("bor", (xs[4], xs[5]), xs[0].sort)
    tree = b.make("bor", (b.make("bor", pairs, xs[0].sort), rest), xs[0].sort)
    expected = Unit.of(chain(xs, True)).data
    assert Unit.of(chain(xs[::-1], True)).data == expected
    assert Unit.of(chain(xs[::-1], False)).data == expected
    assert Unit.of(b.make("eq", (tree, xs[0]), b.BOOL)).data == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b.eq(b.var("x", 8), b.bv(1, 8)), b.eq(b.var("x", 8), b.bv(2, 8))),
        (b.eq(b.var("x", 8), b.bv(1, 8)), b.eq(b.var("y", 8), b.bv(1, 8))),
        (b.eq(b.var("x", 8), b.bv(1, 8)), b.eq(b.var("x", 9), b.bv(1, 9))),
        (b.ult(b.var("x", 8), b.var("y", 8)), b.ult(b.var("y", 8), b.var("x", 8))),
        (b.eq(b.extract(b.var("x", 8), 3, 0), b.bv(1, 4)), b.eq(b.extract(b.var("x", 8), 4, 1), b.bv(1, 4))),
        (b.var("a b", 0), b.var("a  b", 0)),
        (b.var("a", 0), b.apply("a", 0)),
        (b.eq(b.shl(b.var("x", 8), b.var("y", 8)), b.bv(1, 8)), b.eq(b.shl(b.var("y", 8), b.var("x", 8)), b.bv(1, 8))),
    ],
)
def test_other_queries_have_other_keys(one: Term, other: Term) -> None:
    assert Unit.of(one).key("s") != Unit.of(other).key("s")
    assert Unit.of(one).key("s") != Unit.of(one).key("t")


@pytest.mark.parametrize("name", ["two words", 'a "quote"', "line\nend", "-", "\u2028 \ud800", ""])
def test_names_may_hold_anything(name: str) -> None:
    query = b.eq(b.apply(name, 8, b.var(name + "x", 8)), b.bv(3, 8))
    back = Unit.of(query).term()
    assert [t.name for t in (*b.variables(back), *b.applications(back))] == [name + "x", name]
    assert Unit.of(back) == Unit.of(query)


def test_sums_lean_left_and_literals_stand_last() -> None:
    """As the algebra has them, so that what looks for long sums finds them."""
    a, c, d = (b.var(n, 8) for n in "acd")
    shared = b.add(b.add(a, c), b.bv(5, 8))
    query = b.and_(b.eq(b.add(shared, d), b.var("x", 8)), b.ult(shared, b.var("y", 8)))
    sums = [t for t in b.postorder([Unit.of(query).term()]) if t.op == "add"]
    assert len(sums) == 3
    assert all(t.args[1].op != "add" and not t.args[0].is_const for t in sums)


def test_sums_that_others_use_too_stay_shared() -> None:
    total, seen = b.var("v0", 8), b.TRUE
    for i in range(1, 300):
        total = b.make("add", (total, b.var(f"v{i}", 8)), total.sort)
        seen = b.make("and", (seen, b.make("ult", (total, b.var("limit", 8)), b.BOOL)), b.BOOL)
    lines = Unit.of(seen).data.splitlines()
    assert len(lines) < 1000
    assert max(len(line) for line in lines if line.startswith(b"add")) < 40  # two addends each


def test_deep_and_wide_terms_need_no_stack() -> None:
    x = made = b.var("x", 8)
    for i in range(20_000):
        made = b.make("bnot" if i % 2 else "shl", (made,) if i % 2 else (made, x), x.sort)
    query = b.make("eq", (made, b.var("wide", 8)), b.BOOL)
    assert Unit.of(Unit.of(query).term()).data == Unit.of(query).data
    wide = b.make("eq", (b.var("w", 30_000), b.bv(1 << 29_999, 30_000)), b.BOOL)
    assert Unit.of(Unit.of(wide).term()) == Unit.of(wide)


@pytest.mark.parametrize("data", [b"", b"p4verify query 1\n", b"p4verify query 9\nvar 0 - \"x\"\n",
                                  b"p4verify query 1\nnot 0 5 -\n", b"p4verify query 1\nvar 8 - \"x\"\n",
                                  b"p4verify query 1\nvar\n", b"\xff"])  # fmt: skip
def test_bytes_that_are_no_query_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        Unit(data).term()
