"""Deparsers: a tree of decisions whose leaves know which headers are emitted and how much was parsed.

A header of which the ways on which a packet can have come here say whether it is valid is not asked for
(:mod:`.validity`). At a leaf every offset in the new frame is a constant. Bytes that are where they came from, in
fields that nobody changes, are not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import Label
from ..artifact.asm import R1
from . import calls, objects, operands, sliding, stmts
from . import expr as ex
from .exits import Exit, for_each
from .fields import header_fields
from .frame import Ref, headers, leaves, varbits
from .gen import Gen
from .hooks import XdpHook
from .writing import Field, OfShortFrames, TooShort, copy_tc, dirty, resize_xdp, store_xdp, write_tc

MAX_LEAVES = 1024
"""Layouts of the outgoing frame; more are refused."""
MOST_OF_TREE = 64
"""Layouts that each have code of their own where headers alone decide; of more, :mod:`.sliding` makes less code."""


Emitted = tuple[Ref, tuple[tuple[str, int], ...]]
"""A header that goes into the new frame, with the sizes of its varbits by their paths."""


@dataclass(eq=False)
class _Names:
    """What is in scope for some statements."""

    env: dict[str, Ref]
    actions: dict[str, ir.Action]
    tables: dict[str, ir.Table]

    def inside(self) -> _Names:
        """The same for a block, whose own names are gone behind it."""
        return replace(self, env=dict(self.env))


@dataclass(frozen=True, eq=False)
class _Step:
    """A statement still to be generated, or (None) what the control of which these are the names copies out."""

    stmt: ir.Stmt | None
    names: _Names
    outs: tuple[calls.CopyOut, ...] = ()


def _steps(body: Sequence[ir.Stmt], names: _Names) -> tuple[_Step, ...]:
    return tuple(_Step(stmt, names) for stmt in body)


@dataclass(frozen=True, slots=True)
class _Item:
    body: tuple[_Step, ...]
    emitted: tuple[Emitted, ...]
    pending: tuple[Ref, ...]
    """Headers of the emit at hand still to be looked at."""
    exits: tuple[Exit, ...]


Shared = dict[tuple[tuple[int, int], ...], tuple[Label, list[Field], int]]
"""The stretches of a frame to be written → where the code for it stands, the fields, the size of the frame's start."""


@dataclass
class Deparser:
    """Generates a deparser; ``cursor`` is the leaf that holds how much was parsed, in bits."""

    g: Gen
    control: ir.Control
    cursor: Ref
    send: Label
    copy: Callable[[], None] | None = None
    """Sends a copy of the new frame, which is then as it was before; None: the new frame stays."""
    discard: bool = False
    """Whether no frame is wanted, but only what the deparser does beside."""
    known: bool = False
    """Whether the ways tell which headers are valid here, and not only which ones were extracted."""
    shortest: list[int] = field(default_factory=list)
    """Bytes that every frame has afterwards, for each layout."""
    written: list[int] = field(default_factory=list)
    """Bytes of its headers, for each layout."""
    grows: bool = False
    """Whether a frame may get longer."""
    _env: Mapping[str, Ref] = field(default_factory=dict, init=False)
    """What the deparser's parameters are."""
    _of_short_frames: CannotOffload | None = field(default=None, init=False)
    """The first layout that only frames of less than Ethernet's shortest length make too short: why that is refused,
    where no other layout is worse."""

    def run(self, env: dict[str, Ref], exits: Sequence[Exit]) -> None:
        """The code from here on: writes the new frame and goes to ``send``."""
        g = self.g
        self._env = dict(env)
        objects.begin(g, self.control.name)
        names = self._names(self.control, dict(env))
        steps = _steps((*self.control.locals, *self.control.body.body), names)
        start = _Item(steps, (), (), tuple(dict.fromkeys(exits)))
        todo: list[tuple[Label, _Item]] = [(g.asm.label(), start)]
        count = 0
        while todo:
            label, item = todo.pop()
            g.asm.place(label)
            count += not item.body and not item.pending
            if count > MAX_LEAVES:
                raise CannotOffload("the outgoing frame has too many different layouts", self.control.span)
            self._piece(item, todo)
        if self._of_short_frames is not None:
            raise self._of_short_frames

    def _names(self, control: ir.Control, env: dict[str, Ref]) -> _Names:
        actions = {action.name: action for action in (*self.g.program.actions, *control.actions)}
        return _Names(env, actions, {table.name: table for table in control.tables})

    def _piece(self, item: _Item, todo: list[tuple[Label, _Item]]) -> None:
        g = self.g
        body = list(item.body)
        emitted, pending, exits = item.emitted, item.pending, item.exits
        while True:
            while pending:
                header, pending = pending[0], pending[1:]
                with_it, without = self._ways(header, exits)
                if with_it and without:
                    other = g.asm.label()
                    g.load_leaf(R1, header.valid, span=self.control.span)
                    g.asm.jump("jeq", R1, 0, other)
                    todo.append((other, _Item(tuple(body), emitted, pending, without)))
                exits = with_it or without
                if with_it:
                    known, exits = self._sizes(header, exits, _Item(tuple(body), emitted, pending, exits), todo)
                    emitted = (*emitted, (header, known))
            if not body:
                break
            step = body.pop(0)
            names = step.names
            g.env, g.actions, g.tables = dict(names.env), names.actions, names.tables
            match step.stmt:
                case None:
                    calls.copy_out(g, step.outs, self.control.span)
                case ir.Do(ir.ExternCall(extern="packet_out", method="emit", args=(what,))) if what is not None:
                    pending = tuple(headers(operands.lvalue(g, what)))
                    if not emitted and self._slid(pending, body, exits):
                        return
                case ir.Do(ir.BlockApply() as call) if _emits(step.stmt):
                    body[:0] = self._inner(call, names)
                case ir.Block(inner) if _emits(step.stmt):
                    body[:0] = _steps(inner, names.inside())
                case ir.If() as stmt if _emits(stmt):
                    other = g.asm.label()
                    ex.branch_unless(g, stmt.condition, other)
                    rest = (*_steps(stmt.otherwise.body, names.inside()), *body)
                    todo.append((other, _Item(rest, emitted, (), exits)))
                    body[:0] = _steps(stmt.then.body, names.inside())
                case stmt:
                    stmts.statements(g, (stmt,))
                    names.env.update(g.env)
        self._leaves(emitted, exits)

    def _slid(self, first: tuple[Ref, ...], rest: Sequence[_Step], exits: tuple[Exit, ...]) -> bool:
        """Whether all that is left is to emit headers, of which there may be so many layouts that code was made for
        each at each of its offsets."""
        g, span = self.g, self.control.span
        if self.copy is not None or self.discard:
            return False
        found = list(first)
        for step in rest:
            match step.stmt:
                case ir.Do(ir.ExternCall(extern="packet_out", method="emit", args=(what,))) if what is not None:
                    g.env = dict(step.names.env)
                    found += headers(operands.lvalue(g, what))
                case _:
                    return False
        if sliding.layouts(found, exits, self._ways, self._possible, MOST_OF_TREE + 1) <= MOST_OF_TREE:
            return False
        made = sliding.plan(g, found, exits, self._ways, self._possible, span)
        if made is None:
            return False
        for (_, cursor), totals in made.totals.items():
            for total in totals:
                self.grows |= total > cursor
                self.written.append(total // 8)
                self.shortest.append(total // 8 + max(0, g.shortest - cursor // 8))
        sliding.Sliding(g, made, self.cursor, self.send, span).run()
        return True

    def _inner(self, call: ir.BlockApply, names: _Names) -> list[_Step]:
        """The statements of a control that emits, which is applied here."""
        g = self.g
        control = g.program.control(call.block)
        if any(isinstance(stmt, ir.Leave) for stmt in every(control.body.body)):
            raise CannotOffload("return or exit in a control that emits", call.span)
        frame, outs = calls.bind(g, control.params, call.args, call.span, by_reference=True)
        objects.begin(g, control.name)
        steps = _steps((*control.locals, *control.body.body), self._names(control, frame))
        return [*steps, _Step(None, names, tuple(outs))]

    def _ways(self, header: Ref, exits: tuple[Exit, ...]) -> tuple[tuple[Exit, ...], tuple[Exit, ...]]:
        """The ways here on which the header can be valid, and invalid."""
        if not self.known and header.valid.path in self.g.usage.stores:
            return exits, exits
        if header.path in self.g.forgotten:
            return exits, exits
        return (
            tuple(way for way in exits if header.path in way.valid),
            tuple(way for way in exits if header.path not in way.valid),
        )

    def _sizes(
        self, header: Ref, exits: tuple[Exit, ...], item: _Item, todo: list[tuple[Label, _Item]]
    ) -> tuple[tuple[tuple[str, int], ...], tuple[Exit, ...]]:
        """The sizes that the header's varbits have in the code that follows, and the ways on which they have them; for
        every other size there is code of its own, which goes on with ``item``."""
        g = self.g
        known: tuple[tuple[str, int], ...] = ()
        for part in varbits(header):
            options = self._possible(part, exits)
            *others, last = sorted(options)
            for size in others:
                label = g.asm.label()
                g.load_leaf(R1, part.size, span=self.control.span)
                g.asm.jump("jeq", R1, size, label)
                rest = self._rest_of(header, part, (*known, (part.path, size)))
                todo.append((label, replace(item, emitted=(*item.emitted, rest), exits=options[size])))
            known, exits = (*known, (part.path, last)), options[last]
        return known, exits

    def _rest_of(self, header: Ref, part: Ref, known: tuple[tuple[str, int], ...]) -> Emitted:
        if part.path != varbits(header)[-1].path:
            raise CannotOffload("a header with several varbits", self.control.span)
        return header, known

    def _possible(self, part: Ref, exits: tuple[Exit, ...]) -> dict[int, tuple[Exit, ...]]:
        """Every size that a varbit can have here, and the ways on which it can."""
        g = self.g
        if part.size.path not in g.usage.stores:
            if part.path.rpartition(".")[0] in g.forgotten:
                return dict.fromkeys(sorted({0} | g.extracted.get(part.path, set())), exits)
            found: dict[int, tuple[Exit, ...]] = {}
            for way in exits:
                size = dict(way.sizes).get(part.path, 0)  # no size: made valid, never extracted
                found[size] = (*found.get(size, ()), way)
            return found
        width = next(leaves(g.program, part)).width
        # Varbits get their bits from packets, or from each other: they have the size of something that was extracted.
        sizes = {0}.union(*g.extracted.values())
        return dict.fromkeys(sorted(size for size in sizes if size <= width), exits)

    def _leaves(self, emitted: tuple[Emitted, ...], exits: tuple[Exit, ...]) -> None:
        """Tell the remaining ways apart and write the frame on each."""
        g = self.g
        shared: Shared = {}

        def write(tagged: bool, cursor: int) -> None:
            ways = [way for way in exits if (way.tagged, way.cursor) == (tagged, cursor)]
            try:
                self._write(emitted, ways, shared)
            except TooShort as error:
                self._refuse(error, emitted, cursor)

        def finish() -> None:
            for label, fields, size in shared.values():
                g.asm.place(label)
                store_xdp(g, fields, size)
                g.asm.goto(self.send)
            shared.clear()

        for_each(g, self.cursor, [(way.tagged, way.cursor) for way in exits], write, finish)

    def _refuse(self, error: TooShort, emitted: tuple[Emitted, ...], cursor: int) -> None:
        """Say which layout gets too short: later, if there may be one for which the same would not help."""
        names = ", ".join(self._shown(header) for header, _ in emitted) or "none"
        layout = f"emitted: {names}; parsed: {cursor // 8} bytes"
        told = CannotOffload(f"{error.reason} ({layout}){error.hint}", error.span)
        if not isinstance(error, OfShortFrames):
            raise told from None
        self._of_short_frames = self._of_short_frames or told

    def _shown(self, header: Ref) -> str:
        """A header as the deparser calls it."""
        for name, ref in self._env.items():
            if header.path.startswith(f"{ref.path}."):
                return (name + header.path.removeprefix(ref.path)).replace(".[", "[")
        return header.path

    def _write(self, emitted: tuple[Emitted, ...], ways: Sequence[Exit], shared: Shared) -> None:
        """Make room for the new headers and write them, with code that all cursors share whose frames differ in no more
        than the room; then go to ``send``."""
        g, span = self.g, self.control.span
        tagged, cursor = ways[0].tagged, ways[0].cursor
        fields, at = self._layout(emitted, cursor, ways)
        if at % 8 or cursor % 8:
            raise CannotOffload("headers that are no whole number of bytes in all", span)
        if self.discard:
            g.asm.goto(self.send)
            return
        self.grows |= at > cursor
        self.written.append(at // 8)
        self.shortest.append(at // 8 + max(0, g.shortest - cursor // 8))
        if isinstance(g.hook, XdpHook):
            resize_xdp(g, at // 8, cursor // 8, span)
            key = tuple(dirty(fields, at // 8))
            if key not in shared:
                shared[key] = g.asm.label(), fields, at // 8
            g.asm.goto(shared[key][0])
        elif self.copy is not None:
            copy_tc(g, g.hook, fields, tagged, at // 8, cursor // 8, self.copy, span)
            g.asm.goto(self.send)
        else:
            write_tc(g, g.hook, fields, tagged, at // 8, cursor // 8, span)
            g.asm.goto(self.send)

    def _layout(self, emitted: tuple[Emitted, ...], cursor: int, ways: Sequence[Exit]) -> tuple[list[Field], int]:
        """The fields of the new frame's start, and its bits. What the program leaves alone, and is as far from the
        payload as it was, is where it belongs."""
        g = self.g
        items = [(header, header_fields(g, header, self.control.span, dict(sizes))) for header, sizes in emitted]
        total = sum(leaf.bits for _, fields in items for leaf, _ in fields)
        out, at = [], 0
        for header, fields in items:
            begin = cursor - total + at
            here = all(dict(way.starts).get(header.path) == begin for way in ways) and not any(
                path in g.usage.stores for path in (header.valid.path, *(part.size.path for part in varbits(header)))
            )
            out += [
                Field(leaf, at + offset, here and leaf.path not in g.usage.stores)
                for leaf, offset in fields
                if leaf.bits
            ]
            at += sum(leaf.bits for leaf, _ in fields)
        return out, at


def every(body: Sequence[ir.Stmt]) -> Iterator[ir.Stmt]:
    """Statements, and those inside of blocks, conditions, switches and loops."""
    todo = list(reversed(body))
    while todo:
        stmt = todo.pop()
        yield stmt
        match stmt:
            case ir.Block(inner):
                todo += reversed(inner)
            case ir.If(then=then, otherwise=otherwise):
                todo += [otherwise, then]
            case ir.Switch(cases=cases):
                todo += [case.body for case in reversed(cases) if case.body is not None]
            case ir.For(body=inner_block) | ir.ForIn(body=inner_block):
                todo.append(inner_block)


def _emits(stmt: ir.Stmt) -> bool:
    """Whether something is emitted inside, also in controls that are applied there."""
    for each in every((stmt,)):
        match each:
            case ir.Do(ir.ExternCall(extern="packet_out")):
                return True
            case ir.Do(ir.BlockApply(args=args)):
                if any(a is not None and isinstance(ir.bare(a.type), ir.ExternType) for a in args):
                    return True
    return False
