"""Instructions and their encoding; the assembler."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.targets.ebpf.artifact import Assembler, DecodeError, Insn, asm, decode, encode, slots
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2
from tests.support.bpf_objects import INSNS


@given(st.lists(INSNS, max_size=12))
def test_decoding_gives_back_what_was_encoded(insns: list[Insn]) -> None:
    code = encode(insns)
    assert decode(code) == tuple(insns)
    assert len(code) == 8 * slots(insns)[-1]


@given(st.binary(max_size=80))
def test_any_bytes_are_instructions_or_one_error(data: bytes) -> None:
    try:
        again = encode(decode(data))
    except DecodeError as error:
        slot = error.slot
    else:
        slot = 0
        assert again == data
    assert 0 <= slot <= len(data) // 8


def test_encodings_of_rfc_9669() -> None:
    assert encode([asm.alu("add", R1, R2)]).hex() == "0f21000000000000"
    assert encode([asm.mov(R1, -1, 32)]).hex() == "b4010000ffffffff"
    assert encode([asm.alu("sdiv", R1, 5)]).hex() == "3701010005000000"
    assert encode([asm.movsx(R1, R2, 16)]).hex() == "bf21100000000000"
    assert encode([asm.to_big_endian(R1, 32), asm.bswap(R1, 64)]).hex() == "dc01000020000000d701000040000000"
    assert encode([asm.load(2, R0, R1, -4, signed=True)]).hex() == "8910fcff00000000"
    assert encode([asm.store(8, R1, 8, R2), asm.store(1, R1, 0, 7)]).hex() == "7b210800000000007201000007000000"
    assert encode([asm.load_imm64(R2, 0x1122334455667788)]).hex() == "18020000887766550000000044332211"
    assert encode([asm.call(1), asm.exit_()]).hex() == "85000000010000009500000000000000"


def test_maps_get_their_descriptors() -> None:
    insns = (asm.load_map(R1, "m"), asm.load_map_value(R2, "d", 12))
    assert (
        encode(insns, {"m": 7, "d": 9}).hex()
        == "18110000070000000000000000000000" + "182200000900000000000000" + "0c000000"
    )
    assert encode(insns).hex() == "1801000000000000" + "00" * 8 + "180200000c000000" + "00" * 8


@pytest.mark.parametrize(
    "fields", [(256,), (0, 16), (0, 0, -1), (0, 0, 0, 1 << 15), (0, 0, 0, 0, 1 << 31), (0x18, 0, 0, 0, -1)]
)
def test_what_does_not_fit_is_refused(fields: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Insn(*fields)


def test_labels_become_distances_in_slots() -> None:
    out = Assembler()
    start, end = out.label(), out.label()
    out.place(start)
    out.jump("jeq", R1, R2, end)
    out.emit(asm.load_imm64(R1, 5))
    out.goto(start)
    out.place(end)
    out.emit(asm.exit_())
    jump, _, back, _ = out.finish()
    assert (jump.off, back.off) == (3, -4)


def test_a_jump_that_does_not_reach_goes_round() -> None:
    out = Assembler()
    far = out.label()
    out.jump("jeq", R1, 0, far)
    out.emit(*[asm.mov(R0, 0)] * 40_000)
    out.place(far)
    out.emit(asm.exit_())
    over, away, there = out.finish()[:3]
    assert (over.off, away.off, there.opcode, there.imm) == (1, 1, 0x06, 40_000)


def test_labels_must_be_placed_once() -> None:
    out = Assembler()
    label = out.label("here")
    out.goto(label)
    with pytest.raises(ValueError, match="never placed"):
        out.finish()
    out.place(label)
    out.place(label)
    with pytest.raises(ValueError, match="placed twice"):
        out.finish()
