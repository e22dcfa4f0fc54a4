"""The words of a syntax error: what was expected, and what was found."""

from __future__ import annotations

from typing import Final

from ..source import Span
from .lexer import KEYWORDS, SPELLING, Token
from .tables import END

_WORDS: Final = {word.upper() for word in KEYWORDS}
_ELSEWHERE: Final = {"and": "&&", "or": "||", "mod": "%", "xor": "^"}
_CLOSERS: Final = ("SEMICOLON", "COMMA", "RPAR", "RSQB", "RBRACE", "LBRACE", "LPAR", "COLON", "ASSIGN", "IN")
_OPERATORS: Final = frozenset({"BINOP", "PLUS", "MINUS", "LANGLE", "RANGLE", "RSHIFT1", "QUESTION", "LANGLE_ARGS"})
_NAMES: Final = frozenset({"IDENTIFIER", "TYPE_IDENTIFIER"})
_PLACES: Final = (
    ({"EXTERN", "CONTROL", "PARSER"}, "a declaration"),
    ({"IF", "RETURN"}, "a statement"),
    ({"IF", "TRANSITION"}, "a statement or 'transition'"),
    ({"ACTION", "TABLE"}, "a declaration or 'apply'"),
    ({"KEY", "ACTIONS", "ENTRIES", "CONST"}, "a property of the table"),
    ({"VALUE_SET", "STATE"}, "a declaration or a state"),
    ({"INTEGER", "TRUE", "LPAR"}, "an expression"),
    ({"BIT", "BOOL", "INT"}, "a type"),
)  # fmt: skip


def describe(
    expected: set[str], before: Token | None, found: Token, after: Token | None, before_is_value: bool
) -> tuple[Span, str]:
    """Where the error is, and the message."""
    if found.kind == "UNEXPECTED":
        return found.span, _unexpected(found.text)
    wanted = _wanted(expected)
    type_like = (
        found.kind == "LANGLE"
        or (found.kind == "NAME" and "ASSIGN" in expected)
        or (found.kind in ("NAME", "LPAR") and wanted.startswith("a name"))
    )
    if before is not None and before_is_value and type_like:
        return before.span, f"'{before.text}' is not the name of a type"
    if found.kind == "NAME" and "TYPE_IDENTIFIER" in expected and "IDENTIFIER" not in expected:
        return found.span, f"'{found.text}' is not the name of a type"
    confused = _confused(expected, before, found)
    if confused:
        return found.span, confused
    if found.kind in _WORDS and wanted.startswith("a name"):
        return found.span, f"expected a name, found '{found.text}', which is a keyword"
    what = "the end of the file" if found.kind in (END, "$PAUSE") else f"'{_shorten(found.text)}'"
    behind = f" after '{_shorten(before.text)}'" if before is not None and before.text and wanted[:1] == "'" else ""
    return found.span, f"expected {wanted}{behind}, found {what}" if wanted else f"{what} is not expected here"


def _confused(expected: set[str], before: Token | None, found: Token) -> str:
    """What is written in other languages: the message says what P4 has instead."""
    if {"BINOP", "RPAR"} <= expected and found.kind == "ASSIGN":
        return "'=' assigns and is no operator; did you mean '=='?"
    if "BINOP" in expected and found.text in _ELSEWHERE:
        return f"'{found.text}' is no operator; did you mean '{_ELSEWHERE[found.text]}'?"
    if before is not None and before.text == "not" and "BINOP" in expected:
        return "'not' is no operator; did you mean '!'?"
    if before is not None and before.kind == "DOT" and found.kind == "INTEGER":
        return "there are no numbers with a fraction in P4"
    return ""


def _unexpected(text: str) -> str:
    if text == "\ufffd":
        return "this byte is not part of a P4 program (the file is not UTF-8 text)"
    if not text.isprintable():
        return f"the character U+{ord(text):04X} is not part of a P4 program"
    return f"the character '{text}' is not part of a P4 program"


def _wanted(expected: set[str]) -> str:
    """What was expected, in as few words as possible."""
    if "INTEGER" in expected and "BINOP" not in expected:
        expected = expected - {"LBRACE"}
    if expected > {"LSQB"}:
        expected = expected - {"LSQB"}  # arrays of anything are an extension: nothing to suggest
    for marks, place in _PLACES:
        if marks <= expected:
            closer = [mark for mark in ("RPAR", "RSQB") if mark in expected and place in ("an expression", "a type")]
            return " or ".join([place, *(f"'{SPELLING[mark]}'" for mark in closer)])
    closers = [kind for kind in _CLOSERS if kind in expected]
    if "BINOP" in expected or (expected & _NAMES and "SEMICOLON" in expected):
        closers = [kind for kind in closers if kind not in ("LPAR", "ASSIGN")] or closers
        if not closers and "RANGLE" in expected:
            return "'>'"
        return _either([f"'{SPELLING[kind]}'" for kind in closers if kind in SPELLING])
    rest = expected - set(closers) - _OPERATORS
    parts = ["a name"] if rest >= _NAMES else ["the name of a type"] if "TYPE_IDENTIFIER" in rest else []
    if parts and rest & _NAMES:
        rest = rest - _NAMES - {"APPLY", "KEY", "ACTIONS", "STATE", "ENTRIES", "TYPE", "PRIORITY", "LIST"}
    parts += [f"'{SPELLING[kind]}'" for kind in closers]
    parts += sorted(f"'{SPELLING[kind]}'" for kind in rest if kind in SPELLING)
    if "INTEGER" in rest:
        parts.insert(0, "a number")
    return _either(parts) if len(parts) <= 6 else ""


def _either(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " or " * (len(parts) > 1) + parts[-1] if parts else ""


def _shorten(text: str) -> str:
    text = text.replace("\n", "\\n")
    return text if len(text) <= 40 else f"{text[:37]}..."
