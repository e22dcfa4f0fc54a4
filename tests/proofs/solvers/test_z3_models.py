"""Models read out of Z3."""

from p4verify.proofs.solvers.z3_engine import solve
from p4verify.semantics import bits as b


def test_a_function_that_simplification_leaves_nothing_of_still_has_a_value() -> None:
    """``f(x) != f(x) ^ 1`` is simplified to true, after which Z3's model knows no ``f``."""
    call = b.apply("f", 32, b.var("x", 8))
    result = solve([b.ne(call, b.bxor(call, b.bv(1, 32)))], timeout_s=10)
    assert result.status == "sat", result.reason
    assert "f" in result.functions
