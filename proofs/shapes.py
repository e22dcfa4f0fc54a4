"""Parts in which both sides choose among their values in the same way, asked as one.

The fields of a header, or of metadata that one action sets, have the same decisions above other values: behind a large
parser hundreds of parts of an obligation differ in nothing but the values that they choose from. With the values
numbered as they are met, such parts become one term. Where both sides choose the same number they have the same value,
so what holds of the numbers holds of the values; the other way round it need not, since two values may be equal.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, Part, unequal

LEAST: Final = 8
"""Parts of an obligation; fewer are just asked."""

FEWER: Final = 2
"""How many times fewer questions there have to be, so that it is worthwhile."""


@dataclass(frozen=True)
class Shaped:
    """An obligation about numbers of values, which holds only if another one does without its parts ``rest``."""

    shapes: Obligation
    rest: Obligation
    members: dict[Term, tuple[Part, ...]]
    """The other one's parts, by what each part of ``shapes`` says."""

    def without(self, proven: Collection[Part]) -> Obligation:
        """What is left of the other obligation where these parts of ``shapes`` are proven."""
        left = self.members.keys() - {shape.differ for shape in proven}
        parts = (part for differ, parts in self.members.items() if differ in left for part in parts)
        return replace(self.rest, parts=(*parts, *self.rest.parts))


def shaped(obligation: Obligation) -> Shaped | None:
    """An obligation of numbers of values; None where it would not have far fewer parts."""
    if len(obligation.parts) < LEAST:
        return None
    members: dict[Term, list[Part]] = {}
    shapes: list[Part] = []
    rest: list[Part] = []
    for part in obligation.parts:
        shape = _shape(part)
        if shape is None:
            rest.append(part)
        elif shape.differ is not b.FALSE:
            if shape.differ not in members:
                shapes.append(shape)
            members.setdefault(shape.differ, []).append(part)
    if (len(shapes) + len(rest)) * FEWER > len(obligation.parts):
        return None
    known = {differ: tuple(parts) for differ, parts in members.items()}
    return Shaped(replace(obligation, parts=tuple(shapes)), replace(obligation, parts=tuple(rest)), known)


def _shape(part: Part) -> Part | None:
    """The part with numbers for values; None where nothing is chosen."""
    if part.pair is None:
        return None
    when, x, y = part.pair
    if x.sort is b.BOOL or x.sort.index or "ite" not in (x.op, y.op):
        return None
    order = _values_and_choices(x, y)
    values = [node for node in order if node.op != "ite"]
    width = max(1, (len(values) - 1).bit_length())
    numbers = {value: b.bv(number, width) for number, value in enumerate(values)}
    for node in order:
        if node.op == "ite":
            condition, then, otherwise = node.args
            numbers[node] = b.ite(condition, numbers[then], numbers[otherwise])
    return unequal(part.name, numbers[x], numbers[y], when)


def _values_and_choices(*roots: Term) -> list[Term]:
    """The values that terms choose from, and the choices, what is chosen from before the choice; each once."""
    seen: set[Term] = set()
    order: list[Term] = []
    stack: list[tuple[Term, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, met = stack.pop()
        if met:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node.op == "ite":
                stack += [(arg, False) for arg in (node.args[2], node.args[1])]
    return order
