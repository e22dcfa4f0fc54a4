"""Actions for types, expressions, sets and annotations."""

from __future__ import annotations

from typing import Final

from .. import syntax as s
from ..lexer import MAX_DIGITS, Token, integer
from .base import LONG_CHAIN, BaseActions, Children

PRECEDENCE: Final = {
    operator: level
    for level, operators in enumerate(
        ("||", "&&", "== !=", "< > <= >=", "|", "^", "&", "<< >>", "++ + - |+| |-|", "* / %"), start=1
    )
    for operator in operators.split()
}
"""How tightly the binary operators bind; all associate to the left (8.1)."""


class _Flat(list[s.Expression | str]):
    """Operands and operators in turn, before precedence groups them."""


def _binary(operator: str, left: s.Expression, right: s.Expression) -> s.Binary:
    return s.Binary(operator, left, right, span=left.span.to(right.span))


class TypeActions(BaseActions):
    """Types (7)."""

    def bool_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.BoolType(span=self.span(b, e))

    def match_kind_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.MatchKindType(span=self.span(b, e))

    def error_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.ErrorType(span=self.span(b, e))

    def string_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.StringType(span=self.span(b, e))

    def void_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.VoidType(span=self.span(b, e))

    def dont_care_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.DontCareType(span=self.span(b, e))

    def bit_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.BitType(c[2] if len(c) > 1 else None, span=self.span(b, e))

    def int_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.IntType(c[2] if len(c) > 1 else None, span=self.span(b, e))

    def varbit_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.VarbitType(c[2], span=self.span(b, e))

    def type_name(self, c: Children, _b: int, _e: int) -> s.NamedType:
        return s.NamedType(c[0][1], span=c[0][2])

    def absolute_type_name(self, c: Children, b: int, e: int) -> s.NamedType:
        return s.NamedType(c[1][1], True, span=self.span(b, e))

    def specialized_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.SpecializedType(c[0], tuple(c[2]), span=self.span(b, e))

    def stack_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.StackType(c[0], c[2], span=self.span(b, e))

    def list_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.ListType(c[2], span=self.span(b, e))

    def tuple_type(self, c: Children, b: int, e: int) -> s.Type:
        return s.TupleType(tuple(c[2]), span=self.span(b, e))


class ExpressionActions(TypeActions):
    """Expressions (8) and the sets made of them (8.15)."""

    def integer(self, c: Children, _b: int, _e: int) -> s.Expression:
        token: Token = c[0]
        made = integer(token.text)
        if made is None:
            long = len(token.text) > MAX_DIGITS
            self.error(token.span, f"'{token.text[:20]}...' is too long" if long else f"'{token.text}' is no integer")
            made = 0, None, False, 10
        value, width, signed, base = made
        return s.IntLiteral(value, width, signed, base, span=token.span)

    def string(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.StringLiteral(c[0][1][1:-1], span=c[0][2])

    def true(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.BoolLiteral(True, span=c[0][2])

    def false(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.BoolLiteral(False, span=c[0][2])

    def dots(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.Dots(span=c[0][2])

    def this(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.This(span=c[0][2])

    def invalid_header(self, c: Children, _b: int, _e: int) -> s.Expression:
        return s.InvalidHeader(span=c[0][2])

    def name_expr(self, c: Children, _b: int, _e: int) -> s.NameExpr:
        return s.NameExpr(c[0][1], span=c[0][2])

    def absolute_name_expr(self, c: Children, b: int, e: int) -> s.NameExpr:
        return s.NameExpr(c[1][1], True, span=self.span(b, e))

    def member(self, c: Children, b: int, e: int) -> s.Expression:
        self.deep |= e - b > LONG_CHAIN
        return s.Member(c[0], c[2], span=self.span(b, e))

    def type_member(self, c: Children, b: int, e: int) -> s.Expression:
        return s.TypeMember(c[0], c[2], span=self.span(b, e))

    def error_member(self, c: Children, b: int, e: int) -> s.Expression:
        return s.TypeMember(s.ErrorType(span=c[0][2]), c[2], span=self.span(b, e))

    def index(self, c: Children, b: int, e: int) -> s.Expression:
        self.deep |= e - b > LONG_CHAIN
        return s.Index(c[0], c[2], span=self.span(b, e))

    def slice(self, c: Children, b: int, e: int) -> s.Expression:
        self.deep |= e - b > LONG_CHAIN
        return s.Slice(c[0], c[2], c[4], span=self.span(b, e))

    def plus_slice(self, c: Children, b: int, e: int) -> s.Expression:
        self.deep |= e - b > LONG_CHAIN
        low = self.fold([c[2]], b, e)
        return s.PlusSlice(c[0], low, c[5], span=self.span(b, e))

    def unary(self, c: Children, b: int, e: int) -> s.Expression:
        return s.Unary(c[0][1], c[1], span=self.span(b, e))

    def cast(self, c: Children, b: int, e: int) -> s.Expression:
        return s.Cast(c[1], c[3], span=self.span(b, e))

    def flat(self, c: Children, _b: int, _e: int) -> _Flat:
        return self._flat(c[0], c[1][1], c[2])

    def flat_shift(self, c: Children, _b: int, _e: int) -> _Flat:
        if c[1][2].end_column != c[2][2].column or c[1][2].line != c[2][2].line:
            self.error(c[2][2], "expected an expression, found '>'")
        return self._flat(c[0], ">>", c[3])

    def _flat(self, left: s.Expression | _Flat, operator: str, right: s.Expression) -> _Flat:
        flat = left if type(left) is _Flat else _Flat([left])  # type: ignore[list-item]
        flat.append(operator)
        flat.append(right)
        return flat

    def fold(self, c: Children, _b: int, _e: int) -> s.Expression:
        """Group by precedence: operators wait on a stack until one that binds less tightly comes."""
        flat: s.Expression | _Flat = c[0]
        if type(flat) is not _Flat:
            return flat  # type: ignore[return-value]
        self.deep |= len(flat) > LONG_CHAIN
        operands: list[s.Expression] = [flat[0]]  # type: ignore[list-item]
        waiting: list[str] = []
        for at in range(1, len(flat), 2):
            operator: str = flat[at]  # type: ignore[assignment]
            while waiting and PRECEDENCE[waiting[-1]] >= PRECEDENCE[operator]:
                right = operands.pop()
                operands[-1] = _binary(waiting.pop(), operands[-1], right)
            waiting.append(operator)
            operands.append(flat[at + 1])  # type: ignore[arg-type]
        while waiting:
            right = operands.pop()
            operands[-1] = _binary(waiting.pop(), operands[-1], right)
        return operands[0]

    def conditional(self, c: Children, b: int, e: int) -> s.Expression:
        self.deep |= e - b > LONG_CHAIN
        return s.Conditional(c[0], c[2], self.fold([c[4]], b, e), span=self.span(b, e))

    def list_expr(self, c: Children, b: int, e: int) -> s.Expression:
        return s.ListExpr(tuple(c[1]) if len(c) > 2 else (), span=self.span(b, e))

    def struct_expr(self, c: Children, b: int, e: int) -> s.Expression:
        dots = any(type(child) is Token and child.kind == "DOTS" for child in c[2:])
        return s.StructExpr(tuple(c[1]), dots, span=self.span(b, e))

    def pair(self, c: Children, b: int, e: int) -> s.FieldValue:
        return s.FieldValue(c[0], c[2], span=self.span(b, e))

    def argument(self, c: Children, b: int, e: int) -> s.Argument:
        return s.Argument(c[0], span=self.span(b, e))

    def dont_care_argument(self, c: Children, b: int, e: int) -> s.Argument:
        return s.Argument(None, span=self.span(b, e))

    def named_argument(self, c: Children, b: int, e: int) -> s.Argument:
        return s.Argument(None if type(c[2]) is Token else c[2], c[0], span=self.span(b, e))

    def call(self, c: Children, b: int, e: int) -> s.Call:
        self.deep |= e - b > LONG_CHAIN
        return s.Call(c[0], (), tuple(c[2]), span=self.span(b, e))

    def generic_call(self, c: Children, b: int, e: int) -> s.Call:
        self.deep |= e - b > LONG_CHAIN
        return s.Call(c[0], tuple(c[2]), tuple(c[5]), span=self.span(b, e))

    def construct(self, c: Children, b: int, e: int) -> s.Expression:
        return s.Construct(c[0], tuple(c[2]), span=self.span(b, e))

    def default_set(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.DefaultSet(span=self.span(b, e))

    def dont_care_set(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.DontCareSet(span=self.span(b, e))

    def mask(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.MaskSet(c[0], c[2], span=self.span(b, e))

    def range(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.RangeSet(c[0], c[2], span=self.span(b, e))

    def tuple_keyset(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.TupleSet((c[1], *c[3]), span=self.span(b, e))

    def single_keyset(self, c: Children, b: int, e: int) -> s.SetExpr:
        return s.TupleSet((c[1],), span=self.span(b, e))


class AnnotationActions(ExpressionActions):
    """Annotations (20)."""

    def annotation(self, c: Children, b: int, e: int) -> s.Annotation:
        return s.Annotation(c[1], span=self.span(b, e))

    def token_annotation(self, c: Children, b: int, e: int) -> s.Annotation:
        return s.TokenAnnotation(c[1], c[2].tokens, c[2].kind == "PRAGMA_BODY", span=self.span(b, e))

    def empty_annotation(self, c: Children, b: int, e: int) -> s.Annotation:
        return s.ListAnnotation(c[1], (), span=self.span(b, e))

    def list_annotation(self, c: Children, b: int, e: int) -> s.Annotation:
        return s.ListAnnotation(c[1], tuple(c[3]), span=self.span(b, e))

    def pair_annotation(self, c: Children, b: int, e: int) -> s.Annotation:
        return s.PairAnnotation(c[1], tuple(c[3]), span=self.span(b, e))
