"""Expressions: every operator against plain integers; what headers compare and cast to."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.inputs import Symbolic
from p4verify.semantics.meaning.machine import Machine
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.meaning.values import Scalar
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import out, v1model

EMPTY = ir.Program("", "", ("NoError",), (), (), (), (), (), (), (), (), None)


def value(width: int, signed: bool, bits: int) -> int:
    """Bits as the number that they stand for."""
    return bits - (1 << width) if signed and bits >> (width - 1) else bits


def clamp(number: int, width: int, signed: bool) -> int:
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    return max(low, min(high, number))


BINARY: dict[str, Callable[[int, int, int, bool], int]] = {
    "+": lambda x, y, w, s: x + y,
    "-": lambda x, y, w, s: x - y,
    "*": lambda x, y, w, s: x * y,
    "&": lambda x, y, w, s: x & y,
    "|": lambda x, y, w, s: x | y,
    "^": lambda x, y, w, s: x ^ y,
    "|+|": lambda x, y, w, s: clamp(x + y, w, s),
    "|-|": lambda x, y, w, s: clamp(x - y, w, s),
}
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def evaluate(node: ir.Expr, **variables: tuple[int, int]) -> int:
    """The value of an expression whose variables have the given (value, width); evaluated as terms, then on numbers."""
    m = Machine(EMPTY, None, Symbolic(), {})
    for name, (_, width) in variables.items():
        m.state.store[name] = Scalar(b.var(name, width))
    result = m.eval(node)
    assert isinstance(result, Scalar)
    (number,) = b.evaluate([result.term], {name: number for name, (number, _) in variables.items()})
    assert isinstance(number, int)
    folded = Machine(EMPTY, None, Symbolic(), {})
    for name, (number_, width) in variables.items():
        folded.state.store[name] = Scalar(b.bv(number_, width))
    again = folded.eval(node)
    assert isinstance(again, Scalar)
    assert again.term.value == number
    return number


def operands(width: int, signed: bool) -> tuple[ir.Var, ir.Var]:
    type_ = ir.BitsType(width, signed)
    return ir.Var("x", type_), ir.Var("y", type_)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("op", sorted(BINARY))
def test_arithmetic_on_three_bits(op: str, signed: bool) -> None:
    x, y = operands(3, signed)
    for p, q in itertools.product(range(8), repeat=2):
        wanted = BINARY[op](value(3, signed, p), value(3, signed, q), 3, signed) & 7
        assert evaluate(ir.Binary(op, x, y, x.type), x=(p, 3), y=(q, 3)) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("op", sorted(COMPARE))
def test_comparison_on_three_bits(op: str, signed: bool) -> None:
    x, y = operands(3, signed)
    for p, q in itertools.product(range(8), repeat=2):
        wanted = COMPARE[op](value(3, signed, p), value(3, signed, q))
        assert evaluate(ir.Binary(op, x, y, ir.BOOL), x=(p, 3), y=(q, 3)) == wanted  # type: ignore[arg-type]


@given(st.sampled_from(sorted(BINARY)), st.booleans(), st.sampled_from([1, 8, 17, 64]), st.data())
def test_arithmetic_on_any_width(op: str, signed: bool, width: int, data: st.DataObject) -> None:
    p, q = (data.draw(st.integers(0, (1 << width) - 1)) for _ in range(2))
    x, y = operands(width, signed)
    wanted = BINARY[op](value(width, signed, p), value(width, signed, q), width, signed) & ((1 << width) - 1)
    assert evaluate(ir.Binary(op, x, y, x.type), x=(p, width), y=(q, width)) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("amount_bits", [1, 3, 8])
def test_shifts_past_the_width(amount_bits: int, signed: bool) -> None:
    x, y = ir.Var("x", ir.BitsType(4, signed)), ir.Var("y", ir.bits(amount_bits))
    for p, q in itertools.product(range(16), range(1 << amount_bits)):
        left = ir.Binary("<<", x, y, x.type)
        right = ir.Binary(">>", x, y, x.type)
        assert evaluate(left, x=(p, 4), y=(q, amount_bits)) == p << q & 15
        assert evaluate(right, x=(p, 4), y=(q, amount_bits)) == value(4, signed, p) >> q & 15


@given(st.booleans(), st.sampled_from([1, 4, 8, 9]), st.sampled_from([1, 4, 8, 13]), st.data())
def test_casts_cut_and_extend(signed: bool, source: int, target: int, data: st.DataObject) -> None:
    p = data.draw(st.integers(0, (1 << source) - 1))
    node = ir.Cast(ir.Var("x", ir.BitsType(source, signed)), ir.BitsType(target, signed))
    assert evaluate(node, x=(p, source)) == value(source, signed, p) & ((1 << target) - 1)


def test_concatenation_and_slices() -> None:
    x, y = ir.Var("x", ir.bits(4)), ir.Var("y", ir.bits(8))
    joined = ir.Binary("++", x, y, ir.bits(12))
    assert evaluate(joined, x=(0xA, 4), y=(0xBC, 8)) == 0xABC
    assert evaluate(ir.Slice(joined, 9, 2, ir.bits(8)), x=(0xA, 4), y=(0xBC, 8)) == 0xABC >> 2 & 0xFF


def test_a_long_chain_needs_no_stack() -> None:
    x: ir.Expr = ir.Var("x", ir.bits(32))
    node = x
    for _ in range(5000):
        node = ir.Binary("+", node, x, ir.bits(32))
    assert evaluate(node, x=(3, 32)) == 5001 * 3


def test_nesting_has_an_end() -> None:
    node: ir.Expr = ir.Var("x", ir.bits(8))
    for _ in range(2000):
        node = ir.Unary("~", node, ir.bits(8))
    with pytest.raises(Unsupported, match="nested too deeply"):
        meaning_of(node)


def meaning_of(node: ir.Expr) -> int:
    from p4verify.semantics.meaning.machine import deep_recursion

    with deep_recursion():
        return evaluate(node, x=(3, 8))


CASES = {
    "mux takes one side": ("hdr.h.b = hdr.h.a == 1 ? 8w2 : 3;", "01000000", "01020000"),
    "and stops early": ("bool t = hdr.h.a == 1 && hdr.h.b == 2; hdr.h.c = t ? 8w1 : 0;", "01020000", "01020100"),
    "equal headers": ("hdr.e = hdr.h; hdr.h.b = hdr.e == hdr.h ? 8w1 : 0; hdr.e.setInvalid();", "07000000", "07010000"),
    "headers that differ": (
        "meta.hm = hdr.h; hdr.h.a = 1; hdr.h.b = meta.hm == hdr.h ? 8w1 : 0;",
        "07000000",
        "01000000",
    ),
    "two invalid headers are equal": ("hdr.h.b = hdr.e == meta.hm ? 8w1 : 0;", "07000000", "07010000"),
    "an invalid header equals no valid one": ("hdr.h.b = hdr.e == hdr.h ? 8w1 : 0;", "07000000", "07000000"),
    "a header from a list": ("hdr.e = { 1, 2, 3, 4 };", "07000000", "0700000001020304"),
    "a header from names": ("hdr.e = { d = 1, c = 2, b = 3, a = 4 };", "07000000", "0700000004030201"),
    "signed comparison": ("int<8> t = (int<8>) hdr.h.a; hdr.h.b = t < 0 ? 8w1 : 0;", "ff000000", "ff010000"),
    "bool and bit<1>": ("bool t = (bool) hdr.h.a[0:0]; hdr.h.b = (bit<8>)(bit<1>) (!t);", "02000000", "02010000"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_expression_does(name: str) -> None:
    body, packet, wanted = CASES[name]
    assert out(v1model(body), packet) == wanted


def test_functions_with_effects_are_called_as_needed() -> None:
    """``&&`` does not call its right side when the left is false."""
    top = "bool f(inout bit<8> x) { x = x + 1; return true; }"
    program = v1model("if (hdr.h.a == 1 && f(hdr.h.b)) { hdr.h.c = 1; }", top=top)
    assert out(program, "01000000") == "01010100"
    assert out(program, "02000000") == "02000000"


def test_operands_are_evaluated_left_to_right() -> None:
    top = "bit<8> f(inout bit<8> x) { x = x + 1; return x; }"
    program = v1model("hdr.h.b = hdr.h.a - f(hdr.h.a); hdr.h.c = f(hdr.h.a) - hdr.h.a;", top=top)
    assert out(program, "05000000") == "07ff0000"


def test_division_by_zero_is_anything() -> None:
    program = v1model("hdr.h.b = hdr.h.a / 4; hdr.h.c = hdr.h.a % 4; hdr.h.d = 8w9 / hdr.h.d;")
    assert out(program, "0b000002") == "0b020304"
    assert any(c.reason == "division by zero" for c in meaning(program).choices)
