"""The target ``openflow``: the rooms of this folder as one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...semantics.ir import Program
from ...semantics.meaning.behaviour import Behaviour
from ...semantics.meaning.opened import Opened
from ...semantics.rules.ruleset import RuleSet
from ..base import Oracle, Relation, RulesBakedIn
from ..keeping import Kept
from .artifact import Bridge, Flow

LIMITS: Final = (
    "programs: v1model, with its rules; tables stay tables, metadata goes through registers, multicast through groups",
    "conditions on fields of the flow key: constants, masks, prefixes, ranges; nothing computed but ttl - 1",
    "no condition on a frame's length, on two fields, on what is in no field (IP's total length, a second tag)",
    "changes: MAC addresses, one VLAN tag, labels, TTL, TOS; IP addresses where no TCP or UDP checksum follows",
    "a change of IPv4 needs update_checksum over its header, for the switch does that as well",
    "clones from ingress; meters that drop red; no counters, registers, digests, hashes; no port 0; no unknown header",
    "flows may be for plain frames only, and say so: assume=none forbids it, assume=plain+tags-8100 allows some",
    "read and checked: ovs-ofctl flow files, bundles, dump-flows, dump-groups and dump-meters (--no-names)",
    "... and OpenFlow messages, 1.3 to 1.5: flows, groups and meters that are added, or told by multipart replies",
    "matches: Ethernet, one VLAN tag, ARP, IPv4, IPv6 without extension headers, TCP, UDP, SCTP, ICMP, MPLS, registers",
    "actions: output, controller, set_field, load, move, push and pop of VLAN and MPLS, dec_ttl, groups, resubmit",
    "instructions: goto_table, write_actions, clear_actions, write_metadata",
    "groups all, indirect, select (any bucket that lives) and ff; meters that drop (they may, or may not)",
    "fields of tunnels and connections are 0: no port is a tunnel, nothing is tracked",
    "no ct, learn, clone, FLOOD or NORMAL; nothing that looks at what pop_mpls uncovered",
)
"""What can be expressed and what cannot, a line each."""


class OpenFlowTarget(RulesBakedIn):
    """A bridge of Open vSwitch that is programmed with flows and groups."""

    name: Final = "openflow"
    summary: Final = "OpenFlow flows and groups as Open vSwitch takes them"

    def limits(self) -> Sequence[str]:
        """What can be expressed and what cannot."""
        return LIMITS

    def lower(self, program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> Bridge:
        """See :func:`.lower.lower`."""
        from .lower import lower

        return lower(program, rules, options)

    def read(self, data: bytes, name: str) -> Bridge:
        """A flow file, a bundle or a dump of ``ovs-ofctl``, or OpenFlow messages."""
        from .artifact import read

        return read(data, name)

    def recognises(self, data: bytes) -> bool:
        """Whether the content looks like flows of Open vSwitch."""
        from .artifact import recognises

        return recognises(data)

    def write(self, artifact: Bridge, form: str | None = None) -> bytes:
        """A flow file, or a bundle where there are groups; messages in the forms "openflow13" to "openflow15".

        Raises:
            ValueError: another form, or messages of that version cannot say it.
        """
        from .artifact import MESSAGES, write, write_messages

        if form is None:
            return write(artifact)
        if form not in MESSAGES:
            raise ValueError(f"openflow has no form '{form}' ({', '.join(MESSAGES)})")
        return write_messages(artifact, form)

    def meaning(self, artifact: Bridge) -> Behaviour:
        """See :func:`.meaning.meaning`."""
        from .meaning import meaning

        return meaning(artifact)

    def relate(self, program: Program, artifact: Bridge, rules: RuleSet | None) -> Relation:
        """The program's action selectors pick as the switch does; see :mod:`.picks`."""
        from .picks import settled

        return Relation(settled=lambda meant: settled(meant, rules, artifact))

    def opened(self, artifact: Bridge, at_least: int, name: str = "") -> Opened:
        """See :func:`.meaning.opened`."""
        from .meaning import opened

        return opened(artifact, at_least, name)

    def only(self, artifact: Bridge, opened: Opened, kept: Mapping[str, Sequence[int]]) -> Bridge:
        """See :func:`.meaning.only`."""
        from .meaning import only

        return only(artifact, opened, kept)

    def entry_text(self, artifact: Bridge, entry: Flow) -> str:
        """A flow as ``ovs-ofctl`` takes it."""
        from .artifact import print_flow

        return print_flow(entry)

    def install(self, artifact: Bridge, tables: None, device: str) -> None:
        """See :func:`.install.install`; ``device`` is a bridge."""
        from .install import install

        install(artifact, device)

    def remove(self, device: str, options: Mapping[str, str]) -> None:
        """See :func:`.install.remove`."""
        from .install import remove

        remove(device)

    def kept(self, artifact: Bridge) -> Kept:
        """See :class:`..base.KeepsEntries`. A table has one flow of a priority and match."""
        return Kept(artifact.flows, lambda one: (one.table, one.priority, one.match))

    def having(self, artifact: Bridge, entries: Sequence[Flow]) -> Bridge:
        """See :class:`..base.KeepsEntries`."""
        return replace(artifact, flows=tuple(entries))

    def entries_in(self, artifact: Bridge, whole: Bridge) -> Sequence[Flow]:
        """See :class:`..base.KeepsEntries`."""
        if artifact.groups or artifact.meters:
            raise ValueError("groups and meters cannot come and go one by one")
        return artifact.flows

    def list_of(self, entry: Flow) -> str:
        """See :class:`..base.KeepsEntries`."""
        return f"table {entry.table}"

    def oracle(self) -> Oracle | None:
        """A private Open vSwitch."""
        from .oracle import OpenVSwitch

        return OpenVSwitch()


TARGET: Final = OpenFlowTarget()
