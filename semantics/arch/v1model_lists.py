"""User metadata that goes with a packet that comes back or is copied: ``@field_list`` and its numbers.

A call of ``clone_preserving_field_list`` and its kin names a list by number; the fields of the user's metadata that
carry ``@field_list`` with that number keep the values that they have when the control ends, all others are undefined
in the next pass or the copy. The deprecated ``clone3``, ``resubmit`` and ``recirculate`` name the fields themselves:
each such call counts as a list of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..ir.schema import BY_CLASS
from ..meaning.machine import Machine
from ..meaning.values import Header, Scalar, Struct, Value, build, defined_only, scalar_width, uninitialised
from ..source import NOWHERE, Span, Unsupported

LIST_BITS: Final = 32

FIRST_OWN: Final = 1 << 16
"""Numbers from here on are those of calls that name the fields themselves; the first of them has no fields."""

NO_FIELDS: Final = FIRST_OWN

NAMING: Final = {"clone3": 2, "resubmit": 0, "recirculate": 0}
"""The calls that name fields, and which argument does."""

RESUBMITS: Final = frozenset({"resubmit", "resubmit_preserving_field_list"})
RECIRCULATES: Final = frozenset({"recirculate", "recirculate_preserving_field_list"})

Path = tuple[str, ...]


@dataclass
class FieldLists:
    """What a program says of its lists."""

    calls: frozenset[str]
    """Extern functions that it calls anywhere."""
    own: dict[int, frozenset[Path]] = field(default_factory=dict)
    """The lists of calls that name fields: number → paths into the user's metadata."""
    numbers: dict[Span, int] = field(default_factory=dict)
    """Where those calls are → their lists' numbers."""

    @property
    def resubmits(self) -> bool:
        """Whether the program can resubmit a packet."""
        return bool(self.calls & RESUBMITS)

    @property
    def recirculates(self) -> bool:
        """Whether the program can recirculate a packet."""
        return bool(self.calls & RECIRCULATES)

    def of(self, annotations: tuple[ir.Annotation, ...], path: Path) -> frozenset[int]:
        """The lists that a field at ``path`` is in."""
        marked = {n for a in annotations if a.name == "field_list" for n in _numbers(a)}
        return frozenset(marked | {number for number, paths in self.own.items() if path in paths})


def _numbers(annotation: ir.Annotation) -> list[int]:
    numbers = [value for value in annotation.values if type(value) is int]
    if not numbers:
        raise Unsupported(f"@field_list({annotation.body or ''}), whose numbers are not known")
    return numbers


def field_lists(program: ir.Program, controls: tuple[ir.Control, ...]) -> FieldLists:
    """The lists of a program whose metadata has these names in these controls: their second parameter's."""
    calls = list(_calls((program.parsers, program.controls, program.functions, program.actions)))
    lists = FieldLists(frozenset(call.extern for call in calls))
    roots = {control.params[1].name for control in controls if len(control.params) > 1}
    lists.own[NO_FIELDS] = frozenset()
    for call in calls:
        if call.extern in NAMING and call.span not in lists.numbers:
            named = call.args[NAMING[call.extern]]
            number = lists.numbers[call.span] = FIRST_OWN + len(lists.own)
            lists.own[number] = frozenset(_paths(named, roots)) if named is not None else frozenset()
    return lists


def _calls(root: object) -> Iterator[ir.ExternCall]:
    """Every call of an extern function below ``root``."""
    stack: list[Any] = [root]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(item)
            continue
        kind = BY_CLASS.get(type(item))
        if kind is None or id(item) in seen or isinstance(item, (ir.StructType, ir.HeaderType, ir.UnionType)):
            continue
        seen.add(id(item))
        if isinstance(item, ir.ExternCall) and not item.method:
            yield item
        stack.extend(getattr(item, f.name) for f in kind.fields if f.name != "type")


def _paths(node: ir.Expr, roots: set[str]) -> Iterator[Path]:
    """The metadata fields that an argument names; fields of ``standard_metadata`` are the switch's own affair."""
    if isinstance(node, ir.Aggregate):
        for value in node.values:
            yield from _paths(value, roots)
        return
    steps: list[str] = []
    place: ir.Expr = node
    while isinstance(place, ir.Member):
        steps.append(place.name)
        place = place.base
    if isinstance(place, ir.Var) and place.name in roots:
        yield tuple(reversed(steps))
    elif not (isinstance(place, ir.Const) or _is_standard(place)):
        raise Unsupported("fields to preserve that are no fields of the user's metadata", node.span)


def _is_standard(place: ir.Expr) -> bool:
    type_ = ir.bare(place.type)
    return isinstance(place, ir.Var) and isinstance(type_, ir.StructType) and type_.name == "standard_metadata_t"


# --- values ---------------------------------------------------------------------------------------------------------

Keep = Callable[[frozenset[int]], Term]
"""The lists that a field is in → whether it keeps its value."""


def kept(lists: FieldLists, value: Value, type_: ir.Type, keep: Keep, span: Span = NOWHERE) -> Value:
    """Metadata of which only the fields that are kept have values; ``span`` is where it is declared."""
    return _kept(lists, value, type_, partial(_only, keep, span), frozenset(), ())


def _only(keep: Keep, span: Span, value: Value, type_: ir.Type, numbers: frozenset[int], path: Path) -> Value:
    """A field that is in these lists, undefined where it is not kept."""
    condition = keep(numbers) if numbers else b.FALSE
    if condition is b.FALSE:
        return uninitialised(type_, span)
    if not isinstance(value, (Scalar, Header)):
        raise Unsupported(f"metadata {'.'.join(path)} to be preserved, a {type(value).__name__.lower()}")
    if isinstance(value, Header):
        return Header(b.and_(value.valid, condition), defined_fields(value, condition))
    return defined_only(value, condition)


_Field = Callable[[Value, ir.Type, frozenset[int], Path], Value]


def _kept(
    lists: FieldLists, value: Value, type_: ir.Type, field: _Field, inherited: frozenset[int], path: Path
) -> Value:
    inherited |= lists.of((), path)
    bare = ir.bare(type_)
    if isinstance(value, Struct) and isinstance(bare, ir.StructType):
        return Struct(
            {
                part.name: _kept(lists, value.fields[part.name], part.type, field,
                                 inherited | lists.of(part.annotations, (*path, part.name)), (*path, part.name))
                for part in bare.fields
            }
        )  # fmt: skip
    return field(value, type_, inherited, path)


def defined_fields(header: Header, condition: Term) -> dict[str, Value]:
    """A header's fields, undefined where ``condition`` does not hold."""
    return {name: defined_only(value, condition) for name, value in header.fields.items()}


def named_by(term: Term) -> Keep:
    """Kept is what is in the list whose number ``term`` is."""
    return lambda numbers: b.or_(*(b.eq(term, b.bv(n, LIST_BITS)) for n in sorted(numbers)))


def given(m: Machine, lists: FieldLists, type_: ir.Type, when: Term, span: Span) -> Value:
    """User metadata at the beginning of a pass: what is in some list comes in where ``when``, the rest is undefined."""
    whole = _everything(m, type_, "meta", when, span)
    return kept(lists, whole, type_, lambda numbers: b.TRUE, span)


def _everything(m: Machine, type_: ir.Type, name: str, when: Term, span: Span) -> Value:
    bare = ir.bare(type_)
    width = scalar_width(type_, span)
    if width is not None:
        term = m.input.metadata(name, max(1, width))
        return Scalar(term if width else b.to_bool(term), when)
    if isinstance(bare, ir.StructType):
        return Struct({f.name: _everything(m, f.type, f"{name}.{f.name}", when, span) for f in bare.fields})
    if isinstance(bare, ir.HeaderType):
        fields = {f.name: _everything(m, f.type, f"{name}.{f.name}", when, span) for f in bare.fields}
        return Header(b.and_(when, b.to_bool(m.input.metadata(f"{name}.$valid", 1))), fields)
    return uninitialised(type_, span)


def carried(m: Machine, lists: FieldLists, value: Value, type_: ir.Type, chosen: Term, span: Span) -> dict[str, Term]:
    """What goes with a packet that comes back: each field that is in some list; undefined if not in the ``chosen``."""
    only = kept(lists, value, type_, named_by(chosen))
    whole = build(type_, lambda width: Scalar(b.bv(0, width) if width else b.FALSE), b.TRUE, span)
    listed = kept(lists, whole, type_, lambda numbers: b.TRUE)
    found: dict[str, Term] = {}
    _flatten(m, only, listed, type_, "meta", found, span)
    return found


def _flatten(
    m: Machine, value: Value, listed: Value, type_: ir.Type, name: str, found: dict[str, Term], span: Span
) -> None:
    bare = ir.bare(type_)
    match value, listed, bare:
        case Struct(fields), Struct(fields=others), ir.StructType(fields=types):
            for part in types:
                _flatten(m, fields[part.name], others[part.name], part.type, f"{name}.{part.name}", found, span)
        case Header(valid, fields), Header(fields=others, valid=other), ir.HeaderType(fields=types):
            if other is not b.FALSE:
                found[f"{name}.$valid"] = b.from_bool(valid)
                for part in types:
                    _flatten(m, fields[part.name], others[part.name], part.type, f"{name}.{part.name}", found, span)
        case Scalar(), Scalar(defined=defined), _:
            if defined is not b.FALSE:
                term = m.read(value, span)
                found[name] = b.from_bool(term) if term.sort is b.BOOL else term
        case _:
            pass  # an undefined value of a type that no list keeps
