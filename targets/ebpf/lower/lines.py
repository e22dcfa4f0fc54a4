"""Which P4 source line each instruction comes from, as line information for the object file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....semantics.source import Span
from ..artifact import Insn, Line, slots

MAX_LINE: Final = (1 << 22) - 1
MAX_COLUMN: Final = (1 << 10) - 1
"""What ``struct bpf_line_info`` has room for (uapi bpf.h: BPF_LINE_INFO_LINE_NUM, BPF_LINE_INFO_LINE_COL)."""


def source_lines(insns: Sequence[Insn]) -> tuple[Line, ...]:
    """A line where the place in the source changes; none at all for a program that no source wrote.

    The first one is at the first instruction, as the kernel demands (check_btf_line in verifier.c), also where that has
    no place of its own; an instruction without a place belongs to the one before it.
    """
    known = [(slot, insn.source) for slot, insn in zip(slots(insns), insns, strict=False) if insn.source is not None]
    out: list[Line] = []
    before: Span | None = None
    for slot, source in known:
        if before is None or (source.file, source.line, source.column) != (before.file, before.line, before.column):
            out.append(_line(slot if out else 0, source))
        before = source
    return tuple(out)


def _line(slot: int, source: Span) -> Line:
    return Line(slot, source.file, min(source.line, MAX_LINE), min(source.column, MAX_COLUMN))
