"""What is said of several look-ups in one trie is true of every trie, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.targets.ebpf import pairing, trie_laws
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support.bpf_compare import look_up

TRIE = MapDef("t", "lpm_trie", 5, 1, 64, 1)
BITS = 8
KEYS = [b.var(f"k{i}", 40) for i in range(3)]
TERMS = [b.apply(f"map.t.{what}", sort, key) for key in KEYS
         for what, sort in (("found", b.BOOL), ("value", b.bit_vector(8)), ("element", b.bit_vector(40)))]  # fmt: skip
LAWS = trie_laws.trie_laws(TRIE, TERMS)

Answers = Mapping[int, tuple[bool, int, int]]
"""Key → whether something is found, the length of its prefix, and its value."""


def trie_key(length: int, data: int) -> bytes:
    return length.to_bytes(4, "little") + bytes([data])


OCTETS = st.one_of(st.sampled_from([0, 0x80, 0xC0, 0xC1, 0xFF]), st.integers(0, 255))
ASKED = st.builds(trie_key, st.integers(0, BITS + 1), OCTETS)
ELEMENTS = st.dictionaries(
    st.builds(lambda data, length: trie_key(length, data >> BITS - length << BITS - length), OCTETS, st.integers(0, 8)),
    st.binary(min_size=1, max_size=1), max_size=8,
)  # fmt: skip


def functions(answers: Answers) -> dict[str, Callable[..., int]]:
    """The functions that the laws speak of."""
    nothing = (False, 0, 0)

    def element(key: int) -> int:
        found, length, _ = answers.get(key, nothing)
        return int.from_bytes(trie_laws.entry(TRIE, key.to_bytes(5, "big"), length), "big") if found else 0

    return {
        "map.t.found": lambda key: int(answers.get(key, nothing)[0]),
        "map.t.length": lambda key: answers.get(key, nothing)[1],
        "map.t.value": lambda key: answers.get(key, nothing)[2],
        "map.t.element": element,
    }


def hold(keys: list[bytes], answers: Answers) -> bool:
    values = {term.name: int.from_bytes(key, "big") for term, key in zip(KEYS, keys, strict=True)}
    return all(b.evaluate(LAWS, values, functions(answers)))


def of_trie(elements: Mapping[bytes, bytes], keys: list[bytes]) -> Answers:
    """What a trie with these elements answers: each element's own key in place of its value tells which one it is."""
    out = {}
    for key in keys:
        who = look_up(TRIE, {entry: entry for entry in elements}, key)
        told = (False, 0, 0) if who is None else (True, who[0], elements[who][0])
        out[int.from_bytes(key, "big")] = told
    return out


@settings(max_examples=150)
@given(ELEMENTS, st.lists(ASKED, min_size=3, max_size=3))
def test_laws_are_true_of_every_trie(elements: dict[bytes, bytes], keys: list[bytes]) -> None:
    assert hold(keys, of_trie(elements, keys))


ANSWERS = st.tuples(st.booleans(), st.integers(0, BITS), st.integers(0, 1))


@settings(max_examples=300)
@given(st.lists(ASKED, min_size=3, max_size=3, unique=True), st.lists(ANSWERS, min_size=3, max_size=3))
def test_answers_that_keep_to_the_laws_are_those_of_a_trie(
    keys: list[bytes], answers: list[tuple[bool, int, int]]
) -> None:
    """The elements that are made of them are a trie that answers so."""
    told = {int.from_bytes(key, "big"): each for key, each in zip(keys, answers, strict=True)}
    if not hold(keys, told):
        return
    values = {term.name: number for term, number in zip(KEYS, told, strict=True)}
    made = dict(pairing.contents(BpfObject((), (TRIE,)), TERMS, values, functions(told)).get("t", ()))
    for key, (found, _, value) in zip(keys, answers, strict=True):
        assert look_up(TRIE, made, key) == (bytes([value]) if found else None)


@pytest.mark.oracle
def test_the_kernel_looks_up_likewise(kernel_oracle: KernelOracle) -> None:
    rng = random.Random(1)
    for _ in range(40):
        entries = [trie_key(n, rng.getrandbits(8) >> BITS - n << BITS - n) for n in rng.choices(range(9), k=6)]
        elements = {entry: rng.randbytes(1) for entry in entries}
        with KernelMap(TRIE) as held:
            for key, value in elements.items():
                held[key] = value
            for _ in range(40):
                key = trie_key(rng.randrange(BITS + 2), rng.getrandbits(8))
                try:
                    found = held[key]
                except KeyError:
                    found = None
                assert found == look_up(TRIE, elements, key), (elements, key)


# --- two objects --------------------------------------------------------------------------------------------------


def looks_up(*lengths: int) -> BpfObject:
    """Passes frames for whose length's lowest byte look-ups with prefixes of all these lengths find something."""
    code: list[Insn] = [asm.load(4, asm.R6, R1, 0), asm.store(8, FP, -8, 0), asm.store(1, FP, -4, asm.R6)]
    for length in lengths:
        code += [asm.store(4, FP, -8, length), asm.load_map(R1, "t"), asm.mov(R2, FP), asm.alu("add", R2, -8),
                 asm.call(1), asm.jump("jne", R0, 0, 2), asm.mov(R0, 2), asm.exit_()]  # fmt: skip
    code += [asm.mov(R0, 0), asm.exit_()]
    return BpfObject((BpfProgram("p", "tc", tuple(code)),), (TRIE,), name=f"{lengths}.o")


def counts(step: int, *lengths: int) -> BpfObject:
    """Adds ``step`` to the value of each element that is found so."""
    plain = looks_up(*lengths).programs[0].insns
    add = (asm.load(1, R1, R0, 0), asm.alu("add", R1, step), asm.store(1, R0, 0, R1))
    found = [i for i, insn in enumerate(plain) if insn == asm.exit_()][:-1]
    code = [each for i, insn in enumerate(plain) for each in ((insn, *add) if i in found else (insn,))]
    return BpfObject((BpfProgram("p", "tc", tuple(code)),), (TRIE,), name=f"{step} {lengths}.o")


def verdict(first: BpfObject, second: BpfObject) -> Verdict:
    checker = Checker(None, timeout=60, machines_confirm=False)
    return checker.check_two((TARGET, first, first.name), (TARGET, second, second.name)).verdict


def test_where_a_shorter_look_up_finds_a_longer_one_does() -> None:
    assert verdict(looks_up(8, 5), looks_up(5)) is Verdict.ACCEPT
    assert verdict(looks_up(8, 5), looks_up(8)) is Verdict.REJECT


def test_more_bits_than_there_are_find_nothing() -> None:
    nothing = BpfObject((BpfProgram("p", "tc", (asm.mov(R0, 2), asm.exit_())),), (TRIE,), name="nothing.o")
    assert verdict(nothing, looks_up(9)) is Verdict.ACCEPT
    assert verdict(nothing, looks_up(8)) is Verdict.REJECT


def test_look_ups_that_find_one_element_count_in_one() -> None:
    assert verdict(counts(1, 8, 8), counts(2, 8)) is Verdict.ACCEPT
    assert verdict(counts(1, 8, 5), counts(2, 8)) is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize("others", [(2, 8), (1, 8, 5), (1, 5)])
def test_the_kernel_confirms_what_is_counted_in_elements(kernel_oracle: KernelOracle, others: tuple[int, ...]) -> None:
    first, second = counts(1, 8), counts(*others)
    proof = Checker(None, timeout=60).check_two((TARGET, first, first.name), (TARGET, second, second.name)).proof
    assert proof.counterexample is not None, proof.reason
    assert proof.counterexample.confirmed_by[-2:] == ("ebpf kernel", "ebpf kernel")
