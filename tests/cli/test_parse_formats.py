"""``p4verify parse --format p4`` and ``--format p4info``."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.cli import main
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.protobuf_text import parse
from tests.support.ir_alike import difference

ACL = Path(__file__).resolve().parents[2] / "examples" / "acl.p4"


def test_p4_loads_as_an_equal_program(tmp_path: Path) -> None:
    out = tmp_path / "printed.p4"
    assert main(["parse", "--format", "p4", "-o", str(out), str(ACL)]) == 0
    assert difference(load_program(str(ACL)), load_program(str(out))) == ""


def test_p4info_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "--format", "p4info", str(ACL)]) == 0
    message = parse(capsys.readouterr().out, "p4info")
    assert len(message.messages("tables")) == 1
