"""``bpf_loop``: what the meaning says of it, and beside it what this kernel does."""

from __future__ import annotations

import pytest

from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Function, Insn, asm, slots
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R6
from p4verify.targets.ebpf.artifact.insn import LD_IMM64, PSEUDO_FUNC
from p4verify.targets.ebpf.meaning import machine, meaning
from p4verify.targets.ebpf.meaning.loops import CALL_FUNCTION, TOO_MANY
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support import bpf_suite
from tests.support.bpf_compare import difference, evaluated
from tests.support.machines import needs_clang

FRAMES = [bytes(12) + b"\x08\x06" + bytes((n, *bytes(45))) for n in (0, 1, 2, 5, 7)]
LOOP = 181


def looping(turns: int | None, stop: int, flags: int = 0) -> BpfObject:
    """Marks the packet with what the helper gives and what the function has added up; it stops in turn ``stop``.

    ``turns``: how many are asked for, or as many as the frame's byte 14 says, up to 7.
    """
    read = (
        asm.load(4, R1, R6, 76), asm.load(4, R2, R6, 80), asm.mov(R3, R1), asm.alu("add", R3, 15),
        asm.jump("jle", R3, R2, 2), asm.mov(R0, 2), asm.exit_(), asm.load(1, R1, R1, 14), asm.alu("and", R1, 7),
    )  # fmt: skip
    before = (
        asm.mov(R6, R1), asm.store(8, FP, -8, 0), *((asm.mov(R1, turns, 32),) if turns is not None else read),
    )  # fmt: skip
    after = (
        asm.mov(R3, FP), asm.alu("add", R3, -8), asm.mov(R4, flags), asm.call(LOOP), asm.alu("lsh", R0, 16),
        asm.load(8, R1, FP, -8), asm.alu("add", R0, R1), asm.store(4, R6, 8, R0), asm.mov(R0, 0), asm.exit_(),
    )  # fmt: skip
    function = (
        asm.load(8, R3, R2, 0), asm.alu("add", R3, R1), asm.alu("add", R3, 1), asm.store(8, R2, 0, R3),
        asm.mov(R0, 0), asm.jump("jne", R1, stop, 1), asm.mov(R0, 1), asm.exit_(),
    )  # fmt: skip
    start = slots(before)[-1]
    begins = start + 2 + slots(after)[-1]
    address = Insn(LD_IMM64, 2, PSEUDO_FUNC, 0, begins - start - 1)
    code = (*before, address, *after, *function)
    return BpfObject((BpfProgram("test", "tc", code, (Function("turn", begins),)),), (), name="test.o")


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("turns", "stop", "flags"),
    [
        (1, 9, 0),
        (6, 9, 0),
        (6, 3, 0),
        (6, 0, 0),
        (None, 9, 0),
        (None, 3, 0),
        (3, 9, 1),
        ((1 << 23) + 1, 2, 0),
    ],
)
def test_turns_are_those_of_the_kernel(turns: int | None, stop: int, flags: int, kernel_oracle: KernelOracle) -> None:
    found = looping(turns, stop, flags)
    behaviour = meaning(found)
    assert behaviour.faults == ()
    for frame, seen in zip(FRAMES, kernel_oracle.observe(found, [(3, f) for f in FRAMES]), strict=True):
        assert difference(evaluated(behaviour, found, {}, 3, frame), seen) is None


def test_an_end_that_does_not_fold_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_VISITS", 50)
    with pytest.raises(Unsupported, match="a loop whose end does not fold"):
        meaning(looping(1 << 20, 1 << 21))


def test_a_number_is_no_function() -> None:
    code = (asm.mov(R1, 1), asm.mov(R2, 7), asm.mov(R3, FP), asm.mov(R4, 0), asm.call(LOOP), asm.exit_())
    found = BpfObject((BpfProgram("test", "tc", code),), (), name="test.o")
    texts = {fault.text.partition(": ")[2] for fault in meaning(found).faults}
    assert texts == {"follows r9, which is no pointer"}


@pytest.mark.oracle
@pytest.mark.parametrize("flags_known", [True, False])
def test_the_error_of_too_many_turns_may_have_32_bits(flags_known: bool, kernel_oracle: KernelOracle) -> None:
    """As it has where the verifier puts instructions in the helper's place; what depends on it is a choice."""
    found = looping((1 << 23) + 1, 2)
    (program,) = found.programs
    insns = list(program.insns)
    call = next(i for i, insn in enumerate(insns) if insn == asm.call(LOOP))
    if not flags_known:  # 0, but not for the verifier
        insns[call - 1] = asm.load(4, R4, R6, 8)
    insns[call + 1] = asm.alu("rsh", R0, 32)
    found = BpfObject((BpfProgram("test", "tc", tuple(insns), program.functions),), (), name="test.o")
    (seen,) = kernel_oracle.run(found, [(3, FRAMES[0])])
    assert seen.metadata["mark"] == (0 if flags_known else 0xFFFFFFFF)
    behaviour = meaning(found)
    told = [evaluated(behaviour, found, {}, 3, FRAMES[0], choices=n) for n in (0, 1)]
    assert [outcome.metadata["mark"] for outcome in told] == [0, 0xFFFFFFFF]


@pytest.mark.parametrize("insn", [CALL_FUNCTION, TOO_MANY])
def test_the_instructions_of_our_own_mean_nothing_in_a_program(insn: Insn) -> None:
    found = looping(2, 9)
    (program,) = found.programs
    insns = tuple(insn if old == asm.alu("lsh", R0, 16) else old for old in program.insns)
    with pytest.raises(Unsupported, match="undefined jump"):
        meaning(BpfObject((BpfProgram("test", "tc", insns, program.functions),), (), name="test.o"))


EXTENSIONS = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
struct place { struct __sk_buff *skb; __u32 at; __u8 kind, stop; };
static long step(__u32 turn, void *held) {
  struct place *p = held; __u8 two[2];
  if (p->kind != 0 && p->kind != 60 && p->kind != 51) return 1;
  if (bpf_skb_load_bytes(p->skb, p->at, two, 2)) { p->stop = 1; return 1; }
  p->at += p->kind == 51 ? (two[1] + 2) * 4 : (two[1] + 1) * 8;
  p->kind = two[0];
  return 0;
}
SEC("tc") int walk(struct __sk_buff *skb) {
  struct place p = { .skb = skb, .at = 54 };
  __u8 port;
  if (bpf_skb_load_bytes(skb, 20, &p.kind, 1)) return 2;
  bpf_loop(4, step, &p, 0);
  if (p.stop || bpf_skb_load_bytes(skb, p.at, &port, 1)) return 2;
  skb->mark = p.at << 16 | p.kind << 8 | port;
  return 0;
}
"""


def extended(*headers: tuple[int, int], more: int) -> bytes:
    """A frame with extension headers, each with its kind and its second byte, and ``more`` bytes behind."""
    kinds = [*(kind for kind, _ in headers), 17]
    out = bytes(12) + b"\x86\xdd" + b"\x60" + bytes(5) + bytes([kinds[0]]) + bytes(33)
    for (kind, size), follows in zip(headers, kinds[1:], strict=True):
        length = (size + 2) * 4 if kind == 51 else (size + 1) * 8
        out += bytes([follows, size]) + bytes(length - 2)
    return out + bytes(range(7, 7 + more))


@pytest.mark.long
@needs_clang
@pytest.mark.oracle
def test_four_headers_of_any_length_are_walked(kernel_oracle: KernelOracle) -> None:
    """What lies behind them can be at more than a thousand places."""
    made = bpf_suite.read_text(EXTENSIONS)
    behaviour = meaning(made)
    assert behaviour.faults == ()
    chains = [((0, 0),), ((60, 31), (51, 9)), ((51, 200), (0, 3), (60, 0)), ((0, 20), (60, 20), (60, 20), (51, 20))]
    frames = [extended(*chain, more=more) for chain in [*chains, ((0, 1),) * 5] for more in (4, 0)]
    for frame, seen in zip(frames, kernel_oracle.observe(made, [(3, frame) for frame in frames]), strict=True):
        assert difference(evaluated(behaviour, made, {}, 3, frame), seen) is None, frame.hex()
