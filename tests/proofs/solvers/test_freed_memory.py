"""What a query frees is there for the next one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from p4verify.proofs.solvers.freed_memory import keep_freed_memory

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
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // QUERIES)
"""

FEW = 200
"""Pages of 4 KiB; with glibc's own limits it is some 4,000."""


def test_queries_find_the_memory_of_those_before() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    run = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, timeout=120)
    assert int(run.stdout) < FEW
