"""Reading rules, whatever format they are in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .. import ir
from ..source import InputError, Span
from .bmv2_cli import read_cli
from .build import program_rules
from .json_rules import read_json
from .p4runtime import read_p4runtime
from .ruleset import RuleSet
from .stf_rules import CHECKS, VERBS, read_stf_rules

MAX_SIZE: Final = 256 << 20
"""Characters of rules that are read."""

_PROTOBUF = re.compile(r"[A-Za-z_]\w*\s*[:{<]")


def read_rules(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules in ``text``, merged with the program's own entries.

    The format is told from the content: a P4Runtime ``WriteRequest`` in text format, p4verify's JSON, STF lines (where
    there is an ``add``, a ``packet`` or the like), or commands of BMv2's CLI (``table_add`` and so on).

    Args:
        text: the file's content.
        name: the file's name, for errors.
        program: the program that the rules are for.

    Raises:
        InputError: the rules do not fit the program or are none, with file, line and column.
    """
    if len(text) > MAX_SIZE:
        raise InputError.at(Span(name, 1, 1), f"more than {MAX_SIZE} characters of rules")
    return _reader(text)(text, name, program)


def lowest_first(text: str) -> bool:
    """Whether the lowest priority wins in the format that a text is in: commands of BMv2's CLI."""
    return _reader(text) is read_cli


def _reader(text: str) -> Callable[[str, str, ir.Program], RuleSet]:
    start = _first(text)
    if not start:
        return _read_none
    if start.startswith("{"):
        return read_json
    if _PROTOBUF.match(start):
        return read_p4runtime
    first_words = {line.split(None, 1)[0].lower() for line in text.splitlines() if line.strip()}
    return read_cli if first_words.isdisjoint((*VERBS, *CHECKS)) else read_stf_rules


def _read_none(_text: str, _name: str, program: ir.Program) -> RuleSet:
    return program_rules(program)


def _first(text: str) -> str:
    """The text from the first thing that is no comment on."""
    at = 0
    pattern = re.compile(r"\s+|#[^\n]*")
    while found := pattern.match(text, at):
        at = found.end()
    return text[at : at + 200]
