"""The extern functions of PNA: where a packet goes, entries that the data plane makes, IPsec.

After the comments of ``pna.p4`` (p4lang/pna) and, for P4TC, of p4c's ``tc/pna.p4``. What a call decides is remembered
until the main control has ended:

* ``drop_packet`` and ``send_to_port``: the last call counts. ``recirculate`` (DPDK's instruction) counts beside them:
  a packet for which it was called goes nowhere else.
* ``mirror_packet(slot, session)``: for each slot the last call counts.
* ``add_entry`` is an event ``add_entry.TABLE`` (key, action's number, expire time profile, arguments): the entry is
  there for packets that come later, not for this one. Whether the device succeeds is open.
* ``set_entry_expire_time`` and ``restart_expire_timer`` are events with the entry's key.
* Which port is one of the network's, or one of the host's, are functions ``port.is_net`` and ``port.is_host``.
* ``ipsec_accelerator``: outputs are the frames that are handed to it; what it is told to do is an event at the end, and
  whether it handled a packet before are inputs ``in.from_ipsec`` and ``in.ipsec_status``.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.dispatch import ExternTable
from ..meaning.leaves import leaves
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.tables import table_actions
from ..meaning.values import Scalar, Text, Value, mux
from ..rules.learned import FAILS
from ..source import Span, Unsupported
from . import portable_checksums, portable_state, tc_metadata
from .extern_call import Call
from .portable_state import lookup_of

TO: Final = "$to"
"""Where the packet goes: 2 bits."""
NOWHERE_YET, DROPPED, TO_PORT = 0, 1, 2
"""Values of :data:`TO`: no function was called, dropped, sent to :data:`PORT`."""
PORT: Final = "$port"
RECIRCULATES: Final = "$recirculates"
MIRRORS: Final = "$mirrors"
"""Not an object but a state of the machine, by slot: 17 bits, the session behind a 1."""
SESSION_BITS: Final = 16
IPSEC: Final = {"set_sa_index": "$sa_index", "set_ip_header_offset": "$ip_header_offset"}
IPSEC_ENABLED: Final = "$ipsec"


def start(m: Machine, to: Term, port: Term) -> None:
    """Before the first block: where a packet goes of which no function says it."""
    m.remember(TO, to)
    m.remember(PORT, port)
    m.remember(RECIRCULATES, b.bv(0, 1))
    m.remember(IPSEC_ENABLED, b.bv(0, 1))
    for name in IPSEC.values():
        m.remember(name, b.bv(0, 32))


# --- where the packet goes ------------------------------------------------------------------------------------------


def _drop(m: Machine, node: ir.ExternCall) -> None:
    m.remember(TO, b.bv(DROPPED, 2))


def _send(m: Machine, node: ir.ExternCall) -> None:
    port = Call(m, node).term(0)
    m.remember(TO, b.bv(TO_PORT, 2))
    m.remember(PORT, b.resize(port, 32))


def _recirculate(m: Machine, node: ir.ExternCall) -> None:
    m.remember(RECIRCULATES, b.bv(1, 1))


def _mirror(m: Machine, node: ir.ExternCall) -> None:
    call = Call(m, node)
    session = b.resize(call.term(1), SESSION_BITS)
    m.write_cell(MIRRORS, b.resize(call.term(0), 32), b.concat(b.bv(1, 1), session))


def mirrors(m: Machine) -> list[tuple[Term, Term]]:
    """The mirror copies asked for, as conditions and sessions; they are forgotten."""
    writes = m.state.cells.get(MIRRORS, ())
    m.state.cells = {name: kept for name, kept in m.state.cells.items() if name != MIRRORS}
    found = []
    for i, write in enumerate(writes):
        later = b.or_(*(b.and_(w.when, b.eq(w.index, write.index)) for w in writes[i + 1 :]))
        when = b.and_(write.when, b.not_(later))
        if when is not b.FALSE:
            found.append((when, b.extract(write.value, SESSION_BITS - 1, 0)))
    return found


# --- entries --------------------------------------------------------------------------------------------------------


def _add_entry(m: Machine, node: ir.ExternCall) -> Value:
    """``add_entry(action_name, action_params, expire_time_profile_id)``, and ``add_entry_if`` with a condition."""
    call = Call(m, node)
    first = len(node.params) - 3
    wanted = call.term(0) if first else b.TRUE
    table, keys, _, _ = lookup_of(m, node.extern, node.span)
    name = call.value(first)
    if not isinstance(name, Text):
        raise Unsupported(f"{node.extern} with an action's name that is no literal", node.span)
    number = b.bv(_action(m, table, name.text, node.span), 16)
    args = leaves(m, call.value(first + 1), node.span).values()
    fails = m.fresh(0, FAILS, node.span)
    added = b.and_(wanted, b.not_(fails))
    m.tell(f"add_entry.{table.control_name}", *keys, number, call.term(first + 2), *args, when=added)
    if isinstance(ir.bare(node.type), ir.BoolType):
        return Scalar(added)
    return Scalar(b.bnot(b.from_bool(added)))  # ADD_ENTRY_SUCCESS is 0


def _action(m: Machine, table: ir.Table, name: str, span: Span) -> int:
    """The number, in the table's list, of the action that a name in the source means."""
    for number, ref in enumerate(table_actions(table)):
        action = m.actions.get(ref.action) or m.top_actions.get(ref.action)
        if action is not None and name in (action.name, action.control_name.rpartition(".")[2]):
            return number
    raise Unsupported(f"{name} is no action of {table.control_name}", span)


def _expire_time(m: Machine, node: ir.ExternCall) -> None:
    """``set_entry_expire_time(profile)``, and ``set_entry_expire_time_if(condition, profile)``."""
    call = Call(m, node)
    when = call.term(0) if len(node.params) > 1 else b.TRUE
    _tell_of_entry(m, node, "set_entry_expire_time", when, call.term(len(node.params) - 1))


def _restart(m: Machine, node: ir.ExternCall) -> None:
    _tell_of_entry(m, node, "restart_expire_timer", b.TRUE)


def _update_expire_info(m: Machine, node: ir.ExternCall) -> None:
    """``update_expire_info(aging, time, profile)``: one of the two above, where ``aging``."""
    call = Call(m, node)
    aging, time = call.term(0), call.term(1)
    _tell_of_entry(m, node, "set_entry_expire_time", b.and_(aging, time), call.term(2))
    _tell_of_entry(m, node, "restart_expire_timer", b.and_(aging, b.not_(time)))


def _tell_of_entry(m: Machine, node: ir.ExternCall, what: str, when: Term, *more: Term) -> None:
    table, keys, _, _ = lookup_of(m, node.extern, node.span)
    m.tell(f"{what}.{table.control_name}", *keys, *more, when=m.decide(when))


def _flow_id(m: Machine, node: ir.ExternCall) -> Value:
    return Scalar(m.fresh(ir.width_of(node.type), "a flow id that the device allocates", node.span))


# --- ports ----------------------------------------------------------------------------------------------------------


def _kind_of_port(m: Machine, node: ir.ExternCall) -> Value:
    """``is_net_port`` and ``is_host_port``."""
    name = "port.is_net" if node.extern == "is_net_port" else "port.is_host"
    port = b.resize(Call(m, node).term(0), 32)
    return Scalar(b.to_bool(m.input.function(name, 1, (port,), "what kind a port is", node.span, m.trace)))


def _select_by_direction(m: Machine, node: ir.ExternCall) -> Value:
    call = Call(m, node)
    direction = call.term(0)
    from_net = direction if direction.sort is b.BOOL else b.eq(direction, b.bv(0, direction.width))
    return mux(m.decide(from_net), call.value(1), call.value(2))


# --- IPsec ----------------------------------------------------------------------------------------------------------


def _ipsec_number(m: Machine, node: ir.ExternCall) -> None:
    m.remember(IPSEC[node.method], b.resize(Call(m, node).term(0), 32))


def _ipsec_switch(m: Machine, node: ir.ExternCall) -> None:
    m.remember(IPSEC_ENABLED, b.bv(int(node.method == "enable"), 1))


def _from_ipsec(m: Machine, node: ir.ExternCall) -> Value:
    status = b.zext(m.input.metadata("ipsec_status", 1), 32)
    Call(m, node).put(0, Scalar(status))
    return Scalar(b.to_bool(m.input.metadata("from_ipsec", 1)))


def tell_accelerator(m: Machine, span: Span) -> None:
    """What the accelerator is to do with the packet, at its end."""
    enabled = m.decide(b.eq(m.recall(IPSEC_ENABLED, span), b.bv(1, 1)))
    m.tell("ipsec_accelerator", *(m.recall(name, span) for name in IPSEC.values()), when=enabled)


EXTERNS: Final[ExternTable] = {
    **PACKET_IN,
    **PACKET_OUT,
    **portable_checksums.EXTERNS,
    **portable_state.EXTERNS,
    **tc_metadata.EXTERNS,
    ("drop_packet", ""): _drop,
    ("send_to_port", ""): _send,
    ("recirculate", ""): _recirculate,
    ("mirror_packet", ""): _mirror,
    ("add_entry", ""): _add_entry,
    ("add_entry_if", ""): _add_entry,
    ("allocate_flow_id", ""): _flow_id,
    ("set_entry_expire_time", ""): _expire_time,
    ("set_entry_expire_time_if", ""): _expire_time,
    ("restart_expire_timer", ""): _restart,
    ("update_expire_info", ""): _update_expire_info,
    ("is_net_port", ""): _kind_of_port,
    ("is_host_port", ""): _kind_of_port,
    ("SelectByDirection", ""): _select_by_direction,
    ("ipsec_accelerator", "set_sa_index"): _ipsec_number,
    ("ipsec_accelerator", "set_ip_header_offset"): _ipsec_number,
    ("ipsec_accelerator", "enable"): _ipsec_switch,
    ("ipsec_accelerator", "disable"): _ipsec_switch,
    ("ipsec_accelerator", "from_ipsec"): _from_ipsec,
}
