"""Frames that get longer or shorter at their end by what hangs on them, and are read and written from there."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.meaning.concrete import Plans
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.bpf_compare import difference, evaluated, worlds

FRAME = bytes(range(12)) + b"\x08\x00\x45\x00\x00\x54" + bytes(n * 7 % 251 for n in range(300))
LENGTHS = (14, 15, 18, 20, 33, 34, 38, 59, 60, 64, 100, 127, 128, 129, 140, 200, 318)
PASS = 2


def program(hook: str, *steps: tuple[Insn, ...], failed: tuple[int, ...] = ()) -> BpfObject:
    """Runs the steps one after the other, with the context in R6; a helper that fails leads to an end of its own."""
    code: list[Insn] = [asm.mov(R6, R1)]
    failed = failed or ((2, 0) if hook == "tc" else (2, 3))
    for n, step in enumerate(steps):
        code += [*step, asm.jump("jeq", R0, 0, 2), asm.mov(R0, failed[n % len(failed)]), asm.exit_()]
    code += [asm.mov(R0, PASS if hook == "xdp" else 0), asm.exit_()]
    return BpfObject((BpfProgram("test", hook, tuple(code)),), name="test.o")


def length(hook: str) -> tuple[Insn, ...]:
    """R2 becomes the packet's length."""
    if hook == "tc":
        return (asm.load(4, R2, R6, 0),)
    return asm.mov(R1, R6), asm.call(188), asm.mov(R2, R0)


def resized(hook: str, by: int) -> tuple[Insn, ...]:
    """``by`` bytes more or less at the end."""
    if hook == "xdp":
        return asm.mov(R1, R6), asm.mov(R2, by), asm.call(65)
    return *length("tc"), asm.alu("add", R2, by), asm.mov(R1, R6), asm.mov(R3, 0), asm.call(38)


def written(hook: str, back: int, count: int, value: int = 0x1122334455667788) -> tuple[Insn, ...]:
    """``count`` bytes written from ``back`` bytes before the end on."""
    data = (asm.load_imm64(R7, value), asm.store(8, FP, -8, R7), asm.store(8, FP, -16, R7))
    where = (*length(hook), asm.alu("sub", R2, back), asm.mov(R1, R6), asm.mov(R3, FP), asm.alu("add", R3, -16))
    return *data, *where, asm.mov(R4, count), asm.mov(R5, 0), asm.call(9 if hook == "tc" else 190)


def written_at(hook: str, at: int, count: int) -> tuple[Insn, ...]:
    """The same from byte ``at`` on."""
    made = list(written(hook, 0, count, 0x0102030405060708))
    place = next(i for i, insn in enumerate(made) if insn == asm.alu("sub", R2, 0))
    return *made[:place], asm.mov(R2, at), *made[place + 1 :]


def copied(hook: str, back: int, count: int, to: int = 0) -> tuple[Insn, ...]:
    """``count`` bytes from ``back`` bytes before the end on become those from ``to`` on."""
    where = (*length(hook), asm.alu("sub", R2, back), asm.mov(R1, R6), asm.mov(R3, FP), asm.alu("add", R3, -16))
    clear = (asm.store(8, FP, -8, 0), asm.store(8, FP, -16, 0))
    read = (*clear, *where, asm.mov(R4, count), asm.call(26 if hook == "tc" else 189), asm.jump("jeq", R0, 0, 2),
            asm.mov(R0, 1 if hook == "xdp" else 2), asm.exit_())  # fmt: skip
    again = (asm.mov(R1, R6), asm.mov(R2, to), asm.mov(R3, FP), asm.alu("add", R3, -16), asm.mov(R4, count))
    return *read, *again, asm.mov(R5, 0), asm.call(9 if hook == "tc" else 190)


def moved(hook: str, by: int) -> tuple[Insn, ...]:
    """The first ``by`` bytes go, at XDP; or as many come at tc and XDP, where it is negative."""
    if hook == "xdp":
        return asm.mov(R1, R6), asm.mov(R2, by), asm.call(44)
    return asm.mov(R1, R6), asm.mov(R2, -by), asm.mov(R3, 0), asm.call(43)


def zeroed(hook: str, count: int) -> tuple[Insn, ...]:
    """``count`` bytes in front that are written."""
    front = (*moved(hook, -count), asm.jump("jeq", R0, 0, 2), asm.mov(R0, 1 if hook == "xdp" else 2), asm.exit_())
    return *front, *written_at(hook, 0, count)


def tagged(hook: str) -> tuple[Insn, ...]:
    """A tag more, at tc."""
    return asm.mov(R1, R6), asm.mov(R2, 0x0081), asm.mov(R3, 7), asm.call(18)


def alike(kernel_oracle: KernelOracle, hook: str, obj: BpfObject) -> None:
    """The kernel does what the meaning says, with frames of many lengths."""
    frames = [FRAME[:n] for n in LENGTHS]
    behaviour, plans = meaning(obj), Plans()
    for frame, seen in zip(frames, kernel_oracle.observe(obj, [(3, f) for f in frames], hook=hook), strict=True):
        tries = (
            difference(evaluated(behaviour, obj, {}, 3, frame, plans, *known), seen) for known in worlds(behaviour)
        )
        first = next(tries)
        assert first is None or None in tries, (len(frame), first, frame.hex())


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["xdp", "tc"])
@pytest.mark.parametrize(
    "steps",
    [(-4,), (4,), (-4, 4), (4, -4), (4, -8), (8, -4), (4, 4), (-4, -4), (40, -45), (1500,), (1500, -3), (2000, 1500),
     (0,), (-14,), (200, -190)],
)  # fmt: skip
def test_frames_get_longer_and_shorter_by_a_number_of_bytes(
    kernel_oracle: KernelOracle, hook: str, steps: tuple[int, ...]
) -> None:
    alike(kernel_oracle, hook, program(hook, *(resized(hook, by) for by in steps)))


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["xdp", "tc"])
@pytest.mark.parametrize(
    "steps",
    [("more 4", "write 4 4"), ("write 4 4",), ("write 6 4", "less 3"), ("more 8", "write 12 8"), ("copy 4 4",),
     ("less 4", "copy 4 4"), ("less 4", "more 4", "copy 6 6"), ("more 4", "write 4 4", "copy 4 4"),
     ("more 4", "write 4 4", "less 2", "copy 8 8"), ("write 8 8", "write 12 8", "copy 14 14"), ("write 4 5",),
     ("copy 3 4",), ("more 4", "at 16 4"), ("more 4", "at 100 4", "copy 4 4"), ("write 4 4", "at 126 8", "more 2"),
     ("at 16 8", "copy 6 6"), ("more 4", "front 8", "write 4 4"), ("write 2 2", "front 4", "less 1", "copy 5 5"),
     ("front 8", "copy 9 9"), ("write 16 16", "less 20", "more 16"), ("more 2", "write 2 2", "at 140 2", "write 2 1")],
)  # fmt: skip
def test_frames_are_read_and_written_from_their_end(
    kernel_oracle: KernelOracle, hook: str, steps: tuple[str, ...]
) -> None:
    made = []
    for step in steps:
        kind, *numbers = step.split()
        n = [int(number) for number in numbers]
        made.append({
            "more": lambda n: resized(hook, n[0]), "less": lambda n: resized(hook, -n[0]),
            "write": lambda n: written(hook, *n), "copy": lambda n: copied(hook, *n),
            "at": lambda n: written_at(hook, *n), "front": lambda n: zeroed(hook, *n),
        }[kind](n))  # fmt: skip
    alike(kernel_oracle, hook, program(hook, *made))


def long_enough(hook: str, least: int = 64, most: int = 1500) -> tuple[Insn, ...]:
    """Frames of other lengths go on as they are."""
    outside = (asm.mov(R0, PASS if hook == "xdp" else 0), asm.exit_())
    return (*length(hook), asm.jump("jlt", R2, least, 1), asm.jump("jle", R2, most, 2), *outside, asm.mov(R0, 0))


def compared(hook: str, mine: list[tuple[Insn, ...]], theirs: list[tuple[Insn, ...]]) -> Verdict:
    dropped = (2 if hook == "tc" else 1,)
    sides = [program(hook, *steps, failed=dropped) for steps in (mine, theirs)]
    named = [(TARGET, obj, f"{n}.o") for n, obj in enumerate(sides)]
    return Checker(None, timeout=60, machines_confirm=False).check_two(*named).verdict


@pytest.mark.long
@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_what_a_frame_gets_longer_by_are_zeros_also_where_it_was_longer(hook: str) -> None:
    again = [long_enough(hook), resized(hook, -4), resized(hook, 4)]
    assert compared(hook, again, [*again, written(hook, 4, 4, 0)]) is Verdict.ACCEPT
    assert compared(hook, again, [*again, written(hook, 4, 4, 1 << 24)]) is Verdict.REJECT
    assert compared(hook, again, [*again, written(hook, 5, 4, 0)]) is Verdict.REJECT
    assert compared(hook, again, [long_enough(hook)]) is Verdict.REJECT
    assert compared(hook, again, [long_enough(hook), resized(hook, -3), resized(hook, 3)]) is Verdict.REJECT
    zeros = compared(hook, again, [long_enough(hook), written(hook, 4, 4, 0)])
    assert zeros is (Verdict.ACCEPT if hook == "xdp" else Verdict.REJECT)  # at tc frames may not get as short


@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_frames_of_other_lengths_differ(hook: str) -> None:
    first = [long_enough(hook), resized(hook, -4)]
    assert compared(hook, first, [long_enough(hook), resized(hook, -1), resized(hook, -3)]) is Verdict.ACCEPT
    assert compared(hook, first, [long_enough(hook), resized(hook, -5)]) is Verdict.REJECT
    assert compared(hook, first, [long_enough(hook)]) is Verdict.REJECT
    longer = [long_enough(hook), resized(hook, 4)]
    assert compared(hook, longer, [long_enough(hook), resized(hook, 5)]) is Verdict.REJECT
    assert compared(hook, longer, [long_enough(hook), resized(hook, 1), resized(hook, 3)]) is Verdict.ACCEPT


def test_how_much_room_there_is_behind_a_frame_hangs_on_the_machine() -> None:
    """A frame that was longer in between is as long as another, but where there is no room for that."""
    there = [long_enough("xdp"), resized("xdp", 40), resized("xdp", -40)]
    assert compared("xdp", there, [long_enough("xdp")]) is Verdict.REJECT
    assert compared("xdp", there, [long_enough("xdp"), resized("xdp", 41), resized("xdp", -41)]) is Verdict.REJECT
    back = [long_enough("xdp"), resized("xdp", -40), resized("xdp", 40)]
    assert compared("xdp", back, [long_enough("xdp"), written("xdp", 40, 16, 0)]) is Verdict.REJECT


def test_at_tc_there_is_room_for_frames_of_usual_lengths() -> None:
    there = [long_enough("tc"), resized("tc", 40), resized("tc", -40)]
    assert compared("tc", there, [long_enough("tc")]) is Verdict.ACCEPT
    large = long_enough("tc", 13_900, 14_000)
    assert compared("tc", [large, resized("tc", 1000), resized("tc", -1000)], [large]) is Verdict.ACCEPT
    assert compared("tc", [large, resized("tc", 1001), resized("tc", -1001)], [large]) is Verdict.REJECT


@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_bytes_are_moved_from_the_end_to_the_front(hook: str) -> None:
    trailer = [long_enough(hook), copied(hook, 4, 4), resized(hook, -4)]
    other = [long_enough(hook), copied(hook, 4, 2), copied(hook, 2, 2, 2), resized(hook, -4)]
    assert compared(hook, trailer, other) is Verdict.ACCEPT
    wrong = [long_enough(hook), copied(hook, 4, 2), copied(hook, 3, 2, 2), resized(hook, -4)]
    assert compared(hook, trailer, wrong) is Verdict.REJECT
    late = [long_enough(hook), resized(hook, -4), copied(hook, 4, 4)]
    assert compared(hook, trailer, late) is Verdict.REJECT


@pytest.mark.long
@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_a_trailer_is_put_on(hook: str) -> None:
    first = [long_enough(hook), resized(hook, 8), written(hook, 8, 8)]
    other = [long_enough(hook), resized(hook, 4), written(hook, 4, 4), resized(hook, 4), written(hook, 4, 4)]
    assert compared(hook, first, [*first[:2], written(hook, 4, 4, 0x11223344), written(hook, 8, 4)]) is Verdict.ACCEPT
    assert compared(hook, first, other) is Verdict.REJECT  # the first four bytes twice
    assert compared(hook, first, [*first[:2], written(hook, 9, 8)]) is Verdict.REJECT


def to_what_a_byte_says(hook: str, at: int, more: int, op: str = "jge") -> tuple[Insn, ...]:
    """As many bytes as byte ``at`` says and ``more``, if there are as many."""
    where = (asm.mov(R1, R6), asm.mov(R2, at), asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 1))
    read = (asm.store(8, FP, -8, 0), *where, asm.call(26 if hook == "tc" else 189), asm.load(1, R7, FP, -8),
            asm.alu("add", R7, more), *length(hook), asm.mov(R0, 0))  # fmt: skip
    change = (asm.alu("sub", R7, R2),) if hook == "xdp" else ()
    cut = (*change, asm.mov(R1, R6), asm.mov(R2, R7), asm.mov(R3, 0), asm.call(65 if hook == "xdp" else 38))
    return *read, asm.jump(op, R2, R7, 1), Insn(0x05, off=len(cut)), *cut


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["xdp", "tc"])
@pytest.mark.parametrize("then", [(), (4,), (-4,), (-4, 8), (30, -31)])
def test_frames_are_cut_to_what_they_say(kernel_oracle: KernelOracle, hook: str, then: tuple[int, ...]) -> None:
    steps = [to_what_a_byte_says(hook, 20, 20), *(resized(hook, by) for by in then)]
    alike(kernel_oracle, hook, program(hook, *steps))
    alike(kernel_oracle, hook, program(hook, *steps, written_at(hook, 30, 8)))
    alike(kernel_oracle, hook, program(hook, *steps, written(hook, 6, 6), written_at(hook, 30, 8)))


@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_lengths_that_frames_say_are_compared(hook: str) -> None:
    first = [long_enough(hook), to_what_a_byte_says(hook, 5, 14)]
    assert compared(hook, first, first) is Verdict.ACCEPT
    twice = [*first, to_what_a_byte_says(hook, 5, 14)]
    assert compared(hook, first, twice) is Verdict.ACCEPT
    assert compared(hook, first, [first[0], to_what_a_byte_says(hook, 5, 15)]) is Verdict.REJECT
    assert compared(hook, first, [first[0], to_what_a_byte_says(hook, 4, 14)]) is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["xdp", "tc"])
@pytest.mark.parametrize("then", [(), (4,), (-4,), (-4, 8)])
def test_frames_get_longer_by_what_they_say(kernel_oracle: KernelOracle, hook: str, then: tuple[int, ...]) -> None:
    steps = [to_what_a_byte_says(hook, 5, 20, "jne"), to_what_a_byte_says(hook, 20, 20, "jne")]
    after = [resized(hook, by) for by in then]
    for first in steps:
        alike(kernel_oracle, hook, program(hook, first, *after))
        alike(kernel_oracle, hook, program(hook, first, *after, written_at(hook, 30, 8)))
        alike(kernel_oracle, hook, program(hook, first, *after, written(hook, 6, 6), written_at(hook, 30, 8)))
        alike(kernel_oracle, hook, program(hook, zeroed(hook, 8), first, *after))
        alike(kernel_oracle, hook, program(hook, first, zeroed(hook, 8), *after))


@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_zeros_follow_where_frames_get_longer_by_what_they_say(hook: str) -> None:
    first = [long_enough(hook, 20, 24), to_what_a_byte_says(hook, 5, 40, "jne")]
    assert compared(hook, first, [*first, written(hook, 16, 16, 0)]) is Verdict.ACCEPT
    assert compared(hook, first, [*first, written(hook, 16, 16, 1)]) is Verdict.REJECT
    assert compared(hook, first, [*first, written(hook, 16, 15, 0)]) is Verdict.ACCEPT
    assert compared(hook, first, [first[0], to_what_a_byte_says(hook, 5, 41, "jne")]) is Verdict.REJECT
    longer = [long_enough(hook, 60, 64), to_what_a_byte_says(hook, 5, 64, "jne")]
    assert compared(hook, longer, [*longer, written(hook, 1, 1, 0)]) is Verdict.REJECT


@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_frames_that_were_cut_and_get_longer_by_what_they_say_are_refused(hook: str) -> None:
    with pytest.raises(Unsupported, match="longer again at its end, by a number of bytes that is open"):
        meaning(program(hook, resized(hook, -1), to_what_a_byte_says(hook, 20, 20, "jne")))


@pytest.mark.oracle
@pytest.mark.parametrize("steps", [(-8000, -7900), (-8000, -4000, -4100)])
def test_frames_get_no_longer_than_the_kernel_lets_them(kernel_oracle: KernelOracle, steps: tuple[int, ...]) -> None:
    """In front as at the end; which of the frames of many lengths are too long for that, the kernel alone says."""
    alike(kernel_oracle, "tc", program("tc", *(moved("tc", by) for by in steps)))


@pytest.mark.oracle
@pytest.mark.parametrize(("size", "kept"), [(9, False), (10, True), (11, True), (12, True), (13, True)])
def test_tagged_frames_may_be_cut_within_their_addresses(kernel_oracle: KernelOracle, size: int, kept: bool) -> None:
    """The transport header was put behind the Ethernet header before the tag was taken out; less is refused. What tap
    devices send of a frame that ends before the place of its tag is known as far as it goes."""
    frame = FRAME[:12] + bytes.fromhex("88a80d4486dd60610aa581")
    cut = program("tc", (asm.mov(R1, R6), asm.mov(R2, size), asm.mov(R3, 0), asm.call(38)), failed=(2,))
    seen = kernel_oracle.observe(cut, [(3, frame)], {}, "test", "tc")[0]
    assert bool(seen.outputs) is kept
    assert difference(evaluated(meaning(cut, "test", "tc"), cut, {}, 3, frame), seen) is None
