"""The STF dialect, and what a failing test says."""

import pytest

from p4verify.semantics.meaning.stf import CallableMachine, StfResult, run_stf
from p4verify.semantics.source import InputError, Unsupported
from tests.support.p4_text import ebpf, v1model

TABLE = """action set(bit<8> x) { hdr.h.d = x; } table t { key = { hdr.h.a : exact; } actions = { set; NoAction; } }
    @name("the_table_with_a_prefix") table u { key = { hdr.h.a : exact; } actions = { set; NoAction; } }
    counter(4, CounterType.packets) c; register<bit<8>>(4) r;"""
PROGRAM = v1model("t.apply(); u.apply(); c.count(1);", locals=TABLE)


def check(text: str) -> StfResult:
    return run_stf(PROGRAM, text, "t.stf")


@pytest.mark.parametrize(
    "text",
    [
        "packet 0 01020300\nexpect 1 01020300",
        "expect 1 01020300\npacket 0 01020300",
        "packet 0 01 02 03 00 AA\nexpect 1 01020300",  # more bytes than expected are fine ...
        "packet 0 01020300\nexpect 1 01**0*00$",
        "packet 0 01020300\nexpect 1",
        "# nothing but\n\n  # comments",
        "add t hdr.h.a:0x01 set(x:7)\npacket 0 01020300\nexpect 1 01020307 $",
        "add I.t hdr.h.a:1 I.set(x:0x7) = $handle\npacket 0 01020300\nexpect 1 01020307",
        "setdefault t set(x:9)\npacket 0 01020300\nexpect 1 01020309",
        "table_add t set 1 => 8\npacket 0 01020300\nexpect 1 01020308",
        "packet 0 01020300\nexpect 1 01020300\nadd t hdr.h.a:1 set(x:7)\npacket 0 01020300\nexpect 1 01020307",
        "add t hdr.h.a:1 set(x:7)\nremove all\npacket 0 01020300\nexpect 1 01020300",
        "packet 0 01020300\nexpect 1\nwait\ncheck_counter c(1) == 1\ncheck_counter I.c(0) = 0",
        "packet 0 01020300\npacket 0 01020300\nexpect 1\nexpect 1\ncheck_counter c(1) packets >= 2",
        'packet 0 01020300\nexpect 1\ncheck_counter "I.c"(1) == 1',
        "add le_with_a_prefix hdr.h.a:1 et(x:7)\npacket 0 01020300\nexpect 1 01020307",
        "packet 511 01020300\nexpect 1 01020300",
        "add t hdr.h.a:1 set(x:7) = A\nremove A\npacket 0 01020300\nexpect 1 01020300",
        "add t hdr.h.a:1 set(x:7)\nremove t hdr.h.a:1\npacket 0 01020300\nexpect 1 01020300",
        "add t hdr.h.a:1 set(x:7)\ntable_delete t 0\npacket 0 01020300\nexpect 1 01020300",
        'add "I.t" "hdr.h.a":1 "I.set"(x:7)\npacket 0 01020300\nexpect 1 01020307',
        "add t set(x:7)\npacket 0 00020300\nexpect 1 00020307",  # an exact key that is left out is 0
        "ADD t hdr.h.a:0b1 set(x:7)\nPacket 0 01020300\nEXPECT 1 01020307",
        "mirroring_add 5 1\nmirroring_get 5\nmc_dump\nmc_mgrp_create 1\nmc_node_create 3 4 5\nmc_node_associate 1 0",
        "add t hdr.h.a : 0x01 set( x : 7 )\npacket 0 01020300\nexpect 1 01020307",
        "setdefault t set(x:9)\ntable_reset_default t\npacket 0 01020300\nexpect 1 01020300",
    ],
)
def test_what_passes(text: str) -> None:
    result = check(text)
    assert result.passed, str(result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("packet 1 01020300\nexpect 2 01020300", "t.stf:1:1: port 1: 01020300 came, nothing expected"),
        ("packet 0 01020300\nexpect 2 01020300", "t.stf:2:1: port 2: no packet came, expected 01020300"),
        ("packet 0 01020300\npacket 1 01020300\nexpect 1", "nothing expected"),
        ("packet 0 01020300\nexpect 1\nexpect 1", "port 1: no packet came, expected one"),
        ("packet 0 01020300\npacket 0 01020300\nexpect 1", "t.stf:2:1: port 1: 01020300 came, nothing expected"),
        ("packet 0 01020300\nexpect 1 01020399", "byte 3 differs: expected 01020399, got 01020300"),
        ("packet 0 01020300aa\nexpect 1 01020300$", "5 bytes came, expected just 4"),
        ("packet 0 01020300\nexpect 1 01020300aa", "4 bytes came, expected 5"),
        ("packet 0 01020300\nexpect 1\ncheck_counter c(1) == 5", "counter I.c holds 1 at 1, expected == 5"),
        ("packet 0 01020300\nno_packet\nexpect 1", "1 packets came for the one of line 1"),
        ("packet 0 01020300\nexpect 1 01020399\npacket 0 01020300\nexpect 1 01020300", "(sent at line 1)"),
    ],
)
def test_what_fails_says_why(text: str, message: str) -> None:
    result = check(text)
    assert not result.passed
    assert message in str(result)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("packet", (1, 1), "a port is missing"),
        ("packet x 00", (1, 8), "no number"),
        ("packet 0 012", (1, 10), "even number"),
        ("\nexpect 1 0g", (2, 10), "hexadecimal"),
        ("jump 1", (1, 1), "not understood"),
        ("add", (1, 1), "table is missing"),
        ("add t hdr.h.a:1", (1, 6), "an action"),
        ("add w hdr.h.a:1 set(x:1)", (1, 5), "no table w"),
        ("add t hdr.h.a:1 put(x:1)", (1, 17), "no action"),
        ("add t hdr.h.z:1 set(x:1)", (1, 7), "no key"),
        ("add t hdr.h.a:256 set(x:1)", (1, 7), "does not fit"),
        ("add t hdr.h.a:1 set(x:256)", (1, 21), "does not fit"),
        ("add t hdr.h.a:1 set(y:1)", (1, 21), "no parameter y"),
        ("add t hdr.h.a:1 set()", (1, 17), "lacks its parameter x"),
        ("add t = set(x:1)", (1, 7), "no number"),
        ("no_packet", (1, 1), "no packet was sent"),
        ("remove", (1, 1), "remove all"),
        ("remove A", (1, 8), "no entry is called A"),
        ("remove t hdr.h.a:1", (1, 1), "no such entry"),
        ("check_counter c", (1, 1), "check_counter NAME"),
        ("check_counter c(1) bytes == 2", (1, 1), "does not count bytes"),
        ("check_counter c(4) == 2", (1, 15), "4 cells"),
        ("check_counter e(1) == 2", (1, 15), "no counter e"),
        ("check_counter c($A) == 2", (1, 15), "no entry is called $A"),
        ("register_write r 4 1", (1, 18), "4 cells"),
        ("register_write r 1 256", (1, 20), "does not fit the 8 bits"),
        ("register_read r 9", (1, 17), "4 cells"),
        ("mc_node_create 1 512", (1, 18), "port 512"),
        ("mc_node_associate 1 0", (1, 1), "multicast group 1 is not there"),
        ("add t hdr.h.a:1 hdr.h.a:2 set(x:1)", (1, 17), "given twice"),
        ("add t hdr.h.a:1 set(x:1)\nadd t hdr.h.a:1 set(x:2)", (2, 1), "already"),
    ],
)
def test_bad_lines_are_told_with_their_place(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        check(text)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) == ("t.stf", *place)
    assert message in diagnostic.message


def test_what_is_not_modelled_is_told() -> None:
    with pytest.raises(Unsupported, match="set_crc16_parameters") as caught:
        check("\nset_crc16_parameters c 1 2 3 true false")
    assert caught.value.span.line == 2


def test_the_state_that_a_test_writes() -> None:
    program = v1model("r.read(hdr.h.d, 1); r.write(1, hdr.h.a);", locals="register<bit<8>>(4) r;")
    text = """register_write r 1 0x55
        packet 0 01020300
        expect 1 01020355$
        packet 0 07020300
        expect 1 07020301$
        register_reset I.r
        packet 0 07020300
        expect 1 07020300$
        register_read r 1"""
    assert str(run_stf(program, text, "t.stf")) == "passed: 3 packets, 3 checks"


def test_keys_that_are_slices_prefixes_and_validity() -> None:
    locals_ = """action set(bit<8> x) { hdr.h.d = x; } table t { key = { hdr.h.a[7:4] : exact; hdr.h.b : lpm;
        hdr.h.isValid() : exact; hdr.e.isValid() : ternary; } actions = { set; NoAction; } }"""
    program = v1model("t.apply();", locals=locals_)
    for valid in ("h.$valid$:1", "hdr.h.valid:1", "h.$valid:0b1", "h:1"):
        text = f"add t 1 hdr.h.a[7:4]:0x5 hdr.h.b : 0x20 / 4 {valid} set(x:7)\npacket 0 5a2f0000\nexpect 1 5a2f0007"
        assert run_stf(program, text, "t.stf").passed, valid


def test_an_assertion_that_fails_fails_the_test() -> None:
    program = v1model("assert(hdr.h.a < 10);")
    assert run_stf(program, "packet 0 01000000\nexpect 1", "t.stf").passed
    result = run_stf(program, "packet 0 20000000\nno_packet", "t.stf")
    assert "t.stf:1:1: the machine stops: assert at test.p4:" in str(result)


def test_ports_that_the_test_does_not_name() -> None:
    """p4c's runner gives the switch the ports of the test and no others."""
    assert str(check("packet 0 01020300")) == (
        "passed: 1 packets, 0 checks; 1 packets left by ports that the test does not name"
    )
    elsewhere = CallableMachine(lambda packet, _port: [("port", 7, packet)])
    assert not run_stf(ebpf("accept = true;"), "packet 3 01020300", "t.stf", elsewhere).passed


def test_a_port_that_the_machine_has_not() -> None:
    with pytest.raises(InputError, match=r"t.stf:2:1.*512"):
        check("\npacket 512 00")


def test_counters_of_packets_and_of_bytes() -> None:
    program = v1model("c.count(2);", locals="counter(4, CounterType.packets_and_bytes) c;")
    text = """packet 0 01020300
        packet 0 0102030405
        expect 1
        expect 1
        check_counter c(2) == 2
        check_counter I.c(2) bytes == 9
        """
    assert run_stf(program, text + "counter_write c 2 5 6\ncheck_counter c(2) bytes == 6", "t.stf").passed
    assert not run_stf(program, text + "counter_reset c\ncheck_counter c(2) bytes != 0", "t.stf").passed


def test_a_counter_by_the_entry_that_it_counts() -> None:
    locals_ = """direct_counter(CounterType.packets) dc; action set(bit<8> x) { hdr.h.d = x; }
        table t { key = { hdr.h.a : ternary; } actions = { set; NoAction; } counters = dc; }"""
    program = v1model("t.apply();", locals=locals_)
    text = """add t 5 hdr.h.a:0x01 set(x:1) = A
        add t 9 hdr.h.a:0x0* set(x:2) = B
        packet 0 01020300
        packet 0 02020300
        expect 1
        expect 1
        check_counter dc($B) == 2
        check_counter dc($A) == 0"""
    assert str(run_stf(program, text, "t.stf")) == "passed: 2 packets, 4 checks"


def test_entries_keep_what_they_counted_while_others_come_and_go() -> None:
    locals_ = """direct_counter(CounterType.packets_and_bytes) dc; action set(bit<8> x) { hdr.h.d = x; }
        table t { key = { hdr.h.a : ternary; } actions = { set; NoAction; } counters = dc; }"""
    text = """add t 5 hdr.h.a:0x01 set(x:1) = A
        packet 0 01020300
        add t 9 hdr.h.a:0x0* set(x:2) = B
        check_counter dc($A) == 1
        check_counter dc($B) == 0
        packet 0 01020300
        check_counter dc($A) bytes == 4
        check_counter dc($B) == 1
        remove B
        packet 0 01020300
        check_counter dc($A) == 2
        remove A
        add t 5 hdr.h.a:0x02 set(x:1) = C
        check_counter dc($C) == 0"""
    program = v1model("t.apply();", locals=locals_)
    assert str(run_stf(program, text, "t.stf")).startswith("passed: 3 packets, 6 checks")


def test_a_filter_passes_packets_at_the_port_they_came_in_by() -> None:
    program = ebpf("accept = hdr.h.a == 1;")
    text = "packet 3 01020300\nexpect 3 01020300\npacket 3 02020300"
    assert run_stf(program, text, "t.stf").passed


def test_a_machine_of_any_kind_can_be_tested() -> None:
    broken = CallableMachine(lambda packet, port: [("port", 1, packet[::-1])])
    assert "byte 0 differs" in str(run_stf(PROGRAM, "packet 0 01020300\nexpect 1 01020300", "t.stf", broken))
    with pytest.raises(Unsupported, match="does not tell"):
        run_stf(PROGRAM, "check_counter c(1) == 0", "t.stf", broken)


def test_a_sub_parser_that_rejects_hands_over_what_it_has_in_a_test() -> None:
    """The specification leaves that open; tests are written for machines whose compilers take sub-parsers apart."""
    program = v1model(
        "if (sm.parser_error != error.NoError) { hdr.h.d = 9; }",
        top="""parser Q(packet_in pkt, out h_t h) {
            state start { pkt.extract(h); verify(h.a != 1, error.NoMatch); transition accept; } }""",
        parser="state start { q.apply(pkt, hdr.h); transition accept; }", parser_locals="Q() q;",
    )  # fmt: skip
    assert run_stf(program, "packet 0 01020300ff\nexpect 1 01020309ff$", "t.stf").passed
