"""What programs mean: hooks, tags, memory, maps, paths that meet, faults, and what is refused with its place."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour, Packet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import Assembler, BpfObject, BpfProgram, Insn, Line, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7, R8
from p4verify.targets.ebpf.artifact.insn import ALU_OPS
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.bpf_compare import evaluated

CELLS = MapDef("cells", "array", 4, 8, 4)
SEEN = MapDef("seen", "hash", 4, 4, 16)
ROUTES = MapDef("routes", "lpm_trie", 8, 4, 16, 1)
LIMITS = MapDef(".rodata", "array", 4, 8, 1, 128, data=bytes(range(8)))
MAPS = (CELLS, SEEN, ROUTES, LIMITS)

ADDRESSES = bytes(range(12))
PLAIN = ADDRESSES + b"\x08\x00" + b"\x45" + bytes(range(100, 130))
TAGGED = ADDRESSES + b"\x81\x00\x60\x05" + PLAIN[12:]
STACKED = ADDRESSES + b"\x88\xa8\x00\x07\x81\x00\x60\x05" + PLAIN[12:]


def obj(*insns: Insn, section: str = "tc", maps: tuple[MapDef, ...] = MAPS) -> BpfObject:
    return BpfObject((BpfProgram("test", section, insns),), maps, name="test.o")


def outputs(program: BpfObject, frame: bytes, port: int = 3) -> tuple[tuple[str, int, bytes], ...]:
    return evaluated(meaning(program), program, {}, port, frame).outputs


def metadata(program: BpfObject, frame: bytes) -> dict[str, int]:
    return evaluated(meaning(program), program, {}, 3, frame).metadata


def packet(count: int, *insns: Insn, hook: str = "tc") -> tuple[Insn, ...]:
    """``insns`` where ``count`` bytes of the packet are there (r7 its start, r6 the context); else the frame drops."""
    data, end = (76, 80) if hook == "tc" else (0, 4)
    return (
        asm.mov(R6, R1),
        asm.load(4, R7, R1, data),
        asm.load(4, R8, R1, end),
        asm.mov(R0, R7),
        asm.alu("add", R0, count),
        asm.jump("jle", R0, R8, 2),
        asm.mov(R0, 2 if hook == "tc" else 1),
        asm.exit_(),
        *insns,
    )


PASS = (asm.mov(R0, 0), asm.exit_())
MARK_R0 = (asm.store(4, R6, 8, R0), *PASS)
"""Show r0 as the packet's mark."""


# --- hooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "passing"),
    [("tc", (-1, 0, 1, 3, 5, 6, 9)), ("tcx/ingress", (-1, 0, 1, 3, 4, 5, 6, 8, 9)), ("xdp", (2,))],
)
def test_results(section: str, passing: tuple[int, ...]) -> None:
    for code in range(-1, 10):
        found = outputs(obj(asm.mov(R0, code), asm.exit_(), section=section), PLAIN)
        if section == "xdp" and code == 3:
            assert found == (("port", 3, PLAIN),)
        else:
            assert found == ((("stack", 0, PLAIN),) if code in passing else ())


@pytest.mark.parametrize("section", ["tc", "xdp"])
def test_a_redirect_names_any_port(section: str) -> None:
    redirect = (asm.mov(R1, 70_000), asm.mov(R2, 0), asm.call(23), asm.exit_())
    for frame in (PLAIN, TAGGED, STACKED):
        assert outputs(obj(*redirect, section=section), frame) == (("port", 70_000, frame),)


def test_a_redirect_that_was_never_asked_for_goes_nowhere() -> None:
    assert outputs(obj(asm.mov(R0, 7), asm.exit_()), PLAIN) == ()
    assert outputs(obj(asm.mov(R0, 4), asm.exit_(), section="xdp"), PLAIN) == ()


def test_tc_ingress_sees_a_tagged_frame_without_its_tag() -> None:
    """A program that looks for IPv4 at offset 12 finds it behind a tag; at XDP it does not."""
    tc = obj(*packet(14, asm.load(2, R0, R7, 12), *MARK_R0))
    assert metadata(tc, PLAIN) == metadata(tc, TAGGED) == {"mark": 0x0008}
    assert metadata(tc, STACKED) == {"mark": 0x0081}
    type_at_12 = packet(14, asm.load(2, R0, R7, 12), asm.jump("jeq", R0, 0x0008, 2), asm.mov(R0, 1), asm.exit_(),
                        asm.mov(R0, 2), asm.exit_(), hook="xdp")  # fmt: skip
    xdp = obj(*type_at_12, section="xdp")
    assert (len(outputs(xdp, PLAIN)), len(outputs(xdp, TAGGED))) == (1, 0)


@pytest.mark.parametrize(
    ("field", "plain", "tagged", "stacked"),
    [
        (0, 45, 45, 49),  # len, of PLAIN, TAGGED and STACKED
        (16, 0x0008, 0x0008, 0x0081),  # protocol
        (20, 0, 1, 1),  # vlan_present
        (24, 0, 0x6005, 0x0007),  # vlan_tci
        (28, 0, 0x0081, 0xA888),  # vlan_proto
        (36, 3, 3, 3),  # ingress_ifindex
        (40, 3, 3, 3),  # ifindex
    ],
)
def test_context_fields(field: int, plain: int, tagged: int, stacked: int) -> None:
    program = obj(asm.mov(R6, R1), asm.load(4, R0, R6, field), *MARK_R0)
    assert [metadata(program, f).get("mark", 0) for f in (PLAIN, TAGGED, STACKED)] == [plain, tagged, stacked]


def test_a_tag_cut_short_never_reaches_the_program() -> None:
    for length in range(14, 20):
        assert outputs(obj(*PASS), TAGGED[:length]) == ()
        assert len(outputs(obj(*PASS), PLAIN[:length])) == 1
    assert len(outputs(obj(*PASS), TAGGED[:20])) == 1


def test_frames_shorter_than_an_ethernet_header_are_outside_of_the_domain() -> None:
    with pytest.raises(ValueError, match="14 bytes"):
        outputs(obj(*PASS), PLAIN[:13])


def test_programs_are_chosen_by_name_or_section() -> None:
    two = BpfObject((BpfProgram("a", "tc", PASS), BpfProgram("b", "xdp", PASS)), name="two.o")
    assert len(meaning(two, "a").cases) == 3
    assert len(meaning(two, "xdp").cases) == 1
    assert len(meaning(two, "a", hook="xdp").cases) == 1
    with pytest.raises(InputError, match=r"two\.o: error: more than one program"):
        meaning(two)
    with pytest.raises(InputError, match="no program c"):
        meaning(two, "c")
    with pytest.raises(Unsupported, match="hook that is not modelled"):
        meaning(obj(*PASS, section="tc/egress"))
    with pytest.raises(Unsupported, match="hook that is not modelled"):
        meaning(obj(*PASS, section="kprobe/x"))


# --- packets ------------------------------------------------------------------------------------------------------


def test_an_untouched_frame_is_the_input() -> None:
    for section, code in (("tc", 0), ("xdp", 2)):
        for case in meaning(obj(asm.mov(R0, code), asm.exit_(), section=section)).cases:
            assert all(o.packet == Packet() for o in case.outputs)


def test_bytes_written_are_sent_and_the_tag_stays_where_it_was() -> None:
    program = obj(*packet(16, asm.store(2, R7, 14, 0x2211), *PASS))
    assert outputs(program, PLAIN) == (("stack", 0, PLAIN[:14] + b"\x11\x22" + PLAIN[16:]),)
    assert outputs(program, TAGGED) == (("stack", 0, TAGGED[:18] + b"\x11\x22" + TAGGED[20:]),)


def test_headroom_and_cut_at_xdp() -> None:
    cut = obj(asm.mov(R2, 4), asm.call(44), asm.mov(R0, 2), asm.exit_(), section="xdp")
    assert outputs(cut, PLAIN) == (("stack", 0, PLAIN[4:]),)
    assert outputs(cut, PLAIN[:17]) == (("stack", 0, PLAIN[:17]),)  # 13 bytes would be left: refused
    grown = obj(asm.mov(R2, -2), asm.call(44), asm.mov(R0, 2), asm.exit_(), section="xdp")
    assert outputs(grown, PLAIN) == (("stack", 0, bytes(2) + PLAIN),)
    assert len(meaning(grown).choices) == 2


def test_a_header_of_variable_length() -> None:
    """An address that depends on four bits of the packet is followed for each of their values."""
    program = obj(*packet(
        14 + 60 + 2,
        asm.load(1, R1, R7, 14), asm.alu("and", R1, 15), asm.alu("lsh", R1, 2), asm.alu("add", R1, R7),
        asm.load(2, R0, R1, 14), *MARK_R0,
    ))  # fmt: skip
    frame = PLAIN[:14] + b"\x47" + bytes(range(100))
    assert metadata(program, frame) == {"mark": frame[42] | frame[43] << 8}
    assert meaning(program).faults == ()


# --- maps ---------------------------------------------------------------------------------------------------------


def lookup(name: str, key: int, *insns: Insn) -> tuple[Insn, ...]:
    """``insns`` with r0 the address of the value; the frame drops where there is none. r6 is the context."""
    return (
        asm.mov(R6, R1),
        asm.store(4, FP, -4, key),
        asm.load_map(R1, name),
        asm.mov(R2, FP),
        asm.alu("add", R2, -4),
        asm.call(1),
        asm.jump("jne", R0, 0, 2),
        asm.mov(R0, 2),
        asm.exit_(),
        *insns,
    )


def test_a_map_that_is_only_read_is_a_function_of_its_key() -> None:
    behaviour = meaning(obj(*lookup("seen", 7, asm.load(4, R0, R0), *MARK_R0)))
    names = {t.name for case in behaviour.cases for t in b.applications(case.guard, *case.metadata.values())}
    assert names == {"map.seen.found", "map.seen.value"}
    assert all(not case.state for case in behaviour.cases)


def test_the_key_is_what_lies_in_memory_first_byte_highest() -> None:
    behaviour = meaning(obj(*lookup("seen", 0x04030201, *PASS)))
    (asked,) = {t for case in behaviour.cases for t in b.applications(*(o.when for o in case.outputs))}
    assert asked.args == (b.bv(0x01020304, 32),)


@pytest.mark.parametrize(("key", "there"), [(0, True), (3, True), (4, False), (0x01000000, False)])
def test_an_array_has_its_elements(key: int, there: bool) -> None:
    program = obj(*lookup("cells", key, asm.load(8, R1, R0), *PASS))
    assert bool(outputs(program, PLAIN)) == there
    assert meaning(program).faults == ()


def test_what_is_written_is_seen_by_the_next_look_up_of_the_key() -> None:
    again = (asm.load_map(R1, "cells"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
             asm.jump("jne", R0, 0, 2), asm.mov(R0, 2), asm.exit_())  # fmt: skip
    program = obj(*lookup("cells", 1, asm.store(4, R0, 4, 99), *again, asm.load(4, R0, R0, 4), *MARK_R0))
    assert metadata(program, PLAIN) == {"mark": 99}
    behaviour = meaning(program)
    assert behaviour.observables == ("outputs", "map.cells", "mark")
    state = next(case.state["map.cells"] for case in behaviour.cases if case.state)
    old = b.apply("state.map.cells", 64, b.var("at.map.cells", 32))
    values = {"at.map.cells": 0x01000000}, {"at.map.cells": 0x02000000}
    got = [b.evaluate([state, old], v, {"state.map.cells": lambda _: 0x1122334455667788})[0] for v in values]
    assert got == [0x1122334463000000, 0x1122334455667788]


def test_a_counter_is_counted_once() -> None:
    program = obj(*lookup("cells", 0, asm.mov(R1, 1), asm.atomic(8, ALU_OPS["add"], R0, 0, R1), *PASS))
    state = next(case.state["map.cells"] for case in meaning(program).cases if case.state)
    before = (255).to_bytes(8, "little")
    functions = {"state.map.cells": lambda _: int.from_bytes(before, "big")}
    (after,) = b.evaluate([state], {"at.map.cells": 0}, functions)
    assert isinstance(after, int)
    assert after.to_bytes(8, "big") == (256).to_bytes(8, "little")


def test_an_update_makes_a_key_present_or_finds_no_room() -> None:
    program = obj(
        asm.store(4, FP, -4, 5), asm.store(4, FP, -8, 77), asm.load_map(R1, "seen"), asm.mov(R2, FP),
        asm.alu("add", R2, -4), asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, 0), asm.call(2), *PASS,
    )  # fmt: skip
    behaviour = meaning(program)
    assert {"map.seen", "map.seen.present"} <= set(behaviour.observables)
    assert {c.variable.name for c in behaviour.choices} == {"in.ebpf.full.seen.0", "in.ebpf.error.seen.0"}


def test_constant_data_is_known() -> None:
    program = obj(asm.mov(R6, R1), asm.load_map_value(R1, ".rodata", 2), asm.load(2, R0, R1, 1), *MARK_R0)
    assert metadata(program, PLAIN) == {"mark": 0x0403}


# --- paths --------------------------------------------------------------------------------------------------------


def test_paths_that_meet_become_one() -> None:
    """Sixty diamonds in a row would be 2**60 paths."""
    out = Assembler()
    out.emit(*packet(64, asm.mov(R0, 0)))
    for i in range(60):
        other, behind = out.label(), out.label()
        out.emit(asm.load(1, R1, R7, i))
        out.jump("jeq", R1, i, other)
        out.emit(asm.alu("add", R0, 1))
        out.goto(behind)
        out.place(other)
        out.emit(asm.alu("mul", R0, 3), asm.store(1, R7, i, 0))
        out.place(behind)
    out.emit(*MARK_R0)
    started = time.monotonic()
    program = obj(*out.finish())
    assert len(meaning(program).cases) == 5
    assert time.monotonic() - started < 10
    assert metadata(program, bytes(64)) == {"mark": 59}


def test_a_loop_whose_end_folds_is_unrolled() -> None:
    out = Assembler()
    again = out.label()
    out.emit(asm.mov(R6, R1), asm.mov(R0, 0), asm.mov(R1, 0))
    out.place(again)
    out.emit(asm.alu("add", R0, R1), asm.alu("add", R1, 1))
    out.jump("jlt", R1, 100, again)
    out.emit(*MARK_R0)
    assert metadata(obj(*out.finish()), PLAIN) == {"mark": 4950}


def test_functions_have_a_stack_and_registers_of_their_own() -> None:
    out = Assembler()
    callee = out.label()
    out.emit(asm.mov(R6, R1), asm.mov(R7, 5), asm.store(8, FP, -8, R7), asm.mov(R1, 1))
    out.call(callee)
    out.emit(asm.load(8, R1, FP, -8), asm.alu("mul", R7, 100), asm.alu("add", R0, R7), asm.alu("add", R0, R1), *MARK_R0)
    out.place(callee)
    out.emit(asm.mov(R7, 1000), asm.store(8, FP, -8, R7), asm.mov(R6, 0), asm.mov(R0, R1), asm.alu("add", R0, R7))
    out.emit(asm.exit_())
    assert metadata(obj(*out.finish()), PLAIN) == {"mark": 1001 + 500 + 5}


def test_a_pointer_kept_on_one_path_only_does_not_keep_paths_apart() -> None:
    spill = (asm.load(4, R1, R6, 8), asm.jump("jeq", R1, 0, 1), asm.store(8, FP, -8, R7))
    assert len(meaning(obj(*packet(20, *spill, *PASS))).cases) == 3


def test_a_pointer_kept_on_one_path_and_read_on_that_path() -> None:
    """Read back under the same condition: the paths must stay apart, and then it works."""
    program = obj(*packet(
        20, asm.load(4, R1, R6, 8), asm.store(8, FP, -8, R1), asm.jump("jeq", R1, 0, 1), asm.store(8, FP, -8, R7),
        asm.mov(R0, 0), asm.load(4, R1, R6, 8), asm.jump("jeq", R1, 0, 2), asm.load(8, R2, FP, -8),
        asm.load(1, R0, R2, 3), *MARK_R0,
    ))  # fmt: skip
    assert meaning(program).faults == ()
    assert metadata(program, PLAIN).get("mark", 0) == 0


# --- faults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("insns", "text"),
    [
        ((asm.mov(R0, R3), asm.exit_()), "instruction 0: reads r3, which holds nothing"),
        ((asm.exit_(),), "reads r0"),
        ((asm.load(8, R0, FP, -8), asm.exit_()), "byte -8 of the stack, which was not written"),
        ((asm.store(1, FP, -8, 2), asm.load(8, R0, FP, -8), asm.exit_()), "byte -7 of the stack"),
        ((asm.store(8, FP, -516, 0), *PASS), "reaches past the stack"),
        ((asm.store(8, FP, -4, 0), *PASS), "reaches past the stack"),
        ((asm.mov(R1, 5), asm.load(1, R0, R1), asm.exit_()), "which is no pointer"),
        (packet(20, asm.load(4, R0, R7, 17), *PASS), "reaches past the packet (bytes 17 to 20)"),
        (packet(20, asm.load(4, R0, R7, -1), *PASS), "bytes before the packet"),
        (lookup("seen", 1, asm.load(4, R0, R0, 1), *PASS), "past the value of map seen (offset 1, 4 bytes)"),
        ((asm.load_map_value(R1, ".rodata", 0), asm.store(1, R1, 0, 1), *PASS), "may only read"),
        ((asm.load(4, R2, R1, 8), asm.alu("add", R2, FP), asm.store(1, R2, -9, 1), *PASS), "stack (a variable offset"),
    ],
)
def test_faults(insns: tuple[Insn, ...], text: str) -> None:
    faults = meaning(obj(*insns)).faults
    assert faults
    assert text in faults[0].text


def test_a_null_pointer_followed() -> None:
    unchecked = [i for n, i in enumerate(lookup("seen", 1, asm.load(4, R0, R0), *PASS)) if n not in (6, 7, 8)]
    (fault, *_) = meaning(obj(*unchecked)).faults
    assert fault.text == "program test, instruction 7: follows the null pointer of a look-up in map seen"
    assert {t.name for t in b.applications(fault.guard)} == {"map.seen.found"}


def test_a_fault_holds_on_its_paths_only_and_names_the_source() -> None:
    program = obj(asm.load(4, R1, R1, 8), asm.jump("jeq", R1, 5, 1), asm.mov(R0, 0), asm.exit_())
    program = replace(program, programs=(replace(program.programs[0], lines=(Line(0, "a.p4", 7, 3),)),))
    for fault in meaning(program).faults:
        assert str(fault.where) == "a.p4:7:3"
        for mark in (4, 5):
            (bad,) = b.evaluate([fault.guard], {"in.mark": mark, "pkt.len": 60, "pkt[12]": 8, "pkt[13]": 0}, default=0)
            assert not bad or mark == 5


def test_stack_written_on_one_path_only() -> None:
    program = obj(
        asm.load(4, R1, R1, 8), asm.jump("jeq", R1, 5, 1), asm.store(8, FP, -8, 1), asm.load(8, R0, FP, -8), asm.exit_()
    )
    guards = [fault.guard for fault in meaning(program).faults]
    bad = [b.evaluate([b.or_(*guards)], {"in.mark": m, "pkt.len": 60}, default=0)[0] for m in (4, 5)]
    assert bad == [0, 1]


# --- what is not modelled -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("insns", "text"),
    [
        ((asm.call(182), *PASS), "instruction 0: calls helper 182 (strncmp)"),
        ((asm.call(999), *PASS), "instruction 0: calls helper 999"),
        ((Insn(0x85, src=2, imm=9), *PASS), "kernel function"),
        ((asm.mov(R0, 0), Insn(0x8D, dst=1), *PASS), "instruction 1: undefined jump"),
        ((Insn(0x38, imm=12), *PASS), "undefined load"),
        ((asm.load(4, R0, R1, 192), *PASS), "reads 4 bytes of the context at 192"),
        ((asm.store(4, R1, 0, 1), *PASS), "writes 4 bytes of the context at 0"),
        ((Insn(0x07, dst=1, off=3, imm=1), *PASS), "undefined arithmetic"),
        ((asm.alu("mul", R1, 2), *PASS), "mul on a pointer"),
        ((asm.load_map(R0, "cells"), asm.exit_()), "a map as a number"),
        ((asm.ja(-1),), "more than"),
        (packet(20, asm.load(4, R2, R6, 8), asm.alu("add", R7, R2), *PASS), "moves by a number without bounds"),
        ((asm.load_map(R1, "nowhere"), *PASS), "map nowhere, which the object does not define"),
    ],
)
def test_refused_with_the_place(insns: tuple[Insn, ...], text: str) -> None:
    with pytest.raises(Unsupported) as caught:
        meaning(obj(*insns))
    assert text in str(caught.value)
    assert str(caught.value).startswith("test.o: program test, instruction")


def test_a_program_that_runs_off_its_end() -> None:
    with pytest.raises(Unsupported, match="leads to 1, where there is none"):
        meaning(obj(asm.mov(R0, 0)))


STALE = {
    "pull_data": (asm.mov(R2, 0), asm.call(39)),
    "vlan_push": (asm.mov(R2, 0x81), asm.mov(R3, 5), asm.call(18)),
    "clone_redirect": (asm.mov(R2, 7), asm.mov(R3, 0), asm.call(13)),
    "change_head": (asm.mov(R2, 4), asm.mov(R3, 0), asm.call(43)),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", STALE)
def test_stale_packet_pointers(kernel_oracle: KernelOracle, name: str) -> None:
    """The kernel may have moved the packet: a fault of every packet that comes so far, and the verifier sees it too."""
    stale = obj(*packet(20, asm.mov(R1, R6), *STALE[name], asm.load(1, R0, R7, 0), *PASS))
    assert any("from before a change of the packet" in fault.text for fault in meaning(stale).faults)
    assert kernel_oracle.refuses(stale)
    fresh = obj(*packet(20, asm.mov(R1, R6), *STALE[name], *PASS))
    assert not meaning(fresh).faults
    assert not kernel_oracle.refuses(fresh)


# --- choices ------------------------------------------------------------------------------------------------------


def test_what_nobody_determines_is_a_choice_for_each_read() -> None:
    twice = obj(asm.mov(R6, R1), asm.call(7), asm.mov(R7, R0), asm.call(7), asm.alu("sub", R0, R7), *MARK_R0)
    behaviour = meaning(twice)
    plain: Behaviour = meaning(obj(asm.mov(R6, R1), asm.load(4, R0, R6, 68), *MARK_R0))
    assert {c.variable.name for c in behaviour.choices} == {"in.ebpf.prandom.0", "in.ebpf.prandom.1"}
    assert all(c.reason == "a random number" for c in behaviour.choices)
    assert {c.variable.name.split(".")[2] for c in plain.choices} == {"hash"}


def test_a_pointer_that_is_returned_is_any_address() -> None:
    behaviour = meaning(obj(asm.mov(R0, R1), asm.exit_()))
    assert [c.reason for c in behaviour.choices] == ["the address of a piece of the kernel's memory"]
    sent = b.or_(*(b.and_(case.guard, output.when) for case in behaviour.cases for output in case.outputs))
    known = [{"pkt.len": 60, "any.ebpf.address.0": address} for address in (0, 2)]  # TC_ACT_OK, TC_ACT_SHOT
    assert [b.evaluate([sent], values, default=0)[0] for values in known] == [1, 0]


def test_checksums() -> None:
    insns = packet(
        34, asm.mov(R1, 0), asm.mov(R2, 0), asm.mov(R3, R7), asm.alu("add", R3, 14), asm.mov(R4, 20), asm.mov(R5, 0),
        asm.call(28), *MARK_R0,
    )  # fmt: skip
    total = sum(PLAIN[14 + i] | PLAIN[15 + i] << 8 for i in range(0, 20, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert metadata(obj(*insns), PLAIN) == {"mark": total}
