"""What is told of the entries of a list, whatever machine they are for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from ...semantics.source import InputError, Span
from .device import Device

KeyUse = Literal["exact", "prefix", "masked", "range"]
"""All bits of a key, the first ones, some, or numbers from one to another."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a device has to be able to do for an entry."""

    classifier: str
    chain: int
    priority: int
    protocol: str
    """As ``tc`` writes it."""
    keys: Mapping[str, KeyUse] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    """One after the other, in words of :data:`.profile.ACTIONS`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list."""

    text: str
    """As its format writes it."""
    span: Span
    needs: Needs
    only_device: bool = False
    """Software does not run it (``skip_sw``)."""
    never_device: bool = False
    """It must not go into the device (``skip_hw``)."""
    said: bool | None = None
    """Whether it is in the device, so far as the artifact says (``in_hw``, ``not_in_hw``)."""
    refused: str | None = None
    """Why no driver is ever asked to take it."""


@runtime_checkable
class Offloads(Protocol):
    """A target whose artifacts are lists of which a device may hold a part."""

    def key_names(self) -> Collection[str]:
        """The keys that its entries may have, as :attr:`Needs.keys` calls them."""
        ...

    def entries(self, artifact: Any) -> Sequence[Entry]:
        """The entries, in the artifact's order; elsewhere they go by their place here, from 0 on."""
        ...

    def ports(self, artifact: Any) -> Collection[int]:
        """The ports that frames can be sent out of."""
        ...

    def alone(self, artifact: Any) -> Any:
        """The artifact as software runs it where there is no device: every entry counts, whatever its flags say.

        Raises Unsupported for what cannot be judged in part.
        """
        ...

    def divided(self, artifact: Any, in_device: Collection[int], device: Device) -> Any:
        """The device with these entries, and software with all of its own behind it, as one artifact.

        Raises Unsupported for an entry of which it is not known what the device, or software behind it, does.
        """
        ...

    def unordered(self, artifact: Any, device: Device) -> Sequence[tuple[int, int]]:
        """Entries that the device need not try in software's order, though both may match and do different things."""
        ...

    def order(self, artifact: Any) -> Sequence[int]:
        """The entries in the order in which they are tried, those of one priority in any."""
        ...

    def independent(self, artifact: Any) -> bool:
        """Whether an entry that does not match a frame never matters to which other one does."""
        ...

    def traced(self, artifact: Any, in_device: Collection[int] | None, device: Device) -> tuple[Any, int]:
        """Software alone (``in_device`` None), or the device's part of a division without what is behind it, in which
        every entry that matches a frame first sends a copy of it out of a port of its own; and the first entry's port,
        which the others follow.

        Raises Unsupported as :meth:`divided`, or where no copy can be made.
        """
        ...

    def telling(self, artifact: Any, kept: Collection[int]) -> Any | None:
        """These entries alone, each of which does nothing but tell that it is the one that decides: what it leaves in
        the metadata ``classid`` is its place, plus 1. None where no single entry decides what is done to a frame."""
        ...


def held(entries: Sequence[Entry]) -> frozenset[int] | int:
    """The entries in the device, by what is said of them; or the first one of which nothing is said.

    Raises:
        InputError: what is said of an entry contradicts itself.
    """
    found = set()
    for number, entry in enumerate(entries):
        there = inside(entry)
        if there is None:
            return number
        if there:
            found.add(number)
    return frozenset(found)


def inside(entry: Entry) -> bool | None:
    """Whether an entry is in the device, so far as it says; ``skip_sw`` and ``skip_hw`` say it too. Raises
    InputError."""
    if entry.only_device and entry.said is False:
        raise InputError.at(entry.span, "skip_sw, and not in hardware: nothing runs this filter")
    if entry.never_device and entry.said:
        raise InputError.at(entry.span, "skip_hw, and in hardware: this cannot be")
    if entry.only_device or entry.never_device:
        return entry.only_device
    return entry.said
