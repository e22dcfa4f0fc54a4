"""A whole program: declarations in order, with the ones that an include file brings checked once a process."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ...source import Diagnostic, InputError
from .. import syntax as ast
from ..preprocess import SHIPPED
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
    """Check a program. Raises InputError with all its errors.

    A compiler's middle end puts base types in the place of new types (7.2.9), but not in the architecture's files that
    its output includes. So a program that names no new type of its architecture has a second reading, in which these
    are other names of their base types; it counts if the first one has errors.
    """
    try:
        return _check(tree, frozenset())
    except InputError as refused:
        new = _new_types(tree)
        if not new:
            raise
        try:
            found = _check(tree, new)
        except InputError:
            raise refused from None
        first = refused.diagnostics[0]
        text = f"the architecture's new types are taken for their base types, as no name of theirs is used (7.2.9): \
{', '.join(sorted(new))}"
        warning = replace(first, message=text, severity="warning", notes=())
        return replace(found, warnings=(warning, *found.warnings))


def _new_types(tree: ast.Program) -> frozenset[str]:
    """The new types of the shipped files that the program includes, if it names none of them."""
    shipped = [d for d in tree.declarations if d.span.file.startswith(SHIPPED)]
    names = frozenset(d.name.text for d in shipped if isinstance(d, ast.NewTypeDecl))
    own = [text for file, text in tree.texts.items() if not file.startswith(SHIPPED)]
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    return frozenset() if not names or any(map(words.search, own)) else names


def _check(tree: ast.Program, transparent: frozenset[str]) -> Checked:
    report = Report()
    cx = Context(report, Scope(), typed.Program(), transparent=transparent)
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
