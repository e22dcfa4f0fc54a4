"""What is known of one query: a status, and a model if it is satisfiable; also as bytes, for disk and for workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from ..semantics import bits as b
from ..semantics.bits import Term

Status = Literal["sat", "unsat", "unknown"]
Table = Mapping[tuple[int, ...] | None, int]


@dataclass(frozen=True)
class Model:
    """Values for free variables, and tables for uninterpreted functions (arguments → value; ``None``: all others)."""

    values: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, Table] = field(default_factory=dict)
    computed: Mapping[str, Callable[..., int]] = field(default_factory=dict, compare=False)
    """Functions that follow from the others; no solver says them."""

    def callables(self) -> dict[str, Callable[..., int]]:
        """The functions as callables on numbers."""

        def look_up(table: Table) -> Callable[..., int]:
            return lambda *args: table.get(args, table.get(None, 0))

        return {**{name: look_up(table) for name, table in self.functions.items()}, **self.computed}

    def holds(self, term: Term) -> bool:
        """Whether a Bool term is true in this model (what the model leaves open is 0)."""
        return bool(b.evaluate([term], self.values, self.callables(), default=0)[0])


OUT_OF_TIME: Final = "the time limit ran out"
"""The reason of what was not looked for any more."""


@dataclass(frozen=True)
class Answer:
    """What is known of one query."""

    status: Status
    model: Model | None = None
    reason: str = ""
    folded: bool = False
    cached: bool = False
    """Whether it was found on disk."""


def packed(answer: Answer) -> bytes:
    """An answer as JSON, the same bytes for the same answer."""
    model = answer.model or Model()
    # hexadecimal: JSON's numbers are decimal, which Python refuses beyond 4300 digits
    functions = {
        name: [[None if args is None else [f"{a:x}" for a in args], f"{value:x}"] for args, value in table.items()]
        for name, table in model.functions.items()
    }
    data = {
        "status": answer.status,
        "reason": answer.reason,
        "values": {name: f"{value:x}" for name, value in model.values.items()},
        "functions": functions,
    }
    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()


_STATUSES: Final = frozenset(get_args(Status))


def unpacked(data: bytes) -> Answer:
    """The answer of such bytes; a satisfiable one has a model, which nobody has checked yet.

    Raises:
        ValueError: these bytes are no answer.
    """
    try:
        read: Any = json.loads(data)
        status, reason = read["status"], read["reason"]
        if status not in _STATUSES or not isinstance(reason, str):
            raise ValueError("no answer")
        if status != "sat":
            return Answer(status, reason=reason)
        values = {str(name): int(value, 16) for name, value in read["values"].items()}
        functions = {str(name): _table(rows) for name, rows in read["functions"].items()}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no answer: {error!r}") from None
    return Answer("sat", Model(values, functions))


def _table(rows: list[tuple[list[str] | None, str]]) -> Table:
    return {None if args is None else tuple(int(a, 16) for a in args): int(value, 16) for args, value in rows}
