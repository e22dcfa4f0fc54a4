"""The evaluator's core: the state of an execution, branching, undefined values, dispatch over the IR.

One evaluator serves symbolic and concrete execution: with a concrete input every condition folds to a literal and one
path remains. An execution is imperative on :attr:`Machine.state`; a branch whose condition is not decided runs both
ways on copies that are merged afterwards. Control that leaves a scope (``exit``, ``return``, ``break``, ``continue``,
a parser's ``reject``) is kept aside as a :class:`Leaver`, with the condition and the state in which it left, until
the scope ends; what follows runs where nothing has left.

The meaning of each IR node is found by :mod:`.dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from .. import bits as b
from .. import ir, recursion
from ..bits import Term
from ..rules.ruleset import RuleSet
from ..source import Span, Unsupported
from .behaviour import (
    CHOICE,
    CHOICE_OF_A_COPY,
    INPUT_PACKET,
    Assumption,
    Choice,
    Event,
    Packet,
    Replication,
    of_a_copy,
    state_of_a_copy,
)
from .bounds import UNBOUNDED
from .dispatch import EVALUATE, EXECUTE, Asked, ExternHandler, ExternTable, HitHook, Loop
from .facts import chosen, decided
from .inputs import Input
from .opened import Lookup
from .origin import Origin
from .sizes import possible_values
from .state import (
    LeaveKind,
    Leaver,
    State,
    Step,
    Write,
    merge_callers,
    merge_cells,
    merge_events,
    merge_objects,
    merge_pieces,
    merge_stores,
)
from .trace import Trace
from .values import Scalar, Value, build, copied, scalar_width

MAX_DEPTH: Final = 1500
"""Nesting of expressions, statements and calls up to which programs are evaluated."""

RECURSION_LIMIT: Final = 40_000
"""Python frames allowed for that (pure Python calls need no machine stack)."""


UNDEFINED: Final = "the value read here is not defined"
"""Why a read is a choice."""


FOLLOWED_SO_FAR: Final = "loops were followed only so far: "
"""Beginning of the note that :meth:`Machine.cut` makes."""


class Fork(Exception):
    """A parser needs to know which of ``conditions``, that exclude each other, holds, if any: the state is run again
    for each of them and for none."""

    def __init__(self, *conditions: Term) -> None:
        super().__init__()
        self.conditions = conditions

    @property
    def ways(self) -> tuple[Term, ...]:
        """The conditions, and that none of them holds."""
        return (*self.conditions, b.and_(*(b.not_(c) for c in self.conditions)))


class Machine:
    """One evaluation of a program on an input."""

    def __init__(
        self,
        program: ir.Program,
        rules: RuleSet | None,
        source: Input,
        externs: ExternTable,
        trace: Trace | None = None,
    ) -> None:
        self.program = program
        self.rules = rules
        self.input = source
        self.frame: Packet = INPUT_PACKET
        """What the parser reads: the input, or what an earlier deparser made of it."""
        self.each: tuple[Replication, ...] = ()
        """The replications that made the copy which is processed now (:attr:`Output.each`)."""
        self.externs = externs
        self.unknown_extern: ExternHandler = _refuse
        """The meaning of externs that the program declares itself."""
        self.trace = trace
        self.turns: int | None = None
        """Visits of one parser state on one path that are followed, when the packet is not known; None for as many as
        :mod:`.parsing` says."""
        self.held: list[Term] = []
        """See :attr:`Behaviour.held`."""
        self.turned = False
        """Whether anything was cut because of :attr:`turns`."""
        self.state = State({})
        self.leavers: list[Leaver] = []
        self.parsing = False
        self.asking: object = None
        """What a parser is at (:attr:`Step.by`)."""
        self.functions = {f.name: f for f in program.functions}
        self.top_actions = {a.name: a for a in program.actions}
        self.block = ""
        """The full name of the parser or control whose variables the store holds; "" in a function."""
        self.actions: Mapping[str, ir.Action] = {}
        self.tables: Mapping[str, ir.Table] = {}
        self.value_sets: Mapping[str, ir.ValueSetDecl] = {}
        self.choices: dict[str, Choice] = {}
        self.next_choice = 0
        self.asked: list[Asked] = []
        """The choices asked for since a parser's state began."""
        self.again: list[Asked] = []
        """Those that it asked for before it had to run again, from the end."""
        self.axioms: dict[Term, None] = {}
        self.assumptions: list[Assumption] = []
        self.notes: dict[str, None] = {}
        self.cell_shapes: dict[str, tuple[int, int]] = {}
        """State that was used: name → bits of its index and of a cell."""
        self.on_hit: list[HitHook] = []
        self.facilities: dict[str, object] = {}
        """What the architecture keeps at hand for its externs."""
        self.on_block: list[Callable[[Machine, str], None]] = []
        """Told whenever a parser or control, by its full name, begins."""
        self.on_move: Callable[[Machine], None] | None = None
        """Told before the parser moves on in the packet."""
        self.last_lookup: tuple[ir.Table, list[Term], Term, Term | None] | None = None
        """The lookup whose action runs now, for externs that ask for it: as a :data:`HitHook` is told."""
        self.lookups: dict[tuple[str, tuple[Term, ...]], Any] = {}
        """Lookups among known entries that were made already: table and key values → what :mod:`.tables` found."""
        self.meters_kept = False
        """Whether what meters hold is state, so that their colours depend on it; else each use may give any colour."""
        self.open_tables: frozenset[str] = frozenset()
        """Tables (control-plane names) whose entries are known, but left open (:mod:`.open_tables`)."""
        self.looked_up: list[Lookup] = []
        """Where these are asked."""
        self.outer_paths: list[Term] = []
        """The paths, each from its own scope's start, on which the calls around this point were made."""
        self.varbit_bytes_only = False
        """Whether sizes and skips that are no whole bytes are ``error.ParserInvalidArgument`` (a target may say so)."""
        self.opaque = False
        """Whether externs are left uninterpreted, and so are the match kinds of tables."""
        self.endless: Callable[[Machine, Loop, bool], bool] | None = None
        """Goes on behind a loop at whose head the machine is, without following its turns; says whether it did. The
        flag: another turn is sure, and those that were followed are many."""
        self.iterations = 0
        self.open_iterations = 0
        """Iterations of loops so far: those that were certain, and those that were not."""
        self.bounds = UNBOUNDED
        self._depth = 0

    # --- dispatch ---------------------------------------------------------------------------------------------------

    def eval(self, node: ir.Expr) -> Value:
        """The value of an expression, undefined parts left undefined."""
        handler = EVALUATE.get(type(node))
        if handler is None:
            raise Unsupported(f"expression {type(node).__name__}", node.span)
        self._enter(node.span)
        try:
            return handler(self, node)
        finally:
            self._depth -= 1

    def exec(self, node: ir.Stmt) -> None:
        """Run a statement where control is still here."""
        if self.state.dead:
            return
        handler = EXECUTE.get(type(node))
        if handler is None:
            raise Unsupported(f"statement {type(node).__name__}", node.span)
        self._enter(node.span)
        try:
            handler(self, node)
        finally:
            self._depth -= 1

    def _enter(self, span: Span) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unsupported("nested too deeply", span)

    # --- undefined values -------------------------------------------------------------------------------------------

    def fresh(
        self,
        width: int,
        reason: str,
        span: Span,
        leftover: Term | None = None,
        *,
        origin: Origin | None = None,
        quietly: bool = False,
        what: str = "",
    ) -> Term:
        """A choice of ``width`` bits (0: Bool) that nobody else reads.

        Args:
            width: as above.
            reason: why it is one.
            span: who reads it.
            leftover: what a machine may have there.
            origin: where what is read comes from.
            quietly: the trace is not told.
            what: the name of what is read (:attr:`Choice.what`).
        """
        name = self._choice_name(width, span)
        choice = Choice(b.var(name, width), reason, span, origin, what)
        self.choices[name] = choice
        return self.input.choose(choice, None if quietly else self.trace, leftover)

    def _choice_name(self, width: int, span: Span) -> str:
        """A new name; where a parser's state runs again, the one that this read had before."""
        before = self.again.pop() if self.again else None
        if before is not None and before[1:] != (width, span):
            self.again.clear()
            before = None
        if before is None:
            name = f"{CHOICE_OF_A_COPY if self.each else CHOICE}{self.next_choice}"
            self.next_choice += 1
            before = (name, width, span)
        self.asked.append(before)
        return before[0]

    def read(self, value: Value, span: Span, what: str = "") -> Term:
        """The term of a scalar, with a fresh choice where it is undefined (``what``: :attr:`Choice.what`)."""
        if not isinstance(value, Scalar):
            raise Unsupported(f"a {type(value).__name__.lower()} where a number is needed", span)
        defined, term = self.decide(value.defined), chosen(value.term, self.state.facts)
        if defined is b.TRUE:
            if value.origin is not None and self.trace is not None and value.term.is_const:
                self.trace.undefined(UNDEFINED, span, value.term.value, value.origin, what)
            return term
        other = self.fresh(value.term.width, UNDEFINED, span, value.term, origin=value.origin, what=what)
        return b.ite(defined, term, other)

    def _copied(self, value: Scalar, span: Span) -> Scalar:
        """A part of a copy: one unspecified value where it is undefined, which whoever reads the part is told."""
        defined = self.decide(value.defined)
        if defined is b.TRUE:
            return value
        other = self.fresh(value.term.width, UNDEFINED, span, value.term, origin=value.origin, quietly=True)
        return Scalar(b.ite(defined, value.term, other), b.TRUE, value.origin or Origin(UNDEFINED, span))

    def fix(self, value: Value, span: Span) -> Value:
        """A copy of ``value``: what is undefined in it becomes one unspecified value."""
        if isinstance(value, Scalar):
            term = self.read(value, span)
            same = term is value.term and value.defined is b.TRUE and value.origin is None
            return value if same else Scalar(term)
        return copied(value, lambda leaf: self._copied(leaf, span))

    def unspecified(self, type_: ir.Type, reason: str, span: Span) -> Value:
        """One arbitrary value of a type; headers in it are arbitrarily valid or not."""
        width = scalar_width(type_, span)
        if width is not None:
            return Scalar(self.fresh(width, reason, span))
        valid = self.fresh(0, reason, span)
        return build(type_, lambda w: Scalar(self.fresh(w, reason, span)), valid, span)

    # --- branching --------------------------------------------------------------------------------------------------

    def decide(self, condition: Term) -> Term:
        """``condition`` as far as the facts decide it."""
        return decided(condition, self.state.facts)

    def assume(self, condition: Term) -> None:
        """Go on only where ``condition`` holds."""
        state = self.state
        if self.parsing and condition is not b.TRUE:
            state.steps = Step(state.steps, state.path, condition, self.asking)
        state.path = b.and_(state.path, condition)
        state.facts = state.facts.union(b.conjuncts(condition), (condition,))

    def branch(self, condition: Term, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        """Run ``then`` where ``condition`` holds and ``otherwise`` elsewhere, and merge what they leave."""
        self.choose([(condition, then), (b.TRUE, otherwise)])

    def choose(self, cases: Sequence[tuple[Term, Callable[[], None]]]) -> None:
        """Run the first of the cases whose condition holds, if any, and merge what they leave."""
        self.bounds.check_time()
        before = self.state
        rest = before.copy()
        whole = True
        sides: list[tuple[Term, State]] = []
        for condition, run in cases:
            self.state = rest
            condition = self.decide(condition)
            if condition is b.FALSE or rest.dead:
                continue
            self.state = rest.copy()
            self.assume(condition)
            entered = self.state.path
            if not self.state.dead:
                run()
            whole = whole and self.state.path is entered
            sides.append((condition, self.state))
            self.state = rest
            self.assume(b.not_(condition))
        result = rest
        for condition, state in reversed(sides):
            result = self.merge(condition, state, result, before if whole else None)
        self.state = result

    def constant(self, term: Term, span: Span, among: Sequence[int] | None = None) -> int | None:
        """The number that a term is; a parser is run again for each number that it can be.

        With ``among``, only these numbers are told apart, and None stands for the rest.
        """
        while term.op == "ite":
            condition = self.decide(term.args[0])
            if not condition.is_const:
                self._fork(span, condition)
            term = term.args[1] if condition is b.TRUE else term.args[2]
        if term.is_const:
            return term.value
        open_ = []
        for value in possible_values(term, span) if among is None else among:
            same = self.decide(b.eq(term, b.bv(value, term.width)))
            if same is b.TRUE:
                return value
            if same is not b.FALSE:
                open_.append(same)
        if open_:
            self._fork(span, *open_)
        if among is None:
            self.state.path = b.FALSE
        return None

    def number(self, term: Term, span: Span) -> int:
        """The number that a term is, 0 where control cannot be; see :meth:`constant`."""
        return self.constant(term, span) or 0

    def _fork(self, span: Span, *conditions: Term) -> None:
        if not self.parsing:
            raise Unsupported("a size or position that depends on the packet, outside of a parser", span)
        raise Fork(*conditions)

    def move_to(self, cursor: int) -> None:
        """The parser has taken the bits up to this one."""
        if self.on_move is not None:
            self.on_move(self)
        self.state.cursor = cursor

    def error_number(self, name: str) -> Term:
        """The number that stands for an error."""
        return b.bv(self.program.errors.index(name), 32)

    @property
    def no_error(self) -> Term:
        """The number that stands for ``NoError``; a program may declare errors of its own before the core library's."""
        return self.error_number("NoError") if "NoError" in self.program.errors else b.bv(0, 32)

    def reject(self, error: str, span: Span) -> None:
        """Control goes to the parser's state ``reject``, with this error."""
        self.reject_with(self.error_number(error), span)

    def reject_with(self, error: Term, span: Span) -> None:
        """Control goes to the parser's state ``reject``; outside of a parser that has no meaning."""
        if self.state.dead:
            return
        if not self.parsing:
            raise Unsupported("rejecting a packet outside of a parser", span)
        if self.trace is not None and error.is_const:
            self.trace.add("reject", span, error=self.program.errors[error.value])
        self.state.error = error
        self.leave("reject")

    def merge(self, condition: Term, then: State, otherwise: State, whole: State | None = None) -> State:
        """One state for two that exclude each other; ``whole`` is that before the branch, if nothing has left."""
        if then.dead:
            return otherwise
        if otherwise.dead:
            return then
        if self.parsing and then.cursor != otherwise.cursor:
            raise Fork(condition)
        path = whole.path if whole else b.or_(then.path, otherwise.path)
        facts = then.facts & otherwise.facts

        def where_they_meet(c: Term, x: Term, y: Term) -> Term:
            return b.ite(c, chosen(x, facts), chosen(y, facts))

        ite = b.ite if self.parsing else where_they_meet  # of ways through a parser only what differs is there
        store = merge_stores(condition, then.store, otherwise.store, ite)
        error = b.ite(condition, then.error, otherwise.error)
        cells = merge_cells(condition, then.cells, otherwise.cells)
        pieces = merge_pieces(condition, then.pieces, otherwise.pieces)
        objects = merge_objects(condition, then.objects, otherwise.objects, ite)
        events = merge_events(condition, then.events, otherwise.events)
        callers = merge_callers(condition, then.callers, otherwise.callers, ite)
        steps = whole.steps if whole else None
        return State(store, path, facts, cells, pieces, then.cursor, error, objects, events, callers, steps)

    @contextmanager
    def inside(self, control: ir.Control | ir.Parser) -> Iterator[None]:
        """A block begins; its actions and tables are in scope until it ends."""
        for hook in self.on_block:
            hook(self, control.name)
        with self.scope(control):
            yield

    @contextmanager
    def scope(self, control: ir.Control | ir.Parser) -> Iterator[None]:
        """The block's actions and tables are in scope."""
        before = self.block, self.actions, self.tables, self.value_sets
        self.block = control.name
        self.actions = {a.name: a for a in control.actions}
        self.tables = {t.name: t for t in control.tables} if isinstance(control, ir.Control) else {}
        self.value_sets = {v.name: v for v in control.value_sets} if isinstance(control, ir.Parser) else {}
        try:
            yield
        finally:
            self.block, self.actions, self.tables, self.value_sets = before

    @contextmanager
    def outside(self) -> Iterator[None]:
        """A function of the top level begins, which sees no block's variables."""
        before, self.block = self.block, ""
        try:
            yield
        finally:
            self.block = before

    # --- leaving ----------------------------------------------------------------------------------------------------

    def leave(self, kind: LeaveKind, value: Value | None = None) -> None:
        """Control leaves here, in the present state."""
        if not self.state.dead:
            self.leavers.append(Leaver(kind, self.state.copy(), value))
        self.state.path = b.FALSE

    def gather(self, mark: int, kinds: frozenset[LeaveKind]) -> list[Leaver]:
        """The leavers of ``kinds`` since ``mark``, taken off the list."""
        recent = self.leavers[mark:]
        self.leavers[mark:] = [leaver for leaver in recent if leaver.kind not in kinds]
        return [leaver for leaver in recent if leaver.kind in kinds]

    def rejoin(self, leavers: list[Leaver]) -> None:
        """Control that had left goes on here, together with control that had not."""
        for leaver in leavers:
            self.state = self.merge(leaver.state.path, leaver.state, self.state)

    # --- state that outlives the packet ---------------------------------------------------------------------------

    def read_cell(self, name: str, index: Term, width: int) -> Term:
        """What a cell of a register, counter or map holds now."""
        self._shape(name, index, width)
        if self.each:
            value = b.apply(state_of_a_copy(len(self.each) - 1, name), width, index)
        else:
            value = self.input.cell(name, width, index)
        for write in self.state.cells.get(name, ()):
            here = b.and_(self.decide(write.when), b.eq(write.index, index))
            value = b.ite(here, write.value, value)
        return value

    def write_cell(self, name: str, index: Term, value: Term, when: Term = b.TRUE) -> None:
        """Change a cell, where ``when`` holds."""
        self._shape(name, index, value.width)
        writes = (*self.state.cells.get(name, ()), Write(when, index, value))
        self.state.cells = {**self.state.cells, name: writes}

    def tell(self, name: str, *fields: Term, when: Term = b.TRUE) -> None:
        """The control plane is told something here, where ``when`` holds."""
        if when is not b.FALSE:
            self.state.events = (*self.state.events, Event(when, name, fields, self.each))

    def remember(self, name: str, value: Term) -> None:
        """What an extern object, or the architecture, knows from here on (:attr:`State.objects`)."""
        self.state.objects = {**self.state.objects, name: value}

    def recall(self, name: str, span: Span) -> Term:
        """What :meth:`remember` was told last."""
        value = self.state.objects.get(name)
        if value is None:
            raise Unsupported(f"{name} is used outside of the block that it belongs to", span)
        return chosen(value, self.state.facts)

    def cell_after(self, name: str) -> Term:
        """What cell ``at.NAME`` of a state that was used holds now, as :attr:`Case.state` tells it."""
        index_bits, width = self.cell_shapes[name]
        return self.read_cell(name, b.var(f"at.{name}", index_bits), width)

    def arriving(self, name: str, width: int) -> Term:
        """Metadata ``in.NAME`` that each copy has its own of (a time, the length of a queue)."""
        return self.input.metadata(of_a_copy(len(self.each) - 1, name) if self.each else name, width)

    def _shape(self, name: str, index: Term, width: int) -> None:
        shape = (index.width, width)
        if self.cell_shapes.setdefault(name, shape) != shape:
            raise Unsupported(f"state {name} with cells of {width} bits and of {self.cell_shapes[name][1]} bits")

    # --- notes ------------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Something that the verdict should repeat."""
        self.notes[text] = None

    def cut(self, what: str, span: Span) -> None:
        """A loop is followed no further: the inputs that go on are excluded from the domain, by name.

        Raises:
            Unsupported: every input goes on (every one that came through the parser in one way).
        """
        around = self.outer_paths if self.parsing else self.outer_paths[1:]
        if b.and_(*around, self.state.path).is_const:
            raise Unsupported(f"a loop that does not end: {what}", span)
        self.assumptions.append(Assumption(f"no packet goes through {what}", self.absolute(b.FALSE)))
        self.note(f"{FOLLOWED_SO_FAR}{what}")
        self.state.path = b.FALSE

    def absolute(self, condition: Term) -> Term:
        """``condition`` wherever this point is reached."""
        return b.implies(b.and_(*self.outer_paths, self.state.path), condition)


def _refuse(m: Machine, node: ir.ExternCall) -> Value | None:
    raise Unsupported(f"extern {node.extern}", node.span)


def deep_recursion() -> AbstractContextManager[None]:
    """Room for the evaluator's recursion, which :data:`MAX_DEPTH` bounds."""
    return recursion.at_least(RECURSION_LIMIT)
