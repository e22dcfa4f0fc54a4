"""The kernel as an oracle: what it shows, and that what is put around a program changes nothing."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

import pytest

from p4verify.running.ethernet import frame
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import Observation
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R6
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram, Network, Refused, load_maps
from tests.support.bpf_compare import Tables, contents
from tests.support.bpf_random import random_object, random_tables

pytestmark = pytest.mark.oracle

ADDRESSES = bytes(range(12))
PLAIN = ADDRESSES + b"\x08\x00" + b"\x45" + bytes(30)
TAGGED = ADDRESSES + b"\x81\x00\x60\x05" + PLAIN[12:]
STACKED = ADDRESSES + b"\x88\xa8\x00\x07\x81\x00\x60\x05" + PLAIN[12:]


def obj(section: str, *insns: Insn, maps: tuple[MapDef, ...] = ()) -> BpfObject:
    return BpfObject((BpfProgram("test", section, insns),), maps)


def returns(section: str, code: int) -> BpfObject:
    return obj(section, asm.mov(R0, code), asm.exit_())


def redirects(section: str, port: int) -> BpfObject:
    return obj(section, asm.mov(R1, port), asm.mov(R2, 0), asm.call(23), asm.exit_())


def one(oracle: KernelOracle, program: BpfObject, frame: bytes, port: int = 5) -> Observation:
    (seen,) = oracle.run(program, [(port, frame)])
    return seen


@pytest.mark.parametrize("frame", [PLAIN, TAGGED, STACKED, PLAIN[:14]])
@pytest.mark.parametrize("section", ["tc", "tcx/ingress", "xdp"])
def test_a_frame_that_passes_comes_out_as_it_was(kernel_oracle: KernelOracle, section: str, frame: bytes) -> None:
    seen = one(kernel_oracle, returns(section, 2 if section == "xdp" else 0), frame)
    assert seen.outputs == (("stack", 0, frame),)


@pytest.mark.long
def test_a_jump_over_much_that_the_kernel_makes_longer_is_taken(kernel_oracle: KernelOracle) -> None:
    """A field of the context takes it more instructions, over which a jump of 16 bits no longer reaches."""
    out = asm.Assembler()
    end = out.label()
    out.emit(asm.load(4, R0, R1, 16))  # protocol
    out.jump("jeq", R0, 0x88B5, end)
    out.emit(*[asm.load(4, R2, R1, 20)] * 16_500)  # vlan_present
    out.place(end)
    out.emit(asm.mov(R0, 0), asm.exit_())
    seen = one(kernel_oracle, obj("tc", *out.finish()), PLAIN)
    assert seen.outputs == (("stack", 0, PLAIN),)


@pytest.mark.parametrize("port", [0, 1, 2, 3, 5, 77, 0xFFFFFFFF])
@pytest.mark.parametrize("section", ["tc", "tcx/ingress", "xdp"])
def test_any_port_can_be_seen(kernel_oracle: KernelOracle, section: str, port: int) -> None:
    assert one(kernel_oracle, redirects(section, port), TAGGED).outputs == (("port", port, TAGGED),)


def test_xdp_sends_back_where_it_came_from(kernel_oracle: KernelOracle) -> None:
    assert one(kernel_oracle, returns("xdp", 3), PLAIN, 9).outputs == (("port", 9, PLAIN),)


def to_cpu(number: int) -> BpfObject:
    code = (asm.load_map(R1, "cpus"), asm.mov(R2, number), asm.mov(R3, 1), asm.call(51), asm.exit_())
    return obj("xdp", *code, maps=(MapDef("cpus", "cpumap", 4, 4, 64),))


def test_a_frame_that_is_sent_to_a_cpu_is_seen_there(kernel_oracle: KernelOracle) -> None:
    """Two times, for the CPU takes its time: nothing of one frame is left for the next."""
    held = {"cpus": [(bytes(4), bytes(4))]}
    seen = kernel_oracle.run(to_cpu(0), [(5, PLAIN), (5, TAGGED)], held)
    assert [each.outputs for each in seen] == [(("cpu", 0, PLAIN),), (("cpu", 0, TAGGED),)]
    (missing,) = kernel_oracle.run(to_cpu(1), [(5, PLAIN)], held)
    assert (missing.outputs, missing.metadata["result"]) == ((), 1)


def test_a_cpu_that_is_not_there_is_refused(kernel_oracle: KernelOracle) -> None:
    with pytest.raises(InputError, match="the kernel refuses map cpus or what is in it"):
        kernel_oracle.run(to_cpu(63), [(5, PLAIN)], {"cpus": [(b"\x3f\0\0\0", bytes(4))]})


def test_maps_are_filled_and_fresh_for_every_packet(kernel_oracle: KernelOracle) -> None:
    cells = MapDef("cells", "array", 4, 4, 2)
    counting = obj(
        "tc",
        asm.mov(R6, R1),
        asm.store(4, FP, -4, 1),
        asm.load_map(R1, "cells"),
        asm.mov(R2, FP),
        asm.alu("add", R2, -4),
        asm.call(1),
        asm.jump("jeq", R0, 0, 5),
        asm.load(4, R1, R0),
        asm.alu("add", R1, 1),
        asm.store(4, R0, 0, R1),
        asm.store(4, R6, 8, R1),
        asm.mov(R0, 0),
        asm.exit_(),
        maps=(cells,),
    )
    tables = {"cells": [(struct.pack("<I", 1), struct.pack("<I", 41))]}
    seen = kernel_oracle.run(counting, [(5, PLAIN)] * 3, tables)
    assert [o.metadata["mark"] for o in seen] == [42, 42, 42]


def test_a_refused_program_says_why(kernel_oracle: KernelOracle) -> None:
    with pytest.raises(InputError, match="refuses program test"):
        kernel_oracle.run(obj("tc", asm.load(4, R0, R1, 4096), asm.exit_()), [(5, PLAIN)])


def test_a_refused_element_is_named(kernel_oracle: KernelOracle) -> None:
    with_map = obj("tc", asm.mov(R0, 0), asm.exit_(), maps=(MapDef("cells", "array", 4, 4, 2),))
    with pytest.raises(InputError, match="element 07000000 of map cells"):
        kernel_oracle.run(with_map, [(5, PLAIN)], {"cells": [(struct.pack("<I", 7), bytes(4))]})
    with pytest.raises(InputError, match="no map others"):
        kernel_oracle.run(with_map, [(5, PLAIN)], {"others": []})


def test_ports_that_no_interface_can_have(kernel_oracle: KernelOracle) -> None:
    with pytest.raises(Unsupported, match="no interface"):
        kernel_oracle.run(returns("tc", 0), [(1, PLAIN)])
    with pytest.raises(Unsupported, match="not observed"):
        kernel_oracle.run(returns("tc/egress", 0), [(5, PLAIN)])


def test_per_cpu_maps_and_constant_data(kernel_oracle: KernelOracle) -> None:
    counts = MapDef("counts", "percpu_array", 4, 6, 2)
    data = MapDef(".rodata", "array", 4, 4, 1, 128, data=b"abcd")
    with ExitStack() as stack:
        maps = load_maps(obj("tc", maps=(counts, data)), {"counts": [(bytes(4), b"123456")]}, stack)
        assert maps["counts"][bytes(4)] == b"123456"
        assert maps[".rodata"][bytes(4)] == b"abcd"
        with pytest.raises(OSError, match="bpf"):
            maps[".rodata"][bytes(4)] = b"efgh"
        with pytest.raises(ValueError, match="a key of 3 bytes"):
            maps["counts"][bytes(3)]


@pytest.mark.parametrize("kind", ["percpu_hash", "lru_percpu_hash"])
def test_every_cpu_has_its_part_of_a_map(kind: str) -> None:
    counts, mine = MapDef("counts", "percpu_array", 4, 8, 2), MapDef("mine", kind, 4, 8, 64)
    with ExitStack() as stack:
        maps = load_maps(obj("tc", maps=(counts, mine)), {"mine": [(bytes(4), b"12345678")]}, stack)
        assert maps["mine"].values_of(bytes(4)) == [b"12345678"] * len(maps["counts"].values_of(bytes(4)))


def test_an_element_that_was_put_in_again_is_that_of_the_cpu_that_did(kernel_oracle: KernelOracle) -> None:
    address = (asm.load_map(R1, "mine"), asm.mov(R2, FP), asm.alu("add", R2, -4))
    again = obj(
        "tc", asm.store(4, FP, -4, 0), asm.store(8, FP, -16, 7), *address, asm.call(3), *address, asm.mov(R3, FP),
        asm.alu("add", R3, -16), asm.mov(asm.R4, 0), asm.call(2), asm.mov(R0, 0), asm.exit_(),
        maps=(MapDef("mine", "percpu_hash", 4, 8, 64),),
    )  # fmt: skip
    tables, seen = {"mine": [(bytes(4), b"12345678")]}, []
    allowed = os.sched_getaffinity(0)
    try:
        for cpu in allowed:
            os.sched_setaffinity(0, {cpu})
            look = partial(contents, tables=tables)
            kernel_oracle.observe(again, [(5, PLAIN)], tables, inspect=lambda maps, look=look: seen.append(look(maps)))
    finally:
        os.sched_setaffinity(0, allowed)
    assert [cells["map.mine"][0] for cells in seen] == [7 << 56] * len(allowed)


def test_a_map_of_devices_leads_to_those_of_the_network(kernel_oracle: KernelOracle) -> None:
    """And refilling it, too: elements are looked up among the devices when they are put in."""
    code = (asm.load_map(R1, "ports"), asm.mov(R2, 1), asm.mov(R3, 2), asm.call(51), asm.exit_())
    there = obj("xdp", *code, maps=(MapDef("ports", "devmap", 4, 4, 4),))
    tables = {"ports": [(struct.pack("<I", 1), struct.pack("<I", 6))]}
    for refill in (False, True):
        seen = kernel_oracle.observe(there, [(6, PLAIN), (5, PLAIN)], tables, refill=refill)
        assert [o.outputs for o in seen] == [(("port", 6, PLAIN),)] * 2


def test_a_packet_load_of_old_ends_the_program(kernel_oracle: KernelOracle) -> None:
    load = Insn(0x20, imm=30)
    marking = obj("tc", asm.mov(R6, R1), load, asm.store(4, R6, 8, R0), asm.mov(R0, 4), asm.exit_())
    short, long = PLAIN[:33], PLAIN[:34]
    assert [bool(o.outputs) for o in kernel_oracle.run(marking, [(5, short), (5, long)])] == [True, False]


@pytest.mark.parametrize("kind", ["array", "hash"])
def test_maps_in_a_map_of_maps_are_told_by_number(kernel_oracle: KernelOracle, kind: str) -> None:
    """The program passes what the inner map of its key 1 marks with 1: two keys lead to one map, one to another."""
    lists = MapDef("lists", f"{kind}_of_maps", 4, 4, 4, inner=MapDef("list", kind, 4, 4, 4))
    code = (
        asm.store(4, FP, -4, 1), asm.load(4, R1, R1, 36), asm.store(4, FP, -8, R1),
        asm.load_map(R1, "lists"), asm.mov(R2, FP), asm.alu("add", R2, -8), asm.call(1), asm.jump("jeq", R0, 0, 6),
        asm.mov(R1, R0), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1), asm.jump("jeq", R0, 0, 1),
        asm.load(4, R0, R0, 0), asm.jump("jeq", R0, 1, 2), asm.mov(R0, 2), asm.exit_(), asm.mov(R0, 0), asm.exit_(),
    )  # fmt: skip
    one_, two, index = (1).to_bytes(4, "big"), (2).to_bytes(4, "big"), (1).to_bytes(4, "little")
    tables = {
        "lists": [(bytes([2, 0, 0, 0]), one_), (bytes([3, 0, 0, 0]), two), (bytes([0, 0, 0, 0]), one_)],
        "lists.inner": [(one_ + index, index), (two + index, bytes(4)), (bytes(4) + index, index)],
    }
    program = obj("tc", *code, maps=(lists,))
    seen = kernel_oracle.run(program, [(port, PLAIN) for port in (2, 3, 77)], tables)
    assert [bool(each.outputs) for each in seen] == [True, False, False]
    with pytest.raises(InputError, match="refuses map lists or the maps in it"):
        kernel_oracle.run(program, [(2, PLAIN)], {"lists": [(bytes([i, 0, 0, 0]), one_) for i in range(9)]})


def test_a_missing_key(kernel_oracle: KernelOracle) -> None:
    with KernelMap(MapDef("m", "hash", 4, 4, 1)) as found, pytest.raises(KeyError):
        found[b"1234"]


def test_the_verifier_speaks(kernel_oracle: KernelOracle) -> None:
    with pytest.raises(Refused, match="R0 !read_ok"):
        KernelProgram("tc", (asm.exit_(),))


def test_test_run(kernel_oracle: KernelOracle) -> None:
    with KernelProgram("xdp", (asm.mov(R0, 2), asm.exit_())) as program:
        ran = program.test_run(PLAIN)
    assert (ran.result, ran.packet) == (2, PLAIN)


# --- who passes and who does not, told by the stack itself --------------------------------------------------------


def ping() -> bytes:
    """An echo request to 10.9.0.1 from 10.9.0.2."""

    def checksum(data: bytes) -> bytes:
        total = sum(struct.unpack(f">{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return struct.pack(">H", ~total & 0xFFFF)

    icmp = struct.pack(">BBHHH", 8, 0, 0, 1, 1)
    icmp = icmp[:2] + checksum(icmp) + icmp[4:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0) + bytes((10, 9, 0, 2, 10, 9, 0, 1))
    return b"\xff" * 6 + b"\x02\0\0\0\0\1\x08\x00" + head[:10] + checksum(head) + head[12:] + icmp


@pytest.mark.parametrize("code", [-1, *range(12), 0x10000])
@pytest.mark.parametrize("hook", ["tc", "tcx", "xdp"])
def test_results_that_reach_the_stack(kernel_oracle: KernelOracle, hook: str, code: int) -> None:
    """The bare program, no wrapper: a ping is answered if and only if the wrapped one is seen to pass."""
    section = {"tc": "tc", "tcx": "tcx/ingress", "xdp": "xdp"}[hook]
    wrapped = one(kernel_oracle, returns(section, code), ping()).outputs
    assert answered(hook, code) == (wrapped[:1] == (("stack", 0, ping()),))


def answered(hook: str, code: int) -> bool:
    network = Network()
    try:
        network.tap(5)
        network.give_address(5, "10.9.0.1")
        with (
            KernelProgram("xdp" if hook == "xdp" else "tc", (asm.mov(R0, code), asm.exit_())) as program,
            ExitStack() as stack,
        ):
            network.attach(stack, hook, 5, program)
            replies = [frame for _, frame in network.pass_through(5, ping())]
        return any(frame[12:14] == b"\x08\x00" and frame[34:35] == b"\0" for frame in replies)
    finally:
        network.close()


def test_a_real_redirect_leaves_by_that_interface(kernel_oracle: KernelOracle) -> None:
    """Without the wrapper, and with the device that the program names."""
    network = Network()
    try:
        for port in (5, 6):
            network.tap(port)
        insns = (asm.mov(R1, 6), asm.mov(R2, 0), asm.call(23), asm.exit_())
        for hook in ("tc", "tcx", "xdp"):
            with KernelProgram("xdp" if hook == "xdp" else "tc", insns) as program, ExitStack() as stack:
                network.attach(stack, hook, 5, program)
                assert network.pass_through(5, STACKED) == [(6, STACKED)]
    finally:
        network.close()


def test_a_frame_that_the_network_does_not_carry_is_refused(kernel_oracle: KernelOracle) -> None:
    """The kernel would drop it silently, which is nothing that the program did."""
    passing = returns("xdp", 2)
    frame = bytes(12) + b"\x88\xb5"
    longest = frame + bytes(9014 - len(frame))
    assert kernel_oracle.observe(passing, [(3, longest)])[0].outputs == (("stack", 0, longest),)
    with pytest.raises(ValueError, match="at most 9014 bytes"):
        kernel_oracle.observe(passing, [(3, longest + b"\0")])


def test_maps_are_filled_as_at_first_before_each_packet(kernel_oracle: KernelOracle) -> None:
    """Refilling leaves what making maps anew leaves: in arrays, hashes, LRU hashes, global data."""
    rng = random.Random(11)
    for number in range(12):
        obj = random_object(random.Random(number), "tc", 15)
        tables = random_tables(rng)
        packets = [(2, frame(rng, (0x0800, 0x8100))) for _ in range(4)]
        seen = []
        for refill in (False, True):
            held: list[object] = []

            def note(maps: Mapping[str, KernelMap], held: list[object] = held, tables: Tables = tables) -> None:
                held.append(contents(maps, tables))

            try:
                out = kernel_oracle.observe(obj, packets, tables, hook="tc", inspect=note, refill=refill)
            except InputError:
                break
            seen.append((out, held))
        assert len(seen) != 2 or seen[0] == seen[1]
