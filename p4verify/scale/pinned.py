"""What has to hold of an input so that it meets just the entries that a packet met.

A difference is run on both sides with few entries, and its packet is made smaller there. Wherever the *pins* hold, the
sides with these entries do what the whole ones do: a lookup that was made has the key that it had, so its answer is the
one that it had, and what hangs on that answer is as it was; a lookup that was not made is not made.

What a side chooses, and what tables answer that were not asked, may be anything there. A pin is one whatever these are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..proofs.choices import IMPL
from ..proofs.engine import Model
from ..semantics import bits as b
from ..semantics.bits import BOOL, FALSE, TRUE, Term
from ..semantics.meaning.behaviour import CHOICE
from ..semantics.meaning.opened import Lookup, Opened

Key = tuple[int, Lookup, int]
"""Side (0 or 1), lookup and the key's value."""


@dataclass(frozen=True)
class Pinned:
    """The pins, and the keys whose entries are to stay."""

    condition: Term
    keys: tuple[Key, ...]


@dataclass
class NotPinned(Exception):
    """What a table is asked for hangs on what a side chooses, so that other entries count as well."""

    table: str

    def __str__(self) -> str:
        return f"what {self.table} is asked for hangs on what is undefined"


def pinned(sides: Sequence[Opened], model: Model, looked_up: Sequence[Key]) -> Pinned:
    """The pins for a packet.

    Args:
        sides: both.
        model: the packet; tables that are asked answer as their rows do.
        looked_up: every lookup, with the key that it has on the model.

    Raises:
        NotPinned: there are none.
    """
    made = [model.holds(one.guard) for _, one, _ in looked_up]
    functions = {
        name: (at, t.name) for at, side in enumerate(sides) for t in side.tables.values() for name in t.functions
    }
    asked = {((at, one.table), one.key) for (at, one, _), is_made in zip(looked_up, made, strict=True) if is_made}
    terms = [term for _, one, _ in looked_up for term in (one.key, one.guard)]
    answers = [t for t in b.applications(*terms) if t.name in functions and (functions[t.name], t.args[0]) in asked]
    values = b.evaluate(answers, model.values, model.callables(), default=0)
    known = {t: b.literal(n, t) for t, n in zip(answers, values, strict=True) if isinstance(n, int)}
    terms = b.substitute(terms, known)

    def anything(term: Term) -> bool:
        if term.op == "var":
            return term.name.startswith((CHOICE, IMPL))
        return term.op == "apply" and term.name in functions

    pins, keys = [], []
    for (at, one, value), is_made, key, guard in zip(looked_up, made, terms[::2], terms[1::2], strict=True):
        pin = None if is_made else _whatever(b.not_(guard), model, anything)
        if pin is None:
            pin = _whatever(b.eq(key, b.bv(value, key.width)), model, anything)
            keys.append((at, one, value))
        if pin is None:
            raise NotPinned(one.table)
        pins.append(pin)
    return Pinned(b.and_(*pins), tuple(keys))


def _whatever(condition: Term, model: Model, anything: Callable[[Term], bool]) -> Term | None:
    """A condition that holds on a model and that a condition follows from, whatever some leaves of it are.

    It is the condition with the conditions in it that hang on no such leaf as they are on the model, and that they are
    so; None if such a leaf is left.
    """
    hanging = b.leading_to([condition], anything)
    if not hanging:
        return condition
    ends = {term for term in b.postorder([condition]) if term not in hanging}
    inner = [term for term in b.postorder([condition], ends) if term in ends and term.sort is BOOL]
    holding = {term: model.holds(term) for term in inner}
    left = b.substitute([condition], {term: TRUE if holds else FALSE for term, holds in holding.items()})[0]
    if b.leading_to([left], anything):
        return None
    return b.and_(left, *(term if holds else b.not_(term) for term, holds in holding.items()))
