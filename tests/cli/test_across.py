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
        ("router_v1model", "router_pna", "(port);", "((PortId_t)((bit<32>)port | 1));", "port output: port"),
        ("switch_v1model", "switch_psa", "(MulticastGroup_t)1)", "(MulticastGroup_t)2)", "multicast group"),
        ("switch_v1model", "switch_psa", "0x88B5", "0x88B6", "clone port output: bytes"),
        ("switch_v1model", "switch_psa", "hdr.ethernet.src, meta", "hdr.ethernet.dst, meta", "event"),
    ],
)
def test_a_mistake_is_found_and_run_on_both(  # type: ignore[no-untyped-def]
    across, first: str, second: str, old: str, new: str, differs: str
) -> None:
    code, result = across(first, second, old, new)
    assert code == 1, result["reason"]
    assert differs in result["reason"]
    assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


def test_what_architectures_do_unless_told_is_a_difference(across) -> None:  # type: ignore[no-untyped-def]
    """PSA drops, v1model's ``egress_spec`` is whatever it is."""
    code, result = across("router_psa", "router_v1model", "} else {\n            drop();", "} else {")
    assert code == 1
    assert "only where a value is undefined" in result["reason"]


@pytest.mark.parametrize(
    ("second", "old", "new", "reason"),
    [
        ("router_psa", "acl.apply();", "acl.apply(); ostd.resubmit = true;", "comes back (resubmit)"),
        ("router_psa", "send_to_port(ostd, port);", "send_to_port(ostd, PSA_PORT_RECIRCULATE);", "(recirculate)"),
        ("router_pna", "acl.apply();", "if (istd.direction == PNA_Direction_t.NET_TO_HOST) { acl.apply(); }",
         "direction of pna has no counterpart"),
        ("router_psa", 'ternary @name("src")', 'exact @name("src")', "table Route.acl"),
        ("router_psa", "routed", "others", "Route.others: the first program has no counter"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_named(across, second: str, old: str, new: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    code, result = across("router_v1model", second, old, new)
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
    code, result = across("router_v1model", "router_pna", "acl.apply();", direction, "[inputs.second]\ndirection = 1\n")
    assert code == 1, result["reason"]


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        ("[tables]\nnone = 'Route.acl'\n", "the first program has no none"),
        ("[ports]\ncount = 0\n", "'ports.count'"),
        ("[inputs.second]\ndirection = 'up'\n", "'inputs.second.direction'"),
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
    assert code == 3, result["reason"]
    assert "(recirculate)" in result["reason"]
