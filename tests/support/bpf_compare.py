"""The meaning of an eBPF program, evaluated on one frame with filled maps, beside what the kernel did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour, Case
from p4verify.semantics.meaning.concrete import Function, Outcome, Plans, evaluate_behaviour
from p4verify.targets.base import Observation
from p4verify.targets.ebpf.artifact import BpfObject, MapDef
from p4verify.targets.ebpf.artifact.program import INNER, NUMBER_BYTES
from p4verify.targets.ebpf.oracle import KernelMap, shown

Tables = Mapping[str, Sequence[tuple[bytes, bytes]]]
Outputs = tuple[tuple[str, int, bytes], ...]


_CHECKSUMS: dict[str, Function] = {
    f"given.csum_zero.{new}.{old}": lambda _: 0 for new in range(0, 17, 2) for old in range(0, 17, 2)
}
"""Which of its two zeros a checksum comes out as, where nothing hangs on it."""


ROOMS = (0xFFFF, 0, 64, 128, 192, 256, 384, 512, 1024, 2048)
"""How much room the kernel may leave behind a frame at XDP, which hangs on how memory was given out."""
MAX_ALLOC = (4096 << 2) - 320
"""Bytes that a packet at tc may have (SKB_MAX_ALLOC)."""
TRANSPORTS = (0, *range(34, 120, 2))
"""Where the kernel may take the transport header to begin: tap devices look for one."""
WORLDS = {"in.ebpf.transport.": [(n, ROOMS[0]) for n in TRANSPORTS], "in.ebpf.tailroom": [(0, n) for n in ROOMS]}


def worlds(behaviour: Behaviour) -> Sequence[tuple[int, int]]:
    """What ``transport`` and ``room`` of :func:`evaluated` can be, if a behaviour asks for one of them."""
    asked = [choice.variable.name for choice in behaviour.choices]
    found = (tries for name, tries in WORLDS.items() if any(n.startswith(name) for n in asked))
    return next(found, [(0, ROOMS[0])])


_UPDATES = 64
"""How often a program may update a map."""


def functions(obj: BpfObject, tables: Tables) -> dict[str, Function]:
    """The functions that a meaning asks, answered from the elements of the maps."""
    out = dict(_CHECKSUMS)
    for item in obj.maps:
        elements = dict(tables.get(item.name, ()))
        if item.type in ("lru_hash", "lru_percpu_hash"):
            out |= {f"given.evicted.{item.name}.{n}": lambda _: 0 for n in range(_UPDATES)}
        if item.inner is not None:
            numbered = replace(item.inner, key_size=NUMBER_BYTES + item.inner.key_size)
            out |= _answers(numbered, dict(tables.get(item.name + INNER, ())), item.name + INNER)
            out[f"map.{item.name}.number"] = _asked(item, elements, _as_number)
        out |= _answers(item, elements, item.name)
        if item.data is not None:
            data = int.from_bytes(item.data, "big")
            out[f"map.{item.name}.value"] = out[f"state.map.{item.name}"] = lambda _, data=data: data
        if item.type == "lpm_trie":
            out[f"map.{item.name}.element"] = _element(item, elements)
    return out


def _answers(item: MapDef, elements: Mapping[bytes, bytes], name: str) -> dict[str, Function]:
    found = _asked(item, elements, lambda found: int(found is not None))
    value = _asked(item, elements, _as_number)
    return {f"map.{name}.found": found, f"state.map.{name}.present": found,
            f"map.{name}.value": value, f"state.map.{name}": value}  # fmt: skip


def _as_number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "big")


def _element(item: MapDef, elements: Mapping[bytes, bytes]) -> Function:
    """The key of the prefix that a look-up in a trie finds."""

    def function(key: int) -> int:
        found = prefix_of(item, elements, key.to_bytes(item.key_size, "big"))
        return key if found is None else int.from_bytes(found, "big")

    return function


def _asked(item: MapDef, elements: Mapping[bytes, bytes], answer: Callable[[bytes | None], int]) -> Function:
    def function(key: int) -> int:
        return int(answer(look_up(item, elements, key.to_bytes(item.key_size, "big"))))

    return function


def look_up(item: MapDef, elements: Mapping[bytes, bytes], key: bytes) -> bytes | None:
    """The value that a hash map or a trie with these elements answers; None for none."""
    if item.type != "lpm_trie":
        return elements.get(key)
    found = prefix_of(item, elements, key)
    return None if found is None else elements[found]


def prefix_of(item: MapDef, elements: Mapping[bytes, bytes], key: bytes) -> bytes | None:
    """The element of a trie that a look-up of ``key`` finds, by its key (``trie_lookup_elem``)."""
    asked, best, found = int.from_bytes(key[:4], "little"), -1, None
    for prefix in elements:
        length = int.from_bytes(prefix[:4], "little")
        shift = 8 * (item.key_size - 4) - length
        same = int.from_bytes(prefix[4:], "big") >> shift == int.from_bytes(key[4:], "big") >> shift
        if length <= asked <= 8 * (item.key_size - 4) and same and length > best:
            best, found = length, prefix
    return found


KEYS = [i.to_bytes(4, "little") for i in range(6)]
"""The keys of 4 bytes that are looked at after a packet."""


def _looked_at(item: MapDef, tables: Tables) -> list[int]:
    """The keys of ``item`` that are looked at after a packet: of a trie those of its elements."""
    keys = KEYS if item.key_size == len(KEYS[0]) else [key for key, _ in tables.get(item.name, ())]
    return [int.from_bytes(key, "big") for key in keys]


def evaluated(
    behaviour: Behaviour,
    obj: BpfObject,
    tables: Tables,
    port: int,
    frame: bytes,
    plans: Plans | None = None,
    transport: int = 0,
    room: int = ROOMS[0],
    choices: int = 0,
    world: Mapping[str, Function] | None = None,
    known: Mapping[str, Function] | None = None,
) -> Outcome:
    """What ``behaviour`` says of one frame, maps afterwards included; the kernel's metadata starts as zeros.
    ``plans``: the same with each frame, to be quicker. ``transport``: where the kernel takes the transport header to
    begin; ``room``: how much it leaves behind a frame. ``choices``: the value of all choices. ``world``: functions that
    nobody controls; ``known``: what :func:`functions` gives, if that was asked before."""
    variables = {t.name for case in behaviour.cases for t in (plans or b).variables(*_terms(case))}
    variables |= {v.name for v in b.variables(*(assumption.condition for assumption in behaviour.domain))}
    inputs: dict[str, b.Value] = {n: 0 for n in variables if n.startswith("in.") and n != "in.port"}
    inputs |= {n: transport for n in inputs if n.startswith("in.ebpf.transport.")}
    inputs |= {"in.ebpf.tailroom": room, "in.ebpf.longest": MAX_ALLOC, "in.ebpf.longest_grown": MAX_ALLOC}
    keys = {item.name: _looked_at(item, tables) for item in obj.maps}
    cells = {n: keys[n.removeprefix("map.").removesuffix(".present")] for case in behaviour.cases for n in case.state}
    known = functions(obj, tables) | dict(world or {})
    return evaluate_behaviour(
        behaviour, frame, port, functions=known, inputs=inputs, cells=cells, plans=plans, choices=choices
    )


Contents = Mapping[str, Mapping[int, int]]
"""``map.NAME`` and ``map.NAME.present`` → key → value, as the meaning names them."""


def contents(maps: Mapping[str, KernelMap], tables: Tables) -> Contents:
    """What the kernel's maps hold that programs can write, for the keys that are looked at. ``tables``: what they held
    before, which tells the part of a map per CPU that the program has written."""
    asked = {}
    for name, held in maps.items():
        if held.item.type not in _NOT_LOOKED_AT and held.item.inner is None:
            asked[f"map.{name}"] = asked[f"map.{name}.present"] = _looked_at(held.item, tables)
    return shown.cells(asked, maps, {name: dict(elements) for name, elements in tables.items()})


_NOT_LOOKED_AT = ("ringbuf", "devmap", "prog_array")


def difference_in_maps(outcome: Outcome, seen: Contents, obj: BpfObject, known: Mapping[str, Function]) -> str | None:
    """Where the maps after the packet are not what the meaning says; a map that it does not mention is as ``known``
    (:func:`functions`)."""
    for name, cells in seen.items():
        item = obj.map(name.removeprefix("map.").removesuffix(".present"))
        said = outcome.state.get(name) or {key: known[f"state.{name}"](key) for key in cells}
        if name.endswith(".present") and item.type in ("array", "percpu_array"):
            continue
        for key, value in cells.items():
            if said[key] != value:
                return (
                    f"{name}, key {key.to_bytes(item.key_size, 'big').hex()}: meaning {said[key]:x}, kernel {value:x}"
                )
    return None


def difference_in_records(outcome: Outcome, seen: Mapping[str, Sequence[tuple[int, ...]]]) -> str | None:
    """Where the records of ring buffers are not those that the meaning tells."""
    for name, records in seen.items():
        said = [fields for told, fields in outcome.events if told == name]
        if said != list(records):
            return f"{name}: meaning {said}, kernel {list(records)}"
    return None


def _terms(case: Case) -> list[b.Term]:
    outs = [t for o in case.outputs for t in (o.when, o.port, *o.packet.prefix)]
    told = [t for event in case.events for t in (event.when, *event.fields)]
    return [case.guard, *outs, *case.metadata.values(), *case.state.values(), *told]


def difference(outcome: Outcome, seen: Observation) -> str | None:
    """What the meaning and the kernel disagree on, None if nothing."""
    expected = tuple(sorted(outcome.outputs))
    if expected != seen.outputs and not _cut_before_the_tag(expected, seen.outputs):
        return f"outputs: meaning {_show(outcome.outputs)}, kernel {_show(seen.outputs)}"
    for name in ("mark", "priority", "classid", "tc_index"):
        before = 0  # of a frame that comes in from a wire
        if name in seen.metadata and outcome.metadata.get(name, before) != seen.metadata[name]:
            return f"{name}: meaning {outcome.metadata.get(name, before):#x}, kernel {seen.metadata[name]:#x}"
    for name in sorted(n for n in seen.metadata if n.startswith("meta")):
        if outcome.metadata.get(name, 0) != seen.metadata[name]:
            return f"{name}: meaning {outcome.metadata.get(name, 0):#x}, kernel {seen.metadata[name]:#x}"
    return None


def _cut_before_the_tag(expected: Outputs, seen: Outputs) -> bool:
    """Whether the same frames were seen as far as tap devices can show them: of a packet that is cut within its
    addresses and has a tag beside it, ``tun_put_user`` writes what there is, and tells the length with the tag."""
    return len(expected) == len(seen) and all(
        mine == theirs or (mine[:2] == theirs[:2] and _as_far_as_shown(mine[2], theirs[2]))
        for mine, theirs in zip(expected, seen, strict=True)
    )


def _as_far_as_shown(expected: bytes, seen: bytes) -> bool:
    short = len(expected) == len(seen) < _ADDRESSES + _TAG
    return short and expected[12:14] in _TAGS and expected[:-_TAG] == seen[:-_TAG]


_ADDRESSES, _TAG, _TAGS = 12, 4, (bytes.fromhex("8100"), bytes.fromhex("88a8"))


def _show(outputs: Outputs) -> str:
    return "; ".join(f"{to} {port} {frame.hex()}" for to, port, frame in outputs) or "nothing"
