"""Programs with rules, as flows whose tables are left open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from p4verify.inputs import read_rules
from p4verify.scale import Large
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets import find


def as_flows(where: Path, text: str, rules: Sequence[str], open_from: int) -> Large:
    """A program and lines of rules, written into a folder and lowered; tables of so many rules are left open."""
    (where / "x.p4").write_text(text)
    (where / "x.cli").write_text("\n".join(rules))
    program, target = load_program(str(where / "x.p4")), find("openflow")
    known = read_rules(str(where / "x.cli"), program)
    return Large(program, known, target, target.lower(program, known, {}), machines_confirm=False, open_from=open_from)
