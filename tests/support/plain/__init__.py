"""A second interpreter of p4ast, for judging the first: plain Python numbers, written from the P4-16 specification.

It runs one packet through a program of ``v1model`` (unicast only), ``ebpf_model``, ``ubpf_model`` or ``xdp_model``. It
shares the node classes of p4ast and the rule set's with the product, and no code. What the specification leaves
undefined is :data:`UNDEFINED`, which spreads through whatever is computed from it; a run that would have to decide by
it ends with :class:`Skip`. In output frames such bits are ``?``.
"""

from .machine import Result, run_plain
from .values import UNDEFINED, Skip

__all__ = ["UNDEFINED", "Result", "Skip", "run_plain"]
