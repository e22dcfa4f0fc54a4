"""Pairs of programs whose meters, direct counters and registers do the same or not."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two pairs of locals and body; gives the exit code and the only result."""

    def run(first: tuple[str, str], second: tuple[str, str]):  # type: ignore[no-untyped-def]
        paths = []
        for name, (own, body) in (("a", first), ("b", second)):
            paths.append(tmp_path / f"{name}.p4")
            paths[-1].write_text(V1MODEL.format(locals=own, body=body))
        ended = p4verify("check", paths[0], "--against", paths[1], "--format", "json")
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


def test_a_meter_that_is_used_alike_gives_both_the_same_colour(compare) -> None:  # type: ignore[no-untyped-def]
    other = "if (colour == 1) sm.egress_spec = 1; else if (colour == 2) mark_to_drop(sm);"
    code, result = compare((METER, USE + RED), (METER, USE + other))
    assert code == 0, result["reason"]


@pytest.mark.parametrize("body", [
    USE + RED.replace("2", "1"),  # drops what is yellow
    USE + USE + RED,  # asks twice
    (USE + RED).replace("hdr.h.a", "hdr.h.b"),  # asks another cell
    "",  # asks nothing, and drops nothing, which some colours would allow
])  # fmt: skip
def test_a_meter_that_is_used_otherwise_is_another_program(compare, body: str) -> None:  # type: ignore[no-untyped-def]
    code, result = compare((METER, USE + RED), (METER, body))
    assert code == 1, result["reason"]
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


def test_a_meter_of_packets_is_none_of_bytes(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare((METER, USE + RED), (METER.replace("packets", "bytes"), USE + RED))
    assert code == 1, result["reason"]


DIRECT = """{kind}(MeterType.packets) d; action f(bit<8> v) {{ hdr.h.b = v; {read} }} action n() {{ }}
    table t {{ key = {{ {keys} }} actions = {{ f; n; }} default_action = n(); {what} = d; }}"""
KEYS = ("hdr.h.a : exact; hdr.h.b : exact;", "hdr.h.b : exact; hdr.h.a : exact;")


def _meter(keys: str, read: str = "d.read(meta.m); if (meta.m == 2) hdr.h.a = 1;") -> tuple[str, str]:
    return DIRECT.format(kind="direct_meter<bit<2>>", read=read, keys=keys, what="meters"), "t.apply();"


def _counter(keys: str) -> tuple[str, str]:
    text = DIRECT.format(kind="direct_counter", read="", keys=keys, what="counters")
    return text.replace("MeterType", "CounterType"), "t.apply();"


def test_what_hangs_on_a_table_does_not_depend_on_the_order_of_its_keys(compare) -> None:  # type: ignore[no-untyped-def]
    for made in (_counter, _meter):
        code, result = compare(made(KEYS[0]), made(KEYS[1]))
        assert code == 0, result["reason"]


def test_what_hangs_on_a_table_depends_on_what_its_keys_are(compare) -> None:  # type: ignore[no-untyped-def]
    other = KEYS[0].replace("a : exact", "b : exact @name('hdr.h.a')", 1).replace("'", '"')
    code, result = compare(_counter(KEYS[0]), _counter(other))
    assert code == 1, result["reason"]


def test_a_direct_meter_that_is_not_read_is_another_program(compare) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(_meter(KEYS[0]), _meter(KEYS[0], ""))
    assert code == 1, result["reason"]


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
