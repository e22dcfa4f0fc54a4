"""What every checking function is given: where to complain, the names in scope, and where in the program it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from ...source import Diagnostic, InputError, Severity, Span, Unsupported
from ..syntax import Name
from . import typed
from .symbols import (
    ActionSymbol,
    BlockSymbol,
    ConstSymbol,
    EnumSymbol,
    InstanceSymbol,
    Overloads,
    ParamSymbol,
    Scope,
    Symbol,
    TableSymbol,
    ValueSetSymbol,
    VarSymbol,
)
from .types import VOID, Type
from .words import closest

MAX_ERRORS: Final = 50


class Phase(IntEnum):
    """What is checked first is reported first: a mistake in the names explains many in the types, not the reverse.

    The order is that of the reference compiler's passes, so that both begin with the same complaint.
    """

    DUPLICATES = 0
    STRUCTURE = 1
    NAMES = 2
    CONSTANTS = 3
    TYPES = 4
    WHOLE = 5


_DECLARING: Final = frozenset(("control", "parser"))

PlaceKind: TypeAlias = Literal[
    "top", "parser", "state", "control", "apply", "action", "function", "method", "argument", "abstract", "key"
]


_WATCHED: Final = (VarSymbol, ConstSymbol, ActionSymbol, TableSymbol, InstanceSymbol, ValueSetSymbol)
"""What a block declares for its own use only."""


def _quiet(symbol: Symbol) -> bool:
    """Whether ``@noWarn("unused")`` stands before the declaration."""
    return any(a.name == "noWarn" and "unused" in a.values for a in symbol.annotations)


@dataclass(frozen=True, slots=True)
class Place:
    """The region of the program: what may be called and how one may leave depends on it."""

    kind: PlaceKind = "top"
    result: Type = VOID
    loops: int = 0
    block: BlockSymbol | None = None
    table: TableSymbol | None = None
    constructing: bool = False
    """Whether this is the argument of a constructor."""


@dataclass
class Report:
    """Collects diagnostics; ``lines`` finds the source line for a span."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    errors: int = 0
    unsupported: Unsupported | None = None
    """The first that is allowed and not handled; what is not allowed is told before it."""
    _seen: set[tuple[Span, str]] = field(default_factory=set)
    _phases: list[Phase] = field(default_factory=list)

    def add(
        self,
        severity: Severity,
        span: Span,
        message: str,
        notes: tuple[tuple[Span, str], ...],
        phase: Phase = Phase.TYPES,
    ) -> None:
        """Record a message, once."""
        if (span, message) in self._seen:
            return
        self._seen.add((span, message))
        shown = tuple(Diagnostic(place, text, "note") for place, text in notes if place.file)
        self.diagnostics.append(Diagnostic(span, message, severity, None, shown))
        self._phases.append(phase)
        if severity == "error":
            self.errors += 1
            if self.errors >= MAX_ERRORS:
                raise TooManyErrors

    def finish(self, texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
        """All messages by phase, then as found, with source lines.

        Raises:
            InputError: there are errors.
            Unsupported: there are none, and something is not handled.
        """
        lines: dict[str, list[str]] = {}

        def complete(d: Diagnostic) -> Diagnostic:
            if d.span.file not in lines:
                lines[d.span.file] = texts.get(d.span.file, "").split("\n")
            known = lines[d.span.file]
            text = known[d.span.line - 1] if 0 < d.span.line <= len(known) else None
            return replace(d, source_line=text, notes=tuple(map(complete, d.notes)))

        ordered = sorted(zip(self._phases, self.diagnostics, strict=True), key=lambda pair: pair[0])
        everything = tuple(complete(d) for _, d in ordered)
        if self.errors:
            raise InputError([d for d in everything if d.severity == "error"])
        if self.unsupported is not None:
            raise self.unsupported
        return everything


class TooManyErrors(Exception):
    """Ends the checking of a program that has more errors than anybody reads."""


@dataclass
class Context:
    """The state of one run of the checker."""

    report: Report
    scope: Scope
    program: typed.Program
    place: Place = field(default_factory=Place)
    open: list[tuple[Name, str]] = field(default_factory=list)
    transparent: frozenset[str] = frozenset()
    """New types of the architecture that are taken for other names of their base types."""

    def error(self, span: Span, message: str, *notes: tuple[Span, str], phase: Phase = Phase.TYPES) -> None:
        """An error; ``notes`` point at the declarations concerned."""
        self.report.add("error", span, message, notes, phase)

    def error_in(self, whole: Span, part: Span, message: str, *notes: tuple[Span, str]) -> None:
        """An error in a statement or call: at its first line, and there at the part concerned if it stands there."""
        if part.file == whole.file and part.line == whole.line:
            self.error(part, message, *notes)
        else:
            self.error(whole, message, (part, "it is about this"), *notes)

    def unsupported(self, span: Span, reason: str) -> None:
        """Something that is allowed and not handled; checking goes on."""
        self.report.unsupported = self.report.unsupported or Unsupported(reason, span)

    def warn(self, span: Span, message: str, *notes: tuple[Span, str]) -> None:
        """A warning."""
        self.report.add("warning", span, message, notes)

    @contextmanager
    def nested(self, **changes: object) -> Iterator[None]:
        """A new scope inside the present one, with changes to the place."""
        outer_scope, outer_place = self.scope, self.place
        self.scope = Scope(outer_scope)
        if changes:
            self.place = replace(outer_place, **changes)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self._unused(self.scope)
            self.scope, self.place = outer_scope, outer_place

    @contextmanager
    def at(self, **changes: object) -> Iterator[None]:
        """The same scope, another place."""
        outer = self.place
        self.place = replace(outer, **changes)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.place = outer

    def _unused(self, scope: Scope) -> None:
        for name, symbol in scope.names.items():
            if isinstance(symbol, _WATCHED) and name != "this" and not symbol.used and not _quiet(symbol):
                self.warn(symbol.span, f"the {symbol.what} '{symbol.name}' is never used")

    def declare(self, symbol: Symbol) -> None:
        """Add a name to the present scope; complain if it is taken, warn if it hides another."""
        known = self.scope.names.get(symbol.name)
        if known is not None:
            self.error(
                symbol.span,
                f"'{symbol.name}' is declared already",
                (known.span, f"the other declaration of '{symbol.name}'"),
                phase=Phase.DUPLICATES,
            )
            return
        if self.scope.outer is not None:
            hidden = self.scope.outer.find(symbol.name)
            local = isinstance(symbol, (VarSymbol, ConstSymbol)) and self.place.kind not in _DECLARING
            if local and isinstance(hidden, ParamSymbol):
                self.error(
                    symbol.span,
                    f"'{symbol.name}' hides the parameter of the same name",
                    (hidden.span, f"the parameter '{hidden.name}'"),
                    phase=Phase.NAMES,
                )
            elif hidden is not None and hidden.span.file and not isinstance(hidden, Overloads):
                self.warn(
                    symbol.span,
                    f"'{symbol.name}' hides the {hidden.what} of the same name",
                    (hidden.span, f"'{hidden.name}' that is hidden"),
                )
        self.scope.names[symbol.name] = symbol

    @contextmanager
    def open_declaration(self, name: Name, what: str) -> Iterator[None]:
        """While the declaration of ``name`` is checked: it is not in scope yet, and nothing may use itself."""
        self.open.append((name, what))
        try:
            yield
        finally:
            self.open.pop()

    def unknown(self, span: Span, name: str, what: str, scope: Scope) -> None:
        """Complain of a name that is not declared, or not yet."""
        for declared, kind in self.open:
            if declared.text == name:
                text = f"the {kind} '{name}' cannot be used in its own declaration"
                self.error(span, text, (declared.span, "it is declared here"), phase=Phase.NAMES)
                return
        hint = self._qualified(name) or closest(name, scope.all_names())
        self.error(span, f"unknown {what} '{name}'{hint}", phase=Phase.NAMES)

    def _qualified(self, name: str) -> str:
        """A hint that ``name`` is that of an error or a member of an enum, which need their type before them."""
        if name in self.program.errors:
            return f"; did you mean 'error.{name}'?"
        for symbol in self.global_scope().names.values():
            if isinstance(symbol, EnumSymbol) and name in symbol.members:
                return f"; did you mean '{symbol.name}.{name}'?"
        return ""

    def global_scope(self) -> Scope:
        """The outermost scope."""
        scope = self.scope
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def distinct(self, names: tuple[Name, ...], what: str) -> None:
        """Complain of a name that occurs twice in a list of ``what``."""
        seen: dict[str, Name] = {}
        for name in names:
            if name.text in seen:
                text = f"{what} '{name.text}' is declared already"
                self.error(name.span, text, (seen[name.text].span, "the other one"), phase=Phase.DUPLICATES)
            else:
                seen[name.text] = name
