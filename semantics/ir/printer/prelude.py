"""What a printed program gets from ``core.p4`` and its architecture's file instead of declaring it.

The IR names the architecture by its package, and several files may declare that: the first that fits what the program
uses is taken, and a program that fits none has a package of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from ...p4 import parser
from ...p4 import syntax as ast
from .. import nodes as n
from .. import types as t

Named = t.HeaderType | t.UnionType | t.StructType | t.EnumType | t.NewType

_CORE: Final = "#include <core.p4>\n"
_FILES: Final = {
    "v1model": ("#include <v1model.p4>\n", "#define V1MODEL_VERSION 20200408\n#include <v1model.p4>\n"),
    "psa": ("#include <psa.p4>\n", "#include <bmv2/psa.p4>\n", "#include <dpdk/psa.p4>\n"),
    "pna": ("#include <pna.p4>\n", "#include <dpdk/pna.p4>\n", "#include <tc/pna.p4>\n"),
    "ebpf_model": ("#include <ebpf_model.p4>\n",),
    "ubpf_model": ("#include <ubpf_model.p4>\n",),
    "xdp_model": ("#include <xdp_model.p4>\n",),
}


@dataclass(slots=True)
class Prelude:
    """The directives at the start of the text, and what they declare."""

    text: str
    errors: tuple[str, ...] = ()
    match_kinds: tuple[str, ...] = ()
    names: set[str] = field(default_factory=set)
    """Types, externs, functions, actions and packages."""
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields of records, members of enums, parameters of packages."""
    externs: dict[str, tuple[int, frozenset[tuple[str, int]]]] = field(default_factory=dict)
    """Extern types: the number of type parameters, and the methods with their numbers of parameters."""

    def add(self, node: ast.Declaration) -> None:
        """Enter one declaration."""
        match node:
            case ast.ErrorDecl(members=members):
                self.errors += tuple(m.text for m in members)
                return
            case ast.MatchKindDecl(members=members):
                self.match_kinds += tuple(m.text for m in members)
                return
            case ast.RecordDecl(name=name, fields=fields):
                self.members[name.text] = tuple(f.name.text for f in fields)
            case ast.EnumDecl(name=name, members=cases):
                self.members[name.text] = tuple(m.name.text for m in cases)
            case ast.PackageDecl(name=name, parameters=parameters):
                self.members[name.text] = tuple(p.name.text for p in parameters)
            case ast.ExternDecl(name=name, methods=methods, type_parameters=types):
                self.externs[name.text] = len(types), frozenset((m.name.text, len(m.parameters)) for m in methods)
        named = getattr(node, "name", None)
        if named is not None:
            self.names.add(named.text)

    def fits(self, program: n.Program, nodes: Iterable[object]) -> bool:
        """Whether the program can have been written with these declarations."""
        if program.errors[: len(self.errors)] != self.errors or not set(self.match_kinds) <= set(program.match_kinds):
            return False
        return all(self._fits(node) for node in nodes)

    def _fits(self, node: object) -> bool:
        match node:
            case t.HeaderType(name, fields) | t.StructType(name, fields) | t.UnionType(name, fields):
                return self.members.get(name, own := tuple(f.name for f in fields)) == own
            case t.EnumType(name, members):
                return self.members.get(name, members) == members
            case n.Package(type_name=name, args=args):
                return {a for a, _ in args} <= set(self.members.get(name, ()))
            case n.Instance(extern=name, type_args=args):
                return name not in self.externs or self.externs[name][0] == len(args)
            case n.ExternCall(extern=name, method=method, params=params) if method:
                return name not in self.externs or (method, len(params)) in self.externs[name][1]
        return True


def prelude(program: n.Program, nodes: Iterable[object]) -> Prelude:
    """The prelude of a program whose nodes are ``nodes``: its architecture's file, or ``core.p4``, or nothing."""
    nodes = list(nodes)
    own = [node for node in nodes if not isinstance(node, n.Package)]
    for file in _FILES.get(program.arch, ()):
        found = _read(_CORE + file)
        if found.fits(program, nodes):
            return found
    core = _read(_CORE)
    return core if core.fits(program, own) else _read("")


@cache
def _read(text: str) -> Prelude:
    made = Prelude(text)
    for node in parser.parse_text(text, "prelude.p4").declarations:
        made.add(node)
    return made
