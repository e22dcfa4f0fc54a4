"""What happened to one packet, step by step, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import bits as b
from .. import ir
from ..source import Span
from .origin import Origin
from .values import Header, Scalar, Stack, Struct, Text, Union, Value, Varbit


@dataclass
class Trace:
    """The steps of a run: each a dictionary of JSON data whose ``"step"`` says what it is."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    """The steps of the extern calls that are being made, the innermost last."""

    def add(self, step: str, span: Span, **data: Any) -> None:
        """One more step, at a place in the source."""
        entry: dict[str, Any] = {"step": step, **data}
        self.steps.append(entry | place(span))

    def call(self, span: Span, data: dict[str, Any], *, quietly: bool) -> None:
        """An extern is called; :meth:`told` says with what, until :meth:`called` ends it. ``quietly``: no step."""
        entry = {"step": "call", **data} | place(span)
        self.calls.append(entry)
        if not quietly:
            self.steps.append(entry)

    def told(self, kind: str, name: str, value: Value) -> None:
        """An argument (``arguments``) of the call that is being made, or what it gives to one (``results``)."""
        if self.calls:
            self.calls[-1].setdefault(kind, {})[name] = plain(value)

    def called(self, result: Value | None) -> None:
        """The innermost call ends, with what it returns."""
        step = self.calls.pop()
        if result is not None and result != Struct({}):
            step["returns"] = plain(result)

    def undefined(self, reason: str, span: Span, value: int, origin: Origin | None = None, what: str = "") -> None:
        """A value that the specification leaves open was read, and taken to be ``value``; ``what`` is its name, where
        the place does not show it."""
        more: dict[str, Any] = {"what": what} if what else {}
        if origin is not None:
            more["origin"] = {"reason": origin.reason, **place(origin.span)}
        self.add("undefined", span, reason=reason, value=value, **more)


def failed_assertion(trace: Trace) -> dict[str, Any] | None:
    """The step of the first ``assert`` or ``assume`` that was false."""
    return next((step for step in trace.steps if step["step"] == "assertion" and not step["holds"]), None)


def place_text(node: ir.Expr) -> str:
    """A variable or a part of one as the source names it: ``hdr.s[2].f``, ``x[7:0]``."""
    parts: list[str] = []
    while not isinstance(node, ir.Var):
        match node:
            case ir.Member(name=name):
                parts.append(f".{name}")
            case ir.Index(index=index):
                parts.append(f"[{index.value}]" if isinstance(index, ir.Const) else "[..]")
            case ir.Slice(high=high, low=low):
                parts.append(f"[{high}:{low}]")
            case _:
                return type(node).__name__
        node = node.base
    return "".join([node.name, *reversed(parts)])


def widths(value: Value) -> dict[str, int]:
    """Bits of the fields of a header, for whoever prints them."""
    if not isinstance(value, Header):
        return {}
    return {name: part.term.width for name, part in value.fields.items() if isinstance(part, Scalar)}


def place(span: Span) -> dict[str, Any]:
    """``where`` a step is; nothing for a place that is not known."""
    if not span.file:
        return {}
    end = {"end_line": span.end_line, "end_column": span.end_column} if span.end_line else {}
    return {"where": {"file": span.file, "line": span.line, "column": span.column, **end}}


def plain(value: Value) -> Any:
    """A value as JSON data: numbers, booleans, dictionaries of fields; None for an invalid header or undefined leaf."""
    match value:
        case Scalar(term, defined):
            if defined is not b.TRUE or not term.is_const:
                return None
            return bool(term.value) if term.sort is b.BOOL else term.value
        case Varbit(bits, length):
            return {"bits": hex(bits.value), "length": length.value} if bits.is_const and length.is_const else None
        case Struct(fields):
            return {name: plain(field_) for name, field_ in fields.items()}
        case Header(valid, fields):
            return {name: plain(field_) for name, field_ in fields.items()} if valid is b.TRUE else None
        case Union(members):
            return {name: plain(member) for name, member in members.items()}
        case Stack(elements):
            return [plain(element) for element in elements]
        case Text(text):
            return text
