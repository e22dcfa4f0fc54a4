"""Declarations that may stand at the top level: types, constants, functions, externs, packages (spec 7.2, 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .. import syntax as ast
from . import annotate, expressions, legality, placement, statements, typed, typenames
from .constants import bounds, fits, shown
from .context import Context, Phase
from .convert import coerce, convert, unify
from .symbols import (
    ActionSymbol,
    BlockSymbol,
    ConstSymbol,
    EnumSymbol,
    ExternSymbol,
    FieldInfo,
    FunctionSymbol,
    MethodSymbol,
    NewTypeSymbol,
    Overloads,
    PackageSymbol,
    ParamSymbol,
    RecordKind,
    RecordSymbol,
    Role,
    Signature,
    TypeSymbol,
)
from .types import DOTS, INT, UNKNOWN, VOID, Bits, Enum, Record, Type, TypeVar, variables_of
from .words import number_of

# --- parameters ----------------------------------------------------------------------------------------------------


def type_parameters(cx: Context, nodes: ast.TypeParameters) -> tuple[TypeVar, ...]:
    """Declare type parameters in the present scope."""
    cx.distinct(nodes, "type parameter")
    variables = tuple(TypeVar(n.text, n.span) for n in nodes)
    for node, variable in zip(nodes, variables, strict=True):
        if node.text not in cx.scope.names:
            cx.declare(TypeSymbol(node.text, node.span, variable, used=True))
    return variables


def parameters(cx: Context, nodes: ast.Parameters, role: Role, declare: bool = False) -> tuple[ParamSymbol, ...]:
    """Parameters; with ``declare``, their names are put in the present scope."""
    cx.distinct(tuple(p.name for p in nodes), "parameter")
    made = tuple(parameter(cx, node, role) for node in nodes)
    for symbol in made if declare else ():
        if symbol.optional and role not in ("method", "apply"):
            text = f"the parameter '{symbol.name}' cannot be optional here"
            cx.error(symbol.span, text, phase=Phase.STRUCTURE)
        if symbol.name not in cx.scope.names:
            cx.declare(symbol)
    if not declare or role not in ("apply", "action"):
        placement.directions(cx, nodes, made)
    return made


def parameter(cx: Context, node: ast.Parameter, role: Role) -> ParamSymbol:
    """One parameter."""
    type_ = typenames.resolve(cx, node.type)
    notes = annotate.convert(cx, node.annotations)
    optional = annotate.find(notes, "optional") is not None
    placement.parameter(cx, node, type_, role)
    default = None
    if node.default is not None:
        default = _default(cx, node, type_, role)
    return ParamSymbol(
        node.name.text, node.name.span, type_, node.direction, role, optional, default, annotations=notes
    )


def _default(cx: Context, node: ast.Parameter, type_: Type, role: Role) -> typed.Expr | None:
    assert node.default is not None
    if any(note.name.text == "optional" for note in node.annotations):
        text = f"the parameter '{node.name.text}' is optional, so it cannot have a default value"
        cx.error(node.span, text, phase=Phase.NAMES)
    if node.direction in ("out", "inout"):
        cx.error(node.span, f"an {node.direction} parameter cannot have a default value", phase=Phase.STRUCTURE)
        return None
    default = expressions.value(cx, node.default)
    if not unify(dict.fromkeys(variables_of(type_)), type_, default.type):
        default = coerce(cx, default, type_, node.default.span, f"default value of '{node.name.text}'")
    default = convert(cx, default, type_) or default
    if default.type is DOTS:
        cx.error(node.default.span, f"{type_} has no default value")
        return None
    if not legality.is_compile_time(default) and default.type is not UNKNOWN:
        cx.error(node.default.span, "a default value must be a compile-time known value")
        return None
    return default


# --- types ---------------------------------------------------------------------------------------------------------


def _record(cx: Context, node: ast.RecordDecl) -> RecordSymbol:
    kind: RecordKind = _KINDS[type(node)]
    symbol = RecordSymbol(node.name.text, node.name.span, kind=kind)
    symbol.annotations = annotate.convert(cx, node.annotations)
    with cx.open_declaration(node.name, kind.replace("_", " ")), cx.nested():
        symbol.type_params = type_parameters(cx, node.type_parameters)
        cx.distinct(tuple(f.name for f in node.fields), "field")
        for item in node.fields:
            type_ = typenames.resolve(cx, item.type)
            placement.field(cx, node, item, type_, symbol)
            notes = annotate.convert(cx, item.annotations)
            symbol.fields[item.name.text] = FieldInfo(item.name.text, type_, item.name.span, notes)
    if not symbol.type_params and placement.too_large(cx, Record(symbol), node.name.span):
        symbol.fields = {}
    return symbol


_KINDS: Final[dict[type[ast.RecordDecl], RecordKind]] = {
    ast.HeaderDecl: "header",
    ast.HeaderUnionDecl: "header_union",
    ast.StructDecl: "struct",
}


def record(cx: Context, node: ast.RecordDecl) -> None:
    """A header, header union or struct."""
    cx.declare(_record(cx, node))


def _enum(cx: Context, node: ast.EnumDecl) -> EnumSymbol:
    symbol = EnumSymbol(node.name.text, node.name.span)
    symbol.annotations = annotate.convert(cx, node.annotations)
    cx.distinct(tuple(m.name for m in node.members), "enum member")
    symbol.members = {m.name.text: m.name.span for m in node.members}
    if node.underlying is None:
        for member in node.members:
            if member.value is not None:
                cx.error(member.span, f"'{member.name.text}' has a value, but the enum has no underlying type")
        return symbol
    underlying = typenames.resolve(cx, node.underlying)
    plain = underlying
    if not isinstance(plain, Bits):
        if underlying is not UNKNOWN:
            cx.error(node.name.span, f"the underlying type of an enum must be bit<> or int<>, not {underlying}")
        plain = Bits(64)
    symbol.underlying = plain
    with cx.nested():
        for member in node.members:
            _member_value(cx, symbol, plain, member)
    return symbol


def _member_value(cx: Context, symbol: EnumSymbol, underlying: Bits, node: ast.EnumMember) -> None:
    """The value of an enum's member; those after it may use it by its simple name."""
    name = node.name
    if node.value is None:
        cx.error(node.span, f"'{name.text}' needs a value")
        return
    value = expressions.value(cx, node.value)
    if not _is_representable(cx, value, underlying, node):
        value = typed.Const(underlying, name.span, 0)
    value = coerce(cx, value, underlying, node.value.span, f"value of '{name.text}'", whole=name.span)
    if isinstance(value, typed.Const):
        symbol.values[name.text] = int(value.value)
        known = typed.Const(Enum(symbol), name.span, value.value)
        cx.scope.names.setdefault(name.text, ConstSymbol(name.text, name.span, Enum(symbol), known, used=True))
    elif value.type is not UNKNOWN:
        cx.error(node.value.span, "the value of an enum member must be a compile-time known value")


def _is_representable(cx: Context, value: typed.Expr, underlying: Bits, node: ast.EnumMember) -> bool:
    """Whether a number is in the range of the enum's underlying type; nothing is cut off here (spec 7.2.4)."""
    assert node.value is not None
    if value.type != INT or not isinstance(value, typed.Const) or fits(int(value.value), underlying):
        return True
    low, high = bounds(underlying)
    text = (
        f"value of '{node.name.text}': {shown(value.value)} is no {underlying}: its values are {low} to {shown(high)}"
    )
    cx.error_in(node.name.span, node.value.span, text)
    return False


def enum(cx: Context, node: ast.EnumDecl) -> None:
    """An enum."""
    cx.declare(_enum(cx, node))


def typedef(cx: Context, node: ast.TypedefDecl) -> None:
    """``typedef``: another name of a type."""
    if isinstance(node.type, ast.RecordDecl):
        inner: TypeSymbol = _record(cx, node.type)
        cx.declare(inner)
        type_ = inner.applied(())
    elif isinstance(node.type, ast.EnumDecl):
        inner = _enum(cx, node.type)
        cx.declare(inner)
        type_ = inner.applied(())
    else:
        type_ = typenames.resolve(cx, node.type)
    notes = annotate.convert(cx, node.annotations)
    cx.declare(TypeSymbol(node.name.text, node.name.span, type_, annotations=notes))


def new_type(cx: Context, node: ast.NewTypeDecl) -> None:
    """``type T name``."""
    base = typenames.resolve(cx, node.type)
    placement.new_type(cx, node, base)
    notes = annotate.convert(cx, node.annotations)
    if node.name.text in cx.transparent:
        cx.declare(TypeSymbol(node.name.text, node.name.span, base, annotations=notes))
        return
    cx.declare(NewTypeSymbol(node.name.text, node.name.span, base=base, annotations=notes))


def errors(cx: Context, node: ast.ErrorDecl) -> None:
    """``error { ... }`` adds members to the one type ``error``."""
    _add_members(cx, node.members, cx.program.errors, "error")


def match_kinds(cx: Context, node: ast.MatchKindDecl) -> None:
    """``match_kind { ... }`` adds members."""
    _add_members(cx, node.members, cx.program.match_kinds, "match_kind")


def _add_members(cx: Context, names: tuple[ast.Name, ...], known: list[str], what: str) -> None:
    for name in names:
        if name.text in known:
            cx.error(name.span, f"{what} '{name.text}' is declared already", phase=Phase.DUPLICATES)
        else:
            known.append(name.text)


# --- constants -----------------------------------------------------------------------------------------------------


def const(cx: Context, node: ast.ConstDecl) -> None:
    """``const T name = value``."""
    type_ = typenames.resolve(cx, node.type)
    placement.constant(cx, node, type_)
    with cx.open_declaration(node.name, "constant"):
        value = expressions.value(cx, node.value)
    what = f"value of '{node.name.text}'"
    value = coerce(cx, value, type_, node.value.span, what, whole=node.name.span)
    if not legality.is_compile_time(value) and value.type is not UNKNOWN and type(value) is not typed.Expr:
        cx.error(node.value.span, f"the value of the constant '{node.name.text}' is not known at compile time")
    notes = annotate.convert(cx, node.annotations)
    cx.declare(ConstSymbol(node.name.text, node.name.span, type_, value, annotations=notes))


# --- functions, externs --------------------------------------------------------------------------------------------


def overload(cx: Context, symbol: FunctionSymbol) -> None:
    """Add a function to those of its name; two must differ in the number or the names of their parameters."""
    known = cx.scope.names.get(symbol.name)
    if not isinstance(known, Overloads):
        group = Overloads(symbol.name, symbol.span)
        group.functions.append(symbol)
        cx.declare(group)
        return
    _conflicts(cx, symbol, known.functions)
    known.functions.append(symbol)


def _conflicts(cx: Context, symbol: Signature, others: Any) -> None:
    for other in others:
        if {p.name for p in other.params} == {p.name for p in symbol.params}:
            cx.error(
                symbol.span,
                f"'{symbol.name}' with {number_of(len(symbol.params), 'parameter')} is declared already",
                (other.span, "the other declaration"),
                phase=Phase.DUPLICATES,
            )
            return


def extern_function(cx: Context, node: ast.ExternFunctionDecl) -> None:
    """``extern R f<T>(...);``."""
    with cx.nested():
        variables = type_parameters(cx, node.type_parameters)
        result = typenames.resolve(cx, node.result)
        params = parameters(cx, node.parameters, "method")
    placement.result(cx, node.result, result, "extern")
    notes = annotate.convert(cx, node.annotations)
    symbol = FunctionSymbol(node.name.text, node.name.span, variables, params, result, True, annotations=notes)
    overload(cx, symbol)


def function(cx: Context, node: ast.FunctionDecl) -> None:
    """``R f<T>(...) { ... }``."""
    symbol = checked_function(cx, node, "function")
    overload(cx, symbol)
    cx.program.functions.append(symbol)


def checked_function(cx: Context, node: ast.FunctionDecl, role: Role) -> FunctionSymbol:
    """A function with its body, not declared."""
    with cx.nested():
        variables = type_parameters(cx, node.type_parameters)
        result = typenames.resolve(cx, node.result)
        placement.result(cx, node.result, result, "function")
        params = parameters(cx, node.parameters, role, declare=True)
        symbol = FunctionSymbol(node.name.text, node.name.span, variables, params, result)
        symbol.annotations = annotate.convert(cx, node.annotations)
        kind = "function" if role == "function" else "abstract"
        with cx.open_declaration(node.name, "function"), cx.at(kind=kind, result=result, loops=0):
            symbol.body = statements.block(cx, node.body)
            if result not in (VOID, UNKNOWN) and not statements.always_returns(symbol.body):
                text = f"the function '{node.name.text}' does not return a value on every path"
                cx.error(node.name.span, text, phase=Phase.WHOLE)
    return symbol


def action(cx: Context, node: ast.ActionDecl, top_level: bool) -> ActionSymbol:
    """An action, declared in the present scope."""
    with cx.nested(kind="action", result=VOID, loops=0):
        params = parameters(cx, node.parameters, "action", declare=True)
        placement.action_parameters(cx, params)
        with cx.open_declaration(node.name, "action"):
            body = statements.block(cx, node.body)
        placement.directions(cx, node.parameters, params)
    notes = annotate.convert(cx, node.annotations)
    symbol = ActionSymbol(node.name.text, node.name.span, (), params, VOID, body, top_level, annotations=notes)
    cx.declare(symbol)
    return symbol


def extern(cx: Context, node: ast.ExternDecl) -> None:
    """``extern T<...> { ... }``."""
    symbol = ExternSymbol(node.name.text, node.name.span)
    symbol.annotations = annotate.convert(cx, node.annotations)
    with cx.nested(kind="method"):
        symbol.type_params = type_parameters(cx, node.type_parameters)
        for method in node.methods:
            _method(cx, symbol, method)
    cx.declare(symbol)


def _method(cx: Context, owner: ExternSymbol, node: ast.Method) -> None:
    with cx.nested():
        variables = type_parameters(cx, node.type_parameters)
        result = VOID if node.result is None else typenames.resolve(cx, node.result)
        params = parameters(cx, node.parameters, "extern" if node.result is None else "method")
    notes = annotate.convert(cx, node.annotations)
    name = node.name
    symbol = MethodSymbol(name.text, name.span, variables, params, result, owner, node.abstract, annotations=notes)
    if node.result is None:
        if name.text != owner.name:
            text = f"'{name.text}' has no result, but is no constructor of '{owner.name}'"
            cx.error(name.span, text, phase=Phase.STRUCTURE)
            return
        _conflicts(cx, symbol, owner.constructors)
        owner.constructors.append(symbol)
        return
    if name.text == owner.name:
        cx.error(name.span, "a constructor has no result type", phase=Phase.STRUCTURE)
        return
    placement.result(cx, node.result, result, "method")
    _conflicts(cx, symbol, owner.methods.get(name.text, []))
    owner.methods.setdefault(name.text, []).append(symbol)


# --- types of parsers and controls, packages -----------------------------------------------------------------------


def block_type(cx: Context, node: ast.ParserTypeDecl | ast.ControlTypeDecl) -> None:
    """``parser P<T>(...);`` and ``control C<T>(...);``."""
    cx.distinct((*node.type_parameters, *(p.name for p in node.parameters)), "parameter")
    symbol = BlockSymbol(node.name.text, node.name.span)
    symbol.kind = "parser" if isinstance(node, ast.ParserTypeDecl) else "control"
    symbol.annotations = annotate.convert(cx, node.annotations)
    with cx.nested():
        symbol.type_params = type_parameters(cx, node.type_parameters)
        symbol.params = parameters(cx, node.parameters, "apply")
    cx.declare(symbol)


def package(cx: Context, node: ast.PackageDecl) -> None:
    """``package P<T>(...);``."""
    symbol = PackageSymbol(node.name.text, node.name.span)
    symbol.annotations = annotate.convert(cx, node.annotations)
    with cx.nested():
        symbol.type_params = type_parameters(cx, node.type_parameters)
        symbol.params = parameters(cx, node.parameters, "package")
    known = cx.scope.names.get(symbol.name)
    if isinstance(known, PackageSymbol) and all(len(p.params) != len(symbol.params) for p in (known, *known.others)):
        text = "packages of one name that differ in the number of parameters are an extension (7.2.10)"
        cx.warn(symbol.span, text, (known.span, "the other declaration"))
        known.others.append(symbol)
    else:
        cx.declare(symbol)


TypeDeclaration: Final[dict[type[ast.Declaration], Callable[[Context, Any], None]]] = {
    ast.HeaderDecl: record,
    ast.HeaderUnionDecl: record,
    ast.StructDecl: record,
    ast.EnumDecl: enum,
    ast.TypedefDecl: typedef,
    ast.NewTypeDecl: new_type,
    ast.ErrorDecl: errors,
    ast.MatchKindDecl: match_kinds,
    ast.ConstDecl: const,
    ast.ExternFunctionDecl: extern_function,
    ast.FunctionDecl: function,
    ast.ExternDecl: extern,
    ast.ParserTypeDecl: block_type,
    ast.ControlTypeDecl: block_type,
    ast.PackageDecl: package,
}
