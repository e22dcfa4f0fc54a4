"""Externs of which nothing is known but that they are functions: of their arguments and of all calls before them.

All extern objects and functions together have one *world*, a number that every call changes: what a call returns, and
the world after it, are uninterpreted functions of the world before it and of its arguments. Two programs that make the
same calls with the same arguments in the same order so get the same answers and end in the same world; whatever the
externs really do, that is exact, as long as they share nothing with the program but their arguments. A direct
resource of a table (a counter that counts its hits) is told of the lookup in the same way.

The functions are ``extern.NAME.after`` (the world, :data:`WORLD_BITS`), ``extern.NAME.result.K`` and
``extern.NAME.out.I.K`` (leaf ``K`` of the result, of argument ``I``); NAME says the extern, its instance with its
constructor's arguments, the method, strings among the arguments, and the widths of the leaves that go in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.calls import ENDS_CALL, VOID, Argument, bind, call, copy_out
from ..meaning.dispatch import ExternHandler
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parameters import flatten, made, with_leaves
from ..meaning.references import Reference, assign, fetch
from ..meaning.values import Scalar, Text, Value
from ..source import NOWHERE, Span, Unsupported
from .captured import Captured, CapturedLeaf, captured_variables, own_names
from .methods import Methods, methods_of
from .object_arrays import INDEX_BITS, index_of, is_there
from .promises import PURE, Promise, promises

WORLD: Final = "extern calls"
"""The input and the result that is the world; in between the machine remembers it (:attr:`State.objects`)."""

LATER: Final = "found later by methods: variable "
"""With its number and object behind: a result of :meth:`OpaqueExterns.seen_later`."""

WORLD_BITS: Final = 64
PARAMETER: Final = "$parameter "
"""With its position behind: an extern object that the block is given."""


_AND_OF: Final[Mapping[Promise, str]] = {
    "": " and of all extern calls before",
    "noSideEffects": " and of all extern calls before that may have side effects, and has none itself (@noSideEffects)",
    "pure": " alone (@pure)",
}


class OpaqueExterns(Mapping[tuple[str, str], ExternHandler]):
    """A meaning for every extern there may be: ``packet_in`` and ``packet_out`` as they are, all others opaque.

    Args:
        identity: the name by which both programs know an extern instance (its full name in this program is given).
        as_said: methods that the program gives to objects are called while others are only where that is said. Those
            of which nothing is said may be called when the block is done (:meth:`seen_later`).
        promised: calls do what annotations say (:mod:`.promises`); else each may change what later ones do.
    """

    def __init__(self, identity: Callable[[str], str], *, as_said: bool = False, promised: bool = False) -> None:
        self._as_said = as_said
        self._promised = promised
        self.promising = False
        """Whether something is called of which more is said than is taken to hold."""
        self._known = {**PACKET_IN, **PACKET_OUT}
        self._identity = identity
        self._methods: dict[str, Methods | None] = {}
        """Object → what the methods that the program gives it do; None while that is looked for."""
        self._later: dict[str, _Around] = {}
        """Object that was called → the variables that such methods of it read or write, if it has any."""
        self.at_any_time: dict[str, None] = {}
        """Methods that read or write variables of the block, of objects that were called, if nothing says when they are
        called."""

    def __getitem__(self, key: tuple[str, str]) -> ExternHandler:
        known = self._known.get(key)
        return known if known is not None else self._call

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def _call(self, m: Machine, node: ir.ExternCall) -> Value:
        arguments = bind(m, node.params, node.args, node.span)
        own = self._own_method(m, node)
        if own is not None:
            renamed = [replace(a, param=p) for a, p in zip(arguments, own.params, strict=True)]
            return call(m, renamed, lambda: m.exec(own.body), ENDS_CALL, node.span, shares=own_names(own))
        parts = [node.extern, node.method, self._object(m, node)]
        there, terms = b.TRUE, list[Term]()
        if node.index is not None:
            index = index_of(m, node.index)
            there = is_there(node, index, _own_object(m.program, node))
            terms.append(b.resize(index, INDEX_BITS))
        for argument, given in zip(arguments, node.args, strict=True):
            text, leaves = self._argument(m, argument, given, node.span)
            parts.append(text)
            terms += leaves
        around = self._around(m, node)
        parts += around.texts
        terms += around.read(m)
        promise = self._promise(m.program, node)
        name = f"extern{promise}." + "|".join([*parts, ",".join(str(t.width) for t in terms)])
        before = tuple(terms) if promise == PURE else (world(m), *terms)
        m.note(f"the extern {node.extern} is any function of its arguments{_AND_OF[promise]}")
        results = {
            argument.param.name: _answer(m, f"{name}.out.{i}", argument.param.type, before, node.span, there)
            for i, argument in enumerate(arguments)
            if argument.param.direction in ("out", "inout")
            and argument.value is not None
            and not isinstance(argument.value, Text)
        }
        result: Value = VOID
        if not isinstance(node.type, ir.VoidType):
            result = _answer(m, f"{name}.result", node.type, before, node.span, there)
        around.write(m, name, before)
        if not promise:
            after = _ask(m, f"{name}.after", WORLD_BITS, before, node.span)
            m.remember(WORLD, after if there is b.TRUE else b.ite(there, after, world(m)))
        copy_out(m, arguments, {**_unchanged(arguments), **results}, node.span)
        return result

    def _promise(self, program: ir.Program, node: ir.ExternCall) -> Promise:
        """What is said that a call does not do; nothing where methods of the program may be called by it."""
        own = _own_object(program, node)
        given = any(isinstance(ir.bare(param.type), ir.ExternType) for param in node.params)
        if given or (own is not None and own.methods):
            return ""
        promise = promises(program).get((node.extern, node.method, len(node.params)), "")
        self.promising |= bool(promise) and not self._promised
        return promise if self._promised else ""

    def seen_later(self, m: Machine) -> dict[str, Term]:
        """What methods find in the variables of the block if they are called when it is done: of those that are not
        called while others are, if they are called as is said."""
        if not self._as_said:
            return {}
        return {
            f"{LATER}{number} of {self._identity(name)}": term
            for name, around in self._later.items()
            for number, term in zip(around.touched, around.read(m), strict=True)
        }

    def _object(self, m: Machine, node: ir.ExternCall) -> str:
        if node.object is None:
            return ""
        if node.object.startswith(PARAMETER):
            return node.object
        if node.is_param:
            raise Unsupported(f"extern {node.extern} of an object that no instance is known for", node.span)
        return self.known_as(m.program, node.object)

    def _own_method(self, m: Machine, node: ir.ExternCall) -> ir.Function | None:
        """The method that the program gives to the object that is called, if it is that which is called."""
        own = _own_object(m.program, node)
        if own is None:
            return None
        found = [f for f in own.methods if f.name == node.method and len(f.params) == len(node.params)]
        if found:
            self._in_its_block(m, node)
        return found[0] if found else None

    def known_as(self, program: ir.Program, name: str) -> str:
        """The name by which both programs know an object, and what its methods do, if the program gives it some.

        Raises:
            Unsupported: a method is no function of its arguments, of variables around it and the extern calls before.
        """
        if not program.instance(name).methods:
            return self._identity(name)
        methods = self._methods_of(program, name)
        return f"{self._identity(name)} with {methods.text if methods is not None else 'itself'}"

    def methods_choose(self, program: ir.Program, name: str) -> bool:
        """Whether what the methods that a program gives to an object do hangs on an undefined value. Raises
        Unsupported as :meth:`known_as`."""
        methods = self._methods_of(program, name)
        return methods is not None and methods.chosen

    def _methods_of(self, program: ir.Program, name: str) -> Methods | None:
        """What an object's methods do; None where one of them calls another of its object's."""
        instance = program.instance(name)
        if name not in self._methods:
            self._methods[name] = None
            try:
                self._methods[name] = methods_of(program, instance, self, begin_world, WORLD)
            except Unsupported as problem:
                del self._methods[name]
                raise _unsupported(instance, problem.reason, problem.span) from problem
        return self._methods[name]

    def _in_its_block(self, m: Machine, node: ir.ExternCall) -> None:
        """Raises Unsupported where an object's methods read or write variables that the machine does not hold now."""
        instance = m.program.instance(node.object or "")
        block, named = captured_variables(m.program, instance)
        if named and m.block != block:
            raise _unsupported(instance, f"called where {next(iter(named))} is not known", node.span)

    def _around(self, m: Machine, node: ir.ExternCall) -> _Around:
        """What the methods of the object that is called read and write of the block."""
        if node.object is None or node.object.startswith(PARAMETER) or not m.program.instance(node.object).methods:
            return _Around(Captured(), [], [], node.span)
        self._in_its_block(m, node)
        methods = self._methods_of(m.program, node.object)
        if methods is None:
            instance = m.program.instance(node.object)
            for name in captured_variables(m.program, instance)[1]:
                raise _unsupported(instance, f"they call the object itself, and read or write {name}", node.span)
            return _Around(Captured(), [], [], node.span)
        touched, written = methods.captured.at_call(m.program, node.extern, node.method, as_said=self._as_said)
        if methods.captured.types:
            m.note(f"methods that the program gives to an extern {node.extern} are called while others of it are only")
        unsaid = methods.captured.at_any_time(m.program, node.extern)
        self.at_any_time |= dict.fromkeys(f"{node.object}.{name}" for name in unsaid)
        if unsaid:
            later = sorted({number for name in unsaid for number in methods.captured.touched[name]})
            self._later[node.object] = _Around(methods.captured, later, [], node.span)
        return _Around(methods.captured, touched, written, node.span)

    def _argument(self, m: Machine, argument: Argument, given: ir.Expr | None, span: Span) -> tuple[str, list[Term]]:
        """What of an argument goes into the name, and the leaves that go in."""
        param, value = argument.param, argument.value
        if isinstance(ir.bare(param.type), ir.ExternType):
            if not isinstance(value, Text):
                raise Unsupported("an extern that is given the packet", span)
            if value.text.startswith(PARAMETER):
                return value.text, []
            return self._given_away(m.program, value.text, span), []
        if param.direction == "out" or value is None:
            return param.direction or "none", []
        if isinstance(value, Text):
            return repr(value.text), []
        if isinstance(ir.bare(param.type), ir.IntType) and isinstance(given, ir.Const):
            return str(given.value), []
        return param.direction, list(_leaves(m, value, param.type, span))

    def _given_away(self, program: ir.Program, name: str, span: Span) -> str:
        """:meth:`known_as` of an object that another extern is given, which may call it at any time from then on."""
        instance = program.instance(name)
        for variable in captured_variables(program, instance)[1]:
            raise _unsupported(instance, f"it is given to an extern, and reads or writes {variable}", span)
        return self.known_as(program, name)


def _unsupported(instance: ir.Instance, reason: str, span: Span) -> Unsupported:
    return Unsupported(f"extern {instance.extern} whose methods the program defines: {reason}", span)


@dataclass(frozen=True)
class _Around:
    """The variables of a block that the methods of an object may read and write while it is called."""

    captured: Captured
    touched: list[int]
    written: list[int]
    span: Span

    @property
    def texts(self) -> list[str]:
        """What of them goes into the name of the call: which leaves are read."""
        return [f"around {','.join(map(str, self.touched))}"] if self.touched else []

    def read(self, m: Machine) -> list[Term]:
        """The leaves that are read or written, before the call."""
        needed = {self.captured.leaves[n]: n for n in self.touched}
        found: dict[int, Term] = {}
        for name, type_ in self._variables(self.touched).items():

            def read(leaf: Scalar, path: str, name: str = name) -> Term:
                return m.read(leaf, self.span) if CapturedLeaf(name, path) in needed else leaf.term

            for path, term in flatten(fetch(m, Reference(name, (), self.span)), type_, "", read, self.span):
                number = needed.get(CapturedLeaf(name, path))
                if number is not None:
                    found[number] = term
        return [found[n] for n in self.touched]

    def write(self, m: Machine, call: str, before: tuple[Term, ...]) -> None:
        """The leaves that may be written, after it: functions of what the call is given. One that was not defined may
        still not be."""
        numbers = {self.captured.leaves[n]: n for n in self.written}
        for name, type_ in self._variables(self.written).items():

            def change(path: str, old: Scalar, type_: ir.Type, name: str = name) -> Scalar:
                number = numbers.get(CapturedLeaf(name, path))
                return old if number is None else _written(m, f"{call}.around.{number}", old, type_, before, self.span)

            place = Reference(name, (), self.span)
            assign(m, place, with_leaves(fetch(m, place), type_, "", change, self.span))

    def _variables(self, numbers: list[int]) -> dict[str, ir.Type]:
        named = {self.captured.leaves[n].variable for n in numbers}
        return {name: type_ for name, type_ in self.captured.types.items() if name in named}


def _written(m: Machine, name: str, old: Scalar, type_: ir.Type, before: tuple[Term, ...], span: Span) -> Scalar:
    """A leaf that a method may have written."""
    term = _ask(m, name, max(1, old.term.width), before, span)
    bare = ir.bare(type_)
    count = len(m.program.errors) if isinstance(bare, ir.ErrorType) else None
    if isinstance(bare, ir.EnumType) and bare.underlying is None:
        count = len(bare.members)
    if count is not None:
        m.axioms[b.ult(term, b.bv(count, term.width))] = None
    defined = m.decide(old.defined)
    if defined is not b.TRUE:
        defined = b.or_(defined, b.to_bool(_ask(m, f"{name}.defined", 1, before, span)))
    return Scalar(b.to_bool(term) if old.term.sort is b.BOOL else term, defined, old.origin)


def _unchanged(arguments: list[Argument]) -> dict[str, Value]:
    return {a.param.name: a.value for a in arguments if a.value is not None}


def begin_world(m: Machine) -> None:
    """The block begins: no extern was called yet."""
    m.remember(WORLD, m.input.metadata(WORLD, WORLD_BITS))


def _own_object(program: ir.Program, node: ir.ExternCall) -> ir.Instance | None:
    """The object, or array of objects, that is called, if it is one of the program's own."""
    if node.object is None or node.is_param or node.object.startswith(PARAMETER):
        return None
    return program.instance(node.object)


def world(m: Machine) -> Term:
    """The world now."""
    return m.recall(WORLD, NOWHERE)


def has_called(m: Machine) -> bool:
    """Whether any extern may have been called."""
    return world(m) is not m.input.metadata(WORLD, WORLD_BITS)


def _ask(m: Machine, name: str, width: int, given: tuple[Term, ...], span: Span) -> Term:
    return m.input.function(name, width, given, "what an extern does is not known", span, m.trace)


def _leaves(m: Machine, value: Value, type_: ir.Type, span: Span) -> Iterator[Term]:
    for _, term in flatten(value, type_, "", lambda leaf, _: m.read(leaf, span), span):
        yield term


def _answer(m: Machine, name: str, type_: ir.Type, before: tuple[Term, ...], span: Span, there: Term = b.TRUE) -> Value:
    """A value of ``type_`` each of whose leaves is a function of ``before``, where there is somebody to answer."""
    number = 0

    def leaf(width: int) -> Scalar:
        nonlocal number
        number += 1
        term = _ask(m, f"{name}.{number}", max(1, width), before, span)
        if there is not b.TRUE:
            term = b.ite(there, term, m.fresh(term.width, "no object of the array is called", span))
        return Scalar(b.to_bool(term) if width == 0 else term)

    return made(m, type_, leaf, span)


def table_hook(identity: Callable[[str], str]) -> Callable[[Machine, ir.Table, list[Term], Term, Term | None], None]:
    """For a table with extern objects of its own: the lookup is a call of them."""

    def hook(m: Machine, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
        own = [f"{p.name}={identity(p.value)}" for p in table.properties if isinstance(p.value, str)]
        if not own:
            return
        name = "extern." + "|".join(["lookup", *own, ",".join(str(k.width) for k in keys)])
        m.note("what hangs on a table (direct counters and meters) is any function of the lookups and extern calls")
        after = _ask(m, f"{name}.after", WORLD_BITS, (world(m), b.from_bool(hit), *keys), table.span)
        m.remember(WORLD, after)

    return hook
