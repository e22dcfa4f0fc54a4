"""What the conditions under which control is where it is decide of terms.

A compiler keeps in a flag that control has left, and asks for the flag before each statement that follows. In the
source nothing follows where control has left. Both have the same terms only if what is read and put together behind the
flag is what it is there.
"""

from __future__ import annotations

from .. import bits as b
from ..bits import Term

Facts = frozenset[Term]


def decided(condition: Term, facts: Facts) -> Term:
    """``condition`` as far as the facts decide it."""
    if condition.is_const or not facts:
        return condition
    if condition in facts:
        return b.TRUE
    if b.not_(condition) in facts:
        return b.FALSE
    if condition.op in ("and", "or"):
        args = [_leaf(arg, facts) for arg in condition.args]
        return b.and_(*args) if condition.op == "and" else b.or_(*args)
    if condition.op == "not" and condition.args[0].op in ("and", "or"):
        return b.not_(decided(condition.args[0], facts))
    return condition


def _leaf(condition: Term, facts: Facts) -> Term:
    if condition in facts:
        return b.TRUE
    return b.FALSE if b.not_(condition) in facts else condition


def chosen(term: Term, facts: Facts) -> Term:
    """``term`` without the choices above it that the facts decide."""
    while term.op == "ite":
        condition = decided(term.args[0], facts)
        if not condition.is_const:
            break
        term = term.args[1] if condition is b.TRUE else term.args[2]
    return term
