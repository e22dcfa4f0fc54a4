"""Two lists of filters that name different devices are compared as if these were one place, and the verdict says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command

FILTER = "filter add {} protocol ip pref 1 {} action drop\n"
SAID = "this is taken for one place"


@pytest.mark.parametrize("kind", ["flower", "u32 match u32 0 0"])
@pytest.mark.parametrize(
    ("first", "second", "noted"),
    [
        ("dev port0 ingress", "dev port0 ingress", False),
        ("dev port0 ingress", "dev port1 ingress", True),
        ("dev port0 ingress", "block 7", True),
    ],
)
def test_places_that_differ_are_noted(
    p4verify: Command, tmp_path: Path, kind: str, first: str, second: str, noted: bool
) -> None:
    given: list[object] = []
    for name, place in (("before.tc", first), ("after.tc", second)):
        (tmp_path / name).write_text(FILTER.format(place, kind))
        given += ["--against", tmp_path / name]
    ended = p4verify("check", *given, "--no-machines")
    assert ended.code == 0, ended.out
    assert (SAID in ended.out) is noted


def test_a_dump_that_names_no_device_may_be_of_any(p4verify: Command, tmp_path: Path) -> None:
    dump, made = tmp_path / "dump", tmp_path / "made.tc"
    dump.write_text("filter protocol ip pref 1 flower chain 0 handle 0x1 \n  eth_type ipv4\n  not_in_hw\n")
    made.write_text("filter add dev eth0 ingress protocol ip pref 1 flower\n")
    ended = p4verify("check", "--against", f"flower:{dump}", "--against", made, "--no-machines")
    assert ended.code == 0, ended.out
    assert SAID not in ended.out
