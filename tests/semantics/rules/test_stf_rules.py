"""The ``add`` and ``setdefault`` lines of STF tests."""

import pytest

from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import Exact, Lpm, Range, Ternary
from p4verify.semantics.rules.stf_rules import read_stf_rules
from p4verify.semantics.source import InputError
from tests.support.p4_text import ebpf


def only(program: ir.Program, text: str, table: str) -> tuple[object, ...]:
    (rule,) = read_stf_rules(text, "t.stf", program).of(table)
    return rule.matches


def test_every_kind_of_key(program: ir.Program) -> None:
    assert only(program, "add exact_t hdr.h.a:1 bee:0x2 drop()", "I.exact_t") == (Exact(1), Exact(2))
    assert only(program, "add exact_t bee:0x2 h.a:1 drop()", "I.exact_t") == (Exact(1), Exact(2))
    assert only(program, "add lpm_t hdr.w.x:0x0a00/8 hdr.h.a:1 drop()", "I.lpm_t") == (Lpm(0x0A00, 8), Exact(1))
    assert only(program, "add lpm_t hdr.w.x:0x0a** hdr.h.a:1 drop()", "I.lpm_t") == (Lpm(0x0A00, 8), Exact(1))
    assert only(program, "add lpm_t hdr.w.x:0x0a01 hdr.h.a:1 drop()", "I.lpm_t") == (Lpm(0x0A01, 16), Exact(1))
    line = "add tern_t 5 hdr.h.a:0x1* hdr.w.y:3->5 drop()"
    assert only(program, line, "I.tern_t") == (Ternary(0x10, 0xF0), Range(3, 5), Ternary(0, 0))
    line = "add tern_t 5 hdr.h.a:0b1**0 hdr.h.c:4 drop()"
    assert only(program, line, "I.tern_t") == (Ternary(8, 9), Range(0, 0xFFFF), Ternary(4, 255))
    assert only(program, "add tern_t 5 hdr.h.a:3&&&7 drop()", "I.tern_t")[0] == Ternary(3, 7)


def test_the_largest_priority_wins(program: ir.Program) -> None:
    text = "add tern_t 5 hdr.h.a:0x1* drop()\nadd tern_t 9 hdr.h.a:0x2* drop()\npacket 0 00"
    assert [r.priority for r in read_stf_rules(text, "t", program).of("I.tern_t")] == [9, 5]


EBPF = """action deny(bit<16> x) { accept = false; }
    table t { key = { hdr.h.c : lpm; } actions = { deny; NoAction; } implementation = hash_table(8); }"""


def test_the_spelling_of_p4cs_ebpf_runner() -> None:
    """Names with underscores, keys by number, host byte order of prefixes, arguments that are left out."""
    program = ebpf("accept = true; t.apply();", locals=EBPF)
    (rule,) = read_stf_rules("add F_t 0 key.field0:0x000a/8 F_deny()", "t", program).of("F.t")
    assert rule.matches == (Lpm(0x0A00, 8),)
    assert rule.action.args == (0,)
    (rule,) = read_stf_rules("add F_t 0 key.field0:0x000a/8 _NoAction()", "t", program).of("F.t")
    assert rule.action.action == "NoAction"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("add tern_t hdr.h.a:0x1* drop()", "needs a priority"),
        ("add tern_t 5 hdr.h.a:1* drop()", "decimal digits cannot be left open"),
        ("add lpm_t hdr.w.x:0x*a01 hdr.h.a:1 drop()", "no prefix"),
        ("add lpm_t hdr.w.x:0x0a01/x hdr.h.a:1 drop()", "no prefix length"),
        ("add tern_t 5 hdr.h.a:0x111* drop()", "does not fit"),
        ("add tern_t 5 6 hdr.h.a:0x1* drop()", "expected KEY:VALUE"),
        ("add exact_t hdr.h.a:1 hdr.h.z:1 drop()", "no key of table I.exact_t hdr.h.z"),
        ("setdefault const_t drop()", "constant"),
    ],
)
def test_what_does_not_fit(program: ir.Program, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_stf_rules(text, "t.stf", program)
