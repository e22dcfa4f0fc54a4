"""Mirror copies of PNA, at tc: for each slot those of the session asked for last, of the packet as it is deparsed."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact.asm import R1
from ..replicas import CLONES
from . import copies, operands
from . import expr as ex
from .frame import Leaf
from .gen import Gen

ASKED, SESSION = "$mirrored ", "$session "
"""How the names begin of what is remembered for a slot, whose number follows: whether a copy was asked for, and the
session."""
SESSION_BITS: Final = 32
_CALL: Final = "mirror_packet"


def slots(g: Gen) -> dict[int, Span]:
    """The slots that the program uses, each with a place. Raises CannotOffload for one that is not constant."""
    found: dict[int, Span] = {}
    for block in (*g.program.controls, *g.program.actions):
        for node in mentioned(block):
            if isinstance(node, ir.ExternCall) and node.extern == _CALL:
                found.setdefault(_slot(g, node), node.span)
    return dict(sorted(found.items()))


def _slot(g: Gen, call: ir.ExternCall) -> int:
    number = operands.constant_value(g, call.args[0]) if call.args[0] is not None else None
    if number is None:
        raise CannotOffload(f"{_CALL} with a slot that is not constant", call.span)
    return number


def declare(g: Gen) -> None:
    """Places for what is asked for, of which nothing is yet."""
    for slot in slots(g):
        for name, width in ((ASKED, 1), (SESSION, SESSION_BITS)):
            ref = g.objects[f"{name}{slot}"] = g.declare(f"{name}{slot}", ir.bits(width))
            g.clear(ref)


def ask(g: Gen, call: ir.ExternCall) -> None:
    """``mirror_packet(slot, session)``."""
    slot, session = _slot(g, call), call.args[1]
    asked = g.objects.get(f"{ASKED}{slot}")
    if asked is None or session is None:
        raise CannotOffload(f"{_CALL} outside a pipeline", call.span)
    ex.value(g, session)
    g.store_leaf(g.objects[f"{SESSION}{slot}"], R1)
    g.store_constant(Leaf(asked.path, 1), 1)


def send(g: Gen) -> None:
    """The copies of the frame as it now is."""
    for slot, span in slots(g).items():
        copies.check(g, "mirrored", span)
        none = g.asm.label()
        g.load_leaf(R1, g.objects[f"{ASKED}{slot}"])
        g.asm.jump("jeq", R1, 0, none)

        def each(to: copies.Member) -> None:
            copies.sender(g, to.port)()

        copies.to_members(g, CLONES, g.objects[f"{SESSION}{slot}"], each)
        g.asm.place(none)


__all__ = ["ask", "declare", "send", "slots"]
