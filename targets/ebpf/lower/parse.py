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
from ..artifact import Label, asm
from ..artifact.asm import R1, R2
from . import calls, match, operands, stmts
from . import expr as ex
from .fields import TOO_SHORT, header_fields, load_fields
from .frame import SIZE_BITS, Leaf, Ref, headers, leaves, parts, varbits
from .gen import Gen, Temp
from .parse_bounds import TURNS, Bounds, bounds
from .parse_points import KNOWN_OF_HEADERS, ParsePoint, rename
from .parse_reads import (
    MAX_SIZES,
    chosen_key,
    constant_size,
    declared,
    most_bits,
    moves,
    possible_sizes,
    varies,
)

MAX_POINTS: Final = 4096
"""Pieces of code for states; more are refused."""

NO_MATCH: Final = "NoMatch"
HEADER_TOO_SHORT, INVALID_ARGUMENT = "HeaderTooShort", "ParserInvalidArgument"


class UnboundedLoop(CannotOffload):
    """A parser's loops have too many ways through them."""


@dataclass(eq=False)
class _Frame:
    """A parser being generated: the main one, or a sub-parser and what comes behind it."""

    parser: ir.Parser
    env: dict[str, Ref]
    behind: _Item | None = None
    bounds: Bounds = field(default_factory=Bounds)
    entered: int = 0
    """Where in the frame the parser begins, in bits."""


@dataclass(eq=False)
class _Item:
    """Statements of a state still to be generated, and the transition behind them."""

    frame: _Frame
    body: tuple[ir.Stmt, ...]
    state: str
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
            variables, even on some of them only. (Elsewhere it works on all that it may change, and hands them over
            when it rejects, as p4c's parsers do, or on copies, and hands over none.)
    """

    def __init__(self, g: Gen, on_accept: Callable[[ParsePoint], None], *, reject_ends: bool) -> None:
        self._g = g
        self._on_accept = on_accept
        self._reject_ends = reject_ends
        self._labels: dict[tuple[object, ...], Label] = {}
        self._todo: list[tuple[Label, _Item | None, ParsePoint]] = []
        self._graph: nx.DiGraph[int] = nx.DiGraph()
        self._here = 0
        self._in_loop = False
        """Whether packets may come again to the code being generated."""
        self._keep: list[object] = []
        """Everything whose identity is in a key of ``_labels``, so that it stays unique."""
        self._taken: dict[int, list[str]] = {}
        """Label → the headers and unions that its code extracts."""
        self._copies: list[tuple[str, str]] = []
        """Paths of what calls of sub-parsers copy, and where to."""

    def run(self, parser: ir.Parser, env: dict[str, Ref], points: Sequence[tuple[Label, ParsePoint]]) -> None:
        """The code of ``parser`` entered at each label with what is known there; names of parameters in ``env``."""
        frame = self._open(parser, env, None)
        for label, point in points:
            self._g.asm.place(label)
            self._here = label.number
            self._g.env, self._g.point = frame.env, point.copy()
            stmts.statements_into(self._g, parser.locals)
            self._g.asm.goto(self._state(frame, "start", self._g.point, parser.span))
            self._drain()
        self._g.point = None

    def _open(self, parser: ir.Parser, env: dict[str, Ref], behind: _Item | None) -> _Frame:
        """Storage for everything that the parser declares."""
        g = self._g
        outer, g.env = g.env, dict(env)
        for stmt in (*parser.locals, *declared(parser.states)):
            g.declare(stmt.name, stmt.type, stmt.span)
        entered = 0 if g.point is None else g.point.cursor
        frame, g.env = _Frame(parser, g.env, behind, bounds(g.program, parser), entered), outer
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
        if self._g.bounded_loops:
            point = point.copy()
            if not self._is_followed(frame, name, point):
                return self._g.drop
        item = _Item(frame, state.body, name, state.transition, state.span)
        return self._label((id(frame), id(state)), item, point, span)

    def _is_followed(self, frame: _Frame, name: str, point: ParsePoint) -> bool:
        """Whether packets that come to a state at ``point`` are followed; notes there that they came."""
        furthest, counted = frame.bounds.furthest, frame.bounds.counted.get(name)
        if furthest is not None:
            point.visits = {key: visits for key, visits in point.visits.items() if key[2] in (point.cursor, None)}
            if point.cursor > frame.entered + furthest:
                return False
        if counted is None:
            return True
        key = (id(frame), min(counted), None if furthest is None else point.cursor)
        visits = point.visits[key] = point.visits.get(key, 0) + 1
        return visits <= TURNS * len(counted) + 1

    def _label(self, key: tuple[object, ...], item: _Item | None, point: ParsePoint, span: Span) -> Label:
        key = (*key, point.known)
        label = self._labels.get(key)
        if label is None:
            label = self._labels[key] = self._g.asm.label()
            self._todo.append((label, item, point.copy()))
            self._keep += [item, item.frame if item else None]
            if len(self._labels) > MAX_POINTS:
                raise UnboundedLoop("the parser's loops have too many different ways through them", span)
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
        self._note_copies()
        if not nx.is_directed_acyclic_graph(self._graph):
            raise UnboundedLoop("a loop of the parser consumes nothing", self._g.program.parsers[0].span)
        self._note_again()

    def _note_again(self) -> None:
        """What was extracted on the way here, and is extracted again, is there only once."""
        before: dict[int, frozenset[str]] = {}
        for here in nx.topological_sort(self._graph):
            ways = [before[each].union(self._taken.get(each, ())) for each in self._graph.predecessors(here)]
            before[here] = frozenset[str]().union(*ways)
            taken = self._taken.get(here, [])
            self._g.loose |= len(set(taken) - before[here]) < len(taken)

    def _piece(self, item: _Item, point: ParsePoint) -> None:
        """Statements up to a branch that moves on differently on either side, or all and the transition."""
        g = self._g
        g.env, g.point = item.frame.env, point
        self._in_loop = _may_come_again(item)
        g.value_sets = {each.name: each.control_name for each in item.frame.parser.value_sets}
        with _known_validity(g):
            calls.copy_out(g, item.outs, item.span)
        for arg, ref, env in item.outs:
            g.env = env
            target = operands.lvalue(g, arg)
            self._copied(point, ref, target)
            union = operands.union_of(arg)
            if union is not None:
                self._only_member(operands.lvalue(g, union), target, point)
        g.env = item.frame.env
        body = list(item.body)
        while body and not point.dead:
            stmt = body.pop(0)
            match stmt:
                case ir.Declare():
                    stmts.statements_into(g, (stmt,))
                case ir.Do(ir.ExternCall(extern="packet_in", method="extract" | "advance") as call):
                    with g.asm.at(stmt.span):
                        at = None if call.args[0] is None else operands.runtime_index(call.args[0])
                        if at is not None:
                            self._by_index(item, call, at, tuple(body), point)
                            return
                        if varies(g, call):
                            self._by_size(item, call, tuple(body), point)
                            return
                        self._consume(call, point)
                case ir.Do(ir.BlockApply() as call):
                    self._sub_parser(item, call, tuple(body), point)
                    return
                case ir.Block(inner) if moves(stmt):
                    body[:0] = inner
                case ir.If() if moves(stmt):
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
            branch = replace(item, body=(*side.body, *rest), span=stmt.span, outs=())
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
            by_reference = self._reject_ends or calls.hands_references(g, parser.params, call.args)
            env, outs = calls.bind(g, parser.params, call.args, call.span, by_reference=by_reference)
        for param, arg in zip(parser.params, call.args, strict=True):
            place = operands.resolve(g, arg) if isinstance(arg, ir.Var | ir.Member | ir.Index) else None
            if param.direction == "out":
                rename(point, Ref("", param.type), env[param.name])
            elif place is not None:
                self._copied(point, place, env[param.name])
        inner = self._open(parser, env, replace(item, body=rest, span=call.span, outs=tuple(outs)))
        g.env = inner.env
        stmts.statements_into(g, parser.locals)
        g.asm.goto(self._state(inner, "start", point, call.span))

    def _copied(self, point: ParsePoint, source: Ref, target: Ref) -> None:
        rename(point, source, target)
        if source.path != target.path:
            self._g.loose = True
            self._copies.append((source.path, target.path))

    def _note_copies(self) -> None:
        """What statements make of a header's validity is no better known of its copies."""
        stores = self._g.usage.stores
        todo = [path for path in stores if path.endswith(KNOWN_OF_HEADERS)]
        while todo:
            path = todo.pop()
            for source, target in self._copies:
                copy = target + path.removeprefix(source)
                if path.startswith(f"{source}.") and copy not in stores:
                    stores[copy] = stores[path]
                    todo.append(copy)
        self._note_extracted()

    def _note_extracted(self) -> None:
        """What was extracted may be in the copies, too."""
        extracted, forgotten = self._g.extracted, self._g.forgotten
        todo = list(extracted)
        while todo:
            path = todo.pop()
            for source, target in self._copies:
                if f"{path}.".startswith(f"{source}."):
                    other = target + path.removeprefix(source)
                    copy = extracted.setdefault(other, set())
                    if not extracted[path] <= copy or (path in forgotten and other not in forgotten):
                        copy |= extracted[path]
                        forgotten.update({other} if path in forgotten else ())
                        todo.append(other)

    # --- moving on ---

    def _consume(self, call: ir.ExternCall, point: ParsePoint) -> None:
        g = self._g
        if call.method == "advance":
            bits = constant_size(g, call) or 0
            if bits % 8 and g.varbit_bytes_only:
                self._stop(point, INVALID_ARGUMENT)
            else:
                self._skip(point, bits)
            return
        target = call.args[0]
        size = constant_size(g, call)
        ref = None if target is None else operands.lvalue(g, target)
        if not point.dead and size is not None and size % 8 and g.varbit_bytes_only:
            self._stop(point, INVALID_ARGUMENT)
        if point.dead:
            return
        if ref is None or target is None:
            self._skip(point, ir.width_of(call.type_args[0]) + (size or 0))
            return
        if not point.dead:
            self._extract(ref, point, call.span, size)
        if not point.dead:
            self._extracted(ref, target, point)

    def _skip(self, point: ParsePoint, bits: int) -> None:
        self._g.loose |= bool(bits)
        self._g.hook.require(self._g, point.tagged, (point.cursor + bits + 7) // 8, point.fail(TOO_SHORT))
        point.cursor += bits

    def _stop(self, point: ParsePoint, error: str) -> None:
        """The parser ends here for certain."""
        self._g.asm.goto(point.fail(error))
        point.dead = True

    def _extract(self, ref: Ref, point: ParsePoint, span: Span, size: int | None) -> None:
        """The header's fields from the frame, its validity, and the cursor behind it; ``size`` is its varbit's."""
        g = self._g
        sizes = self._varbit(ref, point, span, size)
        if point.dead:
            return
        fields = header_fields(g, ref, span, sizes)
        width = sum(leaf.bits for leaf, _ in fields)
        if any(g.is_live(leaf.path) for leaf, _ in fields if leaf.width):
            load_fields(g, point.tagged, point.cursor, fields, point.fail(TOO_SHORT), span)
        elif width:
            g.hook.require(g, point.tagged, (point.cursor + width + 7) // 8, point.fail(TOO_SHORT))
        for path, bits in sizes.items():  # not of a header that is cut off: it stays what it was
            g.store_constant(Leaf(Ref(path, ir.bits(SIZE_BITS)).size.path, SIZE_BITS), bits)
        g.store_constant(Leaf(ref.valid.path, 1), 1)
        point.cursor += width
        g.extracted.setdefault(ref.path, set()).add(0)
        self._taken.setdefault(self._here, []).append(ref.path)
        if point.valid is None or (self._in_loop and g.forgets == "loops"):
            self._forget(ref, point)
        else:
            point.valid |= {ref.path}
            point.starts[ref.path] = point.cursor - width

    def _forget(self, ref: Ref, point: ParsePoint) -> None:
        """Nothing is known of a header, whatever was."""
        self._g.forgotten.add(ref.path)
        point.valid = None if point.valid is None else point.valid - {ref.path}
        point.starts.pop(ref.path, None)
        for part in varbits(ref):
            point.sizes.pop(part.path, None)

    def _varbit(self, ref: Ref, point: ParsePoint, span: Span, size: int | None) -> dict[str, int]:
        """The path of the header's varbit, if it has one, and its size, which is noted."""
        g, varying = self._g, varbits(ref)
        if (size is None) != (not varying) or len(varying) > 1:
            raise CannotOffload("a header with a varbit is extracted with a size, any other one without", span)
        if size is None:
            return {}
        if size > next(leaves(g.program, varying[0], span)).width:
            end = point.cursor + ir.width_of(ref.type) + size
            g.hook.require(g, point.tagged, (end + 7) // 8, point.fail(TOO_SHORT))
            self._stop(point, HEADER_TOO_SHORT)
            return {}
        g.extracted.setdefault(varying[0].path, set()).add(size)
        if point.valid is not None:
            point.sizes[varying[0].path] = size
        return {varying[0].path: size}

    def _extracted(self, ref: Ref, target: ir.Expr, point: ParsePoint) -> None:
        """What else an extraction changes: a stack's next index, a union's other members."""
        g = self._g
        while isinstance(target, ir.Member):
            base = target.base
            if isinstance(ir.bare(base.type), ir.StackType) and target.name == "next":
                stack = operands.lvalue(g, base)
                point.next_index[stack.path] = point.next_index.get(stack.path, 0) + 1
            elif isinstance(ir.bare(base.type), ir.UnionType):
                self._only_member(operands.lvalue(g, base), ref, point)
                self._taken.setdefault(self._here, []).append(operands.lvalue(g, base).path)
            target = base

    def _only_member(self, union: Ref, ref: Ref, point: ParsePoint) -> None:
        for other in headers(union):
            if other.path != ref.path:
                self._g.store_constant(Leaf(other.valid.path, 1), 0)
                if point.valid is not None:
                    point.valid -= {other.path}

    # --- elements and sizes that are found out ---

    def _by_index(
        self, item: _Item, call: ir.ExternCall, at: ir.Index, rest: tuple[ir.Stmt, ...], point: ParsePoint
    ) -> None:
        """A piece of code for each element that ``call`` may extract; beyond the last it extracts into nothing."""
        g, target = self._g, call.args[0]
        assert target is not None
        ex.value(g, at.index)
        if point.dead:
            return

        def extracting(place: ir.Expr | None) -> Label:
            known = replace(call, args=(place, *call.args[1:]))
            branch = replace(item, body=(ir.Do(known, call.span), *rest), span=call.span, outs=())
            return self._label(("index", id(branch)), branch, point, call.span)

        with g.hold() as held:
            for number in range(len(parts(at.base.type, Ref("", at.base.type)))):
                held.load(R1)
                g.asm.jump("jeq", R1, number, extracting(operands.with_index(target, at, number)))
            g.asm.goto(extracting(None))

    def _by_size(self, item: _Item, call: ir.ExternCall, rest: tuple[ir.Stmt, ...], point: ParsePoint) -> None:
        """A piece of code for each number of bits that ``call`` may extract or skip, and the errors for others."""
        g, size = self._g, call.args[-1]
        assert size is not None
        if g.width(size.type, call.span) > 64:
            raise CannotOffload("a size of more than 64 bits", call.span)
        sizes = possible_sizes(g, size, most_bits(call))
        if len(sizes) > MAX_SIZES:
            raise CannotOffload(f"more than {MAX_SIZES} different numbers of bits to extract or skip", call.span)
        if call.method == "extract" and call.args[0] is not None:
            operands.lvalue(g, call.args[0])  # a stack that is full is noticed before the size
        if not point.dead:
            ex.value(g, size)
        if point.dead:
            return
        with g.hold() as held:
            for number in sizes:
                known = replace(call, args=(*call.args[:-1], ir.Const(number, ir.bits(64), size.span)))
                branch = replace(item, body=(ir.Do(known, call.span), *rest), span=call.span, outs=())
                held.load(R1)
                g.asm.jump("jeq", R1, number, self._label(("size", id(branch)), branch, point, call.span))
            self._other_size(call, held, point)

    def _other_size(self, call: ir.ExternCall, held: Temp, point: ParsePoint) -> None:
        """Any other size: uneven, beyond the frame's end, or beyond the varbit's; checked in this order."""
        g = self._g
        if g.varbit_bytes_only:
            held.load(R1)
            g.asm.emit(asm.alu("and", R1, 7))
            g.asm.jump("jne", R1, 0, point.fail(INVALID_ARGUMENT))
        fixed = point.cursor + (ir.width_of(call.type_args[0]) if call.method == "extract" else 0)
        g.hook.length(g)
        g.asm.emit(asm.alu("lsh", R1, 3))
        g.asm.jump("jlt", R1, fixed, point.fail(TOO_SHORT))
        g.asm.emit(asm.alu("sub", R1, fixed))
        held.load(R2)
        g.asm.jump("jgt", R2, R1, point.fail(TOO_SHORT))
        # What is skipped never gets here: all that a frame holds is told apart.
        g.asm.goto(point.fail(HEADER_TOO_SHORT))

    # --- transitions ---

    def _transition(self, item: _Item, point: ParsePoint) -> None:
        g, transition = self._g, item.transition
        if not transition.keys:
            g.asm.goto(self._state(item.frame, transition.cases[0].state, point, item.span))
            return
        chosen = chosen_key(transition.keys)
        if chosen is not None:
            self._split_key(item, *chosen, point)
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

    def _split_key(self, item: _Item, number: int, key: ir.Mux, point: ParsePoint) -> None:
        """The transition once with each of the values that key ``number`` may take."""
        otherwise = self._g.asm.label()
        ex.branch_unless(self._g, key.condition, otherwise)
        for place, value in ((None, key.then), (otherwise, key.otherwise)):
            if place is not None:
                self._g.asm.place(place)
            if point.dead:
                continue
            keys = item.transition.keys
            keys = (*keys[:number], value, *keys[number + 1 :])
            branch = replace(item, body=(), transition=replace(item.transition, keys=keys), outs=())
            self._g.asm.goto(self._label(("side", id(branch)), branch, point, key.span))


def _may_come_again(item: _Item | None) -> bool:
    """Whether packets may come again to a piece of a state, or to one from which its parser was called."""
    while item is not None:
        if item.state in item.frame.bounds.loops:
            return True
        item = item.frame.behind
    return False


@contextmanager
def _known_validity(g: Gen) -> Iterator[None]:
    """Copies made here do not make a header's validity unknown: the point says what it is."""
    before = set(g.usage.stores)
    yield
    for path in set(g.usage.stores) - before:
        if path.endswith(KNOWN_OF_HEADERS):
            del g.usage.stores[path]
