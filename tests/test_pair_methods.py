"""Pairs whose extern objects have methods that the program gives them, and that read or write variables around them."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.meaning import statements
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported

TEXT = """extern Box {{
    Box();
    bit<8> run(in bit<8> v);
    void other();
    @synchronous(run) abstract bit<8> step(in bit<8> v);
    @synchronous(run) @optional abstract void put(in bit<8> v);
}}
extern void take(Box b);
extern Other {{ Other(); bit<8> get(in bit<8> v); }}
extern Holder {{ Holder(Box b); void use(); }}
header h_t {{ bit<8> f; }}
struct s_t {{ bit<8> a; bit<8> b; bit<8> c; h_t h; }}
control c(inout s_t s) {{
    {variables}
    Other() there;
    Box() box = {{ {methods} }};
    {more}
    apply {{ {body} }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""

Version = tuple[str, str, str]
"""Variables, methods, and the body of ``apply``."""


def judged(first: Version, second: Version, more: tuple[str, str] = ("", ""), *, exactly: bool = False) -> Proof:
    programs = [
        load_text(TEXT.format(variables=v, methods=m, body=body, more=also), "test.p4").program
        for (v, m, body), also in zip((first, second), more, strict=True)
    ]
    return check_pair(ProgramPair(*programs, exactly=exactly), Engine(), time.monotonic())


PLUS = "bit<8> step(in bit<8> v) { return v + x; }"
MINUS = "bit<8> step(in bit<8> v) { return x - y; }"
PUTS = "bit<8> step(in bit<8> v) { return v; } void put(in bit<8> v) { x = v; }"
FIELD = "bit<8> step(in bit<8> v) { return s.h.f; }"
RUN = "s.a = box.run(s.a);"
TWO = "bit<8> x; bit<8> y;"

EQUAL: dict[str, tuple[Version, Version]] = {
    "a variable that is called otherwise": (
        ("bit<8> x;", PLUS, f"x = s.b; {RUN}"),
        ("bit<8> z;", "bit<8> step(in bit<8> v) { bit<8> t = z; return t + v; }", f"z = s.b; {RUN}"),
    ),
    "variables in another order": (
        (TWO, MINUS, f"x = s.b; y = s.c; {RUN}"),
        (TWO, "bit<8> step(in bit<8> v) { return y - x; }", f"y = s.b; x = s.c; {RUN}"),
    ),
    "what is overwritten before a method may be called": (
        ("bit<8> x;", PLUS, f"x = s.b; box.other(); x = s.c; {RUN}"),
        ("bit<8> x;", PLUS, f"box.other(); x = s.c; {RUN}"),
    ),
    "a field that no method reads": (
        ("", FIELD, f"{RUN} s.b = 1;"),
        ("", FIELD, f"s.b = 1; {RUN}"),
    ),
    "what a method writes, read afterwards": (
        ("bit<8> x;", PUTS, f"{RUN} s.b = x;"),
        ("bit<8> x;", PUTS, f"{RUN} bit<8> t = x; s.b = t;"),
    ),
    "a variable that only a method sets": (
        ("bit<8> x;", PUTS, f"{RUN} s.b = x;"),
        ("bit<8> x = 0;", PUTS, f"{RUN} s.b = x;"),
    ),
    "a method that calls another object": (
        ("bit<8> x;", "bit<8> step(in bit<8> v) { return there.get(x + v); }", f"x = s.b; {RUN}"),
        ("bit<8> x;", "bit<8> step(in bit<8> v) { bit<8> t = v + x; return there.get(t); }", f"x = s.b; {RUN}"),
    ),
    "a method that is called by the program": (
        ("bit<8> x;", PLUS, "x = s.b; s.a = box.step(s.c);"),
        ("", "bit<8> step(in bit<8> v) { return v + s.b; }", "s.a = s.c + s.b;"),
    ),
    "a header that a method makes valid": (
        ("", PUTS.replace("x = v", "s.h.setValid(); s.h.f = v"), RUN),
        ("", PUTS.replace("x = v", "s.h = {v}"), RUN),
    ),
}  # fmt: skip

DIFFERENT: dict[str, tuple[Version, Version]] = {
    "another value at the call": (
        ("bit<8> x;", PLUS, f"x = s.b; {RUN}"),
        ("bit<8> x;", PLUS, f"x = s.c; {RUN}"),
    ),
    "variables that are swapped": (
        (TWO, MINUS, f"x = s.b; y = s.c; {RUN}"),
        (TWO, "bit<8> step(in bit<8> v) { return y - x; }", f"x = s.b; y = s.c; {RUN}"),
    ),
    "what a method writes, read before": (
        ("bit<8> x = 0;", PUTS, f"{RUN} s.b = x;"),
        ("bit<8> x = 0;", PUTS, f"s.b = x; {RUN}"),
    ),
    "what is overwritten after a method may have been called": (
        ("bit<8> x;", PLUS, f"x = s.b; {RUN} x = s.c; {RUN}"),
        ("bit<8> x;", PLUS, f"x = s.c; {RUN} x = s.c; {RUN}"),
    ),
    "a header that is not there at the call": (
        ("", FIELD, f"s.h.setValid(); s.h.f = 1; {RUN}"),
        ("", FIELD, f"{RUN} s.h.setValid(); s.h.f = 1;"),
    ),
    "a variable that nobody may have set": (
        ("bit<8> x = 0;", PUTS, f"{RUN} s.b = x;"),
        ("bit<8> x;", PUTS, f"{RUN} s.b = x;"),
    ),
    "a variable that nobody may have set, read twice": (
        ("bit<8> x;", PUTS, f"{RUN} bit<8> t = x; s.b = t; s.c = t;"),
        ("bit<8> x;", PUTS, f"{RUN} s.b = x; s.c = x;"),
    ),
    "a method that is called by the program": (
        ("bit<8> x;", PLUS, "x = s.b; s.a = box.step(s.c);"),
        ("bit<8> x;", PLUS, "x = s.c; s.a = box.step(s.c);"),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_methods_read_and_write_is_the_same(name: str) -> None:
    proof = judged(*EQUAL[name])
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 0


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_methods_read_or_write_is_not_the_same(name: str) -> None:
    proof = judged(*DIFFERENT[name])
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "interpreter of both programs" in proof.counterexample.confirmed_by


NOT_KNOWN: dict[str, tuple[Version, str, str]] = {
    "given to an extern": (("bit<8> x;", PLUS, f"x = s.b; take(box); {RUN}"), "", "it is given to an extern"),
    "made with it": (("bit<8> x;", PLUS, f"x = s.b; h.use(); {RUN}"), "Holder(box) h;", "it is given to c.h"),
    "calls itself": (
        ("bit<8> x;", "bit<8> step(in bit<8> v) { x = v; return this.run(v); }", f"x = s.b; {RUN}"), "",
        "they call the object itself, and read or write x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_where_methods_may_be_called_at_any_time_nothing_is_said(name: str) -> None:
    version, more, reason = NOT_KNOWN[name]
    with pytest.raises(Unsupported, match=reason):
        judged(version, (version[0], version[1], version[2] + " s.c = s.c + 1 - 1;"), (more, more))


@pytest.mark.parametrize("methods", [PLUS, "bit<8> step(in bit<8> v) { s.c = s.c + v; return v; }"])
def test_where_nothing_says_when_a_method_is_called_it_has_to_make_no_difference(
    methods: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """p4c then takes it not to be called in between, and moves what it reads and writes across calls. That is taken for
    granted, and said, where it finds the same if it is called when the block is done."""
    monkeypatch.setattr(f"{__name__}.TEXT", TEXT.replace("@synchronous(run) abstract", "abstract"))
    first = (TWO, methods, f"x = 1; s.b = s.c; {RUN}")
    assert judged(first, (TWO, methods, f"s.b = s.c; x = 2 - 1; {RUN}")).verdict is Verdict.ACCEPT
    other = f"x = 2; s.b = s.c; {RUN}" if methods is PLUS else f"x = 1; {RUN} s.b = s.c;"
    if methods is PLUS:  # which would find another x
        with pytest.raises(Unsupported, match=r"what c.box.step may read or write, and nothing says when"):
            judged(first, (TWO, methods, other))
    else:
        proof = judged(first, (TWO, methods, other))
        assert proof.verdict is Verdict.ACCEPT
        assert any(text.startswith("c.box.step, of which nothing says when") for text in proof.assumptions)
    assert judged(first, (TWO, methods, f"{first[2]} s.c = s.c + 1;")).verdict is Verdict.REJECT


@pytest.mark.parametrize("other", ["x = v + 1;", "y = v;"])
def test_methods_that_write_otherwise_are_not_taken_to_be_the_same(other: str) -> None:
    both = PUTS.replace("return v;", "return x - y;")
    with pytest.raises(Unsupported, match="not known to be the same"):
        judged((TWO, both, RUN), (TWO, both.replace("x = v;", other), RUN))


def test_exactly_asks_for_methods_without_undefined_values() -> None:
    unset = "bit<8> step(in bit<8> v) { bit<8> t; return t; }"
    assert judged(("", unset, RUN), ("", unset, RUN + "s.b = s.b + 0;")).verdict is Verdict.ACCEPT
    with pytest.raises(Unsupported, match="they read what is not defined"):
        judged(("", unset, RUN), ("", unset, RUN + "s.b = s.b + 0;"), exactly=True)


def test_methods_whose_loops_are_not_followed_to_the_end_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two do the same in the turns that are followed."""
    monkeypatch.setattr(statements, "MAX_ITERATIONS", 5)
    loop = """bit<8> step(in bit<8> v) {
        bit<8> n = 0;
        for (bit<8> i = 0; i < v; i = i + 1) { if (i > 9) { n = LATE; } }
        return n;
    }"""
    late = [loop.replace("LATE", text) for text in ("1", "2")]
    with pytest.raises(Unsupported, match="followed only so far"):
        judged(("", late[0], RUN), ("", late[1], RUN))


INSIDE = """
control inner(inout s_t s, Box box) {{ bit<8> x; apply {{ x = 7; s.a = box.run(s.b{value}); }} }}
"""


def test_an_object_that_another_block_calls_is_not_given_that_one_s_variables() -> None:
    texts = [
        (INSIDE.format(value=value) + TEXT.format(
            variables="bit<8> x; inner() i;", methods=PLUS, more="", body="x = 1; i.apply(s, box);"
        )).replace("control c", "control c", 1)
        for value in ("", " + 0")
    ]  # fmt: skip
    first, second = (load_text(_types_first(text), "test.p4").program for text in texts)
    with pytest.raises(Unsupported, match="called where x is not known"):
        check_pair(ProgramPair(first, second), Engine(), time.monotonic())


def _types_first(text: str) -> str:
    """``inner`` behind the declarations that it uses."""
    inner, rest = text.split("extern Box", 1)
    head, tail = ("extern Box" + rest).split("control c(", 1)
    return f"{head}{inner}control c({tail}"
