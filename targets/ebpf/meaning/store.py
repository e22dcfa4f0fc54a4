"""The contents of a map while a program runs: what it held before, and the writes since, as a shared chain.

Reading walks the chain with an explicit stack and remembers each result, so chains that split and meet again cost what
their distinct nodes cost.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT

NAMED: Final = "named."
"""How the names begin of functions for what arrays held at some place in the program."""


@dataclass(eq=False, slots=True)
class Store:
    """A function from key to cell: initially ``name(key)``, or ``value`` at ``key`` and else ``below``, or one of two
    by ``condition``, or 0 at each key for which ``gone(key)`` holds and else ``below``."""

    width: int
    name: str = ""
    key: Term | None = None
    value: Term | None = None
    below: Store | None = None
    condition: Term | None = None
    other: Store | None = None
    gone: str = ""
    _read: dict[Term, Term] = field(default_factory=dict)

    def write(self, key: Term, value: Term) -> Store:
        """This with ``value`` at ``key``."""
        base = self.below if self.key is key and self.below is not None else self
        return Store(self.width, key=key, value=value, below=base)

    def without(self, gone: str) -> Store:
        """This with 0 at each key for which the function ``gone`` holds."""
        return Store(self.width, below=self, gone=gone)

    def read(self, key: Term) -> Term:
        """The cell at ``key``."""
        stack = [self]
        while stack:
            node = stack[-1]
            if key in node._read:
                stack.pop()
                continue
            missing = [n for n in (node.below, node.other) if n is not None and key not in n._read]
            if missing and not (node.key is not None and node.key is key):
                stack += missing
                continue
            node._read[key] = node._here(key)
            stack.pop()
        return self._read[key]

    def _here(self, key: Term) -> Term:
        if self.key is not None and self.value is not None:
            if self.key is key or self.below is None:
                return self.value
            return b.ite(b.eq(self.key, key), self.value, self.below._read[key])
        if self.condition is not None and self.below is not None and self.other is not None:
            return b.ite(self.condition, self.below._read[key], self.other._read[key])
        if self.gone and self.below is not None:
            return b.ite(b.apply(self.gone, b.BOOL, key), b.bv(0, self.width), self.below._read[key])
        return b.apply(self.name, self.width, key)


@dataclass(eq=False)
class NamedStores:
    """Looks into some maps, at which what arrays hold gets a name: what is done behind them is then told by that, and
    not by all that was done before."""

    maps: frozenset[str]
    """Those that are looked into."""
    stores: dict[str, tuple[str, Store]] = field(default_factory=dict)
    """Names → which of these maps was looked into, and what the array held then, as a function of the key."""
    port0: int = 0
    """The number of the interface that is port 0 (:mod:`.renumbered`)."""

    def name(self, looked_into: str, stores: dict[str, Store], arrays: Container[str]) -> None:
        """A map is looked into; ``stores`` of ``arrays`` that were written to are named."""
        if looked_into not in self.maps:
            return
        for name, store in stores.items():
            if name in arrays and not store.name:
                named = f"{NAMED}{len(self.stores)}.map.{name}"
                self.stores[named] = looked_into, store
                stores[name] = Store(store.width, named)

    def held(self, name: str, key: Term) -> Term:
        """What a name stands for, at a key: in terms of other names, too."""
        store = self.stores[name][1]
        at = b.var("at.named", key.width)
        port = {PORT: b.add(PORT, b.bv(self.port0, 32))} if self.port0 else {}
        return b.substitute(b.substitute([store.read(at)], port), {at: key})[0]


def merged(condition: Term, then: Store, otherwise: Store) -> Store:
    """``then`` where ``condition`` holds, else ``otherwise``."""
    if then is otherwise:
        return then
    return Store(then.width, condition=condition, below=then, other=otherwise)
