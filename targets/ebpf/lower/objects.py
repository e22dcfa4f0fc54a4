"""Checksum objects of PSA and PNA: what an object holds is a leaf, which begins anew with the block that holds it."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2
from . import expr as ex
from . import hashes, wide
from .cellcode import instance_of
from .checksums import fields_of
from .frame import Leaf, Ref, leaves
from .gen import Gen, Temp

SUM_BITS: Final = 16


def declare(g: Gen) -> None:
    """Places for all objects of the program, which hold nothing yet."""
    for instance in g.program.instances:
        if instance.extern == "InternetChecksum":
            g.objects[instance.name] = g.declare(f"${instance.name}", ir.bits(SUM_BITS), instance.span)
        elif instance.extern == "Checksum" and hashes.algorithm_of(instance) in hashes.STREAMS:
            width = hashes.STREAMS[hashes.algorithm_of(instance)]
            g.objects[instance.name] = g.declare(f"${instance.name}", ir.bits(width), instance.span)


def begin(g: Gen, block: str) -> None:
    """The objects that ``block`` itself holds begin anew."""
    for name, ref in g.objects.items():
        if name.rpartition(".")[0] == block:
            _clear(g, g.program.instance(name), ref)


def _clear(g: Gen, instance: ir.Instance, ref: Ref) -> None:
    start = hashes.initial(hashes.algorithm_of(instance)) if instance.extern == "Checksum" else 0
    g.store_constant(next(leaves(g.program, ref)), start)


def _object(g: Gen, call: ir.ExternCall) -> tuple[ir.Instance, Ref]:
    instance = instance_of(g, call)
    ref = g.objects.get(instance.name)
    if ref is None:
        raise CannotOffload(f"{call.extern} of this algorithm", instance.span)
    return instance, ref


def clear(g: Gen, call: ir.ExternCall) -> None:
    """``clear()``."""
    _clear(g, *_object(g, call))


# --- InternetChecksum -----------------------------------------------------------------------------------------------


def _data(g: Gen, call: ir.ExternCall) -> ir.Expr:
    data = call.args[0]
    if data is None:
        raise CannotOffload("an argument is missing", call.span)
    return data


def _words(g: Gen, call: ir.ExternCall, ref: Ref, *, inverted: bool) -> None:
    """Add the 16-bit words of the data, or their complements, in one's complement."""
    with g.scope():
        fields, total = fields_of(g, _data(g, call), call.span, zeros_before=True)
        if total % SUM_BITS:
            raise CannotOffload(f"InternetChecksum.{call.method} of {total} bits, no multiple of {SUM_BITS}", call.span)
        g.load_leaf(R1, ref, span=call.span)
        with g.hold() as held:
            for word in range(0, total, SUM_BITS):
                _add_word(g, fields, word, held, call, inverted)
            held.load(R1)
    _fold(g)
    g.store_leaf(ref, R1)


def _add_word(
    g: Gen, fields: list[tuple[Leaf, int]], word: int, held: Temp, call: ir.ExternCall, inverted: bool
) -> None:
    wide.compose(g, fields, word, SUM_BITS, call.span)
    if inverted:
        g.asm.emit(asm.alu("xor", R1, (1 << SUM_BITS) - 1))
    held.load(R2)
    g.asm.emit(asm.alu("add", R2, R1))
    held.save(R2)


def _fold(g: Gen) -> None:
    """r1 = its one's complement sum of 16 bits; it is a sum of few words."""
    for _ in range(2):
        g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, SUM_BITS))
        g.trim(R1, SUM_BITS)
        g.asm.emit(asm.alu("add", R1, R2))


def add(g: Gen, call: ir.ExternCall) -> None:
    """``add(data)``."""
    _words(g, call, _object(g, call)[1], inverted=False)


def subtract(g: Gen, call: ir.ExternCall) -> None:
    """``subtract(data)``: the complement of each word is added (PSA, "InternetChecksum implementation")."""
    _words(g, call, _object(g, call)[1], inverted=True)


def set_state(g: Gen, call: ir.ExternCall) -> None:
    """``set_state(state)``."""
    _, ref = _object(g, call)
    ex.value(g, _data(g, call))
    g.store_leaf(ref, R1)


def get_state(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``get_state()``."""
    _, ref = _object(g, call)
    g.load_leaf(R1, ref, span=call.span)
    g.store_leaf(result, R1)


def get(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``get()`` of either kind of object."""
    instance, ref = _object(g, call)
    g.load_leaf(R1, ref, span=call.span)
    if instance.extern == "InternetChecksum":
        g.asm.emit(asm.alu("xor", R1, (1 << SUM_BITS) - 1))
    else:
        hashes.finish(g, hashes.algorithm_of(instance))
    g.trim(R1, g.width(result.type, call.span))
    g.store_leaf(result, R1)


# --- Checksum -------------------------------------------------------------------------------------------------------


def update(g: Gen, call: ir.ExternCall) -> None:
    """``update(data)``."""
    instance, ref = _object(g, call)
    name = hashes.algorithm_of(instance)
    if name == "csum16":
        _odd_words(g, call, ref)
        return
    with g.scope():
        fields, total = fields_of(g, _data(g, call), call.span, zeros_before=True)
        if total:
            g.load_leaf(R1, ref, span=call.span)
            hashes.more(g, name, fields, total, call.span)
            g.store_leaf(ref, R1)


def _odd_words(g: Gen, call: ir.ExternCall, ref: Ref) -> None:
    with g.scope():
        _, total = fields_of(g, _data(g, call), call.span, zeros_before=True)
    if total % SUM_BITS:
        raise CannotOffload("a sum of data that is no whole number of 16-bit words", call.span)
    _words(g, call, ref, inverted=False)


__all__ = ["add", "begin", "clear", "declare", "get", "get_state", "set_state", "subtract", "update"]
