"""The parse tables: lark makes them from ``p4_16.lark``, and they are shipped as ``p4_16.json``.

A table belongs to the grammar whose hash it carries. If they do not fit (somebody is changing the grammar), the tables
are made anew in memory, which takes a third of a second; ``python -m p4verify.semantics.p4.tables`` writes the file.

Two changes are made to what LALR(1) gives. A state that can do nothing but reduce one rule does so whatever comes next,
so that a declaration takes effect before the token behind it is classified. And a rule that only passes its child on is
never reduced: the state before goes directly to where it would lead.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from .lexer import KINDS

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.lexer import LexerState
    from lark.parsers.lalr_analysis import ParseTableBase

_HERE: Final = os.path.dirname(os.path.abspath(__file__))
GRAMMAR: Final = os.path.join(_HERE, "p4_16.lark")
SHIPPED: Final = os.path.join(_HERE, "p4_16.json")
_VERSION: Final = 1

TERMINALS: Final = frozenset(KINDS.values()) - {"HASH", "PASTE"} | {
    "IDENTIFIER", "TYPE_IDENTIFIER", "LANGLE_ARGS", "RSHIFT1", "INTEGER", "STRING_LITERAL",
    "ANNOTATION_BODY", "PRAGMA_BODY",
}  # fmt: skip

END: Final = "$END"
ACCEPT: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Rule:
    """``result`` is made of ``length`` symbols by ``action``."""

    result: str
    length: int
    action: str


@dataclass(frozen=True, slots=True)
class Tables:
    """By state: what to do on a terminal (shift to n, reduce rule ~n) or on any, and where nonterminals lead."""

    rules: list[Rule]
    actions: list[dict[str, int]]
    defaults: list[int]
    gotos: list[dict[str, int]]
    symbols: list[str]
    """The symbol that leads to the state."""
    start: int
    """The state before a program."""


@cache
def tables() -> Tables:
    """The tables of the grammar as it is."""
    with open(GRAMMAR, encoding="utf-8") as stream:
        grammar = stream.read()
    try:
        with open(SHIPPED, encoding="utf-8") as stream:
            data = json.load(stream)
        if data["version"] == _VERSION and data["grammar"] == digest(grammar):
            return _unpack(data)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return build(grammar)


def digest(grammar: str) -> str:
    """What ties a table to its grammar."""
    return hashlib.sha256("\n".join([grammar, *sorted(TERMINALS)]).encode()).hexdigest()


def conflicts(grammar: str) -> list[str]:
    """The shift/reduce conflicts of the grammar, each as ``terminal: rule``; lark settles them by shifting."""
    from lark import logger

    records: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler, level = Collector(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate, propagate = False, logger.propagate
    try:
        _lark(grammar, debug=True)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
    found: list[str] = []
    for record in records:
        if match := re.match(r"Shift/Reduce conflict for terminal (\w+)", record):
            found.append(match[1])
        elif match := re.match(r" \* <(.*)>", record):
            found[-1] += f": {match[1]}"
    return found


def _lark(grammar: str, debug: bool = False) -> Lark:
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        """Stands where lark would make one; the driver feeds the tokens."""

        def __init__(self, _conf: object) -> None:
            pass

        def lex(self, lexer_state: LexerState, parser_state: Any) -> Iterator[Token]:
            return iter(())

    declared = f"\n%declare {' '.join(sorted(TERMINALS))}\n"
    return Lark(
        grammar + declared,
        parser="lalr",
        lexer=NoLexer,
        keep_all_tokens=True,
        maybe_placeholders=False,
        debug=debug,
    )


def build(grammar: str) -> Tables:
    """The tables of a grammar."""
    parser = _lark(grammar).parser
    table: ParseTableBase[int] = parser.parser._parse_table
    numbers: dict[object, int] = {}
    rules: list[Rule] = []
    for row in table.states.values():
        for _, target in row.values():
            if not isinstance(target, int) and target not in numbers:
                numbers[target] = len(rules)
                action = target.alias or ("first" if len(target.expansion) == 1 else "")
                assert action, f"the rule {target} needs an action"
                rules.append(Rule(str(target.origin.name), len(target.expansion), action))
    actions, gotos = [], []
    for state in range(len(table.states)):
        acts: dict[str, int] = {}
        goes: dict[str, int] = {}
        for name, (kind, target) in table.states[state].items():
            if not isinstance(target, int):
                acts[name] = ~numbers[target]
            elif kind.name == "Shift" and (name in TERMINALS or name == END):
                acts[name] = target
            else:
                goes[name] = target
        actions.append(acts)
        gotos.append(goes)
    end = table.end_states["start"]
    actions[end] = {END: ACCEPT}
    return _simplified(rules, actions, gotos, table.start_states["start"], end)


def _simplified(
    rules: list[Rule], actions: list[dict[str, int]], gotos: list[dict[str, int]], start: int, end: int
) -> Tables:
    """Default reductions, and no reductions that only pass on."""
    defaults = [-1] * len(actions)
    for state, row in enumerate(actions):
        targets = set(row.values())
        if len(targets) == 1 and (target := next(iter(targets))) < 0 and state != end:
            defaults[state] = ~target

    def final(state: int, target: int) -> int:
        """Where going from ``state`` to ``target`` ends, past all passing on."""
        while target != end and target >= 0 and defaults[target] >= 0:
            rule = rules[defaults[target]]
            if rule.length != 1 or rule.action != "first":
                break
            target = gotos[state][rule.result]
        return target

    symbols = [""] * len(actions)
    for state in range(len(actions)):
        for name, target in gotos[state].items():
            symbols[target] = name
        for name, target in actions[state].items():
            if 0 <= target < ACCEPT:
                symbols[target] = name
    short_gotos = [{name: final(s, t) for name, t in row.items()} for s, row in enumerate(gotos)]
    short = [{name: final(s, t) if 0 <= t < ACCEPT else t for name, t in row.items()} for s, row in enumerate(actions)]
    return _canonical(Tables(rules, short, defaults, short_gotos, symbols, start))


def _canonical(made: Tables) -> Tables:
    """The same tables with states and rules numbered by the grammar alone (lark's order changes from run to run)."""
    order, places = [made.start], {made.start: 0}
    for state in order:
        for row in (made.actions[state], made.gotos[state]):
            for _, target in sorted(row.items()):
                if 0 <= target < ACCEPT and target not in places:
                    places[target] = len(order)
                    order.append(target)
    rules = sorted(set(made.rules), key=lambda rule: (rule.result, rule.length, rule.action))
    numbers = [rules.index(rule) for rule in made.rules]

    def renumbered(target: int) -> int:
        if target < 0:
            return ~numbers[~target]
        return target if target == ACCEPT else places[target]

    return Tables(
        rules,
        [{name: renumbered(target) for name, target in sorted(made.actions[state].items())} for state in order],
        [numbers[made.defaults[state]] if made.defaults[state] >= 0 else -1 for state in order],
        [{name: places[target] for name, target in sorted(made.gotos[state].items())} for state in order],
        [made.symbols[state] for state in order],
        0,
    )


def pack(grammar: str, made: Tables) -> str:
    """The tables as text: equal rows are written once."""

    def rows(table: list[dict[str, int]]) -> tuple[list[dict[str, int]], list[int]]:
        distinct: list[dict[str, int]] = []
        index: dict[str, int] = {}
        places = []
        for row in table:
            key = json.dumps(row, sort_keys=True)
            if key not in index:
                index[key] = len(distinct)
                distinct.append(row)
            places.append(index[key])
        return distinct, places

    actions, action_rows = rows(made.actions)
    gotos, goto_rows = rows(made.gotos)
    data = {
        "version": _VERSION,
        "grammar": digest(grammar),
        "rules": [[rule.result, rule.length, rule.action] for rule in made.rules],
        "actions": actions,
        "action_rows": action_rows,
        "gotos": gotos,
        "goto_rows": goto_rows,
        "defaults": made.defaults,
        "symbols": made.symbols,
        "start": made.start,
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"), indent=None) + "\n"


def _unpack(data: dict[str, Any]) -> Tables:
    actions, gotos = data["actions"], data["gotos"]
    return Tables(
        [Rule(*rule) for rule in data["rules"]],
        [actions[row] for row in data["action_rows"]],
        data["defaults"],
        [gotos[row] for row in data["goto_rows"]],
        data["symbols"],
        data["start"],
    )


def main() -> None:
    """Write the shipped tables."""
    with open(GRAMMAR, encoding="utf-8") as stream:
        grammar = stream.read()
    temporary = f"{SHIPPED}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(pack(grammar, build(grammar)))
    os.replace(temporary, SHIPPED)


if __name__ == "__main__":
    main()
