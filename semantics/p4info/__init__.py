"""P4Info, the control plane's view of a program: ``p4info.to_text(program)``.

After the P4Runtime specification 1.4 ("P4Info Message"). :mod:`.model` has the messages, :func:`from_program` makes
them, :func:`write` prints them in protocol buffers' text format.
"""

from __future__ import annotations

from .. import ir
from .build import from_program
from .model import P4Info
from .text import write

__all__ = ["P4Info", "from_program", "to_text", "write"]


def to_text(program: ir.Program) -> str:
    """The program's P4Info in text format.

    Raises:
        InputError: an ``@id`` is given twice or has another kind's high byte.
        Unsupported: P4Info has no form for a type that the control plane would see.
    """
    return write(from_program(program))
