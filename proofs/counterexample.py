"""From a solver's model to a packet that anybody can send, and back: both sides are run on it before it counts.

The two sides are run as given (callables from an :class:`Input` to an :class:`Observed`), not through the terms of the
query, so a mistake in how obligations are made cannot produce a ``reject``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

from ..semantics.meaning.payload import with_sums
from .engine import Model
from .verdict import Observed


@dataclass(frozen=True)
class Input:
    """All that a side may depend on."""

    packet: bytes
    port: int
    model: Model = field(default_factory=Model)
    """Values of everything else: other inputs, tables' answers, state cells, choices."""
    cells: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The state cells to look at afterwards."""


Side = Callable[[Input], Observed]

_BEFORE_A_COPY: Final = re.compile(r"each\.\d+\.state\.")


def one_after_the_other(model: Model) -> Model:
    """The model without what it says that cells held before a copy: that is what the copies before it have left."""
    functions = {name: table for name, table in model.functions.items() if not _BEFORE_A_COPY.match(name)}
    return replace(model, functions=functions)


def input_of(model: Model) -> Input:
    """The concrete input that a model describes; bytes that it leaves open are 0, save where it says what sums over
    them are."""
    length = model.values.get("pkt.len", 0)
    packet = bytes(model.values.get(f"pkt[{i}]", 0) & 0xFF for i in range(length))
    cells: dict[str, tuple[int, ...]] = {}
    for name, value in model.values.items():
        if name.startswith("at."):
            cells[name[3:]] = (value,)
    packet = with_sums(packet, model.values)
    return Input(packet, model.values.get("in.port", 0), model, cells)


def values_of(given: Input) -> dict[str, int]:
    """All that an input says, by the variables' names: the packet's bytes, its length and port, and the model's."""
    values = {n: v for n, v in given.model.values.items() if not n.startswith("pkt")}
    values |= {"pkt.len": len(given.packet), "in.port": given.port}
    return values | {f"pkt[{i}]": octet for i, octet in enumerate(given.packet)}


def shrink(found: Input, spec: Side, impl: Side, *, budget: int = 400, inputs: bool = False) -> Input:
    """A simpler input on which the sides still differ: shorter, and with as many zeros as can be.

    The frame and the port are changed, and with ``inputs`` what comes with the packet (``in.*``). Spends at most
    ``budget`` runs of the two sides; an input on which a side cannot be run (outside of its domain) is not taken.
    """
    best = found
    for candidate in (*(_without_metadata(found) if inputs else ()), *frame_candidates(found)):
        if budget <= 0:
            break
        trial = candidate(best)
        if trial is None:
            continue
        budget -= 1
        if differ_on(trial, spec, impl):
            best = trial
    return best


def differ_on(trial: Input, spec: Side, impl: Side) -> bool:
    """Whether the sides can be told apart on ``trial``; False where one of them cannot be run."""
    try:
        return spec(trial).differs(impl(trial))
    except (ValueError, KeyError):
        return False


def _without_metadata(found: Input) -> list[Callable[[Input], Input | None]]:
    """Zero in place of what comes with the packet, one by one."""
    names = [
        name for name, value in found.model.values.items() if name.startswith("in.") and name != "in.port" and value
    ]
    return [partial(_with_zero, name) for name in sorted(names)]


def _with_zero(name: str, trial: Input) -> Input:
    return replace(trial, model=Model({**trial.model.values, name: 0}, trial.model.functions))


def frame_candidates(found: Input) -> list[Callable[[Input], Input | None]]:
    """Changes of frame and port to try one after the other, each on the best input so far: shorter, shorter with the
    same end, the usual port, zeros in ever smaller pieces, then small numbers."""
    tries: list[Callable[[Input], Input | None]] = []
    length = len(found.packet)
    usual = (0, 14, 18, 34, 38, 42, 54, 58, 60, 64, 96, 128, 256, 1514, 1519, 9014)  # the last: what jumbo frames have
    lengths = sorted({n for n in (*usual, length // 2) if n < length})
    tries += [_with_length(n) for n in lengths]
    tries += [_without_middle(n) for n in lengths]
    tries += [_shorter(n) for n in (64, 16, 8, 4, 2, 1, 1, 1)]
    tries.append(lambda i: replace(i, port=2) if i.port != 2 else None)
    tries += [_with_port_and_cells(order) for order in ("big", "little")]
    for size in (64, 32, 16, 8, 4, 2, 1):
        tries += [_with_zeros(k, size) for k in range(0, min(length, 256), size)]
    for size in (8, 4, 2, 1):
        tries += [_with_zeros(k, size, at) for at in CHECKSUMS for k in range(14, min(length, 64), size)]
    tries += [_with_byte(k, n, at) for k in range(min(length, 64)) for n in (1, 2) for at in (None, CHECKSUMS[-1])]
    return tries


CHECKSUMS: Final = (28, 24)
"""Where the header checksum of an IPv4 packet lies (RFC 791) behind Ethernet, with an 802.1Q tag and without."""


def _with_length(count: int) -> Callable[[Input], Input | None]:
    return lambda i: replace(i, packet=i.packet[:count]) if len(i.packet) > count else None


def _without_middle(count: int) -> Callable[[Input], Input | None]:
    """What lies between taken out, for trailers."""

    def change(trial: Input) -> Input | None:
        packet = trial.packet
        fits = TRAILER < count < len(packet)
        return replace(trial, packet=packet[: count - TRAILER] + packet[-TRAILER:]) if fits else None

    return change


TRAILER: Final = 8
"""Bytes at the end that are left as they are where a frame is made shorter before it."""


def _shorter(count: int) -> Callable[[Input], Input | None]:
    return lambda i: replace(i, packet=i.packet[:-count]) if len(i.packet) > count else None


def _with_port_and_cells(order: Literal["big", "little"]) -> Callable[[Input], Input | None]:
    """The usual port, and its cell of the state where the cell of the port was looked at: that of the number, or of its
    four bytes in reverse, as a machine has it that stores the lowest first."""

    def cell(port: int) -> int:
        return int.from_bytes((port & 0xFFFFFFFF).to_bytes(4, order), "big")

    def change(trial: Input) -> Input | None:
        was, usual = cell(trial.port), cell(2)
        if trial.port == 2 or not any(was in indexes for indexes in trial.cells.values()):
            return None
        cells = {name: tuple(usual if i == was else i for i in indexes) for name, indexes in trial.cells.items()}
        values = {n: usual if n.startswith("at.") and v == was else v for n, v in trial.model.values.items()}
        return replace(trial, port=2, cells=cells, model=replace(trial.model, values=values))

    return change


def _with_zeros(index: int, size: int, checksum: int | None = None) -> Callable[[Input], Input | None]:
    """Zeros from ``index`` on; the word at ``checksum`` makes up for them (:func:`_changed`)."""

    def change(trial: Input) -> Input | None:
        piece = trial.packet[index : index + size]
        return _changed(trial, index, bytes(len(piece)), checksum) if any(piece) else None

    return change


def _with_byte(index: int, value: int, checksum: int | None) -> Callable[[Input], Input | None]:
    """A smaller value at ``index``."""

    def change(trial: Input) -> Input | None:
        larger = index < len(trial.packet) and trial.packet[index] > value
        return _changed(trial, index, bytes([value]), checksum) if larger else None

    return change


def _changed(trial: Input, index: int, piece: bytes, checksum: int | None) -> Input | None:
    """Another piece at ``index``; the word at ``checksum`` makes up for it in the one's complement sum (RFC 1071)."""
    packet, end = trial.packet, index + len(piece)
    changed = packet[:index] + piece + packet[end:]
    if checksum is not None:
        if len(packet) < checksum + 2 or (index < checksum + 2 and end > checksum):
            return None
        word = int.from_bytes(changed[checksum : checksum + 2], "big") + _sum(packet) - _sum(changed)
        changed = changed[:checksum] + (word % 0xFFFF).to_bytes(2, "big") + changed[checksum + 2 :]
    return replace(trial, packet=changed)


def _sum(packet: bytes) -> int:
    return int.from_bytes(packet + bytes(len(packet) % 2), "big") % 0xFFFF
