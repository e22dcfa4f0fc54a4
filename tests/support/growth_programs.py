"""Programs that grow: N tables one after the other, N parser states, N headers, N entries; each in two equal versions.

The second version computes the same otherwise: other names of locals, actions and tables (the control plane's names
stay), independent statements in another order, sums turned round, a multiplication as a shift, tests the other way
round. So nothing of it is the first one's p4ast, and equality has to be found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Lines = list[str]


@dataclass(frozen=True)
class _Parts:
    """What goes into an architecture's frame."""

    headers: str = ""
    members: str = ""
    start: str = "transition accept;"
    states: str = ""
    declared: str = ""
    """Actions and tables of the control; they write ``m.x``, ``m.y`` and ``m.z``."""
    body: str = ""


_HEAD: Final = """#include <core.p4>
#include <{arch}.p4>
header ethernet_t {{ bit<48> dst; bit<48> src; bit<16> type; }}
{headers}
struct headers {{ ethernet_t e; {members} }}
struct meta {{ bit<16> x; bit<16> y; bit<8> z; }}
"""

_V1MODEL: Final = """
parser P(packet_in packet, out headers hdr, inout meta m, inout standard_metadata_t sm) {{
    state start {{ m.x = 0; m.y = 0; m.z = 0; packet.extract(hdr.e); {start} }}
    {states}
}}
control V(inout headers hdr, inout meta m) {{ apply {{ }} }}
control I(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{
    {declared}
    apply {{ {body} hdr.e.type = m.y; sm.egress_spec = (bit<9>)m.z; if (m.x == 7) {{ mark_to_drop(sm); }} }}
}}
control E(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta m) {{ apply {{ }} }}
control D(packet_out packet, in headers hdr) {{ apply {{ packet.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""

_EBPF: Final = """
parser P(packet_in packet, out headers hdr) {{
    state start {{ packet.extract(hdr.e); {start} }}
    {states}
}}
control F(inout headers hdr, out bool pass) {{
    meta m;
    {declared}
    apply {{ m.x = 0; m.y = 0; m.z = 0; {body} pass = m.x != 7; }}
}}
ebpfFilter(P(), F()) main;
"""


def _program(arch: str, parts: _Parts) -> str:
    frame = _V1MODEL if arch == "v1model" else _EBPF
    fields = {name: getattr(parts, name) for name in ("start", "states", "declared", "body")}
    return _HEAD.format(arch=arch, headers=parts.headers, members=parts.members) + frame.format(**fields)


def tables(n: int, other: bool = False, arch: str = "v1model") -> str:
    """N tables in sequence, of which each asks what the one before it has written."""
    declared, body = ["action none() { }"], []
    for i in range(n):
        if not other:
            declared.append(f"action next_{i}(bit<16> v) {{ m.x = v; m.y = m.y + hdr.e.type; }}")
            declared.append(
                f"table t_{i} {{ key = {{ m.x : exact; hdr.e.dst : exact; }} actions = {{ next_{i}; none; }} "
                "default_action = none(); }"
            )
            body.append(f"t_{i}.apply();")
            continue
        declared.append(f'@name("next_{i}") action step_{i}(@name("v") bit<16> value) {{'
                        " m.y = hdr.e.type + m.y; m.x = value; }")  # fmt: skip
        declared.append(
            f'@name("t_{i}") table stage_{i} {{ key = {{ asked_{i} : exact @name("m.x"); hdr.e.dst : exact; }} '
            f"actions = {{ none; step_{i}; }} default_action = none(); }}"
        )
        body.append(f"asked_{i} = m.x; if (!stage_{i}.apply().hit) {{ m.z = m.z; }}")
    local = [f"bit<16> asked_{i};" for i in range(n)] if other else []
    return _program(arch, _Parts(declared=" ".join(local + declared), body=" ".join(body)))


def states(n: int, other: bool = False, arch: str = "v1model") -> str:
    """A choice among N parser states, each of which takes one more header of its own meaning."""
    numbers = list(range(n))
    shown = reversed(numbers) if other else numbers
    if other:
        cases = " ".join(f"(_, 16w{i}): kind_{i};" for i in shown)
        choice = f"transition select(hdr.e.type & 1, hdr.e.type) {{ {cases} default: accept; }}"
    else:
        choice = "transition select(hdr.e.type) { " + " ".join(f"{i}: s_{i};" for i in shown) + " default: accept; }"
    name = "kind" if other else "s"
    made = " ".join(f"state {name}_{i} {{ packet.extract(hdr.h); transition done_{i % 4}; }}" for i in range(n))
    ends = " ".join(f"state done_{i} {{ transition accept; }}" for i in range(4))
    body = "if (!hdr.h.isValid()) { } else { m.y = hdr.h.a + hdr.e.type; m.x = hdr.h.a; }" if other else (
        "if (hdr.h.isValid()) { m.x = hdr.h.a; m.y = hdr.e.type + hdr.h.a; }"
    )  # fmt: skip
    return _program(arch, _Parts("header h_t { bit<16> a; }", "h_t h;", choice, f"{made} {ends}", body=body))


def headers(n: int, other: bool = False, arch: str = "v1model") -> str:
    """N headers of which each says whether another one follows."""
    start = "transition select(hdr.e.type) { 0x88B5: s_0; default: accept; }"
    declared = "header h_t { bit<8> more; bit<8> high; bit<16> low; }"
    members = " ".join(f"h_t h{i};" for i in range(n))
    made = []
    for i in range(n):
        after = f"s_{i + 1}" if i + 1 < n else "accept"
        test = f"(hdr.h{i}.more & 255) {{ 0: accept; _: {after}; }}" if other else (
            f"(hdr.h{i}.more) {{ 0: accept; default: {after}; }}"
        )  # fmt: skip
        made.append(f"state s_{i} {{ packet.extract(hdr.h{i}); transition select{test} }}")
    each = [
        f"if (hdr.h{i}.isValid()) {{ m.x = hdr.h{i}.low; hdr.h{i}.high = hdr.h{i}.high << 1; m.z = 1 + m.z; }}" if other
        else f"if (hdr.h{i}.isValid()) {{ m.z = m.z + 1; hdr.h{i}.high = hdr.h{i}.high * 2; m.x = hdr.h{i}.low; }}"
        for i in range(n)
    ]  # fmt: skip
    return _program(arch, _Parts(declared, members, start, " ".join(made), body=" ".join(each)))


def entries(n: int, other: bool = False, arch: str = "v1model") -> str:
    """A table of N constant entries, prefixes among them; the second version lists them from the end, where none
    overlaps another."""
    listed = [f"(48w{i} &&& 0xFFFF, 16w{2048 + i % 2}) : put({i % 250 + 8});" for i in range(n)]
    if other:
        listed.reverse()
    action = "action put(bit<16> v) { m.z = (bit<8>)v; m.x = v; }" if other else (
        "action put(bit<16> v) { m.x = v; m.z = v[7:0]; }"
    )  # fmt: skip
    table = (
        "table t { key = { hdr.e.dst : ternary; hdr.e.type : ternary; } actions = { put; none; } "
        f"const default_action = none(); const entries = {{ {' '.join(listed)} }} }}"
    )
    return _program(arch, _Parts(declared=f"action none() {{ }} {action} {table}", body="t.apply();"))


def rules(n: int, other: bool = False, arch: str = "v1model") -> str:
    """A table whose N entries come from a file of rules (:func:`rule_lines`)."""
    action = "action put(bit<16> v) { m.z = (bit<8>)v; m.x = v; }" if other else (
        "action put(bit<16> v) { m.x = v; m.z = v[7:0]; }"
    )  # fmt: skip
    control = "F" if arch == "ebpf_model" else "I"
    table = (
        f'@name("{control}.t") table t {{ key = {{ hdr.e.dst : exact; hdr.e.type : exact; }} '
        f"actions = {{ put; none; }} default_action = none(); size = {max(n, 1)}; }}"
    )
    return _program(arch, _Parts(declared=f"action none() {{ }} {action} {table}", body="t.apply();"))


def rule_lines(n: int, arch: str = "v1model") -> str:
    """N rules of :func:`rules` as BMv2 commands."""
    control = "F" if arch == "ebpf_model" else "I"
    return "".join(f"table_add {control}.t put {i * 7919} {2048 + i % 3} => {i % 250 + 8}\n" for i in range(n))


FAMILIES: Final[dict[str, Callable[..., str]]] = {
    "tables": tables, "states": states, "headers": headers, "entries": entries, "rules": rules,
}  # fmt: skip
"""What grows, by name."""
