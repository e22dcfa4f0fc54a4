"""Random parsers, and what is known of the ways through them: packets are made to follow these."""

from __future__ import annotations

from dataclasses import dataclass, field

from .chance import Chance
from .expressions import expression, literal, place
from .scope import Callable, Place, Scope
from .statements import INDENT, block, indented, metadata_set
from .types import BOOL, Bits, Record, Stack, Type, Types, Union, size_of


@dataclass(frozen=True)
class Key:
    """A select key that is a field of what the state extracted: its place in these bits."""

    offset: int
    width: int


@dataclass
class StateInfo:
    """What packets need to know of a state."""

    name: str
    bits: int = 0
    """Bits that it takes."""
    keys: list[Key | None] = field(default_factory=list)
    cases: list[tuple[list[int | None], str]] = field(default_factory=list)
    """Values for the keys (None: any) and the state that follows."""


@dataclass
class ParserText:
    """A parser: its lines inside of the braces, and its states."""

    lines: list[str]
    states: dict[str, StateInfo]


def parser(g: Chance, types: Types, scope: Scope) -> ParserText:
    """States that extract the packet's headers in some order; ``scope`` has ``hdr`` and what else is at hand."""
    lines: list[str] = []
    scope = scope.inner(kind="state")
    sets = []
    if g.often(0.3):
        width = g.pick([8, 16, 4])
        sets = [(g.name("vset"), Bits(width))]
        lines.append(f"value_set<bit<{width}>>({g.number(1, 4)}) {sets[0][0]};")
    for _ in range(g.number(0, 2)):
        name, type_ = g.name("y"), g.pick(types.scalars())
        lines.append(f"{type_} {name} = {literal(g, type_)};")
        scope.places.append(Place(name, type_))
    units = list(types.packet.fields)
    count = g.number(1, min(g.settings.states, len(units) + 1))
    names = ["start", *(f"st{i}" for i in range(1, count))]
    states: dict[str, StateInfo] = {}
    for i, name in enumerate(names):
        info = states[name] = StateInfo(name)
        taken = units[i : i + 1] if i < len(units) else []
        state = _state(g, scope, info, taken, names[i + 1 :], sets)
        if i == 0 and not g.settings.undefined and any(p.text == "m" for p in scope.places):
            state[1:1] = indented(metadata_set(g, types))
        lines += state
    return ParserText(lines, states)


def _state(
    g: Chance,
    scope: Scope,
    info: StateInfo,
    units: list[tuple[str, Type]],
    later: list[str],
    sets: list[tuple[str, Bits]],
) -> list[str]:
    lines: list[str] = []
    fields: list[tuple[str, Type, int]] = []
    loops = False
    for name, type_ in units:
        extracted, record, loops = _extract(g, scope, name, type_)
        lines += extracted
        if record is not None:
            fields = _fields(record[0], record[1])
            info.bits = sum(size_of(t) for _, t in record[1].fields)
    inner = scope.inner()
    if g.often(0.5):
        lines += block(g, inner, 0)
    if g.often(0.2):
        lines += _extra(g, inner)
    targets = [*later, "accept"]
    if loops and g.often(0.6):
        targets.append(info.name)
    lines += _transition(g, inner, info, fields, targets, sets)
    return [f"state {info.name} {{", *indented(lines), "}"]


def _extract(g: Chance, scope: Scope, name: str, type_: Type) -> tuple[list[str], tuple[str, Record] | None, bool]:
    """The statement, what was extracted under which name, and whether the state may run again."""
    match type_:
        case Stack(element, size):
            if g.often(0.7):
                return [f"pkt.extract(hdr.{name}.next);"], (f"hdr.{name}.last", element), True
            index = g.number(0, size - 1)
            return [f"pkt.extract(hdr.{name}[{index}]);"], (f"hdr.{name}[{index}]", element), False
        case Union(members=members):
            member, record = g.pick(members)
            return [f"pkt.extract(hdr.{name}.{member});"], (f"hdr.{name}.{member}", record), False
        case Record(varbit=int(most)):
            size = g.pick([f"32w{8 * g.number(0, most // 8 + 1)}", f"(bit<32>) (({_short(g, scope)}) ++ 3w0)"])
            return [f"pkt.extract(hdr.{name}, {size});"], None, False
        case Record():
            return [f"pkt.extract(hdr.{name});"], (f"hdr.{name}", type_), False
    raise ValueError(f"{type_} is not extracted")


def _short(g: Chance, scope: Scope) -> str:
    """Three bits of something, for a size in bytes."""
    return expression(g, scope.inner(fixed=True), Bits(3), 0)


def _fields(text: str, record: Record) -> list[tuple[str, Type, int]]:
    """The fields of what was extracted, with their positions."""
    fields, at = [], 0
    for name, type_ in record.fields:
        fields.append((f"{text}.{name}", type_, at))
        at += size_of(type_)
    return fields


def _extra(g: Chance, scope: Scope) -> list[str]:
    """Checks, bits that are skipped, and bits that are looked at."""
    match g.number(0, 2):
        case 0:
            errors = ["error.Wrong", "error.Odd", "error.NoMatch"]
            return [f"verify({expression(g, scope, BOOL, 2)}, {g.pick(errors)});"]
        case 1:
            return [f"pkt.advance({8 * g.number(0, 3)});"]
    name = g.name("look")
    width = g.pick([8, 16, 4])
    scope.places.append(Place(name, Bits(width)))
    return [f"bit<{width}> {name} = pkt.lookahead<bit<{width}>>();"]


def _transition(
    g: Chance,
    scope: Scope,
    info: StateInfo,
    fields: list[tuple[str, Type, int]],
    targets: list[str],
    sets: list[tuple[str, Bits]],
) -> list[str]:
    numbers = [(t, k, at) for t, k, at in fields if isinstance(k, Bits) and not k.signed]
    if not numbers or g.often(0.2):
        target = g.pick(targets)
        info.cases = [([], target)]
        return [f"transition {target};"]
    keys: list[tuple[str, Bits]] = []
    for _ in range(g.weighted({1: 6.0, 2: 2.0, 3: 0.5})):
        text, type_, at = g.pick(numbers)
        if g.often(0.75):
            info.keys.append(Key(at, type_.width))
        else:
            type_ = Bits(g.pick([8, 4]))
            text = expression(g, scope.inner(fixed=True), type_, 1)
            info.keys.append(None)
        keys.append((text, type_))
    lines = [f"transition select({', '.join(t for t, _ in keys)}) {{"]
    for _ in range(g.number(1, 3)):
        target = g.pick([*targets, *targets, "reject"])
        chosen = [_case(g, type_, sets if len(keys) == 1 else []) for _, type_ in keys]
        shown = [text for text, _ in chosen]
        lines.append(f"{INDENT}{shown[0] if len(shown) == 1 else '(' + ', '.join(shown) + ')'}: {target};")
        info.cases.append(([value for _, value in chosen], target))
    if g.often(0.7):
        target = g.pick(targets)
        lines.append(f"{INDENT}default: {target};")
        info.cases.append(([None] * len(keys), target))
    return [*lines, "}"]


def _case(g: Chance, type_: Bits, sets: list[tuple[str, Bits]]) -> tuple[str, int | None]:
    """A key set, and a number in it."""
    fitting = [name for name, t in sets if t == type_]
    if fitting and g.often(0.6):
        return fitting[0], None
    value, full = g.constant(type_.width), (1 << type_.width) - 1
    match g.number(0, 6):
        case 0:
            mask = g.rng.getrandbits(type_.width)
            return f"{type_.width}w{value:#x} &&& {type_.width}w{mask:#x}", value
        case 1:
            high = min(full, value + g.number(0, 9))
            return f"{type_.width}w{value}..{type_.width}w{high}", high
        case 2:
            return "_", None
    return f"{type_.width}w{value}", value


def subparser(g: Chance, types: Types) -> tuple[Callable, str, list[str]]:
    """A parser that others apply: name and parameters, and its declaration."""
    record = next(h for h in types.headers if h.varbit is None)
    name = g.name("Sub")
    scope = Scope("state", [Place("one", record), Place("n", Bits(8))])
    lines = [
        f"parser {name}(packet_in pkt, out {record} one, inout bit<8> n) {{",
        f"{INDENT}state start {{",
        f"{INDENT * 2}pkt.extract(one);",
        *indented(indented(block(g, scope, 0))),
    ]
    numbers = [
        p for p in scope.bits() if p.text.startswith("one.") and not (isinstance(p.type, Bits) and p.type.signed)
    ]
    if numbers and g.often(0.6):
        key = g.pick(numbers)
        assert isinstance(key.type, Bits)
        cases = f"{literal(g, key.type)}: more; {g.pick(['default: accept;', '_: accept;', ''])}"
        lines.append(f"{INDENT * 2}transition select({key.text}) {{ {cases} }}")
    else:
        lines.append(f"{INDENT * 2}transition {g.pick(['accept', 'more'])};")
    lines += [f"{INDENT}}}", f"{INDENT}state more {{", *indented(indented(block(g, scope, 0)))]
    lines += [f"{INDENT * 2}transition {g.pick(['accept', 'accept', 'reject'])};", f"{INDENT}}}", "}"]
    return Callable(name), str(record), lines


def subparser_call(g: Chance, types: Types, scope: Scope, instance: str) -> str | None:
    """An application of :func:`subparser`'s instance."""
    record = next(h for h in types.headers if h.varbit is None)
    header, number = place(g, scope, record, writable=True), place(g, scope, Bits(8), writable=True)
    return f"{instance}.apply(pkt, {header}, {number});" if header is not None and number is not None else None
