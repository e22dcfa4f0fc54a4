"""How often a loop turns: told by what its condition reads and its updates change, before there is a packet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from . import estimate, operands
from .gen import Gen

MAX_TURNS: Final = 512
"""Turns of a loop, those of loops around it multiplied; more are refused."""


@dataclass(frozen=True)
class Bound:
    """At most so many turns, if nothing in the loop's body changes these variables."""

    turns: int
    counted: frozenset[str]


def with_updates(stmt: ir.For) -> ir.For:
    """The loop with the assignments that end its body among its updates, as long as ``continue`` skips none."""
    body = list(stmt.body.body)
    update = list(stmt.update)
    if not any(isinstance(each, ir.Leave) and each.kind == "continue" for each in mentioned(stmt.body)):
        declared = {each.name for each in mentioned(stmt.body) if isinstance(each, ir.Declare)}
        while body and isinstance(last := body[-1], ir.Assign) and not (declared & _names(last)):
            update.insert(0, body.pop())
    return replace(stmt, body=replace(stmt.body, body=tuple(body)), update=tuple(update))


def with_start(stmt: ir.For, before: Sequence[ir.Stmt]) -> ir.For:
    """The loop with the constants among its initialisations that its condition's variables got directly before it;
    they get them twice then."""
    wanted = {name for name in _names(stmt.condition) if _start(stmt, name) is None}
    init: list[ir.Stmt] = list(stmt.init)
    for each in reversed(before):
        match each:
            case ir.Declare(name=name, type=type_, init=ir.Const() as value):
                target = ir.Var(name, type_, each.span)
            case ir.Assign(ir.Var(name) as target, ir.Const() as value):
                pass
            case _:
                break
        if name in wanted:
            wanted.remove(name)
            init.insert(0, ir.Assign(target, value, each.span))
    return replace(stmt, init=tuple(init))


def bound(g: Gen, stmt: ir.For) -> Bound | None:
    """The smallest number of turns that is certain; None if none is."""
    parts = list(_conjuncts(stmt.condition))
    updates = [each for each in stmt.update if isinstance(each, ir.Assign) and not operands.has_calls(each.value)]
    begun = [_begins(each) for each in stmt.init]
    if len(updates) < len(stmt.update) or not all(begun) or any(operands.has_calls(part) for part in parts):
        return None
    found = [
        made for part in parts for made in (_upwards(g, stmt, part, updates), _tried(g, stmt, part, updates)) if made
    ]
    return min(found, key=lambda made: made.turns, default=None)


def _conjuncts(condition: ir.Expr) -> Iterator[ir.Expr]:
    if isinstance(condition, ir.Binary) and condition.op == "&&":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def _begins(stmt: ir.Stmt) -> bool:
    """Whether an initialisation gives one variable a value, and does nothing else."""
    match stmt:
        case ir.Declare(init=value) | ir.Assign(value=value):
            return not operands.has_calls(value)
    return False


def _names(node: object) -> set[str]:
    return {each.name for each in mentioned(node) if isinstance(each, ir.Var)}


def _changed(target: ir.Expr) -> str | None:
    """The variable of which an assignment changes all or a part: not one that an index mentions."""
    while isinstance(target, ir.Member | ir.Index | ir.Slice):
        target = target.base
    return target.name if isinstance(target, ir.Var) else None


def _start(stmt: ir.For, name: str) -> ir.Expr | None:
    """What the loop gives the variable at first, if it gives it something once."""
    found = [each.init for each in stmt.init if isinstance(each, ir.Declare) and each.name == name]
    found += [each.value for each in stmt.init if isinstance(each, ir.Assign) and name == _changed(each.target)]
    return found[0] if len(found) == 1 else None


# --- i = n; i < m; i = i + k ------------------------------------------------------------------------------------------


def _upwards(g: Gen, stmt: ir.For, condition: ir.Expr, updates: list[ir.Assign]) -> Bound | None:
    """``i < m`` and the like: ``m`` is anything of which it is known how large it can be."""
    match condition:
        case ir.Binary("<" | "<=" | "!=" as op, ir.Var(name), high):
            pass
        case _:
            return None
    start = _start(stmt, name)
    match [each for each in updates if name == _changed(each.target)]:
        case [ir.Assign(ir.Var(), ir.Binary("+", ir.Var(counted), ir.Const() as step))] if counted == name:
            pass
        case _:
            return None
    first, by = operands.constant_value(g, start) if start else None, operands.constant_value(g, step)
    last = estimate.largest(g, high)
    if first is None or not by or operands.is_signed(high.type):
        return None
    if op == "!=" and (operands.constant_value(g, high) is None or (last - first) % by or last < first):
        return None
    if op != "!=" and last + by >= 1 << g.width(high.type):
        return None  # it may go round
    return Bound(max(0, (last - first) // by + 1), frozenset((name,)))


# --- loops over constants: tried out ----------------------------------------------------------------------------------


def _tried(g: Gen, stmt: ir.For, condition: ir.Expr, updates: list[ir.Assign]) -> Bound | None:
    """A condition on variables that the loop gives constants, and changes by constants and each other alone."""
    needed = _names(condition)
    while True:
        changing = [each for each in updates if _changed(each.target) in needed]
        more = needed.union(*(_names(each.value) for each in changing))
        if more == needed:
            break
        needed = more
    starts = {name: _start(stmt, name) for name in needed}
    values = {name: None if init is None else operands.constant_value(g, init) for name, init in starts.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if not needed or len(known) < len(needed) or not all(isinstance(each.target, ir.Var) for each in changing):
        return None
    for turns in range(MAX_TURNS + 1):
        goes_on = _value(g, condition, known)
        if goes_on is None:
            return None
        if not goes_on:
            return Bound(turns, frozenset(needed))
        for each in changing:
            value = _value(g, each.value, known)
            if value is None:
                return None
            known[next(iter(_names(each.target)))] = value
    return None


def _value(g: Gen, expr: ir.Expr, known: dict[str, int]) -> int | None:
    """The value, as an unsigned number; None where it is not known or not computed here."""
    match expr:
        case ir.Const():
            return operands.constant_value(g, expr)
        case ir.Var(name):
            return known.get(name)
        case ir.Binary(op, left, right):
            one, two = _value(g, left, known), _value(g, right, known)
            return None if one is None or two is None else _binary(g, op, one, two, left.type)
        case ir.Unary("!", operand):
            value = _value(g, operand, known)
            return None if value is None else int(not value)
    return None


def _binary(g: Gen, op: str, left: int, right: int, type_: ir.Type) -> int | None:
    width = g.width(type_)
    full = (1 << width) - 1
    if operands.is_signed(type_):
        if op in ("<", "<=", ">", ">="):
            left, right = left ^ (full + 1 >> 1), right ^ (full + 1 >> 1)
        elif op == ">>":
            return None
    match op:
        case "+" | "-" | "*":
            return {"+": left + right, "-": left - right, "*": left * right}[op] & full
        case "&" | "|" | "^":
            return {"&": left & right, "|": left | right, "^": left ^ right}[op]
        case "<<":
            return left << min(right, width) & full
        case ">>":
            return left >> min(right, width)
        case "<" | "<=" | ">" | ">=" | "==" | "!=":
            return int({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
                        "==": left == right, "!=": left != right}[op])  # fmt: skip
        case "||":
            return int(bool(left or right))
    return None


__all__ = ["MAX_TURNS", "Bound", "bound", "with_start", "with_updates"]
