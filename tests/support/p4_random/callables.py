"""Random functions and actions."""

from __future__ import annotations

from .chance import Chance
from .expressions import expression
from .scope import Callable, Param, Place, Scope
from .statements import block, indented
from .types import BOOL, Bits, Type, Types, is_scalar


def function(g: Chance, types: Types, before: list[Callable]) -> tuple[Callable, list[str]]:
    """A top-level function that may call those ``before`` it."""
    name = g.name("fun")
    params = tuple(
        Param(g.name("p"), _param_type(g, types), g.pick(["in", "inout", "out"])) for _ in range(g.number(0, 3))
    )
    result: Type | None = g.pick([*types.scalars(), types.headers[0]]) if g.often(0.75) else None
    places = [Place(p.name, p.type, p.direction != "in") for p in params]
    scope = Scope("function", places, list(before), result=result)
    lines = [f"{result or 'void'} {name}({', '.join(map(str, params))}) {{"]
    lines += indented(block(g, scope, depth=min(2, g.settings.depth), least=0))
    if result is not None:
        lines.append(f"    return {expression(g, scope, result, 2)};")
    return Callable(name, params, result), [*lines, "}"]


def _param_type(g: Chance, types: Types) -> Type:
    plain = [h for h in types.headers if h.varbit is None]
    if g.often(0.15):
        return g.pick([types.packet, *plain, *types.structs])
    held = [t for record in (*plain, types.meta) for _, t in record.fields if is_scalar(t)]
    return g.pick([*held, *types.scalars()])


def action(g: Chance, scope: Scope) -> tuple[Callable, list[str]]:
    """An action of a control; the parameters of the control plane come last and have no direction."""
    name = g.name("act")
    known = [p.type for p in scope.scalars(writable=True)]
    directed = [
        Param(g.name("p"), g.pick(known), g.pick(["in", "inout", "out"]))
        for _ in range(g.weighted({0: 6.0, 1: 2.0, 2: 1.0}) if known else 0)
    ]
    data = [
        Param(g.name("d"), g.pick([Bits(8), Bits(16), Bits(9), Bits(33), Bits(6, True), BOOL, *known[:3]]), "")
        for _ in range(g.number(0, 2))
    ]
    data = [p for p in data if p.type == BOOL or isinstance(p.type, Bits)]
    params = (*directed, *data)
    inner = scope.inner(kind="action", loops=0)
    inner.places += [Place(p.name, p.type, p.direction in ("out", "inout")) for p in params]
    lines = [f"action {name}({', '.join(map(str, params))}) {{"]
    lines += indented(block(g, inner, depth=min(2, g.settings.depth), least=0))
    return Callable(name, params), [*lines, "}"]
