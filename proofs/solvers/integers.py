"""A query over bit vectors as a weaker one over integers, for sums whose carries are added again (checksums).

A solver of bits looks for a model of every carry. Over integers the ones' complement sum of RFC 1071 is linear: a sum
of n bits is the exact sum less 2^n for each carry, and what is cut out of a number is a digit of it. Each term becomes
a linear form whose value is the term's as a number without sign; what is not linear (products, logic on bits,
functions, arrays) becomes any number of its width. So whatever satisfies the query satisfies this text too: if it has
no solution the query has none. If it has one, nothing is known.

A narrow sum may be the low part of a wide one that also occurs (rewriting narrows what is cut out of sums). Then it is
written as the low digit of that one: that both hang together is what a proof about the low byte of a checksum needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ..sums import is_long, summands

LONG: Final = 40
"""Characters of a condition from which on it gets a name."""


def over_integers(query: Term) -> str:
    """Declarations and assertions (SMT-LIB, QF_LIA) that have a solution if ``query`` (Bool) has one."""
    return _Integers(query).text(query)


@dataclass(frozen=True)
class _Linear:
    """A sum of variables, each so many times, and a number."""

    times: Mapping[str, int]
    constant: int

    def text(self) -> str:
        parts = [f"(* {_number(k)} {name})" for name, k in self.times.items()]
        return f"(+ {' '.join(parts)} {_number(self.constant)})" if parts else _number(self.constant)


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"


def _sum(parts: Iterable[tuple[int, _Linear]]) -> _Linear:
    times: dict[str, int] = {}
    constant = 0
    for factor, form in parts:
        constant += factor * form.constant
        for name, k in form.times.items():
            times[name] = times.get(name, 0) + factor * k
    return _Linear({name: k for name, k in times.items() if k}, constant)


def _literal(value: int) -> _Linear:
    return _Linear({}, value)


class _Integers:
    """The text of one query; terms are written in the order of their nodes, arguments first."""

    def __init__(self, query: Term) -> None:
        self._lines: list[str] = []
        self._most: dict[str, int] = {}
        """The largest value of each variable; the least is below."""
        self._least: dict[str, int] = {}
        self._forms: dict[Term, _Linear] = {}
        self._truths: dict[Term, str] = {}
        order = b.postorder([query])
        used = {arg for t in order if t.op != "add" for arg in t.args}
        self._nodes = [t for t in order if t.op != "add" or t in used]
        self._sums = {t: summands(t) for t in self._nodes if t.op == "add"}
        self._wider = dict[Term, tuple[Term, Counter[Term]]]()
        self._lows: dict[tuple[Term, int], Counter[Term]] = {}
        before: list[Term] = []
        for term in self._sums:
            wider = self._wider_sum(term, before)
            before.append(term)
            if wider is not None:
                self._wider[term] = wider
        self._cuts: dict[Term, set[int]] = {}
        for term in self._nodes:
            if term.op == "extract":
                high, low = term.bounds
                self._cuts.setdefault(term.args[0], set()).update((low, high + 1))
        for narrow, (wide, _) in self._wider.items():
            self._cuts.setdefault(wide, set()).add(narrow.width)
        self._digits: dict[Term, list[tuple[int, int, str]]] = {}

    def text(self, query: Term) -> str:
        for term in self._nodes:
            if term.sort is b.BOOL:
                self._truths[term] = self._truth(term)
            elif not term.sort.index:
                self._forms[term] = self._form(term)
        return "\n".join([*self._lines, f"(assert {self._truths[query]})", ""])

    def _any(self, least: int, most: int) -> _Linear:
        name = f"i{len(self._lines)}"
        self._lines.append(f"(declare-const {name} Int) (assert (<= {_number(least)} {name} {_number(most)}))")
        self._least[name], self._most[name] = least, most
        return _Linear({name: 1}, 0)

    def _known(self, form: _Linear, value: str) -> _Linear:
        self._lines.append(f"(assert (= {form.text()} {value}))")
        return form

    def _truth(self, term: Term) -> str:
        args = term.args
        match term.op:
            case "const":
                return "true" if term.value else "false"
            case "not" | "and" | "or" | "ite":
                return self._said_once(f"({term.op} {' '.join(self._truths[a] for a in args)})")
            case "eq" if args[0].sort is b.BOOL:
                return f"(= {self._truths[args[0]]} {self._truths[args[1]]})"
            case "eq" | "ult" | "ule" if not args[0].sort.index:
                sign = {"eq": "=", "ult": "<", "ule": "<="}[term.op]
                return f"({sign} {self._forms[args[0]].text()} {self._forms[args[1]].text()})"
        name = f"b{len(self._lines)}"
        self._lines.append(f"(declare-const {name} Bool)")
        return name

    def _said_once(self, text: str) -> str:
        """A name for a long condition: what stands in many places would be repeated in all of them, and so on above."""
        if len(text) <= LONG:
            return text
        name = f"b{len(self._lines)}"
        self._lines.append(f"(define-fun {name} () Bool {text})")
        return name

    def _form(self, term: Term) -> _Linear:
        args, full = term.args, (1 << term.width) - 1
        match term.op:
            case "const":
                return _literal(term.value)
            case "bnot":
                return _sum([(1, _literal(full)), (-1, self._forms[args[0]])])
            case "concat":
                shifts = [sum(a.width for a in args[k + 1 :]) for k in range(len(args))]
                return _sum((1 << shift, self._forms[a]) for shift, a in zip(shifts, args, strict=True))
            case "extract":
                high, low = term.bounds
                digits = self._digits_of(args[0])
                return _Linear({name: 1 << at - low for at, end, name in digits if low <= at and end <= high + 1}, 0)
            case "ite":
                condition, yes, no = self._truths[args[0]], self._forms[args[1]].text(), self._forms[args[2]].text()
                return self._known(self._any(0, full), f"(ite {condition} {yes} {no})")
            case "add":
                return self._modulo(self._exactly(term), term.width)
        return self._any(0, full)

    def _exactly(self, term: Term) -> _Linear:
        """A sum without its carries, less any multiple of 2^width."""
        left, parts = self._sums[term], list[tuple[int, _Linear]]()
        if term in self._wider:
            wide, left = self._wider[term]
            low = (name for name in self._digits_of(wide) if name[1] <= term.width)
            parts.append((1, _Linear({name: 1 << at for at, _, name in low}, 0)))
        half = 1 << term.width - 1
        for each, count in left.items():
            factor = count - 2 * half if count > half else count
            value = each.value * factor % (2 * half) if each.is_const else 0
            parts.append((1, _literal(value - 2 * half if value >= half else value)) if each.is_const
                         else (factor, self._forms[each]))  # fmt: skip
        return _sum(parts)

    def _modulo(self, form: _Linear, width: int) -> _Linear:
        least = form.constant + sum(min(k * self._least[n], k * self._most[n]) for n, k in form.times.items())
        most = form.constant + sum(max(k * self._least[n], k * self._most[n]) for n, k in form.times.items())
        if least >= 0 and most < 1 << width:
            return form
        carries, rest = self._any(least >> width, most >> width), self._any(0, (1 << width) - 1)
        self._known(_sum([(1 << width, carries), (1, rest)]), form.text())
        return rest

    def _digits_of(self, term: Term) -> list[tuple[int, int, str]]:
        """``(lowest bit, behind the highest, variable)`` for each part of a number between places where it is cut."""
        if term not in self._digits:
            cuts = sorted({0, term.width, *self._cuts[term]})
            found = []
            for at, end in pairwise(cuts):
                (name,) = self._any(0, (1 << end - at) - 1).times
                found.append((at, end, name))
            self._known(_Linear({name: 1 << at for at, _, name in found}, 0), self._forms[term].text())
            self._digits[term] = found
        return self._digits[term]

    def _wider_sum(self, narrow: Term, before: Iterable[Term]) -> tuple[Term, Counter[Term]] | None:
        """A wider sum, written before, whose low part is most of a narrow one; and what is added to that."""
        mine, best = self._sums[narrow], None
        if not is_long(mine):
            return None
        for wide in before:
            if wide.width <= narrow.width:
                continue
            left = _less(mine, self._low(wide, narrow.width), narrow.width)
            if left is not None and (best is None or len(left) < len(best[1])):
                best = wide, left
        return best

    def _low(self, wide: Term, width: int) -> Counter[Term]:
        if (wide, width) not in self._lows:
            low = self._lows[wide, width] = Counter[Term]()
            for each, count in self._sums[wide].items():
                for part, times in summands(b.extract(each, width - 1, 0)).items():
                    low[part] += count * times
        return self._lows[wide, width]


def _less(mine: Counter[Term], low: Counter[Term], width: int) -> Counter[Term] | None:
    """What is left of the one sum without the other; None if the other is not part of it, or short."""
    if not is_long(low) or any(not part.is_const and mine[part] < times for part, times in low.items()):
        return None
    left, constant = Counter[Term](), 0
    for part, times in mine.items():
        if part.is_const:
            constant += part.value * times
        elif times - low[part]:
            left[part] = times - low[part]
    constant -= sum(part.value * times for part, times in low.items() if part.is_const)
    if constant % (1 << width):
        left[b.bv(constant % (1 << width), width)] = 1
    return left
