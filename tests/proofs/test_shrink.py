"""Counterexamples are made short enough for a real machine to take them."""

from __future__ import annotations

import pytest

from p4verify.proofs.counterexample import Input, shrink
from p4verify.proofs.verdict import Observed


@pytest.mark.parametrize(("needed", "most"), [(0, 14), (50, 54), (90, 96), (1519, 1519), (8000, 9014)])
def test_a_frame_gets_as_short_as_the_difference_allows(needed: int, most: int) -> None:
    def one(_given: Input) -> Observed:
        return Observed(())

    def other(given: Input) -> Observed:
        return Observed((("stack", 0, given.packet),) if len(given.packet) >= needed else ())

    best = shrink(Input(bytes([7]) * 17499, 5), one, other)
    assert needed <= len(best.packet) <= most
    assert best.port == 2
