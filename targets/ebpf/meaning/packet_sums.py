"""Sums over a packet's bytes, told by what they are modulo 2**16 - 1.

What a loop over the packet adds up (:mod:`.induction`) is a number of which only this much is known: it does not exceed
a bound, it is a sum of bytes times known numbers modulo 65535, and it is 0 only where all of these bytes are. That is
enough: of two numbers from 0 to 65535 that are the same modulo 65535 and of which neither or both are 0, one is the
other. So whatever a program does to such a sum, as soon as the result is at most 65535 it is *the* one's complement sum
(RFC 1071) of its summands, and is put in as that; a result in which a sum is left is not told at all.

The form of a term (:class:`Form`) follows from its structure: an addition that cannot overflow, as the bounds of its
addends show; numbers put side by side (2**16 is 1 modulo 65535); and all slices of one number, each times what it
counts, which is how sums are folded and how bytes are swapped. All summands are numbers of at least 0, and none is
multiplied by 0, so that the form of a term keeps when it is 0.

A *law* says that some summands together, each so many times, are a whole: the sum that a loop has left and the bytes
behind its last turn are the sum of all that follows, zero where that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.checksums import ones_complement_sum

MODULUS: Final = 0xFFFF
PART: Final = "part"
"""The name of a sum that some of the last bytes are still to be added to."""
_PREFIX: Final = "ebpf.sum "
"""What the names of the variables begin with that no result may hold."""


@dataclass(frozen=True, slots=True)
class Form:
    """A number as a sum: term → how often it counts (modulo 65535, unless ``exact``), and a literal."""

    counts: Mapping[Term, int]
    literal: int
    most: int
    """What the number does not exceed."""
    exact: bool
    """Whether it is the sum itself, and not only the same modulo 65535."""


@dataclass(frozen=True, slots=True)
class Law:
    """The parts, each so many times, are ``times`` the whole modulo 65535, and all of them 0 only where it is."""

    parts: Mapping[Term, int]
    whole: Term
    """16 bits."""
    times: int
    total: Term | None = None
    """The sum of the parts, each exactly so many times."""


class Sums:
    """The sums of one run of a machine."""

    def __init__(self) -> None:
        self._most: dict[Term, int] = {}
        self._laws: dict[Term, Law] = {}
        self._forms: dict[Term, Form | None] = {}
        self._leads: dict[Term, bool] = {}
        self._count = 0

    def fresh(self, name: str, width: int, most: int | None = None) -> Term:
        """A new variable, of which every number up to ``most`` is to be thought."""
        found = self.variable(name, width)
        self.know(found, (1 << width) - 1 if most is None else most)
        return found

    def variable(self, name: str, width: int) -> Term:
        """A new variable that is no summand, and that no result may hold either."""
        self._count += 1
        return b.var(f"{_PREFIX}{self._count} {name}", width)

    def know(self, term: Term, most: int) -> None:
        """``term`` is a summand by itself."""
        if self._most.get(term) != most:
            self._most[term] = most
            self._forms.clear()
            self._leads.clear()

    def add_law(self, total: Term, law: Law) -> None:
        """What ``total``, one of the law's parts, is the beginning of."""
        for part in (*law.parts, law.whole):
            self.know(part, self._most.get(part, (1 << part.width) - 1))
        self._laws[total] = law

    # --- forms ---

    def form(self, term: Term) -> Form | None:
        """What ``term`` is as a sum; None if that cannot be told. What has no summand in it is one itself."""
        for node in b.postorder([term], self._forms):
            if node not in self._forms:
                self._leads[node] = node in self._most or any(self._leads[arg] for arg in node.args)
                self._forms[node] = self._made(node) if node.width and not node.sort.index else None
        return self._forms[term]

    def _made(self, node: Term) -> Form | None:
        if node.is_const:
            return Form({}, node.value, node.value, exact=True)
        if node in self._most:
            return Form({node: 1}, 0, self._most[node], exact=True)
        if node.op == "concat":
            return self._side_by_side(node)
        if not self._leads[node]:
            return Form({node: 1}, 0, (1 << node.width) - 1, exact=True)
        if node.op == "extract":
            inner = self._forms[node.args[0]]
            if inner is None:
                return None
            high, low = node.bounds
            return Form({node: 1}, 0, min((1 << (high - low + 1)) - 1, inner.most >> low), exact=True)
        if node.op == "add":
            return self._added(node)
        if node.op == "ite":
            return self._either(node)
        return None

    def _side_by_side(self, node: Term) -> Form | None:
        parts, shift = [], node.width
        for arg in node.args:
            shift -= arg.width
            found = self._forms[arg]
            if found is None:
                return None
            parts.append((found, 1 << shift))
        if not self._leads[node] and not all(arg.is_const for arg in node.args[:-1]):
            return Form({node: 1}, 0, (1 << node.width) - 1, exact=True)
        return self._sum(parts, node.width)

    def _added(self, node: Term) -> Form | None:
        args = self._addends(node)
        parts = [(form, 1) for form in self._folds(args, node.width)]
        for arg in args:
            found = self._forms[arg] if arg in self._forms else self.form(arg)
            if found is None:
                return None
            parts.append((found, 1))
        return self._sum(parts, node.width)

    def _addends(self, node: Term) -> list[Term]:
        """What is added, modulo the node's width; a term that is no sum is added itself."""
        found, stack = [], [node]
        while stack:
            arg = _core(stack.pop())
            if arg.op == "add" and arg.width == node.width and arg not in self._most:
                stack += arg.args
            else:
                found.append(arg)
        return found

    def _folds(self, args: list[Term], width: int) -> list[Form]:
        """The numbers of which both the upper and the lower bits are added, taken out of the addends; the lower bits of
        a sum may be there one by one."""
        found: list[Form] = []
        pairs: list[tuple[Term, list[Term]]] = []
        for high in args:
            if high.op == "extract" and high.bounds[1] and not high.bounds[1] % 16 and self._leads[high]:
                low = b.extract(high.args[0], high.bounds[1] - 1, 0)
                pairs.append((high, [low] if low in args or low.width != width else self._addends(low)))
        for high, lows in sorted(
            pairs, key=lambda pair: -len(pair[1])
        ):  # what was folded before is part of what is now
            inner, cut = self._forms[high.args[0]], high.bounds[1]
            if inner is None or inner.most >> (high.bounds[0] + 1) or Counter([high, *lows]) - Counter(args):
                continue
            for each in (high, *lows):
                args.remove(each)
            upper, full = inner.most >> cut, (1 << cut) - 1
            most = max(upper + (inner.most & full), upper - 1 + full) if upper else inner.most
            counts = {term: count % MODULUS for term, count in inner.counts.items()}
            found.append(Form(counts, inner.literal, most, exact=False))
        return found

    def _sum(self, parts: Iterable[tuple[Form, int]], width: int) -> Form | None:
        """The sum of forms, each so many times; None if it might overflow."""
        counts: dict[Term, int] = {}
        literal = most = 0
        exact = True
        for part, times in parts:
            for term, count in part.counts.items():
                counts[term] = counts.get(term, 0) + times * count
            literal, most, exact = literal + times * part.literal, most + times * part.most, exact and part.exact
        if most >> width:
            return None
        return self._put_together(Form(counts, literal, most, exact))

    def _put_together(self, form: Form) -> Form | None:
        """With all slices of one number, each times what it counts there, as that number."""
        wholes = {t.args[0] for t in form.counts if t.op == "extract" and t not in self._most and self._leads[t]}
        for whole in wholes:
            inner = self._forms[whole]
            if inner is None:
                return None
            slices = sorted(
                (t for t in form.counts if t.op == "extract" and t.args[0] is whole and t not in self._most),
                key=lambda t: t.bounds[1],
            )
            times, at = form.counts[slices[0]], 0
            straight = even = True
            for part in slices:
                count = form.counts[part]
                even = even and part.bounds[1] == at and (count - (times << at)) % MODULUS == 0
                straight = straight and count == times << at
                at = part.bounds[0] + 1
            if not even or inner.most >> at:
                continue
            counts = {t: n for t, n in form.counts.items() if t not in slices}
            for term, count in inner.counts.items():
                counts[term] = counts.get(term, 0) + times * count
            exact = form.exact and inner.exact and straight
            if not exact:
                counts = {t: n % MODULUS for t, n in counts.items()}
            form = Form(counts, form.literal + times * inner.literal, form.most, exact)
        return form

    def _either(self, node: Term) -> Form | None:
        x, y = (self._forms[arg] for arg in node.args[1:])
        if x is None or y is None or self._leads[node.args[0]]:
            return None
        ours, theirs = self._whole(x), self._whole(y)
        if (ours, x.literal % MODULUS) != (theirs, y.literal % MODULUS) or (x.literal == 0) != (y.literal == 0):
            return None
        return Form(ours, x.literal if x.literal == y.literal else x.literal % MODULUS or MODULUS, max(x.most, y.most),
                    exact=False)  # fmt: skip

    # --- laws ---

    def _whole(self, form: Form) -> dict[Term, int]:
        """The counts modulo 65535, with wholes for their parts."""
        counts = {term: count % MODULUS for term, count in form.counts.items()}
        while True:
            total = next((term for term in counts if term in self._laws and self._applies(counts, term)), None)
            if total is None:
                return counts
            law, times = self._laws[total], counts[total]
            for part in law.parts:
                del counts[part]
            counts[law.whole] = (counts.get(law.whole, 0) + times * law.times) % MODULUS

    def _applies(self, counts: Mapping[Term, int], total: Term) -> bool:
        law = self._laws[total]
        return all(
            part in counts and (counts[part] - counts[total] * n) % MODULUS == 0 for part, n in law.parts.items()
        )

    def settled(self, term: Term) -> Term:
        """``term``, or what it is known to be if it is a sum that is at most 65535, or has all parts of a whole."""
        if not self._laws or term.is_const:
            return term
        found = self.form(term)
        if found is None or not self._leads[term] or term in self._most:
            return term
        counts = self._whole(found)
        if found.most <= MODULUS and counts and not any(_is_open(each) for each in counts):
            words = [_times(each, count) for each, count in counts.items()]
            if found.literal:
                words.append([b.bv(found.literal % MODULUS or MODULUS, 16)])
            known = [word for part in words if part is not None for word in part]
            if None not in words and term.width >= known[0].width:
                return b.zext(known[0] if len(known) == 1 else ones_complement_sum(known), term.width)
        whole = self._in_total(term, found)
        return term if whole is None else whole

    def _in_total(self, term: Term, form: Form) -> Term | None:
        """A sum with what its parts are in all, where they are there exactly."""
        for part in form.counts:
            law = self._laws.get(part)
            if law is None or law.total is None or not form.exact:
                continue
            if any(form.counts.get(each) != count for each, count in law.parts.items()):
                continue
            rest = [each for each in form.counts if each not in law.parts]
            if all(form.counts[each] == 1 and each.width <= term.width for each in rest):
                parts = (*rest, law.total, b.bv(form.literal, term.width))
                return b.total(tuple(b.resize(each, term.width) for each in parts), term.width)
        return None


def _core(term: Term) -> Term:
    """The number without the zeros above it."""
    while term.op == "concat" and len(term.args) == 2 and term.args[0].is_const and not term.args[0].value:
        term = term.args[1]
    return term


def _is_open(term: Term) -> bool:
    """Whether a summand is a part whose whole is not there."""
    return any(each.name.startswith(_PREFIX) for each in b.variables(term))


def _times(term: Term, count: int) -> list[Term] | None:
    """16-bit numbers whose sum is ``count`` times the term modulo 65535, and which are all 0 only where it is; None
    unless the count is a power of two: then they are turned to the left."""
    turn = count.bit_length() - 1
    if not count or count != 1 << turn:
        return None
    found = []
    for low in range(0, term.width, 16):
        part = b.extract(term, min(low + 15, term.width - 1), low)
        word = b.zext(part, 16) if part.width < 16 else part
        found.append(b.concat(b.extract(word, 15 - turn, 0), b.extract(word, 15, 16 - turn)) if turn else word)
    return found


def has_part(term: Term) -> bool:
    """Whether bytes are still to be added to some sum in a term."""
    return any(each.name.startswith(_PREFIX) and each.name.endswith(f" {PART}") for each in b.variables(term))


def left(terms: Iterable[Term]) -> bool:
    """Whether a sum that is not told is left in some term."""
    return any(each.name.startswith(_PREFIX) for each in b.variables(*terms))
