"""Tables whose keys no map of the kernel matches: rules in slots, found by bit vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p4verify import targets
from p4verify.checks import Checker
from p4verify.machine_in_runs import MachineInRuns
from p4verify.proofs.answers import Model, Table
from p4verify.proofs.verdict import Proof
from p4verify.realise import realise
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.rules.decide import first
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from p4verify.semantics.source import InputError
from p4verify.targets.base import Asked
from p4verify.targets.ebpf import fillup, relate_slots, slot_entries, slots, vector_laws
from p4verify.targets.ebpf.artifact import BpfObject, Insn, asm
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.mutants import ebpf_mutants
from tests.targets.ebpf.programs import one_table, rule, table

TARGET = targets.find("ebpf")
KEYS = ((12, "ternary"), (20, "range"), (9, "optional"), (7, "range"), (16, "lpm"), (3, "exact"))


def number(width: int) -> st.SearchStrategy[int]:
    """Numbers of so many bits, some of them often, so that rules match keys."""
    full = (1 << width) - 1
    return st.one_of(st.sampled_from([0, 1, full, full >> 1, full // 3]), st.integers(0, full))


@st.composite
def match(draw: st.DrawFn, width: int, kind: str) -> Match:
    """A match as the kind of a key allows."""
    value, other, full = draw(number(width)), draw(number(width)), (1 << width) - 1
    match kind:
        case "ternary":
            return Ternary(value & other, other)
        case "range":
            return Range(min(value, other), max(value, other))
        case "optional":
            return draw(st.sampled_from([Ternary(value, full), Ternary(0, 0)]))
        case "lpm":
            length = draw(st.integers(0, width))
            return Lpm(value >> width - length << width - length, length)
    return Exact(value)


RULES = st.lists(st.tuples(*(match(*key) for key in KEYS)).map(lambda found: rule(*found)), max_size=70)
ASKED = st.lists(st.tuples(*(number(width) for width, _ in KEYS)), min_size=1, max_size=4)


@settings(max_examples=40)
@given(RULES, ASKED)
def test_the_first_slot_found_is_that_of_the_first_rule_that_matches(
    rules: list[Rule], asked: list[tuple[int, ...]]
) -> None:
    layout = table(*KEYS, rest="default_action = no(); size = 150;")
    search = layout.slots
    assert search is not None
    written = dict(slots.elements(search, [fillup.rule_pairs(layout, each) for each in rules]))
    for values in asked:
        key = b.concat(*(b.bv(value, width) for value, (width, _) in zip(values, KEYS, strict=True)))
        words = [b.bv(0, 64)] * search.words
        for word in range(search.words):
            found = []
            for at, plane in enumerate(search.planes):
                byte = values[plane.key] >> 8 * plane.byte & 0xFF
                index = (search.first_index(word, at) + byte).to_bytes(4, "little")
                found.append(b.bv(int.from_bytes(written.get(index, bytes(8)), "little"), 64))
            words[word] = slots.joined(search.chains, found)
        expected = first(rules, [(value, width) for value, (width, _) in zip(values, KEYS, strict=True)])
        assert key.width == layout.key_width
        if expected is None:
            assert all(word.value == 0 for word in words)
        else:
            assert relate_slots.first_slot(words).value == expected


@settings(max_examples=25)
@given(RULES, st.integers(0, 255))
def test_a_word_is_what_the_fill_up_writes(rules: list[Rule], octet: int) -> None:
    """Told for a byte that is known, and for any."""
    layout = table(*KEYS, rest="default_action = no(); size = 150;")
    search = layout.slots
    assert search is not None
    written = dict(slots.elements(search, [fillup.rule_pairs(layout, each) for each in rules]))
    held, asked = relate_slots.known_word(layout, search, rules), b.var("octet", 8)
    for number in range(search.words * len(search.planes)):
        index = search.first_index(*divmod(number, len(search.planes))) + octet
        expected = int.from_bytes(written.get(index.to_bytes(4, "little"), bytes(8)), "little")
        assert held(number, b.bv(octet, 8)).value == expected
        assert b.evaluate([held(number, asked)], {"octet": octet}) == [expected]


WIDE = (
    *((12, "range"), (24, "range"), (8, "range"), (9, "ternary")),
    *((9, "exact"), (20, "lpm"), (17, "optional")),
)
REST = (Ternary(0, 0), Exact(257), Lpm(0x80000, 2), Ternary(0, 0))
WIDE_RULES = st.lists(st.tuples(*(match(*key) for key in WIDE)).map(lambda found: rule(*found)), max_size=9)


OCTETS = st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 2, 127, 128, 254, 255]))


@settings(max_examples=25)
@example([rule(Range(0, 4095), Range(0x010507, 0x020503), Range(0, 255), *REST)], [1, 2, 5, 7])
@example([rule(Range(0, 4095), Range(0x050307, 0x050503), Range(0, 255), *REST)], [3, 4, 5, 7])
@example([rule(Range(0, 4095), Range(0x050303, 0x050307), Range(0, 255), *REST)], [3, 4, 5, 7])
@given(WIDE_RULES, st.lists(OCTETS, min_size=2, max_size=4, unique=True))
def test_what_is_said_of_the_vectors_is_true_of_those_of_any_rules(rules: list[Rule], octets: list[int]) -> None:
    layout = table(*WIDE, rest="default_action = no(); size = 70;")
    search = layout.slots
    assert search is not None
    asked = [b.var(f"octet{i}", 8) for i in range(len(octets))]
    numbers = range(search.words * len(search.planes))
    terms = [relate_slots.unknown_word(layout, search, number, octet) for number in numbers for octet in asked]
    said = vector_laws.like_rules(layout, search, terms)
    held = relate_slots.known_word(layout, search, rules)
    functions = {relate_slots.vector_name(layout, n): lambda octet, n=n: held(n, b.bv(octet, 8)).value for n in numbers}
    assert len(said) > 20
    assert all(b.evaluate(said, {f"octet{i}": octet for i, octet in enumerate(octets)}, functions))


@settings(max_examples=20)
@example(0x7F01, 0, [0x7F01, 0x5500])
@given(number(16), number(16), st.lists(number(16), min_size=1, max_size=3))
def test_a_rule_made_of_what_the_vectors_of_a_range_say_matches_as_they_do(
    low: int, high: int, asked: list[int]
) -> None:
    """Also where they say what no rule's do, that its high end is below its low end: nothing is in it."""
    layout = table((16, "range"), rest="default_action = no(); size = 70;")
    search = layout.slots
    assert search is not None

    def says(number: int, octet: int) -> int:
        word, plane = divmod(number, len(search.planes))
        at = 8 * search.planes[plane].byte
        low_end, high_end, asked_for = (b.bv(v, 8) for v in (low >> at & 255, high >> at & 255, octet))
        return int(not word and slots.allows(search.planes[plane].test, low_end, high_end, asked_for) is b.TRUE)

    numbers = range(search.words * len(search.planes))
    functions = {relate_slots.vector_name(layout, n): partial(says, n) for n in numbers}
    made = slot_entries.entries_for(layout, search, asked, functions, {})
    for key in asked:
        found = any(one.low <= key <= one.high for each in made for one in each.matches if isinstance(one, Range))
        assert found == (low <= key <= high)


def test_rules_are_made_of_what_decides_and_of_nothing_else() -> None:
    """What a model says of a byte that is asked for in a branch that is not taken may be what no rule can say."""
    program = one_table((16, "range"), rest="default_action = no(); size = 3;")
    made = lower(program, None, {"hook": "xdp"})
    layout = table((16, "range"), rest="default_action = no(); size = 3;")
    assert layout.slots is not None
    number = next(n for n, p in enumerate(layout.slots.planes) if (p.byte, p.test) == (1, "ge"))
    asked = b.apply(relate_slots.vector_name(layout, number), 3, b.bv(5, 8))
    hit = b.apply("table.filt.t.hit", 0, b.bv(0x0003, 16))
    open_ = b.ite(b.var("taken", 0), asked, b.bv(0, 3))
    first: dict[str, Table] = {relate_slots.vector_name(layout, n): {None: 1} for n in range(len(layout.slots.planes))}
    vectors = {**first, asked.name: {(0,): 1, (5,): 0, None: 0}}
    for taken, found in ((0, True), (1, False)):
        model = Model({"taken": taken}, vectors)
        rules = realise(program, [hit, open_], model, TARGET.relate(program, made, None)).of("filt.t")
        ranges = [one for each in rules[:1] for one in each.matches if isinstance(one, Range)]
        assert any(one.low <= 3 <= one.high for one in ranges) is found


def test_what_ranges_masks_and_values_cannot_say_is_excluded() -> None:
    """One slot's bits that no rule has, in each vector of a key."""
    layout = table((9, "exact"), (16, "lpm"), (16, "optional"), (16, "range"), rest="default_action = no(); size = 3;")
    search = layout.slots
    assert search is not None
    planes = {(p.key, p.byte, p.test): relate_slots.vector_name(layout, n) for n, p in enumerate(search.planes)}
    every = {(key, byte, test): dict.fromkeys((0, 1, 9), 1) for key, byte, test in planes}

    def told(held: dict[tuple[int, int, slots.Test], dict[int, int]]) -> bool:
        octets = [b.var(f"octet{i}", 8) for i in range(3)]
        terms = [relate_slots.unknown_word(layout, search, n, x) for n in range(len(search.planes)) for x in octets]
        functions = {name: held[key].__getitem__ for key, name in planes.items()}
        values = {"octet0": 0, "octet1": 1, "octet2": 9}
        return all(b.evaluate(vector_laws.like_rules(layout, search, terms), values, functions))

    ends = {(3, 1, "gt"): {0: 0, 1: 1, 9: 1}, (3, 1, "lt"): {0: 1, 1: 1, 9: 0}}
    fine = every | ends | {(0, 1, "masked"): {0: 0, 1: 1, 9: 1}, (0, 0, "masked"): {0: 0, 1: 0, 9: 1}}
    assert told(fine)
    assert not told(fine | {(0, 1, "masked"): {0: 0, 1: 1, 9: 0}}), "a bit that the key does not have"
    assert not told(fine | {(0, 0, "masked"): {0: 1, 1: 0, 9: 1}}), "two values of an exact key"
    assert not told(fine | {(1, 0, "masked"): {0: 0, 1: 1, 9: 1}}), "a prefix that goes on behind its end"
    assert told(fine | {(1, 1, "masked"): {0: 0, 1: 1, 9: 0}, (1, 0, "masked"): {0: 0, 1: 1, 9: 1}})
    assert not told(fine | {(2, 1, "masked"): {0: 0, 1: 1, 9: 0}}), "an optional value in one byte only"
    assert not told(fine | {(3, 1, "ge"): {0: 1, 1: 0, 9: 1}}), "a low end at two places"


def test_a_slot_that_is_asked_although_it_does_not_match_has_a_rule() -> None:
    """As by a search that takes no bits for some, in its last word."""
    layout = table((16, "range"), (8, "ternary"), rest="default_action = no(); size = 200;")
    search = layout.slots
    assert search is not None
    answering = f"table.{layout.table.control_name}.slot.action"
    functions = {answering: lambda slot: int(slot == 128)}
    asked: list[Asked] = [{}, {answering: [(128,)]}]
    without, made = (slot_entries.entries_for(layout, search, [0x7F0102], functions, each) for each in asked)
    assert len(without) < len(made) == 129
    assert made[128].call.action == layout.actions[1].action.name != made[127].call.action


def test_more_rules_than_slots_are_an_error_at_the_first_that_is_too_many() -> None:
    program = one_table((8, "ternary"), rest="default_action = no(); size = 2;")
    rules = RuleSet({"filt.t": tuple(rule(Ternary(i, 255)) for i in range(3))})
    with pytest.raises(InputError, match="room for 2"):
        fillup.fill_maps(program, rules, ("filt_t_bits",))


@pytest.mark.parametrize("one", [Lpm(128, 1), Ternary(128, 128)])
def test_a_range_key_takes_matches_that_are_ranges(one: Match) -> None:
    assert slots.pair_of(one, 8, "range") == (128, 255)
    assert slots.pair_of(Ternary(1, 1), 8, "range") is None
    assert slots.pair_of(Range(1, 2), 8, "ternary") is None


# --- proofs ---------------------------------------------------------------------------------------------------------

SMALL = one_table((8, "ternary"), (16, "range"), (8, "optional"), rest="default_action = no(); size = 3;")


def proof(made: BpfObject, program: ir.Program = SMALL, rules: RuleSet | None = None) -> Proof:
    """Of an object, for every packet and (without rules) every rule set."""
    return Checker(program, rules, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@pytest.fixture(scope="module")
def made() -> BpfObject:
    """:data:`SMALL` for every rule set."""
    return lower(SMALL, None, {"hook": "xdp"})


def test_it_is_proven_for_every_rule_set(made: BpfObject) -> None:
    found = proof(made)
    assert found.verdict.value == "accept"
    assert found.quantified_over == "packets and rules"


def test_it_is_proven_for_given_rules_in_the_same_maps(made: BpfObject) -> None:
    yes = ActionCall("yes", (5, 1, 6))
    rules = (
        rule(Ternary(1, 3), Range(100, 5000), Ternary(7, 255), call=yes),
        rule(Ternary(0, 0), Range(0, 300), Ternary(0, 0)),
    )
    assert proof(made, rules=RuleSet({"filt.t": rules})).verdict.value == "accept"


def test_several_lpm_keys_and_more_than_a_word_of_slots() -> None:
    program = one_table((8, "lpm"), (8, "lpm"), rest="default_action = no(); size = 70;")
    assert proof(lower(program, None, {"hook": "xdp"}), program).verdict.value == "accept"


def changed(made: BpfObject, change: Callable[[Insn], Insn | None], which: int) -> BpfObject:
    """With the ``which``-th of the instructions that ``change`` knows something for changed."""
    insns = list(made.program().insns)
    hits = [i for i, insn in enumerate(insns) if change(insn) is not None]
    at = hits[which]
    new = change(insns[at])
    assert new is not None
    insns[at] = new
    return replace(made, programs=(replace(made.program(), insns=tuple(insns), lines=()),))


def _one(old: Insn, new: Insn, insn: Insn) -> Insn | None:
    return new if insn == old else None


MISTAKES = {
    "a plane is not heeded": (asm.alu("and", asm.R9, asm.R1), asm.mov(asm.R9, asm.R9), 2),
    "an end of a range is joined wrongly": (asm.alu("or", asm.R1, asm.R2), asm.alu("and", asm.R1, asm.R2), 0),
    "always the first slot": (asm.alu("sub", asm.R2, 1), asm.alu("sub", asm.R2, 0), 0),
    "only two slots": (asm.alu("and", asm.R1, slots.COUNT), asm.alu("and", asm.R1, 1), 0),
    "another key's plane": (asm.alu("add", asm.R1, 7 * 256), asm.alu("add", asm.R1, 0), 0),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_search_is_shown(made: BpfObject, name: str) -> None:
    old, new, which = MISTAKES[name]
    found = proof(changed(made, partial(_one, old, new), which))
    assert found.verdict.value == "reject", (found.verdict, found.reason)
    assert found.counterexample is not None


def test_a_range_key_that_is_made_otherwise_is_shown_by_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine asks the vectors for other bytes than the program; what it finds there has to be that of ranges, and
    where it is not, what ranges there are on that packet is asked before anything is run."""
    ran: list[object] = []
    monkeypatch.setattr(MachineInRuns, "reject", lambda *asked: ran.append(asked))
    program = one_table((16, "range"), (8, "ternary"), rest="default_action = no(); size = 3;")
    turned = [m for m in ebpf_mutants(lower(program, None, {"hook": "xdp"})) if m.what == "byte order"]
    found = proof(turned[1].artifact, program)
    assert found.verdict.value == "reject", (turned[1].where, found.reason)
    assert not ran


@pytest.mark.long
@pytest.mark.parametrize("plane", [0, 3, 6, 8])
def test_a_vector_asked_for_the_next_byte_is_shown_by_rules(plane: int) -> None:
    """The index may be anywhere, so that every vector is asked for that byte; what decides is one of them."""
    program = one_table((9, "exact"), (16, "range"), rest="default_action = no(); size = 70;")
    at, beside = (asm.alu("add", asm.R1, 256 * plane + more) for more in (0, 1))
    wrong = changed(lower(program, None, {"hook": "xdp"}), partial(_one, at, beside), 0)
    found = proof(wrong, program)
    assert found.verdict.value == "reject", found.reason


# --- the kernel -----------------------------------------------------------------------------------------------------


def test_the_kernel_finds_the_rules(kernel_oracle: KernelOracle) -> None:
    program = one_table((8, "ternary"), (16, "range"), (8, "optional"), rest="default_action = no(); size = 200;")
    made = lower(program, None, {"hook": "xdp"})
    yes = ActionCall("yes", (5, 1, 6))
    never = [rule(Ternary(i, 255), Range(i, 70), Ternary(9, 255)) for i in range(130)]
    rules = [
        *never,
        rule(Ternary(1, 3), Range(0x00FF, 0x1301), Ternary(7, 255), call=yes),
        rule(Ternary(0, 0), Range(0, 0x300), Ternary(0, 0), call=yes),
        rule(Ternary(0, 0), Range(0, 0xFFFF), Ternary(0, 0)),
    ]
    maps = TARGET.fill(program, made, RuleSet({"filt.t": tuple(rules)}))
    asked = [
        (5, 0x1301, 7),
        (5, 0x1302, 7),
        (5, 0x00FF, 8),
        (6, 0x0301, 7),
        (6, 0x02FF, 7),
        (0, 0x0050, 9),
        (140, 0, 9),
    ]
    packets = [(2, bytes([a]) + b_.to_bytes(2) + bytes([c, *bytes(60)])) for a, b_, c in asked]
    seen = kernel_oracle.observe(made, [(port, frame) for port, frame in packets], maps, refill=True)
    calls = [
        rules[at].call.action
        for at in (first(rules, [(a, 8), (b_, 16), (c, 8)]) for a, b_, c in asked)
        if at is not None
    ]
    assert [bool(each.outputs) for each in seen] == [action == "yes" for action in calls]
    assert len(set(calls)) == 2
