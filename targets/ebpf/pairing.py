"""Two objects side by side: their maps paired, both told in the same names; and maps filled as a model asks.

Maps are paired by name; those left over by what they are (type, sizes, fields) where only one of each is like that. A
map whose name the other object has, too, is not left over, whether programs there use it or not. Sections of global
data in which variables have moved are related variable by variable (:mod:`.variables`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, distinct_terms
from ...semantics.meaning.cells_before import cells_before, with_all_cells
from ...semantics.source import Span, Unsupported
from . import scratch
from .artifact import BpfObject, MapDef
from .artifact.loading import sized
from .artifact.program import ARRAYS, F_RDONLY_PROG, INNER, NUMBER_BYTES
from .mapping import OF_DEVICES
from .meaning import meaning
from .meaning.memory import PRESENT
from .trie_laws import element_name, entry, length_name, trie_laws
from .variables import in_parts, related, value_of, with_foreign

_OTHER_SCRATCH = f"{scratch.NAME} (other)"
_ARRAYS = ("array", "percpu_array")
_INDEXED = (*ARRAYS, "array_of_maps")
_INDEX_BYTES = 4
_NOT_COMING_IN: Final = {
    "tc_egress": "a program at tc egress against one at another hook: what goes out is not what comes in",
    "xdp_devmap": "a program of a map of devices against one at another hook: a frame is about to leave there",
    "xdp_cpumap": "a program of a map of CPUs against one at another hook: a frame came through another program there",
}
"""Hooks where frames do not come in by an interface → what is said of a program that is there against one elsewhere."""


def behaviours(first: BpfObject, second: BpfObject) -> tuple[Behaviour, Behaviour]:
    """What both do, where the same state and the same answers have the same names.

    Raises:
        Unsupported: maps of one name that are not alike, or something that is not modelled.
    """
    _at_one_side(first, second)
    told = related(first, second)
    first = told.first
    second, notes = paired(first, _apart(told.second))
    written: frozenset[str] = frozenset()
    while True:  # ends: each round adds a map that one of them writes
        left = scratch.forgotten(_meaning(first, written), first.maps)
        right = scratch.forgotten(_meaning(second, written), second.maps, _OTHER_SCRATCH)
        found = frozenset(
            name.removeprefix("map.") for side in (left, right) for case in side.cases for name in case.state
        )
        if found <= written:
            terms = [t for side in (left, right) for t in distinct_terms(side.cases)]
            terms += [fault.guard for side in (left, right) for fault in side.faults]
            laws = _of_maps(first, terms)
            left, right = _told_alike(in_parts(left, first), in_parts(right, second))
            notes = (*notes, *told.notes)
            return left, replace(right, notes=(*right.notes, *notes), axioms=(*right.axioms, *laws))
        written |= found


def _at_one_side(first: BpfObject, second: BpfObject) -> None:
    """Raises Unsupported for programs of which one runs where frames come in, and the other one does not: they do not
    see the same."""
    hooks = [obj.program().hook for obj in (first, second)]
    for hook, text in _NOT_COMING_IN.items():
        if hook in hooks and hooks[0] != hooks[1]:
            raise Unsupported(text, Span(second.name, 0, 0))


def _meaning(obj: BpfObject, written: frozenset[str]) -> Behaviour:
    """What an object does, where it tells the state of those of the ``written`` maps that it refers to."""
    has = {item.name for item in _with_inner(tuple(used(obj).values()))}
    here = frozenset(name for name in written if name.removesuffix(PRESENT) in has)
    return meaning(obj, written=here, open_ended=True)


def _told_alike(*sides: Behaviour) -> list[Behaviour]:
    """The sides, each telling the state that any of them tells: a map that one does not refer to it leaves as it is."""
    names = cells_before(*sides)
    return [
        replace(side, observables=tuple(dict.fromkeys((*side.observables, *names)))) for side in with_all_cells(*sides)
    ]


def as_compared(first: BpfObject, second: BpfObject) -> tuple[BpfObject, BpfObject]:
    """Both as :func:`contents` and the oracle take them, where global data is named as in :func:`behaviours`. Raises
    Unsupported."""
    told = related(first, second)
    second = paired(told.first, told.second)[0]
    taken = {item.name for item in second.maps} - {item.name for item in told.second.maps}
    left, right = _without_unlike(told.first, second), _without_unlike(told.second, told.first)
    return with_foreign(left, second, ()), with_foreign(right, told.first, taken)


def _without_unlike(obj: BpfObject, other: BpfObject) -> BpfObject:
    """The object without maps that it does not refer to, where the other one has one of that name that is not like it:
    what is said of that one is nothing to this one."""
    named = {insn.map for program in obj.programs for insn in program.insns}
    theirs = {item.name: _signature(item) for item in other.maps}
    kept = (m for m in obj.maps if m.name in named or m.parts or theirs.get(m.name, _signature(m)) == _signature(m))
    return replace(obj, maps=tuple(kept))


def _of_maps(obj: BpfObject, terms: Sequence[Term]) -> list[Term]:
    """What is true of all that both ask of their maps."""
    tries = [law for item in obj.maps if item.type == "lpm_trie" for law in trie_laws(item, terms)]
    devices = {f"map.{item.name}.value" for item in obj.maps if item.type in OF_DEVICES}
    held = [call for call in b.applications(*terms) if call.name in devices]
    return tries + [_is_interface(call) for call in held]


def _is_interface(value: Term) -> Term:
    """What an element of a map of devices holds begins with the number of an interface, which is never 0: an update
    with 0 takes the element out, or fails (``__dev_map_update_elem``, ``__dev_map_hash_update_elem`` of devmap.c)."""
    number = b.extract(value, value.width - 1, value.width - 8 * NUMBER_BYTES)
    return b.not_(b.eq(number, b.bv(0, number.width)))


def paired(first: BpfObject, second: BpfObject) -> tuple[BpfObject, tuple[str, ...]]:
    """``second`` with its maps called as those of ``first`` that they stand for, and a line for each pair that does not
    share a name. Raises Unsupported."""
    ours, theirs = used(first), used(second)
    for name in ours.keys() & theirs.keys():
        if not ours[name].parts:  # sections that are told in parts have sizes of their own
            _check_alike(ours[name], theirs[name], second)
    names: dict[str, str] = {}
    of_first, of_second = ({item.name for item in obj.maps} for obj in (first, second))
    left = [item for name, item in ours.items() if name not in of_second]
    right = [item for name, item in theirs.items() if name not in of_first]
    for item in right:
        alike = [other for other in left if _signature(other) == _signature(item)]
        rivals = [other for other in right if _signature(other) == _signature(item)]
        if len(alike) == len(rivals) == 1:
            names[item.name] = alike[0].name
    notes = tuple(f"map {new} of {second.name} stands for map {old} of {first.name}" for new, old in names.items())
    return _renamed(second, names), notes


def _apart(obj: BpfObject) -> BpfObject:
    """The object with scratch memory that is not the other one's."""
    return _renamed(obj, {scratch.NAME: _OTHER_SCRATCH} if any(map(scratch.is_scratch, obj.maps)) else {})


def used(obj: BpfObject) -> dict[str, MapDef]:
    """The maps that the programs refer to, constant data and scratch memory apart."""
    named = {insn.map for program in obj.programs for insn in program.insns}
    named -= {item.name for item in obj.maps if scratch.is_scratch(item) or scratch.is_scratch(item, _OTHER_SCRATCH)}
    return {m.name: m for m in obj.maps if m.name in named and not (m.data is not None and m.flags & F_RDONLY_PROG)}


def _signature(item: MapDef) -> MapDef:
    return replace(item, name="", data=None, pinning=0, programs=None, held=None)


def _check_alike(ours: MapDef, theirs: MapDef, second: BpfObject) -> None:
    x, y = ((m.type, m.key_size, m.value_size, m.max_entries) for m in (ours, theirs))
    if x != y:
        what = f"map {ours.name} is of type {x[0]} with {x[1]}, {x[2]} bytes and {x[3]} elements in one object"
        text = f"{what}, of type {y[0]} with {y[1]}, {y[2]} bytes and {y[3]} elements in the other"
        raise Unsupported(text, Span(second.name, 0, 0))
    if ours.inner is not None and theirs.inner is not None:
        name = ours.name + INNER
        _check_alike(replace(ours.inner, name=name), replace(theirs.inner, name=name), second)


def _renamed(obj: BpfObject, names: Mapping[str, str]) -> BpfObject:
    """The object with its maps under other names; a map in the way of a new name moves out of it."""
    if not names:
        return obj
    out = {**names, **{m.name: f"{m.name} (other)" for m in obj.maps if m.name in names.values()}}
    maps = tuple(replace(m, name=out.get(m.name, m.name)) for m in obj.maps)
    programs = tuple(
        replace(p, insns=tuple(replace(i, map=out.get(i.map, i.map)) if i.map else i for i in p.insns))
        for p in obj.programs
    )
    return replace(obj, maps=maps, programs=programs)


# --- maps as a model asks -----------------------------------------------------------------------------------------

Functions = Mapping[str, Callable[..., int]]


def contents(
    obj: BpfObject, terms: Sequence[Term], values: Mapping[str, b.Value], functions: Functions
) -> dict[str, list[tuple[bytes, bytes]]]:
    """Elements that make the maps of ``obj`` answer what is asked of them in ``terms`` as the functions do."""
    out: dict[str, list[tuple[bytes, bytes]]] = {}
    for item in _with_inner(sized(obj, values).maps):
        told = [item.name, *(part.name for part in item.parts)]
        names = {f"map.{name}.{part}" for name in told for part in ("found", "value", "number")}
        names |= {f"state.map.{name}{end}" for name in told for end in ("", PRESENT)}
        elements = dict(_elements(item, _asked(terms, names, values, functions), functions))
        if elements:
            out[item.name] = list(elements.items())
    return out


def _with_inner(maps: Sequence[MapDef]) -> Iterator[MapDef]:
    """The maps, and the maps in maps of maps as one whose key begins with the number of the map."""
    for item in maps:
        yield item
        if item.inner is not None:
            yield replace(item.inner, name=item.name + INNER, key_size=NUMBER_BYTES + item.inner.key_size)


def _asked(
    terms: Sequence[Term], names: set[str], values: Mapping[str, b.Value], functions: Functions
) -> Iterator[int]:
    arguments = {call.args[0] for call in b.applications(*terms) if call.name in names}
    for key in b.evaluate(sorted(arguments, key=lambda t: t.serial), values, functions, default=0):
        if isinstance(key, int):
            yield key


def _elements(item: MapDef, keys: Iterator[int], functions: Functions) -> Iterator[tuple[bytes, bytes]]:
    def answer(key: int, *names: str) -> int:
        return next((functions[name](key) for name in names if name in functions), 0)

    for number in keys:
        key = number.to_bytes(item.key_size, "big")
        there = item.type in _ARRAYS or answer(number, f"state.map.{item.name}{PRESENT}", f"map.{item.name}.found")
        if not there or (item.type in _INDEXED and int.from_bytes(key[-_INDEX_BYTES:], "little") >= item.max_entries):
            continue
        if item.inner is not None:
            yield key, answer(number, f"map.{item.name}.number").to_bytes(NUMBER_BYTES, "big")
            continue
        element = _element(item, number, functions)

        def held(name: str, element: int = element) -> int:
            return answer(element, f"state.map.{name}", f"map.{name}.value")

        value = value_of(item, held) if item.parts else held(item.name).to_bytes(item.value_size, "big")
        yield _entry(item, key, functions), value


def _element(item: MapDef, key: int, functions: Functions) -> int:
    """What tells the element that a look-up of ``key`` finds: of a trie that is written the entry's own key."""
    element = functions.get(element_name(item)) if f"state.map.{item.name}" in functions else None
    return key if element is None else element(key)


def _entry(item: MapDef, key: bytes, functions: Functions) -> bytes:
    """The key of the element that a look-up of ``key`` finds: in a trie it may be that of a shorter prefix."""
    length = functions.get(length_name(item)) if item.type == "lpm_trie" else None
    return key if length is None else entry(item, key, length(int.from_bytes(key, "big")))
