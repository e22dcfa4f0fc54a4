"""Ports that a machine can be given, for a counterexample whose frames go to others.

A solver takes any 32 bits for the number of an interface in a map. No such interface can be made for a run, so no
machine could confirm the difference, though a smaller number in its place shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from .interpreted import USUAL_PORT
from .machine_shown import MOST_PORT
from .proofs.answers import Model, Table
from .proofs.verdict import Observed

PORT_BYTES: Final = 4
"""Of the number of an interface."""
_ORDERS: Final[tuple[Literal["little", "big"], ...]] = ("little", "big")


def with_makeable_ports(model: Model, *seen: Observed) -> Iterator[Model]:
    """Models that may show the same difference with ports below ``MOST_PORT``; none if all that is ``seen`` has such.

    Memory that holds the number of another port, in either order of bytes, holds a usual one there.
    """
    sent = {port for side in seen for to, port, _ in side.outputs if to == "port"}
    beyond = sorted(port for port in sent if MOST_PORT <= port < 1 << 8 * PORT_BYTES)
    for order in _ORDERS if beyond else ():
        usual = {
            port.to_bytes(PORT_BYTES, order): (USUAL_PORT + n).to_bytes(PORT_BYTES, order)
            for n, port in enumerate(beyond)
        }
        functions = {name: _with_others(table, usual) for name, table in model.functions.items()}
        if functions != model.functions:
            yield replace(model, functions=functions)


def _with_others(table: Table, others: Mapping[bytes, bytes]) -> Table:
    return {asked: _replaced(value, others) for asked, value in table.items()}


def _replaced(value: int, others: Mapping[bytes, bytes]) -> int:
    octets = value.to_bytes(PORT_BYTES + (value.bit_length() + 7) // 8, "big")  # the first may be zeros
    for old, new in others.items():
        octets = octets.replace(old, new)
    return int.from_bytes(octets, "big")
