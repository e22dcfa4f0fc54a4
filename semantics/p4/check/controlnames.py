"""Control-plane names of things of one kind must differ (spec 18.3.3). NoAction may be there many times."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...ir import Annotation
from . import typed
from .annotate import find
from .context import Context, Phase
from .symbols import ActionSymbol, BlockSymbol, Symbol
from .types import Extern


def check(cx: Context) -> None:
    """Complain of actions with one control-plane name."""
    known: dict[str, tuple[str, ActionSymbol]] = {}
    for action in cx.program.actions:
        _add(cx, known, action, "")
    for symbol in cx.global_scope().names.values():
        if isinstance(symbol, BlockSymbol) and isinstance(symbol.body, typed.ControlBody):
            prefix = _name(symbol.annotations, symbol.name)
            for action in symbol.body.actions:
                _add(cx, known, action, prefix)
            _within(cx, symbol.body.tables)
            objects = [s.symbol for s in symbol.body.locals if isinstance(s, typed.DeclareInstance)]
            _within(cx, [o for o in objects if isinstance(o.type, Extern)])


def _within(cx: Context, symbols: Iterable[Symbol]) -> None:
    """The tables, or the extern objects, of one control: only a @name can make two alike."""
    known: dict[str, Symbol] = {}
    for symbol in symbols:
        name = _name(symbol.annotations, symbol.name)
        other = known.setdefault(name, symbol)
        if other is not symbol:
            text = f"the {symbol.what} '{symbol.name}' has the control-plane name '{name}' of another one"
            cx.error(symbol.span, text, (other.span, "the other one"), phase=Phase.WHOLE)


def _add(cx: Context, known: dict[str, tuple[str, ActionSymbol]], action: ActionSymbol, prefix: str) -> None:
    name = _name(action.annotations, action.name)
    full = name[1:] if name.startswith(".") else f"{prefix}.{name}" if prefix else name
    if full == "NoAction":
        return
    place, other = known.setdefault(full, (prefix, action))
    if other is not action:
        note = (other.span, "the other one")
        text = f"the action '{action.name}' has the control-plane name '{full}' of another one"
        # Compilers' output has copies of an action in one control, for its tables, and of top-level ones.
        copy = place == prefix != "" or (place == "") != (prefix == "") or _copies(action, other)
        if copy:
            cx.warn(action.span, text, note)
        else:
            cx.error(action.span, text, note, phase=Phase.WHOLE)


def _copies(one: ActionSymbol, two: ActionSymbol) -> bool:
    """Whether two actions look like copies that a compiler made: ``nop_1`` and ``nop_2``, both ``@name(".nop")``."""
    full = _name(one.annotations, one.name)
    if not full.startswith(".") or full != _name(two.annotations, two.name) or one.name == two.name:
        return False
    copied = re.compile(re.escape(full.rpartition(".")[2]) + r"(_\d+)?$")
    alike = [(p.name, p.type, p.direction) for p in one.params] == [(p.name, p.type, p.direction) for p in two.params]
    return alike and all(copied.match(action.name) for action in (one, two))


def _name(annotations: tuple[Annotation, ...], name: str) -> str:
    given = find(annotations, "name")
    return str(given.values[0]) if given is not None and given.values else name
