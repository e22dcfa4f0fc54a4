"""The preprocessor (P4-16 specification, section 6.1): files to tokens.

Directives are those of the C preprocessor, as programs rely on them. Every token keeps the place in the file where it
was written; what a macro made is placed where the macro was called. The tokens of included files are remembered by file
and by the macros in force, so that a process that reads many programs reads ``core.p4`` once; the store keeps them for
other processes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from ..source import NOWHERE, Diagnostic, InputError, Span
from . import store
from .condition import holds
from .lexer import Scanner, Token, scan
from .macros import Expander, Macro, define, is_word

SHIPPED: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")
"""Where ``core.p4`` and the architectures are."""

MAX_INCLUDES: Final = 64
MAX_TOKENS: Final = 2_000_000
_MEMO_SIZE: Final = 512
_INCLUDE = re.compile(r'[ \t]*(?:"(?P<quoted>[^"\n]*)"|<(?P<angled>[^>\n]*)>)')

_DIRECTIVES: Final = (
    *("include", "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif"),
    *("error", "warning", "pragma", "line"),
)

Signature: TypeAlias = tuple[int, int, int]
Found: TypeAlias = tuple[str, bool, str, str]
"""An include: the name, whether it is quoted, the file that it stands in, and the file that was found."""


@dataclass(slots=True, eq=False)
class Chunk:
    """Tokens in a row. Those of an included file are shared: who gets the same object gets the same tokens."""

    made: list[Token] | None
    """None: still as they came from the store, in ``packed``."""
    shared: bool = False
    macros: dict[str, Macro] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    once: frozenset[str] = frozenset()
    key: str = ""
    """What stands for the chunk and all that it was made of in the store; "" if it is not there."""
    packed: bytes = b""
    count: int = 0

    @property
    def tokens(self) -> list[Token]:
        """The tokens."""
        if self.made is None:
            self.made = store.unpacked(self.packed)
        return self.made


@dataclass(slots=True)
class Preprocessed:
    """The tokens of a program, the text of each file that was read, and what there is to complain about."""

    chunks: list[Chunk]
    texts: dict[str, str]
    diagnostics: list[Diagnostic]

    @property
    def tokens(self) -> Iterator[Token]:
        """All tokens in order."""
        return (token for chunk in self.chunks for token in chunk.tokens)


_memo: dict[tuple[object, ...], Chunk] = {}


COMMAND_LINE: Final = "<command line>"
"""What spans in ``-D`` have for a file."""

_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
"""Control characters that no text has (0x1A ends files of DOS)."""


def read_source(path: str, where: Span = NOWHERE) -> str:
    """The text of a file; bytes that are not UTF-8 become U+FFFD, which is an error outside comments and strings."""
    span = where if where.file else Span(path, 0, 0)
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except IsADirectoryError:
        raise InputError.at(span, f"'{path}' is a directory, not a P4 program") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError.at(span, f"cannot read '{path}': {reason}") from None
    if _BINARY.search(data):
        raise InputError.at(span, f"'{path}' is a binary file, not P4 source")
    return data.decode("utf-8-sig", "replace")


def preprocess(
    path: str,
    include_dirs: Sequence[str] = (),
    defines: Mapping[str, str] | Sequence[str] = (),
    text: str | None = None,
) -> Preprocessed:
    """The tokens of the program at ``path`` (or of ``text``, which is then only called so)."""
    return Preprocessor(tuple(include_dirs), _command_line(defines)).run(path, text)


def _command_line(defines: Mapping[str, str] | Sequence[str]) -> dict[str, Macro]:
    """The macros of ``-D name=value`` (``-D name`` is 1)."""
    pairs = defines.items() if isinstance(defines, Mapping) else (item.partition("=")[::2] for item in defines)
    given = {item.partition("=")[0] for item in defines if "=" not in item} if not isinstance(defines, Mapping) else ()
    macros = {}
    for name, value in pairs:
        where = Span(COMMAND_LINE, 0, 0)
        tokens = scan(f"{name} {'1' if name in given else value}", COMMAND_LINE)
        macro = define(tokens, where)
        macros[macro.name] = macro
    return macros


def _signature(path: str) -> Signature | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class Preprocessor:
    """The state that files share: macros, what was read, what went wrong."""

    def __init__(self, include_dirs: tuple[str, ...], macros: dict[str, Macro]) -> None:
        self.include_dirs = include_dirs
        self.macros = macros
        self.texts: dict[str, str] = {}
        self.signatures: dict[str, Signature] = {}
        self.once: set[str] = set()
        self.found: list[Found] = []
        self.diagnostics: list[Diagnostic] = []
        self.stack: list[str] = []
        self.count = 0

    def run(self, path: str, text: str | None = None) -> Preprocessed:
        """Preprocess the main file."""
        if text is None:
            text = read_source(path)
            if not text.strip():
                raise InputError.at(Span(path, 0, 0), "the file is empty")
        chunks = self.file(path, text)
        return Preprocessed(chunks, self.texts, self.diagnostics)

    def file(self, path: str, text: str) -> list[Chunk]:
        """The chunks of one file."""
        self.texts[path] = text
        self.stack.append(path)
        reader = _FileReader(self, path, text)
        try:
            return reader.run()
        except InputError as error:
            raise InputError([self.with_line(diagnostic) for diagnostic in error.diagnostics]) from None
        finally:
            self.stack.pop()

    def with_line(self, diagnostic: Diagnostic) -> Diagnostic:
        """The diagnostic with its source line filled in, if that is known."""
        span, lines = diagnostic.span, self.texts.get(diagnostic.span.file, "").split("\n")
        if diagnostic.source_line is not None or not 0 < span.line <= len(lines):
            return diagnostic
        text = lines[span.line - 1].rstrip("\r")
        return Diagnostic(span, diagnostic.message, diagnostic.severity, text, diagnostic.notes)

    def report(self, span: Span, message: str, severity: str = "error") -> None:
        """Note something, and go on."""
        self.diagnostics.append(
            self.with_line(Diagnostic(span, message, "warning" if severity == "warning" else "error"))
        )

    def included(self, name: str, quoted: bool, includer: str, where: Span) -> list[Chunk]:
        """The tokens of an included file."""
        path = self._find(name, quoted, includer, where)
        self.found.append((name, quoted, includer, path))
        if path in self.once:
            return []
        if len(self.stack) >= MAX_INCLUDES:
            loop = " -> ".join(os.path.basename(p) for p in [*self.stack[-3:], path])
            raise InputError.at(where, f"includes are nested too deeply, probably in a loop: ... -> {loop}")
        signature = _signature(path)
        key = (path, signature, self.include_dirs, frozenset(self.macros.values()), frozenset(self.once))
        chunk = _memo.get(key)
        if chunk is None or any(_signature(file) != known for file, known in chunk.signatures.items()):
            chunk = self._stored(path, where, signature)
            if chunk.shared:
                if len(_memo) >= _MEMO_SIZE:
                    _memo.clear()
                _memo[key] = chunk
        else:
            self.macros.clear()
            self.macros.update(chunk.macros)
            self.once.update(chunk.once)
            self.count += chunk.count
        self.texts.update(chunk.texts)
        self.signatures.update(chunk.signatures)
        return [chunk]

    def _stored(self, path: str, where: Span, signature: Signature | None) -> Chunk:
        """An included file from the store, or read and put there."""
        text = read_source(path, where)
        macros = sorted(self.macros.values(), key=lambda macro: macro.name)
        key = store.key_of("chunk", path, text, self.include_dirs, macros, sorted(self.once))
        match store.load(key):
            case (bytes(), int(), dict(), dict(), frozenset(), list()) as known:
                chunk = self._restored(known, path, where, signature)
                if chunk is not None:
                    chunk.key = store.key_of(key, sorted(chunk.texts.items()))
                    return chunk
        before, self.found = self.found, []
        chunk = self._read(path, where, signature, text)
        found, self.found = self.found, [*before, *self.found]
        chunk.count = len(chunk.tokens)
        if chunk.shared and {path, *(item[3] for item in found)} <= set(chunk.texts):
            tokens = store.packed(chunk.tokens)
            store.save(key, (tokens, chunk.count, chunk.macros, chunk.texts, chunk.once, found))
            chunk.key = store.key_of(key, sorted(chunk.texts.items()))
        return chunk

    def _restored(self, known: tuple[Any, ...], path: str, where: Span, signature: Signature | None) -> Chunk | None:
        """The chunk of an entry, if the files that it was made of are what they were."""
        tokens, count, macros, texts, once, found = known
        try:
            if any(self._find(name, quoted, includer, where) != file for name, quoted, includer, file in found):
                return None
            if any(read_source(file) != text for file, text in texts.items() if file != path):
                return None
        except InputError:
            return None
        signatures = {file: status for file in texts if (status := _signature(file)) is not None}
        if signature is None or len(signatures) < len(texts):
            return None
        self.found += found
        self.macros.clear()
        self.macros.update(macros)
        self.once.update(once)
        self.count += count
        return Chunk(None, True, macros, texts, signatures, once, packed=tokens, count=count)

    def _read(self, path: str, where: Span, signature: Signature | None, text: str) -> Chunk:
        """Read an included file with the includes in it, as one chunk."""
        outer_texts, outer_signatures, complaints = self.texts, self.signatures, len(self.diagnostics)
        self.texts, self.signatures = dict(outer_texts), {path: signature} if signature else {}
        chunks = self.file(path, text)
        texts = {name: text for name, text in self.texts.items() if outer_texts.get(name) is not text}
        chunk = Chunk([token for part in chunks for token in part.tokens], False, {}, texts, self.signatures)
        if len(self.diagnostics) == complaints and signature is not None:
            chunk.shared, chunk.macros, chunk.once = True, dict(self.macros), frozenset(self.once)
        self.texts, self.signatures = outer_texts, outer_signatures
        return chunk

    def _find(self, name: str, quoted: bool, includer: str, where: Span) -> str:
        """The path of an included file: first beside the includer (for quotes), then ``-I``, then what is shipped."""
        if not name:
            raise InputError.at(where, "the name of the included file is empty")
        beside = [os.path.dirname(includer)] if quoted else []
        searched = [*beside, *self.include_dirs, SHIPPED]
        for directory in searched:
            path = os.path.normpath(os.path.join(directory, name))
            if "\0" not in path and os.path.isfile(path):
                return path
        raise InputError.at(where, f"cannot find the included file '{name}'")


class _FileReader:
    """Works through one file: text goes out, directives take effect."""

    def __init__(self, owner: Preprocessor, path: str, text: str) -> None:
        self._owner = owner
        self._path = path
        self._macros = owner.macros
        self._scanner = Scanner(text, path)
        self._expander = Expander(owner.macros, self._special, self._raw, self._scanner.opens)
        self._scanner.on_directive = self._line_of_directive
        self._open: list[list[object]] = []
        self._tokens: list[Token] = []
        self._chunks = [Chunk(self._tokens)]

    def run(self) -> list[Chunk]:
        """All of the file."""
        while (token := self._expander.next()) is not None:
            self._tokens.append(token)
            self._owner.count += 1
            if self._owner.count > MAX_TOKENS:
                raise InputError.at(token.span, "the program is too large")
        if self._open:
            span, name = self._open[-1][0], self._open[-1][1]
            assert isinstance(span, Span)
            raise InputError.at(span, f"this #{name} has no #endif")
        return self._chunks

    def _raw(self) -> Token | None:
        """The next token that is no part of a directive."""
        scanner = self._scanner
        while (token := scanner.next()) is not None and token.kind == "DIRECTIVE":
            self._line_of_directive(token.span)
        return token

    def _line_of_directive(self, hash_span: Span) -> None:
        scanner = self._scanner
        scanner.in_directive = True
        self._directive(hash_span)
        scanner.in_directive = False
        scanner.fresh_line = True

    def _special(self, token: Token) -> Token | None:
        """Macros that are made up on the spot."""
        if token.text == "__LINE__":
            return Token("INTEGER", str(token.span.line), token.span)
        if token.text == "__FILE__":
            name = token.span.file.replace("\\", "\\\\").replace('"', '\\"')
            return Token("STRING_LITERAL", f'"{name}"', token.span)
        return None

    # --- Directives --------------------------------------------------------------------------------------------------

    def _directive(self, hash_span: Span) -> None:
        """One directive, from behind its ``#`` to the end of the line."""
        scanner = self._scanner
        name = scanner.next()
        if name is None:
            return
        span = hash_span.to(name.span)
        match name.text:
            case "include":
                self._include(span)
            case "error" | "warning":
                text = scanner.rest_of_line()
                self._owner.report(span, f"#{name.text}" + (f" {text}" if text else ""), name.text)
            case "pragma":
                if scanner.rest_of_line() == "once":
                    self._owner.once.add(self._path)
            case "define" | "undef":
                self._define(name.text, span)
            case "line":
                self._line(span, self._expanded())
            case "if" | "ifdef" | "ifndef" | "elif" | "else" | "endif":
                self._conditional(name.text, span)
            case _ if name.kind == "INTEGER":
                self._line(span, [name, *self._expanded()])
            case _:
                scanner.rest_of_line()
                near = get_close_matches(name.text, _DIRECTIVES, 1, 0.7)
                hint = f"; did you mean '#{near[0]}'?" if near else ""
                self._owner.report(span, f"unknown directive '#{name.text}'{hint}")

    def _expanded(self) -> list[Token]:
        """The rest of the line, macros expanded."""
        rest = [(token, frozenset[str]()) for token in self._scanner]
        return [token for token, _ in Expander(self._macros, self._special).expand_all(rest)]

    def _include(self, span: Span) -> None:
        scanner = self._scanner
        match = _INCLUDE.match(scanner.text, scanner.position)
        if match is None:
            written = "".join(token.text for token in self._expanded())
            match = _INCLUDE.match(written)
            if match is None:
                raise InputError.at(span, '#include needs "file" or <file>')
        else:
            where = scanner.here(match.start("quoted" if match["quoted"] is not None else "angled") - 1, match.end())
            span = where
            scanner.position = match.end()
            list(scanner)
        name, quoted = (match["quoted"], True) if match["quoted"] is not None else (match["angled"], False)
        chunks = self._owner.included(name, quoted, self._path, span)
        self._tokens = []
        self._chunks += [*chunks, Chunk(self._tokens)]

    def _define(self, what: str, span: Span) -> None:
        tokens = list(self._scanner)
        if what == "define":
            macro = define(tokens, span)
            if self._macros.get(macro.name, macro) != macro:
                self._owner.report(tokens[0].span, f"macro '{macro.name}' is redefined", "warning")
            self._macros[macro.name] = macro
        elif len(tokens) == 1 and is_word(tokens[0]):
            self._macros.pop(tokens[0].text, None)
        else:
            raise InputError.at(span, "#undef needs the name of a macro")

    def _line(self, span: Span, tokens: Sequence[Token]) -> None:
        """``#line number "file"``: what the next line is called."""
        if not tokens or not tokens[0].text.isdecimal() or len(tokens[0].text) > 9:
            raise InputError.at(span, "#line needs the number of a line")
        scanner = self._scanner
        scanner.line_shift += int(tokens[0].text) - scanner.line - 1
        if len(tokens) > 1 and tokens[1].kind == "STRING_LITERAL":
            scanner.file = tokens[1].text[1:-1]
        if scanner.file == self._path:
            self._owner.texts.pop(self._path, None)  # its lines are no longer numbered as in the text

    # --- Conditions --------------------------------------------------------------------------------------------------

    def _conditional(self, name: str, span: Span) -> None:
        if name in ("if", "ifdef", "ifndef"):
            taken = self._condition(name, span)
            self._open.append([span, name, taken, False])
            if not taken:
                self._skip()
        elif not self._open:
            raise InputError.at(span, f"#{name} without #if")
        elif name == "endif":
            list(self._scanner)
            self._open.pop()
        else:
            self._scanner.rest_of_line()
            self._alternative(name, span)
            self._skip()

    def _alternative(self, name: str, span: Span) -> None:
        """Note an ``#elif`` or ``#else``."""
        if self._open[-1][3]:
            raise InputError.at(span, f"#{name} after #else")
        self._open[-1][3] = name == "else"

    def _skip(self) -> None:
        """Skip to the alternative that is to be read, or past the ``#endif``."""
        scanner, nested = self._scanner, 0
        while scanner.skip_to_directive():
            begin = scanner.position
            name = scanner.next()
            if name is None:
                continue
            span = scanner.here(begin - 1, scanner.position)
            if name.text in ("if", "ifdef", "ifndef"):
                nested += 1
            elif name.text == "endif" and nested:
                nested -= 1
            elif name.text == "endif":
                list(scanner)
                self._open.pop()
                return
            elif name.text in ("else", "elif") and not nested:
                self._alternative(name.text, span)
                if not self._open[-1][2] and (name.text == "else" or self._condition("if", span)):
                    list(scanner)
                    self._open[-1][2] = True
                    return

    def _condition(self, name: str, span: Span) -> bool:
        """The value of the condition on the rest of the line."""
        tokens = list(self._scanner)
        if name == "if":
            items = [(token, frozenset[str]()) for token in self._resolve_defined(tokens, span)]
            expanded = Expander(self._macros, self._special).expand_all(items)
            return holds([token for token, _ in expanded], span)
        if not tokens or not is_word(tokens[0]):
            raise InputError.at(span, f"#{name} needs the name of a macro")
        return (tokens[0].text in self._macros) == (name == "ifdef")

    def _resolve_defined(self, tokens: Sequence[Token], span: Span) -> Iterator[Token]:
        """``defined NAME`` and ``defined(NAME)`` as 0 or 1, before macros are expanded."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            index += 1
            if token.text != "defined":
                yield token
                continue
            bracket = index < len(tokens) and tokens[index].text == "("
            index += bracket
            if index >= len(tokens) or not is_word(tokens[index]):
                raise InputError.at(span, "'defined' needs the name of a macro")
            yield Token("INTEGER", str(int(tokens[index].text in self._macros)), token.span)
            index += 1
            if bracket:
                if index >= len(tokens) or tokens[index].text != ")":
                    raise InputError.at(span, "expected ')' after 'defined(' and a name")
                index += 1
