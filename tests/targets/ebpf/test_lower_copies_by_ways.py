"""Copies of a frame that comes by several ways: written before it is copied, or too short for that, or a second time.

At tc a tag may lie beside the frame. The first copy then has to put it there, and later ones find it; so the ways on
which an object sends them are others, though they send the same.
"""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import TYPES, psa

WIDE: Final = TYPES.replace("bit<8> d; }", "bit<8> d; bit<64> more; bit<16> kind; }").replace("bit<32> v", "bit<128> v")
"""A header as long as Ethernet's, and one behind it."""
BOTH: Final = "state start { pkt.extract(hdr.h); pkt.extract(hdr.x); transition accept; }"
COPIED: Final = "multicast(ostd, (MulticastGroup_t) (bit<32>) hdr.h.a); "
AGAIN: Final = "if (hdr.h.b == 9) { ostd.resubmit = true; } "
DROPPED: Final = "ostd.drop = hdr.h.b[0:0] == 1; "
SECOND: Final = "if (istd.packet_path == PSA_PacketPath_t.RESUBMIT) { hdr.x.v = 1; } "
WRITTEN: Final = "hdr.x.v[7:0] = 1; "
OWN: Final = "hdr.h.c = (bit<8>) (bit<16>) istd.instance;"
KEPT: Final = "hdr.h.c = one.read(1); one.write(1, 2 * hdr.h.c + (bit<8>) (bit<16>) istd.instance);"
SOME: Final = "if (hdr.h.kind == 0xc0) { hdr.x.v = (bit<128>) one.read(1); } else { one.write(1, 1); }"


def program(ingress: str, egress: str) -> ir.Program:
    return psa(ingress, egress, egress_locals="Register<bit<8>, bit<8>>(3) one;", ip=BOTH, ep=BOTH, types=WIDE)


PROVEN: Final = {
    "written, and copied once more": (COPIED + AGAIN + WRITTEN, OWN),
    "written, copied once more or dropped": (COPIED + DROPPED + AGAIN + WRITTEN, OWN),
    "registers": (COPIED + AGAIN + WRITTEN, KEPT),
    "registers of what may be dropped": (COPIED + DROPPED + AGAIN + WRITTEN, KEPT),
    "registers of what was written in the second pass": (COPIED + DROPPED + AGAIN + SECOND, KEPT),
    "registers of some frames": (COPIED + DROPPED + AGAIN + SECOND, SOME),
}


def verdict(of: ir.Program, made: ir.Program) -> Verdict:
    artifact = lower(made, None, {"hook": "tc"})
    return Checker(of, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof.verdict


QUICK: Final = "written"
"""How the names begin of what is not left to the long tests."""
NAMES: Final = [pytest.param(n, marks=() if n.startswith(QUICK) else pytest.mark.long) for n in PROVEN]


@pytest.mark.parametrize("name", NAMES)
def test_proven_for_any_member(name: str) -> None:
    of = program(*PROVEN[name])
    assert verdict(of, of) is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("written, and copied once more", "istd.instance", "istd.instance + 1"),
        ("written, copied once more or dropped", "[0:0] == 1", "[0:0] == 0"),
        pytest.param("registers", "2 *", "3 *", marks=pytest.mark.long),
        pytest.param(
            "registers of what may be dropped", "hdr.x.v[7:0] = 1", "hdr.x.v[7:0] = 2", marks=pytest.mark.long
        ),
        pytest.param("registers of some frames", "one.write(1, 1)", "one.write(1, 2)", marks=pytest.mark.long),
    ],
)
def test_another_program_is_rejected(name: str, old: str, new: str) -> None:
    texts = PROVEN[name]
    assert old in texts[0] + texts[1]
    other = program(*(text.replace(old, new) for text in texts))
    assert verdict(program(*texts), other) is Verdict.REJECT
