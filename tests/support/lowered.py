"""Programs lowered, side by side: the P4 source on numbers, and the real machine with the artifact made of it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.behaviour import METER_COLOUR, Behaviour, Choice
from p4verify.semantics.meaning.program import Run, run
from p4verify.semantics.meaning.selectors import selections
from p4verify.semantics.rules.ruleset import Exact, Lpm, Range, RuleSet, Ternary
from p4verify.targets.base import Oracle, Target

PORTS = (1, 2, 3, 4, 5, 9)
_PIECES = (*[b"\x40\x00"] * 8, bytes(2), bytes(2), b"\x20\x00", b"\x20\x03", b"\x00\x03")
"""IPv4's flags and fragment offset."""
COLOURS = 3
_KINDS = (0x0800, 0x0800, 0x0800, 0x86DD, 0x0806, 0x8847, 0x88B5)


@dataclass
class Tally:
    """What was compared."""

    pairs: int = 0
    outside: int = 0
    """Frames that an assumption of the artifact leaves out."""
    undefined: int = 0
    """Frames that differ, with which the program reads an undefined value; not among the pairs."""
    stale: int = 0
    """Frames with which the machine does as the program says when they come alone, and otherwise as with frames before
    them: Open vSwitch writes whole label stack entries by a cached flow that does not tell labels apart."""
    chosen: int = 0
    """Frames with which the program may do different things, as members of groups answer."""
    sent: int = 0
    changed: int = 0
    mismatches: list[str] = field(default_factory=list)


def judge(
    target: Target, oracle: Oracle, program: ir.Program, rules: RuleSet, artifact: Any, rng: random.Random, count: int
) -> Tally:
    """``count`` frames that meet the rules, or nearly. Which members of groups answer is the machine's to choose."""
    packets = plain_packets(rng, rules, target.meaning(artifact), count)
    tally = compared(oracle, program, rules, artifact, packets)
    tally.outside = count - len(packets)
    return tally


def compared(
    oracle: Oracle, program: ir.Program, rules: RuleSet, artifact: Any, packets: Sequence[tuple[int, bytes]]
) -> Tally:
    """The same on these frames."""
    tally = Tally()
    for (port, frame), seen in zip(packets, oracle.run(artifact, packets), strict=True):
        runs = list(runs_of(program, rules, frame, port))
        allowed = [sorted(one.outputs) for one in runs]
        right = sorted(seen.outputs) in allowed
        if not right and any(one.undefined for one in runs):
            tally.undefined += 1
            continue
        tally.pairs += 1
        tally.chosen += len({tuple(outputs) for outputs in allowed}) > 1
        tally.sent += any(allowed)
        tally.changed += any(out != frame for outputs in allowed for _, _, out in outputs)
        if right:
            continue
        if sorted(oracle.run(artifact, [(port, frame)])[0].outputs) in allowed:
            tally.stale += 1
        else:
            tally.mismatches.append(
                f"port {port}, {frame.hex()}: P4 {' or '.join(map(_shown, allowed))}, machine {_shown(seen.outputs)}"
            )
    return tally


def runs_of(
    program: ir.Program, rules: RuleSet, frame: bytes, port: int, *, any_member: bool = True,
    undefined: Sequence[int] = (0,),
) -> Iterator[Run]:  # fmt: skip
    """What the program does with each way to pick members of the groups, and colours of the meters, that the frame
    asks, and with each of ``undefined`` for values that nothing defines; without ``any_member`` members are BMv2's."""
    picks = _Picks(program, rules, any_member=any_member, undefined=undefined)
    while True:
        yield run(program, rules, frame, port, functions=picks.functions, choice=picks.choice)
        if not picks.next():
            return


_UNDEFINED: Final = "undefined"


class _Picks:
    """The ways in which selectors may pick members of their groups, and meters colours, as far as a run asks: a group
    picks one member for one key. The first way is that of all first members, of green, and of the first undefined
    value."""

    def __init__(self, program: ir.Program, rules: RuleSet, *, any_member: bool, undefined: Sequence[int]) -> None:
        self._sizes = {
            f"select.{name}.{group}": len(members)
            for name, profile in rules.profiles.items()
            for group, members in profile.groups.items()
        }
        self._sizes |= {METER_COLOUR: COLOURS, _UNDEFINED: len(undefined)}
        self._undefined = undefined
        self._asked: dict[tuple[str, tuple[int, ...]], int] = {}
        self._planned: list[int] = []
        theirs = selections(program, rules)
        self.functions = {name: partial(self._pick, name) if any_member else pick for name, pick in theirs.items()}

    def _pick(self, name: str, *key: int) -> int:
        if (name, key) not in self._asked:
            number = len(self._asked)
            self._asked[name, key] = self._planned[number] if number < len(self._planned) else 0
        return self._asked[name, key]

    def choice(self, read: Choice) -> int:
        """A meter's colour, or a value that nothing defines."""
        if read.reason == METER_COLOUR:
            return self._pick(f"{METER_COLOUR}.{len(self._asked)}")
        value = self._undefined[self._pick(f"{_UNDEFINED}.{len(self._asked)}")]
        return value & (1 << max(1, read.variable.width)) - 1

    def next(self) -> bool:
        """Go to the next way; whether there is one."""
        picked = list(self._asked.items())
        self._asked = {}
        while picked:
            (name, _), pick = picked.pop()
            if pick + 1 < self._sizes[name.rpartition(".")[0]]:
                self._planned = [*(before for _, before in picked), pick + 1]
                return True
        return False


def plain_packets(rng: random.Random, rules: RuleSet, does: Behaviour, count: int) -> list[tuple[int, bytes]]:
    """Frames on ports, without those that an assumption about frames leaves out."""
    return inside(does, sorted((rng.choice(PORTS), a_frame(rng, rules)) for _ in range(count)))


def inside(does: Behaviour, packets: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The frames that no assumption leaves out."""
    domain = [a.condition for a in (*does.domain, *does.reaching)]
    found = []
    for port, frame in packets:
        values = {"pkt.len": len(frame), "in.port": port} | {f"pkt[{i}]": octet for i, octet in enumerate(frame)}
        if all(b.evaluate(domain, values, default=0)):
            found.append((port, frame))
    return found


def _shown(outputs: Iterable[tuple[str, int, bytes]]) -> str:
    return "; ".join(f"{to} {port} {frame.hex()}" for to, port, frame in outputs) or "nothing"


def a_frame(rng: random.Random, rules: RuleSet, noise: float = 0.3) -> bytes:
    """A plain frame with numbers that the rules name, where they fit; some have a tag, some two.

    ``noise``: how often such a number is not quite the rules' one.
    """
    numbers = _numbers(rules)

    def some(width: int) -> int:
        fitting = [n for n in numbers if n < 1 << width and n.bit_length() > width - 12]
        small = [n for n in numbers if n < 1 << min(width, 20)]
        chosen = rng.choice(fitting or small or [1]) if rng.random() < 1 - noise * 2 / 3 else rng.getrandbits(width)
        return chosen ^ (rng.getrandbits(8) if rng.random() < noise else 0)

    data = (some(48) % (1 << 48)).to_bytes(6, "big") + some(48).to_bytes(6, "big")
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        vid = rng.choice([n for n in numbers if n < 4096] or [1])
        data += rng.choice((0x8100, 0x8100, 0x88A8)).to_bytes(2, "big") + (rng.getrandbits(3) << 13 | vid).to_bytes(
            2, "big"
        )
    kind = rng.choice(_KINDS)
    return data + kind.to_bytes(2, "big") + _behind(rng, kind, some, numbers)


def _numbers(rules: RuleSet) -> list[int]:
    found = {1, 2, 6, 17, 64}
    for entries in rules.entries.values():
        for rule in entries:
            for match in rule.matches:
                match match:
                    case Exact(value) | Lpm(value, _) | Ternary(value, _):
                        found.add(value)
                    case Range(low, high):
                        found |= {low, high}
    return sorted(found)


def _behind(rng: random.Random, kind: int, some: object, numbers: Sequence[int]) -> bytes:
    assert callable(some)
    body = rng.randbytes(rng.choice((0, 2, 26, 33)))
    if kind == 0x0800:
        protocol = rng.choice((1, 6, 17, 17, 47, 132))
        body = _transport(rng, protocol, numbers) + body
        ttl = rng.choice((0, 1, 2, 64, 255))
        head = bytes((0x45, rng.getrandbits(8))) + (20 + len(body)).to_bytes(2, "big")
        name = rng.randbytes(2)
        head += name + _PIECES[name[0] % len(_PIECES)]
        head += bytes((ttl, protocol, 0, 0)) + some(32).to_bytes(4, "big") + some(32).to_bytes(4, "big")
        total = sum(int.from_bytes(head[i : i + 2], "big") for i in range(0, 20, 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return head[:10] + (total ^ 0xFFFF).to_bytes(2, "big") + head[12:] + body + bytes(rng.choice((0, 0, 6)))
    if kind == 0x86DD:
        protocol = rng.choice((6, 17, 58, 59, 132))
        body = _transport(rng, protocol, numbers) + body
        head = (6 << 28 | rng.getrandbits(28)).to_bytes(4, "big") + len(body).to_bytes(2, "big")
        head += bytes((protocol, rng.choice((0, 1, 2, 64, 255))))
        return head + some(128).to_bytes(16, "big") + some(128).to_bytes(16, "big") + body
    if kind == 0x0806:
        return bytes.fromhex("000108000604") + rng.choice((1, 2)).to_bytes(2, "big") + rng.randbytes(20)
    if kind == 0x8847:
        label = rng.choice([n for n in numbers if n < 1 << 20]) or 7
        stack = rng.choice((0, 0, 1))
        top = label << 12 | rng.getrandbits(3) << 9 | (not stack) << 8 | rng.choice((0, 1, 2, 64))
        return top.to_bytes(4, "big") + (0x12345140).to_bytes(4, "big") * stack + rng.randbytes(30)
    return body


def _transport(rng: random.Random, protocol: int, numbers: Sequence[int]) -> bytes:
    ports = [n for n in numbers if n < 1 << 16]
    pair = rng.choice(ports).to_bytes(2, "big") + rng.choice(ports).to_bytes(2, "big")
    return pair + rng.randbytes({6: 16, 17: 4, 132: 8}.get(protocol, 4))
