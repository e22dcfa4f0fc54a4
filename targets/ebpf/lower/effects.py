"""What blocks do beside changing the packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
_OF_V1MODEL: Final = ("mark_to_drop", "update_checksum", "update_checksum_with_payload", "hash", "log_msg")
"""... and those that change nothing but the packet."""
CLONES_OF: Final = ("clone", "clone_preserving_field_list")
"""v1model's externs that ask for clones."""
_OF_FRAMES: Final = (*CLONES_OF, "recirculate_preserving_field_list")
"""v1model's externs that are refused where their code would be made for a copy."""
_ASKED: Final = ("random", "Random", "meter", "Meter", "direct_meter", "DirectMeter")
"""Externs that are asked for something, and nobody sees how often (what a meter holds is not compared)."""
_KEPT: Final = ("counter", "Counter", "DirectCounter", "register", "Register", "digest", "Digest")
"""Externs whose effects each copy has after those before it. (A ``direct_counter`` counts where its table is hit.)"""


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


def unordered(program: ir.Program, *blocks: ir.Parser | ir.Control) -> Span | None:
    """A place that has effects of which nobody has said in which order copies have them."""
    return _effect(program, blocks, (*_ASKED, *_KEPT, "direct_counter"))


def kept(program: ir.Program, *blocks: ir.Parser | ir.Control) -> Span | None:
    """A place that changes state, or tells the control plane something: the next packet may see whose turn it was."""
    found = _effect(program, blocks, _ASKED)
    return found if found is not None else _counted(program, blocks)


def _effect(program: ir.Program, blocks: Iterable[ir.Parser | ir.Control], others: Sequence[str]) -> Span | None:
    """A place whose effects are seen elsewhere than in the packet, apart from those of ``others``."""
    harmless = (*_HARMLESS, *_OF_PARSERS, *((*_OF_V1MODEL, *_OF_FRAMES) if program.arch == "v1model" else ()), *others)
    for node in _everything(program, blocks):
        if isinstance(node, ir.ExternCall) and node.extern not in harmless:
            return node.span
    return None


def _counted(program: ir.Program, blocks: Iterable[ir.Parser | ir.Control]) -> Span | None:
    """A table whose hits are counted."""
    for node in _everything(program, blocks):
        match node:
            case ir.Property(value=str(name), span=span) if program.instance(name).extern == "direct_counter":
                return span
    return None


def _everything(program: ir.Program, blocks: Iterable[ir.Parser | ir.Control]) -> Iterator[object]:
    """What blocks mention, and the blocks, actions and functions that they call."""
    others: tuple[ir.Parser | ir.Control | ir.Action | ir.Function, ...] = (
        *program.parsers,
        *program.controls,
        *program.actions,
        *program.functions,
    )
    todo: list[object] = list(blocks)
    seen: set[str] = set()
    while todo:
        for node in mentioned(todo.pop()):
            yield node
            match node:
                case ir.BlockApply(block=name) | ir.FunctionCall(name=name):
                    called = name
                case ir.ActionRef(action=name) | ir.BoundAction(action=name):
                    called = name
                case _:
                    continue
            if called not in seen:
                seen.add(called)
                todo += [each for each in others if each.name == called]


def more_than_outputs(program: ir.Program, deparser: ir.Control) -> Span | None:
    """A place where a deparser may do something that would show if it ran a second time: anything but reading, emitting
    and writing ``out`` parameters and what is its own."""
    lasting = {p.name for p in deparser.params if p.direction == "inout"}
    for node in mentioned(deparser):
        match node:
            case ir.Assign(target=target, span=span) if _names(target) & lasting:
                return span
            case ir.HeaderOp(op=op, base=base, span=span) if op != "isValid" and _names(base) & lasting:
                return span
            case ir.ExternCall(extern=extern, span=span) if extern not in _HARMLESS:
                return span
            case ir.BlockApply() | ir.TableApply() | ir.FunctionCall() | ir.BoundAction() | ir.ActionRef():
                return node.span
    return None


def speaks_of(block: ir.Control, param: ir.Param) -> bool:
    """Whether a block mentions one of its parameters."""
    return param.name in _names(block.body)


def _names(part: ir.Expr | ir.Block) -> set[str]:
    return {node.name for node in mentioned((part,)) if isinstance(node, ir.Var)}


def asks(program: ir.Program, control: ir.Control, extern: str) -> Span | None:
    """A place in a control, or in what it calls, that calls an extern function."""
    for node in _everything(program, [control]):
        if isinstance(node, ir.ExternCall) and node.extern == extern:
            return node.span
    return None


__all__ = ["CLONES_OF", "acts", "asks", "kept", "more_than_outputs", "speaks_of", "unordered"]
