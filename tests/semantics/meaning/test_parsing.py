"""Parsers: short packets, errors, loops, varbits, sub-parsers, value sets, merging of paths."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.arch.blocks import block_meaning
from p4verify.semantics.meaning import parsing
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.inputs import Symbolic
from p4verify.semantics.meaning.machine import Machine
from p4verify.semantics.meaning.partings import Partings
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.meaning.state import State, Step
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Exact, RuleSet
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import does, ebpf, out, v1model, v1model_text

ERROR = "hdr.e.setValid(); hdr.e.a = sm.parser_error == error.{} ? 8w1 : 0; hdr.e.b = 0; hdr.e.c = 0; hdr.e.d = 0;"


def error_of(parser: str, packet: str, **parts: str) -> str:
    """The name of the parser's error for a packet."""
    for name in ("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort", "ParserInvalidArgument"):
        sent = out(v1model(ERROR.format(name), parser=parser, deparser="pkt.emit(hdr.e);", **parts), packet)
        if sent.startswith("01000000"):
            return name
    raise AssertionError("no error fits")


ONE = "state start { pkt.extract(hdr.h); transition accept; }"


@pytest.mark.parametrize(
    ("packet", "wanted"), [("01020304", "NoError"), ("010203", "PacketTooShort"), ("", "PacketTooShort")]
)
def test_a_short_packet_goes_on_with_an_error(packet: str, wanted: str) -> None:
    assert error_of(ONE, packet) == wanted


def test_a_short_packet_keeps_its_bytes() -> None:
    program = v1model("", parser=ONE)
    assert does(program, "010203") == (("port", 1, "010203"),)
    assert does(program, "01020304aabb") == (("port", 1, "01020304aabb"),)


def test_select_takes_the_first_case_that_matches() -> None:
    parser = """state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b) {
        (1, 2): s1; (1, _): s2; (0x10 &&& 0xf0, _): s3; (3 .. 5, _): s2; (6, 7): reject; } }
        state s1 { meta.m = 1; transition accept; } state s2 { meta.m = 2; transition accept; }
        state s3 { meta.m = 3; transition accept; }"""
    program = v1model("hdr.h.d = meta.m;", parser=parser)
    assert [out(program, p)[6:] for p in ("01020000", "01030000", "1f000000", "04000000")] == ["01", "02", "03", "02"]
    assert error_of(parser, "09000000") == "NoMatch"


def test_diamonds_are_merged() -> None:
    """Thirty forks in a row that lead back together make one case, not two to the thirtieth."""
    states = "state start { pkt.extract(hdr.h); transition s0; }"
    for i in range(30):
        states += f"state s{i} {{ transition select(hdr.h.a[{i % 8}:{i % 8}]) {{ 0: a{i}; default: b{i}; }} }}"
        states += f"state a{i} {{ meta.m = {i}; transition s{i + 1}; }} state b{i} {{ transition s{i + 1}; }}"
    states += "state s30 { transition accept; }"
    behaviour = meaning(v1model("hdr.h.d = meta.m;", parser=states))
    assert len(behaviour.cases) == 2


STACK = """state start { pkt.extract(hdr.s.next); transition select(hdr.s.last.a) { 0: start; default: accept; } }"""


@pytest.mark.parametrize(
    ("packet", "wanted"),
    [
        ("01000000", "NoError"),
        ("00000000" * 2 + "01000000", "NoError"),
        ("00000000" * 3 + "01000000", "StackOutOfBounds"),
        ("00000000" * 2, "PacketTooShort"),
        ("", "PacketTooShort"),
    ],
)
def test_a_loop_fills_its_stack(packet: str, wanted: str) -> None:
    assert error_of(STACK, packet) == wanted


def test_a_loop_over_a_stack_needs_no_bound() -> None:
    behaviour = meaning(v1model("", parser=STACK))
    assert not behaviour.notes
    assert len(behaviour.domain) == 1


def test_last_index_and_next_at_the_ends() -> None:
    parser = "state start { pkt.extract(hdr.s.next); meta.m = (bit<8>) hdr.s.lastIndex; transition accept; }"
    assert out(v1model("hdr.s[0].d = meta.m;", parser=parser), "01020309") == "01020300"
    early = "state start { transition select(hdr.s.last.a) { default: accept; } }"
    assert error_of(early, "01020304") == "StackOutOfBounds"


SKIP = """state start { transition select(pkt.lookahead<bit<8>>()) { 0: skip; default: accept; } }
    state skip { pkt.advance(8); transition start; }"""


def test_a_loop_without_a_stack_is_followed_so_far_and_says_so() -> None:
    program = v1model("", parser=SKIP)
    behaviour = meaning(program)
    assert any("parser state" in note for note in behaviour.notes)
    packet = bytes(20) + b"\x01"
    assert evaluate_behaviour(behaviour, packet, 0, default=0).outputs == run(program, None, packet, 0).outputs
    with pytest.raises(ValueError, match="more than 64 times"):
        evaluate_behaviour(behaviour, bytes(500) + b"\x01", 0, default=0)
    assert run(program, None, bytes(5000) + b"\x01", 0).outputs == (("port", 1, b"\x01"),)


def test_a_loop_that_takes_nothing_never_ends() -> None:
    with pytest.raises(Unsupported):
        meaning(v1model("", parser="state start { transition start; }"))


def varbit(body: str, size: str) -> str:
    """A program of its own: its header has a varbit."""
    return f"""#include <core.p4>
#include <v1model.p4>
header n_t {{ bit<8> n; }}
header v_t {{ varbit<64> v; bit<8> z; }}
struct headers {{ n_t n; v_t v; v_t w; }}
struct meta_t {{ }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.n); pkt.extract(hdr.v, {size}); transition accept; }}
}}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    apply {{ sm.egress_spec = 1; hdr.n.n = sm.parser_error == error.NoError ? hdr.n.n :
      (sm.parser_error == error.PacketTooShort ? 8w0xf1 : (sm.parser_error == error.HeaderTooShort ? 8w0xf2 :
      (sm.parser_error == error.ParserInvalidArgument ? 8w0xf3 : 8w0xff))); {body} }}
}}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


@pytest.mark.parametrize(
    ("packet", "wanted"),
    [
        ("00aa", "00aa"),
        ("02aabbcc", "02aabbcc"),
        ("08" + "11" * 9 + "ee", "08" + "11" * 9 + "ee"),
        ("09" + "11" * 12, "f2" + "11" * 12),
        ("03aabbcc", "f1aabbcc"),
        ("ff", "f1"),
    ],
)
def test_varbits_have_the_length_that_the_packet_says(packet: str, wanted: str) -> None:
    program = load_text(varbit("", "(bit<32>) hdr.n.n * 8"), "test.p4").program
    assert out(program, packet) == wanted


def test_varbits_are_whole_bytes_in_v1model() -> None:
    program = load_text(varbit("", "(bit<32>) hdr.n.n"), "test.p4").program
    assert out(program, "08aabb") == "08aabb"
    assert out(program, "07aabb") == "f3aabb"


def test_varbits_are_copied_and_compared() -> None:
    body = "hdr.w = hdr.v; if (hdr.w == hdr.v) { hdr.n.n = 0x77; }"
    program = load_text(varbit(body, "(bit<32>) hdr.n.n * 8"), "test.p4").program
    assert out(program, "02aabbcc") == "77aabbccaabbcc"


def test_an_if_around_an_extract() -> None:
    parser = """state start { pkt.extract(hdr.h); if (hdr.h.a == 1) { pkt.extract(hdr.e); } transition next; }
        state next { pkt.extract(hdr.s[0]); transition accept; }"""
    program = v1model(
        "if (hdr.e.isValid()) { hdr.e.a = 9; }",
        parser=parser,
        deparser="pkt.emit(hdr.h); pkt.emit(hdr.e); pkt.emit(hdr.s);",
    )
    assert out(program, "01000000" + "05060708" + "0a0b0c0d") == "01000000" + "09060708" + "0a0b0c0d"
    assert out(program, "02000000" + "05060708" + "0a0b0c0d") == "02000000" + "05060708" + "0a0b0c0d"


def test_a_sub_parser_comes_back_and_its_reject_is_the_callers() -> None:
    top = """parser Q(packet_in pkt, inout h_t e, in bit<8> kind) {
        state start { transition select(kind) { 1: take; 2: accept; } }
        state take { pkt.extract(e); transition accept; } }"""
    parser = "state start { pkt.extract(hdr.h); q.apply(pkt, hdr.e, hdr.h.a); transition accept; }"
    program = v1model(
        "if (hdr.e.isValid()) { hdr.e.d = 1; } hdr.h.d = sm.parser_error == error.NoMatch ? 8w1 : 0;",
        top=top,
        parser=parser,
        parser_locals="Q() q;",
    )
    assert out(program, "01000000" + "aabbccdd") == "01000000" + "aabbcc01"
    assert out(program, "02000000" + "aabbccdd") == "02000000" + "aabbccdd"
    assert out(program, "03000000" + "aabbccdd") == "03000001" + "aabbccdd"


TAGS = """parser Q(packet_in pkt, inout headers hdr, in bit<8> kind, out bit<8> last) {
        bit<8> next = kind;
        state start { last = next; transition select(next) { 1: tag; 2: end; default: accept; } }
        state tag { pkt.extract(hdr.s.next); next = hdr.s.last.a; transition start; }
        state end { pkt.extract(hdr.e); transition accept; } }"""
TAGS_THERE = "meta.m = last; hdr.h.b = 9; transition accept;"
TAGS_CALLED = f"""state start {{ bit<8> last; pkt.extract(hdr.h); q.apply(pkt, hdr, hdr.h.a, last); {TAGS_THERE} }}"""
TAGS_INLINE = f"""bit<8> last; bit<8> next;
        state start {{ pkt.extract(hdr.h); next = hdr.h.a; transition tags; }}
        state tags {{ last = next; transition select(next) {{ 1: tag; 2: end; default: behind; }} }}
        state tag {{ pkt.extract(hdr.s.next); next = hdr.s.last.a; transition tags; }}
        state end {{ pkt.extract(hdr.e); transition behind; }}
        state behind {{ {TAGS_THERE} }}"""


def test_a_loop_in_a_sub_parser_is_the_loop_that_it_would_be_in_its_caller() -> None:
    """What is accepted is the same terms; of what is rejected the caller may be told or not."""
    called = v1model("hdr.h.d = meta.m;", top=TAGS, parser=TAGS_CALLED, parser_locals="Q() q;")
    inline = v1model("hdr.h.d = meta.m;", parser=TAGS_INLINE)
    for packet in ("02000000" + "0a0b0c0d", "01000000" + "01020304" + "02000000" + "0a0b0c0d", "03000000"):
        assert out(called, packet) == out(inline, packet)
        assert out(called, packet).startswith(packet[:2] + "09")
    mine, theirs = meaning(called), meaning(inline)
    assert mine.domain == theirs.domain
    there = [case.terms() for case in theirs.cases]
    whole = [
        case.terms() for case in mine.cases if not any(v.name.startswith("any.") for v in b.variables(*case.terms()))
    ]
    assert len(whole) > 5
    assert all(case in there for case in whole)
    mine, theirs = (block_meaning(program, "P").behaviour for program in (called, inline))
    assert [case.guard for case in mine.cases] == [case.guard for case in theirs.cases]
    handed = [choice for choice in mine.choices if "hands its results" in choice.reason]
    assert len(handed) == 1


def test_a_sub_parser_that_rejects_hands_on_all_of_a_union_or_nothing() -> None:
    """Not its own members as they were: that an invalid one is assigned makes the valid one invalid (8.20)."""
    text = v1model_text(
        "hdr.h.d = (hdr.u.x.isValid() ? 8w1 : 0) + (hdr.u.y.isValid() ? 8w2 : 0);",
        top="parser Q(packet_in pkt, out y_t y) { state start { y.setInvalid(); transition reject; } }",
    )
    types = "header x_t { bit<8> x; } header y_t { bit<8> y; } header_union u_t { x_t x; y_t y; }"
    text = text.replace("struct headers {", f"{types} struct headers {{ u_t u; ")
    parser = "state start { pkt.extract(hdr.h); pkt.extract(hdr.u.x); q.apply(pkt, hdr.u.y); transition accept; }"
    text = text.replace(ONE, f"Q() q; {parser}")
    behaviour = meaning(load_text(text, "test.p4").program)
    (handed,) = (choice.variable.name for choice in behaviour.choices if "hands its results" in choice.reason)
    seen = {
        number: evaluate_behaviour(behaviour, bytes(8), 0, inputs={handed: number}, default=0).outputs[0][2][3]
        for number in (0, 1)
    }
    assert seen == {0: 1, 1: 0}


def test_sub_parsers_in_blocks_conditions_and_other_sub_parsers() -> None:
    top = """parser Inner(packet_in pkt, inout h_t e) { state start { pkt.extract(e); transition accept; } }
        parser Q(packet_in pkt, inout headers hdr, in bit<8> kind) { Inner() i; Inner() j;
        state start { bit<8> mine = kind; { if (kind == 1) { i.apply(pkt, hdr.e); mine = 7; } else { mine = 8; } }
            hdr.h.b = mine; transition select(kind) { 1 .. 2: more; default: reject; } }
        state more { j.apply(pkt, hdr.s[0]); hdr.h.c = hdr.e.isValid() ? 8w1 : 0; transition accept; } }"""
    parser = "state start { pkt.extract(hdr.h); q.apply(pkt, hdr, hdr.h.a); hdr.h.d = 5; transition accept; }"
    program = v1model("", top=top, parser=parser, parser_locals="Q() q;")
    assert out(program, "01000000" + "0a0b0c0d" + "01020304" + "ff") == "01070105" + "01020304" + "0a0b0c0d" + "ff"
    assert out(program, "02000000" + "01020304" + "ff") == "02080005" + "01020304" + "ff"
    behaviour = meaning(program)
    for packet in ("01000000" + "0a0b0c0d" + "01020304", "02000000" + "01020304", "01000000" + "0a", "", "02ffffff"):
        frame = bytes.fromhex(packet)
        assert evaluate_behaviour(behaviour, frame, 0, default=0).outputs == run(program, None, frame, 0).outputs


def test_where_loops_are_cut_does_not_depend_on_how_a_parser_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """One state that extracts twice, two states in its place, and a decision that is an ``if`` or a transition."""
    monkeypatch.setattr(parsing, "MAX_LOOP_MOVES", 8)
    choose = "transition select(pkt.lookahead<bit<8>>()) { 1: one; 2: two; default: accept; }"
    one = "state one { pkt.extract(hdr.h); if (hdr.h.b == 0) { meta.m = meta.m + 1; } transition loop; }"
    begin = "state start { pkt.extract(hdr.h); pkt.extract(hdr.w); transition loop; }"
    whole = f"""{begin} state loop {{ {choose} }} {one}
        state two {{ pkt.extract(hdr.w); pkt.extract(hdr.h); transition loop; }}"""
    divided = f"""{begin} state loop {{ transition choose; }} state choose {{ {choose} }}
        state one {{ pkt.extract(hdr.h); transition select(hdr.h.b == 0) {{ true: yes; default: no; }} }}
        state yes {{ meta.m = meta.m + 1; transition join; }} state no {{ transition join; }}
        state join {{ transition loop; }}
        state two {{ pkt.extract(hdr.w); transition three; }}
        state three {{ pkt.extract(hdr.h); transition loop; }}"""
    first, second = (meaning(v1model("hdr.h.d = meta.m;", parser=p)) for p in (whole, divided))
    assert len(first.domain) > 1
    assert [a.condition for a in first.domain] == [a.condition for a in second.domain]
    assert [case.terms() for case in first.cases] == [case.terms() for case in second.cases]


def test_copies_of_a_state_are_put_together_as_the_state_is() -> None:
    """What follows several states is in a state of its own, or in a copy on each way; others come to the same place in
    the packet, and some read the same bits there. Two programs that do so have the same terms, at once."""
    begin = """state start { pkt.extract(hdr.h); transition select(hdr.h.a) {
            1: one; 2: two; 3: three; 4: other; default: accept; } }
        state other { pkt.extract(hdr.s[0]); transition select(hdr.s[0].a) { 1: last; 2: more; default: accept; } }
        state last { pkt.extract(hdr.s[1]); transition accept; }
        state more { meta.m = 9; transition accept; }"""
    tail = "pkt.extract(hdr.e); transition select(hdr.e.a) { 1: last; 2: more; default: reject; }"
    one, two, three = "meta.m = hdr.h.b;", "meta.m = 2;", "hdr.h.c = 3; meta.m = hdr.h.d;"
    shared = f"""{begin} state one {{ {one} transition tail; }} state two {{ {two} transition tail; }}
        state three {{ {three} transition tail; }} state tail {{ {tail} }}"""
    copied = f"""{begin} state one {{ {one} {tail} }} state two {{ {two} {tail} }}
        state three {{ {three} transition tail; }} state tail {{ {tail} }}"""
    first, second = (block_meaning(v1model("", parser=p), "P") for p in (shared, copied))
    assert len(first.behaviour.cases) > 3
    for mine, theirs in zip(first.behaviour.cases, second.behaviour.cases, strict=True):
        assert mine.terms() == theirs.terms()


def test_variables_between_do_not_tell_copies_of_a_state_apart() -> None:
    """A compiler puts what two states look ahead at into a variable of each."""
    begin = "state start { pkt.extract(hdr.h); transition odd; }"
    plain = f"""{begin} state odd {{ pkt.advance(8); transition select(pkt.lookahead<bit<8>>()) {{
            0: odd; default: even; }} }}
        state even {{ pkt.advance(8); transition select(pkt.lookahead<bit<8>>()) {{
            0: odd; 1: even; default: accept; }} }}"""
    put = f"""{begin} state odd {{ pkt.advance(8); x = pkt.lookahead<bit<8>>(); transition select(x) {{
            0: odd; default: even; }} }}
        state even {{ pkt.advance(8); y = pkt.lookahead<bit<8>>(); transition select(y) {{
            0: odd; 1: even; default: accept; }} }}"""
    first = block_meaning(v1model("", parser=plain), "P", turns=6)
    second = block_meaning(v1model("", parser=put, parser_locals="bit<8> x; bit<8> y;"), "P", turns=6)
    assert len(first.behaviour.cases) > 6
    for mine, theirs in zip(first.behaviour.cases, second.behaviour.cases, strict=True):
        assert mine.terms() == theirs.terms()


def test_a_step_is_not_taken_back_where_more_is_known_since() -> None:
    """The path must be that before the step and its condition: here it is narrower, and stays so."""
    m = Machine(v1model(""), None, Symbolic(), {})
    x, y, more = (b.var(name, 0) for name in ("in.x", "in.y", "in.more"))
    last = b.var("in.last", 0)
    ways = [State({}, b.and_(path, last, more), steps=Step(None, path, last)) for path in (x, b.and_(b.not_(x), y))]
    assert Partings().merged(m, ways).path is b.or_(*(way.path for way in ways))


@pytest.mark.parametrize("first", [1, 2, 3])
def test_ways_that_meet_again_hold_no_packet_that_went_elsewhere(first: int) -> None:
    """Of a ``select`` without ``default`` all cases lead to one state: what none of them matches is not there."""
    parser = """state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: one; 2: two; } }
        state one { meta.m = 1; transition join; } state two { meta.m = 2; transition join; }
        state join { transition accept; }"""
    cases = meaning(v1model("hdr.h.d = meta.m;", parser=parser)).cases
    guards = [case.guard for case in cases]
    values = {"pkt.len": 4, "pkt[0]": first}
    assert sum(b.evaluate(guards, values, {}, default=0)) == 1


VALUE_SET = """value_set<bit<8>>(4) kinds;
    state start { pkt.extract(hdr.h); transition select(hdr.h.a) { kinds: in_set; default: accept; } }
    state in_set { meta.m = 1; transition accept; }"""


def test_a_value_set_is_any_set_without_rules() -> None:
    program = v1model("hdr.h.d = meta.m;", parser=VALUE_SET)
    behaviour = meaning(program)
    (ask,) = {t for c in behaviour.cases for o in c.outputs for t in b.applications(*o.packet.prefix)}
    functions = {ask.name: lambda key: int(key in (7, 9))}
    for packet, last in (("07000000", 1), ("08000000", 0)):
        sent = evaluate_behaviour(behaviour, bytes.fromhex(packet), 0, functions=functions, default=0).outputs
        assert sent[0][2][3] == last


def test_a_value_set_holds_what_the_rules_say() -> None:
    program = v1model("hdr.h.d = meta.m;", parser=VALUE_SET)
    (declared,) = (s for p in program.parsers for s in p.value_sets)
    rules = RuleSet({}, {}, {declared.control_name: ((Exact(7),),)})
    assert run(program, rules, bytes.fromhex("07000000"), 0).outputs[0][2].hex() == "07000001"
    assert run(program, rules, bytes.fromhex("08000000"), 0).outputs[0][2].hex() == "08000000"


def test_verify_sets_its_error() -> None:
    parser = "state start { pkt.extract(hdr.h); verify(hdr.h.a == 1, error.HeaderTooShort); transition accept; }"
    assert error_of(parser, "01000000") == "NoError"
    assert error_of(parser, "02000000") == "HeaderTooShort"


def test_length_is_that_of_the_frame() -> None:
    parser = "state start { pkt.extract(hdr.h); meta.n = (bit<16>) pkt.length(); transition accept; }"
    assert out(v1model("hdr.h.d = meta.n[7:0];", parser=parser), "00000000aabb") == "00000006aabb"


def test_the_ebpf_filter_drops_what_its_parser_rejects() -> None:
    program = ebpf(
        "accept = true;", parser="state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: accept; } }"
    )
    assert does(program, "01020304ff") == (("stack", 0, "01020304ff"),)
    assert does(program, "02020304") == ()
    assert does(program, "010203") == ()


def test_of_too_many_paths_some_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positions double from state to state: packets that go on are excluded by name."""
    monkeypatch.setattr(parsing, "MAX_PATHS", 300)
    states = "state start { transition s0; }"
    for i in range(14):
        states += f"state s{i} {{ pkt.extract(hdr.h); transition select(hdr.h.a) {{ 0: a{i}; default: s{i + 1}; }} }}"
        states += f"state a{i} {{ pkt.advance({8 << i if i < 10 else 8 * (1000 + i)}); transition s{i + 1}; }}"
    program = v1model("", parser=states + "state s14 { transition accept; }")
    behaviour = meaning(program)
    assert any("of its states, of all ways together" in a.text for a in behaviour.domain)
    for packet in (b"", bytes(3), bytes(9), b"\1" * 12):
        seen = evaluate_behaviour(behaviour, packet, 0, default=0).outputs
        assert seen == run(program, None, packet, 0).outputs


def test_ways_that_end_at_one_position_are_one_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = """state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: w; 2: s; default: e; } }
        state w { pkt.extract(hdr.w); transition accept; }
        state s { pkt.extract(hdr.s.next); transition accept; }
        state e { pkt.extract(hdr.e); transition accept; }"""
    short = "if (sm.parser_error != error.NoError) { hdr.h.setValid(); hdr.h = { 9, 9, 9, 9 }; }"
    program = v1model("if (hdr.w.isValid()) { hdr.w.x = 7; } hdr.e.d = hdr.s[0].a;" + short, parser=parser)
    whole = meaning(program)
    monkeypatch.setattr(parsing, "MAX_WAYS", 2)
    merged = meaning(program)
    for first in (1, 2, 3):
        for packet in (bytes([first, 2, 3, 4, 5, 6, 7, 8, 9]), bytes([first, 2, 3, 4, 5]), bytes([first])):
            one, other = (evaluate_behaviour(x, packet, 0, default=0).outputs for x in (whole, merged))
            assert one == other == run(program, None, packet, 0).outputs


def test_loops_through_headers_of_several_sizes_are_followed_so_far() -> None:
    """The positions multiply with what has been seen; packets that go on are excluded by name."""
    parser = """state start {
        transition select(pkt.lookahead<bit<8>>()) { 1: one; 2: two; 3: three; default: accept; } }
        state one { pkt.extract(hdr.h); transition start; }
        state two { pkt.extract(hdr.w); pkt.extract(hdr.h); transition start; }
        state three { pkt.extract(hdr.e); pkt.advance(8); transition start; }"""
    behaviour = meaning(v1model("", parser=parser))
    assert any(f"more than {parsing.LATE_VISITS} times" in a.text for a in behaviour.domain)
    packet = bytes.fromhex("01000000 02000000 00000000 03000000 00 00 77")
    result = run(v1model("", parser=parser), None, packet, 0)
    assert evaluate_behaviour(behaviour, packet, 0, default=0).outputs == result.outputs


def test_parsers_that_are_written_otherwise_have_the_same_terms() -> None:
    """Ways that meet are put together in one order, whichever comes first."""

    def parser(numbers: list[int]) -> str:
        keys = " ".join(f"{i}: s{i};" for i in numbers)
        states = " ".join(f"state s{i} {{ meta.m = hdr.h.b + {i}; transition join; }}" for i in numbers)
        begin = (
            f"state start {{ pkt.extract(hdr.h); meta.m = 0; transition select(hdr.h.a) {{ {keys} default: join; }} }}"
        )
        return f"{begin} {states} state join {{ transition accept; }}"

    first, second = (meaning(v1model("hdr.h.d = meta.m;", parser=parser(n))) for n in ([1, 2, 3, 4], [3, 1, 4, 2]))
    assert [case.terms() for case in first.cases] == [case.terms() for case in second.cases]
