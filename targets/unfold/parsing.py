"""The parser: its graph is followed from ``start``; what is extracted stays a stretch of the frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...semantics import ir
from ...semantics.rules.values import constant
from ...semantics.source import Span, Unsupported
from ..base import CannotOffload
from . import places
from .expressions import Valued, as_bits, decide, evaluate
from .lookups import masks_of
from .machine import ExternHandler, Machine
from .state import State, Ways, bounded
from .values import Bits, Cube, Record, Stack, Value, equals, known, prefixes, undefined, width_of

MAX_TRANSITIONS = 1000
"""States on one way; a loop that takes no bytes would have no end."""


def run_parser(m: Machine, parser: ir.Parser, values: dict[str, Value], start: State) -> Ways:
    """The ways through the parser, in order; those that end in ``reject`` have that flow, and the error."""
    frame = f"{parser.name}/"
    entered = replace(start, variables={**start.variables, **{frame + n: v for n, v in values.items()}})
    states = {s.name: s for s in parser.states}
    with m.inside(parser, frame):
        todo = [(s, "start", 0) for s in reversed(m.run(parser.locals, [entered]))]
        ended: Ways = []
        while todo:
            state, name, count = todo.pop()
            if name in ("accept", "reject") or state.flow == "reject":
                ended.append(state if name == "accept" or state.flow == "reject" else replace(state, flow="reject"))
                bounded(ended, parser.span)
                continue
            if count > MAX_TRANSITIONS:
                raise CannotOffload(f"a parser loop of more than {MAX_TRANSITIONS} states", states[name].span)
            todo += reversed([(s, to, count + 1) for s, to in _step(m, states[name], state)])
    return ended


def _step(m: Machine, parser_state: ir.State, state: State) -> Iterator[tuple[State, str]]:
    for end in m.run(parser_state.body, [state]):
        if end.flow == "reject":
            yield end, "reject"
        else:
            yield from _transition(m, parser_state.transition, end)


def _transition(m: Machine, transition: ir.Transition, state: State) -> Iterator[tuple[State, str]]:
    if not transition.keys:
        yield state, transition.cases[0].state
        return
    ways: list[tuple[State, tuple[Bits, ...]]] = [(state, ())]
    for key in transition.keys:
        ways = [(t, (*made, as_bits(v, key.span))) for s, made in ways for t, v in evaluate(m, key, s)]
    for s, keys in ways:
        if s.flow == "run":
            yield from _select(m, transition, s, keys)
        else:
            yield s, "reject"


def _select(m: Machine, transition: ir.Transition, state: State, keys: Sequence[Bits]) -> Iterator[tuple[State, str]]:
    found = list(_cases(m, transition, state, keys))
    states = m.context.ordered([s for s, _ in found])
    yield from zip(states, (to for _, to in found), strict=True)


def _cases(m: Machine, transition: ir.Transition, state: State, keys: Sequence[Bits]) -> Iterator[tuple[State, str]]:
    for case in transition.cases:
        for pairs in _alternatives(m, case, keys):
            cube = _where(m, state.cube, keys, pairs, case.span)
            if cube is not None:
                yield replace(state, cube=cube), case.state
                if cube is state.cube:
                    return
    yield replace(state, flow="reject", error="NoMatch"), "reject"


def _where(m: Machine, cube: Cube, keys: Sequence[Bits], pairs: Sequence[tuple[int, int]], span: Span) -> Cube | None:
    """Where every key has its value under its mask."""
    found: Cube | None = cube
    for bits, (value, mask) in zip(keys, pairs, strict=True):
        wanted = equals(cube.resolve(bits), value, mask, span)
        found = None if wanted is None or found is None else m.context.narrowed(found, wanted)
    if found is not None:
        m.context.note(found.bits, span)
    return found


def _alternatives(m: Machine, case: ir.SelectCase, keys: Sequence[Bits]) -> Iterator[list[tuple[int, int]]]:
    """A case as (value, mask) pairs for all keys; several where there are ranges or value sets."""
    if len(case.sets) == 1 and isinstance(case.sets[0], ir.ParserValueSet):
        name = m.context.value_sets[case.sets[0].name]
        for members in m.context.rules.value_sets.get(name, ()):
            rows: list[list[tuple[int, int]]] = [[]]
            for match, bits in zip(members, keys, strict=True):
                rows = [[*row, pair] for row in rows for pair in masks_of(match, len(bits))]
            yield from rows
        return
    if len(case.sets) == 1 and isinstance(case.sets[0], ir.AnySet):
        yield [(0, 0)] * len(keys)
        return
    rows = [[]]
    for keyset, bits in zip(case.sets, keys, strict=True):
        rows = [[*row, pair] for row in rows for pair in _keyset(m, keyset, len(bits))]
    yield from rows


def _keyset(m: Machine, keyset: ir.KeySet, width: int) -> list[tuple[int, int]]:
    full = (1 << width) - 1
    try:
        match keyset:
            case ir.AnySet():
                return [(0, 0)]
            case ir.ValueSet(value):
                return [(constant(m.context.program, value) & full, full)]
            case ir.MaskSet(value, mask):
                chosen = constant(m.context.program, mask) & full
                return [(constant(m.context.program, value) & chosen, chosen)]
            case ir.RangeSet(low, high) if not _signed(low.type):
                return list(prefixes(constant(m.context.program, low), constant(m.context.program, high), width))
    except Unsupported as error:
        raise CannotOffload(error.reason, error.span) from None
    raise CannotOffload(f"a select case with a {type(keyset).__name__} of this kind", keyset.span)


def _signed(type_: ir.Type) -> bool:
    bare = ir.bare(type_)
    return isinstance(bare, ir.BitsType) and bare.signed


# --- packet_in --------------------------------------------------------------------------------------------------------


def _if_long_enough(m: Machine, state: State, bits: int, span: Span) -> tuple[State, list[State]]:
    """The way where that many more bits are there, and the way where they are not, if there is one."""
    length = (state.cursor + bits + 7) // 8
    if m.context.has(state, length, span):
        return state, []
    longer = replace(state, cube=state.cube.with_length(length))
    short = replace(state, flow="reject", error="PacketTooShort")
    longer, short = m.context.ordered([longer, short])
    return longer, [short]


def _past(m: Machine, state: State, width: int) -> State:
    """So many bits are taken from the frame."""
    return replace(state, cursor=state.cursor + width, taken=state.taken + m.context.ahead(state, width))


def _extract(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``extract(header)``."""
    if len(call.args) != 1:
        raise CannotOffload("extraction of a varbit field", call.span)
    target = call.args[0]
    if target is None:
        type_ = ir.bare(call.type_args[0])
        width = ir.width_of(type_)
        longer, short = _if_long_enough(m, state, width, call.span)
        return [(_past(m, longer, width), ()), *((s, ()) for s in short)]
    type_ = ir.bare(target.type)
    if not isinstance(type_, ir.HeaderType):
        raise CannotOffload(f"extraction of a {type(type_).__name__}", call.span)
    base = target.base if isinstance(target, ir.Member) and target.name == "next" else None
    stack = None if base is None else evaluate(m, base, state)[0][1]
    if isinstance(stack, Stack) and stack.next >= len(stack.items):
        return [(replace(state, flow="reject", error="StackOutOfBounds"), ())]
    widths = {field.name: _width(field, call.span) for field in type_.fields}
    longer, short = _if_long_enough(m, state, sum(widths.values()), call.span)
    taken = _past(m, longer, sum(widths.values()))
    fields: dict[str, Value] = {}
    at = state.cursor
    for name, width in widths.items():
        fields[name] = taken.taken[at : at + width]
        at += width
    done = places.store(m, taken, target, Record(fields, True))
    if isinstance(stack, Stack) and base is not None:
        moved = evaluate(m, base, done)[0][1]
        assert isinstance(moved, Stack)
        done = places.store(m, done, base, replace(moved, next=stack.next + 1))
    return [(done, ()), *((s, ()) for s in short)]


def _width(field: ir.Field, span: Span) -> int:
    """Bits of a header's field that can be extracted."""
    if isinstance(ir.bare(field.type), ir.VarbitType):
        raise CannotOffload("extraction of a varbit field", span)
    if isinstance(ir.bare(field.type), ir.StructType):
        raise CannotOffload("a struct within a header", span)
    return ir.width_of(field.type)


def _lookahead(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``lookahead<bit<N>>()``."""
    width = width_of(call.type_args[0], call.span)
    longer, short = _if_long_enough(m, state, width, call.span)
    ahead = m.context.ahead(longer, width)
    return [(longer, ahead), *((s, undefined(call.type_args[0], call.span)) for s in short)]


def _advance(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``advance(bits)`` by a known number."""
    assert call.args[0] is not None
    found: Valued = []
    for s, value in evaluate(m, call.args[0], state):
        if s.flow != "run":
            found.append((s, ()))
            continue
        count = known(s.cube.resolve(as_bits(value, call.span)))
        if count is None:
            raise CannotOffload("advance by a number that depends on the frame", call.span)
        longer, short = _if_long_enough(m, s, count, call.span)
        found += [(_past(m, longer, count), ()), *((x, ()) for x in short)]
    return found


def _verify(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``verify(condition, error)``."""
    condition, error = call.args
    assert condition is not None
    if not isinstance(error, ir.Const):
        raise CannotOffload("verify with an error that is not constant", call.span)
    return [
        (s if truth or s.flow != "run" else replace(s, flow="reject", error=str(error.value)), ())
        for s, truth in decide(m, condition, state)
    ]


PACKET_IN: dict[tuple[str, str], ExternHandler] = {
    ("packet_in", "extract"): _extract,
    ("packet_in", "lookahead"): _lookahead,
    ("packet_in", "advance"): _advance,
    ("verify", ""): _verify,
}
