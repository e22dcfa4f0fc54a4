"""What a program declares of its machine: externs, packages and types of blocks, as far as it uses them.

The files that come with p4verify are known to every reader of the IR by name, so what they declare is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ... import ir
from ..check import typed
from ..check.symbols import (
    BlockSymbol,
    ExternSymbol,
    FunctionSymbol,
    MethodSymbol,
    Overloads,
    PackageSymbol,
    ParamSymbol,
    Scope,
    Symbol,
)
from ..check.types import Block, Extern, ListOf, Package, Parameter, Record, Stack, Tuple, Type, TypeVar, substitute
from ..preprocess import SHIPPED
from .types import Types


@dataclass
class Declared:
    """Collects the declarations that are mentioned, each once."""

    types: Types
    made: dict[Symbol, list[ir.Declaration]] = field(default_factory=dict)
    todo: list[Symbol] = field(default_factory=list)

    def add(self, symbol: Symbol) -> None:
        """Enter a declaration, if it is the program's own."""
        if symbol not in self.made and not symbol.span.file.startswith(SHIPPED):
            self.made[symbol] = []
            self.todo.append(symbol)

    def all(self, scope: Scope) -> tuple[ir.Declaration, ...]:
        """What was entered and what that mentions, in the order of the source."""
        for extern in self.types.externs:
            self.add(extern)
        while self.todo:
            symbol = self.todo.pop()
            self.made[symbol] = self._declarations(symbol)
        return tuple(item for symbol in _in_order(scope) for item in self.made.get(symbol, ()))

    def _declarations(self, symbol: Symbol) -> list[ir.Declaration]:
        match symbol:
            case FunctionSymbol():
                return [self._prototype(symbol)]
            case ExternSymbol():
                return [self._extern(symbol)]
            case BlockSymbol():
                names = _names(symbol.type_params)
                params = self._params(symbol.params, symbol.type_params)
                return [ir.BlockDecl(symbol.kind, symbol.name, names, params, symbol.annotations, symbol.span)]
            case PackageSymbol():
                names = _names(symbol.type_params)
                params = self._params(symbol.params, symbol.type_params)
                return [ir.PackageDecl(symbol.name, names, params, symbol.annotations, symbol.span)]
        raise TypeError(f"a {symbol.what} is no such declaration")

    def _extern(self, symbol: ExternSymbol) -> ir.ExternDecl:
        methods = [*symbol.constructors, *(m for overloads in symbol.methods.values() for m in overloads)]
        made = tuple(self._prototype(m, symbol.type_params) for m in methods)
        return ir.ExternDecl(symbol.name, _names(symbol.type_params), made, symbol.annotations, symbol.span)

    def _prototype(self, symbol: FunctionSymbol | MethodSymbol, outer: tuple[TypeVar, ...] = ()) -> ir.Prototype:
        variables = (*outer, *symbol.type_params)
        return ir.Prototype(
            symbol.name,
            _names(symbol.type_params),
            self._params(symbol.params, variables),
            self._type(symbol.result, variables),
            isinstance(symbol, MethodSymbol) and symbol.abstract,
            symbol.annotations,
            symbol.span,
        )

    def _params(self, params: tuple[ParamSymbol, ...], variables: tuple[TypeVar, ...]) -> tuple[ir.Param, ...]:
        return tuple(self._param(p, variables) for p in params)

    def _param(self, node: ParamSymbol, variables: tuple[TypeVar, ...]) -> ir.Param:
        type_ = self._type(node.type, variables)
        known = node.default is not None and typed.is_known(node.default)
        default = self._known(node.default) if known and node.default is not None else None
        return ir.Param(node.name, type_, node.direction, node.optional, node.annotations, node.span, default)

    def _known(self, node: typed.Expr) -> ir.Expr:
        """A compile-time known value."""
        if isinstance(node, typed.Aggregate):
            return ir.Aggregate(tuple(map(self._known, node.values)), self.types.make(node.type), node.span)
        assert isinstance(node, typed.Const)
        return ir.Const(node.value, self.types.make(node.type), node.span)

    def _type(self, type_: Type, variables: tuple[TypeVar, ...]) -> ir.Type:
        """The type in a declaration with these type parameters; what it mentions is entered."""
        written = substitute(type_, {v: Parameter(v.name) for v in variables})
        self._mentioned(written)
        return self.types.make(written)

    def _mentioned(self, type_: Type) -> None:
        match type_:
            case Extern(symbol, args) | Block(symbol, args) | Package(symbol, args):
                self.add(symbol)
            case Record(_, args) | Tuple(args):
                pass
            case Stack(element, _) | ListOf(element):
                args = (element,)
            case _:
                return
        for argument in args:
            self._mentioned(argument)


def _names(variables: tuple[TypeVar, ...]) -> tuple[str, ...]:
    return tuple(v.name for v in variables)


def _in_order(scope: Scope) -> list[Symbol]:
    """The global symbols in the order of the source, overloads one by one."""
    made: list[Symbol] = []
    for symbol in scope.names.values():
        made += symbol.functions if isinstance(symbol, Overloads) else [symbol]
        made += symbol.others if isinstance(symbol, PackageSymbol) else []
    return made
