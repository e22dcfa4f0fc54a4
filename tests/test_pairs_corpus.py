"""Programs of others against each other: what a compiler made of them must refine them, mis-compilations must not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.p4info.reach import reached
from tests.support.pair_campaign import Judged, Made, compiled, judge, judged_pairs, load

pytestmark = [
    pytest.mark.corpus,
    # The limit of a pair may run out in a destructor.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SET_INVALID = (
    "a union's other header is set invalid: spec 8.20 says of u.hi.setInvalid() that if the valid bit for any member "
    "of u is true it is set to false, so none stays valid; the output leaves the valid one as it is"
)
TWICE = "(undefined) what was read once, and then is one value however often it is used, is read again for each use"
DEFECTS = {
    "array_field.p4": "a call whose argument is an element beyond the stack is left out",
    "invalid-union.p4": SET_INVALID,
    "union4-bmv2.p4": SET_INVALID,
    "issue5035.p4": "the text that is logged is another one",
    "stack.p4": "reading stack.last of an empty stack rejects with StackOutOfBounds (spec 8.18); the read is left out",
    "parser-unroll-test1.p4": (
        "extracting into an element beyond the stack's end goes on (spec 8.18: only next and last reject; a write "
        "there changes nothing); the output rejects with StackOutOfBounds"
    ),
    "issue2726-bmv2.p4": f"{TWICE}: a header that a short packet does not have, by its element",
    "runtime-index-bmv2.p4": f"{TWICE}: a header that a short packet does not have, by its element",
    "issue4883_dup_has_returned_decl2.p4": f"{TWICE}: the variable that is copied into a control",
    "issue1566-bmv2.p4": f"{TWICE}: the field of an invalid header that is copied into a control",
    "issue2844-enum.p4": f"{TWICE}: the field of an invalid header that is copied into a control",
}
"""Outputs that are no refinement, by program, with the reason; those that say so hang on undefined values alone."""

SHOWS_NOTHING = re.compile("no output, metadata or state of the two (programs|sides) was compared")
DEAD_CALLS = {"issue4507_1.p4": "its calls of externs stand below conditions that are always false"}
EQUAL = {
    "branching_in_function": "the packet shows nothing: no header is extracted or emitted",
    "copy_out": "the packet shows nothing: the header assigned to is not valid and not emitted",
    "mux": "the packet shows nothing: the deparser is empty",
    "nested_slice": "the packet shows nothing: the deparser is empty",
    "unused_return": "the packet shows nothing: the deparser is empty",
}
"""Pairs said to differ that are equal by the specification."""


def pairs_of(corpus: Path, kind: str) -> Iterator[tuple[str, Path, Path]]:
    for folder in sorted((corpus / "p4_pairs" / kind).glob("*")):
        for other in sorted(folder.glob("*.p4")):
            if other.name != "orig.p4":
                yield folder.name, folder / "orig.p4", other


def judged(first: Path, second: Path, limit: float = 20) -> Judged:
    return judge(load(first), second, limit)


@pytest.mark.long
@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.campaign)])
def test_what_was_compiled_wrongly_is_rejected(corpus: Path, every: int) -> None:
    wrong = []
    for name, first, second in list(pairs_of(corpus, "must_differ"))[::every]:
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
    pairs = compiled(corpus)
    chosen = set(sorted({made.name for made in pairs})[::every])
    wrong = []
    for made, found in judged_pairs((made for made in pairs if made.name in chosen), limit):
        if not may_be(made, found):
            wrong.append(f"{made.name} {made.passes}: {found.verdict} {found.reason}")
    return wrong


def may_be(made: Made, found: Judged) -> bool:
    """Whether a verdict is right: all that is not compared, and each difference, is known and argued."""
    name = Path(made.name).name
    if found.verdict == "accept":
        return found.compared > 0
    if found.verdict == "reject":
        only_undefined = "only where a value is undefined" in found.reason
        return name in DEFECTS and only_undefined == ("(undefined)" in DEFECTS[name])
    if found.verdict == "unsupported" and SHOWS_NOTHING.search(found.reason):
        return name in DEAD_CALLS or shows_nothing(load(made.program))
    return found.verdict in ("undecided", "too long")


def shows_nothing(program: ir.Program) -> bool:
    """Whether a program's blocks give back nothing and call no extern: told from the program alone."""
    packages = {value for package in program.packages for _, value in package.args}
    params = [p for c in program.controls if c.name in packages for p in c.params]
    outward = [p for p in params if p.direction in ("out", "inout") or isinstance(ir.bare(p.type), ir.ExternType)]
    parsers = [p for p in program.parsers if p.name in packages]
    return not parsers and not any(has_leaves(p.type) for p in outward) and not reached(program).calls


def has_leaves(type_: ir.Type) -> bool:
    bare = ir.bare(type_)
    return not isinstance(bare, ir.StructType) or any(has_leaves(field.type) for field in bare.fields)


def test_outputs_of_a_compiler_are_judged_rightly(corpus: Path) -> None:
    assert walk(corpus, every=74, limit=3) == []


@pytest.mark.campaign
def test_all_outputs_of_a_compiler_are_judged_rightly(corpus: Path) -> None:
    assert walk(corpus, every=1, limit=20) == []
