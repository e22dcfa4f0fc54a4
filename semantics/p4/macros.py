"""Macros: their definitions and how they expand (C11 6.10.3, which the P4-16 preprocessor follows).

The algorithm is Prosser's: every token carries the set of macros it must not expand to again; an expansion is put back
in front of the input, so that the end of one macro and what follows it may together call another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from ..source import InputError, Span
from .lexer import Token, scan

Hidden: TypeAlias = frozenset[str]
Item: TypeAlias = tuple[Token, Hidden]
NOTHING: Final[Hidden] = frozenset()
MAX_EXPANSION: Final = 1_000_000
"""Steps before an expansion is given up: far above any program, a few seconds of work."""
MAX_NESTING: Final = 64


@dataclass(frozen=True, slots=True)
class Macro:
    """``parameters`` is None for an object-like macro. ``spaced`` says before which body tokens there is a space."""

    name: str
    parameters: tuple[str, ...] | None
    body: tuple[tuple[str, str], ...]
    spaced: tuple[bool, ...]
    variadic: bool = False


def is_word(token: Token) -> bool:
    """Whether the preprocessor sees an identifier (to it, keywords are)."""
    return token.text[:1].isalpha() or token.text[:1] == "_"


def define(tokens: Sequence[Token], where: Span) -> Macro:
    """The macro that the tokens after ``#define`` define."""
    if not tokens or not is_word(tokens[0]):
        raise InputError.at(tokens[0].span if tokens else where, "#define needs the name of a macro")
    name, rest = tokens[0], list(tokens[1:])
    if name.text == "defined":
        raise InputError.at(name.span, "'defined' cannot be the name of a macro")
    parameters: tuple[str, ...] | None = None
    variadic = False
    if rest and rest[0].text == "(" and rest[0].span.column == name.span.end_column:
        parameters, variadic, rest = _parameters(rest[1:], name.span)
    if rest and "PASTE" in (rest[0].kind, rest[-1].kind):
        raise InputError.at(rest[0].span, "'##' cannot be at either end of a macro's body")
    spaced = [
        after.span.line != before.span.end_line or after.span.column != before.span.end_column
        for before, after in pairwise(rest)
    ]
    return Macro(name.text, parameters, tuple((t.kind, t.text) for t in rest), (False, *spaced), variadic)


def _parameters(tokens: list[Token], where: Span) -> tuple[tuple[str, ...], bool, list[Token]]:
    names: list[str] = []
    if tokens and tokens[0].text == ")":
        return (), False, tokens[1:]
    for index in range(0, len(tokens) - 1, 2):
        token, after = tokens[index], tokens[index + 1]
        variadic = token.kind == "DOTS"
        if not variadic and (not is_word(token) or token.text in names):
            break
        names.append("__VA_ARGS__" if variadic else token.text)
        if after.text == ")":
            return tuple(names), variadic, tokens[index + 2 :]
        if after.text != "," or variadic:
            break
    raise InputError.at(where, "the parameters of this macro are not a list of different names in parentheses")


class Expander:
    """Expands the tokens that ``source`` delivers (None at the end of it).

    ``opens`` tells whether the next token of the source is a parenthesis; ``special`` gives the macros that are made up
    on the spot, such as ``__LINE__``.
    """

    def __init__(
        self,
        macros: Mapping[str, Macro],
        special: Callable[[Token], Token | None],
        source: Callable[[], Token | None] = lambda: None,
        opens: Callable[[], bool] = lambda: False,
    ) -> None:
        self._macros = macros
        self._source = source
        self._opens = opens
        self._special = special
        self._pending: deque[Item] = deque()
        self._steps = 0
        self._depth = 0

    def next(self) -> Token | None:
        """The next token of the expanded text."""
        while True:
            if self._pending:
                token, hidden = self._pending.popleft()
            else:
                raw = self._source()
                if raw is None:
                    return None
                token, hidden = raw, NOTHING
            if token[1] not in self._macros or not is_word(token):
                return (self._special(token) or token) if token[1][:2] == "__" else token
            if token.text in hidden or not self._expand(self._macros[token.text], token, hidden):
                return token

    def expand_all(self, items: Sequence[Item]) -> list[Item]:
        """The expansion of tokens on their own: an argument before it is put in place."""
        inner = Expander(self._macros, self._special)
        inner._pending.extend(items)
        inner._steps = self._steps
        inner._depth = self._depth + 1
        if inner._depth > MAX_NESTING:
            raise InputError.at(items[0][0].span, "calls of macros are nested too deeply")
        out: list[Item] = []
        while inner._pending:
            token, hidden = inner._pending.popleft()
            macro = self._macros.get(token.text) if is_word(token) and token.text not in hidden else None
            if macro is None or not inner._expand(macro, token, hidden):
                out.append(((self._special(token) or token) if token.text[:2] == "__" else token, hidden))
        self._steps = inner._steps
        return out

    def _expand(self, macro: Macro, call: Token, hidden: Hidden) -> bool:
        """Put the expansion in front of the input; False if this is no call (a name without arguments)."""
        if macro.parameters is None:
            result = self._substitute(macro, {}, call.span, hidden | {macro.name})
        else:
            if not (self._pending[0][0].text == "(" if self._pending else self._opens()):
                return False
            arguments, hidden_end = self._arguments(macro, call)
            result = self._substitute(macro, arguments, call.span, (hidden & hidden_end) | {macro.name})
        self._steps += len(result) + 1
        if self._steps > MAX_EXPANSION:
            raise InputError.at(call.span, f"the expansion of macro '{call.text}' is too large")
        self._pending.extendleft(reversed(result))
        return True

    def _arguments(self, macro: Macro, call: Token) -> tuple[dict[str, list[Item]], Hidden]:
        """The arguments of a call by parameter, and the hidden set of its closing parenthesis."""
        assert macro.parameters is not None
        lists: list[list[Item]] = [[]]
        depth = 0
        opened = False
        while True:
            token, hidden = self._pending.popleft() if self._pending else (self._source(), NOTHING)
            if not opened:
                opened = True
                continue
            if token is None:
                raise InputError.at(call.span, f"the arguments of macro '{call.text}' have no closing parenthesis")
            if token.text == ")" and depth == 0:
                break
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            last = macro.variadic and len(lists) == len(macro.parameters)
            if token.text == "," and depth == 0 and not last:
                lists.append([])
            else:
                lists[-1].append((token, hidden))
        if macro.variadic and len(lists) == len(macro.parameters) - 1:
            lists.append([])
        if not macro.parameters and lists == [[]]:
            lists = []
        if len(lists) != len(macro.parameters):
            wanted, got = len(macro.parameters), len(lists)
            text = f"macro '{call.text}' takes {wanted} argument{'' if wanted == 1 else 's'}, {got} given"
            raise InputError.at(call.span, text)
        return dict(zip(macro.parameters, lists, strict=True)), hidden

    def _substitute(self, macro: Macro, arguments: dict[str, list[Item]], at: Span, hidden: Hidden) -> list[Item]:
        body = [Token(kind, text, at) for kind, text in macro.body]
        expanded: dict[str, list[Item]] = {}
        out: list[Item] = []
        index = 0
        paste = False
        while index < len(body):
            token = body[index]
            following = body[index + 1].kind if index + 1 < len(body) else ""
            if token.kind == "PASTE":
                paste, index = True, index + 1
                continue
            if token.kind in ("HASH", "DIRECTIVE") and macro.parameters is not None and index + 1 < len(body):
                index += 1
                part = [(_stringify(arguments.get(body[index].text), body[index], at), NOTHING)]
            elif token.text in arguments and (paste or following == "PASTE"):
                part = list(arguments[token.text])
            elif token.text in arguments:
                if token.text not in expanded:
                    expanded[token.text] = self.expand_all(arguments[token.text])
                part = list(expanded[token.text])
            else:
                part = [(token, NOTHING)]
            if paste and out and part:
                part = _paste(out.pop(), part[0], at) + part[1:]
            out += part
            paste, index = False, index + 1
            if len(out) > MAX_EXPANSION:
                raise InputError.at(at, f"the expansion of macro '{macro.name}' is too large")
        return [(token, own | hidden) for token, own in out]


def _stringify(argument: list[Item] | None, parameter: Token, at: Span) -> Token:
    if argument is None:
        raise InputError.at(at, f"'#' is followed by '{parameter.text}', which is no parameter of the macro")
    text = ""
    for index, (token, _) in enumerate(argument):
        before = argument[index - 1][0].span if index else token.span
        gap = index and (before.end_line != token.span.line or before.end_column != token.span.column)
        quoted = token.kind == "STRING_LITERAL"
        text += " " * bool(gap) + (token.text.replace("\\", "\\\\").replace('"', '\\"') if quoted else token.text)
    return Token("STRING_LITERAL", f'"{text}"', at)


def _paste(left: Item, right: Item, at: Span) -> list[Item]:
    """The token that the two make, or both if they make none."""
    made = scan(left[0].text + right[0].text, at=at)
    if len(made) != 1 or made[0].kind in ("UNEXPECTED", "DIRECTIVE"):
        return [left, right]
    return [(made[0], left[1] & right[1])]
