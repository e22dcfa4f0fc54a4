"""The ways out of a parser, as a deparser tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..artifact.asm import R1
from .frame import Ref
from .gen import Gen


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of the parser."""

    tagged: bool
    cursor: int
    """Bits parsed."""
    valid: frozenset[str]
    """Paths of headers that were extracted, without those that are forgotten (:attr:`.gen.Gen.forgotten`)."""
    sizes: tuple[tuple[str, int], ...] = ()
    """Paths of varbits that were extracted, and their bits."""
    starts: tuple[tuple[str, int], ...] = ()
    """Paths of headers that were extracted, and where they began."""


def for_each(
    g: Gen,
    cursor: Ref,
    found: Collection[tuple[bool, int]],
    make: Callable[[bool, int], None],
    finish: Callable[[], None] = lambda: None,
) -> None:
    """Code that tells ways apart by whether the tag lies beside the data and by how many bits were parsed, which
    ``cursor`` holds: that of ``make`` on each, which does not come back, and behind those of one side ``finish``'s."""
    sides = [(tagged, sorted({bits for side, bits in found if side == tagged})) for tagged in (False, True)]
    sides = [(tagged, cursors) for tagged, cursors in sides if cursors]
    tag = g.asm.label()
    if len(sides) == 2:
        g.hook.split(g, tag)
    for number, (tagged, cursors) in enumerate(sides):
        if number:
            g.asm.place(tag)
        for bits in cursors:
            other = g.asm.label()
            if bits != cursors[-1]:
                g.load_leaf(R1, cursor)
                g.asm.jump("jne", R1, bits, other)
            make(tagged, bits)
            g.asm.place(other)
        finish()


__all__ = ["Exit", "for_each"]
