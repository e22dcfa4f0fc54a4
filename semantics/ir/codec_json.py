"""p4ast ↔ plain tree ↔ JSON.

The tree is a dictionary ``{"p4ast": 1, "files": [...], "types": [...], "parts": [...], "program": node}``. A node is
``{"node": class, field: value, ...}`` without the fields that hold their default; a list is a list; a place is
``[file's index, line, column, end line, end column]``; an integer that other languages' numbers cannot hold is
``{"hex": "0x..."}``. Headers, unions, structs, enums and new types are written once, in "types", and referred to as
``{"type": name}`` (``name#2`` for a second one of that name). JSON readers limit nesting, so what is nested deeper
than :data:`MAX_NEST` levels is written in "parts" and referred to as ``{"part": index}``; references lead back only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..source import NOWHERE, Diagnostic, InputError, Span
from .program import Program
from .schema import BY_NAME, NAMED_TYPES, FieldSchema, KindSchema
from .traverse import Assembler, Made, fold

VERSION: Final = 1
MAX_NEST: Final = 60
"""Levels of lists and nodes within each other that are written."""

MAX_READ_NEST: Final = 200
"""Levels that are read."""

EXACT_INT: Final = 1 << 53


def to_tree(program: Program) -> dict[str, Any]:
    """The program as dictionaries, lists, strings, integers, truth values and None."""
    encoder = _Encoder()
    root = encoder.encode(program)
    return {
        "p4ast": VERSION,
        "files": list(encoder.files),
        "types": encoder.types,
        "parts": encoder.parts,
        "program": root,
    }


def to_json(program: Program, indent: int | None = None) -> str:
    """The program as JSON text."""
    return json.dumps(to_tree(program), indent=indent, ensure_ascii=False, check_circular=False)


def from_json(text: str | bytes, name: str = "") -> Program:
    """The program in JSON text.

    Raises:
        InputError: the text is not JSON, or not a p4ast; it names ``name`` and the place.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError.at(Span(name, error.lineno, error.colno), f"not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # bad UTF-8, endless digits, a key given twice, nested too deep
        message = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError.at(Span(name, 0, 0), f"not a p4ast in JSON: {message}") from error
    return from_tree(tree, name)


def from_tree(tree: object, name: str = "") -> Program:
    """The program in a plain tree. The inverse of :func:`to_tree`.

    Raises:
        InputError: the tree is not a p4ast; it names ``name`` and the path to the place.
    """
    return _Decoder(name).program(tree)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return made


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number here")


# --- encoding -------------------------------------------------------------------------------------------------------


class _Encoded(NamedTuple):
    json: Any
    height: int
    """Levels of lists and dictionaries."""


@dataclass
class _Encoder:
    files: dict[str, int] = field(default_factory=dict)
    types: list[Any] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)
    type_of_id: dict[int, str] = field(default_factory=dict)
    type_of_content: dict[str, str] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def encode(self, root: Program) -> Any:
        return fold(root, self._leaf, self._known, self._gather).json

    def _leaf(self, value: object) -> _Encoded:
        if isinstance(value, Span):
            index = self.files.setdefault(value.file, len(self.files))
            return _Encoded([index, value.line, value.column, value.end_line, value.end_column], 1)
        if isinstance(value, int) and abs(value) >= EXACT_INT:
            return _Encoded({"hex": hex(value)}, 1)
        return _Encoded(value, 0)

    def _known(self, value: object) -> _Encoded | None:
        reference = self.type_of_id.get(id(value))
        return None if reference is None else _Encoded({"type": reference}, 1)

    def _gather(self, value: object, fields: Sequence[FieldSchema], parts: Sequence[_Encoded]) -> _Encoded:
        height = 1 + max((p.height for p in parts), default=0)
        if isinstance(value, tuple):
            return _Encoded([p.json for p in parts], height)
        names = (f.name for f in fields)
        made = {"node": type(value).__name__, **dict(zip(names, (p.json for p in parts), strict=True))}
        if isinstance(value, NAMED_TYPES):
            return _Encoded({"type": self._named(value, made)}, 1)
        if height >= MAX_NEST:
            self.parts.append(made)
            return _Encoded({"part": len(self.parts) - 1}, 1)
        return _Encoded(made, height)

    def _named(self, node: Any, made: dict[str, Any]) -> str:
        content = json.dumps(made)
        reference = self.type_of_content.get(content)
        if reference is None:
            count = self.used[node.name] = self.used.get(node.name, 0) + 1
            reference = self.type_of_content[content] = node.name if count == 1 else f"{node.name}#{count}"
            self.types.append(made)
        self.type_of_id[id(node)] = reference
        return reference


# --- decoding -------------------------------------------------------------------------------------------------------


Path = tuple[Any, ...]
"""A path in the tree, innermost step last, as nested pairs ``(outer path, step)``."""


@dataclass
class _Decoder:
    name: str
    files: Sequence[str] = ()
    types: dict[str, Made] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    parts: list[Made] = field(default_factory=list)
    assembler: Assembler = field(default_factory=Assembler)

    def error(self, path: Path, message: str) -> InputError:
        steps: list[str] = []
        while path:
            path, step = path
            steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
        place = "$" + "".join(reversed(steps))
        return InputError([Diagnostic(Span(self.name, 0, 0), f"not a p4ast: {place}: {message}")])

    def program(self, tree: object) -> Program:
        if not isinstance(tree, dict) or "p4ast" not in tree:
            raise self.error((), 'not an object with a key "p4ast"')
        if type(tree["p4ast"]) is not int or tree["p4ast"] != VERSION:
            raise self.error(((), "p4ast"), f"version {str(tree['p4ast'])[:20]} is not known, only {VERSION}")
        unknown = set(tree) - {"p4ast", "files", "types", "parts", "program"}
        if unknown:
            raise self.error((), f"unknown key {min(unknown)!r}")
        self.files = self._list(tree, "files")
        for i, file in enumerate(self.files):
            if not isinstance(file, str) or not _is_text(file):
                raise self.error((((), "files"), i), "a file's name must be a string")
        for i, item in enumerate(self._list(tree, "types")):
            self._define(item, (((), "types"), i))
        for i, item in enumerate(self._list(tree, "parts")):
            self.parts.append(self._value(item, (((), "parts"), i), 0))
        made = self._value(tree.get("program"), ((), "program"), 0)
        if not isinstance(made.value, Program):
            raise self.error(((), "program"), "must be a node of kind Program")
        return made.value

    def _list(self, tree: Mapping[str, Any], key: str) -> list[Any]:
        found = tree.get(key, [])
        if not isinstance(found, list):
            raise self.error(((), key), "must be a list")
        return found

    def _define(self, item: object, path: Path) -> None:
        if not isinstance(item, dict) or "node" not in item:
            raise self.error(path, "must be the node of a named type")
        made = self._node(item, path, 0)
        if not isinstance(made.value, NAMED_TYPES):
            raise self.error(path, f"a {type(made.value).__name__} is no named type")
        name = made.value.name
        count = self.used[name] = self.used.get(name, 0) + 1
        reference = name if count == 1 else f"{name}#{count}"
        if reference in self.types:
            raise self.error(path, f"{reference!r} is defined twice")
        self.types[reference] = made

    def _value(self, item: object, path: Path, depth: int) -> Made:
        if depth > MAX_READ_NEST:
            raise self.error(path, f"nested deeper than {MAX_READ_NEST} levels")
        if isinstance(item, str) and not _is_text(item):
            raise self.error(path, "a string with half a character (a lone surrogate)")
        if item is None or isinstance(item, bool | int | str):
            return Made(item)
        if isinstance(item, list):
            made = [self._value(v, (path, i), depth + 1) for i, v in enumerate(item)]
            try:
                return self.assembler.list_of(made)
            except ValueError as error:
                raise self.error(path, str(error)) from error
        if not isinstance(item, dict):
            raise self.error(path, f"a {type(item).__name__} is not allowed here")
        if "node" in item:
            made_node = self._node(item, path, depth)
            if isinstance(made_node.value, NAMED_TYPES):
                raise self.error(path, 'a named type belongs in "types"')
            return made_node
        if len(item) != 1:
            raise self.error(path, 'neither a node (no "node") nor a reference')
        return self._reference(*next(iter(item.items())), path)

    def _reference(self, key: object, target: object, path: Path) -> Made:
        if key == "type" and isinstance(target, str) and target in self.types:
            return self.types[target]
        if key == "part" and type(target) is int and 0 <= target < len(self.parts):
            return self.parts[target]
        if key == "hex" and isinstance(target, str):
            try:
                return Made(int(target, 16))
            except ValueError:
                pass
        raise self.error(path, f"{{{str(key)[:40]!r}: {str(target)[:40]!r}}} refers to nothing that was defined before")

    def _node(self, item: Mapping[str, Any], path: Path, depth: int) -> Made:
        kind = BY_NAME.get(item["node"]) if isinstance(item["node"], str) else None
        if kind is None:
            raise self.error(path, f"unknown kind {str(item['node'])[:40]!r}")
        made: dict[str, Made] = {}
        for key, value in item.items():
            if key != "node":
                made[key] = self._field(kind, key, value, (path, key), depth)
        try:
            return self.assembler.node(kind, made)
        except ValueError as error:
            raise self.error(path, str(error)) from error

    def _field(self, kind: KindSchema, key: str, value: object, path: Path, depth: int) -> Made:
        known: FieldSchema | None = kind.by_name.get(key)
        if known is None:
            raise self.error(path, f"{kind.name} has no such field")
        if known.default is NOWHERE:
            return Made(self._span(value, path))
        return self._value(value, path, depth + 1)

    def _span(self, item: object, path: Path) -> Span:
        if (
            not isinstance(item, list)
            or len(item) != 5
            or any(type(v) is not int or not 0 <= v < 1 << 32 for v in item)
        ):
            raise self.error(path, "a place is [file, line, column, end line, end column]")
        if item[0] >= len(self.files):
            raise self.error(path, f"there is no file {item[0]}")
        return Span(self.files[item[0]], *item[1:])
