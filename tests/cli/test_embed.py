"""Objects that carry their own description: ``lower --embed``, and ``check`` of the file alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify import targets
from p4verify.cli import main
from p4verify.inputs import SourceOptions, read_carried, read_program, read_rules
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.ir.codec_netlink import to_netlink
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.build import program_rules
from p4verify.targets.ebpf.artifact import BpfObject, asm, read_elf, write_elf
from p4verify.targets.ebpf.artifact.asm import R0
from p4verify.targets.ebpf.oracle import KernelOracle, KernelProgram, load_maps
from tests.support import bpftool
from tests.support.embedded import check_file, difference, from_file
from tests.support.machines import require
from tests.support.mutants import ebpf_mutants
from tests.support.mutation import EbpfMachine, judge, judge_again, subject

from .conftest import EXAMPLES, Command

SECTION = ".p4ast"


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """acl.p4 as an object that carries it."""
    path = tmp_path_factory.mktemp("embedded") / "acl.o"
    assert main(["lower", str(EXAMPLES / "acl.p4"), "--target", "ebpf", "--embed", "-o", str(path)]) == 0
    return path


@pytest.fixture
def changed(carrying: Path, tmp_path: Path) -> Callable[[Callable[[BpfObject], BpfObject]], Path]:
    """The file with its object changed."""

    def make(change: Callable[[BpfObject], BpfObject]) -> Path:
        path = tmp_path / "changed.o"
        path.write_bytes(write_elf(change(read_elf(carrying.read_bytes(), "acl.o"))))
        return path

    return make


def _acl_that_by_default(path: Path, does: str) -> ir.Program:
    """acl.p4 with another way of saying what its table does by default."""
    text = (EXAMPLES / "acl.p4").read_text()
    assert "default_action = deny();" in text
    path.write_text(text.replace("default_action = deny();", does))
    return read_program(str(path), SourceOptions())


def _described(obj: BpfObject, data: bytes) -> BpfObject:
    return replace(obj, sections={**obj.sections, SECTION: data})


def test_a_file_alone_is_accepted_for_every_rule_set(p4verify: Command, carrying: Path) -> None:
    ended = p4verify("check", carrying, "--format", "json")
    (result,) = ended.json()["results"]
    assert (ended.code, result["verdict"], result["target"]) == (0, "accept", "ebpf")
    assert (result["artifact"], result["quantified_over"]) == (str(carrying), "packets and rules")


@pytest.mark.long
def test_large_tables_one_behind_the_other_are_accepted_soon() -> None:
    """What a ternary table of 4,096 rules answers is asked for in the words of either side; it is proven to be one."""
    program, target = read_program(str(EXAMPLES / "stages.p4"), SourceOptions()), targets.find("ebpf")
    proof = check_file(target, target.lower(program, None, {"hook": "tc"}), program, 30).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


def test_the_program_in_it_is_the_program(carrying: Path, example: Callable[[str], Path]) -> None:
    carried = read_carried(str(carrying))
    assert carried is not None
    assert carried.program == read_program(str(example("acl.p4")), SourceOptions())


def test_code_that_does_something_else_is_rejected_with_a_packet(
    p4verify: Command, changed: Callable[..., Path]
) -> None:
    def drop_all(obj: BpfObject) -> BpfObject:
        (program,) = obj.programs
        return replace(obj, programs=(replace(program, insns=(asm.mov(R0, 2), asm.exit_()), lines=()),))

    ended = p4verify("check", changed(drop_all), "--format", "json")
    (result,) = ended.json()["results"]
    assert (ended.code, result["verdict"]) == (1, "reject")
    assert bytes.fromhex(result["counterexample"]["packet"])
    assert "reference" in result["counterexample"]["confirmed_by"]


def test_a_map_with_less_room_than_its_table_is_not_accepted(p4verify: Command, changed: Callable[..., Path]) -> None:
    def shrink(obj: BpfObject) -> BpfObject:
        return replace(obj, maps=tuple(replace(m, max_entries=1) for m in obj.maps))

    ended = p4verify("check", changed(shrink))
    assert ended.code == 3
    assert "room for 1 entries" in ended.out


def test_metadata_that_says_something_else_is_rejected(
    p4verify: Command, changed: Callable[..., Path], example: Callable[[str], Path], tmp_path: Path
) -> None:
    text = example("acl.p4").read_text()
    other = tmp_path / "other.p4"
    other.write_text(text.replace("0x0800", "0x0801"))
    assert other.read_text() != text
    p4ast = to_netlink(read_program(str(other), SourceOptions()))
    ended = p4verify("check", changed(lambda obj: _described(obj, p4ast)))
    assert ended.code == 1
    assert "REJECT" in ended.out


def test_metadata_with_another_constant_default_is_rejected(tmp_path: Path) -> None:
    """It is in the code, no rules say it."""
    denies, permits = (
        _acl_that_by_default(tmp_path / f"{action}.p4", f"const default_action = {action}();")
        for action in ("deny", "permit")
    )
    target = targets.find("ebpf")
    assert check_file(target, target.lower(denies, None, {}), permits, 20).proof.verdict is Verdict.REJECT
    assert difference(denies, permits, random.Random(1), 400) is not None


@pytest.mark.oracle
def test_metadata_with_another_default_that_rules_may_change_is_what_the_object_does(tmp_path: Path) -> None:
    """What a map holds is filled with the default action of the program in the file, whichever it is."""
    denies = read_program(str(EXAMPLES / "acl.p4"), SourceOptions())
    permits = _acl_that_by_default(tmp_path / "permit.p4", "default_action = permit();")
    target = targets.find("ebpf")
    made = target.lower(denies, None, {})
    assert check_file(target, made, permits, 20).proof.verdict is Verdict.ACCEPT
    frame = bytes(12) + bytes.fromhex("0800 4500001c 00000000 40110000 0a000001 0a000002 1234 0035 0008 0000")
    with KernelOracle() as oracle:
        require(oracle)
        machine = EbpfMachine(oracle)
        for program, sent in ((denies, 0), (permits, 1)):
            rules = program_rules(program)
            ((outputs, _),) = machine.run(made, [(2, frame)], target.fill(program, made, rules)).packets
            assert len(outputs) == len(run(program, rules, frame, 2).outputs) == sent
    assert difference(denies, permits, random.Random(1), 400) is None


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "nonsense"])
def test_a_damaged_section_is_one_clear_error(p4verify: Command, changed: Callable[..., Path], damage: str) -> None:
    def spoil(obj: BpfObject) -> BpfObject:
        data = bytearray(obj.sections[SECTION])
        data[40] ^= 0xFF
        content = {"empty": b"", "cut": bytes(data[:100]), "flipped": bytes(data), "text": b"header h_t { }\n" * 9,
                   "nonsense": bytes(range(256))}  # fmt: skip
        return _described(obj, content[damage])

    path = changed(spoil)
    p4verify("check", path).one_error(str(path), "the p4ast that it carries is damaged")
    assert "the p4ast that it carries is damaged" in p4verify("parse", path).err


def test_an_object_without_the_section_says_what_to_do(p4verify: Command, acl_object: Path) -> None:
    p4verify("check", acl_object).one_error(str(acl_object), "without p4ast", "--against")


def test_it_can_be_checked_with_artifacts_too(p4verify: Command, carrying: Path, acl_object: Path) -> None:
    ended = p4verify("check", carrying, "--against", acl_object, "--format", "json")
    results = ended.json()["results"]
    assert [(r["target"], r["verdict"]) for r in results] == [
        ("ebpf", "accept"), ("ebpf", "accept"),
    ]  # fmt: skip


def test_other_commands_read_the_program_in_it(p4verify: Command, carrying: Path, tmp_path: Path) -> None:
    assert "1 table" in p4verify("parse", carrying).out
    gate = tmp_path / "p4verify.toml"
    gate.write_text(f'[[check]]\nprogram = "{carrying}"\nexpect = "accept"\n')
    ended = p4verify("gate", gate)
    assert ended.code == 0, ended
    assert "u32" not in ended.out


def test_a_target_whose_artifacts_carry_nothing(
    p4verify: Command, example: Callable[[str], Path], tmp_path: Path
) -> None:
    rules = ("--rules", example("acl.rules.cli"))
    ended = p4verify("lower", example("acl.p4"), "--target", "u32", *rules, "--embed", "-o", tmp_path / "acl.tc")
    ended.one_error("u32", "--embed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.oracle
def test_loaders_pass_over_the_section(carrying: Path, tmp_path: Path) -> None:
    with KernelOracle() as oracle:
        require(oracle)
        obj = read_elf(carrying.read_bytes(), "acl.o")
        with ExitStack() as stack:
            stack.enter_context(KernelProgram("tc", obj.program().insns, load_maps(obj, {}, stack)))
    assert bpftool.loaded(carrying, tmp_path / "fs").split() == ["p4_main"]


@pytest.mark.long
@pytest.mark.oracle
def test_mutants_of_the_code_judged_by_the_file_alone() -> None:
    program = read_program(str(EXAMPLES / "acl.p4"), SourceOptions())
    rules = read_rules(str(EXAMPLES / "acl.rules.cli"), program)
    with KernelOracle() as oracle:
        require(oracle)
        rng = random.Random(5)
        made = from_file(subject("acl", program, rules, targets.find("ebpf"), {}, EbpfMachine(oracle), rng, 500, 20))
        judged = [judge(made, m) for m, _ in zip(made.mutants(rng), range(5), strict=False)]
        judged = [judge_again(made, one) for one in judged if one.loads]
    assert [str(one) for one in judged if one.wrong] == []
    assert any(one.verdict == "reject" and one.differs for one in judged)


@pytest.mark.oracle
def test_what_a_program_does_with_port_1_is_shown_by_the_kernel() -> None:
    """Whose interface 1 is the loopback device: the ports are interfaces from another one on."""
    program = read_program(str(EXAMPLES / "qinq.p4"), SourceOptions())
    rules = read_rules(str(EXAMPLES / "qinq.rules.cli"), program)
    lowering = {"hook": "xdp", "port0": "2"}
    with KernelOracle() as oracle:
        require(oracle)
        machine, rng = EbpfMachine(oracle), random.Random(1)
        made = from_file(subject("qinq", program, rules, targets.find("ebpf"), lowering, machine, rng, 20, 20, (1,)))
        asked = next(m for m in ebpf_mutants(made.artifact) if m.what == "map key: constant")
        judged = judge(made, asked)
    assert (judged.verdict, judged.shown) == ("reject", True), judged
