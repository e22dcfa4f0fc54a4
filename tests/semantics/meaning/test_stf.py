"""The STF dialect, and what a failing test says."""

import pytest

from p4verify.semantics.meaning.stf import CallableMachine, StfResult, run_stf
from p4verify.semantics.source import InputError, Unsupported
from tests.support.p4_text import ebpf, v1model

TABLE = """action set(bit<8> x) { hdr.h.d = x; } table t { key = { hdr.h.a : exact; } actions = { set; NoAction; } }
    counter(4, CounterType.packets) c;"""
PROGRAM = v1model("t.apply(); c.count(1);", locals=TABLE)


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
        "packet 0 01020300\npacket 0 01020300\nexpect 1\ncheck_counter c(1) packets >= 2",
        "packet 511 01020300\nexpect 1 01020300",
    ],
)
def test_what_passes(text: str) -> None:
    result = check(text)
    assert result.passed, str(result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("packet 0 01020300\nexpect 2 01020300", "t.stf:1:1: port 1: 01020300 came, nothing expected"),
        ("packet 0 01020300\nexpect 2 01020300", "t.stf:2:1: port 2: no packet came, expected 01020300"),
        ("packet 0 01020300", "nothing expected"),
        ("packet 0 01020300\nexpect 1 01020399", "byte 3 differs: expected 01020399, got 01020300"),
        ("packet 0 01020300aa\nexpect 1 01020300$", "5 bytes came, expected just 4"),
        ("packet 0 01020300\nexpect 1 01020300aa", "4 bytes came, expected 5"),
        ("packet 0 01020300\nexpect 1\ncheck_counter c(1) == 5", "counter c holds 1, expected == 5"),
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
        ("add u hdr.h.a:1 set(x:1)", (1, 5), "no table u"),
        ("add t hdr.h.a:1 put(x:1)", (1, 17), "no action"),
        ("add t hdr.h.z:1 set(x:1)", (1, 7), "no key"),
        ("add t hdr.h.a:256 set(x:1)", (1, 7), "does not fit"),
        ("add t hdr.h.a:1 set(x:256)", (1, 21), "does not fit"),
        ("add t hdr.h.a:1 set(y:1)", (1, 21), "no parameter y"),
        ("add t hdr.h.a:1 set()", (1, 17), "lacks its parameter x"),
        ("add t set(x:1)", (1, 1), "is missing"),
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
    with pytest.raises(Unsupported, match="mirroring_add"):
        check("mirroring_add 1 2")


def test_a_filter_passes_packets_at_the_port_they_came_in_by() -> None:
    program = ebpf("accept = hdr.h.a == 1;")
    text = "packet 3 01020300\nexpect 3 01020300\npacket 3 02020300"
    assert run_stf(program, text, "t.stf").passed


def test_a_machine_of_any_kind_can_be_tested() -> None:
    broken = CallableMachine(lambda packet, port: [("port", 1, packet[::-1])])
    assert "byte 0 differs" in str(run_stf(PROGRAM, "packet 0 01020300\nexpect 1 01020300", "t.stf", broken))
    with pytest.raises(Unsupported, match="does not tell"):
        run_stf(PROGRAM, "check_counter c(1) == 0", "t.stf", broken)
