"""The random attack on pairs of programs: it computes what the definition says, finds what is hidden, and sees nothing
where only undefined values differ."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.inputs import SourceOptions, read_program
from p4verify.pairing import pair_programs
from p4verify.running.terms import NotCompiled, Source, function
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported
from tests.support.pair_attack import Attack, attack
from tests.support.pair_mutation import KINDS, mutants
from tests.support.terms import Shapes, assignments
from tests.support.two_headers import BEFORE, BEHIND

PROGRAM = (
    BEFORE
    + """control i(inout h_t h, inout m_t m, inout standard_metadata_t s) {
    action put(bit<32> d) { h.f.d = d; h.f.a = h.f.c; h.f.c = h.f.a; }
    table t {
        key = { h.f.a : exact; h.f.c : exact; } actions = { put; NoAction; } default_action = NoAction();
    }
    apply {
        bit<8> unset;
        s.egress_spec = 1;
        if (h.f.isValid() && t.apply().hit && h.f.d == 0xDEADBEEF) { h.e.a = LAST; }
        else if (h.e.isValid()) { h.e.kind = h.e.kind + OPEN; }
        if (h.e.a == h.f.a) { m.x = 1; } else { m.x = 2; }
    }
}
"""
    + BEHIND
)


@given(st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_source_computes_what_terms_mean(seed: int) -> None:
    shapes = Shapes(seed)
    terms = tuple(shapes.term(width, 4) for width in (0, 3, 8, 33))
    names = b.variables(*terms)
    try:
        source = Source(terms, lambda t: f"V[{t.name!r}]")
        texts = [source.expression(t) for t in terms]
    except NotCompiled:
        assert any(v.sort.index for v in names)
        return
    computed = function("f(V)", [*source.lines, f"return [{', '.join(f'int({t})' for t in texts)}]"])
    for values in assignments(terms, 12, seed):
        assert computed(values) == b.evaluate(terms, values)


def program(folder: Path, last: str = "7", open_: str = "1") -> ir.Program:
    path = folder / "a.p4"
    path.write_text(PROGRAM.replace("LAST", last).replace("OPEN", open_))
    return read_program(str(path), SourceOptions())


def attacked(first: ir.Program, second: ir.Program, blocks: bool = False, runs: int = 10_000) -> Attack:
    return attack(pair_programs(first, second), random.Random(1), runs, blocks=blocks)


@pytest.mark.parametrize("blocks", [False, True])
def test_a_difference_behind_two_parser_states_a_table_and_an_argument_is_found(tmp_path: Path, blocks: bool) -> None:
    found = attacked(program(tmp_path), program(tmp_path, last="8"), blocks)
    assert found.shown is not None
    assert found.cases == found.of or found.runs < 10_000


@pytest.mark.parametrize("blocks", [False, True])
def test_a_program_and_itself_are_never_told_apart(tmp_path: Path, blocks: bool) -> None:
    same = program(tmp_path, open_="unset")
    found = attacked(same, same, blocks, 1000)
    assert found.shown is None
    assert found.runs >= 1000
    assert found.cases == found.of


@pytest.mark.long
def test_a_value_that_the_first_leaves_open_makes_no_difference_but_one_that_it_says_does(tmp_path: Path) -> None:
    open_, said = program(tmp_path, open_="unset"), program(tmp_path)
    assert attacked(open_, said, runs=1000).shown is None
    assert attacked(said, open_).shown is not None
    assert attacked(program(tmp_path, open_="2"), said).shown is not None


def test_bytes_are_told_apart_where_the_port_is_not_defined() -> None:
    """A frame is told with its port, so no part of what is shown is the same with all undefined values."""
    first, second = (
        load_text(PROGRAM.replace("s.egress_spec = 1;", "").replace("OPEN", said).replace("LAST", "7"), "a.p4").program
        for said in ("1", "2")
    )
    assert attacked(first, second, runs=1000).shown is not None
    assert attacked(first, first, runs=1000).shown is None


@pytest.mark.parametrize("sent", [5, 6])
def test_two_undefined_values_that_only_together_do_what_the_other_does_are_found(tmp_path: Path, sent: int) -> None:
    text = PROGRAM.replace("LAST", "7").replace("OPEN", "1")
    made = []
    for number, body in enumerate((
        "bit<16> x; bit<16> y; mark_to_drop(s); if (x > 3 && y == (x ^ 0x1234)) { s.egress_spec = 5; }",
        f"s.egress_spec = {sent};",
    )):  # fmt: skip
        path = tmp_path / f"{number}.p4"
        path.write_text(text.replace("s.egress_spec = 1;", body))
        made.append(read_program(str(path), SourceOptions()))
    assert (attacked(made[0], made[1], runs=100).shown is None) == (sent == 5)


def test_undefined_values_that_a_function_is_asked_with_are_drawn_each_by_itself(tmp_path: Path) -> None:
    """The table is asked with four bits of which each is open; the other program asks it with four that are not."""
    text = PROGRAM.replace("LAST", "7").replace("OPEN", "1").replace("bit<8> unset;", "bit<8> unset; UNSET")
    text = text.replace("key = { h.f.a : exact; h.f.c : exact; }", "key = { m.x : exact; }")
    made = []
    bits = "bit<8> a; bit<8> b; bit<8> c; bit<8> d; bit<1> w; bit<1> x; bit<1> y; bit<1> z; " + " ".join(
        f"if ({v} > 99) {{ {bit} = 1; }} else {{ {bit} = 0; }}" for v, bit in zip("abcd", "wxyz", strict=True)
    )
    for number, (more, key) in enumerate(((bits, "(bit<8>)(w ++ x ++ y ++ z)"), ("", "5"))):
        path = tmp_path / f"{number}.p4"
        path.write_text(text.replace("UNSET", f"{more} m.x = {key};"))
        made.append(read_program(str(path), SourceOptions()))
    assert attacked(made[0], made[1], runs=2000).shown is None
    assert attacked(made[1], made[0], runs=2000).shown is not None


def test_undefined_parts_of_one_key_are_guessed_together(tmp_path: Path) -> None:
    """The key of a header that is not there may be any, so it may be what the other program asks for: all of it."""
    text = PROGRAM.replace("key = { h.f.a : exact; h.f.c : exact; }", "key = { FIRST : exact; SECOND : exact; }")
    text = text.replace("h.f.isValid() && t.apply().hit && h.f.d == 0xDEADBEEF", "!h.f.isValid() && t.apply().hit")
    made = []
    for first, second in (("h.f.a", "h.f.c"), ("h.e.a + 3", "h.e.a"), ("h.e.a", "h.e.a + 3")):
        path = tmp_path / "keys.p4"
        named = text.replace("FIRST : exact", f'{first} : exact @name("a")')
        path.write_text(named.replace("SECOND : exact", f'{second} : exact @name("c")').replace("LAST", "7"))
        path.write_text(path.read_text().replace("OPEN", "1"))
        made.append(read_program(str(path), SourceOptions()))
    assert attacked(made[0], made[1], runs=1000).shown is None
    assert attacked(made[1], made[2]).shown is not None


def test_mutants_come_evenly_by_kind_as_far_as_they_are_wanted(tmp_path: Path) -> None:
    made = program(tmp_path)
    wanted = dict.fromkeys(KINDS, 1) | {"order": 0}
    counts = Counter(m.kind for m in mutants(made, random.Random(3), 100, wanted))
    assert counts["key"] == counts["width"] == counts["operator"] == 1
    assert "order" not in counts
    assert all(m.program != made for m in mutants(made, random.Random(3), 100))


def test_default_actions_change_to_others_that_may_be_a_default_and_their_numbers(tmp_path: Path) -> None:
    text = PROGRAM.replace("LAST", "7").replace("OPEN", "1")
    text = text.replace("actions = { put; NoAction; }", "actions = { put; NoAction; @tableonly clear; drop; }")
    text = text.replace("action put", "action clear() { h.f.d = 0; } action drop() { h.f.d = 1; } action put")
    found = []
    for default in ("NoAction()", "put(255)"):
        path = tmp_path / "defaults.p4"
        path.write_text(text.replace("default_action = NoAction()", f"default_action = {default}"))
        made = [m for m in mutants(read_program(str(path), SourceOptions()), random.Random(3), 1000)
                if m.kind == "default"]  # fmt: skip
        defaults = [next(t for _, t in m.program.tables()).default for m in made]
        found.append({(d.action, *(a.value for a in d.args if isinstance(a, ir.Const))) for d in defaults})
    assert found == [{("drop",)}, {("NoAction",), ("drop",), ("put", 256)}]


def test_loops_that_are_followed_no_further_are_not_run() -> None:
    """Of such a loop it is only known that it is a function, which is another one in the other program."""
    text = """control c(inout bit<32> x) {{ apply {{
            bit<32> s = 1;
            for (bit<32> i = 5; i != 0;) {{ s = s + i; if (s == {stop}) {{ i = i - 1; }} x = x + 1; }}
        }} }}
        control proto(inout bit<32> x);
        package top(proto p);
        top(c()) main;"""
    first, second = (load_text(text.format(stop=stop), "test.p4").program for stop in (10, 11))
    with pytest.raises(Unsupported, match="followed no further"):
        attacked(first, second, blocks=True)
