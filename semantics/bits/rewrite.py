"""How nodes are made: literals fold, registered rewrites are tried, and the work that they may do is bounded.

A rewrite calls constructors, which try rewrites in turn. Without a bound that would recurse as deep as the term, and
would visit a shared sub-term once for each path to it. Both ends are closed here, and giving up is always sound,
because the node without its rewrite is the same value:

* nested rewriting stops below :data:`MAX_DEPTH` levels, and after :data:`MAX_WORK` nodes for one outermost call;
* within one outermost call every node is rewritten once;
* across calls a table remembers what a node was rewritten to, for as long as the result lives. It only remembers
  results younger than the arguments: an older result may be a part of them, and would keep itself alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from .concrete import compute
from .term import BOOL, Payload, Sort, Term, boolean, bv, make

Args = tuple[Term, ...]
Rule = Callable[[Args, Payload], Term | None]
Key = tuple[str, Args, Sort, Payload]

RULES: Final[dict[str, list[tuple[str, Rule]]]] = {}
"""Operator → rows ``(name, rule)`` in the order in which they are tried."""

MAX_DEPTH: Final = 64
"""Levels of rewrites within rewrites; each takes up to five frames of Python's stack."""

MAX_WORK: Final = 4000
"""Nodes that one outermost call may try to rewrite."""

MAX_REMEMBERED: Final = 500_000
"""Entries of the table across calls, which is emptied when it has more."""


MAX_RECENT: Final = 30_000
"""Results kept alive; those that are asked for stay, so that no chain of results is cut in two."""


class _Run(threading.local):
    """The state of the outermost call under way in this thread."""

    def __init__(self) -> None:
        self.depth = 0
        self.work = MAX_WORK
        self.done: dict[Key, Term] = {}


_run: Final = _Run()
_remembered: Final[WeakValueDictionary[Key, Term]] = WeakValueDictionary()


class _Recent:
    """What was made lately, kept alive: a condition is often built again right after nobody holds it any more.

    Of two generations the older one is dropped when the younger one is full; what is asked for is made young again.
    """

    def __init__(self) -> None:
        self._young: dict[Key, Term] = {}
        self._old: dict[Key, Term] = {}

    def get(self, key: Key) -> Term | None:
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.keep(key, found)
        return found

    def keep(self, key: Key, result: Term) -> None:
        if len(self._young) >= MAX_RECENT // 2:
            self._young, self._old = {}, self._young
        self._young[key] = result

    def clear(self) -> None:
        self._young, self._old = {}, {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


_recent: Final = _Recent()


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register a rewrite for the operators named; it gets the arguments and the payload."""

    def register(function: Rule) -> Rule:
        for op in ops:
            RULES.setdefault(op, []).append((getattr(function, "__name__", op), function))
        return function

    return register


def node(op: str, args: Args, sort: Sort, payload: Payload = None) -> Term:
    """The term for this content: a literal, or what the rewrites make of it, or the plain node."""
    if all(arg.op == "const" for arg in args):
        value = compute(make(op, args, sort, payload), [arg.value for arg in args])
        return boolean(bool(value)) if sort is BOOL else bv(value, sort.width)
    rows = RULES.get(op)
    if rows is None or _run.depth >= MAX_DEPTH or _run.work <= 0:
        return make(op, args, sort, payload)
    key = (op, args, sort, payload)
    known = _run.done.get(key)
    if known is None:
        known = _recent.get(key)
    if known is None:
        known = _remembered.get(key)
    return _rewrite(rows, key) if known is None else known


def _rewrite(rows: list[tuple[str, Rule]], key: Key) -> Term:
    """The first row's result that is not None, else the plain node; noted for the next time."""
    _run.depth += 1
    _run.work -= 1
    try:
        result = _first(rows, key)
        _run.done[key] = result
        _recent.keep(key, result)
    finally:
        _run.depth -= 1
        if not _run.depth:
            _run.done.clear()
            _run.work = MAX_WORK
    return result


def _first(rows: list[tuple[str, Rule]], key: Key) -> Term:
    op, args, sort, payload = key
    for _, row in rows:
        better = row(args, payload)
        if better is not None:
            if better.serial > max(arg.serial for arg in args):
                if len(_remembered) > MAX_REMEMBERED:
                    _remembered.clear()
                _remembered[key] = better
            return better
    return make(op, args, sort, payload)
