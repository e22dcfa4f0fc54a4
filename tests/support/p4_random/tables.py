"""Random tables: keys of every match kind, actions with arguments, defaults, entries."""

from __future__ import annotations

from .chance import Chance
from .expressions import expression, literal, place
from .scope import Callable, Scope, TableInfo
from .statements import INDENT, indented
from .types import BOOL, Bits, Enum, Type

KINDS = {"exact": 4.0, "ternary": 2.0, "lpm": 1.5, "range": 1.0, "optional": 1.0}


def table(g: Chance, scope: Scope, kinds: dict[str, float] | None = None) -> tuple[TableInfo, list[str]]:
    """A table of a control with some of its actions (and ``NoAction``)."""
    name = g.name("tab")
    keys = _keys(g, scope, kinds or KINDS)
    listed = [(a, bound) for a in g.some(scope.actions, 4) if (bound := _bound(g, scope, a)) is not None]
    names = [a.name for a, _ in listed]
    lines = [f"table {name} {{"]
    if keys:
        lines += [f"{INDENT}key = {{ {' '.join(f'{e} : {k}{_named(e, i)};' for i, (e, _, k) in enumerate(keys))} }}"]
    only = [g.pick(["", "", "", "", "@defaultonly ", "@tableonly "]) for _ in listed]
    shown = [f"{o}{a.name}{f'({b})' if b else ''};" for o, (a, b) in zip(only, listed, strict=True)]
    shown.append(g.pick(["NoAction;", "@defaultonly NoAction;"]))
    lines.append(f"{INDENT}actions = {{ {' '.join(shown)} }}")
    defaults = [(a, b) for o, (a, b) in zip(only, listed, strict=True) if o != "@tableonly "]
    lines += indented(_default(g, defaults))
    entered = [(a, b) for o, (a, b) in zip(only, listed, strict=True) if o != "@defaultonly "]
    if keys and entered and g.often(0.35):
        lines += indented(_entries(g, [(t, k) for _, t, k in keys], entered))
    if keys and g.often(0.3):
        lines.append(f"{INDENT}size = {g.pick([8, 64, 1024])};")
    return TableInfo(name, (*names, "NoAction"), not keys), [*lines, "}"]


def _keys(g: Chance, scope: Scope, kinds: dict[str, float]) -> list[tuple[str, Type, str]]:
    """Expression, type and match kind of each key; at most one is lpm."""
    keys: list[tuple[str, Type, str]] = []
    still = dict(kinds)
    for _ in range(g.weighted({1: 5.0, 2: 3.0, 3: 1.0, 0: 1.0})):
        held = [p.type for p in scope.scalars() if not isinstance(p.type, Enum) or p.type.width is not None]
        type_ = g.pick(held) if held else Bits(8)
        found = place(g, scope, type_) if g.often(0.8) else None
        text = found if found is not None else expression(g, scope.inner(fixed=True), type_, 2)
        kind = g.weighted(still) if isinstance(type_, Bits) and not type_.signed else "exact"
        if kind == "lpm":
            still.pop("lpm")
        keys.append((text, type_, kind))
    return keys


def _named(text: str, index: int) -> str:
    """Keys that are no simple names need one for the control plane."""
    return "" if all(c.isalnum() or c in "._" for c in text) else f' @name("k{index}")'


def _bound(g: Chance, scope: Scope, action: Callable) -> str | None:
    """Arguments for an action's directed parameters, as its table lists them."""
    arguments = []
    for param in action.params:
        if not param.direction:
            continue
        if param.direction == "in":
            arguments.append(expression(g, scope.inner(fixed=True), param.type, 1))
        else:
            argument = place(g, scope, param.type, writable=True)
            if argument is None:
                return None
            arguments.append(argument)
    return ", ".join(arguments)


def _call(g: Chance, action: Callable, bound: str) -> str:
    """An action with its bound arguments and constants for the control plane's."""
    data = [literal(g, p.type) for p in action.params if not p.direction]
    return f"{action.name}({', '.join([bound, *data] if bound else data)})"


def _default(g: Chance, actions: list[tuple[Callable, str]]) -> list[str]:
    const = g.pick(["const ", ""])
    if not actions or g.often(0.3):
        return [f"{const}default_action = NoAction();"] if g.often(0.7) else []
    action, bound = g.pick(actions)
    return [f"{const}default_action = {_call(g, action, bound)};"]


def _entries(g: Chance, keys: list[tuple[Type, str]], actions: list[tuple[Callable, str]]) -> list[str]:
    const = g.pick(["const ", "const ", ""])
    ranked = any(kind not in ("exact", "lpm") for _, kind in keys)
    priorities = ranked and g.often(0.4)
    lines = []
    if priorities and g.often(0.5):
        lines.append(f"largest_priority_wins = {g.pick(['true', 'false'])};")
    seen = set()
    lines.append(f"{const}entries = {{")
    for i in range(g.number(1, 4)):
        sets = [_keyset(g, type_, kind) for type_, kind in keys]
        if tuple(sets) in seen:
            continue
        seen.add(tuple(sets))
        shown = sets[0] if len(sets) == 1 else f"({', '.join(sets)})"
        action, bound = g.pick(actions)
        priority = f"priority = {10 * i + g.number(1, 9)}: " if priorities else ""
        lines.append(f"{INDENT}{priority}{shown} : {_call(g, action, bound)};")
    return [*lines, "}"]


def _keyset(g: Chance, type_: Type, kind: str) -> str:
    """What an entry says of one key."""
    if not isinstance(type_, Bits) or kind == "exact":
        return _plain(g, type_)
    width = type_.width
    value = g.constant(width)
    match kind:
        case "ternary" if g.often(0.7):
            mask = g.pick([(1 << width) - 1, g.rng.getrandbits(width), 0])
            return g.pick(["_", f"{width}w{value & mask} &&& {width}w{mask}"])
        case "lpm" if g.often(0.7):
            mask = ((1 << (length := g.number(0, width))) - 1) << (width - length)
            return f"{width}w{value & mask} &&& {width}w{mask}"
        case "range" if g.often(0.7):
            other = g.constant(width)
            return f"{width}w{min(value, other)}..{width}w{max(value, other)}"
        case "optional" if g.often(0.4):
            return "_"
    return f"{width}w{value}"


def _plain(g: Chance, type_: Type) -> str:
    """A literal in one spelling, so that equal entries are told."""
    if isinstance(type_, Bits):
        value = g.constant(type_.width)
        if type_.signed:
            value &= (1 << (type_.width - 1)) - 1
        return f"{type_.width}{'s' if type_.signed else 'w'}{value}"
    return literal(g, type_) if type_ != BOOL else g.pick(["true", "false"])
