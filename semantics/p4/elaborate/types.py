"""The checker's types to the IR's; collects the named ones, each after those that it mentions."""

from __future__ import annotations

from dataclasses import dataclass, field

from ... import ir
from ..check.symbols import ExternSymbol, RecordSymbol
from ..check.types import (
    BOOL,
    ERROR,
    INT,
    MATCH_KIND,
    STRING,
    Anonymous,
    Bits,
    Block,
    Braces,
    Enum,
    Extern,
    ListOf,
    New,
    Package,
    Parameter,
    Record,
    Stack,
    Tuple,
    Type,
    Varbit,
    parts,
)

_SIMPLE: dict[Type, ir.Type] = {
    BOOL: ir.BoolType(),
    ERROR: ir.ErrorType(),
    INT: ir.IntType(),
    MATCH_KIND: ir.MatchKindType(),
    STRING: ir.StringType(),
}

Named = ir.HeaderType | ir.UnionType | ir.StructType | ir.EnumType


@dataclass
class Types:
    """Makes IR types, one object for each type."""

    named: list[Named] = field(default_factory=list)
    externs: dict[ExternSymbol, None] = field(default_factory=dict)
    """Those that were mentioned."""
    _made: dict[Type, ir.Type] = field(default_factory=dict)

    def make(self, type_: Type) -> ir.Type:
        """The IR's type; a type variable that stands for nothing becomes ``void``."""
        known = self._made.get(type_)
        if known is None:
            known = self._new(type_)
            self._made[type_] = known
        return known

    def _new(self, type_: Type) -> ir.Type:
        match type_:
            case Bits(width, signed):
                return ir.BitsType(width, signed)
            case Varbit(width):
                return ir.VarbitType(width)
            case Stack(element, size):
                return ir.StackType(self.make(element), size)
            case Tuple(elements) | Braces(elements):
                return ir.TupleType(tuple(map(self.make, elements)))
            case ListOf(element):
                return ir.ListType(self.make(element))
            case Parameter(name):
                return ir.TypeVariable(name)
            case Block(symbol, args) | Package(symbol, args):
                return ir.DeclaredType(symbol.name, tuple(map(self.make, args)))
        return self._new_named(type_)

    def _new_named(self, type_: Type) -> ir.Type:
        match type_:
            case Record(symbol, args) if args and mentions_parameter(type_):
                return ir.DeclaredType(symbol.name, tuple(map(self.make, args)))
            case Record(symbol, args):
                return self._record(symbol, args, str(type_))
            case Enum():
                return self._enum(type_)
            case New(symbol):
                return ir.NewType(symbol.name, self.make(symbol.base), symbol.annotations)
            case Anonymous(fields):
                made = tuple(ir.Field(name, self.make(t)) for name, t in fields)
                struct = ir.StructType(str(type_), made)
                self.named.append(struct)
                return struct
            case Extern(symbol, args):
                self.externs[symbol] = None
                return ir.ExternType(symbol.name, tuple(map(self.make, args)))
        return _SIMPLE.get(type_, ir.VoidType())

    def _record(self, symbol: RecordSymbol, args: tuple[Type, ...], name: str) -> Named:
        types = symbol.field_types(args)
        fields = tuple(
            ir.Field(f.name, self.make(types[f.name]), f.annotations, f.span) for f in symbol.fields.values()
        )
        made: Named
        if symbol.kind == "header":
            made = ir.HeaderType(name, fields, symbol.annotations)
        elif symbol.kind == "header_union":
            made = ir.UnionType(name, fields, symbol.annotations)
        else:
            made = ir.StructType(name, fields, symbol.annotations)
        self.named.append(made)
        return made

    def _enum(self, type_: Enum) -> ir.EnumType:
        symbol = type_.symbol
        members = tuple(symbol.members)
        if symbol.underlying is None:
            made = ir.EnumType(symbol.name, members, annotations=symbol.annotations)
        else:
            underlying = ir.BitsType(symbol.underlying.width, symbol.underlying.signed)
            values = tuple(symbol.values.get(m, 0) for m in members)
            made = ir.EnumType(symbol.name, members, underlying, values, symbol.annotations)
        self.named.append(made)
        return made


def mentions_parameter(type_: Type) -> bool:
    """Whether a type parameter of a declaration occurs in ``type_``."""
    return isinstance(type_, Parameter) or any(map(mentions_parameter, parts(type_)))
