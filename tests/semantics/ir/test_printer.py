"""Printed programs load as equal programs, with equal P4Info."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.semantics import ir, p4info
from p4verify.semantics.ir import codec_json, codec_netlink
from p4verify.semantics.ir.printer import to_p4
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_program, load_text
from p4verify.semantics.source import InputError, Unsupported
from tests.support.ir_alike import difference

_MAIN = """
#include <core.p4>
#include <v1model.p4>
%(top)s
header h_t { bit<8> a; int<8> b; varbit<16> v; }
header g_t { bit<16> x; }
header_union u_t { h_t h; g_t g; }
struct H { h_t h; g_t[3] s; u_t u; }
struct M { bit<8> m; bool f; tuple<bit<8>, bool> t; }
parser P(packet_in p, out H h, inout M m, inout standard_metadata_t s) {
    value_set<bit<8>>(4) vs;
    state start { p.extract(h.h, 32w8); transition select(h.h.a, m.f) {
        (0x10 &&& 0xF0, _): more; (8w1 .. 8w9, true): more; default: last; } }
    state more { p.extract(h.s.next); transition select(h.s.last.x) { 3: more; _: last; } }
    state last { transition select(h.h.a) { vs: accept; 4: accept; } }
}
control V(inout H h, inout M m) { apply { } }
control Sub(inout bit<8> x)(bit<8> step) { action bump(bit<8> y) { x = x + step + y; }
    table t { key = { x : exact; } actions = { bump; NoAction; } }
    apply { t.apply(); } }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    %(locals)s
    apply { %(body)s }
}
control E(inout H h, inout M m, inout standard_metadata_t s) { apply { } }
control D(packet_out p, in H h) { apply { p.emit(h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""

PROGRAMS = {
    "sub-controls": ("", "Sub(1) one; Sub(2) two; bit<8> x = 3;", "one.apply(x); two.apply(x); one.apply(h.h.a);"),
    "shadowing": ("bit<8> f(bit<8> x) { return x; }", "bit<8> x = 1;",
                  "{ bit<8> x = f(h.h.a); { bit<8> x = 7; h.h.a = x; } h.h.a = x; } bit<8> f = 3; h.h.a = f + x;"),
    "negative numbers": ("", "", "h.h.b = -128; if (h.h.b < -1 && h.h.b > 8s3) { h.h.b = h.h.b >> 2; }"),
    "loops": ("", "", ("for (bit<8> i = 0; i < 4; i = i + 1) { if (i == 2) { continue; } m.m = i; break; }"
              " for (bit<8> i in 8w1 .. 8w5) { m.m = i; }")),
    "aggregates": ("", "", ("M n = { 1, true, { 2, false } }; m = n; h.h = { 1, 2, ... }; h.s[1] = {#};"
                   " h_t k = (h_t) {#}; h.u.h = k; m = ...; m.f = m.t == { 8w1, true };")),
    "enums": ("enum bit<8> K { a = 1, b = 7 } enum Z { x, y } type bit<8> W;", "",
              "h.h.a = K.b; Z z = Z.y; if (z == Z.x) { h.h.a = (bit<8>) (K) 3; } W w = (W) 5; h.h.a = (bit<8>) w;"),
    "generics": ("T id<T>(in T x) { return x; } struct G<T> { T t; }", "G<bit<8>> g = { 4 };",
                 "h.h.a = id(g.t); h.g_t = 1;".replace("h.g_t = 1;", "m.f = id(m.f);")),
    "tables": ("action top(bit<8> y) { }",
               """action a(inout bit<8> r, bit<8> y) { r = y; }
               @name(".abs") action b() { }
               @hidden table t { key = { h.h.a & 3 : ternary @name("k"); h.u.isValid() : exact; h.h.b : lpm; }
                   actions = { a(m.m); b; top; @defaultonly NoAction; }
                   default_action = a(m.m, 7); size = 10; largest_priority_wins = false;
                   entries = { const priority = 3: (_, true, _) : a(m.m, 1); (1 &&& 1, false, 8s5) : top(2); } }
               table e { key = { h.h.a : range; } actions = { b; } const default_action = b();
                   const entries = { 1 .. 5 : b(); _ : b(); } }""",
               "switch (t.apply().action_run) { a: { exit; } b: top: { return; } default: { } } m.f = e.apply().hit;"),
    "switch": ("", "", "switch (h.h.a) { 1: 2: { m.m = 1; } 3: { m.m = 2; } default: { m.m = 3; } }"),
    "externs": ("", ("register<bit<8>>(16) r; direct_counter(CounterType.bytes) c;"
                " table t { key = { h.h.a : exact; } actions = { NoAction; } counters = c; }"),
                ("r.read(h.h.a, 3); t.apply(); hash(m.m, HashAlgorithm.crc16, 8w0, { h.h.a, h.h.b }, 16w9);"
                " digest(1, { h.h.a }); log_msg(\"a {}\", { h.h.a });")),
    "bits": ("", "", ("h.h.a[7:4] = (h.h.a[3:0] ++ 4w0)[3:0]; h.s.push_front(1); m.m = m.f ? ~h.h.a : 8w1 |+| h.h.a;"
             " h.u.h.setValid(); if (h.s[1].isValid()) exit; else if (!m.f) return;")),
    "an error and a match_kind": ("error { Mine } match_kind { mine }", "error e = error.Mine;",
                                  "if (e == error.NoError) { m.f = false; }"),
}  # fmt: skip


def _reloaded(program: ir.Program) -> ir.Program:
    return load_text(to_p4(program), "printed.p4").program


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_printed_program_loads_as_an_equal_one(name: str) -> None:
    top, locals_, body = PROGRAMS[name]
    program = load_text(_MAIN % {"top": top, "locals": locals_, "body": body}).program
    again = _reloaded(program)
    assert difference(program, again) == ""
    assert p4info.to_text(program) == p4info.to_text(again)
    assert to_p4(again) == to_p4(_reloaded(again))


def test_the_comparison_sees_differences() -> None:
    text = _MAIN % {"top": "", "locals": "bit<8> x = 3;", "body": "h.h.a = x;"}
    one, two = load_text(text).program, load_text(text.replace("x = 3", "x = 4")).program
    assert "3" in difference(one, two)
    assert difference(one, one) == ""
    renamed = load_text(text.replace("bit<8> x = 3", "bit<8> z = 3").replace("a = x;", "a = z;")).program
    assert "z" in difference(one, renamed)


def test_externs_of_the_programs_own_are_declared_from_their_uses() -> None:
    top = """extern bit<8> mine(in bit<8> x, out bool y);
        extern Other { Other(bit<8> n); void go(inout bit<8> x); void go(); abstract bit<8> f(in bit<8> y); }"""
    locals_ = "Other(3) o = { bit<8> f(in bit<8> y) { return y + 1; } };"
    body = "h.h.a = mine(h.h.a, m.f); o.go(h.h.a); o.go();"
    program = load_text(_MAIN % {"top": top, "locals": locals_, "body": body}).program
    assert difference(program, _reloaded(program)) == ""


def test_generic_externs_without_their_declaration_cannot_be_printed() -> None:
    top = "extern void mine<T>(in T x);"
    program = load_text(_MAIN % {"top": top, "locals": "", "body": "mine(h.h.a);"}).program
    assert difference(program, _reloaded(program)) == ""
    with pytest.raises(Unsupported, match="extern mine, which is generic"):
        to_p4(replace(program, declarations=()))


_OWN = """
    extern Box<T> { Box(T first); Box(); T get(); void put(in T x); void put(in T x, in bool y); U as<U>(in U like);
        @synchronous(get) abstract T change(in T old); }
    extern R pick<R>(in R a, in bool left);
    extern R pick<R>(in R a, in bit<8> index);
    extern void show(string what);
    extern void show<T>(string what, in T data);
    parser P<H>(out H h, in bit<8> size = 3);
    control C<H, M>(inout H h, @optional in M m);
    package Pipe<H, M>(P<H> p, C<H, M> c);
    package Switch<H, M, N>(Pipe<H, M> one, @optional Pipe<H, N> two, bit<8> n = 4);
    struct H { bit<8> a; bit<16> b; }
    parser Pa(out H h) { state start { h = { 1, 2 }; transition accept; } }
    control Sub(inout bit<8> x) { apply { x = x + 1; } }
    control type_of_sub(inout bit<8> x);
    control User(inout bit<8> x)(type_of_sub s, bit<8> k) { apply { s.apply(x); x = x + k; } }
    control Co(inout H h, in bit<8> m) {
        bit<8> local = 7;
        Sub() shared;
        User(shared, 1) one;
        User(shared, 2) two;
        Box(8w1) box = { bit<8> change(in bit<8> old) { return old + local; } };
        Box<bit<16>>() wide = { bit<16> change(in bit<16> old) { return this.as(old) + 1; } };
        apply { one.apply(h.a); two.apply(h.a); box.put(h.a); box.put(y = true, x = h.a); h.b = wide.get();
            h.a = pick(a = h.a, left = true) + pick(a = h.a, index = 8w3); show("a"); show("b", { h.a, h.b }); }
    }
"""

OWN = {
    "everything": "Pipe(Pa(), Co()) p; Switch(p) main;",
    "two packages": "Pipe(Pa(), Co()) p; Pipe(Pa(), Co()) q; Switch<H, bit<8>, bit<8>>(n = 7, one = p, two = q) main;",
    "nothing": "",
}


@pytest.mark.parametrize("name", OWN)
def test_a_machine_of_the_programs_own(name: str) -> None:
    program = load_text(_OWN + OWN[name]).program
    assert difference(program, _reloaded(program)) == ""
    verify(program)
    assert codec_json.from_json(codec_json.to_json(program)) == program
    assert codec_netlink.from_netlink(codec_netlink.to_netlink(program)) == program


def test_declarations_are_those_of_the_program_that_it_uses() -> None:
    program = load_text(_OWN + OWN["everything"] + "extern void nobody();").program
    names = [d.name for d in program.declarations]
    assert names == ["Box", "pick", "pick", "show", "show", "P", "C", "Pipe", "Switch"]
    assert load_text(_MAIN % {"top": "", "locals": "", "body": ""}).program.declarations == ()


@pytest.mark.parametrize("first", ["error { Mine } match_kind { mine }", ""])
def test_errors_and_match_kinds_before_those_of_the_library(first: str) -> None:
    text = first + "\n#include <core.p4>\nerror { Second }\n#include <v1model.p4>\nerror { Third } const bit<8> x = 1;"
    program = load_text(text).program
    assert program.errors[:1] == (("Mine",) if first else ("NoError",))
    assert difference(program, _reloaded(program)) == ""


def test_arrays_of_objects() -> None:
    top = "extern Cell<T> { Cell(T n); T get(); void put(in T x); }"
    body = "cells[h.h.a].put(h.h.a); h.h.a = cells[3].get(); more[h.h.a].put(1);"
    program = load_text(
        _MAIN % {"top": top, "locals": "Cell<bit<8>>(1) cells[4]; Cell[2](8w3) more;", "body": body}
    ).program
    assert [(i.name, i.size) for i in program.instances] == [("I.cells", 4), ("I.more", 2)]
    assert difference(program, _reloaded(program)) == ""
    verify(program)
    with pytest.raises(Unsupported, match="extern Cell as an array of objects"):
        meaning(program)


def test_an_architecture_of_the_programs_own() -> None:
    text = """
        #include <core.p4>
        extern Thing { Thing(); bit<8> get(); }
        control c(inout bit<8> x);
        package own<T>(c one, c two, T n, Thing t);
        Thing() thing;
        control A(inout bit<8> x)(bit<8> k) { apply { x = k + thing.get(); } }
        own(A(1), A(2), 8w3, thing) main;"""
    program = load_text(text).program
    assert len(program.controls) == 2
    assert difference(program, _reloaded(program)) == ""


def _walk(files: Iterable[Path]) -> tuple[int, list[str]]:
    """How many came back equal, and what did not."""
    equal, wrong = 0, []
    for file in files:
        try:
            program = load_program(str(file))
        except (InputError, Unsupported):
            continue  # the front end's own tests know which
        try:
            found = difference(program, _reloaded(program))
        except (InputError, Unsupported) as error:
            found = str(error)
        if found:
            wrong.append(f"{file.name}: {found}")
        equal += not found
    return equal, wrong


@pytest.mark.long
@pytest.mark.corpus
def test_a_sample_of_the_corpus(corpus: Path) -> None:
    equal, wrong = _walk(sorted((corpus / "p4c" / "p4_16_samples").glob("*.p4"))[::12])
    assert not wrong, "\n".join(wrong)
    assert equal > 50
    _, wrong = _walk(sorted((corpus / "p4c" / "p4_16_samples_outputs").glob("*.p4"))[::70])
    assert not wrong, "\n".join(wrong)


@pytest.mark.corpus
@pytest.mark.campaign
@pytest.mark.parametrize("folder", ["p4_16_samples", "p4tc_samples", "p4_16_samples_outputs"])
def test_the_whole_corpus(corpus: Path, folder: str) -> None:
    equal, wrong = _walk(sorted((corpus / "p4c" / folder).rglob("*.p4")))
    assert not wrong, "\n".join(wrong)
    assert equal > 0
