"""Whether undefined values let a behaviour show something, asked of a solver with tables' answers known one by one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from p4verify.running.behaviours import Compiled
from p4verify.running.runs import Runs
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from tests.support.choosing import can_show
from tests.support.two_headers import BEFORE, BEHIND

KEY = 11
"""What the table has an entry for."""

PROGRAM = (
    BEFORE
    + """control i(inout h_t h, inout m_t m, inout standard_metadata_t s) {
    bit<4> x; bit<4> y;
    action to(bit<9> port) { s.egress_spec = port; }
    table t { key = { x : exact @name("x"); } actions = { to; NoAction; } default_action = NoAction(); }
    apply { s.egress_spec = 5; if (y == x * 3) { t.apply(); } }
}
"""
    + BEHIND
)


def side() -> Compiled:
    program = load_text(PROGRAM, "a.p4").program
    made = meaning(program)
    return Runs(program, made, made, random.Random(1)).sides[0]


def answering(width: int, name: str, port: int) -> Callable[..., int]:
    """One entry, ``KEY`` → ``to(port)``; everything else misses, with the second action."""
    if name.endswith(".hit"):
        return lambda key, *_: int(key == KEY)
    if name.endswith(".action"):
        return lambda key, *_: int(key != KEY)
    return lambda *_: port & ((1 << width) - 1)


@pytest.mark.parametrize(("sent", "can"), [(6, True), (5, True), (7, False)])
def test_a_key_that_only_undefined_values_make_is_found_and_that_there_is_none_is_known(sent: int, can: bool) -> None:
    first, data = side(), bytes(64)
    functions = {name: answering(width, name, 6) for name, width in first.functions}
    values = {v: 1 if v.name == "in.port" else 0 for v in first.variables}
    numbers, asked = [values[v] for v in first.variables], [functions[name] for name, _ in first.functions]
    padded = data + bytes(4096)
    shown = first.shown(first.which(padded, numbers, asked), data, padded, numbers, asked)
    (_, groups, frame, more), *rest = shown["outputs port"]
    wanted = {**shown, "outputs port": [(sent, groups, frame, more), *rest]}
    assert can_show(first, data, values, functions, wanted) is can
