"""Tables as we elaborate them against tables as the reference compiler's front end prints them.

Names of tables, actions and keys, keys' types, entries, priorities, default actions with their arguments and sizes are
compared: what a control plane sees of a program must be the same for both.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.p4.preprocess import SHIPPED
from p4verify.semantics.source import InputError, Unsupported

pytestmark = pytest.mark.corpus

FULL_MASKS = frozenset({"v1model-const-entries-bmv2"})
"""Where the reference compiler prints a prefix of all bits as a plain value."""


def value(node: ir.Expr) -> Any:
    match node:
        case ir.Const(known, _):
            return known
        case ir.Aggregate(values, _):
            return tuple(map(value, values))
        case ir.Cast(operand, _):
            return value(operand)
    return type(node).__name__


def one_set(item: ir.KeySet) -> tuple[Any, ...]:
    match item:
        case ir.ValueSet(only):
            return ("value", value(only))
        case ir.MaskSet(first, second):
            return ("mask", value(first), value(second))
        case ir.RangeSet(first, second):
            return ("range", value(first), value(second))
    return ("any",)


def described(table: ir.Table, actions: dict[str, str]) -> dict[str, Any]:
    default = actions[table.default.action], tuple(map(value, table.default.args))
    entries = [
        (tuple(map(one_set, e.sets)), actions[e.action.action], tuple(map(value, e.action.args)), e.priority)
        for e in table.entries
    ]
    return {
        "keys": [(k.name, k.match_kind, k.expr.type) for k in table.keys],
        "actions": [(actions[a.action], a.table_only) for a in table.actions if actions[a.action] != "NoAction"],
        "default": default,
        "const default": table.const_default or default[0] == "NoAction",
        "entries": sorted(entries, key=repr) if table.entries and table.entries[0].priority is not None else entries,
        "size": table.size,
    }


def tables(program: ir.Program, printed: bool) -> dict[str, dict[str, Any]]:
    """Tables by name. A printed program has full names in ``@name``, to which the control's name is put again."""
    found = {}
    for control in program.controls:
        start = f"{control.name}." if printed else ""
        actions = {a.name: a.control_name.removeprefix(start) for a in control.actions}
        for table in control.tables:
            if not any(a.name == "hidden" for a in table.annotations):
                found[table.control_name.removeprefix(start)] = described(table, actions)
    return found


def compare(source: Path, printed: Path) -> dict[str, tuple[Any, Any]]:
    """What differs, by table and property; nothing if one of the two cannot be loaded."""
    include_dirs = (str(Path(SHIPPED) / "dpdk"),) if "dpdk" in source.name else ()
    try:
        ours, theirs = load_program(str(source), include_dirs), load_program(str(printed), include_dirs)
    except (InputError, Unsupported):
        return {}
    mine, other = tables(ours, printed=False), tables(theirs, printed=True)
    return {
        f"{source.name} {name} {what}": (mine.get(name, {}).get(what), wanted)
        for name, table in other.items()
        for what, wanted in table.items()
        if mine.get(name, {}).get(what) != wanted
    }


def pairs(corpus: Path) -> list[tuple[Path, Path]]:
    folder = corpus / "p4c"
    every = ((p, folder / "p4_16_samples_outputs" / f"{p.stem}-frontend.p4") for p in folder.glob("p4_16_samples/*.p4"))
    return sorted((p, q) for p, q in every if q.exists() and p.stem not in FULL_MASKS)


@pytest.mark.long
def test_sample_of_tables(corpus: Path) -> None:
    for source, printed in random.Random(3).sample(pairs(corpus), 150):
        assert compare(source, printed) == {}


@pytest.mark.campaign
def test_all_tables(corpus: Path) -> None:
    for source, printed in pairs(corpus):
        assert compare(source, printed) == {}
