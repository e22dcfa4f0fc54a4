"""Terms as an SMT-LIB 2.6 script, the one text that every solver reads, printed in one pass without recursion.

Each node that is neither a literal nor a variable becomes one ``define-fun`` that mentions only names and literals, so
the text is as long as the DAG is large, however much it is shared and however deep it is. Variables and functions are
printed as ``|$name|``: the dollar keeps them apart from the words of SMT-LIB and from the nodes, which are ``n0``,
``n1``, ... in the order of :func:`postorder`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Sort, Term

Signature = tuple[tuple[Sort, ...], Sort]

_UNSAFE: Final = re.compile(r"[^ -{}~]|[%\\]")
"""What a quoted symbol may not contain (``|``, backslash), what is not printable ASCII, and our escape character."""


def symbol(name: str) -> str:
    """The quoted symbol of a variable or function; different names have different symbols."""
    return f"|${_UNSAFE.sub(lambda m: f'%{ord(m[0]):x};', name)}|"


def signatures(assertions: Sequence[Term]) -> dict[str, Signature]:
    """Name → (argument sorts, result sort) of every variable and function below ``assertions``, in order of first use.

    Raises:
        ValueError: one name is used with two signatures, which is a mistake of whoever built the terms.
    """
    found: dict[str, Signature] = {}
    for term in b.postorder(assertions):
        if term.op in ("var", "apply"):
            signature = (tuple(a.sort for a in term.args), term.sort)
            if found.setdefault(term.name, signature) != signature:
                raise ValueError(f"{term.name} has two signatures: {found[term.name]} and {signature}")
    return found


def logic(assertions: Sequence[Term]) -> str:
    """The smallest SMT-LIB logic that holds ``assertions``: QF_BV, QF_UFBV, QF_ABV or QF_AUFBV."""
    nodes = b.postorder(assertions)
    arrays = any(t.sort.index for t in nodes)
    functions = any(t.op == "apply" and t.args for t in nodes)
    return f"QF_{'A' * arrays}{'UF' * functions}BV"


def to_smtlib(assertions: Sequence[Term]) -> str:
    """A whole script: logic, declarations, definitions, one ``assert`` for each term, ``check-sat``.

    Raises:
        ValueError: an assertion is not of sort Bool, or one name has two signatures.
    """
    for assertion in assertions:
        if assertion.sort is not b.BOOL:
            raise ValueError(f"an assertion of sort {assertion.sort}")
    lines = [f"(set-logic {logic(assertions)})"]
    for name, (arguments, result) in signatures(assertions).items():
        lines.append(f"(declare-fun {symbol(name)} ({' '.join(map(str, arguments))}) {result})")
    names: dict[Term, str] = {}
    for term in b.postorder(assertions):
        atom = _atom(term)
        if atom is None:
            atom = f"n{len(lines)}"
            lines.append(f"(define-fun {atom} () {term.sort} {_application(term, [names[a] for a in term.args])})")
        names[term] = atom
    lines += [f"(assert {names[assertion]})" for assertion in assertions]
    return "\n".join([*lines, "(check-sat)", ""])


def _atom(term: Term) -> str | None:
    """The text of a literal, a variable or a function without arguments."""
    if term.op == "const":
        return ("true" if term.value else "false") if term.sort is b.BOOL else _literal(term)
    return symbol(term.name) if term.op == "var" or (term.op == "apply" and not term.args) else None


def _literal(term: Term) -> str:
    """Hexadecimal or binary: decimal would be quadratic, and Python refuses it for long numbers."""
    return f"#b{term.value:0{term.width}b}" if term.width % 4 else f"#x{term.value:0{term.width // 4}x}"


def _application(term: Term, args: list[str]) -> str:
    special = _SPECIAL.get(term.op)
    if special is not None:
        return special(term, args)
    name = _NAMES.get(term.op)
    if name is None:
        raise ValueError(f"operator {term.op} has no SMT-LIB form")
    return f"({name} {' '.join(args)})"


def _concat(_term: Term, args: list[str]) -> str:
    return "".join(f"(concat {arg} " for arg in args[:-1]) + args[-1] + ")" * (len(args) - 1)


def _extract(term: Term, args: list[str]) -> str:
    high, low = term.bounds
    return f"((_ extract {high} {low}) {args[0]})"


_SPECIAL: Final[dict[str, Callable[[Term, list[str]], str]]] = {
    "concat": _concat,
    "extract": _extract,
    "sext": lambda t, a: f"((_ sign_extend {t.width - t.args[0].width}) {a[0]})",
    "apply": lambda t, a: f"({symbol(t.name)} {' '.join(a)})",
    "const_array": lambda t, a: f"((as const {t.sort}) {a[0]})",
}

_NAMES: Final = {
    "not": "not", "and": "and", "or": "or", "ite": "ite", "eq": "=", "select": "select", "store": "store",
    "add": "bvadd", "mul": "bvmul", "udiv": "bvudiv", "urem": "bvurem", "sdiv": "bvsdiv", "srem": "bvsrem",
    "band": "bvand", "bor": "bvor", "bxor": "bvxor", "bnot": "bvnot", "shl": "bvshl", "lshr": "bvlshr",
    "ashr": "bvashr", "ult": "bvult", "ule": "bvule", "slt": "bvslt", "sle": "bvsle",
}  # fmt: skip
