"""Telling the formats apart; numbers; names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.rules.build import program_rules
from p4verify.semantics.rules.names import find_table, param_name, pick
from p4verify.semantics.rules.numbers import number, signed_fit, wildcard
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Rule
from p4verify.semantics.source import NOWHERE, InputError, Span
from tests.support.p4_text import v1model

PLAIN = v1model(
    "t.apply();", locals="""action set(bit<8> x) { } table t { key = { hdr.h.a : exact; } actions = { set; } }"""
)
RULE = Rule("I.t", (Exact(5),), ActionCall("set", (7,)))


@pytest.mark.parametrize(
    "text",
    [
        "# rules\n\ntable_add t set 5 => 7",
        "# rules\nadd t hdr.h.a:5 set(x:7)\npacket 0 00",
        '{"version": 1, "tables": {"t": {"entries": [{"match": {"hdr.h.a": 5}, "action": "set", "args": [7]}]}}}',
        (
            '# proto-message: p4.v1.WriteRequest\nupdates { entity { table_entry { table_id: "t" match { field_id: 1 '
            'exact { value: "\\005" } } action { action { action_id: "set" params { param_id: 1 value: "\\007" } } '
            "} } } }"
        ),
        (
            'device_id: 1 updates { entity { table_entry { table_id: "t" match { field_id: 1 exact '
            '{ value: "\\005" } } action { action { action_id: "set" params { param_id: 1 value: "\\007" } } } } } }'
        ),
    ],
)
def test_the_format_is_told_from_the_content(text: str) -> None:
    (rule,) = read_rules(text, "r", PLAIN).of("I.t")
    assert (rule.table, rule.matches, rule.action) == (RULE.table, RULE.matches, RULE.action)


@pytest.mark.parametrize("text", ["", "  \n# nothing\n"])
def test_no_rules_are_the_sources(text: str) -> None:
    assert read_rules(text, "r", PLAIN) == program_rules(PLAIN)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    files = {"r"}
    try:
        read_rules(text, "r", PLAIN)
    except InputError as refused:
        files = {d.span.file for d in refused.diagnostics}
    assert files == {"r"}


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("12", None, 12), ("0x1F", None, 31), ("0b101", None, 5), ("0o17", None, 15), ("10.1.2.3", 32, 0x0A010203),
        ("00:12:34:56:78:9a", 48, 0x00123456789A), ("1080::8:800:200C:417A", 128, 0x108000000000000000080800200C417A),
        ("true", 1, 1), ("-1", None, -1),
    ],
)  # fmt: skip
def test_numbers(text: str, width: int | None, wanted: int) -> None:
    assert number(text, NOWHERE, width) == wanted


@pytest.mark.parametrize("text", ["", "x", "0x", "1.2.3", "10.1.2.3", "1 2", "0xg", "9" * 5000, "_1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InputError):
        number(text, NOWHERE, 8)


def test_digits_left_open_and_signs() -> None:
    assert wildcard("0x1*F", NOWHERE) == (0x10F, 0xF0F, 12)
    assert wildcard("0b1*", NOWHERE) == (2, 2, 2)
    assert wildcard("7", NOWHERE) == (7, -1, 0)
    assert [signed_fit(v, 8) for v in (-1, -128, -129, 5)] == [255, 128, -129, 5]


def test_names_by_their_last_components(program: ir.Program) -> None:
    assert find_table(program, "exact_t", NOWHERE).control_name == "I.exact_t"
    assert find_table(program, ".I.exact_t", NOWHERE).control_name == "I.exact_t"
    assert find_table(program, "I_exact_t", NOWHERE).control_name == "I.exact_t"
    with pytest.raises(InputError, match=r"ambiguous: a\.t, b\.t"):
        pick(["a.t", "b.t"], lambda name: name, "t", "table", NOWHERE)
    assert pick(["a.t", "t"], lambda name: name, "t", "table", NOWHERE) == "t"


def test_parameters_are_named_as_in_the_source() -> None:
    span = Span("f", 1, 10, 1, 13)
    assert param_name(ir.Param("val_2", ir.bits(8), span=span)) == "val"
    assert param_name(ir.Param("val", ir.bits(8), span=span)) == "val"
    assert param_name(ir.Param("val_2", ir.bits(8))) == "val_2"
