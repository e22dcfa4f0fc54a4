"""Loops that go round more often than they can be followed, as functions that two programs may share.

A loop from its head on is a function of the variables that its turns read from the turn before, and of the externs'
world, to what it leaves behind (or to no end). One turn says which function: its condition, and what it makes of these
variables. So two loops of which one turn does the same *from any state* are the same function, whether they end or
not, and that is all that is said of it: its results are uninterpreted functions ``loop.DIGEST.*`` of the variables at
its head, where the digest is of one turn, with variables by their order in the program. This is induction over the
turns of both loops in lockstep; nothing else about such loops is known, so a difference that hangs on one is none.
As an extern call does, each loop makes another world: where and on what it runs, for ever perhaps, is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.inputs import Symbolic
from ..meaning.machine import FOLLOWED_SO_FAR, Machine
from ..meaning.statements import CONTINUE, run_all
from ..meaning.values import UNIT, Header, Scalar, Stack, Struct, Union, Value, Varbit
from ..source import NOWHERE, Unsupported
from .terms_text import as_text

HEAD: Final = "head."
"""In front of the names of variables as they are when a turn begins."""

Leaves = dict[str, Scalar]
"""The leaves of all variables by their paths, in the order of the program."""


@dataclass
class EndlessLoops:
    """Takes the loops of one block that are followed no further (:attr:`Machine.endless`).

    Args:
        world: the name under which the machine remembers the externs' world.
        begin: sets that up.
    """

    world: str
    begin: Callable[[Machine], None]
    taken: list[str] = field(default_factory=list)
    """The digests of those that were met."""
    chosen: bool = False
    """Whether a turn of one reads anything undefined."""

    def __call__(self, m: Machine, node: ir.For) -> bool:
        """Go on behind the loop, at whose head the machine is, in another turn for sure; False if its turns are no
        function of variables that are all defined."""
        turn = self._turn(m, node) if not m.parsing else None  # in a parser, turns may read the packet
        if turn is None:
            return False
        digest, given = turn.digest, turn.given(m, self.world)
        self.taken.append(digest)
        self.chosen = self.chosen or turn.chosen

        def leaf(path: str, old: Scalar) -> Scalar:
            if path not in turn.written:
                return old
            name = f"loop.{digest}.{turn.name(path)}"
            term = b.apply(name, max(1, old.term.width), *given)
            return Scalar(b.to_bool(term) if old.term.sort is b.BOOL else term)

        m.state.store = {name: _leaf_by_leaf(value, name, leaf) for name, value in m.state.store.items()}
        m.remember(self.world, b.apply(f"loop.{digest}.world", given[0].width, *given))
        m.note(f"the loop at {node.span} is followed no further: one turn of it does the same in both programs")
        return True

    def _turn(self, m: Machine, node: ir.For) -> _Turn | None:
        before = _leaves(m.state.store)
        try:
            done = self._run(m, node)
        except Unsupported:
            return None
        if done is None:
            return None
        condition, world, after = done
        if after.keys() != before.keys():
            return None
        variables = {path: _variable(path, leaf.term) for path, leaf in before.items()}
        written = {path: leaf.term for path, leaf in after.items() if _other(leaf, variables[path])}
        asked = b.variables(condition, world, *written.values())
        carried = [path for path in before if variables[path] in asked]
        if any(before[path].defined is not b.TRUE for path in carried):
            return None
        if any(after[path].defined is not b.TRUE for path in written):
            return None
        terms = (condition, world, *written.values())
        if any(call.name.startswith("table.") for call in (*b.applications(*terms), *b.variables(*terms))):
            return None  # what rules answer is not in the other program's words yet
        return _Turn(condition, world, carried, written, variables)

    def _run(self, m: Machine, node: ir.For) -> tuple[Term, Term, Leaves] | None:
        """One turn from any state: whether it is made, the world and the variables behind it. None if it may leave the
        loop, or does what is no change of variables."""
        turn = Machine(m.program, m.rules, Symbolic(), m.externs)
        turn.opaque, turn.on_hit = True, m.on_hit
        turn.block, turn.actions, turn.tables = m.block, m.actions, m.tables
        self.begin(turn)
        start = turn.recall(self.world, node.span)
        store = {
            name: _leaf_by_leaf(value, name, lambda path, leaf: Scalar(_variable(path, leaf.term)))
            for name, value in m.state.store.items()
        }
        turn.state.store = dict(store)
        condition = turn.read(turn.eval(node.condition), node.condition.span)
        turn.exec(node.body)
        turn.rejoin(turn.gather(0, CONTINUE))
        run_all(turn, node.update)
        state = turn.state
        told = state.pieces or state.events or state.cells or state.cursor or state.error is not b.bv(0, 32)
        if state.dead or turn.leavers or told or set(state.objects) != {self.world} or turn.assumptions:
            return None
        if any(note.startswith(FOLLOWED_SO_FAR) for note in turn.notes):
            return None
        world = turn.recall(self.world, node.span)
        after = _leaves({name: state.store[name] for name in store})
        return condition, b.bv(0, 1) if world is start else world, after


@dataclass(frozen=True)
class _Turn:
    """What one turn of a loop does."""

    condition: Term
    world: Term
    """The externs' world behind it; a literal if it makes no calls."""
    carried: Sequence[str]
    """The leaves that it reads, by their paths, in the order of the program."""
    written: Mapping[str, Term]
    """What it leaves in the others and in these."""
    variables: Mapping[str, Term]
    """Every leaf as it is when the turn begins."""

    @property
    def chosen(self) -> bool:
        """Whether anything undefined is read."""
        terms = b.variables(self.condition, self.world, *self.written.values())
        return any(v.name.startswith("any.") for v in terms)

    @property
    def digest(self) -> str:
        """Equal for turns that do the same to what they carry along."""
        kept = [self.written.get(path, self.variables[path]) for path in self.carried]
        return self._digest([self.condition, self.world, *kept])

    def name(self, path: str) -> str:
        """What a written leaf is called: by its number if it is carried along, else by what a turn leaves there."""
        if path in self.carried:
            return str(self.carried.index(path))
        return f"last {self._digest([self.written[path]])}"

    def given(self, m: Machine, world: str) -> tuple[Term, ...]:
        """The world and what is carried along, at the head of the loop."""
        now = _leaves(m.state.store)
        terms = (now[path].term for path in self.carried)
        return (m.recall(world, NOWHERE), *(b.from_bool(t) if t.sort is b.BOOL else t for t in terms))

    def _digest(self, terms: Sequence[Term]) -> str:
        numbers = {self.variables[path]: b.var(f"carried {n}", self.variables[path].sort)
                   for n, path in enumerate(self.carried)}  # fmt: skip
        return hashlib.sha256(as_text(b.substitute(terms, numbers)).encode()).hexdigest()


def _other(leaf: Scalar, before: Term) -> bool:
    return leaf.term is not before or leaf.defined is not b.TRUE


def _variable(path: str, like: Term) -> Term:
    return b.var(f"{HEAD}{path}", like.sort)


def _leaves(store: Mapping[str, Value]) -> Leaves:
    found: Leaves = {}

    def leaf(path: str, value: Scalar) -> Scalar:
        found[path] = value
        return value

    for name, value in store.items():
        _leaf_by_leaf(value, name, leaf)
    return found


def _leaf_by_leaf(value: Value, path: str, leaf: Callable[[str, Scalar], Scalar]) -> Value:
    """``value`` with its leaves as ``leaf`` makes them of path and old leaf; validity and ``nextIndex`` are leaves
    too."""

    def inside(parts: Mapping[str, Value]) -> dict[str, Value]:
        return {name: _leaf_by_leaf(part, f"{path}.{name}", leaf) for name, part in parts.items()}

    match value:
        case Scalar():
            return value if value is UNIT else leaf(path, value)
        case Varbit(bits, length, defined):
            sizes, held = leaf(f"{path}.length", Scalar(length, defined)), leaf(path, Scalar(bits, defined))
            return Varbit(held.term, sizes.term, b.and_(held.defined, sizes.defined))
        case Header(valid, fields, origin):
            there = leaf(f"{path}.isValid()", Scalar(valid)).term
            return Header(there, inside(fields), origin)
        case Struct(fields):
            return Struct(inside(fields))
        case Union(members):
            made = inside(members)
            return Union({name: member for name, member in made.items() if isinstance(member, Header)})
        case Stack(elements, next_index):
            items = inside({str(i): element for i, element in enumerate(elements)})
            return Stack(tuple(items.values()), leaf(f"{path}.nextIndex", Scalar(next_index)).term)
    return value
