"""Frames near one: that one first, always the same, with no byte less."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p4verify.frames_near import CHANGED, FRAMES, LONGER, frames_near
from p4verify.proofs.counterexample import Input


@given(st.binary(max_size=80))
def test_frames_near(frame: bytes) -> None:
    first = Input(frame, 3)
    found = list(frames_near(first))
    assert found[0] == first
    assert found == list(frames_near(first))
    assert len(found) == FRAMES + 1
    for near in found:
        assert near.port == 3
        assert len(near.packet) - len(frame) in LONGER
        assert sum(x != y for x, y in zip(near.packet, frame, strict=False)) <= CHANGED
