"""What no machine that drops what is above a rate can do for a program with meters."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.proofs.verdict import Verdict
from p4verify.targets import find
from p4verify.targets.base import CannotOffload
from tests.support.metered import IMPOSSIBLE, program, verdict


@pytest.mark.parametrize("name", ["flower", "openflow"])
@pytest.mark.parametrize(("body", "said"), IMPOSSIBLE)
def test_what_meters_of_the_machine_cannot_do_is_said(tmp_path: Path, name: str, body: str, said: str | None) -> None:
    loaded, target = program(tmp_path, body), find(name)
    if said is None:  # a session that is not set up clones nothing
        assert verdict(loaded, target, target.lower(*loaded, {})) is Verdict.ACCEPT
        return
    with pytest.raises(CannotOffload, match=said):
        target.lower(*loaded, {})
