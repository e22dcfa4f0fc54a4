"""The reference compiler's eBPF samples: read, run with their STF tests by the meaning and by the kernel, and proven.

What is not supported is listed by name with the construct; a listed program that starts to work fails here, so the
list stays true. Samples that a checkout of the corpus lacks are no error, an empty corpus is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import Machine, StfResult, run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.conftest import corpus_root

pytestmark = pytest.mark.corpus

TARGET: Final = targets.find("ebpf")
SAMPLES: Final = corpus_root() / "p4c" / "p4_16_samples"
HOOKS: Final = ("tc", "xdp")
UNSUPPORTED: Final[dict[str, str]] = {}
"""Program → part of the reason why the lowering to eBPF refuses it."""
TIMEOUT: Final = 120.0


def programs() -> list[Path]:
    """The samples written for ebpf_model."""
    if not SAMPLES.is_dir():
        return []
    return [p for p in sorted(SAMPLES.glob("*ebpf*.p4")) if "ebpf_model.p4" in p.read_text(errors="replace")]


def with_stf() -> list[Path]:
    """Those with an STF test next to them."""
    return [p for p in programs() if p.with_suffix(".stf").is_file()]


def name(path: Path) -> str:
    return path.name


def loaded(path: Path) -> ir.Program:
    return load_program(str(path))


def passes(path: Path, machine: Machine | None, program: ir.Program) -> StfResult:
    test = path.with_suffix(".stf")
    result = run_stf(program, test.read_text(), test.name, machine)
    assert result.packets > 0
    assert result.expectations > 0
    return result


def test_there_are_samples() -> None:
    """A walk over nothing must not pass; that the corpus is there was checked before."""
    assert len(programs()) >= 10
    assert len(with_stf()) >= 5


@pytest.mark.parametrize("path", programs(), ids=name)
def test_loads(path: Path) -> None:
    assert loaded(path).arch == "ebpf_model"


@pytest.mark.parametrize("path", with_stf(), ids=name)
def test_stf_on_the_reference(path: Path) -> None:
    result = passes(path, None, loaded(path))
    assert result.passed, str(result)


@pytest.mark.oracle
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("path", with_stf(), ids=name)
def test_stf_on_the_kernel(kernel_oracle: KernelOracle, path: Path, hook: str) -> None:
    program = loaded(path)
    machine = Real(program, TARGET, {"hook": hook}, kernel_oracle)
    if path.name in UNSUPPORTED:
        with pytest.raises(CannotOffload, match=UNSUPPORTED[path.name]):
            passes(path, machine, program)
        return
    result = passes(path, machine, program)
    assert result.passed, str(result)


@pytest.mark.oracle
def test_an_stf_test_that_is_wrong_fails_on_the_kernel(kernel_oracle: KernelOracle) -> None:
    """The comparison can fail: the same tests with one digit of the first expected packet changed."""
    wrong = 0
    for path in with_stf():
        lines = path.with_suffix(".stf").read_text().splitlines()
        at = next((i for i, line in enumerate(lines) if line.startswith("expect") and len(line.split()) > 2), None)
        if at is None or path.name in UNSUPPORTED:
            continue
        verb, port, *digits = lines[at].split()
        packet = "".join(digits)
        lines[at] = f"{verb} {port} {(int(packet[0], 16) ^ 1 if packet[0] != '*' else 1):x}{packet[1:]}"
        program = loaded(path)
        machine = Real(program, TARGET, {}, kernel_oracle)
        assert not run_stf(program, "\n".join(lines), path.name, machine).passed
        wrong += 1
    assert wrong >= 3


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("path", programs(), ids=name)
def test_check(path: Path, hook: str) -> None:
    """Proven for every packet and rule, or refused with the place; never rejected and never undecided."""
    checker = Checker(loaded(path), timeout=TIMEOUT, machines_confirm=False)
    proof = checker.check_lowered(TARGET, {"hook": hook}).proof
    if path.name not in UNSUPPORTED:
        assert proof.verdict is Verdict.ACCEPT, proof.reason
        return
    assert proof.verdict is Verdict.UNSUPPORTED, f"{path.name} is listed as unsupported, but is {proof.verdict.value}"
    assert UNSUPPORTED[path.name] in proof.reason
    assert Path(proof.where.file).name == path.name
    assert proof.where.line > 0
