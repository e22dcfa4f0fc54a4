"""Arithmetic on more than 64 bits in eBPF: products, saturation, shifts that the packet says, slices."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

WIDTH: Final = 100
MOST: Final = (1 << WIDTH) - 1
TYPES: Final = """header h_t { bit<112> eth; bit<100> a; bit<100> b; bit<100> r; bit<8> n; bit<12> pad; }
struct headers { h_t h; }"""
Reference = Callable[[int, int, int], int]


def signed(value: int) -> int:
    return value - (1 << WIDTH) if value >> (WIDTH - 1) else value


def clamped(value: int) -> int:
    return max(-(1 << WIDTH - 1), min((1 << WIDTH - 1) - 1, value))


OPERATIONS: Final[dict[str, Reference]] = {
    "hdr.h.r = hdr.h.a |+| hdr.h.b;": lambda a, b, n: min(a + b, MOST),
    "hdr.h.r = hdr.h.a |-| hdr.h.b;": lambda a, b, n: max(a - b, 0),
    "hdr.h.r = (bit<100>) ((int<100>) hdr.h.a |+| (int<100>) hdr.h.b);": lambda a, b, n: clamped(signed(a) + signed(b)),
    "hdr.h.r = (bit<100>) ((int<100>) hdr.h.a |-| (int<100>) hdr.h.b);": lambda a, b, n: clamped(signed(a) - signed(b)),
    "hdr.h.r = -hdr.h.a;": lambda a, b, n: -a,
    "hdr.h.r = hdr.h.a << hdr.h.n;": lambda a, b, n: a << n,
    "hdr.h.r = hdr.h.a >> hdr.h.n;": lambda a, b, n: a >> n,
    "hdr.h.r = (bit<100>) ((int<100>) hdr.h.a >> hdr.h.n);": lambda a, b, n: signed(a) >> n,
    "hdr.h.r = hdr.h.a >> hdr.h.b;": lambda a, b, n: a >> min(b, WIDTH),
    "hdr.h.r = (bit<100>) ((hdr.h.a[39:0] << hdr.h.b) | (hdr.h.a[99:60] >> (hdr.h.b + 1)));": (
        lambda a, b, n: (a << min(b, 40)) % 2**40 | (a >> 60) >> min((b + 1) % 2**WIDTH, 40)
    ),
    "hdr.h.r = (bit<100>) (bit<40>) ((int<40>) hdr.h.a[39:0] >> hdr.h.b);": lambda a, b, n: (
        ((a % 2**40 - (a >> 39 & 1) * 2**40) >> min(b, 40)) % 2**40
    ),
    "hdr.h.r = (hdr.h.a << hdr.h.n) >> (hdr.h.n >> 1);": lambda a, b, n: (a << n & MOST) >> (n >> 1),
    "hdr.h.r = hdr.h.a / 4096 + hdr.h.a % (1 << 70);": lambda a, b, n: a // 4096 + a % (1 << 70),
    "hdr.h.r = hdr.h.a; hdr.h.r[90:5] = hdr.h.b[85:0];": lambda a, b, n: a & ~((1 << 86) - 1 << 5) | (b % 2**86) << 5,
    "hdr.h.r = hdr.h.a; hdr.h.r[99:20] = hdr.h.r[79:0];": lambda a, b, n: a % 2**20 | (a % 2**80) << 20,
}
PRODUCTS: Final[dict[str, Reference]] = {
    "hdr.h.r = hdr.h.a * hdr.h.b;": lambda a, b, n: a * b,
    "hdr.h.r = hdr.h.a; hdr.h.r = hdr.h.r * (hdr.h.r + 1) - 3;": lambda a, b, n: a * (a + 1) - 3,
}
"""What solvers do not prove for all values."""


def _program(operation: str) -> ir.Program:
    ingress = f"apply {{ std.egress_spec = 1; {operation} }}"
    parser = "state start { p.extract(hdr.h); transition accept; }"
    return load_text(v1_program(TYPES, parser, ingress, "p.emit(hdr.h);"), "wide.p4").program


def _frame(a: int, b: int, r: int, n: int) -> str:
    return f"{a << 220 | b << 120 | r << 20 | n << 12:0108x}"


@pytest.mark.long
@pytest.mark.parametrize("operation", [*OPERATIONS, "hdr.h.r = hdr.h.a * 5;"])
def test_proven(operation: str) -> None:
    proof = (
        Checker(_program(operation), timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    )
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)


@pytest.mark.oracle
@pytest.mark.parametrize("operation", [*OPERATIONS, *PRODUCTS])
def test_run(operation: str, kernel_oracle: KernelOracle) -> None:
    reference, random = (OPERATIONS | PRODUCTS)[operation], Random(3)
    inputs = [(0, 0, 0), (MOST, MOST, 99), (MOST, 1, 100), (1 << 99, 1 << 99, 255), ((1 << 99) - 1, 1, 64)]
    inputs += [(random.getrandbits(100), random.getrandbits(100), random.randrange(100)) for _ in range(5)]
    inputs += [(random.getrandbits(100), random.getrandbits(7), 63)]
    lines = []
    for a, b, n in inputs:
        lines += [f"packet 2 {_frame(a, b, 0, n)}", f"expect 1 {_frame(a, b, reference(a, b, n) & MOST, n)}$"]
    program = _program(operation)
    result = run_stf(program, "\n".join(lines), "wide.stf", Real(program, TARGET, {"hook": "xdp"}, kernel_oracle))
    assert result.passed, result


def test_division_by_other_numbers_is_refused() -> None:
    for divisor in ("3", "hdr.h.b"):
        with pytest.raises(CannotOffload, match="operator / on more than 64 bits"):
            lower(_program(f"hdr.h.r = hdr.h.a / {divisor};"), None, {"hook": "xdp"})
