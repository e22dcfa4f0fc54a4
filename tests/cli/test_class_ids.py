"""Class ids of filters that no packet is left with: a frame comes without one, so they make no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command

ADD = "filter add dev port0 ingress protocol ip pref"
EXAMPLES = Path(__file__).parents[2] / "examples"


def script(path: Path, *filters: str) -> Path:
    path.write_text("".join(f"{ADD} {one}\n" for one in filters))
    return path


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (("1 flower classid 1:1 action drop",), ("1 flower action drop",), 0),
        (("1 flower action drop",), ("1 flower action drop", "2 flower classid 1:1 action pass"), 0),
        (("1 u32 match u32 0 0 flowid 1:1 action drop",), ("1 u32 match u32 0 0 action drop",), 0),
        (("1 flower classid 1:1 action pass",), ("1 flower action pass",), 1),
        (("1 flower hw_tc 1 action pass",), ("1 flower action pass",), 1),
        (("1 u32 match u32 0 0 flowid 1:1 action pass",), ("1 u32 match u32 0 0 action pass",), 1),
    ],
)
def test_only_class_ids_that_stay_are_compared(
    p4verify: Command, tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...], code: int
) -> None:
    one, other = script(tmp_path / "before.tc", *before), script(tmp_path / "after.tc", *after)
    for first, second in ((one, other), (other, one)):
        ended = p4verify("check", "--against", first, "--against", second, "--no-machines")
        assert ended.code == code, ended.out


def test_filters_with_class_ids_do_what_a_program_does(p4verify: Command, tmp_path: Path) -> None:
    made = tmp_path / "acl.tc"
    acl = (EXAMPLES / "acl.p4", "--rules", EXAMPLES / "acl.rules.cli")
    assert p4verify("lower", *acl, "--target", "u32", "-o", made).code == 0
    made.write_text(made.read_text().replace("action gact drop", "flowid 1:1 action gact drop"))
    ended = p4verify("check", *acl, "--against", f"u32:{made}", "--no-machines")
    assert ended.code == 0, ended.out
