"""The whole language in odd combinations: programs of a few lines that the specification allows.

Each of ``language.txt`` checks, becomes well-formed p4ast, and comes back equal from every form: the printed tree, the
printed p4ast, JSON and netlink.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.ir import codec_json, codec_netlink
from p4verify.semantics.ir.printer import to_p4
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4 import tree
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.p4.parser import parse_text
from p4verify.semantics.p4.printer import to_text
from tests.support.ir_alike import difference

PROGRAMS = dict(
    case.split("\n", 1) for case in (Path(__file__).parent / "language.txt").read_text().split("=== ") if case
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_survives_every_form(name: str) -> None:
    text = PROGRAMS[name]
    program = load_text(text, "test.p4").program
    verify(program)
    parsed = parse_text(text)
    assert tree.same(parsed, parse_text(to_text(parsed)))
    assert difference(program, load_text(to_p4(program)).program) == ""
    assert codec_json.from_json(codec_json.to_json(program)) == program
    assert codec_netlink.from_netlink(codec_netlink.to_netlink(program)) == program
