"""Characters to tokens."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.p4.lexer import KINDS, Token, integer, scan
from p4verify.semantics.source import InputError


def kinds(text: str) -> list[str]:
    return [token.kind for token in scan(text)]


def texts(text: str) -> list[str]:
    return [token.text for token in scan(text)]


@pytest.mark.parametrize(("text", "kind"), sorted(KINDS.items()))
def test_fixed_spellings(text: str, kind: str) -> None:
    [token] = scan(f" {text}\n")
    assert (token.text, token.kind) == (text, "DIRECTIVE" if text == "#" else kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", (0, None, False, 10)),
        ("1_000", (1000, None, False, 10)),
        ("0xFf_0", (0xFF0, None, False, 16)),
        ("0o17", (15, None, False, 8)),
        ("0B1_01", (5, None, False, 2)),
        ("0d19", (19, None, False, 10)),
        ("8w0xFF", (255, 8, False, 16)),
        ("4s7", (7, 4, True, 10)),
        ("32w0b1010", (10, 32, False, 2)),
        ("007", (7, None, False, 10)),
        ("8w", None),
        ("0x", None),
        ("0b12", None),
        ("1a", None),
        ("8w0xG", None),
        ("0x_", None),
        ("9" * 5000, None),
    ],
)
def test_integers(text: str, expected: tuple[int, int | None, bool, int] | None) -> None:
    assert kinds(text) == ["INTEGER"]
    assert integer(text) == expected


def test_longest_symbol_wins() -> None:
    assert texts("a&&&b ... .. |+|= |+| <<= << <= {#} ++ +") == [
        "a",
        "&&&",
        "b",
        "...",
        "..",
        "|+|=",
        "|+|",
        "<<=",
        "<<",
        "<=",
        "{#}",
        "++",
        "+",
    ]


def test_right_angles_stay_apart() -> None:
    assert kinds(">> > >") == ["RSHIFT1", "RANGLE", "RANGLE", "RANGLE"]
    assert kinds("x >>= 1") == ["NAME", "ASSIGNOP", "INTEGER"]


def test_range_of_integers_is_no_fraction() -> None:
    assert texts("1..3") == ["1", "..", "3"]


def test_places_count_from_one_and_in_characters() -> None:
    first, second = scan("é /* ö\n*/ ab\n")[0], scan("/* ö\n é */ ab\n")[0]
    assert (first.kind, first.span.line, first.span.column) == ("UNEXPECTED", 1, 1)
    assert (second.span.line, second.span.column, second.span.end_column) == (2, 7, 9)


def test_strings_keep_escapes_and_lose_splices() -> None:
    assert texts(r'"a\"b\\" x') == [r'"a\"b\\"', "x"]
    [token] = scan('"one \\\ntwo"')
    assert token.text == '"one two"'
    assert (token.span.line, token.span.end_line, token.span.end_column) == (1, 2, 5)


def test_comments_end_where_they_should() -> None:
    assert texts("a // b \\\n still comment\nc /* // */ d /**/ e //") == ["a", "c", "d", "e"]


def test_carriage_returns_are_space() -> None:
    assert [(t.text, t.span.line, t.span.column) for t in scan("a\r\n b\r\n")] == [("a", 1, 1), ("b", 2, 2)]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('x = "abc', (1, 5), "this string is not terminated"),
        ("x\n /* abc", (2, 2), "this comment is not terminated"),
        ("/*/", (1, 1), "this comment is not terminated"),
    ],
)
def test_what_does_not_end(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        scan(text, "f")
    [diagnostic] = caught.value.diagnostics
    assert ((diagnostic.span.line, diagnostic.span.column), diagnostic.message) == (place, message)


@pytest.mark.long
@given(st.text())
def test_any_text_is_scanned_or_refused(text: str) -> None:
    with suppress(InputError):
        assert all(isinstance(token, Token) and token.text for token in scan(text, "f"))


@given(st.lists(st.sampled_from([*KINDS, "name", "8w0xF", '"s"', "// c\n", "/* c */"])))
def test_tokens_separated_by_spaces_come_back(words: list[str]) -> None:
    assert texts(" ".join(words)) == [word for word in words if word[:2] not in ("//", "/*")]
