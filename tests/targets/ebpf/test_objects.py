"""Object against object: what clang makes of a C program in many ways is the same; mistakes in it are found."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.ebpf_objects import compared
from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf import pairing
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.bpf_damage import damaged, tried
from tests.support.machines import needs_clang


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
        assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel"), bug


@pytest.mark.long
@needs_clang
def test_every_program_compiles_and_has_a_mistake_to_put_in() -> None:
    assert len(bpf_suite.names()) >= 30
    assert all(bpf_suite.variant(name, "-Os").programs for name in bpf_suite.names())
    assert all(bpf_suite.bugs(name) for name in bpf_suite.names())


@needs_clang
@pytest.mark.parametrize(("name", "level", "cpu"), [("jenkins", "-O1", "v1"), ("vip_ring", "-O2", "v2")])
def test_a_remainder_of_a_sum_is_one_in_every_way_to_write_it(name: str, level: str, cpu: str) -> None:
    """clang writes ``x - x / y * y`` for some CPUs. The literal of a sum then lies apart (the first), or more than that
    is added (the second); both were undecided."""
    assert compared(name, level, cpu).verdict is Verdict.ACCEPT


@needs_clang
def test_a_byte_of_a_sum_is_taken_out_of_any_width() -> None:
    """A checksum covers bytes of a mixed number, which clang takes out of 32 bits of it, or of 16;
    solvers took long to find that these are the same, or gave up."""
    assert compared("syn_cookie", "-O1", "v1", seconds=10).verdict is Verdict.ACCEPT


@needs_clang
@pytest.mark.parametrize("name", ["balancer", "trie6"])
def test_the_kernel_confirms_with_a_port_that_it_can_be_given(name: str, kernel_oracle: KernelOracle) -> None:
    """The solver's packets went to interfaces 4294967295 and 1208566528 by what a map holds."""
    proof = compared(name, "-O2", "v3", 1).proof
    assert proof.counterexample is not None
    assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")


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


def test_a_map_that_both_objects_have_stands_for_no_other() -> None:
    """One program asks the wrong one of two maps that both define: that was accepted."""
    good, bad = replace(HASH, name="good"), replace(HASH, name="bad")
    left, right = (replace(one_map(item), maps=(good, bad)) for item in (good, bad))
    proof = Checker(None).check_two((TARGET, left, "left.o"), (TARGET, right, "right.o")).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")
    for first, second in ((left, one_map(bad)), (one_map(good), right)):
        assert pairing.paired(first, second)[1] == ()


def test_maps_of_one_name_must_be_alike() -> None:
    with pytest.raises(Unsupported, match="map acl is of type hash with 4, 4 bytes and 16 elements in one object"):
        pairing.behaviours(one_map(HASH), one_map(replace(HASH, value_size=8)))


@pytest.mark.parametrize("other", [{"value_size": 8}, {"type": "array"}, {"max_entries": 17}])
def test_maps_in_maps_must_be_alike(other: dict[str, Any]) -> None:
    """Values of two sizes under one name ended in a traceback."""
    outer = MapDef("outer", "array_of_maps", 4, 4, 8, inner=replace(HASH, name="in"))
    asks_in = (asm.mov(R1, R0), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1))
    ends = (asm.jump("jeq", R0, 0, 2), asm.load(4, R0, R0, 0), asm.exit_(), asm.mov(R0, 2), asm.exit_())
    asks = (
        asm.store(4, FP, -4, 1), asm.load_map(R1, "outer"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
        asm.jump("jeq", R0, 0, 7), *asks_in, *ends,
    )  # fmt: skip
    first = BpfObject((BpfProgram("p", "xdp", asks),), (outer,), name="first.o")
    same, second = first, replace(first, maps=(replace(outer, inner=replace(HASH, name="in", **other)),), name="b.o")
    assert Checker(None).check_two((TARGET, first, "a"), (TARGET, same, "b")).verdict is Verdict.ACCEPT
    proof = Checker(None).check_two((TARGET, first, "a"), (TARGET, second, "b")).proof
    assert proof.verdict is Verdict.UNSUPPORTED
    assert "map outer.inner is of type hash with 4, 4 bytes and 16 elements in one object" in proof.reason


@pytest.mark.parametrize("kind", ["devmap", "cpumap", "xskmap"])
def test_no_map_holds_what_lies_beyond_its_end(kind: str) -> None:
    """The kernel refuses such an element, and look-ups find none, whatever a model says of one."""
    there = MapDef("there", kind, 4, 4, 8)
    keys = [number.to_bytes(4, "little") for number in (7, 8)]
    asked = [b.apply("map.there.found", b.BOOL, b.bv(int.from_bytes(key, "big"), 32)) for key in keys]
    held = pairing.contents(BpfObject((), (there,)), asked, {}, {"map.there.found": lambda _: 1})
    assert held == {"there": [(keys[0], bytes(4))]}


def test_both_sides_tell_state_that_one_of_them_writes() -> None:
    left, right = pairing.behaviours(one_map(HASH), one_map(HASH, update=True))
    for side in (left, right):
        assert {"map.acl", "map.acl.present"} <= set(side.observables)


# --- paths that join --------------------------------------------------------------------------------------------------


def asked_twice(ask: list[Insn], instead: list[Insn], again: list[Insn], otherwise: int) -> list[Insn]:
    """At tc, of long frames: ``ask`` on one of two paths that join, ``instead`` on the other one, ``again`` on both.
    Ends with ``otherwise`` where the first says 1, which should leave all as ``instead`` does, and the second 0."""
    r6, r7, r8 = asm.R6, asm.R7, asm.R8
    first = [*ask, asm.mov(r8, R0), asm.alu("and", r8, 1)]
    return [
        asm.mov(r6, R1), asm.load(4, R0, r6, 0), asm.jump("jgt", R0, 15_000, 2), asm.mov(R0, 0), asm.exit_(),
        asm.load(4, r7, r6, 8), asm.mov(r8, 0), asm.jump("jeq", r7, 3, len(first) + 1), *first, asm.ja(len(instead)),
        *instead, *again, asm.alu("and", R0, 1), asm.jump("jeq", r8, 0, 3), asm.jump("jne", R0, 0, 2),
        asm.mov(R0, otherwise), asm.exit_(), asm.mov(R0, 0), asm.exit_(),
    ]  # fmt: skip


def longer_by(count: int, flags: int = 0) -> list[Insn]:
    """``bpf_skb_change_head``, which the kernel may refuse a long frame, and does with flags; whether it does."""
    args = [asm.mov(R1, asm.R6), asm.mov(R2, count), asm.mov(asm.R3, flags)]
    return [*args, asm.call(43), asm.alu("rsh", R0, 63)]


RANDOM = [asm.call(7)]
TWICE = [(RANDOM, [], RANDOM), ([], RANDOM, RANDOM), (longer_by(64), longer_by(64, 1), longer_by(4))]


@pytest.mark.parametrize(("ask", "instead", "again"), TWICE, ids=["random", "random on the other path", "room"])
def test_what_is_asked_behind_a_join_is_nothing_that_was_asked_before(
    ask: list[Insn], instead: list[Insn], again: list[Insn]
) -> None:
    """Otherwise both would always say the same, and what is done where they do not would not be compared."""
    left, same, other = (asked_twice(ask, instead, again, otherwise) for otherwise in (0, 0, 2))
    assert same_or_not(left, same).verdict is Verdict.ACCEPT
    found = same_or_not(left, other)
    assert found.verdict is not Verdict.ACCEPT
    assert "differ" in found.reason


def once_longer(*counts: int, then: int, refused: int) -> list[Insn]:
    """Puts ``counts`` bytes in front of a frame at tc, one after another, and ends with ``then``; with ``refused``
    where the kernel refuses that, which it does when the frame gets too long."""
    out = [asm.mov(asm.R6, R1)]
    for left in range(len(counts), 0, -1):
        once = longer_by(counts[-left])
        out += [*once, asm.jump("jeq", R0, 0, 2), asm.mov(R0, refused), asm.exit_()]
    return [*out, asm.mov(R0, then), asm.exit_()]


def test_the_kernel_refuses_what_gets_too_long_however_it_is_asked() -> None:
    """How long frames may become is one number, which hangs neither on how much nor on how often they get longer."""
    some, others = (once_longer(count, then=2, refused=0) for count in (64, 4))
    found = same_or_not(some, others)
    assert found.verdict is not Verdict.ACCEPT
    assert "differ" in found.reason
    in_steps, at_once = (once_longer(*counts, then=0, refused=2) for counts in ((4, 4), (8,)))
    assert same_or_not(in_steps, at_once).verdict is Verdict.ACCEPT


def tagged(protocol: int | asm.Reg) -> list[Insn]:
    """Pushes a tag whose type is ``protocol``, in the network's order as a number of this machine."""
    length = asm.load(4, asm.R7, R1, 0)
    return [length, asm.mov(R2, protocol), asm.mov(asm.R3, 7), asm.call(18), asm.mov(R0, 0), asm.exit_()]


def test_a_tag_of_no_type_that_tags_have_is_one_of_8021q() -> None:
    """``bpf_skb_vlan_push``, whatever a path says of the type that it is given."""
    usual, other = tagged(0x0081), tagged(0xA888)
    for unusual in (tagged(0x3412), tagged(asm.R7)):
        assert same_or_not(usual, unusual).verdict is (Verdict.ACCEPT if unusual[1].imm else Verdict.REJECT)
        assert same_or_not(other, unusual).verdict is Verdict.REJECT


# --- what is seen of a difference ---------------------------------------------------------------------------------


def same_or_not(left: list[Insn], right: list[Insn], *maps: MapDef, hook: str = "tc") -> Proof:
    """The verdict on two programs of the same maps."""
    first, second = (
        BpfObject((BpfProgram("p", hook, tuple(code)),), maps, name=f"{name}.o")
        for name, code in (("left", left), ("right", right))
    )
    return Checker(None, timeout=60).check_two((TARGET, first, first.name), (TARGET, second, second.name)).proof


def marked_or_dropped(*, dropped_mark: int, code: int = 2) -> list[Insn]:
    """Marks frames of an even length with 1 and passes them; the others get ``dropped_mark`` and end with ``code``."""
    return [
        asm.load(4, R0, R1, 0), asm.alu("and", R0, 1), asm.mov(R2, 1), asm.jump("jeq", R0, 0, 2),
        asm.mov(R2, dropped_mark), asm.mov(R0, code), asm.store(4, R1, 8, R2), asm.exit_(),
    ]  # fmt: skip


def test_metadata_of_a_frame_that_goes_nowhere_is_nobodys() -> None:
    """Otherwise a mark that a compiler writes on one path more is a difference."""
    assert same_or_not(marked_or_dropped(dropped_mark=1), marked_or_dropped(dropped_mark=7)).verdict is Verdict.ACCEPT
    passed = same_or_not(marked_or_dropped(dropped_mark=1, code=0), marked_or_dropped(dropped_mark=7, code=0))
    assert passed.verdict is Verdict.REJECT


def passed_if_not(field: int, value: int, *, added: int) -> list[Insn]:
    """Drops what has ``value`` in a field of its metadata, and adds to that of the rest."""
    code = [asm.load(4, R2, R1, field), asm.mov(R0, 2), asm.jump("jeq", R2, value, 3), asm.alu("add", R2, added)]
    return [*code, asm.store(4, R1, field, R2), asm.mov(R0, 0), asm.exit_()]


@pytest.mark.parametrize("field", [8, 12, 32, 44])
def test_metadata_that_is_read_and_told_is_one_number(field: int) -> None:
    """mark, queue_mapping, priority and tc_index, which are not all as wide."""
    one = passed_if_not(field, 5, added=1)
    assert same_or_not(one, passed_if_not(field, 5, added=1)).verdict is Verdict.ACCEPT
    assert same_or_not(one, passed_if_not(field, 6, added=1)).verdict is Verdict.REJECT
    assert same_or_not(one, passed_if_not(field, 5, added=2)).verdict is Verdict.REJECT
    assert same_or_not(one, [asm.mov(R0, 0), asm.exit_()]).verdict is Verdict.REJECT


def told_by_the_last_octet(*, read: int) -> list[Insn]:
    """Drops a frame, if its last octet is 7 and byte ``read`` of the stack is not 0; the last octet lies at byte -8."""
    return [
        asm.load(4, R2, R1, 0), asm.alu("add", R2, -1), asm.mov(asm.R3, FP), asm.alu("add", asm.R3, -8),
        asm.mov(asm.R4, 1), asm.call(26), asm.jump("jne", R0, 0, 5), asm.load(1, R1, FP, -8), asm.mov(R0, 0),
        asm.jump("jne", R1, 7, 3), asm.load(1, R1, FP, read), asm.jump("jeq", R1, 0, 1), asm.mov(R0, 2), asm.exit_(),
    ]  # fmt: skip


def test_what_was_not_written_may_hang_on_the_frames_end() -> None:
    one = told_by_the_last_octet(read=-8)
    assert same_or_not(one, told_by_the_last_octet(read=-8)).verdict is Verdict.ACCEPT
    for proof in (
        same_or_not(one, told_by_the_last_octet(read=-16)),
        same_or_not(told_by_the_last_octet(read=-16), one),
    ):
        assert proof.verdict is Verdict.REJECT
        assert "reads byte -16 of the stack, which was not written" in proof.reason


def passed_unless(value: int, *, hook: str) -> list[Insn]:
    """Passes frames, unless the lower half of the packet's address is ``value``."""
    accept, drop = (2, 1) if hook == "xdp" else (0, 2)
    return [
        asm.load(4, R2, R1, 0 if hook == "xdp" else 76), asm.mov(R0, drop), asm.jump("jeq", R2, value, 1, width=32),
        asm.mov(R0, accept), asm.exit_(),
    ]  # fmt: skip


def test_the_lower_half_of_a_packets_address_is_never_0_at_xdp() -> None:
    """What clang makes of ``if (!eth)`` for v3; any other number it may be."""
    plain = [asm.mov(R0, 2), asm.exit_()]
    assert same_or_not(passed_unless(0, hook="xdp"), plain, hook="xdp").verdict is Verdict.ACCEPT
    assert same_or_not(passed_unless(4096, hook="xdp"), plain, hook="xdp").verdict is not Verdict.ACCEPT


def test_the_lower_half_of_a_packets_address_is_taken_not_to_be_0_at_tc() -> None:
    """There a packet could begin where its buffer does: that it does not is said where anything hangs on it."""
    plain = [asm.mov(R0, 0), asm.exit_()]
    assert same_or_not(passed_unless(0, hook="tc"), plain).verdict is Verdict.ACCEPT
    for code, said in ((passed_unless(0, hook="tc"), True), (plain, False)):
        notes = meaning(BpfObject((BpfProgram("test", "tc", tuple(code)),), name="test.o")).notes
        assert any("multiple of 4 GiB" in note for note in notes) == said
    assert same_or_not(passed_unless(4096, hook="tc"), plain).verdict is not Verdict.ACCEPT


def found_at(index: int, verdict: int) -> list[Insn]:
    """Ends with ``verdict`` where a look-up of ``index`` finds an element; else passes. At XDP."""
    return [
        asm.store(4, FP, -4, index), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.load_map(R1, "later"), asm.call(1),
        asm.jump("jeq", R0, 0, 2), asm.mov(R0, verdict), asm.exit_(), asm.mov(R0, 2), asm.exit_(),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["array", "percpu_array", "devmap"])
def test_an_array_whose_loader_says_how_large_it_is_has_elements(kind: str) -> None:
    """``max_entries`` is 0 in the object (``bpf_map__set_max_entries``). What stands behind the look-up was never
    compared."""
    later = MapDef("later", kind, 4, 4, 0)
    for index in (0, 40):
        proof = same_or_not(found_at(index, 1), found_at(index, 3), later, hook="xdp")
        assert proof.verdict is Verdict.REJECT
        assert proof.counterexample is not None
        assert kind == "devmap" or proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")
    always = same_or_not(found_at(40, 1), [asm.mov(R0, 1), asm.exit_()], later, hook="xdp")
    assert always.verdict is Verdict.REJECT
    assert same_or_not(found_at(40, 1), found_at(40, 1), later, hook="xdp").verdict is Verdict.ACCEPT
    if kind != "devmap":
        first = same_or_not(found_at(0, 3), [asm.mov(R0, 3), asm.exit_()], later, hook="xdp")
        assert first.verdict is Verdict.ACCEPT, "the kernel makes no array of none"


def test_programs_that_a_loader_puts_into_an_array_of_its_size_are_reached() -> None:
    """The array of programs has as many as the loader says, too."""
    later = MapDef("later", "prog_array", 4, 4, 0)
    jump = [asm.load_map(R2, "later"), asm.mov(asm.R3, 7), asm.call(12), asm.mov(R0, 2), asm.exit_()]
    assert same_or_not(jump, [asm.mov(R0, 2), asm.exit_()], later, hook="xdp").verdict is not Verdict.ACCEPT
    named = replace(later, programs={0: "p"})
    proof = same_or_not(jump, jump, named, hook="xdp")
    assert proof.verdict is Verdict.UNSUPPORTED
    assert proof.reason.endswith("map later holds programs, and its loader says how many")


def to_neighbour(address: int, *, size: int = 20, then: tuple[Insn, ...] = (), family: int = 2) -> list[Insn]:
    """Redirects to a neighbour that the program names, with ``size`` bytes of parameters."""
    words = [asm.store(4, FP, at - 20, 0) for at in (8, 12, 16)]
    return [
        *words, asm.store(4, FP, -20, family), asm.store(4, FP, -16, address), asm.mov(R1, 9), asm.mov(R2, FP),
        asm.alu("add", R2, -20), asm.mov(asm.R3, size), asm.mov(asm.R4, 0), asm.call(152), *then, asm.exit_(),
    ]  # fmt: skip


def test_a_neighbour_that_a_program_names_is_told() -> None:
    plain = [asm.mov(R1, 9), asm.mov(R2, 0), asm.mov(asm.R3, 0), asm.mov(asm.R4, 0), asm.call(152), asm.exit_()]
    dropped = [asm.mov(R0, 2), asm.exit_()]
    passed = (asm.mov(R0, 0),)
    assert same_or_not(to_neighbour(5), to_neighbour(5)).verdict is Verdict.ACCEPT
    for other in (to_neighbour(6), to_neighbour(5, family=10), plain, dropped):
        assert same_or_not(to_neighbour(5), other).verdict is Verdict.REJECT
    assert same_or_not(to_neighbour(5, then=passed), to_neighbour(6, then=passed)).verdict is Verdict.ACCEPT
    again = (asm.mov(R1, 9), asm.mov(R2, 0), asm.call(23))  # bpf_redirect forgets the neighbour
    assert same_or_not(to_neighbour(5, then=again), to_neighbour(6, then=again)).verdict is Verdict.ACCEPT
    forgotten = to_neighbour(5, then=tuple(plain[:-1]))
    assert same_or_not(forgotten, plain).verdict is Verdict.ACCEPT
    short = same_or_not(to_neighbour(5, size=4), [asm.mov(R0, 2), asm.exit_()])
    assert short.verdict is Verdict.UNSUPPORTED, "neither sends anything"
    assert same_or_not(to_neighbour(5, size=4), plain).verdict is Verdict.REJECT


def hashed(number: int, *then: Insn) -> list[Insn]:
    """Gives the packet a hash, and passes it."""
    start = (asm.mov(asm.R6, R1), asm.mov(R2, number), asm.call(48), asm.mov(R1, asm.R6), asm.mov(R0, 0))
    return [*start, *then, asm.exit_()]


def test_the_hash_that_a_program_gives_a_packet_is_compared() -> None:
    """Queues and next hops are chosen by it."""
    none = [asm.mov(R0, 0), asm.exit_()]
    assert same_or_not(hashed(5), hashed(5)).verdict is Verdict.ACCEPT
    assert same_or_not(hashed(5), hashed(6)).verdict is Verdict.REJECT
    assert same_or_not(hashed(5), none).verdict is Verdict.REJECT
    invalid = (asm.call(41), asm.mov(R0, 0))
    assert same_or_not(hashed(5, *invalid), hashed(6, *invalid)).verdict is Verdict.ACCEPT
    dropped = (asm.mov(R0, 2),)
    left, right = (hashed(n, asm.load(4, R2, R1, 8), asm.jump("jeq", R2, 7, 1), *dropped) for n in (5, 6))
    assert same_or_not(left, left).verdict is Verdict.ACCEPT
    assert same_or_not(left, right).verdict is Verdict.REJECT


def counted(step: int) -> list[Insn]:
    """Adds ``step`` to the first cell of a map."""
    return [
        asm.store(4, asm.FP, -4, 0), asm.load_map(R1, "cell"), asm.mov(R2, asm.FP), asm.alu("add", R2, -4),
        asm.call(1), asm.jump("jeq", R0, 0, 2), asm.mov(R1, step), asm.atomic(8, 0, R0, 0, R1), asm.mov(R0, 0),
        asm.exit_(),
    ]  # fmt: skip


def told(octet: int) -> list[Insn]:
    """Writes a byte into a ring buffer."""
    return [
        asm.store(1, asm.FP, -1, octet), asm.load_map(R1, "ring"), asm.mov(R2, asm.FP), asm.alu("add", R2, -1),
        asm.mov(asm.R3, 1), asm.mov(asm.R4, 0), asm.call(130), asm.mov(R0, 0), asm.exit_(),
    ]  # fmt: skip


def first_octet(checked: int) -> list[Insn]:
    """Drops frames that begin with 0; looks whether there are ``checked`` bytes."""
    return [
        asm.load(4, R2, R1, 0), asm.load(4, asm.R3, R1, 4), asm.mov(R0, R2), asm.alu("add", R0, checked),
        asm.jump("jgt", R0, asm.R3, 2), asm.load(1, R0, R2, 20), asm.jump("jeq", R0, 0, 1), asm.mov(R0, 1),
        asm.alu("add", R0, 1), asm.exit_(),
    ]  # fmt: skip


@pytest.mark.oracle
def test_the_kernel_confirms_what_it_shows(kernel_oracle: KernelOracle) -> None:
    both = ("ebpf kernel", "ebpf kernel")
    cell = MapDef("cell", "array", 4, 8, 1)
    beyond = same_or_not(first_octet(21), first_octet(20), hook="xdp")
    for proof in (
        same_or_not(counted(1), counted(2), cell),
        same_or_not(counted(1), counted(2), replace(cell, type="percpu_array")),
        same_or_not(marked_or_dropped(dropped_mark=1, code=0), marked_or_dropped(dropped_mark=7, code=0)),
        beyond,
    ):
        assert proof.counterexample is not None
        assert proof.counterexample.confirmed_by[-2:] == both
    assert beyond.counterexample is not None
    assert "reaches past the packet" in (beyond.counterexample.actual.fault or "")


@pytest.mark.oracle
def test_the_kernel_confirms_records_in_ring_buffers(kernel_oracle: KernelOracle) -> None:
    """Of another content, one that is not there, and one more."""
    ring = MapDef("ring", "ringbuf", 0, 0, 4096)
    silent = [asm.mov(R0, 0), asm.exit_()]
    for first, second in ((told(1), told(2)), (told(1), silent), (silent, told(1)), (told(1), told(1)[:-2] + told(1))):
        proof = same_or_not(first, second, ring)
        assert proof.verdict is Verdict.REJECT
        assert proof.counterexample is not None
        assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")


@pytest.mark.oracle
def test_the_kernel_confirms_nothing_that_it_does_not_show(kernel_oracle: KernelOracle) -> None:
    """The frame is the same on both sides: that it was seen says nothing of the event."""

    def keyed(octet: int) -> list[Insn]:
        key = [asm.store(4, FP, at - 28, 0) for at in range(0, 28, 4)]
        return [
            *key, asm.store(1, FP, -28, octet), asm.mov(R2, FP), asm.alu("add", R2, -28), asm.mov(asm.R3, 28),
            asm.mov(asm.R4, 0), asm.call(21), asm.mov(R0, 0), asm.exit_(),
        ]  # fmt: skip

    proof = same_or_not(keyed(1), keyed(2))
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert "ebpf kernel" not in proof.counterexample.confirmed_by


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


@pytest.mark.parametrize("again", [0, 1])
def test_control_groups_of_a_packets_socket_are_told_apart(again: int) -> None:
    """What the kernel answers does not change while a program runs, nor does it say the same of two levels."""

    def asks(number: int, level: int, twice: int = 0) -> list[Insn]:
        ask = [asm.mov(R1, asm.R6), asm.mov(R2, level), asm.call(number)]
        return [asm.mov(asm.R6, R1), *ask, *ask * twice, asm.store(4, asm.R6, 8, R0), asm.mov(R0, 0), asm.exit_()]

    for number in (83, 151):
        assert same_or_not(asks(number, 1), asks(number, 1, again)).verdict is Verdict.ACCEPT
    assert same_or_not(asks(83, 1), asks(83, 2, again)).verdict is Verdict.REJECT
    assert same_or_not(asks(151, 0), asks(17, 0, again)).verdict is Verdict.REJECT
    assert same_or_not(asks(83, 0), asks(79, 0, again)).verdict is Verdict.REJECT


@pytest.mark.oracle
def test_a_counterexample_says_what_maps_hold() -> None:
    """Two programs drop from another number on that an element holds: with which content was not said."""
    item, kept = MapDef("limit", "array", 4, 4, 4), MapDef("seen", "hash", 4, 4, 4)

    def drops_from(number: int) -> BpfObject:
        code = (
            asm.store(4, FP, -4, 3), asm.load_map(R1, "limit"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
            asm.jump("jeq", R0, 0, 10), asm.load(4, asm.R6, R0, 0),
            asm.load_map(R1, "seen"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1), asm.jump("jeq", R0, 0, 3),
            asm.load(4, R1, R0, 0), asm.alu("add", asm.R6, R1, 32), asm.jump("jgt", asm.R6, number, 2),
            asm.mov(R0, 0), asm.exit_(), asm.mov(R0, 2), asm.exit_(),
        )  # fmt: skip
        return BpfObject((BpfProgram("p", "tc", code),), (item, kept), name=f"{number}.o")

    first, second = drops_from(700), drops_from(701)
    proof = Checker(None).check_two((TARGET, first, "first.o"), (TARGET, second, "second.o")).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    told = " ".join(proof.counterexample.explanation.machine)
    found = dict(re.findall(r"map (\w+) holds at 03000000: ([0-9a-f]{8})", told))
    assert sum(int.from_bytes(bytes.fromhex(value), "little") for value in found.values()) % 2**32 == 701
