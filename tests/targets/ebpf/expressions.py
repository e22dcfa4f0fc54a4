"""Random P4 expressions as text, each with its value computed in Python from the specification's words."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Env = Mapping[str, int]
"""Field → its bits, unsigned."""


@dataclass(frozen=True)
class Typed:
    """``bit<width>`` or ``int<width>``."""

    width: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'bit'}<{self.width}>"

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1

    def number(self, bits: int) -> int:
        """The number that these bits are."""
        return bits - (1 << self.width) if self.signed and bits >> self.width - 1 else bits

    @property
    def limits(self) -> tuple[int, int]:
        return (-(1 << self.width - 1), (1 << self.width - 1) - 1) if self.signed else (0, self.mask)


@dataclass(frozen=True)
class Sample:
    """An expression: its text, its type, and its bits for given fields."""

    text: str
    type: Typed
    bits: Callable[[Env], int]


FIELDS: dict[str, Typed] = {
    "a": Typed(8), "b": Typed(16), "c": Typed(32), "d": Typed(48), "e": Typed(64), "f": Typed(12), "g": Typed(4),
    "h": Typed(33), "i": Typed(63), "w": Typed(128), "x": Typed(100), "s": Typed(8, True), "t": Typed(16, True),
    "u": Typed(32, True), "v": Typed(64, True), "y": Typed(33, True), "z": Typed(15, True),
}  # fmt: skip
WIDTHS = (1, 4, 7, 8, 12, 16, 31, 32, 33, 48, 63, 64, 65, 100, 128)


class Maker:
    """Makes samples from a random source."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def type(self, wide: bool = True) -> Typed:
        if self.rng.random() < 0.3:
            return Typed(self.rng.choice((8, 15, 16, 32, 33, 64)), True)
        return Typed(self.rng.choice([w for w in WIDTHS if wide or w <= 64]))

    def expr(self, type_: Typed, depth: int) -> Sample:
        """An expression of a type."""
        if depth <= 0 or self.rng.random() < 0.1:
            return self.leaf(type_)
        makers = [self.arithmetic, self.arithmetic, self.shift, self.unary, self.mux, self.cast]
        if not type_.signed:
            makers += [self.slice]
            if type_.width > 1:
                makers.append(self.concat)
        return self.rng.choice(makers)(type_, depth)

    def leaf(self, type_: Typed) -> Sample:
        fields = [name for name, other in FIELDS.items() if other == type_]
        if fields and self.rng.random() < 0.8:
            name = self.rng.choice(fields)
            return Sample(f"hdr.h.{name}", type_, lambda env: env[name])
        bits = self.rng.choice((0, 1, type_.mask, type_.mask >> 1, self.rng.getrandbits(type_.width)))
        literal = f"{type_.width}w{bits:#x}" if not type_.signed else f"({type_}){type_.width}w{bits:#x}"
        return Sample(f"({literal})", type_, lambda env: bits)

    def arithmetic(self, type_: Typed, depth: int) -> Sample:
        wide = type_.width > 64
        op = self.rng.choice(("&", "|", "^", "+", "-") if wide else ("&", "|", "^", "+", "-", "*", "|+|", "|-|"))
        left, right = self.expr(type_, depth - 1), self.expr(type_, depth - 1)
        low, high = type_.limits

        def bits(env: Env) -> int:
            x, y = left.bits(env), right.bits(env)
            n, m = type_.number(x), type_.number(y)
            if op in ("|+|", "|-|"):
                return min(high, max(low, n + m if op == "|+|" else n - m)) & type_.mask
            return {"&": x & y, "|": x | y, "^": x ^ y, "+": n + m, "-": n - m, "*": n * m}[op] & type_.mask

        return Sample(f"({left.text} {op} {right.text})", type_, bits)

    def shift(self, type_: Typed, depth: int) -> Sample:
        left = self.expr(type_, depth - 1)
        if type_.width > 64:
            amount = self.rng.choice((0, 1, 31, 63, 64, 65, 99, 127, 128, 200))
            right = Sample(str(amount), Typed(8), lambda env: amount)
        else:
            right = self.expr(Typed(self.rng.choice((4, 8, 16))), depth - 1)
        op = self.rng.choice(("<<", ">>"))

        def bits(env: Env) -> int:
            x, n = left.bits(env), min(right.bits(env), 300)
            return (x << n if op == "<<" else type_.number(x) >> n) & type_.mask

        return Sample(f"({left.text} {op} {right.text})", type_, bits)

    def unary(self, type_: Typed, depth: int) -> Sample:
        inner = self.expr(type_, depth - 1)
        if type_.width > 64 or self.rng.random() < 0.5:
            return Sample(f"(~{inner.text})", type_, lambda env: ~inner.bits(env) & type_.mask)
        return Sample(f"(-{inner.text})", type_, lambda env: -inner.bits(env) & type_.mask)

    def mux(self, type_: Typed, depth: int) -> Sample:
        text, holds = self.condition(depth - 1)
        then, otherwise = self.expr(type_, depth - 1), self.expr(type_, depth - 1)
        return Sample(
            f"({text} ? {then.text} : {otherwise.text})",
            type_,
            lambda env: then.bits(env) if holds(env) else otherwise.bits(env),
        )

    def cast(self, type_: Typed, depth: int) -> Sample:
        """Between widths of one sign, or between signs at one width."""
        other = Typed(type_.width, not type_.signed)
        if type_.width in (1, 65, 100, 128) or self.rng.random() < 0.7:
            other = Typed(self.rng.choice([w for w in WIDTHS if w > 1]), type_.signed)
        inner = self.expr(other, depth - 1)
        return Sample(f"(({type_}){inner.text})", type_, lambda env: other.number(inner.bits(env)) & type_.mask)

    def slice(self, type_: Typed, depth: int) -> Sample:
        wider = Typed(self.rng.choice([w for w in WIDTHS if w >= type_.width]))
        inner = self.expr(wider, depth - 1)
        low = self.rng.randint(0, wider.width - type_.width)
        high = low + type_.width - 1
        return Sample(f"({inner.text})[{high}:{low}]", type_, lambda env: inner.bits(env) >> low & type_.mask)

    def concat(self, type_: Typed, depth: int) -> Sample:
        border = self.rng.randint(1, type_.width - 1)
        left, right = self.expr(Typed(type_.width - border), depth - 1), self.expr(Typed(border), depth - 1)
        return Sample(f"({left.text} ++ {right.text})", type_, lambda env: left.bits(env) << border | right.bits(env))

    def condition(self, depth: int) -> tuple[str, Callable[[Env], bool]]:
        """A condition's text and truth."""
        kind = self.rng.random()
        if depth > 0 and kind < 0.3:
            (one, p), (two, q) = self.condition(depth - 1), self.condition(depth - 1)
            if kind < 0.1:
                return f"(!{one})", lambda env: not p(env)
            if kind < 0.2:
                return f"({one} && {two})", lambda env: p(env) and q(env)
            return f"({one} || {two})", lambda env: p(env) or q(env)
        type_ = self.type()
        op = self.rng.choice(("==", "!=", "<", "<=", ">", ">="))
        left, right = self.expr(type_, depth), self.expr(type_, depth)

        def holds(env: Env) -> bool:
            x, y = type_.number(left.bits(env)), type_.number(right.bits(env))
            return {"==": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]

        return f"({left.text} {op} {right.text})", holds


def numbers(rng: random.Random) -> dict[str, int]:
    """A value for each field, edges often."""
    out = {}
    for name, type_ in FIELDS.items():
        edges = (0, 1, type_.mask, type_.mask >> 1, (type_.mask >> 1) + 1, rng.randrange(0, 70) & type_.mask)
        out[name] = rng.choice(edges) if rng.random() < 0.5 else rng.getrandbits(type_.width)
    return out
