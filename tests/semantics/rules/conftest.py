"""Programs that the readers of rules are tested on."""

from __future__ import annotations

import pytest

from p4verify.semantics import ir
from tests.support.p4_text import v1model

DECLARED = """
    action set(bit<8> x, bit<4> y) { hdr.h.d = x; }
    action mac(bit<48> m, bool f) { }
    action drop() { mark_to_drop(sm); }
    table exact_t { key = { hdr.h.a : exact; hdr.h.b : exact @name("bee"); } actions = { set; drop; NoAction; } }
    table lpm_t { key = { hdr.w.x : lpm; hdr.h.a : exact; } actions = { set; drop; } default_action = drop(); }
    table tern_t { key = { hdr.h.a : ternary; hdr.w.y : range; hdr.h.c : optional; }
        actions = { set; drop; @defaultonly mac; @tableonly NoAction; } default_action = drop(); }
    table const_t { key = { hdr.h.a : exact; } actions = { set; drop; } const entries = { 1: drop(); }
        const default_action = drop(); }
    table some_t { key = { hdr.h.a : ternary; } actions = { set; drop; } default_action = drop();
        entries = { 1 &&& 3: set(1, 1); 0 &&& 1: set(2, 2); _: set(3, 3); } }
    table none_t { actions = { drop; NoAction; } }
"""
BODY = "exact_t.apply(); lpm_t.apply(); tern_t.apply(); const_t.apply(); some_t.apply(); none_t.apply();"
PARSER = """value_set<bit<8>>(4) kinds; state start { pkt.extract(hdr.h);
    transition select(hdr.h.a) { kinds: more; default: accept; } } state more { transition accept; }"""


@pytest.fixture(scope="session")
def program() -> ir.Program:
    """A program with tables of every kind, in control ``I``."""
    return v1model(BODY, locals=DECLARED, parser=PARSER)
