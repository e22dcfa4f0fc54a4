"""Registers that do not begin with zeros: what the kernel's maps hold before the first packet."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.commands.stf import Real
from p4verify.semantics.meaning.stf import run_stf
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

PROGRAM: Final = psa(
    "hdr.h.b = five.read(hdr.h.a); five.write(hdr.h.a, hdr.h.b + 1); hdr.h.c = zero.read(hdr.h.a);"
    "hdr.h.d = signed.read(hdr.h.a) == -2 ? 8w1 : 0;",
    locals="""Register<bit<8>, bit<8>>(3, 5) five; Register<bit<8>, bit<8>>(3) zero;
    Register<int<7>, bit<8>>(3, -2) signed;""",
)
FRAME: Final = "00" * 14
TEST: Final = f"""
packet 2 02000000{FRAME}
expect 1 02050001{FRAME}$
packet 2 02000000{FRAME}
expect 1 02060001{FRAME}$
packet 2 00000000{FRAME}
expect 1 00050001{FRAME}$
"""


def test_only_maps_that_do_not_begin_with_zeros_are_filled() -> None:
    elements = TARGET.at_first(PROGRAM, lower(PROGRAM, None, {"hook": "tc"}))
    signed = (126).to_bytes(8, "little")
    assert {name.rpartition("_cells")[0][-4:]: values for name, values in elements.items()} == {
        "five": [(bytes([at, 0, 0, 0]), (5).to_bytes(8, "little")) for at in range(3)],
        "gned": [(bytes([at, 0, 0, 0]), signed) for at in range(3)],
    }


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_the_kernel_begins_with_them(hook: str, kernel_oracle: KernelOracle) -> None:
    result = run_stf(PROGRAM, TEST, "first.stf", Real(PROGRAM, TARGET, {"hook": hook}, kernel_oracle))
    assert result.passed, result
