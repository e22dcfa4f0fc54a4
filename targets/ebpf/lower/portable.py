"""The externs that PSA and PNA share: counters, registers, hashes, checksum objects, random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2
from . import arbitrary, cellcode, digests, direct, hashes, meters, objects, registers
from . import expr as ex
from .frame import Ref
from .gen import Gen


def _hash(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``get_hash(data)`` and ``get_hash(base, data, max)``: ``base + hash % max``."""
    width = g.width(result.type, call.span)
    if width > 64:
        raise CannotOffload("a hash of more than 64 bits", call.span)
    name = hashes.algorithm_of(cellcode.instance_of(g, call))
    data = call.args[len(call.args) // 2]
    if data is None:
        raise CannotOffload("an argument is missing", call.span)
    hashes.compute(g, name, data, call, zeros_before=True)
    if len(call.args) > 1:
        with g.hold() as held:
            _number(g, call, 2)
            g.asm.emit(asm.mov(R2, R1))
            held.load(R1)
            g.asm.emit(asm.alu("mod", R1, R2))  # modulo 0 it stays as it is: what comes of it is not defined
            held.save(R1)
            _number(g, call, 0)
            held.load(R2)
            g.asm.emit(asm.alu("add", R1, R2))
    g.trim(R1, width)
    g.store_leaf(result, R1)


def _number(g: Gen, call: ir.ExternCall, position: int) -> None:
    """r1 = an argument of up to 64 bits."""
    given = call.args[position]
    if given is None or g.width(given.type, call.span) > 64:
        raise CannotOffload("a hash with numbers of more than 64 bits", call.span)
    ex.value(g, given)


def _random(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``read()``: a number from the constructor's ``min`` to its ``max``."""
    instance = cellcode.instance_of(g, call)
    given = dict(instance.args)
    low, high = given.get("min"), given.get("max")
    if not isinstance(low, ir.Const) or not isinstance(high, ir.Const) or g.width(result.type, call.span) > 64:
        raise CannotOffload("random numbers of more than 64 bits, or between bounds that are no numbers", call.span)
    arbitrary.between(g, low, high, result, call.span)


STATEMENTS: Final[dict[tuple[str, str], Callable[[Gen, ir.ExternCall], None]]] = {
    ("Counter", "count"): cellcode.count,
    ("DirectCounter", "count"): direct.count,
    ("Register", "write"): registers.write,
    ("Digest", "pack"): digests.tell,
    ("Checksum", "clear"): objects.clear,
    ("Checksum", "update"): objects.update,
    ("InternetChecksum", "clear"): objects.clear,
    ("InternetChecksum", "add"): objects.add,
    ("InternetChecksum", "subtract"): objects.subtract,
    ("InternetChecksum", "set_state"): objects.set_state,
}
VALUES: Final[dict[tuple[str, str], Callable[[Gen, ir.ExternCall, Ref], None]]] = {
    ("Register", "read"): registers.read,
    ("Hash", "get_hash"): _hash,
    ("Random", "read"): _random,
    ("Meter", "execute"): meters.execute,
    ("Meter", "dpdk_execute"): meters.execute,
    ("DirectMeter", "execute"): meters.execute_direct,
    ("DirectMeter", "dpdk_execute"): meters.execute_direct,
    ("Checksum", "get"): objects.get,
    ("InternetChecksum", "get"): objects.get,
    ("InternetChecksum", "get_state"): objects.get_state,
}
"""Extern and method → what is generated; for results into a place of theirs."""

__all__ = ["STATEMENTS", "VALUES"]
