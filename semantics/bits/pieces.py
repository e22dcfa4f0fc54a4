"""Two terms of one width, cut at the boundaries of either one's concatenation; in time linear in their parts."""

from __future__ import annotations

from collections.abc import Iterator

from .build import concat, extract
from .term import Term


def has_parts(x: Term, y: Term) -> bool:
    """Whether both are concatenations or literals, and not both literals: then cutting them costs nothing."""
    return "concat" in (x.op, y.op) and all(t.op in ("concat", "const") for t in (x, y))


def pieces(x: Term, y: Term) -> list[tuple[Term, Term]]:
    """Pairs of equally wide parts of ``x`` and ``y``, highest first."""
    found: list[tuple[Term, Term]] = []
    left, right = _Cursor(x), _Cursor(y)
    while not left.done:
        width = min(left.rest, right.rest)
        found.append((left.take(width), right.take(width)))
    return found


def chunks(x: Term, width: int) -> list[Term]:
    """``x`` cut into parts of ``width`` bits, of which its width is a multiple, highest first; in linear time."""
    found = []
    cursor = _Cursor(x)
    for _ in range(x.width // width):
        parts, missing = [], width
        while missing:
            count = min(missing, cursor.rest)
            parts.append(cursor.take(count))
            missing -= count
        found.append(parts[0] if len(parts) == 1 else concat(*parts))
    return found


class _Cursor:
    """A place in a term's parts, going from the highest bit down."""

    def __init__(self, term: Term) -> None:
        self._parts: Iterator[Term] = iter(term.args if term.op == "concat" else (term,))
        self._next()

    def _next(self) -> None:
        self._part = next(self._parts, None)
        self.rest = 0 if self._part is None else self._part.width
        """Bits of the current part that are still to be taken."""

    @property
    def done(self) -> bool:
        return self._part is None

    def take(self, width: int) -> Term:
        assert self._part is not None
        part = extract(self._part, self.rest - 1, self.rest - width)
        self.rest -= width
        if not self.rest:
            self._next()
        return part
