"""Types, expressions, sets and annotations."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .node import Name, Node, node

# --- Types (7) -------------------------------------------------------------------------------------------------------


@node
class Type(Node):
    """A reference to a type."""


@node
class BoolType(Type):
    """``bool``"""


@node
class ErrorType(Type):
    """``error``"""


@node
class MatchKindType(Type):
    """``match_kind``"""


@node
class StringType(Type):
    """``string``"""


@node
class VoidType(Type):
    """``void``: a result or a type argument."""


@node
class DontCareType(Type):
    """``_`` as a type argument."""


@node
class BitType(Type):
    """``bit<width>``; without a width, ``bit``, which is ``bit<1>``."""

    width: Expression | None = None


@node
class IntType(Type):
    """``int<width>``; without a width, ``int``, the integers."""

    width: Expression | None = None


@node
class VarbitType(Type):
    """``varbit<width>``"""

    width: Expression


@node
class NamedType(Type):
    """``T`` or ``.T``; the name of a type or of a type variable."""

    name: str
    absolute: bool = False


@node
class SpecializedType(Type):
    """``T<A, ...>``"""

    base: NamedType
    arguments: tuple[Type, ...]


@node
class StackType(Type):
    """``T[size]``"""

    element: Type
    size: Expression


@node
class TupleType(Type):
    """``tuple<A, ...>``"""

    elements: tuple[Type, ...]


@node
class ListType(Type):
    """``list<T>``"""

    element: Type


# --- Expressions (8) -------------------------------------------------------------------------------------------------


@node
class Expression(Node):
    """Anything with a value, or that names something."""


@node
class IntLiteral(Expression):
    """``8w0xFF``, ``4s7``, ``10``; ``width`` and ``signed`` are as written (no width: the type is ``int``)."""

    value: int
    width: int | None = None
    signed: bool = False
    base: int = 10


@node
class StringLiteral(Expression):
    """The characters between the quotes, with backslashes as written (6.4.3.3)."""

    value: str


@node
class BoolLiteral(Expression):
    """``true`` or ``false``"""

    value: bool


@node
class This(Expression):
    """``this``"""


@node
class Dots(Expression):
    """``...``: the default value, for what is not listed (7.3)."""


@node
class InvalidHeader(Expression):
    """``{#}``"""


@node
class NameExpr(Expression):
    """``x`` or ``.x``"""

    name: str
    absolute: bool = False


@node
class Member(Expression):
    """``base.member``"""

    base: Expression
    member: Name


@node
class TypeMember(Expression):
    """``T.member`` of an enum (or of anything named by a type), ``error.member``."""

    type: Type
    member: Name


@node
class Index(Expression):
    """``base[index]``"""

    base: Expression
    index: Expression


@node
class Slice(Expression):
    """``base[high:low]``"""

    base: Expression
    high: Expression
    low: Expression


@node
class PlusSlice(Expression):
    """``base[low +: width]``"""

    base: Expression
    low: Expression
    width: Expression


@node
class ListExpr(Expression):
    """``{a, b}``; the last element may be :class:`Dots`."""

    elements: tuple[Expression, ...]


@node
class FieldValue(Node):
    """``name = value`` in a structure-valued expression or in a structured annotation."""

    name: Name
    value: Expression


@node
class StructExpr(Expression):
    """``{a = 1, b = 2}``; with ``dots``, ``{a = 1, ...}``."""

    fields: tuple[FieldValue, ...]
    dots: bool = False


@node
class Unary(Expression):
    """``op operand``; op is one of ``! ~ - +``."""

    op: str
    operand: Expression


@node
class Binary(Expression):
    """``left op right``; op is one of ``* / % + - |+| |-| ++ << >> & ^ | < > <= >= == != && ||``."""

    op: str
    left: Expression
    right: Expression


@node
class Conditional(Expression):
    """``condition ? then : otherwise``"""

    condition: Expression
    then: Expression
    otherwise: Expression


@node
class Cast(Expression):
    """``(type) operand``"""

    type: Type
    operand: Expression


@node
class Argument(Node):
    """``value`` or ``name = value``; no value is ``_``."""

    value: Expression | None
    name: Name | None = None


@node
class Call(Expression):
    """``callee<types>(arguments)``"""

    callee: Expression
    type_arguments: tuple[Type, ...]
    arguments: tuple[Argument, ...]


@node
class Construct(Expression):
    """``T(arguments)``: a nameless instance."""

    type: NamedType | SpecializedType
    arguments: tuple[Argument, ...]


# --- Sets (8.15): labels of select cases, keys of table entries ------------------------------------------------------


@node
class SetExpr(Node):
    """A set that is not written as one expression (an expression stands for its value, or for a value set)."""


@node
class DefaultSet(SetExpr):
    """``default``: everything."""


@node
class DontCareSet(SetExpr):
    """``_``: everything."""


@node
class MaskSet(SetExpr):
    """``value &&& mask``"""

    value: Expression
    mask: Expression


@node
class RangeSet(SetExpr):
    """``low .. high``"""

    low: Expression
    high: Expression


@node
class TupleSet(SetExpr):
    """``(set, ...)``; a single expression in parentheses is no tuple."""

    elements: tuple[SimpleKeyset, ...]


SimpleKeyset: TypeAlias = Expression | DefaultSet | DontCareSet | MaskSet | RangeSet
Keyset: TypeAlias = SimpleKeyset | TupleSet


# --- Annotations (20) ------------------------------------------------------------------------------------------------


@node
class Annotation(Node):
    """``@name``; the other forms are subclasses."""

    name: Name


@node
class AnnotationToken(Node):
    """One token of an unstructured body; ``text`` is as written (a string has its quotes)."""

    kind: Literal["string", "integer", "name", "other"]
    text: str


@node
class TokenAnnotation(Annotation):
    """``@name(tokens)``, or with ``pragma`` the line ``@pragma name tokens``."""

    tokens: tuple[AnnotationToken, ...]
    pragma: bool = False


@node
class ListAnnotation(Annotation):
    """``@name[expression, ...]``"""

    expressions: tuple[Expression, ...]


@node
class PairAnnotation(Annotation):
    """``@name[key = expression, ...]``"""

    pairs: tuple[FieldValue, ...]


Annotations: TypeAlias = tuple[Annotation, ...]
