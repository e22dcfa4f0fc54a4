"""What blocks do beside changing the packet."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ....semantics.ir.printer.scope import mentioned
from ....semantics.source import Span

_HARMLESS: Final = (
    "packet_out", "InternetChecksum", "Checksum", "Hash", "psa_clone_i2e", "psa_resubmit", "psa_normal",
    "psa_clone_e2e", "psa_recirculate",
)  # fmt: skip
"""Externs whose effects nobody sees where a packet is dropped."""
_OF_PARSERS: Final = ("packet_in", "verify")


def acts(program: ir.Program, deparser: ir.Control) -> bool:
    """Whether a deparser does anything that outlives a packet that is dropped."""
    for node in mentioned(deparser):
        match node:
            case ir.ExternCall(extern=extern) if extern not in _HARMLESS:
                return True
            case ir.BlockApply(block=name) if acts(program, program.control(name)):
                return True
            case ir.TableApply():
                return True
    return False


def effect(program: ir.Program, *blocks: ir.Parser | ir.Control) -> Span | None:
    """A place whose effects are seen elsewhere than in the packet: state, and what is asked of the world."""
    todo = list(blocks)
    seen: set[str] = set()
    while todo:
        for node in mentioned(todo.pop()):
            match node:
                case ir.ExternCall(extern=extern) if extern not in _HARMLESS and extern not in _OF_PARSERS:
                    return node.span
                case ir.Member(name="egress_timestamp"):
                    return node.span
                case ir.BlockApply(block=name) if name not in seen:
                    seen.add(name)
                    todo += [p for p in program.parsers if p.name == name]
                    todo += [c for c in program.controls if c.name == name]
    return None


__all__ = ["acts", "effect"]
