"""STF tests that look at counters and registers, and write registers, on the kernel."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.commands.stf import Real
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

from .test_lower_copies import program

REGISTER: Final = "bit<8> v; r.read(v, 1); hdr.h.b = v; r.write(1, v + 3); c.count((bit<32>) hdr.h.a);"
OF_V1MODEL: Final = program("", REGISTER, "register<bit<8>>(2) r; counter(9, CounterType.packets_and_bytes) c;")
REST: Final = "00" * 14
WRITTEN: Final = f"""
packet 2 05000000{REST}
expect 5 05000000{REST}$
register_write eg.r 1 200
packet 2 05000000{REST}
expect 5 05c80000{REST}$
packet 2 07000000{REST}
expect 5 07cb0000{REST}$
check_counter eg.c(5) packets == 2
check_counter eg.c(5) bytes == 36
check_counter eg.c(7) == 1
check_counter eg.c(8) == 0
register_read eg.r 1
"""
OF_PSA: Final = psa(
    "hdr.h.b = five.read(hdr.h.a); five.write(hdr.h.a, hdr.h.b + 1); c.count(hdr.h.a);",
    locals="Register<bit<8>, bit<8>>(3, 5) five; Counter<bit<16>, bit<8>>(4, PSA_CounterType_t.PACKETS) c;",
)
BEGUN: Final = f"""
check_counter IG.c(2) == 0
packet 2 02000000{REST}
expect 1 02050000{REST}$
register_write IG.five 1 9
packet 2 01000000{REST}
expect 1 01090000{REST}$
packet 2 02000000{REST}
expect 1 02060000{REST}$
check_counter IG.c(2) == 2
check_counter IG.c(1) != 0
"""


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize(("of", "test"), [(OF_V1MODEL, WRITTEN), (OF_PSA, BEGUN)], ids=["v1model", "PSA"])
def test_cells_are_read_and_written(of: ir.Program, test: str, hook: str, kernel_oracle: KernelOracle) -> None:
    for machine in (None, Real(of, TARGET, {"hook": hook}, kernel_oracle)):
        assert run_stf(of, test, "cells.stf", machine).passed


@pytest.mark.oracle
def test_another_number_does_not_pass(kernel_oracle: KernelOracle) -> None:
    real = Real(OF_V1MODEL, TARGET, {"hook": "tc"}, kernel_oracle)
    [wrong] = run_stf(OF_V1MODEL, WRITTEN.replace("bytes == 36", "bytes == 35"), "cells.stf", real).mismatches
    assert wrong.message == "counter eg.c.bytes holds 36 at 5, expected == 35"


@pytest.mark.oracle
def test_what_lies_in_no_array_is_not_told(kernel_oracle: KernelOracle) -> None:
    table = """direct_counter(CounterType.packets) d; action none() { }
    table t { key = { hdr.h.a : exact; } actions = { none; } counters = d; default_action = none(); }"""
    of = program("", "t.apply();", table)
    real = Real(of, TARGET, {"hook": "tc"}, kernel_oracle)
    with pytest.raises(Unsupported, match="does not tell"):
        run_stf(of, "add eg.t hdr.h.a:1 eg.none() = ENTRY\ncheck_counter eg.d($ENTRY) == 0", "d.stf", real)
