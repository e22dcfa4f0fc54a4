"""Programs to trees, and mistakes to messages."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.p4 import syntax as s
from p4verify.semantics.p4 import tables, tree
from p4verify.semantics.p4.parser import parse_text
from p4verify.semantics.p4.printer import to_text
from p4verify.semantics.source import InputError

N = TypeVar("N", bound=s.Node)


def parse(text: str) -> tuple[s.Declaration, ...]:
    return parse_text(text, "f.p4").declarations


def only(kind: type[N], text: str) -> N:
    """The only node of its kind in the program."""
    found = [node for declaration in parse(text) for node in tree.walk(declaration) if isinstance(node, kind)]
    assert len(found) == 1, found
    return found[0]


def expression(text: str, before: str = "") -> s.Expression:
    [*_, constant] = parse(f"{before} const int x = {text};")
    assert isinstance(constant, s.ConstDecl)
    return constant.value


def grouped(text: str) -> str:
    """The expression with each operation in brackets."""

    def show(node: s.Node) -> str:
        match node:
            case s.Binary(op, left, right):
                return f"[{show(left)}{op}{show(right)}]"
            case s.Unary(op, operand):
                return f"[{op}{show(operand)}]"
            case s.Conditional(a, b, c):
                return f"[{show(a)}?{show(b)}:{show(c)}]"
            case s.Cast(_, operand):
                return f"[(T){show(operand)}]"
            case s.Member(base, name):
                return f"{show(base)}.{name}"
            case s.Index(base, index):
                return f"{show(base)}@{show(index)}"
            case _:
                return to_text(node)

    return show(expression(text, "typedef int T;"))


def statement(text: str, before: str = "") -> s.Node:
    control = parse(f"{before} control ctl() {{ apply {{ {text} }} }}")[-1]
    assert isinstance(control, s.ControlDecl)
    [found] = control.body.statements
    return found


def errors(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(InputError) as caught:
        parse(text)
    return [(d.span.line, d.span.column, d.message) for d in caught.value.diagnostics]


# --- Expressions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a || b && c", "[a||[b&&c]]"),
        ("a && b == c", "[a&&[b==c]]"),
        ("a == b < c", "[a==[b<c]]"),
        ("a < b | c", "[a<[b|c]]"),
        ("a | b ^ c & d", "[a|[b^[c&d]]]"),
        ("a & b << c", "[a&[b<<c]]"),
        ("a >> b + c", "[a>>[b+c]]"),
        ("a ++ b + c |+| d |-| e - f", "[[[[[a++b]+c]|+|d]|-|e]-f]"),
        ("a + b * c / d % e", "[a+[[[b*c]/d]%e]]"),
        ("a - b - c", "[[a-b]-c]"),
        ("a >> b >> c", "[[a>>b]>>c]"),
        ("(a + b) * c", "[[a+b]*c]"),
        ("-a + !b * ~c", "[[-a]+[[!b]*[~c]]]"),
        ("-a.b[1]", "[-a.b@1]"),
        ("(T)a + b", "[[(T)a]+b]"),
        ("(T)-a.b", "[(T)[-a.b]]"),
        ("a ? b : c", "[a?b:c]"),
        ("a || b ? c || d : e || f", "[[a||b]?[c||d]:[e||f]]"),
        ("a ? b ? c : d : e", "[a?[b?c:d]:e]"),
        ("a ? b : c ? d : e", "[[a?b:c]?d:e]"),
        ("a < b > c", "[[a<b]>c]"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    assert grouped(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a[1]", s.Index),
        ("a[3:0]", s.Slice),
        ("a[3 +: 2]", s.PlusSlice),
        ("a[b + c + : 2]", s.PlusSlice),
        ("a.b", s.Member),
        ("a.apply", s.Member),
        ("a.T", s.Member),
        ("T.b", s.TypeMember),
        (".T.b", s.TypeMember),
        ("error.b", s.TypeMember),
        ("f()", s.Call),
        ("f<bit<8>>(1)", s.Call),
        ("f<T>(1)", s.Call),
        ("f<_>(1)", s.Call),
        ("f<unknown>(1)", s.Call),
        ("a.f<tuple<T, bit<8>>>()", s.Call),
        ("T(1)", s.Construct),
        ("T<bit>(1)", s.Construct),
        ("(T) 1", s.Cast),
        ("(bit<8>) {1}", s.Cast),
        ("(T) {a = 1}", s.Cast),
        ("{}", s.ListExpr),
        ("{1, 2,}", s.ListExpr),
        ("{...}", s.ListExpr),
        ("{a = 1}", s.StructExpr),
        ("{a = 1, ...}", s.StructExpr),
        ("{#}", s.InvalidHeader),
        ("...", s.Dots),
        ("this", s.This),
        ("a < T.b", s.Binary),
        ("a < error.b", s.Binary),
        ("a < (b)", s.Binary),
        ('"a" ++ "b"', s.Binary),
        ("key", s.NameExpr),
        (".a", s.NameExpr),
    ],
)
def test_forms(text: str, kind: type[s.Expression]) -> None:
    assert type(expression(text, "typedef int T;")) is kind


def test_arguments() -> None:
    call = expression("f(1, _, a = 2, b = _)")
    assert isinstance(call, s.Call)
    shown = [(str(a.name) if a.name else None, a.value and to_text(a.value)) for a in call.arguments]
    assert shown == [(None, "1"), (None, None), ("a", "2"), ("b", None)]


def test_integers_keep_width_sign_and_base() -> None:
    literal = expression("4s0b1_01")
    assert isinstance(literal, s.IntLiteral)
    assert (literal.value, literal.width, literal.signed, literal.base) == (5, 4, True, 2)


# --- Names that are types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "text", "kind"),
    [
        ("typedef bit<8> a;", "a.apply();", s.DirectApplication),
        ("struct a {}", "a b;", s.VariableDecl),
        ("extern a {}", "a() b;", s.Instantiation),
        ("extern a<T> {}", "a<bit>() b;", s.Instantiation),
        ("control a();", "a() b;", s.Instantiation),
        ("", "a.apply();", s.CallStatement),
        ("const int a = 1;", "a.apply();", s.CallStatement),
        ("", "f<bit<8>>(1);", s.CallStatement),
        ("header h {}", "h[3] b;", s.VariableDecl),
        ("header h {}", ".h b;", s.VariableDecl),
        ("", ".h = 1;", s.Assignment),
    ],
)
def test_statements_told_apart_by_declarations(before: str, text: str, kind: type[s.Node]) -> None:
    assert type(statement(text, before)) is kind


def test_scopes_end() -> None:
    program = """
        struct T {}
        control c(in bit<8> T) { apply { { bit<8> x = T; } } }
        parser p() { state start { bit<8> T; T = 1; } state next { T y; } }
        extern void f<U>(in U T);
        T f2(in T x) { return x; }
        extern E { E(bit<8> T); T get(); }
        action a(bit<8> T) { T = 1; }
        control d() { apply { for (bit<8> T in 1..3) { T = 2; } T z; } }
        const T last = {};
    """
    assert len(parse(program)) == 9


def test_an_absolute_name_is_looked_up_outside() -> None:
    block = statement("{ bit<8> T; T = 1; .T x; }", "struct T {}")
    assert isinstance(block, s.Block)
    assert [type(part).__name__ for part in block.statements] == ["VariableDecl", "Assignment", "VariableDecl"]


def test_a_declaration_takes_effect_at_once() -> None:
    [_, constant] = parse("typedef bit<8> T; const T x = (T) 1;")
    assert isinstance(constant, s.ConstDecl)


# --- Declarations ----------------------------------------------------------------------------------------------------

DECLARATIONS = [
    ("error { A, B }", s.ErrorDecl),
    ("match_kind { a, b, }", s.MatchKindDecl),
    ("enum E { A, B, }", s.EnumDecl),
    ("enum bit<8> E { A = 1, B = A + 1 }", s.EnumDecl),
    ("struct S<T> { T a; @x bit<8> b; }", s.StructDecl),
    ("header H { varbit<(8 * 4)> v; }", s.HeaderDecl),
    ("header H { bit<8 + 4> v; }", s.HeaderDecl),
    ("header_union U { }", s.HeaderUnionDecl),
    ("typedef bit T;", s.TypedefDecl),
    ("typedef struct S { } T;", s.TypedefDecl),
    ("type bit<9> T;", s.NewTypeDecl),
    ("parser P<T>(in T x);", s.ParserTypeDecl),
    ("parser P(bit p)(bool b) { value_set<bit<8>>(4) v; state start { } }", s.ParserDecl),
    ("control C(out bit a);", s.ControlTypeDecl),
    ("control C()() { apply { } }", s.ControlDecl),
    ("package P<A, B>(A a, @optional B b);", s.PackageDecl),
    ("extern E<T> { E(); @a T f<U>(in U u); abstract void g(); }", s.ExternDecl),
    ("extern T f<T>(in T x, inout bit<8> y = 3);", s.ExternFunctionDecl),
    ("void f() { return; }", s.FunctionDecl),
    ("action a(in bit x, bit y) { }", s.ActionDecl),
    ("const tuple<bit<8>, list<bool>> t = {1, {}};", s.ConstDecl),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), DECLARATIONS)
def test_declarations(text: str, kind: type[s.Declaration]) -> None:
    assert [type(d) for d in parse(text)] == [kind]


def test_instances_with_methods() -> None:
    [_, instance] = parse("extern E { E(); abstract bit f(); } @a E() e = { bit f() { return 1; } E() inner; };")
    assert isinstance(instance, s.Instantiation)
    assert instance.body is not None
    assert [type(part) for part in instance.body] == [s.FunctionDecl, s.Instantiation]
    assert len(instance.annotations) == 1


def test_tables() -> None:
    table = only(
        s.TableDecl,
        """control ctl() { table t {
            key = { h.a: exact @name("x"); h.b & 3: ternary; }
            actions = { a; @defaultonly b(1); .c(); }
            const default_action = a;
            size = 1024;
            @hidden implementation = ap(32);
            largest_priority_wins = false;
            const entries = {
                const priority = 3: (1, _): a; priority = (1 + 2): 1 &&& 2: b(1) @x; 1..2: a; default: a;
            }
            entries = { }
        } apply { } }""",
    )
    kinds = [type(p).__name__.removesuffix("Property") for p in table.properties]
    assert kinds == ["Key", "Actions", "Value", "Value", "Value", "Value", "Entries", "Entries"]
    entries = table.properties[6]
    assert isinstance(entries, s.EntriesProperty)
    assert [type(e.keyset).__name__ for e in entries.entries] == ["TupleSet", "MaskSet", "RangeSet", "DefaultSet"]
    assert [e.priority is None for e in entries.entries] == [False, False, True, True]
    assert [e.const for e in entries.entries] == [True, False, False, False]
    assert [len(e.action.annotations) for e in entries.entries] == [0, 1, 0, 0]


def test_selects() -> None:
    select = only(
        s.Select,
        """parser p() { state start { transition select(a, b[3:0]) {
            (1, 2): s1; (1 &&& 2, 3..4): s2; (_, default): s3; (1 &&& 3): s4; vs: s5; {1, 2}: s6;
            default: accept; } } }""",
    )
    kinds = [type(case.keyset).__name__ for case in select.cases]
    assert kinds == ["TupleSet", "TupleSet", "TupleSet", "TupleSet", "NameExpr", "ListExpr", "DefaultSet"]


def test_annotations() -> None:
    text = '@a @b() @c("x", 1, (y.z)) @d[] @e[1, "x"] @f[k = 1, l = {}] @pragma g h "i\nj" 3\nconst bit x = 1;'
    [constant] = parse(text)
    assert isinstance(constant, s.ConstDecl)
    shown = [(type(a).__name__, str(a.name)) for a in constant.annotations]
    assert shown == [
        ("Annotation", "a"),
        ("TokenAnnotation", "b"),
        ("TokenAnnotation", "c"),
        ("ListAnnotation", "d"),
        ("ListAnnotation", "e"),
        ("PairAnnotation", "f"),
        ("TokenAnnotation", "g"),
    ]
    tokens = constant.annotations[2]
    assert isinstance(tokens, s.TokenAnnotation)
    assert [t.kind for t in tokens.tokens] == [
        "string",
        "other",
        "integer",
        "other",
        "other",
        "name",
        "other",
        "name",
        "other",
    ]
    assert constant.annotations[6].span.end_line == 2


def test_unstructured_annotations_may_hold_anything() -> None:
    [constant] = parse("@a(} ] > $ ? struct @ \\ ( ) ) const bit x = 1;")
    assert isinstance(constant, s.ConstDecl)
    [annotation] = constant.annotations
    assert isinstance(annotation, s.TokenAnnotation)
    assert "".join(token.text for token in annotation.tokens) == "}]>$?struct@\\()"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("if (a) b = 1; else if (c) ; else { }", s.If),
        ("switch (t.apply().action_run) { a: b: { } default: { } }", s.Switch),
        ("switch (x) { 1: { } 1 + 2: { } (a): { } -1: { } }", s.Switch),
        ("for (bit<8> i = 0, j = 1; i < 8; i += 1, f()) { continue; }", s.For),
        ("for (;true;) break;", s.For),
        ("@unroll for (bit<8> i in 1..3) ;", s.ForIn),
        ("for (@a bit<8> i in {1, 2}) ;", s.ForIn),
        ("exit;", s.Exit),
        ("return a ? b : c;", s.Return),
        ("a.b[3:0] = 1;", s.Assignment),
        ("a[i] |+|= 1;", s.Assignment),
        ("a >>= 1;", s.Assignment),
        ("(a.b) <<= 1;", s.Assignment),
        ("this.f();", s.CallStatement),
        ("a.f<bit<8>>(_);", s.CallStatement),
        ("@a { }", s.Block),
        ("const bit x = 1;", s.ConstDecl),
        ("bit<8> a[16];", s.VariableDecl),
        (";", s.EmptyStatement),
    ],
)
def test_statements(text: str, kind: type[s.Node]) -> None:
    assert type(statement(text)) is kind


def test_else_belongs_to_the_nearest_if() -> None:
    outer = statement("if (a) if (b) ; else exit;")
    assert isinstance(outer, s.If)
    assert outer.otherwise is None


def test_spans() -> None:
    [constant] = parse("@a\nconst bit<8> x =\n  a.b + 1;")
    assert isinstance(constant, s.ConstDecl)
    places = [(p.line, p.column, p.end_line, p.end_column) for p in
              (constant.span, constant.name.span, constant.type.span, constant.value.span)]  # fmt: skip
    assert places == [(1, 1, 3, 11), (2, 14, 2, 15), (2, 7, 2, 13), (3, 3, 3, 10)]


# --- Mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const bit x = 1\nconst bit y = 2;", [(2, 1, "expected ';' after '1', found 'const'")]),
        ("const bit x = ;", [(1, 15, "expected an expression, found ';'")]),
        ("const bit x = 1 + ;", [(1, 19, "expected an expression, found ';'")]),
        ("const bit x = (1 + 2;", [(1, 21, "expected ')' after '2', found ';'")]),
        ("const T x = 1;", [(1, 7, "'T' is not the name of a type")]),
        ("const T x = 1; const T y = 1;", [(1, 7, "'T' is not the name of a type")]),
        ("control c() { apply { T x; } }", [(1, 23, "'T' is not the name of a type")]),
        ("control c(in T x) { apply { } }", [(1, 14, "'T' is not the name of a type")]),
        ("struct S { bit<8> in; }", [(1, 19, "expected a name, found 'in', which is a keyword")]),
        ("struct S { bit<8> x }", [(1, 21, "expected ';' after 'x', found '}'")]),
        ("Main(p()) main;", [(1, 1, "'Main' is not the name of a type")]),
        ("control c() { apply { a + 1; } }", [(1, 25, "expected '(', '=' or '.' after 'a', found '+'")]),
        ("control c() { apply { if a { } } }", [(1, 26, "expected '(' after 'if', found 'a'")]),
        ("control c() { }", [(1, 15, "expected a declaration or 'apply', found '}'")]),
        ("parser p() { }", [(1, 14, "expected a declaration or a state, found '}'")]),
        ("control c() { apply { }", [(1, 24, "expected '}' after '}', found the end of the file")]),
        ("}", [(1, 1, "expected a declaration, found '}'")]),
        ("const bit x = 1\n\n", [(1, 16, "expected ';' after '1', found the end of the file")]),
        (
            "control c() { apply { c.f(); } }",
            [(1, 25, "only 'apply' can be called on a type, not 'f'")],
        ),
        ("const bit x = 0x;", [(1, 15, "'0x' is no integer")]),
        ("const bit x = 1 $ 2;", [(1, 17, "the character '$' is not part of a P4 program")]),
        ("const bit x = a > > 1;", [(1, 19, "expected an expression, found '>'")]),
        ("@a(1 const bit x = 1;", [(1, 3, "this '(' of an annotation is not closed")]),
        ("@a error { A }", [(1, 1, "a declaration of 'error' cannot have annotations")]),
        ("header_type a_t { fields { x : 8; } } header a_t a; control i { }",
         [(1, 1, "'header_type' at this place is P4_14, which is not supported; P4_16 is")]),
    ],
)  # fmt: skip
def test_messages(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert errors(text) == expected


def test_messages_show_the_line() -> None:
    with pytest.raises(InputError) as caught:
        parse("const bit x =\n\t1 + ;\n")
    assert str(caught.value) == "f.p4:2:6: error: expected an expression, found ';'\n  \t1 + ;\n  \t    ^"


def test_several_mistakes_are_reported() -> None:
    text = """
        struct S { bit<8> a bit<8> b; bit<8> c; }
        control c() {
            action a() { x = ; y = 1; z = + ; }
            apply { q q q; S s; s.a = 1 }
        }
        const bit<8> = 1;
        const bit x = 1;
    """
    assert [line for line, _, _ in errors(text)] == [2, 4, 4, 5, 5, 7]


def test_never_more_than_twenty() -> None:
    assert len(errors("const bit x = ;\n" * 1000)) == 20


def test_a_struct_without_its_brace_is_one_mistake() -> None:
    assert (
        len(errors("header h\n bit<8> a; bit<8> b; bit<8> c; bit<8> d;\n}\nheader i { }\nstruct s { h x; i y; }")) == 1
    )


MANY = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "const int x = " + "(" * MANY + "1" + ")" * MANY + ";",
        "const int x = " + "(" * MANY,
        "const int x = " + "!" * MANY + "1;",
        "const int x = " + "1+" * MANY + "1;",
        "const int x = a" + ".a" * MANY + ";",
        "const int x = a" + "()" * MANY + ";",
        "const int x = a" + "[1]" * MANY + ";",
        "const int x = a" + " ? a : a" * MANY + ";",
        "const int x = " + "a ? " * MANY + "a" + " : a" * MANY + ";",
        "const int x = " + "{" * MANY + "}" * MANY + ";",
        "const int x = " + "a[" * MANY + "1" + "]" * MANY + ";",
        "typedef " + "tuple<" * MANY + "bit" + ">" * MANY + " T;",
        "control c() { apply " + "{" * MANY + "}" * MANY + "}",
        "control c() { apply { " + "if (a) {} else " * MANY + "{} } }",
        "control c() { apply { " + "if (a) " * MANY + "; } }",
        "const int x = " + "(-" * 500 + "1" + "+1" * 19 + ")" * 500 + ";",
        "const int x = " + "(" * 25 + "1" + ("+1" * 20 + ")") * 25 + ";",
        "}" * MANY,
    ],
)
def test_depth_is_refused_before_it_hurts(text: str) -> None:
    assert len(errors(text)) == 1


def test_what_is_accepted_is_not_too_deep() -> None:
    [constant] = parse("const int x = " + "(" * 5000 + "1" + "+ 1" * 400 + ")" * 5000 + ";")
    assert tree.depth(constant) <= s.MAX_DEPTH
    assert tree.same(constant, parse(to_text(constant))[0])


WORDS = [
    "a",
    "b",
    "T",
    ";",
    ";",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    ",",
    "=",
    ".",
    ":",
    "@",
    "1",
    "struct",
    "control",
    "apply",
    "state",
    "if",
    "else",
    "bit",
    "in",
    "const",
    "+",
    "?",
    "[",
    "]",
]


@given(st.lists(st.sampled_from(WORDS)))
def test_any_tokens_parse_or_are_refused(words: list[str]) -> None:
    text = "struct T { } " + " ".join(words)
    with suppress(InputError):
        program = parse_text(text, "f.p4")
        assert tree.same(program, parse_text(to_text(program), "g.p4"))


# --- Programs share what they include --------------------------------------------------------------------------------


def test_included_declarations_are_shared() -> None:
    first = parse_text("#include <core.p4>\n#include <v1model.p4>\nstruct A { }", "a.p4").declarations
    second = parse_text("// other\n#include <core.p4>\n#include <v1model.p4>\nstruct B { }", "b.p4").declarations
    assert len(first) == len(second)
    assert all(a is b for a, b in zip(first[:-1], second[:-1], strict=True))


def test_macros_and_symbols_part_what_is_shared() -> None:
    old = parse_text("#include <v1model.p4>", "a.p4")
    new = parse_text("#define V1MODEL_VERSION 20200408\n#include <v1model.p4>", "b.p4")
    externs = [{d.name.text: d for d in p.declarations if isinstance(d, s.ExternDecl)} for p in (old, new)]
    assert [len(found["counter"].type_parameters) for found in externs] == [0, 1]
    shadowed = parse_text("struct T { }\n#include <core.p4>\nT f(in T x) { return x; }", "c.p4")
    assert isinstance(shadowed.declarations[-1], s.FunctionDecl)


def test_an_include_in_the_middle_of_a_declaration(tmp_path: Path) -> None:
    (tmp_path / "fields.p4").write_text("bit<8> a; bit<8> b;")
    for _ in range(2):
        [struct] = parse_text('struct S {\n#include "fields.p4"\n}', str(tmp_path / "main.p4")).declarations
        assert isinstance(struct, s.StructDecl)
        assert [str(field.name) for field in struct.fields] == ["a", "b"]


@pytest.mark.parametrize("name", ["core", "v1model", "ebpf_model", "ubpf_model", "xdp_model", "psa", "pna", "bmv2/psa",
                                  "dpdk/psa", "dpdk/pna", "tc/pna"])  # fmt: skip
def test_shipped_architectures_parse(name: str) -> None:
    program = parse_text(f"#include <{name}.p4>", "a.p4")
    assert program.warnings == ()
    assert len(program.declarations) > 5


# --- The grammar -----------------------------------------------------------------------------------------------------


def grammar() -> str:
    return Path(tables.GRAMMAR).read_text(encoding="utf-8")


def test_the_only_conflict_is_the_dangling_else() -> None:
    assert tables.conflicts(grammar()) == ["ELSE: conditional_statement : IF LPAR expression RPAR statement"]


def test_the_shipped_tables_are_those_of_the_grammar() -> None:
    made = tables.build(grammar())
    assert Path(tables.SHIPPED).read_text(encoding="utf-8") == tables.pack(grammar(), made)
    assert made == tables.tables()


def test_stale_tables_are_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = tables.tables()
    for content in ("", "{}", '{"version":1,"grammar":"other"}'):
        stale = tmp_path / "tables.json"
        stale.write_text(content)
        monkeypatch.setattr(tables, "SHIPPED", str(stale))
        assert tables.tables.__wrapped__() == shipped


def test_a_note_shows_where_a_semicolon_is_missing() -> None:
    with pytest.raises(InputError) as caught:
        parse_text("const bit<8> a = 1\nconst bit<8> b = 2;\n", "x.p4")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.span.line, diagnostic.span.column) == (2, 1)
    (note,) = diagnostic.notes
    assert (note.span.line, note.span.column, note.source_line) == (1, 19, "const bit<8> a = 1")
