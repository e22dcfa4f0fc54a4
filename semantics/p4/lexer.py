"""Characters to tokens (P4-16 specification, sections 6.3 and 6.4).

One regular expression does the work. A token's kind is the name of a terminal of ``p4_16.lark``, but for what only the
parser can tell apart: a name (``NAME``) is an identifier or the name of a type, ``<`` (``LANGLE``) compares or opens
type arguments. A ``>`` directly before another is ``RSHIFT1``: the grammar puts a shift together from both, so that
``list<bit<8>>`` needs no special care.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from ..source import InputError, Span


class Token(NamedTuple):
    """``kind`` is a terminal of the grammar, ``text`` is as written (line splices removed)."""

    kind: str
    text: str
    span: Span


KEYWORDS: Final = frozenset(
    [
        "abstract",
        "action",
        "actions",
        "apply",
        "bit",
        "bool",
        "break",
        "const",
        "continue",
        "control",
        "default",
        "else",
        "entries",
        "enum",
        "error",
        "exit",
        "extern",
        "false",
        "for",
        "header",
        "header_union",
        "if",
        "in",
        "inout",
        "int",
        "key",
        "list",
        "match_kind",
        "out",
        "package",
        "parser",
        "priority",
        "return",
        "select",
        "state",
        "string",
        "struct",
        "switch",
        "table",
        "this",
        "transition",
        "true",
        "tuple",
        "type",
        "typedef",
        "value_set",
        "varbit",
        "void",
    ]
)

OPERATORS: Final = frozenset(
    ["*", "/", "%", "|+|", "|-|", "<<", "<=", ">=", "!=", "==", "&", "^", "|", "++", "&&", "||"]
)
"""The binary operators that are nothing else; ``+ - < >`` have other roles and terminals of their own."""

ASSIGNMENTS: Final = frozenset(["*=", "/=", "%=", "+=", "-=", "|+|=", "|-|=", "<<=", ">>=", "&=", "|=", "^="])

PUNCTUATION: Final = {
    "{#}": "INVALID",
    "...": "DOTS",
    "..": "RANGE",
    "&&&": "MASK",
    "+": "PLUS",
    "-": "MINUS",
    "<": "LANGLE",
    ">": "RANGLE",
    "!": "NOT",
    "~": "COMPLEMENT",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    ":": "COLON",
    ",": "COMMA",
    "?": "QUESTION",
    ".": "DOT",
    "=": "ASSIGN",
    ";": "SEMICOLON",
    "@": "AT",
    "#": "HASH",
    "##": "PASTE",
}

KINDS: Final = {
    **{word: word.upper() for word in KEYWORDS},
    "_": "DONTCARE",
    **dict.fromkeys(OPERATORS, "BINOP"),
    **dict.fromkeys(ASSIGNMENTS, "ASSIGNOP"),
    **PUNCTUATION,
}
"""The kind of every token that is always spelt the same."""

SPELLING: Final = {kind: text for text, kind in KINDS.items() if kind not in ("BINOP", "ASSIGNOP")}

_COMMENT = r"//(?:[^\n\\]|\\\r?\n|\\.)*+\\?|/\*.*?\*/"
_SYMBOLS = sorted((text for text in KINDS if not text[0].isalpha() and text != "_"), key=len, reverse=True)
_TOKEN = re.compile(
    r"""(?:[ \t\r\f\v]|\\\r?\n)*+
    (?: (?P<word> [A-Za-z_][A-Za-z0-9_]* )
      | (?P<number> [0-9][A-Za-z0-9_]* )
      | (?P<comment> """
    + _COMMENT
    + r""" )
      | (?P<symbol> """
    + "|".join(re.escape(symbol) for symbol in _SYMBOLS)
    + r""" )
      | (?P<newline> \n[ \t\r\n]* )
      | (?P<string> "(?:[^"\\\n]|\\.)*" )
      | (?P<other> . ) )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SPLICE = re.compile(r"\\\r?\n")
_STRING_LINE = re.compile(r'(?:[^"\\\n]|\\.)*+', re.DOTALL)
_HASH = re.compile(r"[ \t]*#")
_LINE_END = re.compile(r"(?:[^\n\\]|\\\r?\n|\\)*+")
_OPENS = re.compile(rf"(?:[ \t\r\n\f\v]|\\\r?\n|{_COMMENT})*+\(", re.DOTALL)
_SKIP = re.compile(rf"{_COMMENT}|\"(?:[^\"\\\n]|\\.)*\"|(?P<hash>\n(?:[ \t]|/\*.*?\*/)*#)", re.DOTALL)

_INTEGER = re.compile(
    r"(?:(?P<width>[0-9]+)(?P<sign>[ws]))?"
    r"(?:0[xX](?P<x>[0-9a-fA-F_]+)|0[oO](?P<o>[0-7_]+)|0[bB](?P<b>[01_]+)|0[dD](?P<d>[0-9_]+)|(?P<plain>[0-9][0-9_]*))"
)
_BASES: Final = {"x": 16, "o": 8, "b": 2, "d": 10, "plain": 10}
MAX_DIGITS: Final = 4000
"""More digits than any real literal has, and few enough for decimal conversion."""


def integer(text: str) -> tuple[int, int | None, bool, int] | None:
    """``(value, width, signed, base)`` of an integer literal (6.4.3.2), or None if it is none."""
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > MAX_DIGITS:
        return None
    group = next(name for name in _BASES if match[name] is not None)
    digits = match[group].replace("_", "")
    if not digits:
        return None
    width = int(match["width"]) if match["width"] is not None else None
    return int(digits, _BASES[group]), width, match["sign"] == "s", _BASES[group]


class Scanner:
    """Hands out the tokens of one text, newlines included (they matter to directives).

    ``file`` and ``line_shift`` say what positions are called; the ``#line`` directive changes them.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.line_shift = 0
        self.position = 0
        self.fresh_line = True
        """No token was read on this line yet, so a ``#`` begins a directive."""
        self.on_directive: Callable[[Span], None] | None = None
        """Reads a directive that stands within a string, from behind its ``#``."""
        self.in_directive = False
        """Stop before the end of the line."""
        self._line = 1
        self._line_start = 0
        self._spliced = _SPLICE.search(text) is not None

    def __iter__(self) -> Iterator[Token]:
        while (token := self.next()) is not None:
            yield token

    def next(self) -> Token | None:
        """The next token of the text, or None at its end. A ``#`` that begins a directive is of kind DIRECTIVE."""
        text, size, match_at = self.text, len(self.text), _TOKEN.match
        while self.position < size:
            match = match_at(text, self.position)
            if match is None:
                break
            group = match.lastgroup
            begin, self.position = match.span(group or 0)
            if self._spliced:
                self._newlines(match.start(), begin)
            lexeme = text[begin : self.position]
            if group == "newline":
                if self.in_directive:
                    self.position = begin
                    return None
                self._newlines(begin, self.position)
                self.fresh_line = True
            elif group == "comment":
                self._newlines(begin, self.position)
            else:
                return self._token(group or "other", lexeme, begin)
        self.position = size
        return None

    def here(self, begin: int, end: int) -> Span:
        """The span of a stretch of the current line."""
        line, shift = self._line + self.line_shift, 1 - self._line_start
        return Span(self.file, line, begin + shift, line, end + shift)

    def rest_of_line(self) -> str:
        """The tokens' text up to the end of the line, as written; they are read."""
        begin = self.position
        end = _LINE_END.match(self.text, begin)
        self.position = end.end() if end else len(self.text)
        self._newlines(begin, self.position)
        return _SPLICE.sub(" ", self.text[begin : self.position]).strip()

    def opens(self) -> bool:
        """Whether the next token is a parenthesis."""
        return _OPENS.match(self.text, self.position) is not None

    def skip_to_directive(self) -> bool:
        """Skip text up to the next ``#`` that begins a line and read that; False if there is none."""
        while (match := _SKIP.search(self.text, self.position)) is not None:
            self._newlines(self.position, match.end())
            self.position = match.end()
            if match["hash"]:
                self.fresh_line = False
                return True
        self.position = len(self.text)
        return False

    @property
    def line(self) -> int:
        """The number of the current line."""
        return self._line + self.line_shift

    def _token(self, group: str, lexeme: str, begin: int) -> Token:
        line, column = self._line + self.line_shift, begin - self._line_start + 1
        fresh, self.fresh_line = self.fresh_line, False
        if group == "word":
            return Token(KINDS.get(lexeme, "NAME"), lexeme, Span(self.file, line, column, line, column + len(lexeme)))
        if group == "string":
            return self._string(lexeme, begin)
        if lexeme == '"':
            return self._long_string(begin)
        span = Span(self.file, line, column, line, column + len(lexeme))
        if group == "number":
            return Token("INTEGER", lexeme, span)
        if group == "other":
            return Token("UNEXPECTED", lexeme, span)
        if lexeme == "#" and fresh:
            return Token("DIRECTIVE", lexeme, span)
        if lexeme == ">" and self.text.startswith(">", self.position):
            return Token("RSHIFT1", lexeme, span)
        if lexeme == "/" and self.text.startswith("*", self.position):
            raise InputError.at(span, "this comment is not terminated", self.source_line(self._line))
        return Token(KINDS[lexeme], lexeme, span)

    def _string(self, lexeme: str, begin: int) -> Token:
        line, column = self._line + self.line_shift, begin - self._line_start + 1
        self._newlines(begin, begin + len(lexeme))
        end_line, end_column = self._line + self.line_shift, begin + len(lexeme) - self._line_start + 1
        text = _SPLICE.sub("", lexeme) if "\\" in lexeme else lexeme
        return Token("STRING_LITERAL", text, Span(self.file, line, column, end_line, end_column))

    def _long_string(self, begin: int) -> Token:
        """A string over several lines. To the preprocessor they are lines like any other: directives take effect."""
        start = self.here(begin, begin + 1)
        source_line = self.source_line(self._line)
        parts = ['"']
        while (line := _STRING_LINE.match(self.text, self.position)) is not None:
            parts.append(line.group())
            self._newlines(line.start(), line.end())
            self.position = line.end()
            if self.text.startswith('"', self.position):
                self.position += 1
                break
            if not self.text.startswith("\n", self.position):
                raise InputError.at(start, "this string is not terminated", source_line)
            parts.append("\n")
            self.position += 1
            self._newlines(self.position - 1, self.position)
            if self.on_directive and (hash_ := _HASH.match(self.text, self.position)):
                self.position = hash_.end()
                self.on_directive(self.here(hash_.end() - 1, hash_.end()))
        end = self.here(self.position - 1, self.position)
        span = Span(start.file, start.line, start.column, end.end_line, end.end_column)
        return Token("STRING_LITERAL", _SPLICE.sub("", "".join(parts)) + '"', span)

    def _newlines(self, begin: int, end: int) -> None:
        """Count the lines that end between the two places."""
        count = self.text.count("\n", begin, end)
        if count:
            self._line += count
            self._line_start = self.text.rfind("\n", begin, end) + 1

    def source_line(self, physical_line: int) -> str:
        """The text of a line, whatever ``#line`` calls it."""
        return self.text.split("\n", physical_line)[physical_line - 1].rstrip("\r")


def scan(text: str, file: str = "", at: Span | None = None) -> list[Token]:
    """All tokens of a text; with ``at``, all placed there (the text is made, not written)."""
    tokens = list(Scanner(text, file))
    return tokens if at is None else [Token(token.kind, token.text, at) for token in tokens]
