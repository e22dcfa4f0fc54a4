"""What happened to packets, in a form people like to read."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

MAC_BITS: Final = 48
IPV4_BITS: Final = 32
IPV6_BITS: Final = 128
_ADDRESS: Final = re.compile(r"(addr|address|src|dst|ip|hop)s?$|(^|_)(src|dst)(_|$)", re.IGNORECASE)
LARGEST_SOURCE: Final = 1 << 24

Step = Mapping[str, Any]


def packet_text(number: int, frame: bytes, port: int, data: Mapping[str, Any]) -> str:
    """One packet's way.

    Args:
        number: its place among the packets, from 1.
        frame: as it came in, at ``port``.
        port: as above.
        data: the run as JSON data (:meth:`Run.to_json`), with ``decoded``: for each output its headers and payload.
    """
    lines = [f"packet {number}: {len(frame)} bytes in at port {port}"]
    trace = data.get("trace", [])
    seen: set[tuple[Any, ...]] = set()
    controls = {_where(step): step["name"] for step in trace if step["step"] == "control"}
    for step in trace:
        lines += ["  " + line for line in _step(step, seen, controls)]
    lines += ["  " + line for line in result_lines(data)]
    return "\n".join(lines)


def result_lines(data: Mapping[str, Any]) -> list[str]:
    """What came out, and what was left behind."""
    lines: list[str] = []
    decoded = data.get("decoded") or [None] * len(data["outputs"])
    for out, found in zip(data["outputs"], decoded, strict=True):
        where = f"port {out['port']}" if out["to"] == "port" else "passed on to the stack"
        lines.append(f"output: {where}: {out['packet']}")
        if found is not None:
            lines += [f"    {_header(step)}" for step in found["headers"]]
            lines.append(f"    payload: {found['payload']} bytes")
        elif "decoded" in data:
            lines.append("    the program's own parser does not accept it")
    if "stopped" in data:
        lines.append(_placed(f"STOPPED: {data['stopped']['extern']} is false", data["stopped"]))
    elif not data["outputs"]:
        lines.append("dropped")
    lines += [f"event: {e['name']}({', '.join(map(hex, e['fields']))})" for e in data.get("events", ())]
    lines += [f"metadata: {name} = {value:#x}" for name, value in data.get("metadata", {}).items()]
    for name, cells in data.get("state", {}).items():
        lines += [f"state: {name}[{index}] = {value}" for index, value in cells.items()]
    return lines


# --- steps ----------------------------------------------------------------------------------------------------------


def _step(step: Step, seen: set[tuple[Any, ...]], controls: Mapping[str, str]) -> list[str]:
    kind = step["step"]
    render = _STEPS.get(kind)
    if kind == "undefined":
        told = (step["reason"], _where(step), str(step.get("origin")))
        if told in seen:
            return []
        seen.add(told)
        return _undefined(step, controls)
    if render is None:
        rest = ", ".join(f"{k} {v}" for k, v in step.items() if k not in ("step", "where"))
        return [_placed(f"{kind}: {rest}", step)]
    return render(step)


def _parser_state(step: Step) -> list[str]:
    return [_placed(f"parser state {step['state']} at byte {_bytes(step['bit'])}", step)]


def _bytes(bits: int) -> str:
    return str(bits // 8) if bits % 8 == 0 else f"{bits // 8} bit {bits % 8}"


def _extract(step: Step) -> list[str]:
    return [_placed(f"  extract {_header(step)}", step)]


def _header(step: Step) -> str:
    bits = step.get("bits", {})
    fields = step["fields"] or {}
    return f"{step['header']}: " + ", ".join(f"{n} {value_text(n, v, bits.get(n))}" for n, v in fields.items())


def _control(step: Step) -> list[str]:
    return [_placed(f"control {step['name']}", step)]


def _if(step: Step) -> list[str]:
    text = re.sub(r"^.*?\bif\s*\((.*)\)\s*\{?$", r"\1", source_text(step)) or "its condition"
    text = "(" * (text.count(")") - text.count("(")) + text  # a part of a condition begins within its parentheses
    return [_placed(f"  if {text}: {'yes' if step['holds'] else 'no'}", step)]


def _assertion(step: Step) -> list[str]:
    condition = re.sub(r"^.*?\bass(ert|ume)\s*\((.*)\)\s*;?$", r"\2", source_text(step)) or "its condition"
    return [_placed(f"  {step['extern']} {condition}: {'holds' if step['holds'] else 'FAILS'}", step)]


def _assign(step: Step) -> list[str]:
    value = step["value"]
    shown = value_text(step["target"], value, step.get("bits")) if not isinstance(value, dict) else _fields(value)
    return [_placed(f"  {step['target']} = {shown}", step)]


def _fields(value: Mapping[str, Any]) -> str:
    if all(name.isdecimal() for name in value):  # a tuple
        return "{" + ", ".join(value_text("", part, None) for part in value.values()) + "}"
    return "{" + ", ".join(f"{n} {value_text(n, v, None)}" for n, v in value.items()) + "}"


def _header_op(step: Step) -> list[str]:
    return [_placed(f"  {step['header']}.{step['does']}()", step)]


def _call(step: Step) -> list[str]:
    name = f"{step['object']}.{step['method']}" if step["object"] else step["method"] or step["extern"]
    arguments = ", ".join(f"{n} {value_text(n, v, None)}" for n, v in step.get("arguments", {}).items())
    given = [value_text(n, v, None) for n, v in step.get("results", {}).items()]
    given += [value_text("", step["returns"], None)] if "returns" in step else []
    return [_placed(f"  {name}({arguments})" + (f" gives {', '.join(given)}" if given else ""), step)]


def _table(step: Step) -> list[str]:
    bits = step.get("bits", {})
    key = ", ".join(f"{n} {value_text(n, v, bits.get(n))}" for n, v in step["key"].items())
    arguments = ", ".join(f"{n} {value_text(n, v, None)}" for n, v in step.get("arguments", {}).items())
    lines = [_placed(f"  table {step['table']}" + (f": {key}" if key else ""), step)]
    entry = step.get("entry")
    how = "miss, default action" if not step["hit"] else "hit" if entry is None else _entry(entry)
    lines.append(f"    {how}: {step['action']}({arguments})")
    return lines


def _entry(entry: Mapping[str, Any]) -> str:
    match = ", ".join(f"{n} {text}" for n, text in entry["match"].items())
    priority = f", priority {entry['priority']}" if "priority" in entry else ""
    group = f", group {entry['group']}" if "group" in entry else ""
    where = f" ({_where(entry)})" if _where(entry) else ""
    return f"entry {entry['number']} [{match}{priority}{group}]{where}"


def _emit(step: Step) -> list[str]:
    return [_placed(f"  emit {_header(step)}", step)]


def _pass(step: Step) -> list[str]:
    return [f"again by {step['by']}, port {step['port']}: {step['packet']}"]


def _copy(step: Step) -> list[str]:
    return [_placed(f"copy of {step['of']} {step['group']}: port {step['port']}, instance {step['instance']}", step)]


def _undefined(step: Step, controls: Mapping[str, str]) -> list[str]:
    """A value that is open: undefined, with what is read and its origin, or another choice (a random number, ...)."""
    origin = step.get("origin")
    value = f"taken to be {step['value']:#x}"
    if origin is None:
        return [_placed(f"  open: {step['reason']}, {value}", step)]
    control = controls.get(_where(step))
    named = f"the architecture reads {step['what']}" if step.get("what") else "the architecture reads what it needs"
    what = f"{source_text(step) or 'a value'} is read" if control is None else f"{named} as {control} left it"
    return [_placed(f"  UNDEFINED: {what}, {value}", step), _placed(f"    {origin['reason']}", origin)]


_STEPS: Final[dict[str, Callable[[Step], list[str]]]] = {
    "parser state": _parser_state,
    "extract": _extract,
    "control": _control,
    "if": _if,
    "assertion": _assertion,
    "assign": _assign,
    "header": _header_op,
    "call": _call,
    "table": _table,
    "emit": _emit,
    "pass": _pass,
    "copy": _copy,
    "reject": lambda step: [_placed(f"  rejected{f': {error}' if (error := step['error']) else ''}", step)],
    "exit": lambda step: [_placed("  exit", step)],
    "output": lambda step: [],
}
"""What each kind of step is printed as; what came out in the end is printed at the end."""


# --- values and places ----------------------------------------------------------------------------------------------


def value_text(name: str, value: Any, bits: int | None) -> str:
    """A value as people write it: an address if a name and a width say so, small numbers in decimal."""
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return _fields(value)
    if isinstance(value, list):
        return "[" + ", ".join(value_text(name, v, bits) for v in value) + "]"
    if not isinstance(value, int):
        return str(value)
    leaf = name.rpartition(".")[2]
    if bits == MAC_BITS:
        return ":".join(f"{byte:02x}" for byte in value.to_bytes(6, "big"))
    if bits == IPV4_BITS and _ADDRESS.search(leaf):
        return str(ipaddress.IPv4Address(value))
    if bits == IPV6_BITS and _ADDRESS.search(leaf):
        return str(ipaddress.IPv6Address(value))
    return str(value) if value < 10 else hex(value)


def _where(step: Step) -> str:
    where = step.get("where")
    return f"{where['file']}:{where['line']}" if where else ""


def _placed(text: str, step: Step) -> str:
    return f"{text}  ({_where(step)})" if _where(step) else text


def source_text(step: Step) -> str:
    """The source's words at a step's place, of several lines the first, where the file is there."""
    where = step.get("where")
    lines = _lines(where["file"]) if where else ()
    if not where or "end_line" not in where or where["line"] > len(lines):
        return ""
    line = str(lines[where["line"] - 1])
    if where["end_line"] == where["line"]:  # what a macro made has no place of its own within the line
        return line[where["column"] - 1 : where["end_column"] - 1].strip() or line.strip()
    return line[where["column"] - 1 :].strip() + " ..."


@lru_cache(maxsize=16)
def _lines(file: str) -> tuple[str, ...]:
    path = Path(file)
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_SOURCE:
            return ()
        return tuple(path.read_text(errors="replace").splitlines())
    except (OSError, ValueError):
        return ()
