"""A program that a compiler printed, beside one that it did not: full names in ``@name`` get the control's in front."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from tests.support.portable_text import psa

TABLE = """table t {
    key = { hdr.h.a: exact @name("a"); } actions = { count; } default_action = count(); psa_direct_counter = c;
}"""
SET = "state start { meta.f = true; pkt.extract(hdr.h); transition accept; }"


def made(printed: bool, body: str, counted: str = "c") -> ir.Program:
    """A counter for each entry, of one name in both controls; ``printed``: each says its full name."""

    def named(what: str) -> str:
        return f'@name("{what}") ' if printed else ""

    def control(name: str, counts: str) -> str:
        return (
            f"{named(f'{name}.c')} DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS_AND_BYTES) c; "
            f"{named(f'{name}.d')} Counter<bit<32>, bit<8>>(4, PSA_CounterType_t.PACKETS) d; "
            f"{named(f'{name}.count')} action count() {{ {counts}; }} {named(f'{name}.t')} {TABLE}"
        )

    other = "d.count(1)" if counted == "d" else "d.count(0)"
    return psa(
        body, "t.apply();", ip=SET, locals=control("IG", "c.count(); d.count(0)"),
        egress_locals=control("EG", f"c.count(); {other}"),
    )  # fmt: skip


def verdict(first: ir.Program, second: ir.Program) -> Verdict:
    return check_pair(ProgramPair(first, second), Engine(timeout=20), time.monotonic()).verdict


@pytest.mark.parametrize("printed", [(True, False), (False, True)])
@pytest.mark.parametrize("bodies", [("t.apply();", "t.apply();"), ("t.apply();", "if (meta.f) { t.apply(); }")])
def test_what_is_printed_is_the_same_on_either_side(printed: tuple[bool, bool], bodies: tuple[str, str]) -> None:
    """Block by block, and where only the whole shows it; counters of two units, which have a part for each."""
    first, second = (made(p, body) for p, body in zip(printed, bodies, strict=True))
    assert verdict(first, second) is Verdict.ACCEPT
    assert verdict(first, made(printed[1], bodies[1], counted="d")) is Verdict.REJECT
