"""What `p4verify check` says of a difference: where the runs part, who is to blame, files that show it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p4verify import pcap
from tests.cli.conftest import Command

SWITCH = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> kind; bit<8> value; bit<32> rest; }
struct headers { h_t h; }
struct meta_t { bit<8> seen; }
parser P(packet_in p, out headers hdr, inout meta_t m, inout standard_metadata_t s) {
    state start { p.extract(hdr.h); transition accept; }
}
control V(inout headers hdr, inout meta_t m) { apply {} }
control I(inout headers hdr, inout meta_t m, inout standard_metadata_t s) {
    register<bit<8>>(4) last;
    action to(bit<9> port) { s.egress_spec = port; }
    action mark(bit<8> value) {
        hdr.h.value = value;
    }
    table steer { key = { hdr.h.kind : exact; } actions = { to; mark; NoAction; } default_action = NoAction(); }
    table other { key = { hdr.h.rest : ternary; } actions = { mark; NoAction; } default_action = NoAction(); }
    apply { s.egress_spec = 3; BODY }
}
control E(inout headers hdr, inout meta_t m, inout standard_metadata_t s) { apply {} }
control C(inout headers hdr, inout meta_t m) { apply {} }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""

Example = Callable[[str], Path]


class Compared:
    """Two bodies of the ingress control, compared."""

    def __init__(self, p4verify: Command, folder: Path, first: str, second: str, *more: object) -> None:
        self.paths = [folder / "a.p4", folder / "b.p4"]
        for path, body in zip(self.paths, (first, second), strict=True):
            path.write_text(SWITCH.replace("BODY", body) if "control" not in body else body)
        self.folder = folder / "found"
        ended = p4verify("check", self.paths[0], "--against", self.paths[1], "--format", "json",
                         "--write-counterexample", self.folder, *more)  # fmt: skip
        (self.result,) = ended.json()["results"]
        assert ended.code == 1, self.result["reason"]
        self.found: dict[str, Any] = self.result["counterexample"]
        self.p4verify = p4verify

    def stf(self) -> tuple[int, int]:
        """How the test ends on both programs."""
        test = self.folder / "counterexample-1.stf"
        return self.p4verify("stf", self.paths[0], test).code, self.p4verify("stf", self.paths[1], test).code


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    return lambda first, second, *more: Compared(p4verify, tmp_path, first, second, *more)


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_the_step_in_which_the_runs_part_is_marked_and_blamed(compare) -> None:  # type: ignore[no-untyped-def]
    wrong = SWITCH.replace("hdr.h.value = value;", "hdr.h.value = value | 1;").replace("BODY", "steer.apply();")
    seen = compare("steer.apply();", wrong)
    why = seen.found["explanation"]
    assert [x.partition(":")[0] for x in why["differs"]] == ["hdr.h.value"]
    (parting,) = [row for row in why["steps"] if row["parts"]]
    assert [parting[side]["target"] for side in ("first", "second")] == ["hdr.h.value"] * 2
    line = line_of(seen.paths[0], "hdr.h.value = value")
    for blame, path in zip(why["blame"], seen.paths, strict=True):
        assert (blame["file"], blame["line"]) == (str(path), line)
        assert (blame["stage"], blame["table"], blame["action"]) == ("control I", "I.steer", "I.mark")


def test_a_step_that_only_one_program_has_parts_them(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("m.seen = 1; hdr.h.value = 7;", "m.seen = 1;")
    (parting,) = [row for row in seen.found["explanation"]["steps"] if row["parts"]]
    assert parting["first"]["target"] == "hdr.h.value"
    assert parting["second"] is None


def test_the_cause_is_blamed_and_not_what_follows_from_it(compare) -> None:  # type: ignore[no-untyped-def]
    then = "if (m.seen == 5) { s.egress_spec = 4; }"
    seen = compare(f"m.seen = hdr.h.kind; {then}", f"m.seen = hdr.h.kind + 1; {then}")
    (parting,) = [row for row in seen.found["explanation"]["steps"] if row["parts"]]
    assert parting["first"]["target"] == parting["second"]["target"] == "m.seen"


def test_rules_are_few_and_packet_and_values_small(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("steer.apply(); other.apply();",
                   SWITCH.replace("BODY", "other.apply(); steer.apply();"))  # fmt: skip
    assert len(seen.found["rules"]) == 2
    assert len(seen.found["packet"]) == 12  # a whole header and not a byte more
    assert seen.found["packet"].count("0") >= 10
    assert seen.found["inputs"] == {}
    assert seen.stf() == (0, 1)


def test_of_the_rules_given_those_that_the_packet_meets_are_shown(compare, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rules = tmp_path / "rules.cli"
    rules.write_text(
        "".join(f"table_add steer to {n} => {n + 4}\n" for n in range(5)) + "table_add steer mark 9 => 7\n"
    )
    wrong = SWITCH.replace("hdr.h.value = value;", "hdr.h.value = value ^ 1;").replace("BODY", "steer.apply();")
    seen = compare("steer.apply();", wrong, "--rules", rules)
    assert seen.found["rules"] == ["table_add I.steer I.mark 0x9 => 0x7"]
    assert seen.stf() == (0, 1)


def test_the_test_passes_on_the_program_and_not_on_the_other(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("if (hdr.h.kind == 5) mark_to_drop(s);", "if (hdr.h.kind == 6) mark_to_drop(s);")
    assert seen.stf() == (0, 1)
    assert seen.found["stf"] == (seen.folder / "counterexample-1.stf").read_text()
    assert pcap.read((seen.folder / "counterexample-1.pcap").read_bytes(), "p") == [bytes.fromhex(seen.found["packet"])]
    sent = [pcap.read((seen.folder / f"counterexample-1.{n}.pcap").read_bytes(), "p") for n in ("expected", "actual")]
    assert sorted(map(len, sent)) == [0, 1]


def test_what_a_register_holds_is_part_of_the_test(compare) -> None:  # type: ignore[no-untyped-def]
    read = "last.read(m.seen, 2); if (m.seen == 9) { s.egress_spec = %d; }"
    seen = compare(read % 4, read % 5)
    assert "register_write I.last 2 0x9" in seen.found["stf"]
    assert seen.stf() == (0, 1)
    assert "interpreter of both programs" in seen.found["confirmed_by"]


def test_a_copy_goes_to_the_group_that_the_test_makes(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("s.mcast_grp = 5;", "s.mcast_grp = 5; hdr.h.value = 1;")
    assert "mc_mgrp_create 5" in seen.found["stf"]
    assert seen.stf() == (0, 1)


def test_one_copy_is_what_an_undefined_port_may_be_but_two_are_not(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("bit<9> port; s.egress_spec = port;", "s.mcast_grp = 5;")
    assert [len(seen.found[side]["outputs"]) for side in ("expected", "actual")] == [1, 2]


def test_a_state_that_no_test_can_see_leaves_a_reason(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("last.write(1, 7);", "last.write(1, 8);")
    assert seen.found["stf"] is None
    assert "cannot set or see" in seen.found["no_stf"]
    assert not (seen.folder / "counterexample-1.stf").exists()


def test_a_difference_by_undefined_values_only_says_which_and_why(compare) -> None:  # type: ignore[no-untyped-def]
    seen = compare("hdr.h.value = 0;", "hdr.h.value = m.seen;")
    assert "only where a value is undefined" in seen.result["reason"]
    (told,) = seen.found["explanation"]["undefined"]
    assert told.startswith(str(seen.paths[1]))
    assert "no value since it is declared" in told


def test_both_runs_are_printed_side_by_side(p4verify: Command, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.p4", "b.p4")]
    for path, value in zip(paths, (1, 2), strict=True):
        path.write_text(SWITCH.replace("BODY", f"hdr.h.value = {value};"))
    out = p4verify("check", paths[0], "--against", paths[1]).out
    (parting,) = [line for line in out.splitlines() if "=>" in line]
    first, second = parting.split("|")
    assert "hdr.h.value = 1" in first
    assert "hdr.h.value = 2" in second
    assert f"blame:    {paths[0]}:{line_of(paths[0], 'hdr.h.value = 1;')}: hdr.h.value = 1  (in control I)" in out


def test_an_offload_is_explained(p4verify: Command, example: Example, tmp_path: Path) -> None:
    rules = ("--rules", example("acl.rules.cli"))
    ended = p4verify("check", example("acl.p4"), "--against", example("acl.wrong.tc"), *rules, "--format", "json",
                     "--write-counterexample", tmp_path / "w")  # fmt: skip
    found = ended.json()["results"][0]["counterexample"]
    (blame,) = found["explanation"]["blame"]
    assert (blame["table"], blame["action"]) == ("Filter.acl", "Filter.deny")
    assert found["decoded"][0] == "hdr.ethernet: type 0x800, all other fields 0"
    assert p4verify("stf", example("acl.p4"), tmp_path / "w" / "counterexample-1.stf").code == 0


def test_a_folder_that_cannot_be_made_is_an_error(p4verify: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.p4"
    path.write_text(SWITCH.replace("BODY", ""))
    ended = p4verify("check", path, "--against", path, "--write-counterexample", path)
    ended.one_error("a.p4")


def test_undefined_values_are_alike_on_both_sides_where_that_shows_the_cause(compare) -> None:  # type: ignore[no-untyped-def]
    """The table's key is undefined, so what matters is what the entry does, and not whether one side meets it."""
    table = "table odd { key = { m.seen : exact; } actions = { mark; NoAction; } default_action = NoAction(); }"
    text = SWITCH.replace("table other", f"{table}\n    table other").replace("BODY", "odd.apply();")
    wrong = text.replace("hdr.h.value = value;", "hdr.h.value = value ^ 1;")
    seen = compare(text, wrong)
    (parting,) = [row for row in seen.found["explanation"]["steps"] if row["parts"]]
    assert parting["first"]["target"] == parting["second"]["target"] == "hdr.h.value"
    assert seen.stf() == (0, 1)


def test_the_filter_that_decides_is_named(p4verify: Command, example: Example) -> None:
    wrong = example("acl.wrong.tc")
    ended = p4verify("check", example("acl.p4"), "--against", wrong, "--rules", example("acl.rules.cli"),
                     "--format", "json")  # fmt: skip
    (told,) = ended.json()["results"][0]["counterexample"]["explanation"]["machine"]
    line = int(told.split(f"{wrong}:")[1].partition(":")[0])
    assert told.startswith("decided by ")
    assert wrong.read_text().splitlines()[line - 1].split()[-1] == "pass"


def test_the_map_that_was_asked_for_another_key_is_named(p4verify: Command, example: Example, tmp_path: Path) -> None:
    """An object of a program that looks up another field, against the program."""
    other, made = tmp_path / "other.p4", tmp_path / "other.o"
    text = example("acl.p4").read_text().replace('hdr.ipv4.src: exact @name("src")', 'hdr.ipv4.dst: exact @name("src")')
    other.write_text(text)
    assert p4verify("lower", other, "--target", "ebpf", "-o", made).code == 0
    ended = p4verify("check", example("acl.p4"), "--against", made, "--format", "json")
    found = ended.json()["results"][0]["counterexample"]
    assert len(found["rules"]) <= 2
    assert any(line.startswith("map Filter_acl has ") for line in found["explanation"]["machine"])


def test_a_parser_that_rejects_is_a_step(p4verify: Command, example: Example) -> None:
    out = p4verify("run", example("acl.p4"), "--packet", "00" * 20).out
    assert "rejected" in out
    out = p4verify("run", example("acl.p4"), "--packet", "00" * 12 + "0800" + "00" * 3).out
    assert "rejected: PacketTooShort" in out


def test_of_two_artifacts_both_tell_what_decides(p4verify: Command, example: Example, acl_filters: Path) -> None:
    ended = p4verify("check", "--against", acl_filters, "--against", example("acl.wrong.tc"), "--format", "json")
    told = ended.json()["results"][0]["counterexample"]["explanation"]["machine"]
    assert [line.partition(":")[0] for line in told] == ["the first", "the second"]
