"""What a user assumes of the inputs (``--assume EXPR``), as calls at the start of the program's ingress control.

The program with these calls says what is right, and its behaviour's domain is what they leave. It is never lowered, and
the other side never sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from .semantics import ir
from .semantics.arch.assertions import ASSUME_GIVEN, INGRESS_PORT, LENGTH_BITS, PACKET_LENGTH
from .semantics.arch.base import main_arguments
from .semantics.p4.conditions import Condition, conditions
from .semantics.p4.frontend import Loaded
from .semantics.source import InputError, Span, Unsupported

INGRESS: Final[Mapping[str, tuple[str, ...]]] = {
    "v1model": ("ig",), "psa": ("ingress", "ig"), "pna": ("main_control",), "ebpf_model": ("filt",),
    "ubpf_model": ("p",), "xdp_model": ("s",),
}  # fmt: skip
"""Architecture → the way to the control that a packet meets first, by the parameters of the packages."""


def assuming(loaded: Loaded, texts: Sequence[str]) -> ir.Program:
    """The program, with every assumption made where its ingress control begins.

    Raises:
        InputError: an assumption is none, or the program is of an architecture that is not modelled.
    """
    name = _ingress(loaded.program)
    calls = tuple(_call(condition) for condition in conditions(loaded, name, texts))
    controls = tuple(
        replace(c, body=replace(c.body, body=(*calls, *c.body.body))) if c.name == name else c
        for c in loaded.program.controls
    )
    return replace(loaded.program, controls=controls)


def _ingress(program: ir.Program) -> str:
    way = INGRESS.get(program.arch)
    where = Span(program.file, 1, 1)
    if way is None:
        raise InputError.at(where, f"--assume: architecture {program.arch or 'that is not known'} is not modelled")
    try:
        names = main_arguments(program)
        for step in way[:-1]:
            names = {n: v for n, v in program.package(names[step]).args if isinstance(v, str)}
        return names[way[-1]]
    except (Unsupported, KeyError):
        raise InputError.at(where, "--assume: the program's package has no ingress control") from None


def _call(condition: Condition) -> ir.Stmt:
    """The block that evaluates the condition and tells the machine."""
    span = Span(condition.name, 1, 1)
    bits, boolean, void = ir.BitsType(LENGTH_BITS), ir.BoolType(), ir.VoidType()
    declared = [
        ir.Declare(name, bits, ir.ExternCall(None, extern, "", (), (), (), bits, span=span), span)
        for name, extern in zip(condition.variables, (INGRESS_PORT, PACKET_LENGTH), strict=True)
    ]
    param = ir.Param("check", boolean, "in")
    call = ir.ExternCall(None, ASSUME_GIVEN, "", (), (condition.expr,), (param,), void, span=span)
    return ir.Block((*declared, ir.Do(call, span)), span=span)
