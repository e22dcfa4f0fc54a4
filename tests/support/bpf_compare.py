"""The meaning of an eBPF program, evaluated on one frame with filled maps, beside what the kernel did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour, Case
from p4verify.semantics.meaning.concrete import Function, Outcome, Plans, evaluate_behaviour
from p4verify.targets.base import Observation
from p4verify.targets.ebpf.artifact import BpfObject, MapDef
from p4verify.targets.ebpf.oracle import KernelMap

Tables = Mapping[str, Sequence[tuple[bytes, bytes]]]


def functions(obj: BpfObject, tables: Tables) -> dict[str, Function]:
    """The functions that a meaning asks, answered from the elements of the maps."""
    out: dict[str, Function] = {}
    for item in obj.maps:
        elements = dict(tables.get(item.name, ()))
        out[f"map.{item.name}.found"] = _asked(item, elements, lambda found: int(found is not None))
        out[f"state.map.{item.name}.present"] = out[f"map.{item.name}.found"]
        value = _asked(item, elements, lambda found: int.from_bytes(found or b"", "big"))
        out[f"map.{item.name}.value"] = out[f"state.map.{item.name}"] = value
    return out


def _asked(item: MapDef, elements: Mapping[bytes, bytes], answer: Callable[[bytes | None], int]) -> Function:
    def function(key: int) -> int:
        return int(answer(look_up(item, elements, key.to_bytes(item.key_size, "big"))))

    return function


def look_up(item: MapDef, elements: Mapping[bytes, bytes], key: bytes) -> bytes | None:
    """The value that a hash map or a trie with these elements answers; None for none (``trie_lookup_elem``)."""
    if item.type != "lpm_trie":
        return elements.get(key)
    asked, best, found = int.from_bytes(key[:4], "little"), -1, None
    for prefix, value in elements.items():
        length = int.from_bytes(prefix[:4], "little")
        shift = 8 * (item.key_size - 4) - length
        same = int.from_bytes(prefix[4:], "big") >> shift == int.from_bytes(key[4:], "big") >> shift
        if length <= asked <= 8 * (item.key_size - 4) and same and length > best:
            best, found = length, value
    return found


KEYS = [i.to_bytes(4, "little") for i in range(6)]
"""The keys of 4 bytes that are looked at after a packet."""


def evaluated(
    behaviour: Behaviour, obj: BpfObject, tables: Tables, port: int, frame: bytes, plans: Plans | None = None
) -> Outcome:
    """What ``behaviour`` says of one frame, maps afterwards included; the kernel's metadata starts as zeros.
    ``plans``: the same with each frame, to be quicker."""
    variables = {t.name for case in behaviour.cases for t in (plans or b).variables(*_terms(case))}
    variables |= {v.name for v in b.variables(*(assumption.condition for assumption in behaviour.domain))}
    inputs: dict[str, b.Value] = {n: 0 for n in variables if n.startswith("in.") and n != "in.port"}
    cells = {name: [int.from_bytes(key, "big") for key in KEYS] for case in behaviour.cases for name in case.state}
    known = functions(obj, tables)
    return evaluate_behaviour(behaviour, frame, port, functions=known, inputs=inputs, cells=cells, plans=plans)


def contents(maps: Mapping[str, KernelMap]) -> dict[str, dict[bytes, bytes | None]]:
    """What the kernel's maps with keys of 4 bytes hold for :data:`KEYS`."""
    return {name: {key: _content(item, key) for key in KEYS} for name, item in maps.items() if item.item.key_size == 4}


def _content(item: KernelMap, key: bytes) -> bytes | None:
    try:
        return item[key]
    except KeyError:
        return None


def difference_in_maps(outcome: Outcome, seen: Mapping[str, Mapping[bytes, bytes | None]]) -> str | None:
    """Where the maps after the packet are not what the meaning says; a map that it does not mention is unchanged."""
    for name, elements in seen.items():
        for key, value in elements.items():
            number = int.from_bytes(key, "big")
            present = outcome.state.get(f"map.{name}.present")
            if present is not None and bool(present[number]) != (value is not None):
                return f"map {name}, key {key.hex()}: meaning present {present[number]}, kernel {value!r}"
            cells = outcome.state.get(f"map.{name}")
            if cells is not None and value is not None and cells[number] != int.from_bytes(value, "big"):
                return f"map {name}, key {key.hex()}: meaning {cells[number]:x}, kernel {value.hex()}"
    return None


def _terms(case: Case) -> list[b.Term]:
    outs = [t for o in case.outputs for t in (o.when, o.port, *o.packet.prefix)]
    return [case.guard, *outs, *case.metadata.values(), *case.state.values()]


def difference(outcome: Outcome, seen: Observation) -> str | None:
    """What the meaning and the kernel disagree on, None if nothing."""
    if tuple(sorted(outcome.outputs)) != seen.outputs:
        return f"outputs: meaning {_show(outcome.outputs)}, kernel {_show(seen.outputs)}"
    for name in ("mark", "priority"):
        if name in seen.metadata and outcome.metadata.get(name, 0) != seen.metadata[name]:
            return f"{name}: meaning {outcome.metadata.get(name, 0):#x}, kernel {seen.metadata[name]:#x}"
    for name in sorted(n for n in seen.metadata if n.startswith("meta")):
        if outcome.metadata.get(name, 0) != seen.metadata[name]:
            return f"{name}: meaning {outcome.metadata.get(name, 0):#x}, kernel {seen.metadata[name]:#x}"
    return None


def _show(outputs: tuple[tuple[str, int, bytes], ...]) -> str:
    return "; ".join(f"{to} {port} {frame.hex()}" for to, port, frame in outputs) or "nothing"
