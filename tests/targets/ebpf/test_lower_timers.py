"""What PNA programs say of their entries' age: records in ring buffers, proven to be what the program tells."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Rule, RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import pna

_LOCALS: Final = """
action seen(bit<8> d) { %s hdr.h.d = d; }
action none() { }
table flows { key = { hdr.h.a : exact; hdr.h.b[2:0] : KIND; }
    actions = { seen; none; } default_action = none; size = 64; }
"""
SET: Final = "set_entry_expire_time((ExpireTimeProfileId_t) 3);"
RESTART: Final = "restart_expire_timer();"
UPDATE: Final = "update_expire_info(hdr.h.c == 1, hdr.h.d == 2, (ExpireTimeProfileId_t) 5);"


def program(calls: str, kind: str = "exact", include: str = "tc/pna.p4") -> ir.Program:
    """A PNA program whose entries' action says this."""
    locals_ = _LOCALS.replace("KIND", kind) % calls
    return pna("flows.apply();", locals=locals_, include=include)


PROGRAMS: Final = {
    "the profile": (program(SET), program(SET.replace("3", "4"))),
    "portable PNA": (program(SET, include="pna.p4"), program("", include="pna.p4")),
    "nothing told": (program(RESTART), program("")),
    "the kind": (program(RESTART), program(SET)),
    "told twice": (program(RESTART), program(RESTART + RESTART)),
    "whether it ages": (program(UPDATE), program(UPDATE.replace("c == 1", "c == 2"))),
    "whether the time changes": (program(UPDATE), program(UPDATE.replace("d == 2", "d == 3"))),
    "a condition": (
        program("set_entry_expire_time_if(hdr.h.c == 7, (ExpireTimeProfileId_t) 3);"),
        program("set_entry_expire_time_if(hdr.h.c != 7, (ExpireTimeProfileId_t) 3);"),
    ),
}
"""What it is about → a program, and one that tells something else."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_proven_and_told_apart(name: str) -> None:
    given, other = PROGRAMS[name]
    for each, wanted in ((given, Verdict.ACCEPT), (other, Verdict.REJECT)):
        checker = Checker(given, timeout=60, machines_confirm=False)
        proof = checker.check_artifact(TARGET, lower(each, None, {"hook": "xdp"}), None).proof
        assert proof.verdict is wanted, proof.reason


def test_the_kernel_hands_the_records_over(kernel_oracle: KernelOracle) -> None:
    given = program(UPDATE)
    made = lower(given, None, {"hook": "xdp"})
    rules = RuleSet({"MC.flows": (Rule("MC.flows", (Exact(1), Exact(2)), ActionCall("seen", (9,))),)})
    frames = [bytes([a, 0xFA, c, d]).ljust(60, b"\0") for a, c, d in ((1, 1, 2), (1, 1, 3), (1, 0, 2), (4, 1, 2))]
    told: list[tuple[list[bytes], list[bytes]]] = []

    def look(maps: dict[str, KernelMap]) -> None:
        told.append((maps["MC_flows_expire_times"].records(), maps["MC_flows_restarts"].records()))

    kernel_oracle.observe(made, [(2, frame) for frame in frames], TARGET.fill(given, made, rules), inspect=look)
    assert told == [([b"\x01\x02\x05"], []), ([], [b"\x01\x02"]), ([], []), ([], [])]


@pytest.mark.parametrize("calls", [SET, RESTART, UPDATE])
@pytest.mark.parametrize("kind", ["ternary", "lpm"])
def test_keys_that_are_not_kept_are_refused(calls: str, kind: str) -> None:
    with pytest.raises(CannotOffload, match="hash map") as caught:
        lower(program(calls, kind), None, {"hook": "xdp"})
    assert caught.value.span.line
