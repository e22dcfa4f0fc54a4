"""The examples as eBPF, three ways, side by side: this kernel, the artifact's meaning, the meaning of the P4 source.

Frames that the kernel drops before the hook (``Behaviour.reaching``) are compared without the source, which never sees
them, and counted apart. Frames are aimed: most are built so that they meet a rule of the set under test, some are
damaged, some are anything.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from p4verify.on_numbers import Function, functions_of
from p4verify.running.entries import random_rules
from p4verify.running.ethernet import frame as any_frame
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import Run, run
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Range, Rule, RuleSet, Ternary
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.artifact.program import F_RDONLY_PROG
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .lowered import a_frame

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
HOOKS: Final = ("tc", "xdp")
PORTS: Final = (1, 1, 2, 2, 3, 3, 4, 5, 9, 77)
PORT_0: Final = "200"
"""The interface that is port 0: so that there is one for port 1, which is the loopback's number."""
USUAL: Final = (0x0A000001, 0x0A000102, 0x0A000207, 0xC0A8010A, 2, 3, 6, 10, 17, 20, 53, 443)
"""Numbers that rules and frames share, so that they meet."""

Place = tuple[int, int] | None
"""(bit in the frame, width) where a key lies in a well-formed frame; None: it lies in none."""


@dataclass(frozen=True)
class Example:
    """An example with the places of its keys."""

    name: str
    keys: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    """By table; without any, frames carry numbers of the rules in their usual places."""
    tagged: bool = False

    def program(self) -> ir.Program:
        """The program, loaded."""
        return load_program(str(EXAMPLES / f"{self.name}.p4"))

    def own_rules(self, program: ir.Program) -> RuleSet:
        """The rule set that comes with the example."""
        path = EXAMPLES / f"{self.name}.rules.cli"
        return read_rules(path.read_text(), path.name, program)


THE_EXAMPLES: Final = (
    Example("acl", {"Filter.acl": ((208, 32), (240, 32), (184, 8), (288, 16))}),
    Example("router", {"RouterIngress.routes": ((240, 32),), "RouterIngress.neighbours": (None, (240, 32))}),
    Example("vlan_filter", {"Filter.vlans": ((116, 12), (48, 48)), "Filter.any_station": ((116, 12),)}, tagged=True),
)
OTHERS: Final = tuple(
    Example(path.name.removesuffix(".rules.cli"))
    for path in sorted(EXAMPLES.glob("*.rules.cli"))
    if path.name.removesuffix(".rules.cli") not in {example.name for example in THE_EXAMPLES}
)
"""The examples of v1model that came later."""


@dataclass(frozen=True)
class Trial:
    """One rule set on one lowered example: all that the three sides need."""

    program: ir.Program
    rules: RuleSet
    hook: str
    artifact: BpfObject
    behaviour: Behaviour
    functions: Mapping[str, Function]
    tables: Any


@dataclass
class Tally:
    """What was compared."""

    rule_sets: int = 0
    pairs: int = 0
    unreached: int = 0
    """Frames that never reach the program; not among the pairs."""
    hits: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)
    seconds: float = 0.0


def trial(program: ir.Program, hook: str, rules: RuleSet, known: Trial | None = None) -> Trial:
    """Lowered for the hook, with the tables filled; ``known``'s meaning is used again if the artifact is the same."""
    artifact = TARGET.lower(program, rules, {"hook": hook, "port0": PORT_0})
    same = known is not None and known.artifact == artifact
    behaviour = known.behaviour if same and known is not None else TARGET.meaning(artifact)
    functions = functions_of(TARGET.relate(program, artifact, rules), behaviour)
    return Trial(program, rules, hook, artifact, behaviour, functions, TARGET.fill(program, artifact, rules))


def campaign(oracle: KernelOracle, example: Example, hook: str, *, pairs: int, seed: int, each: int = 100) -> Tally:
    """The example's own rules first, then random ones, ``each`` frames on every set."""
    tally, rng, program = Tally(), random.Random(f"{seed}/{example.name}/{hook}"), example.program()
    start, made = time.monotonic(), None
    for rules in _rule_sets(example, program, rng):
        if tally.pairs >= pairs or len(tally.mismatches) >= 5:
            break
        made = trial(program, hook, rules, made)
        if not tally.rule_sets:  # ports that frames are sent to are there once something has come in by them
            oracle.run(made.artifact, [(port, bytes(60)) for port in PORTS], made.tables)
        count = min(each, pairs - tally.pairs)
        judge(oracle, made, [(rng.choice(PORTS), frame(rng, example, rules)) for _ in range(count)], tally)
    tally.seconds = time.monotonic() - start
    return tally


def judge(oracle: KernelOracle, made: Trial, packets: Sequence[tuple[int, bytes]], tally: Tally) -> None:
    """The three sides on these frames. The first goes through the artifact as it is, the others through a copy whose
    maps the program may not write: one that does is refused, and one that does not need not be loaded for each frame.
    """
    seen = oracle.run(made.artifact, packets[:1], made.tables)
    seen += oracle.run(_unwritten(made.artifact), packets[1:], made.tables)
    tally.rule_sets += 1
    for (port, data), observed in zip(packets, seen, strict=True):
        meant = evaluate_behaviour(made.behaviour, data, port, functions=made.functions, default=0)
        sides = {"artifact's meaning": sorted(meant.outputs), "kernel": sorted(observed.outputs)}
        if _reaches(made.behaviour, data):
            tally.pairs += 1
            asked = run(made.program, made.rules, data, port)
            _count(asked, data, tally)
            sides["P4"] = sorted(asked.outputs)
        else:
            tally.unreached += 1
            sides["a frame that is dropped before the hook"] = []
        if any(outputs != sides["kernel"] for outputs in sides.values()):
            shown = "; ".join(f"{side}: {_show(outputs)}" for side, outputs in sides.items())
            tally.mismatches.append(f"{made.hook}, port {port}, frame {data.hex()}: {shown}\n  {_shown(made.rules)}")


def _reaches(behaviour: Behaviour, data: bytes) -> bool:
    values = {"pkt.len": len(data)} | {f"pkt[{i}]": octet for i, octet in enumerate(data)}
    return all(b.evaluate([a.condition for a in behaviour.reaching], values, default=0))


def _count(asked: Run, data: bytes, tally: Tally) -> None:
    for step in asked.trace.steps:
        if step["step"] == "table":
            tally.hits[f"{step['table']} {'hit' if step['hit'] else 'miss'}"] += 1
    tally.kinds[_kind(asked.outputs, data)] += 1


def _unwritten(artifact: BpfObject) -> BpfObject:
    return replace(artifact, maps=tuple(replace(m, flags=m.flags | F_RDONLY_PROG) for m in artifact.maps))


def _kind(outputs: Sequence[tuple[str, int, bytes]], data: bytes) -> str:
    if not outputs:
        return "dropped"
    return "unchanged" if all(out == data for _, _, out in outputs) else "rewritten"


def _shown(rules: RuleSet) -> str:
    entries = [f"{r.table} {r.matches} {r.action}" for found in rules.entries.values() for r in found]
    return "\n  ".join([*entries, f"defaults {dict(rules.defaults)}"])


def _show(outputs: Sequence[tuple[str, int, bytes]]) -> str:
    return ", ".join(f"{to} {port} {data.hex()}" for to, port, data in outputs) or "nothing"


# --- rules --------------------------------------------------------------------------------------------------------


def _rule_sets(example: Example, program: ir.Program, rng: random.Random) -> Iterator[RuleSet]:
    yield example.own_rules(program)
    yield RuleSet({}, {})
    while not example.keys:
        yield example.own_rules(program)
    while True:
        rules = random_rules(program, rng.getrandbits(48), list(USUAL))
        yield _with_neighbours(rules) if example.name == "router" else rules


def _with_neighbours(rules: RuleSet) -> RuleSet:
    """Most next hops that a route leads to have a neighbour; else random routes would lead to none."""
    table = "RouterIngress.neighbours"
    there = tuple(rules.entries.get(table, ()))
    keys = {rule.matches for rule in there}
    for i, rule in enumerate(rules.entries.get("RouterIngress.routes", ())):
        (dst,), args = rule.matches, rule.action.args
        if not args or i % 4 == 3 or not isinstance(dst, Lpm):
            continue
        next_hop, port = args if rule.action.action == "route" else (dst.value, *args)
        key = (Exact(port), Exact(next_hop))
        if key not in keys:
            keys.add(key)
            there = (*there, Rule(table, key, ActionCall("rewrite", (i + 1, 0x0200_0000_0007))))
    return replace(rules, entries={**rules.entries, table: there})


# --- frames -------------------------------------------------------------------------------------------------------


def frame(rng: random.Random, example: Example, rules: RuleSet) -> bytes:
    """A frame that meets a rule (mostly), or any."""
    if rng.random() < 0.2:
        return any_frame(rng, USUAL)
    if not example.keys:
        return a_frame(rng, rules, noise=0.08)
    data = bytearray(_well_formed(rng, example))
    entries = [rule for entries in rules.entries.values() for rule in entries]
    if entries and rng.random() < 0.8:
        rule = rng.choice(entries)
        for place, match in zip(example.keys[rule.table], rule.matches, strict=True):
            if place is not None:
                _put(data, *place, _matched(rng, match, place[1]))
    if not example.tagged and rng.random() < 0.9:
        data[24:26] = bytes(2)
        data[24:26] = _checksum(data[14:34]).to_bytes(2, "big")
    if rng.random() < 0.1:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data if rng.random() < 0.9 else data[: rng.randrange(14, len(data) + 1)])


def _well_formed(rng: random.Random, example: Example) -> bytes:
    addresses = b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00" + bytes((rng.choice((1, 2, 0x66)),))
    payload = rng.randbytes(rng.randrange(30))
    if example.tagged:
        tag = rng.choice((b"\x81\x00", b"\x88\xa8")) + (rng.randrange(8) << 13 | rng.randrange(4096)).to_bytes(2, "big")
        return addresses + (tag if rng.random() < 0.85 else b"") + b"\x08\x00" + payload
    later = rng.random() < 0.05
    ttl = rng.choices((0, 1, 2, 64, 255), (1, 1, 3, 6, 3))[0]
    head = b"\x45" + rng.randbytes(1) + (24 + len(payload)).to_bytes(2, "big") + rng.randbytes(2)
    head += (b"\x00\x10" if later else b"\x40\x00") + bytes((ttl, rng.choice((1, 6, 17))))
    return addresses + b"\x08\x00" + head + bytes(2) + rng.randbytes(8) + rng.randbytes(4) + payload


def _matched(rng: random.Random, match: Exact | Lpm | Ternary | Range, width: int) -> int:
    """A value that the match takes; now and then its neighbour."""
    free = rng.getrandbits(width)
    match match:
        case Lpm(value, prefix):
            mask = (1 << width) - (1 << width - prefix)
            found = value & mask | free & ~mask
        case Ternary(value, mask):
            found = value & mask | free & ~mask
        case Range(low, high):
            found = rng.randint(low, high)
        case Exact(value):
            found = value
    return found ^ (rng.random() < 0.1)


def _put(data: bytearray, bit: int, width: int, value: int) -> None:
    size = 8 * len(data)
    if bit + width <= size:
        low = size - bit - width
        mask = ((1 << width) - 1) << low
        whole = int.from_bytes(data, "big") & ~mask | value << low & mask
        data[:] = whole.to_bytes(len(data), "big")


def _checksum(header: bytes | bytearray) -> int:
    """RFC 1071."""
    total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
