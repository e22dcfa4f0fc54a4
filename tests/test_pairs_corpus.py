"""Programs of others against each other: what a compiler made of them must refine them, mis-compilations must not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.source import InputError, Unsupported
from tests.support.pair_campaign import Judged, compiled, judge, load

pytestmark = [
    pytest.mark.corpus,
    # The limit of a pair may run out in a destructor.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SET_INVALID = "a union's other header is set invalid, which by spec 8.20 leaves none valid"
DEFECTS = {
    "array_field.p4": "a call whose argument is an element beyond the stack is left out",
    "invalid-union.p4": SET_INVALID,
    "union4-bmv2.p4": SET_INVALID,
    "pna-dpdk-invalid-hdr-warnings6.p4": SET_INVALID,
    "issue5035.p4": "the text that is logged is another one",
    "stack.p4": "reading stack.last of an empty stack rejects (spec 8.18); the read is left out",
}
"""Outputs that are no refinement, by program, with the reason."""

EQUAL = {
    "branching_in_function": "the packet shows nothing: no header is extracted or emitted",
    "copy_out": "the packet shows nothing: the header assigned to is not valid and not emitted",
    "mux": "the packet shows nothing: the deparser is empty",
    "nested_slice": "the packet shows nothing: the deparser is empty",
    "unused_return": "the packet shows nothing: the deparser is empty",
}
"""Pairs said to differ that are equal by the specification."""

SLOW = "many undefined values: tens of seconds, or not decided"
OPEN = {
    "2314_regression/0.p4": "too long: loops in a parser that is called",
    "basic_routing_stripped/2.p4": SLOW,
    "basic_routing_stripped/3.p4": "a table with another key, which is named",
    "basic_routing_stripped/4.p4": SLOW,
    "basic_routing_stripped/5.p4": SLOW,
    "basic_routing_stripped/6.p4": SLOW,
}
"""Pairs said to differ that are not decided."""


def pairs_of(corpus: Path, kind: str) -> Iterator[tuple[str, Path, Path]]:
    for folder in sorted((corpus / "p4_pairs" / kind).glob("*")):
        for other in sorted(folder.glob("*.p4")):
            if other.name != "orig.p4":
                yield folder.name, folder / "orig.p4", other


def judged(first: Path, second: Path, limit: float = 20) -> Judged:
    return judge(load(first), second, limit)


def test_what_was_compiled_wrongly_is_rejected(corpus: Path) -> None:
    wrong = []
    for name, first, second in pairs_of(corpus, "must_differ"):
        if f"{name}/{second.name}" in OPEN:
            continue
        found = judged(first, second)
        if found.verdict != ("accept" if name in EQUAL else "reject"):
            wrong.append(f"{name}/{second.name}: {found.verdict} {found.reason}")
        elif found.proof is not None and found.verdict == "reject":
            assert found.proof.counterexample is not None
    assert wrong == []


def test_what_differs_by_undefined_values_only_is_a_refinement_or_explained(corpus: Path) -> None:
    for name, first, second in pairs_of(corpus, "differ_only_by_undefined"):
        found = judged(first, second)
        assert found.verdict == "accept" or "only where a value is undefined" in found.reason, (name, found.reason)


def walk(corpus: Path, every: int, limit: float) -> list[str]:
    """Verdicts that may not be."""
    wrong = []
    program: tuple[str, ir.Program | None] = ("", None)
    names = {made.name for made in compiled(corpus)}
    chosen = set(sorted(names)[::every])
    for made in compiled(corpus):
        if made.name not in chosen:
            continue
        if program[0] != made.name:
            program = (made.name, _complete(made.program))
        if program[1] is None:
            continue
        found = judge(program[1], made.output, limit)
        if found.verdict == "reject" and Path(made.name).name not in DEFECTS and "undefined" not in found.reason:
            wrong.append(f"{made.name} {made.passes}: {found.reason}")
        if found.proof is not None and found.proof.verdict is Verdict.ACCEPT:
            assert found.proof.tally.compared > 0
    return wrong


def _complete(path: Path) -> ir.Program | None:
    try:
        program = load(path)
    except (InputError, Unsupported):
        return None
    return program if program.main is not None else None


def test_outputs_of_a_compiler_are_not_rejected(corpus: Path) -> None:
    assert walk(corpus, every=37, limit=3) == []


@pytest.mark.campaign
def test_no_output_of_a_compiler_is_rejected(corpus: Path) -> None:
    assert walk(corpus, every=1, limit=20) == []
