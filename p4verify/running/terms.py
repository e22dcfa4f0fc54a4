"""Terms as Python source: the quickest way to evaluate the same few terms on thousands of inputs.

Says once more, by itself, what every operator computes (:mod:`.semantics.bits.concrete` is the definition, and a test
compares the two), so that a random attack does not share the evaluator that confirms counterexamples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ..semantics.bits import Term, postorder, signed

NESTED: Final = 12
"""How deep an expression may be before its value gets a name of its own."""

Place = Callable[[Term], str]
"""A variable or an uninterpreted function → the source that stands for it."""

_INFIX: Final = {"band": "&", "bor": "|", "bxor": "^", "add": "+", "mul": "*", "ult": "<", "ule": "<=", "eq": "=="}
_HELPERS: Final = ("udiv", "urem", "sdiv", "srem", "ashr")


class NotCompiled(Exception):
    """A term has an operator that no source is made of (arrays)."""


class Source:
    """Lines of a function's body that compute terms; what many need is computed once, when it is first asked for."""

    def __init__(self, roots: Iterable[Term], place: Place) -> None:
        """``roots``: every term that will be asked for."""
        self._place = place
        self.lines: list[str] = []
        self._text: dict[Term, tuple[str, int]] = {}
        roots = list(roots)
        self._uses = Counter(arg for term in postorder(roots) for arg in term.args) + Counter(roots)

    def expression(self, term: Term) -> str:
        """The source of a term's value, after the lines so far."""
        for node in postorder([term], self._text):
            if node not in self._text:
                self._text[node] = self._made(node)
        return self._text[term][0]

    def _made(self, node: Term) -> tuple[str, int]:
        parts = [self._text[arg] for arg in node.args]
        depth = 1 + max((d for _, d in parts), default=0)
        text = self._node(node, [t for t, _ in parts])
        if node.args and (self._uses[node] > 1 or depth > NESTED):
            name = f"t{len(self.lines)}"
            self.lines.append(f"{name} = {text}")
            return name, 0
        return text, depth if node.args else 0

    def _node(self, node: Term, args: Sequence[str]) -> str:
        op, width = node.op, node.width
        mask = (1 << width) - 1
        if node.sort.index or any(arg.sort.index for arg in node.args):
            raise NotCompiled(op)
        if op == "var":
            return self._place(node)
        if op == "apply":
            cut = f" & {mask}" if width else " & 1"
            return f"({self._place(node)}({', '.join(args)}){cut})"
        if op in ("and", "or"):
            return "(" + f" {op} ".join(args) + ")"
        if op in _INFIX:
            text = f" {_INFIX[op]} ".join(args)
            return f"(({text}) & {mask})" if op in ("add", "mul") else f"({text})"
        if op in _HELPERS:
            return f"{op}({', '.join(args)}, {width})"
        return self._other(node, args, mask)

    def _other(self, node: Term, args: Sequence[str], mask: int) -> str:
        match node.op:
            case "const":
                return str(node.value)
            case "not":
                return f"(not {args[0]})"
            case "ite":
                return f"({args[1]} if {args[0]} else {args[2]})"
            case "slt" | "sle":
                half = 1 << (node.args[0].width - 1)
                return f"(({args[0]} ^ {half}) {'<' if node.op == 'slt' else '<='} ({args[1]} ^ {half}))"
            case "bnot":
                return f"({args[0]} ^ {mask})"
            case "extract":
                return f"({args[0]} >> {node.bounds[1]} & {mask})"
            case "sext":
                half = 1 << (node.args[0].width - 1)
                return f"((({args[0]} ^ {half}) - {half}) & {mask})"
            case "shl" | "lshr":
                return f"{node.op}({args[0]}, {args[1]}, {node.width})"
            case "concat":
                low, shifted = node.width, []
                for part, text in zip(node.args, args, strict=True):
                    low -= part.width
                    shifted.append(f"{text} << {low}" if low else text)
                return "(" + " | ".join(shifted) + ")"
        raise NotCompiled(node.op)


def _ashr(x: int, y: int, width: int) -> int:
    return (signed(x, width) >> min(y, width)) & ((1 << width) - 1)


def _divided(x: int, y: int, width: int) -> tuple[int, int]:
    """Quotient and rest, rounded towards zero; SMT-LIB's values for a divisor of zero."""
    a, c = signed(x, width), signed(y, width)
    if not c:
        return (1 if a < 0 else -1), a
    quotient = abs(a) // abs(c) * (1 if (a < 0) == (c < 0) else -1)
    return quotient, a - quotient * c


GLOBALS: Final[dict[str, Any]] = {
    "shl": lambda x, y, w: x << y & ((1 << w) - 1) if y < w else 0,
    "lshr": lambda x, y, w: x >> y if y < w else 0,
    "ashr": _ashr,
    "udiv": lambda x, y, w: x // y if y else (1 << w) - 1,
    "urem": lambda x, y, _w: x % y if y else x,
    "sdiv": lambda x, y, w: _divided(x, y, w)[0] & ((1 << w) - 1),
    "srem": lambda x, y, w: _divided(x, y, w)[1] & ((1 << w) - 1),
}
"""What the source calls."""


def function(head: str, lines: Iterable[str]) -> Callable[..., Any]:
    """The Python function ``def HEAD`` with these lines (indented by what they need beyond the function)."""
    scope = dict(GLOBALS)
    exec("\n".join((f"def {head}:", *(f"    {line}" for line in lines))), scope)
    made: Callable[..., Any] = scope[head.split("(", 1)[0]]
    return made
