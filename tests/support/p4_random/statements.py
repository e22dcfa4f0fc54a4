"""Random statements: assignments, branches, loops, calls, and ways out of them."""

from __future__ import annotations

from collections.abc import Callable as Function

from .chance import Chance
from .expressions import ARITHMETIC, call_of, expression, literal, place
from .scope import Place, Scope
from .types import BOOL, Bits, Enum, Record, Stack, Type, Types, Union, is_scalar

INDENT = "    "


def block(g: Chance, scope: Scope, depth: int | None = None, least: int = 1) -> list[str]:
    """The lines of a block's statements; what they declare is in scope for those that follow."""
    depth = g.settings.depth if depth is None else depth
    scope = scope.inner()
    lines: list[str] = []
    for _ in range(g.number(least, max(least, g.settings.statements - (g.settings.depth - depth)))):
        lines += statement(g, scope, depth)
    return lines


def braced(g: Chance, scope: Scope, depth: int, head: str) -> list[str]:
    """``head { ... }`` with random statements."""
    return [f"{head} {{", *indented(block(g, scope, depth)), "}"]


def indented(lines: list[str]) -> list[str]:
    """The lines, one step in."""
    return [INDENT + line for line in lines]


def statement(g: Chance, scope: Scope, depth: int) -> list[str]:
    """One statement, as lines; a declaration adds to ``scope``."""
    kinds: dict[Function[[Chance, Scope, int], list[str] | None], float] = {
        _assign: 6,
        _compound: 1.5,
        _declare: 2,
        _validity: 1.5 if scope.kind != "function" else 0.3,
        _whole: 1,
        _call: 3,
        _stack: 0.8,
        _cells: 1.5,
    }
    if depth > 0:
        kinds |= {_if: 3, _nested: 0.3, _empty: 0.1}
        if scope.kind != "state":
            kinds |= {_for: 1, _switch: 1 if scope.kind == "apply" else 0}
        kinds[_table] = 3 if scope.kind == "apply" else 0
    kinds[_leave] = 0.5 if depth < g.settings.depth and scope.kind != "state" else 0
    for _ in range(3):
        lines = g.weighted(kinds)(g, scope, depth)
        if lines is not None:
            return lines
    return [";"]


# --- assignments and declarations -----------------------------------------------------------------------------------


def _target(g: Chance, scope: Scope) -> tuple[str, Type] | None:
    """A scalar that can be written."""
    targets = scope.scalars(writable=True)
    if not targets:
        return None
    type_ = g.pick(targets).type
    if isinstance(type_, Bits) and g.often(0.15):
        type_ = Bits(g.number(1, type_.width))
    text = place(g, scope, type_, writable=True)
    return (text, type_) if text is not None else None


def _assign(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    target = _target(g, scope)
    return [f"{target[0]} = {expression(g, scope, target[1])};"] if target else None


def _compound(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    target = _target(g, scope)
    if target is None or not isinstance(target[1], Bits):
        return None
    text, type_ = target
    if g.often(0.2):
        return [f"{text} {g.pick(['<<=', '>>='])} {g.number(0, type_.width)};"]
    return [f"{text} {g.pick(ARITHMETIC)}= {expression(g, scope, type_, 2)};"]


def _declare(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """A variable, with a value or without, or a constant."""
    known = [p.type for p in scope.parts() if isinstance(p.type, (Record, Bits, Enum)) or p.type == BOOL]
    type_: Type = g.pick(known) if known and g.often(0.6) else g.pick([Bits(8), Bits(16), BOOL, Bits(7, True)])
    if is_scalar(type_) and g.often(0.1):
        name = g.name("c")
        scope.places.append(Place(name, type_, writable=False, constant=True))
        return [f"const {type_} {name} = {literal(g, type_)};"]
    name = g.name("x")
    varbit = isinstance(type_, Record) and type_.varbit is not None
    if varbit or (g.settings.undefined and g.often(0.3)):
        line = f"{type_} {name};"
    else:
        line = f"{type_} {name} = {expression(g, scope, type_)};"
    scope.places.append(Place(name, type_))
    return [line]


def _whole(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """A header, struct, stack or union assigned as a whole."""
    targets = [p for p in scope.parts(writable=True) if isinstance(p.type, (Record, Stack, Union))]
    if not targets:
        return None
    target = g.pick(targets)
    return [f"{target.text} = {expression(g, scope, target.type, 1)};"]


def _validity(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    headers = scope.headers(writable=True)
    if not headers:
        return None
    header = g.pick(headers)
    assert isinstance(header.type, Record)
    if header.type.varbit is not None or g.often(0.4 if g.settings.undefined else 0.1):
        return [f"{header.text}.setInvalid();"]
    lines = [f"{header.text}.setValid();"]
    if not g.settings.undefined or g.often(0.7):
        lines += [f"{header.text}.{n} = {expression(g, scope, t, 1)};" for n, t in header.type.fields]
    return lines


def _stack(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    stacks = scope.stacks()
    if not stacks or scope.kind == "state":
        return None
    stack = g.pick(stacks)
    assert isinstance(stack.type, Stack)
    return [f"{stack.text}.{g.pick(['push_front', 'pop_front'])}({g.number(1, stack.type.size + 1)});"]


# --- control --------------------------------------------------------------------------------------------------------


def _if(g: Chance, scope: Scope, depth: int) -> list[str]:
    lines = braced(g, scope, depth - 1, f"if ({_condition(g, scope)})")
    while g.often(0.2):
        lines[-1] = f"}} else if ({_condition(g, scope)}) {{"
        lines += [*indented(block(g, scope, depth - 1)), "}"]
    if g.often(0.4):
        lines[-1] = "} else {"
        lines += [*indented(block(g, scope, depth - 1)), "}"]
    return lines


def _condition(g: Chance, scope: Scope) -> str:
    """A bool; in a control's body perhaps whether a table was hit."""
    if scope.kind == "apply" and scope.tables and g.often(0.2):
        table = g.pick(scope.tables)
        asked = f"{table.name}.apply().{g.pick(['hit', 'miss'])}"
        return f"!{asked}" if g.often(0.2) else asked
    return expression(g, scope, BOOL)


def _nested(g: Chance, scope: Scope, depth: int) -> list[str]:
    return braced(g, scope, depth - 1, "")


def _empty(g: Chance, scope: Scope, depth: int) -> list[str]:
    return [";"]


def _for(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """A loop with a known number of turns, or over a range or stack that the program computes."""
    if scope.loops >= 2:
        return None
    name = g.name("i")
    inside = scope.inner(loops=scope.loops + 1)
    stacks = [p for p in scope.parts() if isinstance(p.type, Stack)]
    kind = g.number(0, 3)
    if kind == 0 or (kind == 3 and not stacks):
        inside.places.append(Place(name, Bits(8), writable=False))
        head = f"for (bit<8> {name} = 0; {name} < {g.number(0, 3)}; {name} = {name} + {g.number(1, 2)})"
    elif kind == 1:
        inside.places.append(Place(name, Bits(8), writable=False))
        low = g.number(0, 250)
        head = f"for (bit<8> {name} in {low}..{low + g.number(0, 3)})"
    elif kind == 2:
        inside.places.append(Place(name, Bits(2), writable=False))
        first, last = (expression(g, scope, Bits(2), 1) for _ in range(2))
        head = f"for (bit<2> {name} in {first}..{last})"
    else:
        stack = g.pick(stacks)
        assert isinstance(stack.type, Stack)
        inside.places.append(Place(name, stack.type.element, writable=False))
        head = f"for ({stack.type.element} {name} in {stack.text})"
    return braced(g, inside, depth - 1, head)


def _switch(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """On an expression, or on the action that a table ran."""
    if scope.tables and g.often(0.6):
        table = g.pick(scope.tables)
        labels = [a for a in table.actions if g.often(0.7)]
        head = f"switch ({table.name}.apply().action_run)"
    else:
        places = [p for p in scope.scalars() if p.type != BOOL]
        if not places:
            return None
        type_ = g.pick(places).type
        labels = list(dict.fromkeys(_label(g, type_) for _ in range(g.number(1, 3))))
        head = f"switch ({expression(g, scope, type_, 1)})"
    lines = [f"{head} {{"]
    for label in labels:
        if g.often(0.15) and label is not labels[-1]:
            lines.append(f"{INDENT}{label}:")
        else:
            lines += indented(braced(g, scope, depth - 1, f"{label}:"))
    if g.often(0.6) or not labels:
        lines += indented(braced(g, scope, depth - 1, "default:"))
    return [*lines, "}"]


def _label(g: Chance, type_: Type) -> str:
    """A literal in one spelling, so that equal ones are told."""
    if isinstance(type_, Bits):
        value = g.constant(type_.width)
        if type_.signed:
            value &= (1 << (type_.width - 1)) - 1
        return f"{type_.width}{'s' if type_.signed else 'w'}{value}"
    return literal(g, type_)


def _leave(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    options = []
    if scope.loops:
        options += ["break;", "continue;"]
    if scope.kind == "function":
        value = f" {expression(g, scope, scope.result, 1)}" if scope.result is not None else ""
        options.append(f"return{value};")
    elif scope.kind in ("action", "apply"):
        options += ["return;", "exit;"]
    return [g.pick(options)] if options else None


# --- calls ----------------------------------------------------------------------------------------------------------


def _call(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """A function for its effects, an action, a nested block, or what the architecture has."""
    options: dict[str, float] = {}
    if scope.functions:
        options["function"] = 2
    if scope.actions and scope.kind in ("action", "apply"):
        options["action"] = 2
    if scope.blocks and scope.kind in ("apply", "state"):
        options["block"] = 2
    if scope.calls:
        options["own"] = 1
    if not options:
        return None
    match g.weighted(options):
        case "function":
            text = call_of(g, scope, g.pick(scope.functions), 2)
        case "action":
            text = call_of(g, scope, g.pick(scope.actions), 2)
        case "block":
            text = call_of(g, scope, g.pick(scope.blocks), 2)
        case _:
            return [g.pick(scope.calls)]
    return [f"{text};"] if text is not None else None


def _table(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    return [f"{g.pick(scope.tables).name}.apply();"] if scope.tables else None


def _cells(g: Chance, scope: Scope, depth: int) -> list[str] | None:
    """A register read or written, a counter counted."""
    if not scope.cells:
        return None
    cells = g.pick(scope.cells)
    index = expression(g, scope, Bits(32), 1)
    if g.often(0.7):
        index = f"(bit<32>) {expression(g, scope, Bits(2), 1)}"
    if cells.value is None:
        return [f"{cells.name}.{'count' if cells.extern == 'counter' else 'increment'}({index});"]
    if g.often(0.5):
        return [f"{cells.name}.write({index}, {expression(g, scope, cells.value, 2)});"]
    target = place(g, scope, cells.value, writable=True)
    if target is None:
        return None
    if cells.extern == "Register":
        return [f"{target} = {cells.name}.read({index});"]
    return [f"{cells.name}.read({target}, {index});"]


def everything_set(g: Chance, types: Types) -> list[str]:
    """Headers that are not valid made so, with values in all fields; stacks are left alone now and then."""
    lines = []
    for name, type_ in types.packet.fields:
        texts = [f"hdr.{name}"]
        record = type_
        if isinstance(type_, Stack):
            texts, record = [f"hdr.{name}[{i}]" for i in range(type_.size) if g.often(0.7)], type_.element
        if not isinstance(record, Record) or record.varbit is not None:
            continue
        for text in texts:
            values = " ".join(f"{text}.{n} = {literal(g, t)};" for n, t in record.fields)
            lines.append(f"if (!{text}.isValid()) {{ {text}.setValid(); {values} }}")
    return lines


def metadata_set(g: Chance, types: Types) -> list[str]:
    """Values for all fields of the user's metadata."""
    scope = Scope("state", [])
    return [f"m.{name} = {expression(g, scope, type_, 0)};" for name, type_ in types.meta.fields]
