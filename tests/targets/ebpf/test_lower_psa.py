"""PSA programs: proven for every packet and rule set at both hooks; code of another program is told apart."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

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

PROGRAMS: Final[dict[str, tuple[ir.Program, ir.Program]]] = {
    "fields": (
        psa("hdr.h.a = hdr.h.b;", "hdr.h.c = hdr.h.d;"),
        psa("hdr.h.a = hdr.h.b;", "hdr.h.c = hdr.h.b;"),
    ),
    "drops": (
        psa("if (hdr.h.a == 1) { ingress_drop(ostd); }", "if (hdr.h.b == 2) { egress_drop(ostd); }"),
        psa("if (hdr.h.a == 1) { ingress_drop(ostd); }", "if (hdr.h.b != 2) { egress_drop(ostd); }"),
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
    "class of service": (
        psa("ostd.class_of_service = (ClassOfService_t) 3; hdr.h.b = 1;",
            "hdr.h.a = (bit<8>) istd.class_of_service; hdr.h.c = (bit<8>) (bit<32>) istd.egress_port;"),
        psa("ostd.class_of_service = (ClassOfService_t) 2; hdr.h.b = 1;",
            "hdr.h.a = (bit<8>) istd.class_of_service; hdr.h.c = (bit<8>) (bit<32>) istd.egress_port;"),
    ),
}  # fmt: skip
"""What it is about → a program, and one that differs."""


TAGS_CHANGE: Final = ("bridged metadata", "a header that ingress adds and egress reads")
"""What tc cannot do to a frame that came with a VLAN tag."""


@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_proven(name: str, hook: str) -> None:
    program, _ = PROGRAMS[name]
    if hook == "tc" and name in TAGS_CHANGE:
        with pytest.raises(CannotOffload, match="outermost type"):
            lower(program, None, {"hook": hook})
        return
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_code_of_another_program_is_rejected(name: str) -> None:
    program, other = PROGRAMS[name]
    artifact = lower(other, None, {"hook": "xdp"})
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def test_what_the_recirculation_port_is_taken_for_is_told() -> None:
    proof = Checker(PROGRAMS["recirculation"][0], machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert any("0xfffffffa comes in there again" in note for note in proof.warnings)


REFUSED: Final = {
    "resubmitted": psa("ostd.resubmit = true;"),
    "metadata that goes with a recirculated packet": psa(
        "hdr.h.a = meta.m;", ip="state start { pkt.extract(hdr.h); meta.m = recirculated.m; transition accept; }"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_place(what: str) -> None:
    with pytest.raises(CannotOffload, match=what) as refusal:
        lower(REFUSED[what], None, {"hook": "tc"})
    assert refusal.value.span.line > 0
