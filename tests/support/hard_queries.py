"""Queries that are easy to say and take a solver longer than any test, and small ones whose answers are known."""

from __future__ import annotations

from p4verify.proofs.jobs import Job
from p4verify.proofs.units import Unit
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term


def hard(salt: int = 0) -> Term:
    """Two factors of a long number; another number for each ``salt``."""
    x, y = b.var("x", 96), b.var("y", 96)
    wide = b.mul(b.zext(x, 192), b.zext(y, 192))
    number = b.zext(b.mul(b.bv((1 << 89) - 1, 96), b.bv(1000003 + 2 * salt, 96)), 192)
    return b.and_(b.eq(wide, number), b.ult(b.bv(2**60, 96), x), b.ult(x, y))


def easy(number: int) -> Term:
    """Satisfiable exactly for odd numbers, and not by folding."""
    x, y = b.var("x", 16), b.var("y", 16)
    ordered = b.ult(b.apply("f", 16, x), b.bv(number + 2, 16))
    return b.and_(b.ult(x, y), ordered, b.ult(y, x) if number % 2 == 0 else b.eq(b.apply("f", 16, y), y))


def job(query: Term, seconds: float = 20.0, memory_mb: int = 2048) -> Job:
    """A job of a query."""
    return Job(Unit.of(query), seconds, memory_mb)
