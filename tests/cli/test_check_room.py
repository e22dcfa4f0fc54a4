"""`check` of an eBPF object under more rules than its maps have room for: they can never be put there."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.checks import Checker
from p4verify.inputs import read_rules
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets import find
from tests.support.large_programs import of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action send(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { send; drop; }
        default_action = drop();
        size = SIZE;
    }
    apply { stations.apply(); }
"""
)


@pytest.mark.parametrize("size", [16, 512])
@pytest.mark.parametrize("extra", [0, 1])
def test_rules_that_find_no_room_are_not_accepted(tmp_path: Path, size: int, extra: int) -> None:
    """In tables that are left open as well as in those that are put into terms."""
    (tmp_path / "x.p4").write_text(PROGRAM.replace("SIZE", str(size)))
    lines = [f"table_add I.stations send {i * 7919 + 3} => {i % 5 + 1}" for i in range(size + extra)]
    (tmp_path / "x.cli").write_text("\n".join(lines))
    program = load_program(str(tmp_path / "x.p4"))
    checker = Checker(program, read_rules(str(tmp_path / "x.cli"), program), 60.0)
    checker.machines_confirm = False
    proof = checker.check_lowered(find("ebpf"), {}).proof
    if not extra:
        assert proof.verdict is Verdict.ACCEPT, proof.reason
        return
    assert proof.verdict is Verdict.UNSUPPORTED
    assert f"room for {size} elements, and the rules make {size + 1}" in proof.reason
    assert proof.where.line == size + 1
