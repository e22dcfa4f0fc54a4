"""`p4verify check A.p4 --against B.p4` where A and B are of two architectures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

HERE = Path(__file__).resolve().parents[2] / "examples" / "architectures"


@pytest.fixture
def across(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two of the example programs, the second one changed; gives the exit code and the only result."""

    def run(first: str, second: str, old: str = "", new: str = "", mapping: str = ""):  # type: ignore[no-untyped-def]
        text = (HERE / f"{second}.p4").read_text()
        assert old in text
        other, said = tmp_path / f"{second}.p4", tmp_path / "map.toml"
        other.write_text(text.replace(old, new))
        (tmp_path / "headers.p4").write_text((HERE / "headers.p4").read_text())
        said.write_text(mapping)
        ended = p4verify("check", HERE / f"{first}.p4", "--against", other, "--map", said, "--format", "json")
        if ended.code == 2:
            return ended.code, ended
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("router_v1model", "router_psa"),
        ("router_psa", "router_pna"),
        ("router_pna", "router_v1model"),
        ("switch_v1model", "switch_psa"),
        ("switch_psa", "switch_v1model"),
        ("again_v1model", "again_psa"),
        ("again_psa", "again_v1model"),
        ("once_v1model", "once_pna"),
        ("once_pna", "once_v1model"),
        ("checked_v1model", "checked_psa"),
        ("checked_psa", "checked_pna"),
        ("checked_pna", "checked_v1model"),
    ],
)
def test_one_program_for_two_architectures_is_accepted(across, first: str, second: str) -> None:  # type: ignore[no-untyped-def]
    code, result = across(first, second)
    assert code == 0, result["reason"]
    assert result["quantified_over"] == "packets and rules"
    assert any("ports below 511" in text for text in result["assumptions"])


@pytest.mark.parametrize(
    ("first", "second", "old", "new", "differs"),
    [
        ("router_v1model", "router_psa", "ttl - 1", "ttl - 2", "bytes"),
        ("router_v1model", "router_psa", "ingress_drop(ostd);", "", "sent or not"),
        ("router_v1model", "router_psa", "bit<10>>(1024", "bit<10>>(512", "state Route.routed"),
        ("router_v1model", "router_pna", "(port);", "((PortId_t)((bit<32>)port ^ 3));", "port output: "),
        ("switch_v1model", "switch_psa", "(MulticastGroup_t)1)", "(MulticastGroup_t)2)", "multicast group"),
        ("switch_v1model", "switch_psa", "0x88B5", "0x88B6", "clone port output: bytes"),
        ("switch_v1model", "switch_psa", "hdr.ethernet.src, meta", "hdr.ethernet.dst, meta", "event"),
        ("switch_v1model", "switch_psa", "= (ClassOfService_t)1;", "= (ClassOfService_t)2;", "event"),
        ("checked_v1model", "checked_psa", " && istd.parser_error == error.NoError", "", "sent or not"),
        ("checked_v1model", "checked_pna", "ipv4.checksum = checksum.get();", "", "bytes"),
        ("again_v1model", "again_psa", "meta.class[3:0]", "meta.class[4:1]", "state Switch.seen"),
    ],
)
def test_a_mistake_is_found_and_run_on_both(  # type: ignore[no-untyped-def]
    across, first: str, second: str, old: str, new: str, differs: str
) -> None:
    code, result = across(first, second, old, new)
    assert code == 1, result["reason"]
    assert differs in result["reason"]
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


_EGRESS_CLONES = {
    "switch_v1model": (
        "standard.instance_type != 2", "clone(CloneType.E2E, 8);", "(bit<32>)standard.egress_port",
        "register<bit<32>>(1) last;",
    ),
    "switch_psa": (
        "istd.packet_path != PSA_PacketPath_t.CLONE_E2E",
        "ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t)8;", "(bit<32>)(PortIdUint_t)istd.egress_port",
        "Register<bit<32>, bit<32>>(1) last;",
    ),
}  # fmt: skip
"""What asks whether a packet is an egress clone, what makes one, the port, and a register."""


def _with_egress_clones(name: str, more: str = "") -> str:
    """One of the two switches, where its egress clones some packets, and does something more in front of counting."""
    unless, clone, port, register = _EGRESS_CLONES[name]
    text = (HERE / f"{name}.p4").read_text()
    counting = text.index("        sent.count(")
    asked = f"        if ({unless} && hdr.ethernet.src == 5) {{ {clone} }}\n        {more.format(port=port)}\n"
    declared = text.index("    apply", text.index("control Out"))
    return text[:declared] + register + text[declared:counting] + asked + text[counting:]


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "port", "differs"),
    [
        ("", "", None),
        ("last.write(0, {port});", "", "order of copies: state Out.last"),
        ("", "sent.count((bit<32>)1);", "state Out.sent"),
    ],
)
def test_the_order_of_copies_counts_where_a_state_shows_it(
    p4verify: Command, tmp_path: Path, more: str, port: str, differs: str | None
) -> None:
    """Nothing says which of an ingress clone, an egress clone and a multicast copy comes first: counters do not show
    it, a register that each of them writes does. What a cell held before a copy is what those before it have left."""
    (tmp_path / "headers.p4").write_text((HERE / "headers.p4").read_text())
    first, second = (tmp_path / f"{name}.p4" for name in _EGRESS_CLONES)
    text = _with_egress_clones(first.stem, more)
    first.write_text(text.replace("sent.count((bit<32>)standard.egress_port);", port) if port else text)
    second.write_text(_with_egress_clones(second.stem, more))
    ended = p4verify("check", first, "--against", second, "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == int(differs is not None), result["reason"]
    assert (differs or "") in result["reason"]


def test_what_architectures_do_unless_told_is_a_difference(across) -> None:  # type: ignore[no-untyped-def]
    """PSA drops, v1model's ``egress_spec`` is whatever it is."""
    code, result = across("router_psa", "router_v1model", "} else {\n            drop();", "} else {")
    assert code == 1
    assert "only where a value is undefined" in result["reason"]


@pytest.mark.parametrize(
    ("second", "old", "new", "reason"),
    [
        ("router_pna", "acl.apply();", "if (istd.direction == PNA_Direction_t.NET_TO_HOST) { acl.apply(); }",
         "direction of pna has no counterpart"),
        ("again_psa", "meta.class = resubmitted.class", "meta.class = 0", "the other program has nothing of that name"),
        ("router_psa", 'ternary @name("src")', 'exact @name("src")', "table Route.acl"),
        ("router_psa", "routed", "others", "Route.others: the first program has no counter"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_named(across, second: str, old: str, new: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    code, result = across("again_v1model" if second == "again_psa" else "router_v1model", second, old, new)
    assert code == 3, result["reason"]
    assert reason in result["reason"]
    assert result["where"]["line"] > 0


def test_a_mapping_says_what_names_do_not(across) -> None:  # type: ignore[no-untyped-def]
    code, result = across("router_v1model", "router_psa", "routed", "others",
                          '[state]\n"Route.routed" = "Route.others"\n')  # fmt: skip
    assert code == 0, result["reason"]
    code, result = across("router_v1model", "router_psa", "routed", "others",
                          '[unobserved]\nstate = ["Route.routed", "Route.others"]\n')  # fmt: skip
    assert code == 0, result["reason"]
    assert "Route.routed is not compared" in result["warnings"]
    direction = "if (istd.direction == PNA_Direction_t.NET_TO_HOST) { acl.apply(); }"
    code, result = across("router_v1model", "router_pna", "acl.apply();", direction, "[inputs.second]\ndirection = 0\n")
    assert code == 0, result["reason"]
    assert "direction of the second program is 0, as --map says" in result["assumptions"]
    code, result = across("router_v1model", "router_pna", "acl.apply();", direction, "[inputs.second]\ndirection = 1\n")
    assert code == 1, result["reason"]


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        ("[tables]\nnone = 'Route.acl'\n", "the first program has no none"),
        ("[ports]\ncount = 0\n", "'ports.count'"),
        ("[inputs.second]\ndirection = 'up'\n", "'inputs.second.direction'"),
        ("[inputs.second]\nnothing = 1\n", "psa has no input nothing"),
        ("[ports]\narguments = ['route.way']\n", "no action of the first program has an argument route.way"),
        ("[port]\n", "unknown key 'port'"),
        ("x", "is not TOML"),
    ],
)
def test_a_mapping_that_means_nothing_is_one_error(across, mapping: str, error: str) -> None:  # type: ignore[no-untyped-def]
    code, ended = across("router_v1model", "router_psa", mapping=mapping)
    assert code == 2
    ended.one_error("map.toml", error)


@pytest.mark.parametrize(("port", "code"), [(3, 0), (600, 3)])
def test_rules_of_one_program_become_those_of_the_other(
    p4verify: Command, tmp_path: Path, port: int, code: int
) -> None:
    rules = tmp_path / "rules.cli"
    rules.write_text(f"table_add Route.routes Route.route 10.0.0.0/8 => {port} 0x020000000001 7\n"
                     "table_add Route.acl Route.drop 600 0&&&0 6&&&0xff => 1\n")  # fmt: skip
    ended = p4verify("check", HERE / "router_psa.p4", "--against", HERE / "router_v1model.p4", "--rules", rules)
    assert ended.code == code, ended.out
    assert ("has no room" in ended.out) == (code == 3)


def test_an_undefined_value_may_send_a_packet_back(across) -> None:  # type: ignore[no-untyped-def]
    """Whether something is undefined does not make it a port."""
    new = "bit<32> x; acl.apply(); if (x == 0xFFFFFFF0) { send_to_port(ostd, PSA_PORT_RECIRCULATE); }"
    code, result = across("router_v1model", "router_psa", "acl.apply();", new)
    assert code == 1, result["reason"]
    assert "recirculate output: sent or not" in result["reason"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "second", "old", "new", "differs"),
    [
        ("again_v1model", "again_psa", "resubmit.class = meta.class;", "", "undefined"),
        ("again_v1model", "again_psa", "recirculate.rounds = meta.rounds", "recirculate.rounds = 0", "meta.rounds"),
        ("again_v1model", "again_psa", "ostd.resubmit = true;", "ostd.egress_port = PSA_PORT_RECIRCULATE;", "resubmit"),
        ("router_v1model", "router_psa", "acl.apply();", "acl.apply(); ostd.resubmit = true;", "sent or not"),
        ("once_v1model", "once_pna", "src + 1", "src + 2", "recirculate"),
        ("once_pna", "once_v1model", "&& standard.instance_type == 0", "&& hdr.ethernet.src > 5", "port output"),
        ("again_psa", "again_v1model", "serving_field_list(2)", "serving_field_list(1)", "undefined"),
    ],
)  # fmt: skip
def test_what_goes_back_wrongly_is_found(across, first: str, second: str, old: str, new: str, differs: str) -> None:  # type: ignore[no-untyped-def]
    code, result = across(first, second, old, new)
    assert code == 1, result["reason"]
    assert differs in result["reason"]


OTHER_NAME = {
    "struct resubmit_t {": "struct told_t {\n    bit<8> kind;\n}\n\nstruct resubmit_t {",
    "in resubmit_t resubmitted": "in told_t resubmitted",
    "resubmitted.class": "resubmitted.kind",
    "out resubmit_t resubmit": "out told_t resubmit",
    "resubmit.class = meta.class": "resubmit.kind = meta.class",
}


def test_what_goes_along_may_have_another_name(p4verify: Command, tmp_path: Path) -> None:
    text = (HERE / "again_psa.p4").read_text()
    for old, new in OTHER_NAME.items():
        assert old in text
        text = text.replace(old, new)
    other, said = tmp_path / "other.p4", tmp_path / "map.toml"
    other.write_text(text)
    (tmp_path / "headers.p4").write_text((HERE / "headers.p4").read_text())
    command = ("check", HERE / "again_v1model.p4", "--against", other)
    ended = p4verify(*command)
    assert ended.code == 3
    assert "meta.class comes with a packet to resubmit of v1model" in ended.out
    said.write_text('[carried]\n"meta.class" = "resubmit_meta.kind"\n')
    assert p4verify(*command, "--map", said).code == 0
    said.write_text('[carried]\n"meta.class" = "resubmit_meta.sort"\n')
    p4verify(*command, "--map", said).one_error("map.toml", "[carried]", "a resubmit_meta.sort (")
    said.write_text('[carried]\n"meta.class" = "resubmit_meta.kind"\n"meta.rounds" = "resubmit_meta.kind"\n')
    p4verify(*command, "--map", said).one_error("map.toml", "two partners")


def test_only_what_is_sent_back_comes_in_again(p4verify: Command, tmp_path: Path) -> None:
    """A field that is only ever sent back as a literal: a test for others never holds."""
    changes = {"meta.class = class;": "meta.class = 1;", "resubmitted.class;": "resubmitted.class == 2 ? 8w9 : 8w1;"}
    for name in ("again_v1model.p4", "again_psa.p4", "headers.p4"):
        text = (HERE / name).read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
    ended = p4verify("check", tmp_path / "again_v1model.p4", "--against", tmp_path / "again_psa.p4")
    assert ended.code == 0, ended.out
    assert "meta.class comes with a packet to resubmit as 1" in ended.out


@pytest.mark.long
@pytest.mark.parametrize(
    ("both", "test", "code"),
    [
        # What comes along is odd.
        ({"meta.class = class;": "meta.class = class | 1;"}, "meta.class[0:0] == 0", 4),
        ({"meta.class = class;": "meta.class = class | 1;"}, "meta.class[1:0] == 3", 1),
        # The pass before has left something in the register.
        ({"meta.class = class;": "meta.class = class; seen.write(3, 5);"}, "left != 5", 4),
        ({"meta.class = class;": "meta.class = class; seen.write(3, 5);"}, "left == 5", 1),
    ],
)  # fmt: skip
def test_a_difference_in_a_later_pass_counts_if_packets_get_there(
    p4verify: Command, tmp_path: Path, both: dict[str, str], test: str, code: int
) -> None:
    for name in ("again_v1model.p4", "again_psa.p4", "headers.p4"):
        text = (HERE / name).read_text()
        for old, new in both.items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
    other = tmp_path / "again_psa.p4"
    text = other.read_text()
    assert text.count("receivers.apply();") == 1
    read = "bit<32> left = seen.read(3);"
    mistake = f"{read} if ({test}) {{ ingress_drop(ostd); }} else {{ receivers.apply(); }}"
    other.write_text(text.replace("receivers.apply();", mistake))
    ended = p4verify("check", tmp_path / "again_v1model.p4", "--against", other, "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == code, result["reason"]
    if code == 4:
        assert "no packet from a port was found that gets there" in result["reason"]
    else:
        assert result["counterexample"]["inputs"]["in.pass_kind"] == 1


@pytest.mark.long
def test_a_difference_that_hangs_on_what_an_earlier_pass_leaves_open_is_none(p4verify: Command, tmp_path: Path) -> None:
    """The first program may send back any class, and sends what comes in again to port 1 or 2 by it; the second one
    always does one of these. Looked at alone, a packet that comes in again with class 9 is treated otherwise."""
    changes = {
        "again_v1model.p4": "if (meta.class == 9) { standard.egress_spec = 1; } else { standard.egress_spec = 2; }",
        "again_psa.p4": "send_to_port(ostd, (PortId_t)(PortIdUint_t)2);",
    }
    (tmp_path / "headers.p4").write_text((HERE / "headers.p4").read_text())
    for name, sent in changes.items():
        text = (HERE / name).read_text()
        for old, new in {"meta.class = class;": "bit<8> any; meta.class = any;", "receivers.apply();": sent}.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
    ended = p4verify("check", tmp_path / "again_v1model.p4", "--against", tmp_path / "again_psa.p4", "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == 4, result["reason"]
    assert "no packet from a port was found that gets there" in result["reason"]
