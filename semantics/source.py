"""Places in input files, and the one kind of error that a user sees.

A :class:`Span` names a stretch of one input text; every node that came from a source carries one. An input that cannot
be used raises :class:`InputError`, which holds one or more :class:`Diagnostic`; the command line prints them in the
style ``file:line:column: error: message`` with the source line and a caret, and exits with 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Span:
    """``[line:column, end_line:end_column)`` in ``file``; lines and columns count from 1, columns in characters."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of ``other`` (this one, if they lie in different files)."""
        if other.file != self.file or not other.end_line:
            return self
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)


NOWHERE: Final = Span("", 0, 0)
"""The span of what no source wrote: compiler-made nodes, defaults of the language."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message at one place; ``source_line`` is the text of the line, if it is known, for the caret."""

    span: Span
    message: str
    severity: Severity = "error"
    source_line: str | None = None
    notes: tuple[Diagnostic, ...] = ()

    def render(self) -> str:
        """The message as a compiler prints it: place, text, source line with caret, then the notes."""
        place = f"{self.span}: " if self.span.file else ""
        lines = [f"{place}{self.severity}: {self.message}"]
        if self.source_line is not None and self.span.column:
            lines += _caret(self.source_line, self.span)
        lines += [note.render() for note in self.notes]
        return "\n".join(lines)


def _caret(source_line: str, span: Span) -> list[str]:
    """The source line and the marks below it; a very long line is cut around the place."""
    window, start = 160, max(0, span.column - 1 - 80)
    shown = source_line[start : start + window].rstrip("\r\n")
    pad = "".join("\t" if c == "\t" else " " for c in shown[: span.column - 1 - start])
    same_line = span.end_line == span.line and span.end_column > span.column
    width = min(span.end_column - span.column if same_line else 1, max(1, len(shown) - len(pad)))
    shown = "".join(c if c == "\t" or c.isprintable() else "\ufffd" for c in shown)  # terminals obey control characters
    return [f"  {shown}", f"  {pad}{'^' + '~' * (width - 1)}"]


@dataclass
class InputError(Exception):
    """Input that cannot be used: P4, rules, ELF, dumps, configuration. Exit code 2."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(d.render() for d in self.diagnostics)

    @classmethod
    def at(cls, span: Span, message: str, source_line: str | None = None) -> InputError:
        """An error with a single message."""
        return cls([Diagnostic(span, message, source_line=source_line)])


class OutOfTime(Exception):
    """There is no time left for what was begun; the verdict is ``undecided``."""


@dataclass
class Unsupported(Exception):
    """Something that p4verify does not model (yet); never to be mistaken for a verdict about equality."""

    reason: str
    span: Span = NOWHERE

    def __str__(self) -> str:
        return f"{self.span}: {self.reason}" if self.span.file else self.reason
