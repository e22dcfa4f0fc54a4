"""Object against object: what clang makes of a C program in many ways is the same; mistakes in it are found."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.ebpf_objects import compared
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf import pairing
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support import bpf_suite
from tests.support.bpf_damage import damaged, tried
from tests.support.machines import needs_clang

NO_KERNEL = {
    "fib": "the kernel's routes are its own",
    "dispatcher": "what other programs find shows only in these",
    "tails": "the oracle does not fill arrays of programs",
    "tenants": "the oracle does not make maps of maps",
    "histogram": "the frame is the same: only a map differs",
    "sample": "the frame is the same: only an event differs",
    "steer": "the kernel has no such sockets and CPUs in its maps",
    "overlay": "there is no tunnel, and no neighbour",
    "sockets": "there are no sockets, and no pairs of devices",
}
"""Programs whose mistakes the kernel's output on a frame does not show, each with the reason."""
STATE_ONLY = ("acl_five", "bridge", "counters", "crc", "locked", "mirror", "report", "sticky", "synflood", "token")
"""Programs some of whose mistakes show in state, metadata or events only."""


@needs_clang
@pytest.mark.parametrize("name", random.Random(3).sample(bpf_suite.names(), 8))
def test_two_ways_to_compile(name: str) -> None:
    assert compared(name, "-O1", "v1").verdict is Verdict.ACCEPT
    for bug in bpf_suite.bugs(name):
        assert compared(name, "-O2", "v3", bug).verdict is Verdict.REJECT


@needs_clang
@pytest.mark.campaign
@pytest.mark.parametrize("name", bpf_suite.names())
def test_nine_ways_to_compile(name: str, kernel_oracle: KernelOracle) -> None:
    for level, cpu in bpf_suite.VARIANTS:
        assert compared(name, level, cpu).verdict is Verdict.ACCEPT, (level, cpu)
    for bug in bpf_suite.bugs(name):
        proof = compared(name, "-O2", "v3", bug).proof
        assert proof.verdict is Verdict.REJECT
        assert proof.counterexample is not None
        if name not in (*NO_KERNEL, *STATE_ONLY):
            assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")


@needs_clang
def test_every_program_has_a_mistake_to_put_in() -> None:
    assert len(bpf_suite.names()) >= 30
    assert all(bpf_suite.bugs(name) for name in bpf_suite.names())


# --- pairing ------------------------------------------------------------------------------------------------------


def one_map(item: MapDef, *, update: bool = False) -> BpfObject:
    """A program that looks 5 up and passes if it is there; with ``update`` it puts 5 in before."""
    put = (asm.load_map(R1, item.name), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.mov(asm.R3, R2),
           asm.mov(asm.R4, 0), asm.call(2))  # fmt: skip
    code = (
        asm.store(4, FP, -4, 5), *(put if update else ()), asm.load_map(R1, item.name), asm.mov(R2, FP),
        asm.alu("add", R2, -4), asm.call(1), asm.jump("jeq", R0, 0, 2), asm.mov(R0, 0), asm.exit_(), asm.mov(R0, 2),
        asm.exit_(),
    )  # fmt: skip
    return BpfObject((BpfProgram("p", "tc", code),), (item,), name=f"{item.name}.o")


HASH = MapDef("acl", "hash", 4, 4, 16)


def test_a_map_of_another_name_is_paired_by_what_it_is() -> None:
    renamed = one_map(replace(HASH, name="list"))
    second, notes = pairing.paired(one_map(HASH), renamed)
    assert [m.name for m in second.maps] == ["acl"]
    assert notes == ("map list of list.o stands for map acl of acl.o",)
    second, notes = pairing.paired(one_map(HASH), one_map(replace(HASH, name="list", max_entries=17)))
    assert [m.name for m in second.maps] == ["list"]
    assert notes == ()


def test_maps_of_one_name_must_be_alike() -> None:
    with pytest.raises(Unsupported, match="map acl is of type hash with 4, 4 bytes and 16 elements in one object"):
        pairing.behaviours(one_map(HASH), one_map(replace(HASH, value_size=8)))


def test_both_sides_tell_state_that_one_of_them_writes() -> None:
    left, right = pairing.behaviours(one_map(HASH), one_map(HASH, update=True))
    for side in (left, right):
        assert {"map.acl", "map.acl.present"} <= set(side.observables)


# --- damage -------------------------------------------------------------------------------------------------------


@needs_clang
def test_damaged_objects_end_in_a_result_or_one_clear_error() -> None:
    whole = [bpf_suite.compiled(name) for name in ("acl_ports", "tails", "tenants", "subprograms", "crc", "bridge")]
    counts = {"read": 0, "error": 0}
    for number in range(150):
        rng = random.Random(number)
        ended = tried(damaged(rng, rng.choice(whole)))
        assert ended.kind != "failure", (number, ended.text)
        counts[ended.kind] += 1
    assert min(counts.values()) > 20
