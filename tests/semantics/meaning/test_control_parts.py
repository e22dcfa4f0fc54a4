"""Control that parts again on one condition: what programs do, and flags for control that has left."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.arch.blocks import block_meaning
from p4verify.semantics.p4.frontend import load_text

HEAD = """#include <core.p4>
header h_t { bit<1> v; }
struct s_t { bit<1> x; bit<1> y; bit<1> z; h_t h; h_t[1] g; }
extern bit<1> drawn(in bit<1> x);
"""
TAIL = """
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
BITS = ("s.x", "s.y", "s.z")
HEADERS = ("s.h", "s.g[0]")
INPUTS = (*BITS, *(f"{h}.{name}" for h in HEADERS for name in ("isValid()", "v")))

VALUES = st.sampled_from([*BITS, "0", "1"])
CONDITIONS = st.sampled_from([*(f"{x} == 1" for x in BITS), "!(s.x == 1)", *(f"{h}.isValid()" for h in HEADERS)])
SIMPLE = st.one_of(
    st.builds("{} = {} ^ {};".format, st.sampled_from(BITS), VALUES, VALUES),
    st.builds("{0}.setValid(); {0}.v = {1};".format, st.sampled_from(HEADERS), VALUES),
    st.builds("{}.setInvalid();".format, st.sampled_from(HEADERS)),
    st.builds("if ({0}.isValid()) {{ {1} = {0}.v; }}".format, st.sampled_from(HEADERS), st.sampled_from(BITS)),
)


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, min_size=1, max_size=3).map(" ".join)
    return st.builds("if ({}) {{ {} }} else {{ {} }}".format, CONDITIONS, block, block)


BODIES = st.lists(st.recursive(SIMPLE, deeper, max_leaves=6), min_size=2, max_size=6).map("\n".join)


def shown(body: str, values: dict[str, int] | None) -> dict[str, b.Term]:
    """What a body leaves behind; on numbers, every condition is decided and nothing is put together."""
    program = load_text(
        f"{HEAD}control c(inout s_t s) {{ apply {{ {fixed(values)} {body} }} }}{TAIL}", "test.p4"
    ).program
    (case,) = block_meaning(program, "c").behaviour.cases
    return dict(case.metadata)


def fixed(values: dict[str, int] | None) -> str:
    """Assignments of numbers to all inputs."""
    if values is None:
        return ""
    text = "".join(f"{x} = {values[x]};" for x in BITS)
    for h in HEADERS:
        text += f"{h}.setValid(); {h}.v = {values[h + '.v']};" if values[f"{h}.isValid()"] else f"{h}.setInvalid();"
    return text


@settings(max_examples=25, deadline=None)
@given(BODIES, st.lists(st.tuples(*(st.integers(0, 1) for _ in INPUTS)), min_size=4, max_size=4))
def test_what_is_put_together_is_what_it_was(body: str, inputs: list[tuple[int, ...]]) -> None:
    symbolic = shown(body, None)
    for numbers in inputs:
        values = dict(zip(INPUTS, numbers, strict=True))
        given_ = {f"in.{name}": n for name, n in values.items()}
        concrete = shown(body, values)
        for name in (*BITS, *(f"{h}.isValid()" for h in HEADERS)):
            assert b.evaluate([symbolic[name]], given_, default=0) == [concrete[name].value], name
        for h in HEADERS:
            if concrete[f"{h}.isValid()"].value:
                assert b.evaluate([symbolic[f"{h}.v"]], given_, default=0) == [concrete[f"{h}.v"].value]


REST = "".join(f"if (s.y == {n % 2}) {{ s.z = drawn(s.x); s.x = drawn(s.z); }}" for n in range(6))


def leaving(left: str) -> str:
    return f"{HEAD}control c(inout s_t s) {{ apply {{ if (s.x == 1) {{ s.y = drawn(s.z); exit; }} {left} }} }}{TAIL}"


def flagged(asked: str) -> str:
    return f"""{HEAD}control c(inout s_t s) {{ bool left; apply {{
        left = false;
        if (s.x == 1) {{ s.y = drawn(s.z); left = true; }}
        if ({asked}) ; else {{ {REST} }}
    }} }}{TAIL}"""


@pytest.mark.parametrize(("asked", "verdict"), [("left", Verdict.ACCEPT), ("!left", Verdict.REJECT)])
def test_a_flag_for_control_that_has_left(asked: str, verdict: Verdict) -> None:
    programs = [load_text(text, "test.p4").program for text in (leaving(REST), flagged(asked))]
    proof = check_pair(ProgramPair(*programs), Engine(), time.monotonic())
    assert proof.verdict is verdict
    if verdict is Verdict.ACCEPT:
        assert proof.tally.solved == 0  # both sides have the same terms
