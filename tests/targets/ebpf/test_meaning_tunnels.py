"""What is known of a packet's tunnel, before and after some of it was set; IPsec states."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7
from p4verify.targets.ebpf.target import TARGET

SIZE = 8


def asked(call: int, flags: int = 0, size: int = SIZE) -> tuple[Insn, ...]:
    """A helper that reads or sets ``size`` bytes on the stack."""
    return (asm.mov(R1, R6), asm.mov(R2, FP), asm.alu("add", R2, -SIZE), asm.mov(R3, size), asm.mov(R4, flags),
            asm.call(call))  # fmt: skip


def put(value: int) -> Insn:
    return asm.store(8, FP, -SIZE, value)


READ, SET, OPTIONS, SET_OPTIONS = (asked(n) for n in (20, 21, 29, 30))
SHOWN = (asm.load(4, R0, FP, -SIZE), asm.store(4, R6, 8, R0))
"""The first bytes become the mark."""


def compared(mine: tuple[Insn, ...], theirs: tuple[Insn, ...]) -> Verdict:
    sides = []
    for n, code in enumerate((mine, theirs)):
        insns = (asm.mov(R6, R1), *code, asm.mov(R0, 0), asm.exit_())
        sides.append((TARGET, BpfObject((BpfProgram("test", "tc", insns),), name=f"{n}.o"), f"{n}.o"))
    return Checker(None, timeout=60, machines_confirm=False).check_two(*sides).verdict


def test_what_is_read_after_a_key_was_set_hangs_on_that_key() -> None:
    first = (put(5), *SET, *READ, *SHOWN)
    assert compared(first, (put(5), *SET, put(0), *READ, *SHOWN)) is Verdict.ACCEPT
    assert compared(first, (put(5), *READ, put(5), *SET, *READ, *SHOWN)) is Verdict.ACCEPT
    assert compared(first, (put(5), *SET, put(5), *SHOWN)) is Verdict.REJECT
    assert compared(first, (*READ, *SHOWN, put(5), *SET)) is Verdict.REJECT
    assert compared(first, (put(6), *SET, *READ, *SHOWN)) is Verdict.REJECT
    assert compared(first, (put(5), *asked(21, 2), *READ, *SHOWN)) is Verdict.REJECT


def test_what_is_read_hangs_on_the_order_in_which_keys_were_set() -> None:
    keys = (put(5), *SET, put(6), *SET)
    assert compared((*keys, *READ, *SHOWN), (*keys, put(1), *READ, *SHOWN)) is Verdict.ACCEPT
    assert compared((*keys, *READ, *SHOWN), (put(6), *SET, *READ, *SHOWN)) is Verdict.REJECT


def test_where_nothing_was_set_on_a_way_what_came_in_is_read() -> None:
    """A key is set for frames with a mark only; the others show what they came with."""
    some = (put(5), asm.load(4, R0, R6, 8), asm.jump("jeq", R0, 0, len(SET)), *SET)
    others = (put(5), asm.load(4, R0, R6, 8), asm.jump("jne", R0, 0, len(READ) + len(SHOWN)), *READ, *SHOWN)
    first = (*some, *READ, *SHOWN)
    assert compared(first, first) is Verdict.ACCEPT
    assert compared(first, (*others, *some)) is Verdict.REJECT
    end = (asm.mov(R0, 0), asm.exit_())
    split = (put(5), asm.load(4, R0, R6, 8), asm.jump("jne", R0, 0, len(READ) + len(SHOWN) + 2), *READ, *SHOWN, *end,
             *SET, *READ, *SHOWN)  # fmt: skip
    assert compared(first, split) is Verdict.ACCEPT


def test_keys_set_in_another_order_are_told_where_their_flags_differ() -> None:
    """They are events of different names, whose order nobody compares: what is left counts."""
    one, other = (put(5), *SET), (put(5), *asked(21, 2))
    assert compared((*one, *other), (*one, *other)) is Verdict.ACCEPT
    assert compared((*one, *other), (*other, *one)) is Verdict.REJECT
    options = (put(7), *SET_OPTIONS)
    assert compared((*one, *other, *options, *READ, *SHOWN), (*other, *one, *options, *READ, *SHOWN)) is Verdict.REJECT
    assert compared((*one, *options, *one), (*one, *one, *options)) is Verdict.REJECT


def test_a_key_that_was_not_taken_leaves_what_came_in() -> None:
    show = (asm.load(4, R0, FP, -SIZE), asm.store(4, R6, 8, R0))
    after = (put(5), *SET, asm.jump("jeq", R0, 0, len(READ) + len(show)), *READ, *show)
    before = (*READ, asm.load(4, R7, FP, -SIZE), put(5), *SET, asm.jump("jeq", R0, 0, 1), asm.store(4, R6, 8, R7))
    assert compared(after, before) is Verdict.ACCEPT
    taken = (*before[:-2], asm.jump("jne", R0, 0, 1), before[-1])
    assert compared(after, taken) is Verdict.REJECT


def test_options_are_read_and_set() -> None:
    first = (put(5), *SET, put(7), *SET_OPTIONS, *OPTIONS, *SHOWN)
    assert compared(first, first) is Verdict.ACCEPT
    assert compared(first, (put(5), *SET, put(8), *SET_OPTIONS, *OPTIONS, *SHOWN)) is Verdict.REJECT
    assert compared(first, (put(5), *SET, *OPTIONS, *SHOWN)) is Verdict.REJECT
    assert compared((*OPTIONS, *SHOWN), (*asked(29, size=4), *SHOWN)) is Verdict.REJECT  # of four bytes -ENOMEM
    assert compared((put(1), *OPTIONS, *SHOWN), (put(2), *OPTIONS, *SHOWN)) is Verdict.ACCEPT


@pytest.mark.parametrize(("index", "flags", "same"), [(1, 0, True), (2, 0, False), (1, 1, False)])
def test_ipsec_states_are_what_the_kernel_says(index: int, flags: int, same: bool) -> None:
    def read(index: int, flags: int) -> tuple[Insn, ...]:
        return (asm.mov(R1, R6), asm.mov(R2, index), asm.mov(R3, FP), asm.alu("add", R3, -28), asm.mov(R4, 28),
                asm.mov(R5, flags), asm.call(66), asm.load(4, R0, FP, -28), asm.store(4, R6, 8, R0))  # fmt: skip

    assert compared(read(1, 0), read(index, flags)) is (Verdict.ACCEPT if same else Verdict.REJECT)
