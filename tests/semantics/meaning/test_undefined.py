"""Undefined values: a choice at every read, one fixed value after a copy (semantics of undefined, spec 8.x)."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from tests.support.p4_text import v1model, v1model_text

PACKET = bytes.fromhex("01020304")


def outcomes(behaviour: Behaviour, packet: bytes = PACKET) -> set[str]:
    """The frames that come out for a few values of the choices."""
    names = [c.variable.name for c in behaviour.choices]
    seen = set()
    for seed in range(16):
        choices = {name: (seed >> (i % 4) & 1) * 3 for i, name in enumerate(names)}
        sent = evaluate_behaviour(behaviour, packet, 0, choices=choices, default=0).outputs
        seen.add(sent[0][2].hex() if sent else "")
    return seen


def bytes_of(behaviour: Behaviour) -> list[b.Term]:
    case = next(c for c in behaviour.cases if c.outputs and len(c.outputs[0].packet.prefix) == 4)
    return list(case.outputs[0].packet.prefix)


def test_two_reads_of_one_variable_are_unrelated() -> None:
    behaviour = meaning(v1model("bit<8> t; hdr.h.a = t; hdr.h.b = t;"))
    first, second, *_ = bytes_of(behaviour)
    assert first is not second
    assert {first.op, second.op} == {"var"}


def test_a_copy_is_fixed() -> None:
    behaviour = meaning(v1model("bit<8> t; bit<8> u = t; hdr.h.a = u; hdr.h.b = u;"))
    first, second, *_ = bytes_of(behaviour)
    assert first is second


def test_a_copied_struct_is_fixed_too() -> None:
    top = "struct pair { bit<8> x; bit<8> y; }"
    behaviour = meaning(v1model("pair p; p.y = 1; pair q = p; hdr.h.a = q.x; hdr.h.b = q.x; hdr.h.c = q.y;", top=top))
    first, second, third, _ = bytes_of(behaviour)
    assert first is second
    assert third.value == 1


def test_every_choice_has_its_place_and_reason() -> None:
    behaviour = meaning(v1model("bit<8> t; hdr.h.a = t;"))
    (choice,) = (c for c in behaviour.choices if "not defined" in c.reason)
    assert choice.span.file == "test.p4"
    assert choice.span.line
    assert choice.variable.width == 8


@pytest.mark.parametrize(
    ("body", "defined"),
    [
        ("hdr.h.a = hdr.e.a;", False),  # a field of an invalid header
        ("hdr.e.a = 5; hdr.h.a = hdr.e.a;", False),  # a write to an invalid header is lost
        ("hdr.e.setValid(); hdr.e.a = 5; hdr.h.a = hdr.e.a; hdr.e.setInvalid();", True),
        ("hdr.e.a = 5; hdr.e.setValid(); hdr.h.a = hdr.e.a; hdr.e.setInvalid();", False),  # written before it was valid
        ("hdr.h.setValid();", True),  # it was valid: nothing changes
        ("hdr.h.setInvalid(); hdr.h.setValid(); hdr.h.b = 0; hdr.h.c = 0; hdr.h.d = 0;", False),
        ("hdr.h.a = meta.m;", False),  # the user's metadata
        ("meta.m = 4; hdr.h.a = meta.m;", True),
        ("bit<8> t; if (hdr.h.b == 2) { t = 1; } hdr.h.a = t;", True),  # on this packet
        ("bit<8> t; if (hdr.h.b == 9) { t = 1; } hdr.h.a = t;", False),
        ("hdr.h.a = hdr.s[hdr.h.d].a;", False),  # beyond the end, and invalid
        ("hdr.e.setValid(); hdr.e = { 1, 2, 3, 4 }; hdr.h.a = hdr.e.a; hdr.e.setInvalid();", True),
    ],
)
def test_what_is_defined(body: str, defined: bool) -> None:
    assert (len(outcomes(meaning(v1model(body)))) == 1) == defined


def test_a_field_written_on_one_branch_is_a_choice_on_the_other() -> None:
    program = v1model("if (hdr.h.b == 2) { meta.m = 7; } hdr.h.a = meta.m;")
    behaviour = meaning(program)
    assert outcomes(behaviour) == {"07020304"}
    assert len(outcomes(behaviour, bytes.fromhex("01090304"))) == 2


def test_a_run_takes_zero_and_tells() -> None:
    result = run(v1model("bit<8> t; hdr.h.a = t;"), None, PACKET, 0)
    assert result.outputs == (("port", 1, bytes.fromhex("00020304")),)
    (told,) = (step for step in result.undefined if "not defined" in step["reason"])
    assert told["where"]["file"] == "test.p4"
    assert told["value"] == 0


def test_a_run_can_be_told_what_to_choose() -> None:
    result = run(v1model("bit<8> t; hdr.h.a = t;"), None, PACKET, 0, choice=lambda choice: 0x55)
    assert result.outputs[0][2].hex() == "55020304"


def test_validity_out_of_range_is_asked_anew_each_time() -> None:
    behaviour = meaning(
        v1model("hdr.h.a = hdr.s[hdr.h.d].isValid() ? 8w1 : 0; hdr.h.b = hdr.s[hdr.h.d].isValid() ? 8w1 : 0;")
    )
    assert {o[:4] for o in outcomes(behaviour)} == {"0000", "0001", "0100", "0101"}


def test_egress_spec_that_is_never_set_is_a_choice() -> None:
    behaviour = meaning(v1model("sm.egress_spec = 1; bit<9> t; sm.egress_spec = t;"))
    ports = {evaluate_behaviour(behaviour, PACKET, 0, choices=c, default=0).outputs[0][1] for c in (0, 1, 5)}
    assert ports == {0, 1, 5}
    assert evaluate_behaviour(behaviour, PACKET, 0, choices=511, default=0).outputs == ()


def test_a_run_may_take_what_was_there_last() -> None:
    """As machines do; only where something was, and only if it is asked for."""
    body = "hdr.h.setInvalid(); bit<8> x = hdr.h.b; bit<8> y; hdr.e = { x, y, 1, 2 };"
    program = v1model(body, deparser="pkt.emit(hdr.e);")
    frame = bytes.fromhex("07080900")
    assert run(program, None, frame, 0).outputs[0][2].hex() == "00000102"
    assert run(program, None, frame, 0, leftovers=True).outputs[0][2].hex() == "08000102"
    assert run(program, None, frame, 0, leftovers=True).undefined[0]["value"] == 8


UNION = "header a_t { bit<8> x; } header b_t { bit<8> y; } header_union u_t { a_t a; b_t b; }"


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        ("bit<8> t; hdr.h.a = t;", "since it is declared", "bit<8> t;"),
        ("hdr.h.a = hdr.e.a;", "not valid: it is declared so", "out headers hdr"),
        (
            "hdr.e.setValid(); hdr.e.a = 1; hdr.e.setInvalid(); hdr.h.a = hdr.e.a;",
            "it was set invalid",
            "hdr.e.setInvalid()",
        ),
        ("hdr.e.setValid(); hdr.h.a = hdr.e.a; hdr.e.setInvalid();", "set valid, which gives", "hdr.e.setValid()"),
        ("hdr.h.a = hdr.s[hdr.h.d].a;", "beyond the end of the stack", "hdr.s[hdr.h.d]"),
        (
            "hdr.s[0].setValid(); hdr.s[0].a = 1; hdr.s.push_front(1); hdr.h.a = hdr.s[0].a;",
            "pushed or popped",
            "push_front",
        ),
        ("put(hdr.h.a);", "an out parameter has no value", "out bit<8> x"),
        ("pair p; p.y = 1; pair q = p; hdr.h.a = q.x;", "since it is declared", "pair p;"),
        (
            "u_t u; u.b.setValid(); u.b.y = 1; u.a.setValid(); u.a.x = 1; hdr.h.a = u.b.y;",
            "another member",
            "u.a.setValid()",
        ),
        ("if (hdr.h.b == 9) { meta.m = 7; } hdr.h.a = meta.m;", "since it is declared", "inout meta_t meta"),
    ],
)
def test_a_run_tells_where_an_undefined_value_comes_from(body: str, reason: str, text: str) -> None:
    top = f"struct pair {{ bit<8> x; bit<8> y; }} {UNION}"
    program = v1model(body, top=top, locals="action put(out bit<8> x) { x = x + 1; }")
    told = next(step for step in run(program, None, PACKET, 0).undefined if "origin" in step)
    assert reason in told["origin"]["reason"]
    where = told["origin"]["where"]
    line = v1model_text(body, top=top, locals="action put(out bit<8> x) { x = x + 1; }").splitlines()[where["line"] - 1]
    assert text in line


def test_what_is_copied_whole_is_told_where_a_part_is_read() -> None:
    """Passing a struct on reads nothing; the part that is read later is told there, and once."""
    program = v1model("pair p; p.x = 1; pair q = p; hdr.h.b = q.x;", top="struct pair { bit<8> x; bit<8> y; }")
    assert run(program, None, PACKET, 0).undefined == []


def test_a_field_that_is_sent_undefined_is_told_at_the_emit() -> None:
    program = v1model("hdr.e.setValid(); hdr.e.a = 1; hdr.e.b = 2; hdr.e.c = 3;")
    (told,) = run(program, None, PACKET, 0).undefined
    assert "set valid" in told["origin"]["reason"]
