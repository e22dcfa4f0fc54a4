"""Packets that come back to the program's beginning (:mod:`..artifact.passes`, :mod:`..carried`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Assembler, BpfProgram, asm, passes
from ..artifact.asm import R0, R1, R2, R3, R6, R7, R10
from ..carried import VALID, Carried, Part
from .frame import Ref
from .gen import Gen
from .hooks import MAP_LOOKUP, Hook, XdpHook

TAIL_CALL: Final = 12
"""``bpf_tail_call``, by its number in uapi bpf.h."""


def begin(g: Gen, known: Carried, places: Mapping[str, Ref]) -> None:
    """What has come along goes to its ``places``, by the names of the parts; zeros, if the packet has just come in."""
    _element(g, known)
    for part in (known.kind, *known.parts):
        if part.name in places:
            for limb, (offset, size) in enumerate(_limbs(part)):
                g.asm.emit(asm.load(size, R1, R7, offset))
                g.store_leaf(places[part.name], R1, limb)


def back(g: Gen, known: Carried, kind: int | Ref, values: Mapping[str, Ref]) -> None:
    """The packet comes back as it now is, with these ``values`` by the names of the parts; the program ends."""
    if isinstance(kind, Ref):  # before r7 is taken: loads may use it
        g.load_leaf(R1, kind)
    else:
        g.constant(R1, kind)
    with g.hold() as held:
        _element(g, known)
        held.load(R1)
        g.asm.emit(asm.store(known.kind.size, R7, known.kind.offset, R1))
        for part in known.parts:
            for limb, (offset, size) in enumerate(_limbs(part)):
                g.load_leaf(R1, values[part.name], limb)
                g.asm.emit(asm.store(size, R7, offset, R1))
            _clear_if_invalid(g, part, values)
    item = passes.array()
    g.maps[item.name] = item
    g.asm.emit(asm.mov(R1, R6), asm.load_map(R2, item.name), asm.mov(R3, 0), asm.call(TAIL_CALL))
    g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())  # the kernel follows no more calls


def _clear_if_invalid(g: Gen, part: Part, values: Mapping[str, Ref]) -> None:
    """The fields of a header that is invalid are 0."""
    valid = values.get(f"{part.name.rpartition('.')[0]}.{VALID}")
    if valid is None or part.name.endswith(VALID):
        return
    kept = g.asm.label()
    g.load_leaf(R1, valid)
    g.asm.jump("jne", R1, 0, kept)
    g.asm.emit(*(asm.store(size, R7, offset, 0) for offset, size in _limbs(part)))
    g.asm.place(kept)


def _element(g: Gen, known: Carried) -> None:
    """r7 = the address of what goes along."""
    item = passes.carried(known.size)
    g.maps[item.name] = item
    with g.buffer(passes.KEY_BYTES) as key:
        g.asm.emit(asm.store(passes.KEY_BYTES, R10, key, 0), asm.load_map(R1, item.name))
        g.asm.emit(asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))
    g.asm.jump("jeq", R0, 0, g.drop)  # never: the map has this element
    g.asm.emit(asm.mov(R7, R0))


def _limbs(part: Part) -> list[tuple[int, int]]:
    """Offset and size of each of the loads or stores for a part."""
    return [(part.offset + low, min(part.size, 8)) for low in range(0, part.size, 8)]


def refuse_unless_as_long(g: Gen, span: Span, *, shortest: int, grows: bool) -> None:
    """Raises CannotOffload for a frame that cannot come back as its headers now are: at XDP a longer one, as the room
    in front of it ends some time; and one that may be shorter than frames are when a pass begins."""
    if shortest < g.shortest:
        raise CannotOffload("a frame that may get too short and comes back", span)
    if grows and isinstance(g.hook, XdpHook):
        raise CannotOffload("a frame that gets longer and comes back (it can with hook=tc)", span)


def entry(hook: Hook, size: int) -> BpfProgram:
    """The attached program: zeros go along, and the pass program is called."""
    code = Assembler()
    none = code.label("drop")
    item, key = passes.carried(size), -8
    code.emit(asm.mov(R6, R1), asm.store(passes.KEY_BYTES, R10, key, 0), asm.load_map(R1, item.name))
    code.emit(asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))
    code.jump("jeq", R0, 0, none)
    code.emit(*(asm.store(8, R0, low, 0) for low in range(0, size, 8)))
    code.emit(asm.mov(R1, R6), asm.load_map(R2, passes.ARRAY), asm.mov(R3, 0), asm.call(TAIL_CALL))
    code.place(none)
    code.emit(asm.mov(R0, hook.drop_code), asm.exit_())
    return BpfProgram("p4_main", hook.section, code.finish())


def inputs(root: Ref, name: str, known: Carried) -> dict[str, Ref]:
    """The places of the parts that are fields of ``root``, a variable that goes along as ``name``."""
    return {
        part.name: Ref(root.path + part.name.removeprefix(name), ir.bits(part.width))
        for part in known.parts
        if part.name == name or part.name.startswith(f"{name}.")
    }


__all__ = ["back", "begin", "entry", "inputs", "refuse_unless_as_long"]
