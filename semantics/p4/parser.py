"""P4-16 programs to syntax trees.

:func:`parse_program` reads a file, :func:`parse_text` a text. What cannot be parsed raises
:class:`~p4verify.semantics.source.InputError` with up to twenty diagnostics. Included files are parsed once a process
for each set of macros and symbols they are met with; their declarations are shared between programs, and kept on disk
for other processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..source import Diagnostic, InputError, Span
from . import store, syntax
from .driver import MAX_ERRORS, Driver, TooManyErrors
from .preprocess import Chunk, Preprocessed, preprocess

_MEMO_SIZE: Final = 512
_Key = tuple[int, frozenset[tuple[str, bool]]]
_parsed: dict[_Key, tuple[Chunk, list[syntax.Node], dict[str, bool]]] = {}


def parse_program(
    path: str, include_dirs: Sequence[str] = (), defines: Mapping[str, str] | Sequence[str] = ()
) -> syntax.Program:
    """The program in the file at ``path``. ``defines`` is a mapping, or items like ``NAME`` and ``NAME=VALUE``."""
    return _parse(preprocess(path, include_dirs, defines), path)


def parse_text(
    text: str,
    file: str = "<text>",
    include_dirs: Sequence[str] = (),
    defines: Mapping[str, str] | Sequence[str] = (),
) -> syntax.Program:
    """The program in a text that is called ``file`` in messages."""
    return _parse(preprocess(file, include_dirs, defines, text), file)


def _parse(source: Preprocessed, path: str) -> syntax.Program:
    driver = Driver()
    text = source.texts.get(path, "")
    line = text.count("\n") + 1
    end = Span(path, line, len(text) - text.rfind("\n"))
    crash: list[Diagnostic] = []
    try:
        for chunk in source.chunks:
            _feed(driver, chunk)
        driver.finish(end)
    except TooManyErrors:
        pass
    except InputError as error:
        crash = error.diagnostics
    complaints = [d for d in source.diagnostics if d.severity == "error"]
    errors = [*complaints, *driver.errors, *driver.builder.errors, *crash]
    if errors:
        raise InputError([_with_line(source, d) for d in errors[:MAX_ERRORS]])
    span = Span(path, 1, 1, end.line, end.column)
    declarations = tuple(d for d in driver.declarations if isinstance(d, syntax.Declaration))
    return syntax.Program(declarations, source.texts, tuple(source.diagnostics), span=span)


def _feed(driver: Driver, chunk: Chunk) -> None:
    """Parse a chunk, or remember what came of it before."""
    if not (chunk.shared and driver.at_boundary):
        driver.feed(chunk.tokens)
        return
    key = id(chunk), frozenset(driver.symbols.is_type.items())
    known = _parsed.get(key) or _stored(chunk, driver)
    if known is None:
        before, types = len(driver.declarations), sorted(driver.symbols.is_type.items())
        driver.feed(chunk.tokens)
        if driver.at_boundary:
            if len(_parsed) >= _MEMO_SIZE:
                _parsed.clear()
            # The chunk is kept with the result, so that no other chunk gets its identity.
            _parsed[key] = chunk, driver.declarations[before:], dict(driver.symbols.is_type)
            if chunk.key:
                store.save(_key(chunk, types), (driver.declarations[before:], dict(driver.symbols.is_type)))
    else:
        _parsed[key] = known
        driver.adopt(known[1], known[2])


def _key(chunk: Chunk, types: list[tuple[str, bool]]) -> str:
    return store.key_of("declarations", chunk.key, types)


def _stored(chunk: Chunk, driver: Driver) -> tuple[Chunk, list[syntax.Node], dict[str, bool]] | None:
    """What came of the chunk in another process."""
    if not chunk.key:
        return None
    known = store.load(_key(chunk, sorted(driver.symbols.is_type.items())))
    match known:
        case (list() as declarations, dict() as types):
            return chunk, declarations, types
    return None


def _with_line(source: Preprocessed, diagnostic: Diagnostic) -> Diagnostic:
    span = diagnostic.span
    lines = source.texts.get(span.file, "").split("\n")
    if diagnostic.source_line is not None or not 0 < span.line <= len(lines):
        return diagnostic
    line = lines[span.line - 1].rstrip("\r")
    notes = tuple(_with_line(source, note) for note in diagnostic.notes)
    return Diagnostic(span, diagnostic.message, diagnostic.severity, line, notes)
