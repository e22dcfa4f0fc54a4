"""The ``ebpf_model`` architecture: one parser, then one control that accepts the packet or not.

After p4c's ``backends/ebpf/README.md`` and ``ebpf_model.p4``: a packet whose parser ends in ``reject`` is dropped; one
for which ``accept`` is true goes on to the stack as it came in (there is no deparser), else it is dropped.
``CounterArray`` is an array of 32-bit counters indexed by 32 bits; ``max_index`` is the largest index it supports, and
an index beyond it counts nowhere. ``array_table`` and ``hash_table`` say how a table is stored, not what it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import Assumption
from ..meaning.blocks import run_control
from ..meaning.calls import bind
from ..meaning.dispatch import ExternTable
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.parsing import run_parser
from ..meaning.state import State
from ..meaning.values import uninitialised
from ..source import Unsupported
from .assertions import GIVEN
from .base import Ended, Sent, main_arguments

COUNTER_BITS: Final = 32


def _count(m: Machine, node: ir.ExternCall) -> None:
    """``increment(index)`` and ``add(index, value)``."""
    arguments = bind(m, node.params, node.args, node.span)
    terms = [m.read(a.value, node.span) for a in arguments if a.value is not None]
    index, amount = terms[0], terms[1] if len(terms) > 1 else b.bv(1, COUNTER_BITS)
    assert node.object is not None
    inside = b.ule(index, b.bv(_max_index(m, node), index.width))
    old = m.read_cell(node.object, index, COUNTER_BITS)
    m.write_cell(node.object, index, b.add(old, b.resize(amount, COUNTER_BITS)), inside)


def _max_index(m: Machine, node: ir.ExternCall) -> int:
    assert node.object is not None
    for name, value in m.program.instance(node.object).args:
        if name == "max_index" and isinstance(value, ir.Const) and isinstance(value.value, int):
            return value.value
    raise Unsupported("a CounterArray without its max_index", node.span)


def check_table(m: Machine, table: ir.Table, keys: list[Term], hit: Term, entry: Term | None) -> None:
    """How a table is stored does not matter; what else a property asks for is not ignored."""
    for item in table.properties:
        if isinstance(item.value, str):
            extern = m.program.instance(item.value).extern
            if extern not in ("array_table", "hash_table"):
                raise Unsupported(f"table property {item.name} = {extern}", item.span)


EXTERNS: Final[ExternTable] = {
    **PACKET_IN,
    **GIVEN,
    ("CounterArray", "increment"): _count,
    ("CounterArray", "add"): _count,
}


class EbpfModel:
    """See the module's text."""

    name = "ebpf_model"
    externs = EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Any packet at all."""
        return ()

    def run(self, m: Machine) -> list[Ended]:
        """The parser, then the filter."""
        blocks = main_arguments(m.program)
        m.on_hit.append(check_table)
        parser, control = m.program.parser(blocks["prs"]), m.program.control(blocks["filt"])
        headers = parser.params[1]
        ended = []
        for way in run_parser(m, parser, {headers.name: uninitialised(headers.type, headers.span)}):
            parsed = way.state
            m.state = State({}, facts=parsed.facts, cells=parsed.cells, cursor=parsed.cursor)
            m.outer_paths = [parsed.path]
            sent: tuple[Sent, ...] = ()
            if way.accepted:
                inout, out = control.params
                before = {inout.name: parsed.store[headers.name], out.name: uninitialised(out.type)}
                after = run_control(m, control, before)
                accept = m.decide(m.read(after[out.name], out.span, out.name))
                sent = (Sent(accept, "stack", b.bv(0, 32), (), 0, control.span),)
            ended.append(Ended(parsed.path, sent, m.state))
        return ended
