"""P4 source lines in our objects: in the line information, in the file, and in what bpftool prints of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p4verify.cli import main
from p4verify.inputs import SourceOptions, read_program
from p4verify.semantics.source import Span
from p4verify.targets.ebpf.artifact import Assembler, BpfObject, asm, read_elf
from p4verify.targets.ebpf.artifact.asm import R0, R1
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.lower.lines import MAX_COLUMN, MAX_LINE, source_lines
from p4verify.targets.ebpf.lower.tidy import tidy
from tests.support import bpftool

from .programs import TRUE, accept, ebpf_filter

ROUTER = Path(__file__).resolve().parents[3] / "examples" / "router.p4"


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """router.p4 as an object file."""
    path = tmp_path_factory.mktemp("lines") / "router.o"
    assert main(["lower", str(ROUTER), "--target", "ebpf", "-o", str(path)]) == 0
    return path


def _written(path: Path) -> BpfObject:
    return read_elf(path.read_bytes(), path.name)


def test_a_line_where_the_place_changes_and_the_first_at_the_first_instruction() -> None:
    code = Assembler()
    end = code.label()
    code.emit(asm.mov(R0, 1))
    with code.at(Span("a.p4", 3, 5)):
        code.emit(asm.load_imm64(R1, 1 << 40), asm.mov(R0, 2))
        with code.at(Span("a.p4", 4, 7)):
            code.jump("jeq", R1, 0, end)
        with code.at(Span("", 0, 0)):
            code.emit(asm.mov(R0, 3))
    with code.at(Span("a.p4", 1 << 30, 1 << 20)):
        code.place(end)
        code.emit(asm.exit_())
    lines = source_lines(tidy(code.finish()))
    assert [(i.slot, i.line, i.column) for i in lines] == [(0, 3, 5), (4, 4, 7), (5, 3, 5), (6, MAX_LINE, MAX_COLUMN)]


def test_a_program_that_no_source_wrote_has_none() -> None:
    assert lower(ebpf_filter((accept(TRUE),)), None, {}).program().lines == ()


def test_every_statement_that_leaves_code_is_named_with_its_text(router: Path) -> None:
    source = ROUTER.read_text().splitlines()
    lines = _written(router).program().lines
    assert lines[0].slot == 0
    assert [i.slot for i in lines] == sorted({i.slot for i in lines})
    assert {i.file for i in lines} == {str(ROUTER)}
    assert all(i.text == source[i.line - 1].strip() for i in lines)
    statements = ("packet.extract(", "transition select(", ".apply();", "control RouterDeparser(", "hdr.ipv4.ttl = ")
    named = {i.line for i in lines}
    for text in statements:
        places = {number for number, line in enumerate(source, 1) if text in line}
        assert places, text
        assert places & named, text


def test_the_code_is_the_same_as_without(router: Path) -> None:
    assert (
        _written(router).program().insns == lower(read_program(str(ROUTER), SourceOptions()), None, {}).program().insns
    )


def test_p4ast_without_its_source_leaves_the_text_out(tmp_path: Path) -> None:
    source = tmp_path / "gone.p4"
    source.write_text(ROUTER.read_text())
    assert main(["parse", str(source), "--format", "json", "-o", str(tmp_path / "gone.json")]) == 0
    source.unlink()
    assert main(["lower", str(tmp_path / "gone.json"), "--target", "ebpf", "-o", str(tmp_path / "gone.o")]) == 0
    assert {i.text for i in _written(tmp_path / "gone.o").program().lines} == {""}


@pytest.mark.oracle
def test_bpftool_shows_them_next_to_the_kernels_instructions(
    router: Path, tmp_path: Path, kernel_oracle: object
) -> None:
    printed = bpftool.loaded(router, tmp_path / "fs", "bpftool prog dump xlated pinned {}/p4_main linum")
    shown = re.findall(r"^; (.*) \[file:(.*) line_num:(\d+) line_col:(\d+)\]$", printed, re.M)
    source = ROUTER.read_text().splitlines()
    assert len(shown) > 20
    assert all((text, file) == (source[int(line) - 1].strip(), str(ROUTER)) for text, file, line, _ in shown)
