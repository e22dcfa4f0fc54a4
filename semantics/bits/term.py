"""Terms: immutable, hash-consed DAG nodes over Bool, bit-vectors and arrays of bit-vectors.

Two terms are equal exactly if they are the same object, so equality and hashing cost nothing and a shared sub-term is
stored once. Only :func:`make` builds nodes, and it looks each one up by its whole content (never by a hash alone: a
collision would be a false proof). Nodes that nobody holds are freed, so a long batch does not grow.

The meaning of each operator is that of SMT-LIB's theories Core, FixedSizeBitVectors and ArraysEx, division by zero
included (``bvudiv x 0`` is all ones, ``bvurem x 0`` is ``x``). Terms know nothing of any solver.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable
from itertools import count
from threading import Lock
from typing import Any, Final, Self
from weakref import WeakValueDictionary

_sorts: Final[dict[tuple[int, int], Any]] = {}


class Sort:
    """Bool (``width == 0``), a bit-vector of ``width`` bits, or an array from ``index`` bits to ``width`` bits.

    There is one object of each, because every look-up of a node hashes one.
    """

    __slots__ = ("index", "width")

    width: int
    index: int

    def __new__(cls, width: int, index: int = 0) -> Self:
        """The one object for this sort."""
        known = _sorts.get((width, index))
        if known is None:
            made = super().__new__(cls)
            made.width, made.index = width, index
            known = _sorts.setdefault((width, index), made)
        assert isinstance(known, cls)
        return known

    def __reduce__(self) -> tuple[type[Sort], tuple[int, int]]:
        return Sort, (self.width, self.index)

    def __repr__(self) -> str:
        return f"Sort({self.width}, {self.index})"

    def __str__(self) -> str:
        if self.index:
            return f"(Array (_ BitVec {self.index}) (_ BitVec {self.width}))"
        return f"(_ BitVec {self.width})" if self.width else "Bool"


BOOL: Final = Sort(0)
_BIT_VECTORS: Final = [BOOL] + [Sort(w) for w in range(1, 2049)]


def bit_vector(width: int) -> Sort:
    """The sort of bit-vectors of ``width`` bits (at least 1)."""
    if width < 1:
        raise ValueError(f"a bit-vector needs at least one bit, not {width}")
    return _BIT_VECTORS[width] if width < len(_BIT_VECTORS) else Sort(width)


Payload = int | str | tuple[int, int] | None


class Term:
    """A node: operator, arguments, sort and payload (constant's value, variable's name, extract's bounds)."""

    __slots__ = ("__weakref__", "args", "op", "payload", "serial", "sort")

    op: str
    args: tuple[Term, ...]
    sort: Sort
    payload: Payload
    serial: int

    @property
    def width(self) -> int:
        """Bits of a bit-vector, 0 for Bool."""
        return self.sort.width

    @property
    def is_const(self) -> bool:
        """Whether this is a literal (of Bool or bit-vector sort)."""
        return self.op == "const"

    @property
    def value(self) -> int:
        """The literal's value, unsigned (0 or 1 for Bool). Raises ValueError on anything but a literal."""
        if self.op != "const" or not isinstance(self.payload, int):
            raise ValueError(f"not a literal: {self!r}")
        return self.payload

    @property
    def name(self) -> str:
        """The name of a variable or of an applied function. Raises ValueError on anything else."""
        if not isinstance(self.payload, str):
            raise ValueError(f"has no name: {self!r}")
        return self.payload

    @property
    def bounds(self) -> tuple[int, int]:
        """``(high, low)`` of an extract. Raises ValueError on anything else."""
        if not isinstance(self.payload, tuple):
            raise ValueError(f"not an extract: {self!r}")
        return self.payload

    def __bool__(self) -> bool:
        raise TypeError("a term is not a truth value; test `is TRUE`, or evaluate it")

    def __repr__(self) -> str:
        return show(self)


_table: WeakValueDictionary[tuple[object, ...], Term] = WeakValueDictionary()
_serial = count()
_lock = Lock()


def make(op: str, args: tuple[Term, ...], sort: Sort, payload: Payload = None) -> Term:
    """The node with this content, without any rewriting: the old object where there is one."""
    key = (op, args, sort, payload)
    old = _table.get(key)
    if old is not None:
        return old
    term = Term.__new__(Term)
    term.op, term.args, term.sort, term.payload = op, args, sort, payload
    with _lock:  # two threads must not make two objects of one content: rewrites take "not the same" for "unequal"
        old = _table.get(key)
        if old is not None:
            return old
        term.serial = next(_serial)
        _table[key] = term
    return term


TRUE: Final = make("const", (), BOOL, 1)
FALSE: Final = make("const", (), BOOL, 0)


def boolean(value: bool) -> Term:
    """The literal ``true`` or ``false``."""
    return TRUE if value else FALSE


def bv(value: int, width: int) -> Term:
    """The literal ``value`` modulo ``2**width``; negative values are taken in two's complement."""
    return make("const", (), bit_vector(width), value & ((1 << width) - 1))


def var(name: str, sort: Sort | int) -> Term:
    """The free variable ``name`` (a width may be given for a bit-vector sort, 0 for Bool)."""
    return make("var", (), sort_of(sort), name)


def sort_of(sort: Sort | int) -> Sort:
    """The sort, given as such or as a width (0: Bool); always the one object ``BOOL`` for Bool."""
    if isinstance(sort, int):
        return bit_vector(sort) if sort else BOOL
    return sort if sort.width else BOOL


def show(term: Term, limit: int = 400) -> str:
    """The term as an s-expression for people, cut off after about ``limit`` characters (never recurses)."""
    out: list[str] = []
    size = 0
    stack: list[Term | str] = [term]
    while stack:
        item = stack.pop()
        text = item if isinstance(item, str) else _atom(item)
        if text is None:
            assert isinstance(item, Term)
            head = item.op if item.payload is None else f"{item.op}:{item.payload}"
            stack += [")", *reversed(item.args)]
            text = f"({head}"
        out.append(text)
        size += len(text) + 1
        if size > limit:
            return " ".join(out) + " ..."
    return " ".join(out).replace(" )", ")")


def _atom(term: Term) -> str | None:
    if term.op == "const":
        return ("true" if term.value else "false") if term.sort is BOOL else f"{term.value:#x}[{term.width}]"
    return term.name if term.op == "var" else None


def postorder(roots: Iterable[Term], ends: Container[Term] = (), oldest: int = 0) -> list[Term]:
    """Every node below ``roots`` once, arguments before users, nothing below ``ends``, nor below nodes with a serial
    number under ``oldest``: what was made later is not in them. Iterative, so depth is no limit."""
    seen: set[Term] = set()
    order: list[Term] = []
    stack: list[Term | None] = list(dict.fromkeys(roots))
    stack.reverse()
    users: list[Term] = []
    while stack:
        term = stack.pop()
        if term is None:  # all that is below the last user is in the order
            order.append(users.pop())
        elif term not in seen:
            seen.add(term)
            if not term.args or term.serial < oldest or term in ends:
                order.append(term)
                continue
            users.append(term)
            stack.append(None)
            stack += [arg for arg in reversed(term.args) if arg not in seen]
    return order


def size(roots: Iterable[Term], most: int = sys.maxsize) -> int:
    """How many nodes ``roots`` have below them, themselves among them; ``most`` if they are as many or more."""
    seen = set(roots)
    stack = list(seen)
    while stack and len(seen) < most:
        for arg in stack.pop().args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return min(len(seen), most)
