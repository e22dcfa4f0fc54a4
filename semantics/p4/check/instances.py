"""Instances: declared ones, with their abstract methods, and those that a direct application makes (spec 11.3, 15)."""

from __future__ import annotations

from ...source import Span
from .. import syntax as ast
from . import annotate, calls, declarations, typed, typenames
from .context import Context, Phase
from .symbols import (
    BlockSymbol,
    ExternSymbol,
    FunctionSymbol,
    InstanceSymbol,
    MethodSymbol,
    PackageSymbol,
    TypeSymbol,
)
from .types import UNKNOWN, Extern, Stack, substitute
from .words import article


def instantiation(cx: Context, node: ast.Instantiation) -> InstanceSymbol | None:
    """``T(arguments) name;``, declared in the present scope."""
    element, size = typenames.counted(cx, node.type)
    made = typenames.constructed(cx, element)
    notes = annotate.convert(cx, node.annotations)
    if made is None or size == 0:
        calls.arguments(cx, node.arguments)
        _declare_broken(cx, node)
        return None
    symbol, args = made
    _placed(cx, node, symbol)
    built = calls.instance(cx, symbol, args, node.arguments, node.span, node.name.span)
    if not isinstance(built, typed.Construct):
        _declare_broken(cx, node)
        return None
    instance = InstanceSymbol(node.name.text, node.name.span, built.type, built, annotations=notes)
    if size is not None:
        _array(cx, node, symbol, instance, size)
    elif isinstance(symbol, ExternSymbol):
        instance.methods = _methods(cx, node, symbol, instance)
    elif node.body is not None:
        text = f"only an instance of an extern can have a body, and '{symbol.name}' is {article(symbol.what)}"
        cx.error(node.name.span, text, (symbol.span, "its declaration"))
    cx.declare(instance)
    return instance


def _array(cx: Context, node: ast.Instantiation, symbol: TypeSymbol, instance: InstanceSymbol, size: int) -> None:
    """Make ``instance`` an array of ``size`` extern objects, all with the same constructor arguments."""
    instance.type = Stack(instance.type, size)
    if not isinstance(symbol, ExternSymbol):
        cx.error(node.span, f"an array of instances can be of externs only, and '{symbol.name}' is a {symbol.what}")
    elif node.body is not None or any(m.abstract for ms in symbol.methods.values() for m in ms):
        cx.error(node.span, f"the objects of an array have no body to implement methods of '{symbol.name}' in")
    else:
        cx.warn(node.span, "an array of extern objects is an extension (7.2.10: extern objects)")


def _declare_broken(cx: Context, node: ast.Instantiation) -> None:
    """The name is declared all the same, so that its uses are not complained about."""
    from .symbols import VarSymbol

    cx.declare(VarSymbol(node.name.text, node.name.span, UNKNOWN, used=True))


def _placed(cx: Context, node: ast.Instantiation, symbol: TypeSymbol) -> None:
    kind = cx.place.kind
    if kind in ("action", "function", "state", "apply"):
        cx.error(node.span, f"'{node.name.text}' cannot be instantiated here", phase=Phase.STRUCTURE)
    elif isinstance(symbol, PackageSymbol) and kind != "top":
        cx.error(node.span, "a package can be instantiated at the top level only")
    elif isinstance(symbol, BlockSymbol) and kind == "top":
        text = f"a {symbol.kind} cannot be instantiated at the top level"
        cx.error(node.name.span, text, (symbol.span, f"the {symbol.kind}"))
    elif isinstance(symbol, BlockSymbol) and kind == "abstract":
        cx.error(node.span, f"a {symbol.kind} cannot be instantiated here", (symbol.span, "it"))
    elif isinstance(symbol, BlockSymbol) and symbol.kind == "parser" and kind == "control":
        cx.error(node.span, "a parser cannot be instantiated in a control", (symbol.span, "the parser"))
    elif isinstance(symbol, BlockSymbol) and symbol.kind == "control" and kind == "parser":
        cx.error(node.span, "a control cannot be instantiated in a parser", (symbol.span, "the control"))


def _methods(
    cx: Context, node: ast.Instantiation, extern: ExternSymbol, instance: InstanceSymbol
) -> tuple[FunctionSymbol, ...]:
    """The abstract methods, each implemented with the right signature."""
    made: list[FunctionSymbol] = []
    assert isinstance(instance.type, Extern)
    with cx.nested(kind="abstract"):
        cx.scope.names["this"] = instance
        for item in node.body or ():
            if isinstance(item, ast.Instantiation):
                inner = instantiation(cx, item)
                if inner is not None:
                    instance.inner = (*instance.inner, inner)
                continue
            made.append(declarations.checked_function(cx, item, "method"))
        cx.distinct(tuple(item.name for item in node.body or () if isinstance(item, ast.FunctionDecl)), "method")
    if node.body is not None and not any(m.abstract for ms in extern.methods.values() for m in ms):
        text = f"extern '{extern.name}' has no abstract methods that '{node.name.text}' could implement"
        cx.error(node.name.span, text, (extern.span, "its declaration"))
        return ()
    for function in made:
        _implements(cx, function, extern, instance.type, node.name.span)
    given = {f.name for f in made}
    for name, overloads in extern.methods.items():
        for method in overloads:
            if method.abstract and name not in given and not annotate.find(method.annotations, "optional"):
                cx.error(
                    node.name.span,
                    f"'{node.name.text}' does not implement the abstract method '{name}'",
                    (method.span, "it"),
                )
    return tuple(made)


def _implements(cx: Context, function: FunctionSymbol, extern: ExternSymbol, type_: Extern, instance: Span) -> None:
    candidates = [m for m in extern.methods.get(function.name, ()) if m.abstract]
    fitting = [m for m in candidates if _same_arity(m, function)]
    if not fitting:
        notes = tuple((m.span, "the method") for m in candidates)
        text = "has other parameters" if candidates else f"is no abstract method of '{extern.name}'"
        cx.error(function.span, f"'{function.name}' {text}", *(notes or ((extern.span, "the extern"),)))
        return
    to = dict(zip(extern.type_params, type_.args, strict=False))
    method = fitting[0]
    same = substitute(method.result, to) == function.result and all(
        substitute(m.type, to) == f.type and m.direction == f.direction
        for m, f in zip(method.params, function.params, strict=False)
    )
    if not same:
        text = f"'{function.name}' differs from the abstract method's types"
        cx.error_in(instance, function.span, text, (method.span, "the method"))


def _same_arity(method: MethodSymbol, function: FunctionSymbol) -> bool:
    """Parameters marked ``@optional`` at the end may be left out."""
    given = len(function.params)
    return given <= len(method.params) and all(p.optional for p in method.params[given:])


def direct_application(cx: Context, node: ast.DirectApplication) -> typed.Expr:
    """``T.apply(arguments);``."""
    made = typenames.constructed(cx, node.type)
    if made is None:
        calls.arguments(cx, node.arguments)
        return typed.WRONG
    symbol, args = made
    if not isinstance(symbol, BlockSymbol):
        cx.error(
            node.span,
            f"'{symbol.name}' is {article(symbol.what)} and cannot be applied",
            (symbol.span, "declared here"),
        )
        calls.arguments(cx, node.arguments)
        return typed.WRONG
    return calls.direct_apply(cx, symbol, args, node.arguments, node.span)
