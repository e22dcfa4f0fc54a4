"""Action selectors: which member of a group answers.

The members of a group are weighed alike; how the selector's key (and its algorithm) picks one is left open by the
architectures, so the pick is a function that nobody knows, the same for the same group and key:
``select.PROFILE.GROUP.W(key)``, 32 bits, below the number of members, ``key`` being the table's selector keys side by
side, ``W`` bits. On numbers the pick is BMv2's (behavioral-model's ``src/bm_sim/action_profile.cpp``): the algorithm's
hash of the key's fields, modulo the number of members (:func:`place`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..rules.profiles import implementations
from ..rules.ruleset import ActionCall, GroupRef, RuleSet
from ..source import Span, Unsupported
from .checksums import ALGORITHMS, CUSTOM, crc, identity
from .concrete import Function
from .machine import Machine

INDEX_BITS: Final = 32
_HASH_BITS: Final = 64
"""No algorithm has more."""
_SPELLINGS: Final = {"ones_complement16": "csum16"}


PICK: Final = "select."
"""What functions begin with that pick members."""


def is_pick(term: Term) -> bool:
    """Whether a term is what a selector picks."""
    return term.op == "apply" and term.name.startswith(PICK)


def pick_name(ref: GroupRef, width: int) -> str:
    """The function that picks a member of a group by a key of ``width`` bits."""
    return f"{PICK}{ref.profile}.{ref.group}.{width}"


def pick(m: Machine, ref: GroupRef, key: Term | None, span: Span) -> list[tuple[Term, ActionCall]]:
    """The different answers of a group, each with the condition under which it is given; exactly one holds.

    Raises:
        Unsupported: the group has no members.
    """
    assert m.rules is not None
    members = m.rules.members(ref)
    if not members:
        raise Unsupported(f"group {ref.group} of action selector {ref.profile} is empty: what is done is open", span)
    distinct = list(dict.fromkeys(members))
    if len(distinct) == 1:
        return [(b.TRUE, distinct[0])]
    name = pick_name(ref, key.width if key is not None else 0)
    args = () if key is None else (key,)
    reason = f"which member of group {ref.group} of {ref.profile} answers is the selector's to say"
    index = m.input.function(name, INDEX_BITS, args, reason, span, m.trace)
    if not index.is_const:
        m.axioms[b.ult(index, b.bv(len(members), INDEX_BITS))] = None
    found = []
    rest = b.TRUE
    for call in distinct[:-1]:
        when = b.or_(*(b.eq(index, b.bv(i, INDEX_BITS)) for i, member in enumerate(members) if member == call))
        found.append((when, call))
        rest = b.and_(rest, b.not_(when))
    return [*found, (rest, distinct[-1])]


def selections(program: ir.Program, rules: RuleSet) -> dict[str, Function]:
    """The functions that pick members, on numbers: BMv2's pick for every group of ``rules``."""
    functions: dict[str, Function] = {}
    for name, implementation in implementations(program).items():
        profile = rules.profiles.get(name)
        widths = {_selector_width(table) for table in implementation.tables}
        for group, members in (profile.groups if profile is not None else {}).items():
            for width in widths if members else ():
                ref = GroupRef(name, group)
                functions[pick_name(ref, width)] = _picker(implementation.instance, len(members), width)
    return functions


def _selector_width(table: ir.Table) -> int:
    return sum(max(1, ir.width_of(key.expr.type)) for key in table.keys if key.match_kind == "selector")


def _algorithm(instance: ir.Instance) -> Callable[[Term], Term]:
    """The selector's algorithm by its name; of one that is the device's own, the first eight bytes."""
    given = next((v.value for n, v in instance.args if n in ("algorithm", "algo") and isinstance(v, ir.Const)), "")
    name = str(given).lower()
    name = _SPELLINGS.get(name, name)
    if name in CUSTOM:
        return lambda data: crc(CUSTOM[name], data)
    return ALGORITHMS.get(name, identity)


def place(instance: ir.Instance, key: Term, count: Term) -> Term:
    """BMv2's pick: which of ``count`` (32 bits) members answers a selector's key, as 32 bits."""
    padding = -key.width % 8
    hashed = b.zext(_algorithm(instance)(b.concat(key, b.bv(0, padding)) if padding else key), _HASH_BITS)
    return b.extract(b.urem(hashed, b.zext(count, _HASH_BITS)), INDEX_BITS - 1, 0)


def _picker(instance: ir.Instance, count: int, width: int) -> Function:
    def function(*key: int) -> int:
        return place(instance, b.bv(key[0], width), b.bv(count, INDEX_BITS)).value if key else 0

    return function


def key_of(terms: Sequence[Term]) -> Term | None:
    """The selector's key: the values of its keys, the first highest."""
    return b.concat(*terms) if terms else None
