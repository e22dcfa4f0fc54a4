"""p4verify's own JSON."""

import json
from typing import Any

import pytest

from p4verify.semantics import ir
from p4verify.semantics.rules.json_rules import read_json
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Range, Ternary
from p4verify.semantics.source import InputError
from tests.support import rule_text


def text(tables: Any = None, **more: Any) -> str:
    return json.dumps({"version": 1, "tables": tables or {}, **more}, indent=1)


def test_every_kind_of_match(program: ir.Program) -> None:
    tables = {
        "exact_t": {
            "default": {"action": "set", "args": {"x": 1, "y": 2}},
            "entries": [{"match": {"hdr.h.a": "0x1", "bee": 2}, "action": "set", "args": ["0xff", 15]}],
        },
        "lpm_t": {
            "entries": [{"match": {"hdr.w.x": {"value": 2560, "prefix_len": 8}, "hdr.h.a": 5}, "action": "drop"}]
        },
        "tern_t": {
            "entries": [
                {"match": {"hdr.h.a": {"value": 1, "mask": 3}}, "action": "drop", "priority": 1},
                {"match": {"hdr.w.y": {"low": 3, "high": 5}, "hdr.h.c": 4}, "action": "drop", "priority": 2},
            ]
        },
    }
    rules = read_json(text(tables, value_sets={"kinds": [["0x11"], 3]}), "r.json", program)
    assert rules.of("I.exact_t")[0].matches == (Exact(1), Exact(2))
    assert rules.of("I.exact_t")[0].action == ActionCall("set", (255, 15))
    assert rules.defaults == {"I.exact_t": ActionCall("set", (1, 2))}
    assert rules.of("I.lpm_t")[0].matches == (Lpm(0x0A00, 8), Exact(5))
    first, second = rules.of("I.tern_t")
    assert first.matches == (Ternary(0, 0), Range(3, 5), Ternary(4, 255))
    assert second.matches == (Ternary(1, 3), Range(0, 0xFFFF), Ternary(0, 0))
    assert list(rules.value_sets.values()) == [((Exact(17),), (Exact(3),))]


def entry(**changes: Any) -> str:
    good = {"match": {"hdr.h.a": 1, "bee": 2}, "action": "drop", **changes}
    return text({"exact_t": {"entries": [good]}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[]", "must be an object"),
        ("{}", 'expected "version": 1'),
        ('{"version": 2}', 'expected "version": 1'),
        (text({"nope": {}}), "no table nope"),
        (text({"exact_t": {"entry": []}}), "not understood in a table"),
        (entry(action="mac"), "no action"),
        (entry(action=5), "must be a string"),
        (entry(match={"hdr.h.a": 1}), "is missing"),
        (entry(match={"hdr.h.a": 1, "bee": 2, "zee": 3}), "no key"),
        (entry(match={"hdr.h.a": 1, "bee": 300}), "does not fit the 8 bits"),
        (entry(match={"hdr.h.a": 1, "bee": {"value": 1, "mask": 1}}), "is exact, not ternary"),
        (entry(match={"hdr.h.a": 1, "bee": {"mask": 1}}), "a match is a number"),
        (entry(match={"hdr.h.a": 1, "bee": [1]}), "expected a number"),
        (entry(priority=4), "have no priority"),
        (entry(args=[1]), "takes 0 arguments"),
        (entry(args={"x": 1}), "no parameter x"),
        (entry(action="set", args={"x": 1}), "lacks its parameter y"),
        (entry(action="set", args={"x": 1, "y": 16}), "does not fit the 4 bits"),
        (text({"tern_t": {"entries": [{"action": "drop"}]}}), "needs a priority"),
        (text({"const_t": {"default": {"action": "drop"}}}), "constant"),
        (text(value_sets={"kinds": [[1, 2]]}), "has 1 parts"),
        (text(value_sets={"kinds": [256]}), "does not fit"),
    ],
)
def test_what_does_not_fit(program: ir.Program, given: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_json(given, "r.json", program)
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert diagnostic.span.line >= 1
    assert diagnostic.span.column >= 1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ('"profiles": {"nosuch": {}}', "no action profile nosuch"),
        ('"profiles": {"ap": {"members": {"0": {"action": "flag"}}}}', "no action of I.ap flag"),
        ('"profiles": {"ap": {"members": {"0": {}}}}', "an action is missing"),
        ('"profiles": {"ap": {"members": {"-1": {"action": "drop"}}}}', "is not negative"),
        ('"profiles": {"ap": {"groups": {"0": []}}}', "has no groups"),
        ('"multicast": {"x": []}', "no number"),
        ('"multicast": {"1": [{"instance": 1}]}', "port is missing"),
        ('"multicast": {"1": [{"port": 1, "instance": 65536}]}', "instances 16"),
        ('"sessions": {"1": {"truncate": -1}}', "a length is not negative"),
        ('"cells": {"I.nosuch": {"0": 1}}', "no register or counter I.nosuch"),
        ('"cells": {"reg": {"9": 1}}', "4 cells"),
        ('"cells": {"reg": {"0": 256}}', "does not fit"),
        ('"tables": {"exact_t": {"default": {"member": 1}}}', "has no action profile"),
        ('"tables": {"exact_t": {"default": {"member": 1, "action": "drop"}}}', "one of action, member and group"),
        ('"tables": {"sel_t": {"entries": [{"match": {"hdr.h.b": 1}, "group": 1, "priority": 1}]}}', "only chooses"),
        ('"tables": {"sel_t": {"entries": [{"match": {"hdr.h.a": 1}, "group": 1, "priority": 1}]}}', "no group 1"),
        ('"tables": {"sel_t": {"default": {"member": 1}}}', "no member 1"),
    ],
)
def test_objects_that_do_not_fit(parts: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_json(f'\n{{"version": 1, {parts}}}', "j", rule_text.program())
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert (diagnostic.span.file, diagnostic.span.line) == ("j", 2)
