"""The term algebra: ``from p4verify.semantics import bits as b`` and build with ``b.add(x, b.bv(1, 8))``."""

from . import rules_bits, rules_bool, rules_parts, rules_sums  # registers the rewrites
from .build import (
    SortError,
    add,
    and_,
    apply,
    array_var,
    ashr,
    band,
    binary,
    bnot,
    bor,
    bxor,
    compare,
    concat,
    const_array,
    eq,
    extract,
    from_bool,
    implies,
    ite,
    lshr,
    mul,
    ne,
    neg,
    not_,
    or_,
    resize,
    sdiv,
    select,
    sext,
    shl,
    sle,
    slt,
    srem,
    store,
    sub,
    to_bool,
    udiv,
    uge,
    ugt,
    ule,
    ult,
    urem,
    zext,
)
from .concrete import signed
from .linear import in_order
from .needed import needed
from .partial import Partial
from .pieces import chunks
from .plan import Plan
from .rewrite import RULES
from .rules_sums import total
from .term import BOOL, FALSE, TRUE, Sort, Term, bit_vector, boolean, bv, make, postorder, show, size, var
from .walk import (
    Value,
    applications,
    conjuncts,
    disjuncts,
    evaluate,
    leading_to,
    literal,
    rebuild,
    substitute,
    variables,
)

__all__ = [
    "BOOL", "FALSE", "RULES", "TRUE", "Partial", "Plan", "Sort", "SortError", "Term", "Value", "add", "and_",
    "applications", "apply",
    "array_var", "ashr", "band", "binary", "bit_vector", "bnot", "boolean", "bor", "bv", "bxor", "chunks", "compare",
    "concat", "conjuncts",
    "const_array", "disjuncts", "eq", "evaluate", "extract", "from_bool", "implies", "in_order",
    "ite", "leading_to", "literal", "lshr", "make", "mul", "ne",
    "needed", "neg", "not_", "or_", "postorder", "rebuild", "resize", "rules_bits", "rules_bool", "rules_parts",
    "rules_sums", "sdiv",
    "select", "sext", "shl", "show", "signed", "size", "sle", "slt", "srem", "store", "sub", "substitute", "to_bool",
    "total", "udiv",
    "uge", "ugt", "ule", "ult", "urem", "var", "variables", "zext",
]  # fmt: skip
