"""What a parser's code says before there is a packet: loops, sizes, and what follows a header stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from . import estimate, operands
from .gen import Gen

MAX_SIZES: Final = 512
"""Numbers of bits that one call extracts or skips; more are refused."""
LONGEST_FRAME: Final = 8 * 0xFFFF
"""Bits."""


def chosen_key(keys: Sequence[ir.Expr]) -> tuple[int, ir.Mux] | None:
    """The first key that is one of two values of which one follows a header stack, and so may be an error that the
    other one is not; behind keys that are none."""
    for number, key in enumerate(keys):
        if isinstance(key, ir.Mux) and (follows(key.then) or follows(key.otherwise)):
            return number, key
        if follows(key) or operands.has_calls(key):
            return None
    return None


def possible_sizes(g: Gen, size: ir.Expr, limit: int) -> Sequence[int]:
    """The values up to ``limit`` that ``size`` may have, without those that are an error before there is anything."""
    unit = 8 if g.varbit_bytes_only else 1
    step = max(unit, 1 << min(16, estimate.low_zeros(g, size)))
    steps = range(0, min(estimate.largest(g, size), limit) + 1, step)
    values = estimate.values(g, size, MAX_SIZES)
    if values is None:
        return steps
    few = sorted(value for value in values if value <= limit and value % unit == 0)
    return min((few, steps), key=len)


def most_bits(call: ir.ExternCall) -> int:
    """The most bits that ``call`` can extract as its varbit, or skip."""
    bare = ir.bare(call.type_args[0]) if call.method == "extract" else None
    if bare is None:
        return LONGEST_FRAME
    found = [ir.bare(f.type) for f in bare.fields] if isinstance(bare, ir.HeaderType) else []
    varying = [t.max_width for t in found if isinstance(t, ir.VarbitType)]
    if len(varying) != 1:
        raise CannotOffload("extract with a size, into a header without a varbit", call.span)
    return varying[0]


def varies(g: Gen, call: ir.ExternCall) -> bool:
    """Whether how much a call extracts or skips is found out when the packet is there."""
    sized = call.method == "advance" or len(call.args) > 1
    return sized and constant_size(g, call) is None


def constant_size(g: Gen, call: ir.ExternCall) -> int | None:
    """The bits of the varbit that ``call`` extracts, or that it skips, if they are known."""
    size = call.args[-1] if call.method == "advance" or len(call.args) > 1 else None
    return None if size is None else operands.constant_value(g, size)


def moves(stmt: ir.Stmt) -> bool:
    """Whether a statement extracts, advances, runs a sub-parser or follows a stack's index somewhere inside."""
    todo: list[ir.Stmt] = [stmt]
    while todo:
        match todo.pop():
            case ir.Block(body):
                todo += body
            case ir.If(then=then, otherwise=otherwise):
                todo += [then, otherwise]
            case ir.Do(ir.BlockApply()) | ir.Do(ir.ExternCall(extern="packet_in")):
                return True
            case ir.Assign(target, value) if follows(target) or follows(value):
                return True
            case ir.Do(call) if follows(call):
                return True
    return False


def follows(expr: ir.Expr) -> bool:
    """Whether an expression has ``.next`` or ``.last`` of a header stack in it."""
    todo = [expr]
    while todo:
        item = todo.pop()
        if isinstance(item, ir.Member) and isinstance(ir.bare(item.base.type), ir.StackType):
            return True
        todo += operands.children(item)
        if isinstance(item, ir.FunctionCall | ir.ExternCall):
            todo += [arg for arg in item.args if arg is not None]
    return False


def declared(states: Sequence[ir.State]) -> list[ir.Declare]:
    """Every variable that the states declare, inside blocks too."""
    out: list[ir.Declare] = []
    todo: list[ir.Stmt] = [stmt for state in reversed(states) for stmt in reversed(state.body)]
    while todo:
        match todo.pop():
            case ir.Declare() as found:
                out.append(found)
            case ir.Block(body):
                todo += reversed(body)
            case ir.If(then=then, otherwise=otherwise):
                todo += [otherwise, then]
    return out


__all__ = [
    "MAX_SIZES", "chosen_key", "constant_size", "declared", "most_bits", "moves", "possible_sizes", "varies",
]  # fmt: skip
