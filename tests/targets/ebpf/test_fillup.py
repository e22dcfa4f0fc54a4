"""How rules become map entries: layouts, bytes, and that the kernel's own maps answer as P4 matches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Rule, RuleSet, Ternary
from p4verify.semantics.source import InputError
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf import fillup, layout
from p4verify.targets.ebpf.artifact import Field
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, unusable
from p4verify.targets.ebpf.target import TARGET
from tests.targets.ebpf.programs import one_table, rule, table, v1_program


def test_exact_keys_are_in_network_order_padded_in_front() -> None:
    item = table((12, "exact"), (48, "exact"), (1, "exact"))
    entries = item.entries
    assert entries is not None
    assert (entries.name, entries.type, entries.key_size, entries.flags) == ("filt_t", "hash", 9, 0)
    assert entries.key_fields == (Field("k0", 0, 2), Field("k1", 2, 6), Field("k2", 8, 1))
    key, _ = fillup.fill_rule(item, rule(Exact(0xABC), Exact(0x010203040506), Exact(1)))
    assert key == bytes.fromhex("0abc 010203040506 01")


def test_the_lpm_key_comes_last_padded_behind_and_the_prefix_counts_the_exact_bytes() -> None:
    item = table((12, "lpm"), (9, "exact"))
    entries = item.entries
    assert entries is not None
    assert (entries.type, entries.key_size, entries.flags) == ("lpm_trie", 8, 1)
    assert entries.key_fields == (Field("prefixlen", 0, 4), Field("k1", 4, 2), Field("k0", 6, 2))
    key, _ = fillup.fill_rule(item, rule(Lpm(0xAB0, 8), Exact(0x1FF)))
    assert key == (16 + 8).to_bytes(4, "little") + bytes.fromhex("01ff ab00")


def test_values_name_the_action_by_its_place_plus_one_and_hold_all_arguments_apart() -> None:
    item = table((8, "exact"))
    assert item.entries is not None
    names = ("action", "yes_narrow", "yes_flag", "yes_wide")
    assert tuple(f.name for f in item.entries.value_fields or ()) == names
    _, value = fillup.fill_rule(item, rule(Exact(1), call=ActionCall("yes", (0xABC, 1, 0x010203040506))))
    assert value == bytes.fromhex("01000000 0abc 01 010203040506")
    _, value = fillup.fill_rule(item, rule(Exact(1)))
    assert value == bytes.fromhex("02000000") + bytes(9)


def test_what_the_control_plane_writes_for_a_rule_set() -> None:
    found = one_table((8, "exact"))
    rules = RuleSet({"filt.t": (rule(Exact(1)), rule(Exact(2), call=ActionCall("NoAction")), rule(Exact(1)))})
    filled = fillup.fill_maps(found, rules)
    assert dict(filled["filt_t"])[b"\x02"] == (3).to_bytes(4, "little") + bytes(9)
    assert filled["filt_t_default"] == [(bytes(4), (2).to_bytes(4, "little") + bytes(9))]
    other = replace(rules, defaults={"filt.t": ActionCall("yes", (1, 0, 2))})
    assert fillup.fill_maps(found, other)["filt_t_default"][0][1][:4] == (1).to_bytes(4, "little")


def test_a_default_that_the_table_does_not_list_is_the_sources() -> None:
    ingress = """action via(bit<9> port) { std.egress_spec = port; }
        table t { key = { hdr.h.a: exact; } actions = { via; } } apply { t.apply(); }"""
    text = v1_program("header h_t { bit<8> a; } struct headers { h_t h; }",
                      "state start { p.extract(hdr.h); transition accept; }", ingress, "p.emit(hdr.h);")  # fmt: skip
    found = load_text(text, "t.p4").program
    rules = RuleSet({"Ing.t": (Rule("Ing.t", (Exact(1),), ActionCall("via", (5,))),)})
    named = replace(rules, defaults={"Ing.t": ActionCall("NoAction")})
    assert fillup.fill_maps(found, named) == fillup.fill_maps(found, rules)


def test_the_first_rule_wins_where_two_have_one_key() -> None:
    rules = RuleSet({"filt.t": (rule(Exact(1), call=ActionCall("NoAction")), rule(Exact(1)))})
    assert dict(fillup.fill_maps(one_table((8, "exact")), rules)["filt_t"])[b"\x01"][0] == 3


@pytest.mark.parametrize(("rest", "size"), [("size = 77;", 77), ("implementation = hash_table(55);", 55), ("", 1024)])
def test_a_map_is_as_large_as_the_table(rest: str, size: int) -> None:
    entries = table((8, "exact"), rest=rest).entries
    assert entries is not None
    assert entries.max_entries == size


def test_const_parts_need_no_map() -> None:
    item = table((8, "exact"), rest="const default_action = no(); const entries = { 1: no(); }")
    assert item.entries is None
    assert item.default is None
    assert item.baked is not None
    assert len(item.baked) == 1


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (((2400, "ternary"),), "4800 look-ups, of at most 4096"),
        (((2000, "exact"), (2048, "lpm")), "256 bytes"),
    ],
)
def test_what_no_map_holds_is_refused_at_the_key(keys: tuple[tuple[int, str], ...], text: str) -> None:
    with pytest.raises(CannotOffload, match=text) as caught:
        table(*keys)
    assert caught.value.span.line


def test_given_rules_are_compiled_in_where_no_map_holds_them() -> None:
    rules = RuleSet({"filt.t": (rule(Ternary(1, 3)),)})
    item = layout.layouts(one_table((8, "ternary")), rules)["filt.t"]
    assert item.entries is None
    assert item.baked == rules.of("filt.t")


def many(count: int) -> RuleSet:
    """So many rules of a table with one ternary key."""
    return RuleSet({"filt.t": tuple(rule(Ternary(i, 0xFFFF)) for i in range(count))})


@pytest.mark.parametrize(
    ("count", "rest", "compiled_in"),
    [
        (64, "", True),
        (65, "", False),
        (65, "size = 64;", True),  # there are no slots for them
        (65, "size = 65;", False),
    ],
)
def test_many_rules_lie_in_slots_if_these_hold_them(count: int, rest: str, compiled_in: bool) -> None:
    program, rules = one_table((16, "ternary"), rest=f"default_action = no(); {rest}"), many(count)
    item = layout.layouts(program, rules)["filt.t"]
    assert (item.baked == rules.of("filt.t"), item.slots is None) == (compiled_in, compiled_in)
    # Of an artifact that is there its maps tell.
    assert layout.layouts(program, rules, ())["filt.t"].baked == rules.of("filt.t")
    assert layout.layouts(program, many(1), {"filt_t_bits"})["filt.t"].slots is not None


def test_many_rules_with_keys_that_no_slots_hold_are_compiled_in() -> None:
    program = one_table((2400, "ternary"))
    rules = RuleSet({"filt.t": tuple(rule(Ternary(i, 0xFFFF)) for i in range(65))})
    assert layout.layouts(program, rules)["filt.t"].baked == rules.of("filt.t")


def test_the_kernel_takes_a_thousand_rules(kernel_oracle: KernelOracle) -> None:
    """Compiled in they are refused: its verifier walks all rules behind each one, which knows what the key is there."""
    program = one_table((32, "ternary"), (8, "ternary"), rest="default_action = no(); size = 1000;")
    rules = RuleSet({"filt.t": tuple(rule(Ternary(7 * i, 0xFFFFFFFF), Ternary(i % 7, 0xFF)) for i in range(1000))})
    made = TARGET.lower(program, rules, {})
    assert kernel_oracle.run(made, [(2, bytes(60))], TARGET.fill(program, made, rules))


def test_a_match_of_the_wrong_kind_is_an_error_at_the_rule() -> None:
    with pytest.raises(InputError, match="cannot be matched"):
        fillup.fill_rule(table((8, "exact")), rule(Ternary(1, 1)))


@given(st.integers(1, 40), st.integers(0, 2**40 - 1), st.integers(0, 40))
def test_terms_and_bytes_are_the_same_entry(width: int, number: int, length: int) -> None:
    item = table((width, "lpm"), (8, "exact"))
    length = min(length, width)
    value = number & ((1 << length) - 1) << width - length if length else 0
    value &= (1 << width) - 1
    key, content = fillup.fill_rule(item, rule(Lpm(value, length), Exact(7)))
    terms = fillup.fill(item, [b.bv(value, width), b.bv(7, 8)], b.bv(length, 32), 1, [])
    assert (fillup.term_bytes(terms[0]), fillup.term_bytes(terms[1])) == (key, content)


@pytest.mark.oracle
@pytest.mark.skipif(unusable() is not None, reason="no eBPF on this machine")
@given(st.data())
def test_the_kernels_maps_answer_as_p4_matches(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 70))
    exact = data.draw(st.sampled_from([(), (9,), (16, 3)]))
    item = table((width, "lpm"), *((w, "exact") for w in exact))
    number = st.integers(0, (1 << width) - 1)
    others = st.tuples(*(st.integers(0, min(3, (1 << w) - 1)) for w in exact))
    prefixes = data.draw(st.dictionaries(st.tuples(number, st.integers(0, width), others), st.booleans(), max_size=12))
    rules = {}
    for (value, length, rest), keep in prefixes.items():
        kept = value >> width - length << width - length
        rules[kept, length, rest] = ActionCall("no" if keep else "NoAction")
    assert item.entries is not None
    with KernelMap(item.entries) as held:
        for (value, length, rest), call in rules.items():
            key, content = fillup.fill_rule(item, rule(Lpm(value, length), *map(Exact, rest), call=call))
            held[key] = content
        near = st.sampled_from([value for value, *_ in rules] or [0]).map(lambda v: v ^ 1)
        for asked in data.draw(st.lists(st.tuples(st.one_of(number, near), others), min_size=1, max_size=8)):
            value, rest = asked[0] & (1 << width) - 1, asked[1]
            terms = [b.bv(value, width), *(b.bv(v, w) for v, w in zip(rest, exact, strict=True))]
            matching = [r for r in rules if r[2] == rest and value >> width - r[1] == r[0] >> width - r[1]]
            best = max(matching, key=lambda r: r[1], default=None)
            want = None if best is None else fillup.action_bytes(item, rules[best])
            try:
                got = held[fillup.term_bytes(fillup.key_bytes(item, terms))]
            except KeyError:
                got = None
            assert got == want
