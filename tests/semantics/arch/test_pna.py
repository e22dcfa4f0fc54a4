"""PNA and P4TC: where a packet goes, what a pass begins with, entries that the data plane makes."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.semantics.source import Unsupported
from tests.support.portable_text import both, pna, sent, tc

SEND = "send_to_port((PortId_t) 1);"
RULES = RuleSet({}, sessions={5: Session((Replica(6, 60),)), 7: Session((Replica(7, 0), Replica(8, 0)))})


# --- forwarding -----------------------------------------------------------------------------------------------------


def test_the_last_forwarding_function_counts() -> None:
    assert sent(pna(SEND + "hdr.h.a = 9;")) == ["1:09020304ee"]
    assert sent(pna(SEND + "drop_packet();")) == []
    assert sent(pna("drop_packet();" + SEND)) == ["1:01020304ee"]
    assert sent(pna(SEND + "if (hdr.h.a == 1) { send_to_port((PortId_t) 4); }")) == ["4:01020304ee"]


def test_without_one_a_packet_is_dropped_and_in_p4tc_goes_on_to_the_stack() -> None:
    assert sent(pna("hdr.h.a = 9;")) == []
    assert sent(tc("hdr.h.a = 9;")) == ["stack:09020304ee"]
    assert sent(tc("drop_packet();")) == []
    assert sent(tc(SEND)) == ["1:01020304ee"]


def test_a_looped_back_packet_goes_where_it_was_sent() -> None:
    looped = {"loopedback": 1, "forward_port": 33}
    (output,) = both(pna("if (istd.loopedback) { hdr.h.a = 0xaa; }"), "01020304", metadata=looped).outputs
    assert output == ("port", 33, bytes.fromhex("aa020304"))
    assert both(pna("drop_packet();"), "01020304", metadata=looped).outputs == ()


def test_a_recirculated_packet_is_one_pass_further() -> None:
    body = "hdr.h.a = hdr.h.a + 1; send_to_port((PortId_t) 1); if ((PassNumberUint_t) istd.pass < 2) { recirculate(); }"
    assert sent(pna(body)) == ["1:04020304ee"]
    assert both(pna(body), "01020304").passes == 3
    assert sent(
        pna("if ((PassNumberUint_t) istd.pass == 0) { recirculate(); drop_packet(); } else {" + SEND + "}")
    ) == ["1:01020304ee"]


def test_a_program_that_never_recirculates_sees_the_first_pass_only() -> None:
    (assumed,) = meaning(pna(SEND)).domain
    assert b.evaluate([assumed.condition], {"in.pass": 1}) == [0]


def test_mirror_copies_are_the_deparsed_packet() -> None:
    body = "mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 7); hdr.h.d = 0xdd; drop_packet();"
    assert sent(pna(body), rules=RULES) == ["7:010203ddee", "8:010203ddee"]


def test_of_each_mirror_slot_the_last_call_counts() -> None:
    body = """mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 7);
        mirror_packet((MirrorSlotId_t) 2, (MirrorSessionId_t) 5);
        if (hdr.h.a == 1) { mirror_packet((MirrorSlotId_t) 1, (MirrorSessionId_t) 5); }"""
    assert sent(pna(body), rules=RULES) == ["6:01020304ee", "6:01020304ee"]
    assert sorted(sent(pna(body), "02020304", rules=RULES)) == ["6:02020304", "7:02020304", "8:02020304"]


# --- blocks ---------------------------------------------------------------------------------------------------------


def test_the_pre_control_sees_the_headers_and_leaves_metadata() -> None:
    assert sent(pna("hdr.h.a = meta.m;" + SEND, pre="meta.m = hdr.h.d + 1;")) == ["1:05020304ee"]


def test_decryption_is_unsupported_with_its_place() -> None:
    with pytest.raises(Unsupported, match="decrypted") as caught:
        meaning(pna(SEND, pre="ostd.decrypt = hdr.h.a == 1;"))
    assert caught.value.span.line
    assert sent(pna(SEND, pre="ostd.decrypt = false;")) == ["1:01020304ee"]


def test_what_a_pass_begins_with() -> None:
    body = """hdr.h.a = (bit<8>) (PortIdUint_t) istd.input_port;
        hdr.h.b = (bit<8>) (ClassOfServiceUint_t) istd.class_of_service;
        hdr.h.c = SelectByDirection(istd.direction, 8w1, 8w2); hdr.h.d = 0;
        if (istd.parser_error == error.NoError) { hdr.h.d = 7; }"""
    given = {"class_of_service": 3, "direction": 1}
    (output,) = both(pna(body + SEND), "01020304", 9, metadata=given).outputs
    assert output == ("port", 1, bytes.fromhex("09030207"))


def test_a_parser_error_goes_on_and_p4tc_drops_what_the_program_rejects() -> None:
    short = "if (istd.parser_error == error.PacketTooShort) { hdr.h.setValid(); hdr.h = { 1, 1, 1, 1 }; }"
    assert sent(pna(short + SEND), "aabb") == ["1:01010101aabb"]
    assert sent(tc(short + SEND), "aabb") == ["1:01010101aabb"]
    parser = """state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: reject; 2: bad; default: accept; } }
        state bad { verify(hdr.h.b == 0, error.NoMatch); transition accept; }"""
    assert sent(tc(SEND, parser=parser)) == []
    assert sent(tc(SEND, parser=parser), "02020304") == ["1:02020304"]
    assert sent(pna(SEND, parser=parser)) == ["1:01020304ee"]


# --- entries that the data plane makes ------------------------------------------------------------------------------

TABLE = """
    action hit(bit<8> p, bit<16> q) { hdr.h.a = p; send_to_port((PortId_t) 3); }
    action miss() { %s send_to_port((PortId_t) 1); }
    table t { key = { hdr.h.b : exact; hdr.h.c : exact; } actions = { @tableonly hit; @defaultonly miss; }
        %s const default_action = miss; }
"""


@pytest.mark.parametrize("make", [pna, tc])
def test_add_entry_is_an_event_with_the_key(make) -> None:  # type: ignore[no-untyped-def]
    add = 'add_entry("hit", (params_t) {p = hdr.h.d, q = 16w7}, (ExpireTimeProfileId_t) 2);'
    program = make("t.apply();", locals=TABLE % (add, "add_on_miss = true;"))
    seen = both(program, "01020304")
    assert seen.events == (("add_entry.MC.t", (2, 3, 0, 2, 4, 7)),)
    assert [out for _, out, _ in seen.outputs] == [1]


@pytest.mark.parametrize("make", [pna, tc])
def test_later_packets_meet_the_entry(make) -> None:  # type: ignore[no-untyped-def]
    add = 'add_entry("hit", (params_t) {p = hdr.h.d, q = 16w7}, (ExpireTimeProfileId_t) 2);'
    program = make("t.apply();", locals=TABLE % (add, "add_on_miss = true;"))
    text = """
        packet 0 01020304
        expect 1 01020304 $
        packet 0 09020305
        expect 3 04020305 $
        packet 0 09030305
        expect 1 09030305 $
    """
    result = run_stf(program, text, "test.stf")
    assert result.passed, str(result)


def test_adding_an_entry_may_fail() -> None:
    add = """bool ok = add_entry("hit", (params_t) {p = hdr.h.d, q = 16w7}, (ExpireTimeProfileId_t) 2);
        hdr.h.a = ok ? 8w1 : 8w0;"""
    program = pna("t.apply();", locals=TABLE % (add, "add_on_miss = true;"))
    for choice, added in ((0, 1), (1, 0)):
        seen = run(program, None, bytes.fromhex("99020304"), 2, choice=lambda _, c=choice: c)  # type: ignore[misc]
        assert seen.outputs[0][2][0] == added
        assert len(seen.events) == added


def test_p4tc_tells_whether_an_entry_was_added() -> None:
    add = """params_t p = {p = 8w1, q = 16w7};
        AddEntryErrorStatus_t s = add_entry_if(hdr.h.a == 1, "hit", p, (ExpireTimeProfileId_t) 2);
        hdr.h.d = (bit<8>) s;"""
    program = tc("t.apply();", locals=TABLE % (add, "add_on_miss = true;"))
    assert sent(program) == ["1:01020300ee"]
    assert sent(program, "02020304") == ["1:02020301"]
    assert both(program, "02020304").events == ()


def test_an_action_that_the_table_has_not_is_refused() -> None:
    add = 'add_entry("other", (params_t) {p = hdr.h.d, q = 16w7}, (ExpireTimeProfileId_t) 2);'
    with pytest.raises(Unsupported, match="other is no action of"):
        meaning(pna("t.apply();", locals=TABLE % (add, "add_on_miss = true;")))


def test_expire_times_are_events() -> None:
    timers = "set_entry_expire_time((ExpireTimeProfileId_t) 5); restart_expire_timer();"
    seen = both(pna("t.apply();", locals=TABLE % (timers, "")), "01020304")
    assert seen.events == (("set_entry_expire_time.MC.t", (2, 3, 5)), ("restart_expire_timer.MC.t", (2, 3)))
    both_of_them = "update_expire_info(true, hdr.h.a == 1, (ExpireTimeProfileId_t) 5);"
    program = tc("t.apply();", locals=TABLE % (both_of_them, ""))
    assert both(program, "01020304").events == (("set_entry_expire_time.MC.t", (2, 3, 5)),)
    assert both(program, "02020304").events == (("restart_expire_timer.MC.t", (2, 3)),)


# --- what only the device knows -------------------------------------------------------------------------------------


def test_kinds_of_ports_are_functions_of_the_port() -> None:
    program = tc(
        "if (is_net_port(istd.input_port)) { hdr.h.a = SelectByDirection(is_host_port((PortId_t) 7), 8w1, 8w2); }"
    )
    behaviour = meaning(program)
    asked = {t.name for case in behaviour.cases for t in b.applications(*case.terms())}
    assert asked == {"port.is_net", "port.is_host"}


def test_a_flow_id_is_any_number() -> None:
    program = pna("hdr.x.setValid(); hdr.x.v = (bit<32>) (FlowIdUint_t) allocate_flow_id();" + SEND)
    seen = run(program, None, bytes(4), 2, choice=lambda _: 0x01020304)
    assert seen.outputs[0][2] == bytes.fromhex("0000000001020304")


def test_the_ipsec_accelerator_is_told_what_to_do() -> None:
    body = """ipsec_status status; if (hdr.h.a == 1) { acc.set_sa_index<bit<32>>(32w77);
        acc.set_ip_header_offset<bit<16>>(16w14);
        acc.enable(); } if (acc.from_ipsec(status)) { hdr.h.b = 0xff; }"""
    program = pna(body + SEND, locals="ipsec_accelerator() acc;")
    assert both(program, "01020304").events == (("ipsec_accelerator", (77, 14)),)
    assert both(program, "02020304").events == ()
    (output,) = both(program, "02020304", metadata={"from_ipsec": 1}).outputs
    assert output[2] == bytes.fromhex("02ff0304")


# --- the kernel's data about the packet -----------------------------------------------------------------------------

SKB = """#include <core.p4>
#include <tc/pna.p4>
header h_t { bit<32> a; bit<32> b; }
struct headers_t { h_t h; }
struct meta_t { }
parser MP(packet_in pkt, out headers_t hdr, inout meta_t meta, in pna_main_parser_input_metadata_t istd) {
    state start { pkt.extract(hdr.h); transition accept; }
}
control MC(inout headers_t hdr, inout meta_t meta, in pna_main_input_metadata_t istd,
           inout pna_main_output_metadata_t ostd, tc_skb_metadata skb) {
    apply { %s }
}
control MD(packet_out pkt, inout headers_t hdr, in meta_t meta, in pna_main_output_metadata_t ostd,
           tc_skb_metadata skb) { apply { pkt.emit(hdr); } }
PNA_NIC(MP(), MC(), MD()) main;
"""


def test_the_kernels_data_is_read_and_written() -> None:
    body = "skb.get(); hdr.h.a = skb.get_mark(); skb.set_mark(32w7); skb.set(); hdr.h.b = skb.get_mark();"
    program = load_text(SKB % body).program
    seen = run(program, None, bytes(8), 2, metadata={"mark": 0x55})
    assert seen.outputs == (("stack", 0, bytes.fromhex("0000005500000055")),)
    assert seen.metadata == {"mark": 7}
    assert {name for case in meaning(program).cases for name in case.metadata} == {"mark"}
    assert "mark" in meaning(program).observables


def test_what_is_not_set_leaves_as_it_came() -> None:
    program = load_text(SKB % "skb.set_mark(32w7); skb.get(); hdr.h.a = skb.get_mark();").program
    assert run(program, None, bytes(8), 2, metadata={"mark": 3}).metadata == {}
    assert all(not c.metadata for c in meaning(program).cases)


def test_the_kernels_data_is_undefined_before_it_is_read() -> None:
    program = load_text(SKB % "hdr.h.a = skb.get_mark();").program
    seen = run(program, None, bytes(8), 2, metadata={"mark": 3}, choice=lambda _: 9)
    assert seen.outputs[0][2] == bytes.fromhex("0000000900000000")
