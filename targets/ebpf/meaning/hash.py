"""The packet's flow hash, which the kernel computes when asked and keeps (``skb_get_hash``, net/core/filter.c).

``State.fields``: "hash" as ``skb->hash`` holds it; "hashed" 1 bit, whether it counts; :data:`GIVEN` the hash that the
program has given the packet, behind a bit that says whether it has, and the kernel has not forgotten it since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.meaning.behaviour import byte
from .helpers_common import context_argument
from .helpers_maps import result
from .state import State

if TYPE_CHECKING:
    from .machine import Machine

GIVEN: Final = "set_hash"
NOT_GIVEN: Final = b.bv(0, 33)
_REASON = "the packet's flow hash"


def get_hash_recalc(machine: Machine, state: State) -> list[State]:
    """``bpf_get_hash_recalc(skb)``: the hash, computed now if there is none."""
    context_argument(machine, state)
    known = b.to_bool(state.fields["hashed"])
    prefix = state.layout.prefix
    whole = state.layout.open_ended
    untouched = whole and all(term is byte(state.layout.payload - len(prefix) + i) for i, term in enumerate(prefix))
    if untouched:
        fresh = machine.asked(state, "hash_recalc", 32, _REASON)
    else:
        fresh = machine.choose("hash_recalc", 32, _REASON)
    state.fields["hash"] = b.ite(known, state.fields["hash"], fresh)
    state.fields["hashed"] = b.bv(1, 1)
    return result(state, state.fields["hash"])


def forget_hash(state: State) -> None:
    """``skb_clear_hash``."""
    state.fields["hash"], state.fields["hashed"] = b.bv(0, 32), b.bv(0, 1)
    state.fields[GIVEN] = NOT_GIVEN


def set_hash_invalid(machine: Machine, state: State) -> list[State]:
    """``bpf_set_hash_invalid(skb)``."""
    context_argument(machine, state)
    forget_hash(state)
    return result(state, 0)


def set_hash(machine: Machine, state: State) -> list[State]:
    """``bpf_set_hash(skb, hash)``."""
    context_argument(machine, state)
    state.fields["hash"] = b.extract(machine.scalar(state, 2), 31, 0)
    state.fields["hashed"] = b.bv(1, 1)
    state.fields[GIVEN] = b.concat(b.bv(1, 1), state.fields["hash"])
    return result(state, 0)
