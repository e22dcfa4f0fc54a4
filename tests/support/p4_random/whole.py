"""What all architectures' programs have in common: types, functions, blocks to apply, the parser."""

from __future__ import annotations

from dataclasses import dataclass

from .callables import function
from .chance import Chance
from .controls import Frame, inner_control
from .parsers import ParserText, parser, subparser, subparser_call
from .scope import Callable, Place, Scope
from .statements import INDENT
from .types import Types, is_scalar, random_types


@dataclass
class Whole:
    """A program while it is made."""

    g: Chance
    types: Types
    lines: list[str]
    functions: list[Callable]
    blocks: list[tuple[str, Callable]]
    subparsers: list[tuple[Callable, str, list[str]]]


def begin(g: Chance, include: str, frame: Frame) -> Whole:
    """Types, functions, and controls and parsers that the architecture's blocks apply."""
    types = random_types(g)
    if include == "v1model":
        types.kept = frozenset(n for n, t in types.meta.fields if is_scalar(t) and g.often(0.5))
    lines = ["#include <core.p4>", f"#include <{include}.p4>", *types.declarations()]
    whole = Whole(g, types, lines, [], [], [])
    for _ in range(g.number(0, g.settings.callables)):
        callee, text = function(g, types, whole.functions)
        whole.lines += text
        whole.functions.append(callee)
    if g.often(0.4):
        name, callee, text = inner_control(g, types, whole.functions, frame)
        whole.lines += text
        whole.blocks.append((name, callee))
    if g.often(0.3):
        whole.subparsers.append(subparser(g, types))
        whole.lines += whole.subparsers[0][2]
    return whole


def parser_block(whole: Whole, places: list[Place], params: str) -> ParserText:
    """The parser ``P`` with what the architecture gives it beside the packet and the headers."""
    g, types = whole.g, whole.types
    scope = Scope("state", places, whole.functions)
    lines: list[str] = []
    for callee, _, _ in whole.subparsers:
        instance = g.name("sub")
        call = subparser_call(g, types, scope, instance)
        if call is not None:
            lines.append(f"{callee.name}() {instance};")
            scope.calls = (call,)
    text = parser(g, types, scope)
    head = f"parser P(packet_in pkt, out headers hdr{params}) {{"
    whole.lines += [head, *(INDENT + line for line in (*lines, *text.lines)), "}"]
    return text


def set_first(body: list[str], line: str, g: Chance) -> list[str]:
    """``line`` at the beginning of a control's body, mostly, so that what it sets is defined."""
    if g.often(0.1) and g.settings.undefined:
        return body
    at = body.index(f"{INDENT}apply {{")
    return [*body[: at + 1], INDENT * 2 + line, *body[at + 1 :]]
