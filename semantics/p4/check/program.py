"""A whole program: declarations in order, with the ones that an include file brings checked once a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...source import Diagnostic
from .. import syntax as ast
from . import blocks, controlnames, declarations, instances, typed, whole
from .context import Context, Report, TooManyErrors
from .symbols import Scope


@dataclass(slots=True)
class Checked:
    """The outcome: the global names, what is instantiated, and the warnings."""

    scope: Scope
    program: typed.Program
    warnings: tuple[Diagnostic, ...]


def check(tree: ast.Program) -> Checked:
    """Check a program. Raises InputError with all its errors."""
    report = Report()
    cx = Context(report, Scope(), typed.Program())
    try:
        for node in tree.declarations:
            declaration(cx, node)
        controlnames.check(cx)
        whole.check(cx, tree.span.file)
    except TooManyErrors:
        pass
    warnings = report.finish(tree.texts)
    return Checked(cx.scope, cx.program, warnings)


def declaration(cx: Context, node: ast.Declaration) -> None:
    """One declaration at the top level."""
    simple: Any = declarations.TypeDeclaration.get(type(node))
    if simple is not None:
        simple(cx, node)
    elif isinstance(node, ast.ControlDecl):
        blocks.control(cx, node)
    elif isinstance(node, ast.ParserDecl):
        blocks.parser(cx, node)
    elif isinstance(node, ast.ActionDecl):
        cx.program.actions.append(declarations.action(cx, node, top_level=True))
    elif isinstance(node, ast.Instantiation):
        made = instances.instantiation(cx, node)
        if made is not None:
            cx.program.instances.append(made)
    else:
        cx.error(node.span, "this declaration cannot stand at the top level")
