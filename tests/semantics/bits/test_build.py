"""Construction: sorts, identity, memory, and bounds on depth and work."""

from __future__ import annotations

import gc
import pickle
import threading
import time
from collections.abc import Callable

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Sort, SortError, Term, build, rewrite, term

X8, Y8, X16 = b.var("x", 8), b.var("y", 8), b.var("w", 16)
P = b.var("p", 0)
A = b.array_var("a", 4, 8)

BAD: list[Callable[[], Term]] = [
    lambda: b.add(X8, X16),
    lambda: b.add(P, P),
    lambda: b.add(A, A),
    lambda: b.not_(X8),
    lambda: b.and_(P, X8),
    lambda: b.or_(X8),
    lambda: b.ite(X8, X8, X8),
    lambda: b.ite(P, X8, X16),
    lambda: b.eq(X8, X16),
    lambda: b.eq(P, X8),
    lambda: b.ult(X8, X16),
    lambda: b.ule(P, P),
    lambda: b.slt(A, A),
    lambda: b.compare("add", X8, Y8),
    lambda: b.binary("ult", X8, Y8),
    lambda: b.neg(P),
    lambda: b.neg(b.TRUE),
    lambda: b.bnot(P),
    lambda: b.bnot(A),
    lambda: b.concat(X8, P),
    lambda: b.concat(A),
    lambda: b.concat(),
    lambda: b.extract(X8, 8, 0),
    lambda: b.extract(X8, 1, 2),
    lambda: b.extract(X8, 1, -1),
    lambda: b.extract(A, 1, 0),
    lambda: b.extract(P, 0, 0),
    lambda: b.sext(X8, 7),
    lambda: b.sext(A, 8),
    lambda: b.zext(X8, 7),
    lambda: b.zext(P, 0),
    lambda: b.zext(P, 8),
    lambda: b.select(X8, X8),
    lambda: b.select(A, X8),
    lambda: b.select(A, b.array_var("i", 3, 4)),
    lambda: b.store(A, X8, X8),
    lambda: b.store(A, b.var("i", 4), X16),
    lambda: b.store(X8, P, X8),
    lambda: b.const_array(0, X8),
    lambda: b.const_array(4, P),
    lambda: b.const_array(4, A),
]


@pytest.mark.parametrize("build", BAD, ids=range(len(BAD)))
def test_sorts_are_checked(build: Callable[[], Term]) -> None:
    with pytest.raises(SortError):
        build()


def test_a_width_must_be_positive() -> None:
    for width in (0, -1):
        with pytest.raises(ValueError, match="at least one bit"):
            b.bv(1, width)


def test_same_content_is_the_same_object() -> None:
    assert b.add(X8, Y8) is b.add(Y8, X8)
    assert b.bv(-1, 8) is b.bv(255, 8)
    assert b.var("x", Sort(8)) is X8
    assert b.var("p", Sort(0)) is P
    assert b.var("p", Sort(0)).sort is b.BOOL
    assert b.var("x", 8) is not b.var("x", 9)
    assert b.ule(X8, Y8) is b.compare("ule", X8, Y8)
    assert b.extract(X16, 3, 0) is not b.extract(X16, 3, 1)


def test_a_term_is_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(b.eq(X8, Y8))


def test_two_threads_make_one_object() -> None:
    made: list[list[Term]] = [[], []]
    start = threading.Barrier(2)

    def work(mine: list[Term]) -> None:
        start.wait()
        mine += [b.add(b.var(f"t{i}", 8), b.bv(i, 8)) for i in range(3000)]

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(x is y for x, y in zip(*made, strict=True))


@pytest.mark.long
def test_terms_that_nobody_holds_are_freed() -> None:
    """Save for the most recent ones, which are kept for a while."""
    rewrite._recent.clear()
    gc.collect()
    before = len(term._table), len(rewrite._remembered)
    for round_ in range(3):
        x = b.var(f"round{round_}", 32)
        for i in range(500):
            x = b.ite(b.var(f"c{round_}.{i}", 0), b.bxor(x, b.lshr(x, b.bv(3, 32))), b.bnot(b.bnot(x)))
        assert len(term._table) > before[0] + 500
        del x
    assert len(rewrite._recent) <= rewrite.MAX_RECENT
    rewrite._recent.clear()
    gc.collect()
    assert (len(term._table), len(rewrite._remembered)) == before


def _xorshift(rounds: int) -> Term:
    x = b.var("x", 32)
    for _ in range(rounds):
        x = b.bxor(x, b.lshr(x, b.bv(3, 32)))
    return x


def _swaps(rounds: int) -> Term:
    """Bytes that change places under conditions: extraction through shared choices and concatenations."""
    x, y = b.var("x", 32), b.var("y", 32)
    for i in range(rounds):
        c = b.var(f"c{i}", 0)
        x, y = b.ite(c, b.concat(b.extract(y, 7, 0), b.extract(x, 31, 8)), x), b.ite(c, b.bxor(x, y), b.band(x, y))
    return b.extract(b.bor(x, y), 11, 4)


def _crc(rounds: int) -> Term:
    x = b.var("x", 32)
    for _ in range(rounds):
        shifted = b.lshr(x, b.bv(1, 32))
        x = b.ite(b.eq(b.extract(x, 0, 0), b.bv(1, 1)), b.bxor(shifted, b.bv(0xEDB88320, 32)), shifted)
    return x


def _arithmetic(rounds: int) -> Term:
    x, y = b.var("x", 32), b.var("y", 32)
    for _ in range(rounds):
        x, y = b.add(b.mul(x, y), b.bv(3, 32)), b.bor(x, b.concat(b.extract(y, 15, 0), b.extract(x, 31, 16)))
    return b.extract(b.bxor(x, y), 7, 0)


@pytest.mark.parametrize("build", [_xorshift, _swaps, _crc, _arithmetic])
def test_shared_terms_are_built_without_blow_up(build: Callable[[int], Term]) -> None:
    """Each round uses its predecessor twice: 2**200 paths, which nobody may walk."""
    start = time.process_time()
    small, large = len(b.postorder([build(25)])), len(b.postorder([build(200)]))
    assert time.process_time() - start < 20
    assert large < 40 * small


@pytest.mark.parametrize("build", [_xorshift, _swaps, _crc, _arithmetic])
def test_what_is_built_within_the_bounds_is_right(
    build: Callable[[int], Term], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same value with rewriting cut off early, late, and not done at all."""
    rounds, values = 80, {"x": 0xDEADBEEF, "y": 0x12345678, **{f"c{i}": i % 3 % 2 for i in range(80)}}
    expected = b.evaluate([build(rounds)], values)
    for depth, work in ((1, 4000), (3, 7), (64, 1)):
        monkeypatch.setattr(rewrite, "MAX_DEPTH", depth)
        monkeypatch.setattr(rewrite, "MAX_WORK", work)
        assert b.evaluate([build(rounds)], values) == expected
    monkeypatch.setattr(rewrite, "MAX_DEPTH", 0)
    assert b.evaluate([build(rounds)], values) == expected


def test_rewriting_state_survives_an_exception() -> None:
    @b.rewrite.rule("sdiv")
    def fails(args: tuple[Term, ...], payload: object) -> Term | None:
        raise ZeroDivisionError

    try:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                b.sdiv(X8, Y8)
    finally:
        b.RULES["sdiv"].remove(("fails", fails))
        if not b.RULES["sdiv"]:
            del b.RULES["sdiv"]
    assert rewrite._run.depth == 0
    assert not rewrite._run.done


@pytest.mark.long
def test_long_junctions_and_concatenations_are_not_copied_for_ever() -> None:
    start = time.process_time()
    condition, packet = b.TRUE, b.var("head", 8)
    for i in range(20_000):
        condition = b.and_(condition, b.var(f"b{i}", 0))
    for i in range(3_000):
        packet = b.concat(packet, b.var(f"x{i}", 8))
    assert time.process_time() - start < 15
    assert b.evaluate([condition], {}, default=1) == [1]
    assert b.evaluate([condition], {"b77": 0}, default=1) == [0]
    value = b.evaluate([packet], {"head": 0xAB}, default=0xCD)[0]
    assert value == int.from_bytes(b"\xab" + b"\xcd" * 3000, "big")
    assert b.extract(packet, packet.width - 1, packet.width - 8) is b.var("head", 8)


def test_there_is_one_object_of_each_sort() -> None:
    for sort in (b.BOOL, b.bit_vector(8), b.bit_vector(5000), b.Sort(8, 16)):
        assert b.Sort(sort.width, sort.index) is sort
        assert pickle.loads(pickle.dumps(sort)) is sort
    assert len({b.Sort(8), b.Sort(8, 8), b.Sort(9)}) == 3


def test_bytes_of_a_long_chain_of_choices_are_put_together_again() -> None:
    """Also when it is not remembered how each level was put together."""
    value = X16
    for i in range(300):
        value = b.ite(b.var(f"c{i}", 0), b.var(f"v{i}", 16), value)
        high, low = b.extract(value, 15, 8), b.extract(value, 7, 0)
        assert b.concat(high, low) is value
    rewrite._recent.clear()
    rewrite._remembered.clear()
    assert b.concat(high, low) is value
    assert b.concat(b.extract(value, 12, 8), low) is b.extract(value, 12, 0)
    assert b.concat(low, high) is not value


def test_what_is_asked_for_stays_remembered_however_much_else_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that bytes of a chain of choices, each of which is read, are told from those of the one before."""
    monkeypatch.setattr(rewrite, "MAX_RECENT", 1000)
    rewrite._recent.clear()
    value = X16
    for i in range(3 * rewrite.MAX_DEPTH):
        value = b.ite(b.var(f"d{i}", 0), b.var(f"w{i}", 16), value)
        for k in range(20):
            b.bnot(b.bnot(b.add(value, b.bv(2 * k + 1, 16))))
        swapped = b.concat(b.extract(value, 7, 0), b.extract(value, 15, 8))
        assert b.concat(b.extract(swapped, 7, 0), b.extract(swapped, 15, 8)) is value
        del swapped
    assert len(rewrite._recent) <= 1000
    rewrite._recent.clear()


def test_a_choice_that_is_no_longer_used_takes_what_was_cut_from_it_along() -> None:
    def cut() -> int:
        chosen = b.ite(b.var("only here", 0), b.var("one way", 16), b.var("the other", 16))
        parts = b.extract(chosen, 15, 8), b.extract(chosen, 7, 0)
        return len(parts)

    rewrite._recent.clear()
    gc.collect()
    before = len(build._cut_from)
    cut()
    rewrite._recent.clear()
    gc.collect()
    assert len(build._cut_from) == before
