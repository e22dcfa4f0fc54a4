"""Random controls: local variables, actions, tables, nested controls, and a body; and deparsers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .callables import action
from .chance import Chance
from .expressions import expression
from .scope import Callable, Cells, Param, Place, Scope
from .statements import INDENT, block, everything_set, indented
from .tables import table
from .types import Bits, Type, Types, Union, is_scalar


@dataclass
class Frame:
    """What a control's body finds around it."""

    params: Sequence[Param]
    places: list[Place] = field(default_factory=list)
    """Places beside the parameters (fields of the architecture's metadata)."""
    functions: list[Callable] = field(default_factory=list)
    blocks: list[tuple[str, Callable]] = field(default_factory=list)
    """Controls that can be instantiated: their type and how an instance is applied."""
    externs: Mapping[str, str] = field(default_factory=dict)
    """What may be instantiated: "register" and "counter" → the architecture's own name."""
    calls: tuple[str, ...] = ()
    kinds: dict[str, float] | None = None
    """Match kinds and their weights."""
    whole: bool = True
    """Whether it is a block of the architecture's own, with the packet's headers as ``hdr``."""


def control_body(g: Chance, types: Types, frame: Frame) -> list[str]:
    """What stands between a control's braces."""
    places = [Place(p.name, p.type, p.direction != "in") for p in frame.params] + frame.places
    scope = Scope("apply", places, frame.functions, calls=frame.calls)
    lines = _cells(g, scope, frame)
    lines += _variables(g, types, scope)
    lines += _instances(g, scope, frame)
    for _ in range(g.number(1, g.settings.callables)):
        made, text = action(g, scope)
        lines += text
        scope.actions.append(made)
    for _ in range(g.number(0, g.settings.callables)):
        info, text = table(g, scope, frame.kinds)
        lines += text
        scope.tables.append(info)
    first = everything_set(g, types) if frame.whole and not g.settings.undefined else []
    lines += ["apply {", *indented([*first, *block(g, scope)]), "}"]
    return indented(lines)


def _cells(g: Chance, scope: Scope, frame: Frame) -> list[str]:
    """Registers and counters."""
    lines = []
    for kind, extern in frame.externs.items():
        if not g.often(0.4):
            continue
        size = g.pick([2, 4, 1, 5])
        if kind == "counter":
            name = g.name("cnt")
            made = "counter" if extern == "counter" else "CounterArray"
            arguments = f"{size}, CounterType.{g.pick(['packets', 'bytes'])}" if made == "counter" else f"{size}, true"
            lines.append(f"{made}({arguments}) {name};")
            scope.cells.append(Cells(name, size, None, extern))
        else:
            name = g.name("reg")
            value: Type = Bits(g.pick([8, 16, 33]), g.often(0.2))
            index = ", bit<32>" if extern == "Register" else ""
            lines.append(f"{extern}<{value}{index}>({size}) {name};")
            scope.cells.append(Cells(name, size, value, extern))
    return lines


def _variables(g: Chance, types: Types, scope: Scope) -> list[str]:
    """Variables of the whole control, and constants."""
    lines = []
    for _ in range(g.number(0, 3)):
        name, type_ = g.name("v"), g.pick([*types.scalars(), types.headers[0], *types.structs])
        value = ""
        if not g.settings.undefined or not g.often(0.3):
            value = f" = {expression(g, scope.inner(fixed=True), type_, 1)}" if is_scalar(type_) else ""
        lines.append(f"{type_} {name}{value};")
        scope.places.append(Place(name, type_))
    return lines


def _instances(g: Chance, scope: Scope, frame: Frame) -> list[str]:
    lines = []
    for type_name, callee in frame.blocks:
        for _ in range(g.number(0, 2)):
            name = g.name("inst")
            lines.append(f"{type_name}() {name};")
            scope.blocks.append(Callable(f"{name}.apply", callee.params))
        if g.often(0.2):
            scope.blocks.append(Callable(f"{type_name}.apply", callee.params))
    return lines


def inner_control(g: Chance, types: Types, functions: list[Callable], frame: Frame) -> tuple[str, Callable, list[str]]:
    """A control that others apply: its type's name, its parameters, its lines."""
    name = g.name("Inner")
    kinds: list[Type] = [types.packet, *types.structs, *(h for h in types.headers if h.varbit is None)]
    params = [Param("hdr", types.packet, "inout")] if g.often(0.7) else []
    for _ in range(g.number(1, 3)):
        type_ = g.pick([*types.scalars(), *kinds]) if g.often(0.8) else g.pick(kinds)
        params.append(Param(g.name("q"), type_, g.pick(["in", "inout", "out"])))
    within = Frame(params, functions=functions, externs=frame.externs, kinds=frame.kinds, whole=False)
    lines = [f"control {name}({', '.join(map(str, params))}) {{", *control_body(g, types, within), "}"]
    return name, Callable(name, tuple(params)), lines


def deparser_body(g: Chance, types: Types) -> list[str]:
    """Headers emitted in order, by themselves or as a whole, sometimes under a condition."""
    if g.often(0.2):
        return indented(["apply {", f"{INDENT}pkt.emit(hdr);", "}"])
    lines = []
    for name, type_ in types.packet.fields:
        if g.often(0.05):
            continue
        if isinstance(type_, Union) and g.often(0.5):
            lines += [f"pkt.emit(hdr.{name}.{member});" for member, _ in type_.members]
        else:
            lines.append(f"pkt.emit(hdr.{name});")
    return indented(["apply {", *indented(lines), "}"])
