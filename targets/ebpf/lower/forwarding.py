"""PNA's functions that say where a packet goes; the last call counts."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact.asm import R1
from . import expr as ex
from . import stmts
from .frame import Ref, leaves
from .gen import Gen

TO, PORT, AGAIN = "$to", "$port", "$again"
"""Names of what is remembered: one of the following, the port, and whether the packet is recirculated."""
NOWHERE_YET, DROPPED, TO_PORT = 0, 1, 2
DIRECTION_FROM_NET: Final = 0
"""``NET_TO_HOST``."""


def _remembered(g: Gen, call: ir.ExternCall, name: str) -> Ref:
    ref = g.objects.get(name)
    if ref is None:
        raise CannotOffload(f"{call.extern} outside a pipeline", call.span)
    return ref


def _to(g: Gen, call: ir.ExternCall, where: int) -> None:
    ref = _remembered(g, call, TO)
    g.store_constant(next(leaves(g.program, ref)), where)


def drop_packet(g: Gen, call: ir.ExternCall) -> None:
    """``drop_packet()``."""
    _to(g, call, DROPPED)


def send_to_port(g: Gen, call: ir.ExternCall) -> None:
    """``send_to_port(port)``."""
    port = call.args[0]
    if port is None:
        raise CannotOffload("an argument is missing", call.span)
    ex.value(g, port)
    g.store_leaf(_remembered(g, call, PORT), R1)
    _to(g, call, TO_PORT)


def recirculate(g: Gen, call: ir.ExternCall) -> None:
    """``recirculate()``."""
    g.store_constant(next(leaves(g.program, _remembered(g, call, AGAIN))), 1)


def by_direction(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``SelectByDirection(direction, n2h_value, h2n_value)``: both values are evaluated, then one is taken."""
    direction, first, second = call.args
    if direction is None or first is None or second is None:
        raise CannotOffload("an argument is missing", call.span)
    other, end = g.asm.label(), g.asm.label()
    with g.scope():
        values = [g.declare(f"$way{n}", result.type, call.span) for n in range(2)]
        ex.value(g, direction)
        with g.hold() as held:
            for place, given in zip(values, (first, second), strict=True):
                stmts.assign(g, place, given)
            held.load(R1)
        g.asm.jump("jne", R1, DIRECTION_FROM_NET, other)
        stmts.copy(g, result, values[0], call.span)
        g.asm.goto(end)
        g.asm.place(other)
        stmts.copy(g, result, values[1], call.span)
        g.asm.place(end)


__all__ = [
    "AGAIN", "DROPPED", "NOWHERE_YET", "PORT", "TO", "TO_PORT", "by_direction", "drop_packet", "recirculate",
    "send_to_port",
]  # fmt: skip
