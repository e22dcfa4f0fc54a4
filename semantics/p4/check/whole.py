"""What shows only in the whole program: what ``main`` is, and what nothing uses (spec 15)."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as ast
from .annotate import find
from .context import Context, Phase
from .symbols import ActionSymbol, BlockSymbol, InstanceSymbol, Overloads, Symbol
from .types import Package


def check(cx: Context, file: str) -> None:
    """Complain of a ``main`` that is no package, and warn of what the program in ``file`` declares and never uses."""
    main = cx.global_scope().names.get("main")
    if main is None:
        return
    if not isinstance(main, InstanceSymbol) or not isinstance(main.type, Package):
        cx.error(main.span, "'main' must be an instance of a package", phase=Phase.WHOLE)
        return
    for symbol in cx.global_scope().names.values():
        if symbol.span.file == file and symbol is not main and not symbol.used and _is_only_used(symbol):
            cx.warn(symbol.span, f"the {symbol.what} '{symbol.name}' is never used")


def _is_only_used(symbol: Symbol) -> bool:
    """Whether a declaration has no sense but that something uses it; types and constants may be there for others."""
    quiet = find(symbol.annotations, "noWarn")
    if quiet is not None and "unused" in quiet.values:
        return False
    if isinstance(symbol, Overloads):
        return any(not function.extern for function in symbol.functions)
    return isinstance(symbol, (ActionSymbol, InstanceSymbol)) or (isinstance(symbol, BlockSymbol) and symbol.has_body)


def reachable_cases(cx: Context, cases: Sequence[tuple[ast.Node, object]], what: str) -> None:
    """Warn of a case whose label is that of one before it; labels are compared by their keys, None is never equal."""
    seen: dict[object, ast.Node] = {}
    for node, key in cases:
        if key is None:
            continue
        if key in seen:
            cx.warn(node.span, f"this {what} has the key of one before it", (seen[key].span, "that one"))
        else:
            seen[key] = node
