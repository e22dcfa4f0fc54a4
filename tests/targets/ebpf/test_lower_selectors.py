"""Action selectors: groups and members in maps, proven for every rule set, and asked on the kernel."""

from __future__ import annotations

import binascii
from dataclasses import replace

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.commands.stf import Real
from p4verify.proofs.engine import Model
from p4verify.proofs.verdict import Verdict
from p4verify.realise import realise
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import ActionCall, Exact, GroupRef, Profile, Rule, RuleSet
from p4verify.semantics.source import InputError
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, Insn, asm
from p4verify.targets.ebpf.fillup import fill_maps
from p4verify.targets.ebpf.layout import layouts
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.targets.ebpf.programs import v1_program

TARGET = targets.find("ebpf")
XDP = {"hook": "xdp"}
TC = {"hook": "tc", "untagged": "1"}


def v1(ingress: str) -> ir.Program:
    """A v1model program with this ingress."""
    text = v1_program(
        "header h_t { bit<8> a; bit<8> b; } struct headers { h_t h; }",
        "state start { p.extract(hdr.h); transition accept; }", ingress, "p.emit(hdr.h);",
    )  # fmt: skip
    return load_text(text, "t.p4").program


def balancer(
    algorithm: str = "crc32", kind: str = "exact", selectors: str = "hdr.h.b: selector;",
    apply: str = "routes.apply();",
) -> ir.Program:  # fmt: skip
    """Sends a packet to one of a group's ports."""
    return v1(f"""
    action drop() {{ mark_to_drop(std); }}
    action via(bit<9> port, bit<8> mark) {{ std.egress_spec = port; hdr.h.b = mark; }}
    action_selector(HashAlgorithm.{algorithm}, 32w16, 32w16) hops;
    table routes {{
        key = {{ {selectors} hdr.h.a: {kind}; }}
        actions = {{ via; drop; }}
        implementation = hops;
        size = 32;
    }}
    apply {{ drop(); {apply} }}
""")


PSA = """
#include <core.p4>
#include <psa.p4>
header h_t { bit<16> a; bit<8> b; bit<8> c; }
struct headers { h_t h; }
struct empty { }
parser IP(packet_in p, out headers hdr, inout empty m, in psa_ingress_parser_input_metadata_t i, in empty r,
          in empty c) {
    state start { p.extract(hdr.h); transition accept; }
}
control I(inout headers hdr, inout empty m, in psa_ingress_input_metadata_t i, inout psa_ingress_output_metadata_t o) {
    ActionSelector(PSA_HashAlgorithm_t.CRC16, 32w64, 32w16) hops;
    action via(PortId_t port) { send_to_port(o, port); }
    action drop() { ingress_drop(o); }
    table first { key = { hdr.h.a: lpm; hdr.h.b: selector; } actions = { via; drop; } psa_implementation = hops; }
    table second { key = { hdr.h.c: exact; hdr.h.a: selector; } actions = { drop; via; } psa_implementation = hops; }
    apply { if (first.apply().miss) { second.apply(); } }
}
control ID(packet_out p, out empty c, out empty r, out empty n, inout headers hdr, in empty m,
           in psa_ingress_output_metadata_t o) { apply { p.emit(hdr.h); } }
parser EP(packet_in p, out headers hdr, inout empty m, in psa_egress_parser_input_metadata_t i, in empty n, in empty a,
          in empty b) { state start { p.extract(hdr.h); transition accept; } }
control E(inout headers hdr, inout empty m, in psa_egress_input_metadata_t i, inout psa_egress_output_metadata_t o) {
    apply { } }
control ED(packet_out p, out empty a, out empty b, inout headers hdr, in empty m, in psa_egress_output_metadata_t o,
           in psa_egress_deparser_input_metadata_t d) { apply { p.emit(hdr.h); } }
IngressPipeline(IP(), I(), ID()) ip;
EgressPipeline(EP(), E(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
"""


def proof(program: ir.Program, options: dict[str, str], rules: RuleSet | None = None) -> Verdict:
    checked = Checker(program, rules, timeout=60, machines_confirm=False).check_lowered(TARGET, options)
    return checked.proof.verdict


@pytest.mark.parametrize(
    ("program", "options"),
    [
        (balancer(), XDP),
        (balancer("crc16", "ternary"), TC),
        (balancer("identity", "lpm"), XDP),
        (balancer("csum16", "exact", "hdr.h.b: selector; hdr.h.a: selector;"), XDP),
        (balancer("random"), TC),
        (load_text(PSA, "psa.p4").program, XDP),
    ],
)
def test_it_is_proven_for_every_rule_set(program: ir.Program, options: dict[str, str]) -> None:
    assert proof(program, options) is Verdict.ACCEPT


@pytest.mark.parametrize("kind", ["exact", "ternary"])
def test_a_table_that_makes_no_difference_in_short_frames_is_proven(kind: str) -> None:
    """Found by a test program: the code asks for a key that the program does not depend on where the header is not
    there, and the answer was any number then, also those of no action, with which the code drops the packet."""
    text = v1_program(
        "header h_t { bit<112> eth; bit<8> a; bit<8> b; } struct headers { h_t h; }",
        "state start { p.extract(hdr.h); transition accept; }",
        f"""action mark(bit<8> value) {{ hdr.h.b = value; }}
        action_selector(HashAlgorithm.crc16, 32w16, 32w8) some;
        table t {{
            key = {{ hdr.h.a: {kind}; hdr.h.b: selector; }} actions = {{ mark; NoAction; }} implementation = some;
        }}
        apply {{ std.egress_spec = 1; t.apply(); }}""",
        "p.emit(hdr.h);",
    )
    assert proof(load_text(text, "t.p4").program, TC) is Verdict.ACCEPT


PORTS = (4, 5, 6)
RULES = RuleSet(
    {
        "Ing.routes": (
            Rule("Ing.routes", (Exact(1),), GroupRef("Ing.hops", 1 << 32)),
            Rule("Ing.routes", (Exact(2),), ActionCall("via", (9, 2))),
        )
    },
    {"Ing.routes": GroupRef("Ing.hops", 7)},
    profiles={
        "Ing.hops": Profile(
            {n: ActionCall("via", (port, 3)) for n, port in enumerate(PORTS)} | {8: ActionCall("drop")},
            {1 << 32: (0, 1, 2, 1), 7: (2, 8)},
        )
    },
)


def test_it_is_proven_for_given_groups() -> None:
    assert proof(balancer(), XDP, RULES) is Verdict.ACCEPT
    assert proof(balancer("xor16"), XDP, RULES) is Verdict.ACCEPT


def swapped(made: BpfObject, of: Insn, by: Insn, which: int = 0) -> BpfObject:
    """The object with another instruction in place of one like ``of``: the first, or that with this number."""
    code = made.program()
    at = [n for n, insn in enumerate(code.insns) if (insn.opcode, insn.imm) == (of.opcode, of.imm)][which]
    by = replace(by, dst=code.insns[at].dst, src=code.insns[at].src if by.opcode & 8 else by.src)
    return replace(made, programs=(replace(code, insns=(*code.insns[:at], by, *code.insns[at + 1 :])),))


@pytest.mark.parametrize(
    ("of", "by"),
    [
        (asm.alu("mod", asm.R1, asm.R2), asm.alu("xor", asm.R1, asm.R1)),
        (asm.alu("mod", asm.R1, asm.R2), asm.alu("and", asm.R1, 1)),
    ],
)
def test_code_that_picks_otherwise_is_rejected(of: Insn, by: Insn) -> None:
    program = balancer()
    damaged = swapped(lower(program, None, XDP), of, by)
    found = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, damaged, None).proof
    assert found.verdict is Verdict.REJECT
    assert found.counterexample is not None
    assert any(line.startswith("act_prof_create_group") for line in found.counterexample.rules)


def test_a_default_action_that_is_a_group_shows_how_it_picks() -> None:
    """Nothing else does where packets that hit are dropped; the model's default then differs by the selector's key."""
    program = balancer(apply="if (routes.apply().hit) { drop(); }")
    picks, first = asm.alu("mod", asm.R1, asm.R2), asm.alu("xor", asm.R1, asm.R1)
    damaged = swapped(lower(program, None, XDP), picks, first, -1)
    found = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, damaged, None).proof
    assert found.verdict is Verdict.REJECT, found.reason
    assert found.counterexample is not None
    assert any(line.startswith("table_indirect_set_default_with_group") for line in found.counterexample.rules)


def test_a_group_taken_for_no_group_is_rejected() -> None:
    program = balancer()
    made = lower(program, None, XDP)
    number = layouts(program)["Ing.routes"].group_number
    code = made.program()
    at = next(n for n, i in enumerate(code.insns) if i.opcode == 0x55 and i.imm == number)
    insns = (*code.insns[:at], replace(code.insns[at], imm=number + 1), *code.insns[at + 1 :])
    damaged = replace(made, programs=(replace(code, insns=insns),))
    found = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, damaged, None).proof
    assert found.verdict is Verdict.REJECT


COMMANDS = """
act_prof_create_member hops via 4 3
act_prof_create_member hops via 5 3
act_prof_create_member hops via 6 3
act_prof_create_group hops
act_prof_add_member_to_group hops 0 0
act_prof_add_member_to_group hops 1 0
act_prof_add_member_to_group hops 2 0
table_indirect_add_with_group routes 1 => 0
table_indirect_add routes 2 => 1
"""


@pytest.mark.parametrize("options", [XDP, TC])
def test_the_kernel_picks_as_the_standard_crc_says(kernel_oracle: KernelOracle, options: dict[str, str]) -> None:
    lines = [COMMANDS]
    for number in range(24):
        port = PORTS[binascii.crc32(bytes([7 * number])) % len(PORTS)]
        lines.append(f"packet 0 01 {7 * number:02x} {'00' * 30}\nexpect {port} 01 03 {'00' * 30} $")
    lines.append(f"packet 0 02 aa {'00' * 30}\nexpect 5 02 03 {'00' * 30} $")
    program, text = balancer(), "\n".join(lines)
    assert run_stf(program, text, "hops.stf").passed
    found = run_stf(program, text, "hops.stf", Real(program, TARGET, options, kernel_oracle))
    assert found.passed, found.mismatches


def test_groups_are_written_with_their_members() -> None:
    filled = fill_maps(balancer(), RULES)
    assert dict(filled["Ing_hops_groups"]) == {
        (1 << 32).to_bytes(8, "little"): (4).to_bytes(4, "little"),
        (7).to_bytes(8, "little"): (2).to_bytes(4, "little"),
    }
    place = (7).to_bytes(8, "little") + (1).to_bytes(4, "little")
    assert dict(filled["Ing_routes_members"])[place] == (2).to_bytes(4, "little") + bytes(3)


def test_more_members_than_there_is_room_for_are_refused() -> None:
    large = replace(RULES, profiles={"Ing.hops": Profile({0: ActionCall("drop")}, {1 << 32: (0,) * 9, 7: (0,) * 8})})
    with pytest.raises(InputError, match=r"17 members of groups, and action selector Ing\.hops has room for 16"):
        fill_maps(balancer(), large)


def test_a_selecting_key_without_a_selector_is_refused() -> None:
    program = v1("""
    action via(bit<9> port) { std.egress_spec = port; }
    table routes { key = { hdr.h.a: exact; hdr.h.b: selector; } actions = { via; } }
    apply { routes.apply(); }
""")
    with pytest.raises(CannotOffload, match="a key of kind selector in a table without an action selector"):
        lower(program, None, XDP)


def test_a_model_whose_default_is_a_group_becomes_rules() -> None:
    """What a miss does then differs by the selector's key; a group does that, and no one action."""
    program = balancer()
    relation = TARGET.relate(program, lower(program, None, XDP), None)
    table = "table.Ing.routes"
    asked = [b.apply(f"{table}.default.{what}", b.bit_vector(width), b.var(f"key{i}", 8))
             for what, width in (("action", 16), ("arg.via.port", 9)) for i in range(8)]  # fmt: skip
    model = Model(
        {f"key{i}": i for i in range(8)},
        {
            f"{table}.default_entry.grouped": {None: 1},
            f"{table}.default_entry.group": {None: 5},
            "selector.Ing.hops.count": {None: 4},
            f"{table}.member.action": {None: 0},
            f"{table}.member.arg.via.port": {(5 << 32 | place << 24,): place + 1 for place in range(4)},
        },
    )
    rules = realise(program, asked, model, relation)
    default = rules.defaults["Ing.routes"]
    assert isinstance(default, GroupRef)
    assert len(rules.members(default)) == 4
