"""Named types, extern objects and packages as parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from ..program import Program
from ..traverse import mentioned
from .expressions import Part, Row, joined, type_arguments
from .prelude import Named
from .scope import Names, anonymous
from .statements import braces, notes, parameters


def named_types(program: Program) -> list[Named]:
    """The named types of a program, each once and after those that it mentions; those without a name are left out."""
    found: dict[str, Named] = {}
    order: list[Named] = []
    todo: list[tuple[object, bool]] = [(item, False) for item in reversed([*program.types, *_mentioned(program)])]
    while todo:
        item, done = todo.pop()
        if not isinstance(item, t.HeaderType | t.UnionType | t.StructType | t.EnumType | t.NewType):
            todo += [(inner, False) for inner in reversed(_parts_of(item))]
        elif done:
            order.append(item)
        elif item.name not in found:
            found[item.name] = item
            todo.append((item, True))
            todo += [(inner, False) for inner in reversed(_parts_of(item))]
        elif found[item.name] != item:
            raise Unsupported(f"two types are called {item.name}")
    return [item for item in order if not anonymous(item)]


def _mentioned(program: Program) -> list[Named]:
    kinds = t.HeaderType | t.UnionType | t.StructType | t.EnumType | t.NewType
    return [node for node in mentioned(program) if isinstance(node, kinds)]


def _parts_of(type_: object) -> list[t.Type]:
    match type_:
        case t.HeaderType(fields=fields) | t.StructType(fields=fields) | t.UnionType(fields=fields):
            return [f.type for f in fields]
        case t.StackType(element) | t.ListType(element):
            return [element]
        case t.TupleType(elements) | t.ExternType(arguments=elements):
            return list(elements)
        case t.NewType(base=base):
            return [base]
    return []


def type_declaration(node: Named, names: Names) -> list[Part]:
    """The declaration of a named type."""
    name = names.type_name(node)
    head = notes(node.annotations)
    if isinstance(node, t.NewType):
        return [*head, "type ", node.base, f" {name};"]
    if isinstance(node, t.EnumType):
        if node.underlying is None:
            return [*head, f"enum {name} ", *braces([[f"{m},"] for m in node.members[:-1]] + [[node.members[-1]]])]
        pairs = [f"{m} = {v}" for m, v in zip(node.members, node.values, strict=True)]
        return [*head, "enum ", node.underlying, f" {name} ", *braces([[f"{p},"] for p in pairs[:-1]] + [[pairs[-1]]])]
    word = {t.HeaderType: "header", t.StructType: "struct", t.UnionType: "header_union"}[type(node)]
    fields = [[*notes(f.annotations), f.type, f" {f.name};"] for f in node.fields]
    return [*head, f"{word} {name} ", *braces(fields)]


def instance(node: n.Instance, names: Names, methods: Sequence[Part]) -> list[Part]:
    """An extern object, declared at the top level under its full name."""
    args = [_named_argument(name, value, names, node) for name, value in node.args]
    parts: list[Part] = [*notes(node.annotations, f".{node.name}"), node.extern, *type_arguments(node.type_args)]
    if node.size is not None:
        parts.append(f"[{node.size}]")
    return [*parts, "(", *joined(args), f") {names.objects[node.name]}", *methods, ";"]


def _named_argument(name: str, value: n.Expr | str, names: Names, node: n.Instance | n.Package) -> Part:
    if isinstance(value, str):
        if value in names.blocks:
            return Row((f"{name} = {names.blocks[value]}(", *passed_to(value, names), ")"))
        if value in names.made:
            return Row((f"{name} = ", *_call(names.made[value], names)))
        if value not in names.objects:
            raise Unsupported(f"the object {value} is not known here", node.span)
        return f"{name} = {names.objects[value]}"
    return Row((f"{name} = ", value))


def passed_to(block: str, names: Names) -> list[Part]:
    """The arguments of a block's constructor: instances that are there, and objects that are made for it."""
    given: list[Part] = []
    for name in names.passed.get(block, ()):
        own = name in names.made and name.rpartition(".")[0] == block
        given.append(Row(tuple(_call(names.made[name], names))) if own else names.objects[name])
    return joined(given)


def _call(node: n.Instance, names: Names) -> list[Part]:
    """The call of an extern function that makes an object."""
    args = [_named_argument(name, value, names, node) for name, value in node.args]
    return [node.made_by, *type_arguments(node.made_types), "(", *joined(args), ")"]


def package(node: n.Package, names: Names) -> list[Part]:
    """A package."""
    args = [_named_argument(name, value, names, node) for name, value in node.args]
    types = [] if any(isinstance(a, t.VoidType) or anonymous(a) for a in node.type_args) else node.type_args
    return [node.type_name, *type_arguments(types), "(", *joined(args), f") {names.objects[node.name]};"]


def own_package(
    node: n.Package, program: Program, names: Names, declared: Mapping[str, Sequence[Part]]
) -> list[list[Part]]:
    """Declarations that fit a package of the program's own: of its type, and of the types of its parameters.

    Raises:
        Unsupported: a type argument has no name.
    """
    if any(isinstance(a, t.VoidType) or anonymous(a) for a in node.type_args):
        raise Unsupported(f"a type argument of the package {node.name} that has no name", node.span)
    made: list[list[Part]] = []
    params: list[Part] = []
    blocks: dict[str, n.Parser | n.Control] = {b.name: b for b in program.parsers}
    blocks |= {b.name: b for b in program.controls}
    for name, value in node.args:
        if not isinstance(value, str):
            params.append(_typed(value.type, name))
        elif value in blocks:
            kind = names.fresh(f"{names.blocks[value]}_type")
            block = blocks[value]
            word = "parser" if isinstance(block, n.Parser) else "control"
            made.append([f"{word} {kind}", *parameters(block.params), ";"])
            params.append(f"{kind} {name}")
        elif value in declared:
            params.append(Row((*declared[value], f" {name}")))
        else:
            raise Unsupported(f"the object {value} is not known here", node.span)
    types = f"<{', '.join(names.fresh('T') for _ in node.type_args)}>" if node.type_args else ""
    made.append([f"package {node.type_name}{types}(", *joined(params), ");"])
    return made


def _typed(type_: t.Type, name: str) -> Part:
    return Row((type_, f" {name}"))
