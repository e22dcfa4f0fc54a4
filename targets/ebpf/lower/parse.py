"""Parsers: one piece of code for every state and everything that is known where it is entered.

What is known are the offset in the frame, the next index of each header stack, whether the outer VLAN tag lies beside
the data and, where a deparser needs it, which headers are valid. So every offset in the code is a constant, a loop over
a stack is unrolled as far as the stack goes, and the deparser knows with which layouts a packet can reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import networkx as nx

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label
from ..artifact.asm import R1
from . import calls, match, stmts
from . import expr as ex
from .frame import VALID, Leaf, Ref, headers, is_composite, leaves, parts
from .gen import Gen

MAX_POINTS: Final = 2048
"""Pieces of code for states; more are refused."""

TOO_SHORT, NO_MATCH, OUT_OF_BOUNDS = "PacketTooShort", "NoMatch", "StackOutOfBounds"


@dataclass
class ParsePoint:
    """Where a parser stands, as far as it is known when the code is made."""

    tagged: bool
    on_reject: Callable[[ParsePoint, str | None], Label]
    """The label to go to with an error (None: ``transition reject``)."""
    cursor: int = 0
    """In bits from the start of the frame on the wire."""
    next_index: dict[str, int] = field(default_factory=dict)
    """Path of each header stack → its next index (absent: 0)."""
    valid: frozenset[str] | None = frozenset()
    """Paths of the headers that were extracted; None: nobody asks."""
    dead: bool = False
    """The code has gone to an error for certain; nothing behind it is reached."""

    def copy(self) -> ParsePoint:
        """An independent copy."""
        return replace(self, next_index=dict(self.next_index))

    @property
    def known(self) -> tuple[object, ...]:
        """What tells two points apart."""
        return (self.tagged, self.cursor, tuple(sorted(self.next_index.items())), self.valid)

    def fail(self, error: str) -> Label:
        """Where to go with this error."""
        return self.on_reject(self, error)

    def stack_element(self, g: Gen, stack: Ref, part: ir.Member) -> Ref | None:
        """``stack.next`` or ``stack.last``; out of bounds the code goes to the parser's error."""
        elements = parts(stack.type, stack)
        index = self.next_index.get(stack.path, 0) - (part.name == "last")
        if part.name not in ("next", "last"):
            raise CannotOffload(f".{part.name} of a header stack", part.span)
        if 0 <= index < len(elements):
            return elements[index]
        if g.conditional:
            raise CannotOffload("a header stack that may be out of bounds inside a condition", part.span)
        g.asm.goto(self.fail(OUT_OF_BOUNDS))
        self.dead = True
        return elements[0]  # only code that nothing reaches is made with it

    def last_index(self, stack: Ref) -> int:
        """``stack.lastIndex``."""
        return self.next_index.get(stack.path, 0) - 1


@dataclass(eq=False)
class _Frame:
    """A parser being generated: the main one, or a sub-parser and what comes behind it."""

    parser: ir.Parser
    env: dict[str, Ref]
    behind: _Item | None = None


@dataclass(eq=False)
class _Item:
    """Statements of a state still to be generated, and the transition behind them."""

    frame: _Frame
    body: tuple[ir.Stmt, ...]
    transition: ir.Transition
    span: Span
    outs: tuple[calls.CopyOut, ...] = ()
    """What the sub-parser before these statements copies out."""


class ParserGen:
    """Generates a parser and its sub-parsers.

    Args:
        g: the pass.
        on_accept: makes the code behind the parser, once per point of arrival.
        reject_ends: nothing that the parser did can be seen after a rejection; so a sub-parser may work on its caller's
            variables. (A sub-parser that rejects has copied nothing out.)
    """

    def __init__(self, g: Gen, on_accept: Callable[[ParsePoint], None], *, reject_ends: bool) -> None:
        self._g = g
        self._on_accept = on_accept
        self._reject_ends = reject_ends
        self._labels: dict[tuple[object, ...], Label] = {}
        self._todo: list[tuple[Label, _Item | None, ParsePoint]] = []
        self._graph: nx.DiGraph[int] = nx.DiGraph()
        self._here = 0
        self._keep: list[object] = []
        """Everything whose identity is in a key of ``_labels``, so that it stays unique."""

    def run(self, parser: ir.Parser, env: dict[str, Ref], points: Sequence[tuple[Label, ParsePoint]]) -> None:
        """The code of ``parser`` entered at each label with what is known there; names of parameters in ``env``."""
        frame = self._open(parser, env, None)
        for label, point in points:
            self._g.asm.place(label)
            self._g.env, self._g.point = frame.env, point.copy()
            stmts.statements_into(self._g, parser.locals)
            self._g.asm.goto(self._state(frame, "start", self._g.point, parser.span))
            self._drain()
        self._g.point = None

    def _open(self, parser: ir.Parser, env: dict[str, Ref], behind: _Item | None) -> _Frame:
        """Storage for everything that the parser declares."""
        g = self._g
        outer, g.env = g.env, dict(env)
        for stmt in (*parser.locals, *_declared(parser.states)):
            g.declare(stmt.name, stmt.type, stmt.span)
        frame, g.env = _Frame(parser, g.env, behind), outer
        return frame

    def _state(self, frame: _Frame, name: str, point: ParsePoint, span: Span) -> Label:
        """The label of a state entered at ``point``."""
        if name == "accept":
            return self._label(("accept", id(frame)), frame.behind, point, span)
        if name == "reject":
            return point.on_reject(point, None)
        state = next((s for s in frame.parser.states if s.name == name), None)
        if state is None:
            raise CannotOffload(f"no state {name}", span)
        item = _Item(frame, state.body, state.transition, state.span)
        return self._label((id(frame), id(state)), item, point, span)

    def _label(self, key: tuple[object, ...], item: _Item | None, point: ParsePoint, span: Span) -> Label:
        key = (*key, point.known)
        label = self._labels.get(key)
        if label is None:
            label = self._labels[key] = self._g.asm.label()
            self._todo.append((label, item, point.copy()))
            self._keep += [item, item.frame if item else None]
            if len(self._labels) > MAX_POINTS:
                raise CannotOffload("the parser's loops have too many different ways through them", span)
        self._graph.add_edge(self._here, label.number)
        return label

    def _drain(self) -> None:
        while self._todo:
            label, item, point = self._todo.pop()
            self._here = label.number
            self._g.asm.place(label)
            if item is None:
                self._on_accept(point)
                continue
            with self._g.asm.at(item.span):
                self._piece(item, point)
        if not nx.is_directed_acyclic_graph(self._graph):
            raise CannotOffload("a loop of the parser consumes nothing", self._g.program.parsers[0].span)

    def _piece(self, item: _Item, point: ParsePoint) -> None:
        """Statements up to a branch that moves on differently on either side, or all and the transition."""
        g = self._g
        g.env, g.point = item.frame.env, point
        with _known_validity(g):
            calls.copy_out(g, item.outs, item.span)
        for arg, ref, env in item.outs:
            g.env = env
            _rename(point, ref, ex.lvalue(g, arg))
        g.env = item.frame.env
        body = list(item.body)
        while body and not point.dead:
            stmt = body.pop(0)
            match stmt:
                case ir.Declare():
                    stmts.statements_into(g, (stmt,))
                case ir.Do(ir.ExternCall(extern="packet_in", method="extract" | "advance") as call):
                    with g.asm.at(stmt.span):
                        self._consume(call, point)
                case ir.Do(ir.BlockApply() as call):
                    self._sub_parser(item, call, tuple(body), point)
                    return
                case ir.Block(inner) if _moves(stmt):
                    body[:0] = inner
                case ir.If() if _moves(stmt):
                    self._split(item, stmt, tuple(body), point)
                    return
                case _:
                    stmts.statements(g, (stmt,))
        if not point.dead:
            self._transition(item, point)

    def _split(self, item: _Item, stmt: ir.If, rest: tuple[ir.Stmt, ...], point: ParsePoint) -> None:
        otherwise = self._g.asm.label()
        ex.branch_unless(self._g, stmt.condition, otherwise)
        if point.dead:
            self._g.asm.place(otherwise)
            return
        for side in (stmt.then, stmt.otherwise):
            if side is stmt.otherwise:
                self._g.asm.place(otherwise)
            branch = _Item(item.frame, (*side.body, *rest), item.transition, stmt.span)
            self._g.asm.goto(self._label(("side", id(branch)), branch, point, stmt.span))

    def _sub_parser(self, item: _Item, call: ir.BlockApply, rest: tuple[ir.Stmt, ...], point: ParsePoint) -> None:
        g = self._g
        parser = g.program.parser(call.block)
        depth, frame = 0, item.frame
        while frame.behind is not None:
            depth, frame = depth + 1, frame.behind.frame
        if depth > calls.MAX_DEPTH:
            raise CannotOffload("sub-parsers are nested too deeply", call.span)
        with _known_validity(g):
            env, outs = calls.bind(g, parser.params, call.args, call.span, by_reference=self._reject_ends)
        for param, arg in zip(parser.params, call.args, strict=True):
            place = ex.resolve(g, arg) if isinstance(arg, ir.Var | ir.Member | ir.Index) else None
            if param.direction == "out":
                _rename(point, Ref("", param.type), env[param.name])
            elif place is not None:
                _rename(point, place, env[param.name])
        inner = self._open(parser, env, _Item(item.frame, rest, item.transition, call.span, tuple(outs)))
        g.env = inner.env
        stmts.statements_into(g, parser.locals)
        g.asm.goto(self._state(inner, "start", point, call.span))

    # --- moving on ---

    def _consume(self, call: ir.ExternCall, point: ParsePoint) -> None:
        g = self._g
        if call.method == "advance":
            bits = ex.constant_value(g, call.args[0]) if call.args[0] is not None else None
            if bits is None:
                raise CannotOffload("advance by a number of bits that is not constant", call.span)
            self._skip(point, bits)
            return
        if len(call.args) != 1:
            raise CannotOffload("headers of varying size are not extracted", call.span)
        target = call.args[0]
        if target is None:
            self._skip(point, ir.width_of(call.type_args[0]))
            return
        ref = ex.lvalue(g, target)
        if not point.dead:
            self._extract(ref, point, call.span)
            self._extracted(ref, target, point)

    def _skip(self, point: ParsePoint, bits: int) -> None:
        self._g.hook.require(self._g, point.tagged, (point.cursor + bits + 7) // 8, point.fail(TOO_SHORT))
        point.cursor += bits

    def _extract(self, ref: Ref, point: ParsePoint, span: Span) -> None:
        """The header's fields from the frame, its validity, and the cursor behind it."""
        g = self._g
        fields = header_fields(g, ref, span)
        width = sum(leaf.width for leaf, _ in fields)
        g.usage.extracted.setdefault(ref.path, set()).add(point.cursor)
        if any(g.is_live(leaf.path) for leaf, _ in fields if leaf.width):
            load_fields(g, point.tagged, point.cursor, fields, point.fail(TOO_SHORT))
        elif width:
            g.hook.require(g, point.tagged, (point.cursor + width + 7) // 8, point.fail(TOO_SHORT))
        g.store_constant(Leaf(ref.valid.path, 1), 1)
        point.cursor += width
        if point.valid is not None:
            point.valid |= {ref.path}

    def _extracted(self, ref: Ref, target: ir.Expr, point: ParsePoint) -> None:
        """What else an extraction changes: a stack's next index, a union's other members."""
        g = self._g
        while isinstance(target, ir.Member):
            base = target.base
            if isinstance(ir.bare(base.type), ir.StackType) and target.name == "next":
                stack = ex.lvalue(g, base)
                point.next_index[stack.path] = point.next_index.get(stack.path, 0) + 1
            elif isinstance(ir.bare(base.type), ir.UnionType):
                self._only_member(ex.lvalue(g, base), ref, point)
            target = base

    def _only_member(self, union: Ref, ref: Ref, point: ParsePoint) -> None:
        for other in headers(union):
            if other.path != ref.path:
                self._g.store_constant(Leaf(other.valid.path, 1), 0)
                if point.valid is not None:
                    point.valid -= {other.path}

    # --- transitions ---

    def _transition(self, item: _Item, point: ParsePoint) -> None:
        g, transition = self._g, item.transition
        if not transition.keys:
            g.asm.goto(self._state(item.frame, transition.cases[0].state, point, item.span))
            return
        with g.asm.at(transition.keys[0].span), match.evaluated(g, transition.keys) as keys:
            if point.dead:
                return
            for case in transition.cases:
                other = g.asm.label()
                with g.asm.at(case.span):
                    match.unless(g, keys, case.sets, other)
                    g.asm.goto(self._state(item.frame, case.state, point, case.span))
                g.asm.place(other)
                if all(isinstance(item_set, ir.AnySet) for item_set in case.sets):
                    return
        g.asm.goto(point.fail(NO_MATCH))


def _rename(point: ParsePoint, source: Ref, target: Ref) -> None:
    """What is known of ``source`` holds of ``target``, to which it was copied (path "": everything invalid)."""
    if source.path == target.path:
        return

    def moved(path: str) -> str | None:
        if not source.path or not Ref(path, source.type).overlaps(source):
            return None
        return target.path + path[len(source.path) :]

    def kept(path: str) -> bool:
        return not Ref(path, target.type).overlaps(target)

    known = {new: index for path, index in point.next_index.items() if (new := moved(path)) is not None}
    point.next_index = {path: index for path, index in point.next_index.items() if kept(path)} | known
    if point.valid is not None:
        valid = frozenset(new for path in point.valid if (new := moved(path)) is not None)
        point.valid = frozenset(filter(kept, point.valid)) | valid


@contextmanager
def _known_validity(g: Gen) -> Iterator[None]:
    """Copies made here do not make a header's validity unknown: the point says what it is."""
    before = set(g.usage.stores)
    yield
    for path in set(g.usage.stores) - before:
        if path.endswith(f".{VALID}"):
            del g.usage.stores[path]


def header_fields(g: Gen, ref: Ref, span: Span) -> list[tuple[Leaf, int]]:
    """The header's leaves with the bit offset of each in it."""
    if not isinstance(ir.bare(ref.type), ir.HeaderType):
        raise CannotOffload("only headers can be extracted or emitted", span)
    out, at = [], 0
    for part in parts(ref.type, ref):
        for leaf in leaves(g.program, part, span):
            out.append((leaf, at))
            at += leaf.width
    return out


def load_fields(g: Gen, tagged: bool, cursor: int, fields: Sequence[tuple[Leaf, int]], short: Label) -> None:
    """Fields from the frame, the first at bit ``cursor``, to their leaves."""
    start = cursor // 8
    end = max(cursor + at + leaf.width for leaf, at in fields)
    with g.hook.fetch(g, tagged, start, (end + 7) // 8 - start, short) as (base, offset):
        for leaf, at in fields:
            if leaf.path not in g.slots:
                continue
            for limb in range((leaf.width + 63) // 64):
                count = min(64, leaf.width - 64 * limb)
                first = cursor + at + leaf.width - 64 * limb - count - 8 * start
                g.load_bits(base, offset, first, count)
                g.store_leaf(Ref(leaf.path, ir.bits(leaf.width)), R1, limb)


def lookahead(g: Gen, call: ir.ExternCall, ref: Ref) -> None:
    """``packet.lookahead``: like extract, but the parser stays where it is."""
    point = g.point
    if point is None:
        raise CannotOffload("lookahead outside a parser", call.span)
    if is_composite(ref.type):
        fields, at = [], 0
        for leaf in leaves(g.program, ref, call.span):
            if leaf.path.endswith(".$valid"):
                g.store_constant(leaf, 1)
                continue
            fields.append((leaf, at))
            at += leaf.width
    else:
        at = g.width(ref.type, call.span)
        fields = [(Leaf(ref.path, at), 0)]
    if at:
        load_fields(g, point.tagged, point.cursor, fields, point.fail(TOO_SHORT))


def _moves(stmt: ir.Stmt) -> bool:
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
            case ir.Assign(target, value) if _follows(target) or _follows(value):
                return True
            case ir.Do(call) if _follows(call):
                return True
    return False


def _follows(expr: ir.Expr) -> bool:
    """Whether an expression has ``.next`` or ``.last`` of a header stack in it."""
    todo = [expr]
    while todo:
        item = todo.pop()
        if isinstance(item, ir.Member) and isinstance(ir.bare(item.base.type), ir.StackType):
            return True
        todo += ex.children(item)
        if isinstance(item, ir.FunctionCall | ir.ExternCall):
            todo += [arg for arg in item.args if arg is not None]
    return False


def _declared(states: Sequence[ir.State]) -> list[ir.Declare]:
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
