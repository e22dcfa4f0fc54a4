"""PNA programs, also P4TC's: proven for every packet and rule set; code of another program is told apart."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import pna

TC: Final = "tc/pna.p4"
_SEND: Final = "if (hdr.h.a == 1) { drop_packet(); } else if (hdr.h.a < 4) { send_to_port((PortId_t) 5); }"
_MIRROR: Final = """mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 6); hdr.h.b = 9;
if (hdr.h.a == 1) { mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 7); } if (hdr.h.a < 5) {
send_to_port((PortId_t) 5); }"""
_TABLE: Final = """
action to(PortId_t port) { send_to_port(port); hdr.h.d = 3; }
action drop() { drop_packet(); }
table t { key = { hdr.h.a : exact; } actions = { to; drop; NoAction; } default_action = NoAction; }
"""
_STATE: Final = """
Counter<bit<32>, bit<4>>(10, PNA_CounterType_t.PACKETS_AND_BYTES) both; Register<bit<8>, bit<3>>(5) one;
"""
_COUNT: Final = "both.count(hdr.h.a[3:0]); one.write(hdr.h.b[2:0], hdr.h.c + 1); send_to_port((PortId_t) 5);"
_REJECTS: Final = """state start { pkt.extract(hdr.h); transition select(hdr.h.a) {
    1: reject; 2: more; default: accept; } }
state more { pkt.extract(hdr.x); pkt.extract(hdr.e); verify(hdr.h.b == 1, error.NoMatch); transition accept; }"""
_TELL: Final = "if (istd.parser_error == error.NoMatch) { hdr.h.d = 7; }"
_KNOWN: Final = """send_to_port(istd.input_port);
hdr.h.a = SelectByDirection(istd.direction, hdr.h.b, hdr.h.c);
if ((bit<3>) istd.pass != 0) { hdr.h.d = 1; } if (istd.loopedback) { hdr.h.d = 2; }
if (istd.parser_error != error.NoError) { hdr.h.d = 3; }"""
_FUNCTION: Final = """
void sum(InternetChecksum ck, inout h_t h, in bit<8> old) {
    ck.clear(); ck.add({h.a, h.b}); ck.subtract({h.c, old}); h.a = ck.get()[7:0];
}"""

PROGRAMS: Final[dict[str, tuple[ir.Program, ir.Program]]] = {
    "forwarding": (pna(_SEND), pna(_SEND.replace("< 4", "< 5"))),
    "forwarding of P4TC": (pna(_SEND, include=TC), pna(_SEND.replace("== 1", "== 6"), include=TC)),
    "tables": (pna("t.apply();", locals=_TABLE), pna("t.apply(); drop_packet();", locals=_TABLE)),
    "state": (pna(_COUNT, locals=_STATE), pna(_COUNT.replace("+ 1", "+ 2"), locals=_STATE)),
    "rejected packets": (
        pna(_SEND + _TELL, parser=_REJECTS),
        pna(_SEND + _TELL, parser=_REJECTS.replace("b == 1", "b == 2")),
    ),
    "rejected packets of P4TC": (
        pna(_SEND + "hdr.h.d = 7;", parser=_REJECTS, include=TC),
        pna(_SEND + "hdr.h.d = 7;", parser=_REJECTS.replace("1: reject", "3: reject"), include=TC),
    ),
    "what comes in": (pna(_KNOWN, parser=_REJECTS), pna(_KNOWN.replace("hdr.h.b, hdr", "hdr.h.c, hdr"))),
    "the pre control's metadata": (
        pna(_SEND + "hdr.h.b = meta.m;", pre="meta.m = hdr.h.c;", parser="""state start {
            pkt.extract(hdr.h); meta.m = 1; transition accept; }"""),
        pna(_SEND + "hdr.h.b = meta.m;", pre="meta.m = hdr.h.d;", parser="""state start {
            pkt.extract(hdr.h); meta.m = 1; transition accept; }"""),
    ),
    "mirror copies": (pna(_MIRROR), pna(_MIRROR.replace("7); }", "8); }"))),
    "a checksum object given to a function": (
        pna(_SEND, md_locals="InternetChecksum() ck;", deparser="sum(ck, hdr.h, 1); pkt.emit(hdr);", top=_FUNCTION,
            include=TC),
        pna(_SEND, md_locals="InternetChecksum() ck;", deparser="sum(ck, hdr.h, 2); pkt.emit(hdr);", top=_FUNCTION,
            include=TC),
    ),
}  # fmt: skip
"""What it is about → a program, and one that differs."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_proven(name: str) -> None:
    program, _ = PROGRAMS[name]
    hook = "tc" if name in ("forwarding of P4TC", "tables", "mirror copies") else "xdp"
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_code_of_another_program_is_rejected(name: str) -> None:
    program, other = PROGRAMS[name]
    artifact = lower(other, None, {"hook": "tc" if name == "mirror copies" else "xdp"})
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


def test_what_is_taken_for_granted_of_packets_is_told() -> None:
    proof = Checker(PROGRAMS["what comes in"][0], machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert {"packets are not looped back", "packets come in for the first time (pass is 0)"} <= set(proof.assumptions)


@pytest.mark.oracle
def test_mirror_copies_leave_the_kernel(kernel_oracle: KernelOracle) -> None:
    program, _ = PROGRAMS["mirror copies"]
    rules = RuleSet({}, sessions={6: Session((Replica(6),)), 7: Session((Replica(6, 1), Replica(7, 2)))})
    artifact = lower(program, None, {"hook": "tc"})
    tables = TARGET.fill(program, artifact, rules)
    for first, count in ((1, 3), (2, 2), (5, 1)):
        frame = bytes([first]) + bytes(range(1, 20))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 7))
        expected = run(program, rules, frame, 5).outputs
        assert len(expected) == count
        assert sorted(seen.outputs) == sorted(expected)


REFUSED: Final = {
    "mirrored": "mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 2);",
    "a slot that is not constant": "mirror_packet((MirrorSlotId_t) hdr.h.a, (MirrorSessionId_t) 2);",
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_place(what: str) -> None:
    with pytest.raises(CannotOffload, match=what) as refusal:
        lower(pna(REFUSED[what]), None, {"hook": "xdp"})
    assert refusal.value.span.line > 0


def test_decryption_is_refused() -> None:
    with pytest.raises(CannotOffload, match="decrypted"):
        lower(pna(_SEND, pre="ostd.decrypt = true;"), None, {"hook": "tc"})
