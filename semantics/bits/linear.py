"""Sums over GF(2) in one form, so that two ways to compute a CRC are one term.

A CRC is a constant with one literal exclusive-ored for each bit of the message that is set. Programs choose these
literals by products, masks or branches, at any width and in any order; here such a sum becomes one ``ite`` for each
bit, ordered by bits, as narrow as its literals are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .build import bxor, ite, to_bool, zext
from .term import BOOL, Term, bv, postorder
from .walk import rebuild

LEAST: Final = 8
"""Bits that change more than one bit of a sum, from which on it is brought into form."""
MOST: Final = 20_000
"""Summands of one sum that are looked at."""


def in_order(roots: Iterable[Term]) -> list[Term]:
    """``roots`` with every sum over GF(2) of many bits in the one form; the same terms where there is none."""
    roots = list(roots)
    order = postorder(roots)
    if not any(term.op == "bxor" for term in order):
        return roots
    whole = {root for root in roots if root.op == "bxor"}
    for term in order:
        if term.op != "bxor":
            whole.update(arg for arg in term.args if arg.op == "bxor")
    done: dict[Term, Term] = {}
    for term in order:
        new = rebuild(term, tuple(done[arg] for arg in term.args))
        done[term] = _ordered(new) if term in whole else new
    return [done[root] for root in roots]


def _ordered(sum_: Term) -> Term:
    found = _Sum(sum_)
    return sum_ if found.other or not found.is_long else found.term(sum_.width)


class _Sum:
    """What a term is the sum of: a literal, and for each bit what it changes."""

    def __init__(self, term: Term) -> None:
        self.constant = 0
        self.effects: dict[Term, int] = {}
        self.other = False
        """Whether there is a summand that is neither."""
        todo = [(term, 0)]
        for _ in range(MOST):
            if not todo or self.other:
                return
            part, shift = todo.pop()
            if part.op == "bxor":
                todo += [(arg, shift) for arg in part.args]
            elif part.op == "concat":
                at = shift + part.width
                for piece in part.args:
                    at -= piece.width
                    todo.append((piece, at))
            elif part.op == "bnot":
                self.constant ^= ((1 << part.width) - 1) << shift
                todo.append((part.args[0], shift))
            else:
                self._add(part, shift)
        self.other = True

    @property
    def is_long(self) -> bool:
        return sum(effect & (effect - 1) != 0 for effect in self.effects.values()) >= LEAST

    def _add(self, part: Term, shift: int) -> None:
        if part.is_const:
            self.constant ^= part.value << shift
        elif part.width == 1:
            self._effect(part, 1 << shift)
        elif part.op == "ite" and part.args[1].is_const and part.args[2].is_const:
            condition, yes, no = part.args
            bit, holds = _as_bit(condition)
            self.constant ^= (no.value if holds else yes.value) << shift
            self._effect(bit, (yes.value ^ no.value) << shift)
        elif part.op == "mul" and part.args[1].is_const and (only := _only_bit(part.args[0])) is not None:
            self._effect(only, part.args[1].value << shift)
        else:
            self.other = True

    def _effect(self, bit: Term, effect: int) -> None:
        if bit.is_const:
            self.constant ^= effect * bit.value
        else:
            self.effects[bit] = self.effects.get(bit, 0) ^ effect

    def term(self, width: int) -> Term:
        """The sum in its form."""
        used = self.constant
        for effect in self.effects.values():
            used |= effect
        narrow = max(1, used.bit_length())
        parts = [
            ite(to_bool(bit), bv(effect, narrow), bv(0, narrow))
            for bit, effect in sorted(self.effects.items(), key=lambda item: item[0].serial)
            if effect
        ]
        parts.append(bv(self.constant, narrow))
        while len(parts) > 1:
            pairs = [bxor(x, y) for x, y in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[len(pairs) * 2 :]
        return zext(parts[0], width)


def _as_bit(condition: Term) -> tuple[Term, bool]:
    """A bit, and whether the condition holds where it is 1 (else where it is 0)."""
    if condition.op == "eq":
        for literal, bit in (condition.args, condition.args[::-1]):
            if literal.is_const and bit.sort is not BOOL and bit.width == 1:
                return bit, literal.value == 1
    return ite(condition, bv(1, 1), bv(0, 1)), True


def _only_bit(term: Term) -> Term | None:
    """The lowest bit of a number that is 0 or 1."""
    if term.op == "concat" and all(part.is_const and part.value == 0 for part in term.args[:-1]):
        return term.args[-1] if term.args[-1].width == 1 else None
    return None
