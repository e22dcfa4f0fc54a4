"""Numbers that a solver does not see through, in a header that may not be there: a difference is drawn."""

from __future__ import annotations

import time

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.p4.frontend import load_text

TEXT = """
header h_t {{ bit<32> x; bit<32> y; bit<32> z; bit<32> n; bit<8> left; bit<8> right; bit<8> other; }}
struct s_t {{ h_t h; }}
control c(inout s_t s) {{
    apply {{
        s.h.x = s.h.x + s.h.y;
        s.h.x = s.h.x * s.h.z;
        s.h.x = s.h.x % s.h.n;
        s.h.x = {shifted};
        s.h.x = s.h.x >> s.h.right;
    }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


def program(shifted: str) -> Program:
    return load_text(TEXT.format(shifted=shifted), "test.p4").program


def test_differences_that_may_be_by_undefined_values_do_not_hide_others() -> None:
    """Of a header that is not there no value that is tried gives what the other program has; those that are there
    differ whatever is undefined."""
    once, cut = "s.h.x << s.h.left", "(bit<32>)(bit<31>)(s.h.x << s.h.left)"
    pair = ProgramPair(program(once), program(cut))
    proof = check_pair(pair, Engine(20, time.monotonic() + 40), time.monotonic())
    assert proof.verdict is Verdict.REJECT, proof.reason
