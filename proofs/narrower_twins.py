"""Slices of sums and products that are slices of narrower ones, too.

The lower bits of a sum hang on the lower bits of its addends, so that one compiler's code takes a byte out of a sum of
32 bits where another's takes it out of the same sum of 16, with narrow terms all the way down. Constructors cannot tell
which of the two is wanted: whoever takes out all bytes of the wide one wants it whole. Of one obligation it can be
told: where both occur, bytes that the narrower one has are taken out of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, terms_of, under

NARROWED: Final = ("add", "mul", "bxor", "band", "bor", "bnot")
"""Operators whose lower bits hang on their arguments' lower bits alone."""
LARGEST: Final = 20_000
"""Terms of an obligation beyond which nobody looks."""
MOST_TRIED: Final = 400
"""Slices of which it is asked whether a narrower term has them."""


def with_twins_met(obligation: Obligation) -> Obligation:
    """An obligation that holds if and only if this one does, whose slices are taken out of the narrowest term in it
    that has them; parts whose sides are one then are gone."""
    narrower = _narrower(terms_of(obligation.parts))
    if not narrower:
        return obligation
    parts = under(obligation.parts, narrower)
    return replace(obligation, parts=tuple(part for part in parts if part.differ is not b.FALSE))


def _narrower(roots: Sequence[Term]) -> dict[Term, Term]:
    """Slices → the same of a narrower term that occurs, too."""
    nodes = b.postorder(roots)
    slices = [node for node in nodes if node.op == "extract" and node.args[0].op in NARROWED]
    if not slices or len(nodes) > LARGEST or len(slices) > MOST_TRIED:
        return {}
    there = {node for node in nodes if node.op in NARROWED}
    widths = sorted({node.width for node in there})
    found: dict[Term, Term] = {}
    for node in slices:
        (whole,), (high, low) = node.args, node.bounds
        for width in widths:
            if high < width < whole.width and (twin := b.extract(whole, width - 1, 0)) in there:
                found[node] = b.extract(twin, high, low)
                break
    return {old: new for old, new in found.items() if old is not new}
