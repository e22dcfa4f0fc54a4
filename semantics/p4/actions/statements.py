"""Actions for statements, and for the declarations among them."""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from .base import Children, split
from .expressions import AnnotationActions


class StatementActions(AnnotationActions):
    """Statements (12)."""

    def empty_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.EmptyStatement(span=self.span(b, e))

    def exit_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Exit(span=self.span(b, e))

    def return_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Return(c[1] if len(c) > 2 else None, span=self.span(b, e))

    def break_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Break(span=self.span(b, e))

    def continue_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Continue(span=self.span(b, e))

    def assignment(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Assignment(c[1][1], c[0], c[2], span=self.span(b, e))

    def call_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.CallStatement(self.call(c, b, e), span=self.span(b, e))

    def generic_call_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.CallStatement(self.generic_call(c, b, e), span=self.span(b, e))

    def direct_application(self, c: Children, b: int, e: int) -> s.Statement:
        if c[2].text != "apply":
            self.error(c[2].span, f"only 'apply' can be called on a type, not '{c[2].text}'")
        return s.DirectApplication(c[0], tuple(c[4]), span=self.span(b, e))

    def if_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.If(c[2], c[4], c[6] if len(c) > 5 else None, span=self.span(b, e))

    def block(self, c: Children, b: int, e: int) -> s.Block:
        self.symbols.pop()
        annotations, rest = split(c)
        return s.Block(annotations, tuple(rest[1]), span=self.span(b, e))

    def switch_statement(self, c: Children, b: int, e: int) -> s.Statement:
        return s.Switch(c[2], tuple(c[5]), span=self.span(b, e))

    def switch_case(self, c: Children, b: int, e: int) -> s.SwitchCase:
        return s.SwitchCase(c[0], c[2] if len(c) > 2 else None, span=self.span(b, e))

    def for_open(self, c: Children, _b: int, _e: int) -> Any:
        self.symbols.push()
        return split(c)[0]

    def for_statement(self, c: Children, b: int, e: int) -> s.Statement:
        self.symbols.pop()
        return s.For(c[0], tuple(c[1]), c[3], tuple(c[5]), c[7], span=self.span(b, e))

    def for_in_statement(self, c: Children, b: int, e: int) -> s.Statement:
        self.symbols.pop()
        return s.ForIn(c[0], c[1], c[3], c[5], span=self.span(b, e))

    def variable(self, c: Children, b: int, e: int) -> s.VariableDecl:
        annotations, rest = split(c)
        self.symbols.declare(rest[1].text, False)
        initializer = rest[3] if len(rest) > 2 else None
        return s.VariableDecl(annotations, rest[0], rest[1], initializer, span=self.span(b, e))

    def array_variable(self, c: Children, b: int, e: int) -> s.VariableDecl:
        annotations, rest = split(c)
        self.symbols.declare(rest[1].text, False)
        stack = s.StackType(rest[0], rest[3], span=rest[0].span)
        return s.VariableDecl(annotations, stack, rest[1], None, span=self.span(b, e))

    def const_decl(self, c: Children, b: int, e: int) -> s.ConstDecl:
        annotations, (_const, type_, name, _assign, value, _end) = split(c)
        self.symbols.declare(name.text, False)
        return s.ConstDecl(annotations, type_, name, value, span=self.span(b, e))

    def instantiation(self, c: Children, b: int, e: int) -> s.Instantiation:
        annotations, rest = split(c)
        body = None
        if len(rest) > 6:
            self.symbols.pop()
            body = tuple(rest[7])
        self.symbols.declare(rest[4].text, False)
        return s.Instantiation(annotations, rest[0], tuple(rest[2]), rest[4], body, span=self.span(b, e))

    def array_instantiation(self, c: Children, b: int, e: int) -> s.Instantiation:
        annotations, rest = split(c)
        self.symbols.declare(rest[4].text, False)
        array = s.StackType(rest[0], rest[6], span=rest[0].span)
        return s.Instantiation(annotations, array, tuple(rest[2]), rest[4], None, span=self.span(b, e))
