"""Programs whose parsers loop: a difference in the first turns is found without following the loop to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify import pairs, seen_in_runs
from p4verify.proofs import deciding, refine, sampling
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from tests.cli.conftest import Command
from tests.support.pair_campaign import load

TAGS = """#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header tag_t { bit<16> value; bit<16> type; }
struct headers_t { ethernet_t ethernet; tag_t last; }
struct meta_t { }
parser Tags(packet_in packet, inout headers_t hdr) {
    bit<16> type;
    state start { type = hdr.ethernet.type; transition look; }
    state look { transition select(type) { 0x8100: tag; default: accept; } }
    state tag { packet.extract(hdr.last); NEXT transition look; }
}
parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    Tags() tags;
    state start { packet.extract(hdr.ethernet); tags.apply(packet, hdr); transition accept; }
}
control Nothing(inout headers_t hdr, inout meta_t meta) { apply { } }
control Route(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    apply { standard.egress_spec = 1; }
}
control Out(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) { apply { } }
control Deparse(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
V1Switch(Parse(), Nothing(), Route(), Out(), Nothing(), Deparse()) main;
"""


def test_a_difference_in_the_first_turns_of_a_loop_is_found(p4verify: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "a.p4", tmp_path / "b.p4"
    first.write_text(TAGS.replace("NEXT", "type = hdr.last.type;"))
    second.write_text(TAGS.replace("NEXT", "type = hdr.last.value;"))
    ended = p4verify("check", first, "--against", second, "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == 1, result["reason"]
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]
    packet = bytes.fromhex(result["counterexample"]["packet"])
    assert packet[12:14] == b"\x81\x00"


STACK = """#include <core.p4>
#include <v1model.p4>
header tag_t { bit<8> value; bit<8> more; }
struct headers_t { tag_t[SIZE] tags; }
struct meta_t { bit<9> port; }
parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    state start { meta.port = 1; transition tag; }
    state tag { packet.extract(hdr.tags.next); transition select(hdr.tags.lastIndex) { LAST: full; default: look; } }
    state look { transition select(hdr.tags.last.more) { 0: accept; default: tag; } }
    state full { meta.port = PORT; transition accept; }
}
control Nothing(inout headers_t hdr, inout meta_t meta) { apply { } }
control Route(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    apply { standard.egress_spec = meta.port; }
}
control Out(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) { apply { } }
control Deparse(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
V1Switch(Parse(), Nothing(), Route(), Out(), Nothing(), Deparse()) main;
"""


@pytest.mark.parametrize("size", [3, 7])
def test_a_difference_in_the_last_turn_of_a_loop_is_found(p4verify: Command, tmp_path: Path, size: int) -> None:
    """Whether it is among the first turns or behind them."""
    first, same, other = (tmp_path / name for name in ("a.p4", "b.p4", "c.p4"))
    for path, port in ((first, "5"), (same, "4 + 1"), (other, "6")):
        path.write_text(STACK.replace("SIZE", str(size)).replace("LAST", str(size - 1)).replace("PORT", port))
    assert p4verify("check", first, "--against", same).code == 0
    assert p4verify("check", first, "--against", other).code == 1


ROUTE = "standard.egress_spec = meta.port;"


@pytest.mark.parametrize(
    ("port", "route", "verdict"),
    [
        ("6", ROUTE, Verdict.REJECT),
        ("meta.port + 4", ROUTE, Verdict.ACCEPT),
        ("5", f"if (meta.port < 9) {ROUTE} else standard.egress_spec = 3;", Verdict.ACCEPT),
    ],
    ids=["another port", "the same", "only the block differs"],
)
def test_where_blocks_take_long_the_whole_is_drawn_and_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str, route: str, verdict: Verdict
) -> None:
    monkeypatch.setattr(deciding, "LONG_SECONDS", -1.0)
    monkeypatch.setattr(sampling, "LARGE", 0)
    monkeypatch.setattr(refine, "_all_hold", lambda *_: None)
    seen = []
    run = seen_in_runs.seen_on
    monkeypatch.setattr(seen_in_runs, "seen_on", lambda *sides, **more: seen.append(run(*sides, **more)) or seen[-1])
    text = STACK.replace("SIZE", "3").replace("LAST", "2")
    programs = []
    for name, program in (
        ("a", text.replace("PORT", "5")), ("b", text.replace("PORT", port).replace(ROUTE, route)),
    ):  # fmt: skip
        path = tmp_path / f"{name}.p4"
        path.write_text(program)
        programs.append(load(path))
    assert pairs.check_pair(pairs.ProgramPair(*programs), Engine(timeout=20), 0.0).verdict is verdict
    if verdict is Verdict.ACCEPT:
        assert route != ROUTE or not seen, "where no choice is searched and nothing is undecided, blocks are enough"
        assert all(outcome.unknown for outcome in seen)
