"""Passes over terms: evaluation on numbers, substitution, and what a term mentions. None of them recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from . import build as b
from .concrete import compute
from .term import BOOL, Term, boolean, bv, make, postorder

Value = int | dict[int, int]
"""A number, or for an array its cells (key -1: what all cells hold that are not listed, else 0)."""


def variables(*roots: Term) -> list[Term]:
    """The free variables below ``roots``, in a fixed order."""
    return [t for t in postorder(roots) if t.op == "var"]


def applications(*roots: Term) -> list[Term]:
    """The applications of uninterpreted functions below ``roots``, arguments' ones first."""
    return [t for t in postorder(roots) if t.op == "apply"]


def leading_to(roots: Iterable[Term], found: Callable[[Term], bool]) -> set[Term]:
    """The nodes at or below ``roots`` that are ``found`` themselves or have one below them; one pass for all roots."""
    leading: set[Term] = set()
    for term in postorder(roots):
        if found(term) or any(arg in leading for arg in term.args):
            leading.add(term)
    return leading


def conjuncts(term: Term) -> tuple[Term, ...]:
    """The parts of a conjunction, or the term alone; large ones below it are parts themselves."""
    return term.args if term.op == "and" else (term,)


def disjuncts(term: Term) -> tuple[Term, ...]:
    """The parts of a disjunction, or the term alone; large ones below it are parts themselves."""
    return term.args if term.op == "or" else (term,)


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """``term``'s operator on other arguments of the same sorts, through the smart constructors."""
    if args == term.args:
        return term
    builder = _REBUILD.get(term.op)
    if builder is not None:
        return builder(*args)
    match term.op:
        case "extract":
            return b.extract(args[0], *term.bounds)
        case "sext":
            return b.sext(args[0], term.width)
        case "apply" | "const_array":
            return make(term.op, args, term.sort, term.payload)
        case "ult" | "slt":
            return b.compare(term.op, *args)
    return b.binary(term.op, *args)


_REBUILD: dict[str, Callable[..., Term]] = {
    "not": b.not_,
    "and": b.and_,
    "or": b.or_,
    "ite": b.ite,
    "eq": b.eq,
    "bnot": b.bnot,
    "concat": b.concat,
    "select": b.select,
    "store": b.store,
}


def substitute(
    roots: Iterable[Term], mapping: Mapping[Term, Term], functions: Mapping[str, Callable[..., Term]] | None = None
) -> list[Term]:
    """``roots`` with variables (or any terms) replaced, and applications of ``functions`` built by the callables.

    Replacement is simultaneous: what is put in is not looked at again.
    """
    functions = functions or {}
    roots = list(roots)
    oldest = 0 if functions else min((term.serial for term in mapping), default=0)
    done: dict[Term, Term] = {}
    for term in postorder(roots, mapping, oldest):
        if term in mapping:
            done[term] = mapping[term]
            continue
        if term.serial < oldest:
            done[term] = term
            continue
        args = tuple(done[a] for a in term.args)
        if term.op == "apply" and term.name in functions:
            done[term] = functions[term.name](*args)
        else:
            done[term] = rebuild(term, args)
    return [done[root] for root in roots]


def evaluate(
    roots: Iterable[Term],
    values: Mapping[str, Value],
    functions: Mapping[str, Callable[..., int]] | None = None,
    default: int | None = None,
) -> list[Value]:
    """The values of ``roots`` where variables have the given values and functions are the given callables.

    Args:
        roots: the terms.
        values: variable's name → number (arrays: cells).
        functions: uninterpreted function's name → callable on numbers.
        default: the value of a variable or function that is not given; without it that is an error.

    Raises:
        KeyError: a variable or function has no value.
    """
    functions = functions or {}
    roots = list(roots)
    done: dict[Term, Value] = {}
    for term in postorder(roots):
        done[term] = _value(term, done, values, functions, default)
    return [done[root] for root in roots]


def _value(
    term: Term,
    done: dict[Term, Value],
    values: Mapping[str, Value],
    functions: Mapping[str, Callable[..., int]],
    default: int | None,
) -> Value:
    match term.op:
        case "var":
            if term.name in values:
                return values[term.name]
            if default is None:
                raise KeyError(term.name)
            return {-1: default} if term.sort.index else default
        case "apply":
            if term.name not in functions:
                if default is None:
                    raise KeyError(term.name)
                return default
            return functions[term.name](*(done[a] for a in term.args))
    return value_of_node(term, done)


def value_of_node(term: Term, done: Mapping[Term, Value]) -> Value:
    """The value of a node that is no variable and no function, from those of its arguments."""
    match term.op:
        case "select":
            cells, index = done[term.args[0]], done[term.args[1]]
            assert isinstance(cells, dict)
            assert isinstance(index, int)
            return cells.get(index, cells.get(-1, 0))
        case "store":
            cells, index, value = (done[a] for a in term.args)
            assert isinstance(cells, dict)
            assert isinstance(index, int)
            assert isinstance(value, int)
            return {**cells, index: value}
        case "const_array":
            value = done[term.args[0]]
            assert isinstance(value, int)
            return {-1: value}
        case "eq" if term.args[0].sort.index:
            left, right = (done[a] for a in term.args)
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            return int(_same_cells(left, right, term.args[0].sort.index))
        case "ite" if term.sort.index:
            return done[term.args[1] if done[term.args[0]] else term.args[2]]
    return compute(term, [v for v in (done[a] for a in term.args) if isinstance(v, int)])


def _same_cells(left: dict[int, int], right: dict[int, int], index_bits: int) -> bool:
    named = {i for i in (*left, *right) if i >= 0}
    rest = (left.get(-1, 0), right.get(-1, 0))
    if any(left.get(i, rest[0]) != right.get(i, rest[1]) for i in named):
        return False
    return rest[0] == rest[1] or len(named) == 1 << index_bits


def literal(value: int, like: Term) -> Term:
    """The literal ``value`` of the same sort as ``like``."""
    return boolean(bool(value)) if like.sort is BOOL else bv(value, like.width)
