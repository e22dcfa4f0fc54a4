"""Global variables of two objects related by name, where their sections hold them at different places.

A section of global data is a map of one element. Its value is told in parts, which are states of their own: what both
objects hold under the same names, in the order of the first one, and what only one of them has, padding included. So
code stays as it is, and where its pointers lead; what it finds and leaves there is told otherwise. An object leaves the
variables that only the other one has as they are: it tells no state of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, Case, changed
from ...semantics.source import Span, Unsupported
from .artifact import BpfObject, MapDef
from .artifact.program import F_RDONLY_PROG, Field, Part, Piece

_STATE = "map."
_SIDES = ("first", "second")
_READS = ("state.map.{}", "map.{}.value")
"""What a value before the packet is called, of a map that is written and of one that is not."""


@dataclass(frozen=True)
class Related:
    """Two objects that tell their global data in the same parts, where it is told in parts; and what to say of that."""

    first: BpfObject
    second: BpfObject
    notes: tuple[str, ...] = ()


def related(first: BpfObject, second: BpfObject) -> Related:
    """Both objects with the parts of their global data. Without parts is a section where no variable has moved, or one
    of them does not say which variables there are.

    Raises:
        Unsupported: variables have moved, and one of them has two sizes.
    """
    known: tuple[dict[str, MapDef], dict[str, MapDef]] = ({}, {})
    notes = []
    for items in _sections(first, second):
        pairs = by_name(*items)
        moved = items[0].value_size != items[1].value_size or any(x.offset != y.offset for x, y in pairs)
        if not pairs or not moved:
            notes += _by_place(*items)
            continue
        _check_sizes(pairs, items[0].name, second)
        for at, item in enumerate(items):
            known[at][item.name] = replace(item, parts=tuple(_parts(item, _SIDES[at], [pair[at] for pair in pairs])))
        notes.append(_note(*items))
    _check_names(known, (first, second))
    sides = [
        replace(side, maps=tuple(told.get(item.name, item) for item in side.maps))
        for side, told in zip((first, second), known, strict=True)
    ]
    return Related(sides[0], sides[1], tuple(notes))


def _sections(first: BpfObject, second: BpfObject) -> Iterator[tuple[MapDef, MapDef]]:
    """Sections of one name that hold variables in both. What is constant is not told at all."""
    there = {item.name: item for item in second.maps}
    for item in first.maps:
        both = (item, there.get(item.name, item))
        if item.name in there and all(x.variables and not x.flags & F_RDONLY_PROG for x in both):
            yield both


def by_name(ours: MapDef, theirs: MapDef) -> list[tuple[Field, Field]]:
    """Where variables of one name lie in both."""
    there = {variable.name: variable for variable in theirs.variables}
    return [(variable, there[variable.name]) for variable in ours.variables if variable.name in there]


def _check_sizes(pairs: Sequence[tuple[Field, Field]], section: str, second: BpfObject) -> None:
    for ours, theirs in pairs:
        if ours.size != theirs.size:
            text = f"variable {ours.name} of {section} has {ours.size} bytes in one object, {theirs.size} in the other"
            raise Unsupported(text, Span(second.name, 0, 0))


def _check_names(known: Sequence[Mapping[str, MapDef]], sides: Sequence[BpfObject]) -> None:
    """No map may be called as a part: sections may have any name."""
    taken = {item.name for side in sides for item in side.maps}
    for told in known:
        for item in told.values():
            for part in item.parts:
                if part.name != item.name and part.name in taken:
                    raise Unsupported(f"a section called {part.name}", Span(sides[1].name, 0, 0))


def _parts(item: MapDef, which: str, shared: Sequence[Field]) -> Iterator[Part]:
    """What both have, and what is left."""
    yield Part(item.name, tuple(Piece(variable.offset, variable.size) for variable in shared))
    own, end = [], 0
    for variable in sorted(shared, key=lambda variable: variable.offset):
        own.append(Piece(end, variable.offset - end))
        end = variable.offset + variable.size
    own.append(Piece(end, item.value_size - end))
    pieces = tuple(piece for piece in own if piece.size)
    if pieces:
        yield Part(f"{item.name} ({which} only)", pieces)


def _note(ours: MapDef, theirs: MapDef) -> str:
    alone = _alone(ours, theirs)
    return f"variables of {ours.name} are related by name{alone and f'; only one object has {alone}'}"


def _by_place(ours: MapDef, theirs: MapDef) -> list[str]:
    """What to say of sections that are compared as they lie."""
    alone = _alone(ours, theirs) if ours.value_size == theirs.value_size else ""
    return [f"variables of {ours.name} that only one object has are related by place: {alone}"] if alone else []


def _alone(ours: MapDef, theirs: MapDef) -> str:
    return ", ".join(sorted({v.name for v in ours.variables} ^ {v.name for v in theirs.variables}))


# --- behaviours ---------------------------------------------------------------------------------------------------


def in_parts(machine: Behaviour, obj: BpfObject) -> Behaviour:
    """The behaviour of an object, which is told over whole sections, over their parts."""
    for item in obj.maps:
        if item.parts:
            machine = _in_parts_of(machine, item)
    return machine


def _in_parts_of(machine: Behaviour, item: MapDef) -> Behaviour:
    reads = {text.format(item.name): partial(_whole, item, text) for text in _READS}
    machine = changed(machine, lambda terms: b.substitute(terms, {}, reads))
    name = _STATE + item.name
    if name not in machine.observables:
        return machine
    names = [_STATE + part.name for part in item.parts]
    seen = tuple(one for each in machine.observables for one in (names if each == name else (each,)))
    cases = tuple(_case_in_parts(case, item) for case in machine.cases)
    return replace(machine, cases=cases, observables=seen)


def _whole(item: MapDef, text: str, key: Term) -> Term:
    """The section's value before the packet, of what its parts hold."""
    found = {}
    for part in item.parts:
        held = b.apply(text.format(part.name), 8 * part.size, key)
        for piece, at in part.placed():
            found[piece.offset] = _cut(held, at, piece.size)
    return b.concat(*(found[offset] for offset in sorted(found)))


def _case_in_parts(case: Case, item: MapDef) -> Case:
    state = dict(case.state)
    whole = state.pop(_STATE + item.name, None)
    if whole is None:
        return case
    index = b.var(f"at.{_STATE}{item.name}", 8 * item.key_size)
    for part in item.parts:
        held = b.concat(*(_cut(whole, piece.offset, piece.size) for piece in part.pieces))
        own_index = b.var(f"at.{_STATE}{part.name}", index.width)
        (state[_STATE + part.name],) = b.substitute([held], {index: own_index})
    return replace(case, state=state)


def _cut(whole: Term, at: int, size: int) -> Term:
    """``size`` bytes of a value from byte ``at`` on; its first byte is the highest."""
    high = whole.width - 8 * at - 1
    return b.extract(whole, high, high - 8 * size + 1)


# --- machines -----------------------------------------------------------------------------------------------------


def with_foreign(obj: BpfObject, other: BpfObject, taken: Container[str]) -> BpfObject:
    """The object with a map for all global data that only the other one has, which no program of its own refers to: a
    machine shows with it that it leaves this as it is. ``taken``: what is here under another name."""
    own = {item.name for item in obj.maps}
    sections = [m for m in other.maps if m.data is not None and not m.flags & F_RDONLY_PROG]
    more = [item for item in sections if item.name not in own and item.name not in taken]
    alone = [part for item in sections for part in item.parts if part.name != item.name]
    more += [MapDef(part.name, "array", 4, part.size, 1, data=bytes(part.size)) for part in alone]
    return replace(obj, maps=(*obj.maps, *more))


def value_of(item: MapDef, held: Callable[[str], int]) -> bytes:
    """The value of a section in whose parts is what ``held`` says of their names."""
    out = bytearray(item.value_size)
    for part in item.parts:
        content = held(part.name).to_bytes(part.size, "big")
        for piece, at in part.placed():
            out[piece.offset : piece.offset + piece.size] = content[at : at + piece.size]
    return bytes(out)


def part_of(value: bytes, part: Part) -> bytes:
    """What of a section's value a part tells."""
    return b"".join(value[piece.offset : piece.offset + piece.size] for piece in part.pieces)


def all_parts(maps: Mapping[str, MapDef]) -> dict[str, tuple[str, Part]]:
    """Part's name → the name of the section that it is of, and the part."""
    return {part.name: (name, part) for name, item in maps.items() for part in item.parts}
