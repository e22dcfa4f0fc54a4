"""Copies of a frame to the members of multicast groups and clone sessions, at tc (:mod:`..replicas`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R0, R1, R2, R7, R10
from ..replicas import COS_AT, COUNT_BYTES, MEMBER_BYTES, MOST, Groups
from . import effects
from .frame import Place, Ref, leaf_bytes, leaves
from .gen import Gen, Temp
from .hooks import MAP_LOOKUP, TcHook, send_copy


@dataclass(frozen=True)
class Member:
    """A member of a group while its copy is being made."""

    port: Ref
    instance: Ref
    class_of_service: Ref
    """Of a clone session."""
    dropped: Label
    """Where to go if the copy is dropped."""


def check(g: Gen, what: str, span: Span, *egress: ir.Parser | ir.Control) -> None:
    """Raises CannotOffload where no copies can be made: ``what`` happens to packets at ``span``, and these blocks run
    for each copy."""
    if not isinstance(g.hook, TcHook):
        raise CannotOffload(f"a packet is {what} (only at tc packets can be copied)", span)
    if where := effects.unordered(g.program, *egress):
        raise CannotOffload("what egress does for each copy of a packet, beside sending it", where)


def to_members(g: Gen, groups: Groups, group: Ref, each: Callable[[Member], None]) -> None:
    """For each member of ``group``, as many as it has, the code of ``each``."""
    item, done = groups.map, g.asm.label()
    g.load_leaf(R1, group)
    g.maps[item.name] = item
    with g.buffer(item.key_size) as place:
        g.asm.emit(asm.store(4, R10, place, R1), asm.mov(R2, R10), asm.alu("add", R2, place))
        g.asm.emit(asm.load_map(R1, item.name), asm.call(MAP_LOOKUP))
    g.asm.jump("jeq", R0, 0, done)
    with g.hold(R0) as found:
        for number in range(MOST):
            _to_member(g, number, found, each)
    # A place where copies are done, and one where it does not matter any more whether there was a group: a proof takes
    # paths together where they meet, and does not have to tell them apart afterwards.
    g.asm.emit(asm.mov(R0, 0))
    g.asm.place(done)
    g.asm.emit(asm.mov(R0, 0))


def _to_member(g: Gen, number: int, found: Temp, each: Callable[[Member], None]) -> None:
    """The member in place ``number``, if the group has as many."""
    none = g.asm.label()
    with g.scope():
        port, instance, cos = (g.declare(f"${name}", ir.bits(32)) for name in ("port", "instance", "cos"))
        found.load(R7)
        g.asm.emit(asm.load(4, R1, R7, 0))
        g.asm.jump("jle", R1, number, none)
        at = COUNT_BYTES + MEMBER_BYTES * number
        for ref, offset in ((port, at), (instance, at + 4), (cos, COS_AT)):
            g.asm.emit(asm.load(4, R1, R7, offset))
            g.store_leaf(ref, R1)
        each(Member(port, instance, cos, none))
    g.asm.place(none)


def sender(g: Gen, port: Ref) -> Callable[[], None]:
    """Sends a copy of the frame as it now is."""

    def send() -> None:
        g.load_leaf(R1, port)
        send_copy(g)

    return send


@contextmanager
def saved(g: Gen, *refs: Ref) -> Iterator[Callable[[], None]]:
    """The values of variables put aside, as far as somebody else reads them; the result puts them back."""
    places: list[tuple[Place, Place, int]] = []
    for ref in refs:
        for leaf in leaves(g.program, ref):
            if leaf.width and leaf.path in g.slots:
                size = leaf_bytes(leaf.width)
                places.append((g.slots[leaf.path], g.room(size), size))

    def move(*, back: bool) -> None:
        for own, kept, size in places:
            g.move(*((kept, own) if back else (own, kept)), size)

    move(back=False)
    yield lambda: move(back=True)
    for _, kept, size in places:
        g.forget(kept, size)


__all__ = ["Member", "check", "saved", "sender", "to_members"]
