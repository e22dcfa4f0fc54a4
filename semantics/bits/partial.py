"""Boolean terms while values are given to their atoms, one after the other, and taken back again.

An atom is a Boolean term that is no connective: a variable, a comparison, an application. A value is handed upwards
only through the terms that it changes, so that deciding an atom costs what depends on it, not the size of the terms.
"""

from __future__ import annotations

from collections.abc import Iterable

from .term import BOOL, Term, boolean
from .walk import substitute

Truth = bool | None
"""None: not decided."""


def is_connective(term: Term) -> bool:
    """Whether the value of a Boolean term follows from those of its arguments, which are Boolean too."""
    if term.op in ("and", "or", "not"):
        return True
    return (term.op == "ite" and term.sort is BOOL) or (term.op == "eq" and term.args[0].sort is BOOL)


class Partial:
    """Some Boolean terms under a partial assignment, which grows by :meth:`assign` and shrinks by :meth:`undo`."""

    def __init__(self, roots: Iterable[Term]) -> None:
        self._values: dict[Term, Truth] = {}
        self._users: dict[Term, list[Term]] = {}
        self._trail: list[Term] = []
        self._inside: dict[Term, tuple[list[Term], list[Term]]] = {}
        for root in roots:
            self._add(root)
        for literal in [t for t in self._values if t.is_const]:
            self.assign(literal, bool(literal.value))
        self._trail.clear()  # what follows from literals is never taken back

    def _add(self, root: Term) -> None:
        """A term and what it is made of."""
        stack = [root]
        while stack:
            term = stack.pop()
            if term in self._values:
                continue
            self._values[term] = None
            if is_connective(term):
                for arg in term.args:
                    self._users.setdefault(arg, []).append(term)
                    stack.append(arg)

    def value(self, term: Term) -> Truth:
        """The value of one of the terms, or of a part of it. Raises KeyError for any other."""
        return self._values[term]

    @property
    def mark(self) -> int:
        """What :meth:`undo` takes to come back to this assignment."""
        return len(self._trail)

    def undo(self, mark: int) -> None:
        """Take back what was assigned since ``mark``."""
        while len(self._trail) > mark:
            self._values[self._trail.pop()] = None

    def assign(self, atom: Term, value: bool) -> None:
        """Give an atom that has no value one."""
        stack: list[tuple[Term, bool]] = [(atom, value)]
        while stack:
            term, known = stack.pop()
            if self._values[term] is not None:
                continue
            self._values[term] = known
            self._trail.append(term)
            for user in self._users.get(term, ()):
                if self._values[user] is None:
                    follows = self._follows(user, known)
                    if follows is not None:
                        stack.append((user, follows))

    def _follows(self, term: Term, changed: bool) -> Truth:
        """The value of a connective as far as its arguments decide it, of which one has just become ``changed``."""
        values = self._values
        args = term.args
        match term.op:
            case "not":
                inner = values[args[0]]
                return None if inner is None else not inner
            case "and" | "or":
                ends = term.op == "or"
                if changed == ends:
                    return ends
                if any(values[arg] is None for arg in args):  # often the first one: no list of all is made
                    return None
                return ends if any(values[arg] == ends for arg in args) else not ends
            case "ite":
                condition = values[args[0]]
                if condition is None:
                    return values[args[1]] if values[args[1]] == values[args[2]] else None
                return values[args[1] if condition else args[2]]
        left, right = values[args[0]], values[args[1]]
        return None if left is None or right is None else left == right

    def open_atom(self, term: Term) -> Term:
        """An atom without a value that a term without a value depends on."""
        values = self._values
        while is_connective(term):
            args = term.args
            if term.op == "ite" and values[args[0]] is not None:
                term = args[1] if values[args[0]] else args[2]
            else:
                term = next(arg for arg in args if values[arg] is None)
        return term

    def simplified(self, atom: Term) -> Term:
        """An atom where the terms inside of it, of those that are here, have their values; arguments of functions stay
        as they are, because a function's result is open whatever its arguments are."""
        if atom not in self._inside:
            self._inside[atom] = self._parts(atom)
        parts, functions = self._inside[atom]
        known = {t: boolean(value) for t in parts if (value := self._values[t]) is not None}
        return substitute([atom], {**dict(zip(functions, functions, strict=True)), **known})[0] if known else atom

    def _parts(self, atom: Term) -> tuple[list[Term], list[Term]]:
        """The terms inside of an atom that are here too, and the applications of functions in it."""
        seen: set[Term] = set()
        functions: list[Term] = []
        stack = [atom]
        while stack:
            term = stack.pop()
            if term.op in ("apply", "select"):
                functions.append(term)
                continue
            more = [arg for arg in term.args if arg not in seen and not arg.is_const]
            seen.update(more)
            stack += more
        return [term for term in seen if term in self._values], functions
