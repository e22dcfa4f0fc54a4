"""``hash``, ``verify_checksum``, ``update_checksum`` and ``Checksum16`` of ``v1model``."""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.checksums import internet_checksum
from ..meaning.dispatch import ExternHandler, ExternTable
from ..meaning.hashes import compute
from ..meaning.machine import Machine
from ..meaning.payload import with_payload
from ..meaning.values import Scalar, Value
from .extern_call import Call
from .v1model_signals import verified


def _hash(m: Machine, node: ir.ExternCall) -> None:
    """``result = base + (H % max)``, or ``base`` for a ``max`` of 0."""
    call = Call(m, node)
    name = call.algorithm(1)
    data = call.bits(3)
    value = _computed(m, name, data, node)
    base, limit = call.term(2), call.term(4)
    width = max(64, base.width, limit.width, call.width(0))
    wide = [b.zext(t, width) for t in (value, base, limit)]
    offset = b.ite(b.eq(wide[2], b.bv(0, width)), b.bv(0, width), b.urem(wide[0], wide[2]))
    call.put(0, Scalar(b.extract(b.add(wide[1], offset), call.width(0) - 1, 0)))


def _checksum(call: Call, payload: bool) -> Term:
    """The checksum of the data; parameters are condition, data, checksum, algorithm."""
    m, node, name, data = call.m, call.node, call.algorithm(3), call.bits(1)
    if payload and name != "random":
        return with_payload(m, name, data, node.span)
    return _computed(m, name, data, node)


def _computed(m: Machine, name: str, data: Term | None, node: ir.ExternCall) -> Term:
    if name == "random":
        return m.fresh(64, "HashAlgorithm.random", node.span)
    return compute(m, name, data, node.span)


def _verify(payload: bool) -> ExternHandler:
    def handler(m: Machine, node: ir.ExternCall) -> None:
        call = Call(m, node)
        wanted, given = _checksum(call, payload), call.term(2)
        call.tell("computed", Scalar(wanted))
        width = max(wanted.width, given.width)
        verified(m, b.and_(call.term(0), b.ne(b.zext(wanted, width), b.zext(given, width))), node)

    return handler


def _update(payload: bool) -> ExternHandler:
    def handler(m: Machine, node: ir.ExternCall) -> None:
        call = Call(m, node)
        condition = m.decide(call.term(0))
        if condition is b.FALSE:
            return
        computed = b.resize(_checksum(call, payload), call.width(2))
        m.branch(condition, lambda: call.put(2, Scalar(computed)), lambda: None)

    return handler


def _checksum16(m: Machine, node: ir.ExternCall) -> Value:
    """``Checksum16.get(data)``: the Internet checksum."""
    return Scalar(internet_checksum(Call(m, node).bits(0)))


CHECKSUMS: Final[ExternTable] = {
    ("hash", ""): _hash,
    ("verify_checksum", ""): _verify(payload=False),
    ("verify_checksum_with_payload", ""): _verify(payload=True),
    ("update_checksum", ""): _update(payload=False),
    ("update_checksum_with_payload", ""): _update(payload=True),
    ("Checksum16", "get"): _checksum16,
}
"""What is computed over fields, and over the payload."""
