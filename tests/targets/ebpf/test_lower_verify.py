"""``verify`` with an error that is computed, and v1model's ``Checksum16``: proven, and rejected where they differ."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES: Final = "header h_t { bit<112> eth; bit<8> a; bit<8> b; bit<16> sum; } struct headers { h_t h; }"
VERIFY: Final = """
state start {
    p.extract(hdr.h);
    error e = error.NoMatch;
    if (hdr.h.a == 1) e = error.ParserTimeout;
    if (hdr.h.a == 2) e = error.NoError;
    verify(hdr.h.b != 7, e);
    hdr.h.sum = 1;
    transition accept;
}
"""
SEEN: Final = """apply {
    std.egress_spec = 3;
    if (std.parser_error == error.ParserTimeout) std.egress_spec = 4;
    if (std.parser_error == error.NoMatch) std.egress_spec = 5;
}"""
SUM: Final = """Checksum16() sum;
apply { std.egress_spec = 3; hdr.h.sum = sum.get({ hdr.h.a, hdr.h.b, 16w5, hdr.h.b }); }"""


def program(parse: str, ingress: str) -> ir.Program:
    return load_text(v1_program(TYPES, parse, ingress, "p.emit(hdr.h);"), "v.p4").program


PLAIN: Final = "state start { p.extract(hdr.h); transition accept; }"
PROGRAMS: Final = {
    "verify": (program(VERIFY, SEEN), program(VERIFY.replace("a == 1", "a == 3"), SEEN)),
    "verify once more": (program(VERIFY, SEEN), program(VERIFY.replace("verify(hdr.h.b != 7, e);", ""), SEEN)),
    "checksum": (program(PLAIN, SUM), program(PLAIN, SUM.replace("16w5", "16w6"))),
}
"""What it is about → a program, and one that does something else."""


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_proven_and_told_apart(name: str, hook: str) -> None:
    given, other = PROGRAMS[name]
    for each, wanted in ((given, Verdict.ACCEPT), (other, Verdict.REJECT)):
        checker = Checker(given, timeout=60, machines_confirm=False)
        proof = checker.check_artifact(TARGET, lower(each, None, {"hook": hook}), None).proof
        assert proof.verdict is wanted, proof.reason
