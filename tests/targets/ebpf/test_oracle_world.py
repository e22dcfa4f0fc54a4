"""The kernel confirms differences that hang on what nobody controls: it is told what the solver's run was told."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Counterexample, Proof, Verdict
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Function, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7
from p4verify.targets.ebpf.artifact.program import Field
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

pytestmark = pytest.mark.oracle

ANSWER = 0x1A2B3C
"""Nothing that a solver or a kernel answers by chance."""


def judged(left: list[Insn], right: list[Insn], *maps: MapDef) -> Proof:
    first, second = (
        BpfObject((BpfProgram("p", "tc", tuple(code)),), maps, name=f"{name}.o")
        for name, code in (("left", left), ("right", right))
    )
    return Checker(None, timeout=60).check_two((TARGET, first, first.name), (TARGET, second, second.name)).proof


def told_apart(left: list[Insn], right: list[Insn], *maps: MapDef) -> Counterexample:
    proof = judged(left, right, *maps)
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    return proof.counterexample


def confirmed(found: Counterexample) -> bool:
    return found.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")


def marks(mark: int, *asking: Insn) -> list[Insn]:
    """Marks frames for which r0 becomes :data:`ANSWER`; the context is in r6."""
    return [
        asm.mov(R6, R1), *asking, asm.jump("jne", R0, ANSWER, 2), asm.mov(R1, mark), asm.store(4, R6, 8, R1),
        asm.mov(R0, 0), asm.exit_(),
    ]  # fmt: skip


def zeros(size: int) -> list[Insn]:
    """``size`` bytes of zeros at the top of the stack; r2 points to them."""
    stores = [asm.store(4, FP, at - size, 0) for at in range(0, size, 4)]
    return [*stores, asm.mov(R2, FP), asm.alu("add", R2, -size)]


READ = asm.load(4, R0, FP, -4)
"""The last of the bytes that :func:`zeros` has put down."""
ROUTE = [*zeros(64), asm.mov(R1, R6), asm.mov(R3, 64), asm.mov(R4, 0), asm.call(69)]
LIMIT = [*zeros(4), asm.mov(R3, R2), asm.mov(R1, R6), asm.mov(R2, 5), asm.mov(R4, 20), asm.mov(R5, 0), asm.call(163)]
TUNNEL = [*zeros(44), asm.mov(R1, R6), asm.mov(R3, 44), asm.mov(R4, 0), asm.call(20)]
PUT = [*zeros(44), asm.mov(R1, R6), asm.mov(R3, 44), asm.mov(R4, 2), asm.call(21)]
NEGATED = asm.alu("neg", R0)
SOCKET = [
    *zeros(12), asm.mov(R1, R6), asm.mov(R3, 12), asm.mov(R4, -1), asm.mov(R5, 0), asm.call(84),
    asm.jump("jeq", R0, 0, 4), asm.load(4, R7, R0, 24), asm.mov(R1, R0), asm.call(86), asm.mov(R0, R7),
]  # fmt: skip
"""A field of a TCP socket, 0 if there is none."""

ASKED = {
    "time": [asm.call(5)],
    "second time": [asm.call(5), asm.mov(R7, R0), asm.call(125), asm.jump("jne", R7, 77, 1), asm.mov(R7, R0),
                    asm.mov(R0, R7)],
    "ticks": [asm.call(118)],
    "random number": [asm.call(7)],
    "CPU": [asm.call(8)],
    "route": [*ROUTE, READ],
    "no route": [*ROUTE, NEGATED],
    "limit": [*LIMIT, READ],
    "beyond the limit": [*LIMIT, NEGATED],
    "tunnel": [*TUNNEL, READ],
    "no tunnel": [*TUNNEL, NEGATED],
    "tunnel's key refused": [*PUT, NEGATED],
    "socket": SOCKET,
    "socket of 32 bits": [asm.mov(R4, -1, 32) if insn == asm.mov(R4, -1) else insn for insn in SOCKET],
    "socket elsewhere": [asm.mov(R4, 7) if insn == asm.mov(R4, -1) else insn for insn in SOCKET],
}  # fmt: skip


@pytest.mark.parametrize("asking", ASKED.values(), ids=ASKED)
def test_the_kernel_is_told_what_the_solvers_run_was_told(kernel_oracle: KernelOracle, asking: list[Insn]) -> None:
    assert confirmed(told_apart(marks(1, *asking), marks(2, *asking)))


LONGER = [asm.mov(R7, R0), asm.mov(R1, R6), asm.mov(R2, 4), asm.mov(R3, 0), asm.call(43), asm.mov(R0, R7)]
"""Puts 4 bytes in front of the frame; what r0 held it holds afterwards."""


def test_a_route_hangs_on_the_frames_length_where_none_is_told() -> None:
    """``bpf_skb_fib_lookup``: what the device takes is compared with ``skb->len`` then."""
    told_apart(marks(1, *ROUTE, *LONGER), marks(1, asm.mov(R0, 0), *LONGER, *ROUTE))


def test_a_route_that_is_told_a_length_does_not_hang_on_the_frames(kernel_oracle: KernelOracle) -> None:
    told = [*zeros(64), asm.store(2, FP, 6 - 64, 100), *ROUTE[len(zeros(64)) :]]
    first, second = marks(1, *told, *LONGER), marks(1, asm.mov(R0, 0), *LONGER, *told)
    assert judged(first, second).verdict is Verdict.ACCEPT


def reports(octets: bytes, packet: int) -> list[Insn]:
    """Writes bytes into a perf buffer, with so many of the packet behind them."""
    return [
        *(asm.store(1, FP, at - len(octets), octet) for at, octet in enumerate(octets)), asm.load_map(R2, "events"),
        asm.load_imm64(R3, packet << 32 | 0xFFFFFFFF), asm.mov(R4, FP), asm.alu("add", R4, -len(octets)),
        asm.mov(R5, len(octets)), asm.call(25), asm.mov(R0, 0), asm.exit_(),
    ]  # fmt: skip


@pytest.mark.parametrize("packet", [0, 3, 14])
@pytest.mark.parametrize("octets", [b"a", b"abcd", b"abcdefghij"])
def test_what_is_written_into_perf_buffers_is_seen(kernel_oracle: KernelOracle, octets: bytes, packet: int) -> None:
    """However long: the kernel pads records."""
    events = MapDef("events", "perf_event_array", 4, 4, 0)
    found = told_apart(reports(octets, packet), [asm.mov(R0, 0), asm.exit_()], events)
    assert confirmed(found)
    assert found.expected.events
    assert confirmed(told_apart(reports(octets, packet), reports(b"x" + octets[1:], packet), events))


def shows(most: int, *changed: Insn, apart: bool = False) -> list[Insn]:
    """Writes four bytes into a perf buffer, with the packet behind them, or its first ``most`` bytes if it is longer.
    ``apart``: longer packets have a call of their own, whose number of bytes is a literal."""
    call = [asm.load_map(R2, "events"), asm.mov(R4, FP), asm.alu("add", R4, -4), asm.mov(R5, 4), asm.call(25)]
    end = [asm.mov(R0, 0), asm.exit_()]
    literal = [asm.load_imm64(R3, most << 32 | 0xFFFFFFFF), *(call + end if apart else [])]
    start = [asm.store(4, FP, -4, 7), asm.load(4, R6, R1, 0), *changed, asm.load_imm64(R7, 0xFFFFFFFF)]
    known = [asm.mov(R3, R6), asm.alu("lsh", R3, 32), asm.alu("or", R3, R7)]
    over = sum(insn.size for insn in literal)
    if apart:
        return [*start, asm.jump("jlt", R6, most, over), *literal, *known, *call, *end]
    return [*start, asm.jump("jlt", R6, most, 1), asm.mov(R6, most), *known, *call, *end]


EVENTS = MapDef("events", "perf_event_array", 4, 4, 0)


@pytest.mark.parametrize("most", [64, 100, 128])
def test_records_with_as_much_of_a_packet_as_it_has_are_compared(kernel_oracle: KernelOracle, most: int) -> None:
    assert judged(shows(most), shows(most, apart=True), EVENTS).verdict is Verdict.ACCEPT
    for other in (shows(most - 1), shows(most, asm.alu("rsh", R6, 1)), shows(most + 1, apart=True)):
        assert confirmed(told_apart(shows(most), other, EVENTS))


LEFT = {"peer": [asm.call(155)], "neighbour": [asm.mov(R3, 0), asm.mov(R4, 0), asm.call(152)]}


@pytest.mark.parametrize("way", LEFT)
def test_other_ways_to_redirect_are_seen(kernel_oracle: KernelOracle, way: str) -> None:
    def to(port: int) -> list[Insn]:
        return [asm.mov(R1, port), asm.mov(R2, 0), *LEFT[way], asm.exit_()]

    found = told_apart(to(8), to(9))
    assert confirmed(found)
    assert {(where, port) for side in (found.expected, found.actual) for where, port, _ in side.outputs} == {
        (way, 8), (way, 9),
    }  # fmt: skip
    assert confirmed(told_apart(to(8), [asm.mov(R1, 8), asm.mov(R2, 0), asm.call(23), asm.exit_()]))


STAGES = MapDef("stages", "prog_array", 4, 4, 4)


def hands_over(index: int, *before: Insn) -> list[Insn]:
    """Calls the program at ``index``, which somebody else puts there; without one the frame is dropped."""
    return [
        asm.mov(R6, R1), *before, asm.mov(R1, R6), asm.load_map(R2, "stages"), asm.mov(R3, index), asm.call(12),
        asm.mov(R0, 2), asm.exit_(),
    ]  # fmt: skip


@pytest.mark.parametrize("place", [8, 32, 44, 48, 56, 64, 72])
def test_what_a_program_of_others_finds_is_seen(kernel_oracle: KernelOracle, place: int) -> None:
    found = told_apart(hands_over(1), hands_over(1, asm.store(4, R6, place, 5)), STAGES)
    assert found.expected.outputs[0][0] == "program"
    assert confirmed(found)


def test_which_program_of_others_takes_over_is_seen(kernel_oracle: KernelOracle) -> None:
    assert confirmed(told_apart(hands_over(1), hands_over(2), STAGES))
    assert confirmed(told_apart(hands_over(1), [asm.mov(R0, 2), asm.exit_()], STAGES))


def test_frames_that_come_in_by_another_port_are_told_from_those_that_leave_by_it(kernel_oracle: KernelOracle) -> None:
    def redirected(flags: int) -> list[Insn]:
        return [asm.mov(R1, 8), asm.mov(R2, flags), asm.call(23), asm.exit_()]

    found = told_apart(redirected(0), redirected(1))
    assert confirmed(found)
    assert [output[:2] for output in found.actual.outputs] == [("ingress", 8)]


def test_maps_with_a_lock_in_their_values(kernel_oracle: KernelOracle) -> None:
    """The kernel looks for the struct of the lock in the types of the map."""
    item = MapDef("locked", "array", 4, 8, 1, value_fields=(Field("lock", 0, 4, "bpf_spin_lock"), Field("count", 4, 4)))

    def counted(step: int) -> list[Insn]:
        return [
            asm.store(4, FP, -4, 0), asm.load_map(R1, "locked"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
            asm.jump("jeq", R0, 0, 8), asm.mov(R6, R0), asm.mov(R1, R6), asm.call(93), asm.load(4, R7, R6, 4),
            asm.alu("add", R7, step), asm.store(4, R6, 4, R7), asm.mov(R1, R6), asm.call(94), asm.mov(R0, 0),
            asm.exit_(),
        ]  # fmt: skip

    assert confirmed(told_apart(counted(1), counted(2), item))


def test_a_cell_that_the_ports_number_names_is_that_of_a_port_that_there_is(kernel_oracle: KernelOracle) -> None:
    """No frame comes in by interface 0, which is the first that a solver thinks of."""
    item = MapDef("seen", "hash", 4, 4, 16)

    def counted(step: int) -> list[Insn]:
        return [
            asm.load(4, R2, R1, 36), asm.store(4, FP, -4, R2), asm.load_map(R1, "seen"), asm.mov(R2, FP),
            asm.alu("add", R2, -4), asm.call(1), asm.jump("jeq", R0, 0, 3), asm.load(4, R1, R0),
            asm.alu("add", R1, step), asm.store(4, R0, 0, R1), asm.mov(R0, 0), asm.exit_(),
        ]  # fmt: skip

    found = told_apart(counted(1), counted(2), item)
    assert found.port == 2
    assert confirmed(found)


def from_a_function(index: int, *waiting: Insn) -> BpfProgram:
    """As :func:`hands_over`, from within a function; ``waiting`` is done when it is come back from."""
    at = 2 + len(waiting)
    code = (
        asm.call_local(at - 1), *waiting, asm.exit_(),
        asm.load_map(R2, "stages"), asm.mov(R3, index), asm.call(12), asm.mov(R0, 2), asm.exit_(),
    )  # fmt: skip
    return BpfProgram("p", "tc", code, (Function("onward", at),))


def test_a_function_that_only_returns_may_hand_over_to_a_program_of_others(kernel_oracle: KernelOracle) -> None:
    def beside(other: BpfProgram) -> Proof:
        programs = (BpfProgram("p", "tc", tuple(hands_over(1))), other)
        sides = [(TARGET, BpfObject((p,), (STAGES,), name=f"{n}.o"), f"{n}.o") for n, p in enumerate(programs)]
        return Checker(None, timeout=60).check_two(*sides).proof

    assert beside(from_a_function(1)).verdict is Verdict.ACCEPT
    assert beside(from_a_function(1, asm.jump("ja", 0, 0, 0))).verdict is Verdict.ACCEPT
    wrong = beside(from_a_function(2))
    assert wrong.counterexample is not None
    assert confirmed(wrong.counterexample)
    later = beside(from_a_function(1, asm.mov(R0, 2)))
    assert later.verdict is Verdict.UNSUPPORTED
    assert "a function that is come back from" in later.reason
