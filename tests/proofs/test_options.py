"""What a choice may be, where the other side suggests more than is tried: the one of its own name is among it."""

from __future__ import annotations

from p4verify.proofs.compare import Obligation, Part
from p4verify.proofs.options import MAX_SUGGESTED, options_of
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import byte

KEY, PARTNER = b.var("any.0", 32), b.var("impl.any.0", 32)
WORDS = [b.concat(*(byte(4 * k + i) for i in range(4))) for k in range(MAX_SUGGESTED + 2)]
"""Other keys with which the table is asked."""


def hit(key: Term) -> Term:
    return b.apply("table.t.hit", 0, key)


def test_what_the_other_side_chose_may_be_chosen_however_much_else_is_suggested() -> None:
    asked = [b.not_(hit(word)) for word in WORDS]
    differ = b.and_(b.not_(b.eq(KEY, WORDS[0])), b.not_(b.eq(hit(KEY), hit(PARTNER))))
    obligation = Obligation("one", b.and_(*asked), (Part("hit", differ),), 1)
    _, options = options_of(obligation, b.and_(*asked, differ), (KEY,))
    assert PARTNER in options[KEY]
