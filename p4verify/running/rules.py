"""A rule set at random, by what it answers."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..proofs.counterexample import Input
from ..semantics import ir
from ..semantics.ir.traverse import mentioned
from ..semantics.meaning.action_data import control_params, param_leaves
from ..semantics.meaning.answers import answers
from ..semantics.meaning.payload import PayloadFunctions
from ..semantics.meaning.tables import table_actions
from ..semantics.source import InputError, Unsupported
from .entries import random_rules

Function = Callable[..., int]

REAL: Final = 0.3
"""How often there are entries; else every key that is asked draws its own answer."""


def constants_of(program: ir.Program) -> list[int]:
    """The numbers that a program mentions."""
    nodes = mentioned((*program.parsers, *program.controls))
    values = (node.value for node in nodes if isinstance(node, ir.Const))
    return list(dict.fromkeys(v for v in values if isinstance(v, int) and not isinstance(v, bool)))


class Drawn:
    """What no rules say, as what a state holds before: for every argument a number, the same each time."""

    def __init__(self, rng: random.Random, pool: Sequence[int]) -> None:
        self._seed = rng.getrandbits(48)
        self._pool = pool
        self._zeros = rng.random() < 0.4
        self.inputs: dict[str, int] = {}
        """What tables without keys answer, and defaults, by the variables' names."""
        self._functions: dict[str, Function] = {}
        self.hits = self.misses = 0
        """How often tables had an entry so far, or none, where that is counted: where rules are made of what was
        asked."""
        self.lead: Input | None = None
        """An input that is to be run first, and others near it."""
        self.only_again = False
        """Whether all that is to be run is what ran under the rules before."""

    def function(self, name: str, data: bytes) -> Function:
        """What stands for an uninterpreted function, on the frame ``data``."""
        known = self._functions.get(name)
        if known is None:
            if name.startswith("payload."):
                payload: Mapping[str, Function] = PayloadFunctions(data)
                return payload[name]
            zero = self._zeros and ".state." in f".{name}"
            known = self._functions[name] = (lambda *_: 0) if zero else self._value(name)
        return known

    def _value(self, name: str, count: int = 0) -> Function:
        """A number for every argument: small, one that is worth meeting, or any; below ``count``, if that is given."""
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

    def _drawn(self, name: str) -> Function:
        """64 bits for every argument, the same in every process."""
        seed, number = self._seed, zlib.crc32(name.encode())
        return lambda *key: hash((seed, number, *key)) & 0xFFFFFFFFFFFFFFFF


class Rules(Drawn):
    """A rule set, by what it answers: of some entries are made, else every key that is asked draws its own answer,
    which is what some entry with a full mask could give."""

    def __init__(self, program: ir.Program, rng: random.Random, pool: Sequence[int]) -> None:
        super().__init__(rng, pool)
        self._hits = rng.choice((1, 2, 2, 3, 4))
        if rng.random() < REAL:
            try:
                known = answers(program, random_rules(program, rng.getrandbits(30), pool))
            except (Unsupported, InputError):
                known = None
            if known is not None:
                self.inputs, self._functions = dict(known.inputs), dict(known.functions)
                return
        self._draw(program)

    def _draw(self, program: ir.Program) -> None:
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

    def _one_of(self, name: str, numbers: list[int]) -> Function:
        drawn = self._drawn(name)
        return lambda *key: numbers[(drawn(*key) >> 7) % len(numbers)]


def _members(program: ir.Program, param: ir.Param) -> int:
    """How many values an argument may have that is no number; 0 if any."""
    bare = ir.bare(param.type)
    if isinstance(bare, ir.EnumType) and bare.underlying is None:
        return len(bare.members)
    return len(program.errors) if isinstance(bare, ir.ErrorType) else 0
