"""Two runs side by side, a step of each in a row, with the line in its source and a mark where they part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..proofs.verdict import Blame, Explanation, Row
from .run import source_text, value_text

Step = Mapping[str, Any]
WIDTH: Final = 56
"""Characters of a column."""
ALONE: Final = 100
"""Characters of a column that stands alone."""
MOST: Final = 24
"""Rows that are shown as they are; of more, those around differences and the tables."""
AROUND: Final = 3
"""Rows shown on each side of one that differs."""


def explained(found: Explanation, names: tuple[str, str] = ("first", "second")) -> list[str]:
    """What differs, who is to blame, and the runs."""
    lines = [f"{'differs: ' if i == 0 else '         '} {text}" for i, text in enumerate(found.differs)]
    label = "program: " if found.machine else "blame:   "
    lines += [f"{label if i == 0 else '         '} {blamed(b)}" for i, b in enumerate(found.blame)]
    lines += [f"{'undefined:' if i == 0 else '          '} {text}" for i, text in enumerate(found.undefined)]
    lines += [f"{'machine: ' if i == 0 else '         '} {text}" for i, text in enumerate(found.machine)]
    return lines + (table(found.rows, names) if found.rows else [])


def blamed(found: Blame) -> str:
    """A step, and where it is."""
    inside = [
        found.stage,
        f"table {found.table}" if found.table else "",
        f"action {found.action}" if found.action else "",
    ]
    where = f"{found.file}:{found.line}" if found.line else found.file
    return f"{where}: {brief(found.step)}  (in {', '.join(filter(None, inside)) or 'the program'})"


def table(rows: Sequence[Row], names: tuple[str, str]) -> list[str]:
    """The rows, in two columns if there is a second run."""
    two = any(row.second is not None for row in rows)
    head = "      " + (f"{_short(names[0]):<{WIDTH - 3}} |       {_short(names[1])}" if two else _short(names[0]))
    lines = [head]
    for row in _chosen(rows):
        if isinstance(row, int):
            lines.append(f"   ... {row} steps more, alike in what matters" if two else f"   ... {row} steps more")
            continue
        mark = "=> " if row.parts else " ! " if row.differs else "   "
        first, second = (_cell(step, row, WIDTH if two else ALONE) for step in (row.first, row.second))
        lines.append(mark + (_columns(first, second) if two else first))
    return [line.rstrip() for line in lines]


def _short(name: str) -> str:
    return name if len(name) <= WIDTH - 6 else "…" + name[7 - WIDTH :]


def _columns(first: str, second: str) -> str:
    return f"{first:<{WIDTH}} | {second}"


def _chosen(rows: Sequence[Row]) -> Iterator[Row | int]:
    """The rows to show; a number for so many left out."""
    if len(rows) <= MOST:
        yield from rows
        return
    marked = [k for k, row in enumerate(rows) if row.parts or row.differs]
    near = {n for k in marked for n in range(k - AROUND, k + AROUND + 1)}
    left = 0
    for k, row in enumerate(rows):
        step = row.first or row.second or {}
        if k in near or step.get("step") in ("table", "output", "control"):
            if left:
                yield left
            left = 0
            yield row
        else:
            left += 1
    if left:
        yield left


def _cell(step: Step | None, row: Row, width: int) -> str:
    if step is None:
        return ""
    line = step.get("where", {}).get("line", "")
    text = brief(step, row)
    room = width - 6
    return f"{line:>4}  {text if len(text) <= room else text[: room - 1] + '…'}"


def brief(step: Step, row: Row | None = None) -> str:
    """A step in a few words; of a header that both runs have the fields that differ."""
    if step["step"] in ("extract", "emit"):
        return f"{step['step']} {step['header']}{_fields(step, row)}"
    render = _BRIEF.get(step["step"])
    return render(step) if render is not None else str(step["step"])


def _condition(step: Step) -> str:
    text = re.sub(r"^.*?\bif\s*\((.*)\)\s*\{?$", r"\1", source_text(step)) or "..."
    return f"if {text}: {'yes' if step['holds'] else 'no'}"


def _assign(step: Step) -> str:
    value = step["value"]
    shown = "{...}" if isinstance(value, dict) else value_text(step["target"], value, step.get("bits"))
    return f"{step['target']} = {shown}"


def _output(step: Step) -> str:
    where = f"port {step['port']}" if step["to"] == "port" else step["to"]
    return f"output to {where}: {step['packet'] or '(empty)'}"


_BRIEF: Final[dict[str, Callable[[Step], str]]] = {
    "parser state": lambda step: f"state {step['state']}",
    "control": lambda step: f"control {step['name']}",
    "if": _condition,
    "assertion": lambda step: f"{step['extern']}: {'holds' if step['holds'] else 'FAILS'}",
    "assign": _assign,
    "header": lambda step: f"{step['header']}.{step['does']}()",
    "call": lambda step: f"{'.'.join(filter(None, (step['object'], step['method'] or step['extern'])))}()",
    "table": lambda step: _lookup(step),
    "undefined": lambda step: f"undefined value read, taken to be {step['value']:#x}",
    "output": _output,
    "copy": lambda step: f"copy of {step['of']} {step['group']} to port {step['port']}",
    "reject": lambda step: f"rejected{f': {error}' if (error := step['error']) else ''}",
    "pass": lambda step: f"again by {step['by']}",
}


def _lookup(step: Step) -> str:
    bits = step.get("bits", {})
    key = ", ".join(value_text(n, v, bits.get(n)) for n, v in step["key"].items())
    arguments = ", ".join(value_text(n, v, None) for n, v in step.get("arguments", {}).items())
    return f"{step['table']}[{key}]: {'hit' if step['hit'] else 'miss'}, {step['action']}({arguments})"


def _fields(step: Step, row: Row | None) -> str:
    """The fields of a header that are others in the other run."""
    if row is None or not row.differs or row.first is None or row.second is None:
        return ""
    other = row.second if step is row.first else row.first
    mine, theirs = step["fields"] or {}, list((other["fields"] or {}).values())
    bits = step.get("bits", {})
    shown = [
        f"{name} {value_text(name, value, bits.get(name))}"
        for (name, value), against in zip(mine.items(), theirs, strict=False)
        if value != against
    ]
    return f": {', '.join(shown)}" if shown else ""
