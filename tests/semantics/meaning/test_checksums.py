"""Checksums as terms, against byte-wise definitions."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.checksums import (
    ALGORITHMS,
    CRC16,
    CRC32,
    Crc,
    crc_bytes,
    crc_end,
    crc_more,
    crc_start,
    identity,
    internet_checksum,
    internet_sum,
    xor16,
)
from p4verify.semantics.meaning.payload import sums_linked

CHECK = b"123456789"
CCITT = Crc(16, 0x1021, 0xFFFF, 0, reflected=False)


def term(data: bytes) -> Term | None:
    return b.bv(int.from_bytes(data, "big"), 8 * len(data)) if data else None


def rfc1071(data: bytes) -> int:
    """The one's complement sum, added word by word with the carry brought round each time."""
    total = 0
    for i in range(0, len(data), 2):
        total += int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_check_values_of_the_catalogue() -> None:
    assert crc_bytes(CRC16, CHECK) == 0xBB3D  # CRC-16/ARC
    assert crc_bytes(CRC32, CHECK) == 0xCBF43926  # CRC-32/ISO-HDLC


@given(st.binary(max_size=40))
def test_crc32_is_that_of_zip(data: bytes) -> None:
    assert crc_bytes(CRC32, data) == binascii.crc32(data)


@given(st.sampled_from(sorted(ALGORITHMS)), st.binary(min_size=1, max_size=12))
def test_terms_compute_what_literals_fold_to(name: str, data: bytes) -> None:
    """The circuit on a variable, evaluated, against the same algorithm on a literal."""
    x = b.var("x", 8 * len(data))
    circuit = ALGORITHMS[name](x)
    assert b.evaluate([circuit], {"x": int.from_bytes(data, "big")}) == [ALGORITHMS[name](term(data)).value]


@given(st.binary(max_size=60))
def test_the_internet_sum_is_rfc1071s(data: bytes) -> None:
    assert internet_sum(term(data)).value == rfc1071(data)
    assert internet_checksum(term(data)).value == rfc1071(data) ^ 0xFFFF


@pytest.mark.parametrize("words", [1, 2, 700])
def test_the_sum_of_all_ones_does_not_overflow(words: int) -> None:
    assert internet_sum(term(b"\xff\xff" * words)).value == 0xFFFF


@given(st.binary(min_size=1, max_size=40))
def test_xor_and_identity(data: bytes) -> None:
    wanted = 0
    for i in range(0, len(data), 2):
        wanted ^= int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big")
    assert xor16(term(data)).value == wanted
    assert identity(term(data)).value == int.from_bytes(data[:8], "big")


def test_nothing_has_a_checksum_too() -> None:
    assert {name: algorithm(None).value for name, algorithm in ALGORITHMS.items()} == {
        "crc16": 0, "crc32": 0, "csum16": 0xFFFF, "xor16": 0, "identity": 0,
    }  # fmt: skip


@pytest.mark.long
@given(st.sampled_from([CRC16, CRC32, CCITT]), st.lists(st.binary(max_size=4), max_size=3))
def test_a_crc_in_parts_is_that_of_the_whole(parameters: Crc, parts: list[bytes]) -> None:
    """The shift register carried from part to part, as literals and as a circuit."""
    whole = crc_bytes(parameters, b"".join(parts))
    register = crc_start(parameters)
    circuit, values = crc_start(parameters), {}
    for i, part in enumerate(parts):
        register = crc_more(parameters, register, term(part))
        if part:
            values[f"x{i}"] = int.from_bytes(part, "big")
            circuit = crc_more(parameters, circuit, b.var(f"x{i}", 8 * len(part)))
    assert crc_end(parameters, register).value == whole
    assert b.evaluate([crc_end(parameters, circuit)], values) == [whole]


@given(st.binary(min_size=1, max_size=24), st.sets(st.integers(0, 26), min_size=2, max_size=5), st.data())
def test_sums_of_one_frame_hang_together(frame: bytes, starts: set[int], data: st.DataObject) -> None:
    """What is said of them holds for every frame, and of no other number for the last but one of those that lie behind
    each other by whole words."""
    sums = {f"pkt.sum16[{start}]": rfc1071(frame[start:]) for start in starts}
    laws = sums_linked([b.var(name, 16) for name in sums])
    assert len(laws) == sum(max(0, sum(start % 2 == odd for start in starts) - 1) for odd in (0, 1))
    told = {f"pkt[{i}]": octet for i, octet in enumerate(frame)} | {"pkt.len": len(frame)}
    assert all(b.evaluate(laws, told | sums, default=0))
    first = next((s for s in sorted(starts) if any(t > s and (t - s) % 2 == 0 for t in starts)), None)
    if first is not None:
        name = f"pkt.sum16[{first}]"
        other = data.draw(st.integers(0, 0xFFFF).filter(lambda value: value != sums[name]))
        assert not all(b.evaluate(laws, told | sums | {name: other}, default=0))
