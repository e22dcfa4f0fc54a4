"""What is known while one block, function or action is elaborated: types, constructor arguments, names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ... import ir
from ...source import InputError, Span
from ..check.symbols import ActionSymbol, FunctionSymbol, InstanceSymbol, ParamSymbol, Symbol
from ..check.types import Block, Type, TypeVar, substitute
from .declared import Declared
from .types import Types

MAX_INSTANCES: Final = 20_000
"""More instances than this come from a program that doubles them at every level of nesting."""


@dataclass
class Shared:
    """What the elaboration of all blocks shares: the types made, and everything made so far."""

    types: Types
    declared: Declared
    instances: list[ir.Instance] = field(default_factory=list)
    parsers: list[ir.Parser] = field(default_factory=list)
    controls: list[ir.Control] = field(default_factory=list)
    packages: list[ir.Package] = field(default_factory=list)
    functions: list[ir.Function] = field(default_factory=list)
    known_functions: dict[tuple[FunctionSymbol, tuple[ir.Type, ...]], str] = field(default_factory=dict)
    objects: dict[InstanceSymbol, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    no_action: ActionSymbol | None = None
    templates: dict[str, tuple[Block, dict[ParamSymbol, ir.Expr]]] = field(default_factory=dict)
    """Instances with parameters of type int, which are made when they are applied, by full name."""
    numbered: dict[tuple[str, tuple[int | bool | str, ...]], str] = field(default_factory=dict)
    """The instances made of templates, by the template's name and the numbers given."""

    def unique(self, name: str, span: Span) -> str:
        """``name``, or with a number after it if an instance or function has that name already."""
        if len(self.taken) > MAX_INSTANCES:
            raise InputError.at(span, f"the program makes more than {MAX_INSTANCES} instances")
        found = unique(name, self.taken)
        self.taken.add(found)
        return found


def unique(name: str, taken: set[str] | dict[str, object]) -> str:
    """``name``, or the first of ``name_1``, ``name_2``, ... that is free."""
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


@dataclass
class Environment:
    """One block (or function) that is being made."""

    shared: Shared
    path: str = ""
    types: dict[TypeVar, Type] = field(default_factory=dict)
    values: dict[ParamSymbol, ir.Expr] = field(default_factory=dict)
    names: dict[Symbol, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    objects: dict[InstanceSymbol, str] = field(default_factory=dict)
    actions: dict[ActionSymbol, str] = field(default_factory=dict)
    pending: list[ActionSymbol] = field(default_factory=list)
    this: str = ""

    def type(self, type_: Type) -> ir.Type:
        """The IR's type for ``type_`` here."""
        return self.shared.types.make(substitute(type_, self.types))

    def concrete(self, type_: Type) -> Type:
        """``type_`` with the type parameters of this block filled in."""
        return substitute(type_, self.types)

    def name(self, symbol: Symbol) -> str:
        """The unique name of a variable, parameter, state, table or the like of this block."""
        known = self.names.get(symbol)
        if known is None:
            known = unique(symbol.name, self.taken)
            self.taken.add(known)
            self.names[symbol] = known
        return known

    def fresh(self, name: str) -> str:
        """A name that nothing in this block has."""
        made = unique(name, self.taken)
        self.taken.add(made)
        return made

    def action(self, symbol: ActionSymbol) -> str:
        """The name of an action; one of the top level becomes one of this block's."""
        known = self.actions.get(symbol)
        if known is None:
            known = self.name(symbol)
            self.actions[symbol] = known
            self.pending.append(symbol)
        return known

    def object(self, symbol: InstanceSymbol) -> str:
        """The full name of an instance."""
        return self.objects.get(symbol) or self.shared.objects[symbol]


def control_name(path: str, symbol: Symbol) -> str:
    """The name that the control plane sees (18.3.2): ``@name`` replaces the last part, ``@name(".x")`` all of it."""
    return named(path, symbol.name, symbol.annotations)


def named(path: str, name: str, annotations: tuple[ir.Annotation, ...]) -> str:
    """``path.name``, with an annotation ``@name`` taken into account."""
    for annotation in annotations:
        if annotation.name == "name":
            name = str(annotation.values[0]) if annotation.values else annotation.body or name
    if name.startswith("."):
        return name[1:]
    return f"{path}.{name}" if path else name
