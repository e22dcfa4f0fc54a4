"""p4ast → P4-16: a program that the front end reads as an equal one.

What the IR has taken apart stays apart: every instance of a parser or control has a declaration of its own, generic
types and functions are printed as the instances that are used, constants and casts as they became. Extern objects are
declared at the top level. ``@name`` gives everything the full name that the control plane knows. The architecture's
declarations come with ``#include``; those of a package and of externs of the program's own are made from their uses.

Equal means equal but for the places in the source, the identifiers of blocks that share a declaration
(``Control.type_name``) and of instances of generic types and functions (``s<bit<32>>`` becomes ``s_bit32``), and the
order of ``Program.types`` and ``Program.functions``.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...source import Unsupported
from .. import nodes as n
from ..program import Program
from ..traverse import mentioned
from .blocks import action, control, function, parser, scope_of
from .declarations import instance, named_types, own_package, package, passed_to, type_declaration
from .expressions import Part, type_arguments
from .externs import declaration, own_externs
from .layout import render
from .owners import owners
from .prelude import prelude
from .scope import Names, Scope, local_names, plain
from .statements import Mark, braces, notes, parameters

__all__ = ["to_p4"]


def to_p4(program: Program) -> str:
    """The program as P4-16 source text.

    Raises:
        Unsupported: the text needs a declaration that the IR does not hold, such as that of a generic extern of the
            program's own.
    """
    return _Printer(program).text()


class _Printer:
    """One program being printed."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes = list(mentioned(program))
        local = local_names(self.nodes)
        self.names = Names(prelude(program, self.nodes), set(local), frozenset(local))
        self.top = Scope(self.names, {a.name: f".{a.name}" for a in program.actions})
        self.names.declare(program.declarations)
        self.owners = owners(program)
        self.names.passed = self.owners.passed
        self.names.made = {i.name: i for i in program.instances if i.made_by}

    def text(self) -> str:
        """The whole text."""
        self._name_things()
        lines = [self.names.prelude.text(self.program.errors, self.program.match_kinds)]
        types = [x for x in named_types(self.program) if x.name not in self.names.prelude.names]
        lines += [self._render(type_declaration(x, self.names)) for x in types]
        lines += [self._render(declaration(item)) for item in self.program.declarations]
        lines += [self._render(line) for line in own_externs(self.program, self.nodes, self.names)]
        lines += [self._render(function(f, self.names.functions[f.name])) for f in self._functions()]
        lines += [self._render(action(a, "")) for a in self.program.actions if a.name not in self.names.prelude.names]
        lines += self._instances()
        lines += self._blocks()
        lines += self._packages()
        return "\n\n".join(line for line in lines if line) + "\n"

    def _render(self, parts: list[Part], scope: Scope | None = None) -> str:
        return render(parts, scope or self.top)

    def _functions(self) -> list[n.Function]:
        return [f for f in self.program.functions if f.name not in self.names.prelude.names]

    def _name_things(self) -> None:
        names, program = self.names, self.program
        for type_ in named_types(program):
            known = type_.name in names.prelude.names
            names.types[type_.name] = type_.name if known else self._identifier(plain(type_.name))
        for function_ in program.functions:
            known = function_.name in names.prelude.names
            names.functions[function_.name] = function_.name if known else self._identifier(plain(function_.name))
        names.top_actions = {a.control_name: a for a in program.actions}
        names.taken |= {x.extern for x in self.nodes if isinstance(x, n.ExternCall | n.Instance)}
        names.taken |= {a.name for a in program.actions} | {p.type_name for p in program.packages}
        for block in _all_blocks(program):
            names.blocks[block.name] = self._identifier(block.type_name)
        for name in (*(i.name for i in program.instances), *names.blocks):
            names.objects[name] = names.fresh(name.rsplit(".", 1)[-1])
        for package_ in program.packages:
            names.objects[package_.name] = names.fresh(package_.name)

    def _identifier(self, wanted: str) -> str:
        """The name of a declaration: as it was, even where something within a block is called so, too."""
        used = {*self.names.types.values(), *self.names.functions.values(), *self.names.blocks.values()}
        if wanted in used or wanted in self.names.prelude.names:
            return self.names.fresh(wanted)
        self.names.taken.add(wanted)
        return wanted

    def _instance(self, node: n.Instance, actions: Mapping[str, str]) -> str:
        methods: list[Part] = []
        if node.methods:
            methods = [" = ", *braces(function(m, m.name) for m in node.methods)]
        return self._render(instance(node, self.names, methods), Scope(self.names, actions, node.name))

    def _instances(self) -> list[str]:
        """Extern objects at the top level: not what is made as an argument, nor what must stand in a block."""
        inside = {item.name for items in self.owners.objects.values() for item in items}
        return [self._instance(i, {}) for i in self.program.instances if not i.made_by and i.name not in inside]

    def _blocks(self) -> list[str]:
        """Parsers and controls, each after those that it runs."""
        made: list[str] = []
        by_name = {b.name: b for b in _all_blocks(self.program)}
        for block in by_name.values():
            scope, own = scope_of(block, self.names)
            members = [by_name[name] for name in self.owners.members.get(block.name, ()) if name in by_name]
            lines = [line for m in members for line in self._member(m)]
            objects = [self._instance(i, scope.actions) for i in self.owners.objects.get(block.name, ())]
            lines = [*([*_lines(text)] for text in objects), *lines]
            given, types = self._constructor(block, by_name)
            made += [self._render(line) for line in types]
            if isinstance(block, n.Parser):
                made.append(self._render(parser(block, self.names, lines, given), scope))
            else:
                made.append(self._render(control(block, self.names, own, lines, given), scope))
        return made

    def _member(self, node: n.Parser | n.Control) -> list[list[Part]]:
        """The declaration of an instance within its block."""
        passed = passed_to(node.name, self.names)
        return [
            [f'@name(".{node.name}") {self.names.blocks[node.name]}(', *passed, f") {self.names.objects[node.name]};"]
        ]

    def _constructor(
        self, block: n.Parser | n.Control, by_name: Mapping[str, n.Parser | n.Control]
    ) -> tuple[list[Part], list[list[Part]]]:
        """The constructor's parameters, and declarations of the types of blocks among them."""
        params: list[Part] = []
        types: list[list[Part]] = []
        for name in self.names.passed.get(block.name, ()):
            if name in by_name:
                kind: list[Part] = [self.names.fresh(f"{self.names.blocks[name]}_type")]
                word = "parser" if isinstance(by_name[name], n.Parser) else "control"
                types.append([f"{word} ", *kind, *parameters(by_name[name].params), ";"])
            else:
                item = self.program.instance(name)
                kind = [item.extern, *type_arguments(item.type_args)]
            params += [", " if params else "", *kind, f" {self.names.objects[name]}"]
        return (["(", *params, ")"] if params else []), types

    def _packages(self) -> list[str]:
        made: list[str] = []
        declared = {i.name: [i.extern, *type_arguments(i.type_args)] for i in self.program.instances}
        known: set[str] = set()
        for node in self.program.packages:
            if node.type_name in self.names.declared or node.type_name in self.names.prelude.names:
                pass
            elif node.type_name not in known:
                known.add(node.type_name)
                made += [self._render(line) for line in own_package(node, self.program, self.names, declared)]
            else:
                raise Unsupported(
                    f"several packages of the type {node.type_name}, which the IR does not hold", node.span
                )
            declared[node.name] = [node.type_name, *type_arguments(node.type_args)]
            own = None if self.names.objects[node.name] == node.name else f".{node.name}"
            head = notes(self.program.annotations if node.name == self.program.main else (), own)
            made.append(self._render([*head, *package(node, self.names)]))
        return made


def _all_blocks(program: Program) -> list[n.Parser | n.Control]:
    return [*program.parsers, *program.controls]


def _lines(text: str) -> list[Part]:
    """A text of several lines as parts."""
    made: list[Part] = []
    for line in text.split("\n"):
        made += [Mark.LINE, line] if made else [line]
    return made
