"""The checker's complaints: each a program of a few lines, the line concerned, and words of the message."""

from __future__ import annotations

import pytest

from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError

PRELUDE = """
error { NoError, PacketTooShort, NoMatch }
match_kind { exact, ternary, lpm, range }
extern packet_in { void extract<T>(out T h); void extract<T>(out T h, in bit<32> n); T lookahead<T>(); }
extern packet_out { void emit<T>(in T h); }
action NoAction() {}
header h_t { bit<8> a; bit<16> b; }
struct s_t { h_t h; h_t[3] stack; bit<8> x; bool flag; int<8> s; error e; }
extern reg<T> { reg(bit<32> n); T read(in bit<32> i); void write(in bit<32> i, in T v); }
extern void act(in bit<8> a);
extern void log<T>(string m, in T t);
enum color { red, green }
enum bit<8> code { one = 1, two = 2 }
type bit<8> new_t;
bit<8> twice(in bit<8> x) { return x + x; }
"""
LINES = PRELUDE.count("\n")


def errors(text: str) -> list[tuple[int, str]]:
    """The errors of a program that begins with the prelude: line after it, message."""
    try:
        load_text(PRELUDE + text, "test.p4")
    except InputError as error:
        for d in error.diagnostics:
            assert d.span.file == "test.p4"
            assert d.span.column > 0
            assert d.source_line is not None
            assert "^" in d.render()
        return [(d.span.line - LINES, d.message) for d in error.diagnostics]
    return []


def in_control(body: str, locals_: str = "") -> str:
    """A control with ``locals_`` on its second line and ``body`` on its third."""
    return f"control c(inout s_t s, in bit<8> i, out bit<8> o)(bit<8> n, int k) {{\n{locals_}\napply {{ {body} }} }}"


STATEMENTS = {
    "s.x = 16w1;": "assignment: expected bit<8>, found bit<16>",
    "s.x = true;": "expected bit<8>, found bool",
    "code v = (code)s.h.b;": "cannot be cast",
    "s.x = s.h.b;": "expected bit<8>, found bit<16>",
    "s.y = 1;": "no field 'y'",
    "s.h.aa = 1;": "no field 'aa'",
    "t.x = 1;": "unknown name 't'",
    "i = 1;": "cannot be assigned to",
    "n = 1;": "cannot be assigned to",
    "s.x = s.x + 16w1;": "'+' is not defined on bit<8> and bit<16>",
    "s.x = s.x + s.s;": "'+' is not defined on bit<8> and int<8>",
    "s.flag = s.x < s.flag;": "'<' is not defined",
    "s.flag = s.h == s.x;": "'==' is not defined",
    "s.flag = s.flag && s.x;": "'&&' is not defined",
    "s.flag = !s.x;": "'!' needs a bool",
    "s.x = s.x ++ 1;": "'++' needs operands with a width",
    "s.x = s.x / 0;": "division by zero",
    "s.s = s.s / 2;": "'/' is not defined on int<8>",
    "s.x = 1 / 0;": "division by zero",
    "s.x = 1 % -1;": "not defined for negative",
    "s.x = s.x << -1;": "negative amount",
    "s.x = s.x << s.s;": "must be unsigned",
    "s.x = 1 << s.x;": "width of the left operand",
    "s.x = s.x[8:1];": "bit 8 is outside of bit<8>",
    "s.x = (bit<8>)s.x[0:1];": "below its start",
    "s.x = (bit<8>)s.flag[0:0];": "bits can be taken",
    "s.x = (bit<8>)s.x[i:0];": "compile-time known",
    "s.x = s.stack[3].a;": "index 3 is outside",
    "s.x = s.stack[-1].a;": "index -1 is outside",
    "s.x = s.stack[true].a;": "an index must be an integer",
    "s.x = s.x[0];": "cannot be indexed",
    "s.x = (bit<8>)s.flag;": "cannot be cast",
    "s.x = (bit<8>)color.red;": "cannot be cast",
    "s.flag = (bool)2;": "only 0 and 1",
    "s.x = (bit<8>)(int<16>)s.x;": "cannot be cast",
    "new_t v = s.x;": "expected new_t, found bit<8>",
    "new_t v = (new_t)s.h.b;": "cannot be cast",
    "color v = color.blue;": "no member 'blue'",
    "code v = 1;": "expected code, found int",
    "s.e = error.Nope;": "there is no error 'Nope'",
    "s.h = { 1 };": "1 value for 2 fields",
    "s.h = { a = 1, c = 2 };": "no field 'c'",
    "s.h = { a = 1 };": "no value is given for the field 'b'",
    "s.h = { a = 1, a = 2, b = 3 };": "declared already",
    "s.x = s.flag ? 1 : 2;": "width of the result",
    "s.x = s.flag ? s.x : s.h.b;": "differ in type",
    "if (s.x) { }": "the condition of 'if': expected bool",
    "twice();": "1 argument expected, 0 given",
    "twice(1, 2);": "1 argument expected, 2 given",
    "twice(y = 1);": "no parameter 'y'",
    "twice(s.flag);": "expected bit<8>, found bool",
    "twyce(1);": "did you mean 'twice'",
    "log(s.x, s.x);": "expected string",
    'log("m", 1);': "cannot be inferred",
    "s.h.setvalid();": "has no method 'setvalid'",
    "s.h.setValid(1);": "takes no arguments",
    "s.x.setValid();": "has no method",
    "s.stack.push_front(s.x);": "compile-time known",
    "s.stack.push_front();": "takes one argument",
    "s.h = s.stack.next;": "only be used in a parser",
    "s.x = act(1);": "not a call without a result",
    "s.x;": None,
    "return 1;": "where none is returned",
    "break;": "outside of a loop",
    "bit<8> q; bit<8> q;": "declared already",
    "bit<8> s;": "hides the parameter",
    "int q;": "cannot be of type int",
    "reg<bit<8>>(3) r;": "cannot be instantiated here",
    "switch (s.flag) { 1: {} }": "'switch' needs",
    "switch (s.x) { 1: {} 1: {} }": "occurs twice",
    "switch (s.x) { default: {} 1: {} }": "must be the last",
    "switch (s.h) { default: {} }": "'switch' needs",
    "for (bit<8> j in s.flag) { }": "cannot go through",
    "bit<0-1> z;": "must be at least 0",
    "bit<(n)> z;": "compile-time known",
    "h_t<bit<8>> z;": "0 type parameters",
    "reg z;": "needs 1 type argument",
}


@pytest.mark.parametrize(("statement", "message"), STATEMENTS.items(), ids=list(STATEMENTS))
def test_statement_is_refused(statement: str, message: str | None) -> None:
    found = errors(in_control(statement))
    assert found, f"{statement} was accepted"
    assert found[0][0] == 3
    if message is not None:
        assert message in found[0][1]


GOOD = (
    "s.x = 1; s.x = s.x + 1; s.x = 1 + s.x; s.x = n; s.x = (bit<8>)k; s.x = k;",
    "s.x = code.one; s.flag = code.one == s.x; code v = (code)s.x; s.x = v;",
    "new_t v = (new_t)s.x; s.x = (bit<8>)v; s.flag = v == (new_t)8w1;",
    "s.x = (bit<8>)(bit<1>)s.flag; s.flag = (bool)s.x[0:0]; s.s = (int<8>)s.x;",
    "s.h = { 1, 2 }; s.h = { a = 1, b = 2 }; s.h = { a = 1, ... }; s.h = (h_t){ 1, 2 }; s.h = {#};",
    "s.h = { 1, ... }; s.stack = { {1, 2}, {3, 4} }; s.stack[0] = s.h; s.stack[i].a = 3;",
    "tuple<bit<8>, bool> t = { 1, true }; s.x = t[0]; s.flag = t == { 1, true };",
    "s.x = s.x << 3; s.x = s.x >> i; s.s = s.s >> 1; s.x[3:0] = 4w1; s.x[1+:2] = 2; s.x[i+:2] = 2;",
    "s.x += 1; s.x <<= 2; s.x |+|= 3; s.stack[i].a -= 1;",
    'log("a" ++ "b", { s.x, s.h }); log(t = s.x, m = "c");',
    "s.x = s.flag ? 1 : s.x; s.x = s.flag ? 8w1 : 2;",
    "switch (s.x) { 1: 2: { s.x = 3; } default: {} } switch (s.e) { error.NoError: {} }",
    "for (bit<8> j in 8w1 .. 4) { if (j == 2) { continue; } break; } for (bit<8> j = 0; j < 3; j += 1) { s.x = j; }",
    "for (h_t j in s.stack) { s.x = j.a; }",
    "o = 1; bit<32> z = s.stack.size; s.x = (bit<8>)s.h.minSizeInBits(); s.flag = s.h.isValid(); exit;",
)


@pytest.mark.parametrize("statements", GOOD)
def test_statements_are_accepted(statements: str) -> None:
    assert errors(in_control(statements)) == []


def table(properties: str) -> str:
    """A table in a control, on its second line."""
    return in_control(
        "t.apply();",
        "action a(bit<8> v) { s.x = v; } action d(inout bit<8> w, bit<8> v) { w = v; } action f() {}"
        f" table t {{ {properties} }}",
    )


TABLES = {
    "key = { s.x: exact; }": "no property 'actions'",
    "key = { s.x: exactly; } actions = { f; }": "no match_kind 'exactly'",
    "key = { s: exact; } actions = { f; }": "cannot be of type s_t",
    "key = { s.x + 1: exact; } actions = { f; }": "needs a @name",
    "actions = { nothing; }": "unknown name 'nothing'",
    "actions = { twice; }": "not an action",
    "actions = { f; f; }": "listed twice",
    "actions = { a(1); }": "too many arguments",
    "actions = { d; }": "argument expected, 0 given",
    "actions = { d(i); }": "needs something to write to",
    "actions = { f; } default_action = a(1);": "not in the table's list",
    "actions = { a; } default_action = a();": "argument expected",
    "actions = { a; } default_action = a(s.x);": "compile-time known",
    "actions = { a; } default_action = a(true);": "expected bit<8>, found bool",
    "actions = { d(s.x); } default_action = d(o, 1);": "differs from the one in the list",
    "actions = { f; @tableonly a; } default_action = a(1);": "@tableonly",
    "default_action = f; actions = { f; }": "must come before",
    "key = { s.x: exact; } actions = { f; } key = { s.x: exact; }": "given twice",
    "actions = { f; } size = -1;": "must not be negative",
    "actions = { f; } size = s.x;": "compile-time known",
    "actions = { f; } const entries = { 1: f; }": "entries but no key",
    "key = { s.x: exact; } actions = { f; } const entries = { (1, 2): f; }": "1 set expected",
    "key = { s.x: exact; } actions = { f; } const entries = { true: f; }": "key: expected bit<8>, found bool",
    "key = { s.x: exact; } actions = { f; } const entries = { _: f; }": "needs a value",
    "key = { s.x: lpm; } actions = { f; } const entries = { 8 &&& 9: f; }": "must be a prefix",
    "key = { s.x: ternary; } actions = { f; } const entries = { 1 .. 2: f; }": "a range cannot be given",
    "key = { s.x: exact; } actions = { f; } const entries = { s.x: f; }": "compile-time known",
    "key = { s.x: exact; } actions = { f; } const entries = { 1: a(1); }": "not in the table's list",
    "key = { s.x: exact; } actions = { a; } const entries = { 1: a; }": "argument expected",
    "key = { s.x: exact; } actions = { @defaultonly f; } const entries = { 1: f; }": "@defaultonly",
    "key = { s.x: ternary; } actions = { f; } entries = { 1: f; priority = 2: 2: f; }": "first entry needs a priority",
    "key = { s.x: ternary; } actions = { f; } entries = { priority = 0: 1: f; 2: f; }": "would be negative",
}


@pytest.mark.parametrize(("properties", "message"), TABLES.items(), ids=list(TABLES))
def test_table_is_refused(properties: str, message: str) -> None:
    found = errors(table(properties))
    assert any(line == 2 and message in text for line, text in found), found


def in_parser(states: str) -> str:
    return f"parser p(packet_in b, out s_t s) {{ bit<8> v = 0; value_set<bit<8>>(4) vs;\n{states}\n}}"


PARSERS = {
    "state begin { transition accept; }": (1, "no state 'start'"),
    "state start { transition nowhere; }": (2, "no state 'nowhere'"),
    "state start { transition v; }": (2, "not a state"),
    "state start { transition accept; } state accept { }": (2, "built in"),
    "state start { transition accept; } state start { transition accept; }": (2, "declared already"),
    "state start { transition select(v) { 16w1: accept; } }": (2, "expected bit<8>"),
    "state start { transition select(v, v) { 1: accept; } }": (2, "2 sets expected"),
    "state start { transition select(v, v) { (1, 2, 3): accept; } }": (2, "2 sets expected"),
    "state start { transition select(s.h) { _: accept; } }": (2, "cannot be selected on"),
    "state start { transition select(s.h.b) { vs: accept; } }": (2, "holds values of bit<8>"),
    "state start { transition select(v) { twice(1): accept; } }": (2, "cannot have a call"),
    "state start { b.extract(v); transition accept; }": (2, "needs a header"),
    "state start { b.extract(s.h, 8); transition accept; }": (2, "varbit"),
    "state start { b.extrakt(s.h); transition accept; }": (2, "did you mean 'extract'"),
    "state start { NoAction(); transition accept; }": (2, "cannot be called from here"),
}


@pytest.mark.parametrize(("states", "expected"), PARSERS.items(), ids=list(PARSERS))
def test_parser_is_refused(states: str, expected: tuple[int, str]) -> None:
    found = errors(in_parser(states))
    assert any(line == expected[0] and expected[1] in text for line, text in found), found


DECLARATIONS = {
    "parser q(); control c()(q x) { apply { } }": "cannot be of type parser q",
    "header x_t { h_t h; }": "cannot be of type h_t",
    "header x_t { int a; }": "cannot be of type int",
    "header_union u_t { bit<8> a; }": "cannot be of type bit<8>",
    "struct x_t { packet_in p; }": "cannot be of type packet_in",
    "struct x_t { bit<8> a; bit<8> a; }": "declared already",
    "header g_t<T> { T t; } struct x_t { g_t<h_t> g; }": "cannot be of type h_t",
    "enum new_t e_t { a = 1 }": "must be bit<> or int<>",
    "const bit<8> c = true;": "expected bit<8>, found bool",
    "const bit<8> c = twice(1);": "cannot be called here",
    "bit<8> f() { }": "does not return",
    "bit<8> f(in bool b) { if (b) { return 1; } }": "does not return",
    "void f() { return 1; }": "where none is returned",
    "bit<8> f() { return; }": "needs a value",
    "bit<8> f() { return f(); }": "in its own declaration",
    "void f(in bit<8> a) {} void f(in bit<8> a) {}": "declared already",
    "control c(inout bit<8> x)(bit<8> x) { apply { } }": "declared already",
    "control c(inout packet_in p) { apply { } }": "cannot have a direction",
    "control c()(in bit<8> x) { apply { } }": "cannot have a direction",
    "control c() { apply { } } c() d;": "cannot be instantiated at the top level",
    "control c() { c() d; apply { } }": "in its own declaration",
    "control c() { packet_in() d; apply { } }": "has no constructor",
    "control c() { reg<bit<8>>() d; apply { } }": "1 argument expected",
    "control d(); control c() { d() e; apply { } }": "is a control type",
    "parser p() { state start { } } control c() { p() q; apply { } }": "cannot be instantiated in a control",
    "control c() { table t { actions = { NoAction; } } action a() { t.apply(); } apply { } }": "cannot be applied here",
    "action a(bit<8> x, in bit<8> y) {}": "must come before",
    "action a() { reg<bit<8>>(1) r; }": "cannot be instantiated here",
    "package p(bit<8> n); p(true) main;": "expected bit<8>, found bool",
    "control d<H>(inout H h); package p<H>(d<H> a, d<H> b); "
    "control x(inout bit<8> h) { apply {} } control y(inout bool h) { apply {} } p(x(), y()) main;": "argument for 'b'",
    "@name(3) action a() {}": "@name needs a string",
    "@name(\".n\") action a() {} @name(\"n\") action b() {}": "control-plane name 'n'",
    "extern e { abstract bit<8> f(in bit<8> x); e(); } "
    "control c() { e() d = { bit<8> f(in bit<16> x) { return 1; } }; apply {} }": "differs from the abstract method",
    "extern e { abstract void f(); e(); } control c() { e() d = { }; apply {} }": "does not implement",
    "extern bool static_assert(bool c, string m); const bool x = static_assert(1 == 2, \"no\");": "failed: no",
    "extern void verify(in bool c, in error e); control c() { apply { verify(true, error.NoError); } }": "in a parser",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), DECLARATIONS.items(), ids=list(DECLARATIONS))
def test_declaration_is_refused(text: str, message: str) -> None:
    found = errors(text)
    assert any(message in m for _, m in found), found


def test_several_errors_are_reported_at_once() -> None:
    found = errors(in_control("s.y = 1;\n s.x = true;\n nothing();"))
    assert [line for line, _ in found] == [5, 3, 4], "names come before types"


def test_one_mistake_is_reported_once() -> None:
    found = errors(in_control("bit<8> q = nothing;\n s.x = q + nothing2;"))
    assert [line for line, _ in found] == [3, 4]


def test_a_note_points_at_the_declaration() -> None:
    with pytest.raises(InputError) as caught:
        load_text(PRELUDE + in_control("twice(true);"), "test.p4")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.notes
    assert diagnostic.notes[0].source_line is not None
    assert "twice" in diagnostic.notes[0].source_line


def warnings(text: str) -> list[str]:
    return [d.message for d in load_text(PRELUDE + text, "test.p4").warnings]


def test_warnings() -> None:
    assert any("does not fit" in w for w in warnings(in_control("s.x = 300;")))
    assert any("never used" in w for w in warnings(in_control("bit<8> q;")))
    assert any("hides" in w for w in warnings(in_control("bit<8> q = 1; { bit<8> q = 2; s.x = q; } s.x = q;")))
    unused = warnings(
        in_control("", "action a() {} table t { actions = { NoAction; } } reg<bit<8>>(1) r; const int z = 1;")
    )
    assert [w for w in unused if "never used" in w] == [
        f"the {what} is never used" for what in ("action 'a'", "table 't'", "instance 'r'", "constant 'z'")
    ]
    assert warnings(in_control("", '@noWarn("unused") action a() {}')) == []
    assert any("its width or more" in w for w in warnings(in_control("s.x = s.x << 8;")))
    text = in_parser("state start { transition accept; } state lost { transition accept; }")
    assert any("cannot be reached" in w for w in warnings(text))
    text = in_parser("state start { transition select(v) { _: accept; 1: reject; } }")
    assert any("no case after" in w for w in warnings(text))


def test_very_many_errors_end_the_check() -> None:
    assert len(errors(in_control("\n".join("s.y = 1;" for _ in range(200))))) == 50


def test_deep_expressions() -> None:
    text = "s.x = " + " + ".join(["s.x"] * 400) + ";"
    assert errors(in_control(text)) == []


@pytest.mark.parametrize("argument", ["s.flag ? s.x : 3", "twice(s.x) ++ 8w1", "sizeof_x + s.x", "s.x[3:0] ++ 4w1"])
def test_arguments_written_alike_are_the_same_whatever_they_are(argument: str) -> None:
    """An action's bound argument is repeated in the default action and in entries."""
    call = f"g(({argument})[7:0])" if "++" in argument else f"g({argument.replace('sizeof_x', 's.x')})"
    other = call.replace("s.x", "s.h.a")
    actions = "action g(in bit<8> v) { s.x = v; }"
    for entry, wanted in ((call, True), (other, False)):
        properties = f"key = {{ s.x: exact; }} actions = {{ {call}; }} const entries = {{ 1: {entry}; }}"
        properties += f" default_action = {entry};"
        found = errors(in_control("t.apply();", f"{actions} table t {{ {properties} }}"))
        assert (found == []) == wanted
