"""Conditions that a user gives, as P4 expressions over what a control of the program sees when it begins.

The text is parsed and checked as the condition of an ``if`` at the start of that control, so everything that can be
said there can be said here: fields and validity of its headers, its metadata, constants, enumerations; and two
variables beside them, ``ingress_port`` and ``packet_length`` (32 bits each). Calls that do something are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

from .. import ir
from ..source import InputError, Span
from . import syntax as ast
from .check import check
from .driver import Driver, TooManyErrors
from .elaborate import elaborate
from .frontend import Loaded, deep_recursion
from .lexer import scan

VARIABLES: Final = ("ingress_port", "packet_length")
_BEFORE: Final = "control condition() { apply { { bit<32> ingress_port; bit<32> packet_length; if ("
_AFTER: Final = ") {} } } }"


@dataclass(frozen=True)
class Condition:
    """A condition, typed, over the control's names."""

    name: str
    """What errors and verdicts call it."""
    expr: ir.Expr
    variables: tuple[str, str]
    """What the names of :data:`VARIABLES` have become in it."""


def conditions(loaded: Loaded, control: str, texts: Sequence[str]) -> list[Condition]:
    """The conditions, over what the control of this full name sees.

    Raises:
        InputError: one is no condition; its place is in the text.
    """
    tree = loaded.tree
    names = {f"--assume '{text}'": text for text in texts}
    blocks = tuple(_parsed(tree, text, name) for name, text in names.items())
    declarations = list(tree.declarations)
    at = _declaration(declarations, loaded.program.control(control))
    node = declarations[at]
    assert isinstance(node, ast.ControlDecl)
    body = replace(node.body, statements=(*blocks, *node.body.statements))
    declarations[at] = replace(node, body=body)
    changed = replace(tree, declarations=tuple(declarations), texts={**tree.texts, **names})
    with deep_recursion():
        program = elaborate(check(changed), loaded.program.file, loaded.program.arch)
    made = program.control(control).body.body[: len(names)]
    return [_condition(name, block) for name, block in zip(names, made, strict=True)]


def _parsed(tree: ast.Program, text: str, name: str) -> ast.Block:
    """The block that declares the variables and tests the condition."""
    driver = Driver()
    driver.symbols.is_type.update(_types(tree))
    end = Span(name, 1, len(text) + 1)
    try:
        driver.feed([*scan(_BEFORE, name, end), *scan(text, name), *scan(_AFTER, name, end)])
        driver.finish(end)
    except TooManyErrors:
        pass
    errors = [*driver.errors, *driver.builder.errors]
    if errors:
        raise InputError([replace(errors[0], source_line=text)])
    if len(driver.declarations) == 1 and isinstance(control := driver.declarations[0], ast.ControlDecl):
        match control.body.statements:
            case (ast.Block(statements=(_, _, ast.If(then=ast.Block(statements=()), otherwise=None))) as block,):
                return block
    raise InputError.at(Span(name, 1, 1), "is no P4 expression")


def _types(tree: ast.Program) -> dict[str, bool]:
    """Which global names are types."""
    types: dict[str, bool] = {}
    for node in tree.declarations:
        name = getattr(node, "name", None)
        if isinstance(name, ast.Name):
            values = (ast.ConstDecl, ast.FunctionDecl, ast.ExternFunctionDecl, ast.Instantiation, ast.ActionDecl)
            types[name.text] = not isinstance(node, values)
    return types


def _declaration(declarations: Sequence[ast.Declaration], control: ir.Control) -> int:
    """Which declaration a control is of."""
    where = control.span
    for number, node in enumerate(declarations):
        if isinstance(node, ast.ControlDecl) and node.span.file == where.file:
            if node.span.line <= where.line <= node.body.span.end_line:
                return number
    raise InputError.at(where, f"control {control.name} has no declaration of its own here")


def _condition(name: str, block: ir.Stmt) -> Condition:
    match block:
        case ir.Block(body=(ir.Declare(name=port), ir.Declare(name=length), ir.If(condition=expr))):
            for node in _nodes(expr):
                if isinstance(node, (ir.ExternCall, ir.FunctionCall, ir.TableApply, ir.BlockApply)):
                    raise InputError.at(_in(node.span, name), "calls something; only isValid() can be called here")
            return Condition(name, expr, (port, length))
    raise InputError.at(Span(name, 1, 1), "calls something; only isValid() can be called here")


def _in(span: Span, name: str) -> Span:
    return span if span.file == name else Span(name, 1, 1)


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    if is_dataclass(node):
        for item in fields(node):
            value = getattr(node, item.name)
            for part in value if isinstance(value, tuple) else (value,):
                if is_dataclass(part) and item.name not in ("type", "span"):
                    yield from _nodes(part)
