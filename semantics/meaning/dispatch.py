"""How the meaning of each IR node, and of each extern, is found: registered by the module on its subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span
from .values import Value

if TYPE_CHECKING:
    from .machine import Machine


Handler = Callable[["Machine", Any], Value | None]
Evaluator = Callable[["Machine", Any], Value]
Executor = Callable[["Machine", Any], None]
EVALUATE: Final[dict[type, Evaluator]] = {}
EXECUTE: Final[dict[type, Executor]] = {}
E = TypeVar("E", bound=Evaluator)
X = TypeVar("X", bound=Executor)


def evaluates(*nodes: type) -> Callable[[E], E]:
    """Register the meaning of expression nodes."""

    def register(function: E) -> E:
        EVALUATE.update(dict.fromkeys(nodes, function))
        return function

    return register


def executes(*nodes: type) -> Callable[[X], X]:
    """Register the meaning of statement nodes."""

    def register(function: X) -> X:
        EXECUTE.update(dict.fromkeys(nodes, function))
        return function

    return register


Asked = tuple[str, int, Span]
"""A choice's name and width, and who reads it."""

ExternHandler = Callable[["Machine", ir.ExternCall], Value | None]
ExternTable = Mapping[tuple[str, str], ExternHandler]
"""``(extern, method)`` → its meaning; a function has method ""."""


@dataclass(frozen=True)
class Loop:
    """A ``for`` statement whose turns differ in nothing but the variables.

    ``low`` and ``high`` are the bounds of the range that a variable ``index`` goes through; else ``condition`` says
    whether a turn is made.
    """

    span: Span
    body: ir.Block
    condition: ir.Expr | None = None
    update: tuple[ir.Stmt, ...] = ()
    index: str = ""
    low: Term = b.FALSE
    high: Term = b.FALSE
    signed: bool = False


HitHook = Callable[["Machine", ir.Table, list[Term], Term, "Term | None"], None]
"""Told of every lookup: table, key values, whether it hit, and (rules known) the number of the entry that wins."""
