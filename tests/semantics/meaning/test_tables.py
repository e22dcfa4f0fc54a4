"""Tables: what answers are legal without rules, which entry wins with them, what actions see."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.rules.decide import first
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Range, Rule, RuleSet, Ternary
from tests.support.p4_text import out, v1model

ACTIONS = "action set(bit<8> x) { hdr.h.d = x; } action none() { } action only() { hdr.h.d = 0xee; }"


def table(kind: str = "exact", more: str = "", actions: str = "set; none;", key: str = "hdr.h.a") -> str:
    return f"{ACTIONS} table t {{ key = {{ {key} : {kind}; }} actions = {{ {actions} }} {more} }}"


def rules(*entries: Rule, default: ActionCall | None = None) -> RuleSet:
    return RuleSet({"I.t": entries}, {"I.t": default} if default else {})


def entry(match: Exact | Lpm | Ternary | Range, value: int) -> Rule:
    return Rule("I.t", (match,), ActionCall("set", (value,)))


def last(program: object, given: RuleSet | None, packet: str) -> int:
    result = run(program, given, bytes.fromhex(packet), 0)  # type: ignore[arg-type]
    whole = evaluate_behaviour(meaning(program, given), bytes.fromhex(packet), 0, **vars_of(program, given))  # type: ignore[arg-type]
    assert whole.outputs == result.outputs
    return result.outputs[0][2][3]


def vars_of(program: object, given: RuleSet | None) -> dict[str, object]:
    made = answers(program, given)  # type: ignore[arg-type]
    return {"functions": made.functions, "inputs": made.inputs, "default": 0}


@pytest.mark.parametrize(
    ("kind", "entries", "wanted"),
    [
        ("exact", [(Exact(5), 1), (Exact(6), 2)], {5: 1, 6: 2, 7: 0}),
        ("ternary", [(Ternary(4, 6), 1), (Ternary(4, 4), 2), (Ternary(0, 0), 3)], {4: 1, 5: 1, 6: 2, 0: 3}),
        ("lpm", [(Lpm(0x50, 8), 1), (Lpm(0x50, 4), 2), (Lpm(0, 0), 3)], {0x50: 1, 0x51: 2, 0x61: 3}),
        ("range", [(Range(5, 9), 1), (Range(0, 20), 2)], {5: 1, 9: 1, 10: 2, 20: 2, 21: 0}),
        ("optional", [(Ternary(5, 255), 1), (Ternary(0, 0), 2)], {5: 1, 6: 2}),
    ],
)
def test_the_first_entry_wins(kind: str, entries: list[tuple[object, int]], wanted: dict[int, int]) -> None:
    program = v1model("t.apply();", locals=table(kind))
    given = rules(*(entry(match, value) for match, value in entries))  # type: ignore[arg-type]
    for key, value in wanted.items():
        assert last(program, given, f"{key:02x}000000") == value


def test_without_rules_any_legal_answer_is_possible() -> None:
    program = v1model("t.apply();", locals=table())
    behaviour = meaning(program)
    given = rules(entry(Exact(5), 9), default=ActionCall("set", (7,)))
    made = answers(program, given)
    for key, value in ((5, 9), (6, 7)):
        packet = bytes([key, 0, 0, 0])
        sent = evaluate_behaviour(behaviour, packet, 0, functions=made.functions, inputs=made.inputs, default=0)
        assert sent.outputs[0][2][3] == value


def axioms_hold(program: object, action: int, hit: int, default: int) -> bool:
    behaviour = meaning(program)  # type: ignore[arg-type]
    functions = {"table.I.t.hit": lambda *k: hit, "table.I.t.action": lambda *k: action}
    inputs = {"table.I.t.default.action": default, "pkt[0]": 0}
    return all(b.evaluate([a], inputs, functions, default=0) == [1] for a in behaviour.axioms)


def test_actions_for_the_default_only_are_no_answer() -> None:
    program = v1model("t.apply();", locals=table(actions="set; none; @defaultonly only;"))
    assert axioms_hold(program, action=0, hit=1, default=2)
    assert not axioms_hold(program, action=2, hit=1, default=2)
    assert not axioms_hold(program, action=7, hit=1, default=2)
    assert axioms_hold(program, action=7, hit=0, default=2)


def test_actions_for_entries_only_are_no_default() -> None:
    program = v1model(
        "t.apply();", locals=table(actions="set; none; @tableonly only;", more="default_action = none();")
    )
    assert axioms_hold(program, action=2, hit=1, default=1)
    assert not axioms_hold(program, action=2, hit=1, default=2)


def test_a_constant_default_is_decided() -> None:
    program = v1model("t.apply();", locals=table(more="const default_action = set(0x42);"))
    behaviour = meaning(program)
    names = {t.name for c in behaviour.cases for o in c.outputs for t in b.variables(o.when, *o.packet.prefix)}
    assert not any("default" in name for name in names)
    assert last(program, rules(), "01000000") == 0x42


def test_constant_entries_are_decided_without_rules() -> None:
    more = "const entries = { 5: set(1); 6: set(2); } const default_action = set(3);"
    program = v1model("t.apply();", locals=table(more=more))
    behaviour = meaning(program)
    assert not [t for c in behaviour.cases for o in c.outputs for t in b.applications(o.when, *o.packet.prefix)]
    assert [out(program, f"{k:02x}000000")[6:] for k in (5, 6, 7)] == ["01", "02", "03"]


def test_entries_that_are_not_constant_may_have_gone() -> None:
    program = v1model("t.apply();", locals=table(more="entries = { 5: set(1); }"))
    behaviour = meaning(program)
    assert [t for c in behaviour.cases for o in c.outputs for t in b.applications(*o.packet.prefix)]
    assert last(program, None, "05000000") == 1


def test_the_same_key_gets_the_same_answer() -> None:
    """A table applied twice asks one function; congruence does the rest."""
    body = "t.apply(); bit<8> first = hdr.h.d; t.apply(); hdr.h.c = first == hdr.h.d ? 8w1 : 0;"
    behaviour = meaning(v1model(body, locals=table()))
    case = next(c for c in behaviour.cases if c.outputs and len(c.outputs[0].packet.prefix) == 4)
    assert case.outputs[0].packet.prefix[2].is_const or b.applications(case.outputs[0].packet.prefix[2])
    asked = {t.payload for c in behaviour.cases for o in c.outputs for t in b.applications(*o.packet.prefix)}
    assert asked <= {"table.I.t.hit", "table.I.t.action", "table.I.t.arg.set.x"}


def test_hit_and_miss() -> None:
    program = v1model("if (t.apply().hit) { hdr.h.b = 1; } if (t.apply().miss) { hdr.h.c = 1; }", locals=table())
    assert run(program, rules(entry(Exact(5), 9)), bytes([5, 0, 0, 0]), 0).outputs[0][2].hex() == "05010009"
    assert run(program, rules(entry(Exact(5), 9)), bytes([6, 0, 0, 0]), 0).outputs[0][2].hex() == "06000100"


def test_switch_on_the_action_that_ran_not_on_the_hit() -> None:
    body = "switch (t.apply().action_run) { set: { hdr.h.b = 1; } none: { hdr.h.b = 2; } default: { hdr.h.b = 3; } }"
    program = v1model(body, locals=table(actions="set; none; only;", more="default_action = none();"))
    hit_none = Rule("I.t", (Exact(7),), ActionCall("none"))
    hit_only = Rule("I.t", (Exact(8),), ActionCall("only"))
    given = rules(entry(Exact(5), 9), hit_none, hit_only)
    for key, second in ((5, 1), (6, 2), (7, 2), (8, 3)):
        assert run(program, given, bytes([key, 0, 0, 0]), 0).outputs[0][2][1] == second


def test_a_table_without_keys_always_misses() -> None:
    program = v1model(
        "if (!u.apply().hit) { hdr.h.b = 1; }",
        locals=f"{ACTIONS} table u {{ actions = {{ set; none; }} default_action = set(3); }}",
    )
    assert out(program, "00000000") == "00010003"


def test_directed_arguments_are_evaluated_when_the_action_runs() -> None:
    declared = """action add(inout bit<8> x, in bit<8> y, bit<8> z) { x = x + y + z; }
        table u { key = { hdr.h.a : exact; } actions = { add(hdr.h.b, hdr.h.c); }
            const default_action = add(hdr.h.b, hdr.h.c, 1); }"""
    program = v1model("hdr.h.c = 4; u.apply();", locals=declared)
    assert out(program, "00020000") == "00070400"


def test_keys_are_evaluated_before_the_lookup_left_to_right() -> None:
    top = "bit<8> f(inout bit<8> x) { x = x + 1; return x; }"
    declared = f"""{ACTIONS} table u {{ key = {{ f(hdr.h.a) : exact @name("f"); hdr.h.a : exact; }}
        actions = {{ set; none; }} const default_action = none(); const entries = {{ (6, 6): set(1); }} }}"""
    assert out(v1model("u.apply();", locals=declared, top=top), "05000000") == "06000001"


def test_exit_in_an_action_stops_everything_behind_the_lookup() -> None:
    declared = """action stop() { hdr.h.b = 1; exit; } action go() { }
        table u { key = { hdr.h.a : exact; } actions = { stop; go; }
            const default_action = go(); const entries = { 1: stop(); } }"""
    program = v1model("if (u.apply().hit) { hdr.h.c = 1; } hdr.h.d = 1;", locals=declared)
    assert out(program, "01000000") == "01010000"
    assert out(program, "02000000") == "02000001"


@pytest.mark.long
def test_many_entries_make_shallow_terms() -> None:
    program = v1model("t.apply();", locals=table("ternary", key='hdr.h.a ++ hdr.h.b : ternary @name("k"); hdr.h.c'))
    call = [ActionCall("set", (i & 0xFF,)) for i in range(2000)]
    given = rules(*(Rule("I.t", (Ternary(i, 0xFFFF), Ternary(0, 0)), call[i]) for i in range(2000)))
    behaviour = meaning(program, given)
    sent = evaluate_behaviour(behaviour, bytes([1, 5, 0, 0]), 0, default=0).outputs
    assert sent[0][2][3] == 5


def test_lookups_agree_with_the_first_match_on_every_key() -> None:
    """All 256 keys, among overlapping entries with two actions."""
    program = v1model("t.apply();", locals=table("ternary", actions="set; only; none;"))
    entries = [
        Rule("I.t", (Ternary(i * 37 & m, m),), ActionCall("set", (i,)) if i % 3 else ActionCall("only"))
        for i, m in enumerate([0xF0, 0x0F, 0xC3, 0x81, 0xFF, 0x18, 0x03, 0x80])
    ]
    behaviour = meaning(program, rules(*entries, default=ActionCall("none")))
    for key in range(256):
        at = first(entries, [(key, 8)])
        wanted = 0x55 if at is None else entries[at].action.args[0] if at % 3 else 0xEE
        sent = evaluate_behaviour(behaviour, bytes([key, 0, 0, 0x55]), 0, default=0).outputs
        assert sent[0][2][3] == wanted
