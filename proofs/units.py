"""Obligations as values: a query as canonical bytes, which another process or machine can solve, and their hash.

Terms are ordered by when they were made, so one query may be built in many orders of its arguments. Here arguments of
operators that do not mind their order are put into an order that depends on the terms alone, and chains of associative
operators are flattened where nobody else uses their inner nodes; so the same query has the same bytes in every process.
One node is one line ``operator sort arguments payload``; arguments are numbers of lines, the last line is the query.

The order comes from 64-bit hashes of structure. They decide nothing but the order: two nodes with one hash are still
two lines, and what identifies the query is SHA-256 of all bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Sort, Term
from ..semantics.bits.term import Payload, sort_of

FORMAT: Final = b"p4verify query 1\n"
"""The first line: another format is another query."""

_ASSOCIATIVE: Final = frozenset({"and", "or", "add", "mul", "band", "bor", "bxor"})
_UNORDERED: Final = _ASSOCIATIVE | {"eq"}
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True)
class Unit:
    """A query (Bool) to be found satisfiable or not, as bytes."""

    data: bytes

    @staticmethod
    def of(query: Term) -> Unit:
        """The unit of a term, the same for every order in which it may have been built."""
        return Unit(FORMAT + _Writer(query).text().encode())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the query: its name where nothing is said about who answers it."""
        return hashlib.sha256(self.data).digest()

    def key(self, solver: str) -> str:
        """SHA-256 of the query and of what answers it (a solver's name and version, options), hexadecimal."""
        made = hashlib.sha256(solver.encode("utf-8", "surrogateescape") + b"\0")
        made.update(self.data)
        return made.hexdigest()

    def term(self) -> Term:
        """The query as a term: equivalent to the one it was made of, and built without any rewriting.

        Raises:
            ValueError: these bytes are not a unit.
        """
        if not self.data.startswith(FORMAT):
            raise ValueError("not a query, or one of another version")
        nodes: list[Term] = []
        for line in self.data[len(FORMAT) :].decode().splitlines():
            nodes.append(_read(line, nodes))
        if not nodes or nodes[-1].sort is not b.BOOL:
            raise ValueError("not a query: nothing of sort Bool at its end")
        return nodes[-1]


class _Writer:
    """Writes one query."""

    def __init__(self, query: Term) -> None:
        self._query = query
        self._rank: dict[Term, tuple[int, int]] = {}
        self._uses: dict[Term, int] = {}
        order = b.postorder([query])
        for term in order:
            for arg in term.args:
                self._uses[arg] = self._uses.get(arg, 0) + 1
        self._weigh(order)

    def _flat(self, term: Term, arg: Term) -> bool:
        """Whether ``arg`` is an inner node of the chain that ends in ``term``."""
        return arg.op == term.op and term.op in _ASSOCIATIVE and self._uses[arg] == 1

    def _weigh(self, order: Sequence[Term]) -> None:
        """Height and hash of every node, whatever the order of arguments that may be swapped."""
        chains: dict[Term, tuple[int, int]] = {}
        for term in order:
            value, height = _head(term.op, term.sort, term.payload), 0
            if term.op in _UNORDERED:
                total = 0
                for arg in term.args:
                    low, share = chains[arg] if self._flat(term, arg) else (self._rank[arg][0], _mixed(self._rank[arg]))
                    height, total = max(height, low), total + share
                chains[term] = height, total & _MASK
                value ^= total & _MASK
            else:
                for arg in term.args:
                    height = max(height, self._rank[arg][0])
                    value = (value * 31 + _mixed(self._rank[arg])) & _MASK
            self._rank[term] = height + 1, _mixed((height, value))

    def _arguments(self, term: Term) -> list[Term]:
        """The arguments in canonical order, a chain's all together."""
        if term.op not in _UNORDERED:
            return list(term.args)
        found, stack = [], list(reversed(term.args))
        while stack:
            arg = stack.pop()
            if self._flat(term, arg):
                stack.extend(reversed(arg.args))
            else:
                found.append(arg)
        if term.sort is b.BOOL and term.op != "eq":
            return sorted(found, key=self._rank.__getitem__)  # small facts first
        return sorted(found, key=lambda t: (-self._rank[t][0], self._rank[t][1]))  # chains lean left, literals last

    def text(self) -> str:
        """All lines; nodes that became the same line are one."""
        lines: dict[str, int] = {}
        number: dict[Term, int] = {}
        stack: list[tuple[Term, list[Term] | None]] = [(self._query, None)]
        while stack:
            term, args = stack.pop()
            if term in number:
                continue
            if args is None:
                args = self._arguments(term)
                stack.append((term, args))
                stack.extend((arg, None) for arg in reversed(args) if arg not in number)
                continue
            number[term] = lines.setdefault(_line(term, [number[a] for a in args]), len(lines))
        if number[self._query] != len(lines) - 1:  # cannot be: nothing below a node is the node itself
            raise AssertionError("the query is not the last line")
        return "".join(f"{line}\n" for line in lines)


def _mixed(rank: tuple[int, int]) -> int:
    """A number of 64 bits whose bits depend on all bits of ``rank``."""
    value = (rank[1] + rank[0]) & _MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=20_000)
def _head(op: str, sort: Sort, payload: Payload) -> int:
    """A hash of what a node is without its arguments; not Python's own, which differs from process to process."""
    text = f"{op} {sort.width} {sort.index} {_shown(payload)}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _line(term: Term, args: list[int]) -> str:
    sort = f"{term.sort.width}>{term.sort.index}" if term.sort.index else str(term.sort.width)
    return f"{term.op} {sort} {','.join(map(str, args)) or '-'} {_shown(term.payload)}"


def _shown(payload: Payload) -> str:
    if isinstance(payload, str):
        return json.dumps(payload)  # ASCII, without line ends whatever the name holds
    if isinstance(payload, tuple):
        return f"{payload[0]}:{payload[1]}"
    return "-" if payload is None else f"{payload:x}"  # decimal is refused beyond 4300 digits


def _read(line: str, nodes: list[Term]) -> Term:
    try:
        op, sort, numbers, shown = line.split(" ", 3)
        args = [nodes[int(n)] for n in numbers.split(",")] if numbers != "-" else []
        return _node(op, args, _sort(sort), _payload(op, shown))
    except IndexError:
        raise ValueError(f"not a line of a query: {line[:80]}") from None


def _node(op: str, args: list[Term], sort: Sort, payload: Payload) -> Term:
    if op in _ASSOCIATIVE and sort.width and len(args) > 2:  # of bit-vectors: two at a time
        made = b.make(op, (args[0], args[1]), sort, payload)
        for arg in args[2:]:
            made = b.make(op, (made, arg), sort, payload)
        return made
    return b.make(op, tuple(args), sort, payload)


def _sort(text: str) -> Sort:
    width, _, index = text.partition(">")
    return Sort(int(width), int(index)) if index else sort_of(int(width))


def _payload(op: str, text: str) -> Payload:
    if text == "-":
        return None
    if op == "extract":
        high, low = text.split(":")
        return int(high), int(low)
    if op == "const":
        return int(text, 16)
    name: str = json.loads(text)
    return name
