"""The methods that a program gives to extern objects (abstract methods), as text: what they do, not how it is written.

An extern may call them whenever it is called, with any arguments. Two objects whose methods do the same are used alike
by an extern that is the same; so the text of what they do belongs to what the object is. What they read and write of
the block around them (:mod:`.captured`) is among what they are functions of, and to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import is_choice
from ..meaning.calls import ENDS_CALL, VOID, Argument, call
from ..meaning.dispatch import ExternTable
from ..meaning.inputs import Symbolic
from ..meaning.machine import FOLLOWED_SO_FAR, Machine, deep_recursion
from ..meaning.parameters import Names, arbitrary, flatten
from ..meaning.references import Reference, fetch
from ..meaning.values import Scalar, Value, uninitialised
from ..source import Span, Unsupported
from .captured import Captured, CapturedLeaf, captured_variables, own_names
from .terms_text import as_text


@dataclass(frozen=True)
class Methods:
    """What the methods of an object do."""

    text: str = ""
    """Equal texts mean the same; "" without methods."""
    captured: Captured = field(default_factory=Captured)
    chosen: bool = False
    """Whether what they do hangs on an undefined value."""


def methods_of(
    program: ir.Program, instance: ir.Instance, externs: ExternTable, begin: Callable[[Machine], None], world: str
) -> Methods:
    """What the methods of an object do.

    Args:
        program: the program.
        instance: the object.
        externs: what the methods' own calls of externs mean.
        begin: sets the externs' world up.
        world: the name under which the machine remembers it.

    Raises:
        Unsupported: a method uses what is not modelled, or variables around it in a way that is not.
    """
    block, variables = captured_variables(program, instance)
    found: list[_Done] = []
    for method in sorted(instance.methods, key=lambda f: (f.name, len(f.params))):
        m = Machine(program, None, Symbolic(), externs)
        m.opaque, m.block = True, block
        begin(m)
        with deep_recursion():
            found.append(_done(m, method, variables, world))
    leaves = _numbered(found)
    touched, written = _sets(found, leaves, _Done.touches), _sets(found, leaves, _Done.writes)
    text = "".join(f"{done.name}({done.text(leaves)})" for done in found)
    captured = Captured(block, variables, tuple(leaves), touched, written)
    chosen = any(is_choice(v) for done in found for v in b.variables(*done.results, *done.after.values()))
    return Methods(hashlib.sha256(text.encode()).hexdigest() if text else "", captured, chosen)


@dataclass(frozen=True)
class _Done:
    """What one method does, for any arguments and any values of the variables around it."""

    name: str
    results: list[Term]
    """Its result, its parameters afterwards, and the externs' world."""
    before: Mapping[CapturedLeaf, Term]
    """The leaves of the variables as they are read."""
    after: Mapping[CapturedLeaf, Term]
    """The leaves that it writes."""

    def writes(self, leaf: CapturedLeaf) -> bool:
        """Whether it may write a leaf."""
        return leaf in self.after

    def touches(self, leaf: CapturedLeaf) -> bool:
        """Whether it may read or write a leaf."""
        asked = b.variables(*self.results, *self.after.values())
        return self.writes(leaf) or any(v in asked for v in self._inputs(leaf))

    def text(self, numbers: Mapping[CapturedLeaf, int]) -> str:
        """What it does, with leaves by their numbers."""
        written = {numbers[leaf]: term for leaf, term in self.after.items()}
        terms = [*self.results, *(written[n] for n in sorted(written))]
        named = {v: b.var(f"captured {numbers[leaf]}", v.sort) for leaf in numbers for v in self._inputs(leaf)}
        return f"{as_text(b.substitute(terms, named))};writes {sorted(written)}"

    def _inputs(self, leaf: CapturedLeaf) -> list[Term]:
        return [v for v in b.variables(self.before[leaf]) if v.name == _input(leaf)]


def _input(leaf: CapturedLeaf) -> str:
    """The name of the variable that a leaf is before a method runs."""
    return f"in.{leaf.variable}{leaf.path}"


def _numbered(found: Sequence[_Done]) -> dict[CapturedLeaf, int]:
    """The leaves that are read or written, in the order of the variables and of their types."""
    every = list(found[0].before) if found else []
    used = (leaf for leaf in every if any(done.touches(leaf) for done in found))
    return {leaf: number for number, leaf in enumerate(used)}


def _sets(
    found: Sequence[_Done], numbers: Mapping[CapturedLeaf, int], does: Callable[[_Done, CapturedLeaf], bool]
) -> dict[str, frozenset[int]]:
    """Method → the numbers of the leaves of which it does this; of overloads, any of them."""
    sets: dict[str, frozenset[int]] = {}
    for done in found:
        here = frozenset(number for leaf, number in numbers.items() if does(done, leaf))
        sets[done.name] = sets.get(done.name, frozenset()) | here
    return sets


def _done(m: Machine, method: ir.Function, variables: Mapping[str, ir.Type], world: str) -> _Done:
    """Run a method for any arguments."""
    store = {name: arbitrary(m, type_, name, Names(), method.span) for name, type_ in variables.items()}
    before = _captured_leaves(m, store, variables, method.span)
    m.state.store |= store
    results = _results(m, method)
    if any(note.startswith(FOLLOWED_SO_FAR) for note in m.notes):
        raise Unsupported("a loop in them is followed only so far", method.span)
    after = _captured_leaves(m, {name: m.state.store[name] for name in variables}, variables, method.span)
    changed = {leaf: term for leaf, term in after.items() if term is not before[leaf]}
    return _Done(method.name, [*results, m.recall(world, method.span)], before, changed)


def _captured_leaves(
    m: Machine, store: Mapping[str, Value], variables: Mapping[str, ir.Type], span: Span
) -> dict[CapturedLeaf, Term]:
    def read(leaf: Scalar, _path: str) -> Term:
        return m.read(leaf, span)

    return {
        CapturedLeaf(name, path): term
        for name, type_ in variables.items()
        for path, term in flatten(store[name], type_, "", read, span)
    }


def _results(m: Machine, method: ir.Function) -> list[Term]:
    """The result and the parameters afterwards."""
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
    result = call(m, arguments, lambda: m.exec(method.body), ENDS_CALL, method.span, shares=own_names(method))
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
