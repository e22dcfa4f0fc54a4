"""Entries made for derived tables against what the proof takes these tables to answer, on random rules and keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.mapping import read_map
from p4verify.pairing import Pairing, pair_programs
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.build import match_keys
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from p4verify.semantics.rules.values import key_bits
from tests.cli.test_pair_derived import PARTS, PROGRAM, SPLIT_AS_SAID, WHOLE

WIDTH = 8
CASES = {
    "split": (WHOLE, PARTS, SPLIT_AS_SAID, "exact"),
    "exact": (PARTS, WHOLE, "", "exact"),
    "lpm": (PARTS, WHOLE, "", "lpm"),
    "ternary": (PARTS, WHOLE, "", "ternary"),
    "range": (PARTS, WHOLE, "", "range"),
    "keys of their own": (
        PARTS.replace("s.h.a : exact", "s.h.b : exact", 1),
        WHOLE.replace("exact;", "ternary; s.h.b : ternary;"), "", "",
    ),
    "all": (
        PARTS.replace("s.h.a : exact", "s.h.b : lpm", 1), WHOLE.replace("exact;", "exact; s.h.b : lpm;"),
        '[[derived]]\ntable = "c.t"\nfrom = ["c.t_m", "c.t_n"]\nentries = "all"\n', "",
    ),
}  # fmt: skip


@cache
def pairing(case: str) -> Pairing:
    first, second, said, kind = CASES[case]
    with TemporaryDirectory() as where:
        programs = []
        for name, body in (("a.p4", first), ("b.p4", second)):
            path = Path(where, name)
            body = body.replace("default_action", "const default_action") if case == "split" else body
            path.write_text(PROGRAM.format(body=body.replace("exact", kind) if kind else body))
            programs.append(load_program(str(path)))
    return pair_programs(programs[0], programs[1], read_map(said.encode(), "map.toml"))


def match(draw: st.DrawFn, kind: str) -> Match:
    value = draw(st.integers(0, 7)) * 0x24 & 0xFF
    match kind:
        case "exact":
            return Exact(value)
        case "lpm":
            length = draw(st.integers(0, WIDTH))
            return Lpm(value >> (WIDTH - length) << (WIDTH - length), length)
        case "range":
            return Range(value, draw(st.integers(value, 0xFF)))
    mask = draw(st.sampled_from((0, 0xF0, 0x0F, 0xFF)))
    return Ternary(value & mask, mask)


@st.composite
def rule_sets(draw: st.DrawFn, case: str) -> RuleSet:
    found: dict[str, tuple[Rule, ...]] = {}
    defaults: dict[str, ActionCall] = {}
    for control, one in pairing(case).first.tables():
        arity = {a.name: len(a.params) for a in control.actions}

        def call() -> ActionCall:
            name = draw(st.sampled_from([ref.action for ref in one.actions]))  # noqa: B023
            return ActionCall(name, tuple(draw(st.integers(0, 255)) for _ in range(arity[name])))  # noqa: B023

        rules = {}
        for _ in range(draw(st.integers(0, 4))):
            matches = tuple(match(draw, key.match_kind) for key in match_keys(one))
            rules[matches] = Rule(one.control_name, matches, call())
        ordered = sorted(rules.values(), key=lambda r: -sum(m.prefix_len for m in r.matches if isinstance(m, Lpm)))
        found[one.control_name] = tuple(ordered)
        if not one.const_default:
            defaults[one.control_name] = call()
    return RuleSet(found, defaults)


@pytest.mark.parametrize("case", CASES)
def test_entries_answer_as_the_proof_takes_it(case: str) -> None:
    pair = pairing(case)
    derived = pair.derived
    assert derived, pair.problems

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def law(data: st.DataObject) -> None:
        rules = data.draw(rule_sets(case))
        mine, theirs = answers(pair.first, rules), answers(pair.second, pair.second_rules(rules))
        for one in derived:
            name = one.second.control_name
            width = sum(key_bits(key.expr.type) for key in one.second.keys)
            parts = [data.draw(st.integers(0, 7)) * 0x24 & 0xFF for _ in one.second.keys]
            key = int.from_bytes(bytes(parts), "big")
            functions, variables = pair.words_of(one)
            asked = b.bv(key, width)

            def value(term: b.Term) -> int:
                (found,) = b.evaluate([term], mine.inputs, mine.functions, default=0)
                return int(found)

            hit = value(functions[f"table.{name}.hit"](asked))
            assert hit == theirs.functions[f"table.{name}.hit"](key)
            if hit:
                number = value(functions[f"table.{name}.action"](asked))
                assert number == theirs.functions[f"table.{name}.action"](key)
                action = one.second.actions[number].action
                for given_, function in functions.items():
                    if given_.startswith(f"table.{name}.arg.{action}."):
                        assert value(function(asked)) == theirs.functions[given_](key)
            if not one.second.const_default:
                default = one.second.actions[theirs.inputs[f"table.{name}.default.action"]].action
                for variable, term in variables.items():
                    if variable.name.endswith(".default.action") or f".default.arg.{default}." in variable.name:
                        assert value(term) == theirs.inputs[variable.name]

    law()
