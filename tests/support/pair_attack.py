"""Random packets and rules against two programs, by the ten thousand: whatever tells them apart, whichever undefined
values are read.

Both programs' behaviours for every rule set are made once and compiled; a rule set is then a function from a table's
key to a legal answer: drawn for every key that is asked, or from random entries. Inputs are drawn towards what the
behaviours ask: bytes, lengths and metadata are set to the numbers that they are compared with, and frames that got into
a case that few got into are changed further.
"""

from __future__ import annotations

import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from p4verify.pairing import Pairing
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.arch.blocks import block_meaning, slots
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.action_data import control_params, param_leaves
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.payload import PayloadFunctions, sum_of
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.meaning.tables import table_actions
from p4verify.semantics.source import InputError, Span, Unsupported

from .choosing import can_show
from .compiled_behaviour import OUTSIDE, Common, Compiled, Shown
from .frames import frame
from .pair_mutation import constants_of
from .random_rules import random_rules

RUNS_OF_RULES: Final = 16
"""Runs under the same rules."""
GUESSES: Final = 16
"""Values of all undefined values of the first program that a difference must outlast."""
DRAWN: Final = 256
"""More of them, each value drawn by itself."""
TRIES: Final = 4
"""Inputs that are drawn at most for each run: many are none that both programs can meet."""
KEPT: Final = 6
"""Frames that are kept for each case."""
SHORT: Final = 256
"""Bytes of the longest frame, save where the behaviours ask for more."""


@dataclass
class Attack:
    """What the runs came to."""

    runs: int = 0
    """Inputs that both programs can meet."""
    outside: int = 0
    cases: int = 0
    """Of the first program's cases, those that were reached ..."""
    of: int = 0
    """... and how many there are."""
    shown: str | None = None
    """The first difference."""
    subjects: list[str] = field(default_factory=list)


def attack(pairing: Pairing, rng: random.Random, runs: int, *, blocks: bool, seconds: float = 30.0) -> Attack:
    """Run both programs on the same random inputs until they differ.

    Args:
        pairing: the programs.
        rng: decides everything.
        runs: inputs in all.
        blocks: compare block by block instead of whole packets.
        seconds: of processor time for runs, after which no more is tried; making the behaviours is not counted, or
            large programs would never be run.

    Raises:
        Unsupported: a program cannot be run.
    """
    total = Attack()
    subjects = list(_subjects(pairing, blocks))
    for name, spec, impl in subjects:
        compiled = _Runs(pairing.first, name, spec, impl, rng)
        begun = time.process_time()
        compiled.go(-(-runs // len(subjects)), begun + seconds, total)
        seconds -= time.process_time() - begun
        if total.shown is not None:
            break
    return total


def _subjects(pairing: Pairing, blocks: bool) -> Iterator[tuple[str, Behaviour, Behaviour]]:
    if not blocks:
        yield "the pipeline", meaning(pairing.first), pairing.in_first_words(meaning(pairing.second))
        return
    for mine, theirs in zip(slots(pairing.first), slots(pairing.second), strict=True):
        if mine.block is None or theirs.block is None:
            continue
        left = block_meaning(
            pairing.first, mine.block, identity=pairing.first_identity, emission="bytes", as_said=True, promised=True
        )
        right = block_meaning(
            pairing.second,
            theirs.block,
            like=left.interface,
            identity=pairing.second_identity,
            emission="bytes",
            as_said=True,
            promised=True,
        )
        if left.loops or right.loops:
            where = Span(pairing.second.file, 1, 1)
            raise Unsupported("loops that are followed no further do anything at all, which is no run of them", where)
        yield f"block {mine.path}", left.behaviour, pairing.in_first_words(right.behaviour)


def by_entry(program: ir.Program) -> frozenset[str]:
    """The states that have a cell for each entry of a table. Which entry has which number is nothing that an observer
    knows: a counter is asked for with the entry's key."""
    direct = {"DirectCounter", "DirectMeter", "direct_counter", "direct_meter"}
    return frozenset(i.name for i in program.instances if i.extern in direct)


class _Runs:
    """Runs of one pair of behaviours."""

    def __init__(self, program: ir.Program, name: str, spec: Behaviour, impl: Behaviour, rng: random.Random) -> None:
        common = Common(spec, impl, but=by_entry(program))
        self._program, self._name, self._rng = program, name, rng
        self._sides = Compiled(spec, common), Compiled(impl, common)
        self._pool = [*constants_of(program), 0, 1]
        self._hints = Hints(self._sides)
        free = {v.name: v for side in self._sides for v in side.variables if not v.name.startswith("any.")}
        self._free = list(free.values())
        self._kept: dict[int, list[bytes]] = {}
        self._met: Counter[int] = Counter()
        self._rules: Rules | None = None
        self.of_port = [n for n in self._hints.of_variables.get("in.port", ()) if n < 512]
        self._in_keys = choices_in_keys(self._sides[0])

    def go(self, runs: int, end: float, total: Attack) -> None:
        """Add to ``total``."""
        total.subjects.append(self._name)
        before = total.runs
        for number in range(TRIES * runs):
            if number % RUNS_OF_RULES == 0:
                if time.process_time() > end or total.runs - before >= runs:
                    break
                self._rules = Rules(self._program, self._rng, self._pool, self._sides)
            found = self._once()
            if found is None:
                total.outside += 1
                continue
            total.runs += 1
            if found:
                total.shown = f"run {number + 1}, {self._name}: {found}"
                break
        total.cases += len(self._met)
        total.of += len(self._sides[0].behaviour.cases)

    def _once(self) -> str | None:
        """One input: "" if both do the same, None if it is none that both meet."""
        rules = self._rules
        assert rules is not None
        data = self._frame()
        values = {v.name: self._value(v, data, rules) for v in self._free}
        padded = data + bytes(max(0, self._hints.bytes - len(data)))
        asked = [[rules.function(name, width, data) for name, width in side.functions] for side in self._sides]
        given = [[values.get(v.name, 0) for v in side.variables] for side in self._sides]
        numbers = [s.which(padded, v, f) for s, v, f in zip(self._sides, given, asked, strict=True)]
        if OUTSIDE in numbers:
            return None
        self._keep(numbers[0], data)
        shown = [s.shown(n, data, padded, v, f) for s, n, v, f in zip(self._sides, numbers, given, asked, strict=True)]
        if shown[0] == shown[1]:
            return ""
        beside = self._asked_for(padded, given[1], asked[1], numbers[1], data)
        names = self._for_certain(data, padded, given[0], asked[0], shown[1], beside)
        if not names or self._drawn_shows(data, padded, given[0], asked[0], shown[1]):
            return ""
        if self._may_show(data, values, asked[0], shown[1]):
            return ""
        some = {n: v for n, v in values.items() if v and not n.startswith("pkt")}
        return f"{names[:3]} on {data.hex()}, {some}: {[(s.get(names[0])) for s in shown]}"

    def _asked_for(self, padded: bytes, given: list[int], asked: list[Any], number: int, data: bytes) -> Asked:
        """What the second program asks its tables for: an undefined value of the first may be that."""
        found: dict[str, dict[int, None]] = {}

        def noting(name: str, function: Any) -> Any:
            def noted(*args: int) -> int:
                found.setdefault(name, {}).update(dict.fromkeys(args))
                return int(function(*args))

            return noted

        noted = [noting(name, f) for (name, _), f in zip(self._sides[1].functions, asked, strict=True)]
        self._sides[1].which(padded, given, noted)
        self._sides[1].shown(number, data, padded, given, noted)
        return {name: list(keys) for name, keys in found.items()}

    def _for_certain(
        self, data: bytes, padded: bytes, given: list[int], asked: list[Any], other: Shown, keys: Asked
    ) -> list[str]:
        """What differs whichever undefined values the first program reads (so far as tried)."""
        side = self._sides[0]
        choices = [i for i, v in enumerate(side.variables) if v.name.startswith("any.")]
        first: Shown | None = None
        names: list[str] = []
        for values in self._guesses(given, choices, keys):
            number = side.which(padded, values, asked)
            if number == OUTSIDE:
                return []
            shown = side.shown(number, data, padded, values, asked)
            if first is None:
                first, names = shown, [n for n in dict.fromkeys((*shown, *other)) if shown.get(n) != other.get(n)]
            names = [n for n in names if shown.get(n) == first.get(n)]
            if not names:
                break
        return names

    def _drawn_shows(self, data: bytes, padded: bytes, given: list[int], asked: list[Any], other: Shown) -> bool:
        """Whether the first program shows what the second did with some undefined values of which each is drawn by
        itself: a function that is asked with them is none for a solver."""
        side, rng = self._sides[0], self._rng
        choices = [(i, max(1, v.width)) for i, v in enumerate(side.variables) if v.name.startswith("any.")]
        values = list(given)
        for _ in range(DRAWN if choices else 0):
            for i, width in choices:
                known = self._hints.of_variables.get(side.variables[i].name, [])
                values[i] = rng.choice((0, (1 << width) - 1, rng.getrandbits(width), *known)) & ((1 << width) - 1)
            number = side.which(padded, values, asked)
            if number != OUTSIDE and side.shown(number, data, padded, values, asked) == other:
                return True
        return False

    def _may_show(self, data: bytes, values: Mapping[str, int], asked: list[Any], other: Shown) -> bool:
        """Whether some undefined values of the first program show what the second did, though no guess does."""
        side = self._sides[0]
        if not any(v.name.startswith("any.") for v in side.variables):
            return False
        functions = {name: f for (name, _), f in zip(side.functions, asked, strict=True)}
        return can_show(side, data, {v: values.get(v.name, 0) for v in side.variables}, functions, other) is True

    def _guesses(self, given: list[int], choices: list[int], keys: Asked) -> Iterator[list[int]]:
        """The first program's inputs, with values of what is undefined in it; without any, just the inputs."""
        if not choices:
            yield given
            return
        beside = list(dict.fromkeys(key for asked in keys.values() for key in asked))
        variables = self._sides[0].variables
        for guess in range(GUESSES + 2 * len(beside)):
            values = list(given)
            for i in choices:
                values[i] = self._guess(variables[i], guess, beside)
            yield values
        zeros = list(given)
        for i in choices:
            zeros[i] = 0
        for turn in range(max(map(len, keys.values()), default=0)):  # parts of one key belong together
            values = list(zeros)
            for name, asked in keys.items():
                for i, low, width in self._in_keys.get(name, ()):
                    values[i] = asked[min(turn, len(asked) - 1)] >> low & ((1 << width) - 1)
            yield values

    def _guess(self, choice: Term, guess: int, beside: list[int]) -> int:
        """A value of an undefined value: zeros, ones, what it is compared with or asked beside, or anything."""
        width, known = max(1, choice.width), self._hints.of_variables.get(choice.name, [])
        if guess >= GUESSES:  # the same for all, then for each its own
            asked = (
                beside[(guess - GUESSES) % len(beside)] if guess - GUESSES < len(beside) else self._rng.choice(beside)
            )
            return asked & ((1 << width) - 1)
        if guess - 2 in range(len(known)):
            return known[guess - 2] & ((1 << width) - 1)
        if known and guess % 2:
            return self._rng.choice(known) & ((1 << width) - 1)
        return (0, (1 << width) - 1, self._rng.getrandbits(width))[min(guess, 2)]

    # --- inputs -----------------------------------------------------------------------------------------------------

    def _keep(self, case: int, data: bytes) -> None:
        self._met[case] += 1
        kept = self._kept.setdefault(case, [])
        if len(kept) < KEPT:
            kept.append(data)
        elif self._rng.random() < 0.1:
            kept[self._rng.randrange(KEPT)] = data

    def _frame(self) -> bytes:
        rng = self._rng
        kind = rng.random()
        if self._kept and kind < 0.6:
            some = rng.sample(list(self._kept), min(4, len(self._kept)))
            base = rng.choice(self._kept[min(some, key=lambda case: self._met[case])])
        elif kind < 0.75:
            base = frame(rng, self._pool)
        else:
            base = rng.randbytes(rng.choice((0, 14, 34, 64, min(self._hints.bytes, SHORT))))
        data = bytearray(base)
        self._hints.put(rng, data)
        if rng.random() < 0.3:
            size = self._hints.length(rng)
            data = data[:size] + bytearray(rng.randbytes(max(0, size - len(data))))
        if data and rng.random() < 0.3:
            data[rng.randrange(len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
        return bytes(data)

    def _value(self, variable: Term, data: bytes, rules: Rules) -> int:
        name, width = variable.name, max(1, variable.width)
        if name == "pkt.len":
            return len(data)
        if name in rules.inputs:
            return rules.inputs[name] & ((1 << width) - 1)
        if name == "in.port" or re.fullmatch(r"each\.\d+\.port", name):
            return self._rng.choice((0, 1, 2, 255, self._rng.randrange(512), *self.of_port))
        total = sum_of(name, data)
        if total is not None:
            return total
        rng = self._rng
        usual = [0, 1, rng.getrandbits(width), rng.choice(self._pool)]
        hints = self._hints.of_variables.get(name)
        if hints and rng.random() < 0.7:
            usual = [rng.choice(hints) + rng.choice((0, 0, 0, 1, -1))]
        return rng.choice(usual) & ((1 << width) - 1)


Asked = dict[str, list[int]]
"""Function → the keys that it was asked with."""


def choices_in_keys(side: Compiled) -> dict[str, list[tuple[int, int, int]]]:
    """Function → the undefined values that are parts of its keys: which of the side's variables, its lowest bit in the
    key, its bits."""
    numbers = {v: i for i, v in enumerate(side.variables) if v.name.startswith("any.")}
    found: dict[str, dict[tuple[int, int, int], None]] = {}
    for call in b.applications(*side.terms):
        for key in call.args:
            low = key.width
            for part in key.args if key.op == "concat" else (key,):
                low -= part.width
                if part in numbers:
                    found.setdefault(call.name, {})[numbers[part], low, part.width] = None
    return {name: list(parts) for name, parts in found.items()}


# --- what is asked of inputs ------------------------------------------------------------------------------------------


class Hints:
    """The numbers with which two behaviours compare the frame's bytes, its length and other inputs."""

    def __init__(self, sides: tuple[Compiled, Compiled]) -> None:
        self.bytes = 0
        """Bytes of a frame that are asked for at most."""
        self._of_bytes: dict[tuple[tuple[tuple[int, int, int], ...], int], None] = {}
        self.of_variables: dict[str, list[int]] = {}
        self._lengths: set[int] = {0, 14, 60}
        for side in sides:
            for node in b.postorder(side.terms):
                if node.op == "var" and node.name.startswith("pkt["):
                    self.bytes = max(self.bytes, int(node.name[4:-1]) + 1)
                elif node.op in ("eq", "ult", "ule", "slt"):
                    for x, y in (node.args, node.args[::-1]):
                        if y.is_const:
                            self._compared(x, y.value)
        self._bytes = list(self._of_bytes)

    def _compared(self, term: Term, value: int) -> None:
        pieces = _pieces(term)
        if pieces is not None:
            self._of_bytes[(pieces, value)] = None
            return
        for v in b.variables(term) if term.op != "ite" else ():
            if v.name == "pkt.len":
                self._lengths |= {max(0, value + k) for k in (-1, 0, 1)} if value < 2048 else set()
            elif not v.name.startswith("pkt"):
                self.of_variables.setdefault(v.name, []).append(value)

    def put(self, rng: random.Random, data: bytearray) -> None:
        """Set some of the frame's bits to what they are compared with, or beside it; make the frame long enough."""
        for _ in range(rng.randrange(6) if self._bytes else 0):
            pieces, value = rng.choice(self._bytes)
            value += rng.choice((0, 0, 0, 0, 1, -1))
            needed = max(index for index, _, _ in pieces) + 1
            if needed > len(data):
                data += rng.randbytes(needed - len(data))
            for index, high, low in reversed(pieces):
                mask = (1 << (high - low + 1)) - 1
                data[index] = data[index] & ~(mask << low) | (value & mask) << low
                value >>= high - low + 1

    def length(self, rng: random.Random) -> int:
        """A length that matters, or any."""
        return rng.choice(list(self._lengths)) if rng.random() < 0.8 else rng.randrange(min(self.bytes, SHORT) + 40)


def _pieces(term: Term) -> tuple[tuple[int, int, int], ...] | None:
    """The bits of the frame that a term is made of, (byte, high, low), the highest first; None if it is not."""
    if term.op == "var" and term.name.startswith("pkt["):
        return ((int(term.name[4:-1]), 7, 0),)
    if term.op == "extract" and term.args[0].op == "var" and term.args[0].name.startswith("pkt["):
        return ((int(term.args[0].name[4:-1]), *term.bounds),)
    if term.op == "concat":
        parts = [_pieces(arg) for arg in term.args if not (arg.is_const and not arg.value)]
        if parts and all(part is not None for part in parts):
            return tuple(piece for part in parts if part is not None for piece in part)
    return None


# --- rules ------------------------------------------------------------------------------------------------------------


class Rules:
    """A rule set, by what it answers: for half of them entries are made, else every key that is asked draws its own
    answer, which is what some entry with a full mask could give."""

    def __init__(
        self, program: ir.Program, rng: random.Random, pool: list[int], sides: tuple[Compiled, Compiled]
    ) -> None:
        self._seed = rng.getrandbits(48)
        self._pool = pool
        self._hits = rng.choice((1, 2, 2, 3, 4))
        self._zeros = rng.random() < 0.4
        self.inputs: dict[str, int] = {}
        self._functions: dict[str, Callable[..., int]] = {}
        if rng.random() < 0.3:
            try:
                known = answers(program, random_rules(program, rng.getrandbits(30), pool))
            except (Unsupported, InputError):
                known = None
            if known is not None:
                self.inputs, self._functions = dict(known.inputs), dict(known.functions)
                return
        self._draw(program, rng)

    def _draw(self, program: ir.Program, rng: random.Random) -> None:
        for control, table in program.tables():
            actions = {a.name: a for a in (*program.actions, *control.actions)}
            name, refs = table.control_name, table_actions(table)
            hits = [i for i, ref in enumerate(table.actions) if not ref.default_only]
            misses = [i for i, ref in enumerate(refs) if not ref.table_only]
            counts: dict[str, int] = {}
            for ref in refs:
                for param in control_params(actions[ref.action]):
                    count = _members(program, param)
                    counts |= {f"{ref.action}.{leaf}": count for leaf, _ in param_leaves(param)}
            hit = self._drawn(f"table.{name}.hit")
            self._functions[f"table.{name}.hit"] = lambda *key, h=hit, any_=bool(hits): int(
                any_ and h(*key) % 8 < 2 * self._hits
            )
            self._functions[f"table.{name}.action"] = self._one_of(f"table.{name}.action", hits or [0])
            chosen = self._one_of(f"table.{name}.default.action", misses or [0])
            self._functions[f"table.{name}.default.action"] = chosen
            self.inputs[f"table.{name}.default.action"] = chosen()
            for argument, count in counts.items():
                for prefix in (f"table.{name}.arg.", f"table.{name}.default.arg."):
                    value = self._value(prefix + argument, count)
                    self._functions[prefix + argument] = value
                self.inputs[f"table.{name}.default.arg.{argument}"] = value()

    def _one_of(self, name: str, numbers: list[int]) -> Callable[..., int]:
        drawn = self._drawn(name)
        return lambda *key: numbers[(drawn(*key) >> 7) % len(numbers)]

    def _value(self, name: str, count: int = 0) -> Callable[..., int]:
        """A number for every argument: small, one that the program mentions, or any."""
        drawn, pool = self._drawn(name), self._pool

        def value(*key: int) -> int:
            found = drawn(*key)
            kind, rest = found & 3, found >> 8
            if count:
                return rest % count
            if kind == 0:
                return rest & 3
            return pool[rest % len(pool)] if kind == 1 else rest | rest << 56 | rest << 112

        return value

    def _drawn(self, name: str) -> Callable[..., int]:
        """64 bits for every argument, the same in every process."""
        seed, number = self._seed, zlib.crc32(name.encode())
        return lambda *key: hash((seed, number, *key)) & 0xFFFFFFFFFFFFFFFF

    def function(self, name: str, width: int, data: bytes) -> Callable[..., int]:
        """What stands for an uninterpreted function, on the frame ``data``."""
        known = self._functions.get(name)
        if known is None:
            if name.startswith("payload."):
                payload: Mapping[str, Callable[..., int]] = PayloadFunctions(data)
                return payload[name]
            known = self._functions[name] = (
                self._zero() if self._zeros and ".state." in f".{name}" else (self._value(name))
            )
        return known

    def _zero(self) -> Callable[..., int]:
        return lambda *_: 0


def _members(program: ir.Program, param: ir.Param) -> int:
    """How many values an argument may have that is no number; 0 if any."""
    bare = ir.bare(param.type)
    if isinstance(bare, ir.EnumType) and bare.underlying is None:
        return len(bare.members)
    return len(program.errors) if isinstance(bare, ir.ErrorType) else 0
