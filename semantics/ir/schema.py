"""What a node of p4ast consists of, read off the node classes; the codecs and the checks know no more than this."""

from __future__ import annotations

import dataclasses
import inspect
import types as python_types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from ..source import NOWHERE, Span
from . import blocks, expressions, program, statements, types
from .numbers import KINDS

Accepts = Callable[[object], bool]

_MODULES: Final = (types, expressions, statements, blocks, program)


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field: its number on the wire, what values it takes, and the default that need not be written."""

    name: str
    number: int
    accepts: Accepts
    takes: str
    """What it takes, for people."""
    required: bool
    default: object

    def is_default(self, value: object) -> bool:
        """Whether ``value`` need not be written."""
        if self.default is NOWHERE:
            return value is NOWHERE or (type(value) is Span and value == NOWHERE)
        return not self.required and type(value) is type(self.default) and value == self.default


@dataclass(frozen=True, slots=True)
class KindSchema:
    """One class of nodes."""

    name: str
    number: int
    build: Callable[..., Any]
    fields: tuple[FieldSchema, ...]
    by_name: Mapping[str, FieldSchema]
    by_number: Mapping[int, FieldSchema]

    def create(self, values: Mapping[str, object]) -> Any:
        """The node with these fields (the others at their defaults).

        Raises:
            ValueError: a field is missing, or a value is not what the field takes.
        """
        for field in self.fields:
            if field.name not in values:
                if field.required:
                    raise ValueError(f"{self.name} without {field.name}")
            elif not field.accepts(values[field.name]):
                raise ValueError(f"{self.name}.{field.name} must be {field.takes}, not {describe(values[field.name])}")
        return self.build(**values)


NAMED_TYPES: Final = (types.HeaderType, types.UnionType, types.StructType, types.EnumType, types.NewType)
"""Types that are written once and then referred to."""


def describe(value: object) -> str:
    """A value in few words."""
    if type(value) in BY_CLASS:
        return type(value).__name__
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]}"


def _accepts(hint: Any) -> Accepts:
    """The check for one type annotation. The parts of a node are checked already when it was made."""
    origin = get_origin(hint)
    if origin is Literal:
        allowed = frozenset(get_args(hint))
        return lambda value: type(value) is str and value in allowed
    if origin in (Union, python_types.UnionType):
        return _accepts_one_of(get_args(hint))
    if origin is tuple:
        return _accepts_tuple(get_args(hint))
    kind = python_types.NoneType if hint is None else hint
    return lambda value: type(value) is kind


def _accepts_one_of(hints: tuple[Any, ...]) -> Accepts:
    plain = frozenset(python_types.NoneType if h is None else h for h in hints if inspect.isclass(h) or h is None)
    others = [_accepts(h) for h in hints if not (inspect.isclass(h) or h is None)]
    return lambda value: type(value) in plain or any(other(value) for other in others)


def _accepts_tuple(hints: tuple[Any, ...]) -> Accepts:
    if len(hints) == 2 and hints[1] is Ellipsis:
        item = _accepts(hints[0])
        return lambda value: type(value) is tuple and all(map(item, value))
    items = [_accepts(h) for h in hints]
    return lambda value: (
        type(value) is tuple and len(value) == len(items) and all(a(v) for a, v in zip(items, value, strict=True))
    )


def _takes(hint: Any) -> str:
    """An annotation as a reader of a foreign implementation's error message understands it."""
    origin = get_origin(hint)
    if origin is Literal:
        return "one of " + " ".join(repr(a) for a in get_args(hint))
    if origin in (Union, python_types.UnionType):
        members = get_args(hint)
        for name, family in FAMILIES.items():
            if set(family) <= set(members):
                rest = [m for m in members if m not in family]
                return " or ".join([name, *map(_takes, rest)])
        return " or ".join(map(_takes, members))
    if origin is tuple:
        members = get_args(hint)
        if len(members) == 2 and members[1] is Ellipsis:
            return f"list of ({_takes(members[0])})"
        return f"list [{', '.join(map(_takes, members))}]"
    if hint is python_types.NoneType:
        return "nothing"
    return str(getattr(hint, "__name__", hint))


FAMILIES: Final[dict[str, tuple[type, ...]]] = {
    "Expr": get_args(expressions.Expr),
    "Type": get_args(types.Type),
    "Stmt": get_args(statements.Stmt),
    "KeySet": get_args(expressions.KeySet),
}


def _kind(number: int, row: str) -> KindSchema:
    name, _, listed = row.partition(":")
    cls = next(found for module in _MODULES if (found := getattr(module, name, None)) is not None)
    hints = get_type_hints(cls)
    declared = {f.name: f for f in dataclasses.fields(cls)}
    names = listed.split()
    if sorted(names) != sorted(declared):
        raise RuntimeError(f"numbers.KINDS and {name} differ in {set(names) ^ set(declared)}")
    fields = []
    for place, field_name in enumerate(names, 1):
        field, hint = declared[field_name], hints[field_name]
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        fields.append(FieldSchema(field_name, place, _accepts(hint), _takes(hint), required, default))
    return KindSchema(name, number, cls, tuple(fields), {f.name: f for f in fields}, {f.number: f for f in fields})


BY_NUMBER: Final[dict[int, KindSchema]] = {number: _kind(number, row) for number, row in KINDS.items()}
BY_NAME: Final[dict[str, KindSchema]] = {kind.name: kind for kind in BY_NUMBER.values()}
BY_CLASS: Final[dict[type, KindSchema]] = {typing.cast(type, kind.build): kind for kind in BY_NUMBER.values()}


def markdown_table() -> str:
    """Every kind and field with its number, as the table in the documentation of the wire format."""
    lines = ["| kind | name | field | name | takes | if absent |", "|---|---|---|---|---|---|"]
    for kind in BY_NUMBER.values():
        lines.append(f"| {kind.number} | {kind.name} | | | | |")
        for field in kind.fields:
            absent = "must be there" if field.required else _shown(field.default)
            lines.append(
                f"| | | {field.number} | {field.name} | {field.takes.replace('|', chr(92) + '|')} | {absent} |"
            )
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if default is NOWHERE:
        return "unknown place"
    if type(default) in BY_CLASS:
        return type(default).__name__
    return {(): "empty list", None: "nothing", "": "empty string"}.get(default, str(default).lower())  # type: ignore[call-overload,no-any-return]


def all_classes() -> list[type]:
    """Every node class that there is (for the test that none lacks a number)."""
    found = [c for module in _MODULES for c in vars(module).values() if inspect.isclass(c)]
    names = {module.__name__ for module in _MODULES}
    return [c for c in dict.fromkeys(found) if dataclasses.is_dataclass(c) and c.__module__ in names]
