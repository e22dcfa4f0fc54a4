"""Trees to text: what is printed parses back to the same tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.p4 import syntax as s
from p4verify.semantics.p4 import tree
from p4verify.semantics.p4.actions.expressions import PRECEDENCE
from p4verify.semantics.p4.parser import parse_text
from p4verify.semantics.p4.printer import _TABLE, to_text


def expression(text: str) -> s.Expression:
    constant = parse_text(f"struct T {{ }} const int x = {text};", "f.p4").declarations[-1]
    assert isinstance(constant, s.ConstDecl)
    return constant.value


names = st.sampled_from("abxyz")
types = st.recursive(
    st.sampled_from(
        [s.NamedType("T"), s.NamedType("T", True), s.BoolType(), s.BitType(), s.ErrorType(), s.StringType()]
    )
    | st.integers(1, 99).map(lambda width: s.BitType(s.IntLiteral(width))),
    lambda inner: (
        st.builds(s.TupleType, st.lists(inner, max_size=2).map(tuple))
        | st.builds(s.StackType, inner, st.builds(s.IntLiteral, st.integers(1, 9)))
        | st.builds(s.SpecializedType, st.just(s.NamedType("T")), st.lists(inner, min_size=1, max_size=2).map(tuple))
    ),
    max_leaves=4,
)
literals = st.builds(
    s.IntLiteral,
    st.integers(0, 2**70),
    st.none() | st.integers(1, 128),
    st.just(False),
    st.sampled_from([2, 8, 10, 16]),
)
leaves = (
    literals
    | st.builds(s.NameExpr, names, st.booleans())
    | st.sampled_from([s.BoolLiteral(True), s.This(), s.Dots(), s.InvalidHeader(), s.StringLiteral(r"q\"")])
    | st.builds(s.TypeMember, st.sampled_from([s.NamedType("T"), s.ErrorType()]), names.map(s.Name))
)


def larger(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Expression]:
    """Expressions made of others."""
    argument = st.builds(s.Argument, inner | st.none(), st.none() | names.map(s.Name))
    arguments = st.lists(argument, max_size=2).map(tuple)
    field = st.builds(s.FieldValue, names.map(s.Name), inner)
    return (
        st.builds(s.Binary, st.sampled_from(sorted(PRECEDENCE)), inner, inner)
        | st.builds(s.Unary, st.sampled_from("!~-+"), inner)
        | st.builds(s.Conditional, inner, inner, inner)
        | st.builds(s.Cast, types, inner)
        | st.builds(s.Member, inner, names.map(s.Name))
        | st.builds(s.Index, inner, inner)
        | st.builds(s.Slice, inner, inner, inner)
        | st.builds(s.PlusSlice, inner, inner, inner)
        | st.builds(s.Call, inner, st.lists(types, max_size=2).map(tuple), arguments)
        | st.builds(s.Construct, st.just(s.NamedType("T")), arguments)
        | st.builds(s.ListExpr, st.lists(inner, max_size=2).map(tuple))
        | st.builds(s.StructExpr, st.lists(field, min_size=1, max_size=2).map(tuple), st.booleans())
    )


expressions = st.recursive(leaves, larger, max_leaves=12)


@given(expressions)
def test_any_expression_comes_back(node: s.Expression) -> None:
    assert tree.difference(node, expression(to_text(node))) is None


@pytest.mark.long
@given(expressions)
def test_labels_and_sets_come_back(node: s.Expression) -> None:
    label = s.SwitchCase(node, s.Block((), ()))
    control = s.Block((), (s.Switch(s.NameExpr("x"), (label,)),))
    text = f"struct T {{ }} control ctl() {{ apply {to_text(control)} }}"
    program = parse_text(text, "f.p4").declarations[-1]
    assert isinstance(program, s.ControlDecl)
    assert tree.difference(control, program.body) is None
    sets = (s.MaskSet(node, node), s.RangeSet(node, node), s.TupleSet((node, s.DontCareSet())), node)
    cases = "".join(f"{to_text(s.SelectCase(keyset, s.Name('accept')))}\n" for keyset in sets)
    text = f"struct T {{ }} parser prs() {{ state start {{ transition select(1) {{ {cases} }} }} }}"
    select = next(n for n in tree.walk(parse_text(text, "f.p4")) if isinstance(n, s.Select))
    assert [tree.difference(keyset, case.keyset) for keyset, case in zip(sets, select.cases, strict=True)] == [None] * 4


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c",
        "(a + b) * c",
        "a - (b - c)",
        "a == b && !c",
        "-a.b[1]",
        "(-a).b",
        "(bit<8>)a + b",
        "(bit<8>)(a + b)",
        "(a < b) < c",
        "+(+a)",
        "--a",
        "(a ? b : c) + d",
        "a ? b : (c ? d : e)",
        "8w0xff ++ 0b101",
        "{a = 1, ...}",
        "f<bit<8>, T>(1, x = _)",
        "a[7:0][3 +: 2]",
        "x.f().g",
        "T.m",
        "error.m",
        "{1, {}, {#}}",
        '"s" ++ "t"',
    ],
)
def test_parentheses_stand_only_where_needed(text: str) -> None:
    assert to_text(expression(text)) == text


LAYOUT = """\
error {
    A,
    B
}
@name("h") header H {
    bit<8> a;
    @x varbit<(8 * 4)> b;
}
@pragma one two
const bit<8> K = 1;
parser P(in H h)(bool b) {
    value_set<bit<8>>(4) vs;
    state start {
        transition select(h.a, h.a) {
            (1 &&& 2, _): next;
            default: accept;
        }
    }
    state next {
        transition reject;
    }
}
control C(inout H h) {
    @hidden action act(bit<8> x) {
        h.a = x;
    }
    table t {
        key = {
            h.a: exact @name("k");
        }
        actions = {
            act;
            @defaultonly none();
        }
        const default_action = none();
        const entries = {
            const priority = 3: 1: act(2) @a @b;
            (1, 2 .. 3): act(3);
        }
    }
    apply {
        if (t.apply().hit) {
            h.a += 1;
        } else if (h.a == 2) exit; else {
        }
        switch (h.a) {
            1:
            2: {
            }
            default: {
                return;
            }
        }
        for (bit<8> i = 0, bit<8> j = 1; i < 8; i += 1, f()) continue;
        for (bit<8> i in 1 .. 3) {
            break;
        }
    }
}
"""


def test_layout() -> None:
    assert to_text(parse_text(LAYOUT, "f.p4")) == LAYOUT


def test_depth_does_not_matter() -> None:
    node: s.Expression = s.NameExpr("a")
    for _ in range(50_000):
        node = s.Unary("!", node)
    assert to_text(node) == "!" * 50_000 + "a"
    assert tree.same(node, node)


def test_only_nodes_of_programs_are_printed() -> None:
    with pytest.raises(TypeError, match="Node is no node that can be printed"):
        to_text(s.Node())


def test_every_node_class_can_be_printed() -> None:
    classes = {cls for cls in vars(s).values() if isinstance(cls, type) and issubclass(cls, s.Node)}
    concrete = {cls for cls in classes if not cls.__subclasses__() or cls is s.Annotation}
    assert {cls.__name__ for cls in concrete - set(_TABLE)} == {"AnnotationToken", "Program"}
