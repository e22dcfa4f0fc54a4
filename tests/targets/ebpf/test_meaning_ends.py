"""Where frames end, and where they are sent beside ports: helpers that cut frames, redirects, sockets, tunnels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Output, Packet
from p4verify.semantics.meaning.sent import merge_sent
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.bpf_compare import difference, evaluated, worlds

FRAME = bytes(range(12)) + b"\x08\x00\x45" + bytes(range(100, 160))
PASS, DATA_END = 2, 4


def xdp(*insns: Insn, maps: tuple[MapDef, ...] = ()) -> BpfObject:
    return BpfObject((BpfProgram("test", "xdp", insns),), maps, name="test.o")


def tc(*insns: Insn, maps: tuple[MapDef, ...] = ()) -> BpfObject:
    return BpfObject((BpfProgram("test", "tc", insns),), maps, name="test.o")


def cut_to(size: int, head: int = 0) -> BpfObject:
    """At XDP: cut to ``size`` bytes and moved at the head by ``head``; passed if the first helper takes it, else sent
    back."""
    return xdp(
        asm.mov(R6, R1), asm.load(4, R2, R1, 0), asm.load(4, R3, R1, DATA_END), asm.alu("sub", R2, R3),
        asm.alu("add", R2, size), asm.call(65), asm.jump("jne", R0, 0, 5), asm.mov(R1, R6), asm.mov(R2, head),
        asm.call(44), asm.mov(R0, PASS), asm.exit_(), asm.mov(R0, 3), asm.exit_(),
    )  # fmt: skip


def long_enough(size: int, then: BpfObject) -> BpfObject:
    """Frames of fewer than ``size`` bytes are dropped before."""
    program = then.programs[0]
    length = (
        asm.load(4, R2, R1, 0), asm.load(4, R3, R1, DATA_END), asm.alu("add", R2, size), asm.jump("jle", R2, R3, 2),
        asm.mov(R0, 1), asm.exit_(),
    )  # fmt: skip
    return xdp(*length, *program.insns)


@pytest.mark.oracle
@pytest.mark.parametrize(("size", "head"), [(13, 0), (14, 0), (20, 6), (40, 4), (60, 45), (60, 47)])
def test_a_frame_is_cut_at_its_end(kernel_oracle: KernelOracle, size: int, head: int) -> None:
    program = long_enough(size, cut_to(size, head))
    frames = [FRAME[:n] for n in (14, size - 1, size, size + 1, len(FRAME)) if n >= 14]
    for seen, frame in zip(kernel_oracle.observe(program, [(3, f) for f in frames], hook="xdp"), frames, strict=True):
        assert difference(evaluated(meaning(program), program, {}, 3, frame), seen) is None, frame.hex()


def change_tail(size: int, flags: int = 0) -> BpfObject:
    """At tc: cut to ``size`` bytes, if there are more; the mark tells what the helper returned. Where a transport
    header lies (tap devices look for one), the kernel cuts nothing in front of it."""
    return tc(
        asm.load(4, R2, R1, 0), asm.jump("jgt", R2, size, 2), asm.mov(R0, 0), asm.exit_(), asm.mov(R6, R1),
        asm.mov(R2, size), asm.mov(R3, flags), asm.call(38), asm.store(4, R6, 8, R0), asm.mov(R0, 0), asm.exit_(),
    )  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize(("size", "flags"), [(12, 0), (40, 0), (40, 1), (70, 0)])
def test_a_frame_is_cut_at_tc(kernel_oracle: KernelOracle, size: int, flags: int) -> None:
    program = change_tail(size, flags)
    frames = [FRAME, FRAME[:50], FRAME[:12] + b"\x81\x00\x00\x07" + FRAME[12:]]
    for seen, frame in zip(kernel_oracle.observe(program, [(3, f) for f in frames], hook="tc"), frames, strict=True):
        told = meaning(program)
        tries = [difference(evaluated(told, program, {}, 3, frame, None, *known), seen) for known in worlds(told)]
        assert None in tries, frame.hex()


def test_what_lies_behind_a_cut_is_gone() -> None:
    behind = xdp(
        *long_enough(60, cut_to(30)).programs[0].insns[:-5], asm.load(4, R1, R6, 0), asm.load(1, R0, R1, 30),
        asm.exit_(), asm.mov(R0, 3), asm.exit_(),
    )  # fmt: skip
    assert any("reaches past the packet" in fault.text for fault in meaning(behind).faults)


def test_frames_of_two_sizes_share_no_place() -> None:
    whole, condition = Output(b.TRUE, "port", b.bv(1, 32), Packet((b.bv(7, 8),) * 20, 20, 20)), b.var("c", 0)
    short = Output(b.TRUE, "port", b.bv(1, 32), Packet((b.bv(7, 8),) * 20, 20, 16))
    assert {o.packet.size for o in merge_sent(condition, (whole,), (short,))} == {16, 20}
    hanging = [replace(whole, packet=replace(whole.packet, size=b.var(n, 32))) for n in ("n", "m")]
    assert [str(o.packet.size) for o in merge_sent(condition, *((o,) for o in hanging))] == ["(ite c n m)"]
    assert len(merge_sent(condition, (whole,), (hanging[0],))) == 2
    elsewhere = Output(b.TRUE, "port", b.bv(2, 32), whole.packet)
    assert [o.packet.size for o in merge_sent(condition, (whole,), (elsewhere,))] == [20]


def destinations(program: BpfObject) -> set[str]:
    return {output.to for case in meaning(program).cases for output in case.outputs if output.when is not b.FALSE}


@pytest.mark.parametrize(("call", "flags", "to"), [(23, 0, "port"), (23, 1, "ingress"), (155, 0, "peer")])
def test_a_redirect_says_where_to(call: int, flags: int, to: str) -> None:
    program = tc(asm.mov(R1, 9), asm.mov(R2, flags), asm.call(call), asm.exit_())
    assert destinations(program) == {to}


def test_a_redirect_with_flags_that_nobody_knows_drops() -> None:
    for flags in (2, 4, 8, 32):  # those of 2 to 8 are the kernel's own
        assert destinations(tc(asm.mov(R1, 9), asm.mov(R2, flags), asm.call(23), asm.exit_())) == set()
    assert destinations(tc(asm.mov(R1, 9), asm.mov(R2, 1), asm.call(155), asm.exit_())) == set()
    neighbour = (asm.mov(R1, 9), asm.mov(R2, 0), asm.mov(R3, 0), asm.mov(R4, 1), asm.call(152), asm.exit_())
    assert destinations(tc(*neighbour)) == set()
    assert destinations(tc(*neighbour[:3], asm.mov(R4, 0), *neighbour[4:])) == {"neighbour"}
    assert destinations(tc(*neighbour[:2], asm.mov(R3, 20), *neighbour[3:])) == set()


def cloned(result: int, *redirecting: Insn) -> BpfObject:
    """A clone that goes to port 9, and a frame that is marked and ends with ``result``."""
    clone = (asm.mov(R6, R1), asm.mov(R2, 9), asm.mov(R3, 0), asm.call(13), asm.store(4, R6, 8, 77))
    return tc(*clone, *redirecting, asm.mov(R0, result), asm.exit_())


@pytest.mark.oracle
def test_a_frame_that_goes_nowhere_shows_no_mark_whatever_clones_of_it_leave(kernel_oracle: KernelOracle) -> None:
    redirecting = (asm.mov(R1, 5), asm.mov(R2, 0), asm.call(23))
    seen = {}
    for result, before in ((0, ()), (2, ()), (4, ()), (7, ()), (7, redirecting), (2, redirecting)):
        program = cloned(result, *before)
        *_, shown = kernel_oracle.run(program, [(9, FRAME), (3, FRAME)])  # there is an interface 9
        assert difference(evaluated(meaning(program), program, {}, 3, FRAME), shown) is None
        seen[result, len(before)] = ({o[1] for o in shown.outputs}, shown.metadata.get("mark"))
    gone = ({9}, None)
    assert seen == {(0, 0): ({9, 0}, 77), (2, 0): gone, (4, 0): gone, (7, 0): gone, (7, 3): ({9, 5}, 77), (2, 3): gone}


def through_a_map(kind: str) -> Output:
    """Where a frame goes that element 3 of a map leads somewhere."""
    code = (asm.load_map(R1, "there"), asm.mov(R2, 3), asm.mov(R3, 1), asm.call(51), asm.exit_())
    program = xdp(*code, maps=(MapDef("there", kind, 4, 4, 8),))
    [output] = [o for case in meaning(program).cases for o in case.outputs if o.when is not b.FALSE]
    return output


@pytest.mark.parametrize(("kind", "to"), [("xskmap", "socket"), ("devmap", "port")])
def test_a_map_leads_to_what_is_in_it(kind: str, to: str) -> None:
    output = through_a_map(kind)
    assert output.to == to
    assert {call.name for call in b.applications(output.when)} == {"map.there.found"}
    assert "map.there.value" in {call.name for call in b.applications(output.port)}


def through(index: int, flags: int = 0) -> tuple[Insn, ...]:
    return asm.load_map(R1, "there"), asm.mov(R2, index), asm.mov(R3, flags), asm.call(51)


def to(port: int, flags: int = 0) -> tuple[Insn, ...]:
    return asm.mov(R1, port), asm.mov(R2, flags), asm.call(23)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("calls", "port"),
    [
        ((through(5), through(3)), 5),  # the index of the first becomes the number of an interface
        ((through(5), through(3), through(2)), 5),
        ((to(8), through(3)), 8),
        ((through(3),), None),
        ((through(5), through(3, 32)), 6),
        ((through(5), to(8, 1)), 6),
        ((through(5), to(8)), 8),
        ((through(5), through(7)), 7),
    ],
)
def test_what_counts_of_several_redirects(
    calls: tuple[tuple[Insn, ...], ...], port: int | None, kernel_oracle: KernelOracle
) -> None:
    devices = MapDef("there", "devmap", 4, 4, 8)
    program = xdp(*(insn for call in calls for insn in call), asm.mov(R0, 4), asm.exit_(), maps=(devices,))
    kernel_oracle.observe(xdp(asm.mov(R0, 1), asm.exit_()), [(n, FRAME) for n in (5, 6, 7, 8)])  # makes them
    tables = {"there": [(n.to_bytes(4, "little"), m.to_bytes(4, "little")) for n, m in ((5, 6), (7, 7))]}
    (seen,) = kernel_oracle.run(program, [(5, FRAME)], tables)
    assert [number for _, number, _ in seen.outputs] == ([] if port is None else [port])
    assert difference(evaluated(meaning(program), program, tables, 5, FRAME), seen) is None


def test_an_element_of_a_map_of_cpus_leads_to_the_cpu_of_its_key() -> None:
    """What it holds is how long the queue there is (``cpu_map_update_elem``)."""
    output = through_a_map("cpumap")
    assert output.to == "cpu"
    assert {call.name for call in b.applications(output.when)} == {"map.there.found"}
    assert b.evaluate([output.port], {}, {"map.there.found": lambda _: 1}, default=0) == [3]


def test_a_copy_after_a_tunnel_key_was_set_is_refused() -> None:
    """What is set and what is copied are told apart from each other, so their order would be lost."""
    key = (asm.mov(R6, R1), asm.store(8, FP, -8, 0), asm.mov(R2, FP), asm.alu("add", R2, -8), asm.mov(R3, 8),
           asm.mov(R4, 0), asm.call(21))  # fmt: skip
    copy = (asm.mov(R1, R6), asm.mov(R2, 3), asm.mov(R3, 0), asm.call(13))
    end = (asm.mov(R0, 0), asm.exit_())
    assert meaning(tc(*key, *end)).cases
    with pytest.raises(Unsupported, match="whose tunnel key was set"):
        meaning(tc(*key, *copy, *end))


def handing_over(*before: Insn) -> BpfObject:
    """At tc: goes on in whatever program is in place 1 of an array, else drops."""
    call = (asm.mov(R1, R6), asm.load_map(R2, "stages"), asm.mov(R3, 1), asm.call(12), asm.mov(R0, 2), asm.exit_())
    return tc(asm.mov(R6, R1), *before, *call, maps=(MapDef("stages", "prog_array", 4, 4, 4),))


CONTROL_BUFFER, MARK = 48, 8


@pytest.mark.parametrize("place", [CONTROL_BUFFER, MARK])
def test_a_program_that_nobody_knows_finds_what_is_left_to_it(place: int) -> None:
    left = [handing_over(asm.store(4, R6, place, n)) for n in (5, 5, 6)]
    first, *others = [(TARGET, obj, f"{n}.o") for n, obj in enumerate(left)]
    found = [Checker(None, timeout=60, machines_confirm=False).check_two(first, other) for other in others]
    assert [one.verdict for one in found] == [Verdict.ACCEPT, Verdict.REJECT]


def test_programs_that_nobody_knows_are_refused_where_a_program_is_asked_for() -> None:
    with pytest.raises(Unsupported, match="whose programs the object does not name"):
        meaning(handing_over())
    [there, missing] = meaning(handing_over(), open_ended=True).cases[-2:]
    assert {output.to for case in (there, missing) for output in case.outputs if output.when is b.TRUE} == {"program"}


def test_a_lock_is_in_a_value() -> None:
    with pytest.raises(Unsupported, match="no lock"):
        meaning(tc(asm.mov(R1, FP), asm.call(93), asm.mov(R0, 0), asm.exit_()))


@pytest.mark.parametrize(("turns", "reached"), [(31, True), (32, False)])
def test_a_chain_of_tail_calls_ends_with_the_33rd(turns: int, reached: bool) -> None:
    """Also where the next one leads to a program that nobody knows."""
    again = (asm.load_map(R2, "known"), asm.mov(R3, 0), asm.call(12), asm.mov(R0, 2), asm.exit_())
    onward = (asm.load_map(R2, "stages"), asm.mov(R3, 1), asm.call(12), asm.mov(R0, 2), asm.exit_())
    count = (asm.load(4, R4, R1, CONTROL_BUFFER), asm.mov(R5, R4), asm.alu("add", R5, 1))
    turn = (*count, asm.store(4, R1, CONTROL_BUFFER, R5), asm.jump("jge", R4, turns, 6), *again, *onward)
    first = (asm.store(4, R1, CONTROL_BUFFER, 0), *again)
    maps = (MapDef("known", "prog_array", 4, 4, 1, programs={0: "turn"}), MapDef("stages", "prog_array", 4, 4, 4))
    chain = BpfObject((BpfProgram("test", "tc", first), BpfProgram("turn", "tc", turn)), maps, name="test.o")
    cases = meaning(chain, "test", open_ended=True).cases
    assert any(output.to == "program" for case in cases for output in case.outputs) == reached


BROADCAST, EXCLUDE_INGRESS = 8, 16


def to_all(*calls: tuple[Insn, ...], kind: str = "devmap") -> BpfObject:
    """At XDP: redirects in several ways, and returns what the last one says."""
    code = (insn for call in calls for insn in call)
    return xdp(*code, asm.exit_(), maps=(MapDef("there", kind, 4, 4, 8), MapDef("others", kind, 4, 4, 8)))


def alike(*sides: BpfObject) -> Verdict:
    named = [(TARGET, side, f"{n}.o") for n, side in enumerate(sides)]
    return Checker(None, timeout=60).check_two(*named).verdict


@pytest.mark.parametrize("kind", ["devmap", "devmap_hash"])
def test_frames_that_go_to_every_device_of_a_map_are_compared(kind: str) -> None:
    all_of = to_all(through(3, BROADCAST), kind=kind)
    assert alike(all_of, to_all(through(4, BROADCAST | 2), kind=kind)) is Verdict.ACCEPT, "no key is looked up"
    assert alike(all_of, to_all(through(1), through(3, BROADCAST), kind=kind)) is Verdict.ACCEPT
    others = (asm.load_map(R1, "others"), *through(3, BROADCAST)[1:])
    cut = (asm.mov(R2, -4), asm.call(65))
    shorter = (*cut, *through(3, BROADCAST))
    for other in (through(3), through(3, BROADCAST | EXCLUDE_INGRESS), others, to(3), shorter):
        assert alike(all_of, to_all(other, kind=kind)) is Verdict.REJECT
    with pytest.raises(Unsupported, match="a frame sent to every device of map there"):
        meaning(all_of)


def test_what_comes_after_a_frame_was_to_go_to_every_device_counts() -> None:
    """Where a look-up fails, the kernel takes the key of the last one for an interface (:func:`_forget_map`)."""
    assert alike(to_all(through(3, BROADCAST), to(6)), to_all(to(6))) is Verdict.ACCEPT
    failing = (*through(5), asm.mov(R0, 4))
    assert alike(to_all(through(3, BROADCAST), failing), to_all(to(3), failing)) is Verdict.ACCEPT
    assert alike(to_all(through(3, BROADCAST), failing), to_all(to(2), failing)) is Verdict.REJECT


def test_the_flag_that_leaves_a_device_out_means_nothing_alone() -> None:
    assert alike(to_all(through(3, EXCLUDE_INGRESS | 2)), to_all(through(3, 2))) is Verdict.ACCEPT
    aborted = meaning(to_all(through(3, EXCLUDE_INGRESS | 2), kind="xskmap"))
    assert all(output.when is b.FALSE for case in aborted.cases for output in case.outputs)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("calls", "ports"),
    [
        ([through(3, BROADCAST)], [5, 6, 7]),
        ([through(3, BROADCAST | EXCLUDE_INGRESS)], [6, 7]),
        ([through(5, EXCLUDE_INGRESS)], [6]),
        ([through(3, EXCLUDE_INGRESS | 1)], []),
        ([through(3, BROADCAST), to(6)], [6]),
        ([through(7, BROADCAST), through(3), (asm.mov(R0, 4),)], [7]),
    ],
)
def test_the_kernel_sends_to_every_device(
    calls: list[tuple[Insn, ...]], ports: list[int], kernel_oracle: KernelOracle
) -> None:
    kernel_oracle.observe(xdp(asm.mov(R0, 1), asm.exit_()), [(n, FRAME) for n in (5, 6, 7)])  # makes them
    held = [(n.to_bytes(4, "little"), m.to_bytes(4, "little")) for n, m in ((1, 5), (5, 6), (2, 7))]
    (seen,) = kernel_oracle.run(to_all(*calls), [(5, FRAME)], {"there": held})
    assert [number for _, number, _ in seen.outputs] == ports


CLONING = (asm.mov(R6, R1), asm.mov(R2, 9), asm.mov(R3, 1), asm.call(13), asm.mov(R7, R0), asm.store(4, R6, 8, R7))
"""A clone that comes in at interface 9; the packet is marked with what the helper answers."""


@pytest.mark.oracle
@pytest.mark.parametrize("result", [0, 2])
def test_a_clone_that_comes_in_elsewhere_is_seen(result: int, kernel_oracle: KernelOracle) -> None:
    """Nobody sees what the stack gets at another interface; the clone is read from a tap of its own."""
    program = tc(*CLONING, asm.mov(R0, result), asm.exit_())
    (shown,) = kernel_oracle.run(program, [(3, FRAME)])
    assert difference(evaluated(meaning(program), program, {}, 3, FRAME), shown) is None
    assert ("ingress", 9, FRAME) in shown.outputs
    wrong = tc(*CLONING[:2], asm.mov(R3, 3), *CLONING[3:], asm.mov(R0, 0), asm.exit_())
    (shown,) = kernel_oracle.run(wrong, [(3, FRAME)])
    assert difference(evaluated(meaning(wrong), wrong, {}, 3, FRAME), shown) is None
    twice = tc(*CLONING, asm.mov(R1, R6), *CLONING[1:], asm.mov(R0, result), asm.exit_())
    with pytest.raises(Unsupported, match="2 clones into the ingress"):
        kernel_oracle.run(twice, [(3, FRAME)])


@pytest.mark.oracle
@pytest.mark.parametrize("times", [1, 2])
def test_a_difference_beside_clones_that_come_in_elsewhere_is_a_reject(times: int) -> None:
    """The machine confirms it where it can show all; else the meanings say it."""
    cloning = (*CLONING, *(times - 1) * (asm.mov(R1, R6), *CLONING[1:]))
    first, second = (tc(*cloning, asm.mov(R0, result), asm.exit_()) for result in (0, 2))
    proof = Checker(None).check_two((TARGET, first, "a"), (TARGET, second, "b")).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert ("ebpf kernel" in proof.counterexample.confirmed_by) == (times == 1)
