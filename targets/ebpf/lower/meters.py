"""Meters: the colour of each lies in a map that whoever polices keeps up to date, in user space or another program.

No architecture says what a meter's colour is: it hangs on rates that are configured and on what passed before. So any
colour is right, and this one is what the map holds: 0 green (as of a meter without rates), 1 yellow, 2 red, and red
for any other number.
"""

from __future__ import annotations

from collections.abc import Callable

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2
from ..cells import COLOUR_BYTES, meter_map
from . import cellcode, direct, operands, stmts
from . import expr as ex
from .frame import Ref
from .gen import Gen, Temp

GREEN, YELLOW, RED = range(3)
LEAST_BITS = 2
"""Of a variable that holds each of the three."""


def execute_meter(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``execute_meter(index, result)``."""
    index, target = call.args
    if index is None:
        raise CannotOffload("an argument is missing", call.span)
    _into(g, call, target, lambda: _find(g, call, index))


def read_direct(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``direct_meter.read(result)``."""
    _into(g, call, call.args[0], lambda: direct.find_colour(g, call))


def execute(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """PSA's and PNA's ``execute`` and ``dpdk_execute``: no better colour than one that is given."""
    index = call.args[0]
    if index is None:
        raise CannotOffload("an argument is missing", call.span)
    if operands.has_calls(index):
        raise CannotOffload("a call inside an argument of a meter", call.span)
    _execute(g, call, result, lambda: _find(g, call, index))


def execute_direct(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``DirectMeter``'s ``execute`` and ``dpdk_execute``."""
    _execute(g, call, result, lambda: direct.find_colour(g, call))


def _into(g: Gen, call: ir.ExternCall, target: ir.Expr | None, find: Callable[[], None]) -> None:
    """The colour's number, 0 to 2, into a variable."""
    if target is None or not LEAST_BITS <= g.width(target.type, call.span) <= 64:
        raise CannotOffload("a meter's colour in fewer than 2 bits, or more than 64", call.span)
    with g.scope():
        result = g.declare("$colour", target.type, call.span)
        find()
        _rank(g)
        g.store_leaf(result, R1)
        stmts.store(g, target, ir.Var("$colour", target.type, call.span), call.span)


def _execute(g: Gen, call: ir.ExternCall, result: Ref, find: Callable[[], None]) -> None:
    type_ = ir.bare(call.type)
    if not isinstance(type_, ir.EnumType):
        raise CannotOffload("a meter's colour that is no enum", call.span)
    colours = [type_.members.index(name) for name in ("GREEN", "YELLOW", "RED")]
    given = [arg for arg in call.args if arg is not None and isinstance(ir.bare(arg.type), ir.EnumType)]
    if any(operands.has_calls(arg) for arg in given):
        raise CannotOffload("a call inside an argument of a meter", call.span)
    find()
    _rank(g)
    with g.hold() as rank:
        for before in given:
            _no_better(g, before, rank, colours)
        rank.load(R2)
        g.constant(R1, colours[GREEN])
        for each in (YELLOW, RED):
            other = g.asm.label()
            g.asm.jump("jne", R2, each, other)
            g.constant(R1, colours[each])
            g.asm.place(other)
    g.store_leaf(result, R1)


def _find(g: Gen, call: ir.ExternCall, index: ir.Expr) -> None:
    """r0 = the address of the colour of the meter that is called, or 0."""
    cellcode.find_element(g, meter_map(cellcode.instance_of(g, call)), index)


def _rank(g: Gen) -> None:
    """r1 = 0, 1 or 2 for the colour at r0; 0 if there is none."""
    end = g.asm.label()
    g.constant(R1, GREEN)
    g.asm.jump("jeq", R0, 0, end)
    g.asm.emit(asm.load(COLOUR_BYTES, R1, R0, 0))
    g.asm.jump("jle", R1, RED, end)
    g.constant(R1, RED)
    g.asm.place(end)


def _no_better(g: Gen, before: ir.Expr, rank: Temp, colours: list[int]) -> None:
    """Make ``rank`` as bad as the colour ``before``, if it is better."""
    ex.value(g, before)
    with g.hold() as given:
        for each in (YELLOW, RED):
            other = g.asm.label()
            given.load(R1)
            g.asm.jump("jne", R1, colours[each], other)
            rank.load(R1)
            g.asm.jump("jge", R1, each, other)
            g.constant(R1, each)
            rank.save(R1)
            g.asm.place(other)
