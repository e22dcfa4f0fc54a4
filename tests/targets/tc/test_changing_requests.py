"""rtnetlink requests that change filters, or take them away: what is left; the kernel says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower import artifact as flower
from p4verify.targets.tc.artifact.attributes import HEADER
from p4verify.targets.tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from p4verify.targets.tc.artifact.netlink import TCMSG, Links
from p4verify.targets.tc.oracle.kernel import EGRESS, Kernel
from p4verify.targets.u32 import artifact as u32
from tests.support.changing_requests import judge, judge_requests, kernel_links, request
from tests.support.changing_scripts import FLOWER, PORTS, U32, Changes, Kind

HERE = Kind("flower", FLOWER.script, lambda text: flower.parse_script(text, "s"), *([FLOWER.plain] * 3))
THERE = Kind("u32", U32.script, lambda text: u32.parse_script(text, "s"), *([U32.plain] * 3))
DECODE = {"flower": flower.decode, "u32": u32.decode}
P2 = "dev port0 ingress pref 2 protocol ip"
PORT0 = Hook()
HOST, NET = "dst_ip 10.0.0.1 action drop", "dst_ip 10.0.0.0/24 action drop"


def made(*commands: str, kind: Kind = HERE, hook: Hook = PORT0, ports: PortNames = DEFAULT_PORTS) -> bytes:
    """The requests of commands."""
    found = [request(kind, f"filter {command}", hook, Links(ports)) for command in commands]
    return b"".join(one for one in found if one is not None)


def unnamed(message: bytes) -> bytes:
    """Without the priority's protocol."""
    _, index, handle, parent, info = TCMSG.unpack_from(message, HEADER.size)
    head = TCMSG.pack(0, index, handle, parent, info & ~0xFFFF)
    return message[: HEADER.size] + head + message[HEADER.size + TCMSG.size :]


def flagged(message: bytes, flags: int) -> bytes:
    """With other flags."""
    length, kind, _, number, port = HEADER.unpack_from(message)
    return HEADER.pack(length, kind, flags, number, port) + message[HEADER.size :]


def test_requests_are_read_as_the_commands_that_they_are() -> None:
    commands = (f"add {P2} flower {HOST}", f"add {P2} handle 9 flower {NET}", f"change {P2} handle 1 flower {HOST}",
                f"replace {P2} handle 7 flower dst_ip 10.0.0.9 action drop", f"del {P2} handle 9 flower")  # fmt: skip
    for count in range(1, 6):
        script = "".join(f"filter {command}\n" for command in commands[:count])
        assert flower.decode(made(*commands[:count])) == flower.parse_script(script)
    assert [one.handle for one in flower.decode(made(*commands)).filters] == [1, 7]


def test_requests_may_empty_the_hook_first() -> None:
    data = made("del dev port0 ingress", f"add {P2} flower {HOST}")
    assert flower.recognises(data)
    assert not u32.recognises(data)
    assert len(flower.read(data, "r").filters) == 1
    with pytest.raises(InputError, match="leave no flower filter"):
        flower.decode(made(f"add {P2} flower {HOST}", "del dev port0 ingress"))
    node = made(f"add {P2} u32 match ip dst 10.0.0.1 action drop", kind=THERE)
    with pytest.raises(InputError, match="leave no u32 filter"):
        u32.decode(node + made("del dev port0 ingress pref 2"))


def test_the_type_says_the_protocol_of_a_filter_that_is_changed_without_it() -> None:
    added, changed = made(f"add {P2} flower {HOST}"), made(f"change {P2} handle 1 flower dst_ip 10.0.0.2 action drop")
    (one,) = flower.decode(added + unnamed(changed)).filters
    assert (one.protocol, one.exact("dst_ip")) == (0x800, 0x0A000002)
    other = made("change dev port0 ingress pref 2 protocol arp handle 1 flower action drop")
    with pytest.raises(Unsupported, match="type is not the protocol"):
        flower.decode(added + unnamed(other))


def test_a_u32_filter_is_changed_without_a_selector_and_not_added() -> None:
    added = made(f"add {P2} u32 match ip dst 10.0.0.1 action drop", kind=THERE)
    changed = made("change dev port0 ingress pref 2 handle 800::800 u32 action continue", kind=THERE)
    (one,) = u32.decode(added + changed).filters
    assert (one.selector, one.pref) == (u32.decode(added).filters[0].selector, 2)
    assert one.actions != u32.decode(added).filters[0].actions
    new = made(f"replace {P2} handle 800::801 u32 action drop", kind=THERE)
    with pytest.raises(InputError, match="needs a selector"):
        u32.decode(added + new)
    with pytest.raises(InputError, match="neither a selector"):
        u32.decode(added + flagged(new, 0x601))


@pytest.mark.parametrize("flags", [0x201, 0x301])
def test_what_is_to_be_new_and_not_made_is_refused(flags: int) -> None:
    with pytest.raises(InputError, match="NLM_F_EXCL without NLM_F_CREATE"):
        flower.decode(flagged(made(f"add {P2} flower {HOST}"), flags))


def test_a_handle_alone_is_refused() -> None:
    said = made(f"add {P2} u32 match ip dst 10.0.0.1 action drop", kind=THERE)
    bare = made(f"del {P2} handle 800::5 u32", kind=THERE)
    length, _, *rest = HEADER.unpack_from(bare)
    with pytest.raises(InputError, match="of which nothing is said"):
        u32.decode(said + flagged(HEADER.pack(length, 44, *rest) + bare[HEADER.size :], 0x601))


# --- the kernel ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    found = Kernel()
    found.need(PORTS)
    yield found
    found.close()


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("scripts", [8, pytest.param(200, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("kind", [FLOWER, U32], ids=lambda kind: kind.name)
def test_the_kernel_has_the_same_filters_after_random_requests(kind: Kind, scripts: int, kernel: Kernel) -> None:
    found = judge_requests(kernel, kind, DECODE[kind.name], 5, scripts)
    assert found.wrong == []
    assert found.counts["same"] >= scripts // 4


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_says_the_same_of_odd_requests(kernel: Kernel) -> None:
    links, here = kernel_links(kernel), f"{EGRESS} pref 2 protocol ip"

    def of(kind: Kind, *commands: str) -> list[bytes]:
        return [made(one, kind=kind, hook=EGRESS, ports=links.ports) for one in commands]

    def judged(kind: Kind, decode: Callable[..., Any], asked: list[bytes]) -> Changes:
        found = Changes()
        judge(kernel, kind, lambda data: decode(data, "r", links), asked, found, "")
        assert found.wrong == []
        return found

    (added,) = of(FLOWER, f"add {here} flower {HOST}")
    (changed,) = of(FLOWER, f"change {here} handle 1 flower dst_ip 10.0.0.2 action drop")
    assert judged(FLOWER, flower.decode, [added, unnamed(changed)]).counts["same"] == 1
    for flags in (0x201, 0x301):
        assert judged(FLOWER, flower.decode, [added, flagged(changed, flags)]).counts["refused"] == 1
    assert judged(FLOWER, flower.decode, [added, flagged(changed, 0x101)]).counts["same"] == 1
    node, bare = of(U32, f"add {here} u32 match ip dst 10.0.0.1 action drop", f"del {here} handle 800::5 u32")
    length, _, _, *rest = HEADER.unpack_from(bare)
    for flags in (0x1, 0x401, 0x601):
        alone = HEADER.pack(length, 44, flags, *rest) + bare[HEADER.size :]
        assert judged(U32, u32.decode, [node, alone]).counts["refused"] == 1
