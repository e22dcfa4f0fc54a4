"""Loops that are not followed turn by turn, as functions that two programs may share.

A loop from its head on is a function of the variables that its turns read from the turn before, and of the externs'
world, to what it leaves behind (or to no end). One turn says which function: whether it is made and whether another
may follow, and what it makes of these variables. So two loops of which one turn does the same *from any state* are the
same function, whether they end or not, and that is all that is said of it: its results are uninterpreted functions
``loop.DIGEST.*`` of the variables at its head, where the digest is of one turn, with variables by their order in the
program. For each variable the digest, and the arguments, are of what it hangs on. This is induction over the turns of
both loops in lockstep; nothing else about such loops is known, so a difference that hangs on one is none. As an extern
call does, each loop makes another world: where and on what it runs, for ever perhaps, is compared.

Taken like this are loops that go round more often than they can be followed, and at first all whose number of turns
is open: if the two blocks are not found equal so, they are compared with their loops followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import is_choice
from ..meaning.dispatch import Loop
from ..meaning.inputs import Symbolic
from ..meaning.machine import FOLLOWED_SO_FAR, Machine
from ..meaning.statements import BREAK, CONTINUE, run_all
from ..meaning.values import UNIT, Header, Scalar, Stack, Struct, Union, Value, Varbit
from ..source import Unsupported
from .terms_text import as_text

HEAD: Final = "head."
"""In front of the names of variables as they are when a turn begins."""

Leaves = dict[str, Scalar]
"""The leaves of all variables by their paths, in the order of the program."""


@dataclass
class EndlessLoops:
    """Takes loops of one block without following their turns (:attr:`Machine.endless`).

    Args:
        world: the name under which the machine remembers the externs' world.
        begin: sets that up.
        at_once: also loops of which it is open whether they make a turn; else those followed for long.
    """

    world: str
    begin: Callable[[Machine], None]
    at_once: bool = False
    taken: list[str] = field(default_factory=list)
    """The digests of those that were met, but for loops within these."""
    chosen: bool = False
    """Whether a turn of one reads anything undefined."""

    def __call__(self, m: Machine, loop: Loop, sure: bool) -> bool:
        """Go on behind a loop, at whose head the machine is; False if its turns are no function of variables that are
        all defined."""
        if m.parsing or not (sure or self.at_once):  # in a parser, turns may read the packet
            return False
        turn = self._turn(m, loop)
        if turn is None or not (sure or turn.is_open(m)):
            return False
        now = _leaves(m.state.store)
        open_ = [path for path in turn.written if any(now[p].defined is not b.TRUE for p in turn.carried(path))]
        if any(now[p].defined is not b.TRUE for p in turn.carried()) or (open_ and sure):
            return False
        given = _parameters(m.program)
        if any(path not in m.state.store or path in given for path in open_):
            return False
        self._behind(m, turn, [m.recall(self.world, loop.span), *turn.bounds()], b.TRUE if sure else None)
        for path in open_:  # what is left there hangs on what was not defined: whoever reads it follows the turns
            del m.state.store[path]
        m.note(f"the loop at {loop.span} is followed no further: one turn of it does the same in both programs")
        return True

    def _behind(self, m: Machine, turn: _Turn, first: Sequence[Term], ran: Term | None) -> None:
        """The variables, and the world, behind a loop; ``ran``: whether any turn is made, if that is known."""
        now = _leaves(m.state.store)

        def asked(name: str, width: int, path: str | None) -> Term:
            given = (now[p].term for p in turn.carried(path))
            terms = (*first, *(b.from_bool(t) if t.sort is b.BOOL else t for t in given))
            return b.apply(f"loop.{turn.digest(path)}.{name}", width, *terms)

        if ran is None:
            ran = turn.any_of_range() if turn.loop.index else b.to_bool(asked("ran", 1, None))

        def leaf(path: str, old: Scalar, ran: Term = ran) -> Scalar:
            if path not in turn.written:
                return old
            term = asked("last", max(1, old.term.width), path)
            new = b.to_bool(term) if old.term.sort is b.BOOL else term
            return Scalar(b.ite(ran, new, old.term), b.or_(old.defined, ran), old.origin)

        m.state.store = {name: _leaf_by_leaf(value, name, leaf) for name, value in m.state.store.items()}
        m.remember(self.world, asked("world", first[0].width, None))
        self.taken.append(turn.digest())
        self.chosen = self.chosen or turn.chosen

    def _turn(self, m: Machine, loop: Loop) -> _Turn | None:
        before = _leaves(m.state.store)
        try:
            done = self._run(m, loop)
        except Unsupported:
            return None
        if done is None:
            return None
        decides, world, after = done
        if after.keys() != before.keys():
            return None
        variables = {path: _variable(path, leaf.term) for path, leaf in before.items()}
        written = {path: leaf.term for path, leaf in after.items() if _other(leaf, variables[path])}
        terms = (*decides, world, *written.values())
        asked = b.variables(*terms)
        if any(after[path].defined is not b.TRUE for path in written):
            return None
        if any(call.name.startswith("table.") for call in (*b.applications(*terms), *asked)):
            return None  # what rules answer is not in the other program's words yet
        return _Turn(loop, decides, world, written, variables)

    def _run(self, m: Machine, loop: Loop) -> tuple[tuple[Term, Term], Term, Leaves] | None:
        """One turn from any state: whether it is made and whether another may follow, the world and the variables
        behind it. None if it may leave more than the loop, or does what is no change of variables."""
        turn, inner = self._machine(m)
        start = turn.recall(self.world, loop.span)
        store = {
            name: _leaf_by_leaf(value, name, lambda path, leaf: Scalar(_variable(path, leaf.term)))
            for name, value in m.state.store.items()
        }
        turn.state.store = dict(store)
        made = b.TRUE
        if loop.index:
            turn.state.store[loop.index] = Scalar(_variable(INDEX, loop.low))
        if loop.condition is not None:
            made = turn.read(turn.eval(loop.condition), loop.span)
        turn.exec(loop.body)
        turn.rejoin(turn.gather(0, CONTINUE))
        if not turn.state.dead:
            run_all(turn, loop.update)
        again = turn.state.path
        turn.rejoin(turn.gather(0, BREAK))
        state = turn.state
        told = state.pieces or state.events or state.cells or state.cursor or state.error is not b.bv(0, 32)
        if state.dead or turn.leavers or told or set(state.objects) != {self.world} or turn.assumptions:
            return None
        if any(note.startswith(FOLLOWED_SO_FAR) for note in turn.notes):
            return None
        self.chosen = self.chosen or inner.chosen
        world = turn.recall(self.world, loop.span)
        after = _leaves({name: state.store[name] for name in store})
        return (made, again), b.bv(0, 1) if world is start else world, after

    def _machine(self, m: Machine) -> tuple[Machine, EndlessLoops]:
        """A machine for a turn of a loop that ``m`` is at, and what takes the loops within."""
        turn = Machine(m.program, m.rules, Symbolic(), m.externs)
        turn.opaque, turn.on_hit = True, m.on_hit
        turn.block, turn.actions, turn.tables = m.block, m.actions, m.tables
        inner = EndlessLoops(self.world, self.begin, self.at_once)
        turn.endless = inner
        self.begin(turn)
        return turn, inner


INDEX: Final = "$index"
"""The path of the variable that goes through a range, as it is in a turn."""


@dataclass(frozen=True)
class _Turn:
    """What one turn of a loop does."""

    loop: Loop
    decides: tuple[Term, Term]
    """Whether it is made, and whether another may follow."""
    world: Term
    """The externs' world behind it; a literal if it makes no calls."""
    written: Mapping[str, Term]
    """What it leaves in the leaves that it writes."""
    variables: Mapping[str, Term]
    """Every leaf as it is when the turn begins, in the order of the program."""

    def carried(self, path: str | None = None) -> list[str]:
        """The leaves that decide how the loop goes on and what it calls (and what it leaves at ``path``), of turns
        before, in the order of the program."""
        paths = {variable: name for name, variable in self.variables.items()}
        found: set[str] = set()
        todo = [*self.decides, self.world, *([self.written[path]] if path is not None else [])]
        while todo:
            new = {paths[v] for v in b.variables(*todo) if v in paths} - found
            found |= new
            todo = [self.written[name] for name in new if name in self.written]
        return [name for name in self.variables if name in found]

    def is_open(self, m: Machine) -> bool:
        """Whether it hangs on more than literals how many turns there are, or if a first one is made."""
        if self.loop.index:
            return not (self.loop.low.is_const and self.loop.high.is_const)
        now = _leaves(m.state.store)
        known = {self.variables[path]: now[path].term for path in self.carried()}
        return not b.substitute([self.decides[0]], known)[0].is_const

    def any_of_range(self) -> Term:
        """Whether there is anything in the range."""
        return (b.sle if self.loop.signed else b.ule)(self.loop.low, self.loop.high)

    def bounds(self) -> Sequence[Term]:
        """The range's."""
        return [self.loop.low, self.loop.high] if self.loop.index else []

    @property
    def chosen(self) -> bool:
        """Whether anything undefined is read."""
        terms = b.variables(*self.decides, self.world, *self.written.values())
        return any(map(is_choice, terms))

    def digest(self, path: str | None = None) -> str:
        """Equal for turns that do the same to what they carry along (and leave the same at ``path``)."""
        carried = self.carried(path)
        terms = [*self.decides, self.world, *(self.written.get(name, self.variables[name]) for name in carried)]
        if path is not None:
            terms.append(self.written[path])
        numbers = {self.variables[name]: b.var(f"carried {n}", self.variables[name].sort)
                   for n, name in enumerate(carried)}  # fmt: skip
        text = as_text(b.substitute(terms, numbers))
        if self.loop.index:
            text += f";a range of {self.loop.low.sort}, {'signed' if self.loop.signed else 'unsigned'}"
        return hashlib.sha256(text.encode()).hexdigest()


def _parameters(program: ir.Program) -> frozenset[str]:
    """The names of all parameters, whose values somebody asks for in the end."""
    blocks: list[ir.Parser | ir.Control] = [*program.parsers, *program.controls]
    takers: list[ir.Parser | ir.Control | ir.Action | ir.Function] = [
        *blocks, *program.actions, *program.functions,
        *(action for block in blocks for action in block.actions),
        *(method for instance in program.instances for method in instance.methods),
    ]  # fmt: skip
    return frozenset(param.name for taker in takers for param in taker.params)


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
