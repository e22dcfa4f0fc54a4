"""Loops that add up the packet: what the meaning says of them for frames of any length, beside the sum itself; and the
parts that this rests on. (What the kernel does, which does not take packet pointers that go as far, is compared with
what the lowering makes.)"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import LENGTH, Behaviour
from p4verify.semantics.meaning.payload import sum16
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R6, R7, R8, Assembler
from p4verify.targets.ebpf.artifact.read import read_elf
from p4verify.targets.ebpf.meaning import meaning, straight
from p4verify.targets.ebpf.meaning.packet_sums import MODULUS, Law, Sums
from p4verify.targets.ebpf.meaning.straight import LONGEST, Course, Line, course
from tests.support.bpf_compare import evaluated
from tests.support.bpf_objects import compiled
from tests.support.machines import needs_clang

HEAD: Final = 18
"""Bytes before those that are added; the last two of them become the sum."""
TX, DROP = 3, 1


def begin(code: Assembler, least: int = HEAD, start: int = HEAD) -> None:
    """r1: what is added next, r2: where the frame ends, r6: its start; shorter frames are dropped."""
    long = code.label()
    code.emit(asm.load(4, R2, R1, 4), asm.load(4, R1, R1, 0), asm.mov(R6, R1), asm.mov(R3, R1))
    code.emit(asm.alu("add", R3, least))
    code.jump("jle", R3, R2, long)
    code.emit(asm.mov(R0, DROP), asm.exit_())
    code.place(long)
    code.emit(asm.alu("add", R1, start), asm.mov(R7, 0))


@contextmanager
def each_word(code: Assembler) -> Iterator[None]:
    """A turn for each word that is left: it finds the word at r1, and moves r1 behind it."""
    again, behind = code.label(), code.label()
    code.place(again)
    code.emit(asm.mov(R3, R1), asm.alu("add", R3, 2))
    code.jump("jgt", R3, R2, behind)
    yield
    code.goto(again)
    code.place(behind)


def add_words(
    code: Assembler, step: int, size: int, *, network: bool = False, folds: int = 0, narrow: bool = False,
    bound: int = 0, skip: int = 0, need: int = 0,
) -> None:  # fmt: skip
    """r7 and all words of ``size`` bytes, ``step`` bytes a turn while as many are left. ``folds``: how often the sum is
    folded in each turn; ``narrow``: 32-bit additions; ``bound``: bytes after which the frame is dropped. Mistakes:
    ``skip`` bytes more a turn, ``need`` more that have to be left."""
    again, behind = code.label(), code.label()
    if bound:
        code.emit(asm.mov(R8, 0))
    code.place(again)
    code.emit(asm.mov(R3, R1), asm.alu("add", R3, step + need))
    code.jump("jgt", R3, R2, behind)
    for at in range(0, step, size):
        code.emit(asm.load(size, R4, R1, at))
        if network:
            code.emit(asm.to_big_endian(R4, 8 * size))
        code.emit(asm.alu("add", R7, R4, 32 if narrow else 64))
    fold(code, folds)
    code.emit(asm.alu("add", R1, step + skip))
    if bound:
        code.emit(asm.alu("add", R8, step))
        code.jump("jlt", R8, bound, again)
        code.emit(asm.mov(R0, DROP), asm.exit_())
    else:
        code.goto(again)
    code.place(behind)


def add_last(code: Assembler, size: int = 1, *, network: bool = False) -> None:
    """A word, or the last byte, if it is left."""
    none = code.label()
    code.emit(asm.mov(R3, R1), asm.alu("add", R3, size))
    code.jump("jgt", R3, R2, none)
    code.emit(asm.load(size, R4, R1, 0))
    if network and size == 1:
        code.emit(asm.alu("lsh", R4, 8))
    elif network:
        code.emit(asm.to_big_endian(R4, 8 * size))
    code.emit(asm.alu("add", R7, R4), asm.alu("add", R1, size))
    code.place(none)


def fold(code: Assembler, times: int) -> None:
    for _ in range(times):
        code.emit(asm.mov(R3, R7), asm.alu("rsh", R3, 16), asm.alu("and", R7, 0xFFFF), asm.alu("add", R7, R3))


def end(code: Assembler, *, network: bool = False, folds: int = 4) -> BpfObject:
    """The sum is put into the frame, which is sent back."""
    fold(code, folds)
    if network:
        code.emit(asm.to_big_endian(R7, 16))
    code.emit(asm.store(2, R6, HEAD - 2, R7), asm.mov(R0, TX), asm.exit_())
    return BpfObject((BpfProgram("test", "xdp", code.finish()),), (), name="test.o")


def summing(step: int, size: int, *tail: int, network: bool = False, folds: int = 0, narrow: bool = False) -> BpfObject:
    code = Assembler()
    begin(code)
    add_words(code, step, size, network=network, folds=folds, narrow=narrow)
    for each in tail:
        add_last(code, each, network=network)
    return end(code, network=network)


def frames() -> list[bytes]:
    rng = random.Random(7)
    out = [bytes(12) + b"\x08\x06\x01\x02\x03\x04" + bytes(size) for size in (0, 1, 2, 33, 1496)]
    out += [bytes(18) + b"\xff" * size for size in (1, 2, 3, 31, 32, 33, 1496)]
    return out + [rng.randbytes(14 + size) for size in (*range(12), *range(28, 44), 90, 1499, 1500)]


def told(behaviour: Behaviour, obj: BpfObject, frame: bytes) -> bytes | None:
    """The frame that is sent back, None for none."""
    sent = evaluated(behaviour, obj, {}, 3, frame).outputs
    return sent[0][2] if sent else None


def right(frame: bytes) -> bytes | None:
    """The frame as it shall come back."""
    if len(frame) < HEAD:
        return None
    return frame[: HEAD - 2] + sum16(frame[HEAD:]).to_bytes(2, "big") + frame[HEAD:]


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(summing(2, 2, 1), id="words"),
        pytest.param(summing(2, 2, 1, network=True), id="words in network order"),
        pytest.param(summing(2, 2, 1, folds=2), id="folded in each turn"),
        pytest.param(summing(2, 2, 1, narrow=True), id="in 32 bits"),
        pytest.param(summing(4, 4, 2, 1), id="double words"),
        pytest.param(summing(4, 4, 2, 1, folds=3), id="double words, folded"),
        pytest.param(summing(4, 2, 2, 1), id="two words a turn"),
        pytest.param(summing(8, 4, 4, 2, 1), id="two double words a turn"),
        pytest.param(summing(8, 4, 4, 2, 1, network=True), id="two double words in network order"),
    ],
)
def test_loops_that_add_up_all_of_the_packet(obj: BpfObject) -> None:
    behaviour = meaning(obj)
    assert behaviour.faults == ()
    assert behaviour.choices == ()
    assert f"pkt.sum16[{HEAD}]" in {v.name for case in behaviour.cases for v in b.variables(*case.terms())}
    for frame in frames():
        assert told(behaviour, obj, frame) == right(frame), frame.hex()


def in_two_loops(**mistakes: int) -> BpfObject:
    """Many bytes a turn, then words; both loops count, and frames that are longer than there are would be dropped."""
    code = Assembler()
    begin(code)
    add_words(code, 16, 4, bound=1 << 16, **mistakes)
    add_words(code, 2, 2, bound=16)
    add_last(code)
    return end(code)


def test_two_loops_one_behind_the_other() -> None:
    obj = in_two_loops()
    behaviour = meaning(obj)
    assert behaviour.faults == ()
    for frame in frames():
        assert told(behaviour, obj, frame) == right(frame), frame.hex()


def test_a_second_loop_goes_on_by_whole_turns_of_the_first_one() -> None:
    code = Assembler()
    begin(code)
    add_words(code, 16, 2)
    add_words(code, 6, 2)
    add_last(code, 2)
    add_last(code, 2)
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


# --- mistakes: nothing is told, or what the program does ---


def of_mistakes(step: int, size: int, *tail: int, start: int = HEAD, folds: int = 4, **mistakes: int) -> BpfObject:
    code = Assembler()
    begin(code, start=start)
    add_words(code, step, size, **mistakes)
    for each in tail:
        add_last(code, each)
    return end(code, folds=folds)


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(of_mistakes(2, 2, 1, folds=1), id="folded once"),
        pytest.param(of_mistakes(2, 2, 1, folds=0), id="not folded"),
        pytest.param(of_mistakes(2, 2), id="no last byte"),
        pytest.param(of_mistakes(4, 4, 1), id="no last word"),
        pytest.param(of_mistakes(4, 4, 2), id="a last word and no byte"),
        pytest.param(of_mistakes(4, 4, 2, 1, folds=2), id="folded too few times"),
        pytest.param(summing(8, 8, 4, 2, 1), id="overflowing 64 bits"),
        pytest.param(summing(4, 4, 2, 1, narrow=True), id="overflowing 32 bits"),
        pytest.param(of_mistakes(2, 2, 1, skip=2), id="every other word"),
        pytest.param(of_mistakes(2, 1, 1), id="bytes instead of words"),
        pytest.param(of_mistakes(2, 2, 1, bound=4096), id="no more than some bytes"),
        pytest.param(of_mistakes(2, 2, 1, need=2), id="one word early"),
        pytest.param(in_two_loops(skip=2), id="a word less in each turn"),
    ],
)
def test_a_sum_of_something_else_is_not_told(obj: BpfObject) -> None:
    with pytest.raises(Unsupported):
        meaning(obj)


def test_bytes_that_count_as_one_half_of_a_word_only_are_not_told() -> None:
    code = Assembler()
    begin(code)
    add_words(code, 2, 1)
    add_last(code, network=True)
    with pytest.raises(Unsupported):
        meaning(end(code, network=True))


def test_a_sum_that_begins_too_high_for_its_bits_is_not_told() -> None:
    code = Assembler()
    begin(code)
    code.emit(asm.mov(R7, -(1 << 28), 32))
    add_words(code, 2, 2, narrow=True)
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_a_word_that_is_read_before_it_is_known_to_be_there_is_not_told() -> None:
    code = Assembler()
    begin(code)
    again, behind = code.label(), code.label()
    code.place(again)
    code.emit(asm.load(2, R4, R1, 0), asm.mov(R3, R1), asm.alu("add", R3, 2))
    code.jump("jgt", R3, R2, behind)
    code.emit(asm.alu("add", R7, R4), asm.alu("add", R1, 2))
    code.goto(again)
    code.place(behind)
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_what_turns_do_beside_adding_is_not_forgotten() -> None:
    """At tc: each turn marks the packet."""
    code = Assembler()
    long, again, behind = code.label(), code.label(), code.label()
    code.emit(asm.mov(R6, R1), asm.load(4, R2, R6, 80), asm.load(4, R1, R6, 76), asm.mov(R3, R1), asm.mov(R7, 0))
    code.emit(asm.alu("add", R3, HEAD), asm.mov(R0, 0))
    code.jump("jle", R3, R2, long)
    code.emit(asm.exit_())
    code.place(long)
    code.emit(asm.alu("add", R1, HEAD))
    code.place(again)
    code.emit(asm.mov(R3, R1), asm.alu("add", R3, 2))
    code.jump("jgt", R3, R2, behind)
    code.emit(asm.load(2, R4, R1, 0), asm.alu("add", R7, R4), asm.alu("add", R1, 2), asm.store(4, R6, 8, 7))
    code.goto(again)
    code.place(behind)
    code.emit(asm.exit_())
    with pytest.raises(Unsupported):
        meaning(BpfObject((BpfProgram("test", "tc", code.finish()),), (), name="test.o"))


def test_what_a_turn_finds_in_memory_is_not_what_was_there_first() -> None:
    """Each turn adds what the one before has left on the stack, too."""
    code = Assembler()
    begin(code)
    code.emit(asm.store(8, FP, -8, 0))
    with each_word(code):
        code.emit(asm.load(2, R4, R1, 0), asm.load(8, R3, FP, -8), asm.store(8, FP, -8, R4))
        code.emit(asm.alu("add", R7, R4), asm.alu("add", R7, R3), asm.alu("add", R1, 2))
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_bytes_that_the_program_has_written_are_not_the_input_s() -> None:
    code = Assembler()
    begin(code, least=HEAD + 40)  # so that what is last is no byte of those
    code.emit(asm.store(2, R6, HEAD, 0x1234))
    add_words(code, 2, 2)
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_the_last_word_alone_is_no_sum() -> None:
    code = Assembler()
    begin(code)
    with each_word(code):
        code.emit(asm.load(2, R7, R1, 0), asm.alu("add", R1, 2))
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_memory_that_turns_write_is_not_told_behind_them() -> None:
    """The last word lies on the stack, too; it is what becomes the sum."""
    code = Assembler()
    begin(code)
    code.emit(asm.store(8, FP, -8, 0))
    with each_word(code):
        code.emit(asm.load(2, R4, R1, 0), asm.store(8, FP, -8, R4), asm.alu("add", R7, R4), asm.alu("add", R1, 2))
    code.emit(asm.load(8, R7, FP, -8))
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_a_sum_from_another_place_on_is_another_sum() -> None:
    behaviour = meaning(of_mistakes(2, 2, 1, start=HEAD - 2))
    names = {v.name for case in behaviour.cases for v in b.variables(*case.terms())}
    assert f"pkt.sum16[{HEAD - 2}]" in names
    assert f"pkt.sum16[{HEAD}]" not in names


def test_a_start_that_may_lie_behind_the_end_is_not_told() -> None:
    with pytest.raises(Unsupported):
        meaning(of_mistakes(2, 2, 1, start=HEAD + 2))


def test_a_start_that_only_seems_to_lie_in_the_frame_is_not_told() -> None:
    """What is left is asked for in 16 bits, in which less than nothing is a lot."""
    code = Assembler()
    begin(code)
    long = code.label()
    code.emit(asm.alu("add", R1, 6), asm.mov(R3, R2), asm.alu("sub", R3, R1), asm.alu("and", R3, 0xFFFF))
    code.emit(asm.alu("add", R3, 100))
    code.jump("jge", R3, 105, long)
    code.emit(asm.mov(R0, DROP), asm.exit_())
    code.place(long)
    add_words(code, 2, 2)
    add_last(code)
    with pytest.raises(Unsupported):
        meaning(end(code))


def test_a_byte_order_of_its_own_is_told_as_such() -> None:
    code = Assembler()
    begin(code)
    add_words(code, 2, 2)
    add_last(code)
    obj = end(code, network=True)  # swapped, though the words were not
    behaviour = meaning(obj)
    for frame in frames():
        if len(frame) >= HEAD:
            swapped = sum16(frame[HEAD:]).to_bytes(2, "little")
            assert told(behaviour, obj, frame) == frame[: HEAD - 2] + swapped + frame[HEAD:]


SOURCE: Final = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int prog(struct xdp_md *ctx) {
    unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    if (data + 18 > end) return XDP_DROP;
    SUM sum = 0;
    unsigned char *p = data + 18;
    for (int i = 0; i < 40000; i++) {
        if (p + sizeof(WORD) > end) break;
        sum += *(WORD *)p;
        p += sizeof(WORD);
    }
    if (sizeof(WORD) > 2 && p + 2 <= end) { sum += *(__u16 *)p; p += 2; }
    if (p + 1 <= end) sum += *p;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    *(__u16 *)(data + 16) = sum;
    return XDP_TX;
}
char _license[] SEC("license") = "GPL";
"""


@needs_clang
@pytest.mark.parametrize(("word", "total"), [("__u16", "__u32"), ("__u16", "__u64"), ("__u32", "__u64")])
def test_what_clang_makes_of_a_loop(tmp_path_factory: pytest.TempPathFactory, word: str, total: str) -> None:
    made = compiled(tmp_path_factory.mktemp("c"), SOURCE.replace("WORD", word).replace("SUM", total))
    assert made is not None
    obj = read_elf(made, "sum.o")
    behaviour = meaning(obj)
    for frame in frames():
        assert told(behaviour, obj, frame) == right(frame), frame.hex()


# --- the parts ---


@st.composite
def additions(draw: st.DrawFn) -> tuple[Sums, list[b.Term], b.Term]:
    """A sum of bytes and of numbers with bounds, partly folded."""
    sums = Sums()
    octets = [sums.fresh("byte", 8) for _ in range(draw(st.integers(1, 4)))]
    number = sums.fresh("number", 40, draw(st.integers(1, (1 << 40) - 1)))
    total = b.zext(number, 64)
    for _ in range(draw(st.integers(0, 5))):
        match draw(st.sampled_from(("word", "byte", "fold", "far", "cut", "swap"))):
            case "word":
                total = b.add(
                    total, b.zext(b.concat(*draw(st.lists(st.sampled_from(octets), min_size=1, max_size=4))), 64)
                )
            case "byte":
                total = b.add(total, b.zext(b.concat(draw(st.sampled_from(octets)), b.bv(0, 8)), 64))
            case "fold":
                total = _folded(total)
            case "cut":
                upper = b.band(b.lshr(total, b.bv(16, 64)), b.bv(0xFF, 64))
                total = b.add(b.band(total, b.bv(0xFFFF, 64)), upper)
            case "far":
                total = b.add(b.band(total, b.bv(0xFFFFFFFF, 64)), b.lshr(total, b.bv(32, 64)))
            case _:
                parts = [b.extract(total, high, high - 7) for high in (7, 15)]
                total = b.add(b.zext(b.concat(*parts), 64), b.lshr(total, b.bv(16, 64)))
    return sums, [*octets, number], total


@given(additions(), st.data())
def test_a_form_is_the_number_modulo_65535_and_zero_with_it(
    made: tuple[Sums, list[b.Term], b.Term], data: st.DataObject
) -> None:
    sums, given_, total = made
    form = sums.form(total)
    if form is None:
        return
    values = {}
    for term in given_:
        bound = sums.form(term)
        assert bound is not None
        values[term.name] = data.draw(st.sampled_from((0, 1, bound.most)) | st.integers(0, bound.most))
    summands = list(form.counts)
    number, *found = b.evaluate([total, *summands], values)
    told_ = form.literal + sum(form.counts[term] * value for term, value in zip(summands, found, strict=True))
    assert number <= form.most
    assert number == told_ if form.exact else (number - told_) % MODULUS == 0
    assert (number == 0) == (not any(found) and not form.literal)


@pytest.mark.parametrize("folds", [0, 1])
@pytest.mark.parametrize("shift", [4, 8, 24])
def test_only_what_the_parts_are_exactly_is_their_total(folds: int, shift: int) -> None:
    """A count that is the same modulo 65535 will not do, nor will a number that was folded; what is folded from behind
    the part's end lies there exactly."""
    sums = Sums()
    part, last, total, whole = (sums.fresh(n, w) for n, w in (("part", 16), ("last", 8), ("total", 40), ("whole", 16)))
    sums.add_law(part, Law({part: 1, last: 256}, whole, 1, total))
    term = b.add(b.zext(part, 64), b.zext(b.concat(last, b.bv(0, shift)), 64))
    for _ in range(folds):
        term = _folded(term)
    settled = sums.settled(term)
    if (shift, folds) in ((8, 0), (24, 1)):
        values = {part.name: 0xFFFE, last.name: 0x12, total.name: 0xFFFE + 0x1200}
        assert settled is not term
        assert b.evaluate([settled], values) == b.evaluate([term], values)
    else:
        assert total not in b.variables(settled)


@given(st.data())
@settings(deadline=None)
def test_slices_are_the_number_only_where_they_count_as_in_it(data: st.DataObject) -> None:
    sums = Sums()
    number, other = sums.fresh("number", 32), b.zext(sums.fresh("other", 32), 64)
    base = b.add(b.zext(number, 64), b.bv(data.draw(st.sampled_from((0, 1, 0xFFFF))), 64))
    if data.draw(st.booleans()):
        base = _folded(base)
    total = _folded(other) if data.draw(st.booleans()) else b.bv(0, 64)
    for low in (0, 16, 32):
        part = b.extract(base, low + 15, low)
        shift = data.draw(st.sampled_from((low, low, 0, 8, 16)))
        total = b.add(total, b.zext(b.concat(part, b.bv(0, shift)) if shift else part, 64))
    form = sums.form(total)
    if form is None:
        return
    for value in (0, 1, 0xFFFF, 0x10000, 0xFFFFFFFF, data.draw(st.integers(0, (1 << 32) - 1))):
        values = {v.name: value for v in b.variables(total)}
        got, *found = b.evaluate([total, *form.counts], values)
        told_ = sum(n * each for n, each in zip(form.counts.values(), found, strict=True)) + form.literal
        assert (got - told_) % MODULUS == 0
        assert not form.exact or got == told_
        assert got <= form.most


def _folded(term: b.Term) -> b.Term:
    return b.add(b.band(term, b.bv(0xFFFF, 64)), b.lshr(term, b.bv(16, 64)))


def test_upper_bits_that_are_cut_off_are_not_folded() -> None:
    sums = Sums()
    number = b.zext(sums.fresh("number", 32), 64)
    lower = b.band(number, b.bv(0xFFFF, 64))
    whole, part = (b.add(lower, b.band(b.lshr(number, b.bv(16, 64)), b.bv(mask, 64))) for mask in (0xFFFF, 0xFF))
    form = sums.form(whole)
    assert form is not None
    assert list(form.counts.values()) == [1]
    cut = sums.form(part)
    assert cut is None or len(cut.counts) == 2


@given(
    st.integers(0, 40), st.sampled_from((2, 4, 16)), st.integers(-40, 40), st.integers(-3, 3), st.booleans(),
    st.sampled_from(("ult", "ule", "slt", "eq")), st.integers(0, 60), st.integers(0, 300),
)  # fmt: skip
@settings(max_examples=300)
def test_conditions_say_of_the_rest_what_they_are(
    start: int, step: int, literal: int, times: int, flipped: bool, name: str, turn: int, rest: int
) -> None:
    done, turns = b.var("done", 16), b.var("turn", 16)
    found = course(done, turns, b.bv(start, 64), 0, step, {}, frozenset(), LONGEST)
    assert found is not None
    x = b.add(b.add(b.zext(done, 64), b.mul(b.zext(turns, 64), b.bv(step * times, 64))), b.bv(literal, 64))
    y = b.sub(b.zext(LENGTH, 64), b.bv(start, 64))
    condition = {"ult": b.ult, "ule": b.ule, "slt": b.slt, "eq": b.eq}[name](*((y, x) if flipped else (x, y)))
    limits = found.rests([condition])
    if limits is None:
        return
    length = start + step * turn + rest
    [holds] = b.evaluate([condition], {"done": step * turn, "turn": turn, LENGTH.name: length})
    assert bool(holds) == (limits[0] <= rest <= limits[1])


@given(
    st.integers(0, 12), st.integers(0, 12), st.integers(0, 20), st.sampled_from((0, 2, 4)), st.integers(0, 10),
    st.tuples(st.integers(-20, 20), st.integers(-20, 20)), st.tuples(*[st.integers(-3, 3)] * 4),
)  # fmt: skip
@settings(max_examples=300)
def test_a_line_is_within_its_limits_and_meets_them(
    least: int, more: int, most: int, step: int, shortest: int, rest: tuple[int, int], line: tuple[int, int, int, int]
) -> None:
    """Of frames of at most 20 bytes, for every start, turn and rest that there can be."""
    low, high = max(min(rest), -20) if step == 0 else max(min(rest), 0), max(rest)
    start, (literal, share, turns, left) = b.var("start", 64), line
    known = {LENGTH: (shortest, 20)}
    with patch.object(straight, "LONGEST", 20):
        found = Course(b.var("done", 16), b.var("turn", 16), Line(terms={start: 1}), step, least, least + more, most,
                       known, frozenset())  # fmt: skip
        told = Line(literal, turns if step else 0, left, {start: share} if share else None)
        limits = found.limits(told, (low, high))
    values = [
        literal + share * at + left * gone + (turns if step else 0) * turn
        for at in range(least, least + more + 1)
        for gone in range(low, high + 1)
        for turn in range(21 if step else 1)
        if (0 if step else shortest) <= at + step * turn + gone <= 20 and step * turn + gone <= most
    ]
    if limits is None:
        assert not values
        return
    assert all(limits[0] <= value <= limits[1] for value in values)
    if step == 0:  # of turns there are whole ones only
        assert limits == (min(values), max(values))
