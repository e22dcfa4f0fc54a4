"""Blocks that are the same p4ast in both programs are equal without what they do being looked at."""

from __future__ import annotations

import time

import pytest

from p4verify import pair_blocks, pairs
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_text

TEXT = """#include <core.p4>
struct s_t {{ bit<8> a; }}
control c(inout s_t s) {{
    action set(bit<8> v) {{ s.a = v; }}
    action clear() {{ s.a = 0; }}
    table t {{ key = {{ s.a : exact; }} actions = {{ {actions} }} {default} }}
    apply {{ t.apply(); }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
NOTHING = "default_action = NoAction();"


class LookedAtError(Exception):
    """What a block does was asked for."""


@pytest.mark.parametrize(
    ("actions", "default", "alike"),
    [
        ("set; clear; @defaultonly NoAction;", NOTHING, True),
        ("set; clear;", "", True),
        ("set; clear; NoAction;", NOTHING, False),  # rules may ask for it
        ("set; clear; @defaultonly NoAction;", f"const {NOTHING}", False),
        ("set; clear;", "default_action = clear();", False),
        ("set; @defaultonly NoAction; clear;", NOTHING, False),  # by other numbers
    ],
)
def test_a_default_action_counts_as_named_in_its_table_s_list(
    monkeypatch: pytest.MonkeyPatch, actions: str, default: str, alike: bool
) -> None:
    def looked_at(*_: object, **__: object) -> None:
        raise LookedAtError

    monkeypatch.setattr(pair_blocks, "block_meaning", looked_at)
    first = load_text(TEXT.format(actions="set; clear;", default=""), "test.p4").program
    second = load_text(TEXT.format(actions=actions, default=default), "test.p4").program
    pair = pairs.ProgramPair(first, second)
    if alike:
        proof = pairs.check_pair(pair, Engine(), time.monotonic())
        assert proof.verdict is Verdict.ACCEPT
        assert proof.tally.compared == 1
        return
    with pytest.raises(LookedAtError):
        pairs.check_pair(pair, Engine(), time.monotonic())
