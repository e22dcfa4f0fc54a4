"""Z3, the default solver. The only file of p4verify that imports it.

Every query is parsed from its SMT-LIB text in a context of its own, so that answers do not depend on what was asked
before. What Z3 cannot say within its limits, and every exception that it raises, is ``unknown``; a model is checked by
our own evaluator before it is called ``sat``. Ctrl-C ends a query with KeyboardInterrupt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import z3

from ...semantics import bits as b
from ...semantics.bits import Sort, Term, Value
from .freed_memory import keep_freed_memory
from .integers import over_integers
from .smtlib import Signature, logic, signatures, symbol, to_smtlib

keep_freed_memory()

LONGEST_MS: Final = 0xFFFFFFFE
"""Z3 keeps its limit in 32 bits, and takes a longer one modulo that; all ones means none."""

TACTICS: Final = ("sat", "smt")
"""``sat``: what Z3 does for a logic by itself: all becomes one question of propositional logic. ``smt``: its older
core, which keeps functions as they are: faster by far where many are applied, slower on arithmetic."""

Status = Literal["sat", "unsat", "unknown"]
Table = dict[tuple[int, ...] | None, int]
"""An uninterpreted function: arguments → value; ``None``: the value for all other arguments."""


@dataclass(frozen=True)
class Result:
    """What Z3 said. Without "sat" the model is empty; ``reason`` says why it is "unknown"."""

    status: Status
    values: Mapping[str, int] = field(default_factory=dict)
    """Variable's name → value (Bool: 0 or 1); every variable of the query is there."""
    functions: Mapping[str, Mapping[tuple[int, ...] | None, int]] = field(default_factory=dict)
    """Function's name → table; every application in the query has its arguments there."""
    arrays: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Array variable's name → cells (key -1: all others)."""
    reason: str = ""
    seconds: float = 0.0
    rlimit_count: int = 0
    """Z3's own count of steps: the same on every machine, unlike ``seconds``."""


def solve(
    assertions: Sequence[Term],
    *,
    timeout_s: float,
    rlimit: int | None = None,
    memory_mb: int | None = None,
    tactic: str = "sat",
) -> Result:
    """Whether ``assertions`` (Bool) can all be true together.

    Args:
        assertions: the query.
        timeout_s: seconds after which Z3 is asked to stop; it may take some seconds longer.
        rlimit: limit of Z3's own count of steps: reproducible where ``timeout_s`` is not.
        memory_mb: limit of Z3's memory in MiB.
        tactic: one of :data:`TACTICS`.

    Raises:
        ValueError: an assertion is not Bool, or a name has two signatures, or there is no such tactic.
        KeyboardInterrupt: Ctrl-C while Z3 was running.
    """
    start = time.monotonic()
    text = to_smtlib(assertions)
    try:
        answer = _run(assertions, text, timeout_s, rlimit, memory_mb, tactic)
    except z3.Z3Exception as error:
        if "interrupted" in str(error):
            raise KeyboardInterrupt from error
        answer = Result("unknown", reason=f"z3: {error}")
    return replace(answer, seconds=time.monotonic() - start)


def refuted_over_integers(query: Term, *, timeout_s: float, memory_mb: int | None = None) -> Result:
    """``unsat`` if ``query`` (Bool) has no model even where bits are forgotten (:mod:`.integers`), else ``unknown``.

    Args as of :func:`solve`; it never says ``sat``.

    Raises:
        KeyboardInterrupt: Ctrl-C while Z3 was running.
    """
    start = time.monotonic()
    context = z3.Context()
    try:
        solver = z3.SolverFor("QF_LIA", ctx=context)
        _limit(solver, timeout_s, None, memory_mb)
        solver.add(z3.parse_smt2_string(over_integers(query), ctx=context))
        status = solver.check()
        reason = solver.reason_unknown() if status == z3.unknown else "a model of the sums alone"
    except z3.Z3Exception as error:
        status, reason = z3.unknown, str(error)
    if "interrupted" in reason:
        raise KeyboardInterrupt
    seconds = time.monotonic() - start
    return (
        Result("unsat", seconds=seconds)
        if status == z3.unsat
        else Result("unknown", reason=f"z3: {reason}", seconds=seconds)
    )


def _limit(solver: Any, timeout_s: float, rlimit: int | None, memory_mb: int | None) -> None:
    solver.set("timeout", max(1, int(min(timeout_s * 1000, LONGEST_MS))))
    if rlimit is not None:
        solver.set("rlimit", rlimit)
    if memory_mb is not None:
        solver.set("max_memory", memory_mb)


def _run(
    assertions: Sequence[Term], text: str, timeout_s: float, rlimit: int | None, memory_mb: int | None, tactic: str
) -> Result:
    context = z3.Context()
    solver = _solver(assertions, context, tactic)
    _limit(solver, timeout_s, rlimit, memory_mb)
    solver.add(z3.parse_smt2_string(text, ctx=context))
    status = solver.check()
    count = _count(solver)
    if status == z3.unsat:
        return Result("unsat", rlimit_count=count)
    if status != z3.sat:
        reason = solver.reason_unknown()
        if "interrupted" in reason:  # Z3 caught the SIGINT that was meant for us
            raise KeyboardInterrupt
        return Result("unknown", reason=f"z3: {reason}", rlimit_count=count)
    return replace(_Reader(solver.model(), context, signatures(assertions)).read(assertions), rlimit_count=count)


def _solver(assertions: Sequence[Term], context: Any, tactic: str) -> Any:
    if tactic == "sat":
        return z3.SolverFor(logic(assertions), ctx=context)
    if tactic == "smt":
        return z3.Tactic("smt", ctx=context).solver()
    raise ValueError(f"no tactic {tactic}")


def version() -> str:
    """Z3's own version."""
    return str(z3.get_full_version())


def _count(solver: Any) -> int:
    statistics = solver.statistics()
    return next((int(value) for key, value in statistics if key == "rlimit count"), 0)


class _Unreadable(Exception):
    """A model in a form that we do not know."""


@dataclass
class _Reader:
    """Reads a model out of Z3, asking for exactly those function values that the query needs."""

    model: Any
    context: Any
    names: Mapping[str, Signature]
    values: dict[str, int] = field(default_factory=dict)
    arrays: dict[str, dict[int, int]] = field(default_factory=dict)
    functions: dict[str, Table] = field(default_factory=dict)

    def read(self, assertions: Sequence[Term]) -> Result:
        try:
            callables: dict[str, Callable[..., int]] = {}
            for name, (arguments, sort) in self.names.items():
                if not arguments and not sort.index:
                    self.values[name] = self._number(self._declare(name)())
                elif not arguments:
                    self.arrays[name] = self._cells(self.model.eval(self._declare(name)(), model_completion=True))
                else:
                    callables[name] = self._callable(name)
            values: dict[str, Value] = {**self.values, **self.arrays}
            callables |= {n: lambda n=n: self.values[n] for n in self.values}  # functions without arguments
            checked = b.evaluate(assertions, values, callables)
        except _Unreadable as error:
            return Result("unknown", reason=f"z3: {error}")
        if not all(checked):
            return Result("unknown", reason="z3: its model does not satisfy the query")
        return Result("sat", self.values, self.functions, self.arrays)

    def _sort(self, sort: Sort) -> Any:
        if sort.index:
            return z3.ArraySort(z3.BitVecSort(sort.index, self.context), z3.BitVecSort(sort.width, self.context))
        return z3.BitVecSort(sort.width, self.context) if sort.width else z3.BoolSort(self.context)

    def _declare(self, name: str) -> Any:
        arguments, result = self.names[name]
        return z3.Function(symbol(name)[1:-1], *(self._sort(s) for s in arguments), self._sort(result))

    def _number(self, expression: Any) -> int:
        value = self.model.eval(expression, model_completion=True)
        if z3.is_bool(value) and (z3.is_true(value) or z3.is_false(value)):
            return int(z3.is_true(value))
        if z3.is_bv_value(value):
            text = value.sexpr()  # as_long() goes through decimal digits, which Python refuses beyond 4300
            return int(text[2:], 16 if text.startswith("#x") else 2)
        raise _Unreadable(f"{expression} has no value in the model: {value}")

    def _literal(self, value: int, sort: Sort) -> Any:
        if sort.index:
            raise _Unreadable("a function of arrays")
        return z3.BitVecVal(value, sort.width, self.context) if sort.width else z3.BoolVal(bool(value), self.context)

    def _callable(self, name: str) -> Callable[..., int]:
        arguments, _ = self.names[name]
        function = self._declare(name)
        table: Table = {None: self._else(function)}
        self.functions[name] = table

        def call(*args: int) -> int:
            if args not in table:
                given = (self._literal(v, s) for v, s in zip(args, arguments, strict=True))
                table[args] = self._number(function(*given))
            return table[args]

        return call

    def _else(self, function: Any) -> int:
        """The value outside the table, or 0: the query does not ask for it."""
        interpretation = self.model[function]
        try:
            rest = interpretation.else_value() if interpretation is not None else None
        except z3.Z3Exception:  # a function of which Z3's simplification left nothing
            rest = None
        if rest is None or not (z3.is_bv_value(rest) or z3.is_true(rest) or z3.is_false(rest)):
            return 0
        return self._number(rest)

    def _cells(self, value: Any) -> dict[int, int]:
        cells: dict[int, int] = {}
        while z3.is_store(value):
            value, index, element = value.children()
            cells.setdefault(self._number(index), self._number(element))
        if z3.is_K(value):
            return {**cells, -1: self._number(value.children()[0])}
        raise _Unreadable(f"an array that is neither constant nor stored: {value}")
