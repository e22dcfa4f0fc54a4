"""What two behaviours ask of their inputs: the numbers with which they compare the frame's bytes, its length and the
rest."""

from __future__ import annotations

import random
from typing import Final

from ..proofs.sampling import Bits, bits_of
from ..semantics import bits as b
from ..semantics.bits import Term
from .behaviours import Compiled

SHORT: Final = 256
"""Bytes of the longest frame, save where the behaviours ask for more."""

LONGEST: Final = 2048
"""Bytes up to which lengths are told apart."""

SMALL: Final = 50
"""Nodes of a term of whose variables a comparison says something; larger ones would be walked for each comparison."""


Asked = tuple[Bits, int]
"""Bits of the frame, and what they are compared with."""


class Hints:
    """The numbers with which two behaviours compare the frame's bytes, its length and other inputs."""

    def __init__(self, sides: tuple[Compiled, Compiled]) -> None:
        self.bytes = 0
        """Bytes of a frame that are asked for at most."""
        self.of_variables: dict[str, list[int]] = {}
        of_bytes: dict[Asked, None] = {}
        together: dict[tuple[Asked, ...], None] = {}
        self._lengths: set[int] = {0, 14, 60}
        for side in sides:
            for node in b.postorder(side.terms):
                if node.op == "var" and node.name.startswith("pkt["):
                    self.bytes = max(self.bytes, int(node.name[4:-1]) + 1)
                elif node.op in ("eq", "ult", "ule", "slt"):
                    of_bytes |= dict.fromkeys(_of_bytes(node))
                    for x, y in (node.args, node.args[::-1]):
                        if y.is_const and bits_of(x) is None:
                            self._compared(x, y.value)
                elif node.op == "and":
                    asked = [one for arg in node.args if arg.op == "eq" for one in _of_bytes(arg)]
                    together |= {tuple(asked): None} if len(asked) > 1 else {}
        args = (arg for side in sides for call in b.applications(*side.terms) for arg in call.args)
        self.in_functions = sorted(int(v.name[4:-1]) for v in b.variables(*args) if v.name.startswith("pkt["))
        """Bytes of the frame that functions are asked about, as are those of tables and of checksums."""
        self._alone: list[tuple[Asked, ...]] = [(one,) for one in of_bytes]
        self._together = list(together)

    def _compared(self, term: Term, value: int) -> None:
        for v in _variables_in(term):
            if v.name == "pkt.len":
                self._lengths |= {max(0, value + k) for k in (-1, 0, 1)} if value < LONGEST else set()
            elif not v.name.startswith("pkt"):
                self.of_variables.setdefault(v.name, []).append(value)

    def put(self, rng: random.Random, data: bytearray) -> None:
        """Set some of the frame's bits to what they are compared with, or beside it; make the frame long enough."""
        for _ in range(rng.randrange(6) if self._alone else 0):
            asked = rng.choice(self._together if self._together and rng.random() < 0.5 else self._alone)
            beside = rng.choice((0, 0, 0, 0, 1, -1))
            where = rng.randrange(len(asked)) if beside else 0
            for number, (bits, value) in enumerate(asked):
                _set(rng, data, bits, value + (beside if number == where else 0))

    def length(self, rng: random.Random) -> int:
        """A length that matters, or any."""
        return rng.choice(sorted(self._lengths)) if rng.random() < 0.8 else rng.randrange(min(self.bytes, SHORT) + 40)


def _set(rng: random.Random, data: bytearray, bits: Bits, value: int) -> None:
    """Set these bits to the value's; a frame without them gets any bytes before them."""
    needed = max(index for index, _, _ in bits) + 1
    if needed > len(data):
        data += rng.randbytes(needed - len(data))
    for index, high, low in reversed(bits):
        mask = (1 << (high - low + 1)) - 1
        data[index] = data[index] & ~(mask << low) | (value & mask) << low
        value >>= high - low + 1


def _of_bytes(comparison: Term) -> list[Asked]:
    """What a comparison of the frame's bits with a number asks; nothing if it is another one."""
    x, y = comparison.args
    pairs = ((bits_of(x), y), (bits_of(y), x))
    return [(bits, number.value) for bits, number in pairs if bits is not None and number.is_const]


def _variables_in(term: Term) -> list[Term]:
    """The variables of a term that is small and no decision; none of others."""
    found: dict[Term, None] = {}
    stack, met = [] if term.op == "ite" else [term], 0
    while stack:
        node = stack.pop()
        met += 1
        if met > SMALL:
            return []
        if node.op == "var":
            found[node] = None
        stack += node.args
    return list(found)
