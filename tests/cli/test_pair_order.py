"""In which order parts of two programs are compared: what is dear in one block alone is left to whole pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify import pair_blocks
from p4verify.inputs import SourceOptions, read_program
from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs import with_choices
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof
from tests.support.growth_programs import entries

SKIPPING = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> count; }
struct headers_t { h_t h; }
struct meta_t { }
parser P(packet_in packet, out headers_t hdr, inout meta_t m, inout standard_metadata_t s) {
    state start { BODY transition accept; }
}
control Nothing(inout headers_t hdr, inout meta_t m) { apply { } }
control I(inout headers_t hdr, inout meta_t m, inout standard_metadata_t s) { apply { s.egress_spec = 1; } }
control E(inout headers_t hdr, inout meta_t m, inout standard_metadata_t s) { apply { } }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
V1Switch(P(), Nothing(), I(), E(), Nothing(), D()) main;
"""
TAKE = "packet.extract(hdr.h);"
SKIP = "packet.advance((bit<32>)(hdr.h.count & 0x38));"


def checked(folder: Path, first: str, second: str, seconds: float = 60) -> Proof:
    paths = [folder / "a.p4", folder / "b.p4"]
    for path, text in zip(paths, (first, second), strict=True):
        path.write_text(text)
    programs = [read_program(str(path), SourceOptions()) for path in paths]
    return check_pair(ProgramPair(programs[0], programs[1]), Engine.within(seconds), 0.0)


@pytest.mark.parametrize(("body", "verdict"), [(SKIP + TAKE, "reject"), (TAKE + SKIP.replace("0x38", "56"), "accept")])
def test_blocks_of_many_cases_are_left_to_the_pipeline(
    body: str, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_blocks, "MANY_MEETINGS", 1)
    first = SKIPPING.replace("BODY", TAKE + SKIP)
    assert checked(tmp_path, first, SKIPPING.replace("BODY", body)).verdict.value == verdict


def test_entries_in_another_order_are_equal_in_their_block_though_its_key_may_be_undefined(tmp_path: Path) -> None:
    proof = checked(tmp_path, entries(40), entries(40, True))
    assert proof.verdict.value == "accept"
    assert proof.reason.endswith("block by block")


@pytest.mark.parametrize("wrong", [False, True])
def test_many_undefined_values_of_a_block_are_left_to_the_pipeline(
    wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(with_choices, "MANY_CHOICES", 0)
    other = entries(4, True).replace("put(9)", "put(10)") if wrong else entries(4, True)
    proof = checked(tmp_path, entries(4), other)
    assert proof.verdict.value == ("reject" if wrong else "accept")
