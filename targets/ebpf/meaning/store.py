"""The contents of a map while a program runs: what it held before, and the writes since, as a shared chain.

Reading walks the chain with an explicit stack and remembers each result, so chains that split and meet again cost what
their distinct nodes cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ....semantics import bits as b
from ....semantics.bits import Term


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


def merged(condition: Term, then: Store, otherwise: Store) -> Store:
    """``then`` where ``condition`` holds, else ``otherwise``."""
    if then is otherwise:
        return then
    return Store(then.width, condition=condition, below=then, other=otherwise)
