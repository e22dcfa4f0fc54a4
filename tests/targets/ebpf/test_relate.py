"""The laws of the fill-up, proven for many tables and refuted for broken fill-ups; decisions against the naive rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify import targets
from p4verify.checks import Checker
from p4verify.proofs.solvers.z3_engine import solve
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, RuleSet
from p4verify.targets.base import Obligation
from p4verify.targets.ebpf import decisions, fillup, relate, relate_laws
from p4verify.targets.ebpf.artifact import BpfObject, MapDef
from p4verify.targets.ebpf.artifact.insn import ST
from p4verify.targets.ebpf.layout import TableLayout
from p4verify.targets.ebpf.lower import lower
from tests.support.mutants import ebpf_mutants
from tests.targets.ebpf.programs import one_table, rule, table

TABLES = [
    ((8, "exact"),),
    ((1, "exact"),),
    ((12, "exact"), (48, "exact"), (3, "exact")),
    ((128, "exact"), (65, "exact")),
    ((32, "lpm"),),
    ((12, "lpm"),),
    ((9, "lpm"), (7, "exact")),
    ((3, "exact"), (20, "lpm"), (16, "exact")),
    ((48, "lpm"), (128, "exact")),
]


def laws(layout: TableLayout) -> list[Obligation]:
    assert layout.entries is not None
    return [
        law
        for part in (relate_laws.key_laws, relate_laws.match_laws, relate_laws.value_laws)
        for law in part(layout, layout.entries)
    ]


def holds(law: Obligation) -> bool:
    if law.condition.is_const:
        return bool(law.condition.value)
    status = solve([b.not_(law.condition)], timeout_s=60).status
    assert status in ("sat", "unsat")
    return status == "unsat"


@pytest.mark.parametrize("keys", TABLES, ids=str)
def test_the_laws_hold(keys: tuple[tuple[int, str], ...]) -> None:
    found = laws(table(*keys))
    assert len(found) == (5 if any(kind == "lpm" for _, kind in keys) else 3)
    assert [law.name for law in found if not holds(law)] == []


def test_a_fill_up_that_forgets_the_exact_bytes_in_the_prefix_length_is_refuted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = fillup.key_bytes

    def forgets(layout: TableLayout, values: list[Term | None], prefix: Term | None = None) -> Term:
        wrong = None if prefix is None else b.sub(prefix, b.bv(8, 32))
        return honest(layout, values, wrong)

    monkeypatch.setattr(relate_laws, "key_bytes", forgets)
    assert not all(holds(law) for law in laws(table((32, "lpm"), (8, "exact"))))


def test_an_lpm_key_in_host_order_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fillup.key_bytes

    def swapped(layout: TableLayout, values: list[Term | None], prefix: Term | None = None) -> Term:
        return honest(layout, [None if v is None else fillup.host_order(v) for v in values], prefix)

    monkeypatch.setattr(relate_laws, "key_bytes", swapped)
    assert not all(holds(law) for law in laws(table((32, "lpm"))))


def test_keys_that_share_bytes_are_refuted() -> None:
    layout = table((16, "exact"), (8, "exact"))
    squeezed = replace(layout, keys=(layout.keys[0], replace(layout.keys[1], offset=1)))
    assert not all(holds(law) for law in laws(squeezed))


def test_arguments_read_from_the_wrong_place_are_refuted() -> None:
    layout = table((8, "exact"))
    first = layout.actions[0]
    moved = replace(first, args=(replace(first.args[0], offset=first.args[1].offset - 1), *first.args[1:]))
    assert not all(holds(law) for law in laws(replace(layout, actions=(moved, *layout.actions[1:]))))


def test_a_map_of_another_shape_stays_unrelated() -> None:
    source = one_table((8, "exact"))
    made = lower(source, None, {})
    assert "map.filt_t.found" in relate.relate(source, made, None).functions
    foreign = replace(made, maps=tuple(replace(item, value_size=item.value_size + 1) for item in made.maps))
    assert relate.relate(source, foreign, None).functions == {}


def test_bytes_that_are_no_key_are_not_in_a_hash_map() -> None:
    source = one_table((12, "exact"))
    related = relate.relate(source, lower(source, None, {}), None)
    found = related.functions["map.filt_t.found"]
    assert found(b.bv(0x1000, 16)) is b.FALSE
    assert found(b.bv(0x0FFF, 16)).name == "table.filt.t.hit"


def test_a_trie_asked_for_less_than_the_key_answers_anything_where_a_rule_matches() -> None:
    source = one_table((32, "lpm"))
    related = relate.relate(source, lower(source, None, {}), None)
    whole, less = (b.bv(int.from_bytes(n.to_bytes(4, "little"), "big") << 32, 64) for n in (32, 31))
    assert related.functions["map.filt_t.found"](whole).name == "table.filt.t.hit"
    found = related.functions["map.filt_t.found"](less)
    assert found.op == "and"
    assert {part.name for part in found.args} == {"map.filt_t.other.found", "table.filt.t.hit"}


def test_it_answers_with_the_longest_entry_that_is_no_longer_under_given_rules() -> None:
    source = one_table((32, "lpm"))
    rules = RuleSet(
        {"filt.t": (rule(Lpm(0x0A010000, 16)), rule(Lpm(0x0A000000, 8), call=ActionCall("yes", (5, 1, 7))))}
    )
    related = relate.relate(source, lower(source, None, {}), rules)
    for asked, wanted in ((7, None), (8, 8), (15, 8), (16, 16), (24, 16), (32, 16)):
        key = b.bv(int.from_bytes(asked.to_bytes(4, "little") + bytes((10, 1, 2, 3)), "big"), 64)
        assert related.functions["map.filt_t.found"](key) is b.boolean(wanted is not None), asked
        if wanted is not None:
            whole = b.bv(int.from_bytes((32).to_bytes(4, "little") + bytes((10, wanted // 16, 2, 3)), "big"), 64)
            value = related.functions["map.filt_t.value"]
            assert value(key) is value(whole), asked


# --- given rules ----------------------------------------------------------------------------------------------------


def _asked(function: Callable[[Term], tuple[Term, Term]], key: bytes) -> bytes | None:
    found, value = function(b.bv(int.from_bytes(key, "big"), 8 * len(key)))
    return fillup.term_bytes(value) if found is b.TRUE else None


HASH = MapDef("m", "hash", 2, 3, 100)
TRIE = MapDef("m", "lpm_trie", 6, 3, 100)
CONTENT = st.binary(min_size=3, max_size=3)


@given(st.lists(st.tuples(st.binary(min_size=2, max_size=2), CONTENT), max_size=40), st.binary(min_size=2, max_size=2))
def test_a_hash_map_holds_what_was_written_last(entries: list[tuple[bytes, bytes]], other: bytes) -> None:
    decide = decisions.hash_decision(HASH, entries)
    for key in [other, *(key for key, _ in entries)]:
        assert _asked(decide, key) == dict(entries).get(key)


@given(st.lists(st.tuples(st.integers(0, 16), st.integers(0, 2**16 - 1), CONTENT), max_size=40), st.data())
def test_a_trie_answers_with_the_longest_prefix(rules: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    entries = [(length.to_bytes(4, "little") + value.to_bytes(2, "big"), content) for length, value, content in rules]
    decide = decisions.trie_decision(TRIE, entries)
    near = [v ^ d for _, v, _ in rules for d in (0, 1, 128)] or [0]
    for asked in data.draw(st.lists(st.sampled_from(near) | st.integers(0, 2**16 - 1), min_size=1, max_size=10)):
        matching = [r for r in rules if asked >> 16 - r[0] == r[1] >> 16 - r[0]]
        longest = max((r[0] for r in matching), default=None)
        want = None if longest is None else [r[2] for r in matching if r[0] == longest][-1]
        assert _asked(decide, (16).to_bytes(4, "little") + asked.to_bytes(2, "big")) == want


def test_decisions_over_many_rules_stay_shallow() -> None:
    entries = [(n.to_bytes(2, "big"), n.to_bytes(3, "big")) for n in range(0, 60000, 20)]
    found, _ = decisions.hash_decision(HASH, entries)(b.var("k", 16))
    depth: dict[Term, int] = {}
    for term in b.postorder([found]):
        depth[term] = 1 + max((depth[arg] for arg in term.args), default=0)
    assert depth[found] < 60


def test_rules_decide_lookups_and_defaults() -> None:
    source = one_table((8, "exact"), (16, "lpm"))
    rules = RuleSet(
        {"filt.t": (rule(Exact(1), Lpm(0xAA00, 8)), rule(Exact(1), Lpm(0, 0), call=ActionCall("yes", (5, 1, 7))))},
        {"filt.t": ActionCall("NoAction")},
    )
    related = relate.relate(source, lower(source, rules, {}), rules)
    layout = table((8, "exact"), (16, "lpm"))
    found, value = (related.functions[f"map.filt_t.{what}"] for what in ("found", "value"))
    for first, second, want in ((1, 0xAAFF, "no"), (1, 0xABFF, "yes"), (2, 0xAAFF, None)):
        key = fillup.key_bytes(layout, [b.bv(first, 8), b.bv(second, 16)])
        assert found(key) is b.boolean(want is not None)
        if want is not None:
            assert fillup.term_bytes(value(key))[0] == layout.action_named(want).number
    assert fillup.term_bytes(related.functions["map.filt_t_default.value"](b.bv(0, 32)))[0] == 3


def test_cells_are_read_in_host_order() -> None:
    text = """
    #include <core.p4>
    #include <ebpf_model.p4>
    struct headers {}
    parser prs(packet_in p, out headers hdr) { state start { transition accept; } }
    control filt(inout headers hdr, out bool ok) {
        CounterArray(9, false) seen;
        apply { ok = true; seen.increment(3); }
    }
    ebpfFilter(prs(), filt()) main;
    """
    source = load_text(text, "t.p4").program
    made = lower(source, None, {})
    assert (made.map("filt_seen_cells").value_size, made.map("filt_seen_cells").max_entries) == (4, 10)
    (state,) = relate.relate(source, made, None).states
    assert (state.program, state.machine, state.cell_bits) == ("filt.seen", "map.filt_seen_cells", 32)
    assert state.index(b.bv(1, 32)) is b.bv(0x01000000, 32)
    assert state.value(b.bv(0x01020304, 32)) is b.bv(0x04030201, 32)


def test_a_trie_that_is_asked_for_the_wrong_number_of_bits_is_told_apart() -> None:
    """What such a lookup finds is nobody's to say while rules are unknown; there are rules that show it."""
    source, target = one_table((32, "lpm")), targets.find("ebpf")
    lowered = lower(source, None, {})
    changed = [
        m for m in ebpf_mutants(lowered) if m.what.startswith("map key") and _writes_the_length(lowered, m.where)
    ]
    assert {m.what for m in changed} >= {"map key: left out", "map key: constant", "map key: offset"}
    for mutant in changed:
        proof = Checker(source, None, timeout=20).check_artifact(target, mutant.artifact, None).proof
        assert proof.verdict.value == "reject", (mutant.what, proof.reason)


def _writes_the_length(lowered: BpfObject, where: str) -> bool:
    insn = lowered.programs[0].insns[int(where.rpartition(" ")[2])]
    return insn.imm == 32 and insn.cls == ST
