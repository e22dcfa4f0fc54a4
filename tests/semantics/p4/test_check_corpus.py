"""The programs of others that are good: they check and become well-formed p4ast.

Every day a sample of them; ``-m campaign`` walks all. Programs that really violate the specification are listed with
the section; a listed program that is accepted after all fails the test.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import deep_recursion, load
from p4verify.semantics.p4.preprocess import SHIPPED
from p4verify.semantics.source import InputError, Unsupported

pytestmark = pytest.mark.corpus

VIOLATIONS = {
    "factory1": "18.1: a constructor argument is a compile-time known value, no call",
    "factory2": "18.1: a constructor argument is a compile-time known value, no call",
    "hashext3": "18.1: a constructor argument is a compile-time known value, no call",
    "gauntlet_various_ops-bmv2": "8.11.3: bitwise operators are not defined on int",
    "issue3238": "8.11.2: no implicit cast makes an int of bits",
    "issue3283": "8.11.2: no implicit cast makes an int of bits",
    "issue3379": "6.8: packages are not overloaded",
    "minsize": "7.2.3: the size of a header stack is positive",
    "spec-ex25": "14.2.1.4: an exact key takes no mask",
    "const_entries_range_mask": "14.2.1.4: a range key takes no mask",
}

_COPIES = "18.3: copies of an action in two controls have one control-plane name"

PRINTED = {
    "issue47": "grammar: a width that is no literal has no parentheses",
    "issue3091-midend": "7.2.8: a struct has no field of type match_kind",
    "p4rt_digest_complex-midend": "7.2.9: a plain number for a field of a new type",
    **dict.fromkeys(
        (
            f"{source}-{stage}"
            for source in ("issue561-bmv2", "v1model-special-ops-bmv2", "fabric", "pins_fabric", "pins_middleblock")
            for stage in ("frontend", "midend")
        ),
        _COPIES,
    ),
}
"""What the reference compiler printed and itself would refuse."""

PLAIN_NUMBER = re.compile(
    r"expected \w+_t, found bit<\d+>$|expected bit<\d+>, found \w+_t$|is not defined on \w+_t and bit<\d+>$", re.M
)
"""Its middle end takes ``type`` away, but not from the architecture's declarations (7.2.9)."""


def includes(path: Path) -> tuple[str, ...]:
    """Programs for DPDK are meant for that target's versions of the architectures' declarations."""
    return (str(Path(SHIPPED) / "dpdk"),) if "dpdk" in path.name else ()


def outcome(path: Path) -> str:
    """``ok``, or why the program is not loaded; anything that is no clean complaint fails the test."""
    try:
        program = load(str(path), includes(path)).program
    except Unsupported as error:
        return f"unsupported: {error}"
    except InputError as error:
        if "the file is empty" in error.diagnostics[0].message:
            return "ok"
        return error.diagnostics[0].render()
    with deep_recursion():
        verify(program)
    return "ok"


def check_all(paths: list[Path], listed: Mapping[str, str]) -> None:
    """Every program is fine, but for those that are listed."""
    found = {path.stem: outcome(path) for path in paths}
    assert {stem: text for stem, text in found.items() if text != "ok" and stem not in listed} == {}
    assert {stem for stem, text in found.items() if text == "ok" and stem in listed} == set()


def programs(corpus: Path, *folders: str) -> list[Path]:
    """The programs of the folders and theirs, but for the files that are there to be included."""
    every = [p for folder in folders for p in sorted((corpus / "p4c" / folder).rglob("*.p4"))]
    return [p for p in every if "include" not in p.parts]


def test_sample_of_good_programs(corpus: Path) -> None:
    every = programs(corpus, "p4_16_samples", "p4tc_samples")
    listed = [p for p in every if p.stem in VIOLATIONS]
    check_all([*listed, *random.Random(1).sample(every, 300)], VIOLATIONS)


@pytest.mark.campaign
def test_all_good_programs(corpus: Path) -> None:
    check_all(programs(corpus, "p4_16_samples", "p4tc_samples"), VIOLATIONS)


@pytest.mark.campaign
def test_all_programs_that_a_compiler_printed(corpus: Path) -> None:
    plain = 0
    for path in programs(corpus, "p4_16_samples_outputs"):
        source = re.sub(r"-(first|frontend|midend)$", "", path.stem)
        if source in VIOLATIONS:
            continue
        found = outcome(path)
        if path.stem.endswith("-midend") and PLAIN_NUMBER.search(found):
            plain += 1
        else:
            assert (found != "ok") == (path.stem in PRINTED), found
    assert plain <= 62
