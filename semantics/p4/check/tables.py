"""Tables (spec 14.2): keys, actions, default action, entries, size and other properties."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from ...ir import Annotation
from ...source import Span
from .. import syntax as ast
from . import annotate, expressions, keynames, keysets, legality, priorities, typed, typenames, whole
from .context import Context, Phase
from .overloads import Callee, resolve_call
from .symbols import ActionSymbol, ParamSymbol, TableSymbol
from .types import INT, UNKNOWN, Bits, Enum, Type, TypeVar, bare
from .words import article, closest

_UNIQUE: Final = frozenset(("default_action", "size", "largest_priority_wins", "priority_delta"))


def table(cx: Context, node: ast.TableDecl) -> TableSymbol:
    """A table, declared in the present scope."""
    notes = annotate.convert(cx, node.annotations)
    symbol = TableSymbol(node.name.text, node.name.span, annotations=notes)
    cx.declare(symbol)
    body = typed.TableBody(span=node.span)
    symbol.body = body
    _unique_properties(cx, node)
    _order(cx, node)
    for item in node.properties:
        if isinstance(item, ast.KeyProperty):
            body.keys = tuple(_key(cx, symbol, k) for k in item.elements)
        elif isinstance(item, ast.ActionsProperty):
            body.actions = _actions(cx, symbol, item)
    has_actions = any(isinstance(p, ast.ActionsProperty) for p in node.properties)
    if not has_actions:
        text = f"the table '{node.name.text}' has no property 'actions'"
        cx.error(node.name.span, text, phase=Phase.STRUCTURE)
    _value_properties(cx, node, symbol, body)
    if not any(isinstance(p, ast.ValueProperty) and p.name.text == "default_action" for p in node.properties):
        _needs_no_action(cx, symbol)
    for item in node.properties:
        if isinstance(item, ast.EntriesProperty):
            _entries(cx, item, node, symbol, body)
    return symbol


def _unique_properties(cx: Context, node: ast.TableDecl) -> None:
    seen: dict[str, ast.TableProperty] = {}
    names = {ast.KeyProperty: "key", ast.ActionsProperty: "actions", ast.EntriesProperty: "entries"}
    for item in node.properties:
        name = item.name.text if isinstance(item, ast.ValueProperty) else names.get(type(item), "")
        if name in seen:
            text = f"the property '{name}' is given twice"
            cx.error(item.span, text, (seen[name].span, "the other one"), phase=Phase.DUPLICATES)
        seen.setdefault(name, item)


def _order(cx: Context, node: ast.TableDecl) -> None:
    """``default_action`` and ``entries`` come after ``actions``, entries after the key (spec 14.2.1)."""
    seen: set[type[ast.TableProperty]] = set()
    given = {type(p) for p in node.properties}
    for item in node.properties:
        seen.add(type(item))
        if isinstance(item, ast.EntriesProperty) and ast.KeyProperty in given - seen:
            cx.error(item.span, "the entries must come after the key")
        default = isinstance(item, ast.ValueProperty) and item.name.text == "default_action"
        if (default or isinstance(item, ast.EntriesProperty)) and ast.ActionsProperty in given - seen:
            text = "the list of actions must come before the default action and the entries"
            cx.error(node.name.span, text, (item.span, "this comes first"))


# --- keys ----------------------------------------------------------------------------------------------------------


def _key(cx: Context, table_: TableSymbol, node: ast.KeyElement) -> typed.Key:
    with cx.at(kind="key", table=table_):
        found = expressions.value(cx, node.expression)
    kind = node.match_kind
    if kind.text not in cx.program.match_kinds:
        text = f"there is no match_kind '{kind.text}'{closest(kind.text, cx.program.match_kinds)}"
        cx.error(kind.span, text, phase=Phase.NAMES)
    if found.type == INT and isinstance(found, typed.Const):
        cx.error(node.expression.span, "the width of a key must be known")
    elif not _may_be_key(found.type):
        cx.error(node.expression.span, f"a table key cannot be of type {found.type}")
    elif kind.text in ("lpm", "range") and not _has_bits(found.type):
        cx.error(node.expression.span, f"a key of match_kind {kind.text} needs bits, and {found.type} has none")
    notes = annotate.convert(cx, node.annotations)
    given = annotate.find(notes, "name")
    name = _text(given) if given is not None else keynames.key_name(node.expression, found)
    if name is None and found.type is not UNKNOWN:
        text = "this key needs a @name annotation: none can be made from its expression"
        cx.error(node.expression.span, text, phase=Phase.WHOLE)
    return typed.Key(found, kind.text, name or "", notes, node.span)


def _text(annotation: Annotation) -> str:
    return str(annotation.values[0]) if annotation.values else annotation.body or ""


def _has_bits(type_: Type) -> bool:
    plain = bare(type_)
    if isinstance(plain, Enum):
        return plain.symbol.underlying is not None
    return isinstance(plain, (Bits, TypeVar)) or plain is UNKNOWN


def _may_be_key(type_: Type) -> bool:
    return keysets.may_be_key(type_)


# --- actions -------------------------------------------------------------------------------------------------------


def _actions(cx: Context, table_: TableSymbol, node: ast.ActionsProperty) -> tuple[typed.ActionRef, ...]:
    made: list[typed.ActionRef] = []
    for item in node.actions:
        action = _find_action(cx, item.action)
        if action is None:
            continue
        if item.action.name in table_.action_names:
            cx.error(item.span, f"the action '{action.name}' is listed twice")
            continue
        table_.action_names[item.action.name] = action
        args = _bound(cx, item, action)
        notes = annotate.convert(cx, item.annotations)
        made.append(typed.ActionRef(action, args, notes, item.span))
    return tuple(made)


def _find_action(cx: Context, node: ast.NameExpr) -> ActionSymbol | None:
    symbol = expressions.lookup(cx, node)
    if symbol is None or isinstance(symbol, ActionSymbol):
        return symbol
    cx.error(node.span, f"'{node.name}' is {article(symbol.what)}, not an action", (symbol.span, "its declaration"))
    return None


def _bound(cx: Context, node: ast.ActionRef, action: ActionSymbol) -> tuple[typed.Expr, ...]:
    """The arguments in the list of actions: of all parameters with a direction, and of no others."""
    directed = [(p, p.type) for p in action.params if p.direction]
    given = node.arguments or ()
    if len(given) > len(directed):
        extra = given[len(directed)]
        params = action.params
        note = (
            (params[len(directed)].span, "the parameter")
            if len(params) > len(directed)
            else (action.span, "the action")
        )
        cx.error(extra.span, f"too many arguments for '{action.name}': the others are set by the control plane", note)
        return ()
    with cx.at(kind="key"):
        found = resolve_call(
            cx, action.name, [Callee(action, (), directed, action.result, "action")], (), given, node.span
        )
    return () if found is None else tuple(a for a in found.args if a is not None)


def bound_action(
    cx: Context, node: ast.Expression | ast.ActionRef, table_: TableSymbol, body: typed.TableBody, what: str
) -> typed.BoundAction | None:
    """``a(args)`` as a default action or in an entry: an action of the list, all its parameters given."""
    name, given = _called(node)
    if name is None:
        cx.error(node.span, f"{what} must be an action of the table")
        return None
    action = _find_action(cx, name)
    if action is None:
        return None
    ref = next((r for r in body.actions if r.action is action), None)
    if ref is None:
        cx.error(name.span, f"{what} '{action.name}' is not in the table's list of actions", (table_.span, "the table"))
        return None
    params = action.params
    if len(given) > len(params):
        cx.error(node.span, f"too many arguments for '{action.name}'", (action.span, "the action"))
        return None
    directed = [p for p in params if p.direction]
    skipped = len(directed) if len(given) == len(params) - len(directed) and not _gives(given, directed) else 0
    wanted = [(p, p.type) for p in params[skipped:]]
    callee = Callee(action, (), wanted, action.result, "action")
    found = resolve_call(cx, action.name, [callee], (), given, node.span)
    if found is None:
        return None
    return _split(cx, action, ref, skipped, found.args, given, node)


def _gives(given: tuple[ast.Argument, ...], params: list[ParamSymbol]) -> bool:
    """Whether one of ``params`` is given by name."""
    names = {p.name for p in params}
    return any(a.name is not None and a.name.text in names for a in given)


def _called(node: ast.Expression | ast.ActionRef) -> tuple[ast.NameExpr | None, tuple[ast.Argument, ...]]:
    if isinstance(node, ast.ActionRef):
        return node.action, node.arguments or ()
    if isinstance(node, ast.Call) and isinstance(node.callee, ast.NameExpr):
        return node.callee, node.arguments
    if isinstance(node, ast.NameExpr):
        return node, ()
    return None, ()


def _split(
    cx: Context,
    action: ActionSymbol,
    ref: typed.ActionRef,
    skipped: int,
    args: tuple[typed.Expr | None, ...],
    given: tuple[ast.Argument, ...],
    node: ast.Node,
) -> typed.BoundAction | None:
    """Check the bound arguments against those in the list, and keep the control plane's."""
    params = action.params[skipped:]
    control: list[typed.Expr] = []
    bound = list(ref.args)
    for i, (param, arg) in enumerate(zip(params, args, strict=True)):
        if arg is None:
            return None
        if param.direction:
            if i < len(bound) and not same_expression(arg, bound[i]):
                cx.error(
                    arg.span, f"the argument for '{param.name}' differs from the one in the list", (ref.span, "it")
                )
            continue
        if not legality.is_compile_time(arg):
            cx.error(arg.span, f"the argument for '{param.name}' must be a compile-time known value")
        control.append(arg)
    return typed.BoundAction(action, tuple(control), node.span)


def same_expression(left: typed.Expr, right: typed.Expr) -> bool:
    """Whether two expressions are written alike."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (typed.Cast, typed.Default, typed.Invalid)) and left.type != right.type:
        return False
    names = (part.name for part in fields(left) if part.name not in ("type", "span"))
    return all(_same_part(getattr(left, name), getattr(right, name)) for name in names)


def _same_part(left: object, right: object) -> bool:
    """Operands are compared as expressions, symbols by identity, the rest by value."""
    if isinstance(left, typed.Expr) and isinstance(right, typed.Expr):
        return same_expression(left, right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same_part, left, right))
    return left is right or (isinstance(left, (int, str, Type)) and left == right)


def _needs_no_action(cx: Context, symbol: TableSymbol) -> None:
    """A table without a default action has NoAction of the core library."""
    found = cx.global_scope().find("NoAction")
    if isinstance(found, ActionSymbol) and not found.params:
        return
    note = (symbol.span, f"the table '{symbol.name}' has no default action and needs it")
    if found is not None:
        cx.error(found.span, "'NoAction' must be an action without parameters", note)
    else:
        text = f"the table '{symbol.name}' has no default action and needs 'NoAction'; is core.p4 included?"
        cx.error(symbol.span, text)


# --- other properties ----------------------------------------------------------------------------------------------


def _value_properties(cx: Context, node: ast.TableDecl, symbol: TableSymbol, body: typed.TableBody) -> None:
    others: list[typed.Property] = []
    for item in node.properties:
        if not isinstance(item, ast.ValueProperty):
            continue
        name = item.name.text
        if name == "default_action":
            body.default = bound_action(cx, item.value, symbol, body, "default action")
            body.const_default = item.const
            _not_table_only(cx, body, item)
        elif name == "size":
            body.size = size(cx, item.value, "a table")
        elif name == "largest_priority_wins":
            flag = typenames.constant(cx, item.value, "'largest_priority_wins'")
            if flag is not None and not isinstance(flag, bool):
                cx.error(item.value.span, "'largest_priority_wins' must be true or false")
            body.largest_priority_wins = flag is not False
        elif name != "priority_delta":
            with cx.at(kind="control"):
                value = expressions.value(cx, item.value)
            if value.type is not UNKNOWN:
                notes = annotate.convert(cx, item.annotations)
                others.append(typed.Property(name, value, item.const, notes, item.span))
    body.properties = tuple(others)


def _not_table_only(cx: Context, body: typed.TableBody, item: ast.ValueProperty) -> None:
    default = body.default
    if default is None:
        return
    ref = next(r for r in body.actions if r.action is default.action)
    if annotate.find(ref.annotations, "tableonly") is not None:
        cx.error(
            item.value.span, f"the action '{ref.action.name}' is @tableonly and cannot be the default", (ref.span, "it")
        )


def size(cx: Context, node: ast.Expression, what: str) -> typed.Expr | None:
    """The size of a table or value set: a compile-time known number, not negative."""
    found = expressions.value(cx, node)
    if found.type is UNKNOWN:
        return None
    if found.type != INT and not isinstance(bare(found.type), Bits):
        cx.error(node.span, f"the size of {what} must be an integer, not {found.type}")
        return None
    if not legality.is_compile_time(found):
        cx.error(node.span, f"the size of {what} must be a compile-time known value")
        return None
    if isinstance(found, typed.Const) and int(found.value) < 0:
        cx.error(node.span, f"the size of {what} must not be negative")
        return None
    return found


# --- entries -------------------------------------------------------------------------------------------------------


def _entries(
    cx: Context, item: ast.EntriesProperty, node: ast.TableDecl, symbol: TableSymbol, body: typed.TableBody
) -> None:
    if item.entries and not any(isinstance(p, ast.KeyProperty) for p in node.properties):
        cx.error(item.span, f"the table '{symbol.name}' has entries but no key", (symbol.span, "the table"))
        return
    types = tuple(k.expr.type for k in body.keys)
    made: list[typed.Entry] = []
    counted = priorities.Priorities(cx, node, item, symbol, body)
    for entry in item.entries:
        sets = keysets.keyset(cx, entry.keyset, types)
        sets = _one_per_key(sets, len(types))
        _sets_fit(cx, sets, body)
        bound = bound_action(cx, entry.action, symbol, body, "action")
        if item.const and entry.const:
            cx.warn(entry.span, "'const' is not needed where all entries are const")
        notes = annotate.convert(cx, entry.action.annotations)
        priority = counted.of(entry, notes)
        if bound is not None:
            _not_default_only(cx, bound, body, entry)
            const = entry.const or item.const
            made.append(typed.Entry(sets, bound, priority, const, notes, entry.span))
    if len(made) == len(item.entries):
        found = [(node, keysets.identity(e.sets)) for node, e in zip(item.entries, made, strict=True)]
        whole.reachable_cases(cx, found, "entry")
    body.entries, body.const_entries = tuple(made), item.const


def _one_per_key(sets: tuple[typed.KeySet, ...], count: int) -> tuple[typed.KeySet, ...]:
    """``default`` stands for a set of everything for each key."""
    if len(sets) == 1 and count != 1 and isinstance(sets[0], typed.AnySet):
        return tuple(typed.AnySet(sets[0].span) for _ in range(count))
    return sets


def _not_default_only(cx: Context, bound: typed.BoundAction, body: typed.TableBody, entry: ast.Entry) -> None:
    ref = next(r for r in body.actions if r.action is bound.action)
    if annotate.find(ref.annotations, "defaultonly") is not None:
        cx.error(
            entry.action.span,
            f"the action '{ref.action.name}' is @defaultonly and cannot be in an entry",
            (ref.span, "it"),
        )


def _sets_fit(cx: Context, sets: tuple[typed.KeySet, ...], body: typed.TableBody) -> None:
    """Masks in ternary and lpm keys only, ranges in range keys only, prefixes that are prefixes."""
    if len(sets) != len(body.keys):
        return
    for item, key in zip(sets, body.keys, strict=True):
        kind = key.match_kind
        if isinstance(item, typed.RangeSet) and kind in ("exact", "lpm", "ternary", "optional"):
            _misfit(cx, item.span, f"a range cannot be given for a key of match_kind {kind}", key)
        elif isinstance(item, typed.MaskSet):
            if kind in ("exact", "range"):
                text = (
                    f"a mask for a key of match_kind {kind} is an extension: the set of values that it means (14.2.1.4)"
                )
                cx.warn(item.span, text, (key.span, "the key"))
            elif kind == "optional":
                _misfit(cx, item.span, f"a mask cannot be given for a key of match_kind {kind}", key)
            elif kind == "lpm" and not _is_prefix(item.mask, key.expr.type):
                _misfit(cx, item.mask.span, "the mask of a key of match_kind lpm must be a prefix", key)
        elif isinstance(item, typed.AnySet) and kind == "exact":
            _misfit(cx, item.span, "a key of match_kind exact needs a value, not a set of all", key)


def _misfit(cx: Context, span: Span, text: str, key: typed.Key) -> None:
    cx.error(span, text, (key.span, "the key"), phase=Phase.WHOLE)


def _is_prefix(mask: typed.Expr, type_: Type) -> bool:
    plain = bare(type_)
    if isinstance(plain, Enum):
        plain = plain.symbol.underlying or plain
    if not isinstance(mask, typed.Const) or not isinstance(plain, Bits):
        return True
    value = int(mask.value) & ((1 << plain.width) - 1)
    inverted = ~value & ((1 << plain.width) - 1)
    return inverted & (inverted + 1) == 0
