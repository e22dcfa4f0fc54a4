"""Filters on a device: put there, read back, taken back; seen by ``tc`` of a private user-mode Linux."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import pytest

from p4verify.semantics.source import InputError
from p4verify.targets.flower.artifact import FilterList, parse_script
from p4verify.targets.flower.install import FLOWER
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.command import Failed
from p4verify.targets.tc.install import install, remove
from p4verify.targets.tc.oracle.kernel import Kernel
from tests.support.machines import require

DEVICE = "port7"
SCRIPT = """
filter add dev port7 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 ip_ttl 1/0x7f action gact goto chain 4
filter add dev port7 ingress protocol ip pref 2 chain 4 flower ip_proto udp dst_port 53 action pedit ex munge eth dst set 02:00:00:00:00:09 munge ip ttl add 255 pipe action csum ip4h pipe action mirred egress redirect dev port2
filter add dev port7 ingress protocol 802.1q pref 3 flower vlan_id 5 vlan_ethtype ip src_ip 1.2.3.4 action vlan pop action vlan push id 7 protocol 802.1ad priority 3 action mirred egress mirror dev port2 action gact drop
filter add dev port7 ingress protocol mpls_uc pref 4 flower mpls_label 9 action mpls modify label 77 action mpls dec_ttl action mpls pop protocol ip action mirred egress redirect dev port2
filter add dev port7 ingress protocol all pref 5 flower dst_mac 02:00:00:00:00:01/ff:ff:00:00:00:00 action gact pass
filter add dev port7 ingress protocol all pref 9 flower action gact drop
"""  # noqa: E501


class Inside:
    """``tc`` within the private kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def ask(self, arguments: Sequence[str]) -> str:
        try:
            return self.kernel.run(f"tc {shlex.join(arguments)}\n")
        except OSError as error:
            raise Failed.of(str(error)) from None

    def batch(self, lines: Sequence[str]) -> None:
        (self.kernel.folder / "lines").write_text("".join(f"{line}\n" for line in lines))
        self.ask(["-batch", "/run/io/lines"])


@pytest.fixture(scope="module")
def tc() -> Iterator[Inside]:
    """A private kernel with two devices."""
    with UserModeFlower() as oracle:
        require(oracle)
    kernel = Kernel()
    kernel.run("ip link add port7 type veth peer name p7\nip link add port2 type veth peer name p2\n")
    yield Inside(kernel)
    kernel.close()


def state(tc: Inside) -> str:
    """The qdiscs of the device, and its filters."""
    kinds = tc.ask(["qdisc", "show", "dev", DEVICE])
    return kinds + tc.ask(["filter", "show", "dev", DEVICE, "ingress"])


def filters() -> FilterList:
    return parse_script(SCRIPT)


def test_filters_are_put_in_read_back_and_taken_back(tc: Inside) -> None:
    before = state(tc)
    install(FLOWER, filters().filters, DEVICE, tc)
    assert "chain 4" in state(tc)
    with pytest.raises(InputError, match="filters of p4verify at its ingress already"):
        install(FLOWER, filters().filters, DEVICE, tc)
    remove(DEVICE, tc)
    assert state(tc) == before
    with pytest.raises(InputError, match="no filters of p4verify"):
        remove(DEVICE, tc)


def test_a_filter_that_is_refused_leaves_nothing_behind(tc: Inside) -> None:
    before = state(tc)
    wrong = parse_script(SCRIPT.replace("dev port2 action gact drop", "dev port3 action gact drop"))
    with pytest.raises(InputError, match="refuses this filter") as caught:
        install(FLOWER, wrong.filters, DEVICE, tc)
    assert caught.value.diagnostics[0].span.line == 4
    assert state(tc) == before


def test_a_hook_that_was_there_stays(tc: Inside) -> None:
    tc.ask(["qdisc", "add", "dev", DEVICE, "clsact"])
    before = state(tc)
    install(FLOWER, filters().filters, DEVICE, tc)
    remove(DEVICE, tc)
    assert state(tc) == before
    tc.ask(["qdisc", "del", "dev", DEVICE, "clsact"])


def test_filters_of_others_are_left_alone(tc: Inside) -> None:
    tc.ask(["qdisc", "add", "dev", DEVICE, "clsact"])
    tc.ask(shlex.split(f"filter add dev {DEVICE} ingress pref 3 matchall action pass"))
    with pytest.raises(InputError, match="filters of others"):
        install(FLOWER, filters().filters, DEVICE, tc)
    tc.ask(["filter", "del", "dev", DEVICE, "ingress"])
    install(FLOWER, filters().filters, DEVICE, tc)
    tc.ask(shlex.split(f"filter add dev {DEVICE} ingress pref 77 matchall action pass"))
    with pytest.raises(InputError, match="others beside"):
        remove(DEVICE, tc)
    tc.ask(shlex.split(f"filter del dev {DEVICE} ingress pref 77"))
    remove(DEVICE, tc)
    assert "filter" not in state(tc)
    tc.ask(["qdisc", "del", "dev", DEVICE, "clsact"])


class Forgetful(Inside):
    """A ``tc`` that loses a filter."""

    def batch(self, lines: Sequence[str]) -> None:
        super().batch([line for line in lines if "pref 4 " not in line])


def test_what_is_read_back_is_compared(tc: Inside) -> None:
    before = state(tc)
    with pytest.raises(InputError, match=r"does not have what it was given: .* pref 4 "):
        install(FLOWER, filters().filters, DEVICE, Forgetful(tc.kernel))
    assert state(tc) == before


def test_a_device_that_is_not_there(tc: Inside) -> None:
    with pytest.raises(InputError, match="Cannot find device"):
        install(FLOWER, filters().filters, "port99", tc)
