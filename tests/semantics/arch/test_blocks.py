"""Blocks of any architecture as functions of their own: what a parser or control is by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.inputs import SourceOptions, read_program
from p4verify.semantics import bits as b
from p4verify.semantics.arch.blocks import ACCEPTED, POSITION, BlockMeaning, block_meaning

HEADERS = """#include <core.p4>
header h_t { bit<8> a; }
header o_t { bit<8> n; varbit<64> v; }
struct s_t { h_t h; h_t[3] list; o_t[4] options; }
"""


@pytest.fixture
def block(tmp_path: Path):  # type: ignore[no-untyped-def]
    """The meaning of the only block of a program."""

    def make(text: str) -> BlockMeaning:
        path = tmp_path / "p.p4"
        path.write_text(HEADERS + text)
        return block_meaning(read_program(str(path), SourceOptions()), "x")

    return make


def in_a_package(parser: str) -> str:
    return parser + "\nparser proto(packet_in b, out s_t s);\npackage top(proto p);\ntop(x()) main;\n"


def test_a_parser_that_is_called_reads_what_is_undefined_once(block) -> None:  # type: ignore[no-untyped-def]
    """Deciding an undefined value runs the caller's state again; what was decided is then the same value."""
    found = block(in_a_package("""
parser sub(packet_in b, out s_t s) {
    bit<8> turn;
    state start { turn = 0; transition next; }
    state next {
        if (turn == 1) { b.extract(s.h); s.h.a = 1; }
        transition select(s.h.a) { 0: more; default: accept; }
    }
    state more { turn = turn + 1; b.advance(16); transition next; }
}
parser x(packet_in b, out s_t s) { sub() p; state start { p.apply(b, s); transition accept; } }
"""))  # fmt: skip
    assert not found.behaviour.notes
    accepted = [c.metadata[POSITION] for c in found.behaviour.cases if c.metadata[ACCEPTED] is b.bv(1, 1)]
    assert {p.value for p in accepted} == {0, 24}


def test_choices_of_ways_that_were_split_keep_their_widths(block) -> None:  # type: ignore[no-untyped-def]
    found = block(in_a_package("""
parser sub(packet_in b, out s_t s) {
    bit<8> one;
    bit<8> two;
    bit<4> three;
    state start { transition select(one) { 0: left; default: right; } }
    state left { transition select(two) { 0: accept; default: reject; } }
    state right { transition select(three) { 0: reject; default: accept; } }
}
parser x(packet_in b, out s_t s) { sub() p; state start { p.apply(b, s); transition accept; } }
"""))  # fmt: skip
    choices = [c.variable for c in found.behaviour.choices]
    assert len({c.name for c in choices}) == len(choices)
    guards = [case.guard for case in found.behaviour.cases]
    for values in ({}, {choices[0].name: 3}):
        assert sum(map(bool, b.evaluate(guards, values, default=0))) == 1


def test_ways_of_a_parser_by_itself_are_merged_whatever_sizes_they_took(block) -> None:  # type: ignore[no-untyped-def]
    """Four options of up to nine bytes end in one of 33 places, though there are 9 ** 4 ways there."""
    found = block(in_a_package("""
parser x(packet_in b, out s_t s) {
    state start { transition select(s.options.lastIndex) { 3: accept; default: option; } }
    state option { bit<8> n = b.lookahead<bit<8>>(); b.extract(s.options.next, (bit<32>)n[2:0] * 8); transition next; }
    state next { transition select(b.lookahead<bit<8>>()) { 0: accept; default: option; } }
}
"""))  # fmt: skip
    accepted = [case for case in found.behaviour.cases if case.metadata[ACCEPTED] is b.bv(1, 1)]
    assert len(accepted) <= 4 * 33


def test_a_field_beyond_a_stacks_end_hangs_on_no_validity(block) -> None:  # type: ignore[no-untyped-def]
    found = block("""
control x(inout s_t s, in bit<8> i, out bit<8> y) { apply { y = s.list[i].a; } }
control proto(inout s_t s, in bit<8> i, out bit<8> y);
package top(proto p);
top(x()) main;
""")
    assert [c.variable.width for c in found.behaviour.choices] == [8]
