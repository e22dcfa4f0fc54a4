"""The externs that the architectures declare and the kernel can do: counters, registers, checksums, drop marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact.asm import R0, R1
from ..cells import cell_map
from . import (
    arbitrary,
    cellcode,
    checksums,
    digests,
    effects,
    fields,
    forwarding,
    hashes,
    learning,
    lookup3,
    meters,
    mirrors,
    operands,
    portable,
    questions,
    registers,
    stmts,
    timers,
    truncation,
)
from . import expr as ex
from .frame import Leaf, Ref, leaves
from .gen import Gen

Statement = Callable[[Gen, ir.ExternCall], None]
Value = Callable[[Gen, ir.ExternCall, Ref], None]

CLONE, SESSION = "$clone ", "$session "
"""How names begin of what ``clone`` remembers, that it was called, and the session; its type follows."""
RESUBMIT, RECIRCULATE = "$resubmit", "$recirculate"
"""... and that the packet shall come back."""
DROP_PORT: Final = 511
"""The ``egress_spec`` that v1model takes for "drop"."""


def statement(g: Gen, call: ir.ExternCall) -> None:
    """An extern called for its effects."""
    if call.extern == "packet_in":
        if g.point is None or call.method not in ("lookahead", "length"):
            raise CannotOffload(f"packet_in.{call.method} here", call.span)
        return
    if not call.method and call.extern == "verify":
        _verify(g, call)
        return
    if call.index is not None:
        raise CannotOffload(f"extern {call.extern} in an array of objects", call.span)
    handler = _STATEMENTS.get((g.program.arch, call.extern, call.method))
    if handler is not None:
        handler(g, call)
        return
    if isinstance(call.type, ir.VoidType):
        raise _unavailable(call)
    with g.scope():
        composite(g, call, g.declare("$result", call.type, call.span))


def value(g: Gen, call: ir.ExternCall) -> None:
    """r1 = the result of an extern call, of at most 64 bits."""
    if call.extern == "packet_in" and call.method == "length":
        g.hook.length(g)
        g.trim(R1, g.width(call.type, call.span))
        return
    with g.scope():
        result = g.declare("$result", call.type, call.span)
        composite(g, call, result)
        g.load_leaf(R1, result, span=call.span)


def composite(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``result`` = the result of an extern call, of any type."""
    if call.extern == "packet_in" and call.method == "lookahead":
        fields.lookahead(g, call, result)
    elif call.extern == "packet_in" and call.method == "length":
        value(g, call)
        g.store_leaf(result, R1)
    if call.extern == "packet_in" and call.method in ("lookahead", "length"):
        return
    handler = _VALUES.get((g.program.arch, call.extern, call.method))
    if handler is None:
        raise _unavailable(call)
    handler(g, call, result)


def _unavailable(call: ir.ExternCall) -> CannotOffload:
    name = f"{call.extern}.{call.method}" if call.method else call.extern
    return CannotOffload(f"extern {name} is not available in eBPF programs", call.span)


def _verify(g: Gen, call: ir.ExternCall) -> None:
    """``verify(condition, error)``: the parser's error unless the condition holds."""
    condition, error = call.args
    if g.point is None or condition is None or error is None:
        raise CannotOffload("verify outside a parser", call.span)
    if isinstance(error, ir.Const) and isinstance(error.value, str):
        ex.branch_unless(g, condition, g.point.fail(error.value))
        return
    holds = g.asm.label()
    with g.scope():
        given = g.declare("$error", error.type, call.span)
        ex.value(g, error)  # the arguments are evaluated in their order; an error has no effects
        g.store_leaf(given, R1)
        ex.branch_if(g, condition, holds)
        *others, last = g.program.errors
        for number, name in enumerate(others):
            g.load_leaf(R1, given)
            g.asm.jump("jeq", R1, number, g.point.fail(name))
        g.asm.goto(g.point.fail(last))
    g.asm.place(holds)


# --- state ----------------------------------------------------------------------------------------------------------


def _counter_increment(g: Gen, call: ir.ExternCall) -> None:
    instance = cellcode.instance_of(g, call)
    cellcode.find_cell(g, instance, call.args[0])
    none = g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    g.constant(R1, 1)
    cellcode.add_to_cell(g, cell_map(instance).cells[0])
    g.asm.place(none)


def _counter_add(g: Gen, call: ir.ExternCall) -> None:
    index, amount = call.args
    instance = cellcode.instance_of(g, call)
    with g.scope():
        place = g.declare("$index", ir.bits(32), call.span)
        if index is None or amount is None:
            raise CannotOffload("an argument is missing", call.span)
        stmts.assign(g, place, index)
        ex.value(g, amount)
        with g.hold() as held:
            cellcode.find_cell(g, instance, ir.Var("$index", ir.bits(32), call.span))
            held.load(R1)
    none = g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    cellcode.add_to_cell(g, cell_map(instance).cells[0])
    g.asm.place(none)


def _checksum16(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """v1model's ``Checksum16.get(data)``."""
    (data,) = call.args
    if data is None:
        raise CannotOffload("an argument is missing", call.span)
    checksums.checksum(g, data, call)
    g.store_leaf(result, R1)


def _ipv4_checksum(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``ebpf_ipv4_checksum``: of a header without options, given as its fields."""
    parts = tuple(arg for arg in call.args if arg is not None)
    data = ir.Aggregate(parts, ir.TupleType(tuple(part.type for part in parts)), call.span)
    checksums.checksum(g, data, call)
    g.store_leaf(result, R1)


# --- v1model --------------------------------------------------------------------------------------------------------


def _mark_to_drop(g: Gen, call: ir.ExternCall) -> None:
    """``egress_spec = 511, mcast_grp = 0``."""
    target = operands.lvalue(g, call.args[0]) if call.args and call.args[0] is not None else g.standard
    if target is None:
        raise CannotOffload("mark_to_drop outside a pipeline", call.span)
    for leaf in leaves(g.program, target, call.span):
        if leaf.path == f"{target.path}.egress_spec":
            g.store_constant(leaf, DROP_PORT)
        elif leaf.path == f"{target.path}.mcast_grp":
            g.store_constant(leaf, 0)


def _clone(g: Gen, call: ir.ExternCall) -> None:
    """``clone(type, session)``, also with a list's number behind; the last call counts."""
    kind, session = call.args[:2]
    if not isinstance(kind, ir.Const) or session is None:
        raise CannotOffload("a clone whose type is not constant", call.span)
    asked = g.objects.get(f"{CLONE}{kind.value}")
    if asked is None:
        raise CannotOffload(f"{call.extern} {kind.value} of a copy, or elsewhere than the type says", call.span)
    ex.value(g, session)
    g.store_leaf(g.objects[f"{SESSION}{kind.value}"], R1)
    g.store_constant(Leaf(asked.path, 1), 1)


def _come_back(name: str) -> Statement:
    """``resubmit_preserving_field_list(list)`` and its like, which count in the control that decides on it alone."""

    def come_back(g: Gen, call: ir.ExternCall) -> None:
        if any(operands.has_calls(arg) for arg in call.args):
            raise CannotOffload(f"a call inside {call.extern}", call.span)
        if g.of_copy and name == RECIRCULATE:
            raise CannotOffload("a copy of a packet is asked to come back", call.span)
        asked = g.objects.get(name)
        if asked is not None:
            g.store_constant(Leaf(asked.path, 1), 1)

    return come_back


def _algorithm(call: ir.ExternCall, *, with_payload: bool) -> str:
    argument = call.args[3]
    if not isinstance(argument, ir.Const) or not isinstance(argument.value, str):
        raise CannotOffload("a checksum whose algorithm is not constant", call.span)
    if with_payload and argument.value != "csum16":
        raise CannotOffload("checksums over the payload other than csum16", argument.span)
    return argument.value


def _update_checksum(*, with_payload: bool = False) -> Statement:
    def update(g: Gen, call: ir.ExternCall) -> None:
        condition, data, target, _ = call.args
        if condition is None or data is None or target is None:
            raise CannotOffload("an argument is missing", call.span)
        end = g.asm.label()
        with g.scope():
            ex.branch_unless(g, condition, end)
            computed = _computed_checksum(g, data, call, with_payload=with_payload)
            stmts.store(g, target, _as_type(computed, target.type), call.span)
        g.asm.place(end)

    return update


def _verify_checksum(*, with_payload: bool = False) -> Statement:
    def verify(g: Gen, call: ir.ExternCall) -> None:
        condition, data, expected, _ = call.args
        if condition is None or data is None or expected is None or g.standard is None:
            raise CannotOffload("an argument is missing", call.span)
        end = g.asm.label()
        with g.scope():
            ex.branch_unless(g, condition, end)
            computed = _computed_checksum(g, data, call, with_payload=with_payload)
            narrow = g.width(expected.type, call.span) < g.width(computed.type)  # BMv2 compares whole numbers
            one, other = (_as_type(side, computed.type if narrow else expected.type) for side in (computed, expected))
            ex.branch_if(g, ir.Binary("==", one, other, ir.BOOL, call.span), end)
            g.store_constant(Leaf(f"{g.standard.path}.checksum_error", 1), 1)
        g.asm.place(end)

    return verify


def _computed_checksum(g: Gen, data: ir.Expr, call: ir.ExternCall, *, with_payload: bool) -> ir.Expr:
    """The checksum, kept until the scope ends."""
    algorithm = _algorithm(call, with_payload=with_payload)
    kept = ir.bits(16 if algorithm == "csum16" else 64)
    result = g.declare("$checksum", kept, call.span)
    if with_payload:
        checksums.checksum(g, data, call, with_payload=True)
    else:
        hashes.compute(g, algorithm, data, call)
    g.store_leaf(result, R1)
    return ir.Var("$checksum", kept, call.span)


def _as_type(expr: ir.Expr, type_: ir.Type) -> ir.Expr:
    return expr if expr.type == type_ else ir.Cast(expr, type_, expr.span)


def _mark(value: int) -> Statement:
    def mark(g: Gen, call: ir.ExternCall) -> None:
        if g.marked is None:
            raise CannotOffload(f"{call.extern} outside a pipeline", call.span)
        g.store_constant(Leaf(g.marked.path, 1), value)

    return mark


def _nothing(g: Gen, call: ir.ExternCall) -> None:
    """A message for whoever watches the machine, or a count that the table makes in any case: of arguments only what
    they call is done."""
    with g.scope():
        for number, arg in enumerate(call.args):
            if arg is not None and operands.has_calls(arg):
                stmts.assign(g, g.declare(f"$told {number}", arg.type, call.span), arg)


def _asserted(g: Gen, call: ir.ExternCall) -> None:
    """``assert(condition)`` and ``assume(condition)``: nobody says what a packet becomes on which it is false (whoever
    verifies the program looks for those), and this goes on. A condition that looks up a table, or calls something else,
    does that in any case."""
    (condition,) = call.args
    if condition is not None and operands.has_calls(condition):
        ex.value(g, condition)


def _random(g: Gen, call: ir.ExternCall) -> None:
    """``random(result, lo, hi)``."""
    target, low, high = call.args
    if target is None or low is None or high is None or g.width(target.type, call.span) > 64:
        raise CannotOffload("random of more than 64 bits", call.span)
    with g.scope():
        chosen = g.declare("$chosen", target.type, call.span)
        arbitrary.between(g, low, high, chosen, call.span)
        stmts.store(g, target, ir.Var("$chosen", target.type, call.span), call.span)


_CSUM: Final[dict[str, Value]] = {
    "csum_replace2": checksums.replace2,
    "csum_replace4": checksums.replace4,
}
_STATEMENTS: Final[dict[tuple[str, str, str], Statement]] = {
    ("ebpf_model", "CounterArray", "increment"): _counter_increment,
    ("ebpf_model", "CounterArray", "add"): _counter_add,
    ("xdp_model", "CounterArray", "increment"): _counter_increment,
    ("xdp_model", "CounterArray", "add"): _counter_add,
    ("ubpf_model", "Register", "write"): registers.write,
    ("ubpf_model", "mark_to_drop", ""): _mark(1),
    ("ubpf_model", "mark_to_pass", ""): _mark(0),
    ("ubpf_model", "truncate", ""): truncation.last,
    ("ubpf_model", "hash", ""): lookup3.into,
    ("v1model", "counter", "count"): cellcode.count,
    ("v1model", "register", "read"): registers.read_into,
    ("v1model", "register", "write"): registers.write,
    ("v1model", "mark_to_drop", ""): _mark_to_drop,
    **{("v1model", name, ""): _clone for name in effects.CLONES_OF},
    ("v1model", "resubmit_preserving_field_list", ""): _come_back(RESUBMIT),
    ("v1model", "recirculate_preserving_field_list", ""): _come_back(RECIRCULATE),
    ("v1model", "truncate", ""): truncation.least,
    ("v1model", "digest", ""): digests.tell,
    ("v1model", "hash", ""): hashes.ranged,
    ("v1model", "direct_counter", "count"): _nothing,  # its table counts every hit
    ("v1model", "log_msg", ""): _nothing,
    **{(arch, name, ""): _asserted for arch in ("v1model", "psa") for name in ("assert", "assume")},
    ("v1model", "random", ""): _random,
    ("v1model", "meter", "execute_meter"): meters.execute_meter,
    ("v1model", "direct_meter", "read"): meters.read_direct,
    ("v1model", "verify_checksum", ""): _verify_checksum(),
    ("v1model", "update_checksum", ""): _update_checksum(),
    ("v1model", "verify_checksum_with_payload", ""): _verify_checksum(with_payload=True),
    ("v1model", "update_checksum_with_payload", ""): _update_checksum(with_payload=True),
    ("pna", "drop_packet", ""): forwarding.drop_packet,
    ("pna", "send_to_port", ""): forwarding.send_to_port,
    ("pna", "recirculate", ""): forwarding.recirculate,
    ("pna", "mirror_packet", ""): mirrors.ask,
    ("pna", "set_entry_expire_time", ""): timers.set_time,
    ("pna", "set_entry_expire_time_if", ""): timers.set_time,
    ("pna", "restart_expire_timer", ""): timers.restart,
    ("pna", "update_expire_info", ""): timers.update,
    **{(arch, *name): made for arch in ("psa", "pna") for name, made in portable.STATEMENTS.items()},
}
_VALUES: Final[dict[tuple[str, str, str], Value]] = {
    ("ubpf_model", "Register", "read"): registers.read,
    ("ubpf_model", "ubpf_time_get_ns", ""): arbitrary.now,
    ("xdp_model", "BPF_KTIME_GET_NS", ""): arbitrary.now,
    ("xdp_model", "ebpf_ipv4_checksum", ""): _ipv4_checksum,
    ("v1model", "Checksum16", "get"): _checksum16,
    **{(arch, name, ""): made for arch in ("ubpf_model", "xdp_model") for name, made in _CSUM.items()},
    **{("psa", name, ""): questions.answer for name in questions.NAMES},
    ("pna", "SelectByDirection", ""): forwarding.by_direction,
    ("pna", "add_entry", ""): learning.add,
    ("pna", "add_entry_if", ""): learning.add,
    **{(arch, *name): made for arch in ("psa", "pna") for name, made in portable.VALUES.items()},
}

__all__ = ["CLONE", "DROP_PORT", "RECIRCULATE", "RESUBMIT", "SESSION", "composite", "statement", "value"]
