"""A checked program to the IR's ``Program``."""

from __future__ import annotations

from typing import Final

from ... import ir
from ..check import Checked
from ..check.annotate import find
from ..check.symbols import ActionSymbol, RecordSymbol, Symbol
from ..check.types import Package
from . import blocks, functions
from .declared import Declared
from .environment import Environment, Shared
from .types import Types

ARCHITECTURES: Final = {
    "V1Switch": "v1model",
    "ebpfFilter": "ebpf_model",
    "PSA_Switch": "psa",
    "PNA_NIC": "pna",
    "ubpf": "ubpf_model",
    "xdp": "xdp_model",
}
"""Packages of ``main`` and the architecture that they belong to."""


def elaborate(checked: Checked, file: str, arch: str | None = None) -> ir.Program:
    """The program with everything instantiated, ``main`` and whatever else stands at the top level.

    Raises:
        InputError: something is wrong that shows only with the constructor arguments filled in.
        Unsupported: the IR has no form for it.
    """
    types = Types()
    shared = Shared(types, Declared(types))
    symbol = checked.scope.find("NoAction")
    shared.no_action = symbol if isinstance(symbol, ActionSymbol) else None
    top = Environment(shared)
    main = None
    for instance in checked.program.instances:
        name = blocks.declared(top, instance)
        if instance.name == "main" and isinstance(instance.type, Package):
            main = name
    actions = tuple(_alone(shared, a, checked.program.actions) for a in checked.program.actions)
    for function in checked.program.functions:
        if not function.type_params:
            functions.instance(shared, function, ())
    for header in checked.scope.names.values():
        # Packets of the controller need no use in the program.
        if isinstance(header, RecordSymbol) and find(header.annotations, "controller_header") is not None:
            if not header.type_params:
                shared.types.make(header.applied(()))
    declarations = shared.declared.all(checked.scope)
    package = next((p for p in shared.packages if p.name == main), None)
    annotations = next((i.annotations for i in checked.program.instances if i.name == "main"), ())
    return ir.Program(
        file,
        arch or (ARCHITECTURES.get(package.type_name, package.type_name) if package is not None else ""),
        tuple(checked.program.errors),
        tuple(checked.program.match_kinds),
        tuple(shared.types.named),
        tuple(shared.functions),
        actions,
        tuple(shared.instances),
        tuple(shared.parsers),
        tuple(shared.controls),
        tuple(shared.packages),
        main,
        annotations,
        declarations,
    )


def _alone(shared: Shared, action: ActionSymbol, everything: list[ActionSymbol]) -> ir.Action:
    """An action of the top level by itself; it calls others by their own names."""
    names: dict[Symbol, str] = {a: a.name for a in everything}
    actions = {a: a.name for a in everything}
    env = Environment(shared, names=names, taken=set(names.values()), actions=actions)
    return functions.action(env, action)
