"""What is tried for a short time is tried for as much work, however many others want the processor."""

from __future__ import annotations

import pytest

from p4verify.proofs import execution, pace
from p4verify.proofs.answers import Answer
from p4verify.proofs.engine import Engine
from p4verify.proofs.pace import KEPT, MOST, Pace
from p4verify.semantics import bits as b


class Clocks:
    """``time`` as the pace sees it."""

    def __init__(self) -> None:
        self.clock = self.worked = 0.0

    def monotonic(self) -> float:
        return self.clock

    def process_time(self) -> float:
        return self.worked

    def passes(self, clock: float, worked: float) -> None:
        self.clock += clock
        self.worked += worked


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(pace, "time", made)
    return made


def passed(measured: Pace, clocks: Clocks, clock: float, worked: float) -> None:
    with measured.measured():
        clocks.passes(clock, worked)


@pytest.mark.parametrize(("worked", "longer"), [(1.0, 1), (1.2, 1), (0.5, 2), (0.25, 4), (0.01, MOST), (0.0, MOST)])
def test_it_takes_as_much_longer_as_it_took(clocks: Clocks, worked: float, longer: float) -> None:
    measured = Pace()
    assert measured.by_the_clock(3) == 3
    passed(measured, clocks, 1.0, worked)
    assert measured.by_the_clock(3) == pytest.approx(3 * longer)


def test_what_was_long_ago_counts_no_more(clocks: Clocks) -> None:
    measured = Pace()
    passed(measured, clocks, 50 * KEPT, 10 * KEPT)
    for _ in range(20):
        passed(measured, clocks, KEPT / 2, KEPT / 2)
    assert measured.by_the_clock(1) == pytest.approx(1, abs=0.01)


def test_queries_have_longer_but_no_longer_than_all_of_them(clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def solve(_term: b.Term, seconds: float, _memory: int, **_more: object) -> Answer:
        limits.append(seconds)
        clocks.passes(3.0, 1.0)
        return Answer("unknown", reason="in a test")

    monkeypatch.setattr(execution, "solve", solve)
    engine = Engine(5.0)
    queries = [b.eq(b.var(f"x{i}", 8), b.bv(i, 8)) for i in range(4)]
    for query, seconds in zip(queries, (1.0, 1.0, 2.0, None), strict=True):
        engine.satisfiable(query, seconds=seconds)
    assert limits == pytest.approx([1.0, 3.0, 5.0, 5.0])
