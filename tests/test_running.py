"""Random runs of two programs: a behaviour as Python functions does what it is evaluated to do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.running.behaviours import OUTSIDE, Common, Compiled
from p4verify.running.ethernet import frame, with_checksum
from p4verify.running.hints import Hints
from p4verify.running.inputs import Inputs
from p4verify.running.rules import Rules, constants_of
from p4verify.running.runs import Runs
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import INPUT_PACKET, Behaviour, Case, Output
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from tests.support.two_headers import BEFORE, BEHIND

TEXT = (
    BEFORE
    + """control i(inout h_t h, inout m_t m, inout standard_metadata_t s) {
    register<bit<16>>(65536) seen;
    action put(bit<32> d, bit<9> port) { h.f.d = d; h.f.a = (bit<16>) (d >> 3); s.egress_spec = port; }
    table t { key = { h.e.kind : exact; h.f.c : ternary; } actions = { put; NoAction; } default_action = NoAction(); }
    apply {
        bit<16> before;
        seen.read(before, (bit<32>) h.e.a);
        if (h.e.isValid() && t.apply().hit && before > 3) { h.e.a = before * h.e.a; } else { h.e.a = h.f.c; }
        seen.write((bit<32>) h.e.a, NEW);
    }
}
"""
    + BEHIND
)

PROGRAM = load_text(TEXT.replace("NEW", "before + 1"), "test.p4").program
BEHAVIOUR = meaning(PROGRAM)


@given(st.integers(0, 1 << 32))
@settings(max_examples=40, deadline=None)
def test_a_compiled_behaviour_shows_what_it_is_evaluated_to_do(seed: int) -> None:
    rng = random.Random(seed)
    side = Compiled(BEHAVIOUR, Common(BEHAVIOUR, BEHAVIOUR))
    pool = [*constants_of(PROGRAM), 0]
    inputs, rules = Inputs(Hints((side, side)), rng, pool), Rules(PROGRAM, rng, pool)
    for _ in range(8):
        data = inputs.frame()
        values = [inputs.value(v, data, rules) for v in side.variables]
        asked = [_of_width(rules.function(name, data), width) for name, width in side.functions]
        padded = inputs.padded(data)
        number = side.which(padded, values, asked)
        if number == OUTSIDE:
            continue
        inputs.keep(number, data)
        shown = side.shown(number, data, padded, values, asked)
        named = {v.name: value for v, value in zip(side.variables, values, strict=True)}
        (state,) = {name.removeprefix("at.") for name in named if name.startswith("at.")}
        cell = named[f"at.{state}"]
        seen = evaluate_behaviour(
            BEHAVIOUR,
            data,
            named.get("in.port", 0),
            functions={name: f for (name, _), f in zip(side.functions, asked, strict=True)},
            inputs=named,
            choices={n: value for n, value in named.items() if n.startswith("any.")},
            cells={state: (cell,)},
        )
        sent = [("port", port, frame) for port, _, frame, _ in shown.get("outputs port", [])]
        assert sent == [output for output in seen.outputs if output[0] == "port"]
        assert shown[f"state {state}"] == seen.state[state][cell]


def _of_width(function: Callable[..., int], width: int) -> Callable[..., int]:
    return lambda *key: function(*key) & ((1 << max(1, width)) - 1)


def test_the_cells_that_an_input_reads_or_writes_are_looked_at() -> None:
    """A difference in one cell of a register is seen soon, though there are many."""
    other = meaning(load_text(TEXT.replace("NEW", "before + 2"), "test.p4").program)
    runs = Runs(PROGRAM, BEHAVIOUR, other, random.Random(0))
    seen = next(runs.differences(100, float("inf")))
    assert any(name.startswith("state ") for name in seen.names)
    assert seen.number <= 100


def test_what_goes_with_a_frame_is_as_it_came_where_nothing_is_said() -> None:
    def side(metadata: dict[str, Term]) -> Behaviour:
        return Behaviour((Case(b.TRUE, (Output(b.TRUE, "port", b.bv(1, 32), INPUT_PACKET, metadata=metadata),)),))

    sides = side({}), side({"tunnel.id": b.bv(7, 32)})
    common = Common(*sides)
    told = []
    for compiled in (Compiled(one, common) for one in sides):
        given = {v.name: 7 for v in compiled.variables}
        assert set(given) == {"in.tunnel.id"}
        shown = [compiled.shown(0, b"abc", b"abc", [value], []) for value in (7, 8)]
        told.append([one["outputs port"] for one in shown])
    assert told[0][0] == told[1][0]
    assert told[0][1] != told[1][1]


def test_runs_are_the_same_each_time() -> None:
    other = meaning(load_text(TEXT.replace("NEW", "before + 2"), "test.p4").program)
    first, second = (next(Runs(PROGRAM, BEHAVIOUR, other, random.Random(7)).differences(1000, float("inf")))
                     for _ in range(2))  # fmt: skip
    assert (first.number, first.data, first.given, first.names) == (
        second.number, second.data, second.given, second.names,
    )  # fmt: skip


@given(st.integers(0, 1 << 32))
@settings(max_examples=100, deadline=None)
def test_the_checksum_of_a_frame_of_ipv4_is_what_it_should_be(seed: int) -> None:
    data = frame(random.Random(seed))
    right = with_checksum(data)
    at = 14
    while data[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    end = at + 4 * (data[at] & 15) if len(data) > at else at
    if data[at - 2 : at] != b"\x08\x00" or not at + 20 <= end <= len(data):
        assert right == data
        return
    words = [int.from_bytes(right[i : i + 2], "big") for i in range(at, end, 2)]
    assert sum(words) % 0xFFFF == 0  # all ones, as a sum in ones' complement
    assert right[: at + 10] + data[at + 10 : at + 12] + right[at + 12 :] == data


def _reading(first: int, **others: Term) -> Behaviour:
    """Forty undefined values in metadata, of which the first is read as this one."""
    metadata = {f"m{k}": b.var(f"any.{first + k}", 32) for k in range(40)} | others
    return Behaviour((Case(b.TRUE, (), metadata),))


def _told_apart(first: Behaviour, second: Behaviour) -> set[str]:
    runs = Runs(None, first, second, random.Random(1))
    return {name for seen in runs.differences(30, time.process_time() + 20) for name in seen.names}


def test_undefined_values_that_are_read_in_the_same_order_are_no_difference() -> None:
    """The same names stand for others on the two sides."""
    known = b.var("in.x", 32)
    assert _told_apart(_reading(0), _reading(1)) == set()
    assert _told_apart(_reading(0, m5=known), _reading(1, m5=known)) == set()
    assert "metadata m5" in _told_apart(_reading(0, m5=known), _reading(1, m5=b.bnot(known)))
    assert "metadata m5" in _told_apart(_reading(0, m5=known), _reading(1))


def test_runs_end_in_time_however_often_they_differ() -> None:
    """What is looked at again with other undefined values takes long where there are many of them."""
    end = time.process_time() + 0.5
    for _ in Runs(None, _reading(0, m5=b.bv(1, 32)), _reading(1), random.Random(1)).differences(10**6, end):
        pass
    assert time.process_time() < end + 2
