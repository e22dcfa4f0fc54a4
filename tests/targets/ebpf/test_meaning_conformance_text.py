"""The suite's text format: every mnemonic and form of it; and programs in it, judged by the kernel as well."""

from __future__ import annotations

from textwrap import dedent

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfProgram, Insn, asm, encode
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2, R3, R6, R7
from p4verify.targets.ebpf.meaning.hooks import HOOKS
from p4verify.targets.ebpf.meaning.machine import Machine, start_registers
from p4verify.targets.ebpf.meaning.state import Layout, State
from p4verify.targets.ebpf.oracle import KernelOracle, KernelProgram
from tests.support import bpf_memory, bpf_text

ENCODED = """
    add %r1, %r2 | 0f 21 00 00 00 00 00 00
    add32 %r1, -1 | 04 01 00 00 ff ff ff ff
    sub %r1, 0x80000000 | 17 01 00 00 00 00 00 80
    mul32 %r1, %r2 | 2c 21 00 00 00 00 00 00
    div %r1, 3 | 37 01 00 00 03 00 00 00
    sdiv32 %r1, %r2 | 3c 21 01 00 00 00 00 00
    mod %r1, %r2 | 9f 21 00 00 00 00 00 00
    smod %r1, -2 | 97 01 01 00 fe ff ff ff
    or32 %r1, 1 | 44 01 00 00 01 00 00 00
    and %r1, %r9 | 5f 91 00 00 00 00 00 00
    lsh %r1, 4 | 67 01 00 00 04 00 00 00
    rsh32 %r1, %r2 | 7c 21 00 00 00 00 00 00
    arsh %r1, %r2 | cf 21 00 00 00 00 00 00
    xor %r1, 7 | a7 01 00 00 07 00 00 00
    neg32 %r1 | 84 01 00 00 00 00 00 00
    mov32 %r1, %r2 | bc 21 00 00 00 00 00 00
    movsx832 %r1, %r2 | bc 21 08 00 00 00 00 00
    movsx1632 %r1, %r2 | bc 21 10 00 00 00 00 00
    movsx864 %r1, %r2 | bf 21 08 00 00 00 00 00
    movsx3264 %r1, %r2 | bf 21 20 00 00 00 00 00
    be16 %r1 | dc 01 00 00 10 00 00 00
    le64 %r1 | d4 01 00 00 40 00 00 00
    bswap32 %r1 | d7 01 00 00 20 00 00 00
    swap64 %r1 | d7 01 00 00 40 00 00 00
    lddw %r1, 0x1122334455667788 | 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11
    lddw %r1, -1 | 18 01 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff
    ldxb %r1, [%r2] | 71 21 00 00 00 00 00 00
    ldxh %r1, [%r2+0x10] | 69 21 10 00 00 00 00 00
    ldxw %r1, [%r2-4] | 61 21 fc ff 00 00 00 00
    ldxdw %r1, [%r2 + 8] | 79 21 08 00 00 00 00 00
    ldxsb %r1, [%r2] | 91 21 00 00 00 00 00 00
    ldxsh %r1, [%r2] | 89 21 00 00 00 00 00 00
    ldxsw %r1, [%r2] | 81 21 00 00 00 00 00 00
    stb [%r1+1], 0xff | 72 01 01 00 ff 00 00 00
    sth [%r1], -1 | 6a 01 00 00 ff ff ff ff
    stdw [%r10-8], 5 | 7a 0a f8 ff 05 00 00 00
    stxb [%r1], %r2 | 73 21 00 00 00 00 00 00
    stxdw [%r1-8], %r2 | 7b 21 f8 ff 00 00 00 00
    lock add [%r1], %r2 | db 21 00 00 00 00 00 00
    lock or32 [%r1+4], %r2 | c3 21 04 00 40 00 00 00
    lock fetch and [%r1], %r2 | db 21 00 00 51 00 00 00
    lock fetch_xor32 [%r1], %r2 | c3 21 00 00 a1 00 00 00
    lock xchg [%r1], %r2 | db 21 00 00 e1 00 00 00
    lock cmpxchg32 [%r1-8], %r2 | c3 21 f8 ff f1 00 00 00
    ja +1 | 05 00 01 00 00 00 00 00
    ja32 -2 | 06 00 00 00 fe ff ff ff
    jeq %r1, %r2, +1 | 1d 21 01 00 00 00 00 00
    jne32 %r1, 0xffffffff, 2 | 56 01 02 00 ff ff ff ff
    jset %r1, 0x80000000, -3 | 45 01 fd ff 00 00 00 80
    jsgt32 %r1, %r2, +0 | 6e 21 00 00 00 00 00 00
    jsle %r1, -1, +1 | d5 01 01 00 ff ff ff ff
    call 5 | 85 00 00 00 05 00 00 00
    call local +1 | 85 10 00 00 01 00 00 00
    call %r3 | 8d 03 00 00 00 00 00 00
    callx %r3 | 8d 03 00 00 00 00 00 00
    exit | 95 00 00 00 00 00 00 00
"""


@pytest.mark.parametrize("line", [line.strip() for line in ENCODED.strip().splitlines()])
def test_mnemonics_as_the_standard_encodes_them(line: str) -> None:
    text, octets = line.split(" | ")
    assert encode(bpf_text.assemble([text])).hex(" ") == octets


def test_labels_and_sections() -> None:
    text = """
    # a comment
    -- asm
    mov %r0,1          # another
    start: jeq %r0, 2, exit
    add %r0, 1
    ja32 start
    exit
    -- mem
    01 02
    03
    -- no register offset
    call instruction
    -- result
    0x2
    """
    case = bpf_text.parse(dedent(text))
    assert [i.opcode for i in case.insns] == [0xB7, 0x15, 0x07, 0x06, 0x95]
    assert [i.off for i in case.insns] == [0, 2, 0, 0, 0]
    assert case.insns[3].imm == -3
    assert case.memory == b"\1\2\3"
    assert case.result == 2
    assert bpf_text.parse("-- raw\n0x00000002000000b7\n0x0000000000000095\n-- error\nno\n") == bpf_text.Case(
        (asm.mov(R0, 2), asm.exit_()), b"", None
    )
    assert bpf_text.parse("-- raw\nb7 00 00 00 02 00 00 00\n-- result\n-1\n").result == (1 << 64) - 1


NO_TESTS = (
    "-- result\n0x1\n",
    "-- asm\nexit\n",
    "-- asm\nexit\n-- result\n",
    "-- asm\nfoo %r1\n-- result\n0\n",
    "-- asm\nmov %r1\n-- raw\n95 00 00 00 00 00 00 00\n-- result\n0\n",
    "-- asm\nlock nand [%r1], %r2\n-- result\n0\n",
    "-- asm\njeq %r1, 1, nowhere\nexit\n-- result\n0\n",
    "-- asm\nldxq %r1, [%r2]\n-- result\n0\n",
)


@pytest.mark.parametrize("text", NO_TESTS)
def test_what_is_no_test_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        bpf_text.parse(text)


PROGRAMS = {
    "callees save nothing but r6 to r9": """
        mov %r6, 6
        mov %r9, 9
        mov %r1, 1
        call local f
        add %r0, %r6
        add %r0, %r9
        exit
        f: mov %r6, 100
        mov %r9, %r1
        mov %r1, 3
        call local g
        add %r0, %r6
        add %r0, %r9
        exit
        g: mov %r6, 1000
        mov %r9, 1000
        mov %r0, %r1
        exit | 119""",
    "frames have stacks of their own": """
        stdw [%r10-8], 7
        call local f
        ldxdw %r1, [%r10-8]
        add %r0, %r1
        exit
        f: stdw [%r10-8], 40
        ldxdw %r0, [%r10-8]
        exit | 47""",
    "a callee writes the caller's stack": """
        stdw [%r10-16], 1
        mov %r1, %r10
        add %r1, -16
        call local f
        ldxdw %r0, [%r10-16]
        exit
        f: ldxdw %r2, [%r1]
        add %r2, 41
        stxdw [%r1], %r2
        mov %r0, 0
        exit | 42""",
    "a jump over a wide load": """
        mov %r0, 1
        jeq %r0, 1, +2
        lddw %r0, 0x1234567812345678
        add %r0, 1
        exit | 2""",
    "a loop of 32-bit jumps": """
        mov %r0, 0
        mov %r1, 10
        again: add %r0, %r1
        sub %r1, 1
        jeq %r1, 0, exit
        ja32 again
        exit | 55""",
    "32-bit atomics leave the other half": """
        lddw %r1, 0x1111111122222222
        stxdw [%r10-8], %r1
        lddw %r2, 0xffffffff00000001
        lock fetch add32 [%r10-8], %r2
        jne %r2, 0x22222222, wrong
        ldxdw %r0, [%r10-8]
        exit
        wrong: mov %r0, 0
        exit | 0x1111111122222223""",
    "an exchange that is not made still clears the upper half of r0": """
        lddw %r0, 0x5555555500000001
        stdw [%r10-8], 2
        mov %r1, 9
        lock cmpxchg32 [%r10-8], %r1
        exit | 2""",
    "an exchange that is made": """
        lddw %r0, 0x5555555500000002
        stdw [%r10-8], 2
        mov %r1, 9
        lock cmpxchg32 [%r10-8], %r1
        ldxdw %r1, [%r10-8]
        lsh %r0, 8
        or %r0, %r1
        exit | 0x209""",
    "a load into its own base": """
        stdw [%r10-8], 77
        mov %r1, %r10
        ldxdw %r1, [%r1-8]
        mov %r0, %r1
        exit | 77""",
    "bytes of a word one by one": """
        lddw %r1, 0x8877665544332211
        stxdw [%r10-8], %r1
        ldxsb %r0, [%r10-1]
        ldxsh %r1, [%r10-8]
        add %r0, %r1
        exit | 0x2199""",
    "a comparison takes its immediate with its sign": """
        lddw %r1, 0xffffffff80000000
        mov %r0, 1
        jsge32 %r1, 0, wrong
        jslt %r1, 0x80000001, right
        wrong: mov %r0, 0
        right: exit | 1""",
    "the remainder of the smallest number": """
        lddw %r0, 0x8000000000000000
        smod %r0, -1
        lddw %r1, 0xabcdef0180000000
        mov %r2, -1
        sdiv32 %r1, %r2
        or %r0, %r1
        exit | 0x80000000""",
}


def text_of(name: str) -> tuple[tuple[Insn, ...], int]:
    program, result = PROGRAMS[name].split(" | ")
    case = bpf_text.parse(f"-- asm\n{dedent(program)}\n-- result\n{result}\n")
    assert case.result is not None
    return case.insns, case.result


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_by_the_meaning(name: str) -> None:
    insns, result = text_of(name)
    assert bpf_memory.result(insns, [], {}) == result


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_by_the_kernel(kernel_oracle: KernelOracle, name: str) -> None:
    """As a function of a program that puts the result into the packet."""
    insns, result = text_of(name)
    show = [
        asm.mov(R7, R0), asm.load(4, R1, R6, 0), asm.load(4, R2, R6, 4), asm.mov(R3, R1), asm.alu("add", R3, 14),
        asm.jump("jgt", R3, R2, 1), asm.store(8, R1, 0, R7), asm.mov(R0, 2), asm.exit_(),
    ]  # fmt: skip
    code = [asm.mov(R6, R1), asm.call_local(len(show)), *show, *insns]
    with KernelProgram("xdp", code) as program:
        assert int.from_bytes(program.test_run(bytes(64)).packet[:8], "little") == result


def test_the_kernel_takes_no_call_by_register() -> None:
    """What clang makes at -O0 of a helper's number in a variable: refused where the kernel would refuse it."""
    insns = (asm.mov(R2, 5), Insn(0x8D, dst=2), asm.exit_())
    start = State(b.TRUE, 0, start_registers(), Layout())
    with pytest.raises(Unsupported, match=r"instruction 1: undefined jump \(opcode 0x8d\)"):
        Machine(BpfProgram("p", "xdp", insns), (), HOOKS["xdp"]).run([start])
    assert bpf_memory.run([*insns[:2], asm.mov(R0, 2), asm.exit_()], [])[1]


def test_a_called_helper_reads_and_forgets_registers() -> None:
    """A call by register: r1 to r5 hold nothing behind it."""
    with pytest.raises(bpf_memory.NoResult, match="reads r1, which holds nothing"):
        bpf_memory.result([asm.mov(R2, 5), Insn(0x8D, dst=2), asm.mov(R0, R1), asm.exit_()], [], {})
