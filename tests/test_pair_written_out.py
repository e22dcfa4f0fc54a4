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
