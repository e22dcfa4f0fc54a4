"""What a printed program gets from ``core.p4`` and its architecture's file instead of declaring it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from ...p4 import parser
from ...p4 import syntax as ast
from .. import nodes as n
from .. import types as t

_NEWER_V1MODEL: Final = "#define V1MODEL_VERSION 20200408\n"
_ARCHITECTURES: Final = frozenset({"v1model", "psa", "pna", "ebpf_model", "ubpf_model", "xdp_model"})


@dataclass(frozen=True, slots=True)
class Prelude:
    """The directives at the start of the text, and the names that they declare."""

    text: str
    errors: tuple[str, ...]
    match_kinds: tuple[str, ...]
    names: frozenset[str]
    """Types, externs, functions, actions and packages."""


def prelude(program: n.Program) -> Prelude:
    """The prelude of a program: its architecture's file where it has one, else ``core.p4`` where it was included."""
    if program.arch in _ARCHITECTURES:
        newer = program.arch == "v1model" and _is_newer_v1model(program)
        return _read((_NEWER_V1MODEL if newer else "") + f"#include <core.p4>\n#include <{program.arch}.p4>\n")
    core = _read("#include <core.p4>\n")
    return core if program.errors[: len(core.errors)] == core.errors else _read("")


def _is_newer_v1model(program: n.Program) -> bool:
    """Whether indexed externs have a type argument for the index, or ports a type."""
    older = {"counter": 0, "meter": 0, "register": 1}
    return any(len(i.type_args) > older.get(i.extern, len(i.type_args)) for i in program.instances)


@cache
def _read(text: str) -> Prelude:
    errors: list[str] = []
    kinds: list[str] = []
    names: set[str] = set()
    for node in parser.parse_text(text, "prelude.p4").declarations:
        if isinstance(node, ast.ErrorDecl):
            errors += [m.text for m in node.members]
        elif isinstance(node, ast.MatchKindDecl):
            kinds += [m.text for m in node.members]
        else:
            name = getattr(node, "name", None)
            if name is not None:
                names.add(name.text)
    return Prelude(text, tuple(errors), tuple(kinds), frozenset(names))


Named = t.HeaderType | t.UnionType | t.StructType | t.EnumType | t.NewType
