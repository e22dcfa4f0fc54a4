"""What expressions mean (P4-16 spec, "Expressions"): literals, operators, casts, selections, comparisons.

Calls are in :mod:`.calls`, table applications in :mod:`.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .dispatch import evaluates
from .machine import Machine
from .references import read_index, select_member
from .values import (
    UNIT,
    Header,
    Scalar,
    Stack,
    Struct,
    Text,
    Union,
    Value,
    Varbit,
    any_valid,
    boolean,
    default_value,
    scalar_width,
    uninitialised,
)


def is_signed(type_: ir.Type) -> bool:
    """Whether a type's values compare, extend and shift right with their sign."""
    bare = ir.bare(type_)
    if isinstance(bare, ir.EnumType) and bare.underlying is not None:
        return bare.underlying.signed
    return isinstance(bare, ir.BitsType) and bare.signed


def is_empty(type_: ir.Type) -> bool:
    """Whether the type is ``bit<0>`` or ``int<0>``."""
    return isinstance(bare := ir.bare(type_), ir.BitsType) and bare.width == 0


@evaluates(ir.Const)
def _const(m: Machine, node: ir.Const) -> Value:
    type_ = ir.bare(node.type)
    match type_, node.value:
        case ir.StringType(), str(text):
            return Text(text)
        case ir.BoolType(), value:
            return boolean(b.boolean(bool(value)))
        case ir.ErrorType(), str(name):
            return Scalar(b.bv(m.program.errors.index(name), 32))
        case ir.MatchKindType(), str(name):
            return Scalar(b.bv(m.program.match_kinds.index(name), 32))
        case ir.EnumType(), str(name):
            return Scalar(enum_member(type_, name))
        case _, int(number):
            width = scalar_width(node.type, node.span)
            if width is not None:
                return UNIT if is_empty(type_) else Scalar(b.bv(number, width))
    raise Unsupported(f"a literal of type {type(type_).__name__}", node.span)


def enum_member(type_: ir.EnumType, name: str) -> Term:
    """The number that stands for a member: its value, or its index where the enum has no representation."""
    index = type_.members.index(name)
    if type_.underlying is not None:
        return b.bv(type_.values[index], type_.underlying.width)
    return b.bv(index, 32)


@evaluates(ir.Var)
def _var(m: Machine, node: ir.Var) -> Value:
    value = m.state.store.get(node.name)
    if value is None:
        raise Unsupported(f"{node.name} has no value at run time", node.span)
    return value


@evaluates(ir.Member)
def _member(m: Machine, node: ir.Member) -> Value:
    names: list[str] = []
    base: ir.Expr = node
    while isinstance(base, ir.Member) and not isinstance(ir.bare(base.base.type), ir.StackType):
        names.insert(0, base.name)
        base = base.base
    if names and isinstance(base, ir.Index) and isinstance(ir.bare(base.base.type), ir.StackType):
        return _element(m, base, names)
    return select_member(m, m.eval(node.base), node)


@evaluates(ir.Index)
def _index(m: Machine, node: ir.Index) -> Value:
    return _element(m, node)


def _element(m: Machine, node: ir.Index, names: Sequence[str] = ()) -> Value:
    """An element, or the field of it that ``names`` lead to."""
    base = m.eval(node.base)
    if isinstance(base, Struct):
        if not isinstance(node.index, ir.Const):
            raise Unsupported("a tuple's index that is not constant", node.span)
        return base.fields[str(node.index.value)]
    index = m.read(m.eval(node.index), node.index.span)
    if not isinstance(base, Stack):
        raise Unsupported(f"an index into a {type(base).__name__.lower()}", node.span)
    return read_index(m, base, index, node.span, names)


@evaluates(ir.Slice)
def _slice(m: Machine, node: ir.Slice) -> Value:
    return Scalar(b.extract(m.read(m.eval(node.base), node.base.span), node.high, node.low))


@evaluates(ir.Unary)
def _unary(m: Machine, node: ir.Unary) -> Value:
    operand = m.read(m.eval(node.operand), node.operand.span)
    if is_empty(node.type):
        return UNIT
    match node.op:
        case "!":
            return boolean(m.decide(b.not_(operand)))
        case "-":
            return Scalar(b.neg(operand))
    return Scalar(b.bnot(operand))


# --- binary operators -----------------------------------------------------------------------------------------------


@evaluates(ir.Binary)
def _binary(m: Machine, node: ir.Binary) -> Value:
    """Chains like ``a + b + c`` lean left and may be long, so their spine is walked by a loop."""
    spine: list[ir.Binary] = []
    left: ir.Expr = node
    while isinstance(left, ir.Binary):
        spine.append(left)
        left = left.left
    value = m.eval(left)
    for step in reversed(spine):
        value = _step(m, step, value)
    return value


def _step(m: Machine, node: ir.Binary, left: Value) -> Value:
    if node.op in ("&&", "||"):
        return _short_circuit(m, node, m.read(left, node.left.span))
    if node.op in ("==", "!="):
        left = m.fix(left, node.left.span)
        right = m.fix(m.eval(node.right), node.right.span)
        same = m.decide(equal(left, right, node.span))
        return boolean(same if node.op == "==" else b.not_(same))
    x = m.read(left, node.left.span)
    y = m.read(m.eval(node.right), node.right.span)
    if node.op in ("<", "<=", ">", ">="):
        return boolean(_compare(node.op, x, y, is_signed(node.left.type)))
    if node.op in ("/", "%"):
        return Scalar(_divide(m, node, x, y))
    return Scalar(_arithmetic(node, x, y)) if not is_empty(node.type) else UNIT


def _short_circuit(m: Machine, node: ir.Binary, left: Term) -> Value:
    """``&&`` and ``||`` evaluate the right side only where the left one does not decide."""
    result = left
    goes_on = left if node.op == "&&" else b.not_(left)

    def right() -> None:
        nonlocal result
        value = m.read(m.eval(node.right), node.right.span)
        result = b.and_(left, value) if node.op == "&&" else b.or_(left, value)

    m.branch(goes_on, right, lambda: None)
    return boolean(m.decide(result))


def _compare(op: str, x: Term, y: Term, signed: bool) -> Term:
    if op in (">", ">="):
        x, y = y, x
    if op in ("<", ">"):
        return b.slt(x, y) if signed else b.ult(x, y)
    return b.sle(x, y) if signed else b.ule(x, y)


def _arithmetic(node: ir.Binary, x: Term, y: Term) -> Term:
    signed = is_signed(node.left.type)
    match node.op:
        case "+":
            return b.add(x, y)
        case "-":
            return b.sub(x, y)
        case "*":
            return b.mul(x, y)
        case "&":
            return b.band(x, y)
        case "|":
            return b.bor(x, y)
        case "^":
            return b.bxor(x, y)
        case "++":
            return _concat(node, x, y)
        case "<<" | ">>":
            return _shift(node.op, x, y, signed)
        case "|+|" | "|-|":
            return _saturating(node.op, x, y, signed)
    raise Unsupported(f"operator {node.op}", node.span)


def _divide(m: Machine, node: ir.Binary, x: Term, y: Term) -> Term:
    """``/`` and ``%`` of unsigned numbers, which the specification has at compile time only; compilers let them pass.

    By zero the result is anything.
    """
    if is_signed(node.left.type):
        raise Unsupported(f"operator {node.op} on signed values that are not compile-time constants", node.span)
    result = b.udiv(x, y) if node.op == "/" else b.urem(x, y)
    zero = m.decide(b.eq(y, b.bv(0, y.width)))
    return b.ite(zero, m.fresh(x.width, "division by zero", node.span), result) if zero is not b.FALSE else result


def _concat(node: ir.Binary, x: Term, y: Term) -> Term:
    parts = [t for t, side in ((x, node.left), (y, node.right)) if not is_empty(side.type)]
    return b.concat(*parts)


def _shift(op: str, x: Term, y: Term, signed: bool) -> Term:
    """Shifts by any amount: bits that fall off are lost, ``>>`` of ``int`` copies the sign ("Shifts")."""
    width = max(x.width, y.width)
    amount = b.zext(y, width)
    if op == "<<":
        return b.extract(b.shl(b.zext(x, width), amount), x.width - 1, 0)
    wide = b.sext(x, width) if signed else b.zext(x, width)
    shifted = b.ashr(wide, amount) if signed else b.lshr(wide, amount)
    return b.extract(shifted, x.width - 1, 0)


def _saturating(op: str, x: Term, y: Term, signed: bool) -> Term:
    """``|+|`` and ``|-|`` stop at the ends of the range ("Saturating arithmetic")."""
    width = x.width
    operation = b.add if op == "|+|" else b.sub
    if not signed:
        total = operation(b.zext(x, width + 1), b.zext(y, width + 1))
        overflow = b.to_bool(b.extract(total, width, width))
        limit = b.bv(-1 if op == "|+|" else 0, width)
        return b.ite(overflow, limit, b.extract(total, width - 1, 0))
    total = operation(b.sext(x, width + 1), b.sext(y, width + 1))
    negative = b.to_bool(b.extract(total, width, width))
    overflow = b.ne(b.extract(total, width, width), b.extract(total, width - 1, width - 1))
    limit = b.ite(negative, b.bv(1 << (width - 1), width), b.bv((1 << (width - 1)) - 1, width))
    return b.ite(overflow, limit, b.extract(total, width - 1, 0))


def equal(left: Value, right: Value, span: Span) -> Term:
    """``==``: headers are equal if both invalid, or both valid with equal fields; ``nextIndex`` does not count."""
    match left, right:
        case Scalar(x), Scalar(y):
            return b.eq(x, y)
        case Varbit(), Varbit():
            return b.and_(b.eq(left.length, right.length), b.eq(left.bits, right.bits))
        case Struct(fields), Struct(others):
            return b.and_(*(equal(value, others[name], span) for name, value in fields.items()))
        case Header(), Header():
            same = (equal(value, right.fields[name], span) for name, value in left.fields.items())
            both = b.and_(left.valid, right.valid, *same)
            return b.or_(both, b.and_(b.not_(left.valid), b.not_(right.valid)))
        case Union(), Union():
            return b.and_(*(equal(member, right.members[name], span) for name, member in left.members.items()))
        case Stack(), Stack():
            pairs = zip(left.elements, right.elements, strict=True)
            return b.and_(*(equal(x, y, span) for x, y in pairs))
    raise Unsupported(f"comparison of a {type(left).__name__.lower()}", span)


# --- casts, choices, aggregates -------------------------------------------------------------------------------------


@evaluates(ir.Cast)
def _cast(m: Machine, node: ir.Cast) -> Value:
    value = m.eval(node.operand)
    target = ir.bare(node.type)
    width = scalar_width(target, node.span)
    if width is None:
        return convert(value, target, node.span)
    term = m.read(value, node.operand.span)
    if is_empty(target):
        return UNIT
    return Scalar(_cast_term(term, node.operand.type, target, width))


def _cast_term(term: Term, source: ir.Type, target: ir.Type, width: int) -> Term:
    if width == 0:
        return term if term.sort is b.BOOL else b.to_bool(term)
    if term.sort is b.BOOL:
        return b.from_bool(term, width)
    if is_empty(source):
        return b.bv(0, width)
    if width > term.width and is_signed(source):
        return b.sext(term, width)
    return b.resize(term, width)


def convert(value: Value, target: ir.Type, span: Span) -> Value:
    """A tuple or struct as a value of another aggregate type with the same shape; headers become valid."""
    target = ir.bare(target)
    if isinstance(target, ir.HeaderType | ir.StructType | ir.TupleType | ir.StackType):
        parts = _parts(value)
        types = _part_types(target)
        if parts is not None and len(parts) == len(types):
            converted = [convert(part, type_, span) for part, (_, type_) in zip(parts, types, strict=True)]
            if isinstance(value, Header) and isinstance(target, ir.HeaderType):
                return Header(value.valid, dict(zip((n for n, _ in types), converted, strict=True)), value.origin)
            return aggregate(target, converted, span)
    elif isinstance(value, Scalar | Varbit | Union):
        return value
    raise Unsupported(f"a cast to {type(target).__name__}", span)


def _parts(value: Value) -> list[Value] | None:
    match value:
        case Struct(fields) | Header(fields=fields):
            return list(fields.values())
        case Stack(elements):
            return list(elements)
    return None


def _part_types(type_: ir.Type) -> list[tuple[str, ir.Type]]:
    match ir.bare(type_):
        case ir.HeaderType(fields=fields) | ir.StructType(fields=fields):
            return [(f.name, f.type) for f in fields]
        case ir.TupleType(elements):
            return [(str(i), e) for i, e in enumerate(elements)]
        case ir.StackType(element, size):
            return [(str(i), element) for i in range(size)]
        case ir.ListType(element):
            return [("", element)]
    return []


def aggregate(type_: ir.Type, values: list[Value], span: Span) -> Value:
    """A value of a struct, header (valid), tuple, list or stack type from its parts."""
    bare = ir.bare(type_)
    match bare:
        case ir.HeaderType(fields=fields):
            return Header(b.TRUE, {f.name: v for f, v in zip(fields, values, strict=True)})
        case ir.StructType(fields=fields):
            return Struct({f.name: v for f, v in zip(fields, values, strict=True)})
        case ir.TupleType():
            return Struct({str(i): v for i, v in enumerate(values)})
        case ir.StackType() | ir.ListType():
            return Stack(tuple(values), b.bv(0, 32))
    raise Unsupported(f"an aggregate of type {type(bare).__name__}", span)


@evaluates(ir.Mux)
def _mux(m: Machine, node: ir.Mux) -> Value:
    """``?:`` evaluates only the branch that is chosen."""
    condition = m.decide(m.read(m.eval(node.condition), node.condition.span))
    name = f"?:{id(node)}"  # a place in the store, where branches merge values

    def side(expr: ir.Expr) -> None:
        m.state.store[name] = m.fix(m.eval(expr), expr.span)

    m.branch(condition, lambda: side(node.then), lambda: side(node.otherwise))
    value = m.state.store.pop(name, None)
    return value if value is not None else uninitialised(node.type, node.span)


@evaluates(ir.Aggregate)
def _aggregate(m: Machine, node: ir.Aggregate) -> Value:
    return aggregate(node.type, [m.fix(m.eval(v), v.span) for v in node.values], node.span)


@evaluates(ir.InvalidHeader)
def _invalid_header(m: Machine, node: ir.InvalidHeader) -> Value:
    return uninitialised(node.type, node.span)


@evaluates(ir.DefaultValue)
def _default_value(m: Machine, node: ir.DefaultValue) -> Value:
    return default_value(node.type, m.no_error, node.span)


def is_valid(m: Machine, value: Value, span: Span) -> Term:
    """``isValid()`` of a header or union."""
    match value:
        case Header(valid):
            return m.decide(valid)
        case Union():
            return m.decide(any_valid(value))
    raise Unsupported(f"isValid of a {type(value).__name__.lower()}", span)
