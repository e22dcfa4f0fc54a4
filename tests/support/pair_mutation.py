"""Small changes to programs, and random runs of two programs next to each other: what a verdict has to stand up to."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any

from p4verify.pairing import Pairing
from p4verify.running.entries import random_rules
from p4verify.running.ethernet import frame
from p4verify.running.rules import constants_of
from p4verify.semantics import ir
from p4verify.semantics.arch.blocks import Interface, run_block, slots
from p4verify.semantics.arch.opaque import WORLD
from p4verify.semantics.meaning.inputs import Concrete
from p4verify.semantics.meaning.program import ARCHITECTURES, run
from p4verify.semantics.meaning.trace import Trace
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Span, Unsupported

OPERATORS = {
    "+": "-", "-": "+", "*": "+", "|+|": "+", "|-|": "-", "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<",
    "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&",
}  # fmt: skip

Change = Callable[[Any], Any]
Path = tuple[str | int, ...]
Place = tuple[Path, str, Span, Change]


@dataclass(frozen=True)
class Mutant:
    """A program with one change; ``kind`` says which, ``where`` at what place."""

    kind: str
    where: Span
    program: ir.Program


KINDS = ("operator", "constant", "width", "order", "dropped", "branch", "key", "default")
"""What is changed."""


def mutants(
    program: ir.Program, rng: random.Random, count: int, wanted: Mapping[str, int] | None = None
) -> list[Mutant]:
    """Up to ``count`` mutants at random places; ``wanted``: kinds, with how many there may be of each."""
    places = list(_places(program))
    rng.shuffle(places)
    if wanted is not None:
        left = Counter(wanted)
        found = []
        for place in sorted(places, key=lambda place: -left[place[1]]):
            if left[place[1]] > 0:
                left[place[1]] -= 1
                found.append(place)
        places = _in_turn(found)
    return [Mutant(kind, span, _changed(program, path, change)) for path, kind, span, change in places[:count]]


def _in_turn(places: list[Place]) -> list[Place]:
    """One of each kind, then the next of each, the kinds in the order of their first."""
    kinds: dict[str, list[Place]] = {}
    for place in places:
        kinds.setdefault(place[1], []).append(place)
    return [p for row in zip_longest(*kinds.values()) for p in row if p is not None]


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
        case ir.Assign(value=value) if isinstance(ir.bare(value.type), ir.BitsType):
            yield from _width_changes(value.type)
        case ir.If(then=then, otherwise=otherwise) if then != otherwise:
            yield "branch", lambda n: replace(n, then=n.otherwise, otherwise=n.then)
        case ir.Block(body=body) | ir.State(body=body):
            yield from _statement_changes(body)
        case ir.Transition(cases=cases) if len(cases) > 1:
            if cases[0].state != cases[1].state:
                yield "branch", _swap_states
            yield from _swaps(node.keys, _alike, partial(_in_field, "keys"))
            yield from _swaps(cases, _other_sets, partial(_in_field, "cases"), _swap_sets)
        case ir.Table(keys=keys, entries=entries):
            yield from _swaps(keys, _other_keys, partial(_in_field, "keys"), _swap_exprs)
            yield from _swaps(entries, _other_sets, partial(_in_field, "entries"), _swap_sets)
        case ir.Control(tables=tables):
            yield from _swaps(tables, _first_keys_alike, partial(_in_field, "tables"), _swap_first_keys)
            yield from _other_defaults(node)


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


Two = tuple[Any, Any]


def _swaps(
    items: tuple[Any, ...], may: Callable[[Any, Any], bool], put: Callable[[tuple[Any, ...], Any], Any],
    swap: Callable[[Any, Any], Two] = lambda x, y: (y, x),
) -> Iterator[tuple[str, Change]]:  # fmt: skip
    """Keys exchanged, for every two of some items of a node where that may change something."""
    for j, second in enumerate(items):
        for i, first in enumerate(items[:j]):
            if may(first, second):
                new = list(items)
                new[i], new[j] = swap(first, second)
                yield "key", partial(put, tuple(new))


def _in_field(name: str, value: tuple[Any, ...], node: Any) -> Any:
    return replace(node, **{name: value})


def _alike(x: Any, y: Any) -> bool:
    """Whether two expressions are of one type, but not the same."""
    return bool(x != y and x.type == y.type)


def _other_keys(x: ir.Key, y: ir.Key) -> bool:
    return _alike(x.expr, y.expr)


def _swap_exprs(x: ir.Key, y: ir.Key) -> Two:
    return replace(x, expr=y.expr), replace(y, expr=x.expr)


def _other_sets(x: Any, y: Any) -> bool:
    return bool(x.sets != y.sets and len(x.sets) == len(y.sets))


def _swap_sets(x: Any, y: Any) -> Two:
    return replace(x, sets=y.sets), replace(y, sets=x.sets)


def _first_keys_alike(x: ir.Table, y: ir.Table) -> bool:
    return bool(x.keys and y.keys) and _other_keys(x.keys[0], y.keys[0])


def _swap_first_keys(x: ir.Table, y: ir.Table) -> Two:
    mine, theirs = _swap_exprs(x.keys[0], y.keys[0])
    return replace(x, keys=(mine, *x.keys[1:])), replace(y, keys=(theirs, *y.keys[1:]))


def _other_defaults(node: ir.Control) -> Iterator[tuple[str, Change]]:
    """Tables by default doing what another of their actions does, of those that take nothing from the rules; or with
    another number."""
    without = {a.name for a in node.actions if all(param.direction for param in a.params)}
    for i, table in enumerate(node.tables):
        for ref in table.actions:
            if ref.action in without and ref.action != table.default.action and not ref.table_only:
                other = replace(table.default, action=ref.action, args=())
                yield "default", partial(_in_field, "tables", _put(node.tables, i, replace(table, default=other)))
        for k, given in enumerate(table.default.args):
            if isinstance(given, ir.Const) and isinstance(given.type, ir.BitsType) and not isinstance(given.value, str):
                number = replace(given, value=(given.value + 1) % (1 << given.type.width))
                other = replace(table.default, args=_put(table.default.args, k, number))
                yield "default", partial(_in_field, "tables", _put(node.tables, i, replace(table, default=other)))


def _put(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])


def _width_changes(type_: ir.Type) -> Iterator[tuple[str, Change]]:
    """A value that goes through one bit less than it has: its highest bit is lost, or copied from the next one."""
    bare = ir.bare(type_)
    assert isinstance(bare, ir.BitsType)
    if bare.width > 1:
        for signed in (False, True):
            yield "width", partial(_narrowed, ir.BitsType(bare.width - 1, signed), bare)


def _narrowed(narrow: ir.BitsType, whole: ir.BitsType, node: ir.Assign) -> ir.Assign:
    value: ir.Expr = ir.Cast(node.value, ir.BitsType(narrow.width, whole.signed), node.span)
    if narrow.signed != whole.signed:
        value = ir.Cast(value, narrow, node.span)
    wide = ir.BitsType(whole.width, narrow.signed)
    value = ir.Cast(value, wide, node.span)
    return replace(node, value=value if wide == whole else ir.Cast(value, whole, node.span))


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
            result, like = run_block(
                program, block, entries, source, trace, interface, identity, as_said=True, promised=True
            )
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
