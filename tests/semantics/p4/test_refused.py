"""What the specification forbids, construct by construct, and what it allows that looks alike.

The cases are texts: ``refused/*.txt`` has programs with ``§`` before the place of the first error, and words of its
message behind ``->``; ``accepted/*.txt`` has the near-misses. An empty line ends a case. The name of the file says what
the text is: declarations, statements in the body of a control, or properties of a table.

Where a mistake in a statement is in a later line of it, the error is at the first one, as the reference compiler's is,
and a note shows the part.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError

HERE = Path(__file__).parent
MARK = "§"

PRELUDE = '#include "prelude.p4"\n'
FILE = str(HERE / "case.p4")

TABLE = """control c(inout s_t s, in bit<8> i, out bit<8> o) {
action a(bit<8> p) {} action d(inout bit<8> v) {} action f() {} action e(in bit<8> q, bit<8> p) {}
table t0 { actions = { f; } } table t { """

AROUND = {
    "programs": ("", ""),
    "statements": ("control c(inout s_t s, in bit<8> i, out bit<8> o)(bit<8> n, int k) {\napply { ", " } }"),
    "tables": (TABLE, " } apply { t.apply(); } }"),
}


def cases(folder: str) -> list[tuple[str, str]]:
    """The kind and the text of each case."""
    found = []
    for path in sorted((HERE / folder).glob("*.txt")):
        found += [(path.stem, text.strip("\n")) for text in path.read_text().split("\n\n") if text.strip()]
    return found


def whole(kind: str, text: str) -> str:
    before, after = AROUND[kind]
    return PRELUDE + before + text + after


REFUSED, ACCEPTED = cases("refused"), cases("accepted")


@pytest.mark.parametrize(("kind", "case"), REFUSED, ids=[text.split("\n")[0][:70] for _, text in REFUSED])
def test_refused(kind: str, case: str) -> None:
    text, _, message = case.rpartition("\n-> ")
    marked = whole(kind, text)
    before, mark, after = marked.partition(MARK)
    assert mark
    assert MARK not in after
    with pytest.raises(InputError) as caught:
        load_text(before + after, FILE)
    first = caught.value.diagnostics[0]
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert (first.span.file, first.span.line, first.span.column) == (FILE, *place), first.render()
    assert message in first.message
    for diagnostic in caught.value.diagnostics:
        assert diagnostic.severity == "error"
        assert diagnostic.source_line is not None
        assert "^" in diagnostic.render()


@pytest.mark.parametrize(("kind", "case"), ACCEPTED, ids=[text.split("\n")[0][:70] for _, text in ACCEPTED])
def test_accepted(kind: str, case: str) -> None:
    load_text(whole(kind, case), FILE)


def test_there_are_many() -> None:
    """A lost file does not go unnoticed."""
    assert len(REFUSED) > 1_200
    assert len(ACCEPTED) > 250


def test_a_note_shows_the_part_in_a_later_line() -> None:
    with pytest.raises(InputError) as caught:
        load_text(whole("statements", "act(\n  s.flag\n);"), FILE)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.source_line is not None
    assert "act(" in diagnostic.source_line
    assert next(note.source_line for note in diagnostic.notes) == "  s.flag"
    assert diagnostic.render().count("^") >= 2
