"""From checked P4 to p4ast: instances and their names, generics, constants, casts, unique names."""

from __future__ import annotations

import pytest

from p4verify.semantics import ir
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError, Unsupported

CORE = """
error { NoError, NoMatch }
match_kind { exact, ternary, lpm }
extern packet_in { void extract<T>(out T h); T lookahead<T>(); }
action NoAction() {}
header h_t { bit<8> a; bit<16> b; }
struct s_t { h_t h; bit<8> x; bit<32> y; }
control Pipe(inout s_t s);
package Switch(Pipe p);
"""


def load(text: str) -> ir.Program:
    """The program, which must be well-formed."""
    program = load_text(CORE + text, "test.p4").program
    verify(program)
    return program


def pipe(body: str, locals_: str = "", before: str = "") -> ir.Control:
    """The control ``c`` of a program with this body."""
    return load(f"{before} control c(inout s_t s) {{ {locals_} apply {{ {body} }} }} Switch(c()) main;").control("c")


def test_names_of_nested_instances() -> None:
    program = load("""
        extern reg { reg(bit<32> n); bit<8> read(); }
        reg(5) top;
        control inner(inout s_t s)(bit<8> n) {
            reg(10 + (bit<32>)n) r;
            action a() { s.x = n + r.read() + top.read(); }
            @name("tt") table t { key = { s.h.isValid(): exact; s.x: exact @name("kk"); s.y[7:0]: exact; }
                                  actions = { a; @defaultonly NoAction; } size = 2 * 8; }
            apply { t.apply(); }
        }
        control c(inout s_t s) { inner(1) i1; @name("second") inner(2) i2; apply { i1.apply(s); i2.apply(s); } }
        Switch(c()) main;
    """)
    assert [c.name for c in program.controls] == ["c.i1", "c.second", "c"]
    assert {i.name: i.args for i in program.instances} == {
        "top": (("n", ir.Const(5, ir.bits(32))),),
        "c.i1.r": (("n", ir.Const(11, ir.bits(32))),),
        "c.second.r": (("n", ir.Const(12, ir.bits(32))),),
    }
    (table,) = program.control("c.second").tables
    assert table.control_name == "c.second.tt"
    assert [k.name for k in table.keys] == ["s.h.$valid$", "kk", "s.y[7:0]"]
    assert table.size == 16
    assert [(a.action, a.default_only) for a in table.actions] == [("a", False), ("NoAction", True)]
    assert table.default == ir.BoundAction("NoAction")
    actions = {a.name: a.control_name for a in program.control("c.i1").actions}
    assert actions == {"a": "c.i1.a", "NoAction": "NoAction"}
    assert program.main == "main"
    assert program.package("main").args == (("p", "c"),)
    applied = [s.call for s in program.control("c").body.body if isinstance(s, ir.Do)]
    assert [call.block for call in applied if isinstance(call, ir.BlockApply)] == ["c.i1", "c.second"]


def test_two_uses_of_one_type_are_two_blocks() -> None:
    program = load("""
        package Two(Pipe p, Pipe q);
        control c(inout s_t s) { apply { s.x = 1; } }
        Two(c(), c()) main;
    """)
    names = [c.name for c in program.controls]
    assert len(set(names)) == 2
    assert [value for _, value in program.package("main").args] == names


def test_constructor_parameters_become_constants() -> None:
    program = load("""
        control inner(inout s_t s)(bool flag, bit<8> n, int k) { apply { s.x = flag ? n : 8w7; s.y = k * 2 + 1; } }
        control c(inout s_t s) { inner(true, 3, 4) i; apply { i.apply(s); } }
        Switch(c()) main;
    """)
    values = [s.value for s in program.control("c.i").body.body if isinstance(s, ir.Assign)]
    assert values == [ir.Const(3, ir.bits(8)), ir.Const(9, ir.bits(32))]


def test_bad_constants_that_show_only_in_an_instance() -> None:
    text = """
        control inner(inout s_t s)(bit<32> n) { apply { s.y = s.y / n; } }
        control c(inout s_t s) { inner(0) i; apply { i.apply(s); } }
        Switch(c()) main;
    """
    with pytest.raises(InputError, match="division by zero"):
        load(text)


def test_names_are_unique_in_a_block() -> None:
    control = pipe(
        "bit<8> v = 1; { bit<8> v = 2; s.x = v; } s.x = v; a(v);",
        "bit<8> w; action a(in bit<8> x) { bit<8> v = x; w = v; } action b(in bit<8> x) { w = x; }",
    )
    declared = [p.name for a in control.actions for p in a.params]
    assert len(declared) == len(set(declared)) == 2
    outer = next(s for s in control.body.body if isinstance(s, ir.Declare))
    inner = next(s for s in control.body.body if isinstance(s, ir.Block))
    assert isinstance(inner.body[0], ir.Declare)
    assert inner.body[0].name != outer.name
    assert isinstance(inner.body[1], ir.Assign)
    assert inner.body[1].value == ir.Var(inner.body[0].name, ir.bits(8))


def test_implicit_casts_are_explicit() -> None:
    control = pipe(
        "s.x = 255; s.x = code.two; s.y = s.y + 1; s.y = s.y << 1; s.h = { b = 2, a = 1 };",
        before="enum bit<8> code { one = 1, two = 2 }",
    )
    values = [s.value for s in control.body.body if isinstance(s, ir.Assign)]
    y = ir.Member(ir.Var("s", control.params[0].type), "y", ir.bits(32))
    assert values[0] == ir.Const(255, ir.bits(8))
    assert values[1] == ir.Const(2, ir.bits(8))
    assert values[2] == ir.Binary("+", y, ir.Const(1, ir.bits(32)), ir.bits(32))
    assert values[3] == ir.Binary("<<", y, ir.Const(1, ir.bits(1)), ir.bits(32))
    assert isinstance(values[4], ir.Aggregate)
    assert values[4].values == (ir.Const(1, ir.bits(8)), ir.Const(2, ir.bits(16)))


FOLDED = {
    "8w255 + 1": (0, 8),
    "8w0 - 1": (255, 8),
    "8w200 |+| 100": (255, 8),
    "8w2 |-| 3": (0, 8),
    "8w7 / 2": (3, 8),
    "8w7 % 4": (3, 8),
    "8w1 << 9": (0, 8),
    "8w0x80 >> 7": (1, 8),
    "~8w1": (254, 8),
    "-8w1": (255, 8),
    "(bit<8>)(int<8>)(-8s128 >> 3)": (0xF0, 8),
    "(bit<8>)(8s127 + 1)": (0x80, 8),
    "4w0xa ++ 4w5": (0xA5, 8),
    "(bit<8>)16w0x1234": (0x34, 8),
    "16w0x1234[11:4]": (0x23, 8),
    "0x1234[11:4]": (0x23, 8),
    "(bit<8>)(bit<1>)true": (1, 8),
    "true ? 8w1 : 2": (1, 8),
    "(1 << 40) / (1 << 35)": (32, 8),
    "-(-5)": (5, 8),
    "({ 8w1, 8w2 })[1]": (2, 8),
    "8w6 & 3 | 8w8 ^ 1": (11, 8),
    "(3 > 2 && !(1 == 2)) ? 8w1 : 0": (1, 8),
    "(bit<8>)s_size": (7, 8),
}


@pytest.mark.parametrize(("text", "expected"), FOLDED.items(), ids=list(FOLDED))
def test_constants_are_evaluated(text: str, expected: tuple[int, int]) -> None:
    control = pipe(f"s.x = {text};", before="const int s_size = 7;")
    (statement,) = control.body.body
    assert isinstance(statement, ir.Assign)
    assert statement.value == ir.Const(expected[0], ir.bits(expected[1]))


def test_generic_functions_are_instantiated() -> None:
    program = load("""
        T same<T>(in T x) { T y = x; return y; }
        control c(inout s_t s) { apply { s.x = same(s.x); s.y = same(s.y); s.y = same<bit<32>>(1); } }
        Switch(c()) main;
    """)
    assert [(f.name, f.result) for f in program.functions] == [
        ("same<bit<8>>", ir.bits(8)),
        ("same<bit<32>>", ir.bits(32)),
    ]


def test_overloads_by_number_and_by_names() -> None:
    program = load("""
        bit<8> f(in bit<8> a) { return 1; }
        bit<8> f(in bit<8> a, in bit<8> b) { return 2; }
        bit<8> f(in bit<8> c, in bit<8> d) { return 3; }
        control c(inout s_t s) { apply { s.x = f(1); s.x = f(b = 1, a = 2); s.x = f(c = 1, d = 2); } }
        Switch(c()) main;
    """)
    results = {f.name: f.body.body[0] for f in program.functions}
    calls = [s.value for s in program.control("c").body.body if isinstance(s, ir.Assign)]
    values = []
    for call in calls:
        assert isinstance(call, ir.FunctionCall)
        leave = results[call.name]
        assert isinstance(leave, ir.Leave)
        values.append(leave.value)
    assert values == [ir.Const(i, ir.bits(8)) for i in (1, 2, 3)]
    assert isinstance(calls[1], ir.FunctionCall)
    assert calls[1].args == (ir.Const(2, ir.bits(8)), ir.Const(1, ir.bits(8)))


def test_generic_controls_and_records() -> None:
    program = load("""
        header g_t<T> { T v; }
        control gen<H>(inout H h, inout g_t<H> g)(bit<8> n) { apply { g.v = h; } }
        control c(inout s_t s) {
            gen<bit<8>>(1) a; gen<bit<32>>(2) b;
            apply { g_t<bit<8>> x; g_t<bit<32>> y; a.apply(s.x, x); b.apply(s.y, y); }
        }
        Switch(c()) main;
    """)
    names = {t.name for t in program.types}
    assert {"g_t<bit<8>>", "g_t<bit<32>>"} <= names
    assert program.control("c.a").params[0].type == ir.bits(8)
    assert program.control("c.b").params[0].type == ir.bits(32)


def test_extern_calls() -> None:
    program = load("""
        extern reg<T> { reg(bit<32> n, @optional bit<8> m); void get(out T v, in bit<32> i = 5); }
        extern void two<A, B>(in A a, @optional in B b);
        control c(inout s_t s) {
            reg<bit<8>>(1) r;
            apply { r.get(s.x); r.get(_, 6); two(s.x); two({ s.x, true }, 8w1); }
        }
        Switch(c()) main;
    """)
    calls = [s.call for s in program.control("c").body.body if isinstance(s, ir.Do)]
    first, second, third, fourth = (c for c in calls if isinstance(c, ir.ExternCall))
    assert (first.object, first.extern, first.method) == ("c.r", "reg", "get")
    assert first.args[1] == ir.Const(5, ir.bits(32))
    assert first.params[0].type == ir.bits(8)
    assert second.args == (None, ir.Const(6, ir.bits(32)))
    assert third.args[1] is None
    assert fourth.type_args == (ir.TupleType((ir.bits(8), ir.BOOL)), ir.bits(8))
    assert program.instance("c.r").args == (("n", ir.Const(1, ir.bits(32))),)
    assert program.instance("c.r").type_args == (ir.bits(8),)


def test_parsers() -> None:
    program = load("""
        parser sub(packet_in b, inout s_t s) { state start { b.extract(s.h); transition accept; } }
        parser p(packet_in b, out s_t s) {
            sub() q; value_set<bit<8>>(4) vs; bit<8> v = 1;
            state start { q.apply(b, s); sub.apply(b, s);
                transition select(s.h.a, s.x) { (1, 2 &&& 3): next; (_, 4 .. 5): accept; default: reject; } }
            state next { transition select(s.h.a) { vs: accept; 16w7[7:0]: start; } }
            state last { v = b.lookahead<bit<8>>(); }
        }
        parser P(packet_in b, out s_t s);
        package Parse(P p);
        Parse(p()) main;
    """)
    parser = program.parser("p")
    start, following, last = parser.states
    eight = ir.bits(8)
    assert start.transition.cases == (
        ir.SelectCase((ir.ValueSet(ir.Const(1, eight)), ir.MaskSet(ir.Const(2, eight), ir.Const(3, eight))), "next"),
        ir.SelectCase((ir.AnySet(), ir.RangeSet(ir.Const(4, eight), ir.Const(5, eight))), "accept"),
        ir.SelectCase((ir.AnySet(),), "reject"),
    )
    assert following.transition.cases[0] == ir.SelectCase((ir.ParserValueSet("vs"),), "accept")
    assert last.transition.cases == (ir.SelectCase((), "reject"),)
    assert parser.value_sets[0].size == 4
    assert [p.name for p in program.parsers] == ["p.q", "p.sub", "p"]
    (call,) = (s.call for s in program.parser("p.q").states[0].body if isinstance(s, ir.Do))
    assert isinstance(call, ir.ExternCall)
    assert (call.object, call.is_param) == ("b", True)


def test_select_on_a_tuple_is_taken_apart() -> None:
    program = load("""
        parser p(in bit<8> x) {
            state start { transition select(x, { x, 8w1 }) { (1, { 2, 3 }): accept; (_, _): reject; } }
        }
        parser P(in bit<8> x); package Parse(P p); Parse(p()) main;
    """)
    transition = program.parser("p").states[0].transition
    assert len(transition.keys) == 3
    assert [len(c.sets) for c in transition.cases] == [3, 3]


def test_entries() -> None:
    control = pipe(
        "t.apply();",
        """action a(bit<8> v) { s.x = v; }
           table t { key = { s.x: ternary; s.y: lpm; } actions = { a; NoAction; } const default_action = a(9);
             largest_priority_wins = false; priority_delta = 10;
             entries = { const priority = 100: (1, _): a(1); (2 &&& 6, 0x100 &&& 0xffffff00): a(v = 2);
               (_, _): NoAction; } }""",
    )
    (table,) = control.tables
    assert [e.priority for e in table.entries] == [100, 110, 120]
    assert [e.const for e in table.entries] == [True, False, False]
    assert not table.largest_priority_wins
    assert table.const_default
    assert not table.const_entries
    assert table.default == ir.BoundAction("a", (ir.Const(9, ir.bits(8)),))
    assert table.entries[2].sets == (ir.AnySet(), ir.AnySet())
    assert table.entries[1].action.args == (ir.Const(2, ir.bits(8)),)


def test_bound_arguments_and_control_plane_arguments() -> None:
    control = pipe(
        "t.apply();",
        """action a(inout bit<8> x, in bit<32> y, bit<8> v) { x = v; }
           table t { key = { s.x: exact; } actions = { a(s.x, s.y); } default_action = a(s.x, s.y, 4);
             const entries = { 1: a(s.x, s.y, 5); 2: a(6); } }""",
    )
    (table,) = control.tables
    assert len(table.actions[0].args) == 2
    assert table.default.args == (ir.Const(4, ir.bits(8)),)
    assert [e.action.args[0] for e in table.entries] == [ir.Const(5, ir.bits(8)), ir.Const(6, ir.bits(8))]


def test_switch_on_an_action_and_on_a_value() -> None:
    control = pipe(
        "switch (t.apply().action_run) { a: b: { s.x = 1; } default: { s.x = 2; } } switch (s.x) { 1: {} default: {} }",
        "action a() {} action b() {} table t { actions = { a; b; NoAction; } }",
    )
    first, second = (s for s in control.body.body if isinstance(s, ir.Switch))
    assert [c.labels for c in first.cases] == [("a",), ("b",), (None,)]
    assert first.cases[0].body is None
    assert [c.labels for c in second.cases] == [((ir.Const(1, ir.bits(8))),), (None,)]


def test_compound_assignment_finds_the_place_once() -> None:
    control = pipe(
        "st[f(s)].a += 1;",
        "h_t[4] st;",
        before="bit<8> f(inout s_t s) { s.x = s.x + 1; return s.x; }",
    )
    text = repr(control.body)
    assert text.count("FunctionCall") == 1


def test_slices_at_a_run_time_place() -> None:
    control = pipe("s.y[s.x +: 4] = 4w3; s.x = (bit<8>)s.y[s.x +: 4];")
    declare, whole, read = control.body.body
    assert isinstance(declare, ir.Declare)
    assert isinstance(whole, ir.Assign)
    assert isinstance(whole.value, ir.Binary)
    assert whole.target.type == ir.bits(32)
    assert isinstance(read, ir.Assign)


def test_abstract_methods() -> None:
    program = load("""
        extern virt { virt(); abstract bit<8> f(in bit<8> x); }
        extern cell { cell(bit<8> n); bit<8> get(); }
        control c(inout s_t s) {
            bit<8> w = 3;
            virt() v = { cell(9) inner; bit<8> f(in bit<8> x) { return x + w + inner.get(); } };
            apply { s.x = w; }
        }
        Switch(c()) main;
    """)
    (method,) = program.instance("c.v").methods
    assert method.name == "f"
    assert program.instance("c.v.inner").args == (("n", ir.Const(9, ir.bits(8))),)


def test_architectures_are_known_by_their_package() -> None:
    assert load("control c(inout s_t s) { apply { } } Switch(c()) main;").arch == "Switch"
    assert load("package V1Switch(Pipe p); control c(inout s_t s) { apply { } } V1Switch(c()) main;").arch == "v1model"
    assert load("const bit<8> a = 1;").main is None


@pytest.mark.parametrize("body", ["s.x = (bit<8>)((int)s.x >> 1);"])
def test_what_has_no_form_is_unsupported(body: str) -> None:
    with pytest.raises(Unsupported):
        pipe(body)


def test_arguments_out_of_order_with_calls_are_unsupported() -> None:
    before = "bit<8> f(inout s_t s) { s.x = s.x + 1; return s.x; } bit<8> g(in bit<8> a, in bit<8> b) { return a; }"
    pipe("s.x = g(b = s.x, a = 1);", before=before)
    pipe("s.x = g(a = f(s), b = f(s));", before=before)
    with pytest.raises(Unsupported):
        pipe("s.x = g(b = f(s), a = f(s));", before=before)


def test_instances_that_double_at_every_level_end() -> None:
    levels = "".join(
        f"control c{i}(inout s_t s) {{ c{i - 1}() a; c{i - 1}() b; apply {{ a.apply(s); b.apply(s); }} }}"
        for i in range(1, 40)
    )
    with pytest.raises(InputError, match="more than"):
        load(f"control c0(inout s_t s) {{ apply {{ }} }} {levels} Switch(c39()) main;")


def test_each_application_gives_numbers_to_a_block_of_its_own() -> None:
    program = load("""
        control inner(int n, inout bit<8> b) {
            apply { if (b == n) { b = n + 8w1; } else { b = 1 + n; } }
        }
        control c(inout s_t s) {
            inner() x;
            apply { x.apply(3, s.x); x.apply(4, s.x); x.apply(3, s.h.a); inner.apply(9, s.x); }
        }
        Switch(c()) main;""")
    assert [c.name for c in program.controls] == ["c.x", "c.x_1", "c.inner", "c"]
    applied = [s.call for s in program.control("c").body.body if isinstance(s, ir.Do)]
    assert [a.block for a in applied if isinstance(a, ir.BlockApply)] == ["c.x", "c.x_1", "c.x", "c.inner"]
    test = next(s for s in program.control("c.x_1").body.body if isinstance(s, ir.If)).condition
    assert isinstance(test, ir.Binary)
    assert test.right == ir.Const(4, ir.BitsType(8))
    assert [p.name for p in program.control("c.x").params] == ["b"]


def test_int_at_run_time_has_the_width_that_it_is_cast_to() -> None:
    byte, word = ir.BitsType(8), ir.BitsType(16)
    assigned = pipe("bit<16> w = (bit<16>)((int)s.x * 300 - 70000);").body.body[0]
    assert isinstance(assigned, ir.Declare)
    x = ir.Member(ir.Var("s", pipe("").params[0].type), "x", byte)
    product = ir.Binary("*", ir.Cast(x, word), ir.Const(300, word), word)
    assert assigned.init == ir.Binary("-", product, ir.Const(70000 - 65536, word), word)


def test_int_at_run_time_is_extended_by_its_own_sign() -> None:
    assigned = pipe("int<8> i = (int<8>)s.x; bit<16> w = (bit<16>)(-(int)i);").body.body[1]
    assert isinstance(assigned, ir.Declare)
    assert isinstance(assigned.init, ir.Unary)
    outer = assigned.init.operand
    assert isinstance(outer, ir.Cast)
    assert isinstance(outer.operand, ir.Cast)
    assert (outer.type, outer.operand.type) == (ir.BitsType(16), ir.BitsType(16, signed=True))


def test_operators_on_int_at_run_time_that_need_all_bits() -> None:
    with pytest.raises(Unsupported, match="not known at compile time"):
        pipe("bit<8> w = (bit<8>)((int)s.x >> 1);")


def test_a_number_is_a_value_of_a_new_type_of_bits() -> None:
    program = load("type bit<10> vrf_t; const vrf_t none = 0; control c(inout s_t s) {"
                   " vrf_t v = none; apply { v = 7; if (v == 3) { s.x = 1; } } } Switch(c()) main;")  # fmt: skip
    new = ir.NewType("vrf_t", ir.BitsType(10))
    assert program.control("c").locals[0].init == ir.Const(0, new)
    with pytest.raises(InputError, match="expected flag_t, found int"):
        load("type bool flag_t; const flag_t f = 1;")


def test_an_object_in_a_table_property_has_the_name_and_the_annotations_of_the_property() -> None:
    program = load("""
        extern profile { profile(bit<32> n); }
        control c(inout s_t s) {
            table t { actions = { NoAction; } @name("ap") @most(5) implementation = profile(8); }
            table u { actions = { NoAction; } implementation = profile(8); }
            apply { t.apply(); u.apply(); }
        }
        Switch(c()) main;""")
    assert [i.name for i in program.instances] == ["ap", "c.u.implementation"]
    assert [a.name for a in program.instances[0].annotations] == ["name", "most"]


def test_headers_of_the_controller_need_no_use() -> None:
    program = load('@controller_header("packet_in") header p_t { bit<8> x; } header unused_t { bit<8> x; }')
    assert [t.name for t in program.types if isinstance(t, ir.HeaderType)] == ["p_t"]


def test_escapes_in_strings_are_read_once() -> None:
    program = load(r"""
        extern void log(string text);
        @note("a\\n\"b\"\n") control c(inout s_t s) { apply { log("a\\n\"b\"\n" ++ "\x"); } } Switch(c()) main;""")
    control = program.control("c")
    said = control.body.body[0]
    assert isinstance(said, ir.Do)
    assert isinstance(said.call, ir.ExternCall)
    assert said.call.args == (ir.Const('a\\n"b"\n\\x', ir.StringType()),)
    assert control.annotations[0].values == ('a\\n"b"\n',)


def test_a_body_of_several_tokens_keeps_its_quotes() -> None:
    program = load('@a("x") @b({ "", 0 }) control c(inout s_t s) { apply { } } Switch(c()) main;')
    assert [a.body for a in program.control("c").annotations] == ["x", '{ "" , 0 }']
