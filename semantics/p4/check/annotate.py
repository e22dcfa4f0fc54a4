"""Annotations (spec 20): their text, and their values where they have any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...ir import Annotation
from .. import syntax as ast
from . import expressions, typed
from .constants import unescaped
from .context import Context, Phase
from .symbols import ConstSymbol, EnumSymbol
from .types import STRING, UNKNOWN

Scalar = str | int | bool


def convert(cx: Context, nodes: ast.Annotations) -> tuple[Annotation, ...]:
    """The annotations of a declaration. One name must not occur in both a structured and an unstructured form."""
    if not nodes:
        return ()
    _check_forms(cx, nodes)
    return tuple(_one(cx, node) for node in nodes)


def _check_forms(cx: Context, nodes: ast.Annotations) -> None:
    structured: dict[str, ast.Annotation] = {}
    for node in nodes:
        if isinstance(node, (ast.ListAnnotation, ast.PairAnnotation)):
            other = structured.get(node.name.text)
            if other is not None:
                cx.error(node.span, f"@{node.name.text} is given twice", (other.span, "the other one"))
            structured[node.name.text] = node


def _one(cx: Context, node: ast.Annotation) -> Annotation:
    name = node.name.text
    match node:
        case ast.TokenAnnotation(tokens=tokens):
            tokens = _joined_strings(cx, tokens)
            _known_annotation(cx, node, tokens)
            alone = len(tokens) == 1
            text = " ".join(t.text[1:-1] if t.kind == "string" and alone else t.text for t in tokens)
            return Annotation(name, text, _token_values(cx, tokens))
        case ast.ListAnnotation(expressions=items):
            values = tuple(_value(cx, item) for item in items)
            return Annotation(name, None, tuple(v for v in values if v is not None))
        case ast.PairAnnotation(pairs=pairs):
            cx.distinct(tuple(p.name for p in pairs), "key")
            known = [(p.name.text, _value(cx, p.value)) for p in pairs]
            return Annotation(name, None, (), tuple((k, v) for k, v in known if v is not None))
    if name in _OF_ONE_STRING:
        cx.error(node.span, f"@{name} needs a string", phase=Phase.NAMES)
    if name == "pkginfo":
        cx.error(node.span, "@pkginfo needs what it says of the program, as name = value", phase=Phase.STRUCTURE)
    return Annotation(name)


_OF_ONE_STRING = ("name", "deprecated", "noWarn")
"""Annotations that the language defines and that need one string (20.3)."""


def _joined_strings(cx: Context, tokens: tuple[ast.AnnotationToken, ...]) -> tuple[ast.AnnotationToken, ...]:
    """Strings put together with ``++``, constants included, as one string."""
    if len(tokens) < 3 or any(t.text != "++" for t in tokens[1::2]) or not len(tokens) % 2:
        return tokens
    text = ""
    for token in tokens[::2]:
        symbol = cx.scope.find(token.text) if token.kind == "name" else None
        if token.kind == "string":
            text += token.text[1:-1]
        elif isinstance(symbol, ConstSymbol) and isinstance(symbol.value, typed.Const) and symbol.type == STRING:
            text += str(symbol.value.value)
        else:
            return tokens
    return (replace(tokens[0], kind="string", text=f'"{text}"'),)


def _known_annotation(cx: Context, node: ast.Annotation, tokens: tuple[ast.AnnotationToken, ...]) -> None:
    """Annotations that the language defines need one string, or a match_kind."""
    name = node.name.text
    if name in _OF_ONE_STRING and (len(tokens) != 1 or tokens[0].kind != "string"):
        cx.error(node.span, f"@{name} needs a string")
    if name == "p4runtime_translation" and not _is_translation(
        [t.text for t in tokens], tokens[0].kind if tokens else ""
    ):
        text = "@p4runtime_translation needs a URI and the type of the controller's values, bit<W>, W or string"
        cx.error(node.span, text, phase=Phase.STRUCTURE)
    if name == "match" and (len(tokens) != 1 or tokens[0].text not in cx.program.match_kinds):
        cx.error(node.span, "@match needs a match_kind")


def _is_translation(texts: list[str], kind: str) -> bool:
    """Whether the words are a string, a comma, and a type of P4Runtime (its specification, 8.4.6)."""
    if kind != "string" or texts[1:2] != [","]:
        return False
    match texts[2:]:
        case ["bit", "<", width, ">"] | [width]:
            return width == "string" or (_number(width) or 0) > 0
    return False


def _value(cx: Context, node: ast.Expression) -> Scalar | None:
    found = expressions.expr(cx, node)
    if isinstance(found, typed.Const):
        return found.value
    if found.type is not UNKNOWN:
        cx.error(node.span, "the value in an annotation must be a compile-time known number, string or boolean")
    return None


def _token_values(cx: Context, tokens: tuple[ast.AnnotationToken, ...]) -> tuple[Scalar, ...]:
    """The values of a body that is a comma-separated list of strings, integers, booleans, constants' names and members
    of serialisable enums; else none."""
    values: list[Scalar] = []
    item: list[ast.AnnotationToken] = []
    for token in (*tokens, None):
        if token is not None and token.text != ",":
            item.append(token)
            continue
        value = _token_value(cx, item)
        if value is None:
            return ()
        values.append(value)
        item = []
    return tuple(values)


def _token_value(cx: Context, tokens: Sequence[ast.AnnotationToken]) -> Scalar | None:
    first = tokens[0] if tokens else None
    if first is None:
        return None
    if len(tokens) == 1 and first.kind == "string":
        return unescaped(first.text[1:-1])
    if len(tokens) == 1 and first.kind == "integer":
        return _number(first.text)
    if len(tokens) == 1 and first.text in ("true", "false"):
        return first.text == "true"
    symbol = cx.scope.find(first.text)
    if len(tokens) == 1 and isinstance(symbol, ConstSymbol) and isinstance(symbol.value, typed.Const):
        return symbol.value.value
    if len(tokens) == 3 and tokens[1].text == "." and isinstance(symbol, EnumSymbol):
        return symbol.values.get(tokens[2].text)
    return None


def _number(text: str) -> int | None:
    digits = re.sub(r"^\d+[ws](?=\d)", "", text.replace("_", ""))
    try:
        return int(digits, 0) if digits[:1] == "0" and digits[1:2].isalpha() else int(digits)
    except ValueError:
        return None


def find(annotations: tuple[Annotation, ...], name: str) -> Annotation | None:
    """The annotation of this name, if there is one."""
    return next((a for a in annotations if a.name == name), None)
