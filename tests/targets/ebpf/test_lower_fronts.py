"""Frames and copies at tc whose headers get longer or shorter, or that get another VLAN tag: proven, and seen."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load, load_text
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import copies, fronts, lower, writing
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.portable_text import psa

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<96> addresses; bit<16> kind; bit<8> a; bit<8> b; }
header x_t { bit<8> v; REST }
struct headers { h_t h; x_t x; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition select(hdr.h.a) { 1: x; default: accept; } }
    state x { p.extract(hdr.x); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    apply { std.egress_spec = 5; INGRESS }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { EGRESS } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); p.emit(hdr.x); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""
FOUR: Final = "bit<24> rest;"
MULTICAST: Final = "std.mcast_grp = (bit<16>) hdr.h.b;"
CLONE: Final = "if (hdr.h.b == 4) { clone(CloneType.I2E, 32w4); }"
IN_TURN: Final = "if (std.egress_port == 3) { hdr.x.setInvalid(); } else { hdr.x.setValid(); hdr.x.v = 3; }"
LOSES: Final = "if (std.instance_type == 1) { hdr.x.setInvalid(); }"
GETS: Final = "if (std.instance_type == 1) { hdr.x.setValid(); hdr.x.v = hdr.h.b; }"


@lru_cache
def program(ingress: str, egress: str, rest: str = "") -> ir.Program:
    text = TEXT.replace("INGRESS", ingress).replace("EGRESS", egress).replace("REST", rest)
    return load_text(text, "fronts.p4").program


FRAMES: Final = {
    "a byte less": program("", "hdr.x.setInvalid();"),
    "four bytes less": program("", "hdr.x.setInvalid();", FOUR),
    "nine bytes less": program("", "hdr.x.setInvalid();", "bit<64> rest;"),
    "a byte more": program("", "hdr.x.setValid(); hdr.x.v = 3;"),
    "eight bytes more": program("", "hdr.x.setValid(); hdr.x.v = 3;", "bit<56> rest;"),
    "another type": program("", "hdr.h.kind = 0x88B6;"),
}
COPIES: Final = {
    "in turn": program(MULTICAST, IN_TURN, FOUR),
    "a clone loses its header": program(CLONE, LOSES, FOUR),
    "a clone gets a header": program(CLONE, GETS, FOUR),
    "another tag": program(MULTICAST, "hdr.h.kind = 0x88A8; hdr.h.a = 2; hdr.h.b = (bit<8>) std.egress_port;"),
    "another number in the tag": program(MULTICAST, "hdr.h.a = 2; hdr.h.b = (bit<8>) std.egress_port;"),
}
ODD: Final = {
    "odd, in turn": program(MULTICAST, IN_TURN),
    "an odd clone": program(CLONE, LOSES),
    "very odd": program(MULTICAST, IN_TURN, "bit<48> rest;"),
}
"""What differs by no multiple of four bytes."""
MEMBERS: Final = (Replica(6, 1), Replica(3, 2), Replica(8, 2), Replica(3, 4), Replica(7, 1))
RULES: Final = RuleSet({}, multicast={4: MEMBERS}, sessions={4: Session(MEMBERS)})


def verdict(given: ir.Program, rules: RuleSet | None = None) -> Verdict:
    proof = Checker(given, rules, timeout=120, machines_confirm=False).check_lowered(TARGET, {"hook": "tc"}).proof
    return proof.verdict


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_proven(name: str) -> None:
    assert verdict(FRAMES[name]) is Verdict.ACCEPT


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_proven_for_any_member(name: str) -> None:
    assert verdict(COPIES[name]) is Verdict.ACCEPT


@pytest.mark.long
@pytest.mark.parametrize("name", ["odd, in turn", "an odd clone"])
def test_copies_of_any_length_are_proven(name: str) -> None:
    assert verdict(ODD[name]) is Verdict.ACCEPT


def frames(seed: int, count: int) -> list[bytes]:
    """Some around the shortest ones, with and without tags."""
    rng, out = random.Random(seed), []
    for _ in range(count):
        kind = rng.choice((b"\x08\0", b"\x81\0", b"\x88\xa8", b"\x88\xb5"))
        frame = rng.randbytes(12) + kind + bytes((rng.choice((0, 1)), rng.choice((1, 4))))
        if kind in (b"\x81\0", b"\x88\xa8"):  # tc ingress drops a tag without two bytes behind its type
            frame += rng.choice((b"\x81\0\x01\x04", b"\x08\0\x45\0", b"\x88\xa8\0\0\x81\0", b"\x12\x34\x81\0"))
        out.append(frame + rng.randbytes(rng.choice((0, 1, 2, 3, 4, 5, 8, 30))))
    return out


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("name", [*FRAMES, *COPIES, *ODD])
def test_the_kernel_sends_them(kernel_oracle: KernelOracle, name: str) -> None:
    given = (FRAMES | COPIES | ODD)[name]
    artifact = lower(given, None, {"hook": "tc"})
    tables, sent = TARGET.fill(given, artifact, RULES), 0
    for frame in frames(len(name), 40):
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (3, 5, 6, 7, 8))
        expected = run(given, RULES, frame, 5).outputs
        assert sorted(seen.outputs) == sorted(expected), frame.hex()
        sent += len(expected)
    assert sent


# --- PSA ------------------------------------------------------------------------------------------------------------

_ADDS: Final = "if (istd.packet_path == PSA_PacketPath_t.PATH) { hdr.x.setValid(); hdr.x.v = 32w7; }"
PSA: Final = {
    "multicast": psa("ostd.multicast_group = (MulticastGroup_t) 4;", _ADDS.replace("PATH", "NORMAL_MULTICAST")),
    "clones": psa(
        "ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 4;", _ADDS.replace("PATH", "CLONE_I2E")
    ),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PSA)
def test_copies_of_psa(kernel_oracle: KernelOracle, name: str) -> None:
    given = PSA[name]
    artifact = lower(given, None, {"hook": "tc"})
    tables = TARGET.fill(given, artifact, RULES)
    for frame in frames(7, 30):
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (3, 5, 6, 7, 8))
        assert sorted(seen.outputs) == sorted(run(given, RULES, frame, 5).outputs), frame.hex()


# --- mistakes -------------------------------------------------------------------------------------------------------


def _not_back(patch: pytest.MonkeyPatch) -> None:
    """The frame keeps the length of the copy."""
    whole, calls = fronts.resize, [0]

    def resize(g: Any, size: int, before: int, *, tagged: bool) -> bool:
        calls[0] += 1
        return bool(calls[0] % 2) and whole(g, size, before, tagged=tagged)

    patch.setattr(writing.fronts, "resize", resize)


def _one_more(patch: pytest.MonkeyPatch) -> None:
    """A byte more is left of the frame than the copy has."""
    whole = fronts.resize
    patch.setattr(
        writing.fronts, "resize", lambda g, size, before, *, tagged: whole(g, size + 1, before, tagged=tagged)
    )


def _byte_lost(patch: pytest.MonkeyPatch) -> None:
    """One of the old bytes, the first of the type, is not put back."""
    whole, lost = writing._move, 12

    def move(g: Any, helper: int, tagged: bool, start: int, place: int, count: int) -> None:
        if helper != writing.SKB_STORE_BYTES or not start <= lost < start + count:
            whole(g, helper, tagged, start, place, count)
            return
        for first, size in ((start, lost - start), (lost + 1, start + count - lost - 1)):
            if size:
                whole(g, helper, tagged, first, place + first - start, size)

    patch.setattr(writing, "_move", move)


def _nothing_put_back(patch: pytest.MonkeyPatch) -> None:
    """None of the old bytes is."""
    whole = writing._move
    patch.setattr(
        writing, "_move", lambda g, helper, *to: None if helper == writing.SKB_STORE_BYTES else whole(g, helper, *to)
    )


def _no_tag(patch: pytest.MonkeyPatch) -> None:
    """The tag does not go beside the frame again."""
    patch.setattr(writing.fronts, "put_beside", lambda g, place: None)


def _kept(patch: pytest.MonkeyPatch) -> None:
    """What the helpers have moved is taken to be where it was."""
    whole = fronts.resize
    patch.setattr(
        writing.fronts, "resize", lambda g, size, before, *, tagged: whole(g, size, before, tagged=tagged) and False
    )


MISTAKES: Final = {
    "not back": (_not_back, "in turn"),
    "one more": (_one_more, "in turn"),
    "a byte lost": (_byte_lost, "in turn"),
    "nothing put back": (_nothing_put_back, "in turn"),
    "no tag": (_no_tag, "in turn"),
    "kept": (_kept, "another number in the tag"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_lowering_with_a_mistake_is_rejected(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mistake, copied = MISTAKES[name]
    monkeypatch.setattr(copies, "MOST", 2)  # as many as the group has
    mistake(monkeypatch)
    artifact = lower(COPIES[copied], None, {"hook": "tc"})
    monkeypatch.undo()
    rules = RuleSet({}, multicast={4: (Replica(3, 1), Replica(6, 2))})
    checker = Checker(COPIES[copied], rules, timeout=60, machines_confirm=False)
    proof = checker.check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.parametrize("number", [0, 5])
def test_a_mistake_for_one_member_is_not_accepted_for_any(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It gets the copy of which the place before it, or behind it, should have got one."""
    whole = copies._to_member

    def to_member(g: Any, at: int, found: Any, each: Any) -> None:
        whole(g, at + 1 if at == number else at, found, each)

    monkeypatch.setattr(copies, "_to_member", to_member)
    artifact = lower(COPIES["in turn"], None, {"hook": "tc"})
    monkeypatch.undo()
    proof = Checker(COPIES["in turn"], timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is not Verdict.ACCEPT


# --- bridge ---------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_bridge_with_vlans_is_proven() -> None:
    """Its copies leave tagged or untagged, whichever way the frame came."""
    assert verdict(load(str(EXAMPLES / "bridge.p4")).program) is Verdict.ACCEPT


def test_frames_of_less_than_an_ethernet_header_are_refused() -> None:
    text = TEXT.replace("INGRESS", "hdr.h.setInvalid();").replace("EGRESS", "").replace("REST", "")
    with pytest.raises(CannotOffload, match=r"shorter than 14 bytes .*min_frame=60"):
        lower(load_text(text, "short.p4").program, None, {"hook": "tc"})
