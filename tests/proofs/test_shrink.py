"""Counterexamples are packets: what a model says of payloads holds of them, and they are short enough for a machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.counterexample import Input, input_of, shrink
from p4verify.proofs.engine import Model
from p4verify.proofs.verdict import Observed
from p4verify.semantics.meaning.payload import of_any_length


@pytest.mark.parametrize(("needed", "most"), [(0, 14), (50, 54), (90, 96), (1519, 1519), (8000, 9014)])
def test_a_frame_gets_as_short_as_the_difference_allows(needed: int, most: int) -> None:
    def one(_given: Input) -> Observed:
        return Observed(())

    def other(given: Input) -> Observed:
        return Observed((("stack", 0, given.packet),) if len(given.packet) >= needed else ())

    best = shrink(Input(bytes([7]) * 17499, 5), one, other)
    assert needed <= len(best.packet) <= most
    assert best.port == 2


@pytest.mark.parametrize("needed", [4, 60])
def test_a_frame_that_is_read_from_its_end_gets_shorter_before_it(needed: int) -> None:
    def one(_given: Input) -> Observed:
        return Observed(())

    def other(given: Input) -> Observed:
        tagged = len(given.packet) >= needed and given.packet.endswith(bytes([0x80, 0, 0, 1]))
        return Observed((("stack", 0, given.packet),) if tagged else ())

    best = shrink(Input(bytes(1500) + bytes([0x80, 0, 0, 1]), 2), one, other).packet
    assert needed <= len(best) <= max(14, needed)
    assert best.endswith(bytes([0x80, 0, 0, 1]))


@given(st.binary(min_size=12, max_size=20), st.integers(1, 0xFFFF), st.sampled_from(["sum16", "xor16"]))
def test_a_packet_has_the_sum_over_its_payload_that_a_model_says(octets: bytes, total: int, kind: str) -> None:
    """Of the model's own bytes none is changed: the payload begins at byte 5 and is free but for bytes 7 and 8."""
    known = {f"pkt[{i}]": octets[i] for i in (0, 3, 7, 8)}
    made = input_of(Model({**known, f"pkt.{kind}[5]": total, "pkt.len": len(octets)})).packet
    assert of_any_length(f"pkt.{kind}[5]", made) == total
    assert {f"pkt[{i}]": made[i] for i in (0, 3, 7, 8)} == known
    assert len(made) == len(octets)
