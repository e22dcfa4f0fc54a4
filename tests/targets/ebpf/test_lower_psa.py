"""PSA programs: proven for every packet and rule set at both hooks; code of another program is told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.semantics.source import InputError
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.replicas import COUNT_BYTES, MEMBER_BYTES
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

LOAD_WORD: Final = 0x61
_STATE: Final = """
Counter<bit<6>, bit<4>>(10, PSA_CounterType_t.PACKETS_AND_BYTES) both;
Counter<bit<6>, bit<40>>(10, PSA_CounterType_t.BYTES) one;
Register<params_t, bit<8>>(3) pair;
"""
_COUNT: Final = """both.count(hdr.h.a[3:0]); one.count(hdr.h.b ++ 32w0);
params_t old = pair.read(hdr.h.c); pair.write(hdr.h.c, {old.p + 1, hdr.h.a ++ hdr.h.b}); """
_REGISTER: Final = "Register<bit<8>, bit<8>>(3) one;"
_ADD: Final = "if (hdr.h.c < 3) { one.write(hdr.h.c, one.read(hdr.h.c) + hdr.h.a); }"
_SUMS: Final = """
Hash<bit<8>>(PSA_HashAlgorithm_t.CRC16) crc; Hash<bit<16>>(PSA_HashAlgorithm_t.ONES_COMPLEMENT16) ones;
InternetChecksum() ck; Checksum<bit<16>>(PSA_HashAlgorithm_t.CRC16) more; Random<bit<8>>(3, 5) any;"""
_SUM: Final = """
ck.add({hdr.h.a, hdr.h.b}); bit<16> state = ck.get_state(); ck.clear(); ck.set_state(state);
ck.subtract({hdr.h.c, hdr.h.d});
more.update({hdr.h.a}); more.update({hdr.h.b, hdr.h.c});
if (hdr.h.d == 1) { hdr.h.a = ck.get()[7:0]; } else if (hdr.h.d == 2) { hdr.h.a = more.get()[7:0]; }
else if (hdr.h.d == 3) { hdr.h.b = crc.get_hash(hdr.h.a[6:0]); }
else if (hdr.h.d == 4) { hdr.h.b = crc.get_hash(8w4, {hdr.h.a, hdr.h.c}, 8w8); }
else if (hdr.h.d == 5) { hdr.h.b = ones.get_hash({hdr.h.a, hdr.h.c})[7:0]; }
"""
_TABLE: Final = """
action to(PortId_t port, bit<8> mark) { ostd.egress_port = port; hdr.h.d = mark; }
action drop() { ingress_drop(ostd); }
table t { key = { hdr.h.a : exact; } actions = { to; drop; ingress_drop(ostd); NoAction; } default_action = drop(); }
"""
_AGAIN: Final = "if (hdr.h.a == 1) { send_to_port(ostd, PSA_PORT_RECIRCULATE); hdr.h.b = 0; }"

_MULTICAST: Final = "multicast(ostd, (MulticastGroup_t) (bit<32>) hdr.h.a);"
_MEMBER: Final = """if (istd.packet_path == PSA_PacketPath_t.NORMAL_MULTICAST) {
    hdr.h.c = (bit<8>) (bit<32>) istd.egress_port; }"""
_GROUPS: Final = """
action to(MulticastGroup_t group) { multicast(ostd, group); }
action drop() { ingress_drop(ostd); }
table t { key = { hdr.h.a : exact; } actions = { to; drop; NoAction; } default_action = drop(); }
"""
_CLONE: Final = """if (hdr.h.a == 1) { ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 7; }
if (hdr.h.b == 1) { ingress_drop(ostd); } hdr.h.d = 5; ostd.class_of_service = (ClassOfService_t) 2;"""
_OF_CLONES: Final = """if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) { hdr.h.a = 0xC1; }
else if (hdr.h.d == 9) { egress_drop(ostd); }
hdr.h.c = (bit<8>) istd.class_of_service; hdr.h.b = (bit<8>) (bit<16>) istd.instance;"""

_AS_OUT: Final = """if (istd.packet_path == PSA_PacketPath_t.CLONE_E2E) {
    hdr.h.a = 0xC2; hdr.h.b = (bit<8>) (bit<16>) istd.instance; hdr.h.c = (bit<8>) istd.class_of_service;
} else if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) {
    if (hdr.h.a == 1) { ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) (bit<16>) (bit<8>) 7; }
    if (hdr.h.b == 1) { egress_drop(ostd); }
    hdr.h.d = 5;
}"""
_LONGER: Final = """if (istd.packet_path != PSA_PacketPath_t.CLONE_E2E) {
    ostd.clone = hdr.h.a == 1; ostd.clone_session_id = (CloneSessionId_t) 7;
    hdr.x.setValid(); hdr.x.v = 16w1 ++ hdr.h.b ++ hdr.h.c; hdr.h.d = 9;
} else if (hdr.h.b == 2) { hdr.h.c = hdr.x.v[7:0]; hdr.e.setValid(); hdr.e = hdr.h; }"""
_LONGER_READ: Final = """state start { pkt.extract(hdr.h); transition select(hdr.h.d) { 9: more; default: accept; } }
state more { pkt.extract(hdr.x); transition accept; }"""

_ASKED: Final = """if (hdr.h.a == 1) { ingress_drop(ostd); } if (hdr.h.a == 2) { ostd.resubmit = true; }
if (hdr.h.a == 3) { send_to_port(ostd, PSA_PORT_RECIRCULATE); }"""
_DROPS: Final = "if (hdr.h.b == 7) { egress_drop(ostd); }"
_ASKS: Final = """bridged.m = 1; if (psa_normal(istd)) { bridged.m = 2; } if (psa_clone_i2e(istd)) { hdr.h.d = 1; }
if (psa_resubmit(istd)) { resubmitted.m = hdr.h.b; } pkt.emit(hdr);"""
_EGRESS_ASKS: Final = """if (psa_recirculate(istd, edstd)) { hdr.h.c = 2; } if (psa_clone_e2e(istd)) { hdr.h.d = 1; }
pkt.emit(hdr);"""

PROGRAMS: Final[dict[str, tuple[ir.Program, ir.Program]]] = {
    "fields": (
        psa("hdr.h.a = hdr.h.b;", "hdr.h.c = hdr.h.d;"),
        psa("hdr.h.a = hdr.h.b;", "hdr.h.c = hdr.h.b;"),
    ),
    "drops": (
        psa("if (hdr.h.a == 1) { ingress_drop(ostd); }", "if (hdr.h.b == 2) { egress_drop(ostd); }"),
        psa("if (hdr.h.a == 1) { ingress_drop(ostd); }", "if (hdr.h.b != 2) { egress_drop(ostd); }"),
    ),
    "questions of deparsers": (
        psa(_ASKED, _DROPS, id=_ASKS, ed=_EGRESS_ASKS),
        psa(_ASKED, _DROPS, id=_ASKS, ed=_EGRESS_ASKS.replace("c = 2", "c = 3")),
    ),
    "bridged metadata": (
        psa(id="bridged.m = hdr.h.a; bridged.x.setValid(); bridged.x.v = 5; pkt.emit(hdr);",
            ep="state start { pkt.extract(hdr.h); hdr.x = bridged.x; hdr.h.b = bridged.m; transition accept; }"),
        psa(id="bridged.m = hdr.h.b; bridged.x.setValid(); bridged.x.v = 5; pkt.emit(hdr);",
            ep="state start { pkt.extract(hdr.h); hdr.x = bridged.x; hdr.h.b = bridged.m; transition accept; }"),
    ),
    "a header that ingress adds and egress reads": (
        psa("hdr.x.setValid(); hdr.x.v = 16w1 ++ hdr.h.b ++ hdr.h.c;",
            ep="state start { pkt.extract(hdr.h); pkt.extract(hdr.x); transition accept; }",
            egress="hdr.h.a = hdr.x.v[7:0]; if (istd.parser_error != error.NoError) { hdr.h.d = 9; }"),
        psa("hdr.x.setValid(); hdr.x.v = 16w1 ++ hdr.h.b ++ hdr.h.c;",
            ep="state start { pkt.extract(hdr.h); pkt.extract(hdr.x); transition accept; }",
            egress="hdr.h.a = hdr.x.v[15:8]; if (istd.parser_error != error.NoError) { hdr.h.d = 9; }"),
    ),
    "tables": (psa("t.apply();", locals=_TABLE), psa("if (hdr.h.b != 0) { t.apply(); }", locals=_TABLE)),
    "state": (psa(_COUNT, locals=_STATE), psa(_COUNT.replace("old.p + 1", "old.p + 2"), locals=_STATE)),
    "state of egress": (
        psa("", _ADD, egress_locals=_REGISTER),
        psa("", _ADD.replace("+ hdr.h.a", "+ hdr.h.b"), egress_locals=_REGISTER),
    ),
    "sums": (psa(_SUM, locals=_SUMS), psa(_SUM.replace("subtract", "add"), locals=_SUMS)),
    "recirculation": (psa(_AGAIN), psa(_AGAIN.replace("== 1", "== 2"))),
    "packet path": (
        psa(_AGAIN + "if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) { hdr.h.c = 7; }",
            "if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) { hdr.h.d = 3; }"),
        psa(_AGAIN + "if (istd.packet_path == PSA_PacketPath_t.NORMAL) { hdr.h.c = 7; }",
            "if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) { hdr.h.d = 3; }"),
    ),
    "timestamps": (
        psa("hdr.h.a = ((bit<64>) istd.ingress_timestamp)[7:0];", "hdr.h.b = ((bit<64>) istd.egress_timestamp)[7:0];"),
        psa("hdr.h.a = ((bit<64>) istd.ingress_timestamp)[8:1];", "hdr.h.b = ((bit<64>) istd.egress_timestamp)[7:0];"),
    ),
    "multicast": (
        psa(_MULTICAST, "hdr.h.b = 3; if (istd.instance == (EgressInstance_t) 2) { egress_drop(ostd); } " + _MEMBER),
        psa(_MULTICAST, "hdr.h.b = 3; if (istd.instance == (EgressInstance_t) 1) { egress_drop(ostd); } " + _MEMBER),
    ),
    "multicast after a table": (
        psa("t.apply();", "hdr.h.d = (bit<8>) (bit<32>) istd.egress_port;", locals=_GROUPS),
        psa("t.apply();", "hdr.h.d = (bit<8>) (bit<16>) istd.instance;", locals=_GROUPS),
    ),
    "clones": (
        psa(_CLONE, _OF_CLONES),
        psa(_CLONE.replace("a == 1", "a == 2"), _OF_CLONES),
    ),
    "clones from egress": (psa("", _AS_OUT), psa("", _AS_OUT.replace("d = 5", "d = 6"))),
    "clones from egress of another length": (
        psa("", _LONGER, ep=_LONGER_READ),
        psa("", _LONGER.replace("16w1", "16w2"), ep=_LONGER_READ),
    ),
    "clones from egress beside other copies": (
        psa(_CLONE + "if (hdr.h.c == 3) { multicast(ostd, (MulticastGroup_t) 4); }", _AS_OUT),
        psa(_CLONE + "if (hdr.h.c == 3) { multicast(ostd, (MulticastGroup_t) 4); }", _AS_OUT.replace("0xC2", "0xC3")),
    ),
    "class of service": (
        psa("ostd.class_of_service = (ClassOfService_t) 3; hdr.h.b = 1;",
            "hdr.h.a = (bit<8>) istd.class_of_service; hdr.h.c = (bit<8>) (bit<32>) istd.egress_port;"),
        psa("ostd.class_of_service = (ClassOfService_t) 2; hdr.h.b = 1;",
            "hdr.h.a = (bit<8>) istd.class_of_service; hdr.h.c = (bit<8>) (bit<32>) istd.egress_port;"),
    ),
}  # fmt: skip
"""What it is about → a program, and one that differs."""


FROM_EGRESS: Final = tuple(name for name in PROGRAMS if name.startswith("clones from egress"))
COPIES: Final = ("multicast", "multicast after a table", "clones", *FROM_EGRESS)
"""What XDP cannot do."""
TAGS_CHANGE: Final = ("bridged metadata", "a header that ingress adds and egress reads")
"""What gives a frame that came with a VLAN tag another outermost type."""


AT_TC: Final = (*COPIES, "fields", "tables", "state")
"""What is proven at tc; the others at XDP."""


NAMES: Final = [
    pytest.param(name, marks=pytest.mark.long) if name == "clones from egress of another length" else name
    for name in PROGRAMS
]


@pytest.mark.parametrize("name", NAMES)
def test_proven(name: str) -> None:
    program, _ = PROGRAMS[name]
    hook = "tc" if name in AT_TC else "xdp"
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("name", TAGS_CHANGE)
def test_proven_at_tc_where_tags_change(name: str) -> None:
    proof = Checker(PROGRAMS[name][0], timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "tc"}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("name", COPIES)
def test_xdp_cannot_copy(name: str) -> None:
    with pytest.raises(CannotOffload, match="only at tc"):
        lower(PROGRAMS[name][0], None, {"hook": "xdp"})


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_another_program_is_rejected(name: str) -> None:
    program, other = PROGRAMS[name]
    artifact = lower(other, None, {"hook": "tc" if name in COPIES else "xdp"})
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def test_what_the_recirculation_port_is_taken_for_is_told() -> None:
    proof = Checker(PROGRAMS["recirculation"][0], machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert any("0xfffffffa comes in there again" in note for note in proof.warnings)


@pytest.mark.oracle
def test_copies_leave_the_kernel(kernel_oracle: KernelOracle) -> None:
    program, _ = PROGRAMS["multicast"]
    rules = RuleSet({}, multicast={9: (Replica(6, 1), Replica(7, 2), Replica(8, 3)), 10: (Replica(6, 4),)})
    artifact = lower(program, None, {"hook": "tc"})
    tables = TARGET.fill(program, artifact, rules)
    for group in (9, 10, 11):
        frame = bytes([group]) + bytes(range(1, 20))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 7, 8))
        expected = run(program, rules, frame, 5).outputs
        assert len(expected) == {9: 2, 10: 1, 11: 0}[group]
        assert sorted(seen.outputs) == sorted(expected)


@pytest.mark.oracle
def test_clones_leave_the_kernel(kernel_oracle: KernelOracle) -> None:
    program, _ = PROGRAMS["clones"]
    rules = RuleSet({}, sessions={7: Session((Replica(6, 1), Replica(7, 2)))})
    artifact = lower(program, None, {"hook": "tc"})
    tables = TARGET.fill(program, artifact, rules)
    for head in (b"\1\0\3\4", b"\1\1\3\4", b"\2\0\3\4"):
        frame = head + bytes(range(1, 20))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 7))
        expected = run(program, rules, frame, 5).outputs
        assert len(expected) == {b"\1\0": 3, b"\1\1": 2, b"\2\0": 1}[head[:2]]
        assert sorted(seen.outputs) == sorted(expected)


@pytest.mark.oracle
@pytest.mark.parametrize("name", FROM_EGRESS)
def test_clones_from_egress_leave_the_kernel(kernel_oracle: KernelOracle, name: str) -> None:
    """Frames that are cloned, and dropped or not, with the clones' headers as egress left them."""
    program, _ = PROGRAMS[name]
    rules = RuleSet({}, multicast={4: (Replica(8, 1),)}, sessions={7: Session((Replica(6, 1), Replica(7, 2)))})
    artifact = lower(program, None, {"hook": "tc"})
    tables = TARGET.fill(program, artifact, rules)
    lengths = set()
    for head in (b"\1\0\0\4", b"\1\1\0\4", b"\1\2\0\4", b"\2\0\0\4", b"\1\1\3\4", b"\2\1\3\4"):
        frame = head + bytes(range(1, 20))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 7, 8))
        expected = run(program, rules, frame, 5).outputs
        lengths.add(len(expected))
        assert sorted(seen.outputs) == sorted(expected)
    assert len(lengths) > 1


def test_a_group_that_is_too_large_is_refused() -> None:
    program, _ = PROGRAMS["multicast"]
    rules = RuleSet({}, multicast={9: tuple(Replica(port) for port in range(9))})
    with pytest.raises(InputError, match="group 9 has 9 members"):
        TARGET.fill(program, lower(program, None, {"hook": "tc"}), rules)


@pytest.mark.parametrize("rules", [RuleSet({}, multicast={9: (Replica(6, 1), Replica(7, 2))}), RuleSet({})])
def test_given_groups(rules: RuleSet) -> None:
    program, other = PROGRAMS["multicast"]
    checker = Checker(program, rules=rules, timeout=60, machines_confirm=False)
    assert checker.check_lowered(TARGET, {"hook": "tc"}).proof.verdict is Verdict.ACCEPT
    proof = checker.check_artifact(TARGET, lower(other, rules, {"hook": "tc"}), None).proof
    assert proof.verdict is (Verdict.REJECT if rules.multicast else Verdict.ACCEPT)


def test_one_members_copy_that_is_wrong_is_rejected() -> None:
    """The second member's copy made to leave by the third's port: the counterexample has a group of three."""
    program, _ = PROGRAMS["multicast"]
    artifact = lower(program, None, {"hook": "tc"})
    code = list(artifact.programs[0].insns)
    second, third = COUNT_BYTES + MEMBER_BYTES, COUNT_BYTES + 2 * MEMBER_BYTES
    place = next(i for i, insn in enumerate(code) if insn.opcode == LOAD_WORD and insn.src == 7 and insn.off == second)
    code[place] = replace(code[place], off=third)
    changed = replace(artifact, programs=(replace(artifact.programs[0], insns=tuple(code)),))
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, changed, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert len(proof.counterexample.expected.outputs) >= 2  # the program's copies to the others are shown, too


def test_a_fault_in_one_members_copy_is_found_with_a_group_that_leads_there() -> None:
    """The third member's port is read from the stack, where nothing was written."""
    program, _ = PROGRAMS["multicast"]
    artifact = lower(program, None, {"hook": "tc"})
    code = list(artifact.programs[0].insns)
    third = COUNT_BYTES + 2 * MEMBER_BYTES
    place = next(i for i, insn in enumerate(code) if insn.opcode == LOAD_WORD and insn.src == 7 and insn.off == third)
    code[place] = replace(code[place], src=10, off=-512)
    changed = replace(artifact, programs=(replace(artifact.programs[0], insns=tuple(code)),))
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, changed, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert "was not written" in proof.reason


REFUSED: Final = {
    "metadata that goes with a cloned packet, of a deparser that does other things": psa(
        _CLONE,
        id="cloned.m = hdr.h.b; hdr.h.b = hdr.h.b + 1; pkt.emit(hdr);",
        ep="state start { pkt.extract(hdr.h); hdr.h.a = cloned.m; transition accept; }",
    ),
    "what egress does for each clone": psa(_CLONE, _ADD, egress_locals=_REGISTER),
    "what egress does for each clone, which comes behind the frame itself": psa(
        _CLONE, _AS_OUT + _ADD, egress_locals=_REGISTER
    ),
    "a copy of a packet is cloned": psa(
        "",
        _AS_OUT.replace("CLONE_E2E) {", "CLONE_E2E && hdr.h.d == 8) {").replace(
            "== PSA_PacketPath_t.NORMAL_UNICAST", "!= PSA_PacketPath_t.NORMAL"
        ),
    ),
    "metadata that goes with a recirculated packet": psa(
        "hdr.h.a = meta.m;", ip="state start { pkt.extract(hdr.h); meta.m = recirculated.m; transition accept; }"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_place(what: str) -> None:
    with pytest.raises(CannotOffload, match=what) as refusal:
        lower(REFUSED[what], None, {"hook": "tc"})
    assert refusal.value.span.line > 0


_MARK: Final = "state start { pkt.extract(hdr.h); hdr.h.d = BROUGHT.m; transition accept; }"


def _marked(value: str, *, egress: bool = False) -> ir.Program:
    """A program whose clones carry ``value`` along."""
    if egress:
        return psa("", _AS_OUT, ed=f"again.m = {value}; pkt.emit(hdr);", ep=_MARK.replace("BROUGHT", "again"))
    says = f"if (psa_clone_i2e(istd)) {{ cloned.m = {value}; }} pkt.emit(hdr);"
    return psa(_CLONE, id=says, ep=_MARK.replace("BROUGHT", "cloned"))


@pytest.mark.parametrize("egress", [False, True])
def test_metadata_goes_with_clones(*, egress: bool) -> None:
    program, other = (_marked(value, egress=egress) for value in ("hdr.h.c", "hdr.h.c + 1"))
    for made, verdict in ((program, Verdict.ACCEPT), (other, Verdict.REJECT)):
        proof = Checker(program, timeout=60).check_artifact(TARGET, lower(made, None, {"hook": "tc"}), None).proof
        assert proof.verdict is verdict, proof.reason


def test_what_clones_carry_may_have_the_name_of_what_comes_with_recirculated_packets() -> None:
    names = "#define recirculated cloned\n"
    reads = "hdr.h.a = cloned.m; transition accept; }"
    program = psa(
        _CLONE, top=names, id="cloned.m = 3; pkt.emit(hdr);", ep=f"state start {{ pkt.extract(hdr.h); {reads}"
    )
    proof = Checker(program, timeout=60).check_lowered(TARGET, {"hook": "tc"}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
