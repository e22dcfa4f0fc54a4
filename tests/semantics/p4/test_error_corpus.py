"""The bad programs of others are refused, and the first error is in the line in which the reference compiler has it.

What differs is listed by name with the reason. A name that is not in the corpus is no error; a program that differs and
is not listed is one, and so is one that is listed and does not differ any more.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p4verify.semantics.p4.frontend import load
from p4verify.semantics.source import Diagnostic, InputError, Unsupported

pytestmark = pytest.mark.corpus

ACCEPTED = {
    "compound-assignment": "a limit of one target: division at run time",
    "issue1777-bmv2": "a limit of one target: an assignment to a whole structure",
    "issue2545": "a limit of one target: structures as out arguments of extern functions",
    "issue3291": "a limit of the reference compiler: a generic type as its own argument",
    "issue3299": "a limit of one target: switch in actions",
    "issue3613": "a limit of the reference compiler: switch needs the match_kinds of core.p4",
    "issue5296_invalid_version": "the version of an architecture, which its own file would have to check",
    "issue5296_unknown_version": "the version of an architecture, which its own file would have to check",
    "issue532": "a limit of P4Runtime: an action parameter of a struct type",
    "issue5703_header_union_stack": "a limit of one target: the index of a stack of unions",
    "spec-ex32_e": "an annotation that neither the specification nor an architecture defines",
}
"""Legal P4-16, or illegal for one target only."""

ELSEWHERE = {
    "equate-type-list-and-incompatible-type-2": "the variable of a list type is refused, not only its use (7.2.7)",
    "generic-struct-self-nested": "a generic type as its own argument is legal; a later line has a mistake",
    "stack3": "the size of a stack is known at compile time, so only the second stack is wrong (8.18)",
}  # fmt: skip
"""Refused, but the first error is in another line."""


def first_line(reference: Path) -> int | None:
    """The line of the reference compiler's first error, if it gives one."""
    for line in reference.read_text().splitlines():
        found = re.match(r"(?:.*/)?[\w.\-]+\.p4\((\d+)\): ?(\[--Werror|syntax|error)", line)
        if found and "] warning:" not in line:
            return int(found[1])
    return None


def refused(path: Path) -> list[Diagnostic] | None:
    try:
        load(str(path))
    except InputError as error:
        return error.diagnostics
    except Unsupported:
        return []
    return None


def test_all_bad_programs(corpus: Path) -> None:
    """At least 97 in 100 are refused, with the first error in the reference compiler's line in 98 of 100."""
    folder = corpus / "p4c"
    paths = sorted((folder / "p4_16_errors").rglob("*.p4"))
    accepted, elsewhere, located = set(), set(), 0
    for path in paths:
        diagnostics = refused(path)
        if diagnostics is None:
            accepted.add(path.stem)
            continue
        assert all(d.message and d.span.file for d in diagnostics)
        reference = folder / "p4_16_errors_outputs" / f"{path.name}-stderr"
        line = first_line(reference) if reference.exists() else None
        if line is not None:
            located += 1
            if not diagnostics or diagnostics[0].span.line != line:
                elsewhere.add(path.stem)
    there = {path.stem for path in paths}
    assert accepted == ACCEPTED.keys() & there
    assert elsewhere == ELSEWHERE.keys() & there
    assert len(accepted) <= 0.03 * len(paths)
    assert len(elsewhere) <= 0.02 * located
