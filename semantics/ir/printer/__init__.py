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

from ...source import Unsupported
from .. import nodes as n
from .blocks import action, control, function, parser, scope_of
from .declarations import instance, named_types, own_package, package, type_declaration
from .expressions import Part, type_arguments
from .externs import own_externs
from .layout import render
from .prelude import prelude
from .scope import Names, Scope, local_names, mentioned, plain
from .statements import braces, notes

__all__ = ["to_p4"]


def to_p4(program: n.Program) -> str:
    """The program as P4-16 source text.

    Raises:
        Unsupported: the text needs a declaration that the IR does not hold, such as that of a generic extern of the
            program's own.
    """
    return _Printer(program).text()


class _Printer:
    """One program being printed."""

    def __init__(self, program: n.Program) -> None:
        self.program = program
        self.nodes = list(mentioned(program))
        self.names = Names(prelude(program, self.nodes), local_names(self.nodes))
        self.top = Scope(self.names, {a.name: f".{a.name}" for a in program.actions})
        self.owned = _owners(program)

    def text(self) -> str:
        """The whole text."""
        self._name_things()
        lines = [self.names.prelude.text]
        lines += self._words("error", self.program.errors, self.names.prelude.errors)
        lines += self._words("match_kind", self.program.match_kinds, self.names.prelude.match_kinds)
        types = [x for x in named_types(self.program) if x.name not in self.names.prelude.names]
        lines += [self._render(type_declaration(x, self.names)) for x in types]
        lines += [self._render(line) for line in own_externs(self.program, self.nodes, self.names)]
        lines += [self._render(function(f, self.names.functions[f.name])) for f in self._functions()]
        lines += [self._render(action(a, "")) for a in self.program.actions if a.name not in self.names.prelude.names]
        lines += [self._instance(i) for i in self.program.instances]
        lines += self._blocks()
        lines += self._packages()
        return "\n\n".join(line for line in lines if line) + "\n"

    def _render(self, parts: list[Part], scope: Scope | None = None) -> str:
        return render(parts, scope or self.top)

    def _functions(self) -> list[n.Function]:
        return [f for f in self.program.functions if f.name not in self.names.prelude.names]

    def _words(self, kind: str, words: tuple[str, ...], known: tuple[str, ...]) -> list[str]:
        own = [word for word in words if word not in known]
        return [f"{kind} {{ {', '.join(own)} }}"] if own else []

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

    def _instance(self, node: n.Instance) -> str:
        methods: list[Part] = []
        if node.methods:
            _check_closed(node)
            methods = [" = ", *braces(function(m, m.name) for m in node.methods)]
        return self._render(instance(node, self.names, methods), Scope(self.names, this=node.name))

    def _blocks(self) -> list[str]:
        """Parsers and controls, each after those that it runs."""
        made: list[str] = []
        by_name = {b.name: b for b in _all_blocks(self.program)}
        for block in by_name.values():
            members = [by_name[name] for name in self.owned.get(block.name, ()) if name in by_name]
            scope, own = scope_of(block, self.names)
            if isinstance(block, n.Parser):
                made.append(self._render(parser(block, self.names, members), scope))
            else:
                made.append(self._render(control(block, self.names, own, members), scope))
        return made

    def _packages(self) -> list[str]:
        made: list[str] = []
        declared = {i.name: [i.extern, *type_arguments(i.type_args)] for i in self.program.instances}
        known: set[str] = set()
        for node in self.program.packages:
            if node.type_name not in self.names.prelude.names and node.type_name not in known:
                known.add(node.type_name)
                made += [self._render(line) for line in own_package(node, self.program, self.names, declared)]
            elif node.type_name in known:
                raise Unsupported(
                    f"several packages of the type {node.type_name}, which the IR does not hold", node.span
                )
            declared[node.name] = [node.type_name, *type_arguments(node.type_args)]
            own = None if self.names.objects[node.name] == node.name else f".{node.name}"
            head = notes(self.program.annotations if node.name == self.program.main else (), own)
            made.append(self._render([*head, *package(node, self.names)]))
        return made


def _check_closed(node: n.Instance) -> None:
    """Raise Unsupported for a method that uses a variable of the block in which the object stood."""
    for method in node.methods:
        kinds = n.Param | n.Declare | n.ForIn
        own = {x.name for x in mentioned(method) if isinstance(x, kinds)}
        for item in mentioned(method.body):
            if isinstance(item, n.Var) and item.name not in own:
                raise Unsupported(f"the method {method.name}, which uses {item.name} of its block", item.span)


def _all_blocks(program: n.Program) -> list[n.Parser | n.Control]:
    return [*program.parsers, *program.controls]


def _owners(program: n.Program) -> dict[str, list[str]]:
    """Block → the blocks that it holds instances of, in the order in which they were made.

    An instance belongs to the block that runs it; one that nothing runs, to the block whose name its own begins with.
    """
    blocks = _all_blocks(program)
    given = {value for p in program.packages for _, value in p.args if isinstance(value, str)}
    runs: dict[str, str] = {}
    """Instance → the block that runs it."""
    for block in blocks:
        for node in mentioned(block):
            if isinstance(node, n.BlockApply):
                if runs.setdefault(node.block, block.name) != block.name:
                    raise Unsupported(f"the instance {node.block}, which several blocks run", node.span)
    owned: dict[str, list[str]] = {}
    for block in blocks:
        owner = runs.get(block.name)
        if owner is None and block.name not in given:
            outer = [b.name for b in blocks if block.name.startswith(f"{b.name}.")]
            if not outer:
                raise Unsupported(f"the instance {block.name} has no place", block.span)
            owner = max(outer, key=len)
        if owner is not None:
            owned.setdefault(owner, []).append(block.name)
    return owned
