"""The externs that PSA and PNA share, each on numbers and as the whole behaviour."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Choice
from p4verify.semantics.meaning.checksums import CRC16, crc_bytes
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.source import Unsupported
from tests.support.portable_text import both, pna, psa, sent, tc

FRAME = bytes.fromhex("01020304")


def out(program, packet: bytes = FRAME, choice: int = 0) -> bytes:  # type: ignore[no-untyped-def]
    """The one frame that leaves."""
    (output,) = run(program, None, packet, 2, choice=lambda _: choice).outputs
    return output[2]


# --- Hash -----------------------------------------------------------------------------------------------------------


def hashed(algorithm: str, width: int, data: str, call: str = "h.get_hash({data})") -> int:
    program = psa(
        f"hdr.x.setValid(); hdr.x.v = (bit<32>) {call.format(data=data)};",
        "",
        locals=f"Hash<bit<{width}>>(PSA_HashAlgorithm_t.{algorithm}) h;",
        ep="state start { transition accept; }",
        id="pkt.emit(hdr.x);",
    )
    (frame,) = sent(program, FRAME.hex())
    return int(frame[2:10], 16)


def test_hash_algorithms() -> None:
    data = "{hdr.h.a, hdr.h.b}"
    assert hashed("CRC32", 32, data) == binascii.crc32(b"\1\2")
    assert hashed("CRC16", 16, data) == crc_bytes(CRC16, b"\1\2")
    assert hashed("IDENTITY", 32, data) == 0x0102
    assert hashed("ONES_COMPLEMENT16", 16, "{hdr.h.a, hdr.h.b, hdr.h.c, hdr.h.d}") == 0xFFFF - 0x0406
    assert hashed("TARGET_DEFAULT", 32, data) == 0


def test_a_custom_crc_has_the_standards_parameters_until_the_control_plane_says_otherwise() -> None:
    program = psa("hdr.h.d = h.get_hash(hdr.h.a);", locals="Hash<bit<8>>(PSA_HashAlgorithm_t.CRC32_CUSTOM) h;")
    assert out(program)[3] == binascii.crc32(b"\1") & 0xFF
    (name,) = {t.name for case in meaning(program).cases for t in b.applications(*case.terms())}
    assert name == "hash.crc32_custom.8"


def test_a_hash_is_cut_to_its_type_and_data_filled_up_from_the_left() -> None:
    assert hashed("CRC32", 8, "hdr.h.a") == binascii.crc32(b"\1") & 0xFF
    assert hashed("CRC32", 32, "{hdr.h.a[3:0], hdr.h.b}") == binascii.crc32(b"\1\2")
    assert hashed("IDENTITY", 32, "{hdr.h.d[2:0], hdr.h.b}") == 0x0402


def test_a_hash_within_bounds() -> None:
    assert hashed("IDENTITY", 16, "hdr.h.d", "h.get_hash(16w100, {data}, 16w3)") == 101
    value = binascii.crc32(b"\1") % 1000
    assert hashed("CRC32", 32, "hdr.h.a", "h.get_hash(32w5, {data}, 32w1000)") == 5 + value


def test_a_hash_modulo_0_is_undefined() -> None:
    program = psa(
        "hdr.h.d = h.get_hash(8w1, hdr.h.a, hdr.h.b);", locals="Hash<bit<8>>(PSA_HashAlgorithm_t.IDENTITY) h;"
    )
    assert out(program, bytes.fromhex("07000304"), choice=0x41)[3] == 0x42
    assert out(program, bytes.fromhex("07040304"), choice=0x41)[3] == 1 + 7 % 4


def test_a_hash_that_only_the_target_knows_is_a_function() -> None:
    body = "hdr.h.c = h.get_hash(hdr.h.a); hdr.h.d = h.get_hash(hdr.h.b);"
    program = psa(body, locals="Hash<bit<8>>(PSA_HashAlgorithm_t.TARGET_DEFAULT) h;")
    behaviour = meaning(program)
    asked = {str(t.name) for case in behaviour.cases for t in b.applications(*case.terms())}
    assert asked == {"hash.target_default.8"}
    assert any("target_default" in note for note in behaviour.notes)


# --- checksums ------------------------------------------------------------------------------------------------------


def with_checksum(kind: str, code: str) -> bytes:
    """Two bytes made in the deparser, behind ``hdr.h``."""
    program = psa(
        "hdr.x.setValid(); hdr.x.v = 0;",
        id=f"bit<16> r; {code} hdr.x.v = (bit<32>) r; pkt.emit(hdr.x);",
        id_locals=f"{kind} ck;",
        ep="state start { transition accept; }",
    )
    (frame,) = sent(program, FRAME.hex())
    return bytes.fromhex(frame[6:10])


def test_the_internet_checksum() -> None:
    add = "ck.add({hdr.h.a, hdr.h.b, hdr.h.c, hdr.h.d}); r = ck.get();"
    assert with_checksum("InternetChecksum()", add) == (0xFFFF - 0x0406).to_bytes(2, "big")
    less = "ck.add({hdr.h.a, hdr.h.b}); ck.add({hdr.h.c, hdr.h.d}); ck.subtract({hdr.h.a, hdr.h.b}); r = ck.get();"
    assert with_checksum("InternetChecksum()", less) == (0xFFFF - 0x0304).to_bytes(2, "big")
    state = (
        "ck.add({hdr.h.a, hdr.h.b}); r = ck.get_state(); ck.clear(); ck.set_state(r); ck.add(16w1); r = ck.get_state();"
    )
    assert with_checksum("InternetChecksum()", state) == bytes.fromhex("0103")
    assert with_checksum("InternetChecksum()", "ck.add({hdr.h.a, hdr.h.b}); ck.clear(); r = ck.get();") == b"\xff\xff"
    some = "if (hdr.h.a == 1) { ck.add({hdr.h.a, hdr.h.b}); } else { ck.add(16w9); } ck.add(16w1); r = ck.get_state();"
    assert with_checksum("InternetChecksum()", some) == bytes.fromhex("0103")


def test_the_internet_checksum_takes_words_only() -> None:
    with pytest.raises(Unsupported, match="of 8 bits"):
        with_checksum("InternetChecksum()", "ck.add(hdr.h.a); r = ck.get();")


def test_checksums_go_on_from_data_to_data() -> None:
    code = "ck.update(hdr.h.a); ck.update({hdr.h.b, hdr.h.c}); r = ck.get();"
    for name, value in (("CRC16", crc_bytes(CRC16, b"\1\2\3")), ("IDENTITY", 0x0203)):
        assert with_checksum(f"Checksum<bit<16>>(PSA_HashAlgorithm_t.{name})", code) == value.to_bytes(2, "big")
    words = "ck.update({hdr.h.a, hdr.h.b}); ck.update({hdr.h.c, hdr.h.d}); r = ck.get();"
    ones = (0xFFFF - 0x0406).to_bytes(2, "big")
    assert with_checksum("Checksum<bit<16>>(PSA_HashAlgorithm_t.ONES_COMPLEMENT16)", words) == ones
    clear = "ck.update(hdr.h.a); ck.clear(); r = ck.get();"
    assert with_checksum("Checksum<bit<16>>(PSA_HashAlgorithm_t.CRC16)", clear) == b"\0\0"


def test_a_checksum_begins_anew_with_its_block() -> None:
    """The parser's object is the same in each pass, and in each application of a control that holds one."""
    top = """control Sum(in bit<16> x, out bit<16> r) {
        InternetChecksum() ck;
        apply { ck.add(x); r = ck.get_state(); }
    }"""
    body = "bit<16> r; s.apply(16w5, r); s.apply(16w7, r); hdr.h.d = (bit<8>) r;"
    assert sent(psa(body, locals="Sum() s;", top=top)) == ["1:01020307ee"]


def test_a_checksum_in_a_parser_verifies() -> None:
    ip = """InternetChecksum() ck;
        state start { pkt.extract(hdr.h); ck.add({hdr.h.a, hdr.h.b});
            verify(ck.get_state() == hdr.h.c ++ hdr.h.d, error.NoMatch);
            transition accept; }"""
    program = psa("if (istd.parser_error == error.NoMatch) { hdr.h.a = 0xee; }", ip=ip)
    assert sent(program, "01020102") == ["1:01020102"]
    assert sent(program, "01020103") == ["1:ee020103"]


def test_a_checksum_object_is_an_argument_of_a_function() -> None:
    top = "bit<16> twice(InternetChecksum ck, in bit<16> x) { ck.add(x); ck.add(x); return ck.get_state(); }"
    body = "hdr.h.c = (bit<8>) twice(one, 16w3); hdr.h.d = (bit<8>) (two.get_state() + twice(one, 16w1));"
    program = psa(body, locals="InternetChecksum() one; InternetChecksum() two;", top=top)
    assert sent(program) == ["1:01020608ee"]


# --- counters, meters, registers ------------------------------------------------------------------------------------


def test_counters_count_packets_bytes_and_both() -> None:
    locals = """Counter<bit<32>, bit<8>>(4, PSA_CounterType_t.PACKETS) p;
        Counter<bit<8>, bit<8>>(4, PSA_CounterType_t.BYTES) q;
        Counter<bit<80>, bit<8>>(4, PSA_CounterType_t.PACKETS_AND_BYTES) pq;"""
    body = "p.count(hdr.h.b); p.count(hdr.h.b); q.count(hdr.h.a); pq.count(8w3); p.count(8w4);"
    seen = both(psa(body, locals=locals), "01020304ee")
    assert seen.state == {"IG.p": {2: 2}, "IG.q": {1: 5}, "IG.pq.packets": {3: 1}, "IG.pq.bytes": {3: 5}}


def test_egress_counts_the_bytes_of_its_own_frame() -> None:
    program = psa(
        "hdr.e.setValid(); hdr.e = {0, 0, 0, 0};",
        "q.count(8w1);",
        egress_locals="Counter<bit<32>, bit<8>>(4, PSA_CounterType_t.BYTES) q;",
    )
    assert both(program, "01020304ee").state == {"EG.q": {1: 9}}


def test_a_counter_wraps_at_its_width() -> None:
    program = psa("q.count(8w1);", locals="Counter<bit<8>, bit<8>>(4, PSA_CounterType_t.PACKETS) q;")
    seen = run(program, None, FRAME, 2, cells={"IG.q": lambda _: 255})
    assert seen.state == {"IG.q": {1: 0}}


def test_dpdk_counts_the_length_that_it_is_told() -> None:
    program = psa(
        "q.count(8w1, 32w1000);",
        locals="Counter<bit<32>, bit<8>>(4, PSA_CounterType_t.BYTES) q;",
        include="dpdk/psa.p4",
    )
    assert both(program, "01020304").state == {"IG.q": {1: 1000}}


DIRECT = """
    DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS_AND_BYTES) dc;
    action hit(bit<8> p) { hdr.h.a = p; dc.count(); }
    action miss() { dc.count(); }
    action silent() { }
    table t { key = { hdr.h.b : exact; } actions = { hit; silent; @defaultonly miss; } default_action = miss;
        psa_direct_counter = dc; }
"""


def test_direct_counters_count_where_the_action_says_so() -> None:
    program = psa("t.apply();", locals=DIRECT)
    rules = read_rules("add IG.t hdr.h.b:2 IG.hit(p:9)\nadd IG.t hdr.h.b:3 IG.silent()\n", "test.stf", program)
    hit = run(program, rules, FRAME, 2)
    assert hit.state == {"IG.dc.packets": {0: 1}, "IG.dc.bytes": {0: 4}}
    assert run(program, rules, bytes.fromhex("01030304"), 2).state == {}
    miss = run(program, rules, bytes.fromhex("01090304"), 2)
    assert miss.state == {"IG.dc.packets.miss": {0: 1}, "IG.dc.bytes.miss": {0: 4}}


def test_a_direct_counter_belongs_to_its_table() -> None:
    with pytest.raises(Unsupported, match="outside of a table's action"):
        meaning(psa("dc.count();", locals=DIRECT))


def test_meters_answer_any_colour_but_none_better() -> None:
    locals = "Meter<bit<8>>(4, PSA_MeterType_t.BYTES) m; PSA_MeterColor_t c;"
    show = """if (c == PSA_MeterColor_t.RED) { hdr.h.d = 0; } if (c == PSA_MeterColor_t.GREEN) { hdr.h.d = 1; }
        if (c == PSA_MeterColor_t.YELLOW) { hdr.h.d = 2; }"""
    blind = psa("c = m.execute(8w1);" + show, locals=locals)
    assert {out(blind, choice=c)[3] for c in range(4)} == {0, 1, 2}
    for before, after in (("GREEN", {0, 1, 2}), ("YELLOW", {0, 2}), ("RED", {0})):
        aware = psa(f"c = m.execute(8w1, PSA_MeterColor_t.{before});" + show, locals=locals)
        assert {out(aware, choice=c)[3] for c in range(4)} == after
    assert any("meter" in note for note in meaning(blind).notes)
    beyond = psa("c = m.execute(8w9, PSA_MeterColor_t.RED);" + show, locals=locals)
    assert {out(beyond, choice=c)[3] for c in range(3)} == {0, 1, 2}


def test_direct_meters() -> None:
    locals = """DirectMeter(PSA_MeterType_t.PACKETS) dm;
        action hit() { if (dm.execute() == PSA_MeterColor_t.RED) { hdr.h.d = 0xdd; } }
        table t { key = { hdr.h.b : exact; } actions = { hit; } default_action = hit; psa_direct_meter = dm; }"""
    program = psa("t.apply();", locals=locals)
    assert {out(program, choice=c)[3] for c in range(4)} == {4, 0xDD}


def test_registers() -> None:
    locals = "Register<bit<8>, bit<8>>(4) r;"
    body = "hdr.h.d = r.read(hdr.h.b); r.write(hdr.h.b, hdr.h.a); hdr.h.c = r.read(hdr.h.b);"
    program = psa(body, locals=locals)
    seen = run(program, None, FRAME, 2, cells={"IG.r": lambda i: 0x40 + i})
    assert seen.outputs[0][2] == bytes.fromhex("01020142")
    assert seen.state == {"IG.r": {2: 1}}
    assert both(program, "0102030455").state == {"IG.r": {2: 1}}


def test_a_register_beyond_its_size_is_undefined_and_written_nowhere() -> None:
    program = psa("r.write(8w4, 8w1); hdr.h.d = r.read(8w4);", locals="Register<bit<8>, bit<8>>(4) r;")
    assert out(program, choice=0x33)[3] == 0x33
    assert run(program, None, FRAME, 2).state == {}


def test_a_register_holds_its_initial_value_until_it_is_told_otherwise() -> None:
    program = psa("hdr.h.d = r.read(8w1);", locals="Register<bit<8>, bit<8>>(4, 8w0x77) r;")
    assert out(program)[3] == 0x77
    assert run(program, None, FRAME, 2, cells={"IG.r": lambda _: 5}).outputs[0][2][3] == 5


def test_a_register_of_structs() -> None:
    program = psa(
        "pair_t p = r.read(8w1); p.y = p.y + 1; r.write(8w1, p); hdr.h.d = p.y; hdr.h.c = p.x;",
        locals="Register<pair_t, bit<8>>(4) r;",
        top="struct pair_t { bit<8> x; bit<8> y; }",
    )
    seen = run(program, None, FRAME, 2, cells={"IG.r": lambda _: 0x0708})
    assert seen.outputs[0][2] == bytes.fromhex("01020709")
    assert seen.state == {"IG.r": {1: 0x0709}}


# --- the rest -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 255))
def test_random_numbers_lie_in_their_range(choice: int) -> None:
    program = psa("hdr.h.d = r.read();", locals="Random<bit<8>>(8w10, 8w20) r;")
    assert 10 <= out(program, choice=choice)[3] <= 20


def test_random_reaches_every_number() -> None:
    program = psa("hdr.h.d = r.read();", locals="Random<bit<8>>(8w10, 8w20) r;")
    assert {out(program, choice=c)[3] for c in range(256)} == set(range(10, 21))


def test_a_digest_is_an_event() -> None:
    program = psa(
        "hdr.x.setValid(); hdr.x.v = 9; meta.f = true;",
        id="if (hdr.h.a == 1) { dg.pack({ m = hdr.h.b, x = hdr.x, f = meta.f }); } pkt.emit(hdr.h);",
        id_locals="Digest<carried_t>() dg;",
    )
    assert both(program, "01020304").events == (("ID.dg", (2, 1, 9, 1)),)
    assert both(program, "02020304").events == ()


def test_assertions_are_assumed() -> None:
    behaviour = meaning(psa("assert(hdr.h.a != 7);"))
    assert any("assert" in a.text for a in behaviour.domain)


def test_idle_timeouts_change_nothing_of_a_packet() -> None:
    locals = """action a() { hdr.h.d = 9; }
        table t { key = { hdr.h.b : exact; } actions = { a; } default_action = a;
            psa_idle_timeout = PSA_IdleTimeout_t.NOTIFY_CONTROL; }"""
    assert sent(psa("t.apply();", locals=locals)) == ["1:01020309ee"]


def test_pna_has_the_same_externs() -> None:
    locals = """Hash<bit<8>>(PNA_HashAlgorithm_t.CRC32) h; Counter<bit<32>, bit<8>>(4, PNA_CounterType_t.PACKETS) p;
        Register<bit<8>, bit<8>>(4) r;"""
    body = "hdr.h.d = h.get_hash(hdr.h.a); p.count(8w1); r.write(8w2, hdr.h.b); send_to_port((PortId_t) 1);"
    for make in (pna, tc):
        seen = both(make(body, locals=locals), "01020304")
        assert seen.outputs[0][2][3] == binascii.crc32(b"\1") & 0xFF
        assert seen.state == {"MC.p": {1: 1}, "MC.r": {2: 2}}


def test_every_choice_says_where_it_was_made() -> None:
    program = psa(
        "hdr.h.d = r.read(); hdr.h.c = r2.read(8w9);", locals="Random<bit<8>>(1, 2) r; Register<bit<8>, bit<8>>(4) r2;"
    )
    choices: tuple[Choice, ...] = meaning(program).choices
    assert {c.reason for c in choices} == {"a random number", "a register is read beyond its size"}
    assert all(c.span.line for c in choices)


def test_objects_are_passed_to_controls() -> None:
    top = """control Tally(Counter<bit<32>, bit<8>> c, Register<bit<8>, bit<8>> r, in bit<8> i) {
        apply { c.count(i); r.write(i, i + 1); }
    }"""
    locals = "Counter<bit<32>, bit<8>>(9, PSA_CounterType_t.PACKETS) c; Register<bit<8>, bit<8>>(9) r; Tally() tally;"
    program = psa("tally.apply(c, r, hdr.h.b); tally.apply(c, r, hdr.h.c);", locals=locals, top=top)
    assert both(program, "01020304").state == {"IG.c": {2: 1, 3: 1}, "IG.r": {2: 3, 3: 4}}
