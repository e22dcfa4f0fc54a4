"""Helpers and maps one by one: what the meaning says, and beside it what this kernel does."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm, read_elf
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R6
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram
from tests.support import bpf_suite
from tests.support.bpf_compare import KEYS, difference, evaluated
from tests.support.machines import needs_clang

ADDRESSES = bytes(range(12))
PLAIN = ADDRESSES + b"\x08\x00" + b"\x45" + bytes(range(100, 130))
PASS = (asm.mov(R0, 0), asm.exit_())


def obj(*insns: Insn, section: str = "tc", maps: tuple[MapDef, ...] = ()) -> BpfObject:
    return BpfObject((BpfProgram("test", section, insns),), maps, name="test.o")


def mark(program: BpfObject, frame: bytes = PLAIN) -> int:
    return evaluated(meaning(program), program, {}, 3, frame).metadata["mark"]


# --- legacy loads -------------------------------------------------------------------------------------------------


def legacy(size: int, *, offset: int = 0, index: int | None = None) -> tuple[Insn, ...]:
    """Mark the packet with ``size`` bytes at ``offset``, or at ``offset`` behind ``index``."""
    mode = 0x20 if index is None else 0x40
    load = Insn(mode | {1: 0x10, 2: 0x08, 4: 0x00}[size], src=0 if index is None else 7, imm=offset)
    return (asm.mov(R6, R1), asm.mov(asm.R7, index or 0), load, asm.store(4, R6, 8, R0), asm.mov(R0, 1), asm.exit_())


@pytest.mark.parametrize("size", [1, 2, 4])
def test_legacy_loads_are_in_network_order(size: int) -> None:
    for offset in (0, 7, 12, len(PLAIN) - size):
        expected = int.from_bytes(PLAIN[offset : offset + size], "big")
        assert mark(obj(*legacy(size, offset=offset))) == expected
        assert mark(obj(*legacy(size, offset=1, index=offset - 1 if offset else 0))) == int.from_bytes(
            PLAIN[max(offset, 1) : max(offset, 1) + size], "big"
        )


def test_a_legacy_load_past_the_packet_ends_the_program() -> None:
    program = obj(*legacy(4, offset=len(PLAIN) - 3))
    assert mark(program) == 0
    assert meaning(program).faults == ()
    with pytest.raises(Unsupported, match="may be negative"):
        meaning(obj(*legacy(1, offset=-4)))
    with pytest.raises(Unsupported, match="undefined load"):
        meaning(obj(*legacy(1), section="xdp"))


@pytest.mark.oracle
def test_legacy_loads_on_the_kernel(kernel_oracle: KernelOracle) -> None:
    frame = PLAIN + bytes(40)
    for size in (1, 2, 4):
        for offset in (0, 13, 30, len(frame) - size, len(frame) - size + 1, 500):
            code = legacy(size, offset=offset)
            with KernelProgram("tc", code) as program:
                got = program.test_run(frame, bytes(192), 192)
            assert mark(obj(*code), frame) == int.from_bytes(got.context[8:12], "little")


# --- events, copies, tail calls, maps of maps ---------------------------------------------------------------------


@needs_clang
def test_events_of_ring_and_perf_buffers() -> None:
    sample = meaning(read_elf(bpf_suite.compiled("sample"), "sample.o"))
    assert {event.name for case in sample.cases for event in case.events} == {"ring.records"}
    assert {event.fields[0].width for case in sample.cases for event in case.events} == {8 * 24}
    assert "events" in sample.observables
    report = meaning(read_elf(bpf_suite.compiled("report"), "report.o"))
    assert {event.name for case in report.cases for event in case.events} == {"perf.events", "perf.events.bytes"}


@needs_clang
def test_tail_calls_through_an_array_that_the_object_fills() -> None:
    program = read_elf(bpf_suite.compiled("tails"), "tails.o")
    assert program.map("stages").programs == {1: "next"}
    frame = ADDRESSES + b"\x08\x00" + b"\x63" + bytes(40)
    assert evaluated(meaning(program), program, {}, 3, frame).metadata["mark"] == 0x63
    missing = read_elf(bpf_suite.compiled("tails", bug=1), "tails.o")
    assert evaluated(meaning(missing), missing, {}, 3, frame).metadata.get("mark", 0) == 0


def test_tail_calls_into_the_unknown_are_refused() -> None:
    stages = MapDef("stages", "prog_array", 4, 4, 4)
    program = obj(asm.load_map(R2, "stages"), asm.mov(R3, 0), asm.call(12), *PASS, maps=(stages,))
    with pytest.raises(Unsupported, match="whose programs the object does not name"):
        meaning(program)


def test_a_fault_behind_a_tail_call_names_the_program_that_it_is_in() -> None:
    stages = MapDef("stages", "prog_array", 4, 4, 4, programs={0: "next"})
    first = (asm.load_map(R2, "stages"), asm.mov(R3, 0), asm.call(12), *PASS)
    wrong = (asm.mov(R6, 1), asm.load(8, R0, FP, -8), asm.exit_())
    programs = (BpfProgram("test", "tc", first), BpfProgram("next", "tc", wrong))
    faults = meaning(BpfObject(programs, (stages,), name="test.o"), "test").faults
    assert faults
    assert all(fault.text.startswith("program next, instruction 1: reads") for fault in faults)


@needs_clang
def test_maps_of_maps_are_told_apart_by_number() -> None:
    behaviour = meaning(read_elf(bpf_suite.compiled("tenants"), "tenants.o"))
    assert behaviour.faults == ()
    calls = b.applications(*(t for case in behaviour.cases for t in case.terms()))
    assert {c.name for c in calls} >= {"map.tenants.number", "map.tenants.inner.found", "map.tenants.inner.value"}


# --- the kernel ---------------------------------------------------------------------------------------------------


def agree(oracle: KernelOracle, program: BpfObject, frames: list[bytes], hook: str = "tc") -> None:
    behaviour = meaning(program)
    for seen, frame in zip(oracle.observe(program, [(3, f) for f in frames], hook=hook), frames, strict=True):
        assert difference(evaluated(behaviour, program, {}, 3, frame), seen) is None, frame.hex()


@pytest.mark.oracle
def test_bytes_that_were_cut_off_come_back(kernel_oracle: KernelOracle) -> None:
    """XDP: what lies in front of the packet is what the program left there."""

    def moved(*deltas: int) -> tuple[Insn, ...]:
        steps = [i for d in deltas for i in (asm.mov(R1, R6), asm.mov(R2, d), asm.call(44))]
        return (asm.mov(R6, R1), *steps, asm.mov(R0, 2), asm.exit_())

    for deltas in ((4, -4), (4, -2), (8, -3, 2, -7), (1, 1, -2)):
        agree(kernel_oracle, obj(*moved(*deltas), section="xdp"), [PLAIN, PLAIN + bytes(30)], "xdp")


@pytest.mark.oracle
@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("flags", [0, 1, 2, 4, 2 | 8, 4 | 16, 6, 0x80, 0x100, 0x180, 0x200])
def test_room(kernel_oracle: KernelOracle, mode: int, flags: int) -> None:
    six = ADDRESSES + b"\x86\xdd" + bytes(range(60))
    for amount in (-60, -40, -20, -4, 0, 4, 20, 40):
        length = (asm.load(4, R2, R1, 0), asm.jump("jgt", R2, 54, 2), asm.mov(R0, 2), asm.exit_())
        code = (
            *length, asm.mov(R6, R1), asm.mov(R2, amount), asm.mov(R3, mode), asm.mov(R4, flags), asm.call(50),
            asm.store(4, R6, 8, R0), *PASS,
        )  # fmt: skip
        agree(kernel_oracle, obj(*code), [PLAIN + bytes(60), PLAIN, six, ADDRESSES + b"\x08\x06" + bytes(60)])


@pytest.mark.oracle
def test_a_copy_is_sent_as_the_packet_is_at_the_time(kernel_oracle: KernelOracle) -> None:
    code = (
        asm.mov(R6, R1), asm.mov(R2, 3), asm.mov(R3, 0), asm.call(13), asm.store(8, FP, -8, 0x5A), asm.mov(R1, R6),
        asm.mov(R2, 1), asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 1), asm.mov(asm.R5, 0), asm.call(9), *PASS,
    )  # fmt: skip
    agree(kernel_oracle, obj(*code), [PLAIN, ADDRESSES + b"\x81\x00\x00\x05" + PLAIN[12:]])


@pytest.mark.parametrize("size", [1, 8, 0x80004])
@pytest.mark.parametrize("kind", ["array", "devmap", "devmap_hash"])
def test_an_array_has_a_key_of_4_bytes(kind: str, size: int) -> None:
    item = MapDef("ports", kind, size, 4, 8)
    call = (asm.load_map(R1, "ports"), asm.mov(R2, 0), asm.mov(R3, 0), asm.call(51), asm.exit_())
    look_up = (
        asm.store(8, FP, -8, 0),
        asm.mov(R2, FP),
        asm.alu("add", R2, -8),
        asm.load_map(R1, "ports"),
        asm.call(1),
        *PASS,
    )
    with pytest.raises(Unsupported, match=f"no {kind} has a key of {size} bytes"):
        meaning(obj(*(look_up if kind == "array" else call), section="xdp", maps=(item,)))


# --- what devices take --------------------------------------------------------------------------------------------


def asked_of_device(then: tuple[Insn, ...], flags: int = 0) -> BpfObject:
    """Asks what device 9 takes of 700 bytes and 20 more; r6 is the context."""
    return obj(
        asm.mov(R6, R1), asm.mov(R2, 9), asm.store(4, FP, -4, 700), asm.mov(R3, FP), asm.alu("add", R3, -4),
        asm.mov(R4, 20), asm.mov(asm.R5, flags), asm.call(163), *then,
    )  # fmt: skip


MARK_BOTH = (
    asm.load(4, R2, FP, -4), asm.alu("lsh", R2, 8), asm.alu("and", R0, 0xFF), asm.alu("or", R0, R2),
    asm.store(4, R6, 8, R0), *PASS,
)  # fmt: skip
"""The answer's low byte, and the limit above it."""


@pytest.mark.parametrize(("answer", "told"), [(0, 1500), (1, 1500), (-19, 700)])
def test_what_a_device_takes_is_a_function_of_what_is_asked(answer: int, told: int) -> None:
    found = meaning(asked_of_device(MARK_BOTH))
    seen: list[int] = []

    def result(asked: int) -> int:
        seen.append(asked)
        return answer % (1 << 32)

    values = {"pkt.len": len(PLAIN), "in.mark": 0} | {f"pkt[{i}]": octet for i, octet in enumerate(PLAIN)}
    functions = {"given.mtu.0.result": result, "given.mtu": lambda _: 1500}
    (case,) = [c for c in found.cases if b.evaluate([c.guard], values, functions) == [1] and c.outputs]
    (marked,) = b.evaluate([case.metadata["mark"]], values, functions)
    assert marked == told << 8 | answer & 0xFF
    assert set(seen) == {9 << 96 | 700 << 64 | 20 << 32 | len(PLAIN)}


@pytest.mark.oracle
def test_the_kernel_knows_no_device_9(kernel_oracle: KernelOracle) -> None:
    """-ENODEV, and the length as it was; -EINVAL for flags that there are not. The namespace is one where no other test
    has made the device."""
    program, refused = asked_of_device(MARK_BOTH), asked_of_device(MARK_BOTH, flags=4)
    with KernelOracle() as alone:
        (seen,) = alone.run(program, [(3, PLAIN)])
        assert seen.metadata["mark"] == 700 << 8 | -19 & 0xFF
        (seen,) = alone.run(refused, [(3, PLAIN)])
    assert seen.metadata["mark"] == 700 << 8 | -22 & 0xFF == mark(refused)


# --- numbers that a helper asks for -------------------------------------------------------------------------------


def reading_at_two_places() -> BpfObject:
    """Marks the packet with 4 bytes that ``bpf_skb_load_bytes_relative`` reads at 1 or 3, as the low bit of byte 14
    says; what is masked for that may be too large for any packet."""
    return obj(
        asm.mov(R6, R1), asm.store(8, FP, -8, 0), asm.load(4, R1, R6, 76), asm.load(4, R2, R6, 80), asm.mov(R3, R1),
        asm.alu("add", R3, 15), asm.jump("jle", R3, R2, 2), *PASS, asm.load(1, R4, R1, 14), asm.load_imm64(R2, 33),
        asm.jump("jset", R4, 1, 2), asm.load_imm64(R2, 0x170A4FEB7AC0127F), asm.alu("and", R2, 3), asm.mov(R1, R6),
        asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 4), asm.mov(asm.R5, 0), asm.call(68),
        asm.load(4, R0, FP, -8), asm.store(4, R6, 8, R0), *PASS,
    )  # fmt: skip


@pytest.mark.oracle
def test_no_path_is_lost_where_a_helper_asks_for_a_number(kernel_oracle: KernelOracle) -> None:
    program = reading_at_two_places()
    frames = [PLAIN, PLAIN[:14] + b"\x44" + PLAIN[15:]]
    seen = kernel_oracle.run(program, [(3, frame) for frame in frames])
    assert [o.metadata["mark"] for o in seen] == [0x04030201, 0x06050403]
    for frame, observation in zip(frames, seen, strict=True):
        assert difference(evaluated(meaning(program), program, {}, 3, frame), observation) is None


# --- what helpers ask first ---------------------------------------------------------------------------------------

UDP = ADDRESSES + b"\x08\x00" + b"\x45" + bytes(9) + b"\x12\x34" + bytes(range(100, 130))
"""Two bytes of 0x1234 at 24, zeros before."""


def replaced(helper: int, offset: int, before: int, flags: int) -> BpfObject:
    """Marks the packet with what ``bpf_l3_csum_replace`` or ``bpf_l4_csum_replace`` answers."""
    return obj(
        asm.mov(R6, R1), asm.mov(R2, offset), asm.mov(R3, before), asm.mov(R4, 7), asm.mov(asm.R5, flags),
        asm.call(helper), asm.store(4, R6, 8, R0), *PASS,
    )  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("helper", [10, 11])
@pytest.mark.parametrize("offset", [14, 15, 20, 24, 90])
@pytest.mark.parametrize("before", [0, 5])
def test_sums_are_replaced_as_on_the_kernel(helper: int, offset: int, before: int, kernel_oracle: KernelOracle) -> None:
    for flags in (0, 2, 3, 4, 0x20, 0x22, 0x23, 0x60, 0x62, 0x63, 0x30, 0x100, 0x203):
        program = replaced(helper, offset, before, flags)
        (seen,) = kernel_oracle.run(program, [(3, UDP)])
        found = difference(evaluated(meaning(program), program, {}, 3, UDP), seen)
        assert found is None, f"flags {flags:#x}: {found}"


@pytest.mark.oracle
@pytest.mark.parametrize(("old", "new"), [(4, 4), (8, 4), (4, 8), (12, 8), (0, 8)])
def test_differences_that_sum_up_to_zero(old: int, new: int, kernel_oracle: KernelOracle) -> None:
    """The kernel has 0xffff where anything is added; 0 was thought possible, so that sums by hand differed."""
    code = obj(
        asm.mov(R6, R1), asm.mov(R2, 14), asm.mov(R3, FP), asm.alu("add", R3, -32), asm.mov(R4, old + new + 4),
        asm.call(26), asm.mov(R1, FP), asm.alu("add", R1, -32), asm.mov(R2, old), asm.mov(R3, FP),
        asm.alu("add", R3, old - 32), asm.mov(R4, new), asm.load(4, asm.R5, FP, old + new - 32), asm.call(28),
        asm.store(4, R6, 8, R0), *PASS,
    )  # fmt: skip
    rng, frames = random.Random(old + new), []
    for _ in range(30):
        octets = [rng.choice((0, 0, 255, rng.randrange(256))) for _ in range(old + new)]
        words = [int.from_bytes(bytes(octets[i : i + 2]), "little") for i in range(0, old + new, 2)]
        total = sum(words[old // 2 :]) + sum(0xFFFF - word for word in words[: old // 2])
        seed = -total % 0xFFFF
        if any(octets[old:]) or seed:
            frames.append(bytes(12) + b"\x08\x00" + bytes(octets) + seed.to_bytes(4, "little") + bytes(30))
    for frame, seen in zip(frames, kernel_oracle.run(code, [(3, frame) for frame in frames]), strict=True):
        for zero in (0, 1):
            functions = {f"given.csum_zero.{new // 2}.{old // 2}": lambda _, zero=zero: zero}
            said = evaluate_behaviour(meaning(code), frame, 3, functions=functions, default=0).metadata["mark"]
            assert said == seen.metadata["mark"] == 0xFFFF, frame.hex()


@pytest.mark.oracle
@pytest.mark.parametrize("helper", [189, 190])
def test_bytes_outside_of_a_frame_at_xdp(helper: int, kernel_oracle: KernelOracle) -> None:
    """Far outside the kernel has another error than just outside: both were taken for -EINVAL."""
    for offset in (0, 44, 56, 57, 0xFFFC, 0xFFFF, 0x10000, 0x7FFFFFFF, -2):
        code = obj(
            asm.store(8, FP, -8, 0), asm.mov(R2, offset), asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 4),
            asm.call(helper), asm.mov(R1, R0), asm.alu("and", R1, 0xFF), asm.alu("add", R1, 2), asm.mov(R2, 0),
            asm.call(23), asm.exit_(), section="xdp",
        )  # fmt: skip
        agree(kernel_oracle, code, [bytes(60)], "xdp")


def test_that_sums_of_devices_are_not_compared_is_said() -> None:
    with_sum, without = (meaning(replaced(helper, 24, 5, 2)) for helper in (11, 10))
    (told,) = [note for note in with_sum.notes if note not in without.notes]
    assert "BPF_F_PSEUDO_HDR" in told


@needs_clang
def test_flags_that_are_not_compared_are_said() -> None:
    notes = " ".join(meaning(replaced(10, 24, 5, 2)).notes)
    assert "a device's checksum" in notes
    assert "inner headers" in notes
    assert "device" not in " ".join(meaning(obj(*PASS)).notes)
    sample = meaning(read_elf(bpf_suite.compiled("sample"), "sample.o"))
    assert any("woken" in note for note in sample.notes)


@pytest.mark.oracle
@pytest.mark.parametrize("size", [10, 70, 70_000])
def test_a_packet_that_is_encapsulated_is_not_cut(size: int, kernel_oracle: KernelOracle) -> None:
    program = obj(
        asm.mov(R6, R1), asm.mov(R2, 20), asm.mov(R3, 1), asm.mov(R4, 2), asm.call(50),
        asm.jump("jeq", R0, 0, 2), *PASS,
        asm.mov(R1, R6), asm.mov(R2, size), asm.mov(R3, 0), asm.call(38), asm.store(4, R6, 8, R0), *PASS,
    )  # fmt: skip
    (seen,) = kernel_oracle.run(program, [(3, UDP)])
    assert difference(evaluated(meaning(program), program, {}, 3, UDP), seen) is None


@contextmanager
def on_one_processor() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["lru_hash", "lru_percpu_hash"])
@pytest.mark.parametrize("flags", [0, 1, 2])
def test_an_update_lets_elements_go_before_it_looks_for_its_own(
    kind: str, flags: int, kernel_oracle: KernelOracle
) -> None:
    """Of a full map; the update of key 1, which is there, is seen to find it gone."""
    program = obj(
        asm.mov(R6, R1), asm.store(4, FP, -4, 1), asm.store(8, FP, -16, 7), asm.load_map(R1, "used"), asm.mov(R2, FP),
        asm.alu("add", R2, -4), asm.mov(R3, FP), asm.alu("add", R3, -16), asm.mov(R4, flags), asm.call(2),
        asm.store(4, R6, 8, R0), *PASS, maps=(MapDef("used", kind, 4, 8, 16),),
    )  # fmt: skip
    tables = {"used": [(n.to_bytes(4, "little"), bytes(8)) for n in range(16)]}
    left: list[set[int]] = []

    def look(maps: Mapping[str, KernelMap]) -> None:
        left.append({int.from_bytes(key, "big") for key in maps["used"].keys()})  # noqa: SIM118

    with on_one_processor():  # each has its own list of free elements
        (seen,) = kernel_oracle.observe(program, [(3, PLAIN)], tables, inspect=look)
    keys = {int.from_bytes(key, "big") for key, _ in tables["used"]}
    own = int.from_bytes(tables["used"][1][0], "big")
    taken = keys - left[0] | {own}
    assert (len(taken) > 2) == (flags != 2 or kind == "lru_hash")
    behaviour = meaning(program)
    world = {"given.evicted.used.0": lambda key: int(key in taken)}
    said = evaluated(behaviour, program, tables, 3, PLAIN, world=world)
    assert difference(said, seen) is None
    assert {key for key, there in said.state["map.used.present"].items() if there} == left[0] & {
        int.from_bytes(key, "big") for key in KEYS
    }


def short(data: int, end: int, *then: Insn, section: str = "tc") -> BpfObject:
    """Goes on with frames of 20 to 36 bytes alone, how far their end is from their start in r2."""
    return obj(
        asm.mov(R6, R1), asm.load(4, R1, R6, data), asm.load(4, R2, R6, end), asm.mov(R3, R1), asm.alu("add", R3, 20),
        asm.jump("jle", R3, R2, 2), *PASS, asm.alu("add", R3, 17), asm.jump("jgt", R3, R2, 2), *PASS,
        asm.alu("sub", R2, R1), asm.alu("and", R2, 63), asm.store(8, FP, -8, -1),
        asm.mov(R1, R6), asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 8), *then, section=section,
    )  # fmt: skip


PAST_THE_END = {
    "bytes": short(76, 80, asm.call(26), asm.load(4, R1, FP, -8), asm.alu("add", R0, R1), asm.store(4, R6, 8, R0),
                   *PASS),
    "bytes of old": short(76, 80, asm.mov(asm.R7, R2), Insn(0x40, src=7, imm=2), asm.store(4, R6, 8, 9), *PASS),
    "bytes at XDP": short(0, 4, asm.call(189), asm.jump("jslt", R0, 0, 2), asm.mov(R0, 3), asm.exit_(), asm.mov(R0, 2),
                          asm.exit_(), section="xdp"),
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("name", PAST_THE_END)
def test_paths_where_nothing_is_read_stay_where_all_others_end(name: str, kernel_oracle: KernelOracle) -> None:
    program = PAST_THE_END[name]
    frame = PLAIN[:14] + b"\x45" + bytes(15)
    (seen,) = kernel_oracle.run(program, [(3, frame)])
    assert difference(evaluated(meaning(program), program, {}, 3, frame), seen) is None
