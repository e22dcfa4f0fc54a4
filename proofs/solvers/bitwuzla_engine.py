"""Bitwuzla, a second solver where it is installed. The only file of p4verify that imports it.

It is given the same SMT-LIB text as Z3, and is faster by far on sums and products of bit-vectors. Of a satisfiable
query it says the values of the variables only, which whoever asks has to complete to a model and to check.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

from ...semantics.bits import Term
from .smtlib import signatures, symbol, to_smtlib


@dataclass(frozen=True)
class Found:
    """What Bitwuzla said: ``values`` of the variables (Bool: 0 or 1) if satisfiable, else why it is unknown."""

    status: Literal["sat", "unsat", "unknown"]
    values: dict[str, int] = field(default_factory=dict)
    reason: str = ""


def installed() -> bool:
    """Whether there is a Bitwuzla."""
    return find_spec("bitwuzla") is not None


def solve(assertions: Sequence[Term], *, timeout_s: float, memory_mb: int) -> Found:
    """Whether ``assertions`` (Bool) can all be true together.

    Args:
        assertions: the query.
        timeout_s: seconds after which Bitwuzla is asked to stop.
        memory_mb: limit of its memory in MiB.

    Raises:
        ValueError: an assertion is not Bool, or a name has two signatures.
    """
    import bitwuzla

    names = signatures(assertions)
    text = to_smtlib(assertions).replace("(check-sat)\n", "")
    end = time.monotonic() + timeout_s
    try:
        options = bitwuzla.Options()
        options.set(bitwuzla.Option.PRODUCE_MODELS, True)
        options.set(bitwuzla.Option.MEMORY_LIMIT, memory_mb)
        parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
        parser.parse(text, True, False)
        solver = parser.bitwuzla()
        solver.configure_terminator(lambda: time.monotonic() > end)
        result = solver.check_sat()
        if result == bitwuzla.Result.UNSAT:
            return Found("unsat")
        if result != bitwuzla.Result.SAT:
            return Found("unknown", reason="bitwuzla: gave up within its limits")
        known = {term.symbol(): term for term in parser.get_declared_funs()}
        plain = [name for name, (arguments, sort) in names.items() if not arguments and not sort.index]
        return Found("sat", {n: _number(solver.get_value(known[symbol(n)])) for n in plain if symbol(n) in known})
    except bitwuzla.BitwuzlaException as error:
        return Found("unknown", reason=f"bitwuzla: {error}")


def _number(value: Any) -> int:
    shown = value.value(2)
    return int(shown) if isinstance(shown, bool) else int(shown, 2)
