"""Well-formedness: what our front end makes passes; each way of being wrong is one error at its place."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings

from p4verify.semantics import ir
from p4verify.semantics.ir import codec_json
from p4verify.semantics.ir.traverse import mentioned
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError
from tests.support.ir_nodes import Nodes, seeds

SOURCE = """
#include <core.p4>
#include <v1model.p4>
enum bit<8> Kind { A = 1, B = 2 }
header h_t { bit<8> a; bit<16> b; }
struct headers { h_t h; h_t[2] s; }
struct meta { bit<8> m; bool f; }
parser P(packet_in packet, out headers hdr, inout meta md, inout standard_metadata_t sm) {
    value_set<bit<8>>(4) vs;
    state start { packet.extract(hdr.h); transition select(hdr.h.a) { 1: more; 2 &&& 3: more; vs: accept; _: reject; } }
    state more { packet.extract(hdr.s.next); transition accept; }
}
control V(inout headers hdr, inout meta md) { apply { } }
control I(inout headers hdr, inout meta md, inout standard_metadata_t sm) {
    register<bit<16>>(8) r;
    bit<16> local = 7;
    action set(bit<8> value) { md.m = value; }
    action copy(inout bit<8> target) { target = hdr.h.a; }
    table t {
        key = { hdr.h.b : lpm; md.m : exact; }
        actions = { set; copy(md.m); NoAction; }
        const entries = { (7, 3): set(9); }
        default_action = set(4);
    }
    apply {
        if (hdr.h.isValid() && hdr.h.b[3:0] == 5) { local = local + hdr.h.b; }
        md.f = md.m == 3 ? true : false;
        if (t.apply().hit) { r.write(1, local); }
        switch (t.apply().action_run) { set: { md.m = 1; } default: { } }
        Kind k = Kind.A;
        if (k == Kind.B) { sm.egress_spec = 9w3; }
    }
}
control E(inout headers hdr, inout meta md, inout standard_metadata_t sm) { apply { } }
control C(inout headers hdr, inout meta md) { apply { } }
control D(packet_out packet, in headers hdr) { apply { packet.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
PROGRAM = load_text(SOURCE, "good.p4").program


def test_what_the_front_end_makes_is_well_formed() -> None:
    verify(PROGRAM)


def _find(tree: Any, node: str, **wanted: object) -> dict[str, Any]:
    """The first node of a kind (in the order of the tree) that has these fields."""
    todo: list[Any] = [tree]
    while todo:
        now = todo.pop(0)
        if isinstance(now, dict):
            if now.get("node") == node and all(now.get(k) == v for k, v in wanted.items()):
                return now
            todo += now.values()
        elif isinstance(now, list):
            todo += now
    raise AssertionError(f"no {node} with {wanted}")


BITS = {"node": "BitsType", "width": 5}
CHANGES: list[tuple[tuple[str, dict[str, object]], dict[str, object], str]] = [
    (("Program", {}), {"main": "other"}, "main is 'other'"),
    (("Program", {}), {"errors": ["NoError", "NoError"]}, "two errors are called 'NoError'"),
    (("Package", {}), {"args": [["p", "nowhere"]]}, "is 'nowhere', which does not exist"),
    (
        ("Control", {"type_name": "E"}),
        {"name": "I"},
        "two parsers or controls are called 'I'|there is no|does not exist",
    ),
    (("State", {"name": "more"}), {"name": "start"}, "two states"),
    (("State", {"name": "start"}), {"name": "begin"}, "without a state start"),
    (("State", {"name": "more"}), {"name": "accept"}, "accept or reject"),
    (("SelectCase", {"state": "more"}), {"state": "less"}, "there is no state 'less'"),
    (("ParserValueSet", {}), {"name": "ws"}, "there is no value set 'ws'"),
    (("MaskSet", {}), {"mask": {"node": "Const", "value": 1, "type": BITS}}, "a set whose two values differ"),
    (("Var", {"name": "local"}), {"name": "global"}, "there is no variable 'global'"),
    (("Var", {"name": "local"}), {"type": BITS}, "another type"),
    (("Action", {"name": "set"}), {"name": "put"}, "there is no action 'set'"),
    (("Action", {"name": "set"}), {"name": "copy"}, "two actions"),
    (("Table", {}), {"keys": []}, "an entry with 2 sets for 0 keys"),
    (("Table", {}), {"size": -1}, "-1 entries"),
    (("Key", {}), {"match_kind": "fuzzy"}, "unknown match kind 'fuzzy'"),
    (("ActionRef", {"action": "copy"}), {"args": []}, "0 arguments for the 1 bound"),
    (("BoundAction", {"action": "set"}), {"args": []}, "0 arguments for the 1 of 'set'"),
    (("TableApply", {}), {"table": "u"}, "there is no table 'u'"),
    (("SwitchCase", {"labels": ["set"]}), {"labels": ["get"]}, "there is no action 'get'"),
    (("SwitchCase", {"labels": ["set"]}), {"labels": [{"node": "Const", "value": 1, "type": BITS}]}, "wrong sort"),
    (("Const", {"value": 7}), {"value": 1 << 16}, "no value of 16 bits"),
    (("Const", {"value": 7}), {"value": -1}, "no value of 16 bits"),
    (("Const", {"value": 7}), {"value": True}, "a literal 'True'"),
    (("Member", {"name": "egress_spec"}), {"name": "egress"}, "has no member 'egress'"),
    (("Member", {"name": "next"}), {"name": "first"}, "StackType has no member"),
    (("Slice", {}), {"high": 16}, r"a slice \[16:0\]"),
    (("Slice", {}), {"low": 1}, r"a slice \[3:1\]"),
    (("Binary", {"op": "&&"}), {"op": "+"}, r"\+ on operands"),
    (("Mux", {}), {"condition": {"node": "Const", "value": 1, "type": BITS}}, "a choice"),
    (("HeaderOp", {}), {"op": "push_front"}, "push_front of a HeaderType"),
    (("ExternCall", {"method": "write"}), {"object": "I.q"}, "there is no instance 'I.q'"),
    (("ExternCall", {"method": "write"}), {"args": [None]}, "1 arguments for 2 parameters"),
    (("ExternCall", {"method": "emit"}), {"extern": "packet_in"}, "no parameter of extern type"),
    (("Assign", {}), {"target": {"node": "Const", "value": 1, "type": BITS}}, "no lvalue"),
    (("Declare", {}), {"type": BITS}, "initialised with another type|another type"),
    (("HeaderType", {"name": "h_t"}), {"fields": []}, "has no member 'a'|another type"),
    (("StackType", {}), {"size": -1}, "an array of -1"),
    (("EnumType", {"name": "Kind"}), {"values": [1]}, "2 members and 1 values"),
    (("EnumType", {"name": "Kind"}), {"members": ["A", "A"]}, "a member twice"),
]


@pytest.mark.parametrize(("where", "change", "message"), CHANGES, ids=range(len(CHANGES)))
def test_faults(where: tuple[str, dict[str, object]], change: dict[str, object], message: str) -> None:
    tree = json.loads(codec_json.to_json(PROGRAM))
    _find(tree, where[0], **where[1]).update(change)
    changed = codec_json.from_tree(tree, "bad.json")
    with pytest.raises(InputError, match=message) as caught:
        verify(changed)
    assert len(caught.value.diagnostics) == 1
    assert str(caught.value).startswith("good.p4:")


@pytest.mark.long
@settings(deadline=None, max_examples=100)
@given(seeds)
def test_nonsense_is_refused_without_a_traceback(seed: int) -> None:
    try:
        verify(Nodes(seed, depth=6).program())
    except InputError as error:
        refused = error
    else:
        return
    assert len(refused.diagnostics) == 1


def test_a_foreign_width_does_not_fill_the_memory() -> None:
    tree = json.loads(codec_json.to_json(PROGRAM))
    _find(tree, "BitsType", width=16)["width"] = 1 << 60
    with pytest.raises(InputError, match="a width of"):
        verify(codec_json.from_tree(tree))


_TOP = "control p(); package top(p q); top(c()) main;"

_ARRAY = """
    extern E { E(); bit<8> get(); }
    control c(inout bit<8> x) { E[3]() many; E() one; apply { x = many[x].get() + one.get(); } }
    control p(inout bit<8> x); package top(p q); top(c()) main;
"""


def test_arrays_of_objects_are_called_with_an_index_and_others_without() -> None:
    program = load_text(_ARRAY).program
    verify(program)
    for size in (None, 4):
        broken = [dataclasses.replace(i, size=size) for i in program.instances]
        with pytest.raises(InputError, match="as an array of objects and is none, or the other way round"):
            verify(dataclasses.replace(program, instances=tuple(broken)))


def test_type_parameters_stand_in_declarations_only() -> None:
    program = load_text("extern void f<T>(in T x); control c() { apply { f(8w1); } } " + _TOP).program
    verify(program)
    (call,) = (node for node in mentioned(program) if isinstance(node, ir.ExternCall))
    broken = dataclasses.replace(call, type=ir.TypeVariable("T"))
    control = dataclasses.replace(program.controls[0], body=ir.Block((ir.Do(broken),)))
    with pytest.raises(InputError, match="the type 'T' outside of declarations"):
        verify(dataclasses.replace(program, controls=(control,)))
    twice = dataclasses.replace(program.declarations[0], type_params=("T", "T"))
    with pytest.raises(InputError, match="two type parameters of 'f' are called 'T'"):
        verify(dataclasses.replace(program, declarations=(twice, *program.declarations[1:])))
