"""Why two runs end differently: their traces side by side, the first step in which they part, and who is to blame.

The traces are those of the interpreter (:mod:`.semantics.meaning.trace`). Compilers rename, reorder and split
statements, so steps are aligned by what they do and to what, not one by one. From what an observer sees differ (a field
of a header that left, a port, a packet that was not sent) the last step that wrote it is looked up on each side; an
earlier aligned step with other values than its partner comes before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, Final

from .proofs.verdict import Blame, Explanation, Observed, Row
from .report.run import value_text
from .semantics import ir
from .semantics.meaning.behaviour import Choice
from .semantics.rules.ruleset import RuleSet

Step = Mapping[str, Any]

OUTCOME: Final = frozenset(
    {"egress_spec", "egress_port", "mcast_grp", "multicast_group", "drop", "pass", "accept", "output_action",
     "output_port", "resubmit", "clone", "ucast_egress_port"}
)  # fmt: skip
"""What architectures call the metadata that says where a packet goes, if anywhere."""
OUTCOME_CALLS: Final = frozenset(
    {"mark_to_drop", "mark_to_pass", "send_to_port", "drop_packet", "ingress_drop", "egress_drop", "multicast",
     "send_to_wire", "mirror_packet", "clone", "clone3", "clone_preserving_field_list", "resubmit", "recirculate"}
)  # fmt: skip
"""What architectures call the externs that do."""
ENDS: Final = frozenset({"emit", "output", "undefined", "pass", "copy", "control", "parser state"})
"""Steps that show a difference, or where a run is, but do not make one."""
MOST_STEPS: Final = 3000
"""Steps of a run that are aligned; what comes after is not looked at."""


@dataclass(frozen=True)
class Ran:
    """A program and what happened in it, step by step."""

    program: ir.Program
    trace: Sequence[Step]


def explain(
    first: Ran, second: Ran | None, expected: Observed, actual: Observed, undefined: Sequence[Choice] = ()
) -> Explanation:
    """What differs, where, and the runs side by side; without ``second`` (a machine that tells no steps) the first.

    ``undefined``: the undefined values that the difference hangs on.
    """
    mine, theirs = _steps(first), _steps(second) if second is not None else []
    differs, places = _faulted(actual) or _seen(mine, theirs if second is not None else None, expected, actual)
    pairs = _aligned(mine, theirs) if second is not None else [(i, None) for i in range(len(mine))]
    writers = (_last_writer(mine, places), _last_writer(theirs, places))
    if actual.fault:
        writers = (None, _failing(theirs)) if second is not None else (_failing(mine), None)
    at = _parting(pairs, mine, theirs, writers) if second is not None else None
    rows = tuple(
        Row(None if i is None else mine[i], None if j is None else theirs[j], _differ(mine, theirs, i, j), k == at)
        for k, (i, j) in enumerate(pairs)
    )
    i, j = pairs[at] if at is not None else writers
    if at is not None:
        i, j = (writers[0] if i is None else i), (writers[1] if j is None else j)
    blame = [_blame(first, mine, i)] if i is not None else []
    if second is not None and j is not None:
        blame.append(_blame(second, theirs, j))
    return Explanation(tuple(differs), tuple(blame), rows, tuple(dict.fromkeys(map(_undefined, undefined))))


def _undefined(choice: Choice) -> str:
    """Who reads an undefined value, and why it is undefined."""
    origin = choice.origin
    why = f": {origin.reason}{f' ({origin.span})' if origin.span.file else ''}" if origin is not None else ""
    return f"{choice.span}: {choice.reason}{why}"


def _steps(side: Ran) -> list[Step]:
    """The steps, with actions by their control-plane names; compilers put statements into tables without keys."""
    return [
        {**step, "action": _action_name(side.program, step["action"])} if step["step"] == "table" else step
        for step in side.trace
        if step["step"] != "table" or step["key"]
    ][:MOST_STEPS]


# --- what an observer sees ------------------------------------------------------------------------------------------


def _faulted(actual: Observed) -> tuple[list[str], set[str]] | None:
    return ([], set()) if actual.fault else None


def _failing(steps: Sequence[Step]) -> int | None:
    """The first assertion that fails."""
    found = (i for i, step in enumerate(steps) if step["step"] == "assertion" and not step["holds"])
    return next(found, None)


def _seen(
    mine: Sequence[Step], theirs: Sequence[Step] | None, expected: Observed, actual: Observed
) -> tuple[list[str], set[str]]:
    """What differs in words, and the places in the program (without the first name) that it comes from."""
    expected, actual = expected.in_step(actual)
    told: list[str] = []
    places: set[str] = set()
    for name in sorted(expected.metadata.keys() & actual.metadata.keys()):
        x, y = expected.metadata[name], actual.metadata[name]
        if x != y:
            told.append(f"{name}: expected {x:#x}, actual {y:#x}")
            places.add(_rest(name))
    if len(expected.outputs) != len(actual.outputs):
        told.append(f"expected {_frames(len(expected.outputs))}, actual {_frames(len(actual.outputs))}")
        return told, places | OUTCOME
    for (to, port, frame), (other, other_port, changed) in zip(expected.outputs, actual.outputs, strict=True):
        if (to, port) != (other, other_port):
            told.append(f"expected at {_where(to, port)}, actual {_where(other, other_port)}")
            places |= OUTCOME
        if frame != changed:
            found = list(_fields(mine, theirs, frame, changed))
            told += [text for text, _ in found]
            places |= {place for _, place in found}
    return told, places


def _frames(count: int) -> str:
    return "no packet" if not count else f"{count} packet{'s' if count > 1 else ''}"


def _where(to: str, port: int) -> str:
    return f"port {port}" if to == "port" else f"the {to}" if to == "stack" else to


def _fields(
    mine: Sequence[Step], theirs: Sequence[Step] | None, frame: bytes, changed: bytes
) -> Iterator[tuple[str, str]]:
    """The fields in which two frames differ, as they were emitted, with their places; else the first such byte."""
    left = _emitted(mine)
    right = _emitted(theirs) if theirs is not None else _read_as(mine, changed)
    told = False
    for place, (name, value) in left.items():
        if place not in right:
            yield f"{name}: expected {_hex(value)}, actual not sent", place
        elif right[place][1] != value:
            yield f"{name}: expected {_hex(value)}, actual {_hex(right[place][1])}", place
        else:
            continue
        told = True
    for place, (name, value) in right.items():
        if place not in left:
            told = True
            yield f"{name}: expected not sent, actual {_hex(value)}", place
    if len(frame) != len(changed):
        yield f"length: expected {len(frame)} bytes, actual {len(changed)}", ""
    elif not told:
        at = next(k for k, (x, y) in enumerate(zip(frame, changed, strict=True)) if x != y)
        yield f"byte {at}: expected {frame[at]:#x}, actual {changed[at]:#x}", ""


def _hex(value: Any) -> str:
    return hex(value) if isinstance(value, int) else "undefined" if value is None else str(value)


def _emitted(steps: Sequence[Step]) -> dict[str, tuple[str, Any]]:
    """The fields that were sent: place without the first name → its whole name, its value."""
    return {_rest(name): (name, value) for name, value, _ in _sent_fields(steps)}


def _sent_fields(steps: Sequence[Step]) -> Iterator[tuple[str, Any, int | None]]:
    """Name, value and width (None: not fixed) of each field that was sent, in order."""
    for step in steps:
        if step["step"] == "emit":
            for name, value in (step["fields"] or {}).items():
                yield f"{step['header']}.{name}", value, step["bits"].get(name)


def _read_as(steps: Sequence[Step], frame: bytes) -> dict[str, tuple[str, Any]]:
    """Another frame, read as the fields that this side has sent, as far as their places are known."""
    found: dict[str, tuple[str, Any]] = {}
    bits, left = int.from_bytes(frame, "big"), 8 * len(frame)
    for name, value, width in _sent_fields(steps):
        if width is None or (left := left - width) < 0:
            found[_rest(name)] = name, value
            left = -1
        else:
            found[_rest(name)] = name, bits >> left & ((1 << width) - 1)
    return found


# --- alignment ------------------------------------------------------------------------------------------------------


def _rest(name: str) -> str:
    """A place without the name of the parameter that it is in, which may be another one in each program."""
    return name.partition(".")[2] or name


def _last(name: object) -> str:
    return str(name).rpartition(".")[2]


def _kind(step: Step) -> tuple[str, ...]:
    """What a step does, and to what."""
    match step["step"]:
        case "parser state":
            return "state", str(step["state"])
        case "extract" | "emit":
            return step["step"], _rest(str(step["header"]))
        case "table":
            return "table", _last(step["table"])
        case "assign":
            return "assign", _rest(str(step["target"]))
        case "header":
            return "header", _rest(str(step["header"])), str(step["does"])
        case "call":
            return "call", str(step["extern"]), str(step["method"])
        case "control":
            return "control", _last(step["name"])
        case "output":
            return "output", str(step["to"])
    return (str(step["step"]),)


def _value(step: Step) -> object:
    """What came of a step."""
    match step["step"]:
        case "extract" | "emit":
            return list((step["fields"] or {}).values())
        case "table":
            return step["hit"], list(step["key"].values()), _last(step["action"]), step["args"]
        case "assign" | "undefined":
            return step["value"]
        case "reject":
            return step["error"]
        case "if" | "assertion":
            return step["holds"]
        case "output":
            return step["port"], step["packet"]
    return None


def _aligned(mine: Sequence[Step], theirs: Sequence[Step]) -> list[tuple[int | None, int | None]]:
    """Partners, in order; a step without one stands alone."""
    pairs: list[tuple[int | None, int | None]] = []
    keys = [_kind(s) for s in mine], [_kind(s) for s in theirs]
    for how, i, until, j, to in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if how == "equal":
            pairs += zip(range(i, until), range(j, to), strict=True)
        else:
            pairs += [(k, None) for k in range(i, until)]
            pairs += [(None, k) for k in range(j, to)]
    return pairs


def _differ(mine: Sequence[Step], theirs: Sequence[Step], i: int | None, j: int | None) -> bool:
    return i is not None and j is not None and _value(mine[i]) != _value(theirs[j])


def _parting(
    pairs: Sequence[tuple[int | None, int | None]], mine: Sequence[Step], theirs: Sequence[Step],
    writers: tuple[int | None, int | None],
) -> int | None:  # fmt: skip
    """The first row in which the two do not do the same, of those that matter."""
    late = None
    for k, (i, j) in enumerate(pairs):
        step = mine[i] if i is not None else theirs[j if j is not None else 0]
        if _differ(mine, theirs, i, j):
            if step["step"] not in ENDS:
                return k
            late = k if late is None else late
        elif (i is None) != (j is None):
            if step["step"] == "extract" or (i is not None and i == writers[0]) or (j is not None and j == writers[1]):
                return k
    return late


def _last_writer(steps: Sequence[Step], places: set[str]) -> int | None:
    """The last step that wrote one of the places."""
    return next((i for i in range(len(steps) - 1, -1, -1) if _writes(steps[i], places)), None)


def _writes(step: Step, places: set[str]) -> bool:
    match step["step"]:
        case "assign":
            target, value = _rest(str(step["target"])), step["value"]
            if isinstance(value, dict) and any(place.partition(".")[0] in value for place in places):
                return True
            target = re.sub(r"\[\d+:\d+\]$", "", target)
            return _last(target) in places or any(_overlaps(target, place) for place in places)
        case "header":
            header = _rest(str(step["header"]))
            return any(place.startswith(f"{header}.") for place in places)
        case "reject":
            return not places.isdisjoint(OUTCOME)
        case "call":
            name = step["method"] or step["extern"]
            return name in OUTCOME_CALLS and not places.isdisjoint(OUTCOME)
    return False


def _overlaps(target: str, place: str) -> bool:
    """Whether one place is the other or a part of it; a header may be the parameter of a control within."""
    return place == target or place.startswith(f"{target}.") or place.endswith(f".{target}")


# --- blame ----------------------------------------------------------------------------------------------------------


def _blame(side: Ran, steps: Sequence[Step], at: int) -> Blame:
    """Where a step is in its program."""
    step = steps[at]
    stage = next((s for s in reversed(steps[: at + 1]) if s["step"] in ("control", "parser state")), None)
    name = "" if stage is None else f"control {stage['name']}" if stage["step"] == "control" else ""
    if stage is not None and stage["step"] == "parser state":
        name = f"parser state {stage['state']}"
    table = step if step["step"] == "table" else None
    action = str(step["action"]) if table is not None else _action_around(side.program, step)
    if table is None and action:
        applied = (s for s in reversed(steps[:at]) if s["step"] == "table" and s["action"] == action)
        table = next(applied, None)
    where = step.get("where", {})
    return Blame(
        side.program.file, int(where.get("line", 0)), int(where.get("column", 0)), name,
        str(table["table"]) if table is not None else "", action, step,
    )  # fmt: skip


def _action_around(program: ir.Program, step: Step) -> str:
    """The action whose body a step lies in."""
    where = step.get("where")
    if where is None:
        return ""
    actions = [a for control in program.controls for a in control.actions] + list(program.actions)
    for action in actions:
        span = action.body.span
        if span.file == where["file"] and span.line <= where["line"] <= span.end_line:
            return action.control_name
    return ""


def _action_name(program: ir.Program, name: str) -> str:
    """What the control plane calls an action."""
    actions = [a for control in program.controls for a in control.actions if a.name == name]
    return actions[0].control_name if actions else name


# --- what else traces tell ------------------------------------------------------------------------------------------


def only_met(rules: RuleSet, steps: Sequence[Step]) -> RuleSet:
    """The rules without the entries and the defaults that a run did not meet."""
    met: dict[str, set[int]] = {}
    missed: set[str] = set()
    for step in steps:
        if step["step"] == "table" and step["entry"] is not None:
            met.setdefault(str(step["table"]), set()).add(step["entry"]["number"])
        elif step["step"] == "table" and not step["hit"]:
            missed.add(str(step["table"]))
    kept = {
        table: tuple(rule for number, rule in enumerate(entries) if number in met.get(table, ()))
        for table, entries in rules.entries.items()
    }
    defaults = {table: answer for table, answer in rules.defaults.items() if table in missed}
    return replace(rules, entries={table: entries for table, entries in kept.items() if entries}, defaults=defaults)


def diverges(explanation: Explanation) -> str:
    """Where two runs part, in one line; "" if that is not known."""
    told = [f"{blame.file}:{blame.line}" for blame in explanation.blame if blame.line]
    return " / ".join(told)


def decoded_headers(steps: Sequence[Step]) -> tuple[str, ...]:
    """The headers that a parser took, a line each, with the fields that are not 0."""
    return tuple(_header(step) for step in steps if step["step"] == "extract" and isinstance(step["fields"], dict))


def _header(step: Step) -> str:
    bits = step.get("bits", {})
    told = [f"{n} {value_text(n, v, bits.get(n))}" for n, v in step["fields"].items() if v != 0]
    left = "all other fields 0" if told else "all fields 0"
    return f"{step['header']}: {', '.join(told if len(told) == len(step['fields']) else [*told, left])}"
