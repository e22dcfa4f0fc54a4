"""Whether what two real machines show tells them apart."""

from __future__ import annotations

from p4verify.machine_shown import differ
from p4verify.proofs.verdict import Observed

ONE, TWO = ("port", 1, b"a"), ("port", 2, b"b")


def test_what_goes_with_frames_counts_where_both_show_it() -> None:
    seven, eight = (Observed((ONE,), carried=({"tunnel": 1, "tunnel.id": number},)) for number in (7, 8))
    assert differ(seven, eight)
    assert not differ(seven, Observed((ONE,), carried=({"tunnel": 1, "mark": 3},)))
    assert not differ(seven, Observed((ONE,)))
    assert differ(seven, Observed((TWO,)))


def test_the_order_of_frames_does_not_count_and_what_goes_with_them_stays_with_them() -> None:
    keys = ({"tunnel.id": 7}, {"tunnel.id": 8})
    assert not differ(Observed((ONE, TWO), carried=keys), Observed((TWO, ONE), carried=keys[::-1]))
    assert differ(Observed((ONE, TWO), carried=keys), Observed((TWO, ONE), carried=keys))
