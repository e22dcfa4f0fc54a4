"""Declarations of what the program declares of its machine, as the IR holds them.

An IR that comes from elsewhere may lack them. Then those of externs are made from their uses; a use says what a type
parameter stands for, not where it stood, so generic externs cannot be had back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...source import Span, Unsupported
from .. import nodes as n
from .. import types as t
from ..program import BlockDecl, Declaration, ExternDecl, Program, Prototype
from .expressions import Part
from .scope import Names
from .statements import braces, notes, parameters

Signature = tuple[tuple[n.Param, ...], t.Type]


@dataclass
class _Extern:
    """One extern type as its uses show it."""

    name: str
    constructors: dict[tuple[str, ...], Sequence[Part]] = field(default_factory=dict)
    methods: dict[tuple[str, int], Signature] = field(default_factory=dict)
    abstract: set[str] = field(default_factory=set)

    def add(self, method: str, params: tuple[n.Param, ...], result: t.Type, span: Span) -> None:
        """Enter a method; two of one name must differ in the number of parameters."""
        if self.methods.setdefault((method, len(params)), (params, result)) != (params, result):
            raise Unsupported(
                f"the IR does not hold the declaration of {self.name}.{method}, which is overloaded", span
            )

    def mentioned(self) -> set[str]:
        """The extern types in the signatures."""
        types = [type_ for params, result in self.methods.values() for type_ in (*(p.type for p in params), result)]
        return {type_.name for type_ in types if isinstance(type_, t.ExternType)} - {self.name}


def declaration(node: Declaration) -> list[Part]:
    """A declaration that the IR holds."""
    head = notes(node.annotations)
    match node:
        case Prototype():
            return [*head, "extern ", *_prototype(node)]
        case ExternDecl(name=name, methods=methods):
            lines = [_method(node, m) for m in methods]
            return [*head, f"extern {name}{_variables(node.type_params)} ", *braces(lines)]
        case BlockDecl(kind=kind):
            return [*head, f"{kind} {node.name}{_variables(node.type_params)}", *parameters(node.params), ";"]
    return [*head, f"package {node.name}{_variables(node.type_params)}", *parameters(node.params), ";"]


def _variables(names: Sequence[str]) -> str:
    return f"<{', '.join(names)}>" if names else ""


def _prototype(node: Prototype) -> list[Part]:
    return [node.result, f" {node.name}{_variables(node.type_params)}", *parameters(node.params), ";"]


def _method(owner: ExternDecl, node: Prototype) -> list[Part]:
    head = notes(node.annotations)
    if node.name == owner.name:
        return [*head, node.name, *parameters(node.params), ";"]
    return [*head, "abstract " if node.abstract else "", *_prototype(node)]


def own_externs(program: Program, nodes: Iterable[object], names: Names) -> list[list[Part]]:
    """Declarations of the externs that no file declares.

    Raises:
        Unsupported: one is generic, or overloaded in a way that its uses do not show.
    """
    externs: dict[str, _Extern] = {}
    functions: dict[tuple[str, int], Signature] = {}
    known = names.prelude.names | set(names.declared)
    holders = {i.name: i.extern for i in program.instances}
    for node in nodes:
        match node:
            case n.ExternCall(extern=name) if name not in known:
                _refuse_generic(node.type_args, name, node.span)
                if node.method:
                    extern = externs.setdefault(name, _Extern(name))
                    extern.add(node.method, node.params, node.type, node.span)
                elif functions.setdefault((name, len(node.params)), (node.params, node.type)) != (
                    node.params,
                    node.type,
                ):
                    raise Unsupported(f"the IR does not hold the declaration of {name}, which is overloaded", node.span)
            case n.Instance(extern=name) if name not in known:
                _refuse_generic(node.type_args, name, node.span)
                _construct(externs.setdefault(name, _Extern(name)), node, holders)
            case t.ExternType(name=name, arguments=arguments) if name not in known:
                _refuse_generic(arguments, name, Span("", 0, 0))
                externs.setdefault(name, _Extern(name))
    made = [_made_up(extern) for extern in _ordered(externs)]
    made += [
        ["extern ", result, f" {name}", *parameters(params), ";"] for (name, _), (params, result) in functions.items()
    ]
    return made


def _refuse_generic(arguments: Sequence[t.Type], name: str, span: Span) -> None:
    if arguments:
        raise Unsupported(f"the IR does not hold the declaration of extern {name}, which is generic", span)


def _construct(extern: _Extern, node: n.Instance, holders: dict[str, str]) -> None:
    """Enter the constructor and the abstract methods of an object."""
    params: list[Part] = []
    for name, value in node.args:
        kind: Part = holders.get(value) if isinstance(value, str) else value.type
        if kind is None:
            raise Unsupported(f"the IR does not hold the declaration of extern {extern.name}", node.span)
        params += [", "] if params else []
        params += [kind, f" {name}"]
    extern.constructors.setdefault(tuple(name for name, _ in node.args), params)
    for method in node.methods:
        extern.add(method.name, method.params, method.result, method.span)
        extern.abstract.add(method.name)


def _ordered(externs: dict[str, _Extern]) -> list[_Extern]:
    """Each after those that it mentions."""
    made: list[_Extern] = []
    left = dict(externs)
    while left:
        ready = [e for e in left.values() if not e.mentioned() & set(left)]
        if not ready:
            raise Unsupported(f"the externs {', '.join(left)} mention each other")
        made += ready
        for extern in ready:
            del left[extern.name]
    return made


def _made_up(extern: _Extern) -> list[Part]:
    lines: list[Sequence[Part]] = [[extern.name, "(", *params, ");"] for params in extern.constructors.values()]
    for (method, _), (params, result) in extern.methods.items():
        lines.append(["abstract " if method in extern.abstract else "", result, f" {method}", *parameters(params), ";"])
    return [f"extern {extern.name} ", *braces(lines)]
