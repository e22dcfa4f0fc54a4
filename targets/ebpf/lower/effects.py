"""What blocks do beside changing the packet."""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ....semantics.source import Span

_HARMLESS: Final = (
    "packet_out", "InternetChecksum", "Checksum", "Hash", "psa_clone_i2e", "psa_resubmit", "psa_normal",
    "psa_clone_e2e", "psa_recirculate", "assert", "assume",
)  # fmt: skip
"""Externs whose effects nobody sees where a packet is dropped."""
_OF_PARSERS: Final = ("packet_in", "verify")
_OF_V1MODEL: Final = ("mark_to_drop", "update_checksum", "hash", "log_msg")
"""... and those that change nothing but the packet."""
_OF_QUEUES: Final = (
    "egress_timestamp", "egress_global_timestamp", "enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth",
)  # fmt: skip
"""Metadata of which each copy has its own."""
_COUNTING: Final = ("direct_counter", "direct_meter")


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
    harmless = (*_HARMLESS, *_OF_PARSERS, *(_OF_V1MODEL if program.arch == "v1model" else ()))
    while todo:
        for node in mentioned(todo.pop()):
            match node:
                case ir.ExternCall(extern=extern) if extern not in harmless:
                    return node.span
                case ir.Property(value=str(name), span=span) if program.instance(name).extern in _COUNTING:
                    return span
                case ir.Member(name=name) if name in _OF_QUEUES:
                    return node.span
                case ir.BlockApply(block=name) if name not in seen:
                    seen.add(name)
                    todo += [p for p in program.parsers if p.name == name]
                    todo += [c for c in program.controls if c.name == name]
    return None


def asks(program: ir.Program, control: ir.Control, extern: str) -> Span | None:
    """A place in a control, or one that it applies, that calls an extern function."""
    for node in mentioned(control):
        match node:
            case ir.ExternCall(extern=name) if name == extern:
                return node.span
            case ir.BlockApply(block=block):
                for each in program.controls:
                    if each.name == block and (found := asks(program, each, extern)) is not None:
                        return found
    return None


__all__ = ["acts", "asks", "effect"]
