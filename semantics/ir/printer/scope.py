"""Names: what a thing of the IR is called in the text, and where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...p4.lexer import KEYWORDS
from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from ..program import Declaration, ExternDecl, Prototype
from .prelude import Prelude

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def plain(name: str) -> str:
    """An identifier for the name of a type or function; that of a generic one is ``s_bit32`` for ``s<bit<32>>``."""
    made = re.sub(r"\b(bit|int|varbit)<(\d+)>", r"\1\2", name)
    return re.sub(r"\W+", "_", made.replace(">", "").replace(" ", ""))


def anonymous(type_: t.Type) -> bool:
    """Whether this is the type of ``{a = 1}`` where nothing says another, which has no name in P4."""
    return isinstance(type_, t.StructType) and type_.name.startswith(("{", "(", "struct "))


@dataclass
class Names:
    """The identifiers of a whole program."""

    prelude: Prelude
    taken: set[str]
    local: frozenset[str] = frozenset()
    """What something within a block or declaration is called."""
    declared: dict[str, Declaration] = field(default_factory=dict)
    """Externs, packages and types of blocks of the program's own, by name; of functions that are overloaded one."""
    overloads: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many there are of each extern function (method "") and method of the program's own."""
    types: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    """Full name of a parser, control, package or extern instance → the variable that holds it."""
    blocks: dict[str, str] = field(default_factory=dict)
    """Full name of a parser or control → its declaration."""
    passed: dict[str, list[str]] = field(default_factory=dict)
    """Parser or control → the instances that its constructor is given."""
    made: dict[str, n.Instance] = field(default_factory=dict)
    """Objects that an extern function makes, by full name."""
    top_actions: dict[str, n.Action] = field(default_factory=dict)
    """Control-plane name → action of the top level."""

    def declare(self, declarations: Iterable[Declaration]) -> None:
        """Enter what the program declares of its machine."""
        for item in declarations:
            self.declared[item.name] = item
            if isinstance(item, Prototype):
                self.overloads[item.name, ""] += 1
            elif isinstance(item, ExternDecl):
                self.overloads.update((item.name, m.name) for m in item.methods)
        self.taken |= set(self.declared)

    def overloaded(self, extern: str, method: str) -> bool:
        """Whether a call must name its arguments, for it to be known what is called."""
        return self.overloads[extern, method] > 1

    def globally(self, name: str) -> str:
        """``name`` of the top level, also where something else is called so."""
        return f".{name}" if name in self.local else name

    def fresh(self, wanted: str) -> str:
        """``wanted``, or with a number after it, as an identifier that nothing else has."""
        wanted = wanted if _IDENTIFIER.match(wanted) else "_" + plain(wanted)
        name, number = wanted, 1
        while name in self.taken or name in self.prelude.names or name in KEYWORDS:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name

    def type_name(self, type_: t.HeaderType | t.UnionType | t.StructType | t.EnumType | t.NewType) -> str:
        """The identifier of a named type.

        Raises:
            Unsupported: the type has no name in P4.
        """
        if anonymous(type_):
            raise Unsupported(f"the name of the type {type_.name}")
        return self.types.get(type_.name, type_.name)


@dataclass
class Scope:
    """One block, function or the top level."""

    names: Names
    actions: Mapping[str, str] = field(default_factory=dict)
    """Name in the block → as it is called there."""
    this: str = ""
    """The object whose abstract method this is."""


def local_names(nodes: Iterable[object]) -> set[str]:
    """The names of everything that stands within something else: variables, parameters, states, tables, actions."""
    kinds = n.Declare | n.Param | n.ForIn | n.State | n.Table | n.Action | n.ValueSetDecl | t.Field
    return {node.name for node in nodes if isinstance(node, kinds)}
