"""Programs that drop every packet, as eBPF: what is never sent or kept cannot be compared, and is not accepted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from p4verify.proofs.refine import NOTHING_COMPARED
from p4verify.targets.ebpf.artifact import asm, read_elf, write_elf
from p4verify.targets.ebpf.artifact.asm import R0
from tests.support.p4_text import v1model_text

from .conftest import Command

DROP = "mark_to_drop(sm);"
COUNTER = "counter(4, CounterType.packets) seen;"


def carrying(p4verify: Command, folder: Path, text: str) -> Path:
    """The program in an object made of it."""
    source, path = folder / "drop.p4", folder / "drop.o"
    source.write_text(text)
    assert p4verify("lower", source, "--target", "ebpf", "--embed", "-o", path).code == 0
    return path


def test_what_compares_nothing_is_not_accepted(p4verify: Command, tmp_path: Path) -> None:
    path = carrying(p4verify, tmp_path, v1model_text(DROP))
    ended = p4verify("check", path, "--format", "json")
    (result,) = ended.json()["results"]
    assert (ended.code, result["verdict"], result["reason"]) == (3, "unsupported", NOTHING_COMPARED)


def test_of_another_program_the_blocks_are_compared(p4verify: Command, tmp_path: Path) -> None:
    source = tmp_path / "drop.p4"
    source.write_text(v1model_text(DROP))
    assert p4verify("check", source, "--against", source).code == 0


def test_what_is_kept_is_compared(p4verify: Command, tmp_path: Path) -> None:
    path = carrying(p4verify, tmp_path, v1model_text("seen.count(0);" + DROP, locals=COUNTER))
    assert p4verify("check", path).code == 0


def test_code_that_sends_what_is_to_be_dropped_is_rejected(p4verify: Command, tmp_path: Path) -> None:
    path = carrying(p4verify, tmp_path, v1model_text(DROP))
    made = read_elf(path.read_bytes(), path.name)
    sends = replace(made.program(), insns=(asm.mov(R0, 0), asm.exit_()), lines=())
    path.write_bytes(write_elf(replace(made, programs=(sends,))))
    assert p4verify("check", path).code == 1
