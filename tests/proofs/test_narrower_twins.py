"""Slices of a wide sum are those of a narrow one that occurs, too; what is changed is equal for every input."""

from __future__ import annotations

import random

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.narrower_twins import with_twins_met
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

X, Y, Z = (b.var(name, 32) for name in ("x", "y", "z"))


def mixed(width: int) -> Term:
    """The lower bits of a number that is mixed by a product and sums."""
    x, y, z = (b.extract(term, width - 1, 0) for term in (X, Y, Z))
    return b.add(b.mul(b.bxor(x, y), b.bv(0x9E3779B1 & (1 << width) - 1, width)), z)


def octet(term: Term, n: int) -> Term:
    """Byte ``n``, the lowest first."""
    return b.extract(term, 8 * n + 7, 8 * n)


def pair() -> tuple[Term, Term]:
    """A sum of two bytes of the number, one of which is taken out of all of it, or out of its lower half."""
    upper = octet(mixed(32), 3)
    return b.add(upper, octet(mixed(32), 1)), b.add(upper, octet(mixed(16), 1))


def met(x: Term, y: Term) -> Obligation:
    """One that compares two terms, with its slices taken out of the narrowest."""
    return with_twins_met(Obligation("one", b.TRUE, (unequal("sum", x, y),), 1))


def test_a_byte_of_a_sum_is_one_of_its_lower_half() -> None:
    x, y = pair()
    assert x is not y
    assert not met(x, y).parts


def test_other_bytes_and_other_sums_are_left() -> None:
    x, _ = pair()
    upper = octet(mixed(32), 3)
    assert met(x, b.add(upper, octet(mixed(16), 0))).parts
    assert met(x, b.add(upper, octet(b.add(mixed(16), b.bv(1, 16)), 1))).parts
    assert met(x, b.add(upper, octet(mixed(32), 2))).parts


def test_what_is_changed_is_equal() -> None:
    draw = random.Random(5)
    x, _ = pair()
    others = (b.add(octet(mixed(32), 2), octet(mixed(24), 2)), b.bxor(octet(mixed(16), 1), octet(mixed(32), 0)))
    for other in others:
        before = unequal("sum", x, other).differ
        (part,) = met(x, other).parts
        for _ in range(200):
            values = {name: draw.getrandbits(32) for name in "xyz"}
            assert b.evaluate([before], values) == b.evaluate([part.differ], values)
