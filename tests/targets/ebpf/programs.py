"""Small programs for tests of the eBPF lowering and fill-up, by hand or from text."""

from __future__ import annotations

from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Match, Rule
from p4verify.targets.ebpf import layout

ETHERNET = ir.HeaderType(
    "ethernet_t", (ir.Field("dst", ir.bits(48)), ir.Field("src", ir.bits(48)), ir.Field("type", ir.bits(16)))
)
IPV4 = ir.HeaderType(
    "ipv4_t",
    tuple(
        ir.Field(name, ir.bits(width))
        for name, width in (
            ("version", 4), ("ihl", 4), ("tos", 8), ("len", 16), ("id", 16), ("flags", 3), ("frag", 13), ("ttl", 8),
            ("proto", 8), ("sum", 16), ("src", 32), ("dst", 32),
        )
    ),
)  # fmt: skip
HEADERS = ir.StructType("headers_t", (ir.Field("eth", ETHERNET), ir.Field("ip", IPV4)))
PACKET_IN = ir.ExternType("packet_in")
ERRORS = ("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort", "ParserTimeout")


def member(base: ir.Expr, *names: str) -> ir.Expr:
    """``base.name.name...``, typed."""
    for name in names:
        type_ = base.type
        assert isinstance(type_, ir.HeaderType | ir.StructType)
        base = ir.Member(base, name, next(f.type for f in type_.fields if f.name == name))
    return base


def number(value: int, width: int) -> ir.Const:
    """A literal."""
    return ir.Const(value, ir.bits(width))


def extract(target: ir.Expr) -> ir.Stmt:
    """``packet.extract(target)``."""
    params = (ir.Param("hdr", target.type, "out"),)
    return ir.Do(ir.ExternCall("packet", "packet_in", "extract", (target.type,), (target,), params, ir.VOID, True))


def goto(state: str) -> ir.Transition:
    """``transition state``."""
    return ir.Transition((), (ir.SelectCase((), state),))


def select(key: ir.Expr, *cases: tuple[int | None, str]) -> ir.Transition:
    """``transition select(key) { value: state; ... }``; None is ``default``."""
    width = ir.width_of(key.type)
    return ir.Transition(
        (key,),
        tuple(
            ir.SelectCase((ir.AnySet() if value is None else ir.ValueSet(number(value, width)),), state)
            for value, state in cases
        ),
    )


def ethernet_ip_states(hdr: ir.Expr, other: str) -> tuple[ir.State, ...]:
    """Ethernet, then IPv4 where the type says so, else on to ``other``."""
    return (
        ir.State(
            "start", (extract(member(hdr, "eth")),), select(member(hdr, "eth", "type"), (0x800, "ip"), (None, other))
        ),
        ir.State("ip", (extract(member(hdr, "ip")),), goto("accept")),
    )


NO_ACTION = ir.Action("NoAction", "NoAction", (), ir.Block())


def ebpf_filter(
    body: tuple[ir.Stmt, ...],
    *,
    actions: tuple[ir.Action, ...] = (),
    tables: tuple[ir.Table, ...] = (),
    locals_: tuple[ir.Declare, ...] = (),
    headers: ir.StructType = HEADERS,
    states: tuple[ir.State, ...] | None = None,
    instances: tuple[ir.Instance, ...] = (),
    functions: tuple[ir.Function, ...] = (),
) -> ir.Program:
    """An ``ebpfFilter``; parameters are ``packet``, ``hdr`` and ``pass``."""
    hdr = ir.Var("hdr", headers)
    states = states if states is not None else ethernet_ip_states(hdr, "reject")
    parser = ir.Parser("main.prs", "prs", (ir.Param("packet", PACKET_IN), ir.Param("hdr", headers, "out")), (), states)
    control = ir.Control(
        "main.filt",
        "filt",
        (ir.Param("hdr", headers, "inout"), ir.Param("pass", ir.BOOL, "out")),
        locals_,
        (NO_ACTION, *actions),
        tables,
        ir.Block(body),
    )
    package = ir.Package("main", "ebpfFilter", (headers,), (("prs", "main.prs"), ("filt", "main.filt")))
    return ir.Program(
        "test.p4", "ebpf_model", ERRORS, ("exact", "lpm", "ternary"), (), functions, (NO_ACTION,), instances,
        (parser,), (control,), (package,), "main",
    )  # fmt: skip


HDR = ir.Var("hdr", HEADERS)
PASS = ir.Var("pass", ir.BOOL)
TRUE, FALSE = ir.Const(True, ir.BOOL), ir.Const(False, ir.BOOL)


def accept(value: ir.Expr) -> ir.Stmt:
    """``pass = value``."""
    return ir.Assign(PASS, value)


def acl(kinds: tuple[str, ...] = ("exact",), *, const_default: bool = False) -> ir.Program:
    """``pass`` is what table ``acl`` says of the IPv4 addresses (``exact`` or ``lpm`` keys dst, src); default: drop."""
    allow = ir.Action("allow", "filt.allow", (ir.Param("yes", ir.BOOL),), ir.Block((accept(ir.Var("yes", ir.BOOL)),)))
    drop = ir.Action("drop", "filt.drop", (), ir.Block((accept(FALSE),)))
    fields = ("dst", "src", "proto")
    table = ir.Table(
        "acl",
        "filt.acl",
        tuple(ir.Key(member(HDR, "ip", f), kind, f"hdr.ip.{f}") for f, kind in zip(fields, kinds, strict=False)),
        (ir.ActionRef("allow"), ir.ActionRef("drop"), ir.ActionRef("NoAction")),
        ir.BoundAction("drop"),
        const_default,
        size=64,
    )
    body = (accept(FALSE), ir.Do(ir.TableApply("acl", "", ir.VOID)))
    return ebpf_filter(body, actions=(allow, drop), tables=(table,))


# --- from text ------------------------------------------------------------------------------------------------------

CODE = """
#include <core.p4>
#include <ebpf_model.p4>
match_kind {{ range, optional }}
header h_t {{ {fields} }}
struct headers {{ h_t h; }}
parser prs(packet_in p, out headers hdr) {{ state start {{ p.extract(hdr.h); transition accept; }} }}
control filt(inout headers hdr, out bool ok) {{
    action yes(bit<12> narrow, bool flag, bit<48> wide) {{ ok = flag; }}
    action no() {{ ok = false; }}
    table t {{
        key = {{ {keys} }}
        actions = {{ yes; no; NoAction; }}
        {rest}
    }}
    apply {{ ok = true; t.apply(); }}
}}
ebpfFilter(prs(), filt()) main;
"""


def one_table(*keys: tuple[int, str], rest: str = "default_action = no();") -> ir.Program:
    """One table ``filt.t`` with keys of these widths and match kinds."""
    pad = -sum(width for width, _ in keys) % 8
    fields = "".join(f"bit<{width}> f{i}; " for i, (width, _) in enumerate(keys)) + (f"bit<{pad}> pad;" if pad else "")
    listed = "".join(f'hdr.h.f{i}: {kind} @name("k{i}"); ' for i, (_, kind) in enumerate(keys))
    return load_text(CODE.format(fields=fields, keys=listed, rest=rest), "t.p4").program


def table(*keys: tuple[int, str], rest: str = "default_action = no();") -> layout.TableLayout:
    """The layout of :func:`one_table`."""
    return layout.layouts(one_table(*keys, rest=rest))["filt.t"]


NO = ActionCall("no")


def rule(*matches: Match, call: ActionCall = NO) -> Rule:
    """A rule of :func:`one_table`."""
    return Rule("filt.t", matches, call)


V1_CODE = """
#include <core.p4>
#include <v1model.p4>
{types}
struct metadata {{ {metadata} }}
parser Prs(packet_in p, out headers hdr, inout metadata meta, inout standard_metadata_t std) {{ {states} }}
control Ver(inout headers hdr, inout metadata meta) {{ apply {{ }} }}
control Ing(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {{ {ingress} }}
control Egr(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {{ {egress} }}
control Upd(inout headers hdr, inout metadata meta) {{ {update} }}
control Dep(packet_out p, in headers hdr) {{ apply {{ {emits} }} }}
V1Switch(Prs(), Ver(), Ing(), Egr(), Upd(), Dep()) main;
"""


def v1_program(
    types: str, states: str, ingress: str, emits: str, *, metadata: str = "", egress: str = "", update: str = ""
) -> str:
    """A v1model program's text from its parts; ``ingress``, ``egress`` and ``update`` with locals and ``apply``."""
    nothing = "apply { }"
    return V1_CODE.format(
        types=types, states=states, ingress=ingress, emits=emits, metadata=metadata, egress=egress or nothing,
        update=update or nothing,
    )  # fmt: skip
