"""PSA: every packet path, its metadata, and what the second parser reads."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from tests.support.portable_text import both, pna, psa, sent

RULES = RuleSet(
    {},
    multicast={7: (Replica(3, 30), Replica(4, 40)), 9: ()},
    sessions={5: Session((Replica(6, 60),)), 11: Session((Replica(7, 70), Replica(8, 80)))},
)
SHOW = "hdr.h.b = (bit<8>) (bit<16>) istd.instance; hdr.h.c = (bit<8>) istd.class_of_service;"
PATH = """
    if (istd.packet_path == PSA_PacketPath_t.NORMAL_UNICAST) { hdr.h.a = 1; }
    if (istd.packet_path == PSA_PacketPath_t.NORMAL_MULTICAST) { hdr.h.a = 2; }
    if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) { hdr.h.a = 3; }
    if (istd.packet_path == PSA_PacketPath_t.CLONE_E2E) { hdr.h.a = 4; }
"""


# --- one port -------------------------------------------------------------------------------------------------------


def test_a_packet_goes_through_ingress_and_egress() -> None:
    assert sent(psa("hdr.h.a = 7;", "hdr.h.b = hdr.h.a;")) == ["1:07070304ee"]


def test_a_packet_is_dropped_unless_it_is_sent() -> None:
    assert sent(psa("ingress_drop(ostd);")) == []
    assert sent(psa("ostd.drop = true;")) == []
    assert sent(psa("", "egress_drop(ostd);")) == []


def test_unicast_metadata() -> None:
    program = psa("ostd.class_of_service = (ClassOfService_t) 9;", SHOW + PATH)
    assert sent(program) == ["1:01000904ee"]
    port = psa("send_to_port(ostd, istd.ingress_port);", "hdr.h.d = (bit<8>) (PortIdUint_t) istd.egress_port;")
    assert sent(port, port=77) == ["77:0102034dee"]


def test_the_egress_port_is_undefined_until_it_is_set() -> None:
    program = psa("PortId_t p; ostd.egress_port = p;")
    seen = run(program, None, bytes(5), 2, choice=lambda c: 0xABCD)
    assert [out for _, out, _ in seen.outputs] == [0xABCD]
    assert any("not defined" in step["reason"] for step in seen.undefined)


def test_user_metadata_is_undefined_in_both_parsers() -> None:
    again = psa("hdr.h.a = meta.m;", "hdr.h.b = meta.m;")
    seen = run(again, None, bytes.fromhex("01020304"), 2, choice=lambda c: 0x5A)
    assert seen.outputs == (("port", 1, bytes.fromhex("5a5a0304")),)


def test_exit_ends_one_control() -> None:
    assert sent(psa("exit;", "hdr.h.a = 9; exit;")) == ["1:09020304ee"]


# --- the second parser ----------------------------------------------------------------------------------------------

TWO = "state start { pkt.extract(hdr.h); pkt.extract(hdr.x); transition accept; }"


def test_the_egress_parser_reads_what_the_ingress_deparser_emitted() -> None:
    added = psa(
        "hdr.e.setValid(); hdr.e = { 9, 8, 7, 6 };",
        "hdr.x.v = hdr.x.v + 1;",
        id="pkt.emit(hdr.e); pkt.emit(hdr.h);",
        ep=TWO,
    )
    assert sent(added) == ["1:0908070601020305ee"]


def test_it_goes_on_in_the_payload() -> None:
    removed = psa("hdr.h.setInvalid();", "hdr.h.a = hdr.h.a + 1;")
    assert sent(removed, "01020304aabbccdd77") == ["1:abbbccdd77"]
    across = psa("", "", ip=_half(), ep=TWO, id="pkt.emit(hdr.h);")
    assert sent(across, "0102030405060708aa") == ["1:0102030405060708aa"]


def _half() -> str:
    return "state start { pkt.extract(hdr.h); transition accept; }"


def test_a_frame_that_became_too_short_is_an_error_in_egress() -> None:
    program = psa(
        "hdr.h.setInvalid();", "if (istd.parser_error == error.PacketTooShort) { hdr.e.setValid(); hdr.e = {1,2,3,4}; }"
    )
    assert sent(program, "0102030499") == ["1:0102030499"]


def test_layouts_of_the_first_deparser_are_told_apart() -> None:
    """Whether a header is there is decided in ingress; egress parses each case."""
    body = "if (hdr.h.a == 1) { hdr.x.setValid(); hdr.x.v = 0x0a0b0c0d; } if (hdr.h.b == 2) { hdr.h.setInvalid(); }"
    program = psa(body, "hdr.h.d = 0xff;", id="pkt.emit(hdr.x); pkt.emit(hdr.h);")
    assert sent(program, "01020304") == ["1:0a0b0cff"]
    assert sent(program, "0103030405") == ["1:0a0b0cff0103030405"]
    assert sent(program, "0203030405") == ["1:020303ff05"]
    assert sent(program, "0202030405060708") == ["1:050607ff"]


def test_more_layouts_than_can_be_told_apart_reach_egress_by_their_length() -> None:
    """2^7 of them have eight lengths; each is only where it is."""
    emits = "".join(f"if (hdr.h.a[{i}:{i}] == 1) {{ pkt.emit(hdr.h); }}" for i in range(7))
    program = psa("", "hdr.h.d = hdr.h.d + 1;", id=emits + "pkt.emit(hdr.h);")
    assert sent(program, "00020304ee") == ["1:00020305ee"]
    assert sent(program, "05020304ee") == ["1:05020305" + 2 * "05020304" + "ee"]
    assert sent(program, "7f020304") == ["1:7f020305" + 7 * "7f020304"]


def test_the_length_that_egress_sees_is_that_of_its_frame() -> None:
    ep = "state start { pkt.extract(hdr.h); meta.n = pkt.length(); transition accept; }"
    program = psa("hdr.e.setValid(); hdr.e = {0,0,0,0};", "hdr.h.d = (bit<8>) meta.n;", ep=ep)
    assert sent(program, "0102030405") == ["1:01020309" + "00000000" + "05"]


def test_bridged_metadata_reaches_egress_and_no_other() -> None:
    ep = """state start { pkt.extract(hdr.h); meta.m = bridged.m; meta.f = bridged.f; hdr.x = bridged.x;
        transition accept; }"""
    id_ = "bridged.m = meta.m; bridged.f = true; bridged.x.setValid(); bridged.x.v = 0x11223344; pkt.emit(hdr.h);"
    show = "hdr.h.a = meta.m; if (meta.f) { hdr.h.b = 0xbb; }"
    assert sent(psa("meta.m = 0x77;", show, ep=ep, id=id_)) == ["1:77bb030411223344ee"]
    other = psa("", "hdr.h.a = meta.m;", ep="state start { pkt.extract(hdr.h); meta.m = cloned.m; transition accept; }")
    seen = run(other, None, bytes(4), 2, choice=lambda c: 0x3C)
    assert seen.outputs[0][2][0] == 0x3C


def test_parser_errors_reach_both_controls() -> None:
    body = "if (istd.parser_error == error.PacketTooShort) { hdr.h.setValid(); hdr.h = { 1, 1, 1, 1 }; }"
    assert sent(psa(body), "aabb") == ["1:01010101aabb"]
    none = "if (istd.parser_error == error.NoError) { hdr.h.a = 0xee; }"
    assert sent(psa(none, "if (istd.parser_error == error.NoError) { hdr.h.b = 0xee; }")) == ["1:eeee0304ee"]


# --- copies ---------------------------------------------------------------------------------------------------------


def test_multicast_copies_go_through_egress_one_by_one() -> None:
    program = psa("multicast(ostd, (MulticastGroup_t) 7); ostd.class_of_service = (ClassOfService_t) 5;", SHOW + PATH)
    assert sent(program, rules=RULES) == ["3:021e0504ee", "4:02280504ee"]
    empty = psa("multicast(ostd, (MulticastGroup_t) 9);")
    assert sent(empty, rules=RULES) == []


def test_send_to_port_takes_multicast_back() -> None:
    program = psa("multicast(ostd, (MulticastGroup_t) 7); send_to_port(ostd, (PortId_t) 6);")
    assert sent(program, rules=RULES) == ["6:01020304ee"]


CLONE = "ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) {};"


def test_a_clone_from_ingress_is_the_frame_as_it_came() -> None:
    program = psa("hdr.h.d = 0xdd;" + CLONE.format(11), SHOW + PATH)
    assert sent(program, rules=RULES) == ["1:010000ddee", "7:03460004ee", "8:03500004ee"]


def test_a_clone_does_not_depend_on_what_becomes_of_the_packet() -> None:
    assert sent(psa(CLONE.format(5) + "ingress_drop(ostd);"), rules=RULES) == ["6:01020304ee"]
    assert sent(psa(CLONE.format(99)), rules=RULES) == ["1:01020304ee"]


def test_clones_carry_metadata() -> None:
    ep = "state start { pkt.extract(hdr.h); meta.m = cloned.m; meta.n = 0; transition accept; }"
    id_ = "if (psa_clone_i2e(istd)) { cloned.m = 0x99; } pkt.emit(hdr.h);"
    program = psa(CLONE.format(5) + "ostd.drop = true;", "hdr.h.a = meta.m;", ep=ep, id=id_)
    assert sent(program, rules=RULES) == ["6:99020304ee"]


def test_a_clone_from_egress_is_what_egress_emitted() -> None:
    again = "if (istd.packet_path != PSA_PacketPath_t.CLONE_E2E) { hdr.h.d = 0xdd; " + CLONE.format(11) + "} "
    ed = "if (psa_clone_e2e(istd)) { again.m = 0x55; } pkt.emit(hdr.h);"
    ep = "state start { pkt.extract(hdr.h); meta.m = again.m; transition accept; }"
    program = psa(
        "", again + PATH + "if (istd.packet_path == PSA_PacketPath_t.CLONE_E2E) { hdr.h.b = meta.m; }", ep=ep, ed=ed
    )
    assert sent(program, rules=RULES) == ["1:010203ddee", "7:045503ddee", "8:045503ddee"]


def test_a_dropped_packet_is_cloned_in_egress_too() -> None:
    again = "if (istd.packet_path != PSA_PacketPath_t.CLONE_E2E) { egress_drop(ostd); " + CLONE.format(5) + "} "
    assert sent(psa("", again), rules=RULES) == ["6:01020304ee"]


def test_clones_of_clones() -> None:
    again = "if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) { hdr.h.d = 0xdd; " + CLONE.format(11) + "} "
    program = psa(CLONE.format(5), again + PATH)
    assert sent(program, rules=RULES) == ["1:01020304ee", "6:030203ddee", "7:040203ddee", "8:040203ddee"]


def test_clones_without_end_are_excluded_by_name() -> None:
    behaviour = meaning(psa("", CLONE.format(5)))
    assert any("copied more than" in a.text for a in behaviour.domain)


def test_each_copy_counts_on_what_those_before_it_left() -> None:
    count = "bit<8> n; n = r.read(32w1); n = n + 1; r.write(32w1, n); hdr.h.b = n;"
    program = psa(
        "multicast(ostd, (MulticastGroup_t) 7);" + CLONE.format(11),
        count,
        egress_locals="Register<bit<8>, bit<32>>(4) r;",
    )
    seen = both(program, "01020304", rules=RULES)
    assert sorted(frame[1] for _, _, frame in seen.outputs) == [1, 2, 3, 4]
    assert seen.state == {"EG.r": {1: 4}}


# --- back to the start ----------------------------------------------------------------------------------------------


def test_a_resubmitted_packet_is_the_frame_as_it_came_with_its_metadata() -> None:
    ip = "state start { pkt.extract(hdr.h); meta.m = resubmitted.m; hdr.x = resubmitted.x; transition accept; }"
    body = """hdr.h.b = hdr.h.b + 1; meta.n = hdr.x.isValid() ? hdr.x.v : 0;
        if (istd.packet_path == PSA_PacketPath_t.RESUBMIT) {
            hdr.h.a = meta.m; hdr.h.d = (bit<8>) (PortIdUint_t) istd.ingress_port;
        } else { ostd.resubmit = true; }"""
    id_ = """if (psa_resubmit(istd)) { resubmitted.m = 0x66; resubmitted.x.setValid(); resubmitted.x.v = 5; }
        pkt.emit(hdr.h);"""
    assert sent(psa(body, ip=ip, id=id_), port=4) == ["1:66030304ee"]
    assert both(psa(body, ip=ip, id=id_), "01020304ee", 4).passes == 2


def test_drop_comes_before_resubmit_and_resubmit_before_multicast() -> None:
    first = "if (istd.packet_path == PSA_PacketPath_t.NORMAL) {{ ostd.resubmit = true; {} }} else {{ hdr.h.a = 9; }}"
    assert sent(psa(first.format("ostd.drop = true;")), rules=RULES) == []
    assert sent(psa(first.format("ostd.multicast_group = (MulticastGroup_t) 7;")), rules=RULES) == ["1:09020304ee"]


def test_a_recirculated_packet_is_what_egress_emitted() -> None:
    ip = "state start { pkt.extract(hdr.h); meta.m = recirculated.m; transition accept; }"
    body = """if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) {
            hdr.h.a = meta.m;
            if (istd.ingress_port == PSA_PORT_RECIRCULATE) { hdr.h.b = 0xbb; }
        } else { send_to_port(ostd, PSA_PORT_RECIRCULATE); }"""
    ed = "if (psa_recirculate(istd, edstd)) { recirculated.m = 0x44; } pkt.emit(hdr.h);"
    assert sent(psa(body, "hdr.h.d = hdr.h.d + 1;", ip=ip, ed=ed)) == ["1:44bb0306ee"]


def test_a_program_that_never_resubmits_sees_no_resubmitted_packet() -> None:
    (text,) = {a.text for a in meaning(psa("send_to_port(ostd, (PortId_t) 3);")).domain}
    assert text == "the packet path is NORMAL, its port accordingly"
    path = b.var("in.packet_path", 8)
    (condition,) = [a.condition for a in meaning(psa()).domain]
    assert b.evaluate([condition], {"in.packet_path": 5, "in.port": 2}) == [0]
    assert path in b.variables(condition)


def test_copies_may_be_recirculated() -> None:
    rules = RuleSet({}, multicast={7: (Replica(0xFFFFFFFA, 1), Replica(3, 2))})
    body = """if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) { send_to_port(ostd, (PortId_t) 8); }
        else { multicast(ostd, (MulticastGroup_t) 7); }"""
    assert sorted(sent(psa(body, "hdr.h.d = hdr.h.d + 1;"), rules=rules)) == ["3:01020305ee", "8:01020306ee"]


# --- sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "out"), [(3, "6:010203"), (4, "6:01020304"), (6, "6:0102030405ee"), (99, "6:0102030405ee")]
)
def test_a_session_may_truncate(length: int, out: str) -> None:
    """Before egress, which parses the shorter frame; also where no packet is known, under these rules."""
    rules = RuleSet({}, sessions={5: Session((Replica(6, 0),), truncate=length)})
    show = "if (istd.parser_error == error.PacketTooShort) { hdr.e.setInvalid(); } "
    program = psa(CLONE.format(5) + "ostd.drop = true;", show)
    frame = bytes.fromhex("0102030405ee")
    seen = run(program, rules, frame, 2)
    assert [f"{port}:{data.hex()}" for _, port, data in seen.outputs] == [out]
    whole = evaluate_passes(meaning(program, rules), frame, 2, default=0, groups=lambda *_: [(6, 0)])
    assert whole.outputs == seen.outputs


def test_clones_of_a_truncated_clone_are_as_short() -> None:
    again = "if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) { " + CLONE.format(11) + "} "
    sessions = {5: Session((Replica(6, 0),), truncate=5), 11: Session((Replica(7, 0),), truncate=4)}
    rules = RuleSet({}, sessions=sessions)
    program = psa(CLONE.format(5) + "ostd.drop = true;", again)
    seen = run(program, rules, bytes.fromhex("010203040506"), 2)
    assert seen.outputs == (("port", 6, bytes.fromhex("0102030405")), ("port", 7, bytes.fromhex("01020304")))
    ports = {5: 6, 11: 7}
    whole = evaluate_passes(
        meaning(program, rules), bytes.fromhex("010203040506"), 2, default=0,
        groups=lambda _kind, number, _depth: [(ports[number], 0)],
    )  # fmt: skip
    assert whole.outputs == seen.outputs


def test_a_mirror_session_may_truncate() -> None:
    rules = RuleSet({}, sessions={5: Session((Replica(6, 0),), truncate=2)})
    program = pna("mirror_packet((MirrorSlotId_t) 0, (MirrorSessionId_t) 5);")
    seen = run(program, rules, bytes.fromhex("0102030405"), 2)
    assert seen.outputs == (("port", 6, bytes.fromhex("0102")),)
    whole = evaluate_passes(
        meaning(program, rules), bytes.fromhex("0102030405"), 2, default=0, groups=lambda *_: [(6, 0)]
    )
    assert whole.outputs == seen.outputs


def test_session_0_goes_to_the_cpu_until_the_control_plane_says_otherwise() -> None:
    program = psa(CLONE.format(0) + "ostd.drop = true;")
    assert sent(program) == ["4294967293:01020304ee"]
    assert sent(program, rules=RuleSet({}, sessions={0: Session((Replica(9, 0),))})) == ["9:01020304ee"]


def test_clones_from_egress_are_made_on_the_way_that_asks_for_them_only() -> None:
    """Egress takes two ways here, each of which clones to a session of its own."""
    ep = "state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: more; default: accept; } }"
    ep += " state more { pkt.extract(hdr.x); transition accept; }"
    egress = "if (istd.packet_path == PSA_PacketPath_t.NORMAL_MULTICAST) {" + CLONE.format(5)
    egress += "if (hdr.x.isValid()) { ostd.clone_session_id = (CloneSessionId_t) 11; } }"
    program = psa("multicast(ostd, (MulticastGroup_t) 7);", egress, ep=ep)
    assert len(sent(program, "0102030405060708", rules=RULES)) == 2 + 2 * 2
    assert len(sent(program, "0202030405060708", rules=RULES)) == 2 + 2 * 1
