"""Filters on a device: put there, read back, taken back; seen by ``tc`` of a private user-mode Linux."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

import pytest

from p4verify.semantics.source import InputError, Span
from p4verify.targets.flower.artifact import FilterList, FlowerFilter, Match, parse_script
from p4verify.targets.flower.install import FLOWER
from p4verify.targets.tc.artifact.actions import Mirred
from p4verify.targets.tc.install import install, remove
from tests.support.private_tc import Inside

DEVICE = "port7"
SCRIPT = """
filter add dev port7 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 ip_ttl 1/0x7f action gact goto chain 4
filter add dev port7 ingress protocol ip pref 2 chain 4 flower ip_proto udp dst_port 53 action pedit ex munge eth dst set 02:00:00:00:00:09 munge ip ttl add 255 pipe action csum ip4h pipe action mirred egress redirect dev port2
filter add dev port7 ingress protocol 802.1q pref 3 flower vlan_id 5 vlan_ethtype ip src_ip 1.2.3.4 action vlan pop action vlan push id 7 protocol 802.1ad priority 3 action mirred egress mirror dev port2 action gact drop
filter add dev port7 ingress protocol mpls_uc pref 4 flower mpls_label 9 action mpls modify label 77 action mpls dec_ttl action mpls pop protocol ip action mirred egress redirect dev port2
filter add dev port7 ingress protocol all pref 5 flower dst_mac 02:00:00:00:00:01/ff:ff:00:00:00:00 action gact pass
filter add dev port7 ingress protocol all pref 9 flower action gact drop
"""  # noqa: E501


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


def test_what_tc_has_no_words_for_goes_in_by_rtnetlink(tc: Inside) -> None:
    before, masked = state(tc), Match("dst_ip", 0x0A000001, 0xFF0000FF)
    given = (*filters().filters, FlowerFilter(8, 0x0800, (masked,), filters().filters[1].actions))
    install(FLOWER, given, DEVICE, tc)
    assert "10.0.0.1/255.0.0.255" in state(tc)
    remove(DEVICE, tc)
    assert state(tc) == before
    given = (*given, replace(given[0], span=Span("some", 7, 1)))
    with pytest.raises(InputError, match="kernel refuses this filter") as caught:
        install(FLOWER, given, DEVICE, tc)
    assert caught.value.diagnostics[0].span.line == 7
    given = (*given[:-1], replace(given[0], actions=(Mirred(5),), pref=77, span=Span("some", 8, 1)))
    with pytest.raises(InputError, match=r"Cannot find device .port5") as caught:
        install(FLOWER, given, DEVICE, tc)
    assert caught.value.diagnostics[0].span.line == 8
    assert state(tc) == before


def test_a_device_that_is_not_there(tc: Inside) -> None:
    with pytest.raises(InputError, match="Cannot find device"):
        install(FLOWER, filters().filters, "port99", tc)
