"""The language of ``@entry_restriction`` and ``@action_restriction``, evaluated over terms.

Source: the specification of Google's p4-constraints (``docs/language-specification.md`` in p4lang/p4-constraints), and
for what it leaves to do, implicit conversions, that project's type checker: an integer becomes ``bit<W>`` (modulo
2^W), and that becomes a key which matches exactly this value.

An expression is parsed once and evaluated over the parts of an entry: numbers, or terms for any entry. Types are
checked when it is evaluated; whoever reads an expression evaluates it over variables first.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .. import bits as b
from ..bits import Term

INT_BITS: Final = 64
"""Integers that are not constant (prefix lengths, priorities) are below 2^31; they are compared in so many bits."""
MAX_DEPTH: Final = 200


class Mistake(Exception):
    """What is wrong with an expression, and at which character of it (from 0)."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message, self.at = message, at


@dataclass(frozen=True, slots=True)
class Match:
    """A key of an entry: its match kind, its width, and its parts (``value``, ``mask``, ...) as terms of that width;
    ``prefix_length`` as one of :data:`INT_BITS`."""

    kind: str
    width: int
    parts: Mapping[str, Term]


@dataclass(frozen=True, slots=True)
class Bits:
    """A value of type ``bit<W>``."""

    term: Term


@dataclass(frozen=True, slots=True)
class Whole:
    """A value of type ``int``: a constant, or a term of :data:`INT_BITS` bits that is not negative."""

    value: int | Term


@dataclass(frozen=True, slots=True)
class Truth:
    """A value of type ``bool``."""

    term: Term


Value = Match | Bits | Whole | Truth


@dataclass(frozen=True)
class Entry:
    """What an expression speaks of."""

    names: Mapping[str, Value]
    """Keys of a table, or parameters of an action."""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    """``priority``."""


class Node(NamedTuple):
    """A part of an expression: ``op`` with its operands, or a leaf with its text."""

    op: str
    at: int
    args: tuple[Node, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Constraint:
    """An expression."""

    text: str
    root: Node

    def holds(self, entry: Entry) -> Term:
        """Whether an entry satisfies it (Bool). Raises Mistake if the expression does not fit the entry's names."""
        return _truth(_value(self.root, entry), self.root)


# --- reading --------------------------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|(0[dD])?[0-9]+)
    |(?P<address>(ipv4|ipv6|mac)\s*\(\s*'[^']*'\s*\))
    |(?P<name>[A-Za-z_]\w*(\s*\.\s*[A-Za-z_]\w*)*)
    |(?P<sign>::|&&|\|\||->|==|!=|<=|>=|[<>!;()-])""",
    re.VERBOSE | re.DOTALL,
)
_LEVELS: Final = ((";",), ("->",), ("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">="))
"""Binary operators, those that bind least first."""
_ALONE: Final = frozenset({"->", "==", "!=", "<", "<=", ">", ">="})
"""Those that are not associative."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Constraint:
    """An expression. Raises Mistake."""
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Mistake(f"'{text[at]}' is not understood", at)
        kind = str(found.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, found.group(), at))
        at = found.end()
    return Constraint(text, _Parser([*tokens, _Token("end", "", len(text))]).whole())


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def whole(self) -> Node:
        root = self._binary(0)
        if self._next.kind != "end":
            raise Mistake(f"'{self._next.text}' does not belong here", self._next.at)
        return root

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        operators = _LEVELS[level]
        left = self._binary(level + 1)
        used = ""
        while self._next.text in operators and self._next.kind == "sign":
            token = self._take()
            if token.text == ";" and self._next.text in (")", ""):  # the last one may be left out
                break
            if used and token.text in _ALONE:
                raise Mistake(f"'{used}' and '{token.text}' side by side need parentheses", token.at)
            used = token.text
            left = Node(token.text, token.at, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> Node:
        token = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistake("nested too deeply", token.at)
        try:
            return self._operand(token)
        finally:
            self._depth -= 1

    def _operand(self, token: _Token) -> Node:
        match token.kind, token.text:
            case "sign", "!" | "-":
                return Node(token.text, token.at, (self._unary(),))
            case "sign", "(":
                inner = self._binary(0)
                if self._take().text != ")":
                    raise Mistake("a parenthesis is not closed", token.at)
                return self._accessed(inner)
            case "sign", "::":
                return Node("attribute", token.at, text=self._identifier())
            case "number" | "address", text:
                return Node(token.kind, token.at, text=text)
            case "name", "true" | "false":
                return Node("truth", token.at, text=token.text)
            case "name", text:
                return self._accessed(Node("name", token.at, text=re.sub(r"\s", "", text)))
        raise Mistake(f"expected an expression, found '{token.text}'" if token.text else "an expression is missing",
                      token.at)  # fmt: skip

    def _accessed(self, node: Node) -> Node:
        while self._next.text == "::":
            at = self._take().at
            node = Node("::", at, (node,), self._identifier())
        return node

    def _identifier(self) -> str:
        token = self._take()
        if token.kind != "name":
            raise Mistake("a name is missing behind '::'", token.at)
        return token.text


# --- evaluating -----------------------------------------------------------------------------------------------------


def _value(node: Node, entry: Entry) -> Value:
    match node.op:
        case "number":
            return Whole(
                int(re.sub(r"^0[dD]", "", node.text), 0 if node.text[:2].lower() in ("0x", "0b", "0o") else 10)
            )
        case "address":
            return Whole(_address(node))
        case "truth":
            return Truth(b.boolean(node.text == "true"))
        case "name":
            return _named(entry.names, node, "key or parameter")
        case "attribute":
            return _named(entry.attributes, node, "attribute")
        case "::":
            return _part(_value(node.args[0], entry), node)
        case "!":
            return Truth(b.not_(_truth(_value(node.args[0], entry), node.args[0])))
        case "-":
            return _negated(_value(node.args[0], entry), node)
    left, right = (_value(arg, entry) for arg in node.args)
    if node.op in _COMPARE:
        return Truth(_compared(node, left, right))
    return Truth(_JOIN[node.op](*(_truth(v, n) for v, n in zip((left, right), node.args, strict=True))))


_JOIN: Final[Mapping[str, Callable[[Term, Term], Term]]] = {
    ";": b.and_, "&&": b.and_, "||": b.or_, "->": b.implies,
}  # fmt: skip


def _named(names: Mapping[str, Value], node: Node, what: str) -> Value:
    if node.text not in names:
        raise Mistake(f"there is no {what} {node.text}", node.at)
    return names[node.text]


def _truth(value: Value, node: Node) -> Term:
    if not isinstance(value, Truth):
        raise Mistake("expected a condition", node.at)
    return value.term


def _part(value: Value, node: Node) -> Value:
    if not isinstance(value, Match) or node.text not in value.parts:
        raise Mistake(f"there is no ::{node.text} of this", node.at)
    term = value.parts[node.text]
    return Whole(term) if node.text == "prefix_length" else Bits(term)


def _negated(value: Value, node: Node) -> Value:
    if not isinstance(value, Whole):
        raise Mistake("only integers have a negative", node.at)
    if isinstance(value.value, int):
        return Whole(-value.value)
    raise Mistake("the negative of a number that is not constant", node.at)


def _address(node: Node) -> int:
    text = node.text.partition("'")[2].partition("'")[0]
    try:
        if node.text.startswith("mac"):
            octets = text.split(":")
            if len(octets) != 6:
                raise ValueError
            return int.from_bytes(bytes(int(octet, 16) for octet in octets), "big")
        return int(ipaddress.IPv4Address(text) if node.text.startswith("ipv4") else ipaddress.IPv6Address(text))
    except ValueError:
        raise Mistake(f"'{text}' is no address", node.at) from None


_COMPARE: Final = ("==", "!=", "<", "<=", ">", ">=")


def _compared(node: Node, left: Value, right: Value) -> Term:
    left, right = _unified(node, left, right)
    if node.op in ("==", "!="):
        same = _equal(node, left, right)
        return same if node.op == "==" else b.not_(same)
    x, y = (_ordered(v, node) for v in (left, right))
    if isinstance(x, int) and isinstance(y, int):
        return b.boolean({"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[node.op])
    if isinstance(x, int) or isinstance(y, int):
        x, y = _signed(x), _signed(y)
        return {"<": b.slt(x, y), "<=": b.sle(x, y), ">": b.slt(y, x), ">=": b.sle(y, x)}[node.op]
    return {"<": b.ult(x, y), "<=": b.ule(x, y), ">": b.ult(y, x), ">=": b.ule(y, x)}[node.op]


def _ordered(value: Value, node: Node) -> int | Term:
    match value:
        case Whole(number):
            return number
        case Bits(term):
            return term
        case Match("exact", parts=parts):
            return parts["value"]
    raise Mistake(f"'{node.op}' does not compare these", node.at)


def _signed(value: int | Term) -> Term:
    """An integer in :data:`INT_BITS` bits; constants beyond them as the largest or smallest, which compare alike."""
    if isinstance(value, Term):
        return value
    most = (1 << (INT_BITS - 1)) - 1
    return b.bv(max(-most - 1, min(most, value)) & ((1 << INT_BITS) - 1), INT_BITS)


def _equal(node: Node, left: Value, right: Value) -> Term:
    match left, right:
        case Truth(x), Truth(y):
            return b.eq(x, y)
        case Bits(x), Bits(y):
            return b.eq(x, y)
        case Whole(x), Whole(y):
            if isinstance(x, int) and isinstance(y, int):
                return b.boolean(x == y)
            return b.eq(_signed(x), _signed(y))
        case Match(), Match():
            return b.and_(*(b.eq(left.parts[n], right.parts[n]) for n in left.parts))
    raise Mistake(f"'{node.op}' does not compare these", node.at)


def _unified(node: Node, left: Value, right: Value) -> tuple[Value, Value]:
    """Both of one type: that of the one which is further from an integer."""
    for x, y, turned in ((left, right, False), (right, left, True)):
        if isinstance(x, Match | Bits) and (
            isinstance(y, Whole | Bits) and not (isinstance(x, Bits) and isinstance(y, Bits))
        ):
            made = _as(x, y, node)
            return (made, x) if turned else (x, made)
    same_kind = isinstance(left, Match) and isinstance(right, Match) and left.kind == right.kind
    if type(left) is not type(right) or (isinstance(left, Match) and not same_kind):
        raise Mistake("these are of different types", node.at)
    if _width(left) != _width(right):
        raise Mistake(f"these are of {_width(left)} and {_width(right)} bits", node.at)
    return left, right


def _width(value: Value) -> int:
    return value.width if isinstance(value, Match) else value.term.width if isinstance(value, Bits) else 0


def _as(like: Match | Bits, value: Whole | Bits, node: Node) -> Value:
    """An integer or bits as a value of the type of ``like``."""
    width = _width(like)
    if isinstance(value, Whole):
        number = value.value
        if isinstance(number, int):
            value = Bits(b.bv(number & ((1 << width) - 1), width))
        else:
            value = Bits(b.resize(number, width))
    if isinstance(like, Bits):
        return value
    if value.term.width != width:
        raise Mistake(f"these are of {width} and {value.term.width} bits", node.at)
    return exactly(like.kind, value.term)


def exactly(kind: str, value: Term) -> Match:
    """The key of a kind that matches one value."""
    width = value.width
    match kind:
        case "ternary" | "optional":
            return Match(kind, width, {"value": value, "mask": b.bv((1 << width) - 1, width)})
        case "lpm":
            return Match(kind, width, {"value": value, "prefix_length": b.bv(width, INT_BITS)})
        case "range":
            return Match(kind, width, {"low": value, "high": value})
    return Match(kind, width, {"value": value})
