"""The ebpf_model architecture: accept, counters, table properties."""

from dataclasses import replace

import pytest

from p4verify.semantics.meaning.behaviour import INPUT_PACKET
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import does, ebpf


def test_accepted_packets_go_on_unchanged() -> None:
    program = ebpf("accept = hdr.h.a == 1; hdr.h.b = 9;")
    assert does(program, "01020304ff") == (("stack", 0, "01020304ff"),)
    assert does(program, "02020304ff") == ()
    assert all(o.packet == INPUT_PACKET for c in meaning(program).cases for o in c.outputs)


def test_accept_that_is_never_set_is_a_choice() -> None:
    behaviour = meaning(ebpf("hdr.h.b = 9;"))
    kept = {bool(evaluate_behaviour(behaviour, bytes(4), 0, choices=c).outputs) for c in (0, 1)}
    assert kept == {False, True}


def test_counters_up_to_the_largest_index() -> None:
    program = ebpf("c.increment((bit<32>) hdr.h.a); accept = true;", locals="CounterArray(32w10, true) c;")
    behaviour = meaning(program)
    (name,) = (o for o in behaviour.observables if o != "outputs")
    for index, wanted in ((9, 5), (10, 5), (11, 4)):
        outcome = evaluate_behaviour(
            behaviour, bytes([index, 0, 0, 0]), 0, functions={f"state.{name}": lambda i: 4}, cells={name: [index]}
        )
        assert outcome.state[name] == {index: wanted}


def test_how_a_table_is_stored_does_not_matter() -> None:
    declared = """action drop() { accept = false; } table t { key = { hdr.h.a : exact; } actions = { drop; NoAction; }
        implementation = hash_table(64); const default_action = NoAction; }"""
    program = ebpf("accept = true; t.apply();", locals=declared)
    assert does(program, "01020304") == (("stack", 0, "01020304"),)


def test_an_architecture_that_is_not_known_is_refused() -> None:
    with pytest.raises(Unsupported, match="architecture"):
        meaning(replace(ebpf("accept = true;"), arch="tna"))
