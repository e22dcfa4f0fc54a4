"""Tables that match an error or a plain enum, which has no size in bits: an entry that shows a difference is made."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.p4.frontend import load_text
from tests.support.p4_text import v1model_text

LOCALS = """
    action send(bit<9> port) {{ sm.egress_spec = {port}; }}
    action lost() {{ mark_to_drop(sm); }}
    table t {{ key = {{ {key}: exact; }} actions = {{ send; lost; }} const default_action = lost(); }}
"""


def program(key: str, port: str) -> Program:
    return load_text(v1model_text("t.apply();", locals=LOCALS.format(key=key, port=port)), "test.p4").program


@pytest.mark.parametrize("key", ["sm.parser_error", "sm.ingress_port"])
def test_an_entry_shows_the_difference(key: str) -> None:
    """Nothing is sent without one."""
    pair = ProgramPair(program(key, "port"), program(key, "port ^ 1"))
    proof = check_pair(pair, Engine(20), time.monotonic())
    assert proof.verdict is Verdict.REJECT, proof.reason
