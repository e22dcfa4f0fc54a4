"""Digests: a record of the data for whoever reads the ring buffer (:mod:`..records`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Field, Label, asm
from ..artifact.asm import R1, R2, R3, R4, R10
from ..records import Record, data_of, record_of
from . import stmts, wide
from .frame import VALID, Leaf, Ref, leaves
from .gen import Gen
from .hooks import RINGBUF_OUTPUT


def tell(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``digest(receiver, data)``, and ``Digest.pack(data)``."""
    data, record = data_of(call), record_of(call)
    if data is None:
        raise CannotOffload("an argument is missing", call.span)
    with g.scope():
        place = g.declare("$data", call.params[call.args.index(data)].type, call.span)
        stmts.assign(g, place, data)
        with told(g, record, call.span) as at:
            _store(g, list(leaves(g.program, place, call.span)), record.fields, at, call)


@contextmanager
def told(g: Gen, record: Record, span: Span) -> Iterator[int]:
    """Where on the stack a record of zeros lies that the code inside fills, and that is then put into its buffer."""
    g.maps[record.map.name] = record.map
    with g.buffer(record.size, span) as at:
        for word in range(0, record.size, 8):
            g.asm.emit(asm.store(8, R10, at + word, 0))
        yield at
        g.asm.emit(asm.load_map(R1, record.map.name), asm.mov(R2, R10), asm.alu("add", R2, at))
        g.asm.emit(asm.mov(R3, record.size), asm.mov(R4, 0), asm.call(RINGBUF_OUTPUT))


def _store(g: Gen, items: list[Leaf], fields: tuple[Field, ...], at: int, call: ir.ExternCall) -> None:
    """The scalars to the stack; those of headers that are not valid stay 0."""
    header = ""
    behind: Label | None = None
    for leaf, item in zip(items, fields, strict=True):
        if behind is not None and not leaf.path.startswith(header):
            _place(g, behind)
            behind = None
        if leaf.path.endswith(f".{VALID}"):
            header, behind = leaf.path.removesuffix(VALID), g.asm.label()
            wide.store_network(g, leaf, at + item.offset, item.size, call.span)
            g.load_leaf(R1, Ref(leaf.path, ir.BOOL), span=call.span)
            g.asm.jump("jeq", R1, 0, behind)
        else:
            wide.store_network(g, leaf, at + item.offset, item.size, call.span)
    _place(g, behind)


def _place(g: Gen, label: Label | None) -> None:
    if label is not None:
        g.asm.place(label)


__all__ = ["tell", "told"]
