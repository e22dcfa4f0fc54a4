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
from ..program import Declaration, Program, Prototype

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
class Include:
    """One directive, and the errors and match_kinds that it brings."""

    text: str
    errors: tuple[str, ...] = ()
    match_kinds: tuple[str, ...] = ()


@dataclass(slots=True)
class Prelude:
    """The directives at the start of the text, and what they declare."""

    includes: list[Include] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Types, externs, functions, actions and packages."""
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields of records, members of enums, parameters of packages."""
    functions: set[tuple[str, frozenset[str]]] = field(default_factory=set)
    """Extern functions: name and names of the parameters."""
    externs: dict[str, tuple[int, frozenset[tuple[str, int]]]] = field(default_factory=dict)
    """Extern types: the number of type parameters, and the methods with their numbers of parameters."""

    def text(self, errors: tuple[str, ...], match_kinds: tuple[str, ...]) -> str:
        """The directives, with declarations of the program's own errors and match_kinds between where they belong."""
        own_errors = _between(errors, [i.errors for i in self.includes]) or []
        own_kinds = _between(match_kinds, [i.match_kinds for i in self.includes]) or []
        made: list[str] = []
        for i, (some, others) in enumerate(zip(own_errors, own_kinds, strict=True)):
            made += [f"error {{ {', '.join(some)} }}\n"] if some else []
            made += [f"match_kind {{ {', '.join(others)} }}\n"] if others else []
            made += [self.includes[i].text] if i < len(self.includes) else []
        return "".join(made)

    def add(self, node: ast.Declaration, include: Include) -> None:
        """Enter one declaration of an included file."""
        match node:
            case ast.ErrorDecl(members=members):
                include.errors += tuple(m.text for m in members)
                return
            case ast.MatchKindDecl(members=members):
                include.match_kinds += tuple(m.text for m in members)
                return
            case ast.RecordDecl(name=name, fields=fields):
                self.members[name.text] = tuple(f.name.text for f in fields)
            case ast.EnumDecl(name=name, members=cases):
                self.members[name.text] = tuple(m.name.text for m in cases)
            case ast.PackageDecl(name=name, parameters=parameters):
                self.members[name.text] = tuple(p.name.text for p in parameters)
            case ast.ExternFunctionDecl(name=name, parameters=parameters):
                self.functions.add((name.text, frozenset(p.name.text for p in parameters)))
            case ast.ExternDecl(name=name, methods=methods, type_parameters=types):
                self.externs[name.text] = len(types), frozenset((m.name.text, len(m.parameters)) for m in methods)
        named = getattr(node, "name", None)
        if named is not None:
            self.names.add(named.text)

    def fits(self, program: Program, nodes: Iterable[object]) -> bool:
        """Whether the program can have been written with these declarations."""
        if _between(program.errors, [i.errors for i in self.includes]) is None:
            return False
        if _between(program.match_kinds, [i.match_kinds for i in self.includes]) is None:
            return False
        return not any(map(self._declares, program.declarations)) and all(self._fits(node) for node in nodes)

    def _declares(self, node: Declaration) -> bool:
        """Whether a declaration of the program's own would be a second one."""
        if isinstance(node, Prototype):
            return (node.name, frozenset(p.name for p in node.params)) in self.functions
        return node.name in self.names

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


def prelude(program: Program, nodes: Iterable[object]) -> Prelude:
    """The prelude of a program whose nodes are ``nodes``: its architecture's file, or ``core.p4``, or nothing."""
    nodes = list(nodes)
    own = [node for node in nodes if not isinstance(node, n.Package)]
    for file in _FILES.get(program.arch, ()):
        found = _read(_CORE, file)
        if found.fits(program, nodes):
            return found
    core = _read(_CORE)
    return core if core.fits(program, own) else _read()


def _between(words: tuple[str, ...], blocks: list[tuple[str, ...]]) -> list[tuple[str, ...]] | None:
    """What stands before each of the blocks, which follow each other in ``words``, and behind the last; None if they
    do not."""
    made: list[tuple[str, ...]] = []
    at = 0
    for block in blocks:
        start = at
        if block:
            if block[0] not in words[at:]:
                return None
            start = words.index(block[0], at)
            if words[start : start + len(block)] != block:
                return None
        made.append(words[at:start])
        at = start + len(block)
    return [*made, words[at:]]


@cache
def _read(*texts: str) -> Prelude:
    made = Prelude()
    known = 0
    for i, text in enumerate(texts):
        include = Include(text)
        made.includes.append(include)
        nodes = parser.parse_text("".join(texts[: i + 1]), "prelude.p4").declarations
        for node in nodes[known:]:
            made.add(node, include)
        known = len(nodes)
    return made
