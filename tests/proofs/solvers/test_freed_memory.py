"""What a query frees is there for the next one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from p4verify.proofs.solvers.freed_memory import keep_freed_memory

AS_GLIBC_WOULD = """
from p4verify.proofs.solvers import freed_memory
freed_memory.keep_freed_memory = lambda: False
"""

FAULTS = """
import resource
from p4verify.proofs.solvers import z3_engine
from p4verify.semantics import bits as b
QUERIES = 10
x, y = b.var("x", 32), b.var("y", 32)
query = b.ne(b.mul(x, b.add(y, x)), b.add(b.mul(x, x), b.bxor(x, y)))
def ask():
    assert z3_engine.solve([query], timeout_s=60, memory_mb=4096).status == "sat"
ask()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(QUERIES):
    ask()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

FEWER = 4
"""By how much at least; some 4,000 pages a query become 200 or less, which differs between machines."""


def test_queries_find_the_memory_of_those_before() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    assert _faults(FAULTS) * FEWER < _faults(AS_GLIBC_WOULD + FAULTS)


def _faults(program: str) -> int:
    """Pages that ``program`` asked of the kernel while it put its queries."""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return int(run.stdout)
