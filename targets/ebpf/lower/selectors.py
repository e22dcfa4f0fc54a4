"""Action selectors: from the group that an entry names to the member that answers (:mod:`..selectors`)."""

from __future__ import annotations

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R7, R10
from ..layout import ACTION_BYTES, TableLayout
from ..selectors import COUNT_BYTES, GROUP_BYTES, PLACE_BYTES, Selector
from . import hashes, operands
from .gen import Gen
from .hooks import MAP_LOOKUP

_ALGORITHMS = {"crc16_custom": "crc16", "crc32_custom": "crc32"}
"""What those are whose parameters the control plane may set, as long as it does not."""
_KNOWN = ("crc16", "crc32", "csum16", "xor16")


def member(g: Gen, layout: TableLayout, selector: Selector) -> None:
    """Where the value at r7 names a group, r7 = the value of the member that answers; r1 = the action's number.

    Raises:
        CannotOffload: the selector's keys are none, or calls.
    """
    direct = g.asm.label()
    g.asm.emit(asm.load(ACTION_BYTES, R1, R7, 0))
    g.asm.jump("jne", R1, layout.group_number, direct)
    with g.buffer(GROUP_BYTES + PLACE_BYTES) as place:
        g.asm.emit(asm.load(GROUP_BYTES, R1, R7, layout.value_size - GROUP_BYTES))
        g.asm.emit(asm.store(GROUP_BYTES, R10, place, R1))
        _find(g, selector.groups.name, place)
        g.asm.emit(asm.load(COUNT_BYTES, R1, R0, 0))
        with g.hold() as count:
            _hash(g, selector)
            count.load(R2)
        g.asm.emit(asm.alu("mod", R1, R2), asm.store(PLACE_BYTES, R10, place + GROUP_BYTES, R1))
        _find(g, selector.members.name, place)
    g.maps[selector.groups.name], g.maps[selector.members.name] = selector.groups, selector.members
    g.asm.emit(asm.mov(R7, R0), asm.load(ACTION_BYTES, R1, R7, 0))
    g.asm.place(direct)


def _find(g: Gen, name: str, key: int) -> None:
    """r0 = the address of the value in a map at the key on the stack, which is there."""
    g.asm.emit(asm.load_map(R1, name), asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))
    g.asm.jump("jeq", R0, 0, g.drop)


def _hash(g: Gen, selector: Selector) -> None:
    """r1 = the hash of the selector's keys side by side; of an algorithm that is the device's own, the first 64 bits of
    the keys as a number."""
    exprs = [key.expr for key in selector.keys]
    span = selector.keys[0].span
    if any(operands.has_calls(expr) for expr in exprs):
        raise CannotOffload("a call in a key by which a selector chooses", span)
    if any(not g.width(expr.type, span) for expr in exprs):
        raise CannotOffload("a key of no bits by which a selector chooses", span)
    data = ir.Aggregate(tuple(exprs), ir.TupleType(tuple(expr.type for expr in exprs)), span)
    call = ir.ExternCall(None, "hash", "", (), (), (), ir.VoidType(), span=span)
    hashes.compute(g, _algorithm(selector.instance), data, call)


def _algorithm(instance: ir.Instance) -> str:
    name = hashes.algorithm_of(instance)
    name = _ALGORITHMS.get(name, name)
    return name if name in _KNOWN else "identity"
