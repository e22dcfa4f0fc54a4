"""Random terms and how to compare two of them, for tests of the term algebra and of the solvers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from p4verify.proofs.solvers import z3_engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

ARITHMETIC = ("mul", "udiv", "urem", "sdiv", "srem")
"""Operators that are hard for a solver on wide terms."""


class Shapes:
    """Random terms over few variables, literals and conditions, with much sharing; half of them made unrewritten."""

    def __init__(self, seed: int, arithmetic: bool = True) -> None:
        self.random = random.Random(seed)
        self.pool: dict[int, list[Term]] = {}
        ops = ["add", "band", "bor", "bxor", "shl", "lshr", "ashr"]
        self.binary_ops = [*ops, *ARITHMETIC] if arithmetic else ops

    def number(self, width: int) -> Term:
        """A literal, more often one of those that rewrites look for."""
        special = [0, 1, 2, 3, -1, -2, 1 << self.random.randrange(width), (1 << self.random.randrange(width)) - 1]
        return b.bv(self.random.choice([*special, self.random.getrandbits(width)]), width)

    def leaf(self, width: int) -> Term:
        """A variable or a literal; width 0: Bool."""
        if width == 0:
            return self.random.choice([b.var("p", 0), b.var("p", 0), b.var("q", 0), b.TRUE, b.FALSE])
        if self.random.random() < 0.4:
            return self.number(width)
        return b.var(f"{self.random.choice('xy')}{width}", width)

    def term(self, width: int, depth: int) -> Term:
        """A term of ``width`` bits (0: Bool) with at most ``depth`` levels of operators."""
        known = self.pool.setdefault(width, [])
        if known and self.random.random() < 0.35:
            return self.random.choice(known)
        made = self.leaf(width) if depth == 0 else (self._bool(depth) if width == 0 else self._bits(width, depth))
        known.append(made)
        del known[:-6]
        return made

    def _bool(self, depth: int) -> Term:
        width = self.random.choice((1, 2, 3))
        x, y = (self.term(width, depth - 1) for _ in range(2))
        p, q = (self.term(0, depth - 1) for _ in range(2))
        op = self.random.choice(["not", "and", "or", "eq", "eq", "ult", "slt", "ite"])
        args = {"not": (p,), "and": (p, q), "or": (p, q), "ite": (p, q, self.term(0, depth - 1))}.get(op, (x, y))
        return self._made(b.make(op, args, b.BOOL))

    def _bits(self, width: int, depth: int) -> Term:
        kind = self.random.choice(["binary", "binary", "bnot", "ite", "concat", "concat", "extract", "sext"])
        if kind in ("concat", "sext") and width == 1:
            kind = "ite"
        sort = b.bit_vector(width)
        if kind == "binary":
            args = self.term(width, depth - 1), self.term(width, depth - 1)
            return self._made(b.make(self.random.choice(self.binary_ops), args, sort))
        if kind == "bnot":
            return self._made(b.make("bnot", (self.term(width, depth - 1),), sort))
        if kind == "ite":
            args3 = self.term(0, depth - 1), self.term(width, depth - 1), self.term(width, depth - 1)
            return self._made(b.make("ite", args3, sort))
        if kind == "concat":
            return self._made(b.make("concat", self.split(width, depth - 1), sort))
        if kind == "sext":
            return self._made(b.make("sext", (self.term(self.random.randrange(1, width), depth - 1),), sort))
        low = self.random.randrange(3)
        whole = self.term(width + low + self.random.randrange(2) + (low == 0), depth - 1)
        return self._made(b.make("extract", (whole,), sort, (low + width - 1, low)))

    def _asked_below(self, width: int) -> Term:
        """``ite(not c or k, ite(c, x, y), z)``, where ``c`` may be a conjunction whose parts are negated."""
        asked = [self.term(0, 1) for _ in range(self.random.choice((1, 2)))]
        both = b.make("and", tuple(asked), b.BOOL) if len(asked) == 2 else asked[0]
        negated = [b.make("not", (c,), b.BOOL) for c in (asked if self.random.random() < 0.5 else [both])]
        x, y, z = (self.term(width, 1) for _ in range(3))
        then = b.make("ite", (both, x, y), x.sort)
        return b.make("ite", (b.make("or", (*negated, self.term(0, 1)), b.BOOL), then, z), x.sort)

    def split(self, width: int, depth: int) -> tuple[Term, ...]:
        """Two or three (if there is room) terms of ``width`` bits in all."""
        inner = sorted(self.random.sample(range(1, width), min(width - 1, self.random.choice((1, 1, 2)))))
        return tuple(self.term(z - a, depth) for a, z in itertools.pairwise([0, *inner, width]))

    def _remainder(self, number: Term, divisor: Term) -> Term:
        """The remainder, as short as the divisor is."""
        rest = b.make("urem", (number, b.zext(divisor, number.width)), number.sort)
        bounds = divisor.width - 1, 0
        return rest if number.width == divisor.width else b.make("extract", (rest,), divisor.sort, bounds)

    def _less_than_a_divisor_short(self, number: Term, divisor: Term) -> Term:
        """``number / divisor * divisor``, perhaps with another quotient of zero."""
        quotient = b.udiv(number, divisor)
        if self.random.random() < 0.5:
            quotient = b.ite(b.eq(divisor, b.bv(0, divisor.width)), self.leaf(divisor.width), quotient)
        return b.mul(quotient, divisor)

    def _short(self, width: int) -> Term:
        """A leaf, perhaps with zeros above."""
        return b.zext(self.leaf(self.random.choice((max(1, width - 1), width))), width)

    def _made(self, raw: Term) -> Term:
        """``raw``, or what the smart constructors make of it."""
        folds = all(a.is_const for a in raw.args)  # the constructors leave no operator on literals alone
        return _smart(raw) if folds or self.random.random() < 0.5 else raw

    def arguments(self, op: str, width: int) -> Term:
        """An unrewritten node of operator ``op`` over terms of about ``width`` bits."""
        if op == "or" and self.random.random() < 0.3:
            shared, split = self.term(0, 1), self.term(0, 1)
            sides = b.make("not", (split,), b.BOOL), split
            return b.make(op, tuple(b.make("and", (side, shared), b.BOOL) for side in sides), b.BOOL)
        if op in ("not", "and", "or"):
            count = 1 if op == "not" else self.random.choice((2, 2, 3))
            return b.make(op, tuple(dict.fromkeys(self.term(0, 2) for _ in range(count))), b.BOOL)
        if op == "ite":
            result = self.random.choice((0, width))
            if self.random.random() < 0.2:
                return self._asked_below(result)
            args = self.term(0, 2), self.term(result, 2), self.term(result, 2)
            return b.make(op, args, args[1].sort)
        if op == "concat":
            return b.make(op, self.split(width + 1, 2), b.bit_vector(width + 1))
        if op == "extract":
            low = self.random.randrange(width)
            high = self.random.randrange(low, width)
            whole = self.term(width, 2)
            if 2 <= width <= 8 and self.random.random() < 0.2:
                short = (b.zext(self.leaf(width - 1), width) for _ in range(2))
                whole = b.make("udiv", tuple(short), whole.sort)
            return b.make(op, (whole,), b.bit_vector(high - low + 1), (high, low))
        if op == "bnot":
            return b.make(op, (self.term(width, 2),), b.bit_vector(width))
        sides = self.term(width, 2), self.term(width, 2)
        if op == "eq" and self.random.random() < 0.2:
            sides = self.term(0, 2), self.term(0, 2)
        if op == "add" and self.random.random() < 0.1:
            sides = sides[0], b.neg(self._less_than_a_divisor_short(sides[0], self.leaf(width)))
        if op == "add" and self.random.random() < 0.1:
            some, other, literal = self._short(width), self.leaf(width), self.random.randrange(1 << width)
            less = self._less_than_a_divisor_short(b.add(some, b.bv(literal, width)), self._short(width))
            sides = b.add(b.add(some, other), b.bnot(less)), b.bv(literal + 1, width)
        if op == "ult" and width <= 16 and self.random.random() < 0.05:
            sides = self._remainder(self.term(width + self.random.choice((0, 2)), 1), sides[1]), sides[1]
        return b.make(op, sides, b.BOOL if op in ("eq", "ult", "slt") else b.bit_vector(width))


def _smart(raw: Term) -> Term:
    """``raw`` built again through the smart constructors."""
    stand_in = b.make(raw.op, (), raw.sort, raw.payload)  # other arguments, so that rebuild does build
    return b.rebuild(stand_in, raw.args) if raw.op != "sext" else b.sext(raw.args[0], raw.width)


def assignments(terms: tuple[Term, ...], most: int, seed: int) -> Iterator[dict[str, int]]:
    """All assignments to the variables below ``terms``, or ``most`` random ones if there are more."""
    names = [(v.name, v.width or 1) for v in b.variables(*terms)]
    if sum(w for _, w in names) <= most.bit_length() - 1:
        for values in itertools.product(*(range(1 << w) for _, w in names)):
            yield dict(zip((n for n, _ in names), values, strict=True))
        return
    chance = random.Random(seed)
    for _ in range(most):
        yield {n: chance.choice((0, (1 << w) - 1, 1 << (w - 1), chance.getrandbits(w))) for n, w in names}


def difference(x: Term, y: Term, most: int = 256) -> dict[str, int] | None:
    """An assignment on which our evaluator finds ``x`` and ``y`` different, or None."""
    for values in assignments((x, y), most, seed=x.width):
        left, right = b.evaluate([x, y], values)
        if left != right:
            return values
    return None


def proven_equal(x: Term, y: Term) -> bool:
    """Whether the solver proves ``x`` and ``y`` equal (the question is asked without any rewriting)."""
    same = b.make("eq", (x, y), b.BOOL)
    return z3_engine.solve([b.make("not", (same,), b.BOOL)], timeout_s=60).status == "unsat"
