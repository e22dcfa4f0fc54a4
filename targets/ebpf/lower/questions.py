"""What PSA's deparsers ask of the output metadata, as ``psa_normal`` and its like (PSA 1.2, "Packet Path Details")."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import ports
from ..artifact.asm import R1, R2
from . import operands
from .frame import Leaf, Ref, parts
from .gen import Gen

NAMES: Final = ("psa_clone_i2e", "psa_resubmit", "psa_normal", "psa_clone_e2e", "psa_recirculate")


def answer(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``result`` = the answer."""
    no = g.asm.label()
    g.store_constant(Leaf(result.path, 1), 0)
    if call.extern in ("psa_clone_i2e", "psa_clone_e2e"):
        _load(g, call, 0, "clone")
        g.asm.jump("jeq", R1, 0, no)
    else:
        _load(g, call, 0, "drop")
        g.asm.jump("jne", R1, 0, no)
        if call.extern == "psa_recirculate":
            _load(g, call, 1, "egress_port")
            g.constant(R2, ports.PSA_RECIRCULATE)
            g.asm.jump("jne", R1, R2, no)
        else:
            _load(g, call, 0, "resubmit")
            g.asm.jump("jeq" if call.extern == "psa_resubmit" else "jne", R1, 0, no)
    g.store_constant(Leaf(result.path, 1), 1)
    g.asm.place(no)


def _load(g: Gen, call: ir.ExternCall, position: int, name: str) -> None:
    """r1 = a field of an argument."""
    given = call.args[position]
    ref = operands.resolve(g, given) if isinstance(given, ir.Var | ir.Member | ir.Index) else None
    fields = [] if ref is None else [part for part in parts(ref.type, ref) if part.path == f"{ref.path}.{name}"]
    if not fields:
        raise CannotOffload(f"{call.extern} of metadata that is no variable", call.span)
    g.load_leaf(R1, fields[0], span=call.span)


__all__ = ["NAMES", "answer"]
