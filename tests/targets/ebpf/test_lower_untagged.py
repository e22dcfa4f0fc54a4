"""Objects for frames without VLAN tags: at tc they may change the outermost type; they say what they are made for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

PROGRAM = load_text(
    """
#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> kind; }
struct headers { eth_t eth; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.eth); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    apply { hdr.eth.kind = hdr.eth.kind + 1; std.egress_spec = 5; }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.eth); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
""",
    "kind.p4",
).program
OPTIONS = {"hook": "tc", "untagged": "1"}


def test_the_verdict_says_what_is_taken_for_granted() -> None:
    proof = Checker(PROGRAM, timeout=60, machines_confirm=False).check_lowered(TARGET, OPTIONS).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "frames come in without a VLAN tag" in proof.assumptions


def test_an_object_that_does_not_say_so_is_rejected_for_tagged_frames() -> None:
    forgetful = replace(lower(PROGRAM, None, OPTIONS), sections={})
    proof = Checker(PROGRAM, timeout=60, machines_confirm=False).check_artifact(TARGET, forgetful, None).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert proof.counterexample.packet[12:14] in (b"\x81\0", b"\x88\xa8")


def test_a_section_that_says_something_else_is_refused() -> None:
    other = replace(lower(PROGRAM, None, OPTIONS), sections={"p4verify.untagged": b"yes"})
    with pytest.raises(Unsupported, match="something other than 1"):
        TARGET.meaning(other)


def test_an_option_that_is_no_number_is_an_error() -> None:
    with pytest.raises(InputError, match="untagged is a number from 0 to 1"):
        lower(PROGRAM, None, {"hook": "tc", "untagged": "yes"})


GROWING = load_text(
    """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; }
struct headers { h_t first; h_t second; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.first); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    apply { hdr.second.setValid(); hdr.second.a = 7; std.egress_spec = 5; }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
""",
    "growing.p4",
).program


def test_frames_that_get_longer_are_taken_to_be_short_enough_for_that() -> None:
    """The kernel may refuse longer ones, whatever the program does; one that does not grow any needs no such thing."""
    proof = Checker(GROWING, timeout=60, machines_confirm=False).check_lowered(TARGET, OPTIONS).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert [text for text in proof.assumptions if "refuses to make it longer" in text]
    other = Checker(PROGRAM, timeout=60, machines_confirm=False).check_lowered(TARGET, OPTIONS).proof
    assert not [text for text in other.assumptions if "refuses to make it longer" in text]
