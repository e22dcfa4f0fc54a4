"""Copies told for any member: what a case's guard says of a group has to follow from the rest of it."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, Case, Output
from p4verify.targets.ebpf import relate_replicas
from p4verify.targets.ebpf.cells_of_copies import cells_in
from p4verify.targets.ebpf.fillup import host_order
from p4verify.targets.ebpf.group_element import names
from p4verify.targets.ebpf.replicas import COUNT_BYTES, MEMBER_BYTES, MOST, MULTICAST, VALUE_BYTES

KEY: Final = b.var("in.group", 32)
FOUND: Final = b.apply(names(MULTICAST)[0], b.BOOL, KEY)


def word(at: int) -> Term:
    """The number that lies so many bytes behind the element's start."""
    value = b.apply(names(MULTICAST)[1], b.bit_vector(8 * VALUE_BYTES), KEY)
    low = 8 * (VALUE_BYTES - at - 4)
    return host_order(b.extract(value, low + 31, low))


COPIES: Final = tuple(
    Output(b.and_(FOUND, b.ult(b.bv(k, 32), word(0))), "port", word(COUNT_BYTES + MEMBER_BYTES * k), INPUT_PACKET)
    for k in range(MOST)
)
FEW: Final = b.ult(word(0), b.bv(5, 32))


@pytest.mark.parametrize(
    ("guard", "follows"),
    [(b.TRUE, True), (b.or_(FEW, b.not_(FEW), FOUND), True), (FOUND, False), (b.or_(b.not_(FOUND), FEW), False)],
)
def test_what_a_guard_says_of_a_group(guard: Term, *, follows: bool) -> None:
    [case], faults = relate_replicas.told([Case(guard, COPIES)], MULTICAST, cells_in((), ()))
    assert case.guard is b.TRUE
    assert [output.each[0].kind for output in case.outputs] == ["multicast"]
    assert [fault.guard for fault in faults] == ([] if follows else [b.TRUE])
    assert all(fault.unsaid for fault in faults)
