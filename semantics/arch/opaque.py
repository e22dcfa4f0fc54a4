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
from dataclasses import replace
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.calls import ENDS_CALL, VOID, Argument, bind, call, copy_out
from ..meaning.machine import ExternHandler, Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parameters import flatten, made
from ..meaning.values import Scalar, Text, Value
from ..source import NOWHERE, Span, Unsupported
from .methods import methods_text

WORLD: Final = "extern calls"
"""The input and the result that is the world; in between the machine remembers it (:attr:`State.objects`)."""

WORLD_BITS: Final = 64
PARAMETER: Final = "$parameter "
"""With its position behind: an extern object that the block is given."""


class OpaqueExterns(Mapping[tuple[str, str], ExternHandler]):
    """A meaning for every extern there may be: ``packet_in`` and ``packet_out`` as they are, all others opaque.

    Args:
        identity: the name by which both programs know an extern instance (its full name in this program is given).
    """

    def __init__(self, identity: Callable[[str], str]) -> None:
        self._known = {**PACKET_IN, **PACKET_OUT}
        self._identity = identity
        self._methods: dict[str, str] = {}
        """Object → what the methods that the program gives it do."""

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
            return call(m, renamed, lambda: m.exec(own.body), ENDS_CALL, node.span)
        parts = [node.extern, node.method, self._object(m, node)]
        terms = [] if node.index is None else [m.read(m.eval(node.index), node.index.span)]
        for argument, given in zip(arguments, node.args, strict=True):
            text, leaves = self._argument(m, argument, given, node.span)
            parts.append(text)
            terms += leaves
        name = "extern." + "|".join([*parts, ",".join(str(t.width) for t in terms)])
        before = (world(m), *terms)
        m.note(f"the extern {node.extern} is any function of its arguments and of all extern calls before")
        results = {
            argument.param.name: _answer(m, f"{name}.out.{i}", argument.param.type, before, node.span)
            for i, argument in enumerate(arguments)
            if argument.param.direction in ("out", "inout")
            and argument.value is not None
            and not isinstance(argument.value, Text)
        }
        result: Value = VOID
        if not isinstance(node.type, ir.VoidType):
            result = _answer(m, f"{name}.result", node.type, before, node.span)
        m.remember(WORLD, _ask(m, f"{name}.after", WORLD_BITS, before, node.span))
        copy_out(m, arguments, {**_unchanged(arguments), **results}, node.span)
        return result

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
        if node.object is None or node.is_param or node.object.startswith(PARAMETER):
            return None
        methods = m.program.instance(node.object).methods
        found = [f for f in methods if f.name == node.method and len(f.params) == len(node.params)]
        if found:
            self.known_as(m.program, node.object)  # raises where it is no function of its arguments
        return found[0] if found else None

    def known_as(self, program: ir.Program, name: str) -> str:
        """The name by which both programs know an object, and what its methods do, if the program gives it some.

        Raises:
            Unsupported: a method is no function of its arguments and the extern calls before.
        """
        instance = program.instance(name)
        if not instance.methods:
            return self._identity(name)
        if name not in self._methods:
            self._methods[name] = "itself"  # where a method calls another of its object's
            try:
                self._methods[name] = methods_text(program, instance, self, begin_world, WORLD)
            except Unsupported as problem:
                del self._methods[name]
                text = f"extern {instance.extern} whose methods the program defines: {problem.reason}"
                raise Unsupported(text, problem.span) from problem
        return f"{self._identity(name)} with {self._methods[name]}"

    def _argument(self, m: Machine, argument: Argument, given: ir.Expr | None, span: Span) -> tuple[str, list[Term]]:
        """What of an argument goes into the name, and the leaves that go in."""
        param, value = argument.param, argument.value
        if isinstance(ir.bare(param.type), ir.ExternType):
            if not isinstance(value, Text):
                raise Unsupported("an extern that is given the packet", span)
            return value.text if value.text.startswith(PARAMETER) else self.known_as(m.program, value.text), []
        if param.direction == "out" or value is None:
            return param.direction or "none", []
        if isinstance(value, Text):
            return repr(value.text), []
        if isinstance(ir.bare(param.type), ir.IntType) and isinstance(given, ir.Const):
            return str(given.value), []
        return param.direction, list(_leaves(m, value, param.type, span))


def _unchanged(arguments: list[Argument]) -> dict[str, Value]:
    return {a.param.name: a.value for a in arguments if a.value is not None}


def begin_world(m: Machine) -> None:
    """The block begins: no extern was called yet."""
    m.remember(WORLD, m.input.metadata(WORLD, WORLD_BITS))


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


def _answer(m: Machine, name: str, type_: ir.Type, before: tuple[Term, ...], span: Span) -> Value:
    """A value of ``type_`` each of whose leaves is a function of ``before``."""
    number = 0

    def leaf(width: int) -> Scalar:
        nonlocal number
        number += 1
        term = _ask(m, f"{name}.{number}", max(1, width), before, span)
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
