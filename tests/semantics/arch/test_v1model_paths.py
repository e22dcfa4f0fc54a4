"""v1model: clones, multicast, packets that come back, digests, cut packets; on numbers and as the whole behaviour."""

from __future__ import annotations

from functools import lru_cache

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import Run, meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.semantics.source import Unsupported

RULES = RuleSet(
    {},
    multicast={7: (Replica(3, 30), Replica(4, 40)), 9: ()},
    sessions={5: Session((Replica(6, 60),)), 11: Session((Replica(7, 70), Replica(8, 80)))},
)

TEXT = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<8> c; bit<8> d; }}
struct headers {{ h_t h; h_t extra; }}
struct inner_t {{ bit<8> x; @field_list(2) bit<8> y; bool z; }}
struct meta_t {{ @field_list(1) bit<8> m; bit<8> n; @field_list(1, 2) inner_t i; }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.h); transition accept; }}
}}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    {locals}
    apply {{ sm.egress_spec = 1; {body} }}
}}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    {egress_locals}
    apply {{ {egress} }}
}}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


@lru_cache(maxsize=256)
def program(body: str = "", egress: str = "", locals: str = "", egress_locals: str = "") -> ir.Program:
    text = TEXT.format(body=body, egress=egress, locals=locals, egress_locals=egress_locals)
    return load_text(text, "test.p4").program


def both(p: ir.Program, packet: str, port: int = 2, rules: RuleSet = RULES) -> Run:
    """The run of one packet, which the behaviour, with and without rules, must say too."""
    frame = bytes.fromhex(packet)
    seen = run(p, rules, frame, port)
    given = answers(p, rules)
    cells = {name: list(values) for name, values in seen.state.items()}
    for behaviour in (meaning(p, rules), meaning(p)):
        whole = evaluate_passes(
            behaviour, frame, port, functions=given.functions, inputs=given.inputs, groups=given.groups, default=0,
            cells=cells,
        )  # fmt: skip
        assert whole.outputs == seen.outputs
        assert whole.events == seen.events
        assert whole.state == seen.state
    return seen


def sent(p: ir.Program, packet: str = "01020304ee", port: int = 2) -> list[str]:
    return [f"{out}:{frame.hex()}" for _, out, frame in both(p, packet, port).outputs]


# --- clones ---------------------------------------------------------------------------------------------------------

SHOW = "hdr.h.b = (bit<8>) sm.instance_type; hdr.h.c = (bit<8>) sm.egress_rid; hdr.h.d = meta.m;"


def test_a_clone_from_ingress_has_the_headers_that_came_in() -> None:
    body = "hdr.h.a = 9; meta.m = 5; clone(CloneType.I2E, 5); meta.m = 6; sm.egress_rid = 0;"
    assert sent(program(body, SHOW)) == ["1:09000006ee", "6:01013c00ee"]


def test_a_clone_keeps_the_listed_metadata_from_the_end_of_ingress() -> None:
    body = "meta.m = 5; clone_preserving_field_list(CloneType.I2E, 5, 1); meta.m = 6; sm.egress_rid = 0;"
    assert sent(program(body, SHOW)) == ["1:01000006ee", "6:01013c06ee"]


def test_a_clone_goes_to_each_member_of_its_session_and_to_none_that_is_not_set_up() -> None:
    assert sent(program("clone(CloneType.I2E, 11);")) == ["1:01020304ee", "7:01020304ee", "8:01020304ee"]
    assert sent(program("clone(CloneType.I2E, 12);")) == ["1:01020304ee"]


def test_of_several_clones_the_last_counts() -> None:
    assert sent(program("clone(CloneType.I2E, 5); clone(CloneType.I2E, 11);"))[1:] == ["7:01020304ee", "8:01020304ee"]


def test_a_packet_that_is_dropped_is_cloned_before() -> None:
    assert sent(program("clone(CloneType.I2E, 5); mark_to_drop(sm);")) == ["6:01020304ee"]
    assert sent(program(egress="if (sm.instance_type == 0) { clone(CloneType.E2E, 5); mark_to_drop(sm); }")) == [
        "6:01020304ee"
    ]


def test_a_clone_from_egress_has_the_headers_of_egress_and_begins_egress_again() -> None:
    egress = (
        "hdr.h.a = hdr.h.a + 1; if (sm.instance_type == 0) { meta.i.y = 4; "
        "clone_preserving_field_list(CloneType.E2E, 11, 2); } hdr.h.b = (bit<8>) sm.instance_type; hdr.h.c = meta.i.y;"
    )
    assert sent(program(egress=egress)) == ["1:02000404ee", "7:03020404ee", "8:03020404ee"]


def test_a_clone_can_be_cloned() -> None:
    p = program(egress="hdr.h.a = hdr.h.a + 1; if (hdr.h.a < 4) { clone(CloneType.E2E, 11); }")
    assert sent(p, "02020304") == ["1:03020304", "7:04020304", "8:04020304"]
    assert len(sent(p, "01020304")) == 1 + 2 + 4
    assert sent(p, "01020304")[:4] == ["1:02020304", "7:03020304", "8:03020304", "7:04020304"]


def test_copies_that_never_end_are_said_to_be_left_out() -> None:
    p = program(egress="clone(CloneType.E2E, 5);")
    assert any("copied more than" in a.text for a in meaning(p).domain)
    with pytest.raises(Unsupported, match="more than 1000 copies"):
        run(p, RULES, bytes(4), 0)


def test_each_clone_counts_for_itself() -> None:
    counts = "register<bit<8>>(4) r;"
    egress = "bit<8> v; r.read(v, 1); hdr.h.d = v; r.write(1, v + 1);"
    p = program("clone(CloneType.I2E, 11);", egress, egress_locals=counts)
    seen = both(p, "01020304")
    assert [frame.hex() for _, _, frame in seen.outputs] == ["01020300", "01020301", "01020302"]
    assert list(seen.state.values()) == [{1: 3}]


# --- multicast ------------------------------------------------------------------------------------------------------


def test_multicast_replicates_what_ingress_made() -> None:
    body = "hdr.h.a = 9; meta.m = 5; sm.mcast_grp = 7; sm.egress_spec = 511;"
    assert sent(program(body, SHOW)) == ["3:09051e05ee", "4:09052805ee"]
    assert sent(program("sm.mcast_grp = (bit<16>) hdr.h.a;"), "07000000") == ["3:07000000", "4:07000000"]
    assert sent(program("sm.mcast_grp = (bit<16>) hdr.h.a;"), "00000000") == ["1:00000000"]
    assert sent(program("sm.mcast_grp = (bit<16>) hdr.h.a;"), "09000000") == []


def test_mark_to_drop_takes_multicast_back() -> None:
    assert sent(program("sm.mcast_grp = 7; mark_to_drop(sm);")) == []


def test_one_of_the_copies_can_be_dropped() -> None:
    assert sent(program("sm.mcast_grp = 7;", "if (sm.egress_rid == 30) { mark_to_drop(sm); }")) == ["4:01020304ee"]


def test_the_layout_of_a_copy_may_depend_on_the_member() -> None:
    egress = "if (sm.egress_rid == 40) { hdr.extra.setValid(); hdr.extra = { 5, 6, 7, 8 }; }"
    p = program("sm.mcast_grp = 7;", egress)
    assert sent(p) == ["3:01020304ee", "4:0102030405060708ee"]
    assert all(not t.name.startswith("each.") for case in meaning(p).cases for t in b.variables(case.guard))


# --- packets that come back -----------------------------------------------------------------------------------------


def test_a_resubmitted_packet_starts_over_as_it_came() -> None:
    body = (
        "if (sm.instance_type == 6) { hdr.h.b = meta.m; hdr.h.c = (bit<8>) sm.ingress_port; hdr.h.d = meta.i.y; } "
        "else { hdr.h.a = 77; meta.m = 33; meta.i.y = 44; resubmit_preserving_field_list(1); meta.m = meta.m + 1; }"
    )
    assert sent(program(body)) == ["1:0122022cee"]
    assert both(program(body), "01020304").passes == 2


def test_resubmitting_goes_before_multicast_and_dropping() -> None:
    body = "if (sm.instance_type == 0) { resubmit_preserving_field_list(3); sm.mcast_grp = 7; mark_to_drop(sm); }"
    assert sent(program(body)) == ["1:01020304ee"]


def test_a_clone_of_a_resubmitted_packet() -> None:
    body = "if (sm.instance_type == 0) { resubmit_preserving_field_list(1); clone(CloneType.I2E, 5); }"
    assert sent(program(body)) == ["6:01020304ee", "1:01020304ee"]


def test_a_recirculated_packet_comes_back_as_it_would_have_left() -> None:
    body = (
        "hdr.h.a = hdr.h.a + 1; if (sm.instance_type == 4) { hdr.h.b = meta.m; hdr.h.c = (bit<8>) sm.packet_length; }"
    )
    egress = (
        "if (hdr.h.a < 4) { hdr.extra.setValid(); hdr.extra = { 5, 6, 7, 8 }; meta.m = 9; "
        "recirculate_preserving_field_list(1); }"
    )
    assert sent(program(body, egress), "02020304ee") == ["1:0409090405060708ee"]


def test_a_packet_that_is_dropped_is_not_recirculated() -> None:
    assert sent(program(egress="recirculate_preserving_field_list(1); mark_to_drop(sm);")) == []


def test_metadata_that_is_not_listed_is_undefined_in_the_next_pass() -> None:
    body = (
        "if (sm.instance_type == 0) { meta.n = 9; meta.m = 8; resubmit_preserving_field_list(2); } "
        "else { hdr.h.a = meta.n; hdr.h.b = meta.m; }"
    )
    assert sent(program(body)) == ["1:00000304ee"]
    names = {t.name for case in meaning(program(body)).cases for t in b.variables(*case.terms())}
    assert {"in.meta.m", "in.instance_type"} <= names
    assert not {"in.meta.n", "in.meta.i.y"} & names


def test_what_no_next_pass_reads_does_not_go_with_the_packet() -> None:
    body = (
        "if (sm.instance_type == 0) { meta.m = 9; meta.i.x = 8; resubmit_preserving_field_list(1); } "
        "else { hdr.h.b = meta.i.x; }"
    )
    back = [o for case in meaning(program(body)).cases for o in case.outputs if o.to == "resubmit"]
    assert back
    assert all(set(o.metadata) == {"instance_type", "meta.i.x"} for o in back)


def test_passes_without_end_are_refused() -> None:
    p = program("resubmit_preserving_field_list(1);")
    assert meaning(p).cases
    with pytest.raises(Unsupported, match="more than 64 passes"):
        run(p, RULES, bytes(4), 0)


def test_state_is_kept_from_pass_to_pass() -> None:
    counts = "register<bit<8>>(4) r;"
    body = "bit<8> v; r.read(v, 1); r.write(1, v + 1); hdr.h.d = v; if (v < 3) { resubmit_preserving_field_list(1); }"
    seen = both(program(body, locals=counts), "01020304")
    assert [frame.hex() for _, _, frame in seen.outputs] == ["01020303"]
    assert list(seen.state.values()) == [{1: 4}]


def test_the_old_calls_name_their_fields() -> None:
    body = (
        "if (sm.instance_type == 0) { meta.n = 9; meta.m = 7; resubmit({ sm, meta.n }); } "
        "else { hdr.h.a = meta.n; hdr.h.b = meta.m; }"
    )
    assert sent(program(body)) == ["1:09000304ee"]
    clone = "meta.n = 9; clone3(CloneType.I2E, 5, { meta.i, meta.n });"
    assert sent(program(clone, "hdr.h.a = meta.n;"))[1] == "6:09020304ee"


# --- digests, cut packets -------------------------------------------------------------------------------------------


def test_a_digest_holds_what_its_data_was_when_it_was_called() -> None:
    body = "if (hdr.h.a == 1) { digest<inner_t>(1, { hdr.h.b, hdr.h.c, true }); hdr.h.b = 9; }"
    assert both(program(body), "01020304").events == (("digest inner_t", (2, 3, 1)),)
    assert both(program(body), "02020304").events == ()


def test_a_digest_tells_nothing_of_an_invalid_header_but_that() -> None:
    body = "if (hdr.h.a == 1) { hdr.extra.a = hdr.h.b; } digest(1, hdr.extra);"
    for packet in ("01020304", "02020304"):
        ((_, fields),) = both(program(body), packet).events
        assert fields == (0, 0, 0, 0, 0)
    whole = "hdr.extra.setValid(); hdr.extra = hdr.h; " + body
    ((_, fields),) = both(program(whole), "01020304").events
    assert fields == (1, 2, 2, 3, 4)


@pytest.mark.parametrize(
    ("call", "packet", "frame"),
    [
        ("truncate(5);", "01020304aabbcc", "01020304aa"),
        ("truncate(5);", "01020304", "01020304"),
        ("truncate(3);", "01020304aabb", "010203"),
        ("truncate(0);", "01020304aabb", ""),
        ("truncate(5); truncate(6);", "01020304aabbcc", "01020304aa"),
        ("truncate(6); if (hdr.h.a == 1) { truncate(5); }", "01020304aabbcc", "01020304aa"),
        ("truncate(6); if (hdr.h.a == 1) { truncate(5); }", "02020304aabbcc", "02020304aabb"),
        ("truncate(100000);", "01020304aabbcc", "01020304aabbcc"),
        ("truncate((bit<32>) hdr.h.a);", "05020304aabbcc", "05020304aa"),
        ("truncate((bit<32>) hdr.h.a);", "00020304aabbcc", ""),
        ("truncate((bit<32>) hdr.h.a);", "09020304aabbcc", "09020304aabbcc"),
        ("truncate((bit<32>) hdr.h.a); truncate((bit<32>) hdr.h.b);", "06050304aabbcc", "06050304aa"),
        ("truncate((bit<32>) hdr.h.a); truncate(6);", "07020304aabbcc", "07020304aabb"),
        ("truncate(sm.packet_length - 2);", "01020304aabbcc", "01020304aa"),
    ],
)
def test_a_packet_is_cut(call: str, packet: str, frame: str) -> None:
    assert sent(program(call), packet) == [f"1:{frame}"]
    assert sent(program(egress=call), packet) == [f"1:{frame}"]


def test_copies_are_cut_by_their_own_egress_only() -> None:
    assert sent(program("truncate(3); clone(CloneType.I2E, 5);")) == ["1:010203", "6:01020304ee"]


def test_a_packet_without_a_group_is_not_replicated_even_if_group_0_has_members() -> None:
    p = program("if (hdr.h.a == 1) { sm.mcast_grp = 7; }")
    rules = RuleSet({}, multicast={0: (Replica(9, 0),), 7: (Replica(3, 30),)})
    assert [out for _, out, _ in both(p, "01020304", rules=rules).outputs] == [3]
    assert [out for _, out, _ in both(p, "02020304", rules=rules).outputs] == [1]


def test_what_a_packet_does_not_bring_back_is_zero_in_its_next_pass() -> None:
    show = "hdr.h.d = (bit<8>) sm.egress_global_timestamp; "
    again = "if (hdr.h.a == 1) { hdr.h.a = 2; hdr.h.b = hdr.h.d; recirculate_preserving_field_list(1); }"
    p = program("sm.egress_spec = 1;", show + again)
    frame = bytes.fromhex("01020304")
    once = run(p, RULES, frame, 2, metadata={"egress_global_timestamp": 7})
    given = answers(p, RULES)
    whole = evaluate_passes(
        meaning(p), frame, 2, functions=given.functions, groups=given.groups, default=0,
        inputs={**given.inputs, "in.egress_global_timestamp": 7},
    )  # fmt: skip
    assert [out for _, _, out in once.outputs] == [bytes.fromhex("02070300")]
    assert whole.outputs == once.outputs
