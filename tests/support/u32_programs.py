"""Random P4 programs of the sort that u32 can do: headers after Ethernet, conditions on fields, tables with entries."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text

TYPES = (0x0800, 0x86DD, 0x8100, 0x88A8, 0x0806, 0x05DC, 0x0003, 0x0600)
"""Ethernet types that the parsers ask for: tags and lengths among them."""

_EBPF = """
control Main(inout headers hdr, out bool pass) {{
    bool f = false; bit<8> n = 0; bit<16> w = 0;
    action yes() {{ pass = true; }}
    action no() {{ pass = false; }}
    action set(bit<8> value) {{ n = value; }}
    {tables}
    apply {{ pass = {start}; {body} }}
}}
ebpfFilter(Parse(), Main()) main;
"""
_V1MODEL = """
control V(inout headers hdr, inout meta m) {{ apply {{ }} }}
control Main(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{
    bool f = false; bit<8> n = 0; bit<16> w = 0;
    action yes() {{ sm.egress_spec = 7; }}
    action no() {{ mark_to_drop(sm); }}
    action set(bit<8> value) {{ n = value; sm.egress_spec = (bit<9>)value; }}
    {tables}
    apply {{ sm.egress_spec = {start}; {body} }}
}}
control E(inout headers hdr, inout meta m, inout standard_metadata_t sm) {{
    apply {{ if (sm.egress_port == 3) {{ mark_to_drop(sm); }} else {{ sm.egress_spec = 1; }} }}
}}
control C(inout headers hdr, inout meta m) {{ apply {{ }} }}
control D(packet_out packet, in headers hdr) {{ apply {{ packet.emit(hdr); }} }}
V1Switch(Parse(), V(), Main(), E(), C(), D()) main;
"""


@dataclass
class _Writer:
    random: random.Random
    v1model: bool
    headers: list[list[int]] = field(default_factory=list)
    """Widths of the fields of each header after Ethernet."""
    tables: list[str] = field(default_factory=list)

    def program(self) -> str:
        count = self.random.choice((0, 1, 1, 2, 2, 3))
        self.headers = [self._widths(8 * self.random.choice((1, 2, 3, 4, 4, 6, 7, 20))) for _ in range(count)]
        declared = ["header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }"]
        members = ["ethernet_t e;"]
        for i, widths in enumerate(self.headers):
            fields = " ".join(f"bit<{w}> f{j};" for j, w in enumerate(widths))
            declared.append(f"header h{i}_t {{ {fields} }}")
            members.append(f"h{i}_t h{i};")
        body = self._statements(3)
        main = (_V1MODEL if self.v1model else _EBPF).format(
            tables="\n    ".join(self.tables), body=body, start=self.random.choice(("1", "511", "2"))
            if self.v1model else self.random.choice(("true", "false")),
        )  # fmt: skip
        arch = "v1model" if self.v1model else "ebpf_model"
        params = "packet_in packet, out headers hdr"
        if self.v1model:
            params += ", inout meta m, inout standard_metadata_t sm"
        structs = f"struct headers {{ {' '.join(members)} }}" + (" struct meta { }" if self.v1model else "")
        return "\n".join(
            [
                *("#include <core.p4>", f"#include <{arch}.p4>", *declared, structs, f"parser Parse({params}) {{"),
                *(*self._states(), "}", main),
            ]
        )

    def _widths(self, bits: int) -> list[int]:
        widths = []
        while bits:
            widths.append(self.random.choice([w for w in (1, 3, 4, 5, 8, 13, 16, 32, 48) if w <= bits]))
            bits -= widths[-1]
        return widths

    def _states(self) -> list[str]:
        targets = [f"s{i}" for i in range(len(self.headers))]
        states = [f"state start {{ packet.extract(hdr.e); {self._transition('hdr.e.type', 16, targets, TYPES)} }}"]
        for i, widths in enumerate(self.headers):
            j = self.random.randrange(len(widths))
            later = self._transition(f"hdr.h{i}.f{j}", widths[j], targets[i + 1 :], ())
            states.append(f"state s{i} {{ packet.extract(hdr.h{i}); {later} }}")
        return states

    def _transition(self, key: str, width: int, targets: list[str], values: tuple[int, ...]) -> str:
        ends = [*targets, *targets, "accept", "reject"]
        if self.random.random() < 0.2 and not values:
            return f"transition {self.random.choice(ends)};"
        cases = ""
        for _ in range(self.random.randrange(1, 5)):
            value = self.random.choice(values) if values else self._number(width)
            other = self._number(width)
            keyset = self.random.choice(
                (f"{value}", f"{value}", f"{value} &&& {other}", f"{min(value, other)} .. {max(value, other)}")
            )
            cases += f"{keyset}: {self.random.choice(ends)}; "
        if self.random.random() < 0.7:
            cases += f"default: {self.random.choice(ends)}; "
        return f"transition select({key}) {{ {cases}}}"

    def _number(self, width: int) -> int:
        special = (
            0,
            1,
            (1 << width) - 1,
            1 << (width - 1),
            self.random.getrandbits(width),
            self.random.getrandbits(width),
        )
        return self.random.choice(special) & ((1 << width) - 1)

    def _field(self) -> tuple[str, int]:
        fields = [("hdr.e.dst", 48), ("hdr.e.src", 48), ("hdr.e.type", 16), ("n", 8)]
        for i, widths in enumerate(self.headers):
            fields += [(f"hdr.h{i}.f{j}", w) for j, w in enumerate(widths)] * 2
        return self.random.choice(fields)

    def _condition(self, depth: int) -> str:
        kind = self.random.randrange(9 if depth else 6)
        if kind == 0:
            return "f"
        if kind == 1:
            return self.random.choice([f"hdr.h{i}.isValid()" for i in range(len(self.headers))] + ["hdr.e.isValid()"])
        if kind < 6:
            name, width = self._field()
            if width > 4 and self.random.random() < 0.3:
                high = self.random.randrange(width)
                low = self.random.randrange(high + 1)
                name, width = f"{name}[{high}:{low}]", high - low + 1
            if self.random.random() < 0.2:
                name = f"({name} & {width}w{self._number(width)})"
            sides = [name, f"{width}w{self._number(width)}"]
            self.random.shuffle(sides)
            return f"{sides[0]} {self.random.choice(('==', '!=', '<', '<=', '>', '>=', '=='))} {sides[1]}"
        if kind == 6:
            return f"!({self._condition(depth - 1)})"
        return f"({self._condition(depth - 1)} {self.random.choice(('&&', '||'))} {self._condition(depth - 1)})"

    def _statements(self, depth: int) -> str:
        return " ".join(self._statement(depth) for _ in range(self.random.randrange(1, 3 if depth < 3 else 4)))

    def _statement(self, depth: int) -> str:
        kind = self.random.randrange(9)
        if kind < 3 and depth:
            then, other = (f"{{ {self._statements(depth - 1)} }}" for _ in range(2))
            return f"if ({self._condition(2)}) {then} else {other}"
        if kind < 6 and depth > 1 and len(self.tables) < 3:
            return self._table()
        if kind == 6:
            return f"f = {self._condition(1)};"
        return self.random.choice(("yes();", "no();", f"set({self.random.randrange(1, 200)});", "if (f) { exit; }"))

    def _table(self) -> str:
        keys = [
            (*self._field(), self.random.choice(("exact", "ternary", "ternary")))
            for _ in range(self.random.randrange(1, 4))
        ]
        if len(keys) == 1 and self.random.random() < 0.4:
            keys = [(*self._field(), "lpm")]
        name = f"t{len(self.tables)}"
        entries = dict.fromkeys(self._entry(keys) for _ in range(self.random.randrange(5)))
        lines = " ".join(f"{sets}: {self._call()};" for sets in entries)
        listed = " ".join(f'{n}: {kind} @name("k{i}");' for i, (n, _, kind) in enumerate(keys))
        default = self.random.choice((self._call(), "NoAction()"))
        self.tables.append(
            f"table {name} {{ key = {{ {listed} }} actions = {{ yes; no; set; NoAction; }}"
            f" const entries = {{ {lines} }} const default_action = {default}; }}"
        )
        match self.random.randrange(3):
            case 0:
                return f"{name}.apply();"
            case 1:
                return f"if ({name}.apply().hit) {{ {self._statements(0)} }}"
        return (
            f"switch ({name}.apply().action_run) {{ yes: {{ {self._statements(0)} }} set: {{ no(); }} default: {{ }} }}"
        )

    def _call(self) -> str:
        return self.random.choice(("yes()", "no()", f"set({self.random.randrange(1, 200)})"))

    def _entry(self, keys: list[tuple[str, int, str]]) -> str:
        sets = []
        for _, width, kind in keys:
            value = self._number(width)
            if kind == "exact":
                sets.append(f"{value}")
            elif kind == "lpm":
                mask = (1 << width) - (1 << self.random.randrange(width))
                sets.append(f"{value & mask} &&& {mask}")
            else:
                mask = self._number(width)
                sets.append(self.random.choice((f"{value & mask} &&& {mask}", "_", f"{value}")))
        return f"({', '.join(sets)})" if len(sets) > 1 else sets[0]


def source(seed: int, v1model: bool | None = None) -> str:
    """The text of a program; the same seed gives the same."""
    chance = random.Random(seed)
    return _Writer(chance, chance.random() < 0.5 if v1model is None else v1model).program()


def program(seed: int, v1model: bool | None = None) -> ir.Program:
    """The program of :func:`source`."""
    return load_text(source(seed, v1model), f"random{seed}.p4").program


def frames(seed: int, count: int) -> list[bytes]:
    """Frames that such programs tell apart: of all types, tagged and not, cut short at any length."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        addresses = bytes(chance.choice((0, 0xFF, chance.randrange(256))) for _ in range(12))
        tag = b"".join(
            chance.choice((b"\x81\x00", b"\x88\xa8")) + chance.randbytes(2)
            for _ in range(chance.choice((0, 0, 0, 1, 1, 2)))
        )
        kind = chance.choice(TYPES).to_bytes(2, "big")
        rest = bytes(chance.choice((0, 1, 0x80, 0xFF, chance.randrange(256))) for _ in range(60))
        made.append(
            (addresses + tag + kind + rest)[: chance.choice((14, 15, 18, 20, 22, 30, 34, 60, chance.randrange(14, 70)))]
        )
    return made
