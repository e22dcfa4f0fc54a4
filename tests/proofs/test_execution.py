"""Which way queries take: disk, this process, others; that what comes next is begun early; and nothing is made up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from p4verify.proofs import execution as module
from p4verify.proofs import jobs
from p4verify.proofs.answers import Answer, Model
from p4verify.proofs.cache import Cache
from p4verify.proofs.engine import Engine
from p4verify.proofs.execution import Execution
from p4verify.proofs.jobs import Job
from p4verify.proofs.pool import LocalPool
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.hard_queries import easy, hard


class Recorder:
    """An executor that answers in this process, and remembers; an answer may be given beforehand."""

    def __init__(self, width: int = 2, given: Callable[[Job], Answer | None] = Job.run) -> None:
        self.width = width
        self.given = given
        self.jobs: dict[int, Job] = {}
        self.waited: list[int] = []
        self.cancelled: list[int] = []
        self.started = False
        self.closed = False

    @property
    def spare(self) -> int:
        return self.width - len(self.jobs) + len(self.waited) + len(self.cancelled)

    def submit(self, job: Job) -> int:
        self.started = True
        self.jobs[len(self.jobs)] = job
        return len(self.jobs) - 1

    def wait(self, numbers: Sequence[int], until: float | None, tick: Callable[[], None]) -> tuple[int, Answer] | None:
        tick()
        for number in numbers:
            answer = self.given(self.jobs[number])
            if answer is not None:
                self.waited.append(number)
                return number, answer
        time.sleep(max(0.0, min(0.01, (until or 0) - time.monotonic())))
        return None

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def close(self) -> None:
        self.closed = True


def ask(execution: Execution, query: Term, seconds: float = 10.0, until: float | None = None) -> Answer:
    return execution.answer(query, seconds, until, lambda: None)


def test_small_queries_start_no_process() -> None:
    other = Recorder()
    execution = Execution(other)
    assert [ask(execution, easy(n)).status for n in range(4)] == ["unsat", "sat", "unsat", "sat"]
    assert other.jobs == {}


def test_what_is_not_decided_at_once_goes_to_other_processes() -> None:
    execution = Execution(Recorder(given=lambda _: Answer("unsat")))
    started = time.monotonic()
    assert ask(execution, hard()).status == "unsat"  # as the other one says
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("limit", ["QUICK_LINES", "QUICK_WIDTH"])
def test_large_queries_and_wide_products_are_not_tried_here(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    def never(*_: object) -> Answer:
        raise AssertionError

    monkeypatch.setattr(module, "solve", never)
    monkeypatch.setattr(module, limit, 5)
    other = Recorder(given=lambda _: Answer("unsat"))
    assert ask(Execution(other), b.and_(hard(), easy(2))).status == "unsat"
    assert len(other.jobs) == 1


def expected(queries: Sequence[Term], made: list[int]) -> list[Callable[[], tuple[Term, float | None] | None]]:
    def one(k: int) -> tuple[Term, float | None]:
        made.append(k)
        return queries[k], None

    return [lambda k=k: one(k) for k in range(len(queries))]  # type: ignore[misc]


def test_what_comes_next_is_begun_while_one_waits() -> None:
    """Each is asked of the executor once, in order, and what nobody asks for in the end is cancelled."""
    other = Recorder()
    other.started = True
    engine = Engine(execution=Execution(other))
    queries, made = [easy(n) for n in range(9)], list[int]()
    with engine.expecting(expected(queries, made)):
        assert made == []  # nothing is built before it helps
        for k in range(4):
            assert engine.satisfiable(queries[k]).status == ("sat" if k % 2 else "unsat")
            assert len(other.jobs) - len(other.waited) == 3
    assert [job.unit.term() for job in other.jobs.values()] == [j.unit.term() for j in map(_job, queries[:7])]
    assert sorted(other.cancelled) == [4, 5, 6]


def _job(query: Term) -> Job:
    return Job(jobs.Unit.of(query), 1.0, 1)


def test_what_folds_or_is_known_is_not_begun(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    ask(Execution(cache=cache), easy(4))
    other = Recorder()
    other.started = True
    engine = Engine(execution=Execution(other, cache))
    queries = [easy(0), b.TRUE, b.FALSE, easy(4), easy(0), easy(6), easy(8)]
    with engine.expecting([*expected(queries, []), lambda: None]):
        assert engine.satisfiable(queries[0]).status == "unsat"
    assert [job.unit for job in other.jobs.values()] == [jobs.Unit.of(easy(n)) for n in (0, 6, 8)]


def test_another_tactic_is_tried_beside_one_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RACE_SECONDS", 0.05)
    first, second, *_ = jobs.tactics(hard(), alone=True)
    other = Recorder(given=lambda job: Answer("unsat") if job.tactic == second else None)
    assert ask(Execution(other), hard()).status == "unsat"
    assert [job.tactic for job in other.jobs.values()] == [first, second]
    assert other.cancelled == [0]


def test_all_tactics_undecided_is_undecided_with_the_first_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RACE_SECONDS", 0.05)
    other = Recorder(given=lambda job: Answer("unknown", reason=f"{job.tactic} gave up"))
    answer = ask(Execution(other), hard())
    ways = jobs.tactics(hard(), alone=True)
    assert (answer.status, answer.reason) == ("unknown", f"{ways[0]} gave up")
    assert [job.tactic for job in other.jobs.values()] == list(ways)
    endless = Recorder(given=lambda _: None)
    answer = ask(Execution(endless), hard(), until=time.monotonic() + 0.4)
    assert (answer.status, answer.reason) == ("unknown", "the time limit ran out")
    assert sorted(endless.cancelled) == sorted(endless.jobs)


def test_with_one_process_tactics_take_turns() -> None:
    other = Recorder(width=1, given=lambda _: Answer("unsat"))
    ask(Execution(other), hard())
    assert [job.tactic for job in other.jobs.values()] == [jobs.AUTO]


@pytest.mark.parametrize("model", [Model({"x": 3, "y": 2}), Model({}, {"f": {}}), None])
def test_a_model_from_elsewhere_counts_only_if_it_satisfies(tmp_path: Path, model: Model | None) -> None:
    other = Recorder(given=lambda _: Answer("sat", model))
    cache = Cache(tmp_path)
    answer = ask(Execution(other, cache), hard())
    assert (answer.status, answer.model) == ("unknown", None)
    assert "does not satisfy" in answer.reason
    assert list(tmp_path.iterdir()) == []


def test_tactics_agree_and_every_one_is_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        assert {jobs.solve(easy(n), 10, 2048, way).status for way in (jobs.AUTO, "sat", "smt")} == {
            "sat" if n % 2 else "unsat"
        }
    asked = []

    def ask_one(_query: Term, seconds: float, _memory: int, way: str) -> Answer:
        asked.append((way, round(seconds, 1)))
        return Answer("unknown", reason=way)

    monkeypatch.setattr(jobs, "_ask", ask_one)
    assert jobs.solve(easy(1), 10, 2048).reason == "smt"  # functions are applied in it
    assert asked == [("smt", 5.0), ("sat", 10.0)]
    asked.clear()
    assert jobs.solve(easy(1), 60, 2048).reason == "smt"  # each has a short turn before any has a long one
    assert asked == [("smt", 2.0), ("sat", 2.0), ("smt", 30.0), ("sat", 60.0)]
    asked.clear()
    assert jobs.solve(easy(1), 60, 2048, "sat").reason == "sat"
    assert asked == [("sat", 60.0)]
    monkeypatch.undo()
    with pytest.raises(ValueError):
        jobs.solve(easy(1), 10, 2048, "none such")


@pytest.mark.parametrize("found", [Answer("sat", Model({"x": 0})), Answer("unknown"), Answer("unsat")])
def test_a_plainer_model_is_asked_for_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch, found: Answer) -> None:
    first = Answer("sat", Model({"x": 77}))
    monkeypatch.setattr(jobs, "_ask", lambda _query, _seconds, _memory, way: first if way == "smt" else found)
    assert jobs.solve(easy(1), 10, 2048) == (found if found.status == "sat" else first)


@pytest.mark.parametrize(("least", "shown"), [(1000, range(1000, 1515)), (1514, [1514]), (1515, range(1515, 65536))])
def test_a_model_has_a_frame_that_an_ethernet_carries_if_one_does(least: int, shown: Sequence[int]) -> None:
    """A frame that says itself how long it is does not get shorter afterwards."""
    length, said = b.var("pkt.len", 16), b.concat(b.var("pkt[16]", 8), b.var("pkt[17]", 8))
    answer = jobs.solve(b.and_(b.uge(length, b.bv(least, 16)), b.eq(length, said)), 10, 2048)
    assert answer.model is not None
    assert answer.model.values["pkt.len"] in shown


def test_a_model_that_nobody_reads_is_not_made_plainer_nor_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[str] = []
    ask_one = jobs._ask

    def watched(query: Term, seconds: float, memory_mb: int, way: str) -> Answer:
        ways.append(way)
        return ask_one(query, seconds, memory_mb, way)

    monkeypatch.setattr(jobs, "_ask", watched)
    engine = Engine(execution=Execution(cache=Cache(tmp_path)))
    assert not engine.refuted(easy(1), "", 5.0)
    assert (ways, list(tmp_path.rglob("*.*"))) == (["smt"], [])
    assert engine.satisfiable(easy(1)).status == "sat"
    assert ways == ["smt", "smt", "sat"]
    assert engine.satisfiable(easy(1)).cached


@pytest.mark.parametrize("width", [1, 2])
def test_other_processes_are_told_whether_anybody_reads_a_model(width: int) -> None:
    recorder = Recorder(width, given=lambda job: Answer("unsat") if job.plain else Answer("unknown"))
    engine = Engine(execution=Execution(recorder))
    assert not engine.refuted(hard(), "", 1.0)
    assert engine.satisfiable(hard(), "", 1.0).status == "unsat"


def test_what_was_not_refuted_is_not_asked_again_in_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def answer(_self: Execution, query: Term, seconds: float, *_rest: object) -> Answer:
        asked.append(seconds)
        return Answer("unsat" if query is easy(1) else "unknown")

    monkeypatch.setattr(Execution, "answer", answer)
    engine = Engine()
    assert [engine.refuted(easy(0), "", seconds) for seconds in (1, 1, 0.5, 2, 2)] == [False] * 5
    assert asked == [1, 2]
    assert engine.refuted(easy(1), "", 1)


def test_verdicts_are_the_same_whatever_answers(tmp_path: Path) -> None:
    queries = [easy(n) for n in range(8)] + [b.and_(easy(3), b.not_(easy(5)))]

    def statuses(execution: Execution) -> list[str]:
        engine = Engine(execution=execution)
        with engine.expecting(expected(queries, [])):
            return [engine.satisfiable(q).status for q in queries]

    here = statuses(Execution())
    with LocalPool(2) as pool:
        cold = statuses(Execution(pool, Cache(tmp_path)))
        pool.submit(Job(jobs.Unit.of(easy(1)), 5, 2048))  # it is started now, so all goes there
        assert statuses(Execution(pool)) == here == cold
    assert statuses(Execution(None, Cache(tmp_path))) == here
