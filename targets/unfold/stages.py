"""What v1model's ways carry from block to block, for lowerings that bring ways together between blocks.

Besides the parameters of the blocks that is the clone that is asked for: a variable of no block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ...semantics import ir
from ..base import CannotOffload
from .expressions import Valued, as_bits, evaluate
from .machine import Machine
from .state import State, Ways
from .values import ONE, number

CLONED, REPLICATED = 1, 5
"""``instance_type`` of copies (``PKT_INSTANCE_TYPE_*`` of BMv2's ``simple_switch.h``)."""
SESSION_BITS: Final = 32
CLONE: Final = "/clone"
"""A variable of no block: whether a clone is asked for (one bit), and its session."""
NO_CLONE: Final = number(0, 1 + SESSION_BITS)


def ask_for_clone(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``clone(CloneType.I2E, session)``: the last call counts. Raises CannotOffload for other clones."""
    kind, session = call.args
    if not isinstance(kind, ir.Const) or kind.value != "I2E":
        raise CannotOffload("a clone that is not from ingress to egress", call.span)
    assert session is not None
    return [(s.set(CLONE, (ONE, *as_bits(v, call.span))), ()) for s, v in evaluate(m, session, state)]


def parameters(control: ir.Control) -> list[str]:
    """The variables that a control's parameters are."""
    return [f"{control.name}/{p.name}" for p in control.params]


def kept(ways: Ways, names: Iterable[str]) -> Ways:
    """The ways with these variables and the clone only: the others are out of scope."""
    wanted = {CLONE, *names}
    return [replace(w, variables={n: v for n, v in w.variables.items() if n in wanted}) for w in ways]
