"""Pairs of programs whose meters, direct counters and registers do the same or not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.p4.frontend import load_text
from tests.cli.conftest import Command

V1MODEL = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<8> b; }}
struct headers {{ h_t h; }}
struct meta_t {{ bit<2> m; }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.h); transition accept; }}
}}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    {locals}
    apply {{ sm.egress_spec = 1; {body} }}
}}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr.h); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
METER = "meter(8, MeterType.packets) mt; bit<2> colour;"
USE = "mt.execute_meter((bit<32>)hdr.h.a & 7, colour);"
RED = "if (colour == 2) mark_to_drop(sm);"


def _judged(first: tuple[str, str], second: tuple[str, str]) -> Proof:
    both = (load_text(V1MODEL.format(locals=own, body=body), "t.p4").program for own, body in (first, second))
    return check_pair(ProgramPair(*both), Engine(), time.monotonic())


def test_a_meter_that_is_used_alike_gives_both_the_same_colour() -> None:
    other = "if (colour == 1) sm.egress_spec = 1; else if (colour == 2) mark_to_drop(sm);"
    proof = _judged((METER, USE + RED), (METER, USE + other))
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("body", [
    USE + RED.replace("2", "1"),  # drops what is yellow
    USE + USE + RED,  # asks twice
    (USE + RED).replace("hdr.h.a", "hdr.h.b"),  # asks another cell
    "",  # asks nothing, and drops nothing, which some colours would allow
])  # fmt: skip
def test_a_meter_that_is_used_otherwise_is_another_program(body: str) -> None:
    proof = _judged((METER, USE + RED), (METER, body))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "interpreter of both programs" in proof.counterexample.confirmed_by


def test_a_meter_of_packets_is_none_of_bytes() -> None:
    proof = _judged((METER, USE + RED), (METER.replace("packets", "bytes"), USE + RED))
    assert proof.verdict is Verdict.REJECT, proof.reason


DIRECT = """{kind}(MeterType.packets) d; action f(bit<8> v) {{ hdr.h.b = v; {read} }} action n() {{ }}
    table t {{ key = {{ {keys} }} actions = {{ f; n; }} default_action = n(); {what} = d; }}"""
KEYS = ("hdr.h.a : exact; hdr.h.b : exact;", "hdr.h.b : exact; hdr.h.a : exact;")


def _meter(keys: str, read: str = "d.read(meta.m); if (meta.m == 2) hdr.h.a = 1;") -> tuple[str, str]:
    return DIRECT.format(kind="direct_meter<bit<2>>", read=read, keys=keys, what="meters"), "t.apply();"


def _counter(keys: str) -> tuple[str, str]:
    text = DIRECT.format(kind="direct_counter", read="", keys=keys, what="counters")
    return text.replace("MeterType", "CounterType"), "t.apply();"


def test_what_hangs_on_a_table_does_not_depend_on_the_order_of_its_keys() -> None:
    for made in (_counter, _meter):
        proof = _judged(made(KEYS[0]), made(KEYS[1]))
        assert proof.verdict is Verdict.ACCEPT, proof.reason


def test_what_hangs_on_a_table_depends_on_what_its_keys_are() -> None:
    other = KEYS[0].replace("a : exact", "b : exact @name('hdr.h.a')", 1).replace("'", '"')
    proof = _judged(_counter(KEYS[0]), _counter(other))
    assert proof.verdict is Verdict.REJECT, proof.reason


def test_a_direct_meter_that_is_not_read_is_another_program() -> None:
    proof = _judged(_meter(KEYS[0]), _meter(KEYS[0], ""))
    assert proof.verdict is Verdict.REJECT, proof.reason


def test_an_entry_s_meter_is_used_when_the_entry_is_hit_and_not_when_the_colour_is_read() -> None:
    """Whether it is read once, twice or never shows nothing as long as nothing depends on the colour."""
    once = "d.read(meta.m); if (meta.m == 2) hdr.h.a = 1;"
    seen, unseen = (_meter(KEYS[0], read) for read in (once, "d.read(meta.m);"))
    assert _judged(unseen, _meter(KEYS[0], "")).verdict is Verdict.ACCEPT
    assert _judged(_meter(KEYS[0], ""), unseen).verdict is Verdict.ACCEPT
    assert _judged(seen, _meter(KEYS[0], "d.read(meta.m); " + once)).verdict is Verdict.ACCEPT
    assert _judged(seen, _meter(KEYS[0], once.replace("2", "1"))).verdict is Verdict.REJECT
    sometimes = (seen[0], "if (hdr.h.b == 7) { t.apply(); }")
    assert _judged(sometimes, (seen[0], "if (hdr.h.b != 7) { } else { t.apply(); }")).verdict is Verdict.ACCEPT
    assert _judged(seen, sometimes).verdict is Verdict.REJECT


def test_another_table_s_meter_gives_anything_when_it_is_read() -> None:
    own, body = _meter(KEYS[0])
    more = """action g() {{ {read} if (meta.m == 2) hdr.h.a = 3; }}
        table u {{ key = {{ hdr.h.a : exact; }} actions = {{ g; @defaultonly n; }} default_action = n(); }}"""
    reads, assigns = (
        (own + more.format(read=read), body + "u.apply();") for read in ("d.read(meta.m);", "meta.m = 2;")
    )
    assert _judged(reads, assigns).verdict is Verdict.ACCEPT
    other = _judged(assigns, reads)
    assert other.verdict is Verdict.REJECT
    assert "only where a value is undefined" in other.reason


HERE = Path(__file__).resolve().parents[2] / "examples" / "architectures"


def _changed(folder: Path, name: str, locals_: str, body: str) -> Path:
    """One of the example routers with more in its control: declarations, and what it does to a routed packet."""
    text = (HERE / f"router_{name}.p4").read_text()
    text = text.replace("    action drop() {", f"    {locals_}\n    action drop() {{", 1)
    path = folder / f"{name}.{len(body)}.{len(locals_)}.p4"
    path.write_text(text.replace("routes.apply();", f"routes.apply(); {body}", 1))
    (folder / "headers.p4").write_text((HERE / "headers.p4").read_text())
    return path


def test_a_meter_has_one_meaning_in_two_architectures(p4verify: Command, tmp_path: Path) -> None:
    use = "limit.execute_meter((bit<32>)hdr.ipv4.ttl, colour); if (colour == 2) mark_to_drop(standard);"
    first = _changed(tmp_path, "v1model", "meter(256, MeterType.packets) limit; bit<2> colour;", use)
    verdicts = []
    for colour in ("RED", "YELLOW"):
        use = f"if (limit.execute(hdr.ipv4.ttl) == PSA_MeterColor_t.{colour}) ingress_drop(ostd);"
        second = _changed(tmp_path, "psa", "Meter<bit<8>>(256, PSA_MeterType_t.PACKETS) limit;", use)
        ended = p4verify("check", first, "--against", second, "--format", "json")
        verdicts.append(ended.json()["results"][0]["verdict"])
    assert verdicts == ["accept", "reject"]


def test_registers_with_other_values_to_begin_with_are_not_accepted(p4verify: Command, tmp_path: Path) -> None:
    use = "seen.write(1, seen.read(2));"
    paths = [_changed(tmp_path, "psa", f"Register<bit<8>, bit<8>>(16, {n}) seen;", use) for n in ("5", " 5", "6  ")]
    ended = [p4verify("check", paths[0], "--against", path, "--format", "json") for path in paths[1:]]
    assert ended[0].code == 0
    assert ended[1].code == 3
    assert "other values to begin with" in ended[1].json()["results"][0]["reason"]
