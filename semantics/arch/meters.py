"""What colour a meter gives.

A meter's configuration, its buckets and the time are not modelled (RFC 2697, RFC 2698). They are left open in one of
two ways:

* *any colour*: each use of a meter is a choice of its own, and what the meter holds is not told. So a machine is judged
  that may have another kind of meter, or none that is ever asked for anything but green.
* *kept* (:attr:`Machine.meters_kept`): a cell of a meter holds a number that stands for all that matters; colour and
  next number are uninterpreted functions of it and of the colour given. So two programs are compared: where they use
  the same cells, in the same order, with the same colours given, they are told the same colours.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.machine import Machine
from ..source import Span

STATE_BITS: Final = 64
"""Of the number that a cell holds."""
YELLOW: Final = 1
RED: Final = 2
"""Colours by how severe they are; GREEN is 0."""
MISS: Final = ".miss"
"""Behind a direct meter's name: its cell of the default action."""
_WHY: Final = "nobody says how a meter is configured"


def kept_colour(m: Machine, name: str, index: Term, before: Term, inside: Term, span: Span) -> Term:
    """The colour that a meter whose cells are kept gives: 2 bits, 0 to 2.

    Args:
        m: the machine.
        name: the meter's state.
        index: its cell.
        before: the colour that is given, 2 bits; the result is none better.
        inside: whether there is such a cell.
        span: who asks.
    """
    m.note(f"meter {name}: the colour is any function of what the meter holds and of the colour given")
    held = m.read_cell(name, index, STATE_BITS)
    kind = _kind(m, name)
    told = m.input.function(f"meter.colour.{kind}", 2, (held, before), _WHY, span, m.trace)
    after = m.input.function(f"meter.next.{kind}", STATE_BITS, (held, before), _WHY, span, None)
    m.write_cell(name, index, after, inside)
    colour = b.ite(b.ult(told, b.bv(RED, 2)), told, b.bv(RED, 2))
    return b.ite(b.ult(colour, before), before, colour)


def _kind(m: Machine, name: str) -> str:
    """What the meter measures, packets or bytes, by one name in all architectures; "" if nothing says it."""
    instance = m.program.instance(name.removesuffix(MISS))
    return next((str(v.value).upper() for n, v in instance.args if n == "type" and isinstance(v, ir.Const)), "")


def any_colour_noted(m: Machine, name: str) -> None:
    """The verdict should say that colours are choices."""
    m.note(f"meter {name}: every colour is possible, its state is not compared")
