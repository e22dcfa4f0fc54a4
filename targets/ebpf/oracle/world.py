"""What nobody controls, made as it is in one run: the time, random numbers, routes, what devices take, tunnels.

Each helper that asks for such a thing gives way to a function that answers as a run of the meaning was answered
(:class:`....base.World`). The function has the answers in maps of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from ....semantics.source import Unsupported
from ...base import World
from ..artifact import Assembler, Insn, MapDef, asm
from ..artifact.asm import FP, R0, R1, R2, R3, R4, R6, R7
from .spies import Spy

Filled = dict[MapDef, dict[bytes, bytes]]
"""Maps with what they hold."""

_EINVAL: Final = 22
_LOOKUP, _COPY = 1, 113
"""``bpf_map_lookup_elem`` and ``bpf_probe_read_kernel``."""
_IN: Final = "in.ebpf."

_ASKED: Final[Mapping[str, frozenset[int]]] = {
    "ktime": frozenset({5}), "boottime": frozenset({125}), "coarse_time": frozenset({160}),
    "tai_time": frozenset({208}), "prandom": frozenset({7}), "jiffies": frozenset({118}),
}  # fmt: skip
"""What may be another each time: what the k-th answer is called before its number, and the helpers that give it."""
_HELD: Final[Mapping[str, int]] = {"cpu": 8, "node": 42}
"""What is the same each time, and the helper that tells it."""
TIMES: Final = 16
"""Answers that are held for one name (a power of two); behind the last it begins anew."""
_TIMES_BYTES: Final = 8 * (1 + TIMES)

TOLD: Final = MapDef("p4verify_told", "array", 4, len(_ASKED) * _TIMES_BYTES, 1)
_ROUTE: Final = 64
"""Bytes of ``struct bpf_fib_lookup``."""

ROUTES: Final = MapDef("p4verify_routes", "hash", 4 + _ROUTE, 8 + _ROUTE, 256)
"""Flags and what is asked → the result and what the kernel writes."""
LIMITS: Final = MapDef("p4verify_limits", "hash", 16, 8, 256)
"""Flags, interface, length and difference → the result and the length that the kernel tells."""
_TUNNEL: Final = 48
"""Room for a ``struct bpf_tunnel_key``."""

TUNNELS: Final = MapDef("p4verify_tunnels", "hash", 8, 8 + _TUNNEL, 256)
"""Size and flags → the result and what the kernel writes."""
TAKEN: Final = MapDef("p4verify_taken", "hash", 8 + _TUNNEL, 8, 256)
"""Size, flags and a tunnel's key → the result."""
_TUPLE, _TUPLE_ROOM, _SOCK = 36, 40, 80
"""Bytes of ``struct bpf_sock_tuple``, those kept for one, and bytes of ``struct bpf_sock``."""
_LOOKUPS: Final[Mapping[str, int]] = {"sk_lookup_tcp": 84, "sk_lookup_udp": 85, "skc_lookup_tcp": 99}
SOCKETS: Final = MapDef("p4verify_socks", "hash", 16 + _TUPLE_ROOM, _SOCK, 256)
"""Network namespace, helper, size and tuple → the socket."""


def spies(world: World) -> list[Spy]:
    """Functions that answer from the maps of :func:`filled`."""
    held = [Spy(name, frozenset({helper}), _says(_value(world, name))) for name, helper in _HELD.items()]
    asked = [Spy(name, helpers, _next_answer(i * _TIMES_BYTES)) for i, (name, helpers) in enumerate(_ASKED.items())]
    return [
        *held, *asked, Spy("fib_lookup", frozenset({69}), _route()), Spy("check_mtu", frozenset({163}), _limit()),
        Spy("get_tunnel_key", frozenset({20}), _tunnel()), Spy("set_tunnel_key", frozenset({21}), _taken()),
        *(Spy(name, frozenset({helper}), _socket(helper)) for name, helper in _LOOKUPS.items()),
        Spy("sk_release", frozenset({86}), _says(0)),
    ]  # fmt: skip


def filled(world: World) -> Filled:
    """The maps with the answers. Raises Unsupported where one of them hangs on more than such a map is asked."""
    told = b"".join(
        struct.pack(f"={1 + TIMES}Q", 0, *(_value(world, f"{name}.{i}") for i in range(TIMES))) for name in _ASKED
    )
    return {
        TOLD: {bytes(4): told}, ROUTES: _by_key(_routes(world), "a route"),
        LIMITS: _by_key(_limits(world), "what a device takes"),
        TUNNELS: dict(_tunnels(world)), TAKEN: dict(_tunnels_taken(world)), SOCKETS: dict(_sockets(world)),
    }  # fmt: skip


def _value(world: World, name: str) -> int:
    return world.inputs.get(_IN + name, 0)


# --- what the maps hold -------------------------------------------------------------------------------------------


def _by_key(answers: Iterator[tuple[bytes, bytes]], what: str) -> dict[bytes, bytes]:
    """The answers of a map whose keys say nothing of the packet's length. Raises Unsupported where it matters."""
    held: dict[bytes, bytes] = {}
    for key, value in answers:
        if held.setdefault(key, value) != value:
            raise Unsupported(f"{what} hangs on how long the packet is")
    return held


def _routes(world: World) -> Iterator[tuple[bytes, bytes]]:
    for flags in _flags(world, "given.fib."):
        results, routes = (world.answers.get(f"given.fib.{flags}{end}", {}) for end in (".result", ""))
        for asked in results.keys() | routes.keys():
            key = struct.pack("=I", flags) + (asked[0] >> 32).to_bytes(_ROUTE, "big")
            value = struct.pack("=II", results.get(asked, 0), 0) + routes.get(asked, 0).to_bytes(_ROUTE, "big")
            yield key, value


def _limits(world: World) -> Iterator[tuple[bytes, bytes]]:
    tells = world.answers.get("given.mtu", {})
    for flags in _flags(world, "given.mtu."):
        for (asked,), result in world.answers[f"given.mtu.{flags}.result"].items():
            ifindex, length, difference, _ = (asked >> at & 0xFFFFFFFF for at in (96, 64, 32, 0))
            key = struct.pack("=4I", flags, ifindex, length, difference)
            limit = length if result >> 31 else tells.get((ifindex,), 0)
            yield key, struct.pack("=2I", result, limit)


def _tunnels(world: World) -> Iterator[tuple[bytes, bytes]]:
    for name in world.inputs:
        if not name.startswith(f"{_IN}tunnel.") or not name.endswith(".found"):
            continue
        which = name.removeprefix(_IN).removesuffix(".found")
        flags, size = (int(text, base) for text, base in zip(which.split(".")[1:], (16, 10), strict=True))
        found = _value(world, f"{which}.found")
        error = _value(world, f"{which}.error") - (1 << 31)
        octets = [_value(world, f"tunnel.{flags:x}[{i}]") if found else 0 for i in range(size)]
        yield (
            struct.pack("=2I", size, flags),
            struct.pack("=q", 0 if found else error) + bytes(octets).ljust(_TUNNEL, b"\0"),
        )


def _tunnels_taken(world: World) -> Iterator[tuple[bytes, bytes]]:
    prefix, suffix = "given.tunnel.set.", ".taken"
    for name, answers in world.answers.items():
        if not name.startswith(prefix) or not name.endswith(suffix):
            continue
        flags, size = (
            int(text, base) for text, base in zip(name.removeprefix(prefix).split(".")[:2], (16, 10), strict=True)
        )
        errors = world.answers.get(name.removesuffix(suffix) + ".error", {})
        for (asked,), taken in answers.items():
            result = 0 if taken else errors.get((asked,), 0) - (1 << 31)
            key = asked.to_bytes(size, "big").ljust(_TUNNEL, b"\0")
            yield struct.pack("=2I", size, flags) + key, struct.pack("=q", result)


def _sockets(world: World) -> Iterator[tuple[bytes, bytes]]:
    for name, helper in _LOOKUPS.items():
        for size in (12, _TUPLE):
            said = [world.answers.get(f"given.{name}.{size}.{i}", {}) for i in range(_SOCK)]
            for (asked,), found in world.answers.get(f"given.{name}.{size}.found", {}).items():
                if found:
                    key = struct.pack("=Q2I", asked & (1 << 64) - 1, helper, size)
                    key += (asked >> 64).to_bytes(size, "big").ljust(_TUPLE_ROOM, b"\0")
                    yield key, bytes(octet.get((asked,), 0) for octet in said)


def _flags(world: World, prefix: str) -> list[int]:
    """The flags in the names of functions: ``given.fib.FLAGS.result``."""
    parts = (name.removeprefix(prefix).split(".") for name in world.answers if name.startswith(prefix))
    return sorted({int(part[0]) for part in parts})


# --- the functions ------------------------------------------------------------------------------------------------


def _says(value: int) -> tuple[Insn, ...]:
    return asm.load_imm64(R0, value), asm.exit_()


def _next_answer(at: int) -> tuple[Insn, ...]:
    """The next of the answers that lie from ``at`` on, behind the number of those that were given."""
    return (
        asm.load_map_value(R1, TOLD.name, at), asm.load(8, R2, R1), asm.mov(R3, R2), asm.alu("add", R3, 1),
        asm.store(8, R1, 0, R3), asm.alu("and", R2, TIMES - 1), asm.alu("lsh", R2, 3), asm.alu("add", R1, R2),
        asm.load(8, R0, R1, 8), asm.exit_(),
    )  # fmt: skip


def _route() -> tuple[Insn, ...]:
    """``fib_lookup(ctx, params, plen, flags)``."""
    out = Assembler()
    out.emit(asm.mov(R6, R2), asm.store(4, FP, -4 - _ROUTE, R4))
    for at in range(0, _ROUTE, 4):
        out.emit(asm.load(4, R0, R6, at), asm.store(4, FP, at - _ROUTE, R0))
    _look_up(out, ROUTES, -4 - _ROUTE)
    out.emit(asm.mov(R7, R0), asm.mov(R1, R6), asm.mov(R2, _ROUTE))
    return _copied_and_said(out)


def _tunnel() -> tuple[Insn, ...]:
    """``skb_get_tunnel_key(skb, key, size, flags)``."""
    out = Assembler()
    out.emit(asm.mov(R6, R2), asm.mov(asm.R8, R3), asm.store(4, FP, -8, R3), asm.store(4, FP, -4, R4))
    _look_up(out, TUNNELS, -8)
    out.emit(asm.mov(R7, R0), asm.mov(R1, R6), asm.mov(R2, asm.R8))
    return _copied_and_said(out)


def _taken() -> tuple[Insn, ...]:
    """``skb_set_tunnel_key(skb, key, size, flags)``."""
    out = Assembler()
    at = -8 - _TUNNEL
    out.emit(asm.store(4, FP, at, R3), asm.store(4, FP, at + 4, R4))
    _copied_key(out, at + 8, _TUNNEL)
    _look_up(out, TAKEN, at)
    out.emit(asm.load(8, R0, R0), asm.exit_())
    return out.finish()


def _socket(helper: int) -> tuple[Insn, ...]:
    """``sk_lookup_NAME(ctx, tuple, size, netns, flags)``: the socket as a value of a map, which is read alike."""
    out = Assembler()
    at = -16 - _TUPLE_ROOM
    none, elsewhere, asked = out.label(), out.label(), out.label()
    out.jump("jne", asm.R5, 0, none)
    out.emit(asm.mov(R0, R4), asm.alu("lsh", R0, 32), asm.alu("arsh", R0, 32))
    out.jump("jsge", R0, 0, elsewhere)
    out.emit(asm.mov(R4, -1))
    out.goto(asked)
    out.place(elsewhere)
    out.jump("jne", R4, R0, none)
    out.place(asked)
    out.emit(asm.store(8, FP, at, R4), asm.store(4, FP, at + 8, helper), asm.store(4, FP, at + 12, R3))
    _copied_key(out, at + 16, _TUPLE_ROOM)
    out.emit(asm.load_map(R1, SOCKETS.name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.call(_LOOKUP), asm.exit_())
    out.place(none)
    out.emit(asm.mov(R0, 0), asm.exit_())
    return out.finish()


def _copied_key(out: Assembler, at: int, room: int) -> None:
    """R3 bytes from R2 on go to ``at`` from the frame pointer, zeros behind them up to ``room`` bytes."""
    out.emit(*(asm.store(4, FP, at + i, 0) for i in range(0, room, 4)))
    out.emit(
        asm.mov(R1, FP), asm.alu("add", R1, at), asm.mov(R4, R2), asm.mov(R2, R3), asm.mov(R3, R4), asm.call(_COPY)
    )


def _copied_and_said(out: Assembler) -> tuple[Insn, ...]:
    """R1 gets R2 bytes of what lies behind the result in the value at R7."""
    out.emit(
        asm.mov(R3, R7), asm.alu("add", R3, 8), asm.call(_COPY), asm.load(4, R0, R7), asm.alu("lsh", R0, 32),
        asm.alu("arsh", R0, 32), asm.exit_(),
    )  # fmt: skip
    return out.finish()


def _limit() -> tuple[Insn, ...]:
    """``check_mtu(ctx, ifindex, mtu_len, len_diff, flags)``."""
    out = Assembler()
    out.emit(
        asm.mov(R6, R3), asm.store(4, FP, -16, asm.R5), asm.store(4, FP, -12, R2), asm.load(4, R0, R6),
        asm.store(4, FP, -8, R0), asm.store(4, FP, -4, R4),
    )  # fmt: skip
    _look_up(out, LIMITS, -16)
    out.emit(
        asm.load(4, R1, R0, 4), asm.store(4, R6, 0, R1), asm.load(4, R0, R0), asm.alu("lsh", R0, 32),
        asm.alu("arsh", R0, 32), asm.exit_(),
    )  # fmt: skip
    return out.finish()


def _look_up(out: Assembler, item: MapDef, at: int) -> None:
    """R0: the value of the key that lies ``at`` bytes from the frame pointer; there is one, or an error is told."""
    there = out.label()
    out.emit(asm.load_map(R1, item.name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.call(_LOOKUP))
    out.jump("jne", R0, 0, there)
    out.emit(asm.mov(R0, -_EINVAL), asm.exit_())
    out.place(there)
