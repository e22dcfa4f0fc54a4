"""Queries that are easy to say and take a solver longer than any test, and small ones whose answers are known."""

from __future__ import annotations

from typing import Final

from p4verify.proofs.jobs import Job
from p4verify.proofs.units import Unit
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

PRIMES: Final = (0x2B4F8D0A2C3E7195, 0x39A3C71E54D2B075, 0x31D7E2945BA6C091)


def hard(salt: int = 0) -> Term:
    """The two factors, of 62 bits each, of a number; another number for each ``salt`` up to 2."""
    x, y = b.var("x", 64), b.var("y", 64)
    product = b.bv(PRIMES[salt] * PRIMES[salt - 1], 128)
    one = b.bv(1, 64)
    return b.and_(b.eq(b.mul(b.zext(x, 128), b.zext(y, 128)), product), b.ult(one, x), b.ult(x, y))


def easy(number: int) -> Term:
    """Satisfiable exactly for odd numbers, and not by folding."""
    x, y = b.var("x", 16), b.var("y", 16)
    ordered = b.ult(b.apply("f", 16, x), b.bv(number + 2, 16))
    return b.and_(b.ult(x, y), ordered, b.ult(y, x) if number % 2 == 0 else b.eq(b.apply("f", 16, y), y))


def job(query: Term, seconds: float = 20.0, memory_mb: int = 2048) -> Job:
    """A job of a query."""
    return Job(Unit.of(query), seconds, memory_mb)
