"""What the kernel shows of a run beside frames: cells of its maps, and the metadata of a frame that goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ...base import Cells, Observation
from ..artifact import MapDef
from ..artifact.program import PERF_BLOCK
from ..variables import all_parts, part_of
from .kernel import KernelMap
from .perf import PerfMap

_STATE: Final = "map."
_PRESENT: Final = ".present"
_NOTES: Final = ("ran", "result")
RING, PERF = "ring.", "perf."
"""What the name of an event begins with that is a record in a ring buffer, or in a perf buffer."""


def cells(
    asked: Cells, maps: Mapping[str, KernelMap], before: Mapping[str, Mapping[bytes, bytes]]
) -> dict[str, dict[int, int]]:
    """What the cells hold that are ``map.NAME`` (index: the key's bytes) or ``map.NAME.present``, as the meaning names
    them. A map per CPU shows the value of the CPU on which it is no more what it was ``before`` (map's name →
    elements)."""
    out: dict[str, dict[int, int]] = {}
    parts = all_parts({name: held.item for name, held in maps.items()})
    for name, indexes in asked.items():
        plain = name.removeprefix(_STATE).removesuffix(_PRESENT)
        plain, part = parts.get(plain, (plain, None))
        held = maps.get(plain) if name.startswith(_STATE) else None
        if held is not None and held.item.programs is None and held.item.inner is None:
            known = before.get(plain, {})
            found = dict(_values(held, list(indexes), known, presence=name.endswith(_PRESENT)))
            size = held.item.value_size
            told = {i: part_of(value.to_bytes(size, "big"), part) for i, value in found.items()} if part else {}
            out[name] = {**found, **{i: int.from_bytes(value, "big") for i, value in told.items()}}
    return out


def _values(
    held: KernelMap, indexes: list[int], before: Mapping[bytes, bytes], *, presence: bool
) -> Iterator[tuple[int, int]]:
    for index in indexes:
        key = index.to_bytes(held.item.key_size, "big")
        try:
            found = held.values_of(key)
        except KeyError:
            found = []
        if presence:
            yield index, int(bool(found))
        elif found:
            was = before.get(key, _at_first(held.item))
            written = [value for value in found if value != was] or found
            # Where an element was taken out and put in again, all other CPUs have zeros in it.
            yield index, int.from_bytes(next((value for value in written if any(value)), written[0]), "big")


def _at_first(item: MapDef) -> bytes:
    return bytes(item.value_size) if item.data is None else item.data


def records(maps: Mapping[str, KernelMap]) -> dict[str, tuple[tuple[int, ...], ...]]:
    """What lies in ring and perf buffers, as the meaning names it: ``ring.NAME`` with the bytes of each record as one
    number, and ``perf.NAME`` with the lower half of the flags and the length, ``perf.NAME.bytes`` with the bytes."""
    found: dict[str, tuple[tuple[int, ...], ...]] = {}
    for name, held in maps.items():
        if isinstance(held, PerfMap):
            told = held.written()
            found[f"{PERF}{name}"] = tuple((flags << 32 | len(record),) for flags, record in told)
            found[f"{PERF}{name}.bytes"] = tuple((block,) for _, record in told for block in _blocks(record))
        elif held.item.type == "ringbuf":
            found[f"{RING}{name}"] = tuple((int.from_bytes(record, "big"),) for record in held.records())
    return found


def _blocks(record: bytes) -> Iterator[int]:
    for start in range(0, len(record), PERF_BLOCK):
        yield int.from_bytes(record[start : start + PERF_BLOCK].ljust(PERF_BLOCK, b"\0"), "big")


def going_on(seen: Observation) -> Observation:
    """The observation with nothing but what a frame takes along."""
    return Observation(seen.outputs, {name: value for name, value in seen.metadata.items() if name not in _NOTES})
