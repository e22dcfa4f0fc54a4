"""The LALR(1) driver: tokens in, reductions to the tree builder, errors reported and survived.

Here names become identifiers or type names: when the parser looks at the token, by the symbols declared so far. The
driver can be fed in pieces; between two top-level declarations (``at_boundary``) an included file that was parsed
before under the same symbols need not be parsed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..source import Diagnostic, InputError, Span
from . import tree
from .actions import Builder
from .expected import describe
from .lexer import Token
from .symbols import Symbols
from .syntax import MAX_DEPTH, AnnotationToken, Node
from .tables import ACCEPT, END, tables

MAX_ERRORS: Final = 20
_HIGH: Final = 50
_TOO_HIGH: Final = 20_000
_PAUSE: Final = "$PAUSE"

_SCOPES: Final = frozenset(
    {
        "package_head", "parser_head", "parser_type", "control_head", "control_type", "state_head", "obj_open",
        "action_head", "prototype_head", "prototype", "extern_head", "record_head", "block_open", "for_open",
        "constructor_head",
    }
)  # fmt: skip
"""Symbols that stand for an open scope while they are on the stack."""

_LISTS: Final = frozenset(
    {
        "declarations", "statements", "parser_statements", "control_locals", "parser_locals", "states", "fields",
        "methods", "table_properties", "key_elements", "action_refs", "entries", "switch_cases", "select_cases",
        "obj_decls",
    }
)  # fmt: skip
"""Symbols after which an element begins; after an error, reading goes on with the next element."""

_TOP_LEVEL: Final = frozenset({"CONTROL", "PARSER", "PACKAGE", "STRUCT", "HEADER", "HEADER_UNION", "EXTERN", "TYPEDEF"})
"""Keywords that begin a declaration outside of any other."""

_TYPE_STARTS: Final = frozenset(
    {"BIT", "INT", "BOOL", "VARBIT", "STRING", "VOID", "TUPLE", "LIST", "MATCH_KIND", "DONTCARE"}
)

_FIELD_STARTS: Final = frozenset({"BIT", "INT", "BOOL", "VARBIT", "RBRACE"})

_OLD: Final = frozenset(
    {"header_type", "field_list", "field_list_calculation", "calculated_field", "counter", "metadata"}
)
_Action = Callable[[list[Any], int, int], Any]


class Body(NamedTuple):
    """The body of an unstructured annotation, as a token."""

    kind: str
    text: str
    span: Span
    tokens: tuple[AnnotationToken, ...]


class TooManyErrors(Exception):
    """Nothing more is to be said about this program."""


class Driver:
    """The state of a parse."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.builder = Builder(self.symbols)
        self.errors: list[Diagnostic] = []
        self.tables = tables()
        self._actions: list[tuple[str, int, _Action]] = [
            (rule.result, rule.length, getattr(self.builder, rule.action)) for rule in self.tables.rules
        ]
        self._tokens = self.builder.tokens
        self._at = 0
        self._alarm = _HIGH
        self._states = [self.tables.start]
        self._values: list[Any] = [None]
        self._starts = [0]
        self._recovered_at = -1
        self.declarations: list[Node] = []
        self._checked = 0

    @property
    def at_boundary(self) -> bool:
        """Whether everything so far is whole declarations, without an error."""
        return len(self._states) <= 2 and not self.errors and not self.builder.errors and not self.symbols.depth

    def adopt(self, declarations: Sequence[Node], types: dict[str, bool]) -> None:
        """Take over declarations that were parsed elsewhere, and what the symbols are after them."""
        self.declarations.extend(declarations)
        self._checked = len(self.declarations)
        self.symbols.is_type.clear()
        self.symbols.is_type.update(types)

    def feed(self, tokens: Sequence[Token]) -> None:
        """Parse some more."""
        if self.at_boundary and self._at == len(self._tokens):
            self._tokens.clear()
            self._at = 0
            self._starts[:] = [0] * len(self._starts)
        self._tokens.extend(_fold_annotations(tokens))
        self._run_to(_PAUSE)

    def finish(self, where: Span) -> None:
        """The program ends here."""
        self._run_to(END, where)

    def _run_to(self, kind: str, where: Span | None = None) -> None:
        end = where or Span("", 0, 0)
        if self._tokens:  # what is missing at the end is missed behind the last token
            last = self._tokens[-1].span
            end = Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column)
        stop = Token(kind, "", end)
        self._tokens.append(stop)
        try:
            while not self._run():
                if not self._repair():
                    self._recover(self._error())
        finally:
            self._tokens.pop()
        if len(self._states) == 2:
            self._check_depth()

    # --- Shift and reduce --------------------------------------------------------------------------------------------

    def _run(self) -> bool:
        """Go on until the tokens end (True) or something does not fit (False)."""
        tokens, states, values, starts = self._tokens, self._states, self._values, self._starts
        rules, rows, defaults, gotos = self._actions, self.tables.actions, self.tables.defaults, self.tables.gotos
        is_type, at = self.symbols.is_type, self._at
        while True:
            state = states[-1]
            rule = defaults[state]
            if rule < 0:
                token = tokens[at]
                kind = token[0]
                if kind == "NAME":
                    known = self._is_type_after_dot(at) if tokens[at - 1][0] == "DOT" else is_type.get(token[1])
                    kind = "TYPE_IDENTIFIER" if known else "IDENTIFIER"
                row = rows[state]
                if kind == "LANGLE" and "LANGLE_ARGS" in row and self._opens_type_arguments(at):
                    kind = "LANGLE_ARGS"
                step = row.get(kind)
                if step is None or step == ACCEPT:
                    self._at = at
                    return step == ACCEPT or kind == _PAUSE
                if step >= 0:
                    states.append(step)
                    values.append(token)
                    starts.append(at)
                    at += 1
                    if len(states) > self._alarm:
                        self._at = at
                        self._high(token.span)
                    continue
                rule = ~step
            result, length, action = rules[rule]
            if length:
                children = values[-length:]
                begin = starts[-length]
                del values[-length:], states[-length:], starts[-length:]
                value = action(children, begin, at - 1)
            else:
                begin = at
                value = action([], at, at - 1)
                if result == "declarations":
                    value = self.declarations
            states.append(gotos[states[-1]][result])
            values.append(value)
            starts.append(begin)

    def _is_type_after_dot(self, at: int) -> bool:
        """Whether ``.name`` is a type; after an expression, where the name is a member, it does not matter."""
        return self.symbols.is_global_type(self._tokens[at].text)

    def _opens_type_arguments(self, at: int) -> bool:
        """Whether a ``<`` behind an expression opens type arguments: a type follows, and not as part of a value."""
        tokens = self._tokens
        at += 1
        kind = tokens[at][0]
        if kind in _TYPE_STARTS:
            return True
        after = tokens[at + 1][0] if at + 1 < len(tokens) else ""
        if kind == "ERROR":
            return after != "DOT"
        if kind == "DOT" and after == "NAME":
            at += 1
            known = self.symbols.is_global_type(tokens[at][1])
        else:
            known = kind == "NAME" and self.symbols.is_type.get(tokens[at][1], False)
        following = [token[0] for token in tokens[at + 1 : at + 3]]
        if known:
            return following[:1] not in (["DOT"], ["LPAR"])
        return kind == "NAME" and following == ["RANGLE", "LPAR"]

    def _high(self, where: Span) -> None:
        """The stack is high: the depth of the declaration is to be measured, or there is no end to it."""
        self.builder.deep = True
        self._alarm = _TOO_HIGH
        if len(self._states) > _TOO_HIGH:
            self._report(where, "this is nested too deeply")
            raise TooManyErrors

    def _check_depth(self) -> None:
        """Refuse declarations that are too deep for those who walk the tree."""
        if self.builder.deep:
            for declaration in self.declarations[self._checked :]:
                if tree.depth(declaration) > MAX_DEPTH:
                    self._report(declaration.span, f"this declaration is nested more than {MAX_DEPTH} levels deep")
            self.builder.deep = False
            self._alarm = _HIGH
        self._checked = len(self.declarations)

    # --- Errors ------------------------------------------------------------------------------------------------------

    def _report(self, span: Span, message: str, notes: tuple[Diagnostic, ...] = ()) -> None:
        self.errors.append(Diagnostic(span, message, notes=notes))
        if len(self.errors) >= MAX_ERRORS:
            raise TooManyErrors

    def _repair(self) -> bool:
        """Where only a type fits, take a name for one from now on, so that an unknown type is reported once."""
        token = self._tokens[self._at]
        if token.kind != "NAME" or self.symbols.is_type.get(token.text):
            return False
        if self._fits("IDENTIFIER") or not self._fits("TYPE_IDENTIFIER"):
            return False
        self._report(token.span, f"'{token.text}' is not the name of a type")
        self.symbols.is_type[token.text] = True
        return True

    def _error(self) -> bool:
        """Report that the token at hand does not fit, unless that follows from the last error. True: no progress."""
        token = self._tokens[self._at]
        progress = self._at - self._recovered_at
        if self._recovered_at < 0 or progress >= 3:
            before = self._tokens[self._at - 1] if self._at else None
            after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
            self._refuse_old()
            span, message = describe(self._expected(), before, token, after, self._is_value(before))
            self._report(span, message, _missing(message, before, token))
        return self._recovered_at >= 0 and progress <= 0

    def _refuse_old(self) -> None:
        """Programs in P4_14 get one message instead of many."""
        for token in self._tokens[max(0, self._at - 2) : self._at + 1]:
            if len(self._states) <= 4 and token.text in _OLD and not self.symbols.is_type.get(token.text):
                self._report(token.span, f"'{token.text}' at this place is P4_14, which is not supported; P4_16 is")
                raise TooManyErrors

    def _is_value(self, token: Token | None) -> bool:
        """Whether the token is a name that is no type."""
        return token is not None and token.kind == "NAME" and not self.symbols.is_type.get(token.text)

    def _expected(self) -> set[str]:
        """The terminals that would fit, found by trying each on a copy of the stack."""
        return {kind for kind in self.tables.actions[self._states[-1]] if self._fits(kind)}

    def _fits(self, kind: str) -> bool:
        states = self._states
        height, extra = len(states), list[int]()
        while True:
            state = extra[-1] if extra else states[height - 1]
            rule = self.tables.defaults[state]
            if rule < 0:
                step = self.tables.actions[state].get(kind)
                if step is None:
                    return False
                if step >= 0:
                    return True
                rule = ~step
            symbol, length = self.tables.rules[rule].result, self.tables.rules[rule].length
            cut = min(length, len(extra))
            del extra[len(extra) - cut :]
            height -= length - cut
            extra.append(self.tables.gotos[extra[-1] if extra else states[height - 1]][symbol])

    def _recover(self, stuck: bool) -> None:
        """Skip what is left of the innermost list element, and go on behind it."""
        symbols = self.tables.symbols
        lists = [i for i, state in enumerate(self._states) if symbols[state] in _LISTS]
        if not lists:
            raise TooManyErrors
        level = lists[-1]
        kind = self._tokens[self._at].kind
        if stuck:
            if kind == "RBRACE" and len(lists) > 1 and level == len(self._states) - 1:
                level = lists[-2]
            elif kind not in (END, _PAUSE):
                self._at += 1
        if self._skip(level == lists[0]):
            level = lists[0]
        while len(self._states) > level + 1:
            if symbols[self._states.pop()] in _SCOPES:
                self.symbols.pop()
            self._values.pop()
            self._starts.pop()
        self._recovered_at = self._at
        if self._tokens[self._at].kind in (END, _PAUSE):
            raise TooManyErrors

    def _skip(self, top_level: bool) -> bool:
        """Skip to behind the next ``;`` or ``{...}`` or to a ``}``; True before what begins a top-level declaration."""
        depth = 0
        while (kind := self._tokens[self._at].kind) not in (END, _PAUSE):
            if kind in _TOP_LEVEL and self._at != self._recovered_at:
                return True
            if kind == "RBRACE" and depth == 0 and not top_level:
                return False
            self._at += 1
            depth += (kind == "LBRACE") - (kind == "RBRACE")
            following = self._tokens[self._at].kind
            if kind == "RBRACE" and depth <= 0:
                return False
            # At top level, a type behind the semicolon is rather the next field of a struct that was not recognised.
            if kind == "SEMICOLON" and depth == 0 and not (top_level and following in _FIELD_STARTS):
                return False
        return False


def _missing(message: str, before: Token | None, found: Token) -> tuple[Diagnostic, ...]:
    """A note behind the last token of a line that lacks its end, where the error is in a later line."""
    if before is None or not message.startswith("expected ';'") or before.span.end_line >= found.span.line:
        return ()
    last = before.span
    behind = Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column + 1)
    return (Diagnostic(behind, "it is missing here", "note"),)


def _fold_annotations(tokens: Sequence[Token]) -> Sequence[Token]:
    """Make the bodies of unstructured annotations one token each."""
    places = [at for at, token in enumerate(tokens) if token[0] == "AT"]
    if not places:
        return tokens
    out: list[Token | Body] = []
    done = 0
    for place in places:
        if place < done or place + 1 >= len(tokens):
            continue
        name = tokens[place + 1]
        if name.text == "pragma" and place + 2 < len(tokens) and tokens[place + 2].span.line == name.span.end_line:
            end = _line_end(tokens, place + 2)
            out += tokens[done : place + 1]
            out.append(tokens[place + 2])
            out.append(_body("PRAGMA_BODY", tokens[place + 3 : end], tokens[end - 1].span))
            done = end
        elif place + 2 < len(tokens) and tokens[place + 2].kind == "LPAR":
            end = _closing(tokens, place + 2)
            out += tokens[done : place + 2]
            out.append(_body("ANNOTATION_BODY", tokens[place + 3 : end], tokens[place + 2].span.to(tokens[end].span)))
            done = end + 1
    out += tokens[done:]
    return out  # type: ignore[return-value]


def _line_end(tokens: Sequence[Token], at: int) -> int:
    """Behind the last token of the line (a string may carry it on to the next)."""
    while at + 1 < len(tokens) and tokens[at + 1].span.line == tokens[at].span.end_line:
        at += 1
    return at + 1


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Where the parenthesis at ``at`` is closed."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += {"LPAR": 1, "RPAR": -1}.get(tokens[place].kind, 0)
        if depth == 0:
            return place
    raise InputError.at(tokens[at].span, "this '(' of an annotation is not closed")


def _body(kind: str, tokens: Sequence[Token], span: Span) -> Body:
    made = []
    for token in tokens:
        word = token.text[:1].isalpha() or token.text[:1] == "_"
        what = {"STRING_LITERAL": "string", "INTEGER": "integer"}.get(token.kind, "name" if word else "other")
        made.append(AnnotationToken(what, token.text, span=token.span))  # type: ignore[arg-type]
    return Body(kind, "", span, tuple(made))
