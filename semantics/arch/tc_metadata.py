"""``tc_skb_metadata`` of P4TC: the kernel's own data about the packet.

After p4c's ``tc/pna.p4`` and the kernel functions for which its back end calls (``bpf_p4tc_skb_get_meta``,
``bpf_p4tc_skb_set_meta``): ``get`` reads all fields, the getters answer what was read; the setters note new values,
which ``set`` writes. A field is the input ``in.NAME`` and leaves as the metadata ``NAME``. What a getter answers before
``get`` is not defined.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.dispatch import ExternTable
from ..meaning.machine import Machine
from ..meaning.values import Scalar, Value
from .extern_call import Call

FIELDS: Final = {
    "tstamp": 64,
    "mark": 32,
    "tc_classid": 16,
    "tc_index": 16,
    "queue_mapping": 16,
    "protocol": 16,
    "tc_at_ingress": 1,
    "from_ingress": 1,
}
"""Bits of each field."""

WRITABLE: Final = ("tstamp", "mark", "tc_classid", "tc_index", "queue_mapping", "protocol")


def _kernel(m: Machine, name: str) -> Term:
    """What the kernel has in a field now."""
    return m.state.objects.get(f"$skb.{name}", m.input.metadata(name, FIELDS[name]))


def start(m: Machine) -> None:
    """Before the first block: nothing is read or noted."""
    for name in FIELDS:
        m.remember(f"$skb.{name}", _kernel(m, name))
        m.remember(f"$read.{name}", b.bv(0, FIELDS[name]))
        m.remember(f"$noted.{name}", b.bv(0, FIELDS[name] + 1))
    m.remember("$read", b.bv(0, 1))


def _get(m: Machine, node: ir.ExternCall) -> None:
    m.remember("$read", b.bv(1, 1))
    for name in FIELDS:
        m.remember(f"$read.{name}", _kernel(m, name))


def _set(m: Machine, node: ir.ExternCall) -> None:
    for name in WRITABLE:
        noted = m.recall(f"$noted.{name}", node.span)
        width = FIELDS[name]
        written = b.to_bool(b.extract(noted, width, width))
        m.remember(f"$skb.{name}", b.ite(written, b.extract(noted, width - 1, 0), _kernel(m, name)))


def _getter(m: Machine, node: ir.ExternCall) -> Value:
    name = node.method.removeprefix("get_")
    known = m.decide(b.to_bool(m.recall("$read", node.span)))
    return Scalar(m.recall(f"$read.{name}", node.span), known)


def _setter(m: Machine, node: ir.ExternCall) -> None:
    name = node.method.removeprefix("set_")
    value = b.resize(Call(m, node).term(0), FIELDS[name])
    m.remember(f"$noted.{name}", b.concat(b.bv(1, 1), value))


def leaving(m: Machine, sent: Term) -> dict[str, Term]:
    """The metadata that leaves where the packet is ``sent``: fields that are other than they came."""
    came = {name: m.input.metadata(name, FIELDS[name]) for name in WRITABLE}
    return {name: b.ite(sent, now, came[name]) for name in WRITABLE if (now := _kernel(m, name)) is not came[name]}


EXTERNS: Final[ExternTable] = {
    ("tc_skb_metadata", "get"): _get,
    ("tc_skb_metadata", "set"): _set,
    **{("tc_skb_metadata", f"get_{name}"): _getter for name in FIELDS},
    **{("tc_skb_metadata", f"set_{name}"): _setter for name in WRITABLE},
}
