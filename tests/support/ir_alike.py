"""Whether two programs are equal but for what the printer may change (see ``semantics/ir/printer``)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from p4verify.semantics import ir
from p4verify.semantics.ir.printer.scope import plain
from p4verify.semantics.ir.schema import BY_CLASS, FieldSchema
from p4verify.semantics.ir.traverse import fold
from p4verify.semantics.p4.frontend import deep_recursion
from p4verify.semantics.source import Span

_RENAMED = (ir.StructType, ir.HeaderType, ir.UnionType, ir.EnumType, ir.NewType, ir.Function, ir.FunctionCall)


def canonical(program: ir.Program) -> ir.Program:
    """The program with the names that may differ made alike, and lists whose order has no meaning sorted."""
    functions = {f.name for f in program.functions}
    memo: dict[int, object] = {}

    def gather(value: object, given: object, parts: object) -> object:
        assert isinstance(parts, list)
        if isinstance(value, tuple):
            return tuple(parts)
        names: list[str] = [f.name for f in given if isinstance(f, FieldSchema)]  # type: ignore[attr-defined]
        values = dict(zip(names, parts, strict=True))
        if isinstance(value, _RENAMED) and (not isinstance(value, ir.FunctionCall) or value.name in functions):
            values["name"] = _plain(value.name)
        if isinstance(value, ir.Parser | ir.Control):
            values["type_name"] = ""
        made = BY_CLASS[type(value)].build(**values)
        memo[id(value)] = made
        return made

    made = fold(program, lambda leaf: leaf, lambda node: memo.get(id(node)), gather)
    assert isinstance(made, ir.Program)
    types = tuple(sorted(set(made.types), key=repr))
    return replace(made, file="", types=types, functions=tuple(sorted(made.functions, key=lambda f: f.name)))


def _plain(name: str) -> str:
    return name if name.startswith("{") else plain(name)


def difference(one: ir.Program, two: ir.Program) -> str:
    """The first place where two programs differ, or ""."""
    with deep_recursion():
        return _difference(canonical(one), canonical(two), "program")


def _difference(one: object, two: object, path: str) -> str:
    if one == two:
        return ""
    if isinstance(one, tuple) and isinstance(two, tuple):
        for i, (a, b) in enumerate(zip(one, two, strict=False)):
            found = _difference(a, b, f"{path}[{i}]")
            if found:
                return found
        return f"{path}: {len(one)} and {len(two)} items: {str((one + two)[min(len(one), len(two)) :])[:300]}"
    if is_dataclass(one) and is_dataclass(two) and type(one) is type(two) and not isinstance(one, Span):
        for f in fields(one):
            if f.compare:
                found = _difference(getattr(one, f.name), getattr(two, f.name), f"{path}.{f.name}")
                if found:
                    return found
    return f"{path}: {str(one)[:200]} and {str(two)[:200]}"
