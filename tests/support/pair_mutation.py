"""Small changes to programs, and random runs of two programs next to each other: what a verdict has to stand up to."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

from p4verify.pairing import Pairing
from p4verify.semantics import ir
from p4verify.semantics.arch.blocks import Interface, run_block, slots
from p4verify.semantics.arch.opaque import WORLD
from p4verify.semantics.meaning.inputs import Concrete
from p4verify.semantics.meaning.program import ARCHITECTURES, run
from p4verify.semantics.meaning.trace import Trace
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Span, Unsupported
from tests.support.frames import frame
from tests.support.random_rules import random_rules

OPERATORS = {
    "+": "-", "-": "+", "*": "+", "|+|": "+", "|-|": "-", "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<",
    "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&",
}  # fmt: skip

Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """A program with one change; ``kind`` says which, ``where`` at what place."""

    kind: str
    where: Span
    program: ir.Program


def mutants(program: ir.Program, rng: random.Random, count: int) -> list[Mutant]:
    """Up to ``count`` mutants; the places are chosen at random."""
    places = list(_places(program))
    rng.shuffle(places)
    return [Mutant(kind, span, _changed(program, path, change)) for path, kind, span, change in places[:count]]


Path = tuple[str | int, ...]
Place = tuple[Path, str, Span, Change]


def _places(program: ir.Program) -> Iterator[Place]:
    """Everything that can be changed, with the way down to it."""
    roots: list[tuple[Path, Any]] = []
    for name in ("controls", "parsers"):
        roots += [((name, i), block) for i, block in enumerate(getattr(program, name))]
    stack = roots
    while stack:
        path, node = stack.pop()
        for kind, change in _changes(node):
            yield path, kind, getattr(node, "span", Span("", 0, 0)), change
        stack += [((*path, *way), part) for way, part in _parts(node)]


def _parts(node: Any) -> Iterator[tuple[Path, Any]]:
    for item in fields(node):
        if item.name in ("type", "params", "annotations", "span", "type_args", "default"):
            continue
        value = getattr(node, item.name)
        if isinstance(value, tuple):
            yield from (((item.name, i), v) for i, v in enumerate(value) if is_dataclass(v))
        elif is_dataclass(value) and not isinstance(value, Span):
            yield (item.name,), value


def _changes(node: Any) -> Iterator[tuple[str, Change]]:
    match node:
        case ir.Binary(op=op) if op in OPERATORS:
            yield "operator", lambda n: replace(n, op=OPERATORS[n.op])
            if op in ("-", "<<", ">>", "<", "<=", ">", ">=") and node.left.type == node.right.type:
                yield "order", lambda n: replace(n, left=n.right, right=n.left)
        case ir.Unary(op="!" | "~"):
            yield "operator", lambda n: n.operand
        case ir.Const(value=bool()):
            yield "constant", lambda n: replace(n, value=not n.value)
        case ir.Const(value=int(), type=ir.BitsType(width, False)) if width:
            yield "constant", lambda n: replace(n, value=(n.value + 1) % (1 << n.type.width))
        case ir.Slice(low=low) if low:
            yield "width", lambda n: replace(n, high=n.high - 1, low=n.low - 1)
        case ir.If(then=then, otherwise=otherwise) if then != otherwise:
            yield "branch", lambda n: replace(n, then=n.otherwise, otherwise=n.then)
        case ir.Block(body=body) | ir.State(body=body):
            yield from _statement_changes(body)
        case ir.Transition(cases=cases) if len(cases) > 1 and cases[0].state != cases[1].state:
            yield "branch", _swap_states
        case ir.Table(keys=(first, second, *_)) if first.expr != second.expr and first.expr.type == second.expr.type:
            yield "key", _swap_keys


def _statement_changes(body: tuple[Any, ...]) -> Iterator[tuple[str, Change]]:
    for i, statement in enumerate(body):
        if not isinstance(statement, ir.Declare):
            yield "dropped", partial(_dropped, i)
        if i and not isinstance(statement, ir.Declare) and not isinstance(body[i - 1], ir.Declare):
            yield "order", partial(_swapped, i)


def _dropped(at: int, node: Any) -> Any:
    return replace(node, body=(*node.body[:at], *node.body[at + 1 :]))


def _swapped(at: int, node: Any) -> Any:
    body = node.body
    return replace(node, body=(*body[: at - 1], body[at], body[at - 1], *body[at + 1 :]))


def _swap_states(node: ir.Transition) -> ir.Transition:
    first, second, *rest = node.cases
    return replace(node, cases=(replace(first, state=second.state), replace(second, state=first.state), *rest))


def _swap_keys(node: ir.Table) -> ir.Table:
    first, second, *rest = node.keys
    return replace(node, keys=(replace(first, expr=second.expr), replace(second, expr=first.expr), *rest))


def _changed(node: Any, path: Path, change: Change) -> Any:
    if not path:
        return change(node)
    step = path[0]
    if isinstance(step, int):
        return (*node[:step], _changed(node[step], path[1:], change), *node[step + 1 :])
    return replace(node, **{step: _changed(getattr(node, step), path[1:], change)})


# --- attack ---------------------------------------------------------------------------------------------------------


class Hashed(Mapping[str, Callable[..., int]]):
    """A function for every name: its result is a hash of name and arguments."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __getitem__(self, name: str) -> Callable[..., int]:
        def function(*args: int) -> int:
            text = repr((self._seed, name, args)).encode()
            return int.from_bytes(hashlib.blake2b(text, digest_size=32).digest(), "big")

        return function

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def constants_of(program: ir.Program) -> list[int]:
    """The numbers that a program mentions."""
    found: dict[int, None] = {}
    stack: list[Any] = [*program.controls, *program.parsers]
    while stack:
        node = stack.pop()
        if isinstance(node, ir.Const) and isinstance(node.value, int) and not isinstance(node.value, bool):
            found[node.value] = None
        stack += [part for _, part in _parts(node)]
    return list(found)


RUNS_OF_RULES = 8
"""Runs with the same rules: making these takes longer than a run."""


def difference(pairing: Pairing, rng: random.Random, runs: int, *, blocks: bool) -> str | None:
    """Something random on which the two programs do different things, no undefined value being read; None if none was
    found. ``blocks``: each block by itself, else whole packets."""
    pool = constants_of(pairing.first)
    for number in range(runs):
        try:
            if number % RUNS_OF_RULES == 0:
                rules = random_rules(pairing.first, rng.randrange(1 << 30), pool)
                theirs = pairing.second_rules(rules)
            found = _blocks_differ(pairing, rules, theirs, rng, pool) if blocks else _packets_differ(
                pairing, rules, theirs, rng, pool
            )  # fmt: skip
        except (Unsupported, InputError, ValueError):
            return None
        if found is not None:
            return f"run {number + 1}: {found}"
    return None


def _packets_differ(
    pairing: Pairing, rules: RuleSet, theirs: RuleSet, rng: random.Random, pool: list[int]
) -> str | None:
    data = frame(rng, pool) if rng.random() < 0.5 else _bytes(rng, pool)
    port = rng.choice((0, 1, 2, 255, rng.randrange(512)))
    left = run(pairing.first, rules, data, port)
    right = run(pairing.second, theirs, data, port)
    if left.undefined or right.undefined or left.outputs == right.outputs:
        return None
    return f"port {port}, packet {data.hex()}: {left.outputs} {right.outputs}"


def _bytes(rng: random.Random, pool: list[int]) -> bytes:
    parts = []
    for _ in range(rng.randrange(12)):
        width = rng.choice((1, 1, 2, 4, 6))
        value = rng.choice(pool) if pool and rng.random() < 0.5 else rng.getrandbits(8 * width)
        parts.append((value % (1 << 8 * width)).to_bytes(width, "big"))
    return b"".join(parts)


def _blocks_differ(
    pairing: Pairing, rules: RuleSet, theirs: RuleSet, rng: random.Random, pool: list[int]
) -> str | None:
    seed = rng.randrange(1 << 30)
    data = _bytes(rng, pool)
    for mine, other in zip(slots(pairing.first), slots(pairing.second), strict=True):
        if mine.block is None or other.block is None:
            continue
        values = _Drawn(seed, pool)
        results, undefined, like = [], False, None
        for program, block, entries, identity in (
            (pairing.first, mine.block, rules, pairing.first_identity),
            (pairing.second, other.block, theirs, pairing.second_identity),
        ):
            trace = Trace()
            source = Concrete(data, 0, values, {}, lambda _: 0, Hashed(seed))  # type: ignore[arg-type]
            interface: Interface | None = like
            result, like = run_block(program, block, entries, source, trace, interface, identity)
            results.append({WORLD: values.get(WORLD, 0), **result})
            undefined = undefined or _reads_undefined(trace)
        if not undefined and results[0] != results[1]:
            names = [n for n in results[0] if results[0][n] != results[1].get(n)]
            return f"block {mine.path} in {names[:3]}, inputs {dict(values.drawn)}, packet {data.hex()}"
    return None


def _reads_undefined(trace: Trace) -> bool:
    return any(step["step"] == "undefined" for step in trace.steps)


class _Drawn(dict[str, int]):
    """Inputs by name, each drawn when it is first asked for (validity and small fields come out small)."""

    def __init__(self, seed: int, pool: list[int]) -> None:
        super().__init__()
        self._rng, self._pool = random.Random(seed), pool
        self.drawn: dict[str, int] = {}

    def get(self, name: str, default: Any = 0) -> int:
        if name not in self.drawn:
            usual = [0, 1, self._rng.getrandbits(8), self._rng.getrandbits(64)]
            self.drawn[name] = self._rng.choice([*usual, *(self._rng.sample(self._pool, min(4, len(self._pool))))])
        return self.drawn[name]


def known(program: ir.Program) -> bool:
    """Whether packets can be run through the whole program."""
    return program.arch in ARCHITECTURES
