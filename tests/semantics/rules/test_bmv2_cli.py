"""Commands of BMv2's CLI."""

import pytest

from p4verify.semantics import ir
from p4verify.semantics.rules.bmv2_cli import read_cli
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Range, Ternary
from p4verify.semantics.source import InputError


def test_every_kind_of_key(program: ir.Program) -> None:
    rules = read_cli(
        """# a comment
        table_add exact_t set 1 0x02 => 255 0xf
        table_add I.lpm_t drop 10.0/8 5 =>
        """.replace("10.0/8", "0x0a00/8")
        + "table_add tern_t drop 1&&&3 0x10->0x20 0&&&0 => 7  # the last is the priority\n"
        + "table_set_default exact_t set 1 2\n",
        "c",
        program,
    )
    assert rules.of("I.exact_t")[0].matches == (Exact(1), Exact(2))
    assert rules.of("I.exact_t")[0].action == ActionCall("set", (255, 15))
    assert rules.of("I.lpm_t")[0].matches == (Lpm(0x0A00, 8), Exact(5))
    assert rules.of("I.tern_t")[0].matches == (Ternary(1, 3), Range(16, 32), Ternary(0, 0))
    assert rules.of("I.tern_t")[0].priority == 7
    assert rules.defaults == {"I.exact_t": ActionCall("set", (1, 2))}


def test_the_smallest_priority_wins(program: ir.Program) -> None:
    text = "table_add tern_t drop 1&&&3 0->1 0&&&0 => 20\ntable_add tern_t drop 2&&&3 0->1 0&&&0 => 10"
    assert [r.priority for r in read_cli(text, "c", program).of("I.tern_t")] == [10, 20]


def test_entries_of_the_source_have_priorities_from_one(program: ir.Program) -> None:
    text = "table_add some_t drop 7&&&7 => 2\ntable_add some_t drop 6&&&7 => 0"
    order = [r.matches[0] for r in read_cli(text, "c", program).of("I.some_t")]
    assert order == [Ternary(6, 7), Ternary(1, 3), Ternary(0, 1), Ternary(7, 7), Ternary(0, 0)]


def test_clearing_and_resetting(program: ir.Program) -> None:
    rules = read_cli("table_clear some_t\ntable_set_default some_t set 1 2\ntable_reset_default some_t", "c", program)
    assert rules.of("I.some_t") == ()
    assert rules.defaults == {}


def test_value_sets(program: ir.Program) -> None:
    rules = read_cli("pvs_add kinds 0x11\npvs_add P.kinds 3", "c", program)
    assert list(rules.value_sets.values()) == [((Exact(0x11),), (Exact(3),))]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("frobnicate", 1, "not understood"),
        ("table_add", 1, "a table is missing"),
        ("table_add nope drop 1 =>", 11, "no table nope"),
        ("table_add exact_t", 1, "an action is missing"),
        ("table_add exact_t mac 1 2 =>", 19, "no action"),
        ("table_add exact_t drop 1 =>", 26, "key bee is missing"),
        ("table_add exact_t drop 1 2", 1, "=> is missing"),
        ("table_add exact_t drop 1 2 3 =>", 28, "expected =>"),
        ("table_add exact_t drop 1 x =>", 26, "no number"),
        ("table_add exact_t drop 1 256 =>", 26, "does not fit the 8 bits"),
        ("table_add exact_t set 1 2 => 1", 30, "takes 2 arguments, not 1"),
        ("table_add exact_t set 1 2 => 1 16", 32, "does not fit the 4 bits"),
        ("table_add exact_t drop 1 2 => 5", 31, "take no priority"),
        ("table_add tern_t drop 1&&&3 0->1 0&&&0 =>", 1, "needs a priority"),
        ("table_add tern_t drop 1 0->1 0&&&0 => 1", 23, "write value&&&mask"),
        ("table_add tern_t drop 1&&&3 1 0&&&0 => 1", 29, "write low->high"),
        ("table_add tern_t drop 1&&&3 5->1 0&&&0 => 1", 29, "is empty"),
        ("table_add tern_t drop 1&&&3 0->1 1&&&1 => 1", 34, "is optional"),
        ("table_add tern_t mac 1&&&3 0->1 0&&&0 => 1 1 1", 18, "for the default only"),
        ("table_add lpm_t drop 5 5 =>", 22, "write value/length"),
        ("table_add lpm_t drop 5/17 5 =>", 22, "a prefix of 17 bits"),
        ("table_add const_t drop 5 =>", 1, "constant"),
        ("table_add none_t drop =>", 1, "no keys"),
        ("table_set_default const_t drop", 1, "constant"),
        ("table_set_default tern_t NoAction", 26, "for entries only"),
        ("table_clear const_t", 1, "constant"),
        ("pvs_add kinds 256", 15, "does not fit"),
        ("pvs_add other 1", 9, "no value set"),
    ],
)
def test_what_does_not_fit(program: ir.Program, text: str, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cli("\n" + text, "c.txt", program)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) == ("c.txt", 2, column)
    assert message in diagnostic.message
