"""Action profiles and selectors: members, groups, what the selector's key decides, with and without rules."""

import pytest

from p4verify.proofs.engine import Model
from p4verify.realise import CannotRealise, describe, realise
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning import lookup
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import v1model

ACTIONS = "action set(bit<8> x) { hdr.h.d = x; } action none() { }"


def selected(
    keys: str = "hdr.h.a : exact; hdr.h.b : selector;", algorithm: str = "identity", more: str = ""
) -> ir.Program:
    table = f"""{ACTIONS} action_selector(HashAlgorithm.{algorithm}, 16, 16) sel;
        table t {{ key = {{ {keys} }} actions = {{ set; none; }} implementation = sel;
            default_action = none(); {more} }}"""
    return v1model("t.apply();", locals=table)


def group(*values: int) -> str:
    lines = [f"act_prof_create_member sel set {value}" for value in values]
    lines.append("act_prof_create_group sel")
    return "\n".join([*lines, *(f"act_prof_add_member_to_group sel {i} 0" for i in range(len(values)))]) + "\n"


def last(program: ir.Program, text: str, packet: str) -> int:
    """The fourth byte that comes out; the behaviour under every rule set and that under these must say the same."""
    frame = bytes.fromhex(packet)
    rules = read_rules(text, "r", program)
    known = answers(program, rules)
    outputs = run(program, rules, frame, 0).outputs
    for behaviour in (meaning(program, rules), meaning(program)):
        seen = evaluate_behaviour(behaviour, frame, 0, functions=known.functions, inputs=known.inputs, default=0)
        assert seen.outputs == outputs
    return outputs[0][2][3]


@pytest.mark.parametrize("kind", ["exact", "ternary", "lpm"])
def test_a_group_answers_by_the_selectors_key_alone(kind: str) -> None:
    program = selected(f"hdr.h.a : {kind}; hdr.h.b : selector;")
    match = {"exact": "5", "ternary": "5&&&255", "lpm": "5/8"}[kind]
    priority = "1" if kind == "ternary" else ""
    text = group(10, 20, 30) + f"table_indirect_add_with_group t {match} => 0 {priority}"
    assert [last(program, text, f"05{key:02x}0000") for key in range(4)] == [10, 20, 30, 10]  # identity, modulo 3
    assert last(program, text, "06000000") == 0


def test_the_algorithm_decides_on_numbers() -> None:
    text = group(10, 20) + "table_indirect_add_with_group t 5 => 0"
    by_crc = [last(selected(algorithm="crc32"), text, f"05{key:02x}0000") for key in range(16)]
    assert set(by_crc) == {10, 20}
    assert by_crc != [10, 20] * 8


def test_keys_of_several_fields() -> None:
    program = selected("hdr.h.b : selector; hdr.h.a : exact; hdr.h.c : selector;")
    text = group(10, 20, 30) + "table_indirect_add_with_group t 5 => 0"
    assert last(program, text, "05010100") == [10, 20, 30][0x0101 % 3]


def test_a_member_and_a_default_group() -> None:
    program = selected()
    text = group(10, 20) + "table_indirect_add t 5 => 1\ntable_indirect_set_default_with_group t 0"
    assert [last(program, text, p) for p in ("05000000", "06000000", "06010000")] == [20, 10, 20]


def test_a_table_with_a_selectors_key_alone_has_only_its_default() -> None:
    program = selected("hdr.h.b : selector;")
    text = group(10, 20) + "table_indirect_set_default_with_group t 0"
    assert [last(program, text, p) for p in ("05000000", "05010000")] == [10, 20]
    assert last(program, "", "05000000") == 0


def test_an_empty_group_is_open() -> None:
    program = selected()
    rules = read_rules(group() + "table_indirect_add_with_group t 5 => 0", "r", program)
    with pytest.raises(Unsupported, match=r"group 0 of action selector .* is empty"):
        run(program, rules, bytes.fromhex("05000000"), 0)


def test_which_member_answers_is_an_unknown_function() -> None:
    program = selected()
    rules = read_rules(group(10, 20) + "table_indirect_add_with_group t 5 => 0", "r", program)
    behaviour = meaning(program, rules)
    (asked,) = {t.name for case in behaviour.cases for t in b.applications(*case.terms())}
    assert asked == "select.I.sel.0.8"
    for index, value in enumerate((10, 20)):
        functions = {asked: lambda _key, index=index: index}
        seen = evaluate_behaviour(behaviour, bytes.fromhex("05070000"), 0, functions=functions, default=0)
        assert seen.outputs[0][2][3] == value
    assert [axiom.op for axiom in behaviour.axioms] == ["ult"]


def test_applied_twice_the_same_key_meets_the_same_member() -> None:
    table = f"""{ACTIONS} action_selector(HashAlgorithm.crc16, 16, 16) sel; table t {{ actions = {{ set; none; }}
        key = {{ hdr.h.a : exact; hdr.h.b : selector; }} implementation = sel; }}"""
    body = """hdr.h.d = 0; t.apply(); hdr.h.c = hdr.h.d; hdr.h.d = 0; t.apply();
        if (hdr.h.c != hdr.h.d) { mark_to_drop(sm); }"""
    program = v1model(body, locals=table)
    rules = read_rules(group(10, 20) + "table_indirect_add_with_group t 5 => 0", "r", program)
    for behaviour in (meaning(program), meaning(program, rules)):
        parsed = [output for case in behaviour.cases for output in case.outputs if output.packet.payload >= 4]
        assert parsed
        assert all(output.when is b.TRUE for output in parsed)


def test_without_rules_entries_and_defaults_are_functions_of_the_selectors_key() -> None:
    behaviour = meaning(selected())
    asked = {t.name: t for case in behaviour.cases for t in b.applications(*case.terms())}
    widths = {name: [arg.width for arg in t.args] for name, t in asked.items()}
    assert widths["table.I.t.hit"] == [8]
    assert widths["table.I.t.action"] == [16]
    assert widths["table.I.t.arg.set.x"] == [16]
    assert widths["table.I.t.default.action"] == [8]


def _model(functions: dict[str, dict[tuple[int, ...], int]]) -> Model:
    return Model(functions={name: dict(table) for name, table in functions.items()})


def test_a_model_is_realised_by_members() -> None:
    program = selected()
    key, whole = b.bv(5, 8), b.bv(0x0507, 16)
    terms = [lookup.hit("I.t", key), lookup.action("I.t", whole)]
    answer = {"table.I.t.action": {(0x0507,): 0}, "table.I.t.arg.set.x": {(0x0507,): 9}}
    model = _model({"table.I.t.hit": {(5,): 1}, **answer})
    made = realise(program, terms, model)
    assert describe(made, program) == ("act_prof_create_member I.sel I.set 0x9", "table_indirect_add I.t 0x5 => 0")
    assert read_rules("\n".join(describe(made, program)), "r", program).of("I.t")[0].action == made.of("I.t")[0].action
    with pytest.raises(CannotRealise, match="several keys of its selector"):
        realise(program, [*terms, lookup.action("I.t", b.bv(0x0508, 16))], model)
