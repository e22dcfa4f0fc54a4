"""What statements declare, found without running them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from .. import ir


@lru_cache(maxsize=4096)
def _declared(block: _Held) -> frozenset[str]:
    return declared_by([block.block])


def declared_by(statements: Iterable[ir.Stmt]) -> frozenset[str]:
    """The variables that statements declare, at any depth."""
    names: set[str] = set()
    stack = list(statements)
    while stack:
        node = stack.pop()
        match node:
            case ir.Declare(name=name):
                names.add(name)
            case ir.Block(body=body):
                stack.extend(body)
            case ir.If(then=then, otherwise=otherwise):
                stack += [then, otherwise]
            case ir.Switch(cases=cases):
                stack.extend(case.body for case in cases if case.body is not None)
            case ir.For(init=init, update=update, body=loop):
                stack += [*init, *update, loop]
            case ir.ForIn(name=name, body=loop, declares=declares):
                if declares:
                    names.add(name)
                stack.append(loop)
    return frozenset(names)


class _Held:
    """A block compared by identity: hashing one by content would cost its whole size."""

    __slots__ = ("block",)

    def __init__(self, block: ir.Block) -> None:
        self.block = block

    def __hash__(self) -> int:
        return id(self.block)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.block is self.block


def declared_names(block: ir.Block) -> frozenset[str]:
    """The variables that a block declares, at any depth; found once for each block."""
    return _declared(_Held(block))
