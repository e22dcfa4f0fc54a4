"""What annotations say that calls of externs do not do (P4-16 specification, "Annotations on functions and methods":
``@pure`` "depends solely on its in parameter values, and has no effect other than returning a value, and copy-out
behavior"; ``@noSideEffects`` "does not change any hidden state, but may depend on hidden state")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from .. import ir

Promise = Literal["", "noSideEffects", "pure"]
PURE: Final = "pure"
NO_SIDE_EFFECTS: Final = "noSideEffects"

Signature = tuple[str, str, int]
"""Extern, method ("" of a function), and number of parameters."""


def promises(program: ir.Program) -> Mapping[Signature, Promise]:
    """What a program says of the extern functions and methods that it declares: of overloads what all keep."""
    found: dict[Signature, Promise] = {}
    for signature, method in _declared(program):
        names = {a.name for a in method.annotations}
        kept: Promise = "pure" if PURE in names else "noSideEffects" if NO_SIDE_EFFECTS in names else ""
        found[signature] = min(kept, found.get(signature, kept), key=("", NO_SIDE_EFFECTS, PURE).index)
    return found


def _declared(program: ir.Program) -> Iterator[tuple[Signature, ir.Prototype]]:
    for declaration in program.declarations:
        if isinstance(declaration, ir.Prototype):
            yield (declaration.name, "", len(declaration.params)), declaration
        elif isinstance(declaration, ir.ExternDecl):
            for method in declaration.methods:
                yield (declaration.name, method.name, len(method.params)), method
