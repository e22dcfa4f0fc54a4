"""A frame as the headers that a program's own parser finds in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import bits as b
from .. import ir
from ..rules.ruleset import RuleSet
from ..source import Unsupported
from .dispatch import ExternTable
from .inputs import Concrete
from .machine import Machine, deep_recursion
from .parsing import run_parser
from .trace import Trace
from .values import uninitialised


@dataclass(frozen=True)
class Decoded:
    """The headers in order (the trace's steps of kind "extract"), and how many bytes follow."""

    headers: tuple[dict[str, Any], ...]
    payload: int


def decode(
    program: ir.Program, parser: ir.Parser, externs: ExternTable, rules: RuleSet, frame: bytes, port: int
) -> Decoded | None:
    """What ``parser`` finds in a frame; None if it rejects it, or does what is not modelled."""
    trace = Trace()
    m = Machine(program, rules, Concrete(frame, port), externs, trace)
    values = {p.name: uninitialised(p.type, p.span) for p in parser.params if not _is_extern(p)}
    try:
        with deep_recursion():
            ways = [way for way in run_parser(m, parser, values) if way.state.path is not b.FALSE]
    except Unsupported:
        return None
    if len(ways) != 1 or not ways[0].accepted:
        return None
    headers = tuple(step for step in trace.steps if step["step"] == "extract")
    return Decoded(headers, max(0, len(frame) - ways[0].state.cursor // 8))


def _is_extern(param: ir.Param) -> bool:
    return isinstance(ir.bare(param.type), ir.ExternType)
