"""The methods that a program gives to extern objects (abstract methods), as text: what they do, not how it is written.

An extern may call them whenever it is called, with any arguments. Two objects whose methods do the same are used alike
by an extern that is the same; so the text of what they do belongs to what the object is. A method that reads or writes
variables of the block around it is no function of its arguments, and is not supported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.calls import ENDS_CALL, VOID, Argument, call
from ..meaning.inputs import Symbolic
from ..meaning.machine import ExternTable, Machine, deep_recursion
from ..meaning.parameters import Names, arbitrary, flatten
from ..meaning.references import Reference, fetch
from ..meaning.values import Scalar, Value, uninitialised
from ..source import Span, Unsupported


def methods_text(
    program: ir.Program, instance: ir.Instance, externs: ExternTable, begin: Callable[[Machine], None], world: str
) -> str:
    """What the methods of an object do, so that equal text means the same.

    Args:
        program: the program.
        instance: the object.
        externs: what the methods' own calls of externs mean.
        begin: sets the externs' world up.
        world: the name under which the machine remembers it.

    Raises:
        Unsupported: a method uses what is not modelled, or variables of the block around it.
    """
    texts = []
    for method in sorted(instance.methods, key=lambda f: f.name):
        m = Machine(program, None, Symbolic(), externs)
        m.opaque = True
        begin(m)
        with deep_recursion():
            terms = _terms(m, method)
        texts.append(f"{method.name}({_as_text([*terms, m.recall(world, method.span)])})")
    return hashlib.sha256("".join(texts).encode()).hexdigest() if texts else ""


def _terms(m: Machine, method: ir.Function) -> list[Term]:
    """The result and the parameters afterwards, for any arguments."""
    arguments, places = [], []
    for number, param in enumerate(method.params):
        name, span = f"argument {number}", param.span
        place = Reference(name, (), span) if param.direction in ("out", "inout") else None
        given = uninitialised(param.type, span)
        value = given if param.direction == "out" else arbitrary(m, param.type, name, Names(), span)
        arguments.append(Argument(param, value, place))
        if place is not None:
            m.state.store[name] = given
            places.append((place, param))
    result = call(m, arguments, lambda: m.exec(method.body), ENDS_CALL, method.span)
    if m.state.dead or m.leavers:
        raise Unsupported("a method of an extern object that does not come back", method.span)
    found = [] if result is VOID else _leaves(m, result, method.result, method.span)
    for place, param in places:
        found += _leaves(m, fetch(m, place), param.type, param.span)
    return found


def _leaves(m: Machine, value: Value, type_: ir.Type, span: Span) -> list[Term]:
    def read(leaf: Scalar, _path: str) -> Term:
        return m.read(leaf, span)

    return [term for _, term in flatten(value, type_, "", read, span)]


def _as_text(terms: list[Term]) -> str:
    """Terms as text of linear size: each node once, in an order that the terms alone decide."""
    numbers: dict[Term, int] = {}
    lines = []
    for node in b.postorder(terms):
        numbers[node] = len(numbers)
        args = ",".join(str(numbers[arg]) for arg in node.args)
        name = node.name if node.op in ("var", "apply") else repr(node.payload)
        lines.append(f"{node.op}:{node.sort}:{name}({args})")
    return ";".join([*lines, ",".join(str(numbers[t]) for t in terms)])
