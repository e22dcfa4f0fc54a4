"""What a program's calls of ``clone``, ``resubmit``, ``recirculate`` and ``truncate`` tell the switch.

The last call of a kind in a control counts; the switch looks at them when the control is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.dispatch import ExternHandler, ExternTable
from ..meaning.machine import Machine
from ..source import NOWHERE
from .base import NOT_CUT
from .extern_call import Call
from .v1model_lists import LIST_BITS, NAMING, NO_FIELDS, FieldLists

_SESSION_BITS: Final = 32
CHECKSUM_ERROR: Final = "v1model.checksum_error"
_CLONE, _SESSION, _CLONE_LIST = "v1model.clone", "v1model.clone.session", "v1model.clone.list"
_AGAIN: Final = {"resubmit": "v1model.resubmit", "recirculate": "v1model.recirculate"}
_LENGTH: Final = "v1model.length"
_STAGE: Final = "v1model.stage"


@dataclass(frozen=True)
class Asked:
    """What a control asked for: whether, which session, and the number of the field list."""

    clone: Term
    session: Term
    clone_list: Term
    resubmit: Term
    resubmit_list: Term
    recirculate: Term
    recirculate_list: Term


class Signals:
    """The switch's side of the calls."""

    def __init__(self, m: Machine, lists: FieldLists) -> None:
        self.m = m
        m.facilities["v1model.lists"] = lists
        self.new_packet()

    def new_packet(self) -> None:
        """A packet, or a copy of one, that is not cut so far."""
        self.m.remember(_LENGTH, NOT_CUT)

    def reset(self) -> None:
        """A control begins that has asked for nothing yet."""
        m = self.m
        m.remember(CHECKSUM_ERROR, b.FALSE)
        for name in (_CLONE, *_AGAIN.values()):
            m.remember(name, b.FALSE)
        for name in (_SESSION, _CLONE_LIST, *(f"{n}.list" for n in _AGAIN.values())):
            m.remember(name, b.bv(0, LIST_BITS))

    @property
    def checksum_error(self) -> Term:
        """Whether a ``verify_checksum`` has failed."""
        return self.m.recall(CHECKSUM_ERROR, NOWHERE)

    @property
    def length(self) -> Term:
        """The length (32 bits) to which the packet is cut."""
        return self.m.recall(_LENGTH, NOWHERE)

    def taken(self) -> Asked:
        """What was asked for."""
        m = self.m

        def of(name: str) -> Term:
            return m.recall(name, NOWHERE)

        resubmit, recirculate = _AGAIN["resubmit"], _AGAIN["recirculate"]
        return Asked(m.decide(of(_CLONE)), of(_SESSION), of(_CLONE_LIST), m.decide(of(resubmit)),
                     of(f"{resubmit}.list"), m.decide(of(recirculate)), of(f"{recirculate}.list"))  # fmt: skip


def _list_number(m: Machine, node: ir.ExternCall, call: Call, position: int | None) -> Term:
    """The number of the list that a call names, by number or by its fields."""
    if node.extern in NAMING:
        lists = m.facilities["v1model.lists"]
        assert isinstance(lists, FieldLists)
        return b.bv(lists.numbers[node.span], LIST_BITS)
    return b.bv(NO_FIELDS, LIST_BITS) if position is None else b.resize(call.term(position), LIST_BITS)


def _clone(position: int | None) -> ExternHandler:
    """``clone`` in its forms; ``position`` is that of the list's number."""

    def handler(m: Machine, node: ir.ExternCall) -> None:
        call = Call(m, node)
        m.remember(_CLONE, b.TRUE)
        m.remember(_SESSION, b.resize(call.term(1), _SESSION_BITS))
        m.remember(_CLONE_LIST, _list_number(m, node, call, position))

    return handler


def _again(what: str, position: int | None) -> ExternHandler:
    def handler(m: Machine, node: ir.ExternCall) -> None:
        call = Call(m, node)
        m.remember(_AGAIN[what], b.TRUE)
        m.remember(f"{_AGAIN[what]}.list", _list_number(m, node, call, position))

    return handler


def _truncate(m: Machine, node: ir.ExternCall) -> None:
    """``truncate(length)``: in bytes; of several lengths the shortest counts (``Packet::truncate``)."""
    call = Call(m, node)
    before, length = m.recall(_LENGTH, node.span), call.term(0)
    m.remember(_LENGTH, b.ite(b.ult(length, before), length, before))


def verified(m: Machine, wrong: Term, node: ir.ExternCall) -> None:
    """A checksum was looked at, and is wrong where ``wrong``."""
    m.remember(CHECKSUM_ERROR, b.or_(m.recall(CHECKSUM_ERROR, node.span), wrong))


SIGNALS: Final[ExternTable] = {
    ("clone", ""): _clone(None),
    ("clone3", ""): _clone(None),
    ("clone_preserving_field_list", ""): _clone(2),
    ("resubmit", ""): _again("resubmit", None),
    ("resubmit_preserving_field_list", ""): _again("resubmit", 0),
    ("recirculate", ""): _again("recirculate", None),
    ("recirculate_preserving_field_list", ""): _again("recirculate", 0),
    ("truncate", ""): _truncate,
}
"""The calls that tell the switch what to do with the packet."""
