"""An extern object of an array, called by an index, beside a program that writes the index out as a compiler does."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.p4.frontend import load_text

TEXT = """
extern Cell {{ Cell(); bit<32> read(); void write(in bit<32> value); }}
header h_t {{ bit<32> f; bit<32> g; bit<6> k; bit<2> pad; }}
struct s_t {{ h_t h; }}
control c(inout s_t s) {{
    Cell() cells[64];
    bit<6> k;
    apply {{ {body} }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


def program(body: str) -> Program:
    return load_text(TEXT.format(body=body), "test.p4").program


def written_out(wrong: int | None = None) -> str:
    """The statements for each value of the index; ``wrong`` is one for which another cell is written."""
    cells = {k: k if k != wrong else k ^ 1 for k in range(64)}
    writes, reads = (
        " else ".join(f"if (k == {k}) {{ {does.format(cell=cell)} }}" for k, cell in cells.items())
        for does in ("cells[{cell}].write(s.h.f);", "s.h.g = cells[{cell}].read();")
    )
    return f"if (s.h.f > s.h.g) {{ k = s.h.k; {writes} }} else {{ k = s.h.k; {reads} }}"


ONCE = "if (s.h.f > s.h.g) cells[s.h.k].write(s.h.f); else s.h.g = cells[s.h.k].read();"


@pytest.mark.parametrize(("wrong", "verdict"), [(None, Verdict.ACCEPT), (37, Verdict.REJECT)])
def test_an_index_that_is_written_out(wrong: int | None, verdict: Verdict) -> None:
    """With a header that may not be there: all that is read of it is undefined then."""
    pair = ProgramPair(program(ONCE), program(written_out(wrong)))
    proof = check_pair(pair, Engine(), time.monotonic())
    assert proof.verdict is verdict, proof.reason


READ = "s.h.g = cells[{index}].read();"

WIDE = TEXT.replace("bit<6> k;", "bit<40> k;").replace("bit<2> pad;", "").replace("cells[64]", "cells[12]")
"""With an index that may be none of the array's."""


def wide(body: str) -> Program:
    return load_text(WIDE.format(body=body), "test.p4").program


def judged(first: str, second: str) -> Verdict:
    return check_pair(ProgramPair(wide(first), wide(second)), Engine(), time.monotonic()).verdict


def chain(does: str, beyond: str = "") -> str:
    decided = " else ".join(f"if (k == {k}) {{ {does.format(index=k)} }}" for k in range(12))
    return f"k = s.h.k; {decided} else {{ {beyond} }}"


WRITE = "cells[{index}].write(s.h.f);"


def test_beyond_an_array_nothing_is_called_and_anything_is_read() -> None:
    """As elements that a header stack does not have (P4-16 §8.18); so a compiler writes it out."""
    once, written = READ.format(index="s.h.k"), WRITE.format(index="s.h.k")
    assert judged(once, chain(READ, "s.h.g = 7;")) is Verdict.ACCEPT
    assert judged(once, chain(READ)) is Verdict.ACCEPT
    assert judged(written, chain(WRITE)) is Verdict.ACCEPT
    assert judged(written, chain(WRITE, "cells[0].write(s.h.f);")) is Verdict.REJECT
    assert judged(once, chain(READ, "s.h.f = 7;")) is Verdict.REJECT
    assert judged(chain(READ, "s.h.g = 7;"), once) is Verdict.REJECT


@pytest.mark.parametrize("type_", ["bit<40>", "bit<4>", "int<5>", "int<8>"])
def test_whether_an_array_has_the_object_is_asked_where_its_index_may_be_too_large(type_: str) -> None:
    """200 is no index of 12 objects, nor is -56; of 4 and 5 bits 8 are left of it."""
    index = f"({type_})(bit<{type_[4:-1]}>)s.h.k"
    guarded = f"if (s.h.k[7:0] == 200) {{ s.h.g = 3; }} else {{ {READ.format(index=index)} }}"
    assert judged(READ.format(index=index), guarded) is (
        Verdict.ACCEPT if type_ in ("bit<40>", "int<8>") else Verdict.REJECT
    )


@pytest.mark.parametrize("index", ["3", "8w3", "8s3", "64w3", "(bit<8>)3"])
def test_an_object_is_the_same_whatever_its_index_is_made_of(index: str) -> None:
    for other, verdict in (("3", Verdict.ACCEPT), ("4", Verdict.REJECT)):
        pair = ProgramPair(program(READ.format(index=index)), program(READ.format(index=other)))
        assert check_pair(pair, Engine(), time.monotonic()).verdict is verdict


def test_an_index_that_is_not_a_number_may_be_cast() -> None:
    pair = ProgramPair(*(program(READ.format(index=index)) for index in ("s.h.k", "(bit<16>)s.h.k")))
    assert check_pair(pair, Engine(), time.monotonic()).verdict is Verdict.ACCEPT


def test_a_sign_is_part_of_an_index() -> None:
    """-1 is no object of the array, and not the one that an unsigned index of as many bits names."""
    pair = ProgramPair(*(program(READ.format(index=index)) for index in ("s.h.k", "(int<6>)s.h.k")))
    assert check_pair(pair, Engine(), time.monotonic()).verdict is not Verdict.ACCEPT
