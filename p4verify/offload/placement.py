"""Which entries are in the device: what is said of them, or what a driver of that profile takes as they are added."""

from __future__ import annotations

from collections.abc import Sequence

from ..semantics.source import InputError
from ..targets.offload import Entry, Profile, held, inside


def in_device(entries: Sequence[Entry], profile: Profile | None) -> frozenset[int]:
    """Their places in the list.

    Raises:
        InputError: nothing says it of an entry; what is said contradicts itself; or an entry that software must not run
            is none that the device takes.
    """
    if profile is None:
        found = held(entries)
        if isinstance(found, int):
            text = "nothing says whether this filter is in hardware (in_hw, not_in_hw, skip_sw, skip_hw, or --profile)"
            raise InputError.at(entries[found].span, text)
        return found
    return _as_added(entries, profile)


def _as_added(entries: Sequence[Entry], profile: Profile) -> frozenset[int]:
    """One after the other, each into the first table that takes it and has room."""
    left = [table.size for table in profile.tables]
    found = set()
    for number, entry in enumerate(entries):
        said = inside(entry)
        place = next((p for p in profile.places(entry.needs) if left[p] != 0), None)
        takes = place is not None and entry.refused is None
        if said is None or entry.only_device:
            if entry.only_device and not takes:
                why = entry.refused or profile.misfit(entry.needs) or "no room is left"
                raise InputError.at(entry.span, f"skip_sw, and {profile.name} does not take this filter: {why}")
            said = takes
        if not said:
            continue
        found.add(number)
        if place is not None:
            count = left[place]
            left[place] = None if count is None else count - 1
    return frozenset(found)


def strangers(entries: Sequence[Entry], chosen: frozenset[int], profile: Profile) -> list[str]:
    """Of entries that are in the device, what the profile has against it."""
    reasons = [(entries[n], profile.misfit(entries[n].needs)) for n in sorted(chosen)]
    found = [f"in hardware, which {profile.name} would not take: {e.text} ({why})" for e, why in reasons if why]
    rooms = [table.size for table in profile.tables]
    room = sum(size for size in rooms if size is not None)
    if None not in rooms and len(chosen) > room:
        found.append(f"{len(chosen)} filters are in hardware, and {profile.name} has room for {room}")
    return found
