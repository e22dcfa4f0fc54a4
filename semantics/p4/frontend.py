"""The door to the front end: a P4-16 file to a :class:`~p4verify.semantics.ir.Program`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from .. import ir, recursion
from ..source import Diagnostic, InputError
from . import parser
from . import syntax as ast
from .check import Checked, check
from .elaborate import elaborate
from .preprocess import SHIPPED

_RECURSION_LIMIT: Final = 20_000
"""Trees are at most ``MAX_DEPTH`` deep, and no function here takes more than some ten frames for a level."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program and what the compiler has to say about it."""

    program: ir.Program
    warnings: tuple[Diagnostic, ...]
    tree: ast.Program
    checked: Checked


def deep_recursion() -> AbstractContextManager[None]:
    """Room on the interpreter's stack for the deepest tree that the parser makes."""
    return recursion.at_least(_RECURSION_LIMIT)


def load(
    path: str,
    include_dirs: Sequence[str] = (),
    defines: Mapping[str, str] | Sequence[str] = (),
    arch: str | None = None,
) -> Loaded:
    """Read, check and elaborate the program in the file at ``path``, with its warnings.

    Raises:
        InputError: the file cannot be read, or is no P4-16 program; it holds every error that was found.
    """
    return _load(parser.parse_program(path, include_dirs, defines), path, arch)


def load_text(text: str, file: str = "<text>", include_dirs: Sequence[str] = (), arch: str | None = None) -> Loaded:
    """As :func:`load`, of a text that is called ``file`` in messages."""
    return _load(parser.parse_text(text, file, include_dirs), file, arch)


def load_program(
    path: str,
    include_dirs: Sequence[str] = (),
    defines: Mapping[str, str] | Sequence[str] = (),
    arch: str | None = None,
) -> ir.Program:
    """The program in the file at ``path``. Raises InputError."""
    return load(path, include_dirs, defines, arch).program


def _load(tree: ast.Program, path: str, arch: str | None) -> Loaded:
    with deep_recursion():
        checked = check(tree)
        try:
            program = elaborate(checked, path, arch)
        except InputError as error:
            raise InputError([_with_line(tree, d) for d in error.diagnostics]) from None
    warnings = (*tree.warnings, *checked.warnings)
    own = tuple(w for w in warnings if not w.span.file.startswith(SHIPPED))
    return Loaded(program, own, tree, checked)


def _with_line(tree: ast.Program, d: Diagnostic) -> Diagnostic:
    return Diagnostic(d.span, d.message, d.severity, tree.source_line(d.span), d.notes)
