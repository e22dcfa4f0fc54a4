"""The target ``flower``: the rooms of this folder as one machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ...semantics.ir import Program
from ...semantics.meaning.behaviour import Behaviour
from ...semantics.meaning.opened import Opened
from ...semantics.rules.ruleset import RuleSet
from ...semantics.source import Span
from ..base import Oracle, RulesBakedIn
from ..keeping import KeepsFilters, Kept
from ..offload import Device, Entry
from ..tc.artifact.hooks import PortNames
from ..tc.artifact.policers import as_told_by, at_rest
from .artifact import FilterList, FlowerFilter

READS: Final = (
    "lists of others: tc -batch scripts, tc filter show, tc -j filter show, rtnetlink messages",
    "filters of matchall beside those of flower",
    "keys: all of tc's but those of PPPoE, L2TPv3, options of ERSPAN and GTP; frames come untracked",
    "actions: gact (random as a choice), mirred, vlan, mpls, pedit, csum (but of SCTP), skbedit",
    "actions: police, tunnel_key (no options of ERSPAN), ct (what it answers is an input) without nat and helpers",
    "controls: drop, pass, continue, pipe, reclassify, goto chain, trap, jump",
    "sample (which frames are drawn is nobody's); no nat",
)
"""What lists of others may have, a line each."""


class FlowerTarget(RulesBakedIn, KeepsFilters):
    """The tc classifier flower at a device's ingress."""

    name: Final = "flower"
    summary: Final = "tc flower filters, in software or in a NIC that offloads them"

    def limits(self) -> Sequence[str]:
        """What can be expressed and what cannot."""
        from .lower import LIMITS

        return (*LIMITS, *READS)

    def lower(self, program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> FilterList:
        """See :func:`.lower.lower`."""
        from .lower import lower

        return lower(program, rules, options)

    def read(self, data: bytes, name: str) -> FilterList:
        """A ``tc -batch`` script, what ``tc filter show`` prints, also with ``-j``, or rtnetlink messages."""
        from .artifact import read

        return read(data, name)

    def read_named(self, data: bytes, name: str, devices: Mapping[str, int]) -> FilterList:
        """See :class:`..base.NamesDevices`."""
        from .artifact import read

        return read(data, name, PortNames(named=devices))

    def recognises(self, data: bytes) -> bool:
        """Whether the content looks like flower filters."""
        from .artifact import recognises

        return recognises(data)

    def write(self, artifact: FilterList, form: str | None = None) -> bytes:
        """A ``tc -batch`` script (form "batch") or rtnetlink messages (form "netlink"). Raises ValueError."""
        from .artifact import encode, write

        if form not in (None, "batch", "netlink"):
            raise ValueError(f"flower has no form '{form}' (batch, netlink)")
        return encode(artifact) if form == "netlink" else write(artifact)

    def direction(self, artifact: FilterList) -> str:
        """See :class:`..base.AtHooks`."""
        return artifact.hook.direction

    def place(self, artifact: FilterList) -> str:
        """See :class:`..base.AtHooks`."""
        return str(artifact.hook) if artifact.hook.told else ""

    def as_told_by(self, artifact: FilterList, other: Any) -> FilterList:
        """See :class:`..base.TellsLess`."""
        return replace(artifact, filters=as_told_by(artifact.filters, other.filters))

    def at_rest(self, artifact: FilterList) -> FilterList:
        """See :class:`..base.ComesToRest`."""
        return replace(artifact, filters=at_rest(artifact.filters))

    def meaning(self, artifact: FilterList) -> Behaviour:
        """See :func:`.meaning.meaning`."""
        from .meaning import meaning

        return meaning(artifact)

    def opened(self, artifact: FilterList, at_least: int, name: str = "") -> Opened:
        """See :func:`.meaning.opened`."""
        from .meaning import opened

        return opened(artifact, at_least, name)

    def opened_in_parts(self, artifact: FilterList, at_least: int, name: str = "", *, finer: bool = False) -> Opened:
        """See :func:`.meaning.opened`."""
        from .meaning import opened
        from .meaning.parts import finer_parts_of, parts_of

        return opened(artifact, at_least, name, lists_of=finer_parts_of if finer else parts_of)

    def only(self, artifact: FilterList, opened: Opened, kept: Mapping[str, Sequence[int]]) -> FilterList:
        """See :func:`.meaning.only`."""
        from .meaning import only

        return only(artifact, opened, kept)

    def entry_text(self, artifact: FilterList, entry: FlowerFilter) -> str:
        """A filter as ``tc`` takes it."""
        from .artifact import print_filter

        return print_filter(entry, artifact.hook)

    def kept(self, artifact: FilterList) -> Kept:
        """See :class:`..base.KeepsEntries`. The kernel takes one filter of a priority with the same keys."""
        return Kept(artifact.filters, lambda one: (one.chain, one.pref, one.keys, one.indev))

    def decides(self, artifact: FilterList, packet: bytes, port: int) -> Sequence[tuple[str, Span]]:
        """See :func:`..tc.meaning.decides.decides`."""
        from ..tc.meaning.decides import decides
        from .artifact import described
        from .meaning import meaning

        return decides(
            artifact.filters,
            lambda some: meaning(replace(artifact, filters=tuple(some))),
            lambda one: described(one, artifact.hook),
            packet,
            port,
        )

    def key_names(self) -> Collection[str]:
        """See :class:`..offload.Offloads`."""
        from .offload import KEY_NAMES

        return KEY_NAMES

    def entries(self, artifact: FilterList) -> Sequence[Entry]:
        """See :class:`..offload.Offloads`."""
        from .offload import entries

        return entries(artifact)

    def ports(self, artifact: FilterList) -> frozenset[int]:
        """See :class:`..offload.Offloads`."""
        from ..tc.offload import ports

        return ports(artifact.filters)

    def alone(self, artifact: FilterList) -> FilterList:
        """See :class:`..offload.Offloads`."""
        from .offload import alone

        return alone(artifact)

    def divided(self, artifact: FilterList, in_device: Collection[int], device: Device) -> FilterList:
        """See :class:`..offload.Offloads`."""
        from .offload import divided

        return divided(artifact, in_device, device)

    def unordered(self, artifact: FilterList, device: Device) -> Sequence[tuple[int, int]]:
        """See :class:`..offload.Offloads`."""
        from .offload import unordered

        return unordered(artifact, device)

    def order(self, artifact: FilterList) -> Sequence[int]:
        """See :class:`..offload.Offloads`."""
        from ..tc.offload import order

        return order(artifact.filters)

    def independent(self, artifact: FilterList) -> bool:
        """See :class:`..offload.Offloads`."""
        return True

    def traced(self, artifact: FilterList, in_device: Collection[int] | None, device: Device) -> tuple[FilterList, int]:
        """See :class:`..offload.Offloads`."""
        from .offload import traced

        return traced(artifact, in_device, device)

    def telling(self, artifact: FilterList, kept: Collection[int]) -> FilterList | None:
        """See :class:`..offload.Offloads`."""
        from .offload import telling

        return telling(artifact, kept)

    def install(self, artifact: FilterList, tables: object, device: str) -> None:
        """See :func:`..tc.install.install`."""
        from ..tc.install import install
        from .install import FLOWER

        install(FLOWER, artifact.filters, device)

    def remove(self, device: str, options: Mapping[str, str]) -> None:
        """See :func:`..tc.install.remove`."""
        from ..tc.install import remove

        remove(device)

    def oracle(self) -> Oracle | None:
        """The classifier of a private kernel."""
        from .oracle import UserModeFlower

        return UserModeFlower()


TARGET: Final = FlowerTarget()
