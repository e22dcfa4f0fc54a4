"""The four architectures around the blocks, as their documents say; one packet, one pass, no copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import RuleSet

from .core import Core, Extern, Leave
from .parsing import PACKET, run_states
from .places import put
from .values import UNDEFINED, Record, Skip, Undefined, bits_of, make, number_bits, wrap

DROP = 511
NOT_DROPPED = Undefined()
"""``egress_spec`` at the start of v1model's egress: any port but 511."""


@dataclass(frozen=True)
class Result:
    """What came out, frames as bits with ``?`` where they are undefined, and cells that were written."""

    outputs: tuple[tuple[str, int, str], ...]
    state: dict[str, dict[int, Any]] = field(default_factory=dict)


def run_plain(
    program: ir.Program, rules: RuleSet, packet: bytes, port: int, cells: Callable[[str, int], int]
) -> Result:
    """What a program does to one packet.

    Raises:
        Skip: that hangs on an undefined value, or is not modelled here.
    """
    core = Core(program, rules, packet, cells, EXTERNS)
    outputs = MACHINES[program.arch](core, port)
    return Result(tuple(outputs), core.state)


# --- the architectures ----------------------------------------------------------------------------------------------

Outputs = list[tuple[str, int, str]]


def _blocks(core: Core) -> dict[str, str]:
    assert core.program.main is not None
    package = core.program.package(core.program.main)
    return {name: value for name, value in package.args if isinstance(value, str)}


def _parse(core: Core, name: str, values: list[Any]) -> tuple[bool, str, list[Any]]:
    """Run the parser on the values of its parameters behind the packet: accepted, its error, the values afterwards."""
    parser = core.program.parser(name)
    names = [p.name for p in parser.params[1:]]
    core.store = dict(zip(names, values, strict=True))
    try:
        run_states(core, parser)
    except Leave as leave:
        return False, leave.value, [core.store[n] for n in names]
    return True, "NoError", [core.store[n] for n in names]


def _control(core: Core, name: str, values: list[Any]) -> list[Any]:
    """Run a control on the values of its parameters that are no extern objects; the values afterwards."""
    control = core.program.control(name)
    names = [p.name for p in control.params if not isinstance(ir.bare(p.type), ir.ExternType)]
    core.store = dict(zip(names, values, strict=True))
    try:
        core.run_control(control)
    except Leave as leave:
        if leave.kind not in ("exit", "return"):
            raise
    return [core.store[n] for n in names]


def _frame(core: Core) -> str:
    """What was emitted, then the bytes that the parser left."""
    rest = core.packet[core.cursor // 8 :]
    if core.cursor % 8 or len(core.emitted) % 8:
        raise Skip("bits that are no bytes")
    return core.emitted + "".join(format(octet, "08b") for octet in rest)


def _known(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise Skip("where the packet goes is undefined")
    return value


def _params(core: Core, name: str) -> list[ir.Type]:
    return [p.type for p in core.program.parser(name).params[1:]]


def _v1model(core: Core, port: int) -> Outputs:
    blocks = _blocks(core)
    types = _params(core, blocks["p"])
    standard = make(types[2])
    start = {"ingress_port": port, "packet_length": len(core.packet), "instance_type": 0, "mcast_grp": 0}
    standard.fields |= {**start, "checksum_error": 0, "parser_error": "NoError"}
    _, error, (headers, meta, standard) = _parse(core, blocks["p"], [make(types[0]), make(types[1]), standard])
    standard.fields["parser_error"] = error
    headers, meta = _control(core, blocks["vr"], [headers, meta])
    standard.fields["checksum_error"] = core.marks.get("wrong checksum", 0)
    headers, meta, standard = _control(core, blocks["ig"], [headers, meta, standard])
    if _known(standard.fields["mcast_grp"]) != 0:
        raise Skip("multicast")
    out = _known(standard.fields["egress_spec"])
    if out == DROP:
        return []
    standard.fields |= {"egress_port": out, "egress_spec": NOT_DROPPED}
    headers, meta, standard = _control(core, blocks["eg"], [headers, meta, standard])
    last = standard.fields["egress_spec"]
    if last is not NOT_DROPPED and _known(last) == DROP:
        return []
    headers, meta = _control(core, blocks["ck"], [headers, meta])
    _control(core, blocks["dep"], [headers])
    return [("port", out, _frame(core))]


def _ebpf(core: Core, port: int) -> Outputs:
    blocks = _blocks(core)
    accepted, _, (headers,) = _parse(core, blocks["prs"], [make(_params(core, blocks["prs"])[0])])
    if not accepted:
        return []
    _, accept = _control(core, blocks["filt"], [headers, UNDEFINED])
    core.cursor = 0
    return [("stack", 0, _frame(core))] if _known(accept) else []


def _ubpf(core: Core, port: int) -> Outputs:
    blocks = _blocks(core)
    types = _params(core, blocks["prs"])
    standard = make(types[2])
    start = {"input_port": port, "packet_length": len(core.packet), "output_action": "PASS", "clone": False}
    standard.fields |= start
    accepted, _, values = _parse(core, blocks["prs"], [make(types[0]), make(types[1]), standard])
    if not accepted:
        core.cursor = 0
        return [("stack", 0, _frame(core))]
    headers, _, standard = _control(core, blocks["p"], values)
    _control(core, blocks["dprs"], [headers])
    action = _known(standard.fields["output_action"])
    if core.marks.get("drop") or action in ("ABORT", "DROP"):
        return []
    if action == "REDIRECT":
        return [("port", _known(standard.fields["output_port"]), _frame(core))]
    return [("stack", 0, _frame(core))]


def _xdp(core: Core, port: int) -> Outputs:
    blocks = _blocks(core)
    accepted, _, (headers,) = _parse(core, blocks["p"], [make(_params(core, blocks["p"])[0])])
    if not accepted:
        return []
    result = make(core.program.control(blocks["s"]).params[2].type)
    headers, _, result = _control(core, blocks["s"], [headers, Record({"input_port": port}), result])
    _control(core, blocks["d"], [headers])
    match _known(result.fields["output_action"]):
        case "XDP_PASS":
            return [("stack", 0, _frame(core))]
        case "XDP_TX":
            return [("port", port, _frame(core))]
        case "XDP_REDIRECT":
            return [("port", _known(result.fields["output_port"]), _frame(core))]
    return []


MACHINES: dict[str, Callable[[Core, int], Outputs]] = {
    "v1model": _v1model, "ebpf_model": _ebpf, "ubpf_model": _ubpf, "xdp_model": _xdp,
}  # fmt: skip


# --- externs --------------------------------------------------------------------------------------------------------


def _mark(value: bool) -> Extern:
    def handler(core: Core, node: ir.ExternCall) -> None:
        if node.args:
            assert node.args[0] is not None
            place = core.place(node.args[0])
            for name, number in (("egress_spec", DROP), ("mcast_grp", 0)):
                put(core.store, type(place)(place.name, (*place.steps, name)), number)
        core.marks["drop"] = value

    return handler


def _argument(core: Core, node: ir.ExternCall, name: str) -> int:
    """A constructor argument of the object."""
    assert node.object is not None
    args = dict(core.program.instance(node.object).args)
    value = args[name]
    assert isinstance(value, ir.Const)
    assert isinstance(value.value, int)
    return value.value


def _read(core: Core, name: str, index: int) -> Any:
    return core.state.get(name, {}).get(index, core.cells(name, index))


def _index(core: Core, node: ir.Expr | None) -> int:
    assert node is not None
    index = core.eval(node)
    if index is UNDEFINED:
        raise Skip("an index that is undefined")
    return int(index)


def _register_read(core: Core, node: ir.ExternCall) -> Any:
    """v1model's ``read(result, index)``, ubpf's ``result = read(index)``."""
    has_result = len(node.params) == 2
    type_ = ir.bare(node.params[0].type if has_result else node.type)
    assert isinstance(type_, ir.BitsType)
    place = core.place(node.args[0]) if has_result and node.args[0] is not None else None
    index = _index(core, node.args[-1])
    assert node.object is not None
    value: Any = UNDEFINED
    if index < _argument(core, node, "size"):
        found = _read(core, node.object, index)
        value = found if found is UNDEFINED else wrap(found, type_)
    if place is None:
        return value
    put(core.store, place, value)
    return None


def _register_write(core: Core, node: ir.ExternCall) -> None:
    index = _index(core, node.args[0])
    assert node.args[1] is not None
    assert node.object is not None
    value = core.eval(node.args[1])
    if index < _argument(core, node, "size"):
        core.state.setdefault(node.object, {})[index] = (
            value if value is UNDEFINED else number_bits(value, node.params[1].type)
        )


def _checksum(core: Core, node: ir.ExternCall) -> tuple[Any, Any]:
    """The condition of ``verify_checksum`` and ``update_checksum``, and the checksum of the data."""
    condition, data = core.eval(_given(node, 0)), core.eval(_given(node, 1))
    type_ = ir.bare(node.params[1].type)
    types = type_.elements if isinstance(type_, ir.TupleType) else [f.type for f in type_.fields]  # type: ignore[union-attr]
    bits = "".join(bits_of(v, t) for v, t in zip(data.fields.values(), types, strict=True))
    if condition is UNDEFINED:
        raise Skip("a condition that is undefined")
    bits += "0" * (-len(bits) % 8)
    if "?" in bits:
        return condition, UNDEFINED
    octets = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return condition, ALGORITHMS[str(core.eval(_given(node, 3)))](octets)


def _given(node: ir.ExternCall, position: int) -> ir.Expr:
    argument = node.args[position]
    assert argument is not None
    return argument


def _words(octets: bytes) -> list[int]:
    """16-bit words, the last one filled up with zeros."""
    octets += bytes(len(octets) % 2)
    return [int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2)]


def csum16(octets: bytes) -> int:
    """RFC 1071."""
    total = sum(_words(octets))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return 0xFFFF - total


def crc16(octets: bytes) -> int:
    """CRC-16/ARC, reflected, bit by bit."""
    register = 0
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def xor16(octets: bytes) -> int:
    """Exclusive or of the words."""
    total = 0
    for word in _words(octets):
        total ^= word
    return total


ALGORITHMS: dict[str, Callable[[bytes], int]] = {"csum16": csum16, "crc16": crc16, "xor16": xor16}


def _verify_checksum(core: Core, node: ir.ExternCall) -> None:
    condition, computed = _checksum(core, node)
    given = core.eval(_given(node, 2))
    if condition:
        if computed is UNDEFINED or given is UNDEFINED:
            core.marks["wrong checksum"] = UNDEFINED
        elif computed != given and core.marks.get("wrong checksum", 0) is not UNDEFINED:
            core.marks["wrong checksum"] = 1


def _update_checksum(core: Core, node: ir.ExternCall) -> None:
    condition, computed = _checksum(core, node)
    if condition:
        put(core.store, core.place(_given(node, 2)), computed)


def _count(limit: str, inclusive: bool, width: int) -> Extern:
    def handler(core: Core, node: ir.ExternCall) -> None:
        index = _index(core, node.args[0])
        assert node.object is not None
        amount = 1
        kind = dict(core.program.instance(node.object).args).get("type")
        if isinstance(kind, ir.Const) and kind.value == "bytes":
            amount = len(core.packet)
        if index < _argument(core, node, limit) + inclusive:
            total = _read(core, node.object, index) + amount
            core.state.setdefault(node.object, {})[index] = total & ((1 << width) - 1)

    return handler


EXTERNS: dict[tuple[str, str], Extern] = {
    **PACKET,
    ("mark_to_drop", ""): _mark(True),
    ("mark_to_pass", ""): _mark(False),
    ("verify_checksum", ""): _verify_checksum,
    ("update_checksum", ""): _update_checksum,
    ("register", "read"): _register_read,
    ("register", "write"): _register_write,
    ("Register", "read"): _register_read,
    ("Register", "write"): _register_write,
    ("counter", "count"): _count("size", False, 64),
    ("CounterArray", "increment"): _count("max_index", True, 32),
}
