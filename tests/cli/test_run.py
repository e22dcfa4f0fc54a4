"""``run``: one packet through a program or an artifact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p4verify import pcap

from .conftest import Command

File = Callable[[str], Path]
ARP = "ffffffffffff 020000000001 0806".replace(" ", "") + "00" * 28
HTTPS = "0200000000020200000000010800" + "4500002800000000400600000a0000010a000002" + "ffff01bb" + "00" * 16
"""TCP from 10.0.0.1 to 10.0.0.2 port 443: permitted by the example's rules."""


def test_a_packet_that_passes(p4verify: Command, example: File) -> None:
    ended = p4verify("run", example("acl.p4"), "--packet", ARP, "--port", "3", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    data = ended.json()
    assert data["outputs"] == [{"to": "stack", "port": 0, "packet": ARP}]
    assert data["dropped"] is False


def test_rules_decide(p4verify: Command, example: File) -> None:
    without = p4verify("run", example("acl.p4"), "--packet", HTTPS, "--format", "json").json()
    assert without["dropped"] is True
    rules = ("--rules", example("acl.rules.cli"))
    assert p4verify("run", example("acl.p4"), "--packet", HTTPS, *rules, "--format", "json").json()["outputs"]


def test_an_artifact_with_the_programs_rules(p4verify: Command, example: File, acl_object: Path) -> None:
    sent = ("--packet", HTTPS, "--format", "json")
    assert p4verify("run", acl_object, *sent).json()["outputs"] == []  # empty maps
    filled = ("--program", example("acl.p4"), "--rules", example("acl.rules.cli"))
    outputs = p4verify("run", acl_object, *sent, *filled).json()["outputs"]
    assert outputs == [{"to": "stack", "port": 0, "packet": HTTPS}]


def test_filters(p4verify: Command, acl_filters: Path) -> None:
    assert p4verify("run", acl_filters, "--packet", HTTPS, "--format", "json").json()["outputs"]
    assert "dropped" in p4verify("run", acl_filters, "--packet", HTTPS.replace("01bb", "01bc")).out


def test_text(p4verify: Command, example: File) -> None:
    ended = p4verify("run", example("acl.p4"), "--packet", ARP)
    assert ended.code == 0
    assert f"output: passed on to the stack: {ARP}" in ended.out
    assert "dropped" in p4verify("run", example("acl.p4"), "--packet", "00").out


@pytest.mark.parametrize("packet", ["0", "zz", "0x123"])
def test_a_packet_that_is_none(p4verify: Command, example: File, packet: str) -> None:
    p4verify("run", example("acl.p4"), "--packet", packet).one_error("--packet", packet)


@pytest.mark.parametrize("port", ["-1", "x", "4294967296"])
def test_a_port_that_is_none(p4verify: Command, example: File, port: str) -> None:
    p4verify("run", example("acl.p4"), "--packet", ARP, f"--port={port}").one_error("--port")


def test_a_port_that_the_architecture_has_not(p4verify: Command, example: File) -> None:
    p4verify("run", example("router.p4"), "--packet", ARP, "--port", "512").one_error("512")


def test_a_frame_that_the_machine_does_not_get(p4verify: Command, acl_object: Path) -> None:
    p4verify("run", acl_object, "--packet", "00").one_error("at least 14 bytes")


def test_options_that_do_not_go_together(p4verify: Command, example: File, acl_object: Path) -> None:
    p4verify("run", acl_object, "--packet", ARP, "--rules", example("acl.rules.cli")).one_error("--program")
    p4verify("run", example("acl.p4"), "--packet", ARP, "--program", example("acl.p4")).one_error("--program")


# --- the path of a packet -------------------------------------------------------------------------------------------

COUNTING = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; }
struct headers { h_t h; h_t e; }
struct meta_t { bit<8> m; }
parser P(packet_in p, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {
    state start { p.extract(hdr.h); transition accept; }
}
control V(inout headers hdr, inout meta_t meta) { apply { } }
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {
    register<bit<8>>(4) seen;
    action set(bit<9> port) { sm.egress_spec = port; }
    table t { key = { hdr.h.a : exact; } actions = { set; NoAction; } }
    apply {
        sm.egress_spec = 1;
        t.apply();
        bit<8> n;
        seen.read(n, 0);
        n = n + 1;
        seen.write(0, n);
        if (hdr.h.b == 9) {
            n = hdr.e.a;
        }
        hdr.h.b = n;
    }
}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) { apply { } }
control C(inout headers hdr, inout meta_t meta) { apply { } }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


@pytest.fixture
def counting(tmp_path: Path) -> Path:
    """A program that counts packets in a register, and reads a header that is never valid if the second byte is 9."""
    path = tmp_path / "counting.p4"
    path.write_text(COUNTING)
    return path


def test_the_path_in_words(p4verify: Command, counting: Path, tmp_path: Path) -> None:
    (tmp_path / "r.cli").write_text("table_add t set 5 => 3\n")
    ended = p4verify("run", counting, "--packet", "0501", "--rules", tmp_path / "r.cli")
    assert (ended.code, ended.err) == (0, "")
    wanted = [
        "packet 1: 2 bytes in at port 1",
        "parser state start at byte 0",
        "extract hdr.h: a 5, b 1",
        "control I",
        "table I.t: hdr.h.a 5",
        "entry 0 [hdr.h.a 0x5]",
        "set(port 3)",
        "sm.egress_spec = 3",
        "if hdr.h.b == 9: no",
        "hdr.h.b = 1",
        "emit hdr.h: a 5, b 1",
        "output: port 3: 0501",
        "    hdr.h: a 5, b 1",
        "payload: 0 bytes",
        "state: I.seen[0] = 1",
    ]
    at = -1
    for text in wanted:
        at = ended.out.index(text, at + 1)
    assert "UNDEFINED" not in ended.out


def test_an_undefined_read_names_its_line_and_its_origin(p4verify: Command, counting: Path) -> None:
    ended = p4verify("run", counting, "--packet", "0509")
    lines = ended.out.splitlines()
    (at,) = [i for i, line in enumerate(lines) if "UNDEFINED" in line]
    number = next(i for i, line in enumerate(COUNTING.splitlines(), 1) if "n = hdr.e.a" in line)
    assert "UNDEFINED: hdr.e.a is read, taken to be 0x0" in lines[at]
    assert f"counting.p4:{number})" in lines[at]
    assert "the header is not valid: it is declared so" in lines[at + 1]
    assert "counting.p4:6)" in lines[at + 1]
    (step,) = [s for s in p4verify("run", counting, "--packet", "0509", "--format", "json").json()["trace"]
               if s["step"] == "undefined"]  # fmt: skip
    assert (step["where"]["line"], step["origin"]["where"]["line"]) == (number, 6)


def test_several_packets_keep_state(p4verify: Command, counting: Path) -> None:
    data = p4verify("run", counting, "--packet", "0501", "--packet", "0501ff", "--format", "json").json()
    assert [p["outputs"][0]["packet"] for p in data["packets"]] == ["0501", "0502ff"]
    assert [p["decoded"][0]["payload"] for p in data["packets"]] == [0, 1]
    assert data["packets"][1]["state"] == {"I.seen": {"0": 2}}


def test_registers_start_as_the_rules_say(p4verify: Command, counting: Path, tmp_path: Path) -> None:
    (tmp_path / "r.cli").write_text("register_write seen 0 0x40\nregister_write seen 1 7\n")
    rules = ("--rules", tmp_path / "r.cli")
    data = p4verify("run", counting, "--packet", "0501", "--packet", "0501", *rules, "--format", "json").json()
    assert [p["outputs"][0]["packet"] for p in data["packets"]] == ["0541", "0542"]


def test_pcap_in_and_out(p4verify: Command, counting: Path, tmp_path: Path) -> None:
    (tmp_path / "in.pcap").write_bytes(pcap.write([b"\x05\x01", b"\x06\x01\x02", b"\x05\x01"]))
    (tmp_path / "r.cli").write_text("table_add t set 5 => 3\n")
    common = ("run", counting, "--pcap-in", tmp_path / "in.pcap", "--rules", tmp_path / "r.cli")
    assert p4verify(*common, "--pcap-out", tmp_path / "out.pcap").code == 0
    assert pcap.read((tmp_path / "out.pcap").read_bytes(), "out") == [b"\x05\x01", b"\x06\x02\x02", b"\x05\x03"]
    assert p4verify(*common, "--pcap-out", tmp_path / "out{port}.pcap").code == 0
    assert pcap.read((tmp_path / "out3.pcap").read_bytes(), "out") == [b"\x05\x01", b"\x05\x03"]
    assert pcap.read((tmp_path / "out1.pcap").read_bytes(), "out") == [b"\x06\x02\x02"]


def test_packets_that_are_missing_or_no_pcap(p4verify: Command, counting: Path, tmp_path: Path) -> None:
    p4verify("run", counting).one_error("--packet or --pcap-in")
    p4verify("run", counting, "--pcap-in", counting).one_error("counting.p4", "is no pcap file")
    p4verify("run", counting, "--pcap-in", tmp_path / "nosuch.pcap").one_error("nosuch.pcap")
    p4verify("run", counting, "--packet", "0501", "--pcap-out", tmp_path).one_error("directory")


def test_what_the_architecture_reads_and_what_else_is_open(p4verify: Command, tmp_path: Path) -> None:
    text = COUNTING.replace("sm.egress_spec = 1;", "").replace("seen.write(0, n);", "random(n, 8w0, 8w9);")
    path = tmp_path / "open.p4"
    path.write_text(text)
    out = p4verify("run", path, "--packet", "0701").out
    assert "UNDEFINED: the architecture reads egress_spec as I left it, taken to be 0x0" in out
    assert "open: a random number, taken to be 0x0" in out
    assert "random(lo 0, hi 9) gives 0  (" in out


def test_calls_with_what_goes_in_and_what_comes_out(p4verify: Command, counting: Path) -> None:
    result = p4verify("run", counting, "--packet", "0501", "--packet", "0501")
    assert "seen.read(index 0) gives 1  (" in result.out
    assert "seen.write(index 0, value 2)  (" in result.out
    data = p4verify("run", counting, "--packet", "0501", "--format", "json").json()
    read, write = (step for step in data["trace"] if step["step"] == "call")
    assert (read["arguments"], read["results"]) == ({"index": 0}, {"result": 0})
    assert write["arguments"] == {"index": 0, "value": 1}


def test_what_a_checksum_is_computed_over(p4verify: Command, tmp_path: Path) -> None:
    call = "apply { update_checksum(hdr.h.a == 5, { hdr.h.a, 8w3 }, hdr.h.b, HashAlgorithm.csum16); }"
    text = COUNTING.replace("control C(inout headers hdr, inout meta_t meta) { apply { } }",
                            f"control C(inout headers hdr, inout meta_t meta) {{ {call} }}")  # fmt: skip
    (tmp_path / "c.p4").write_text(text)
    out = p4verify("run", tmp_path / "c.p4", "--packet", "0501").out
    assert "update_checksum(condition true, data {5, 3}, checksum 1, algo csum16) gives 0xfc  (" in out
    out = p4verify("run", tmp_path / "c.p4", "--packet", "0601").out
    assert "update_checksum(condition false, data {6, 3}, checksum 1, algo csum16)  (" in out


def test_an_assertion_that_fails(p4verify: Command, tmp_path: Path) -> None:
    (tmp_path / "a.p4").write_text(COUNTING.replace("hdr.h.b = n;", "assert(hdr.h.a != 7); hdr.h.b = n;"))
    out = p4verify("run", tmp_path / "a.p4", "--packet", "0501").out
    assert "assert hdr.h.a != 7: holds  (" in out
    out = p4verify("run", tmp_path / "a.p4", "--packet", "0701").out
    assert "assert hdr.h.a != 7: FAILS  (" in out
    assert out.splitlines()[-1].startswith("  STOPPED: assert is false  (")


def test_a_frame_that_the_programs_parser_does_not_accept(p4verify: Command, counting: Path) -> None:
    assert "the program's own parser does not accept it" not in p4verify("run", counting, "--packet", "0501").out
    assert "the program's own parser does not accept it" in p4verify("run", counting, "--packet", "05").out
