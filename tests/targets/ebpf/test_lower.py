"""Whole programs: what the kernel does with them on hand-made packets, at tc and XDP; and what is refused, where."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load, load_text
from p4verify.semantics.rules.bmv2_cli import read_cli
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Rule, RuleSet, Ternary
from p4verify.semantics.source import InputError
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.fillup import fill_maps
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram, load_maps
from tests.targets.ebpf.programs import acl, one_table, v1_program

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PORT = 5
ETHERNET = bytes.fromhex("020000000001 020000000002")


def ipv4(
    dst: int, src: int = 1, proto: int = 6, payload: bytes = bytes(12), *, ttl: int = 64, fill: bool = True
) -> bytes:
    """An IPv4 frame with a right checksum."""
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), 0, 0, ttl, proto, 0, src, dst)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return ETHERNET + b"\x08\x00" + head + payload


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def out(
    oracle: KernelOracle,
    program: ir.Program,
    hook: str,
    frames: list[bytes],
    rules: RuleSet | None = None,
    port: int = PORT,
) -> list[tuple[str, int, bytes] | None]:
    """What leaves for each frame: (to, port, bytes), or None for a drop."""
    made = lower(program, rules, {"hook": hook})
    tables = fill_maps(program, rules) if rules is not None else {}
    tables = {name: entries for name, entries in tables.items() if name in {m.name for m in made.maps}}
    seen = oracle.run(made, [(PORT, frame) for frame in frames], tables)
    assert all(len(each.outputs) <= 1 for each in seen)
    return [each.outputs[0] if each.outputs else None for each in seen]


def passes(
    oracle: KernelOracle, program: ir.Program, hook: str, frames: list[bytes], rules: RuleSet | None = None
) -> list[bool]:
    """Which frames a filter lets through; those unchanged."""
    seen = out(oracle, program, hook, frames, rules)
    for frame, each in zip(frames, seen, strict=True):
        assert each is None or each == ("stack", 0, frame)
    return [each is not None for each in seen]


hooks = pytest.mark.parametrize("hook", ["tc", "xdp"])
oracle_test = pytest.mark.oracle


# --- filters and tables ---------------------------------------------------------------------------------------------


def acl_rules(*rules: tuple[tuple[Exact | Lpm, ...], ActionCall], default: ActionCall | None = None) -> RuleSet:
    entries = tuple(Rule("filt.acl", matches, call) for matches, call in rules)
    return RuleSet({"filt.acl": entries}, {"filt.acl": default} if default else {})


ALLOW, DENY, DROP, NOTHING = (
    ActionCall("allow", (1,)), ActionCall("allow", (0,)), ActionCall("drop"), ActionCall("NoAction"),
)  # fmt: skip


@oracle_test
@hooks
def test_an_exact_table(kernel_oracle: KernelOracle, hook: str) -> None:
    rules = acl_rules(((Exact(0x0A000001),), ALLOW), ((Exact(0x0A000002),), DENY), ((Exact(0x0A000003),), NOTHING))
    frames = [ipv4(0x0A000000 + n) for n in range(5)]
    assert passes(kernel_oracle, acl(), hook, frames, rules) == [False, True, False, False, False]
    rules = acl_rules(((Exact(0x0A000002),), DROP), default=ALLOW)
    assert passes(kernel_oracle, acl(), hook, frames, rules) == [True, True, False, True, True]


@oracle_test
@hooks
def test_an_object_just_loaded_does_the_sources_default(kernel_oracle: KernelOracle, hook: str) -> None:
    frames = [ipv4(1)]
    assert passes(kernel_oracle, acl(), hook, frames) == [False]
    rest = "default_action = yes(1, true, 2);"
    frame = ETHERNET + bytes(20)
    assert passes(kernel_oracle, one_table((8, "exact"), rest=rest), hook, [frame]) == [True]


@oracle_test
@hooks
def test_the_longest_prefix_wins(kernel_oracle: KernelOracle, hook: str) -> None:
    rules = acl_rules(
        ((Lpm(0x0A000000, 8), Exact(1)), ALLOW),
        ((Lpm(0x0A010000, 16), Exact(1)), DENY),
        ((Lpm(0x0A010100, 24), Exact(2)), ALLOW),
        ((Lpm(0x0A010101, 32), Exact(1)), ALLOW),
        ((Lpm(0, 0), Exact(2)), DENY),
    )
    asked = [(0x0A020304, 1), (0x0A010304, 1), (0x0A010101, 1), (0x0A010102, 2), (0x0B000000, 1), (0x0A010202, 2)]
    frames = [ipv4(dst, src) for dst, src in asked]
    want = [True, False, True, True, False, False]
    assert passes(kernel_oracle, acl(("lpm", "exact")), hook, frames, rules) == want


@oracle_test
@hooks
def test_rules_that_no_map_holds_are_compiled_in(kernel_oracle: KernelOracle, hook: str) -> None:
    entries = (
        (Ternary(0x0A000001, 0xFF0000FF), ALLOW),
        (Ternary(0x0A000000, 0xFF000000), DENY),
        (Ternary(0, 0), ALLOW),
    )
    rules = RuleSet({"filt.acl": tuple(Rule("filt.acl", (match,), call) for match, call in entries)})
    frames = [ipv4(0x0A123401), ipv4(0x0A123402), ipv4(0x0B000000)]
    assert passes(kernel_oracle, acl(("ternary",)), hook, frames, rules) == [True, False, True]


@oracle_test
@hooks
def test_const_entries_of_every_kind(kernel_oracle: KernelOracle, hook: str) -> None:
    text = v1_program(
        "header h_t { bit<112> pad; bit<8> a; bit<8> b; bit<8> c; } struct headers { h_t h; }",
        "state start { p.extract(hdr.h); transition accept; }",
        """
        action to(bit<9> port) { std.egress_spec = port; }
        action drop() { mark_to_drop(std); }
        table t {
            key = { hdr.h.a: optional; hdr.h.b: ternary; hdr.h.c: range; }
            actions = { to; drop; }
            const default_action = drop();
            const entries = {
                (1, 0x10 &&& 0xF0, 5..7): to(2);
                (1, _, _): drop();
                (_, 3, _): to(3);
            }
        }
        apply { t.apply(); }""",
        "p.emit(hdr.h);",
    )
    cases = [(1, 0x1F, 5, 2), (1, 0x1F, 8, None), (1, 3, 5, None), (2, 3, 200, 3), (2, 4, 5, None), (1, 0x10, 7, 2)]
    frames = [ETHERNET + b"\x12\x34" + bytes(case[:3]) for case in cases]
    seen = out(kernel_oracle, load_text(text, "t.p4").program, hook, frames)
    assert [None if each is None else each[1] for each in seen] == [case[3] for case in cases]


@oracle_test
@hooks
def test_frames_of_every_length(kernel_oracle: KernelOracle, hook: str) -> None:
    """Too short for the parser means drop, at each border exactly."""
    frames = [ipv4(1)[:size] for size in range(14, 40)]
    rules = acl_rules(default=ALLOW)
    assert passes(kernel_oracle, acl(), hook, frames, rules) == [len(frame) >= 34 for frame in frames]


# --- VLAN tags ------------------------------------------------------------------------------------------------------


def tagged(frame: bytes, *tags: tuple[int, int]) -> bytes:
    """The frame with tags (type, control information), outermost first."""
    return frame[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + frame[12:]


@oracle_test
@hooks
def test_a_tag_is_where_the_wire_has_it(kernel_oracle: KernelOracle, hook: str) -> None:
    program = load(str(EXAMPLES / "vlan_filter.p4")).program
    rules = read_cli((EXAMPLES / "vlan_filter.rules.cli").read_text(), "rules", program)
    bad = bytes.fromhex("020000000066")
    frame = ipv4(1)
    frames = {
        frame: True,
        tagged(frame, (0x8100, 10)): True,
        tagged(frame, (0x88A8, 10)): True,
        tagged(frame, (0x8100, 11)): False,
        tagged(frame, (0x8100, 0x6000 | 20)): True,
        tagged(frame, (0x8100, 0x8000 | 20)): False,
        tagged(frame, (0x8100, 10), (0x8100, 11)): True,
        tagged(frame, (0x8100, 11), (0x8100, 10)): False,
        tagged(frame[:6] + bad + frame[12:], (0x8100, 10)): False,
        tagged(frame[:6] + bytes.fromhex("020000000001") + frame[12:], (0x8100, 30)): True,
        tagged(frame, (0x8100, 30)): False,
    }
    assert passes(kernel_oracle, program, hook, list(frames), rules) == list(frames.values())


TAG_TYPES = """
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
header byte_t { bit<8> value; }
struct headers { ethernet_t eth; vlan_t vlan; byte_t byte; }
"""


@oracle_test
@hooks
def test_a_changed_tag_leaves_changed(kernel_oracle: KernelOracle, hook: str) -> None:
    text = v1_program(
        TAG_TYPES,
        """state start { p.extract(hdr.eth);
                         transition select(hdr.eth.type) { 0x8100: vlan; 0x88a8: vlan; _: accept; } }
           state vlan { p.extract(hdr.vlan); transition accept; }""",
        """apply {
            std.egress_spec = 7;
            hdr.eth.src = hdr.eth.dst;
            if (hdr.vlan.isValid() && hdr.vlan.pcp == 0) { hdr.vlan.vid = hdr.vlan.vid + 1; hdr.vlan.pcp = 5; }
        }""",
        "p.emit(hdr.eth); p.emit(hdr.vlan);",
    )
    frame = ipv4(1)
    swapped = frame[:6] + frame[:6] + frame[12:]
    cases = [
        (frame, swapped),
        (tagged(frame, (0x8100, 10)), tagged(swapped, (0x8100, 0xA000 | 11))),
        (tagged(frame, (0x88A8, 0x1FFF)), tagged(swapped, (0x88A8, 0xB000))),
        (tagged(frame, (0x8100, 0x200A)), tagged(swapped, (0x8100, 0x200A))),
        # Found by the proof: taking the outer tag off fails where the next one is cut short.
        (tagged(frame, (0x88A8, 1), (0x88A8, 2))[:20], tagged(swapped, (0x88A8, 0xA002), (0x88A8, 2))[:20]),
        (tagged(frame, (0x8100, 1), (0x8100, 2)), tagged(swapped, (0x8100, 0xA002), (0x8100, 2))),
        (
            tagged(frame, (0x88A8, 1), (0x8100, 2), (0x8100, 3)),
            tagged(swapped, (0x88A8, 0xA002), (0x8100, 2), (0x8100, 3)),
        ),
    ]
    seen = out(kernel_oracle, load_text(text, "t.p4").program, hook, [case[0] for case in cases])
    assert seen == [("port", 7, want) for _, want in cases]


@oracle_test
@hooks
def test_half_a_tag_may_be_payload(kernel_oracle: KernelOracle, hook: str) -> None:
    """Found by the proof: the tag's second byte was taken from the headers although they end before it."""
    text = v1_program(
        TAG_TYPES,
        "state start { p.extract(hdr.eth); p.extract(hdr.byte); transition accept; }",
        "apply { std.egress_spec = 7; hdr.byte.value = 2; }",
        "p.emit(hdr.eth); p.emit(hdr.byte);",
    )
    frame = ipv4(1)
    cases = [
        (tagged(frame, (0x8100, 0x1234)), tagged(frame, (0x8100, 0x0234))),
        (frame, frame[:14] + b"\x02" + frame[15:]),
    ]
    seen = out(kernel_oracle, load_text(text, "t.p4").program, hook, [case[0] for case in cases])
    assert seen == [("port", 7, want) for _, want in cases]


# --- v1model --------------------------------------------------------------------------------------------------------


@oracle_test
@hooks
def test_the_router_routes(kernel_oracle: KernelOracle, hook: str) -> None:
    program = load(str(EXAMPLES / "router.p4")).program
    rules = read_cli((EXAMPLES / "router.rules.cli").read_text(), "rules", program)
    good, behind = ipv4(0x0A000207), ipv4(0x08080808, ttl=2)
    bad_sum = good[:24] + bytes((good[24] ^ 1,)) + good[25:]
    frames = [
        good, ipv4(0x0A000242), behind, ipv4(0x0A000207, ttl=1), bad_sum, ipv4(0x0A000208),
        ETHERNET + b"\x08\x06" + bytes(30),
    ]  # fmt: skip
    seen = out(kernel_oracle, program, hook, frames, rules)

    def routed(frame: bytes, src: str, dst: str) -> bytes:
        head = frame[14:22] + bytes((frame[22] - 1,)) + frame[23:24] + bytes(2) + frame[26:34]
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        return bytes.fromhex(dst) + bytes.fromhex(src) + frame[12:14] + head + frame[34:]

    def want(frame: bytes) -> tuple[str, int, bytes] | None:
        return ("port", 3, frame)

    assert seen[0] == want(routed(good, "020000000201", "020000000207"))
    assert seen[2] == want(routed(behind, "020000000201", "0200000002fe"))
    assert [seen[n] for n in (1, 3, 4, 5, 6)] == [None] * 5


@oracle_test
def test_headers_are_pushed_and_popped_at_xdp(kernel_oracle: KernelOracle) -> None:
    text = v1_program(
        TAG_TYPES,
        """state start { p.extract(hdr.eth); transition select(hdr.eth.type) { 0x8100: vlan; _: accept; } }
           state vlan { p.extract(hdr.vlan); transition accept; }""",
        """apply {
            std.egress_spec = std.ingress_port;
            if (hdr.vlan.isValid()) { hdr.eth.type = hdr.vlan.type; hdr.vlan.setInvalid(); }
            else { hdr.vlan.setValid(); hdr.vlan.type = hdr.eth.type; hdr.eth.type = 0x8100;
                   hdr.vlan.pcp = 1; hdr.vlan.dei = 0; hdr.vlan.vid = 42; }
        }""",
        "p.emit(hdr.eth); p.emit(hdr.vlan);",
    )
    program = load_text(text, "t.p4").program
    frame = ipv4(1)
    cases = [(frame, tagged(frame, (0x8100, 0x202A))), (tagged(frame, (0x8100, 5)), frame)]
    for hook in ("xdp", "tc"):
        seen = out(kernel_oracle, program, hook, [case[0] for case in cases])
        assert seen == [("port", PORT, want) for _, want in cases]


ORDER_TYPES = "header h_t { bit<112> pad; bit<8> a; bit<8> b; bit<8> c; bit<8> d; } struct headers { h_t h; }"
ORDER_STATES = "state start { p.extract(hdr.h); transition accept; }"


@oracle_test
@pytest.mark.parametrize(
    ("locals_", "body", "want"),
    [
        ("action f(inout bit<8> x, inout bit<8> y) { x = 1; y = 2; }", "f(hdr.h.a, hdr.h.a);", (2, 20, 30, 40)),
        ("action f(inout bit<8> x) { hdr.h.a = 9; x = x + 1; }", "f(hdr.h.a);", (11, 20, 30, 40)),
        ("action f(in bit<8> x) { hdr.h.a = 9; hdr.h.b = x; }", "f(hdr.h.a);", (9, 10, 30, 40)),
        ("action f(inout bit<8> x) { x = 7; exit; }", "f(hdr.h.a); hdr.h.b = 1;", (7, 20, 30, 40)),
        ("action f(inout bit<8> x) { x = 7; return; }", "f(hdr.h.a); hdr.h.b = 1;", (7, 1, 30, 40)),
        ("", "hdr.h.a[3:0] = hdr.h.b[7:4]; hdr.h.b[7:4] = 15;", (1, 0xF4, 30, 40)),
        ("", "bit<8> t = hdr.h.a; hdr.h.a = hdr.h.b; hdr.h.b = t; if (t > 10) { hdr.h.c = 0; }", (20, 10, 30, 40)),
        (
            "",
            "switch (hdr.h.a) { 9: { hdr.h.b = 1; } 10: 11: { hdr.h.b = 2; } default: { hdr.h.b = 3; } }",
            (10, 2, 30, 40),
        ),
        ("", "if (hdr.h.a == 10) { return; } hdr.h.b = 1;", (10, 20, 30, 40)),
        ("tuple<bit<8>, bit<8>> t;", "t = { hdr.h.c, hdr.h.d }; hdr.h.a = t[1]; hdr.h.b = t[0];", (40, 30, 30, 40)),
    ],
)
def test_order_and_copies(kernel_oracle: KernelOracle, locals_: str, body: str, want: tuple[int, ...]) -> None:
    text = v1_program(ORDER_TYPES, ORDER_STATES, f"{locals_} apply {{ std.egress_spec = 6; {body} }}", "p.emit(hdr.h);")
    head = bytes(14)
    seen = out(kernel_oracle, load_text(text, "t.p4").program, "xdp", [head + bytes((10, 20, 30, 40, 99))])
    assert seen == [("port", 6, head + bytes((*want, 99)))]


@oracle_test
def test_functions_copy_in_and_out_before_the_next_argument_is_used(kernel_oracle: KernelOracle) -> None:
    text = v1_program(
        "bit<8> bump(inout bit<8> x, in bit<8> y) { x = x + y; return x * 2; }\n" + ORDER_TYPES,
        ORDER_STATES,
        "apply { std.egress_spec = 6; hdr.h.b = bump(hdr.h.a, 5) + hdr.h.a; hdr.h.c = hdr.h.a + bump(hdr.h.a, 1); }",
        "p.emit(hdr.h);",
    )
    seen = out(kernel_oracle, load_text(text, "t.p4").program, "xdp", [bytes(14) + bytes((10, 20, 30, 40))])
    assert seen == [("port", 6, bytes(14) + bytes((16, 45, 47, 40)))]


@oracle_test
@hooks
def test_stacks_lookahead_and_errors(kernel_oracle: KernelOracle, hook: str) -> None:
    """Labels until the bottom bit, at most three: a fourth is a parser error and goes out of port 9."""
    text = v1_program(
        """header ethernet_t { bit<112> pad; } header label_t { bit<7> value; bit<1> bottom; }
           struct headers { ethernet_t eth; label_t[3] labels; }""",
        """state start { p.extract(hdr.eth); transition select(p.lookahead<bit<8>>()) { 0xFF: accept; _: label; } }
           state label { p.extract(hdr.labels.next);
                         transition select(hdr.labels.last.bottom) { 0: label; 1: accept; } }""",
        """apply {
            std.egress_spec = 4;
            if (std.parser_error == error.StackOutOfBounds) { std.egress_spec = 9; }
            else if (std.parser_error == error.PacketTooShort) { std.egress_spec = 8; }
            if (hdr.labels[1].isValid()) { hdr.labels[0].value = hdr.labels[1].value; }
        }""",
        "p.emit(hdr.eth); p.emit(hdr.labels);",
    )
    head = bytes(14)
    cases = [
        (b"\xff\x02", 4, b"\xff\x02"),
        (b"\x03\x55", 4, b"\x03\x55"),
        (b"\x02\x05\x55", 4, b"\x04\x05\x55"),
        (b"\x02\x04\x07\x55", 4, b"\x04\x04\x07\x55"),
        (b"\x02\x04\x06\x55", 9, b"\x04\x04\x06\x55"),
        (b"\x02\x04", 8, b"\x04\x04"),
        (b"\x02", 8, b"\x02"),
        (b"", 8, b""),
    ]
    seen = out(kernel_oracle, load_text(text, "t.p4").program, hook, [head + case[0] for case in cases])
    assert seen == [("port", port, head + data) for _, port, data in cases]


@oracle_test
@pytest.mark.parametrize(
    ("body", "index", "want"),
    [
        ("hdr.h.b = hdr.s[hdr.h.a].value;", 2, (2, 12, 10, 11, 12)),
        ("hdr.s[hdr.h.a].value = hdr.h.b;", 1, (1, 20, 10, 20, 12)),
        ("hdr.s[hdr.h.a].value = hdr.h.b;", 3, (3, 20, 10, 11, 12)),
        ("hdr.s[hdr.h.a] = hdr.s[hdr.h.a - 1];", 2, (2, 20, 10, 11, 11)),
        ("hdr.s[0] = hdr.s[hdr.h.a];", 2, (2, 20, 12, 11, 12)),
        ("hdr.s[hdr.h.a].value[7:4] = hdr.h.b[3:0];", 0, (0, 20, 0x4A, 11, 12)),
        ("hdr.s[hdr.s[hdr.h.a].value - 10].value = 99;", 2, (2, 20, 10, 11, 99)),
        ("if (hdr.s[hdr.h.a].isValid()) { hdr.h.b = 1; }", 1, (1, 1, 10, 11, 12)),
        ("bit<8> i = hdr.h.a; hdr.s[i].value = bump(i);", 1, (1, 20, 10, 2, 12)),
    ],
)
def test_run_time_indexes(kernel_oracle: KernelOracle, body: str, index: int, want: tuple[int, ...]) -> None:
    text = v1_program(
        """header h_t { bit<112> pad; bit<8> a; bit<8> b; } header byte_t { bit<8> value; }
           struct headers { h_t h; byte_t[3] s; }
           bit<8> bump(inout bit<8> x) { x = x + 1; return x; }""",
        """state start { p.extract(hdr.h); p.extract(hdr.s[0]); p.extract(hdr.s[1]); p.extract(hdr.s[2]);
                         transition accept; }""",
        f"apply {{ std.egress_spec = 4; {body} }}",
        "p.emit(hdr);",
    )
    head = bytes(14)
    seen = out(kernel_oracle, load_text(text, "t.p4").program, "xdp", [head + bytes((index, 20, 10, 11, 12))])
    assert seen == [("port", 4, head + bytes(want))]


@oracle_test
def test_a_sub_parser_that_rejects_hands_over_what_it_has_extracted(kernel_oracle: KernelOracle) -> None:
    """As p4c's parsers do; `test_lower_sub_parsers` has the proof."""
    text = v1_program(
        """header ethernet_t { bit<112> pad; } header byte_t { bit<8> value; }
           struct headers { ethernet_t eth; byte_t[2] inner; byte_t last; }
           parser Sub(packet_in p, inout headers hdr, out bit<8> sum) {
               state start { p.extract(hdr.inner.next); p.extract(hdr.inner.next);
                             verify(hdr.inner[0].value != 9, error.NoMatch);
                             sum = hdr.inner[0].value + hdr.inner.last.value; transition accept; } }""",
        """Sub() sub; bit<8> sum;
           state start { p.extract(hdr.eth); sub.apply(p, hdr, sum);
                         transition select(sum) { 3: more; _: accept; } }
           state more { p.extract(hdr.last); transition accept; }""",
        """apply { std.egress_spec = 4;
            if (hdr.inner[0].isValid()) { std.egress_spec = std.egress_spec + 1; }
            if (hdr.inner[1].isValid()) { std.egress_spec = std.egress_spec + 1; }
            if (hdr.last.isValid()) { std.egress_spec = std.egress_spec + 1; } }""",
        "p.emit(hdr);",
    )
    head = bytes(14)
    program = load_text(text, "t.p4").program
    cases = {b"\x01\x02\x05": 7, b"\x01\x03\x05": 6, b"\x09\x02\x05": 6, b"\x01": 5}
    seen = out(kernel_oracle, program, "xdp", [head + data for data in cases])
    assert [each and each[1] for each in seen] == list(cases.values())
    assert [each and each[2][14:] for each in seen] == list(cases)


@oracle_test
@hooks
def test_counters_and_registers_keep_count(kernel_oracle: KernelOracle, hook: str) -> None:
    text = v1_program(
        ORDER_TYPES,
        ORDER_STATES,
        """
        counter(4, CounterType.packets_and_bytes) seen;
        register<bit<12>>(4) last;
        apply {
            bit<12> old;
            std.egress_spec = 6;
            seen.count((bit<32>)hdr.h.a);
            last.read(old, (bit<32>)hdr.h.a);
            last.write((bit<32>)hdr.h.a, old + 0xFFF);
            hdr.h.b = old[7:0];
        }""",
        "p.emit(hdr.h);",
    )
    made = lower(load_text(text, "t.p4").program, None, {"hook": hook})
    counts, cells = (next(m for m in made.maps if name in m.name) for name in ("seen", "last"))
    states: list[tuple[bytes, bytes]] = []

    def look(maps: dict[str, KernelMap]) -> None:
        key = (3).to_bytes(4, "little")
        states.append((maps[counts.name][key], maps[cells.name][key]))

    old = {cells.name: [((3).to_bytes(4, "little"), (0x123).to_bytes(8, "little"))]}
    frames = [bytes(14) + bytes((index, 0, 0, 0, 5)) for index in (3, 4)]
    seen = kernel_oracle.observe(made, [(PORT, frame) for frame in frames], old, inspect=look)
    assert states[0] == (struct.pack("<QQ", 1, 19), (0x122).to_bytes(8, "little"))
    assert states[1] == (bytes(16), (0x123).to_bytes(8, "little"))  # index 4 is past the end
    assert [each.outputs[0][2][15] for each in seen] == [0x23, 0]


@pytest.mark.long
@oracle_test
def test_every_example_is_taken_by_the_kernel() -> None:
    """At one hook at least."""
    paths, taken = sorted(EXAMPLES.glob("*.p4")), set()
    for path in paths:
        program = load(str(path)).program
        for hook in ("tc", "xdp"):
            try:
                made = lower(program, None, {"hook": hook})
            except CannotOffload:
                continue
            with ExitStack() as stack:
                maps = load_maps(made, {}, stack)
                stack.enter_context(KernelProgram(hook, made.program().insns, maps))
            taken.add(path.name)
    assert {path.name for path in paths} == taken


TABLE = "action a() { } table t { key = { hdr.h.a: exact; } actions = { a; }"
TERNARY_TABLE = TABLE.replace("exact", "ternary")


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ingress", "text"),
    [
        ("apply { hash(hdr.h.a, HashAlgorithm.crc16_custom, (bit<8>)0, { hdr.h.b }, (bit<8>)255); }", "hash"),
        (f"{TERNARY_TABLE} size = 1 << 20; }} apply {{ t.apply(); }}", "look-ups"),
        ("register<error>(4) r; apply { r.write(0, error.NoMatch); }", "registers"),
        ("apply { bit<128> w = (bit<128>) hdr.h.b; hdr.h.a = (w / 3)[7:0]; }", "more than 64 bits"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_at_its_place(ingress: str, text: str) -> None:
    program = load_text(v1_program(ORDER_TYPES, ORDER_STATES, ingress, "p.emit(hdr.h);"), "t.p4").program
    with pytest.raises(CannotOffload, match=text) as caught:
        lower(program, None, {})
    assert caught.value.span.file == "t.p4"
    assert caught.value.span.line


@pytest.mark.parametrize(
    ("ingress", "text"), [("std.mcast_grp = 1;", "multicast"), ("clone(CloneType.I2E, 5);", "clone")]
)
def test_copies_are_refused_at_xdp(ingress: str, text: str) -> None:
    program = load_text(
        v1_program(ORDER_TYPES, ORDER_STATES, f"apply {{ {ingress} }}", "p.emit(hdr.h);"), "t.p4"
    ).program
    with pytest.raises(CannotOffload, match=text) as caught:
        lower(program, None, {"hook": "xdp"})
    assert caught.value.span.file == "t.p4"
    lower(program, None, {"hook": "tc"})


def test_frames_that_xdp_cannot_make_are_refused() -> None:
    text = v1_program(ORDER_TYPES, ORDER_STATES, "apply { std.egress_spec = 1; hdr.h.setInvalid(); }", "p.emit(hdr.h);")
    with pytest.raises(CannotOffload, match="shorter than 14 bytes"):
        lower(load_text(text, "t.p4").program, None, {"hook": "xdp"})


def test_too_many_variables_for_the_stack_are_refused() -> None:
    fields = "".join(f"bit<64> f{n};" for n in range(80))
    sums = " + ".join(f"hdr.h.f{n}" for n in range(80))
    text = v1_program(
        f"header h_t {{ {fields} }} struct headers {{ h_t h; }}",
        ORDER_STATES,
        f"apply {{ hdr.h.f0 = {sums}; }}",
        "p.emit(hdr.h);",
    )
    with pytest.raises(CannotOffload, match="512 bytes"):
        lower(load_text(text, "t.p4").program, None, {})


def test_deep_expressions_do_not_end_in_a_traceback() -> None:
    sums = " + ".join(["hdr.h.a"] * 3000)
    text = v1_program(ORDER_TYPES, ORDER_STATES, f"apply {{ hdr.h.b = {sums}; }}", "p.emit(hdr.h);")
    try:
        program = load_text(text, "t.p4").program
    except InputError:
        return  # the front end's own limit
    with pytest.raises(CannotOffload, match="nested too deeply"):
        lower(program, None, {})


def test_an_unknown_hook_and_architecture_are_errors() -> None:
    with pytest.raises(InputError, match="no hook"):
        lower(acl(), None, {"hook": "socket"})
