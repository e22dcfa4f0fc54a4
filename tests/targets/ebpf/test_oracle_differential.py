"""Random programs and frames: the meaning says what the kernel does. And wrong meanings are found out."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable

import pytest

from benchmarks.ebpf_differential import one_round, rounds
from p4verify.running.ethernet import frame
from p4verify.semantics import bits as b
from p4verify.targets.ebpf.artifact import asm
from p4verify.targets.ebpf.artifact.asm import R0
from p4verify.targets.ebpf.meaning import alu, helpers_maps, helpers_vlan, hooks, join, meaning, memory, offsets
from p4verify.targets.ebpf.oracle import KernelOracle, KernelProgram
from tests.support.bpf_compare import evaluated
from tests.support.bpf_random import MAPS, Generator, random_object
from tests.support.bpf_random_wider import MORE_MAPS, wider_object

pytestmark = pytest.mark.oracle

FAR_FROM_AN_END = f"unsupported: an address in the packet with more than {offsets.MOST} places"
"""Bytes that are counted from an end which the packet itself says."""


def mismatches(oracle: KernelOracle, seed: int, pairs: int) -> tuple[list[str], Counter[str]]:
    rng, counts, texts = random.Random(seed), Counter[str](), []
    while counts["pairs"] < pairs:
        texts += [text for text in one_round(oracle, rng.getrandbits(48), counts) if text]
    return texts, counts


@pytest.mark.long
def test_meaning_and_kernel_agree(kernel_oracle: KernelOracle) -> None:
    wrong, counts = mismatches(kernel_oracle, 11, 200)
    assert wrong == []
    assert counts["programs"] >= 25
    assert {name for name in counts if name.startswith("unsupported")} <= {FAR_FROM_AN_END}
    assert counts[FAR_FROM_AN_END] <= counts["programs"] // 10
    assert counts["pairs with an output"] > counts["pairs"] // 3


def test_a_frame_that_is_consumed_shows_no_metadata_whatever_clones_of_it_leave(kernel_oracle: KernelOracle) -> None:
    """A program that writes a mark, sends clones, and keeps the frame itself."""
    counts = Counter[str]()
    assert [text for text in one_round(kernel_oracle, 264352822814368, counts) if text] == []
    assert counts["pairs with an output"]


@pytest.mark.campaign
def test_meaning_and_kernel_agree_campaign(kernel_oracle: KernelOracle) -> None:
    wrong, _ = mismatches(kernel_oracle, 12, 20_000)
    assert wrong == []


@pytest.mark.long
def test_runs_without_a_network(kernel_oracle: KernelOracle) -> None:
    """BPF_PROG_TEST_RUN, which knows nothing of tags: XDP programs, and tc programs on frames that need none."""
    rng, ran = random.Random(3), 0
    while ran < 60:
        hook = rng.choice(("tc", "xdp"))
        obj = random_object(rng, hook, 30)
        maps = {i.map for i in obj.programs[0].insns if i.map}
        if maps or any(i.opcode == 0x85 and i.imm != 28 for i in obj.programs[0].insns):
            continue  # what helpers leave beside the packet is not seen here
        behaviour = meaning(obj)
        with KernelProgram(hook, obj.programs[0].insns) as program:
            for _ in range(5):
                data = frame(rng)
                if hook == "tc" and (data[12:14] in (b"\x81\x00", b"\x88\xa8") or len(data) < 54):
                    continue
                if any(i.opcode == 0x61 and i.src == 6 and i.off in (12, 36, 40) for i in obj.programs[0].insns):
                    continue  # interface numbers are those of a device of the kernel's own
                got = program.test_run(data)
                said = evaluated(behaviour, obj, {}, 1, data)
                passed = got.result == 2 if hook == "xdp" else got.result not in (2, 4, 7, 8)
                assert passed == any(to == "stack" for to, _, _ in said.outputs)
                for to, _, out in said.outputs:
                    assert to != "stack" or out == got.packet
                ran += 1


# --- a comparison that cannot fail proves nothing -----------------------------------------------------------------

Change = Callable[[pytest.MonkeyPatch], None]


def _binary(name: str, function: Callable[[b.Term, b.Term], b.Term]) -> Change:
    return lambda patch: patch.setitem(alu._BINARY, name, function)


def _shift_unmasked(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(alu._BINARY, "lsh", b.shl)


def _no_tag_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hooks, "with_tag", lambda layout, vlan: layout)


def _stolen_passes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hooks, "TC_ACT_STOLEN", 2)


def _long_tags_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hooks, "UNTAG_LENGTH", 18)


def _big_endian_memory(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "little_endian", lambda values: b.concat(*values))


def _first_side_wins(patch: pytest.MonkeyPatch) -> None:
    whole = join._joined
    patch.setattr(join, "_joined", lambda x, y: (b.TRUE, whole(x, y)[1]))


def _present_in_arrays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        helpers_maps, "present", lambda machine, where, item, key: b.TRUE if "array" in item.type else b.FALSE
    )


def _pop_keeps_next_tag(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(helpers_vlan, "_next_tag", lambda machine, where: helpers_maps.result(where, 0))


MUTANTS: dict[str, tuple[Change, int]] = {
    "division by zero gives all ones": (_binary("div", b.udiv), 55),
    "remainder by zero gives 0": (_binary("mod", lambda x, y: b.ite(b.to_bool(y), b.urem(x, y), b.bv(0, x.width))), 57),
    "arithmetic shift is logical": (_binary("arsh", b.lshr), 4),
    "shift amounts are not masked": (_shift_unmasked, 16),
    "the tag is not put back": (_no_tag_back, 5),
    "TC_ACT_STOLEN passes": (_stolen_passes, 18),
    "a tagged frame of 18 bytes passes": (_long_tags_only, 9),
    "memory is big-endian": (_big_endian_memory, 2),
    "one side of a join is lost": (_first_side_wins, 2),
    "hash maps are empty": (_present_in_arrays, 22),
    "a second tag stays in the packet": (_pop_keeps_next_tag, 42),
}
"""What is wrong → how, and a seed of programs that show it soon."""


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_meanings_are_found_out(kernel_oracle: KernelOracle, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change, seed = MUTANTS[name]
    change(monkeypatch)
    monkeypatch.setattr(Generator, "rare", 0.0)
    texts = itertools.islice(rounds(kernel_oracle, seed, Counter()), 4000)
    assert any(texts), "no mismatch was seen"


def test_the_generator_writes_what_it_should() -> None:
    """Every kind of step occurs, so that agreement means something."""
    rng = random.Random(1)
    seen = {insn.imm for _ in range(600) for insn in random_object(rng, "tc").programs[0].insns if insn.opcode == 0x85}
    assert seen >= {1, 2, 3, 9, 10, 11, 13, 18, 19, 23, 26, 28, 31, 32, 34, 39, 43, 48, 50, 68}
    assert {i.map for _ in range(50) for i in random_object(rng, "xdp").programs[0].insns} >= {m.name for m in MAPS}
    assert asm.exit_() == random_object(rng, "xdp").programs[0].insns[-1]
    assert R0 == 0


@pytest.mark.parametrize(
    ("hook", "helpers"),
    [("tc", {38, 41, 68, 130, 131, 132, 133, 152, 155, 181}), ("xdp", {44, 51, 54, 65, 188, 189, 190})],
)
def test_the_wider_generator_writes_what_it_should(hook: str, helpers: set[int]) -> None:
    rng = random.Random(1)
    insns = [insn for _ in range(150) for insn in wider_object(rng, hook).programs[0].insns]
    assert {insn.imm for insn in insns if insn.opcode == 0x85} >= helpers
    maps = {item.name for item in MORE_MAPS if hook == "xdp" or item.type != "devmap"}
    assert {insn.map for insn in insns} >= maps
    assert {insn.opcode for insn in insns} >= ({0x20, 0x28, 0x30, 0x40, 0x48, 0x50} if hook == "tc" else set())
