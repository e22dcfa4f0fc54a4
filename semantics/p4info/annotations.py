"""Annotations as P4Info shows them (P4Runtime specification, "Preamble", "Structured Annotations", "Documentation")."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from .. import ir
from .model import (
    Documentation,
    Expression,
    ExpressionList,
    KeyValuePair,
    KeyValuePairList,
    StructuredAnnotation,
)

_ELSEWHERE: Final = frozenset({"name", "id", "brief", "description"})
"""Annotations for which P4Info has fields of its own."""


class Shown(NamedTuple):
    """What becomes of the annotations of one object."""

    plain: tuple[str, ...]
    structured: tuple[StructuredAnnotation, ...]
    doc: Documentation | None


def shown(annotations: Iterable[ir.Annotation], without: Collection[str] = ()) -> Shown:
    """The annotations, save those that P4Info shows elsewhere or that are named in ``without``."""
    plain: list[str] = []
    structured: list[StructuredAnnotation] = []
    brief = description = None
    for annotation in annotations:
        if annotation.name == "brief":
            brief = text_of(annotation)
        elif annotation.name == "description":
            description = text_of(annotation)
        elif annotation.name in _ELSEWHERE or annotation.name in without:
            continue
        elif annotation.body is not None or not (annotation.values or annotation.pairs):
            plain.append(source_text(annotation))
        else:
            structured.append(_structured(annotation))
    documented = brief is not None or description is not None
    doc = Documentation(brief or "", description or "") if documented else None
    return Shown(tuple(plain), tuple(structured), doc)


def find(annotations: Iterable[ir.Annotation], name: str) -> ir.Annotation | None:
    """The annotation of this name, if there is one."""
    return next((a for a in annotations if a.name == name), None)


def has(annotations: Iterable[ir.Annotation], name: str) -> bool:
    """Whether there is an annotation of this name."""
    return find(annotations, name) is not None


def text_of(annotation: ir.Annotation) -> str:
    """The one string that the annotation holds."""
    return str(annotation.values[0]) if annotation.values else annotation.body or ""


def pairs_of(annotation: ir.Annotation) -> list[tuple[str, str]]:
    """The keys and values of ``@a[k = v]`` or, an older form, ``@a(k = v)``, as text."""
    if annotation.pairs:
        return [(key, str(value)) for key, value in annotation.pairs]
    parts = re.split(r"(?:^|,)\s*(\w+)\s*=\s", annotation.body or "")
    return [(key, value.strip().strip('"')) for key, value in zip(parts[1::2], parts[2::2], strict=True)]


def given_name(annotations: Iterable[ir.Annotation], name: str) -> str:
    """The name in ``@name``, without the dot of an absolute one; else ``name``."""
    annotation = find(annotations, "name")
    return name if annotation is None else text_of(annotation).removeprefix(".") or name


def source_text(annotation: ir.Annotation) -> str:
    """An unstructured annotation as it stands in a program."""
    if annotation.body is None:
        return f"@{annotation.name}"
    values = ", ".join(map(_literal, annotation.values)) if annotation.values else annotation.body
    return f"@{annotation.name}({values})"


def _literal(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _structured(annotation: ir.Annotation) -> StructuredAnnotation:
    if annotation.pairs:
        pairs = tuple(KeyValuePair(key, _expression(value)) for key, value in annotation.pairs)
        return StructuredAnnotation(annotation.name, kv_pair_list=KeyValuePairList(pairs))
    return StructuredAnnotation(annotation.name, ExpressionList(tuple(map(_expression, annotation.values))))


def _expression(value: str | int | bool) -> Expression:
    if isinstance(value, bool):
        return Expression(bool_value=value)
    if isinstance(value, int):
        return Expression(int64_value=value)
    return Expression(string_value=value)
