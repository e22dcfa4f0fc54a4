"""The packets that come of what was emitted (P4-16 spec, "Deparsing").

What is emitted under a condition that is not decided (a header's validity after the tables) makes packets of different
layout: :func:`layouts` splits on these conditions until every layout is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from .. import bits as b
from ..bits import Partial, Term
from ..source import Span, Unsupported
from .behaviour import INPUT_PACKET, Packet
from .lengths import by_length
from .state import Piece

MAX_LAYOUTS: Final = 64
"""Layouts of a frame that are told apart by what was emitted; if there are more, they are by their length only."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where ``when`` (the guard and ``condition``) holds, the packet is ``packet``; ``known`` is what was decided to
    get there, for other terms to be simplified (it need not be all of ``condition``)."""

    when: Term
    condition: Term
    packet: Packet
    known: dict[Term, Term]

    def split(self, condition: Term, packet: Packet | None = None) -> Layout:
        """The part of it where ``condition`` holds as well."""
        decided = {condition.args[0]: b.FALSE} if condition.op == "not" else {condition: b.TRUE}
        known = self.known if condition.is_const else {**self.known, **decided}
        when, both = b.and_(self.when, condition), b.and_(self.condition, condition)
        return Layout(when, both, packet or self.packet, known)


def layouts(
    pieces: Sequence[Piece], cursor: int, guard: Term, span: Span, frame: Packet = INPUT_PACKET
) -> list[Layout]:
    """The packets that pieces make in front of ``frame`` from bit ``cursor`` on, one for each layout.

    Args:
        pieces: what was emitted, in order.
        cursor: the parser's last position in bits.
        guard: what holds anyway; layouts that contradict it are left out.
        span: to blame.
        frame: what was parsed.

    Raises:
        Unsupported: bits that are no whole bytes, or too many layouts.
    """
    pieces = _joined([piece for piece in pieces if piece.when is not b.FALSE])
    found = _told_apart(pieces, guard)
    if found is not None:
        return [
            Layout(item.when, item.condition, _packet(item.fields, cursor, span, frame), item.known) for item in found
        ]
    return [
        Layout(b.and_(guard, when), when, _packet(parts, cursor, span, frame), {})
        for when, parts in by_length(pieces, span)
        if b.and_(guard, when) is not b.FALSE
    ]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of fixed lengths that are emitted under one condition as one piece."""
    made: list[Piece] = []
    for (when, fixed, _), group in groupby(pieces, key=lambda p: (p.when, p.length is None, p.length)):
        some = list(group)
        if fixed and len(some) > 1:
            made.append(Piece(when, b.concat(*(p.bits for p in some)), None, some[0].span))
        else:
            made += some
    return made


@dataclass(frozen=True, slots=True)
class _Apart:
    """A layout that is told apart from the others by what was decided."""

    when: Term
    known: dict[Term, Term]
    fields: list[Term]

    @property
    def condition(self) -> Term:
        """What was decided."""
        return b.and_(*(c if value is b.TRUE else b.not_(c) for c, value in self.known.items()))


def _told_apart(pieces: Sequence[Piece], guard: Term) -> list[_Apart] | None:
    """The layouts, one for each way to decide the conditions that they depend on; None if these are too many."""
    partial = Partial(
        [p.when for p in pieces] + [c for p in pieces if p.length is not None for c in _choices(p.length)]
    )
    done: list[_Apart] = []
    work: list[tuple[int, Term, dict[Term, Term], tuple[Term, bool] | None]] = [(0, guard, {}, None)]
    while work:
        mark, when, known, decision = work.pop()
        partial.undo(mark)
        if decision is not None:
            partial.assign(*decision)
        atom = _undecided(pieces, partial)
        if atom is None:
            done.append(_Apart(when, known, _emitted(pieces, partial)))
            if len(done) > MAX_LAYOUTS:
                return None
            continue
        mark = partial.mark
        for value in (False, True):
            here = b.and_(when, atom if value else b.not_(atom))
            if here is not b.FALSE:
                work.append((mark, here, {**known, atom: b.boolean(value)}, (atom, value)))
    return done


def _choices(length: Term) -> list[Term]:
    """The conditions on which a varbit's length depends."""
    return [t.args[0] for t in b.postorder([length]) if t.op == "ite" and t.sort is length.sort]


def _undecided(pieces: Sequence[Piece], partial: Partial) -> Term | None:
    """An atom on which the layout depends; those that follow from others are decided by the way."""
    for piece in pieces:
        while True:
            condition = _open_condition(piece, partial)
            if condition is None:
                break
            atom = partial.open_atom(condition)
            simpler = partial.simplified(atom)
            if not simpler.is_const:
                return atom
            partial.assign(atom, simpler is b.TRUE)
    return None


def _open_condition(piece: Piece, partial: Partial) -> Term | None:
    """A condition without a value that decides what a piece emits."""
    emitted = partial.value(piece.when)
    if emitted is None:
        return piece.when
    if not emitted or piece.length is None:
        return None
    chosen, condition = _length(piece.length, partial)
    if condition is None and not chosen.is_const:
        raise Unsupported("a varbit whose length cannot be told apart", piece.span)
    return condition


def _length(length: Term, partial: Partial) -> tuple[Term, Term | None]:
    """A varbit's length as far as it is decided, and the condition that it depends on."""
    while length.op == "ite":
        value = partial.value(length.args[0])
        if value is None:
            return length, length.args[0]
        length = length.args[1] if value else length.args[2]
    return length, None


def _emitted(pieces: Sequence[Piece], partial: Partial) -> list[Term]:
    """The bits that are emitted where everything is decided."""
    fields = []
    for piece in pieces:
        if partial.value(piece.when):
            size = piece.bits.width if piece.length is None else _length(piece.length, partial)[0].value
            if size:
                fields.append(b.extract(piece.bits, piece.bits.width - 1, piece.bits.width - size))
    return fields


def _packet(fields: Sequence[Term], cursor: int, span: Span, frame: Packet) -> Packet:
    if cursor % 8:
        raise Unsupported("a payload that does not begin at a byte", span)
    if sum(f.width for f in fields) % 8:
        raise Unsupported("emitted headers that are no whole bytes", span)
    start, made = cursor // 8, len(frame.prefix)
    head = Packet.of_bits(fields, 0).prefix
    size: int | Term | None = None
    if frame.size is not None:
        size = len(head) - start + frame.size if isinstance(frame.size, int) else _longer(frame.size, len(head) - start)
    return Packet((*head, *frame.prefix[start:]), frame.payload + max(0, start - made), size)


def _longer(size: Term, count: int) -> Term:
    return b.add(size, b.bv(count, 32))


# --- packets that are cut -------------------------------------------------------------------------------------------


def cut_to(made: list[Layout], length: Term, whole: Term) -> list[Layout]:
    """The layouts of packets cut to ``length`` bytes (32 bits, all ones: not cut), if they are longer; ``whole`` is the
    input's length."""
    if length.is_const:
        uncut = length.value == 0xFFFFFFFF
        return made if uncut else [part for layout in made for part in _cut(layout, length.value, whole)]
    if length.op != "ite":
        return [part for layout in made for part in _cut_to_term(layout, length, whole)]
    condition = _atom(length.args[0])
    found: list[Layout] = []
    for value in (b.FALSE, b.TRUE):
        here = [x.split(condition if value is b.TRUE else b.not_(condition)) for x in made]
        chosen = b.substitute([length], {condition: value})[0]
        found += cut_to([x for x in here if x.when is not b.FALSE], chosen, whole)
    return found


def _cut(layout: Layout, count: int, whole: Term) -> list[Layout]:
    """A layout where the packet is longer than ``count`` bytes, and where it is not."""
    packet = layout.packet
    if isinstance(packet.size, Term):
        return _cut_to_term(layout, b.bv(count, 32), whole)
    if packet.size is not None:
        size = min(packet.size, count)
        return [replace(layout, packet=Packet(packet.prefix[:size], packet.payload, size))]
    from_input = count - packet.delta  # a longer input makes a packet that is too long
    if from_input >= 0xFFFF:
        return [layout]
    longer = b.TRUE if from_input < packet.payload else b.ult(b.bv(from_input, 16), whole)
    short = Packet(packet.prefix[:count], packet.payload, count)
    both = [layout.split(longer, short), layout.split(b.not_(longer), packet)]
    return [part for part in both if part.when is not b.FALSE]


def _cut_to_term(layout: Layout, length: Term, whole: Term) -> list[Layout]:
    """A layout where the packet is longer than ``length`` bytes, which is a number only for each input, and where it is
    not. (What is all ones, or more than any packet has, cuts none.)"""
    packet = layout.packet
    kept = packet.kept if packet.size is not None else b.add(b.zext(whole, 32), b.bv(packet.delta, 32))
    longer = b.ult(length, kept)
    short = replace(packet, size=length.value if length.is_const else length)
    both = [layout.split(longer, short), layout.split(b.not_(longer), packet)]
    return [part for part in both if part.when is not b.FALSE]


def _atom(condition: Term) -> Term:
    """A part of a condition that others are likely to share."""
    while condition.op in ("and", "or", "not", "ite") and condition.sort is b.BOOL:
        condition = condition.args[0]
    return condition
