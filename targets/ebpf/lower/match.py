"""Whether key values lie in keysets: select cases of parsers, and table entries that are compiled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from ....semantics import ir
from ....semantics.rules.ruleset import Exact, Lpm, Range, Rule, Ternary
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R0, R1, R2, R3, R10
from . import expr as ex
from . import operands, settling
from .gen import Gen
from .hooks import MAP_LOOKUP


@dataclass(frozen=True)
class KeyValue:
    """A key that has been evaluated: ``load(low, count)`` leaves bits of it in r1."""

    width: int
    signed: bool
    load: Callable[[int, int], None]


@contextmanager
def evaluated(g: Gen, keys: Sequence[ir.Expr]) -> Iterator[list[KeyValue]]:
    """The values of ``keys``, computed once, in order."""
    with ExitStack() as stack:
        out: list[KeyValue] = []
        for key in keys:
            width = g.width(key.type, key.span)
            out.append(KeyValue(width, operands.is_signed(key.type), _kept(g, stack, key, width)))
        yield out


def _kept(g: Gen, stack: ExitStack, key: ir.Expr, width: int) -> Callable[[int, int], None]:
    limbs = []
    with g.scope():
        once = settling.settled(g, key) if width > 64 else key
        for low in range(0, width, 64):
            ex.window(g, once, low, min(64, width - low))
            limbs.append(stack.enter_context(g.hold()))

    def load(low: int, count: int) -> None:
        if low % 64 or not limbs:
            raise ValueError("keys are loaded by whole limbs")
        limbs[low // 64].load(R1)

    return load


def unless(g: Gen, keys: Sequence[KeyValue], sets: Sequence[ir.KeySet], fail: Label) -> None:
    """Go to ``fail`` unless every key lies in its set."""
    if len(sets) == 1 and isinstance(sets[0], ir.AnySet):
        return
    if len(sets) == 1 and isinstance(sets[0], ir.ParserValueSet):
        _unless_member(g, keys, sets[0], fail)
        return
    for key, item in zip(keys, sets, strict=True):
        match item:
            case ir.AnySet():
                pass
            case ir.ValueSet(value):
                _masked(g, key, value, None, fail)
            case ir.MaskSet(value, mask):
                _masked(g, key, value, mask, fail)
            case ir.RangeSet(low, high):
                _in_range(g, key, low, high, fail)
            case ir.ParserValueSet():
                raise CannotOffload("a value set beside other sets", item.span)


def _unless_member(g: Gen, keys: Sequence[KeyValue], item: ir.ParserValueSet, fail: Label) -> None:
    """Go to ``fail`` unless the keys, side by side, are a member of a value set."""
    layout = g.layouts[g.value_sets[item.name]]
    entries = layout.entries
    if entries is None or [key.width for key in keys] != [part.width for part in layout.in_order()]:
        raise CannotOffload("a value set whose members are made up in another way than the keys", item.span)
    g.maps[entries.name] = entries
    with g.buffer(entries.key_size, item.span) as place:
        for key, part in zip(keys, layout.in_order(), strict=True):
            for low in range(0, key.width, 64):
                count = min(64, key.width - low)
                size = (count + 7) // 8
                key.load(low, count)
                g.store_bytes(R10, place + part.offset + part.size - low // 8 - size, size)
        g.asm.emit(asm.load_map(R1, entries.name), asm.mov(R2, R10), asm.alu("add", R2, place), asm.call(MAP_LOOKUP))
    g.asm.jump("jeq", R0, 0, fail)


def unless_rule(g: Gen, keys: Sequence[KeyValue], rule: Rule, fail: Label) -> None:
    """Go to ``fail`` unless every key matches as the rule says."""
    for key, item in zip(keys, rule.matches, strict=True):
        match item:
            case Exact(value):
                _under(g, key, value, -1, fail)
            case Lpm(value, length):
                _under(g, key, value, -1 << key.width - length, fail)
            case Ternary(value, mask):
                _under(g, key, value, mask, fail)
            case Range(low, high):
                _between(g, key, low, high, fail)


def _under(g: Gen, key: KeyValue, value: int, mask: int, fail: Label) -> None:
    """Go to ``fail`` if the key differs from ``value`` under ``mask``."""
    for low in range(0, key.width, 64):
        count = min(64, key.width - low)
        full = (1 << count) - 1
        bits = mask >> low & full
        if bits:
            key.load(low, count)
            if bits != full:
                g.constant(R2, bits)
                g.asm.emit(asm.alu("and", R1, R2))
            _jump_constant(g, "jne", value >> low & bits, fail)


def _between(g: Gen, key: KeyValue, low: int, high: int, fail: Label) -> None:
    if key.width > 64:
        for op, bound in (("lt", low), ("gt", high)):
            _wide_beyond(g, key, op, partial(_bits_of, g, bound), fail)
    elif key.width:
        key.load(0, key.width)
        _jump_constant(g, "jlt", low, fail)
        _jump_constant(g, "jgt", high, fail)


def _bits_of(g: Gen, number: int, low: int, count: int) -> None:
    g.constant(R1, number >> low & (1 << count) - 1)


def _wide_beyond(g: Gen, key: KeyValue, op: str, bound: Callable[[int, int], None], fail: Label) -> None:
    """Go to ``fail`` if a key of more than 64 bits is less (``lt``) or greater (``gt``) than a bound: the highest word
    in which they differ decides. ``bound`` leaves bits of it in r1, so many from one on."""
    inside = g.asm.label()
    top = (key.width - 1) // 64 * 64
    for low in range(top, -1, -64):
        count = min(64, key.width - low)
        bound(low, count)
        with g.hold() as held:
            key.load(low, count)
            held.load(R2)
        signed = key.signed and low == top
        if signed:
            g.sign_extend(R1, count)
            g.sign_extend(R2, count)
        g.asm.jump(("js" if signed else "j") + op, R1, R2, fail)
        if low:
            g.asm.jump("jne", R1, R2, inside)
    g.asm.place(inside)


def _masked(g: Gen, key: KeyValue, value: ir.Expr, mask: ir.Expr | None, fail: Label) -> None:
    number = operands.constant_value(g, value)
    bits = -1 if mask is None else operands.constant_value(g, mask)
    if number is not None and bits is not None:
        _under(g, key, number, bits, fail)
        return
    for low in range(0, key.width, 64):
        _masked_limb(g, key, value, mask, low, min(64, key.width - low))
        g.asm.jump("jne", R1, R2, fail)


def _masked_limb(g: Gen, key: KeyValue, value: ir.Expr, mask: ir.Expr | None, low: int, count: int) -> None:
    """r1 = the key's bits, r2 = the value's, both under the mask."""
    ex.window(g, value, low, count)
    with g.hold() as wanted:
        if mask is None:
            g.constant(R1, -1)
        else:
            ex.window(g, mask, low, count)
        with g.hold() as bits:
            key.load(low, count)
            bits.load(R3)
        wanted.load(R2)
    g.asm.emit(asm.alu("and", R1, R3), asm.alu("and", R2, R3))


def _jump_constant(g: Gen, op: str, number: int, target: Label) -> None:
    if number < 1 << 31:
        g.asm.jump(op, R1, number, target)
    else:
        g.constant(R2, number)
        g.asm.jump(op, R1, R2, target)


def _in_range(g: Gen, key: KeyValue, low: ir.Expr, high: ir.Expr, fail: Label) -> None:
    if not key.width:
        return
    for bound, op in ((low, "lt"), (high, "gt")):
        if key.width > 64:
            _wide_beyond(g, key, op, partial(ex.window, g, bound), fail)
            continue
        ex.value(g, bound)
        g.asm.emit(asm.mov(R2, R1))
        key.load(0, key.width)
        if key.signed:
            g.sign_extend(R1, key.width)
            g.sign_extend(R2, key.width)
        g.asm.jump(("js" if key.signed else "j") + op, R1, R2, fail)
